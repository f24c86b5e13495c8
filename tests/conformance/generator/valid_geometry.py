"""Valid blobs: geometry at every n, and which planes are present."""

from __future__ import annotations

from collections.abc import Iterator

from .material import (
    GEOMETRY,
    LSST_CD,
    full,
    random_i2,
)
from .vector import Lcg, Vector
from .writer import (
    blob,
    count_of,
    image_f4,
)


def geometry() -> Iterator[Vector]:
    for n in range(2, 9):
        values = [float(i + 1) for i in range(count_of(n))]
        yield Vector(
            f"f4-n{n}",
            blob(n, image_f4(values)).bytes(),
            (*GEOMETRY, "EN-1", "VE-3"),
            f"n = {n}: every stored f4 value is its own position in stamp order, counted from 1",
        )
    for n in range(2, 9):
        yield Vector(
            f"i2-n{n}",
            blob(n, random_i2(Lcg(n), n)).bytes(),
            (*GEOMETRY, "EN-2", "EN-3"),
            f"n = {n}: pseudo-random i2 values with their own zero and scale at each level",
        )
    for n in range(2, 9):
        rng = Lcg(100 + n)
        data = blob(
            n,
            random_i2(rng, n),
            **full(rng, n),
            id=f"{n}/template",
            band="r",
            dx=0.125,
            dy=-0.375,
            wcs=LSST_CD,
        )
        yield Vector(
            f"full-n{n}",
            data.bytes(),
            (*GEOMETRY, "PL-3", "PL-4", "EN-5", "EN-7", "EN-8", "EN-9"),
            f"n = {n}: i2 image, log8 variance, u1 mask, psf, wcs and text together",
        )
    for n in (3, 5, 8):
        rng = Lcg(200 + n)
        data = blob(n, image_f4(list(rng.sky(count_of(n)))), **full(rng, n, "u2"))
        yield Vector(
            f"full-f4-n{n}",
            data.bytes(),
            (*GEOMETRY, "PL-2", "PL-3", "PL-4", "EN-1", "EN-4", "EN-7", "EN-9"),
            f"n = {n}: f4 image and variance, u2 mask with 16 planes, psf",
        )


def presence() -> Iterator[Vector]:
    for pick in range(8):
        rng = Lcg(300 + pick)
        chosen = {
            name: plane for i, (name, plane) in enumerate(full(rng, 2).items()) if pick >> i & 1
        }
        name = "-".join(chosen) or "none"
        yield Vector(
            f"planes-{name}",
            blob(2, random_i2(rng, 2), **chosen).bytes(),
            ("PL-1", "CO-1", "DE-1"),
            f"optional planes present: {name.replace('-', ', ')}",
        )
