"""Passing over records by a program: where fastavro's bytes of each field begin and end."""

import io
import itertools

import fastavro
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hstamp.container import reading
from hstamp.container.program import program_of
from hstamp.container.reading import RecordReader
from hstamp.container.schema import check_schema
from hstamp.container.skipping import Types
from hstamp.container.tally import Tally
from hstamp.errors import FormatError

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


@pytest.fixture(autouse=True, scope="module")
def kernel():
    """The kernel is in use from the first record on, whatever the environment says."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reading, "compiled", lambda cost: True)
        yield


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


def compiled(schema, wanted=()):
    parsed = check_schema(schema)
    return program_of(parsed, Types(parsed), wanted)


def walked(program, data, at=0, budget=10**9):
    marks = np.full(len(program.fields) + 2, -1)
    marks[-1] = budget
    raw = np.frombuffer(data, np.uint8)
    end = walk(raw, at, program.code, program.table, program.start, marks)
    return end, marks.tolist()[:-1]


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


def plain_reading(schema, data, fields, limit):
    """What the plain steps read and count."""
    reader = RecordReader(check_schema(schema), None, fields)
    reader._may_walk = False
    tally = Tally(0)
    tally.limit = limit
    return reader(data, 0, tally), tally.used


@settings(deadline=None)
@given(records(), st.data())
def test_reads_and_counts_what_the_plain_steps_do(made, data):
    schema, value = made
    raw = encoded(schema, value)
    names = [field["name"] for field in schema["fields"]]
    fields = data.draw(st.lists(st.sampled_from(names), unique=True))
    expected, used = plain_reading(schema, raw, fields, 10**9)
    reader = RecordReader(check_schema(schema), None, fields)
    reader._may_walk = True
    for spare in (0, 5):
        tally = Tally(0)
        tally.limit = used + spare
        # NaN is not equal to itself, its text is.
        assert repr(reader._walked(raw, 0, tally)) == repr(expected)
        assert tally.used == used
    if used:
        tally.limit, tally.used = used - 1, 0
        assert reader._walked(raw, 0, tally) is None
        assert tally.used == 0
        with pytest.raises(FormatError, match="E_LIMIT"):
            reader(raw, 0, tally)


SOURCE = {"type": "record", "name": "source", "fields": [
    {"name": "id", "type": "long"}, {"name": "ra", "type": "double"}]}  # fmt: skip
ALERT = {"type": "record", "name": "alert", "fields": [
    {"name": "source", "type": SOURCE},
    {"name": "earlier", "type": ["null", {"type": "array", "items": "source"}]},
    {"name": "one", "type": ["null", "source"]},
    {"name": "numbers", "type": {"type": "map", "values": "long"}},
]}  # fmt: skip


def test_values_that_are_passed_over_are_counted():
    """[LI-4], by hand: 4 fields and the 2 in source; 3 items of 1 + 2; 2 in the branch; 2 items."""
    source = {"id": 1, "ra": 2.0}
    data = encoded(
        ALERT,
        {"source": source, "earlier": [source] * 3, "one": source, "numbers": {"a": 1, "b": 2}},
    )
    budget = 4 + 2 + 3 * 3 + 2 + 2
    assert walked(compiled(ALERT), data, budget=budget)[0] == len(data)
    assert walked(compiled(ALERT), data, budget=budget - 1)[0] == -1
    # Nothing in a field that is wanted is passed over.
    rest = budget - 9 - 1
    assert walked(compiled(ALERT, {"earlier"}), data, budget=rest)[0] == len(data)
    assert walked(compiled(ALERT, {"earlier"}), data, budget=rest - 1)[0] == -1


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
