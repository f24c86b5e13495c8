"""Columns of blobs and columns of tensors hold the same stamps."""

import numpy as np
import pytest
from arrow_samples import BAD, mixture, stamp
from hypothesis import given, settings
from hypothesis import strategies as st

import hstamp
from hstamp import FormatError, InputError, Stamp, fast

pa = pytest.importorskip("pyarrow", reason="needs pyarrow (pip install 'hstamp[parquet]')")
from hstamp import arrow as ha  # noqa: E402

PLANES = {"image": "levels", "variance": "variance", "mask": "mask", "psf": "psf"}


def the_same(one, other):
    """Bit for bit; all NaN are one."""
    one, other = np.asarray(one), np.asarray(other)
    assert one.dtype == other.dtype
    assert one.shape == other.shape
    kind = {4: np.uint32, 2: np.uint16}[one.itemsize]
    both = np.isnan(one) & np.isnan(other) if one.dtype.kind == "f" else False
    assert (both | (one.view(kind) == other.view(kind))).all()


def test_rows_hold_what_the_stamps_hold():
    blobs = [None, *mixture(), None]
    table = ha.decode(blobs)
    assert table.schema.field("image").type.shape == [5, 15, 15]
    for row, blob in enumerate(blobs):
        found = {
            name: table[name][row].as_py() for name in table.column_names if name not in PLANES
        }
        if blob is None:
            assert set(found.values()) == {None}
            continue
        made = Stamp.from_bytes(blob)
        assert found["n"] == made.n
        assert (found["id"], found["band"], found["fluxUnit"]) == (
            made.id, made.band, made.flux_unit,
        )  # fmt: skip
        assert (found["dx"], found["dy"]) == (made.dx, made.dy)
        assert (found["ra"], found["dec"]) == (
            (made.wcs.ra, made.wcs.dec) if made.wcs else (None,) * 2
        )
        assert tuple(found["maskPlanes"] or ()) == made.mask_planes
        for name, attribute in PLANES.items():
            value = getattr(made, attribute)
            assert table[name][row].is_valid == (value is not None)
            if value is None:
                continue
            tensor = table[name][row].as_py()
            tensor = np.array(tensor, value.dtype).reshape(table[name].type.shape)
            if name == "psf":
                side = (7 - value.shape[0]) // 2
                value = np.pad(value, side)
            else:
                lacking = 5 - made.n
                fill = 0 if name == "mask" else np.nan
                value = np.pad(value, ((0, lacking), (0, 0), (0, 0)), constant_values=fill)
            the_same(tensor, value)


def test_every_kind_of_column_of_bytes_is_read():
    blobs = [stamp(seed) for seed in range(5)]
    with_null = [*blobs[:2], None, *blobs[2:]]
    plain = pa.array(with_null, pa.binary())
    expected = ha.decode(blobs)
    for column in (
        plain,
        plain.cast(pa.large_binary()),
        plain.cast(pa.large_binary()).cast(pa.binary_view()),
        pa.array([b"", *with_null, b"x"]).slice(1, 6),
        pa.chunked_array([plain[:1], plain[1:3], plain[3:3], plain[3:]]),
        plain.dictionary_encode(),
        np.array(with_null, object),
        with_null,
    ):
        found = ha.decode(column)
        assert found["image"].is_null().to_pylist() == [row == 2 for row in range(6)]
        the_same(ha.as_numpy(found["image"])[[0, 1, 3, 4, 5]], ha.as_numpy(expected["image"]))
    fixed = pa.array(blobs[:1], pa.binary(len(blobs[0])))
    the_same(ha.as_numpy(ha.decode(fixed)["image"]), ha.as_numpy(expected["image"])[:1])


def test_images_are_not_copied():
    column = ha.decode([stamp(seed) for seed in range(5)])["image"]
    shown = ha.as_numpy(column)
    address = column.chunk(0).storage.values.buffers()[1].address
    assert shown.__array_interface__["data"][0] == address
    assert shown.shape == (5, 3, 15, 15)
    part = ha.as_numpy(column.slice(2, 2))
    assert part.__array_interface__["data"][0] == address + 2 * 3 * 15 * 15 * 4


@pytest.mark.parametrize("column", [[], [None, None], pa.nulls(2), pa.array([], pa.binary())])
def test_nothing_to_decode(column):
    table = ha.decode(column, n=3, steps=True)
    assert table.num_rows == len(column)
    assert table.schema == ha.decode([stamp(1)], n=3, psf_size=21, steps=True).schema
    assert ha.as_numpy(table["image"]).shape == (len(column), 3, 15, 15)
    assert ha.encode(table).to_pylist() == [None] * len(column)


def bytes_come_back():
    for blobs in ([None, *mixture()], [stamp(seed, 5) for seed in range(6)]):
        assert ha.encode(ha.decode(blobs, steps=True)).to_pylist() == blobs


