"""Mutations that know the structure of blobs and files, so that faults lie deeper than lengths."""

from __future__ import annotations

import json
import random
import struct
import zlib
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

from hstamp.conformance.walk import walk

from .targets import CONFORMANCE, EDIT

from generator.writer import long  # isort: skip - found by way of targets

VECTORS = CONFORMANCE / "vectors"
LONGS = (0, 1, -1, 2, 3, 8, 9, 15, 16, 17, 99, 100, 127, 199, 200, 372, 744, 1488,
         2**31 - 1, 2**31, -(2**31), 2**40, 2**62, -(2**63), 2**63 - 1)  # fmt: skip
WORDS = (
    *(struct.pack("<I", bits) for bits in (
        0, 0x80000000, 1, 0x80000001, 0x7F7FFFFF, 0xFF7FFFFF, 0x7F800000, 0xFF800000, 0x7FC00000,
        0xFFFFFFFF, 0x7F800001, 0x3F000000, 0xBF000000, 0x3F000001)),
    b"\x00\x80", b"\xff\x7f", b"\x01\x80", b"\xff", b"\xfe", b"\x02i2", b"\x04f4", b"\x08log8",
     b"\x04u1", b"\x04u2", b"\x04i2", b"\x7f", b" ", b"~")  # fmt: skip
TYPES = ("int", "long", "float", "double", "string", "bytes", "null", "boolean", "hstamp.v1.stamp",
         ["null", "int"], {"type": "array", "items": "int"}, {"type": "map", "values": "bytes"},
         {"type": "array", "items": "null"}, {"type": "fixed", "name": "fx", "size": 3},
         {"type": "enum", "name": "en", "symbols": ["A", "B"]}, [])  # fmt: skip
MAGIC = b"Obj\x01"
Default = Callable[[bytes, int], bytes]


def seeds(suffix: str, largest: int = 8_192) -> list[bytes]:
    """Conformance vectors of one kind, ``bin`` or ``avro``."""
    paths = sorted(p for kind in ("valid", "invalid") for p in _paths(kind, suffix))
    found = (path.read_bytes() for path in paths)
    return [data for data in found if len(data) <= largest]


def _paths(kind: str, suffix: str) -> list[Path]:
    return list((VECTORS / kind).glob(f"*.{suffix}"))


@cache
def donors() -> tuple[tuple[bytes, dict[str, tuple[int, int]]], ...]:
    """Valid blobs and where their fields lie."""
    out = []
    for data in (p.read_bytes() for p in sorted(_paths("valid", "bin"))):
        out.append((data, {f.name: (f.start, f.end) for f in walk(data).fields}))
    return tuple(out)


def mutate_blob(data: bytes, rng: random.Random) -> bytes:
    """Change, drop, repeat or exchange one field of a blob."""
    fields = walk(data).fields[2:]
    if not fields:
        return rng.choice(donors())[0]
    field = rng.choice(fields)
    head, body, tail = data[: field.start], data[field.start : field.end], data[field.end :]
    kind = rng.randrange(9)
    if kind == 0:
        return head + long(rng.choice(LONGS), rng.choice((0, 0, 0, 1, 7, 9, 10))) + tail
    if kind == 1:
        return head + tail
    if kind == 2:
        return head + body + body + tail
    if kind in (3, 4, 5):
        donor, places = rng.choice(donors())
        # The whole rest of a plane travels together, so that lengths agree.
        if field.name not in places:
            return head + rng.choice(WORDS) + tail
        first, last = places[field.name]
        if kind == 3:
            return head + donor[first:last] + tail
        return head + donor[first:] if kind == 4 else donor[:first] + data[field.start :]
    if kind == 6 and len(body) > 4:
        at, word = rng.randrange(1, len(body)), rng.choice(WORDS)
        return head + body[:at] + word + body[at + len(word) :] + tail
    if kind == 7:
        count = rng.randrange(9)
        items = [struct.pack("<f", rng.choice((0.0, 1.0, 3e38, -1.0))) for _ in range(count)]
        size = sum(map(len, items)) + rng.choice((0, 0, 0, 1, -1))
        block = long(-count) + long(size) + b"".join(items) if count else b""
        return head + block + b"\0" + tail
    return data[: rng.randrange(len(data))]


