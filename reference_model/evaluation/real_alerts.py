"""Real ZTF alerts with known hosts, and of what has none: reading, and the split by object.

The data are not part of the project; ``labels.csv`` and ``hosts.csv`` beside the alerts say
what is known of them and why.
"""

from __future__ import annotations

import csv
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from hstamp import Stamp, Wcs, encode
from hstamp.container.detect import Kind
from hstamp.convert.cutout import parent_from_cutout
from hstamp.convert.parent import EncodeOptions
from hstamp.convert.sources import BadRecord, open_alerts
from hstamp.hosts.score import Truth
from hstamp.surveys import Measured, Ztf
from hstamp.surveys.protocol import Record

Image = NDArray[np.float32]
Part = Literal["dev", "test"]

#: Classes of alerts that have no host: an asteroid is met at a random place, a variable star
#: is itself what the template shows.
HOSTLESS = {"asteroid": "asteroid", "VS": "variable star"}
#: The nominal orientation everywhere: north is off by some degrees at high declinations.
SURVEY = Ztf("nominal")
#: Of an alert whose packet says nothing.
UNKNOWN = Measured("ZTF")


def part_of(object_id: str) -> Part:
    """The half of the objects that an object belongs to, by the SHA-256 of its name.

    Whatever is chosen, thresholds and weights included, is chosen on ``dev``.
    """
    return "dev" if hashlib.sha256(object_id.encode()).digest()[0] % 2 == 0 else "test"


@dataclass(frozen=True)
class RealAlert:
    """One alert.

    Attributes
    ----------
    object_id, candid : str
    image : ndarray, float32
        The template cutout as the survey sends it, its sky included; NaN where missing.
    x, y : float
        The source's pixel.
    wcs : Wcs
        Tangent plane at the source, of the nominal orientation.
    kind : str
        ``host``, ``asteroid`` or ``variable star``.
    host : (float, float) or None
        ICRS [deg]; None where there is none.
    measured : Measured
        What the packet says of the transient.
    """

    object_id: str
    candid: str
    image: Image
    x: float
    y: float
    wcs: Wcs
    kind: str
    host: tuple[float, float] | None
    measured: Measured = UNKNOWN

    def stamp(self, levels: int) -> Stamp:
        """The hierarchical stamp, in the default encoding."""
        return encode(
            self.image, self.x, self.y, levels=levels, wcs=self.wcs, flux_unit="DN", id=self.candid
        )


def read_real(folder: Path, part: Part) -> list[RealAlert]:
    """Alerts with a known host, asteroids and variable stars, of one part of the objects.

    Raises
    ------
    FileNotFoundError
        If the folder lacks a file; names it.
    """
    for name in ("alerts.avro", "labels.csv", "hosts.csv"):
        if not (folder / name).is_file():
            raise FileNotFoundError(f"no file {name} in {folder}")
    hosts = {
        row["objectId"]: (float(row["host_ra"]), float(row["host_dec"]))
        for row in _rows(folder / "hosts.csv")
    }
    kinds = {
        row["objectId"]: HOSTLESS[row["class"]]
        for row in _rows(folder / "labels.csv")
        if row["class"] in HOSTLESS
    }
    kinds |= dict.fromkeys(hosts, "host")
    fields = SURVEY.fields
    found = []
    with open_alerts(folder / "alerts.avro", Kind.OCF, gzipped=False, fields=fields) as source:
        for batch in source.batches():
            for item in batch.records:
                if isinstance(item, BadRecord):
                    raise ValueError(f"record {item.number} of {folder}: {item.error}")
                name = SURVEY.object_id(item.record) or ""
                if name in kinds and part_of(name) == part:
                    found.append(_alert(item.record, name, kinds[name], hosts.get(name)))
    return found


def truth_of(alerts: list[RealAlert]) -> Truth:
    """What is known of them."""
    place = np.array([a.host or (np.nan, np.nan) for a in alerts]).reshape(-1, 2)
    return Truth(place[:, 0], place[:, 1], np.array([a.host is None for a in alerts], dtype=bool))


def _alert(record: Record, name: str, kind: str, host: tuple[float, float] | None) -> RealAlert:
    payload = SURVEY.cutout(record, "template")
    ra, dec = SURVEY.position(record)
    if payload is None:
        raise ValueError(f"{name}: the alert has no template")
    parent = parent_from_cutout(
        payload, ra=ra, dec=dec, options=EncodeOptions(), survey=SURVEY, record=record
    )
    image = np.array(parent.image, dtype=np.float32)
    image[~(np.abs(image) < 1e29)] = np.nan
    assert isinstance(parent.wcs, Wcs)
    return RealAlert(
        name, SURVEY.identifier(record), image, parent.x, parent.y, parent.wcs, kind, host,
        SURVEY.measured(record),
    )  # fmt: skip


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))
