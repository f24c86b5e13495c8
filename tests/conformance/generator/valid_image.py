"""Valid blobs: missing values and extremes of numbers in the image plane."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from .material import (
    FLT_MAX,
    SCALE_MAX,
    TINY,
    core,
    ring,
)
from .vector import Lcg, Vector
from .writer import (
    NAN,
    blob,
    f4,
    image_f4,
    image_i2,
    variance_f4,
    variance_log8,
)


def missing() -> Iterator[Vector]:
    ramp = [float(i % 97 + 1) for i in range(548)]

    def vector(name: str, gone: set[int], reason: str) -> Iterator[Vector]:
        values = [NAN if i in gone else v for i, v in enumerate(ramp)]
        q = [-32768 if i in gone else i % 97 - 48 for i in range(548)]
        clauses = ("VA-1", "VA-3", "VA-4", "GE-7", "DE-1")
        yield Vector(
            f"missing-{name}-f4",
            blob(3, image_f4(values)).bytes(),
            (*clauses, "EN-1"),
            f"f4: {reason}",
            flags=("missing",),
        )
        image = image_i2([5.0, -5.5, 7.25], [0.5, 0.375, 3.0], q)
        yield Vector(
            f"missing-{name}-i2",
            blob(3, image).bytes(),
            (*clauses, "EN-2"),
            f"i2: {reason}",
            flags=("missing",),
        )

    yield from vector(
        "core-one", {core(6, 7)}, "one core pixel missing: its level-1 mean has three children"
    )
    four = {core(a, b) for a in (4, 5) for b in (8, 9)}
    yield from vector(
        "hole-four-children",
        four,
        "all four children of one hole pixel missing: so is the hole pixel",
    )
    patterns = set()
    for pattern in range(16):
        for child in range(4):
            if pattern >> child & 1:
                patterns.add(core(2 * (pattern // 4) + child // 2, 2 * (pattern % 4) + child % 2))
    yield from vector(
        "hole-all-patterns", patterns, "the 16 patterns of missing children in 16 hole pixels"
    )
    yield from vector(
        "core-whole", set(range(196)), "whole core missing: level 0 keeps only its derived pixels"
    )
    yield from vector(
        "ring1-whole", set(range(196, 372)), "whole ring 1 missing: derived pixels are missing too"
    )
    yield from vector("ring2-whole", set(range(372, 548)), "whole outermost ring missing")
    yield from vector("all", set(range(548)), "whole stamp missing")
    yield from vector(
        "ring1-one", {ring(1, 11, 11)}, "one ring-1 pixel missing: four derived pixels show it"
    )
    level2 = {ring(1, 1, 1), ring(1, 1, 2), ring(1, 2, 1)}
    yield from vector(
        "ring1-three-children",
        level2,
        "three children of level 2 (4,4) missing: the mean is the fourth",
    )
    payloads = [0x7FC00000, 0xFFC00000, 0x7F800001, 0xFF800001, 0x7FFFFFFF, 0xFFFFFFFF, 0x7FA5A5A5]
    raw = b"".join(
        struct.pack("<I", payloads[i % 7]) if i % 3 == 0 else f4(float(i)) for i in range(372)
    )
    yield Vector(
        "missing-nan-payloads",
        blob(2, image_f4(raw)).bytes(),
        ("VA-1", "EN-1"),
        "quiet and signalling NaNs of either sign with payloads are all missing",
        flags=("missing",),
    )
    image = image_f4([1.0] * 372)
    gone = variance_f4([NAN if i % 5 == 0 else float(i) for i in range(372)])
    yield Vector(
        "missing-variance-f4",
        blob(2, image, variance=gone).bytes(),
        ("PL-2", "PL-3", "EN-4"),
        "variance missing where the image is not, f4",
        "full",
        flags=("missing",),
    )
    codes = [255 if i % 7 == 3 or 100 <= i < 130 else i % 255 for i in range(372)]
    yield Vector(
        "missing-variance-log8",
        blob(2, image, variance=variance_log8(codes, 1.5)).bytes(),
        ("PL-2", "PL-3", "EN-5"),
        "variance missing where the image is not, log8",
        "full",
        flags=("missing",),
    )
    yield Vector(
        "missing-variance-all",
        blob(2, image, variance=variance_log8([255] * 372, 1.0)).bytes(),
        ("PL-2", "EN-5"),
        "whole variance plane missing",
        "full",
        flags=("missing",),
    )


def numbers_f4() -> Iterator[Vector]:
    va3, va4 = ("VA-3", "VA-4", "NO-2"), ("VA-1", "VA-3", "EN-1")
    one = blob(3, image_f4([-0.0] * 548))
    yield Vector(
        "zero-negative-everywhere",
        one.bytes(),
        va4,
        "-0.0 in every stored value: kept where stored and derived, +0.0 in holes",
        flags=("zero",),
    )
    mixed = [(-0.0, 0.0, 1.0, -1.0)[i % 4] for i in range(548)]
    yield Vector(
        "zero-signs-mixed",
        blob(3, image_f4(mixed)).bytes(),
        va4,
        "zeros of both signs and sums that cancel give +0.0 means",
        flags=("zero",),
    )
    gone = [(-0.0, NAN)[i % 2] for i in range(548)]
    yield Vector(
        "zero-negative-beside-missing",
        blob(3, image_f4(gone)).bytes(),
        va4,
        "the mean of -0.0 and missing children is +0.0",
        flags=("zero", "missing"),
    )
    subnormal = [(TINY * (1 + i * 7919 % 2**22)) * (-1) ** i for i in range(548)]
    yield Vector(
        "subnormal-f4",
        blob(3, image_f4(subnormal)).bytes(),
        va3,
        "subnormal stored values and means",
        flags=("subnormal",),
    )
    ties = [TINY * ((i * 37) % 9 - 4) for i in range(548)]
    yield Vector(
        "subnormal-means-round",
        blob(3, image_f4(ties)).bytes(),
        va3,
        "means of a few units in the last subnormal place: ties to even, and -0.0 by underflow",
        flags=("subnormal",),
    )
    boundary = [2.0**-126 * (1, 1 - 2.0**-23, -1, 2.0**-23 - 1)[(i * 5) % 4] for i in range(548)]
    yield Vector(
        "subnormal-boundary",
        blob(3, image_f4(boundary)).bytes(),
        va3,
        "values and means either side of the smallest normal number",
        flags=("subnormal",),
    )
    yield Vector(
        "extreme-f4-max",
        blob(8, image_f4([FLT_MAX] * 1428)).bytes(),
        va3,
        "FLT_MAX everywhere: sums need binary64",
        flags=("extreme",),
    )
    alternating = [FLT_MAX * (-1) ** (i + i // 14) for i in range(548)]
    yield Vector(
        "extreme-f4-alternating",
        blob(3, image_f4(alternating)).bytes(),
        va3,
        "plus and minus FLT_MAX",
        flags=("extreme",),
    )
    order = [0.0] * 548
    for u in range(7):
        for v in range(7):
            quad = (
                (2.0**60, 1.0, -(2.0**60), 1.0),
                (1.0, 2.0**60, 1.0, -(2.0**60)),
                (2.0**60, -(2.0**60), 1.0, 1.0),
            )[(u + v) % 3]
            for child, value in enumerate(quad):
                order[core(2 * u + child // 2, 2 * v + child % 2)] = value
    yield Vector(
        "mean-order",
        blob(3, image_f4(order)).bytes(),
        va3,
        "children that cancel: the mean shows the order of summation",
        flags=("rounding",),
    )
    yield Vector(
        "mean-rounding",
        blob(5, image_f4(list(Lcg(7).sky(900)))).bytes(),
        va3,
        "24-bit values: sums inexact in binary32, each level rounded once to f4",
        flags=("rounding",),
    )
    thirds = [NAN if i % 4 == 3 and i < 196 else v for i, v in enumerate(Lcg(8).sky(900))]
    yield Vector(
        "mean-thirds",
        blob(5, image_f4(thirds)).bytes(),
        va3,
        "means of 1 to 3 children: division, not multiplication by a rounded reciprocal",
        flags=("rounding", "missing"),
    )
    midway = [1.0 + 2.0**-23 * ((i * 11) % 7) for i in range(548)]
    yield Vector(
        "mean-ties",
        blob(3, image_f4(midway)).bytes(),
        va3,
        "means half-way between two f4 values go to the even one",
        flags=("rounding",),
    )


def numbers_i2() -> Iterator[Vector]:
    clauses = ("EN-2", "EN-3", "NO-2")
    extremes = [(-32767, 32767, -32768, 0, 1, -1)[i % 6] for i in range(548)]

    def vector(
        name: str, zero: list[float], scale: list[float], q: list[int], reason: str, *flags: str
    ) -> Vector:
        return Vector(name, blob(3, image_i2(zero, scale, q)).bytes(), clauses, reason, flags=flags)

    yield vector(
        "i2-extremes-q",
        [0.0, 1.0, -1.0],
        [1.0, 0.5, 0.25],
        extremes,
        "q at both ends, missing, 0 and beside 0",
        "extreme",
    )
    yield vector(
        "i2-scale-smallest",
        [0.0, -0.0, TINY],
        [TINY] * 3,
        extremes,
        "scale 2^-149 with subnormal values",
        "subnormal",
    )
    yield vector(
        "i2-zero-subnormal",
        [TINY * 3, -TINY * 5, 2.0**-126],
        [2.0**-140, TINY, 2.0**-126],
        extremes,
        "subnormal zero and scale",
        "subnormal",
    )
    yield vector(
        "i2-zero-negative-zero",
        [-0.0] * 3,
        [1.0, 2.0**-140, 3.5],
        [0, -1, 1] * 182 + [0, 0],
        "-0.0 + scale*0 is +0.0",
        "zero",
    )
    yield vector(
        "i2-scale-largest",
        [0.0, -0.0, 0.0],
        [SCALE_MAX] * 3,
        [32767, -32767] * 274,
        "the largest scale whose range stays within FLT_MAX",
        "extreme",
        "edge",
    )
    yield vector(
        "i2-zero-largest",
        [FLT_MAX, -FLT_MAX, FLT_MAX],
        [TINY, 1.0, 2.0**59],
        [32767, -32767] * 274,
        "|zero| = FLT_MAX with a scale too small to raise the f8 sum",
        "extreme",
        "edge",
    )
    tie = 16773121 * 2.0**-60
    yield vector(
        "i2-two-roundings",
        [1.0, 4.0, -1.0],
        [tie, tie * 4, tie],
        [4097, -4097, 4096, 4098] * 137,
        "1 + 4097*scale rounds to a tie in f8 and then to even: one rounding gives other bits",
        "rounding",
    )
    rng = Lcg(9)
    zero = [rng.between(2**23, 2**24 - 1) / 2.0**12 for _ in range(3)]
    scale = [rng.between(2**23, 2**24 - 1) / 2.0**30 for _ in range(3)]
    yield vector(
        "i2-double-not-single",
        zero,
        scale,
        rng.many(548, -32767, 32767),
        "24-bit zero and scale: the product does not fit binary32",
        "rounding",
    )
    yield vector(
        "i2-cancellation",
        [-1000.0, 3.0, -0.1875],
        [1.0, 1.0, 2.0**-8],
        [1000, -3, 48, 999] * 137,
        "zero and scale*q cancel",
        "zero",
    )
