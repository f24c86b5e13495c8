# ruff: noqa: E501 - one vector a line, with its reason
"""Valid blobs: metadata, forms of Avro, cuts, and a stamp as an alert carries it."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from .material import (
    GEOMETRY,
    LSST_CD,
    LSST_PLANES,
    TINY,
    gaussian_psf,
    ring,
)
from .vector import Lcg, Vector
from .writer import (
    blob,
    count_of,
    encoding,
    f4,
    floats,
    image_f4,
    image_i2,
    long,
    mask_plane,
    psf_plane,
    sized,
    texts,
    variance_log8,
)


def metadata() -> Iterator[Vector]:
    image = image_f4([1.0] * 372)
    printable = "".join(map(chr, range(0x20, 0x7F)))

    def vector(
        name: str, clauses: tuple[str, ...], reason: str, *flags: str, **fields: object
    ) -> Vector:
        return Vector(name, blob(2, image, **fields).bytes(), clauses, reason, flags=flags)  # type: ignore[arg-type]

    yield vector("text-id-empty", ("EN-10",), "an empty id is not null", id="")
    yield vector("text-band-empty", ("EN-10",), "an empty band is not null", band="")
    yield vector(
        "text-id-printable",
        ("EN-10",),
        "every byte 20..7E hex, quotes and backslash among them",
        id=printable,
    )
    yield vector("text-id-128", ("EN-10",), "the longest id", "edge", id="x" * 128)
    yield vector("text-band-32", ("EN-10",), "the longest band", "edge", band="LSSTCam-" * 4)
    yield vector(
        "text-fluxunit-1", ("EN-10", "PL-1"), "the shortest fluxUnit", "edge", flux_unit="1"
    )
    yield vector(
        "text-fluxunit-32",
        ("EN-10", "PL-1"),
        "the longest fluxUnit",
        "edge",
        flux_unit="10**-29 W m**-2 Hz**-1 (nJy/10)."[:32],
    )
    yield vector("offset-max", ("EN-11", "PL-6"), "dx = dy = 0.5", "edge", dx=0.5, dy=0.5)
    yield vector("offset-min", ("EN-11", "PL-6"), "dx = dy = -0.5", "edge", dx=-0.5, dy=-0.5)
    yield vector(
        "offset-tiny",
        ("EN-11", "PL-6"),
        "subnormal and inexact-decimal offsets",
        "subnormal",
        dx=TINY,
        dy=-0.1,
    )
    yield vector("wcs-lsst", ("PL-7", "EN-11"), "a rotated 0.2 arcsec/pixel CD matrix", wcs=LSST_CD)
    yield vector(
        "wcs-ra-zero", ("EN-11",), "ra = 0, dec = 90", "edge", wcs=(0.0, 90.0, -5e-5, 0, 0, 5e-5)
    )
    below = struct.unpack(
        "<d", struct.pack("<Q", struct.unpack("<Q", struct.pack("<d", 360.0))[0] - 1)
    )[0]
    yield vector(
        "wcs-ra-below-360",
        ("EN-11",),
        "the largest ra, dec = -90",
        "edge",
        wcs=(below, -90.0, -5e-5, 0, 0, 5e-5),
    )
    yield vector(
        "wcs-17-digits",
        ("EN-11",),
        "ra and dec that need 17 decimal digits",
        wcs=(0.1 + 0.2, -(1 / 3), 1e-4, 2e-4, 3e-4, -4e-4),
    )
    yield vector(
        "wcs-determinant-underflows-f4",
        ("EN-11", "NO-2"),
        "a determinant of 2^-200 is not 0 in f8",
        "edge",
        wcs=(1.0, 2.0, 2.0**-100, 0, 0, 2.0**-100),
    )
    yield vector(
        "wcs-determinant-subnormal",
        ("EN-11", "NO-2"),
        "the smallest CD elements: determinant 2^-298",
        "edge",
        wcs=(1.0, 2.0, TINY, 0, 0, TINY),
    )
    almost = (1.0, 2.0, 1.0 + 2.0**-23, 1.0, 1.0 + 2.0**-22, 1.0 + 2.0**-23)
    yield vector(
        "wcs-determinant-cancels",
        ("EN-11", "NO-2"),
        "products that differ by 2^-46: exact in f8",
        "edge",
        wcs=almost,
    )
    for version in (101, 150, 199):
        yield vector(
            f"version-{version}",
            ("VE-1", "VE-2"),
            f"a reader of 1.x accepts version {version}",
            version=version,
        )


def avro_forms() -> Iterator[Vector]:
    n = 5
    zero, scale = [1.0, -2.0, 3.5, 0.0, -7.25], [0.5, 0.25, 0.125, 2.0, 4.0]
    base = blob(
        n,
        image_i2(zero, scale, Lcg(14).many(900, -3000, 3000)),
        id="a",
        band="g",
        mask=mask_plane([i % 8 for i in range(900)], ["A", "BB", "CCC"]),
    )

    def vector(name: str, reason: str, **changes: bytes) -> Vector:
        return Vector(name, base.put(**changes).bytes(), ("CO-1", "DE-4"), reason, flags=("avro",))

    yield vector(
        "avro-blocks-positive",
        "arrays in several blocks",
        image__zero=floats(zero, [2, 3]),
        image__scale=floats(scale, [1] * 5),
    )
    yield vector(
        "avro-blocks-negative",
        "blocks with a negative count and their size in bytes",
        image__zero=floats(zero, [-5]),
        image__scale=floats(scale, [-2, -3]),
        mask__planes=texts(["A", "BB", "CCC"], [-3]),
    )
    yield vector(
        "avro-blocks-mixed",
        "positive and negative counts in one array",
        image__zero=floats(zero, [1, -3, 1]),
        mask__planes=texts(["A", "BB", "CCC"], [-1, 2]),
    )
    ten = long(100, 7)
    assert len(ten) == 9
    yield vector(
        "avro-long-padded",
        "longs that are not in their shortest form",
        version=long(100, 2),
        levels=long(n, 3),
        id__index=long(1, 1),
        id__length=long(1, 4),
        image__data__length=long(1800, 3),
    )
    yield vector(
        "avro-long-ten-bytes",
        "a long of ten bytes whose value fits",
        version=long(100, 8),
        band__index=long(1, 9),
    )
    counts = long(5, 2) + f4(*zero) + long(0, 9)
    yield vector("avro-count-padded", "padded array counts and end marker", image__zero=counts)
    empty = blob(
        2,
        encoding("image", "f4")
        | {"image.zero": long(0, 1), "image.scale": long(0, 9)}
        | sized("image.data", f4(*[2.5] * 372)),
    )
    yield Vector(
        "avro-empty-array-padded",
        empty.bytes(),
        ("CO-1",),
        "an empty array whose end marker is padded",
        flags=("avro",),
    )


def cuts() -> Iterator[Vector]:
    rng = Lcg(15)
    n = 8
    zero = [rng.between(-1000, 1000) / 8 for _ in range(n)]
    scale = [rng.between(1, 1000) / 64 for _ in range(n)]
    q = rng.many(count_of(n), -32768, 32767)
    codes, bits = rng.many(count_of(n), 0, 255), rng.many(count_of(n), 0, 255)
    psf = psf_plane(gaussian_psf(15, 2.0), 15)
    for m in range(8, 1, -1):
        size = count_of(m)
        data = blob(
            m,
            image_i2(zero[:m], scale[:m], q[:size]),
            variance=variance_log8(codes[:size], 2.5),
            mask=mask_plane(bits[:size], LSST_PLANES),
            psf=psf,
            id="cut",
            wcs=LSST_CD,
        )
        what = "the stamp that the others are cut from" if m == 8 else f"cut from 8 levels to {m}"
        yield Vector(f"cut-{m}", data.bytes(), ("CO-7", "GE-6"), what, flags=("cut",))


def realistic() -> Iterator[Vector]:
    """A five-level stamp as a Rubin alert would carry it: noise, a source, a host, a missing edge."""
    rng = Lcg(16)
    q = []
    for i in range(900):
        noise = sum(rng.many(12, -16, 16)) // 3
        source = (
            round(900 * 2.0 ** -(((i // 14 - 7) ** 2 + (i % 14 - 7) ** 2) / 3)) if i < 196 else 0
        )
        q.append(noise + source)
    for k in range(1, 5):
        for row in range(15):
            q[ring(k, row, 14)] = -32768 if k >= 3 else q[ring(k, row, 14)]
    codes = [255 if value == -32768 else 20 + rng.below(4) for value in q]
    bits = [
        64 if value == -32768 else (2 if value > 800 else 0) | (32 if value > 100 else 0)
        for value in q
    ]
    data = blob(
        5,
        image_i2([250.5, 60.25, 16.0, 3.0, -1.5], [4.5, 2.25, 1.125, 0.5625, 0.28125], q),
        version=100,
        id="3527242976319242284/difference",
        band="i",
        dx=-0.21875,
        dy=0.4375,
        wcs=LSST_CD,
        variance=variance_log8(codes, 1800.0),
        mask=mask_plane(bits, LSST_PLANES),
        psf=psf_plane(gaussian_psf(21, 2.2), 21),
    )
    assert len(data.bytes()) < 5000
    yield Vector(
        "realistic-n5",
        data.bytes(),
        (*GEOMETRY, "PL-6", "PL-7"),
        "a five-level stamp as an alert carries it",
        flags=("realistic",),
    )
