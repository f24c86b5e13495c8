"""Invalid blobs: version, levels, text, offsets and WCS."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from .faults import INF, fault
from .material import FLT_MAX, TINY
from .vector import Vector
from .writer import (
    NAN,
    blob,
    count_of,
    f4,
    f8,
    image_f4,
    long,
    next_f4,
)


def versions_and_levels() -> Iterator[Vector]:
    for value in (99, 200, 0, -100, 1000, 2**31 - 1, -(2**31)):
        name = f"version-{'minus-' if value < 0 else ''}{abs(value)}"
        yield fault(
            name, "E_VERSION", "VE-2", f"version {value} is not 100..199", version=long(value)
        )
    for value in (1, 9, 0, -2, 2**31 - 1):
        name = f"levels-{'minus-' if value < 0 else ''}{abs(value)}"
        yield fault(name, "E_LEVELS", "GE-2", f"n = {value}", levels=long(value))
    nine = blob(9, image_f4([1.0] * count_of(9)))
    yield Vector(
        "levels-9-complete",
        nine.bytes(),
        ("GE-2", "LI-1"),
        "n = 9 with all its data",
        error="E_LEVELS",
    )
    one = blob(1, image_f4([1.0] * 196))
    yield Vector(
        "levels-1-complete",
        one.bytes(),
        ("GE-2", "LI-1"),
        "n = 1 with all its data",
        error="E_LEVELS",
    )


def texts_offsets_wcs() -> Iterator[Vector]:
    for field, longest in (("id", 128), ("band", 32), ("fluxUnit", 32)):

        def put(raw: bytes, name: str = field) -> dict[str, bytes]:
            return (
                {f"{name}__length": long(len(raw)), f"{name}__text": raw}
                if name != "fluxUnit"
                else {"fluxUnit__length": long(len(raw)), "fluxUnit": raw}
            )

        for what, raw in (
            ("too-long", b"x" * (longest + 1)),
            ("control", b"r\x1f"),
            ("del", b"r\x7f"),
            ("newline", b"r\n"),
            ("nul", b"\x00"),
            ("utf8", "µJy".encode()),
            ("not-utf8", b"r\xff"),
        ):
            yield fault(
                f"text-{field.lower()}-{what}",
                "E_TEXT",
                "EN-10",
                f"{field}: {what.replace('-', ' ')}",
                **put(raw),
            )
    yield fault(
        "text-fluxunit-empty",
        "E_TEXT",
        "EN-10",
        "fluxUnit: empty",
        fluxUnit__length=long(0),
        fluxUnit=b"",
    )
    past = next_f4(0.5)
    for axis in ("dx", "dy"):
        for what, value in (
            ("0.5-plus", past),
            ("minus-0.5-minus", -past),
            ("nan", NAN),
            ("infinite", INF),
            ("1", 1.0),
        ):
            slug = what.replace(".", "")
            yield fault(
                f"offset-{axis}-{slug}",
                "E_OFFSET",
                "EN-11",
                f"{axis} = {value!r}",
                **{axis: f4(value)},
            )
    after_90 = struct.unpack(
        "<d", struct.pack("<Q", struct.unpack("<Q", struct.pack("<d", 90.0))[0] + 1)
    )[0]
    for name, value, what in (
        ("ra", 360.0, "360"),
        ("ra", -TINY, "below-0"),
        ("ra", NAN, "nan"),
        ("ra", INF, "infinite"),
        ("ra", 720.0, "720"),
        ("dec", after_90, "above-90"),
        ("dec", -after_90, "below-minus-90"),
        ("dec", NAN, "nan"),
        ("dec", -INF, "infinite"),
    ):
        yield fault(
            f"wcs-{name}-{what}",
            "E_WCS",
            "EN-11",
            f"{name} = {value!r}",
            **{f"wcs__{name}": f8(value)},
        )
    for name in ("cd1_1", "cd1_2", "cd2_1", "cd2_2"):
        slug = name.replace("_", "")
        yield fault(
            f"wcs-{slug}-nan", "E_WCS", "EN-11", f"{name} is NaN", **{f"wcs__{name}": f4(NAN)}
        )
        yield fault(
            f"wcs-{slug}-infinite",
            "E_WCS",
            "EN-11",
            f"{name} is infinite",
            **{f"wcs__{name}": f4(-INF)},
        )
    zero = {f"wcs__cd{i}_{j}": f4(0.0) for i in (1, 2) for j in (1, 2)}
    yield fault("wcs-singular-zero", "E_WCS", "EN-11", "all CD elements 0", **zero)
    row = {f"wcs__cd{i}_{j}": f4(2.0**-14 * j * i) for i in (1, 2) for j in (1, 2)}
    yield fault("wcs-singular-rows", "E_WCS", "EN-11", "rows of CD proportional", **row)
    large = {f"wcs__cd{i}_{j}": f4(FLT_MAX) for i in (1, 2) for j in (1, 2)}
    yield fault(
        "wcs-singular-large",
        "E_WCS",
        "EN-11",
        "a singular CD whose products overflow f4 but not f8",
        **large,
    )
