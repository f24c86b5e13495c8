"""Answers of Appendix C: parsing what a decoder wrote, before anything is compared."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from .vectors import Profile

Status = Literal["decoded", "rejected", "unsupported"]
METADATA = ("field", "version", "levels", "id", "band", "fluxUnit", "dx", "dy")


class BadOutputError(ValueError):
    """The answer is not what Appendix C asks for."""


@dataclass(frozen=True)
class Answer:
    """A decoder's parsed answer: `stamps` when decoded, `code` when rejected."""

    status: Status
    stamps: tuple[Mapping[str, Any], ...] = ()
    code: str | None = None


def parse_json(raw: bytes) -> Mapping[str, Any]:
    """One JSON object, or `BadOutputError` that says where it breaks off."""
    try:
        value = json.loads(raw.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise BadOutputError(f"output is not UTF-8 at byte {error.start}") from error
    except json.JSONDecodeError as error:
        what = "output is empty" if not raw.strip() else f"output is not JSON: {error}"
        raise BadOutputError(what) from error
    except (RecursionError, ValueError) as error:
        raise BadOutputError(f"output is not usable JSON: {error}") from error
    if not isinstance(value, dict):
        raise BadOutputError(f"output is a JSON {type(value).__name__}, not an object")
    return value


def parse_rejection(value: Mapping[str, Any]) -> Answer:
    """`{"error": "E_..."}`."""
    code = value.get("error")
    if not isinstance(code, str):
        raise BadOutputError('rejected without {"error": "<code>"}')
    return Answer("rejected", code=code)


def parse_decoded(value: Mapping[str, Any], profile: Profile) -> Answer:
    """`{"stamps": [...]}` with planes turned into arrays."""
    stamps = value.get("stamps")
    if not isinstance(stamps, list | tuple):
        raise BadOutputError('decoded without "stamps": [...]')
    return Answer("decoded", tuple(_stamp(s, i, profile) for i, s in enumerate(stamps)))


def _stamp(value: Any, index: int, profile: Profile) -> Mapping[str, Any]:
    where = f"stamps[{index}]"
    if not isinstance(value, Mapping):
        raise BadOutputError(f"{where} is not an object")
    names = METADATA + (("wcs", "image") if profile == "core" else _ALL[len(METADATA) :])
    out = {}
    for name in names:
        if name not in value:
            raise BadOutputError(f"{where} has no {name!r}")
        out[name] = value[name]
    n = out["levels"]
    if isinstance(n, bool) or not isinstance(n, int | float) or n not in range(2, 9):
        raise BadOutputError(f"{where}.levels is {n!r}")
    for name in ("version", "dx", "dy"):
        _number(out[name], f"{where}.{name}")
    if out["wcs"] is not None:
        _check_wcs(out["wcs"], where)
    shape = (int(n), 15, 15)
    out["image"] = _array(out["image"], "<f4", shape, f"{where}.image")
    if profile == "core":
        return out
    if out["variance"] is not None:
        out["variance"] = _array(out["variance"], "<f4", shape, f"{where}.variance")
    if out["mask"] is not None:
        mask = _object(out["mask"], ("planes", "data"), f"{where}.mask")
        data = _array(mask["data"], "<u2", shape, f"{where}.mask.data")
        out["mask"] = {"planes": list(mask["planes"]), "data": data}
    if out["psf"] is not None:
        psf = _object(out["psf"], ("size", "data"), f"{where}.psf")
        size = psf["size"]
        _number(size, f"{where}.psf.size")
        if size not in range(1, 128):
            raise BadOutputError(f"{where}.psf.size is {size!r}")
        side = int(size)
        data = _array(psf["data"], "<f4", (side, side), f"{where}.psf.data")
        out["psf"] = {"size": side, "data": data}
    return out


_ALL = (*METADATA, "wcs", "image", "variance", "mask", "psf")


def _number(value: Any, where: str) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float | np.number):
        raise BadOutputError(f"{where} is {value!r}, not a number")


def _object(value: Any, keys: tuple[str, ...], where: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping) or any(key not in value for key in keys):
        raise BadOutputError(f"{where} is not an object with {', '.join(keys)}")
    return value


def _check_wcs(value: Any, where: str) -> None:
    wcs = _object(value, ("ra", "dec", "cd"), f"{where}.wcs")
    _number(wcs["ra"], f"{where}.wcs.ra")
    _number(wcs["dec"], f"{where}.wcs.dec")
    if not isinstance(wcs["cd"], list | tuple) or len(wcs["cd"]) != 4:
        raise BadOutputError(f"{where}.wcs.cd does not have four numbers")
    for i, element in enumerate(wcs["cd"]):
        _number(element, f"{where}.wcs.cd[{i}]")


def _array(value: Any, dtype: str, shape: tuple[int, ...], where: str) -> np.ndarray[Any, Any]:
    """Base64 text, or an array from an in-process decoder, as an array of `shape`."""
    if isinstance(value, np.ndarray):
        if value.shape != shape or value.dtype != np.dtype(dtype):
            raise BadOutputError(
                f"{where} is {value.dtype} {value.shape}, not {np.dtype(dtype)} {shape}"
            )
        return value
    if not isinstance(value, str):
        raise BadOutputError(f"{where} is a JSON {type(value).__name__}, not base64 text")
    try:
        raw = base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadOutputError(f"{where} is not base64: {error}") from error
    wanted = int(np.prod(shape)) * np.dtype(dtype).itemsize
    if len(raw) != wanted:
        raise BadOutputError(f"{where} has {len(raw)} bytes, not {wanted}")
    return np.frombuffer(raw, dtype).reshape(shape)
