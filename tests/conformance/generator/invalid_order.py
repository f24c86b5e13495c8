# ruff: noqa: E501 - one vector a line, with its reason
"""Blobs with two faults: the one that comes first in the table or the record is reported."""

from __future__ import annotations

from collections.abc import Iterator

from .faults import INF, base
from .vector import Vector
from .writer import (
    NAN,
    Blob,
    f4,
    f8,
    floats,
    long,
    texts,
)


def orders() -> Iterator[Vector]:
    """Two faults: the one that comes first in the table or in the record is reported [DE-2] [LI-2]."""

    def two(
        name: str,
        code: str,
        reason: str,
        source: Blob | None = None,
        profile: str = "core",
        **changes: bytes,
    ) -> Vector:
        data = (source or base()).put(**changes).bytes()
        return Vector(
            f"order-{name}", data, ("DE-2", "LI-2"), reason, profile, error=code, flags=("order",)
        )

    bad_psf_end = base().put(version=long(200)).bytes()
    both = ("DE-2", "LI-2")
    yield Vector(
        "order-avro-version",
        bad_psf_end[:-3],
        both,
        "truncated, version 200: the bytes come first",
        error="E_AVRO",
        flags=("order",),
    )
    yield Vector(
        "order-trailing-version",
        bad_psf_end + b"\0",
        both,
        "trailing byte, version 200",
        error="E_TRAILING",
        flags=("order",),
    )
    yield two(
        "version-levels", "E_VERSION", "version 200, n = 9", version=long(200), levels=long(9)
    )
    yield two(
        "levels-text",
        "E_LEVELS",
        "n = 9, control byte in id",
        levels=long(9),
        id__text=b"7/scienc\n",
    )
    yield two(
        "text-offset", "E_TEXT", "control byte in id, dx = 1", id__text=b"7/scienc\n", dx=f4(1.0)
    )
    yield two("offset-wcs", "E_OFFSET", "dx = 1, ra = 360", dx=f4(1.0), wcs__ra=f8(360.0))
    yield two(
        "wcs-encoding",
        "E_WCS",
        "ra = 360, unknown image encoding",
        wcs__ra=f8(360.0),
        image__encoding=b"i3",
    )
    yield two(
        "encoding-length",
        "E_ENCODING",
        "unknown image encoding, data short",
        image__encoding=b"i3",
        image__data__length=long(1),
        image__data=b"\0",
    )
    yield two(
        "length-scale",
        "E_LENGTH",
        "image data short, scale 0",
        image__data__length=long(1),
        image__data=b"\0",
        image__scale=floats([0.0, 1.0]),
    )
    infinite = f4(*([INF] * 372))
    yield two(
        "scale-value",
        "E_SCALE",
        "f4 with zero present, infinite values",
        base("f4"),
        image__zero=floats([1.0]),
        image__data=infinite,
    )
    yield two(
        "image-variance",
        "E_SCALE",
        "scale 0 in the image, unknown variance encoding: planes in order",
        image__scale=floats([0.0, 1.0]),
        variance__encoding=b"log9",
    )
    yield two(
        "value-variance",
        "E_VALUE",
        "infinite image value, variance data short",
        base("f4"),
        image__data=infinite,
        variance__data__length=long(1),
        variance__data=b"\0",
    )
    yield two(
        "version-mask",
        "E_VERSION",
        "version 200, mask names repeated",
        version=long(200),
        mask__planes=texts(["A", "A"]),
    )
    yield two("wcs-psf", "E_WCS", "ra = 360, psf size even", wcs__ra=f8(360.0), psf__size=long(2))
    full = "full"
    yield two(
        "variance-encoding-unit",
        "E_ENCODING",
        "variance encoding unknown, unit NaN",
        None,
        full,
        variance__encoding=b"log9",
        variance__unit=f4(NAN),
    )
    yield two(
        "variance-length-unit",
        "E_LENGTH",
        "variance data short, unit NaN",
        None,
        full,
        variance__data__length=long(1),
        variance__data=b"\1",
        variance__unit=f4(NAN),
    )
    yield two(
        "variance-mask",
        "E_SCALE",
        "unit 0, mask names repeated",
        None,
        full,
        variance__unit=f4(0.0),
        mask__planes=texts(["A", "A"]),
    )
    yield two(
        "variance-value-mask",
        "E_VALUE",
        "negative variance, mask encoding unknown",
        base(variance="f4"),
        full,
        variance__data=f4(*[-1.0] * 372),
        mask__encoding=b"u3",
    )
    yield two(
        "mask-encoding-names",
        "E_ENCODING",
        "mask encoding unknown, names repeated",
        None,
        full,
        mask__encoding=b"u3",
        mask__planes=texts(["A", "A"]),
    )
    yield two(
        "mask-names-length",
        "E_MASK",
        "names repeated, data short",
        None,
        full,
        mask__planes=texts(["A", "A"]),
        mask__data__length=long(1),
        mask__data=b"\0",
    )
    yield two(
        "mask-length-bits",
        "E_LENGTH",
        "data short, unnamed bit set",
        None,
        full,
        mask__data__length=long(1),
        mask__data=b"\4",
    )
    yield two(
        "mask-bits-psf",
        "E_MASK",
        "unnamed bit set, psf encoding unknown",
        None,
        full,
        mask__data=b"\4" * 372,
        psf__encoding=b"i3",
    )
    yield two(
        "psf-encoding-size",
        "E_ENCODING",
        "psf encoding unknown, size even",
        None,
        full,
        psf__encoding=b"i3",
        psf__size=long(2),
    )
    yield two(
        "psf-size-length",
        "E_PSF",
        "size even, data short",
        None,
        full,
        psf__size=long(2),
        psf__data__length=long(1),
        psf__data=b"\0",
    )
    yield two(
        "psf-length-values",
        "E_LENGTH",
        "data long, sum 0",
        None,
        full,
        psf__data__length=long(20),
        psf__data=bytes(20),
    )