def mutate_batch(data: bytes, rng: random.Random) -> bytes:
    """Add or drop an edit, or change the blob behind them."""
    edits = data[0] % 16 if data else 0
    script, blob = data[1 : 1 + edits * EDIT], data[1 + edits * EDIT :]
    if rng.random() < 0.5:
        at = rng.randrange(10, max(11, len(blob)))
        edit = struct.pack("<BHB", rng.randrange(256), at % 65536, rng.randrange(256))
        script = (edit + script)[: 15 * EDIT]
    else:
        blob = mutate_blob(blob, rng)
    return bytes([len(script) // EDIT]) + script + blob


def parts_of(data: bytes) -> tuple[dict[str, bytes], list[tuple[int, bytes]]] | None:
    """Metadata and decompressed blocks of a file that is whole."""
    import container_oracle
    import oracle

    try:
        reader, raw, _ = container_oracle.header(data)
        meta = {key.decode("latin-1"): value for key, value in raw.items()}
        blocks = []
        while reader.at < len(data):
            count, stored = reader.long(), reader.take(reader.long())
            reader.take(16)
            blocks.append((count, _unpack(meta.get("avro.codec", b"null"), stored)))
    except (oracle.Reject, zlib.error, UnicodeError):
        return None
    return meta, blocks


def _unpack(codec: bytes, stored: bytes) -> bytes:
    return zlib.decompressobj(-15).decompress(stored, 100_000) if codec == b"deflate" else stored


def _pack(codec: bytes, data: bytes) -> bytes:
    if codec != b"deflate":
        return data
    packer = zlib.compressobj(1, zlib.DEFLATED, -15)
    return packer.compress(data) + packer.flush()


def whole_file(meta: dict[str, bytes], blocks: Sequence[tuple[int, bytes]]) -> bytes:
    """File of metadata and blocks, its lengths and markers right."""
    codec, sync = meta.get("avro.codec", b"null"), b"s" * 16
    items = b"".join(long(len(k)) + k.encode("latin-1") + long(len(v)) + v for k, v in meta.items())
    out = MAGIC + (long(len(meta)) + items if meta else b"") + b"\0" + sync
    for count, data in blocks:
        stored = _pack(codec, data)
        out += long(count) + long(len(stored)) + stored + sync
    return out


def mutate_file(data: bytes, rng: random.Random, default: Default, limit: int) -> bytes:
    """Change a file's codec, schema, block counts or the records in its blocks."""
    parts = parts_of(data) if data.startswith(MAGIC) else None
    if parts is None:
        return default(data, limit)
    meta, blocks = parts
    kind = rng.randrange(6)
    if kind == 0:
        meta["avro.codec"] = rng.choice((b"null", b"deflate", b"snappy", b"zstandard", b"x"))
    elif kind == 1:
        meta["avro.schema"] = mutate_schema(meta.get("avro.schema", b""), rng)
    elif kind == 2 and blocks:
        i = rng.randrange(len(blocks))
        blocks[i] = (rng.choice(LONGS), blocks[i][1])
    elif blocks:
        i = rng.randrange(len(blocks))
        count, body = blocks[i]
        if kind == 3:
            # A record of the stamp schema is a blob without its ten first bytes.
            blob = mutate_blob(rng.choice(donors())[0], rng)
            body, count = (blob[10:], 1) if rng.random() < 0.5 else (body + blob[10:], count + 1)
        elif kind == 4:
            body = mutate_blob(donors()[0][0][:10] + body, rng)[10:]
        else:
            body = default(body, max(len(body), 64))
        blocks[i] = (count, body)
    return whole_file(meta, blocks)


def mutate_schema(raw: bytes, rng: random.Random) -> bytes:
    """Change, drop or add one field of a record somewhere in a schema."""
    try:
        schema = json.loads(raw)
    except ValueError:
        return raw
    records = []
    pending = [schema]
    while pending:
        part = pending.pop()
        if isinstance(part, list):
            pending += part
        elif isinstance(part, dict):
            pending += part.values()
            if isinstance(part.get("fields"), list) and part["fields"]:
                records.append(part)
    if not records:
        return raw
    record = rng.choice(records)
    fields = record["fields"]
    i = rng.randrange(len(fields))
    kind = rng.randrange(4)
    if kind == 0 and isinstance(fields[i], dict):
        fields[i]["type"] = rng.choice(TYPES)
    elif kind == 1:
        del fields[i]
    elif kind == 2:
        fields.insert(i, {"name": f"x{rng.randrange(100)}", "type": rng.choice(TYPES)})
    else:
        record["name"] = rng.choice(("stamp", "alert", "hstamp.v1.stamp", "x y", ""))
    return json.dumps(schema).encode()


def mutator(target: str, default: Default) -> Callable[[bytes, int, int], bytes]:
    """Custom mutator of a target: half structure, half `default`."""

    def mutate(data: bytes, limit: int, seed: int) -> bytes:
        rng = random.Random(seed)
        if rng.random() < 0.4:
            return default(data, limit)
        if target == "batch":
            out = mutate_batch(data, rng)
        elif data.startswith(MAGIC):
            out = mutate_file(data, rng, default, limit)
        else:
            out = mutate_blob(data, rng)
        return out[:limit]

    return mutate
