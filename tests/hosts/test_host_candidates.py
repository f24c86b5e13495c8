"""Further candidates in the tables of ``hstamp hosts``."""

import csv

import numpy as np
import pytest
from astropy.io.votable import parse_single_table
from astropy.units import Unit
from host_scenes import scene

import hstamp
from hstamp.cli import main
from hstamp.errors import InputError
from hstamp.hosts.columns import COLUMNS, sheet_of

pytest.importorskip("onnxruntime", reason="the network runs in onnxruntime")


@pytest.fixture
def stamps(tmp_path):
    made = [scene(5, -6.4, -4.8, seed=i, id=f"{i}/template") for i in range(3)]
    hstamp.write_stamps(tmp_path / "s.avro", made)
    return made


def rows_of(path):
    with path.open(newline="") as stream:
        return list(csv.DictReader(stream))


def made(tmp_path, name, *options):
    out = tmp_path / name
    assert main(["hosts", str(tmp_path / "s.avro"), "-o", str(out), *options]) == 0
    return out


def test_the_columns_of_one_candidate_stay_as_they_are(stamps, tmp_path):
    one, three = made(tmp_path, "1.csv"), made(tmp_path, "3.csv", "--candidates", "3")
    names = [column.name for column in COLUMNS]
    assert [list(row) for row in rows_of(one)] == [names] * 3
    assert [{n: row[n] for n in names} for row in rows_of(three)] == rows_of(one)


def test_further_candidates_are_those_of_the_network(stamps, tmp_path):
    rows = rows_of(made(tmp_path, "hosts.csv", "--candidates", "5"))
    found = hstamp.hosts.predict(stamps).candidates
    for b, row in enumerate(rows):
        for k in range(1, 5):
            p = found.weight[b, k]
            if p == 0:
                assert row[f"host_ra_{k + 1}"] == row[f"p_host_{k + 1}"] == ""
                continue
            assert float(row[f"host_ra_{k + 1}"]) == pytest.approx(found.ra[b, k], abs=1e-12)
            assert float(row[f"host_dec_{k + 1}"]) == pytest.approx(found.dec[b, k], abs=1e-12)
            assert float(row[f"p_host_{k + 1}"]) == pytest.approx(p, rel=1e-6)
            assert float(row[f"offset_x_{k + 1}"]) == pytest.approx(found.x[b, k], rel=1e-5)
            covariance = found.covariance[b, k]
            assert float(row[f"cov_en_{k + 1}"]) == pytest.approx(covariance[0, 1], rel=1e-4)
    assert any(row["p_host_2"] for row in rows)


def test_further_columns_have_units_and_meanings(stamps, tmp_path):
    table = parse_single_table(made(tmp_path, "hosts.vot", "--candidates", "2"))
    fields = {field.name: field for field in table.fields}
    for name, unit, ucd in [
        ("host_ra_2", "deg", "pos.eq.ra"),
        ("offset_2", "arcsec", "pos.angDistance"),
        ("cov_xx_2", "pix2", "stat.covariance"),
        ("p_host_2", None, "stat.probability"),
    ]:
        assert fields[name].ucd == ucd
        assert fields[name].unit == (None if unit is None else Unit(unit))
        assert "candidate 2" in fields[name].description
    # One column of a table is its main position, and that is the best candidate's.
    assert [f.name for f in table.fields if f.ucd == "pos.eq.ra;meta.main"] == ["host_ra"]
    assert np.asarray(table.array["host_ra_2"]).dtype == np.float64
    pytest.importorskip("pyarrow")
    import pyarrow.parquet as pq

    names = pq.read_schema(made(tmp_path, "hosts.parquet", "--candidates", "2")).names
    assert "size_pixels_2" in names
    assert "host_ra_3" not in names


@pytest.mark.parametrize("count", [0, -1, 6])
def test_a_number_that_the_network_does_not_give(count, stamps, tmp_path, capsys):
    with pytest.raises(InputError, match=f"1 to 5, not {count}"):
        sheet_of(count)
    command = ["hosts", str(tmp_path / "s.avro"), "-o", str(tmp_path / "no.csv")]
    assert main([*command, "--candidates", str(count)]) == 1
    assert "candidates must be 1 to 5" in capsys.readouterr().err
    assert not (tmp_path / "no.csv").exists()
