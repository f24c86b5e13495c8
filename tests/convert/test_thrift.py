"""Footers read as trees: what is written is what was read, and nothing is believed."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hstamp import FormatError
from hstamp.parquet.footer import read_footer
from hstamp.parquet.thrift import BINARY, I32, I64, LIST, STRUCT, Field, List, dump, load


def test_by_hand():
    """Thrift compact: field 1 i32 -1, field 3 binary, field 20 a list of two i64, a flag."""
    data = bytes.fromhex("15 0128 02 686909 28 26 02 041100")
    struct, end = load(data)
    assert end == len(data)
    assert struct == {
        1: Field(I32, -1),
        3: Field(BINARY, b"hi"),
        20: Field(LIST, List(I64, [1, 2])),
        21: Field(1, True),
    }
    assert dump(struct) == data


scalars = st.one_of(
    st.integers(-(2**31), 2**31 - 1).map(lambda v: Field(I32, v)),
    st.integers(-(2**63), 2**63 - 1).map(lambda v: Field(I64, v)),
    st.binary(max_size=20).map(lambda v: Field(BINARY, v)),
    st.binary(min_size=8, max_size=8).map(lambda v: Field(7, v)),
    st.booleans().map(lambda v: Field(1 if v else 2, v)),
)
structs = st.recursive(
    st.dictionaries(st.integers(1, 300), scalars, max_size=4),
    lambda inner: st.dictionaries(
        st.integers(1, 300),
        st.one_of(
            inner.map(lambda v: Field(STRUCT, v)),
            st.lists(inner, max_size=20).map(lambda v: Field(LIST, List(STRUCT, v))),
            st.lists(st.booleans(), max_size=3).map(lambda v: Field(LIST, List(1, v))),
        ),
        max_size=3,
    ),
    max_leaves=8,
)


@given(structs, st.binary(max_size=3))
def test_written_is_read(struct, after):
    data = dump(struct)
    assert load(data + after) == (struct, len(data))


@given(st.binary(max_size=60))
def test_any_bytes(data):
    try:
        struct, end = load(data)
    except FormatError as error:
        assert error.code in ("E_AVRO", "E_LIMIT")
    else:
        assert load(dump(struct))[0] == struct
        assert end <= len(data)


@pytest.mark.parametrize(
    "data",
    [
        "19 fc ffffffff0f 00",  # a list of 2**32 structs
        "18 ffffffffffffffffff7f 00",  # 2**63 bytes
        "1b ffffffff0f 88 00",  # a map of 2**32
        "1c" * 40 + "00" * 41,  # 40 structs deep
        "19 19" * 40,  # 40 lists deep
        "16 ffffffffffffffffffff01 00",  # a number of 11 bytes
        "1e 00",  # a type that there is not
        "15",
    ],
)
def test_claims(data):
    with pytest.raises(FormatError):
        load(bytes.fromhex(data))


def test_footers_of_pyarrow_are_written_as_they_were_read():
    pq = pytest.importorskip("pyarrow.parquet", reason="needs pyarrow (hstamp[parquet])")
    from parquet_samples import ztf_table

    stream = io.BytesIO()
    pq.write_table(ztf_table(2), stream, write_page_index=True, row_group_size=1)
    data = stream.getvalue()
    length = int.from_bytes(data[-8:-4], "little")
    footer = read_footer(stream, len(data))
    assert dump(footer.meta) == data[-8 - length : -8]
    assert dump(footer.written(footer.columns, footer.groups, footer.keys).meta) == dump(
        footer.meta
    )
    assert footer.names[:3] == ("candid", "objectId", "publisher")