def test_bytes_come_back():
    bytes_come_back()


def test_bytes_come_back_by_compiled_kernels(monkeypatch):
    pytest.importorskip("numba", reason="needs numba (pip install 'hstamp[fast]')")
    monkeypatch.setenv(fast.SWITCH, "0")
    fast.available.cache_clear()
    try:
        assert fast.load()
        bytes_come_back()
    finally:
        fast._Progress.loaded = None
        monkeypatch.undo()
        fast.available.cache_clear()


@settings(max_examples=15, deadline=None)
@given(st.lists(st.sampled_from([None, *mixture()]), max_size=9), st.integers(2, 6))
def test_exact_encodings_give_the_tensors_back(blobs, n):
    first = ha.decode(blobs, n=n, psf_size=7)
    for table in (first, ha.plain(first)):
        again = ha.decode(ha.encode(table, encoding="f4"), n=n, psf_size=7)
        for name in first.column_names:
            if name in PLANES:
                assert again[name].is_null() == first[name].is_null()
                the_same(ha.as_numpy(again[name]), ha.as_numpy(first[name]))
            else:
                assert again[name] == first[name]


def test_levels_chosen_are_those_of_the_cut_stamp():
    blobs = mixture()
    table = ha.decode(blobs, n=3, steps=True)
    cut = [
        blob if Stamp.from_bytes(blob).n <= 3 else Stamp.from_bytes(blob).cut(3).to_bytes()
        for blob in blobs
    ]
    assert ha.encode(table).to_pylist() == cut


def test_rejected_blobs_cost_their_rows_alone():
    blobs = [stamp(0), BAD, None, stamp(1), stamp(2)[:-1], stamp(3), stamp(4), stamp(5)]
    with pytest.raises(FormatError, match="row 1"):
        ha.decode(blobs)
    table = ha.decode(blobs, errors="collect")
    said = table["error"].to_pylist()
    assert [text and text.split(":")[0] for text in said] == [
        None, "E_MAGIC", None, None, "E_AVRO", None, None, None,
    ]  # fmt: skip
    assert table["image"].is_null().to_pylist() == [row in (1, 2, 4) for row in range(8)]
    the_same(ha.as_numpy(table["image"])[3], Stamp.from_bytes(blobs[3]).levels)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("dx", 0.75, "offset"),
        ("ra", 360.0, "not on the sky"),
        ("id", "é", "printable"),
        ("id", "x" * 129, "129 bytes"),
        ("band", "a" * 33, "33 bytes"),
        ("fluxUnit", None, "fluxUnit"),
        ("n", 6, "levels"),
        ("n", 1, "levels"),
        ("maskPlanes", ["A"], "no name"),
        ("maskPlanes", ["A", "A"], "distinct"),
    ],
)
def test_values_that_no_stamp_holds_are_refused(name, value, words):
    table = ha.decode([stamp(seed, 4, id="x") for seed in range(6)])
    values = table[name].to_pylist()
    values[2] = value
    at = table.column_names.index(name)
    table = table.set_column(at, table.schema.field(name), pa.array(values, table[name].type))
    with pytest.raises(InputError, match=f"row 2: .*{words}"):
        ha.encode(table)
    made = ha.encode(table, errors="collect")
    assert [blob is None for blob in made["stamp"].to_pylist()] == [row == 2 for row in range(6)]
    assert words in made["error"][2].as_py()


@pytest.mark.parametrize(("plane", "value"), [("image", np.inf), ("variance", -1), ("psf", np.nan)])
@pytest.mark.parametrize("encoding", [None, "i2"])
def test_planes_that_no_stamp_holds_are_refused(plane, value, encoding):
    table = ha.decode([stamp(seed) for seed in range(5)], steps=True)
    values = ha.as_numpy(table[plane]).copy()
    values[(3,) + (0,) * (values.ndim - 1)] = value
    changed = pa.FixedShapeTensorArray.from_numpy_ndarray(values)
    table = table.set_column(table.column_names.index(plane), plane, changed)
    log8 = None if encoding is None else "log8"
    made = ha.encode(table, errors="collect", encoding=encoding, variance_encoding=log8)
    assert [blob is None for blob in made["stamp"].to_pylist()] == [row == 3 for row in range(5)]


def test_values_that_the_steps_do_not_give_are_written_exactly():
    table = ha.decode([stamp(seed) for seed in range(5)], steps=True)
    values = ha.as_numpy(table["image"]) * np.float32(1.001)
    at = table.column_names.index("image")
    changed = pa.FixedShapeTensorArray.from_numpy_ndarray(values)
    table = table.set_column(at, "image", changed)
    for encoding in (None, "i2"):
        made = [Stamp.from_bytes(b) for b in ha.encode(table, encoding=encoding).to_pylist()]
        assert {one.record.image.encoding for one in made} == {encoding or "f4"}
        for one, before in zip(made, values, strict=True):
            stored = one.layout.stored_index
            assert one.values == pytest.approx(before.reshape(-1)[stored], abs=3, nan_ok=True)
            if encoding is None:
                the_same(one.values, before.reshape(-1)[stored])


