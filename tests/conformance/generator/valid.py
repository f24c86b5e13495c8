# ruff: noqa: E501 - one vector a line, with its reason
"""Valid blobs: geometry, encodings, missing values, number extremes, metadata, Avro forms, cuts."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from .vector import Lcg, Vector
from .writer import (
    NAN,
    blob,
    count_of,
    encoding,
    f4,
    floats,
    image_f4,
    image_i2,
    largest_f4,
    long,
    mask_plane,
    psf_plane,
    sized,
    texts,
    variance_f4,
    variance_log8,
)

SIDES = {2: 30, 3: 60, 4: 120, 5: 240, 6: 480, 7: 960, 8: 1920}
GEOMETRY = ("GE-2", "GE-3", "GE-4", "GE-5", "GE-6", "GE-7", "VA-3", "VA-4", "DE-1", "NO-1", "NO-2")
LSST_CD = (10.684708, -45.25, -5.5e-5, 3.1e-6, 3.2e-6, 5.6e-5)
LSST_PLANES = ["BAD", "SAT", "INTRP", "CR", "EDGE", "DETECTED", "DETECTED_NEGATIVE", "NO_DATA"]
RUBIN_16 = [
    *LSST_PLANES,
    "CROSSTALK",
    "STREAK",
    "VIGNETTED",
    "INJECTED",
    "REJECTED",
    "SUSPECT",
    "CLIPPED",
    "UNMASKEDNAN",
]
FLT_MAX = (2 - 2.0**-23) * 2.0**127
TINY = 2.0**-149
SCALE_MAX = largest_f4(lambda scale: 32767 * scale <= FLT_MAX)
UNIT_MAX = largest_f4(lambda unit: unit * 57549 <= FLT_MAX)


def core(row: int, column: int) -> int:
    """Stamp-order index of a core pixel."""
    return 14 * row + column


def ring(k: int, row: int, column: int) -> int:
    """Stamp-order index of a ring pixel."""
    cells = [(a, b) for a in range(15) for b in range(15) if not (4 <= a <= 10 and 4 <= b <= 10)]
    return 196 + 176 * (k - 1) + cells.index((row, column))


def gaussian_psf(size: int, width: float) -> list[int]:
    """A rounded Gaussian with a few negative values in its wings, as measured PSFs have."""
    half = size // 2
    out = []
    for row in range(size):
        for column in range(size):
            r2 = ((row - half) ** 2 + (column - half) ** 2) / (width * width)
            out.append(round(32767 * 2.0**-r2) - (3 if r2 > 9 and (row + column) % 5 == 0 else 0))
    return out


def random_i2(rng: Lcg, n: int) -> dict[str, bytes]:
    zero = [rng.between(-(2**20), 2**20) / 2.0**10 for _ in range(n)]
    scale = [rng.between(2**20, 2**24 - 1) / 2.0 ** rng.between(22, 28) for _ in range(n)]
    return image_i2(zero, scale, rng.many(count_of(n), -32767, 32767))


def full(rng: Lcg, n: int, kind: str = "u1") -> dict[str, dict[str, bytes]]:
    """Every optional plane, filled at random with all kinds of values."""
    names = LSST_PLANES if kind == "u1" else RUBIN_16
    bits = [rng.below(2 ** len(names)) if rng.below(4) == 0 else 0 for _ in range(count_of(n))]
    if kind == "u1":
        variance = variance_log8(rng.many(count_of(n), 0, 255), 37.25)
    else:
        variance = variance_f4(
            [NAN if rng.below(20) == 0 else abs(v) for v in rng.sky(count_of(n))]
        )
    return {
        "variance": variance,
        "mask": mask_plane(bits, names, kind),
        "psf": psf_plane(gaussian_psf(21, 2.1), 21),
    }


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


def variances() -> Iterator[Vector]:
    image = image_f4([1.0] * 372)

    def vector(
        name: str,
        n: int,
        plane: dict[str, bytes],
        clauses: tuple[str, ...],
        reason: str,
        *flags: str,
    ) -> Vector:
        return Vector(
            name,
            blob(n, image_f4([1.0] * count_of(n)), variance=plane).bytes(),
            clauses,
            reason,
            "full",
            flags=flags,
        )

    log8 = ("EN-5", "PL-3")
    yield vector(
        "log8-all-codes",
        2,
        variance_log8([i % 256 for i in range(372)], 1.0),
        log8,
        "every code from 0, unit 1",
    )
    yield vector(
        "log8-all-codes-shifted",
        2,
        variance_log8([(i + 60) % 256 for i in range(372)], 0.7),
        log8,
        "every code from 60, unit 0.7 as f4",
    )
    yield vector(
        "log8-levels",
        8,
        variance_log8([(i * 91) % 256 for i in range(1428)], 123.456),
        log8,
        "4^-k at every level",
    )
    yield vector(
        "log8-unit-smallest",
        8,
        variance_log8([(i * 91) % 256 for i in range(1428)], TINY),
        (*log8, "EN-6"),
        "unit 2^-149: outer levels become subnormal or +0.0",
        "subnormal",
        "edge",
    )
    yield vector(
        "log8-unit-largest",
        2,
        variance_log8([i % 256 for i in range(372)], UNIT_MAX),
        (*log8, "EN-6"),
        "the largest unit: codes 1 to 254 reach just under FLT_MAX",
        "extreme",
        "edge",
    )
    yield vector(
        "log8-rounding",
        3,
        variance_log8([(i * 7) % 255 for i in range(548)], 1.0 + 2.0**-23),
        log8,
        "unit with 24 bits: products are rounded once",
        "rounding",
    )
    yield vector(
        "log8-zero", 2, variance_log8([0] * 372, 5.0), log8, "code 0 everywhere is +0.0", "zero"
    )
    yield vector(
        "variance-f4-zero-signs",
        2,
        variance_f4([(-0.0, 0.0)[i % 3 == 0] for i in range(372)]),
        ("EN-4", "PL-2", "PL-3"),
        "-0.0 is not below 0 and is kept",
        "zero",
    )
    for name, unit in (("nan", NAN), ("zero", 0.0), ("negative", -2.0), ("infinite", float("inf"))):
        yield vector(
            f"variance-f4-unit-{name}",
            2,
            variance_f4([4.0] * 372, unit),
            ("EN-4",),
            f"unit is not used with f4: {name}",
        )
    yield vector(
        "variance-f4-max",
        3,
        variance_f4([FLT_MAX] * 548),
        ("EN-4", "PL-3"),
        "FLT_MAX everywhere: S / m^2",
        "extreme",
    )
    gone = [NAN if (i * 7) % 5 < 2 else abs(v) for i, v in enumerate(Lcg(11).sky(900))]
    yield vector(
        "variance-f4-holes",
        5,
        variance_f4(gone),
        ("EN-4", "PL-3"),
        "S / m^2 with 0 to 4 children at every level",
        "rounding",
        "missing",
    )
    small = [TINY * ((i * 37) % 11) for i in range(548)]
    yield vector(
        "variance-f4-subnormal",
        3,
        variance_f4(small),
        ("EN-4", "PL-3"),
        "subnormal variances underflow in holes",
        "subnormal",
    )
    payload = b"".join(
        struct.pack("<I", (0x7FC00000, 0xFF800001, 0x3F800000)[i % 3]) for i in range(372)
    )
    yield Vector(
        "variance-f4-nan-payloads",
        blob(2, image, variance=variance_f4(payload)).bytes(),
        ("EN-4", "PL-2"),
        "any NaN, of either sign, is missing and not a negative value",
        "full",
        flags=("missing",),
    )


def masks() -> Iterator[Vector]:
    clauses = ("EN-7", "EN-8", "PL-4")

    def vector(
        name: str, plane: dict[str, bytes], reason: str, n: int = 2, missing: bool = False
    ) -> Vector:
        values = [NAN if missing else 1.0] * count_of(n)
        return Vector(name, blob(n, image_f4(values), mask=plane).bytes(), clauses, reason, "full")

    rng = Lcg(12)
    yield vector(
        "mask-u1-one-plane", mask_plane([i % 2 for i in range(372)], ["SAT"]), "one plane in u1"
    )
    yield vector(
        "mask-u1-eight-planes",
        mask_plane(rng.many(372, 0, 255), LSST_PLANES),
        "eight planes in u1, all bits used",
    )
    yield vector(
        "mask-u2-one-plane", mask_plane([i % 2 for i in range(372)], ["X"], "u2"), "one plane in u2"
    )
    yield vector(
        "mask-u2-nine-planes",
        mask_plane(rng.many(372, 0, 511), RUBIN_16[:9], "u2"),
        "nine planes need u2",
    )
    yield vector(
        "mask-u2-sixteen-planes",
        mask_plane(rng.many(548, 0, 65535), RUBIN_16, "u2"),
        "16 planes, all bits used",
        3,
    )
    yield vector(
        "mask-all-bits", mask_plane([65535] * 372, RUBIN_16, "u2"), "every bit of every value set"
    )
    yield vector(
        "mask-empty-u1", mask_plane([], ["SAT", "CR"]), "empty data means zero everywhere", 5
    )
    yield vector(
        "mask-empty-u2", mask_plane([], RUBIN_16, "u2"), "empty data means zero everywhere", 2
    )
    yield vector(
        "mask-zeros-written",
        mask_plane([0] * 372, ["SAT"]),
        "zeros written out are as good as empty data",
    )
    single = [1 << (i % 8) if i < 196 else 0 for i in range(548)]
    yield vector(
        "mask-or",
        mask_plane(single, LSST_PLANES),
        "holes are the OR of four children, not a sum or a maximum",
        3,
    )
    yield vector(
        "mask-or-missing",
        mask_plane(single, LSST_PLANES),
        "missing image values do not take part: bits of all four children count",
        3,
        True,
    )
    names = ["!", "~", "A" * 32, "a b".replace(" ", "_"), 'q"\\']
    yield vector(
        "mask-names-extremes",
        mask_plane(rng.many(372, 0, 31), names),
        "names of 1 and 32 bytes, bytes 21, 22, 5C and 7E hex",
    )
    yield vector(
        "mask-names-case",
        mask_plane(rng.many(372, 0, 3), ["sat", "SAT"]),
        "names that differ in case are distinct",
    )


def psfs() -> Iterator[Vector]:
    def vector(name: str, size: int, q: list[int], reason: str, *flags: str) -> Vector:
        return Vector(
            name,
            blob(2, image_f4([1.0] * 372), psf=psf_plane(q, size)).bytes(),
            ("EN-9", "PL-5", "CO-3"),
            reason,
            "full",
            flags=flags,
        )

    rng = Lcg(13)
    yield vector("psf-size-1", 1, [7], "a single pixel is 1.0")
    yield vector(
        "psf-size-3-row-major", 3, [1, 2, 3, 4, 50, 6, 7, 8, 9], "nine different values: row-major"
    )
    yield vector(
        "psf-size-21", 21, gaussian_psf(21, 2.4), "a common size, with small negative wings"
    )
    yield vector("psf-size-127", 127, gaussian_psf(127, 9.0), "the largest size", "extreme")
    yield vector(
        "psf-extremes",
        3,
        [32767, -32767, 32767, -32767, 32767, -32767, 32767, -32767, 1],
        "q at both ends, sum 1: values of 32767",
        "extreme",
    )
    yield vector(
        "psf-rounding",
        15,
        rng.many(225, -2000, 32767),
        "division of integers, rounded once to f4",
        "rounding",
    )
    yield vector("psf-negative-core", 3, [5, 5, 5, 5, -3, 5, 5, 5, 5], "a negative centre is legal")
    yield vector("psf-zeros", 5, [0] * 24 + [1], "zeros are +0.0", "zero")


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


FAMILIES = (
    geometry,
    presence,
    missing,
    numbers_f4,
    numbers_i2,
    variances,
    masks,
    psfs,
    metadata,
    avro_forms,
    cuts,
    realistic,
)


def vectors() -> Iterator[Vector]:
    for family in FAMILIES:
        yield from family()
