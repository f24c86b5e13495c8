from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import hstamp

SHARED = Path(os.environ.get("HSTAMP_SHARED", Path(__file__).parents[3] / "shared")) / "data"

# Table of [GE-3], copied from the specification and not from the code under test.
ORIGINS = (-7, -15, -29, -61, -117, -245, -469, -981)


def needs(*parts: str) -> Path:
    """Path of a shared data file, or skip the test."""
    path = SHARED.joinpath(*parts)
    if not path.exists():
        pytest.skip(f"no shared data at {path}")
    return path


def lsst_cutouts() -> Iterator[tuple[str, bytes]]:
    """Name and bytes of every real LSST cutout in container files."""
    import fastavro

    for path in sorted(needs("lsst", "v9_ocf").glob("*.avro")):
        with path.open("rb") as stream:
            for alert in fastavro.reader(stream):
                for field in ("cutoutDifference", "cutoutScience", "cutoutTemplate"):
                    yield f"{path.stem[:18]}-{field}", alert[field]


def make_full(levels: int, **changes: Any) -> hstamp.Stamp:
    rng = np.random.default_rng(20)
    side = 15 * 2 ** (levels - 1) + 20
    rows, columns = np.indices((side, side))
    centre = side / 2
    image = rng.normal(5, 20, (side, side)) + 4000 * np.exp(
        -np.hypot(rows - centre, columns - centre) / 8
    )
    image[: side // 4] = np.nan
    image[int(centre) + 3, int(centre) - 2] = np.nan
    mask = np.zeros((side, side), dtype=np.uint16)
    mask[int(centre), int(centre)] = 0b101
    mask[int(centre) + 20, :] |= 0b010
    rows, columns = np.indices((21, 21)) - 10
    angle = np.radians(33)
    cd = 0.2 / 3600 * np.array([[-np.cos(angle), np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    options: dict[str, Any] = {
        "levels": levels,
        "encoding": "f4",
        "variance": np.full((side, side), 400.0),
        "mask": mask,
        "mask_planes": ["SAT", "DETECTED_NEGATIVE", "odd=name"],
        "psf": np.exp(-(rows**2 + columns**2) / 8),
        "wcs": hstamp.Wcs(359.9999, -45.25, *cd.ravel()),
        "band": "i",
        "id": "12345",
    }
    return hstamp.encode(image, centre + 0.3, centre - 0.45, **(options | changes))
