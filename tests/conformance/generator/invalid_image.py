"""Invalid blobs: the image plane."""

from __future__ import annotations

from collections.abc import Iterator

from .faults import INF, base, fault
from .material import FLT_MAX, SCALE_MAX
from .vector import Vector
from .writer import (
    NAN,
    bits_f4,
    blob,
    encoding,
    f4,
    floats,
    image_i2,
    long,
    next_f4,
    sized,
)


def images() -> Iterator[Vector]:
    for bad in ("f8", "F4", "i4", "", "i2 ", "log8", "f4\0"):
        slug = {"": "empty", "F4": "upper", "i2 ": "space", "f4\0": "nul"}.get(bad, bad)
        changes = {"image__encoding__length": long(len(bad)), "image__encoding": bad.encode()}
        yield fault(
            f"image-encoding-{slug}",
            "E_ENCODING",
            "VE-2",
            f"image encoding {bad!r} is unknown",
            **changes,
        )
    for kind, width in (("f4", 4), ("i2", 2)):
        source = base(image=kind)
        data = source.segments["image.data"]
        for what, cut in (
            ("short-by-one", data[:-1]),
            ("long-by-one", data + b"\x00"),
            ("short-by-value", data[:-width]),
            ("long-by-value", data + data[:width]),
            ("empty", b""),
            ("other-n", data + data[: 176 * width]),
        ):
            yield fault(
                f"image-{kind}-{what}",
                "E_LENGTH",
                "EN-1" if kind == "f4" else "EN-2",
                f"image data: {what.replace('-', ' ')}",
                source,
                image__data__length=long(len(cut)),
                image__data=cut,
            )
    yield fault(
        "image-levels-disagree",
        "E_LENGTH",
        "GE-6",
        "levels says 3, everything else 2",
        levels=long(3),
    )
    f4_base = base(image="f4")
    for name in ("zero", "scale"):
        yield fault(
            f"image-f4-{name}-present",
            "E_SCALE",
            "EN-1",
            f"f4 with a non-empty {name}",
            f4_base,
            **{f"image__{name}": floats([1.0])},
        )
        for what, values in (("none", []), ("one-short", [1.0]), ("one-long", [1.0, 1.0, 1.0])):
            yield fault(
                f"image-i2-{name}-{what}",
                "E_SCALE",
                "EN-2",
                f"{len(values)} elements of {name} for n = 2",
                **{f"image__{name}": floats(values)},
            )
    for what, value in (
        ("nan", NAN),
        ("zero", 0.0),
        ("negative-zero", -0.0),
        ("negative", -0.5),
        ("infinite", INF),
        ("minus-infinite", -INF),
    ):
        for k in (0, 1):
            pair = [0.5, 0.25]
            pair[k] = value
            yield fault(
                f"image-scale-{what}-level{k}",
                "E_SCALE",
                "EN-3",
                f"scale[{k}] = {value}",
                image__scale=floats(pair),
            )
    for what, value in (("nan", NAN), ("infinite", INF), ("minus-infinite", -INF)):
        for k in (0, 1):
            pair = [10.0, 20.0]
            pair[k] = value
            yield fault(
                f"image-zero-{what}-level{k}",
                "E_SCALE",
                "EN-3",
                f"zero[{k}] = {value}",
                image__zero=floats(pair),
            )
    limit = ("E_SCALE", "EN-3")
    above = next_f4(SCALE_MAX)
    yield fault(
        "image-range-scale",
        *limit,
        "32767*scale one step above FLT_MAX, zero 0",
        image__zero=floats([0.0, 0.0]),
        image__scale=floats([1.0, above]),
    )
    yield fault(
        "image-range-zero",
        *limit,
        "|zero| = FLT_MAX and a scale that raises the f8 sum by one ulp",
        image__zero=floats([0.0, -FLT_MAX]),
        image__scale=floats([1.0, 2.0**60]),
    )
    yield fault(
        "image-range-both",
        *limit,
        "|zero| + 32767*scale above FLT_MAX, each below",
        image__zero=floats([FLT_MAX / 2, 0.0]),
        image__scale=floats([SCALE_MAX * 0.75, 1.0]),
    )
    all_small = image_i2([0.0, 0.0], [1.0, above], [0] * 372)
    yield Vector(
        "image-range-unused",
        blob(2, all_small).bytes(),
        ("EN-3", "LI-1"),
        "the range is checked whatever the values are",
        error="E_SCALE",
    )
    for what, bits in (("infinite", 0x7F800000), ("minus-infinite", 0xFF800000)):
        for where, index in (("first", 0), ("last", 371)):
            values = [1.5] * 372
            values[index] = bits_f4(bits)
            yield fault(
                f"image-f4-{what}-{where}",
                "E_VALUE",
                "EN-1",
                f"{what.replace('-', ' ')} stored in the {where} value",
                f4_base,
                image__data=f4(*values),
            )


def schemas_apart() -> Iterator[Vector]:
    """Faults that a reader could miss by reusing an encoder's defaults."""
    source = blob(
        2,
        encoding("image", "f4")
        | {"image.zero": b"\0", "image.scale": b"\0"}
        | sized("image.data", f4(*[1.0] * 371)),
    )
    yield Vector(
        "image-f4-371-values",
        source.bytes(),
        ("EN-1", "LI-1"),
        "371 values for n = 2",
        error="E_LENGTH",
    )
