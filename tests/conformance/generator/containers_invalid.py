"""Container files with a fault."""

from __future__ import annotations

import json
from collections.abc import Iterator

from .containers_alerts import ALERT_HEAD, alert, alert_schema
from .ocf import (
    FIELDS,
    LIMIT,
    STAMP,
    SYNC,
    block,
    deflate,
    field,
    file_of,
    header,
    nullable,
    record,
    stamps,
)
from .vector import Vector
from .writer import NULL, PRESENT, array, f4, long


def invalid_files() -> Iterator[Vector]:
    a, b, c = stamps()
    good = file_of([a, b, c])
    one = a.record()

    def bad(name: str, data: bytes, code: str, clause: str, reason: str, *flags: str) -> Vector:
        return Vector(
            f"container-{name}",
            data,
            (clause, "LI-1", "DE-2"),
            reason,
            "container",
            error=code,
            flags=flags,
        )

    yield bad(
        "magic-version", b"Obj\x02" + good[4:], "E_MAGIC", "CO-4", "fourth byte of the file is 02"
    )
    yield bad("magic-short", b"Obj", "E_MAGIC", "CO-4", "three bytes of magic")
    yield bad(
        "sync-block",
        header(STAMP) + block(1, one, SYNC[:-1] + b"\0"),
        "E_AVRO",
        "CO-4",
        "the sync marker after a block differs in its last byte",
    )
    yield bad(
        "sync-second-block",
        header(STAMP) + block(1, one) + block(1, one, bytes(16)),
        "E_AVRO",
        "CO-4",
        "the second block's sync marker differs",
    )
    for name, keep in (
        ("header-sync", len(header(STAMP)) - 8),
        ("block-count", len(header(STAMP)) + 1),
        ("block-data", len(good) - 100),
        ("block-sync", len(good) - 1),
    ):
        yield bad(
            f"truncated-{name}",
            good[:keep],
            "E_AVRO",
            "CO-4",
            f"the file ends within {name.replace('-', ' ')}",
            "truncated",
        )
    yield bad(
        "trailing-byte",
        good + b"\x02",
        "E_AVRO",
        "CO-4",
        "a byte after the last block: a block that ends early",
    )
    yield bad(
        "block-bomb-claimed",
        header(STAMP) + block(1, one, size=2**40),
        "E_LIMIT",
        "SE-1",
        "a block claims 2^40 bytes",
        "bomb",
    )
    yield bad(
        "block-claims-over-64-mib",
        header(STAMP) + block(1, one, size=LIMIT + 1),
        "E_LIMIT",
        "LI-1",
        "a block claims 64 MiB + 1",
        "bomb",
        "edge",
    )
    yield bad(
        "block-claims-64-mib",
        header(STAMP) + block(1, one, size=LIMIT),
        "E_AVRO",
        "LI-1",
        "a block claims 64 MiB: within the limit, beyond the file",
        "edge",
    )
    yield bad(
        "block-bomb-deflate",
        header(STAMP, "deflate") + block(1, deflate(bytes(LIMIT + 1))),
        "E_LIMIT",
        "LI-1",
        "a deflate block of 64 kB that decompresses to 64 MiB + 1",
        "bomb",
        "codec-deflate",
    )
    yield bad(
        "block-size-negative",
        header(STAMP) + block(1, one, size=-1),
        "E_AVRO",
        "LI-1",
        "a block size of -1",
    )
    yield bad(
        "block-count-negative",
        header(STAMP) + block(-1, one),
        "E_AVRO",
        "LI-1",
        "a block count of -1",
    )
    yield bad(
        "block-count-2-62",
        header(STAMP) + block(2**62, one),
        "E_AVRO",
        "DE-4",
        "a block claims 2^62 records",
        "bomb",
    )
    yield bad(
        "block-count-short",
        header(STAMP) + block(1, one + one),
        "E_AVRO",
        "LI-1",
        "a block holds more than its count of records",
    )
    yield bad(
        "block-count-long",
        header(STAMP) + block(3, one + one),
        "E_AVRO",
        "LI-1",
        "a block holds fewer records than its count",
    )
    yield bad("codec-unknown", file_of([a], "lz77"), "E_CODEC", "CO-4", "an unknown codec")
    yield bad(
        "schema-absent",
        header(None) + block(1, one),
        "E_SCHEMA",
        "CO-6",
        "no avro.schema in the metadata",
    )
    yield bad(
        "schema-not-json",
        header(b"{'type': 'record'}") + block(1, one),
        "E_SCHEMA",
        "LI-1",
        "the schema is not JSON",
    )
    yield bad(
        "schema-unknown-type",
        header(record("stamp", *FIELDS, field("x", "complex"), namespace="hstamp.v1"))
        + block(1, one + b"\0"),
        "E_SCHEMA",
        "LI-1",
        "a type that is not defined",
    )
    twice = record("alert", nullable("a", STAMP), nullable("b", STAMP), namespace="x")
    yield bad(
        "schema-defined-twice",
        header(twice) + block(1, NULL + NULL),
        "E_SCHEMA",
        "LI-1",
        "the stamp's name is defined twice, which Avro forbids",
    )
    yield bad(
        "schema-no-stamp",
        header(record("alert", *ALERT_HEAD, namespace="x")),
        "E_SCHEMA",
        "CO-6",
        "a valid schema without a stamp",
    )
    yield bad(
        "schema-other-namespace",
        header(record("stamp", *FIELDS, namespace="hstamp.v2")) + block(1, one),
        "E_SCHEMA",
        "CO-6",
        "hstamp.v2.stamp is another format",
    )
    for name in ("version", "dx", "image"):
        fewer = [f for f in FIELDS if f["name"] != name]
        yield bad(
            f"schema-without-{name}",
            header(record("stamp", *fewer, namespace="hstamp.v1")),
            "E_SCHEMA",
            "CO-6",
            f"{name} is absent and has no default",
        )
    changed = json.loads(json.dumps(FIELDS))
    changed[0]["type"] = "string"
    yield bad(
        "schema-version-string",
        header(record("stamp", *changed, namespace="hstamp.v1")),
        "E_SCHEMA",
        "CO-6",
        "version is a string: does not resolve",
    )
    for name, kind in (
        ("array-of-null", {"type": "array", "items": "null"}),
        ("map-free-array", {"type": "array", "items": record("nothing")}),
        (
            "array-of-fixed-0",
            {"type": "array", "items": {"type": "fixed", "name": "none", "size": 0}},
        ),
    ):
        schema = record("stamp", *FIELDS, field("bomb", kind), namespace="hstamp.v1")
        yield bad(
            f"schema-{name}".replace("map-free-array", "array-of-empty-record"),
            header(schema) + block(1, one + long(2**62) + long(0)),
            "E_SCHEMA",
            "SE-1",
            "an array whose items take no bytes claims 2^62 of them",
            "bomb",
        )
    deep = record(
        "alert",
        nullable("s", STAMP),
        field(
            "list",
            [
                "null",
                {"type": "array", "items": record("two", field("x", "null"), field("y", "null"))},
            ],
        ),
        namespace="x",
    )
    yield bad(
        "schema-array-of-nulls-deep",
        header(deep) + block(1, NULL + PRESENT + long(2**62) + long(0)),
        "E_SCHEMA",
        "SE-1",
        "an array of records of nulls, within a union, beside the stamp",
        "bomb",
    )
    node = record("node", field("value", "int"), field("next", ["null", "x.node"]))
    chain = record("alert", nullable("s", STAMP), field("list", node), namespace="x")
    yield bad(
        "schema-recursive",
        header(chain) + block(1, NULL + (long(1) + PRESENT) * 100000 + long(1) + NULL),
        "E_SCHEMA",
        "SE-1",
        "a type that contains itself nests 100,000 deep",
        "bomb",
    )
    loop = record(
        "alert",
        nullable("s", STAMP),
        field("list", {"type": "array", "items": ["null", "x.alert"]}),
        namespace="x",
    )
    yield bad(
        "schema-recursive-array",
        header(loop) + block(1, NULL + NULL),
        "E_SCHEMA",
        "SE-1",
        "the alert contains itself through an array",
    )
    both = header(record("alert", *ALERT_HEAD, namespace="x"), "lz77")
    yield bad(
        "order-schema-codec", both, "E_SCHEMA", "DE-2", "no stamp, and an unknown codec", "order"
    )
    yield bad(
        "order-codec-avro",
        header(STAMP, "lz77") + b"\x02",
        "E_CODEC",
        "DE-2",
        "an unknown codec, and a block that ends early",
        "order",
    )
    for name, blob_, code in (
        ("version", a.put(version=long(200)), "E_VERSION"),
        ("scale", a.put(image__scale=array([f4(0.0), f4(1.0)])), "E_SCALE"),
        ("text", a.put(id__text=b"0/templat\n"), "E_TEXT"),
        ("levels", a.put(levels=long(9)), "E_LEVELS"),
    ):
        yield bad(
            f"stamp-{name}",
            header(STAMP) + block(1, blob_.record()),
            code,
            "DE-2",
            f"the stamp in the file is rejected with {code}",
        )
    second = header(STAMP) + block(2, one + a.put(version=long(99)).record())
    yield bad(
        "second-stamp-bad",
        second,
        "E_VERSION",
        "DE-3",
        "the second of two stamps is rejected: so is the file",
    )
    rows = alert(0, [a, b.put(psf__size=long(2)), c])
    yield bad(
        "alert-stamp-bad",
        header(alert_schema()) + block(1, rows),
        "E_PSF",
        "DE-3",
        "one of an alert's three stamps is rejected: so is the file",
    )
    yield bad(
        "union-index",
        header(alert_schema()) + block(1, alert(0, [None, None]) + long(2)),
        "E_AVRO",
        "CO-6",
        "a stamp field's union index is 2",
    )
