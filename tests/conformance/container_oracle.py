# ruff: noqa: E501
"""Independent container reader written from spec/hstamp-1.0.md: checks the container vectors.

The expected results of container vectors are those of the blobs that the builder put in; this
reader confirms them, and is the base of the runner's example decoders. Standard library only;
codecs null and deflate.
"""

import json
import zlib

import oracle
from oracle import Reader, Reject, require

BLOCK_LIMIT = 64 * 2**20
PRIMITIVE = ["null", "boolean", "int", "long", "float", "double", "bytes", "string"]
PROMOTED = {
    "int": PRIMITIVE[3:6],
    "long": PRIMITIVE[4:6],
    "float": ["double"],
    "string": ["bytes"],
    "bytes": ["string"],
}
DEFAULT = {
    "id": None,
    "band": None,
    "fluxUnit": b"nJy",
    "wcs": None,
    "variance": None,
    "mask": None,
    "psf": None,
}


def reader_schema(kind, name="stamp"):
    """The stamp's schema expanded from the oracle's table; text and bytes promote to each other."""
    if isinstance(kind, dict):
        return {
            "type": "record",
            "name": name,
            "fields": [{"name": f, "type": reader_schema(t, f)} for f, t in kind.items()],
        }
    if isinstance(kind, list):
        return {"type": "array", "items": reader_schema(kind[0])}
    if isinstance(kind, tuple):
        return ["null", reader_schema(kind[1], name)]
    return {"f": "float", "d": "double"}.get(kind, kind)


def read(reader, s, names):
    """One value of the (normalised) writer's schema."""
    if isinstance(s, list):
        index = reader.long()
        require(0 <= index < len(s), "E_AVRO")
        return read(reader, s[index], names)
    if isinstance(s, str) and s in PRIMITIVE:
        kinds = {"float": "f", "double": "d", "string": "bytes", "boolean": "?"}
        return (
            None if s == "null" else reader.long() if s == "long" else reader.read(kinds.get(s, s))
        )
    s = names[s] if isinstance(s, str) else s
    if s["type"] == "record":
        return {f["name"]: read(reader, f["type"], names) for f in s["fields"]}
    if s["type"] == "enum":
        return reader.long(32)
    if s["type"] == "fixed":
        return reader.take(s["size"])
    out = []
    while count := reader.long():
        size = reader.long() if count < 0 else None
        start, count = reader.at, abs(count)
        require(count <= len(reader.data) - reader.at, "E_AVRO")
        for _ in range(count):
            key = reader.take(reader.long()) if s["type"] == "map" else None
            out.append((key, read(reader, s["items" if key is None else "values"], names)))
        require(size is None or size == reader.at - start, "E_AVRO")
    return dict(out) if s["type"] == "map" else [item for _, item in out]


def normal(s, names, space=""):
    """The schema with every name in full; definitions are collected in `names`."""
    if isinstance(s, list):
        return [normal(branch, names, space) for branch in s]
    if isinstance(s, str):
        name = s if s in PRIMITIVE or "." in s else f"{space}.{s}".lstrip(".")
        require(name in PRIMITIVE or name in names, "E_SCHEMA")
        return name
    require(isinstance(s, dict) and "type" in s, "E_SCHEMA")
    if s["type"] in ("array", "map"):
        key = "items" if s["type"] == "array" else "values"
        return {"type": s["type"], key: normal(s.get(key), names, space)}
    if s["type"] not in ("record", "enum", "fixed"):
        return normal(s["type"], names, space)
    require(isinstance(s.get("name"), str), "E_SCHEMA")
    space = s["name"].rpartition(".")[0] if "." in s["name"] else s.get("namespace", space)
    name = f"{space}.{s['name'].rpartition('.')[2]}".lstrip(".")
    require(name not in names, "E_SCHEMA")
    names[name] = out = {**s, "name": name}
    if s["type"] == "record":
        require(isinstance(s.get("fields"), list), "E_SCHEMA")
        out["fields"] = [
            {"name": f["name"], "type": normal(f["type"], names, space)} for f in s["fields"]
        ]
    return out


def smallest(s, names, seen=()):
    """Least number of bytes of a value; array items of zero bytes and types that contain themselves are rejected."""
    s = names.get(s, s) if isinstance(s, str) else s
    if isinstance(s, list):
        return 1 + min([smallest(branch, names, seen) for branch in s], default=0)
    if isinstance(s, str):
        return {"null": 0, "float": 4, "double": 8}.get(s, 1)
    if s["type"] == "record":
        require(s["name"] not in seen, "E_SCHEMA")
        return sum(smallest(f["type"], names, (*seen, s["name"])) for f in s["fields"])
    if s["type"] == "array":
        require(smallest(s["items"], names, seen) > 0, "E_SCHEMA")
    elif s["type"] == "map":
        require(smallest(s["values"], names, seen) >= 0, "E_SCHEMA")
    return s["size"] if s["type"] == "fixed" else 1


