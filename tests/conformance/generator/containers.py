# ruff: noqa: E501 - one vector a line, with its reason
"""Object container files: codecs, writer's schemas, alerts, and what can be wrong with them."""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Iterator, Sequence
from typing import Any

from .valid import LSST_CD, full, random_i2
from .vector import Lcg, Vector
from .writer import NULL, PRESENT, Blob, array, blob, count_of, f4, f8, image_f4, long, text

MAGIC = b"Obj\x01"
SYNC = bytes(range(0xA0, 0xB0))
LIMIT = 64 * 2**20
Json = Any


def record(name: str, *fields: Json, **more: Json) -> Json:
    return {"type": "record", "name": name, "fields": list(fields), **more}


def field(name: str, kind: Json, **more: Json) -> Json:
    return {"name": name, "type": kind, **more}


def floats() -> Json:
    return {"type": "array", "items": "float"}


def nullable(name: str, kind: Json) -> Json:
    return field(name, ["null", kind], default=None)


WCS = record(
    "wcs",
    field("ra", "double"),
    field("dec", "double"),
    *(field(f"cd{i}_{j}", "float") for i in (1, 2) for j in (1, 2)),
)
IMAGE = record(
    "image",
    field("encoding", "string"),
    field("zero", floats()),
    field("scale", floats()),
    field("data", "bytes"),
)
VARIANCE = record(
    "variance", field("encoding", "string"), field("unit", "float"), field("data", "bytes")
)
MASK = record(
    "mask",
    field("encoding", "string"),
    field("planes", {"type": "array", "items": "string"}),
    field("data", "bytes"),
)
PSF = record("psf", field("encoding", "string"), field("size", "int"), field("data", "bytes"))
FIELDS: list[Json] = [
    field("version", "int"),
    field("levels", "int"),
    nullable("id", "string"),
    nullable("band", "string"),
    field("fluxUnit", "string", default="nJy"),
    field("dx", "float"),
    field("dy", "float"),
    nullable("wcs", WCS),
    field("image", IMAGE),
    nullable("variance", VARIANCE),
    nullable("mask", MASK),
    nullable("psf", PSF),
]
STAMP = record("stamp", *FIELDS, namespace="hstamp.v1")


def header(
    schema: Json | bytes | None,
    codec: str | None = "null",
    sync: bytes = SYNC,
    blocks: Sequence[int] | None = None,
    extra: Sequence[tuple[str, bytes]] = (),
) -> bytes:
    pairs = list(extra)
    if schema is not None:
        pairs.append(
            (
                "avro.schema",
                schema
                if isinstance(schema, bytes)
                else json.dumps(schema, separators=(",", ":")).encode(),
            )
        )
    if codec is not None:
        pairs.append(("avro.codec", codec.encode()))
    return MAGIC + array([text(key) + text(value) for key, value in pairs], blocks) + sync


def block(count: int, data: bytes, sync: bytes = SYNC, size: int | None = None) -> bytes:
    return long(count) + long(len(data) if size is None else size) + data + sync


def snappy(data: bytes) -> bytes:
    """Snappy with one literal per 60 bytes, then a copy where 64 bytes repeat; CRC-32 as Avro asks."""
    size, out = len(data), bytearray()
    while size > 127:
        out.append(size & 127 | 128)
        size >>= 7
    out.append(size)
    at = 0
    while at < len(data):
        if at >= 8 and data[at : at + 64] == data[at - 8 : at - 8 + 64] and len(data) - at >= 64:
            out += bytes([(63 << 2) | 2]) + struct.pack("<H", 8)
            at += 64
            continue
        part = data[at : at + 60]
        out += bytes([(len(part) - 1) << 2]) + part
        at += len(part)
    return bytes(out) + struct.pack(">I", zlib.crc32(data))


