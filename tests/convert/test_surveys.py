"""Which alerts are whose, where ZTF's sources are, and what a new survey takes."""

import gzip
from dataclasses import dataclass

import numpy as np
import pytest
from astropy.io import fits
from convert_samples import (
    KINDS,
    LSST_SCHEMA,
    ZTF_SCHEMA,
    fits_bytes,
    lsst_alert,
    lsst_cutout,
    noise,
    read_ocf,
    write_ocf,
    ztf_alert,
)
from hypothesis import given
from hypothesis import strategies as st

from hstamp import InputError, Stamp, Wcs
from hstamp.convert import EncodeOptions, convert_alert
from hstamp.surveys import SURVEYS, Lsst, Place, Ztf, fields_of, survey_of, with_survey

EXACT = EncodeOptions(encoding="f4")


def ztf(**changes):
    candidate = {**ztf_alert()["candidate"], **changes.pop("candidate", {})}
    return {"objectId": "ZTF18aabcdef", **ztf_alert(), **changes, "candidate": candidate}


class TestWhose:
    @pytest.mark.parametrize(
        ("record", "schema"),
        [
            (ztf(), None),
            (ztf(publisher="Fink"), None),
            (ztf(), "fink.alert"),
            (ztf_alert(), "ztf.alert"),
            ({**ztf_alert(), "publisher": "ZTF (www.ztf.caltech.edu)"}, "alert"),
            (ztf(objectId=None, candidate={"pdiffimfilename": "/a/ztf_20190110_x.fits"}), None),
        ],
    )
    def test_ztf(self, record, schema):
        if record.get("objectId", "") is None:
            del record["objectId"]
        assert survey_of(record, schema).name == "ZTF"

    @pytest.mark.parametrize(
        ("record", "schema", "reason"),
        [
            (ztf(objectId="WNTR24aabcd"), "winter.alert", "object is 'WNTR24aabcd'"),
            ({**ztf_alert(), "objectid": "WNTR24aabcd"}, "winter.alert", "WNTR24aabcd"),
            (ztf(objectId="ZUDS20abcde"), "ztf.alert", "object is 'ZUDS20abcde'"),
            (ztf(objectId=7), "ztf.alert", "object is 7"),
            ({**ztf_alert(), "publisher": "DECam"}, None, "publisher is 'DECam'"),
            (ztf_alert(), "wirc.alert", "schema is 'wirc.alert'"),
            (ztf_alert(), "notztf.alert", "schema is 'notztf.alert'"),
            (ztf_alert(), None, "neither object, publisher, schema nor image"),
            (ztf(candidate={"fid": 4}), "ztf.alert", "fid 4"),
            (ztf(candidate={"fid": {}}), "ztf.alert", "fid {}"),
            (ztf(candidate={"candid": None}), "ztf.alert", "no candid"),
            ({"candidate": {"ra": 1.0, "dec": 2.0}}, "ztf.alert", "no candid"),
            ({"candidate": 5}, "ztf.alert", "no candid"),
            ({"diaSource": None}, "lsst.v10_0.alert", "diaSource is null"),
            ({"diaSource": {"ra": 1.0, "dec": 2.0}}, None, "no diaSourceId"),
            ({"diaSource": {"diaSourceId": "7"}}, None, "no diaSourceId"),
            ({}, None, "LSST: no diaSource; ZTF: no candidate"),
        ],
    )
    def test_nobodys(self, record, schema, reason):
        with pytest.raises(InputError, match="not an alert of a survey that is known") as caught:
            survey_of(record, schema)
        assert reason in str(caught.value)

    def test_lsst_needs_no_more_than_its_source(self):
        assert survey_of({"diaSource": {"diaSourceId": 7}}).name == "LSST"

    def test_a_packet_of_ztf_form_gets_no_place_and_no_orientation(self, tmp_path, convert):
        schema = {**ZTF_SCHEMA, "namespace": "winter"}
        source = write_ocf(tmp_path / "w.avro", schema, [ztf_alert(1), ztf_alert(2)])
        report = convert(source, tmp_path / "out.avro")
        assert [(p.record, p.code) for p in report.problems] == [(0, "E_INPUT"), (1, "E_INPUT")]
        assert all("'winter.alert'" in str(p) for p in report.problems)
        assert all(r["hstampScience"] is None for r in read_ocf(tmp_path / "out.avro"))

    def test_object_identifiers(self):
        source = {"diaSourceId": 7, "diaObjectId": 0, "ssObjectId": 12}
        assert Lsst().object_id({"diaSource": source}) == "12"
        assert Lsst().object_id({"diaSource": {"diaSourceId": 7}}) is None
        assert Ztf().object_id(ztf()) == "ZTF18aabcdef"

    def test_numbers_of_numpy(self):
        record = lsst_alert(3)
        source = {"diaSourceId": np.int64(170003), "ra": np.float32(150), "dec": np.float64(2)}
        made = convert_alert({**record, "diaSource": source}, EXACT)
        assert made.stamps["science"].id == "170003/science"
        record = ztf(candidate={"candid": np.int64(8), "fid": np.int32(1), "xpos": np.float32(99)})
        assert convert_alert(record, EXACT).stamps["science"].id == "8/science"

    def test_the_old_name_of_the_band(self):
        assert Lsst().band({"diaSource": {"diaSourceId": 7, "filterName": "z"}}) == "z"


