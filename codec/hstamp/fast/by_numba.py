"""The arithmetic through the compiled kernels; importing this loads or compiles them."""

from __future__ import annotations

from functools import cached_property
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ..container.blob import HEADER, MAX_BLOB, read_blob
from ..encodings.image import MAD_TO_SIGMA, Steps
from ..encodings.mask import MASK_ENCODINGS
from ..encodings.variance import LEVEL_VALUES, MIDPOINTS
from ..layout import GRID, MAX_LEVELS, size_of
from ..planes import Encoded, Record
from . import decode, pyramid, quantise
from .protocol import Codes, Means, Valid
from .scan import (
    IMAGE_F4,
    IMAGE_START,
    LEVELS,
    MASK_START,
    MASK_WIDTH,
    PLACES,
    PSF_SIZE,
    PSF_START,
    VARIANCE_F4,
    VARIANCE_START,
    scan,
)

__all__ = ["Compiled", "Scanned"]

Array = npt.NDArray[Any]
_TERMS: Final = (3, 1, MAX_LEVELS)
_MASK: Final = {width: name for name, width in MASK_ENCODINGS.items()}


class Compiled:
    """`hstamp.fast.protocol.Kernels` by compiled kernels, which read parents where they lie."""

    in_place = True

    def means(self, image: Array, rows: Array, columns: Array, n: int) -> Means:
        """Levels and stored values of windows within parents, and which rows are clean."""
        clean = np.zeros((len(rows), GRID << (n - 2)), dtype=np.bool_)
        levels, stored = _outputs(len(rows), n)
        pyramid.means_of(image, image, rows, columns, False, clean, levels, stored)
        return Means(levels, stored, clean)

    def variances(
        self, image: Array, spread: Array, rows: Array, columns: Array, n: int, clean: Array | None
    ) -> Array:
        """Stored variances of windows within parents."""
        if clean is None:
            clean = np.zeros((len(rows), GRID << (n - 2)), dtype=np.bool_)
        levels, stored = _outputs(len(rows), n)
        pyramid.means_of(image, spread, rows, columns, True, clean, levels, stored)
        return stored

    def bits(self, mask: Array, rows: Array, columns: Array, n: int) -> Array:
        """Stored bits of windows within parents."""
        stored = np.empty((len(rows), size_of(n)), dtype=np.uint16)
        pyramid.bits_of(mask, rows, columns, n, stored)
        return stored

    def noise_of_variance(self, stored: Array, n: int) -> Array:
        """Noise of each level from its variances."""
        noise = np.empty((len(stored), n))
        quantise.noise_of_variance(stored, noise)
        return noise

    def noise_of_levels(self, levels: Array) -> Array:
        """Noise of each level from its pixels."""
        noise = np.empty(levels.shape[:2])
        quantise.noise_of_levels(levels, MAD_TO_SIGMA, noise)
        return noise

    def codes_i2(self, stored: Array, noise: Array, step: float) -> Codes:
        """Steps and codes of images."""
        zero, scale = np.empty(noise.shape), np.empty(noise.shape)
        codes = np.empty(stored.shape, dtype=np.int16)
        fits, coarse = (np.empty(len(stored), dtype=np.bool_) for _ in range(2))
        quantise.codes_i2(stored, noise, step, zero, scale, fits, coarse, codes)
        return Codes(Steps(zero, scale, fits, coarse), codes)

    def codes_log8(self, stored: Array, n: int) -> tuple[Array, Array]:
        """Units and codes of variances."""
        unit, codes = np.empty(len(stored)), np.empty(stored.shape, dtype=np.uint8)
        quantise.codes_log8(stored, MIDPOINTS, unit, codes)
        return unit, codes

    def decode(self, plane: str, encoded: Encoded) -> Array:
        """Levels of a plane."""
        encoding, n, rows, start, terms = encoded
        count = len(rows)
        out: Array
        if plane == "psf":
            out = np.empty((count, n, n), dtype=np.float32)
            decode.psf_i2(rows, start, out)
            return out
        if plane == "mask":
            if start < 0:
                return np.zeros((count, n, GRID, GRID), dtype=np.uint16)
            out = np.empty((count, n, GRID, GRID), dtype=np.uint16)
            decode.mask_levels(rows, start, MASK_ENCODINGS[encoding], out)
            return out
        out = np.empty((count, n, GRID, GRID), dtype=np.float32)
        if encoding == "i2":
            decode.image_i2(rows, start, terms, out)
        elif encoding == "log8":
            decode.levels_log8(rows, start, terms, LEVEL_VALUES, out)
        else:
            decode.levels_f4(rows, start, plane == "variance", out)
        return out

    def scan(self, blob: bytes) -> Valid | None:
        """Find and check everything in a blob."""
        if type(blob) is not bytes or not blob.startswith(HEADER) or len(blob) > MAX_BLOB:
            return None
        row = np.frombuffer(blob, np.uint8)
        places, terms = np.empty(PLACES, dtype=np.int64), np.empty(_TERMS)
        if not scan(row, places, terms):
            return None
        return Scanned(row[None], places.tolist(), terms)


class Scanned:
    """A valid blob and where its planes lie, as `hstamp.fast.scan` has found them."""

    def __init__(self, rows: Array, places: list[int], terms: Array) -> None:
        self.n = places[LEVELS]
        self._rows, self._places, self._terms = rows, places, terms

    @cached_property
    def record(self) -> Record:
        """All fields, parsed when they are first asked for."""
        return read_blob(self._rows.tobytes())

    def encoded(self, plane: str) -> Encoded | None:
        """One plane."""
        places, rows, n = self._places, self._rows, self.n
        if plane == "image":
            if places[IMAGE_F4]:
                return Encoded("f4", n, rows, places[IMAGE_START])
            return Encoded("i2", n, rows, places[IMAGE_START], self._terms)
        if plane == "variance":
            start = places[VARIANCE_START]
            if not start:
                return None
            if places[VARIANCE_F4]:
                return Encoded("f4", n, rows, start)
            return Encoded("log8", n, rows, start, self._terms[2:])
        if plane == "mask":
            start = places[MASK_START]
            return Encoded(_MASK[places[MASK_WIDTH]], n, rows, start) if start else None
        start = places[PSF_START]
        return Encoded("i2", places[PSF_SIZE], rows, start) if start else None


def _outputs(count: int, n: int) -> tuple[Array, Array]:
    """Room for levels (B, n, 15, 15) and stored values (B, N)."""
    levels = np.empty((count, n, GRID, GRID), dtype=np.float32)
    return levels, np.empty((count, size_of(n)), dtype=np.float32)
