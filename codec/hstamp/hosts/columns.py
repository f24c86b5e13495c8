"""The table of hosts: its columns, their units and what they mean."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ..inference.alerts import Alert
from ..inference.columns import IDENTITY, Column, Sheet, identity_of
from .table import HostTable

__all__ = ["COLUMNS", "HOSTS", "columns_of"]


COLUMNS: Final = (
    *IDENTITY,
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

HOSTS: Final = Sheet(
    "hosts",
    COLUMNS,
    "Host candidates by the hstamp reference model, trained on a simulated sky:"
    " probabilities and covariances are those of that simulation.",
)


def columns_of(alerts: Sequence[Alert], hosts: HostTable) -> dict[str, NDArray[Any]]:
    """Columns of the best candidates of alerts that all have a stamp."""
    best = hosts.best
    values: dict[str, Any] = {
        **identity_of(alerts),
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
