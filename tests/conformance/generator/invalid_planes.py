"""Invalid blobs: variance, mask and PSF."""

from __future__ import annotations

from collections.abc import Iterator

from .faults import INF, base, fault
from .material import RUBIN_16, TINY, UNIT_MAX
from .vector import Vector
from .writer import (
    NAN,
    Blob,
    blob,
    f4,
    i2,
    image_f4,
    long,
    mask_plane,
    next_f4,
    texts,
    u2,
)


def variances() -> Iterator[Vector]:
    def bad(
        name: str, code: str, clause: str, reason: str, source: Blob | None = None, **changes: bytes
    ) -> Vector:
        return fault(name, code, clause, reason, source, "full", **changes)

    for kind in ("log4", "i2", ""):
        changes = {
            "variance__encoding__length": long(len(kind)),
            "variance__encoding": kind.encode(),
        }
        yield bad(
            f"variance-encoding-{kind or 'empty'}",
            "E_ENCODING",
            "VE-2",
            f"variance encoding {kind!r} is unknown",
            **changes,
        )
    for kind, width in (("log8", 1), ("f4", 4)):
        source = base(variance=kind)
        data = source.segments["variance.data"]
        for what, cut in (
            ("short-by-one", data[:-1]),
            ("long-by-one", data + b"\x00"),
            ("empty", b""),
            ("long-by-value", data + data[:width]),
        ):
            if width == 1 and what == "long-by-value":
                continue
            yield bad(
                f"variance-{kind}-{what}",
                "E_LENGTH",
                "EN-4" if kind == "f4" else "EN-5",
                f"variance data: {what.replace('-', ' ')}",
                source,
                variance__data__length=long(len(cut)),
                variance__data=cut,
            )
    above = next_f4(UNIT_MAX)
    for what, value in (
        ("nan", NAN),
        ("zero", 0.0),
        ("negative-zero", -0.0),
        ("negative", -1.0),
        ("infinite", INF),
        ("too-large", above),
    ):
        yield bad(
            f"variance-unit-{what}",
            "E_SCALE",
            "EN-6",
            f"log8 unit = {value!r}",
            variance__unit=f4(value),
        )
    f4_base = base(variance="f4")
    for what, value in (
        ("infinite", INF),
        ("minus-infinite", -INF),
        ("negative", -1.0),
        ("negative-subnormal", -TINY),
    ):
        for where, index in (("first", 0), ("last", 371)):
            values = [2.0] * 372
            values[index] = value
            yield bad(
                f"variance-f4-{what}-{where}",
                "E_VALUE",
                "EN-4",
                f"{what.replace('-', ' ')} variance in the {where} value",
                f4_base,
                variance__data=f4(*values),
            )