def test_quantised_as_the_encoder_does():
    """The steps of [EC-4] from the variance: the stamps of `encode` with encoding i2."""
    exact = [stamp(seed, encoding="f4", variance="f4") for seed in range(5)]
    coarse = ha.encode(ha.decode(exact), encoding="i2", variance_encoding="log8").to_pylist()
    assert coarse == [stamp(seed) for seed in range(5)]


def test_images_alone_make_stamps():
    images = np.ones((3, 2, 15, 15), np.float32)
    table = pa.table({"image": pa.FixedShapeTensorArray.from_numpy_ndarray(images)})
    made = [Stamp.from_bytes(blob) for blob in ha.encode(table).to_pylist()]
    assert [(one.n, one.flux_unit, one.dx, one.id) for one in made] == [(2, "nJy", 0.0, None)] * 3
    the_same(made[0].levels, images[0])


def test_tables_that_went_through_parquet(tmp_path):
    """Null rows of a tensor come back with null elements."""
    import pyarrow.parquet as pq

    blobs = [None, *mixture(), None]
    pq.write_table(ha.decode(blobs, steps=True), tmp_path / "x.parquet")
    table = pq.read_table(tmp_path / "x.parquet")
    assert ha.as_numpy(table["mask"]).dtype == np.uint16
    assert ha.encode(table).to_pylist() == blobs


def test_tables():
    blobs = [stamp(seed) for seed in range(4)]
    table = pa.table({"a": [1, 2, 3, 4], "hstampScience": blobs, "b": [b"x"] * 4})
    wide = ha.expand(table, steps=True)
    assert wide.column_names[:2] == ["a", "hstampScience_n"]
    assert wide.column_names[-1] == "b"
    assert ha.collapse(wide).to_pydict() == table.to_pydict()
    both = ha.expand(table, ["hstampScience"], keep=True, planes=["image"])
    assert both.column_names.count("hstampScience") == 1
    assert "hstampScience_variance" not in both.column_names
    with pytest.raises(InputError, match="column already"):
        ha.expand(both)
    with pytest.raises(InputError, match="no column hstampTemplate"):
        ha.expand(table, ["hstampTemplate"])
    with pytest.raises(InputError, match="no column hstampTemplate"):
        ha.collapse(wide, ["hstampTemplate"])


def test_fields_say_what_they_hold():
    schema = ha.expand(pa.table({"hstamp": [stamp(0)]})).schema
    about = schema.field("hstamp_variance").metadata
    assert about[b"unit"] == b"fluxUnit**2"
    assert about[b"clauses"].startswith(b"[PL-2]")
    assert about[b"hstamp.format"] == b"1.0"
    assert all(field.metadata[b"clauses"] for field in schema)


def test_options_that_mean_nothing():
    blobs = [stamp(0)]
    for options in ({"n": 9}, {"psf_size": 5}, {"psf_size": 8}, {"errors": "no"}, {"planes": "x"}):
        with pytest.raises(InputError):
            ha.decode(blobs, **options)
    for options in ({"encoding": "i4"}, {"variance_encoding": "i2"}, {"errors": None}):
        with pytest.raises(InputError):
            ha.encode(ha.decode(blobs), **options)
    for column in (pa.array([1]), 3, ["text"], object()):
        with pytest.raises(InputError):
            ha.decode(column)
    with pytest.raises(InputError):
        ha.encode(pa.table({"image": [1.0]}))
    with pytest.raises(InputError):
        ha.expand(3)
    with pytest.raises(InputError, match="shape"):
        ha.as_numpy(pa.array([[1.0]]))


def test_clauses_are_the_specification_s():
    from pathlib import Path

    text = (Path(__file__).parents[2] / "spec" / "hstamp-1.0.md").read_text(encoding="utf-8")
    for field in ha.FIELDS:
        for clause in field.clauses.split():
            assert f"**{clause}**" in text


def test_batches_show_units_and_steps():
    batch = hstamp.decode_many([stamp(0), stamp(1, 4, encoding="f4", variance=None, psf=0)])
    made = Stamp.from_bytes(stamp(0)).record
    assert batch.flux_units == ("nJy", "nJy")
    assert tuple(batch.scale[0, :3]) == made.image.scale
    assert np.isnan(batch.scale[0, 3])
    assert np.isnan(batch.zero[1]).all()
    assert batch.unit[0] == made.variance.unit
    assert np.isnan(batch.unit[1])
    assert batch.psf_sizes.tolist() == [7, 0]
