"""Alerts with stamps: the packager's subclass around a stand-in of lsst.ap.association's task."""

import io
import math
from types import SimpleNamespace

import fastavro
import numpy as np
import pytest
from rubin_samples import BITS, HEIGHT, WIDTH, X0, Y0, AfwPsf, counts, exposure

pytest.importorskip("lsst.pipe.base", reason="lsst-pipe-base is not installed (extra rubin)")
pd = pytest.importorskip("pandas", reason="pandas is not installed (extra rubin)")

from lsst.pex.config import Config, ConfigurableField, Field  # noqa: E402
from lsst.pipe.base import Task  # noqa: E402

import hstamp  # noqa: E402
from hstamp.alerts.schema import add_stamp_fields  # noqa: E402
from hstamp.rubin import parent_of, stamps_of  # noqa: E402
from hstamp.rubin.package import with_stamps  # noqa: E402

FIELDS = ["hstampDifference", "hstampScience", "hstampTemplate"]
SCHEMA = {
    "type": "record",
    "name": "lsst.alert",
    "fields": [
        {"name": "diaSourceId", "type": "long"},
        {"name": "cutoutDifference", "type": ["null", "bytes"]},
    ],
}


class PackagerConfig(Config):
    minCutoutSize = Field(doc="As in lsst.ap.association.", dtype=int, default=30)


class Packager(Task):
    """What lsst.ap.association's packager does with its arguments."""

    ConfigClass = PackagerConfig
    _DefaultName = "packageAlerts"

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.sent = []

    def run(self, diaSourceCat, diaObjectCat, diffIm, calexp, template, doRunForced=True):
        for _, source in diaSourceCat.iterrows():
            self.sent.append(self.makeAlertDict(int(source["diaSourceId"]), source, b"cutout"))

    def makeAlertDict(self, diaSourceId, diaSource, diffImCutout):
        return {"diaSourceId": diaSourceId, "cutoutDifference": diffImCutout}


class OlderPackager(Packager):
    def makeAlertDict(self, alertId, diaSource, diffImCutout):
        return {"alertId": alertId, "cutoutDifference": diffImCutout}


class DiaPipeConfig(Config):
    alertPackager = ConfigurableField(doc="As in lsst.ap.association.", target=Packager)


def catalog():
    # With a column of texts a row keeps its integers, as in the real catalogue.
    return pd.DataFrame({
        "band": ["r", "r", "r"],
        "diaSourceId": np.array([11, 12, 2**62 + 1]),
        "x": [X0 + 100.0, np.nan, X0 + 30.5],
        "y": [Y0 + 80.0, Y0 + 80.0, Y0 + 200.25],
    })  # fmt: skip


def packaged(base=Packager, **images):
    config = DiaPipeConfig()
    config.alertPackager.retarget(with_stamps(base))
    task = config.alertPackager.apply(name="packageAlerts")
    given = {"diffIm": exposure(), "calexp": exposure(factor=3.0), "template": exposure()} | images
    task.run(catalog(), None, given["diffIm"], given["calexp"], template=given["template"])
    return task.sent


@pytest.mark.parametrize("base", [Packager, OlderPackager])
def test_alerts_get_the_stamps_of_their_source(base):
    sent = packaged(base)
    frame = catalog()
    expected = stamps_of(
        parent_of(exposure(factor=3.0)), frame["x"], frame["y"], ["11", "12", str(2**62 + 1)]
    )
    assert [alert["cutoutDifference"] for alert in sent] == [b"cutout"] * 3
    assert [sent[1][name] for name in FIELDS] == [None] * 3
    for row in (0, 2):
        assert hstamp.Stamp.from_dict(sent[row]["hstampScience"]).to_bytes() == expected[row]
        assert sent[row]["hstampDifference"]["id"] == str(frame["diaSourceId"][row])


def test_alerts_are_written_in_the_derived_schema():
    schema = fastavro.parse_schema(add_stamp_fields(SCHEMA))
    for alert in packaged():
        stream = io.BytesIO()
        fastavro.schemaless_writer(stream, schema, alert)
        stream.seek(0)
        assert fastavro.schemaless_reader(stream, schema)["hstampScience"] == alert["hstampScience"]


class Hostile:
    """An image all of whose attributes raise."""

    def __getattr__(self, name):
        raise RuntimeError("no such plane")


@pytest.mark.parametrize("image", [None, Hostile(), 7, np.zeros((3, 3))], ids=lambda i: type(i))
def test_a_failure_of_an_image_is_a_null_of_its_stamps(image):
    sent = packaged(calexp=image)
    assert [alert["hstampScience"] for alert in sent] == [None] * 3
    assert sent[0]["hstampDifference"] is not None
    assert [alert["cutoutDifference"] for alert in sent] == [b"cutout"] * 3


@pytest.mark.parametrize("column", ["x", "y", "diaSourceId"])
def test_a_catalogue_without_a_column_gives_alerts_without_stamps(column):
    class Needless(Packager):
        def run(self, diaSourceCat, diffIm, calexp, template):
            self.sent.append(self.makeAlertDict(11, None, b"cutout"))

    task = with_stamps(Needless)(name="packageAlerts")
    task.run(catalog().drop(columns=column), exposure(), exposure(), exposure())
    assert task.sent == [
        {"diaSourceId": 11, "cutoutDifference": b"cutout", **dict.fromkeys(FIELDS)}
    ]


