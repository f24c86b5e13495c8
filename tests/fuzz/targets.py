"""What is fuzzed: each target takes bytes and raises `AssertionError` when a promise is broken.

A target never fails because bytes are wrong: they are rejected with a code, or are a stamp that is
valid in every respect. Any other exception is a fault too.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from hstamp import FormatError, Stamp, decode_many, fast
from hstamp.container.blob import MAX_BLOB
from hstamp.container.ocf import OCF_MAGIC
from hstamp.errors import CODES
from hstamp.files import read_stamps

CONFORMANCE = Path(__file__).resolve().parents[1] / "conformance"
if str(CONFORMANCE) not in sys.path:
    sys.path.insert(0, str(CONFORMANCE))

import container_oracle  # noqa: E402
import oracle  # noqa: E402

Arrays = dict[str, Any]
DECODER_CODES = frozenset(CODES) - {"E_INPUT", "E_OUTPUT"}
ROWS = 6
"""Blobs in a batch, before edits."""
EDIT = 4
"""Bytes of one edit: row, position (2), value."""


def arrays_of(stamp: Stamp) -> Arrays:
    """Everything that a stamp says, with its promises checked."""
    n = stamp.n
    assert 2 <= n <= 8
    assert stamp.levels.shape == (n, 15, 15)
    assert stamp.levels.dtype == np.float32
    assert not np.isinf(stamp.levels).any()
    assert abs(stamp.dx) <= 0.5
    assert abs(stamp.dy) <= 0.5
    if stamp.variance is not None:
        assert stamp.variance.shape == (n, 15, 15)
        assert not np.isinf(stamp.variance).any()
        assert not (stamp.variance < 0).any()
    if stamp.mask is not None:
        assert stamp.mask.shape == (n, 15, 15)
        assert stamp.mask.dtype == np.uint16
        assert 1 <= len(set(stamp.mask_planes)) == len(stamp.mask_planes) <= 16
        assert not (stamp.mask.astype(int) >> len(stamp.mask_planes)).any()
    if stamp.psf is not None:
        side = len(stamp.psf)
        assert side % 2 == 1
        assert stamp.psf.shape == (side, side)
        assert np.isfinite(stamp.psf).all()
    return {
        "version": stamp.version,
        "levels": stamp.levels,
        "variance": stamp.variance,
        "mask": stamp.mask,
        "mask_planes": stamp.mask_planes,
        "psf": stamp.psf,
        "text": (stamp.id, stamp.band, stamp.flux_unit),
        "offset": (stamp.dx, stamp.dy),
        "wcs": stamp.wcs,
    }


def assert_same(one: Arrays, two: Arrays) -> None:
    """Bit for bit, NaN equal to NaN."""
    for name, value in one.items():
        other = two[name]
        if isinstance(value, np.ndarray) and value.dtype.kind == "f":
            assert isinstance(other, np.ndarray), name
            missing = np.isnan(value)
            assert np.array_equal(missing, np.isnan(other)), name
            same = value.view(np.uint32) == other.view(np.uint32)
            assert bool((same | missing).all()), name
        elif isinstance(value, np.ndarray):
            assert np.array_equal(value, other), name
        else:
            assert value == other, name


def outcome(data: bytes) -> Stamp | str:
    """Stamp of a blob, or the code of its rejection."""
    try:
        return Stamp.from_bytes(data)
    except FormatError as error:
        assert error.code in DECODER_CODES
        assert len(str(error)) < 1000, "a message carries the input"
        return error.code


def stamp(data: bytes) -> None:
    """One blob: both paths alike, and written back it is the same stamp."""
    with fast.numpy_only():
        plain = outcome(data)
        if isinstance(plain, Stamp):
            shown = arrays_of(plain)
            blob = plain.to_bytes()
            assert len(blob) <= min(len(data), MAX_BLOB)
            again = Stamp.from_bytes(blob)
            assert_same(shown, arrays_of(again))
            assert again.to_bytes() == blob
            assert_same(shown, arrays_of(Stamp.from_dict(plain.to_dict())))
            small = plain.cut(2)
            assert_same({"levels": shown["levels"][1:2]}, {"levels": small.levels[1:2]})
    quick = outcome(data)
    if isinstance(plain, Stamp):
        assert isinstance(quick, Stamp), quick
        assert_same(shown, arrays_of(quick))
    else:
        assert quick == plain


def batch_of(data: bytes) -> list[bytes]:
    """Blobs of a batch: the input's tail several times, changed by the edits before it."""
    edits = data[0] % 16 if data else 0
    start = 1 + edits * EDIT
    rows = [bytearray(data[start:]) for _ in range(ROWS)]
    for e in range(edits):
        edit = data[1 + e * EDIT : 1 + (e + 1) * EDIT]
        if len(edit) < EDIT:
            break
        row = rows[edit[0] % ROWS]
        if edit[0] & 0x80:
            del row[int.from_bytes(edit[1:3], "little") :]
        elif row:
            row[int.from_bytes(edit[1:3], "little") % len(row)] = edit[3]
    return [bytes(row) for row in rows]


