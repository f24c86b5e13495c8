"""Alerts that carry stamps."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from .ocf import (
    STAMP,
    Json,
    block,
    deflate,
    field,
    header,
    nullable,
    record,
    stamps,
)
from .vector import Vector
from .writer import NULL, PRESENT, Blob, array, f4, f8, long, text

ALERT_HEAD = [
    field("diaSourceId", "long"),
    field("observation_reason", ["null", "string"], default=None),
    field("flux", "float"),
    field("mjd", "double"),
]
ALERT_TAIL = [
    field(
        "candidates",
        {
            "type": "array",
            "items": record("candidate", field("id", "long"), field("good", "boolean")),
        },
    ),
    field("extras", {"type": "map", "values": ["null", "int", "string"]}),
    field("cutoutTemplate", ["null", "bytes"], default=None),
    field("kind", {"type": "enum", "name": "alertKind", "symbols": ["NEW", "SEEN"]}),
    field("hash", {"type": "fixed", "name": "sha", "size": 4}),
    field("nothing", "null"),
]
NAMES = ("hstampDifference", "hstampScience", "hstampTemplate")


def alert_schema(names: Sequence[str] = NAMES) -> Json:
    """The stamp is defined in the first field and named in the others, as Avro wants."""
    kinds = [STAMP] + ["hstamp.v1.stamp"] * (len(names) - 1)
    return record(
        "alert",
        *ALERT_HEAD,
        *ALERT_TAIL,
        *(nullable(name, kind) for name, kind in zip(names, kinds, strict=True)),
        namespace="lsst.v12_0",
    )


def alert(number: int, chosen: Sequence[Blob | None]) -> bytes:
    head = (
        long(10**18 + number)
        + (PRESENT + text("deep") if number % 2 else NULL)
        + f4(12.5)
        + f8(60000.5)
    )
    tail = (
        array([long(5) + b"\x01", long(-6) + b"\x00"], [1, -1])
        + array([text("k") + long(1) + long(7)])
        + PRESENT
        + text(b"SIMPLE  =")
        + long(1)
        + b"\1\2\3\4"
    )
    return head + tail + b"".join(NULL if b is None else PRESENT + b.record() for b in chosen)


def alerts() -> Iterator[Vector]:
    a, b, c = stamps()
    chosen: list[list[Blob | None]] = [[a, b, c], [None, None, None], [None, b, None], [c, None, a]]
    data = b"".join(alert(i, row) for i, row in enumerate(chosen))
    expected = tuple((NAMES[j], s.bytes()) for row in chosen for j, s in enumerate(row) if s)
    clauses = ("CO-5", "CO-6")
    yield Vector(
        "alerts-0-to-3-stamps",
        header(alert_schema()) + block(4, data),
        clauses,
        "four alerts with 3, 0, 1 and 2 stamps",
        "container",
        stamps=expected,
    )
    yield Vector(
        "alerts-deflate",
        header(alert_schema(), "deflate") + block(4, deflate(data)),
        clauses,
        "the same with codec deflate",
        "container",
        stamps=expected,
        flags=("codec-deflate",),
    )
    yield Vector(
        "alerts-none",
        header(alert_schema()) + block(1, alert(1, [None] * 3)),
        clauses,
        "an alert whose stamps are all null",
        "container",
        stamps=(),
    )
    one = record("alert", *ALERT_HEAD[:1], field("hstampScience", STAMP), namespace="x")
    yield Vector(
        "alerts-not-nullable",
        header(one) + block(1, long(1) + a.record()),
        ("CO-6",),
        "a field whose type is the stamp itself",
        "container",
        stamps=(("hstampScience", a.bytes()),),
    )
    wide = record("alert", field("stamp", ["null", "string", STAMP, "int"]), namespace="x")
    rows = long(2) + a.record() + long(1) + text("no") + long(0) + long(3) + long(9)
    yield Vector(
        "alerts-wide-union",
        header(wide) + block(4, rows),
        ("CO-6",),
        "a union with other branches beside the stamp",
        "container",
        stamps=(("stamp", a.bytes()),),
    )
    inner = record(
        "alert",
        field("inner", record("holder", nullable("s", STAMP))),
        nullable("top", "hstamp.v1.stamp"),
        namespace="x",
    )
    yield Vector(
        "alerts-deeper-stamps",
        header(inner) + block(1, PRESENT + b.record() + PRESENT + a.record()),
        ("CO-6",),
        "only top-level fields are searched: a stamp deeper down is not returned",
        "container",
        stamps=(("top", a.bytes()),),
    )
    same = record("stamp", field("x", "int"), namespace="other")
    other = record("alert", field("stamp", same), nullable("s", STAMP), namespace="x")
    yield Vector(
        "alerts-other-stamp",
        header(other) + block(1, long(4) + PRESENT + a.record()),
        ("CO-6",),
        "a record named stamp in another namespace is not ours",
        "container",
        stamps=(("s", a.bytes()),),
    )
    order = ("hstampTemplate", "anything", "hstampDifference")
    yield Vector(
        "alerts-field-names",
        header(alert_schema(order)) + block(1, alert(0, [a, b, c])),
        ("CO-6",),
        "stamps are found by type, not by field name",
        "container",
        stamps=tuple(zip(order, (a.bytes(), b.bytes(), c.bytes()), strict=True)),
    )
