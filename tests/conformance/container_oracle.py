# ruff: noqa: E501
"""Independent container reader written from spec/hstamp-1.0.md: checks the container vectors.

The expected results of container vectors are those of the blobs that the builder put in; this
reader confirms them, and is the base of the runner's example decoders. Standard library only;
codecs null and deflate.
"""

import json
import re
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


class Budget:
    """What [LI-4] allows a file: bytes decompressed and values passed over."""

    def __init__(self):
        self.decompressed = self.passed = self.size = 0

    def left(self):
        return BLOCK_LIMIT + 16 * self.size - self.decompressed

    def pass_over(self, count):
        self.passed += count
        require(self.passed <= 2**23 + 8 * self.size, "E_LIMIT")


def fields_in(s, names):
    """Number of fields of a record at any depth, those of unions, arrays and maps left out [LI-4]."""
    s = names.get(s, s) if isinstance(s, str) else s
    if isinstance(s, dict) and s["type"] == "record":
        return sum(1 + fields_in(f["type"], names) for f in s["fields"])
    return 0


def width(s, names):
    """Bytes of every value of a type, None where they differ."""
    s = names.get(s, s) if isinstance(s, str) else s
    if isinstance(s, dict) and s["type"] == "record":
        widths = [width(f["type"], names) for f in s["fields"]]
        return None if None in widths else sum(widths)
    if isinstance(s, dict):
        return s.get("size")
    return {"null": 0, "boolean": 1, "float": 4, "double": 8}.get(s) if isinstance(s, str) else None


def pass_over(reader, s, names, budget):
    """Step over one value of a type that is not needed."""
    fixed = width(s, names)
    s = names.get(s, s) if isinstance(s, str) else s
    if fixed is not None:
        reader.take(fixed)
    elif isinstance(s, list):
        index = reader.long()
        require(0 <= index < len(s), "E_AVRO")
        budget.pass_over(fields_in(s[index], names))
        pass_over(reader, s[index], names, budget)
    elif isinstance(s, str):
        reader.long(32 if s == "int" else 64) if s in ("int", "long") else reader.take(
            reader.long()
        )
    elif s["type"] == "record":
        for f in s["fields"]:
            pass_over(reader, f["type"], names, budget)
    elif s["type"] == "enum":
        reader.long(32)
    else:
        is_map = s["type"] == "map"
        inner = s["values" if is_map else "items"]
        each = None if is_map else width(inner, names)
        for count in blocks(reader, budget, 1 + fields_in(inner, names)):
            if each is not None:
                reader.take(count * each)
                continue
            for _ in range(count):
                if is_map:
                    reader.take(reader.long())
                pass_over(reader, inner, names, budget)


def blocks(reader, budget, weight):
    """Counts of the blocks of an array or map, each checked before its items are read."""
    while count := reader.long():
        size = reader.long() if count < 0 else None
        start, count = reader.at, abs(count)
        require(count <= len(reader.data) - reader.at, "E_AVRO")
        budget.pass_over(count * weight)
        yield count
        require(size is None or size == reader.at - start, "E_AVRO")


def read(reader, w, r, names, budget):
    """One value of the (normalised) writer's schema that the reader's schema wants."""
    w = names.get(w, w) if isinstance(w, str) else w
    if isinstance(w, list):
        index = reader.long()
        require(0 <= index < len(w), "E_AVRO")
        return read(reader, w[index], r, names, budget)
    r = r[1] if isinstance(r, list) else r
    if isinstance(w, str):
        kinds = {"float": "f", "double": "d", "string": "bytes"}
        return (
            None if w == "null" else reader.long() if w == "long" else reader.read(kinds.get(w, w))
        )
    if w["type"] == "array":
        inner = r["items"]
        counts = blocks(reader, budget, 1 + fields_in(w["items"], names))
        return [read(reader, w["items"], inner, names, budget) for c in counts for _ in range(c)]
    return read_record(reader, w, {f["name"]: f["type"] for f in r["fields"]}, names, budget)


def read_record(reader, w, wanted, names, budget):
    """The wanted fields of a record; the others are passed over."""
    spare = [f["type"] for f in w["fields"] if f["name"] not in wanted]
    budget.pass_over(sum(1 + fields_in(kind, names) for kind in spare))
    out = {}
    for f in w["fields"]:
        if f["name"] in wanted:
            out[f["name"]] = read_stamp(reader, f["type"], wanted[f["name"]], names, budget)
        else:
            pass_over(reader, f["type"], names, budget)
    return out


def read_stamp(reader, w, r, names, budget):
    """A value, or where `r` is None a stamp beside which a union may hold other things."""
    if r is not None:
        return read(reader, w, r, names, budget)
    if isinstance(w, list):
        index = reader.long()
        require(0 <= index < len(w), "E_AVRO")
        w = w[index]
        if not is_stamp(names.get(w, w) if isinstance(w, str) else w):
            budget.pass_over(fields_in(w, names))
            return pass_over(reader, w, names, budget)
    return read(reader, w, STAMP, names, budget)


NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def is_name(text, dotted=False):
    parts = text.split(".") if dotted and isinstance(text, str) else [text]
    return all(isinstance(part, str) and NAME.fullmatch(part) is not None for part in parts)


def normal(s, names, space=""):
    """The schema with every name in full; definitions are collected in `names` [SE-1]."""
    if isinstance(s, list):
        out = [normal(branch, names, space) for branch in s]
        kinds = [
            b if isinstance(b, str) else b.get("name", b["type"])
            for b in out
            if not isinstance(b, list)
        ]
        require(out and not any(isinstance(b, list) for b in out), "E_SCHEMA")
        require(len(set(kinds)) == len(kinds), "E_SCHEMA")
        return out
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
    require(is_name(s.get("name"), dotted=True), "E_SCHEMA")
    own = s.get("namespace")
    require(own in (None, "") or is_name(own, dotted=True), "E_SCHEMA")
    if "." in s["name"]:
        space = s["name"].rpartition(".")[0]
    elif own is not None:
        space = own
    name = f"{space}.{s['name'].rpartition('.')[2]}".lstrip(".")
    require(name not in names and name not in PRIMITIVE, "E_SCHEMA")
    names[name] = out = {"type": s["type"], "name": name}
    if s["type"] == "record":
        require(isinstance(s.get("fields"), list), "E_SCHEMA")
        require(
            all(isinstance(f, dict) and is_name(f.get("name")) for f in s["fields"]), "E_SCHEMA"
        )
        require(len({f["name"] for f in s["fields"]}) == len(s["fields"]), "E_SCHEMA")
        out["fields"] = [
            {"name": f["name"], "type": normal(f.get("type"), names, space)} for f in s["fields"]
        ]
    elif s["type"] == "enum":
        symbols = s.get("symbols")
        require(isinstance(symbols, list) and all(map(is_name, symbols)), "E_SCHEMA")
        require(len(set(symbols)) == len(symbols), "E_SCHEMA")
    else:
        size = s.get("size")
        require(isinstance(size, float) and size.is_integer() and 0 <= size <= 2**26, "E_SCHEMA")
        out["size"] = int(size)
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
        return all(resolves(branch, reader, names) for branch in writer)
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


STAMP = reader_schema(oracle.RECORD)


def is_stamp(s):
    return s == "hstamp.v1.stamp" or (isinstance(s, dict) and s.get("name") == "hstamp.v1.stamp")


def stamp_fields(schema, names):
    """(field, type) of every stamp of one datum; field None when the datum is the stamp."""
    require("hstamp.v1.stamp" in names, "E_SCHEMA")
    require(resolves(names["hstamp.v1.stamp"], STAMP, names), "E_SCHEMA")
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


def inflate(data, budget):
    machine, limit = zlib.decompressobj(-15), min(BLOCK_LIMIT, budget.left())
    try:
        out = machine.decompress(data, limit + 1)
    except zlib.error as error:
        raise Reject("E_AVRO") from error
    require(len(out) <= limit, "E_LIMIT")
    require(machine.eof, "E_AVRO")  # common writers leave bytes behind the stream
    return out


def no_constant(word):
    raise ValueError(f"{word} is not JSON")


def parse_schema(raw):
    names = {}
    try:
        # Every number as binary64, as most JSON parsers have it.
        text = raw.decode("utf-8")
        json_ = json.loads(text, parse_int=float, parse_constant=no_constant)
        schema = normal(json_, names)
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


def header(data):
    """Reader at the first block, metadata and sync marker."""
    reader, meta = Reader(data, 4), {}
    for count in blocks(reader, Budget(), 0):
        for _ in range(count):
            key = reader.take(reader.long())
            meta[key] = reader.take(reader.long())
    return reader, meta, reader.take(16)


def decode_file(data):
    reader, meta, sync = header(data)
    schema, names = parse_schema(meta.get(b"avro.schema", b""))
    fields, codec = stamp_fields(schema, names), meta.get(b"avro.codec", b"null")
    require(codec in (b"null", b"deflate"), "E_CODEC")
    stamps, budget = [], Budget()
    while reader.at < len(data):
        count, size = reader.long(), reader.long()
        require(size <= BLOCK_LIMIT, "E_LIMIT")
        raw = reader.take(size)
        require(count >= 0 and reader.take(16) == sync, "E_AVRO")
        budget.size = reader.at
        block = Reader(raw if codec == b"null" else inflate(raw, budget))
        budget.decompressed += len(block.data)
        for _ in range(count):
            if fields == [None]:
                found = {None: read(block, schema, STAMP, names, budget)}
            else:
                found = read_record(block, schema, dict.fromkeys(fields), names, budget)
            for name, stamp in found.items():
                if stamp is not None:
                    stamps.append({"field": name, **oracle.finish(as_record(stamp))})
        require(block.at == len(block.data), "E_AVRO")
    return stamps


def decode(data):
    """Stamps of any input of the container profile."""
    return decode_file(data) if data[:4] == b"Obj\x01" else [{"field": None, **oracle.decode(data)}]
