"""FITS and JSON of the alert retrieval service become the stamps that the packet's Avro becomes."""

import base64
import gzip
import io
import json
import math

import numpy as np
import pytest
from astropy.io import fits
from convert_samples import (
    KINDS,
    LSST_SCHEMA,
    fits_bytes,
    lsst_alert,
    lsst_cutout,
    noise,
    read_ocf,
    write_ocf,
    ztf_alert,
)

from hstamp.convert.stamps import stamps_of
from hstamp.errors import HstampError

EXTENSIONS = dict(zip(KINDS, ("DIFFIM", "SCIENCE", "TEMPLATE"), strict=True))
PLACES = {"Difference": (14.3, 14.6), "Science": (14.3, 14.6), "Template": (14.1, 15.2)}


@pytest.fixture(scope="module")
def alert():
    """An alert whose cutouts hold an image alone, as the service's FITS has them."""
    cutouts = {
        f"cutout{kind}": lsst_cutout(noise(30, n), *PLACES[kind], variance=False, psf_shape=None)
        for n, kind in enumerate(KINDS)
    }
    return lsst_alert(7, cutouts)


def images(alert):
    out = []
    for kind, name in EXTENSIONS.items():
        with fits.open(io.BytesIO(alert[f"cutout{kind}"])) as held:
            out.append(fits.ImageHDU(held[0].data.copy(), held[0].header.copy(), name=name))
    return out


def table(name, **columns):
    made = [
        fits.Column(key, {"U": "8A", "f": "D", "i": "K"}[np.asarray(v).dtype.kind], array=v)
        for key, v in columns.items()
    ]
    return fits.BinTableHDU.from_columns(made, name=name)


def service_fits(alert):
    source = alert["diaSource"]
    return fits_bytes([
        fits.PrimaryHDU(),
        table("ALERT", diaSourceId=[source["diaSourceId"]]),
        *images(alert),
        table(
            "DIASOURCE",
            diaSourceId=[source["diaSourceId"], 5],
            ra=[source["ra"], 10.0],
            dec=[source["dec"], -10.0],
            band=[source["band"], "g"],
        ),
        table("FORCEDPHOT", visit=np.zeros(0, dtype=np.int64)),
    ])  # fmt: skip


def service_json(alert):
    def plain(value):
        if isinstance(value, bytes):
            return base64.b64encode(value).decode()
        if isinstance(value, dict):
            return {k: plain(v) for k, v in value.items()}
        return None if isinstance(value, float) and not math.isfinite(value) else value

    return json.dumps(plain(alert))


@pytest.fixture
def expected(alert, tmp_path, convert):
    """Records of the stamps that the alert's Avro form gives."""
    write_ocf(tmp_path / "alert.avro", LSST_SCHEMA, [alert])
    convert(tmp_path / "alert.avro", tmp_path / "expected.avro", form="stamps")
    return read_ocf(tmp_path / "expected.avro")


@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize("make", [service_fits, service_json])
def test_the_same_stamps_as_of_the_packet(alert, tmp_path, convert, expected, make, zipped):
    data = make(alert)
    data = data.encode() if isinstance(data, str) else data
    (tmp_path / "x").write_bytes(gzip.compress(data) if zipped else data)
    report = convert(tmp_path / "x", tmp_path / "out.avro")
    assert report.ok
    made = read_ocf(tmp_path / "out.avro")
    assert [stamp["id"] for stamp in made] == [f"170007/{kind.lower()}" for kind in KINDS]
    assert made == expected
    assert [found.stamp.id for found in stamps_of(tmp_path / "x")] == [s["id"] for s in made]


def test_cutouts_without_the_alert_are_named_by_their_kind(alert, tmp_path, convert, expected):
    (tmp_path / "x.fits").write_bytes(fits_bytes([fits.PrimaryHDU(), *images(alert)]))
    assert convert(tmp_path / "x.fits", tmp_path / "out.avro").ok
    made = read_ocf(tmp_path / "out.avro")
    assert [stamp["id"] for stamp in made] == ["difference", "science", "template"]
    same = [{**stamp, "id": None, "band": None} for stamp in expected]
    assert [{**stamp, "id": None} for stamp in made] == same


