"""Batches of sources whose rows differ in everything that a row can have of its own."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import strategies as st
from strategies import pixels

import hstamp

NAMES = ("SAT", "CR", "BAD")
ROW = ("variance", "mask", "unusable", "psf", "wcs", "band", "id")
"""Arguments of `hstamp.encode` that each row may have, and may lack."""


def row(rng: np.random.Generator, shape: tuple[int, int]) -> dict[str, Any]:
    """One source with its own parent: arguments of `hstamp.encode`."""
    kind = rng.choice(["noise", "bright", "integers"])
    given: dict[str, Any] = {
        "image": pixels(str(kind), shape, rng).astype(rng.choice(["<f4", ">f8"])),
        "x": float(rng.uniform(-20, shape[1] + 20)),
        "y": float(rng.uniform(-20, shape[0] + 20)),
    }
    side = int(rng.choice([3, 5, 9]))
    full = {
        "variance": rng.gamma(3.0, 4.0, shape),
        "mask": rng.integers(0, 8, shape) * (rng.random(shape) < 0.1),
        "unusable": rng.random(shape) < 0.2,
        "psf": rng.random((side, int(rng.choice([3, 7])))),
        "wcs": hstamp.Wcs(float(rng.uniform(0, 360)), float(rng.uniform(-90, 90)), -1e-4, 0, 0, 1),
        "band": str(rng.choice(["g", "r"])),
        "id": str(rng.integers(0, 2000)),
    }  # fmt: skip
    given |= {name: value for name, value in full.items() if rng.random() < 0.7}
    return given


@st.composite
def ragged(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Rows with parents of different shapes."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    shapes = draw(st.lists(st.tuples(st.integers(1, 90), st.integers(1, 90)), max_size=9))
    return [row(rng, shape) for shape in shapes]


def columns(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Arguments of `hstamp.encode_many` for rows."""
    given: dict[str, Any] = {name: [r.get(name) for r in rows] for name in ROW}
    given["ids"] = given.pop("id")
    for name in ("variance", "mask", "unusable", "psf"):
        if all(one is None for one in given[name]):
            given[name] = None
    if given["mask"] is not None:
        given["mask_planes"] = NAMES
    return given | {name: [r[name] for r in rows] for name in ("image", "x", "y")}


def one(given: dict[str, Any], **options: Any) -> bytes:
    """Blob of one row through `hstamp.encode`."""
    rest = {name: value for name, value in given.items() if name not in ("image", "x", "y")}
    if "mask" in rest:
        rest["mask_planes"] = NAMES
    return hstamp.encode(given["image"], given["x"], given["y"], **rest, **options).to_bytes()