def zstandard(data: bytes) -> bytes:
    """A zstandard frame of raw blocks and run-length blocks, with its content size."""
    out = struct.pack("<IBI", 0xFD2FB528, 0xA0, len(data))
    parts = [data[at : at + 4096] for at in range(0, len(data), 4096)] or [b""]
    for i, part in enumerate(parts):
        last = i == len(parts) - 1
        same = len(part) > 1 and len(set(part)) == 1
        head = int(last) | (2 if same else 0) | len(part) << 3
        out += struct.pack("<I", head)[:3] + (part[:1] if same else part)
    return out


def deflate(data: bytes, level: int = 9) -> bytes:
    packer = zlib.compressobj(level, zlib.DEFLATED, -15)
    return packer.compress(data) + packer.flush()


def stamps() -> list[Blob]:
    out = []
    for i, n in enumerate((2, 5, 3)):
        rng = Lcg(500 + i)
        planes = full(rng, n) if i != 2 else {}
        out.append(
            blob(
                n,
                random_i2(rng, n),
                id=f"{i}/template",
                band="griz"[i],
                dx=0.25 * i - 0.25,
                wcs=LSST_CD if i else None,
                **planes,
            )
        )
    return out


def file_of(
    blobs: Sequence[Blob], codec: str | None = "null", pack: Any = bytes, split: bool = False
) -> bytes:
    records = [b.record() for b in blobs]
    groups = [[r] for r in records] if split else [records]
    return header(STAMP, codec) + b"".join(
        block(len(group), pack(b"".join(group))) for group in groups
    )


def valid_files() -> Iterator[Vector]:
    three = stamps()
    expected = tuple((None, b.bytes()) for b in three)

    def vector(
        name: str,
        data: bytes,
        reason: str,
        clauses: tuple[str, ...] = ("CO-4",),
        stamps: Any = expected,
        **more: Any,
    ) -> Vector:
        return Vector(name, data, clauses, reason, "container", stamps=stamps, **more)

    yield vector("container-null", file_of(three), "three stamps, codec null")
    yield vector("container-codec-absent", file_of(three, None), "no avro.codec means null")
    yield vector(
        "container-deflate",
        file_of(three, "deflate", deflate),
        "codec deflate",
        flags=("codec-deflate",),
    )
    yield vector(
        "container-deflate-stored",
        file_of(three, "deflate", lambda data: deflate(data, 0), True),
        "deflate with stored blocks, three Avro blocks",
        flags=("codec-deflate",),
    )
    yield vector(
        "container-snappy",
        file_of(three, "snappy", snappy),
        "codec snappy",
        flags=("codec-snappy",),
        optional="codec-snappy",
    )
    yield vector(
        "container-zstandard",
        file_of(three, "zstandard", zstandard),
        "codec zstandard",
        flags=("codec-zstandard",),
        optional="codec-zstandard",
    )
    yield vector("container-blocks", file_of(three, split=True), "one block per stamp")
    yield vector(
        "container-no-blocks", header(STAMP), "a file without blocks holds no stamps", stamps=()
    )
    yield vector(
        "container-empty-block",
        header(STAMP) + block(0, b"") + block(1, three[0].record()),
        "a block of no records",
        stamps=expected[:1],
    )
    yield vector(
        "container-metadata-blocks",
        header(STAMP, blocks=[-1, 2, -1], extra=[("user.note", b"\xff\x00"), ("x", b"")])
        + block(1, three[0].record()),
        "metadata map in several blocks, negative counts, other keys",
        stamps=expected[:1],
    )
    minor = three[0].put(version=long(101))
    yield vector(
        "container-version-101",
        header(STAMP) + block(1, minor.record()),
        "version 101 in the 1.0 schema",
        ("CO-4", "VE-2"),
        ((None, minor.bytes()),),
    )
    yield vector(
        "container-single-blob",
        three[1].bytes(),
        "a blob is an input of the container profile too",
        ("CO-2", "PR-1"),
        expected[1:2],
    )