def test_blobs_and_folders(alert, tmp_path, convert, expected):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.json").write_text(service_json(alert))
    (tmp_path / "in" / "b.fits").write_bytes(service_fits(alert))
    assert convert(tmp_path / "in", tmp_path / "out", into_folder=True).ok
    assert sorted(p.name for p in (tmp_path / "out").glob("*.avro")) == [
        "a.hstamp.avro", "b.hstamp.avro",
    ]  # fmt: skip
    blobs = convert(tmp_path / "in", tmp_path / "blobs", into_folder=True, form="blobs")
    assert blobs.ok
    assert len(list((tmp_path / "blobs").rglob("*.hstamp"))) == 6


def test_an_image_whose_place_is_given_is_an_image(alert, tmp_path, convert):
    from hstamp.convert.image import Position

    (tmp_path / "x.fits").write_bytes(service_fits(alert))
    report = convert(tmp_path / "x.fits", tmp_path / "o.avro", positions=(Position(x=14, y=14),))
    assert sum(report.stamps.values()) == 1
    # A lone image of such a name is an image too.
    (tmp_path / "y.fits").write_bytes(fits_bytes([fits.PrimaryHDU(), images(alert)[1]]))
    report = convert(tmp_path / "y.fits", tmp_path / "p.avro", positions=(Position(id="one"),))
    assert [s["id"] for s in read_ocf(tmp_path / "p.avro")] == ["one"]


def test_neither_is_an_alert_of_avro(alert, tmp_path, convert):
    (tmp_path / "x").write_text(service_json(alert))
    report = convert(tmp_path / "x", tmp_path / "o.avro", form="alerts")
    assert "use --as stamps" in report.problems[0].reason


def test_json_of_several_alerts_and_of_other_surveys(alert, tmp_path, convert):
    bad = json.loads(service_json(alert))
    bad["cutoutScience"] = "no base64!"
    ztf = ztf_alert(3)
    ztf["objectId"] = "ZTF18abcdefg"
    many = [json.loads(service_json(a)) for a in (alert, ztf)]
    (tmp_path / "x").write_text(json.dumps([many[0], bad, many[1]]))
    report = convert(tmp_path / "x", tmp_path / "o.avro")
    assert [(p.record, p.code) for p in report.problems] == [(1, "E_INPUT")]
    assert "cutoutScience is not base64" in report.problems[0].reason
    assert len(read_ocf(tmp_path / "o.avro")) == 6


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("{", "E_SCHEMA"),
        ("[]", "E_SCHEMA"),
        ("[1]", "E_SCHEMA"),
        ('{"a": 1}', "E_SCHEMA"),
        ("[" * 10**5, "E_SCHEMA"),
        ('{"cutoutScience": ' + "9" * 5000 + "}", "E_SCHEMA"),
        ('{"cutoutScience": "AAAA"}', "E_INPUT"),
        (" " + '{"a": "' + "x" * (16 * 2**20) + '"}', "E_LIMIT"),
    ],
)
def test_json_that_is_no_alert_is_told(tmp_path, convert, text, code):
    (tmp_path / "x").write_text(text)
    report = convert(tmp_path / "x", tmp_path / "o.avro")
    assert [p.code for p in report.problems] == [code]


@pytest.mark.parametrize("damage", ["cut", "place", "table"])
def test_damaged_fits_of_the_service_is_told(alert, tmp_path, convert, damage):
    if damage == "cut":
        data = service_fits(alert)[:-6000]
    elif damage == "place":
        held = images(alert)
        for hdu in held:
            hdu.header["CRVAL1"] = "nowhere"
        data = fits_bytes([fits.PrimaryHDU(), *held])
    else:
        data = fits_bytes([
            fits.PrimaryHDU(),
            *images(alert),
            table("DIASOURCE", diaSourceId=[1], ra=[np.nan], dec=[2.0]),
        ])  # fmt: skip
    (tmp_path / "x").write_bytes(data)
    report = convert(tmp_path / "x", tmp_path / "o.avro")
    assert not report.ok
    assert not (tmp_path / "o.avro").exists() or damage == "table"
    with pytest.raises(HstampError):
        raise next(item.error for item in stamps_of(tmp_path / "x"))


def test_info_lists_them_without_a_place(alert, tmp_path, capsys):
    from hstamp.cli import main

    (tmp_path / "x.fits").write_bytes(service_fits(alert))
    (tmp_path / "image.fits").write_bytes(fits_bytes([fits.PrimaryHDU(noise(30))]))
    assert main(["info", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    assert "170007/science" in out
    assert "2 files: 3 stamps, 0 faults" in out
