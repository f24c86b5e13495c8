"""Valid container files: codecs, blocks, and schemas of other writers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from .ocf import (
    FIELDS,
    STAMP,
    block,
    deflate,
    field,
    file_of,
    header,
    nullable,
    record,
    snappy,
    stamps,
    zstandard,
)
from .vector import Vector
from .writer import NULL, PRESENT, Blob, array, blob, count_of, f4, f8, image_f4, long, text


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
