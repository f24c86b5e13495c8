"""Image encodings ``f4`` and ``i2``: Sections 7.1 and 10 [EC-2] to [EC-4], [EC-9]."""

from __future__ import annotations

import math
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from ..errors import FormatError
from ..layout import layout_of, size_of
from ..limits import FLT_MAX, Q_MAX, Q_MISSING, steps_within
from ..planes import Encoded, ImagePlane
from .form import check_length, width_of

__all__ = [
    "COARSEST",
    "DEFAULT_STEP",
    "IMAGE_ENCODINGS",
    "Steps",
    "canonical_f4",
    "check_image",
    "choose_steps",
    "decode_image",
    "image_within",
    "noise_from_levels",
    "noise_from_variance",
    "quantise",
]

IMAGE_ENCODINGS: Final = {"f4": 4, "i2": 2}
"""Encoding names and bytes per value."""
DEFAULT_STEP: Final = 1 / 16
"""Recommended quantisation step, as a fraction of the noise [EC-4]."""
COARSEST: Final = 1.0
"""Step that the range of a level may force on it, as a multiple of its noise [EC-9]."""
Q_RANGE: Final = 2 * Q_MAX
"""Steps between the smallest and the largest ``i2`` code."""
ALMOST_ONE: Final = 1 - 2.0**-23
MAD_TO_SIGMA: Final = 1.4826
"""Standard deviation of a Gaussian over its median absolute deviation."""
TOO_LARGE_I2: Final = "image values are too large for encoding 'i2'; use 'f4'"

F4 = npt.NDArray[np.float32]
F8 = npt.NDArray[np.float64]
I2 = npt.NDArray[np.int16]
Flags = npt.NDArray[np.bool_]


class Steps(NamedTuple):
    """How the levels of B stamps are quantised.

    Attributes
    ----------
    zero, scale : ndarray of float64, shape (..., n)
        Exactly representable in float32.
    fits : ndarray of bool, shape (...)
        Whether [EN-3] allows them; where not, ``i2`` cannot hold the stamp.
    coarse : ndarray of bool, shape (...)
        Whether values of a very different size would bury the noise of a level [EC-9].
    """

    zero: F8
    scale: F8
    fits: Flags
    coarse: Flags


def check_image(plane: ImagePlane, n: int) -> None:
    """Apply checks 13 and 16 to 18 of [LI-1] to an image plane.

    Raises
    ------
    FormatError
        With code E_ENCODING, E_LENGTH, E_SCALE or E_VALUE.
    """
    check_length("image", plane, n, width_of("image", plane.encoding, IMAGE_ENCODINGS))
    terms = n if plane.encoding == "i2" else 0
    if len(plane.zero) != terms or len(plane.scale) != terms:
        raise FormatError(
            "E_SCALE",
            f"image has {len(plane.zero)} zeros and {len(plane.scale)} scales;"
            f" {plane.encoding} with {n} levels needs {terms} of each",
        )
    for k, (zero, scale) in enumerate(zip(plane.zero, plane.scale, strict=True)):
        if not steps_within(zero, scale):
            raise FormatError("E_SCALE", f"level {k}: zero {zero}, scale {scale} are not usable")
    if plane.encoding == "f4" and not image_within(np.frombuffer(plane.data, "<f4")):
        raise FormatError("E_VALUE", "image holds an infinite value")


def image_within(values: F4) -> Flags:
    """Whether ``f4`` images of shape (..., N) hold no infinity [EN-1] (check 18)."""
    return np.asarray(~np.isinf(values).any(axis=-1))


def decode_image(plane: Encoded) -> F4:
    """Stored values of valid image planes [EN-1], [EN-2], (B, N), NaN where missing [VA-1]."""
    size = size_of(plane.n)
    if plane.terms is None:
        return plane.numbers("<f4", size).astype(np.float32)
    layout, zero, scale = layout_of(plane.n), plane.terms[0], plane.terms[1]
    codes = plane.numbers("<i2", size)
    values = np.empty(codes.shape, dtype=np.float32)
    with np.errstate(over="ignore", under="ignore"):  # the missing code alone may overflow
        for k in range(plane.n):
            part = layout.part(k)
            values[:, part] = zero[:, k, None] + scale[:, k, None] * codes[:, part]
    values[codes == Q_MISSING] = np.nan
    return values


def canonical_f4(values: F4) -> F4:
    """Little-endian float32 values with every NaN as 7FC00000 hex [EC-8]."""
    return np.where(np.isnan(values), np.float32(np.nan), values).astype("<f4")


