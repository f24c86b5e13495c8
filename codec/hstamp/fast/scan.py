"""Kernel that finds the fields of one blob and applies every check to them.

It knows the usual form only: arrays of one block, lengths of up to three bytes. Where it answers
no, the plain path reads the blob and has the last word, so it never decides what is wrong.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import types

from ..container.blob import HEADER, MAX_BLOB
from ..layout import CORE_SIZE, MAX_LEVELS, MIN_LEVELS, RING_SIZE
from ..limits import (
    ID_LIMIT,
    MAX_PSF_SIZE,
    MAX_VERSION,
    MIN_VERSION,
    NAME_LIMIT,
    TEXT_LIMIT,
    cd_within,
    dec_within,
    offset_within,
    psf_within,
    ra_within,
    steps_within,
    unit_within,
)
from .decode import int16_at
from .jit import F8, I8, U1, inline, kernel, readable, writable

__all__ = [
    "BAND", "IDENTIFIER", "IMAGE", "IMAGE_F4", "KEY", "LEVELS", "MASK", "MASK_EMPTY", "MASK_WIDTH",
    "NAMES", "OFFSET", "PLACES", "PSF", "PSF_SIDE", "UNIT", "VARIANCE", "VARIANCE_F4", "WCS",
    "scan",
]  # fmt: skip

LEVELS, IMAGE_F4, VARIANCE_F4, MASK_WIDTH, MASK_EMPTY, PSF_SIDE, HAS_WCS = range(7)
KEY = 7
"""What stamps of one form agree in; `VARIANCE_F4` is -1, the width or side 0 without a plane."""
OFFSET, WCS, IMAGE, VARIANCE, MASK, PSF, NAMES, NAMES_STOP = range(KEY, KEY + 8)
"""First bytes of `dx`, of the WCS, of each plane's data and of the mask's names."""
IDENTIFIER, IDENTIFIER_STOP, BAND, BAND_STOP, UNIT, UNIT_STOP = range(KEY + 8, KEY + 14)
"""Where texts start and stop; both 0 where there is none."""
PLACES = KEY + 14
_HEADER = np.frombuffer(HEADER, np.uint8).copy()
_F4, _I2, _U1, _U2 = 0x6634, 0x6932, 0x7531, 0x7532
_LOG8 = 8
"""Encodings as `_encoding` tells them."""

_steps_within, _unit_within = inline(steps_within), inline(unit_within)
_offset_within, _psf_within = inline(offset_within), inline(psf_within)
_ra_within, _dec_within, _cd_within = inline(ra_within), inline(dec_within), inline(cd_within)


@inline
def _long(blob: Any, at: Any, end: int) -> tuple[Any, Any]:
    """Value and next position of a non-negative long; position -1 where it is none."""
    value: Any = 0
    shift = 0
    while shift < 21 and at < end:
        byte = np.int64(blob[at])
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value >> 1, (-1 if value & 1 else at)
        shift += 7
    return 0, -1


@inline
def _text(blob: Any, at: Any, end: int, shortest: int, longest: int, lowest: int) -> Any:
    """Position behind valid text [EN-10]; -1 where it is not."""
    count, at = _long(blob, at, end)
    if at < 0 or count < shortest or count > longest or count > end - at:
        return -1
    for i in range(at, at + count):
        if blob[i] < lowest or blob[i] > 0x7E:
            return -1
    return at + count


@inline
def _branch(blob: Any, at: int, end: int) -> Any:
    """Union branch, 0 or 1; -1 where it is neither."""
    if at >= end or (blob[at] != 0 and blob[at] != 2):
        return -1
    return np.int64(blob[at]) >> 1


@inline
def _f4(blob: Any, at: int, word: Any, number: Any) -> float:
    for i in range(4):
        word[i] = blob[at + i]
    return np.float64(number[0])


@inline
def _wcs(blob: Any, at: int, word: Any, single: Any, double: Any) -> Any:
    """Whether the 32 bytes of a WCS are valid [EN-11]."""
    for i in range(16):
        word[i] = blob[at + i]
    if not (_ra_within(double[0]) and _dec_within(double[1])):
        return False
    for i in range(16):
        word[i] = blob[at + 16 + i]
    return _cd_within(
        np.float64(single[0]), np.float64(single[1]), np.float64(single[2]), np.float64(single[3])
    )


@inline
def _floats(blob: Any, at: int, end: int, n: int, out: Any, word: Any, number: Any) -> int:
    """Position behind an array of one block of `n` floats, which go to `out`."""
    count, at = _long(blob, at, end)
    if at < 0 or count != n or 4 * count + 1 > end - at:
        return -1
    for k in range(n):
        out[k] = _f4(blob, at, word, number)
        at += 4
    return at + 1 if blob[at] == 0 else -1


@inline
def _encoding(blob: Any, at: int, end: int) -> tuple[Any, Any]:
    """First and last byte of an encoding's name as one number: 'i2', 'f4', 'u1', 'u2'; else 0."""
    if end - at >= 3 and blob[at] == 4:
        return np.int64(blob[at + 1]) * 256 + np.int64(blob[at + 2]), at + 3
    if (end - at >= 5 and blob[at] == 8 and blob[at + 1] == 0x6C and blob[at + 2] == 0x6F
            and blob[at + 3] == 0x67 and blob[at + 4] == 0x38):  # fmt: skip
        return _LOG8, at + 5
    return 0, at