class TestZtfWindow:
    """The window is the nearest pixel +- 31, 1-based, cut to 3072 columns and 3080 rows."""

    @pytest.mark.parametrize(
        ("xpos", "ypos", "shape", "x", "y"),
        [
            # Nearest pixel 1340, 13: columns 1309 to 1371 and rows 1 to 44 are there.
            (1340.02, 12.93, (44, 63), 31.02, 11.93),
            # The far corner: columns 3041 to 3072, rows 3048 to 3080.
            (3072.4, 3079.0, (33, 32), 31.4, 31.0),
            # The near corner: 1 to 32 in both.
            (0.6, 1.49, (32, 32), -0.4, 0.49),
            # One column short on the left: nearest pixel 31, columns 1 to 62.
            (31.2, 1000.0, (63, 62), 30.2, 31.0),
            (32.0, 3049.0, (63, 63), 31.0, 31.0),
            # A half goes to the pixel above, as the rows of real alerts show.
            (1000.5, 200.25, (63, 63), 30.5, 31.25),
        ],
    )
    def test_by_hand(self, xpos, ypos, shape, x, y):
        place = Ztf().place(ztf(candidate={"xpos": xpos, "ypos": ypos}), shape)
        assert (place.x, place.y) == pytest.approx((x, y), abs=1e-9)
        with pytest.raises(InputError, match="so where the source is in it is unknown"):
            Ztf().place(ztf(candidate={"xpos": xpos, "ypos": ypos}), (shape[0], shape[1] - 1))

    @pytest.mark.parametrize(("xpos", "ypos"), [(0.4, 100.0), (100.0, 3080.5), (3072.6, 9.0)])
    def test_positions_off_the_quadrant(self, xpos, ypos):
        with pytest.raises(InputError, match="not in a ZTF quadrant"):
            Ztf().place(ztf(candidate={"xpos": xpos, "ypos": ypos}), (63, 63))

    @pytest.mark.parametrize("xpos", [None, float("nan"), "5"])
    def test_no_position(self, xpos):
        with pytest.raises(InputError, match="no xpos, ypos"):
            Ztf().place(ztf(candidate={"xpos": xpos}), (63, 63))

    @given(st.floats(1, 3072), st.floats(1, 3080))
    def test_the_source_is_on_the_pixel_of_its_position(self, xpos, ypos):
        """A frame whose pixels say where they are, cut as ZTF does."""
        columns, rows = np.arange(1, 3073), np.arange(1, 3081)
        columns = columns[np.abs(columns - np.floor(xpos + 0.5)) <= 31]
        rows = rows[np.abs(rows - np.floor(ypos + 0.5)) <= 31]
        candidate = {"xpos": xpos, "ypos": ypos}
        place = Ztf().place(ztf(candidate=candidate), (len(rows), len(columns)))
        assert columns[0] + place.x == pytest.approx(xpos, abs=1e-6)
        assert rows[0] + place.y == pytest.approx(ypos, abs=1e-6)

    def test_what_a_clipped_cutout_lacks_is_missing(self):
        image = noise(63)[:44]
        cutout = {"stampData": gzip.compress(fits_bytes([fits.PrimaryHDU(image)]))}
        record = ztf(candidate={"xpos": 1340.02, "ypos": 12.93})
        record.update({f"cutout{kind}": cutout for kind in KINDS})
        made = convert_alert(record, EXACT)
        assert not made.failed
        stamp = made.stamps["science"]
        # Source at row 11.93: level 0 covers rows 12 - 7 .. 12 + 7, and all of them are there.
        np.testing.assert_array_equal(stamp.levels[0][:14, :14], image[5:19, 25:39])
        # Level 2 is 60 rows from row 12 - 29 = -17 on, in pixels of 4: four begin and end off it.
        assert stamp.n == 3
        np.testing.assert_array_equal(
            np.isnan(stamp.levels[2]).all(axis=1), [True] * 4 + [False] * 11
        )
        assert np.isfinite(stamp.levels[2][5:]).all()
        assert made.notes[0] == (
            "difference: cut short at the edge of the detector; the rest is missing"
        )


class TestFills:
    @pytest.mark.parametrize("fill", [-3.4028235e38, -1e30, 1e30, 1.1e29])
    def test_fills_are_missing_and_said(self, fill):
        image = noise(63)
        image[:, 40:] = fill
        record = ztf(cutoutTemplate={"stampData": fits_bytes([fits.PrimaryHDU(image)])})
        made = convert_alert(record, EXACT)
        assert not made.failed
        values = made.stamps["template"].values
        assert np.isnan(values).any()
        assert np.nanmax(np.abs(values)) < 100
        (note,) = made.notes
        assert note.startswith("template: ")
        assert "fills" in note

    def test_lsst_cutouts_too(self):
        image = noise(30)
        image[14, 14] = -1e30
        made = convert_alert(
            lsst_alert(0, {"cutoutScience": lsst_cutout(image, 14.3, 14.6)}), EXACT
        )
        assert np.isnan(made.stamps["science"].values).sum() == 1
        assert len(made.notes) == 1


