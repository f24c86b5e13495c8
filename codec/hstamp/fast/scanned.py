"""What the kernel `hstamp.fast.scan.scan` has found in blobs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ..container.blob import read_blob
from ..encodings.mask import MASK_ENCODINGS
from ..kept import kept
from ..planes import Encoded, Record, bytes_at
from .scan import (
    BAND,
    HAS_WCS,
    IDENTIFIER,
    IMAGE,
    IMAGE_F4,
    KEY,
    LEVELS,
    MASK,
    MASK_WIDTH,
    NAMES,
    OFFSET,
    PSF,
    PSF_SIDE,
    UNIT,
    VARIANCE,
    VARIANCE_F4,
    WCS,
)

__all__ = ["Scanned"]

Array = npt.NDArray[Any]
_MASK: Final = {width: name for name, width in MASK_ENCODINGS.items()}
_WCS: Final = np.dtype([("ra", "<f8"), ("dec", "<f8"), ("cd", "<f4", 4)])
_TEXTS: Final = {"id": IDENTIFIER, "band": BAND, "unit": UNIT}


class Scanned:
    """B blobs of one form, each valid: what they hold and where. A single stamp has B = 1.

    Parameters
    ----------
    data : ndarray of uint8, shape (L,)
        Bytes of the blobs.
    places : ndarray of int64, shape (PLACES, B)
    terms : ndarray of float64, shape (3, B, MAX_LEVELS)
        What `hstamp.fast.scan.scan` has noted.
    """

    def __init__(self, data: Array, places: Array, terms: Array) -> None:
        self.n: int = places.item(LEVELS, 0)
        self._data, self._places, self._terms = data, places, terms

    @kept
    def decided(self) -> Array:
        """Which blobs are valid, (B,)."""
        decided: Array = self._places[LEVELS] > 0
        return decided

    def uniform(self) -> bool:
        """Whether all are valid and of one form."""
        key = self._places[:KEY]
        return self.n > 0 and bool((key == key[:, :1]).all())

    def form(self) -> tuple[int, ...]:
        """What the first blob has in common with others of its form."""
        return tuple(self._places[:KEY, 0].tolist())

    def forms(self) -> list[tuple[Array, Scanned]]:
        """Valid blobs of each form."""
        rows = np.flatnonzero(self.decided)
        _, form = np.unique(self._places[:KEY, rows], axis=1, return_inverse=True)
        found: list[tuple[Array, Scanned]] = []
        for f in range(form.max(initial=-1) + 1):
            part = rows[form.ravel() == f]
            places, terms = (np.ascontiguousarray(a[:, part]) for a in (self._places, self._terms))
            found.append((part, Scanned(self._data, places, terms)))
        return found

    @kept
    def record(self) -> Record:
        """All fields of a blob that is alone, parsed when they are first asked for."""
        return read_blob(self._data.tobytes())

    def encoded(self, plane: str) -> Encoded | None:
        """One plane."""
        places, data, n = self._places, self._data, self.n
        if plane == "image":
            if places.item(IMAGE_F4, 0):
                return Encoded("f4", n, data, places[IMAGE])
            return Encoded("i2", n, data, places[IMAGE], self._terms)
        if plane == "variance":
            f4 = places.item(VARIANCE_F4, 0)
            if f4 < 0:
                return None
            if f4:
                return Encoded("f4", n, data, places[VARIANCE])
            return Encoded("log8", n, data, places[VARIANCE], self._terms[2:])
        if plane == "mask":
            width = places.item(MASK_WIDTH, 0)
            return Encoded(_MASK[width], n, data, places[MASK]) if width else None
        side = places.item(PSF_SIDE, 0)
        return Encoded("i2", side, data, places[PSF]) if side else None

    def columns(self) -> dict[str, Array]:
        """Numbers beside the planes, shape (B,), (B, 4) or (B, n)."""
        data, places = self._data, self._places
        offset = bytes_at(data, places[OFFSET], 8).view("<f4").reshape(-1, 2)
        columns: dict[str, Array] = {"dx": offset[:, 0], "dy": offset[:, 1]}
        if places.item(HAS_WCS, 0):
            wcs = bytes_at(data, places[WCS], 32).view(_WCS)
            columns |= {name: wcs[name] for name in ("ra", "dec", "cd")}
        if not places.item(IMAGE_F4, 0):
            columns |= {"zero": self._terms[0, :, : self.n], "scale": self._terms[1, :, : self.n]}
        if (f4 := places.item(VARIANCE_F4, 0)) >= 0:
            columns["unit"] = np.zeros(len(offset)) if f4 else self._terms[2, :, 0]
        columns["psf_size"] = places[PSF_SIDE]
        return columns

    def texts(self, name: str) -> list[str | None]:
        """Texts of each blob."""
        cut = self._cut(_TEXTS[name])
        known = {text: None if text is None else text.decode() for text in set(cut)}
        return [known[text] for text in cut]

    def units(self) -> list[str]:
        """Units of each image."""
        return [unit or "" for unit in self.texts("unit")]

    def names(self) -> list[tuple[str, ...]]:
        """Names of each mask's bits."""
        if not self._places.item(MASK_WIDTH, 0):
            return [()] * len(self._places[0])
        cut = self._cut(NAMES)
        known = {text: tuple(_names(text)) for text in set(cut) if text is not None}
        return [known[text] for text in cut if text is not None]

    def _cut(self, first: int) -> Sequence[bytes | None]:
        """Bytes of each blob between a place and the next; None where there are none."""
        starts, stops = self._places[first], self._places[first + 1]
        width = int(stops[0] - starts[0])
        if width and (stops - starts == width).all():
            # Printable text has no zero byte, which a type S would lose.
            equal: list[bytes] = bytes_at(self._data, starts, width).view(f"S{width}").tolist()
            return equal
        return [
            self._data[i:j].tobytes() if j else None
            for i, j in zip(starts.tolist(), stops.tolist(), strict=True)
        ]


def _names(text: bytes) -> Iterator[str]:
    """Names behind their lengths, which the kernel has found to be of one byte."""
    at = 0
    while at < len(text):
        stop = at + 1 + (text[at] >> 1)
        yield text[at + 1 : stop].decode()
        at = stop
