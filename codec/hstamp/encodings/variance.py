"""Variance encodings ``f4`` and ``log8``: Sections 7.2 and 10 [EC-5]."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import numpy.typing as npt

from ..errors import FormatError
from ..layout import MAX_LEVELS, layout_of, size_of
from ..limits import TOP_MANTISSA, unit_within
from ..planes import Encoded, VariancePlane
from .form import check_length, width_of
from .image import ceil_f4

__all__ = [
    "LEVEL_VALUES",
    "MANTISSAS",
    "MISSING_LOG8",
    "VARIANCE_ENCODINGS",
    "ZERO_LOG8",
    "check_variance",
    "choose_unit",
    "decode_variance",
    "encode_log8",
    "variance_within",
]

VARIANCE_ENCODINGS: Final = {"f4": 4, "log8": 1}
"""Encoding names and bytes per value."""
MANTISSAS: Final = (
    32768, 34219, 35734, 37316, 38968, 40693, 42495, 44376,
    46341, 48393, 50535, 52773, 55109, 57549, 60097, 62757,
)  # fmt: skip
"""The table M of [EN-5]."""
ZERO_LOG8: Final = 0
MISSING_LOG8: Final = 255
"""Codes of zero and of a missing value [EN-5]."""
TOO_LARGE_LOG8: Final = "variances are too large for encoding 'log8'; use 'f4'"

F4 = npt.NDArray[np.float32]
F8 = npt.NDArray[np.float64]
U1 = npt.NDArray[np.uint8]
Flags = npt.NDArray[np.bool_]


def _code_values() -> F8:
    values = np.zeros(256)
    for code in range(1, MISSING_LOG8):
        exponent, m = divmod(code - 1, 16)
        values[code] = math.ldexp(MANTISSAS[m], exponent - 15)
    values[MISSING_LOG8] = np.nan
    return values


_VALUES: Final = _code_values()
LEVEL_VALUES: Final = np.ldexp(_VALUES, -2 * np.arange(MAX_LEVELS)[:, None])
"""Variance of each code in units of `unit`, by level: exact, shape (8, 256)."""
LEVEL_VALUES.flags.writeable = False
MIDPOINTS: Final = (_VALUES[1:254] + _VALUES[2:255]) / 2


def check_variance(plane: VariancePlane, n: int) -> None:
    """Apply checks 13 and 16 to 18 of [LI-1] to a variance plane.

    Raises
    ------
    FormatError
        With code E_ENCODING, E_LENGTH, E_SCALE or E_VALUE.
    """
    check_length("variance", plane, n, width_of("variance", plane.encoding, VARIANCE_ENCODINGS))
    if plane.encoding == "log8":
        if not unit_within(plane.unit):
            raise FormatError("E_SCALE", f"variance unit {plane.unit} is not usable")
    elif not variance_within(np.frombuffer(plane.data, "<f4")):
        raise FormatError("E_VALUE", "variance holds a negative or infinite value")


def variance_within(values: F4) -> Flags:
    """Whether ``f4`` variances (..., N) are neither negative nor infinite [EN-4] (check 18)."""
    return np.asarray(~((values < 0) | np.isinf(values)).any(axis=-1))


def decode_variance(plane: Encoded) -> F4:
    """Stored values of valid variance planes [EN-4], [EN-5], shape (B, N), NaN where missing."""
    size = size_of(plane.n)
    if plane.terms is None:
        return plane.numbers("<f4", size).astype(np.float32)
    layout, unit = layout_of(plane.n), plane.terms[0, :, :1]
    codes = plane.numbers("u1", size)
    values = np.empty(codes.shape, dtype=np.float32)
    with np.errstate(under="ignore"):
        for k in range(plane.n):
            # unit * M is exact in binary64 and the powers of two are too, so one rounding remains.
            values[:, layout.part(k)] = unit * LEVEL_VALUES[k][codes[:, layout.part(k)]]
    return values


def choose_unit(values: F4, n: int) -> F8:
    """Unit of stored variances (..., N) for ``log8`` [EC-5], shape (...).

    Where `unit_within` denies it, ``log8`` cannot hold the stamp.
    """
    scaled = _times_four_per_level(values, n)
    positive = scaled > 0
    low = np.where(positive, scaled, np.inf).min(axis=-1)
    high = np.where(positive, scaled, 0.0).max(axis=-1)
    low = np.where(high > 0, low, 1.0)
    with np.errstate(over="ignore", under="ignore"):
        nearest = low.astype(np.float32).astype(np.float64)
    unit: F8 = np.maximum(nearest, ceil_f4(high / TOP_MANTISSA))
    return unit


def encode_log8(values: F4, unit: F8, n: int) -> U1:
    """Nearest ``log8`` codes of stored variances (..., N), for units of shape (...) [EC-5]."""
    scaled = _times_four_per_level(values, n)
    ratio = scaled / unit[..., None]
    codes = 1 + np.searchsorted(MIDPOINTS, ratio)
    codes = np.where(scaled == 0, ZERO_LOG8, codes)
    return np.where(np.isnan(scaled), MISSING_LOG8, codes).astype(np.uint8)


def _times_four_per_level(values: F4, n: int) -> F8:
    layout = layout_of(n)
    scaled = values.astype(np.float64)
    for k in range(1, n):
        scaled[..., layout.part(k)] *= 4.0**k
    return scaled
