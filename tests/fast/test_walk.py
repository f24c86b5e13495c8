"""Passing over records by a program: where fastavro's bytes of each field begin and end."""

import io
import itertools

import fastavro
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hstamp.container.program import program_of
from hstamp.container.schema import check_schema

pytest.importorskip("numba")
from hstamp.fast.walk import walk

PLAIN = {
    "int": st.integers(-(2**31), 2**31 - 1),
    "long": st.integers(-(2**63), 2**63 - 1),
    "float": st.floats(width=32),
    "double": st.floats(),
    "boolean": st.booleans(),
    "string": st.text(max_size=70),
    "bytes": st.binary(max_size=200),
}
COUNTER = itertools.count()


def name():
    return f"t{next(COUNTER)}"


@st.composite
def typed(draw, depth=3):
    """A type and a strategy for its values."""
    kinds = ["plain", "fixed", "enum"] + (["array", "map", "record", "union"] if depth else [])
    kind = draw(st.sampled_from(kinds))
    if kind == "plain":
        chosen = draw(st.sampled_from(sorted(PLAIN)))
        return chosen, PLAIN[chosen]
    if kind == "fixed":
        size = draw(st.integers(1, 9))
        return {"type": "fixed", "name": name(), "size": size}, st.binary(
            min_size=size, max_size=size
        )
    if kind == "enum":
        return {"type": "enum", "name": name(), "symbols": ["A", "B"]}, st.sampled_from("AB")
    inner, values = draw(typed(depth=depth - 1))
    if kind == "array":
        return {"type": "array", "items": inner}, st.lists(values, max_size=5)
    if kind == "map":
        return {"type": "map", "values": inner}, st.dictionaries(st.text(max_size=5), values,
                                                                   max_size=4)  # fmt: skip
    if kind == "union":
        if isinstance(inner, list):
            return inner, values
        return ["null", inner], st.none() | values
    other, more = draw(typed(depth=depth - 1))
    fields = [{"name": "p", "type": inner}, {"name": "q", "type": other}]
    if draw(st.booleans()):
        fields.append({"name": "r", "type": "double"})
    record = {"type": "record", "name": name(), "fields": fields}
    parts = {"p": values, "q": more, **({"r": st.floats()} if len(fields) == 3 else {})}
    return record, st.fixed_dictionaries(parts)


@st.composite
def records(draw):
    """A record's schema and a value."""
    fields, value = [], {}
    for number in range(draw(st.integers(1, 5))):
        kind, values = draw(typed())
        fields.append({"name": f"f{number}", "type": kind})
        value[f"f{number}"] = draw(values)
    return {"type": "record", "name": name(), "fields": fields}, value


def encoded(schema, value, fields=None):
    """Bytes of a record, or of its first fields, by fastavro."""
    part = {**schema, "fields": schema["fields"][:fields]}
    out = io.BytesIO()
    fastavro.schemaless_writer(out, fastavro.parse_schema(part), value)
    return out.getvalue()


def compiled(schema, paths=()):
    parsed = check_schema(schema)
    named = {}
    fastavro.parse_schema(schema, named_schemas=named)
    return program_of(parsed, named, paths)


def walked(program, data, at=0):
    marks = np.full(len(program.fields) + 1 + len(program.marks), -1)
    raw = np.frombuffer(data, np.uint8)
    return walk(raw, at, program.code, program.table, program.start, marks), marks.tolist()


@settings(deadline=None)
@given(records())
def test_every_field_begins_where_it_was_written(made):
    schema, value = made
    data, count = encoded(schema, value), len(schema["fields"])
    end, marks = walked(compiled(schema), b"\x07" + data + b"\x55", 1)
    assert end == 1 + len(data)
    assert marks == [1 + len(encoded(schema, value, k)) for k in range(count + 1)]


@settings(deadline=None)
@given(records(), st.data())
def test_no_shortened_record_is_passed(made, data):
    schema, value = made
    whole = encoded(schema, value)
    if whole:
        keep = data.draw(st.integers(0, len(whole) - 1))
        assert walked(compiled(schema), whole[:keep])[0] == -1


