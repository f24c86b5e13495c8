"""Positions from tables: units, text, gaps, and formats."""

import numpy as np
import pytest
from astropy import units as u
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.table import Column, MaskedColumn, QTable, Table
from convert_samples import noise

import hstamp
from hstamp import InputError
from hstamp.cli import main
from hstamp.convert.catalog import degrees, positions_of, read_catalog, repeated

# 10h26m08.1s is 156.53375 deg, -45d06m05s is -(45 + 6/60 + 5/3600) deg.
RA, DEC = 156.53375, -45.10138888888889


def only(table):
    (position,) = positions_of(table)
    assert position.problem is None, position.problem
    return position.ra, position.dec


@pytest.mark.parametrize(
    ("ra", "dec", "ra_unit", "dec_unit"),
    [
        (RA, DEC, None, None),
        (RA, DEC, "deg", "deg"),
        (RA, DEC, "degrees", "Degree"),
        (RA / 15, DEC, "hourangle", "deg"),
        (RA / 15, DEC, "h", "deg"),
        (np.radians(RA), np.radians(DEC), "rad", "rad"),
        (RA * 60, DEC * 3600, "arcmin", "arcsec"),
        (RA - 360, DEC, "deg", "deg"),
        ("10:26:08.1", "-45:06:05", None, None),
        ("10 26 08.1", "-45 06 05", "h:m:s", "d:m:s"),
        ("10h26m08.1s", "-45d06m05s", None, None),
        ("156d32m01.5s", "-45d06m05s", "deg", "deg"),
        ("156:32:01.5", "-45:06:05", "deg", "deg"),
        (str(RA), str(DEC), None, None),
        (str(RA / 15), str(DEC), "hourangle", "deg"),
        (f"{RA}".encode(), f"{DEC}".encode(), None, None),
    ],
)
def test_units_and_texts(ra, dec, ra_unit, dec_unit):
    table = Table()
    table["RA"], table["Dec"] = Column([ra]), Column([dec])
    for name, unit in (("RA", ra_unit), ("Dec", dec_unit)):
        if unit is not None:
            table[name].info.unit = u.Unit(unit, parse_strict="silent")
    assert only(table) == pytest.approx((RA, DEC), abs=1e-9)


@pytest.mark.parametrize(
    "text", ["a " * 40_000, "\\begin{table}" + "& " * 40_000, "x,y\n" + "1," * 40_000]
)
def test_text_without_line_breaks_is_no_table(tmp_path, text):
    (tmp_path / "t.txt").write_text(text)
    with pytest.raises(InputError, match="a line of more than 65536 bytes"):
        read_catalog(tmp_path / "t.txt")


def test_arrays_of_one_number_are_numbers(tmp_path):
    table = Table({"ra": np.array([[RA], [10.0]]), "dec": np.array([[DEC], [20.0]])})
    table.write(tmp_path / "t.fits")
    table.write(tmp_path / "t.vot", format="votable")
    for name in ("t.fits", "t.vot"):
        first, second = positions_of(read_catalog(tmp_path / name))
        assert (first.ra, first.dec) == pytest.approx((RA, DEC), abs=1e-9)
        assert (second.ra, second.dec) == (10.0, 20.0)
    with pytest.raises(InputError, match=r"shape \(1, 2\)"):
        positions_of(Table({"ra": [[1.0, 2.0]], "dec": [[1.0, 2.0]]}))


def test_quantities_and_coordinates():
    table = QTable({"ra": [RA / 15] * u.hourangle, "dec": [DEC] * u.deg})
    assert only(table) == pytest.approx((RA, DEC), abs=1e-9)
    sky = SkyCoord([RA] * u.deg, [DEC] * u.deg).galactic
    assert only(QTable({"where": sky})) == pytest.approx((RA, DEC), abs=1e-9)


@pytest.mark.parametrize(("name", "unit"), [("ra", "mag"), ("ra", "what"), ("x", "deg")])
def test_a_unit_of_something_else(name, unit):
    table = Table({name: [1.0], {"ra": "dec", "x": "y"}[name]: [1.0]})
    table[name].unit = u.Unit(unit, parse_strict="silent")
    with pytest.raises(InputError, match=unit):
        positions_of(table)


def test_a_column_of_several_numbers_a_row():
    with pytest.raises(InputError, match="one number a row"):
        positions_of(Table({"ra": np.ones((3, 2)), "dec": np.ones(3)}))
    with pytest.raises(InputError, match="needs columns"):
        positions_of(Table({"x": [1.0]}))