class TestFaults:
    """What goes wrong with one cutout costs its stamp, and with one record the record."""

    @pytest.mark.parametrize("value", ["text", 7, [1], {"stampData": "text"}])
    def test_a_cutout_that_is_no_bytes(self, value):
        made = convert_alert(lsst_alert(0, {"cutoutScience": value}), EXACT)
        assert list(made.failed) == ["science"]
        assert "not bytes" in str(made.failed["science"])
        assert made.stamps["template"] is not None

    def test_any_exception_of_one_cutout(self, monkeypatch):
        from hstamp.convert import cutout

        calls = []

        def broken(*args, **options):
            calls.append(args)
            if len(calls) == 2:
                raise ZeroDivisionError("division by zero")
            return load(*args, **options)

        load = cutout.load_planes
        monkeypatch.setattr(cutout, "load_planes", broken)
        made = convert_alert(lsst_alert(0), EXACT)
        (error,) = made.failed.values()
        assert str(error) == "E_INPUT: ZeroDivisionError: division by zero"
        assert sum(stamp is not None for stamp in made.stamps.values()) == 2

    def test_a_record_without_a_position(self):
        record = lsst_alert(0)
        record["diaSource"] = {**record["diaSource"], "ra": None}
        with pytest.raises(InputError, match="no ra, dec"):
            convert_alert(record, EXACT)

    @pytest.mark.parametrize("band", ["r" * 33, "r\N{PRIME}", "r\n"])
    def test_a_band_that_a_stamp_cannot_carry_costs_the_band(self, band):
        record = lsst_alert(0)
        record["diaSource"] = {**record["diaSource"], "band": band}
        made = convert_alert(record, EXACT)
        assert not made.failed
        assert made.stamps["science"].band is None
        assert len(made.notes) == 1
        assert "left out" in made.notes[0]


@dataclass(frozen=True)
class Toy:
    """A survey with names of its own and the source always in the middle."""

    name = "Toy"
    fields = ("toy.number", "toy.place", "cutoutScience", "cutoutTemplate", "cutoutDifference")

    def mismatch(self, record, schema_name):
        return None if "toy" in record else "no toy"

    def identifier(self, record):
        return f"T{record['toy']['number']}"

    def object_id(self, record):
        return None

    def band(self, record):
        return "VR"

    def position(self, record):
        ra, dec = record["toy"]["place"].split()
        return float(ra), float(dec)

    def cutout(self, record, kind):
        return record[f"cutout{kind.capitalize()}"]

    def place(self, record, shape):
        ra, dec = self.position(record)
        return Place((shape[1] - 1) / 2, (shape[0] - 1) / 2, Wcs(ra, dec, -7e-5, 0.0, 0.0, 7e-5))

    def unusable(self, image):
        return image == 0


class TestAnotherSurvey:
    """One class and one line make a survey; no other module knows it."""

    toy = {
        "name": "toy", "type": {"type": "record", "name": "toy_source", "fields": [
            {"name": "number", "type": "int"}, {"name": "place", "type": "string"}]},
    }  # fmt: skip
    schema = {**LSST_SCHEMA, "namespace": "toy", "fields": [toy, *LSST_SCHEMA["fields"][2:]]}

    def record(self):
        image = noise(31)
        image[0, 0] = 0
        cutout = fits_bytes([fits.PrimaryHDU(image)])
        toy = {"number": 9, "place": "150.0 -2.0"}
        return image, {"toy": toy, **{f"cutout{kind}": cutout for kind in KINDS}}

    def test_converts(self, tmp_path, convert):
        image, record = self.record()
        source = write_ocf(tmp_path / "toy.avro", self.schema, [record])
        surveys = (*SURVEYS, Toy())
        report = convert(source, tmp_path / "out.avro", surveys=surveys, options=EXACT)
        assert report.ok
        (out,) = read_ocf(tmp_path / "out.avro")
        stamp = Stamp.from_dict(out["hstampTemplate"])
        assert (stamp.id, stamp.band) == ("T9/template", "VR")
        assert (stamp.wcs.ra, stamp.wcs.dec) == (150.0, -2.0)
        # Source at (15, 15): the reference corner is that of pixel 16.
        np.testing.assert_array_equal(stamp.levels[0][:14, :14], image[9:23, 9:23])

    def test_is_nobodys_without_the_line(self, tmp_path, convert):
        source = write_ocf(tmp_path / "toy.avro", self.schema, [self.record()[1]])
        report = convert(source, tmp_path / "out.avro")
        assert [p.code for p in report.problems] == ["E_SCHEMA"]

    def test_the_registry(self):
        assert [survey.name for survey in with_survey(Toy())] == ["LSST", "ZTF", "Toy"]
        assert with_survey(Ztf("none")) == (Lsst(), Ztf("none"))
        assert "toy.place" in fields_of((Toy(),))
        assert len(set(fields_of())) == len(fields_of())
