"""Files whose Avro form is at fault within records, metadata or skipped fields; promoted types."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from .ocf import FIELDS, LIMIT, MAGIC, STAMP, SYNC, block, deflate, field, header, record, stamps
from .vector import Vector
from .writer import NULL, PRESENT, Blob, f4, f8, long, text


def bad(name: str, data: bytes, reason: str, code: str = "E_AVRO", **more: Any) -> Vector:
    clauses = more.pop("clauses", ("CO-1",))
    return Vector(
        f"container-{name}",
        data,
        (*clauses, "LI-1", "DE-2"),
        reason,
        "container",
        error=code,
        **more,
    )


def record_faults() -> Iterator[Vector]:
    """The checks of order 6 hold for records in files as they do for blobs."""
    source = stamps()[0]
    head, two = header(STAMP), f4(0.0, 1.0)

    def stamp(name: str, reason: str, **change: bytes) -> Vector:
        return bad(f"form-{name}", head + block(1, source.put(**change).record()), reason)

    yield stamp("int-33-bits", "version is 2^33: an int of 33 bits", version=long(2**33))
    yield stamp("long-11-bytes", "version has 11 bytes", version=b"\xc8\x81" + b"\x80" * 8 + b"\0")
    yield stamp(
        "long-65-bits",
        "version needs 65 bits: the tenth byte is 2",
        version=b"\xc8\x81" + b"\x80" * 7 + b"\x02",
    )
    for name, index in (("negative", -1), ("2", 2)):
        yield stamp(f"union-{name}", f"id's union index is {index}", id__index=long(index))
    for name, size in (("short", 7), ("long", 9), ("negative", -8), ("2-40", 2**40)):
        yield stamp(
            f"block-size-{name}",
            f"a block of image.zero has 8 bytes and says {size}",
            image__zero=long(-2) + long(size) + two + NULL,
        )
    for name, count in (("2-62", 2**62), ("minimum", -(2**63))):
        size_ = long(8) if count < 0 else b""
        yield stamp(
            f"array-count-{name}",
            f"image.zero claims {count} items",
            image__zero=long(count) + size_ + two + NULL,
        )
    for name, size in (("negative", -1), ("2-62", 2**62)):
        yield stamp(f"length-{name}", f"fluxUnit's length is {size}", fluxUnit__length=long(size))
    longer = source.put(
        version=long(100, pad=8),
        image__zero=long(-1) + long(4) + two[:4] + long(1, pad=3) + two[4:] + NULL,
    )
    plain = source.put(image__zero=long(2) + two + NULL)
    yield Vector(
        "container-form-longer",
        head + block(1, longer.record()),
        ("CO-1", "CO-4"),
        "longs of ten bytes, and an array in two blocks, one with its size",
        "container",
        stamps=((None, plain.bytes()),),
    )


def skipped_faults() -> Iterator[Vector]:
    """Fields that a reader does not know are read like others."""
    one = stamps()[0].record()
    numbers = {"type": "array", "items": "int"}
    for name, kind, tail, reason in (
        ("int-33-bits", "int", long(2**33), "an int of 33 bits"),
        ("union-negative", ["null", "int"], long(-2) + long(1), "a union index of -2"),
        ("bytes-negative", "bytes", long(-3), "a length of -3"),
        ("bytes-beyond", "bytes", long(300), "a length beyond the block"),
        (
            "fixed-beyond",
            {"type": "fixed", "name": "big", "size": 300},
            b"",
            "300 bytes, none left",
        ),
        ("block-size", numbers, long(-1) + long(7) + long(5) + NULL, "a block's size is 7, not 1"),
        ("count-2-61", numbers, long(2**61) + long(5) + NULL, "2^61 items are claimed"),
        (
            "map-block-size",
            {"type": "map", "values": "int"},
            long(-1) + long(7) + text("k") + long(5) + NULL,
            "a map's block says 7 bytes and has 3",
        ),
    ):
        schema = record("stamp", *FIELDS, field("later", kind), namespace="hstamp.v1")
        yield bad(
            f"skipped-{name}",
            header(schema) + block(1, one + tail),
            f"an unknown field: {reason}",
            clauses=("CO-6",),
            flags=("later-minor",),
        )


def file_faults() -> Iterator[Vector]:
    one = stamps()[0].record()
    pairs = text("avro.schema") + text(json.dumps(STAMP)) + text("avro.codec") + text("null")
    for name, size in (("short", len(pairs) - 1), ("negative", -5), ("2-40", 2**40)):
        yield bad(
            f"metadata-block-size-{name}",
            MAGIC + long(-2) + long(size) + pairs + NULL + SYNC + block(1, one),
            f"the metadata's block has {len(pairs)} bytes and says {size}",
            clauses=("CO-4",),
        )
    for name, size in (("negative", -1), ("2-40", 2**40)):
        yield bad(
            f"metadata-length-{name}",
            MAGIC + long(1) + text("avro.schema") + long(size) + NULL + SYNC,
            f"the schema's length is {size}",
            clauses=("CO-4",),
        )
    packed = header(STAMP, "deflate")
    for name, stored, reason in (
        ("truncated", deflate(one)[:-5], "a deflate stream ends early"),
        ("garbage", b"\xff" * 50, "a block is no deflate stream"),
        ("empty", b"", "an empty block is no deflate stream"),
    ):
        yield bad(
            f"deflate-{name}",
            packed + block(0 if name == "empty" else 1, stored),
            reason,
            clauses=("CO-4",),
            flags=("codec-deflate",),
        )
    yield Vector(
        "container-deflate-trailing",
        packed + block(1, deflate(one) + b"\x03\x00\x07"),
        ("CO-4",),
        "bytes after the end of a block's deflate stream are ignored",
        "container",
        stamps=((None, stamps()[0].bytes()),),
        flags=("codec-deflate",),
    )


def orders() -> Iterator[Vector]:
    """Two faults each: which comes first by [LI-3]."""
    source = stamps()[0]
    one, old = source.record(), source.put(version=long(99)).record()
    head, packed, bomb = header(STAMP), header(STAMP, "deflate"), deflate(bytes(LIMIT + 1))
    wrong = bytes(16)

    def order(name: str, data: bytes, code: str, reason: str, *flags: str) -> Vector:
        return bad(f"order-{name}", data, reason, code, clauses=("LI-3",), flags=("order", *flags))

    yield order(
        "count-decompression",
        packed + block(-1, bomb),
        "E_AVRO",
        "a block count of -1, and a block that decompresses to more than 64 MiB",
        "codec-deflate",
    )
    yield order(
        "sync-decompression",
        packed + block(1, bomb, wrong),
        "E_AVRO",
        "a wrong sync marker, and a block that decompresses to more than 64 MiB",
        "codec-deflate",
    )
    yield order(
        "sync-stamp",
        head + block(1, old, wrong),
        "E_AVRO",
        "a wrong sync marker behind a block whose stamp has version 99",
    )
    yield order(
        "form-stamp", head + block(1, old[:-1]), "E_AVRO", "version 99 in a record that ends early"
    )
    yield order(
        "stamp-next-record",
        head + block(2, old + one[:-50]),
        "E_VERSION",
        "version 99, and a second record that ends early",
    )
    yield order(
        "stamp-rest-of-block",
        head + block(1, old + b"\0"),
        "E_VERSION",
        "version 99, and a byte after the block's records",
    )
    yield order(
        "stamp-next-block",
        head + block(1, old) + block(1, one, wrong),
        "E_VERSION",
        "version 99, and a wrong sync marker behind the next block",
    )
    yield order(
        "stamp-count",
        head + block(2**62, old),
        "E_VERSION",
        "version 99 in the first of 2^62 records that the block claims",
    )
    yield order(
        "header-schema",
        header(b"{}")[:-8],
        "E_AVRO",
        "the file ends within the header's sync marker, and the schema is not valid",
    )
    kinds = json.loads(json.dumps(FIELDS))
    kinds[2]["type"] = ["null", "string", "int"]
    yield bad(
        "schema-branch-unused",
        header(record("stamp", *kinds, namespace="hstamp.v1")) + block(1, one),
        "id's union has a branch that does not resolve, though no record uses it",
        "E_SCHEMA",
        clauses=("CO-6",),
    )
    for name, kind in (("image", 8), ("wcs", 7)):
        kinds = json.loads(json.dumps(FIELDS))
        inner = kinds[kind]["type"]
        (inner[1] if isinstance(inner, list) else inner)["name"] = "plane"
        yield bad(
            f"schema-{name}-renamed",
            header(record("stamp", *kinds, namespace="hstamp.v1")) + block(1, one),
            f"the record of {name} has another name, and records resolve by theirs",
            "E_SCHEMA",
            clauses=("CO-6",),
        )
    kinds = json.loads(json.dumps(FIELDS))
    kinds[5]["type"] = "double"
    yield order(
        "schema-record",
        header(record("stamp", *kinds, namespace="hstamp.v1")) + block(1, one[:40]),
        "E_SCHEMA",
        "dx is double, which does not resolve to float, and the record ends early",
    )


def promoted() -> Iterator[Vector]:
    """Types of a writer that resolve to others (Avro 1.11)."""
    source = stamps()[1]
    s = source.segments
    kinds = json.loads(json.dumps(FIELDS))
    kinds[2]["type"] = ["null", "bytes"]
    kinds[5]["type"] = "int"
    kinds[7]["type"][1]["fields"][0]["type"] = "float"
    kinds[7]["type"][1]["fields"][1]["type"] = "long"
    kinds[8]["type"]["fields"][1]["type"] = {"type": "array", "items": "long"}
    zero = [16777217, 16777219, -7, 2**40, 0]
    written = source.put(
        dx=long(0),
        wcs__ra=f4(10.5),
        wcs__dec=long(-45),
        image__zero=long(5) + b"".join(map(long, zero)) + NULL,
    )
    # 2^24 + 1 and 2^24 + 3 lie halfway between binary32 values; ties go to even.
    rounded = f4(16777216.0, 16777220.0, -7.0, 2.0**40, 0.0)
    read = source.put(
        dx=f4(0.0), wcs__ra=f8(10.5), wcs__dec=f8(-45.0), image__zero=long(5) + rounded + NULL
    )
    assert s["id.index"] == PRESENT
    yield Vector(
        "container-promoted",
        header(record("stamp", *kinds, namespace="hstamp.v1")) + block(1, written.record()),
        ("CO-6",),
        "bytes for text, int and long for float and double, float for double",
        "container",
        stamps=((None, Blob(read.segments).bytes()),),
    )
    kinds = json.loads(json.dumps(FIELDS))
    kinds[7]["type"][1]["namespace"] = "other.names"
    kinds[8]["type"]["name"] = "a.b.image"
    yield Vector(
        "container-schema-names-qualified",
        header(record("stamp", *kinds, namespace="hstamp.v1")) + block(1, source.record()),
        ("CO-6",),
        "records within the stamp's in other namespaces: unqualified names decide",
        "container",
        stamps=((None, source.bytes()),),
    )
    kinds = json.loads(json.dumps(FIELDS))
    kinds[4]["type"] = ["string"]
    kinds[9]["type"] = kinds[9]["type"][::-1]
    swapped = source.put(fluxUnit__length=NULL + s["fluxUnit.length"], variance__index=NULL)
    assert s["variance.index"] == PRESENT
    yield Vector(
        "container-schema-unions-differ",
        header(record("stamp", *kinds, namespace="hstamp.v1")) + block(1, swapped.record()),
        ("CO-6",),
        "fluxUnit is a union of text alone, and the branches of variance are exchanged",
        "container",
        stamps=((None, source.bytes()),),
    )
    kinds = json.loads(json.dumps(FIELDS))
    kinds[2]["default"] = 7
    kinds[4]["default"] = "DN"
    yield Vector(
        "container-writer-defaults",
        header(record("stamp", *kinds, namespace="hstamp.v1")) + block(1, source.record()),
        ("CO-6",),
        "defaults in the writer's schema play no part, not even one of the wrong type",
        "container",
        stamps=((None, source.bytes()),),
    )


def form_files() -> Iterator[Vector]:
    for family in (record_faults, skipped_faults, file_faults, orders, promoted):
        yield from family()
