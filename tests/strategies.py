"""Hypothesis strategies for parents, positions and everything else that stamps are made from.

Pixels come from a seeded generator rather than from hypothesis itself: images are large, and what
matters is the kind of value and where it is missing, which are drawn.
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from hypothesis import strategies as st

KINDS = ("noise", "bright", "integers", "zeros", "subnormal", "huge", "wide range", "constant")
HOLES = ("none", "few", "most", "core", "band", "block", "one left", "all", "infinite")
DTYPES = ("<f4", ">f4", "<f8", ">f8", "<i2", "<i4", "<u2", "<f2")


@dataclass(frozen=True)
class Scene:
    """A parent and a source in it."""

    image: npt.NDArray[np.generic]
    variance: npt.NDArray[np.generic]
    mask: npt.NDArray[np.uint16]
    x: float
    y: float
    levels: int

    def __repr__(self) -> str:
        return (
            f"Scene({self.image.shape} {self.image.dtype.str}, x={self.x!r}, y={self.y!r},"
            f" levels={self.levels})"
        )


def pixels(kind: str, shape: tuple[int, int], rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """Values of one kind, each exactly representable in float32 unless it is wider on purpose."""
    noise = rng.normal(size=shape)
    if kind == "noise":
        return 20.0 * noise + 3.0
    if kind == "bright":
        y, x = np.indices(shape)
        distance = np.hypot(y - shape[0] / 2, x - shape[1] / 2)
        return noise + 1e6 * np.exp(-distance / 2)
    if kind == "integers":
        return np.rint(100 * noise)
    if kind == "zeros":
        return np.where(noise > 0, 0.0, -0.0)
    if kind == "subnormal":
        return np.rint(50 * noise) * 2.0**-149
    if kind == "huge":
        return np.clip(noise, -3, 3) * 1.1e38
    if kind == "wide range":
        return np.sign(noise) * 2.0 ** rng.uniform(-120, 120, size=shape)
    assert kind == "constant"
    return np.full(shape, float(np.float32(noise.flat[0])))


def missing(
    where: str, shape: tuple[int, int], x: float, y: float, rng: np.random.Generator
) -> npt.NDArray[np.bool_]:
    """Pixels that are not there, by pattern, around a source."""
    gone = np.zeros(shape, dtype=bool)
    rows, columns = np.indices(shape)
    reach = np.maximum(np.abs(rows - y), np.abs(columns - x))
    if where == "few":
        gone = rng.random(shape) < 0.1
    elif where == "most":
        gone = rng.random(shape) < 0.9
    elif where == "core":
        gone = reach < 8
    elif where == "band":
        gone = (reach > 8) & (reach < 24)
    elif where == "block":
        gone = (rows // 4 + columns // 4) % 2 == 0
    elif where == "one left":
        gone[:] = True
        gone[rng.integers(shape[0]), rng.integers(shape[1])] = False
    elif where == "all":
        gone[:] = True
    return gone


def positions(size: int) -> st.SearchStrategy[float]:
    """Coordinates in and around a parent, with every boundary between pixels among them."""
    near = st.floats(-90.0, size + 90.0, allow_subnormal=False)
    whole = st.integers(-40, size + 40).map(float)
    return st.one_of(
        near,
        st.floats(0.0, float(size)),
        whole,
        whole.map(lambda v: v + 0.5),
        whole.map(lambda v: math.nextafter(v, math.inf)),
        whole.map(lambda v: math.nextafter(v, -math.inf)),
    )


@st.composite
def scenes(
    draw: st.DrawFn,
    *,
    kinds: tuple[str, ...] = KINDS,
    holes: tuple[str, ...] = HOLES,
    dtypes: tuple[str, ...] = DTYPES,
    max_side: int = 90,
    levels: tuple[int, int] = (2, 8),
) -> Scene:
    """A parent image with variance and mask, and a source position."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    shape = (draw(st.integers(1, max_side)), draw(st.integers(1, max_side)))
    x, y = draw(positions(shape[1])), draw(positions(shape[0]))
    kind, where = draw(st.sampled_from(kinds)), draw(st.sampled_from(holes))
    dtype = np.dtype(draw(st.sampled_from(dtypes)))
    values = pixels(kind, shape, rng)
    if dtype.kind in "iu":
        values = np.clip(np.rint(values), 0 if dtype.kind == "u" else -30000, 30000)
    elif dtype == np.float16:
        values = np.clip(values, -60000, 60000)
    image = values.astype(dtype)
    spread = rng.gamma(2.0, 10.0, size=shape).astype(np.float32)
    spread[rng.random(shape) < 0.02] = draw(st.sampled_from([0.0, -1.0, np.nan, np.inf]))
    if dtype.kind == "f":
        gone = missing(where, shape, x, y, rng)
        image[gone] = np.nan
        if where == "infinite":
            image[rng.random(shape) < 0.1] = np.inf
            image[rng.random(shape) < 0.1] = -np.inf
    if draw(st.booleans()):
        image = np.asfortranarray(image)
    elif draw(st.booleans()):
        wide = np.zeros((2 * shape[0], 3 * shape[1]), dtype=image.dtype)
        wide[::2, ::3] = image
        image = wide[::2, ::3]
    mask = (rng.integers(0, 2**16, size=shape) * (rng.random(shape) < 0.05)).astype(np.uint16)
    return Scene(image, spread, mask, x, y, draw(st.integers(*levels)))
