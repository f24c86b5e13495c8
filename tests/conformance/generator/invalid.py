# ruff: noqa: E501 - one vector a line, with its reason
"""Invalid blobs: one fault each, named after it; `order-*` have two faults and test which is reported."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from .valid import FLT_MAX, LSST_CD, RUBIN_16, SCALE_MAX, TINY, UNIT_MAX
from .vector import Vector
from .writer import (
    FINGERPRINT,
    NAN,
    Blob,
    bits_f4,
    blob,
    count_of,
    encoding,
    f4,
    f8,
    floats,
    i2,
    image_f4,
    image_i2,
    long,
    mask_plane,
    next_f4,
    psf_plane,
    sized,
    texts,
    u2,
    variance_f4,
    variance_log8,
)

INF = float("inf")


def base(image: str = "i2", variance: str = "log8", mask: str = "u1") -> Blob:
    """A valid two-level stamp with everything present; every fault starts from one of these."""
    images = {
        "f4": image_f4([1.5] * 372),
        "i2": image_i2([10.0, 20.0], [0.5, 0.25], [i % 50 for i in range(372)]),
    }
    variances = {
        "f4": variance_f4([2.0] * 372),
        "log8": variance_log8([1 + i % 254 for i in range(372)], 4.0),
    }
    masks = {
        "u1": mask_plane([i % 4 for i in range(372)], ["SAT", "CR"]),
        "u2": mask_plane([i % 4 for i in range(372)], ["SAT", "CR"], "u2"),
    }
    return blob(
        2,
        images[image],
        id="7/science",
        band="r",
        dx=0.25,
        dy=-0.25,
        wcs=LSST_CD,
        variance=variances[variance],
        mask=masks[mask],
        psf=psf_plane([0, 1, 0, 1, 4, 1, 0, 1, 0], 3),
    )


def fault(
    name: str,
    code: str,
    clause: str,
    reason: str,
    source: Blob | None = None,
    profile: str = "core",
    **changes: bytes,
) -> Vector:
    data = (source or base()).put(**changes).bytes()
    return Vector(name, data, (clause, "LI-1", "DE-2"), reason, profile, error=code)


def beginnings() -> Iterator[Vector]:
    good = base().bytes()

    def raw(name: str, data: bytes, code: str, clause: str, reason: str) -> Vector:
        return Vector(name, data, (clause, "LI-1", "DE-2"), reason, error=code)

    yield raw("empty-input", b"", "E_MAGIC", "CO-2", "no byte at all")
    yield raw("magic-one-byte", good[:1], "E_MAGIC", "CO-2", "the marker ends after its first byte")
    yield raw("magic-first", b"\xc2" + good[1:], "E_MAGIC", "CO-2", "first byte C2 hex")
    yield raw("magic-second", b"\xc3\x02" + good[2:], "E_MAGIC", "CO-2", "second byte 02")
    yield raw("magic-swapped", b"\x01\xc3" + good[2:], "E_MAGIC", "CO-2", "marker bytes swapped")
    yield raw(
        "magic-fits", b"SIMPLE  =                    T" + good, "E_MAGIC", "CO-2", "a FITS header"
    )
    yield raw(
        "magic-record-bare", good[10:], "E_MAGIC", "CO-2", "a record without marker and fingerprint"
    )
    yield raw(
        "fingerprint-unknown",
        good[:2] + bytes(8) + good[10:],
        "E_FINGERPRINT",
        "VE-3",
        "a fingerprint of zeros",
    )
    yield raw(
        "fingerprint-last-byte",
        good[:9] + b"\x4d" + good[10:],
        "E_FINGERPRINT",
        "VE-3",
        "last byte of the fingerprint differs",
    )
    yield raw(
        "fingerprint-big-endian",
        good[:2] + FINGERPRINT[::-1] + good[10:],
        "E_FINGERPRINT",
        "CO-2",
        "fingerprint bytes reversed",
    )
    yield raw(
        "fingerprint-only-wrong",
        good[:2] + b"\x00" * 8,
        "E_FINGERPRINT",
        "CO-2",
        "ten bytes with an unknown fingerprint",
    )
    yield raw(
        "fingerprint-cut", good[:9], "E_AVRO", "CO-2", "nine bytes: the fingerprint ends early"
    )
    yield raw(
        "fingerprint-cut-wrong",
        good[:2] + b"\x00" * 7,
        "E_AVRO",
        "CO-2",
        "nine bytes that could not become the fingerprint: still E_AVRO",
    )
    yield raw(
        "trailing-byte", good + b"\x00", "E_TRAILING", "CO-3", "one zero byte after the record"
    )
    yield raw("trailing-blob", good + good, "E_TRAILING", "CO-3", "two blobs in a row")
    yield raw(
        "limit-65536",
        good + bytes(65536 - len(good)),
        "E_TRAILING",
        "CO-3",
        "65,536 bytes are within the limit: the fault is what follows the record",
    )
    yield raw(
        "limit-65537",
        good + bytes(65537 - len(good)),
        "E_LIMIT",
        "CO-3",
        "one byte more than the largest blob",
    )
    yield raw(
        "limit-before-magic",
        b"\x00" * 65537,
        "E_LIMIT",
        "CO-3",
        "too long, and no marker: the length is checked first",
    )


def truncations() -> Iterator[Vector]:
    """Cut before each segment of a full blob, once in the middle of each, for i2/log8/u1 and f4/f4/u2."""
    for label, source in (("", base()), ("f4-", base("f4", "f4", "u2"))):
        at = 0
        data = source.bytes()
        for name, part in source.segments.items():
            slug = name.replace(".", "-").replace("_", "").lower()
            wanted = not label or name in (
                "image.zero",
                "image.data",
                "variance.unit",
                "variance.data",
                "mask.data",
            )
            if at >= 10 and part and wanted:
                yield Vector(
                    f"truncated-{label}before-{slug}",
                    data[:at],
                    ("CO-1", "LI-1", "DE-3", "DE-4"),
                    f"the bytes end where {name} should begin",
                    error="E_AVRO",
                    flags=("truncated",),
                )
                if len(part) > 1:
                    middle = len(part) // 2
                    yield Vector(
                        f"truncated-{label}within-{slug}",
                        data[: at + middle],
                        ("CO-1", "LI-1", "DE-3", "DE-4"),
                        f"the bytes end within {name}",
                        error="E_AVRO",
                        flags=("truncated",),
                    )
            at += len(part)
    data = base().bytes()
    yield Vector(
        "truncated-by-one",
        data[:-1],
        ("CO-1", "LI-1", "DE-3"),
        "the last byte is missing",
        error="E_AVRO",
        flags=("truncated",),
    )


def lies() -> Iterator[Vector]:
    """Avro lengths, counts, indices and longs that are not true."""
    for name in (
        "id.length",
        "fluxUnit.length",
        "image.encoding.length",
        "image.data.length",
        "variance.data.length",
        "mask.data.length",
        "psf.data.length",
        "mask.encoding.length",
    ):
        slug, key = name.replace(".", "-").lower(), name.replace(".", "__")
        for what, value in (
            ("negative", -1),
            ("2-62", 2**62),
            ("most-negative", -(2**63)),
            ("65536", 65536),
        ):
            yield fault(
                f"length-{what}-{slug}",
                "E_AVRO",
                "DE-4",
                f"{name} is {what.replace('-', '^', 1) if what == '2-62' else what}",
                **{key: long(value)},
            )
    for name in ("id", "band", "wcs", "variance", "mask", "psf"):
        for what, value in (("2", 2), ("minus-1", -1), ("2-32-plus-1", 2**32 + 1)):
            yield fault(
                f"union-{name}-{what}",
                "E_AVRO",
                "CO-1",
                f"union index of {name} is neither 0 nor 1",
                **{f"{name}__index": long(value)},
            )
    overlong = b"\x80" * 10 + b"\x00"
    big = b"\xff" * 9 + b"\x02"
    for name in ("version", "levels", "image.data.length", "id.index"):
        slug, key = name.replace(".", "-").lower(), name.replace(".", "__")
        yield fault(
            f"long-11-bytes-{slug}",
            "E_AVRO",
            "CO-1",
            f"{name} is a long of 11 bytes",
            **{key: overlong},
        )
        yield fault(
            f"long-65-bits-{slug}",
            "E_AVRO",
            "CO-1",
            f"{name} has ten bytes whose value needs 65 bits",
            **{key: big},
        )
    for name in ("version", "levels", "psf.size"):
        slug, key = name.replace(".", "-").lower(), name.replace(".", "__")
        for what, value in (
            ("2-31", 2**31),
            ("below", -(2**31) - 1),
            ("wraps", 2**32 + {"version": 100, "levels": 2, "psf.size": 3}[name]),
        ):
            yield fault(
                f"int-{what}-{slug}",
                "E_AVRO",
                "CO-1",
                f"{name} does not fit 32 bits",
                **{key: long(value)},
            )
    for name, items in (
        ("image.zero", floats([10.0, 20.0])),
        ("mask.planes", texts(["SAT", "CR"])),
    ):
        slug, key = name.replace(".", "-").lower(), name.replace(".", "__")
        tail = items[1:]
        for what, value in (("2-62", 2**62), ("5000", 5000), ("3", 3)):
            code, clause = "E_AVRO", "DE-4"
            yield fault(
                f"count-{what}-{slug}",
                code,
                clause,
                f"{name} claims {what.replace('-', '^')} items",
                **{key: long(value) + tail},
            )
        for what, value in (("most-negative", -(2**63)), ("minus-2-62", -(2**62))):
            head = long(value) + long(len(tail) - 1)
            yield fault(
                f"count-{what}-{slug}",
                "E_AVRO",
                "DE-4",
                f"{name} has a negative count of that size",
                **{key: head + tail},
            )
        body = tail[:-1]
        for what, value in (
            ("short", len(body) - 1),
            ("long", len(body) + 1),
            ("zero", 0),
            ("negative", -len(body)),
            ("2-62", 2**62),
        ):
            head = long(-2) + long(value)
            yield fault(
                f"block-size-{what}-{slug}",
                "E_AVRO",
                "CO-1",
                f"{name}: a block's size is {what}",
                **{key: head + body + b"\x00"},
            )
    name_lie = long(1) + long(2**62) + b"SAT" + b"\x00"
    yield fault(
        "length-2-62-mask-name",
        "E_AVRO",
        "DE-4",
        "a mask name claims 2^62 bytes",
        mask__planes=name_lie,
    )
    yield fault(
        "length-negative-mask-name",
        "E_AVRO",
        "DE-4",
        "a mask name has length -3",
        mask__planes=long(1) + long(-3) + b"SAT\x00",
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


FAMILIES = (
    beginnings,
    truncations,
    lies,
    versions_and_levels,
    texts_offsets_wcs,
    images,
    variances,
    masks,
    psfs,
    orders,
    schemas_apart,
)


def vectors() -> Iterator[Vector]:
    for family in FAMILIES:
        yield from family()