def choose_steps(values: F4, noise: F8, step: float) -> Steps:
    """Zero point and scale of each level [EC-4], [EN-3].

    Parameters
    ----------
    values : ndarray of float32, shape (..., N)
        True stored values, NaN where missing.
    noise : ndarray of float64, shape (..., n)
        Noise of each level [flux unit]; NaN where not known.
    step : float
        Fraction of the noise.
    """
    layout = layout_of(noise.shape[-1])
    zero, scale = np.zeros(noise.shape), np.ones(noise.shape)
    coarse = np.zeros(noise.shape[:-1], dtype=np.bool_)
    for k in range(layout.levels):
        part = values[..., layout.part(k)].astype(np.float64)
        finite = np.isfinite(part)
        low = np.where(finite, part, np.inf).min(axis=-1)
        high = np.where(finite, part, -np.inf).max(axis=-1)
        filled = finite.any(axis=-1)
        low, high = np.where(filled, low, 0.0), np.where(filled, high, 0.0)
        # Adding +0.0 makes the zero point of a level of zeros +0.0, whatever their signs.
        zero[..., k] = np.float32((low + high) / 2 + 0.0)
        # The zero point's own rounding widens the range that the integers must span.
        reach = np.maximum(high - zero[..., k], zero[..., k] - low)
        needed = ceil_f4(reach / Q_MAX)
        allowed = (FLT_MAX - np.abs(zero[..., k])) / Q_MAX * ALMOST_ONE
        wanted = np.minimum(step * noise[..., k], allowed)
        wanted = np.where(np.isfinite(wanted), wanted, 0.0).astype(np.float32)
        chosen = np.maximum(needed, wanted)
        scale[..., k] = np.where(filled & (chosen > 0), chosen, 1.0)
        known = noise[..., k] > 0
        coarse |= known & ((high - low) / Q_RANGE > COARSEST * noise[..., k])
    return Steps(zero, scale, steps_within(zero, scale).all(axis=-1), coarse)


def quantise(values: F4, zero: F8, scale: F8) -> I2:
    """Nearest ``i2`` codes of values (..., N) [EC-3], -32768 where missing."""
    layout = layout_of(zero.shape[-1])
    codes = np.full(values.shape, Q_MISSING, dtype=np.int16)
    with np.errstate(over="ignore", invalid="ignore"):  # in stamps that do not fit
        for k in range(layout.levels):
            part = values[..., layout.part(k)]
            q = np.rint((part - zero[..., k, None]) / scale[..., k, None])
            # A finite value at the low end must not become the missing code.
            within = np.clip(np.where(np.isnan(q), 0.0, q), -Q_MAX, Q_MAX).astype(np.int16)
            codes[..., layout.part(k)] = np.where(np.isnan(q), np.int16(Q_MISSING), within)
    return codes


def noise_from_variance(variance: F4, n: int) -> F8:
    """Smallest non-zero noise of each level from stored variances (..., N); NaN if none."""
    layout = layout_of(n)
    noise = np.empty((*variance.shape[:-1], n))
    for k in range(n):
        part = variance[..., layout.part(k)].astype(np.float64)
        smallest = np.where(part > 0, part, np.inf).min(axis=-1)
        noise[..., k] = np.where(np.isfinite(smallest), np.sqrt(smallest), np.nan)
    return noise


def noise_from_levels(levels: F4) -> F8:
    """Noise of each level from its own pixels, where no variance is known [EC-4].

    White noise falls as 2**-k with level while sources do not, so the smallest of the levels'
    estimates, brought to base pixels, is the one least disturbed by sources.

    Parameters
    ----------
    levels : ndarray of float32, shape (..., n, 15, 15)
        True levels.

    Returns
    -------
    ndarray of float64, shape (..., n)
        NaN where no two neighbours are finite.
    """
    steps = np.abs(np.diff(levels.astype(np.float64), axis=-1))
    flat = steps.reshape(*steps.shape[:-2], -1)
    known = np.isfinite(flat)
    ordered = np.sort(np.where(known, flat, np.inf), axis=-1)
    count = known.sum(axis=-1)[..., None]
    middle = [np.maximum(count - 1, 0) // 2, np.minimum(count // 2, ordered.shape[-1] - 1)]
    low, high = (np.take_along_axis(ordered, place, axis=-1)[..., 0] for place in middle)
    median = np.where(count[..., 0] > 0, (low + high) / 2, np.nan)
    doubling = 2.0 ** np.arange(levels.shape[-3])
    per_level = np.where(median > 0, median * doubling, np.inf) * MAD_TO_SIGMA / math.sqrt(2)
    base = per_level.min(axis=-1, keepdims=True)
    noise: F8 = np.where(np.isfinite(base), base, np.nan) / doubling
    return noise


def ceil_f4(value: F8) -> F8:
    """Smallest float32 at or above each value >= 0, as float64."""
    rounded = value.astype(np.float32)
    low = rounded.astype(np.float64) < value
    raised: F8 = np.where(low, np.nextafter(rounded, np.float32(np.inf)), rounded).astype(
        np.float64
    )
    return raised