@inline
def _data(blob: Any, at: int, end: int, count: int) -> int:
    """Position of `count` bytes behind their length; -1 where the length differs."""
    length, at = _long(blob, at, end)
    if at < 0 or length != count or length > end - at:
        return -1
    return at


@inline
def _f4_bad(blob: Any, at: int, count: int, negative: bool) -> bool:
    """Whether float32 values hold an infinity, or with `negative` a value below 0."""
    for i in range(at, at + 4 * count, 4):
        high = (np.int64(blob[i + 3]) << 8) | np.int64(blob[i + 2])
        low = (np.int64(blob[i + 1]) << 8) | np.int64(blob[i])
        magnitude = ((high & 0x7FFF) << 16) | low
        if magnitude == 0x7F800000:
            return True
        if negative and high & 0x8000 and 0 < magnitude < 0x7F800000:
            return True
    return False


@inline
def _names(blob: Any, at: Any, end: int, count: int) -> Any:
    """Position behind `count` distinct plane names; -1 where one is not valid [EN-7]."""
    first: Any = at
    for i in range(count):
        start = at
        # The comparison below reads lengths as the one byte that they normally take.
        if at >= end or blob[at] >= 0x80:
            return -1
        at = _text(blob, at, end, 1, NAME_LIMIT, 0x21)
        if at < 0:
            return -1
        other: Any = first
        for _ in range(i):
            length: Any = (np.int64(blob[other]) >> 1) + 1
            if length == at - start:
                same = True
                for j in range(length):
                    same &= blob[other + j] == blob[start + j]
                if same:
                    return -1
            other += length
    return at


