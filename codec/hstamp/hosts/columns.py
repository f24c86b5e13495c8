"""The table of hosts: its columns, their units and what they mean."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from .alerts import Alert
from .table import HostTable

__all__ = ["COLUMNS", "Column", "columns_of", "joined"]


@dataclass(frozen=True)
class Column:
    """A column.

    Attributes
    ----------
    name : str
    unit : str or None
        VOUnit.
    ucd : str or None
        Unified content descriptor (IVOA UCD1+ controlled vocabulary 1.5).
    meaning : str
    """

    name: str
    unit: str | None
    ucd: str | None
    meaning: str


COLUMNS: Final = (
    Column("alert_id", None, "meta.id;meta.main", "diaSourceId, candid or identifier of the stamp"),
    Column("object_id", None, "meta.id", "diaObjectId, ssObjectId or objectId"),
    Column("file", None, "meta.id;meta.file", "input file"),
    Column("record", None, "meta.number", "record in the file, from 0"),
    Column("image", None, None, "image of the alert that was looked at"),
    Column("band", None, "meta.id;instr.filter", "filter band"),
    Column("levels", None, None, "levels of the stamp that were used"),
    Column("ra", "deg", "pos.eq.ra", "source, ICRS"),
    Column("dec", "deg", "pos.eq.dec", "source, ICRS"),
    Column("host_ra", "deg", "pos.eq.ra;meta.main", "best host candidate, ICRS"),
    Column("host_dec", "deg", "pos.eq.dec;meta.main", "best host candidate, ICRS"),
    Column("offset", "arcsec", "pos.angDistance", "distance of the candidate from the source"),
    Column("offset_east", "arcsec", None, "candidate minus source, to the east"),
    Column("offset_north", "arcsec", None, "candidate minus source, to the north"),
    Column("cov_ee", "arcsec**2", "stat.covariance", "variance of offset_east"),
    Column("cov_en", "arcsec**2", "stat.covariance", "covariance of offset_east, offset_north"),
    Column("cov_nn", "arcsec**2", "stat.covariance", "variance of offset_north"),
    Column("p_host", None, "stat.probability", "probability of the best candidate"),
    Column("p_none", None, "stat.probability", "probability that no host is in the stamp"),
    Column("size", "arcsec", "phys.angSize", "half-light radius of the best candidate"),
    Column("offset_x", "pixel", None, "candidate minus source along x, base pixels"),
    Column("offset_y", "pixel", None, "candidate minus source along y, base pixels"),
    Column("cov_xx", "pixel**2", "stat.covariance", "variance of offset_x"),
    Column("cov_xy", "pixel**2", "stat.covariance", "covariance of offset_x and offset_y"),
    Column("cov_yy", "pixel**2", "stat.covariance", "variance of offset_y"),
    Column("size_pixels", "pixel", None, "half-light radius of the best candidate, base pixels"),
    Column("pixel", "arcsec", "phys.angSize;instr.pixel", "side of a base pixel"),
)

_INT64: Final = 2**63


def columns_of(alerts: Sequence[Alert], hosts: HostTable) -> dict[str, NDArray[Any]]:
    """Columns of the best candidates of alerts that all have a stamp."""
    best = hosts.best
    stamps = [alert.stamp for alert in alerts]
    values: dict[str, Any] = {
        "alert_id": _texts(alert.id for alert in alerts),
        "object_id": _texts(alert.object_id for alert in alerts),
        "file": _texts(str(alert.path) for alert in alerts),
        "record": np.array([alert.record for alert in alerts], dtype=np.int64),
        "image": _texts(alert.kind for alert in alerts),
        "band": _texts(stamp and stamp.band for stamp in stamps),
        "levels": hosts.levels.astype(np.int16),
        "ra": hosts.ra,
        "dec": hosts.dec,
        "host_ra": best.ra,
        "host_dec": best.dec,
        "offset": np.where(
            np.isnan(best.offset), np.hypot(best.x, best.y) * hosts.pixel, best.offset
        ),
        "offset_east": best.east,
        "offset_north": best.north,
        "cov_ee": best.covariance[:, 0, 0],
        "cov_en": best.covariance[:, 0, 1],
        "cov_nn": best.covariance[:, 1, 1],
        "p_host": np.where(np.isnan(hosts.none), np.nan, best.weight),
        "p_none": hosts.none,
        "size": best.radius,
        "offset_x": best.x,
        "offset_y": best.y,
        "cov_xx": best.covariance_pixels[:, 0, 0],
        "cov_xy": best.covariance_pixels[:, 0, 1],
        "cov_yy": best.covariance_pixels[:, 1, 1],
        "size_pixels": best.radius_pixels,
        "pixel": hosts.pixel,
    }
    exact = {"ra", "dec", "host_ra", "host_dec"}
    return {
        name: value.astype(np.float32) if value.dtype == float and name not in exact else value
        for name, value in values.items()
    }


def joined(parts: Sequence[dict[str, NDArray[Any]]]) -> dict[str, NDArray[Any]]:
    """One table of several; identifiers that are all integers become integers."""
    whole = {c.name: np.concatenate([part[c.name] for part in parts]) for c in COLUMNS}
    for name in ("alert_id", "object_id"):
        texts = whole[name]
        if texts.size and all(_is_integer(text) for text in texts):
            whole[name] = np.array([int(text) for text in texts], dtype=np.int64)
    return whole


def _is_integer(text: str) -> bool:
    # Only what an integer would be written as: '007' is a name.
    return (
        text.isdecimal() and text.isascii() and str(int(text[:20])) == text and int(text) < _INT64
    )


def _texts(values: Any) -> NDArray[Any]:
    return np.array([value or "" for value in values], dtype=object)
