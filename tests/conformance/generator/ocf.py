# ruff: noqa: E501 - one vector a line, with its reason
"""Writes object container files: header, blocks, codecs and the stamp's schema."""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Sequence
from typing import Any

from .material import LSST_CD, full, random_i2
from .vector import Lcg
from .writer import Blob, array, blob, long, text

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


def small() -> Blob:
    """A stamp of few bytes, for files that are not about its planes."""
    return blob(2, random_i2(Lcg(510), 2), band="r")


def file_of(
    blobs: Sequence[Blob], codec: str | None = "null", pack: Any = bytes, split: bool = False
) -> bytes:
    records = [b.record() for b in blobs]
    groups = [[r] for r in records] if split else [records]
    return header(STAMP, codec) + b"".join(
        block(len(group), pack(b"".join(group))) for group in groups
    )
