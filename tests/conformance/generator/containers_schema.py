"""Writers' schemas at the edge of Avro: names, sizes, unions, and what plays no part [SE-1]."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from .ocf import FIELDS, STAMP, Json, block, field, header, nullable, record, small
from .vector import Vector
from .writer import NULL, PRESENT, f8, long, text


def compact(schema: Json) -> bytes:
    return json.dumps(schema, separators=(",", ":"), ensure_ascii=False).encode()


def alert(*fields: Json, **more: Json) -> Json:
    """A record with one nullable stamp and the fields in question behind it."""
    return record("alert", nullable("s", STAMP), *fields, **{"namespace": "x", **more})


def invalid(name: str, schema: Json | bytes, reason: str) -> Vector:
    data = header(schema) + block(1, NULL + bytes(64))
    clauses = ("SE-1", "LI-1", "DE-2")
    return Vector(f"container-schema-{name}", data, clauses, reason, "container", error="E_SCHEMA")


def valid(name: str, schema: Json | bytes, tail: bytes, reason: str) -> Vector:
    one = small()
    data = header(schema) + block(1, PRESENT + one.record() + tail)
    return Vector(
        f"container-schema-{name}",
        data,
        ("SE-1", "CO-6"),
        reason,
        "container",
        stamps=(("s", one.bytes()),),
    )


def sizes() -> Iterator[Vector]:
    """`size` of a fixed: a JSON number whose binary64 value is an integer in 0..2^26."""

    def with_size(written: str) -> bytes:
        kind = {"type": "fixed", "name": "raw", "size": "@"}
        return compact(alert(field("raw", ["null", kind]))).replace(b'"@"', written.encode())

    for name, written in (
        ("null", "null"),
        ("true", "true"),
        ("text", '"4"'),
        ("array", "[4]"),
        ("negative", "-1"),
        ("fraction", "1.5"),
        ("too-large", "67108865"),
        ("31-bits", "2147483647"),
        ("2-64", "18446744073709551616"),
        ("1e999", "1e999"),
    ):
        reason = f"the size of a fixed is {written}, though no record holds one"
        yield invalid(f"fixed-size-{name}", with_size(written), reason)
    absent = {"type": "fixed", "name": "raw"}
    yield invalid("fixed-size-absent", alert(field("raw", absent)), "a fixed without a size")
    for name, written, size in (("point", "16.0", 16), ("exponent", "1.6e1", 16), ("zero", "0", 0)):
        reason = f"the size of a fixed is written {written}"
        yield valid(f"fixed-size-{name}", with_size(written), PRESENT + bytes(size), reason)
    reason = "the size of a fixed is the largest, 64 MiB; the record's is null"
    yield valid("fixed-size-largest", with_size("67108864"), NULL, reason)
    nothing = alert(field("none", {"type": "fixed", "name": "none", "size": 0}))
    yield valid("fixed-size-zero-field", nothing, b"", "a field of no bytes: a fixed of size 0")


BAD_NAMES = {
    "empty": "",
    "hyphen": "a-b",
    "digit": "1a",
    "space": "a b",
    "newline": "a\n",
    "accent": "\u00e9t\u00e9",
    "number": 7,
    "null": None,
}


def names() -> Iterator[Vector]:
    kinds: dict[str, Any] = {
        "record": lambda name: record(name, field("x", "int")),
        "enum": lambda name: {"type": "enum", "name": name, "symbols": ["A"]},
        "fixed": lambda name: {"type": "fixed", "name": name, "size": 4},
    }
    for kind, make in kinds.items():
        for what, name in BAD_NAMES.items():
            reason = f"the name of a {kind} is {json.dumps(name)}"
            yield invalid(f"{kind}-name-{what}", alert(field("f", make(name))), reason)
        for what, name in (("dots", "a..b"), ("dot-first", ".a"), ("dot-last", "a.")):
            reason = f"the name of a {kind} is {json.dumps(name)}: a part is empty"
            yield invalid(f"{kind}-name-{what}", alert(field("f", make(name))), reason)
        nameless = make("a")
        del nameless["name"]
        yield invalid(f"{kind}-name-absent", alert(field("f", nameless)), f"a {kind} has no name")
    for what, name in (BAD_NAMES | {"dot": "a.b"}).items():
        reason = f"the name of a field is {json.dumps(name)}"
        yield invalid(f"field-name-{what}", alert(field(name, "int")), reason)  # type: ignore[arg-type]
    yield invalid("field-name-absent", alert({"type": "int"}), "a field has no name")
    twice = alert(field("f", "int"), field("f", "long"))
    yield invalid("field-name-twice", twice, "two fields of a record have one name")
    yield invalid("field-type-absent", alert({"name": "f"}), "a field has no type")
    for what, space in (("hyphen", "a-b.c"), ("digit", "1a"), ("dots", "a..b"), ("number", 7)):
        inner = record("inner", field("x", "int"), namespace=space)
        reason = f"a namespace is {json.dumps(space)}"
        yield invalid(f"namespace-{what}", alert(field("f", inner)), reason)
    primitive = record("int", field("x", "long"))
    yield invalid(
        "name-primitive", alert(field("f", primitive), namespace=""), "a record named int"
    )
    good = alert(
        field("_", record("_", field("A9_z", "boolean"), namespace="")),
        field("b", {"type": "enum", "name": "q._1.E", "symbols": ["_", "Z9"]}),
        field("c", {"type": "fixed", "name": "raw", "namespace": None, "size": 2}),
        field("d", "x.raw"),
        field("e", "q._1.E"),
    )
    yield valid(
        "names-odd",
        good,
        b"\x01" + long(1) + b"ab" + b"cd" + long(0),
        "names that are odd and valid",
    )
    for what, symbols in (
        ("absent", None),
        ("hyphen", ["A-B"]),
        ("twice", ["A", "A"]),
        ("number", [1]),
    ):
        enum = {"type": "enum", "name": "e"} | ({} if symbols is None else {"symbols": symbols})
        reason = f"the symbols of an enum are {json.dumps(symbols)}"
        yield invalid(f"symbols-{what}", alert(field("f", enum)), reason)


def forms() -> Iterator[Vector]:
    """Unions, and the text of the schema itself."""
    ints = {"type": "array", "items": "int"}
    for what, union, reason in (
        ("empty", [], "a union without branches"),
        ("nested", ["null", ["int"]], "a union directly in a union"),
        ("twice", ["int", "int"], "a union with two branches int"),
        ("arrays", [ints, {"type": "array", "items": "long"}], "a union with two arrays"),
    ):
        yield invalid(f"union-{what}", alert(field("f", union)), reason)
    plain = compact(alert(field("f", "int")))
    at = plain.index(b'"type"')
    for what, raw, reason in (
        ("utf-16", plain.decode().encode("utf-16"), "the schema's text is UTF-16"),
        ("bom", b"\xef\xbb\xbf" + plain, "a byte order mark before the schema"),
        ("latin-1", plain[:at] + b'"doc":"\xe9",' + plain[at:], "the schema's text is not UTF-8"),
        ("nan", plain[:at] + b'"doc":NaN,' + plain[at:], "NaN, which JSON does not know"),
        ("comma", plain.replace(b"}]}", b"},]}"), "a comma after the last element of an array"),
    ):
        yield invalid(f"text-{what}", raw, reason)
    wide = plain[:at] + b'"doc":' + b"9" * 5000 + b"," + plain[at:]
    yield valid("text-number-5000", wide, long(3), "a number of 5000 digits where it plays no part")
    twice = plain[:at] + b'"name":"a-b",' + plain[at:]
    yield valid(
        "text-member-twice", twice, long(3), "a member of an object twice: the last is taken"
    )


def logical_types() -> Iterator[Vector]:
    """Logical types and other members of a schema play no part in reading."""
    odd: list[tuple[Json, bytes]] = [
        ({"type": "int", "logicalType": "date"}, long(-(2**31))),
        ({"type": "long", "logicalType": "timestamp-millis"}, long(2**63 - 1)),
        ({"type": "long", "logicalType": "timestamp-micros"}, long(-(2**63))),
        ({"type": "int", "logicalType": "time-millis"}, long(-5)),
        ({"type": "string", "logicalType": "uuid"}, text("no uuid")),
        (
            {"type": "bytes", "logicalType": "decimal", "precision": 4, "scale": 2},
            text(b"\xff" * 99),
        ),
        ({"type": "bytes", "logicalType": "decimal", "precision": -3, "scale": "x"}, text(b"")),
        ({"type": "bytes", "logicalType": "decimal"}, text(b"\x01")),
        ({"type": "fixed", "name": "span", "size": 3, "logicalType": "duration"}, b"\1\2\3"),
        ({"type": "string", "logicalType": 7}, text("")),
        ({"type": "int", "logicalType": None}, long(1)),
        ({"type": "boolean", "logicalType": "nobody-knows"}, b"\x01"),
        ({"type": "double", "logicalType": "decimal"}, f8(1.5)),
    ]
    kinds = [field(f"f{i}", kind) for i, (kind, _) in enumerate(odd)]
    tail = b"".join(value for _, value in odd)
    yield valid("logical-types", alert(*kinds), tail, "logical types that their values do not fit")
    one = small()
    marked = json.loads(json.dumps(FIELDS))
    for place, kind in (
        (0, {"type": "int", "logicalType": "date"}),
        (2, ["null", {"type": "string", "logicalType": "uuid"}]),
        (4, {"type": "bytes", "logicalType": "decimal", "precision": 2}),
        (5, {"type": "float", "logicalType": "half"}),
    ):
        marked[place]["type"] = kind
    yield Vector(
        "container-schema-logical-types-stamp",
        header(record("stamp", *marked, namespace="hstamp.v1")) + block(1, one.record()),
        ("SE-1", "CO-6"),
        "logical types on the fields of a stamp",
        "container",
        stamps=((None, one.bytes()),),
    )
    careless = alert(
        field("f", "int", doc=7, aliases="x y", order="sideways", default="no"),
        doc=["text"],
        aliases=[{}],
        extra={"type": "fixed", "size": -1},
        size=-1,
    )
    yield valid("members-ignored", careless, long(3), "members that play no part, all of them odd")
    marks = alert(field("f", "int"), __fastavro_parsed__=True, __named_schemas={"x.g": 7})
    yield valid("members-foreign", marks, long(3), "members that libraries use to mark schemas")


def schemas() -> Iterator[Vector]:
    for family in (sizes, names, forms, logical_types):
        yield from family()
