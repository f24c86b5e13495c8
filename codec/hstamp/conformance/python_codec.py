"""The Python codec as a decoder and an encoder under test (Appendix C of the specification).

``python -m hstamp.conformance.python_codec decode [--jsonl]`` and ``... encode`` speak the
protocol, so that the codec is judged as any other program is.
"""

from __future__ import annotations

import base64
import io
import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..errors import HstampError, InputError, MissingExtraError
from ..files import read_stamps
from ..planes import Wcs
from ..stamp import Stamp, encode

__all__ = ["decode", "encode_request", "main"]


def decode(data: bytes) -> dict[str, Any]:
    """Decode one input of the container profile to the object of Appendix C, planes as arrays.

    Parameters
    ----------
    data : bytes
        A blob or an object container file.

    Returns
    -------
    dict
        ``{"stamps": [...]}``.

    Raises
    ------
    hstamp.FormatError
        With the error code.
    """
    return {"stamps": [_stamp(item.stamp, item.field) for item in read_stamps(io.BytesIO(data))]}


def _stamp(stamp: Stamp, field: str | None) -> dict[str, Any]:
    wcs, mask, psf = stamp.wcs, stamp.mask, stamp.psf
    return {
        "field": field,
        "version": stamp.version,
        "levels": stamp.n,
        "id": stamp.id,
        "band": stamp.band,
        "fluxUnit": stamp.flux_unit,
        "dx": stamp.dx,
        "dy": stamp.dy,
        "wcs": None
        if wcs is None
        else {
            "ra": wcs.ra,
            "dec": wcs.dec,
            "cd": [wcs.cd1_1, wcs.cd1_2, wcs.cd2_1, wcs.cd2_2],
        },
        "image": stamp.levels,
        "variance": stamp.variance,
        "mask": None if mask is None else {"planes": list(stamp.mask_planes), "data": mask},
        "psf": None if psf is None else {"size": psf.shape[0], "data": psf},
    }


def _text(value: Any) -> Any:
    """JSON default: arrays as base64 of their little-endian bytes."""
    if isinstance(value, np.ndarray):
        raw = value.astype(value.dtype.newbyteorder("<")).tobytes()
        return base64.b64encode(raw).decode("ascii")
    raise TypeError(f"{type(value).__name__} has no place in an answer")


def answer(data: bytes) -> tuple[int, dict[str, Any]]:
    """Exit status and object for one input."""
    try:
        return 0, decode(data)
    except MissingExtraError:
        return 2, {}
    except HstampError as error:
        return 1, {"error": error.code}


def _array(value: Mapping[str, Any], dtype: str) -> np.ndarray[Any, Any]:
    raw = base64.b64decode(value["data"], validate=True)
    try:
        return np.frombuffer(raw, dtype).reshape(value["shape"])
    except ValueError as error:
        raise InputError(f"shape {value['shape']} does not fit the data: {error}") from error


def encode_request(request: Mapping[str, Any]) -> bytes:
    """Encode a parent given as the encoder's request of Appendix C.

    Raises
    ------
    hstamp.InputError
        The request cannot be encoded.
    """
    options: dict[str, Any] = {}
    for key, name in (("band", "band"), ("fluxUnit", "flux_unit"), ("id", "id")):
        if request.get(key) is not None:
            options[name] = request[key]
    if request.get("variance") is not None:
        options["variance"] = _array(request["variance"], "<f4")
        if "varianceEncoding" in request:
            options["variance_encoding"] = request["varianceEncoding"]
    if request.get("mask") is not None:
        options["mask"] = _array(request["mask"], "<u2")
        options["mask_planes"] = request["mask"]["planes"]
    if request.get("psf") is not None:
        options["psf"], options["psf_size"] = _array(request["psf"], "<f4"), None
    if request.get("wcs") is not None:
        wcs = request["wcs"]
        options["wcs"] = Wcs(wcs["ra"], wcs["dec"], *wcs["cd"])
    stamp = encode(
        _array(request["image"], "<f4"),
        request["x"],
        request["y"],
        levels=request["levels"],
        encoding=request["encoding"],
        **options,
    )
    return stamp.to_bytes()


def _serve() -> int:
    """Long-lived mode: one JSON line in, one out."""
    for line in sys.stdin.buffer:
        question = json.loads(line)
        status, value = answer(base64.b64decode(question["data"]))
        word = ("decoded", "rejected", "unsupported")[status]
        reply = {"id": question["id"], "status": word} | value
        sys.stdout.write(json.dumps(reply, default=_text) + "\n")
        sys.stdout.flush()
    return 0


def main(argv: Sequence[str] | None = None) -> int:
    """Serve one protocol on standard input and output; return the exit status."""
    words = list(sys.argv[1:] if argv is None else argv)
    if words == ["decode", "--jsonl"]:
        return _serve()
    if words == ["decode"]:
        status, value = answer(sys.stdin.buffer.read())
        sys.stdout.write(json.dumps(value, default=_text) + "\n")
        return status
    if words == ["encode"]:
        try:
            blob = encode_request(json.loads(sys.stdin.buffer.read()))
        except HstampError as error:
            sys.stdout.write(json.dumps({"error": error.code}) + "\n")
            return 1
        sys.stdout.buffer.write(blob)
        return 0
    sys.stderr.write("usage: python -m hstamp.conformance.python_codec decode [--jsonl] | encode\n")
    return 64


if __name__ == "__main__":
    raise SystemExit(main())
