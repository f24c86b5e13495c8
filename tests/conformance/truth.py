"""True values of Sections 4 to 6, computed from a parent image by the definition, pixel by pixel.

Brute force on purpose: a level-k value asks for its four children, down to the parent's pixels.
Standard library only; shares nothing with `codec/`.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Iterable
from statistics import median
from typing import Any

Grid = list[list[float]]
ORIGIN = (-7, -15, -29, -61, -117, -245, -469, -981)


def rnd4(value: float) -> float:
    return float(struct.unpack("<f", struct.pack("<f", value))[0])


def corner(x: float, y: float) -> tuple[int, int, float, float]:
    """[GE-1] [PL-6]: (i0, j0, dx, dy)."""
    i0, j0 = math.floor(x) + 1, math.floor(y) + 1
    return i0, j0, rnd4(x - (i0 - 0.5)), rnd4(y - (j0 - 0.5))


def mean(children: list[float], power: int = 1) -> float:
    total, m = 0.0, 0
    for child in children:
        if math.isfinite(child):
            total, m = total + child, m + 1
    return rnd4(total / m**power) if m else math.nan


def mean_variance(children: list[float]) -> float:
    return mean(children, 2)


def any_bit(children: list[int]) -> int:
    return children[0] | children[1] | children[2] | children[3]


def stored(n: int) -> list[tuple[int, int, int]]:
    """(level, row, column) of every stored pixel in stamp order [GE-5] [GE-6]."""
    out = [(0, a, b) for a in range(14) for b in range(14)]
    for k in range(1, n):
        out += [
            (k, a, b) for a in range(15) for b in range(15) if not (4 <= a <= 10 and 4 <= b <= 10)
        ]
    return out


def true_plane(
    parent: list[list[Any]],
    i0: int,
    j0: int,
    places: Iterable[tuple[int, int, int]],
    fold: Callable[[Any], Any],
    outside: Any,
) -> list[Any]:
    """Values of the pixels at `places`; `parent` already holds level-0 values."""
    height, width = len(parent), len(parent[0])

    def value(k: int, row: int, column: int) -> Any:
        side = 2**k
        if row + side <= 0 or column + side <= 0 or row >= height or column >= width:
            return outside
        if k == 0:
            return parent[row][column]
        half = side // 2
        return fold(
            [value(k - 1, row + i * half, column + j * half) for i in (0, 1) for j in (0, 1)]
        )

    return [value(k, j0 + ORIGIN[k] + a * 2**k, i0 + ORIGIN[k] + b * 2**k) for k, a, b in places]


def usable_image(parent: Grid) -> Grid:
    """[VA-2]"""
    return [[v if math.isfinite(v) else math.nan for v in row] for row in parent]


def usable_variance(variance: Grid, image: Grid) -> Grid:
    """[PL-2]"""
    return [
        [
            v if math.isfinite(v) and v >= 0 and math.isfinite(p) else math.nan
            for v, p in zip(vs, ps, strict=True)
        ]
        for vs, ps in zip(variance, image, strict=True)
    ]


def noise_from_variance(n: int, variance: list[float]) -> list[float | None]:
    """[EC-4]: the root of each level's smallest non-zero variance; None where there is none."""
    found: list[list[float]] = [[] for _ in range(n)]
    for (k, _, _), value in zip(stored(n), variance, strict=True):
        if value > 0:
            found[k].append(value)
    return [math.sqrt(min(values)) if values else None for values in found]


def noise_from_pixels(image: Grid, i0: int, j0: int, n: int) -> list[float | None]:
    """[EC-4] where no variance is known: from differences of neighbours along rows."""
    base = math.inf
    for k in range(n):
        cells = [(k, a, b) for a in range(15) for b in range(15)]
        flat = true_plane(image, i0, j0, cells, mean, math.nan)
        rows = [flat[15 * a : 15 * a + 15] for a in range(15)]
        steps = [abs(row[b + 1] - row[b]) for row in rows for b in range(14)]
        finite = [step for step in steps if not math.isnan(step)]
        d = median(finite) if finite else 0.0
        if d > 0:
            base = min(base, 2**k * d * 1.4826 / math.sqrt(2))
    return [base / 2**k if base < math.inf else None for k in range(n)]


def true_stamp(request: dict[str, Any]) -> dict[str, Any]:
    """Truth for one encoder request whose planes are nested lists."""
    i0, j0, dx, dy = corner(request["x"], request["y"])
    n, image = request["levels"], usable_image(request["image"])
    places = stored(n)
    out: dict[str, Any] = {
        "dx": dx,
        "dy": dy,
        "image": true_plane(image, i0, j0, places, mean, math.nan),
    }
    noise: list[float | None] = [None] * n
    if "variance" in request:
        variance = usable_variance(request["variance"], image)
        out["variance"] = true_plane(variance, i0, j0, places, mean_variance, math.nan)
        noise = noise_from_variance(n, out["variance"])
    if noise == [None] * n:
        noise = noise_from_pixels(image, i0, j0, n)
    out["noise"] = noise
    if "mask" in request:
        out["mask"] = true_plane(request["mask"]["data"], i0, j0, places, any_bit, 0)
    return out
