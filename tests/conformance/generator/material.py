"""Numbers and planes that several families of vectors are made of."""

from __future__ import annotations

from .vector import Lcg
from .writer import (
    NAN,
    count_of,
    image_i2,
    largest_f4,
    mask_plane,
    psf_plane,
    variance_f4,
    variance_log8,
)

GEOMETRY = ("GE-2", "GE-3", "GE-4", "GE-5", "GE-6", "GE-7", "VA-3", "VA-4", "DE-1", "NO-1", "NO-2")
LSST_CD = (10.684708, -45.25, -5.5e-5, 3.1e-6, 3.2e-6, 5.6e-5)
LSST_PLANES = ["BAD", "SAT", "INTRP", "CR", "EDGE", "DETECTED", "DETECTED_NEGATIVE", "NO_DATA"]
RUBIN_16 = [
    *LSST_PLANES,
    "CROSSTALK",
    "STREAK",
    "VIGNETTED",
    "INJECTED",
    "REJECTED",
    "SUSPECT",
    "CLIPPED",
    "UNMASKEDNAN",
]
FLT_MAX = (2 - 2.0**-23) * 2.0**127
TINY = 2.0**-149
SCALE_MAX = largest_f4(lambda scale: 32767 * scale <= FLT_MAX)
UNIT_MAX = largest_f4(lambda unit: unit * 57549 <= FLT_MAX)


def core(row: int, column: int) -> int:
    """Stamp-order index of a core pixel."""
    return 14 * row + column


def ring(k: int, row: int, column: int) -> int:
    """Stamp-order index of a ring pixel."""
    cells = [(a, b) for a in range(15) for b in range(15) if not (4 <= a <= 10 and 4 <= b <= 10)]
    return 196 + 176 * (k - 1) + cells.index((row, column))


def gaussian_psf(size: int, width: float) -> list[int]:
    """A rounded Gaussian with a few negative values in its wings, as measured PSFs have."""
    half = size // 2
    out = []
    for row in range(size):
        for column in range(size):
            r2 = ((row - half) ** 2 + (column - half) ** 2) / (width * width)
            out.append(round(32767 * 2.0**-r2) - (3 if r2 > 9 and (row + column) % 5 == 0 else 0))
    return out


def random_i2(rng: Lcg, n: int) -> dict[str, bytes]:
    zero = [rng.between(-(2**20), 2**20) / 2.0**10 for _ in range(n)]
    scale = [rng.between(2**20, 2**24 - 1) / 2.0 ** rng.between(22, 28) for _ in range(n)]
    return image_i2(zero, scale, rng.many(count_of(n), -32767, 32767))


def full(rng: Lcg, n: int, kind: str = "u1") -> dict[str, dict[str, bytes]]:
    """Every optional plane, filled at random with all kinds of values."""
    names = LSST_PLANES if kind == "u1" else RUBIN_16
    bits = [rng.below(2 ** len(names)) if rng.below(4) == 0 else 0 for _ in range(count_of(n))]
    if kind == "u1":
        variance = variance_log8(rng.many(count_of(n), 0, 255), 37.25)
    else:
        variance = variance_f4(
            [NAN if rng.below(20) == 0 else abs(v) for v in rng.sky(count_of(n))]
        )
    return {
        "variance": variance,
        "mask": mask_plane(bits, names, kind),
        "psf": psf_plane(gaussian_psf(21, 2.1), 21),
    }