@pytest.mark.parametrize(
    ("ra", "dec", "word"),
    [
        (np.nan, 0.0, "ra"), (0.0, np.inf, "dec"), (0.0, 90.5, "90"), (0.0, -91.0, "90"),
        ("abc", "0", "not an angle"), ("", "0", "not an angle"), ("1", "--", "not an angle"),
    ],
)  # fmt: skip
def test_a_row_that_cannot_be_used(ra, dec, word):
    (position,) = positions_of(Table({"ra": [ra], "dec": [dec]}))
    assert word in position.problem


def test_masked_values_cost_their_row():
    table = Table(
        {
            "id": MaskedColumn(["a", "b", "c", "d"], mask=[False, True, False, False]),
            "x": MaskedColumn([1.0, 2.0, 3.0, 4.0], mask=[False, False, True, False]),
            "y": [5, 6, 7, 8],
        }
    )
    found = positions_of(table)
    assert [p.problem is None for p in found] == [True, True, False, True]
    assert (found[1].id, found[1].x) == (None, 2.0)
    assert "no id" in found[1].note
    assert "x is missing" in found[2].problem
    assert (found[3].id, found[3].x, found[3].y) == ("d", 4.0, 8.0)


@pytest.mark.parametrize(
    ("ids", "expected"),
    [
        ([3, 40], ["3", "40"]),
        ([b"a1 ", b"b2"], ["a1", "b2"]),
        (["x", "y "], ["x", "y"]),
        (np.array([2**63 - 1, 5]), ["9223372036854775807", "5"]),
    ],
)
def test_identifiers(ids, expected):
    found = positions_of(Table({"ID": ids, "x": [1.0, 2.0], "y": [1.0, 2.0]}))
    assert [position.id for position in found] == expected
    assert repeated(found) == []
    assert repeated([*found, found[1]]) == [expected[1]]


def test_degrees():
    assert degrees("10:26:08.1", "hourangle") == pytest.approx(RA, abs=1e-9)
    assert degrees("-0:30:00", "deg") == -0.5
    for text in ("nan", "inf", "", "1:2:3:4:5", "x" * 1000):
        with pytest.raises(InputError):
            degrees(text, "deg")


def sample():
    table = Table({"id": [7, 8], "ra": [RA, RA], "dec": [DEC, DEC]})
    table["ra"].unit, table["dec"].unit = "deg", "deg"
    return table


@pytest.mark.parametrize(
    ("name", "form"),
    [("a.csv", "ascii.csv"), ("a.ecsv", "ascii.ecsv"), ("a.fits", "fits"), ("a.xml", "votable"),
     ("a.vot", "votable"), ("a.txt", "ascii.basic"), ("noname", "ascii.basic"),
     ("noname.tab", "votable"), ("a.rst", "ascii.rst")],
)  # fmt: skip
def test_formats(tmp_path, name, form):
    sample().write(tmp_path / name, format=form)
    found = positions_of(read_catalog(tmp_path / name))
    assert [p.id for p in found] == ["7", "8"]
    assert found[0].ra == pytest.approx(RA, abs=1e-6)


def test_the_table_with_positions_among_several_of_a_file(tmp_path):
    tables = [fits.BinTableHDU(Table({"header": ["a"]})), fits.BinTableHDU(sample())]
    fits.HDUList([fits.PrimaryHDU(), *tables]).writeto(tmp_path / "ldac.fits")
    assert len(positions_of(read_catalog(tmp_path / "ldac.fits"))) == 2


@pytest.mark.parametrize("data", [b"", b"\0\1\2" * 99, b"SIMPLE  =                    T"])
def test_what_is_no_table(tmp_path, data):
    (tmp_path / "a.dat").write_bytes(data)
    with pytest.raises(InputError) as caught:
        positions_of(read_catalog(tmp_path / "a.dat"))
    assert str(caught.value).isprintable()
    with pytest.raises(InputError, match=r"none\.csv"):
        read_catalog(tmp_path / "none.csv")


def test_bad_rows_are_reported_and_the_others_go_on(tmp_path, capsys):
    fits.PrimaryHDU(noise(100)).writeto(tmp_path / "a.fits")
    (tmp_path / "c.csv").write_text(
        "id,x,y\na,50.5,50.5\nb,,50\nc,900,10\n,20,20\nd,40,41\nd,40,42\n"
    )
    out = tmp_path / "out.avro"
    status = main(["convert", str(tmp_path / "a.fits"), "--catalog", str(tmp_path / "c.csv"),
                   "-o", str(out)])  # fmt: skip
    said = capsys.readouterr()
    assert status == 1
    assert [found.stamp.id for found in hstamp.read_stamps(out)] == ["a", None, "d", "d"]
    assert "record 1: E_INPUT: x is missing" in said.err
    assert "record 2" in said.err
    assert "pixel (900.00, 10.00)" in said.err
    assert "100 x 100" in said.err
    assert "1 x the catalogue's row has no id" in said.out
    assert "'d'" in said.err