def later_minor() -> Iterator[Vector]:
    """Fields of writers other than 1.0: added, absent, in another order."""
    source = stamps()[0]
    record_bytes = source.record()
    moment = record(
        "provenance",
        field("run", "long"),
        field("tags", {"type": "map", "values": "string"}),
        field("scores", {"type": "array", "items": "double"}),
    )
    added = [
        nullable("provenance", moment),
        nullable("quality", "float"),
        nullable("flags", {"type": "enum", "name": "kind", "symbols": ["A", "B"]}),
        nullable("digest", {"type": "fixed", "name": "md5", "size": 16}),
    ]
    schema = record("stamp", *FIELDS, *added, namespace="hstamp.v1")
    tags = array([text("a") + text("b")], [-1]) + array([f8(1.5), f8(2.5)])
    tails = [
        NULL * 4,
        PRESENT + long(-7) + tags + PRESENT + f4(0.5) + PRESENT + long(1) + PRESENT + bytes(16),
    ]
    for name, tail, what in (("null", tails[0], "null"), ("filled", tails[1], "filled")):
        later = source.put(version=long(103))
        yield Vector(
            f"container-later-minor-{name}",
            header(schema) + block(1, later.record() + tail),
            ("VE-1", "VE-2", "CO-6", "SE-1"),
            f"unknown fields of a later minor version, {what}",
            "container",
            stamps=((None, later.bytes()),),
            flags=("later-minor",),
        )
    inner = json.loads(json.dumps(FIELDS))
    inner[8]["type"]["fields"].insert(1, field("quantum", ["null", "double"], default=None))
    segments = {}
    for name, part in source.segments.items():
        segments[name] = part
        if name == "image.encoding":
            segments["image.quantum"] = PRESENT + f8(9.0)
    yield Vector(
        "container-unknown-subfield",
        header(record("stamp", *inner, namespace="hstamp.v1")) + block(1, Blob(segments).record()),
        ("VE-2", "CO-6"),
        "an unknown field within the image record",
        "container",
        stamps=((None, source.bytes()),),
        flags=("later-minor",),
    )
    names = [f["name"] for f in FIELDS]
    s = source.segments
    parts = {
        name: b"".join(v for key, v in s.items() if key == name or key.startswith(name + "."))
        for name in names
    }
    assert b"".join(parts.values()) == record_bytes
    order = names[::-1]
    backwards = record(
        "stamp",
        *(next(f for f in FIELDS if f["name"] == name) for name in order),
        namespace="hstamp.v1",
    )
    yield Vector(
        "container-fields-reversed",
        header(backwards) + block(1, b"".join(parts[name] for name in order)),
        ("CO-6",),
        "fields match by name, not by position",
        "container",
        stamps=((None, source.bytes()),),
    )
    needed = [f for f in FIELDS if "default" not in f]
    bare = blob(2, image_f4([3.0] * count_of(2)), dx=0.5)
    pieces = {
        name: b"".join(
            v for key, v in bare.segments.items() if key == name or key.startswith(name + ".")
        )
        for name in names
    }
    yield Vector(
        "container-defaults",
        header(record("stamp", *needed, namespace="hstamp.v1"))
        + block(1, b"".join(pieces[f["name"]] for f in needed)),
        ("CO-6",),
        "absent fields take their defaults: null, and nJy",
        "container",
        stamps=((None, bare.bytes()),),
    )
    plain = json.loads(json.dumps(FIELDS))
    plain[2]["type"] = "string"
    whole = parts | {"id": s["id.length"] + s["id.text"]}
    yield Vector(
        "container-id-not-nullable",
        header(record("stamp", *plain, namespace="hstamp.v1"))
        + block(1, b"".join(whole[name] for name in names)),
        ("CO-6",),
        "the writer's id is a plain string",
        "container",
        stamps=((None, source.bytes()),),
    )
    fullname = {k: v for k, v in STAMP.items() if k != "namespace"} | {"name": "hstamp.v1.stamp"}
    yield Vector(
        "container-dotted-name",
        header(fullname) + block(1, record_bytes),
        ("CO-6",),
        "the record's name is written in full",
        "container",
        stamps=((None, source.bytes()),),
    )


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


FAMILIES = (valid_files, later_minor, alerts, invalid_files)


def vectors() -> Iterator[Vector]:
    for family in FAMILIES:
        yield from family()
