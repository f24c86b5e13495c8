# ruff: noqa: E501 - one vector a line, with its reason
"""Invalid blobs: beginnings, truncations, lengths, counts and longs that are not true."""

from __future__ import annotations

from collections.abc import Iterator

from .faults import base, fault
from .vector import Vector
from .writer import (
    FINGERPRINT,
    floats,
    long,
    texts,
)


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
    for name, more in (("null", b"\x00"), ("filled", b"\x02\x04ab")):
        yield raw(
            f"trailing-later-field-{name}",
            base().put(version=long(101)).bytes() + more,
            "E_TRAILING",
            "VE-2",
            "version 101 and a field more under the fingerprint of 1.0: bytes after the record",
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
    for name, right in (("version", 100), ("image.data.length", 744), ("id.index", 1)):
        slug, key = name.replace(".", "-").lower(), name.replace(".", "__")
        wrapping = long(right, 10 - len(long(right)))[:-1] + b"\x02"
        yield fault(
            f"long-65-bits-wraps-{slug}",
            "E_AVRO",
            "CO-1",
            f"{name} has ten bytes; its lowest 64 bits alone would be right",
            **{key: wrapping},
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
