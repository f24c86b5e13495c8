"""A right encoder of images alone on top of the brute-force truth, with a hook that others bend."""

from __future__ import annotations

import base64
import json
import math
import struct
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import truth
from generator.writer import blob, image_f4, image_i2, level_of

MISSING = -32768
Plane = dict[str, bytes]


def grid_of(plane: dict[str, Any]) -> list[list[float]]:
    rows, columns = plane["shape"]
    flat = struct.unpack(f"<{rows * columns}f", base64.b64decode(plane["data"]))
    return [list(flat[columns * row : columns * (row + 1)]) for row in range(rows)]


def up_f4(value: float) -> float:
    """The smallest f4 at or above a value >= 0."""
    near = truth.rnd4(value)
    bits = struct.unpack("<I", struct.pack("<f", near))[0] + (near < value)
    return float(struct.unpack("<f", struct.pack("<I", bits))[0])


def right_steps(values: list[float], sigma: float | None) -> tuple[float, float]:
    """[EC-4]: zero and scale of one level's finite values."""
    if not values:
        return 0.0, 1.0
    zero = truth.rnd4((min(values) + max(values)) / 2)
    reach = max(max(values) - zero, zero - min(values))
    return zero, max(up_f4(reach / 32767), truth.rnd4((sigma or 0.0) / 16)) or 1.0


def quantised(true: dict[str, Any], n: int, steps: Callable[..., tuple[float, float]]) -> Plane:
    """The image as `i2` with what `steps` makes of each level's finite values and noise."""
    levels: list[list[float]] = [[] for _ in range(n)]
    for index, value in enumerate(true["image"]):
        if math.isfinite(value):
            levels[level_of(index)].append(value)
    zero, scale = zip(*map(steps, levels, true["noise"]), strict=True)
    q = [
        MISSING
        if math.isnan(value)
        else max(-32767, min(32767, round((value - zero[k]) / scale[k])))
        for value, k in ((v, level_of(i)) for i, v in enumerate(true["image"]))
    ]
    return image_i2(zero, scale, q)


def exceeds_noise(true: dict[str, Any], n: int) -> bool:
    """[EC-9]"""
    for k, sigma in enumerate(true["noise"]):
        here = [v for i, v in enumerate(true["image"]) if level_of(i) == k and math.isfinite(v)]
        if here and sigma is not None and (max(here) - min(here)) / 65534 > sigma:
            return True
    return False


def right_image(true: dict[str, Any], n: int, encoding: str) -> Plane:
    if encoding == "f4" or exceeds_noise(true, n):
        return exact(true)
    return quantised(true, n, right_steps)


def exact(true: dict[str, Any]) -> Plane:
    """The image as `f4`, missing values as [EC-8] wants them."""
    quiet = struct.pack("<I", 0x7FC00000)
    values = true["image"]
    return image_f4(b"".join(quiet if math.isnan(v) else struct.pack("<f", v) for v in values))


def serve(image: Callable[[dict[str, Any], int, str], Plane] = right_image) -> None:
    """Run as a program; requests with other planes are not supported."""
    request = json.load(sys.stdin)
    if request.keys() & {"mask", "psf", "wcs", "variance"}:
        raise SystemExit(2)
    n = request["levels"]
    true = truth.true_stamp(request | {"image": grid_of(request["image"])})
    plane = image(true, n, request["encoding"])
    made = blob(n, plane, dx=true["dx"], dy=true["dy"])
    sys.stdout.buffer.write(made.bytes())
