"""The arithmetic in numpy: the definition, and what is used where nothing is compiled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ..encodings.image import (
    choose_steps,
    decode_image,
    noise_from_levels,
    noise_from_variance,
    quantise,
)
from ..encodings.mask import decode_mask
from ..encodings.psf import decode_psf
from ..encodings.variance import choose_unit, decode_variance, encode_log8
from ..planes import Encoded
from ..values import fill_levels, mean_children, or_children, store, true_levels, variance_children
from .protocol import Codes, Means

__all__ = ["Plain"]

Array = npt.NDArray[Any]

_CHUNK: Final = 128
"""Stamps decoded at a time, so that they stay in the cache."""


class Plain:
    """`hstamp.fast.protocol.Kernels` by numpy; parents are windows already cut."""

    in_place = False

    def means(self, image: Array, rows: Array, columns: Array, n: int) -> Means:
        """Levels and stored values of windows."""
        levels = true_levels(image, n, mean_children)
        return Means(levels, store(levels))

    def variances(
        self, image: Array, spread: Array, rows: Array, columns: Array, n: int, clean: Array | None
    ) -> Array:
        """Stored variances of windows that are NaN wherever a variance is missing."""
        return store(true_levels(spread, n, variance_children))

    def bits(self, mask: Array, rows: Array, columns: Array, n: int) -> Array:
        """Stored bits of windows."""
        return store(true_levels(mask, n, or_children))

    def noise_of_variance(self, stored: Array, n: int) -> Array:
        """Noise of each level from its variances."""
        return noise_from_variance(stored, n)

    def noise_of_levels(self, levels: Array) -> Array:
        """Noise of each level from its pixels."""
        return noise_from_levels(levels)

    def codes_i2(self, stored: Array, noise: Array, step: float) -> Codes:
        """Steps and codes of images."""
        steps = choose_steps(stored, noise, step)
        return Codes(steps, quantise(stored, steps.zero, steps.scale))

    def codes_log8(self, stored: Array, n: int) -> tuple[Array, Array]:
        """Units and codes of variances."""
        unit = choose_unit(stored, n)
        return unit, encode_log8(stored, unit, n)

    def decode(self, plane: str, encoded: Encoded, out: Array | None = None) -> Array:
        """Levels of a plane, a few stamps at a time."""
        decode, count = _DECODERS[plane], len(encoded.starts)
        if count <= _CHUNK and out is None:
            return decode(encoded)
        parts = [slice(start, start + _CHUNK) for start in range(0, count, _CHUNK)]
        return np.concatenate([decode(_part(encoded, part)) for part in parts], out=out)

    def scan(self, data: Array, starts: Array, stop: int) -> None:
        """Leave the blobs to the plain reader."""


def _part(encoded: Encoded, part: slice) -> Encoded:
    terms = None if encoded.terms is None else encoded.terms[:, part]
    return encoded._replace(starts=encoded.starts[part], terms=terms)


_DECODERS: Final[dict[str, Callable[[Encoded], Array]]] = {
    "image": lambda e: fill_levels(decode_image(e), e.n, mean_children),
    "variance": lambda e: fill_levels(decode_variance(e), e.n, variance_children),
    "mask": lambda e: fill_levels(decode_mask(e), e.n, or_children),
    "psf": decode_psf,
}
