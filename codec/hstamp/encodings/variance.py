"""Variance encodings ``f4`` and ``log8``: Sections 7.2 and 10 [EC-5]."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import numpy.typing as npt

from ..errors import FormatError, InputError
from ..layout import layout_of, size_of
from ..planes import VariancePlane
from .image import canonical_f4

__all__ = [
    "LEVEL_VALUES",
    "MANTISSAS",
    "VARIANCE_ENCODINGS",
    "check_variance",
    "choose_unit",
    "decode_log8",
    "decode_variance",
    "encode_log8",
    "encode_variance",
]

VARIANCE_ENCODINGS: Final = {"f4": 4, "log8": 1}
"""Encoding names and bytes per value."""
MANTISSAS: Final = (
    32768, 34219, 35734, 37316, 38968, 40693, 42495, 44376,
    46341, 48393, 50535, 52773, 55109, 57549, 60097, 62757,
)  # fmt: skip
"""The table M of [EN-5]."""
_ZERO: Final = 0
_MISSING: Final = 255
_FLT_MAX: Final = float(np.finfo(np.float32).max)
_TOP: Final = MANTISSAS[13]
"""Value of the largest code, 254, in units of `unit` at level 0."""
TOO_LARGE_LOG8: Final = "variances are too large for encoding 'log8'; use 'f4'"

F4 = npt.NDArray[np.float32]
F8 = npt.NDArray[np.float64]
U1 = npt.NDArray[np.uint8]


def _code_values() -> F8:
    values = np.zeros(256)
    for code in range(1, _MISSING):
        exponent, m = divmod(code - 1, 16)
        values[code] = math.ldexp(MANTISSAS[m], exponent - 15)
    values[_MISSING] = np.nan
    return values


_VALUES: Final = _code_values()
LEVEL_VALUES: Final = np.ldexp(_VALUES, -2 * np.arange(8)[:, None])
"""Variance of each code in units of `unit`, by level: exact, shape (8, 256)."""
LEVEL_VALUES.flags.writeable = False
MIDPOINTS: Final = (_VALUES[1:254] + _VALUES[2:255]) / 2


def check_variance(plane: VariancePlane, levels: int) -> None:
    """Apply checks 13 and 16 to 18 of [LI-1] to a variance plane.

    Raises
    ------
    FormatError
        With code E_ENCODING, E_LENGTH, E_SCALE or E_VALUE.
    """
    width = VARIANCE_ENCODINGS.get(plane.encoding)
    if width is None:
        raise FormatError("E_ENCODING", f"variance encoding {plane.encoding[:32]!r} is unknown")
    expected = size_of(levels) * width
    if len(plane.data) != expected:
        raise FormatError(
            "E_LENGTH",
            f"variance data has {len(plane.data)} bytes; {levels} levels of {plane.encoding}"
            f" need {expected}",
        )
    if plane.encoding == "log8":
        if not (plane.unit > 0 and plane.unit * _TOP <= _FLT_MAX):
            raise FormatError("E_SCALE", f"variance unit {plane.unit} is not usable")
    else:
        values = np.frombuffer(plane.data, "<f4")
        if (values < 0).any() or np.isinf(values).any():
            raise FormatError("E_VALUE", "variance holds a negative or infinite value")


def decode_variance(plane: VariancePlane, levels: int) -> F4:
    """Stored values of a valid variance plane, shape (N,), NaN where missing."""
    if plane.encoding == "f4":
        return np.frombuffer(plane.data, "<f4").astype(np.float32)
    codes = np.frombuffer(plane.data, np.uint8)
    return decode_log8(codes, np.float64(plane.unit), levels)


def decode_log8(codes: U1, unit: F8 | np.float64, levels: int) -> F4:
    """Variances of ``log8`` codes [EN-5].

    Parameters
    ----------
    codes : ndarray of uint8, shape (..., N)
    unit : float64 or ndarray of float64, shape (...)
        Variance of code 1 at level 0.
    levels : int
        Number of levels n.

    Returns
    -------
    ndarray of float32, shape (..., N)
    """
    layout = layout_of(levels)
    values = np.empty(codes.shape, dtype=np.float32)
    per_stamp = np.asarray(unit)[..., None]
    with np.errstate(under="ignore"):
        for k in range(levels):
            # unit * M is exact in binary64 and the powers of two are too, so one rounding remains.
            values[..., layout.part(k)] = per_stamp * LEVEL_VALUES[k][codes[..., layout.part(k)]]
    return values


def encode_variance(values: F4, encoding: str, levels: int) -> VariancePlane:
    """Encode true stored variances (N,), NaN where missing, as 'f4' or 'log8'."""
    if encoding == "f4":
        return VariancePlane("f4", 1.0, canonical_f4(values))
    if encoding != "log8":
        raise InputError(f"variance encoding must be 'f4' or 'log8', not {encoding!r}")
    unit = choose_unit(values, levels)
    return VariancePlane("log8", float(unit), encode_log8(values, unit, levels).tobytes())


def choose_unit(values: F4, levels: int) -> F8:
    """Unit of stored variances (..., N) for ``log8`` [EC-5], shape (...)."""
    scaled = _times_four_per_level(values, levels)
    positive = scaled > 0
    low = np.where(positive, scaled, np.inf).min(axis=-1)
    high = np.where(positive, scaled, 0.0).max(axis=-1)
    low = np.where(high > 0, low, 1.0)
    needed = high / _TOP
    rounded = needed.astype(np.float32)
    raised = np.where(
        rounded.astype(np.float64) < needed, np.nextafter(rounded, np.float32(np.inf)), rounded
    )
    unit: F8 = np.maximum(low.astype(np.float32), raised).astype(np.float64)
    if not (unit * _TOP <= _FLT_MAX).all():
        raise InputError(TOO_LARGE_LOG8)
    return unit


def encode_log8(values: F4, unit: F8, levels: int) -> U1:
    """Nearest ``log8`` codes of stored variances (..., N), for units of shape (...)."""
    scaled = _times_four_per_level(values, levels)
    ratio = scaled / np.asarray(unit)[..., None]
    codes = 1 + np.searchsorted(MIDPOINTS, ratio)
    codes = np.where(scaled == 0, _ZERO, codes)
    return np.where(np.isnan(scaled), _MISSING, codes).astype(np.uint8)


def _times_four_per_level(values: F4, levels: int) -> F8:
    layout = layout_of(levels)
    scaled = values.astype(np.float64)
    for k in range(1, levels):
        scaled[..., layout.part(k)] *= 4.0**k
    return scaled
