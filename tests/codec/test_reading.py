"""Records of any schema, against fastavro: chosen fields, spans, and what is passed over."""

import io

import fastavro
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hstamp import FormatError
from hstamp.container.tally import Tally
from hstamp.container.writer import Writer

NUMBERS = st.integers(-(2**63), 2**63 - 1)
SMALL = st.integers(-(2**31), 2**31 - 1)
LEAVES = {
    "null": st.none(),
    "boolean": st.booleans(),
    "int": SMALL | st.integers(-70, 70),
    "long": NUMBERS | st.integers(-70, 70),
    "float": st.floats(width=32, allow_nan=False),
    "double": st.floats(allow_nan=False),
    "bytes": st.binary(max_size=200),
    "string": st.text(max_size=100),
}


@st.composite
def typed(draw, names, depth=3):
    """A type and a strategy for its values."""
    made = ["array", "map", "union", "record", "fixed", "enum"] if depth else []
    kind = draw(st.sampled_from([*LEAVES, *made]))
    if kind in LEAVES:
        return kind, LEAVES[kind]
    name = f"T{len(names)}"
    if kind == "fixed":
        names.append(name)
        size = draw(st.integers(1, 5))
        return {"type": kind, "name": name, "size": size}, st.binary(min_size=size, max_size=size)
    if kind == "enum":
        names.append(name)
        return {"type": kind, "name": name, "symbols": ["A", "B"]}, st.sampled_from("AB")
    if kind == "record":
        names.append(name)
        inner = [draw(typed(names, depth - 1)) for _ in range(draw(st.integers(0, 3)))]
        # A record of no bytes is refused [SE-1], so its last field takes some.
        inner.append(draw(typed(names, depth - 1).filter(lambda t: t[0] != "null")))
        fields = [{"name": f"f{i}", "type": one} for i, (one, _) in enumerate(inner)]
        values = st.fixed_dictionaries({f"f{i}": value for i, (_, value) in enumerate(inner)})
        return {"type": kind, "name": name, "fields": fields}, values
    if kind == "union":
        other = draw(st.sampled_from(["double", "string", "long", "array"]))
        if other == "array":
            item, value = draw(typed(names, depth - 1).filter(lambda t: t[0] != "null"))
            branch, values = {"type": "array", "items": item}, st.lists(value, max_size=3)
        else:
            branch, values = other, LEAVES[other]
        both = ["null", branch] if draw(st.booleans()) else [branch, "null"]
        return both, st.none() | values
    item, value = draw(typed(names, depth - 1).filter(lambda t: t[0] != "null"))
    if kind == "array":
        count = draw(st.sampled_from([3, 60]))
        return {"type": "array", "items": item}, st.lists(value, max_size=count)
    return {"type": "map", "values": item}, st.dictionaries(st.text(max_size=5), value, max_size=3)


@st.composite
def files(draw):
    names = []
    inner = [draw(typed(names)) for _ in range(draw(st.integers(1, 5)))]
    fields = [{"name": f"x{i}", "type": kind} for i, (kind, _) in enumerate(inner)]
    value = draw(st.fixed_dictionaries({f"x{i}": one for i, (_, one) in enumerate(inner)}))
    return {"type": "record", "name": "top", "fields": fields}, value


def written(schema, value):
    out = io.BytesIO()
    fastavro.schemaless_writer(out, fastavro.parse_schema(schema), value)
    return out.getvalue()


def plain(kind, value):
    """A chosen value: of a record its simple fields, of what cannot be chosen None."""
    if isinstance(kind, list):
        return plain(next((b for b in kind if b != "null"), "null"), value)
    if isinstance(kind, str) or value is None:
        return value
    if kind["type"] in ("array", "map"):
        return None
    if kind["type"] != "record":
        return value
    simple = [f for f in kind["fields"] if not made_of_others(f["type"])]
    return {f["name"]: plain(f["type"], value[f["name"]]) for f in simple}


def made_of_others(kind):
    if isinstance(kind, list):
        return any(made_of_others(branch) for branch in kind)
    return isinstance(kind, dict) and kind["type"] in ("array", "map", "record")