def resolves(writer, reader, names):
    writer = names.get(writer, writer) if isinstance(writer, str) else writer
    if isinstance(writer, list):
        return isinstance(reader, list) and all(
            resolves(branch, reader, names) for branch in writer
        )
    if isinstance(reader, list):
        return any(resolves(writer, branch, names) for branch in reader)
    if isinstance(writer, str) or isinstance(reader, str):
        return writer == reader or reader in PROMOTED.get(str(writer), ())
    if writer["type"] != reader["type"] or writer["type"] == "array":
        return writer["type"] == reader["type"] and resolves(
            writer["items"], reader["items"], names
        )
    have = {f["name"]: f["type"] for f in writer["fields"]}
    return writer["name"].rpartition(".")[2] == reader["name"] and all(
        resolves(have[f["name"]], f["type"], names) if f["name"] in have else f["name"] in DEFAULT
        for f in reader["fields"]
    )


def is_stamp(s):
    return s == "hstamp.v1.stamp" or (isinstance(s, dict) and s.get("name") == "hstamp.v1.stamp")


def stamp_fields(schema, names):
    """(field, type) of every stamp of one datum; field None when the datum is the stamp."""
    require("hstamp.v1.stamp" in names, "E_SCHEMA")
    require(resolves(names["hstamp.v1.stamp"], reader_schema(oracle.RECORD), names), "E_SCHEMA")
    if is_stamp(schema):
        return [None]
    require(isinstance(schema, dict) and schema["type"] == "record", "E_SCHEMA")
    found = []
    for f in schema["fields"]:
        kind = names.get(f["type"], f["type"]) if isinstance(f["type"], str) else f["type"]
        if is_stamp(kind) or (isinstance(kind, list) and any(is_stamp(branch) for branch in kind)):
            found.append(f["name"])
    require(found, "E_SCHEMA")
    return found


def inflate(data):
    machine = zlib.decompressobj(-15)
    try:
        out = machine.decompress(data, BLOCK_LIMIT + 1)
    except zlib.error as error:
        raise Reject("E_AVRO") from error
    require(len(out) <= BLOCK_LIMIT, "E_LIMIT")
    require(machine.eof, "E_AVRO")  # common writers leave bytes behind the stream
    return out


def parse_schema(raw):
    names = {}
    try:
        schema = normal(json.loads(raw), names)
    except (ValueError, TypeError, KeyError) as error:
        raise Reject("E_SCHEMA") from error
    smallest(schema, names)
    return schema, names


def as_record(datum):
    """The stamp's fields in the order of the table, whatever the writer's order."""

    def pick(kind, value):
        kind = kind[1] if isinstance(kind, tuple) else kind
        if value is None:
            return None
        if isinstance(kind, dict):
            return {name: pick(sub, value[name]) for name, sub in kind.items()}
        if isinstance(kind, list):
            return [pick(kind[0], item) for item in value]
        # A writer's integers become numbers of the reader's type.
        return {"f": oracle.rnd4, "d": float}.get(kind, lambda same: same)(value)

    return {
        name: pick(kind, datum.get(name, DEFAULT.get(name))) for name, kind in oracle.RECORD.items()
    }


def decode_file(data):
    reader = Reader(data, 4)
    meta = read(reader, {"type": "map", "values": "bytes"}, {})
    sync = reader.take(16)
    schema, names = parse_schema(meta.get(b"avro.schema", b""))
    fields, codec = stamp_fields(schema, names), meta.get(b"avro.codec", b"null")
    require(codec in (b"null", b"deflate"), "E_CODEC")
    stamps = []
    while reader.at < len(data):
        count, size = reader.long(), reader.long()
        require(size <= BLOCK_LIMIT, "E_LIMIT")
        raw = reader.take(size)
        require(count >= 0 and reader.take(16) == sync, "E_AVRO")
        block = Reader(raw if codec == b"null" else inflate(raw))
        for _ in range(count):
            datum = read(block, schema, names)
            for name in fields:
                stamp = datum if name is None else datum[name]
                if isinstance(stamp, dict):
                    stamps.append({"field": name, **oracle.finish(as_record(stamp))})
        require(block.at == len(block.data), "E_AVRO")
    return stamps


def decode(data):
    """Stamps of any input of the container profile."""
    return decode_file(data) if data[:4] == b"Obj\x01" else [{"field": None, **oracle.decode(data)}]