@inline
def _scan(blob: Any, at: Any, end: int, places: Any, terms: Any, word: Any) -> Any:
    """Whether the record from `at` to `end` is valid and of the usual form; see `scan`."""
    single, double = word.view(np.float32), word.view(np.float64)
    version, at = _long(blob, at, end)
    if at < 0 or version < MIN_VERSION or version > MAX_VERSION:
        return False
    n, at = _long(blob, at, end)
    if at < 0 or n < MIN_LEVELS or n > MAX_LEVELS:
        return False
    places[LEVELS] = n
    size = CORE_SIZE + RING_SIZE * (n - 1)
    for i in range(2):
        branch = _branch(blob, at, end)
        if branch < 0:
            return False
        at += 1
        if branch:
            _, start = _long(blob, at, end)
            at = _text(blob, at, end, 0, TEXT_LIMIT if i else ID_LIMIT, 0x20)
            if at < 0:
                return False
            places[BAND if i else IDENTIFIER] = start
            places[BAND_STOP if i else IDENTIFIER_STOP] = at
    _, start = _long(blob, at, end)
    at = _text(blob, at, end, 1, TEXT_LIMIT, 0x20)
    if at < 0 or end - at < 9:
        return False
    places[UNIT], places[UNIT_STOP] = start, at
    places[OFFSET] = at
    dx, dy = _f4(blob, at, word, single), _f4(blob, at + 4, word, single)
    if not (_offset_within(dx) and _offset_within(dy)):
        return False
    at += 8
    branch = _branch(blob, at, end)
    at += 1
    if branch < 0:
        return False
    if branch:
        if end - at < 32 or not _wcs(blob, at, word, single, double):
            return False
        places[WCS] = at
        places[HAS_WCS] = 1
        at += 32

    encoding, at = _encoding(blob, at, end)
    if encoding == _I2:
        at = _floats(blob, at, end, n, terms[0], word, single)
        if at < 0:
            return False
        at = _floats(blob, at, end, n, terms[1], word, single)
        if at < 0:
            return False
        for k in range(n):
            if not _steps_within(terms[0, k], terms[1, k]):
                return False
        at = _data(blob, at, end, 2 * size)
        if at < 0:
            return False
        places[IMAGE] = at
        at += 2 * size
    elif encoding == _F4:
        if end - at < 2 or blob[at] != 0 or blob[at + 1] != 0:
            return False
        at = _data(blob, at + 2, end, 4 * size)
        if at < 0 or _f4_bad(blob, at, size, False):
            return False
        places[IMAGE] = at
        places[IMAGE_F4] = 1
        at += 4 * size
    else:
        return False

    branch = _branch(blob, at, end)
    at += 1
    if branch < 0:
        return False
    if branch:
        encoding, at = _encoding(blob, at, end)
        if (encoding != _LOG8 and encoding != _F4) or end - at < 4:
            return False
        terms[2, 0] = _f4(blob, at, word, single)
        width = 1 if encoding == _LOG8 else 4
        at = _data(blob, at + 4, end, width * size)
        if at < 0:
            return False
        if encoding == _LOG8:
            if not _unit_within(terms[2, 0]):
                return False
        elif _f4_bad(blob, at, size, True):
            return False
        places[VARIANCE] = at
        places[VARIANCE_F4] = 0 if encoding == _LOG8 else 1
        at += width * size

    branch = _branch(blob, at, end)
    at += 1
    if branch < 0:
        return False
    if branch:
        encoding, at = _encoding(blob, at, end)
        if encoding != _U1 and encoding != _U2:
            return False
        width = 1 if encoding == _U1 else 2
        count, at = _long(blob, at, end)
        if at < 0 or count < 1 or count > 8 * width:
            return False
        places[NAMES] = at
        at = _names(blob, at, end, count)
        places[NAMES_STOP] = at
        if at < 0 or at >= end or blob[at] != 0:
            return False
        at += 1
        places[MASK_WIDTH] = width
        if at < end and blob[at] == 0:
            places[MASK] = -1
            places[MASK_EMPTY] = 1
            at += 1
        else:
            at = _data(blob, at, end, width * size)
            if at < 0:
                return False
            low_limit = (0xFF << min(count, 8)) & 0xFF
            high_limit = (0xFF << max(count - 8, 0)) & 0xFF
            bits = blob[at : at + width * size]
            low = np.uint8(0)
            high = np.uint8(0)
            if width == 1:
                for i in range(np.uint64(size)):
                    low |= bits[i]
            else:
                for i in range(np.uint64(size)):
                    low |= bits[np.uint64(2) * i]
                    high |= bits[np.uint64(2) * i + np.uint64(1)]
            if low & low_limit or high & high_limit:
                return False
            places[MASK] = at
            at += width * size

    branch = _branch(blob, at, end)
    at += 1
    if branch < 0:
        return False
    if branch:
        encoding, at = _encoding(blob, at, end)
        if encoding != _I2:
            return False
        side, at = _long(blob, at, end)
        if at < 0 or side % 2 == 0 or side > MAX_PSF_SIZE:
            return False
        at = _data(blob, at, end, 2 * side * side)
        if at < 0:
            return False
        codes = blob[at : at + 2 * side * side]
        total: Any = np.int64(0)
        lowest: Any = np.int64(0)
        for i in range(np.uint64(side * side)):
            q = np.int64(int16_at(codes, np.uint64(2) * i))
            lowest = min(lowest, q)
            total += q
        if not _psf_within(total, lowest):
            return False
        places[PSF] = at
        places[PSF_SIDE] = side
        at += 2 * side * side
    return at == end


@kernel(types.void, readable(U1, 1), readable(I8, 1), I8, writable(I8, 2), writable(F8, 3))
def scan(data: Any, starts: Any, stop: int, places: Any, terms: Any) -> None:
    """Find and check everything in blobs that lie one behind another.

    Parameters
    ----------
    data : ndarray of uint8, shape (L,)
        Their bytes.
    starts : ndarray of int64, shape (B,)
        First byte of each; each ends where the next starts.
    stop : int
        Where the last ends.
    places : ndarray of int64, shape (PLACES, B)
        Receives what each stamp is like and where its parts lie in `data`; ``places[LEVELS]`` is 0
        where the plain reader must decide.
    terms : ndarray of float64, shape (3, B, MAX_LEVELS)
        Receives zero points and scales of an ``i2`` image, and first of the third row the unit of
        the variance.
    """
    word = np.empty(16, np.uint8)
    found = np.empty(PLACES, np.int64)
    count = starts.shape[0]
    for b in range(count):
        at = starts[b]
        end = starts[b + 1] if b + 1 < count else stop
        found[:] = 0
        found[VARIANCE_F4] = -1
        good = len(_HEADER) < end - at <= MAX_BLOB
        if good:
            for i in range(len(_HEADER)):
                good &= data[at + i] == _HEADER[i]
        if not (good and _scan(data, at + len(_HEADER), end, found, terms[:, b], word)):
            found[LEVELS] = 0
        for i in range(PLACES):
            places[i, b] = found[i]