def batch(data: bytes) -> None:
    """Many blobs at once and each alone: the same codes, the same bits, on both paths."""
    blobs = batch_of(data)
    with fast.numpy_only():
        alone = [outcome(blob) for blob in blobs]
        _compare_batch(blobs, alone)
    _compare_batch(blobs, alone)


def _compare_batch(blobs: list[bytes], alone: list[Stamp | str]) -> None:
    together = decode_many(blobs, errors="collect")
    codes = {i: one for i, one in enumerate(alone) if isinstance(one, str)}
    assert {i: error.code for i, error in together.errors.items()} == codes
    assert together.index.tolist() == [i for i in range(len(blobs)) if i not in codes]
    for row, i in enumerate(together.index.tolist()):
        one = alone[i]
        assert isinstance(one, Stamp)
        n = one.n
        assert together.n[row] == n
        shown: Arrays = {"levels": together.levels[row, :n] if together.levels is not None else 0}
        want: Arrays = {"levels": one.levels}
        for name in ("variance", "mask"):
            plane, single = getattr(together, name), getattr(one, name)
            if single is not None:
                shown[name], want[name] = plane[row, :n], single
        if one.psf is not None:
            side = len(one.psf)
            assert together.psf is not None
            shown["psf"], want["psf"] = together.psf[row, :side, :side], one.psf
        shown["text"] = (together.ids[row], together.bands[row], together.mask_planes[row])
        want["text"] = (one.id, one.band, one.mask_planes)
        shown["offset"] = (float(together.dx[row]), float(together.dy[row]))
        want["offset"] = (one.dx, one.dy)
        assert_same(want, shown)


def found_in(data: bytes) -> list[tuple[str | None, Stamp]] | str:
    """Stamps of any input of the container profile, or the code of its rejection."""
    try:
        return [(item.field, item.stamp) for item in read_stamps(io.BytesIO(data))]
    except FormatError as error:
        assert error.code in DECODER_CODES
        assert len(str(error)) < 1000, "a message carries the input"
        return error.code


def files(data: bytes) -> None:
    """Object container files and blobs: valid stamps or a code, in agreement with the oracle."""
    found = found_in(data)
    if not isinstance(found, str):
        for _, one in found[:20]:
            arrays_of(one)
    if len(data) > 20_000 or not data.startswith(OCF_MAGIC):
        return
    expected = second_opinion(data)
    if expected is not None and "E_SCHEMA" not in (expected, found):
        _compare_with_oracle(found, expected)


def plain(data: bytes) -> None:
    """One blob, decoded as the oracle of the conformance suite decodes it."""
    with fast.numpy_only():
        found = found_in(data)
    expected = second_opinion(data)
    assert expected is not None
    _compare_with_oracle(found, expected)


def second_opinion(data: bytes) -> list[dict[str, Any]] | str | None:
    """What the oracle says; None where it has no opinion (codecs and schemas beyond its reach)."""
    try:
        return container_oracle.decode(data)
    except oracle.Reject as reject:
        code: str = reject.args[0]
        return None if code == "E_CODEC" else code
    except Exception:
        if data.startswith(OCF_MAGIC):
            return None  # its schema parser is a sketch
        raise


def _compare_with_oracle(
    found: list[tuple[str | None, Stamp]] | str, expected: list[dict[str, Any]] | str
) -> None:
    if isinstance(found, str) or isinstance(expected, str):
        assert found == expected, f"codec {found!s:.80}, oracle {expected!s:.80}"
        return
    assert len(found) == len(expected)
    for (field, one), two in zip(found, expected, strict=True):
        assert field == (two["field"].decode() if isinstance(two["field"], bytes) else two["field"])
        assert (one.version, one.n) == (two["version"], two["levels"])
        want: Arrays = {"levels": np.array(two["image"], np.float32)}
        shown: Arrays = {"levels": one.levels}
        assert (one.variance is None) == (two["variance"] is None)
        assert (one.psf is None) == (two["psf"] is None)
        assert (one.mask is None) == (two["mask"] is None)
        if two["variance"] is not None:
            want["variance"], shown["variance"] = np.array(two["variance"], "f4"), one.variance
        if two["mask"] is not None:
            want["mask"], shown["mask"] = np.array(two["mask"]["data"]), one.mask
            assert list(one.mask_planes) == two["mask"]["planes"]
        if two["psf"] is not None:
            want["psf"], shown["psf"] = np.array(two["psf"]["data"], np.float32), one.psf
        assert_same(want, shown)


TARGETS: dict[str, Callable[[bytes], None]] = {
    "stamp": stamp,
    "batch": batch,
    "files": files,
    "plain": plain,
}
"""Name to target; the first line of its docstring says what is tested."""