@given(files())
def test_fields_and_spans_are_those_of_fastavro(pair):
    schema, value = pair
    data = written(schema, value)
    back = fastavro.schemaless_reader(io.BytesIO(data), fastavro.parse_schema(schema), None)
    names = [field["name"] for field in schema["fields"]]
    writer = Writer(schema)
    for chosen in ([], names, names[::2]):
        before = b"\x55"
        reading = writer.reader(chosen)(before + data, 1, Tally(len(data)))
        assert reading.stop == 1 + len(data)
        kinds = {field["name"]: field["type"] for field in schema["fields"]}
        assert reading.values == {name: plain(kinds[name], back[name]) for name in chosen}
        starts = [1, *reading.stops[:-1]]
        alone = [{"type": "record", "name": "one", "fields": [f]} for f in schema["fields"]]
        parts = [written(one, value) for one in alone]
        got = [(before + data)[a:b] for a, b in zip(starts, reading.stops, strict=True)]
        assert got == parts


@given(files(), st.data())
def test_cut_records_say_so(pair, draw):
    schema, value = pair
    data = written(schema, value)
    if not data:
        return
    cut = draw.draw(st.integers(0, len(data) - 1))
    names = [field["name"] for field in schema["fields"]]
    for chosen in ([], names):
        with pytest.raises(FormatError) as caught:
            Writer(schema).reader(chosen)(data[:cut], 0, Tally(10**6))
        assert caught.value.code == "E_AVRO"


ALERT = {"type": "record", "name": "alert", "fields": [
    {"name": "source", "type": {"type": "record", "name": "source", "fields": [
        {"name": "when", "type": {"type": "long", "logicalType": "timestamp-micros"}},
        {"name": "ra", "type": "double"},
        {"name": "history", "type": {"type": "array", "items": "double"}},
        {"name": "band", "type": {"type": "enum", "name": "band", "symbols": ["g", "r"]}},
    ]}},
    {"name": "cutout", "type": ["null", {"type": "record", "name": "cutout", "fields": [
        {"name": "fileName", "type": "string"}, {"name": "stampData", "type": "bytes"}]}]},
    {"name": "price", "type": {"type": "bytes", "logicalType": "decimal", "precision": 4}},
    {"name": "key", "type": {"type": "string", "logicalType": "uuid"}},
]}  # fmt: skip
DATA = (
    b"\x01" + b"\xff" * 0 + bytes(7) + b"\x40" + b"\x02" + bytes(8) + b"\x00" + b"\x02"
    + b"\x02" + b"\x02f" + b"\x06abc" + b"\x04\xff\xfe" + b"\x06no\xff"
)  # fmt: skip


def test_paths_logical_types_and_text_that_is_none():
    fields = ["source.ra", "source.when", "source.band", "source.history", "cutout.stampData",
              "price", "key", "absent", "key.below"]  # fmt: skip
    reading = Writer(ALERT).reader(fields)(DATA, 0, Tally(0))
    assert reading.values == {
        "source": {"when": -1, "ra": 2.0, "history": None, "band": "r"},
        "cutout": {"stampData": b"abc"},
        "price": b"\xff\xfe",
        "key": "no\ufffd",
    }
    assert reading.stop == len(DATA)


def test_a_symbol_that_the_schema_lacks_is_unknown():
    schema = {"type": "record", "name": "a", "fields": [{"name": "b", "type": {
        "type": "enum", "name": "e", "symbols": ["g"]}}]}  # fmt: skip
    assert Writer(schema).reader(["b"])(b"\x04", 0, Tally(0)).values == {"b": None}


@pytest.mark.parametrize("count", [3, 47, 48, 49, 5000, 70000])
@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        ("int", b"\xff\xff\xff\xff\x0f", b"\xff\xff\xff\xff\x1f"),
        ("int", b"\x80\x80\x80\x80\x80\x80\x80\x80\x80\x00", b"\x80\x80\x80\x80\x80\x01"),
        ("long", b"\xff" * 9 + b"\x01", b"\xff" * 9 + b"\x02"),
        ("long", b"\x80" * 9 + b"\x00", b"\x80" * 10 + b"\x00"),
    ],
)
def test_numbers_of_every_length_in_arrays(kind, good, bad, count):
    """The largest of 32 and of 64 bits, and forms that are longer than needed [CO-1]."""
    schema = {"type": "record", "name": "a", "fields": [
        {"name": "x", "type": {"type": "array", "items": kind}}]}  # fmt: skip
    read = Writer(schema).reader()

    def array(items):
        size = io.BytesIO()
        fastavro.schemaless_writer(size, "long", count)
        return size.getvalue() + items + b"\x00"

    whole = array(good * (count - 2) + b"\x05" * 2)
    assert read(whole, 0, Tally(0)).stop == len(whole)
    with pytest.raises(FormatError, match="E_AVRO"):
        read(array(good * (count - 2) + b"\x05" + bad), 0, Tally(0))
    with pytest.raises(FormatError, match="E_AVRO"):
        read(array(good * (count - 1) + good[:-1])[:-1], 0, Tally(0))