SOURCE = {
    "type": "record",
    "name": "source",
    "fields": [
        {"name": "id", "type": "long"},
        {"name": "band", "type": ["null", "string"]},
        {"name": "ra", "type": "double"},
        {"name": "flags", "type": {"type": "array", "items": "boolean"}},
    ],
}
ALERT = {
    "type": "record",
    "name": "alert",
    "fields": [
        {"name": "earlier", "type": ["null", {"type": "array", "items": SOURCE}]},
        {"name": "source", "type": "source"},
        {"name": "cutout", "type": ["null", {"type": "record", "name": "cutout", "fields": [
            {"name": "file", "type": "string"}, {"name": "data", "type": "bytes"}]}]},
    ],
}  # fmt: skip


def source(number, band):
    return {"id": number, "band": band, "ra": number / 7, "flags": [True] * number}


def test_marks_lie_at_the_values_wanted():
    paths = ("source.ra", "source.band", "cutout.data")
    program = compiled(ALERT, paths)
    value = {
        "earlier": [source(3, "g"), source(400, None)],
        "source": source(5, "r"),
        "cutout": {"file": "x", "data": b"payload"},
    }
    data = encoded(ALERT, value)
    end, marks = walked(program, data)
    assert end == len(data)
    at = {path: marks[program.marks[path]] for path in paths}
    assert np.frombuffer(data, "<f8", 1, at["source.ra"])[0] == 5 / 7
    assert data[at["source.band"] :].startswith(b"\x02r")
    assert data[at["cutout.data"] :] == b"\x0epayload"
    # What is null or absent is not marked.
    end, marks = walked(program, encoded(ALERT, {**value, "source": source(5, None),
                                                 "cutout": None}))  # fmt: skip
    assert end > 0
    assert marks[program.marks["source.band"]] == marks[program.marks["cutout.data"]] == -1


def long(value):
    out = io.BytesIO()
    fastavro.schemaless_writer(out, "long", value)
    return out.getvalue()


FLOATS = {"type": "record", "name": "fl", "fields": [
    {"name": "a", "type": {"type": "array", "items": "float"}}]}  # fmt: skip
LONGS = {"type": "record", "name": "lo", "fields": [
    {"name": "a", "type": {"type": "array", "items": "long"}}]}  # fmt: skip


@pytest.mark.parametrize(
    ("schema", "data", "good"),
    [
        (FLOATS, long(-2) + long(8) + bytes(8) + long(1) + bytes(4) + long(0), True),
        (FLOATS, long(-2) + long(7) + bytes(8) + long(0), False),
        (FLOATS, long(-2) + long(9) + bytes(9) + long(0), False),
        (FLOATS, long(2**62) + bytes(8) + long(0), False),
        (FLOATS, long(-(2**63)) + long(0) + long(0), False),
        (LONGS, long(-2) + long(3) + b"\x80\x01\x02" + long(0), True),
        (LONGS, long(-2) + long(2) + b"\x80\x01\x02" + long(0), False),
        (LONGS, long(1) + b"\xff" * 9 + b"\x01" + long(0), True),
        (LONGS, long(1) + b"\xff" * 9 + b"\x02" + long(0), False),
        (LONGS, long(1) + b"\xff" * 10 + b"\x01" + long(0), False),
        (LONGS, long(1) + b"\x80" * 9 + b"\x00" + long(0), True),
        (LONGS, long(9) + b"\x00" * 8, False),
    ],
)
def test_blocks_and_longs(schema, data, good):
    """Avro 1.11, "Arrays": negative counts come with the block's size; longs have 64 bits."""
    end, _ = walked(compiled(schema), data)
    assert end == (len(data) if good else -1)


@pytest.mark.parametrize(
    ("kind", "data", "good"),
    [
        ("int", long(2**31 - 1), True),
        ("int", long(2**31), False),
        (["null", "int"], long(1) + long(5), True),
        (["null", "int"], long(2) + long(5), False),
        (["null", "int"], long(-1) + long(5), False),
        ("bytes", long(-1), False),
        ("bytes", long(3) + b"ab", False),
        ({"type": "map", "values": "int"}, long(1) + long(1) + b"k" + long(9) + long(0), True),
        ({"type": "map", "values": "int"}, long(1) + long(-1) + long(9) + long(0), False),
    ],
)
def test_values_at_fault(kind, data, good):
    schema = {"type": "record", "name": "one", "fields": [{"name": "a", "type": kind}]}
    end, _ = walked(compiled(schema), data)
    assert end == (len(data) if good else -1)
