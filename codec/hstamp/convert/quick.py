"""Cutouts as LSST and ZTF really write them, scanned card by card without a FITS library.

A general reader spends milliseconds on a cutout's three headers; these hold the same few cards in
the same order. The scan is strict: a card, a value or an order that it does not know, a size that
does not fit, and it gives nothing, so that the general reader decides. What it gives has the parts
of an HDU that `hstamp.convert.hdus` uses, and the same values (FITS standard 4.0, Sections 3.3,
4.1 and 4.4.1).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final

import numpy as np
import numpy.typing as npt

__all__ = ["QuickHdu", "scan_fits"]

_BLOCK: Final = 2880
_CARD: Final = 80
_MAX_BLOCKS: Final = 4
"""Blocks of the longest header that is scanned: 144 cards."""
_MAX_SIDE: Final = 1024
_MAX_HDUS: Final = 4
_DTYPES: Final[dict[int, np.dtype[Any]]] = {
    -32: np.dtype(">f4"),
    -64: np.dtype(">f8"),
    16: np.dtype(">i2"),
    32: np.dtype(">i4"),
}
_VALUE: Final = re.compile(
    rb"=\s+(?:'((?:[^'/]|'')*)'|([TF])|([+-]?\d{1,18})|([+-]?\d{1,18}\.\d{0,18}(?:E[+-]?\d{1,3})?))"
    rb" *(?:/[ -~]*)?"
)
_FIRST: Final = (b"BITPIX  ", b"NAXIS   ", b"NAXIS1  ", b"NAXIS2  ")
_KNOWN: Final = frozenset((
    "SIMPLE", "XTENSION", "BITPIX", "NAXIS", "NAXIS1", "NAXIS2", "EXTEND", "PCOUNT", "GCOUNT",
    "EXTNAME", "UTYPE", "BUNIT", "WCSAXES", "CRPIX1", "CRPIX2", "CRVAL1", "CRVAL2",
    "PC1_1", "PC1_2", "PC2_1", "PC2_2", "CDELT1", "CDELT2", "LATPOLE", "MJDREF",
    "CUTMINX", "CUTMINY", "ROTPA", "SSNRMS", "DSNRMS", "DSDIFF",
))  # fmt: skip

Value = int | float | bool | str


@dataclass(frozen=True)
class QuickHdu:
    """An image HDU of a scanned cutout.

    Attributes
    ----------
    name : str
        EXTNAME, or ``PRIMARY``.
    header : mapping of str to value
        Its cards.
    section : ndarray, shape (NAXIS2, NAXIS1)
        Its pixels, big-endian, read where they lie.
    """

    name: str
    header: Mapping[str, Value]
    section: npt.NDArray[Any]

    @property
    def shape(self) -> tuple[int, ...]:
        """Rows and columns."""
        return self.section.shape


def scan_fits(data: bytes) -> tuple[QuickHdu, ...] | None:
    """HDUs of a plain cutout; None where a general reader must decide.

    Parameters
    ----------
    data : bytes
        A FITS file of two-dimensional images, uncompressed.
    """
    found: list[QuickHdu] = []
    at = 0
    while at < len(data):
        stop = _header_end(data, at)
        header = None if stop is None else _cards(data[at:stop], not found)
        if stop is None or header is None or len(found) == _MAX_HDUS:
            return None
        dtype: np.dtype[Any] = _DTYPES[int(header["BITPIX"])]
        rows, columns = int(header["NAXIS2"]), int(header["NAXIS1"])
        size = rows * columns * dtype.itemsize
        at = stop + -(-size // _BLOCK) * _BLOCK
        if at > len(data):
            return None
        pixels = np.frombuffer(data, dtype, rows * columns, stop).reshape(rows, columns)
        found.append(QuickHdu(str(header.get("EXTNAME", "PRIMARY")), header, pixels))
    return tuple(found) or None


def _header_end(data: bytes, at: int) -> int | None:
    """Where the header that starts at a byte ends, in whole blocks."""
    for stop in range(at + _BLOCK, min(len(data), at + _MAX_BLOCKS * _BLOCK) + 1, _BLOCK):
        block = data[stop - _BLOCK : stop]
        text = block.rstrip(b" ")
        # END is the last card, and nothing but blanks fills its block.
        if text.endswith(b"END") and (len(text) - 3) % _CARD == 0:
            return stop
    return None


@lru_cache(maxsize=256)
def _cards(block: bytes, primary: bool) -> Mapping[str, Value] | None:
    """Cards of a header; None for one that is not of the kinds known here.

    The headers of variance and PSF are the same in alert after alert, so that few are read twice.
    """
    header: dict[str, Value] = {}
    for start in range(0, len(block), _CARD):
        card = block[start : start + _CARD]
        if card.startswith(b"END"):
            if block[start + 3 :].strip(b" "):
                return None
            break
        key = card[:8].rstrip(b" ").decode("latin-1")
        match = _VALUE.fullmatch(card[8:].rstrip(b" "))
        if match is None or key not in _KNOWN or key in header:
            return None
        header[key] = _value(match)
    return MappingProxyType(header) if _plain(header, block, primary) else None


def _value(match: re.Match[bytes]) -> Value:
    text, logical, integer, number = match.groups()
    if integer is not None:
        return int(integer)
    if number is not None:
        return float(number)
    if logical is not None:
        return logical == b"T"
    found: bytes = text
    return found.replace(b"''", b"'").rstrip(b" ").decode("ascii", "replace")


def _plain(header: dict[str, Value], block: bytes, primary: bool) -> bool:
    """Whether a header begins as an image of two axes must, and states sizes as integers."""
    keys = tuple(block[start : start + 8] for start in range(_CARD, 5 * _CARD, _CARD))
    opening = header.get("SIMPLE") is True if primary else header.get("XTENSION") == "IMAGE"
    first = b"SIMPLE  " if primary else b"XTENSION"
    sides = (header.get("NAXIS1"), header.get("NAXIS2"))
    return (
        opening
        and block.startswith(first)
        and keys == _FIRST
        and type(header["BITPIX"]) is int
        and header["BITPIX"] in _DTYPES
        and header["NAXIS"] == 2
        and all(type(side) is int and 1 <= side <= _MAX_SIDE for side in sides)
        and header.get("PCOUNT", 0) == 0
        and header.get("GCOUNT", 1) == 1
    )