def masks() -> Iterator[Vector]:
    def bad(
        name: str, code: str, clause: str, reason: str, source: Blob | None = None, **changes: bytes
    ) -> Vector:
        return fault(name, code, clause, reason, source, "full", **changes)

    for kind in ("u4", "b1", ""):
        changes = {"mask__encoding__length": long(len(kind)), "mask__encoding": kind.encode()}
        yield bad(
            f"mask-encoding-{kind or 'empty'}",
            "E_ENCODING",
            "VE-2",
            f"mask encoding {kind!r} is unknown",
            **changes,
        )
    for what, names in (
        ("none", []),
        ("empty-name", ["SAT", ""]),
        ("repeated", ["SAT", "SAT"]),
        ("33-bytes", ["SAT", "A" * 33]),
        ("space", ["SAT", "C R"]),
        ("control", ["SAT", "CR\n"]),
        ("del", ["SAT", "CR\x7f"]),
        ("not-ascii", ["SAT", "\xb5"]),
        ("nine-in-u1", RUBIN_16[:9]),
    ):
        yield bad(
            f"mask-names-{what}",
            "E_MASK",
            "EN-7",
            f"names: {what.replace('-', ' ')}",
            mask__planes=texts(names),
        )
    wide = base(mask="u2")
    yield bad(
        "mask-names-17-in-u2",
        "E_MASK",
        "EN-7",
        "17 planes",
        wide,
        mask__planes=texts([*RUBIN_16, "X"]),
    )
    yield bad(
        "mask-names-none-empty-data",
        "E_MASK",
        "EN-7",
        "no names, empty data",
        mask__planes=b"\0",
        mask__data__length=long(0),
        mask__data=b"",
    )
    for kind, _width in (("u1", 1), ("u2", 2)):
        source = base(mask=kind)
        data = source.segments["mask.data"]
        for what, cut in (
            ("short-by-one", data[:-1]),
            ("long-by-one", data + b"\x00"),
            ("one-byte", b"\x00"),
        ):
            yield bad(
                f"mask-{kind}-{what}",
                "E_LENGTH",
                "EN-8",
                f"mask data: {what.replace('-', ' ')}",
                source,
                mask__data__length=long(len(cut)),
                mask__data=cut,
            )
    one_wide = base(mask="u1")
    doubled = bytes(744)
    yield bad(
        "mask-u1-data-of-u2",
        "E_LENGTH",
        "EN-8",
        "two bytes per value under u1",
        one_wide,
        mask__data__length=long(744),
        mask__data=doubled,
    )
    for where, index in (("first", 0), ("last", 371)):
        values = [0] * 372
        values[index] = 4
        yield bad(
            f"mask-u1-bit-unnamed-{where}",
            "E_MASK",
            "EN-8",
            f"bit 2 of two planes set in the {where} value",
            mask__data=bytes(values),
        )
        values[index] = 0x8000
        yield bad(
            f"mask-u2-bit-unnamed-{where}",
            "E_MASK",
            "EN-8",
            f"bit 15 of two planes set in the {where} value",
            wide,
            mask__data=u2(*values),
        )
    fifteen = mask_plane([0x8000] * 372, RUBIN_16[:15], "u2")
    yield Vector(
        "mask-u2-bit-15-of-15",
        blob(2, image_f4([1.0] * 372), mask=fifteen).bytes(),
        ("EN-8", "LI-1"),
        "15 planes, bit 15 set",
        "full",
        error="E_MASK",
    )


def psfs() -> Iterator[Vector]:
    def bad(
        name: str, code: str, clause: str, reason: str, size: int, q: list[int] | bytes
    ) -> Vector:
        data = q if isinstance(q, bytes) else i2(*q)
        return fault(
            name,
            code,
            clause,
            reason,
            None,
            "full",
            psf__size=long(size),
            psf__data__length=long(len(data)),
            psf__data=data,
        )

    for kind in ("f4", "i4", ""):
        changes = {"psf__encoding__length": long(len(kind)), "psf__encoding": kind.encode()}
        yield fault(
            f"psf-encoding-{kind or 'empty'}",
            "E_ENCODING",
            "VE-2",
            f"psf encoding {kind!r} is unknown",
            None,
            "full",
            **changes,
        )
    for size in (0, 2, 4, 128, 129, -1, -3, 2**31 - 1):
        q = [1] * (size * size) if 0 < size < 5 else [1] * 9
        name = f"psf-size-{'minus-' if size < 0 else ''}{abs(size)}"
        yield bad(name, "E_PSF", "EN-9", f"size {size} is not an odd number in 1..127", size, q)
    yield bad(
        "psf-size-129-complete",
        "E_PSF",
        "EN-9",
        "size 129 with all its data",
        129,
        [1] * (129 * 129),
    )
    yield bad("psf-not-square", "E_LENGTH", "EN-9", "3 columns by 5 rows under size 3", 3, [1] * 15)
    yield bad("psf-short-by-one", "E_LENGTH", "EN-9", "one byte short", 3, i2(*[1] * 9)[:-1])
    yield bad("psf-long-by-one", "E_LENGTH", "EN-9", "one byte long", 3, i2(*[1] * 9) + b"\0")
    yield bad("psf-empty", "E_LENGTH", "EN-9", "no data", 3, [])
    yield bad(
        "psf-sum-zero", "E_PSF", "EN-9", "values sum to 0", 3, [1, -1, 1, -1, 0, 1, -1, 1, -1]
    )
    yield bad("psf-sum-all-zero", "E_PSF", "EN-9", "all values 0", 3, [0] * 9)
    yield bad(
        "psf-sum-negative", "E_PSF", "EN-9", "values sum to -1", 3, [-1, 0, 0, 0, 0, 0, 0, 0, 0]
    )
    yield bad(
        "psf-minus-32768",
        "E_PSF",
        "EN-9",
        "-32768 among values whose sum is positive",
        3,
        [32767, 32767, 0, 0, -32768, 0, 0, 0, 9],
    )
