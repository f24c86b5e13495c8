"""Valid blobs: variance, mask and PSF."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from .material import (
    FLT_MAX,
    LSST_PLANES,
    RUBIN_16,
    TINY,
    UNIT_MAX,
    gaussian_psf,
)
from .vector import Lcg, Vector
from .writer import (
    NAN,
    blob,
    count_of,
    image_f4,
    mask_plane,
    psf_plane,
    variance_f4,
    variance_log8,
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
