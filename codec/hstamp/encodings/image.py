"""Image encodings ``f4`` and ``i2``: Sections 7.1 and 10 [EC-2] to [EC-4]."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import numpy.typing as npt

from ..errors import FormatError, InputError
from ..layout import layout_of, size_of
from ..planes import ImagePlane

__all__ = [
    "DEFAULT_STEP",
    "IMAGE_ENCODINGS",
    "check_image",
    "choose_steps",
    "decode_image",
    "dequantise",
    "encode_image",
    "quantise",
]

IMAGE_ENCODINGS: Final = {"f4": 4, "i2": 2}
"""Encoding names and bytes per value."""
MISSING: Final = -32768
DEFAULT_STEP: Final = 1 / 16
"""Recommended quantisation step, as a fraction of the noise [EC-4]."""
_Q_MAX: Final = 32767
_FLT_MAX: Final = float(np.finfo(np.float32).max)
MAD_TO_SIGMA: Final = 1.4826
"""Standard deviation of a Gaussian over its median absolute deviation."""
TOO_LARGE_I2: Final = "image values are too large for encoding 'i2'; use 'f4'"

F4 = npt.NDArray[np.float32]
F8 = npt.NDArray[np.float64]
I2 = npt.NDArray[np.int16]


def check_image(plane: ImagePlane, levels: int) -> None:
    """Apply checks 13 and 16 to 18 of [LI-1] to an image plane.

    Raises
    ------
    FormatError
        With code E_ENCODING, E_LENGTH, E_SCALE or E_VALUE.
    """
    width = IMAGE_ENCODINGS.get(plane.encoding)
    if width is None:
        raise FormatError("E_ENCODING", f"image encoding {plane.encoding[:32]!r} is unknown")
    expected = size_of(levels) * width
    if len(plane.data) != expected:
        raise FormatError(
            "E_LENGTH",
            f"image data has {len(plane.data)} bytes; {levels} levels of {plane.encoding}"
            f" need {expected}",
        )
    terms = levels if plane.encoding == "i2" else 0
    if len(plane.zero) != terms or len(plane.scale) != terms:
        raise FormatError(
            "E_SCALE",
            f"image has {len(plane.zero)} zeros and {len(plane.scale)} scales;"
            f" {plane.encoding} with {levels} levels needs {terms} of each",
        )
    for k, (zero, scale) in enumerate(zip(plane.zero, plane.scale, strict=True)):
        if not (scale > 0 and math.isfinite(zero) and abs(zero) + _Q_MAX * scale <= _FLT_MAX):
            raise FormatError("E_SCALE", f"level {k}: zero {zero}, scale {scale} are not usable")
    if plane.encoding == "f4" and np.isinf(np.frombuffer(plane.data, "<f4")).any():
        raise FormatError("E_VALUE", "image holds an infinite value")


def decode_image(plane: ImagePlane, levels: int) -> F4:
    """Stored values of a valid image plane, shape (N,), NaN where missing."""
    if plane.encoding == "f4":
        return np.frombuffer(plane.data, "<f4").astype(np.float32)
    stored = np.frombuffer(plane.data, "<i2")
    return dequantise(stored, np.array(plane.zero), np.array(plane.scale), levels)


def dequantise(stored: I2, zero: F8, scale: F8, levels: int) -> F4:
    """Values of ``i2`` integers [EN-2].

    Parameters
    ----------
    stored : ndarray of int16, shape (..., N)
    zero, scale : ndarray of float64, shape (..., n)
        Per level; exactly representable in float32.
    levels : int
        Number of levels n.

    Returns
    -------
    ndarray of float32, shape (..., N)
    """
    layout = layout_of(levels)
    values = np.empty(stored.shape, dtype=np.float32)
    with np.errstate(over="ignore", under="ignore"):  # the missing code alone may overflow
        for k in range(levels):
            part = layout.part(k)
            values[..., part] = zero[..., k, None] + scale[..., k, None] * stored[..., part]
    values[stored == MISSING] = np.nan
    return values


def encode_image(
    values: F4, encoding: str, levels: int, noise: F8 | None, step: float
) -> ImagePlane:
    """Encode true stored values.

    Parameters
    ----------
    values : ndarray of float32, shape (N,)
        True values in stamp order, NaN where missing.
    encoding : {'f4', 'i2'}
    levels : int
        Number of levels n.
    noise : ndarray of float64, shape (n,), or None
        Noise sigma_k of each level, for ``i2`` [EC-4]; NaN where not known.
    step : float
        Quantisation step as a fraction of the noise.
    """
    if encoding == "f4":
        return ImagePlane("f4", (), (), canonical_f4(values))
    if encoding != "i2":
        raise InputError(f"image encoding must be 'f4' or 'i2', not {encoding!r}")
    zero, scale = choose_steps(values, levels, noise, step)
    stored = quantise(values, zero, scale, levels)
    return ImagePlane(
        "i2", tuple(zero.tolist()), tuple(scale.tolist()), stored.astype("<i2").tobytes()
    )


def canonical_f4(values: F4) -> bytes:
    """Little-endian bytes of float32 values with every NaN as 7FC00000 hex [EC-8]."""
    clean = np.where(np.isnan(values), np.float32(np.nan), values)
    return clean.astype("<f4").tobytes()


def choose_steps(values: F4, levels: int, noise: F8 | None, step: float) -> tuple[F8, F8]:
    """Zero point and scale of each level [EC-4].

    Parameters
    ----------
    values : ndarray of float32, shape (..., N)
        True stored values, NaN where missing.
    levels : int
        Number of levels n.
    noise : ndarray of float64, shape (..., n), or None
        Noise of each level [flux unit].
    step : float
        Fraction of the noise.

    Returns
    -------
    zero, scale : ndarray of float64, shape (..., n)
        Exactly representable in float32.

    Raises
    ------
    InputError
        If the values of a level span more than ``i2`` can hold in float32.
    """
    layout = layout_of(levels)
    shape = (*values.shape[:-1], levels)
    zero, scale = np.zeros(shape), np.ones(shape)
    for k in range(levels):
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
        needed = _ceil_f4(reach / _Q_MAX)
        wanted = np.zeros_like(needed) if noise is None else step * noise[..., k]
        allowed = (_FLT_MAX - np.abs(zero[..., k])) / _Q_MAX * (1 - 2.0**-23)
        wanted = np.where(np.isfinite(wanted), np.minimum(wanted, allowed), 0.0)
        wanted = wanted.astype(np.float32)
        chosen = np.maximum(needed, wanted)
        scale[..., k] = np.where(filled & (chosen > 0), chosen, 1.0)
    if not (np.abs(zero) + _Q_MAX * scale <= _FLT_MAX).all():
        raise InputError(TOO_LARGE_I2)
    return zero, scale


def quantise(values: F4, zero: F8, scale: F8, levels: int) -> I2:
    """Nearest ``i2`` integers, -32768 where missing; shapes as in `dequantise`."""
    layout = layout_of(levels)
    stored = np.full(values.shape, MISSING, dtype=np.int16)
    for k in range(levels):
        part = values[..., layout.part(k)]
        q = np.rint((part - zero[..., k, None]) / scale[..., k, None])
        finite = np.isfinite(q)
        clipped = np.clip(np.where(finite, q, MISSING), MISSING, _Q_MAX).astype(np.int16)
        # A finite value at the low end must not become the missing code.
        stored[..., layout.part(k)] = np.where(
            finite, np.maximum(clipped, np.int16(-_Q_MAX)), clipped
        )
    return stored


def noise_from_variance(variance: F4, levels: int) -> F8:
    """Smallest non-zero noise of each level from stored variances (..., N); NaN if none."""
    layout = layout_of(levels)
    noise = np.empty((*variance.shape[:-1], levels))
    for k in range(levels):
        part = variance[..., layout.part(k)].astype(np.float64)
        smallest = np.where(part > 0, part, np.inf).min(axis=-1)
        noise[..., k] = np.where(np.isfinite(smallest), np.sqrt(smallest), np.nan)
    return noise


def noise_from_levels(grids: F4) -> F8:
    """Noise of each level from its own pixels, where no variance is known [EC-4].

    White noise falls as 2**-k with level while sources do not, so the smallest of the levels'
    estimates, brought to base pixels, is the one least disturbed by sources.

    Parameters
    ----------
    grids : ndarray of float32, shape (..., n, 15, 15)
        True levels.

    Returns
    -------
    ndarray of float64, shape (..., n)
        NaN where no two neighbours are finite.
    """
    levels = grids.shape[-3]
    steps = np.abs(np.diff(grids.astype(np.float64), axis=-1))
    flat = steps.reshape(*steps.shape[:-2], -1)
    known = np.isfinite(flat)
    ordered = np.sort(np.where(known, flat, np.inf), axis=-1)
    count = known.sum(axis=-1)[..., None]
    middle = [np.maximum(count - 1, 0) // 2, np.minimum(count // 2, ordered.shape[-1] - 1)]
    low, high = (np.take_along_axis(ordered, place, axis=-1)[..., 0] for place in middle)
    median = np.where(count[..., 0] > 0, (low + high) / 2, np.nan)
    doubling = 2.0 ** np.arange(levels)
    per_level = np.where(median > 0, median * doubling, np.inf) * MAD_TO_SIGMA / math.sqrt(2)
    base = per_level.min(axis=-1, keepdims=True)
    noise: F8 = np.where(np.isfinite(base), base, np.nan) / doubling
    return noise


def _ceil_f4(value: F8) -> npt.NDArray[np.float32]:
    rounded = value.astype(np.float32)
    low = rounded.astype(np.float64) < value
    raised: npt.NDArray[np.float32] = np.where(
        low, np.nextafter(rounded, np.float32(np.inf)), rounded
    )
    return raised