BROKEN = {
    "a position that is not finite": (math.nan, 50.0),
    "no position": (None, 50.0),
    "a text for a position": ("far", 50.0),
    "outside": (-1.0, 50.0),
    "far outside": (1e300, 50.0),
    "a PSF that raises": (WIDTH - 10.0, 50.0),
    "a WCS that raises": (WIDTH - 40.0, 50.0),
    "all masked": (20.0, 20.0),
    "all missing": (20.0, HEIGHT - 20.0),
    "no identifier": (100.0, 50.0),
}
"""Faults of a source, and where it lies in the image."""


class Unspeakable(Exception):
    """Cannot even be shown."""

    def __str__(self):
        raise RuntimeError("no text")

    __repr__ = __str__


def faulty():
    """An exposure that has all these faults, each in a place of its own."""
    pixels, mask = counts(), np.zeros((HEIGHT, WIDTH), "i4")
    mask[:40, :40] = 1 << BITS["NO_DATA"]
    pixels[-40:, :40] = np.nan
    image = exposure(pixels=pixels, mask=mask, psf=AfwPsf(broken=X0 + WIDTH - 20))
    whole = image.getWcs()

    def fails(x, y, degrees):
        if ((x > X0 + WIDTH - 45) & (x < X0 + WIDTH - 35)).any():
            raise Unspeakable
        return whole.pixelToSkyArray(x, y, degrees=degrees)

    image.getWcs = lambda: SimpleNamespace(pixelToSkyArray=fails)
    return image


@pytest.mark.parametrize("fault", BROKEN)
def test_one_percent_of_broken_sources_leaves_ninety_nine_of_stamps(fault):
    """Two of two hundred, among the others; every alert goes out."""
    rng = np.random.default_rng(8)
    x, y = (rng.uniform(60, size - 60, 200).astype(object) for size in (WIDTH, HEIGHT))
    broken = [17, 130]
    for row in broken:
        x[row], y[row] = BROKEN[fault]
    ids = np.arange(1000, 1200).astype(object)
    if fault == "no identifier":
        ids[broken] = None
    frame = pd.DataFrame({"diaSourceId": ids})
    for name, values, start in (("x", x, X0), ("y", y, Y0)):
        frame[name] = [v if v is None or isinstance(v, str) else v + start for v in values]

    class Sends(Packager):
        def run(self, diaSourceCat, diffIm, calexp, template):
            for number in range(1000, 1200):
                self.sent.append(self.makeAlertDict(number, None, b"cutout"))

    config = with_stamps(Sends).ConfigClass()
    config.stamps.levels, config.stamps.psf = 2, "source"
    task = with_stamps(Sends)(config=config, name="packageAlerts")
    task.run(frame, faulty(), faulty(), faulty())
    assert [alert["cutoutDifference"] for alert in task.sent] == [b"cutout"] * 200
    for name in FIELDS:
        assert [n for n, alert in enumerate(task.sent) if alert[name] is None] == broken


def test_all_that_may_go_wrong_at_once():
    """As many faults as good sources, and an image whose fault has no text."""
    frame = pd.DataFrame(
        [(n, *place) for n, place in enumerate([*BROKEN.values(), (100.0, 100.0)])],
        columns=["diaSourceId", "x", "y"],
    )
    frame["x"] = [v + X0 if isinstance(v, float) else v for v in frame["x"]]
    frame["y"] += Y0
    frame.loc[frame.index[-2], "diaSourceId"] = 9

    class Fails:
        @property
        def maskedImage(self):
            raise Unspeakable

    class Sends(Packager):
        def run(self, diaSourceCat, diffIm, calexp, template):
            for number in diaSourceCat["diaSourceId"]:
                self.sent.append(self.makeAlertDict(number, None, b"cutout"))

    config = with_stamps(Sends).ConfigClass()
    config.stamps.levels, config.stamps.psf = 2, "source"
    task = with_stamps(Sends)(config=config, name="packageAlerts")
    task.run(frame, faulty(), Fails(), faulty())
    # The last fault is of an identifier, which this table has.
    good = [None] * 9 + ["stamp"] * 2
    for name, expected in zip(FIELDS, (good, [None] * 11, good), strict=True):
        assert [alert[name] and "stamp" for alert in task.sent] == expected


def test_exceptions_of_the_packager_itself_are_not_hidden():
    class Fails(Packager):
        def run(self, diaSourceCat):
            raise OSError("the disk is full")

    with pytest.raises(OSError, match="the disk is full"):
        with_stamps(Fails)(name="packageAlerts").run(catalog())


def test_stamps_are_configured_beside_the_packager():
    config = DiaPipeConfig()
    config.alertPackager.retarget(with_stamps(Packager))
    config.alertPackager.stamps.levels = 2
    config.alertPackager.minCutoutSize = 20
    task = config.alertPackager.apply(name="packageAlerts")
    task.run(catalog(), None, exposure(), exposure(), exposure())
    assert hstamp.Stamp.from_dict(task.sent[0]["hstampScience"]).n == 2
