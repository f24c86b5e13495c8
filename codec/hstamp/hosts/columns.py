"""The table of hosts: its columns, their units and what they mean."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..inference.alerts import Alert
from ..inference.columns import IDENTITY, Column, Sheet, identity_of
from .mixture import MAX_CANDIDATES
from .table import HostTable, Positions

__all__ = ["COLUMNS", "HOSTS", "columns_of", "sheet_of"]


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


_OF_CANDIDATES: Final = (
    "host_ra", "host_dec", "offset", "offset_east", "offset_north", "cov_ee", "cov_en", "cov_nn",
    "p_host", "size", "offset_x", "offset_y", "cov_xx", "cov_xy", "cov_yy", "size_pixels",
)  # fmt: skip
"""Columns that further candidates have too, their names followed by ``_2``, ``_3`` and so on."""
_EXACT: Final = ("ra", "dec", "host_ra", "host_dec")


def sheet_of(candidates: int = 1) -> Sheet:
    """Return the table with so many candidates of each alert: the best first, then the others.

    Raises
    ------
    InputError
        If the network gives no such number of candidates.
    """
    if not 1 <= candidates <= MAX_CANDIDATES:
        raise InputError(f"candidates must be 1 to {MAX_CANDIDATES}, not {candidates}")
    known = {column.name: column for column in COLUMNS}
    more = tuple(
        _further(known[name], rank) for rank in range(2, candidates + 1) for name in _OF_CANDIDATES
    )
    return Sheet(HOSTS.name, (*COLUMNS, *more), HOSTS.remark)


def _further(column: Column, rank: int) -> Column:
    ucd = None if column.ucd is None else column.ucd.removesuffix(";meta.main")
    meaning = column.meaning.replace("best host candidate", f"host candidate {rank}")
    meaning = meaning.replace("the best candidate", f"candidate {rank}")
    if meaning == column.meaning:
        meaning += f", of candidate {rank}"
    return Column(f"{column.name}_{rank}", column.unit, ucd, meaning)


def columns_of(
    alerts: Sequence[Alert], hosts: HostTable, candidates: int = 1
) -> dict[str, NDArray[Any]]:
    """Columns of `sheet_of`, for alerts that all have a stamp."""
    best = _candidate(hosts, hosts.best)
    values: dict[str, Any] = {
        **identity_of(alerts),
        "levels": hosts.levels.astype(np.int16),
        "ra": hosts.ra,
        "dec": hosts.dec,
        **best,
        "p_host": np.where(np.isnan(hosts.none), np.nan, best["p_host"]),
        "p_none": hosts.none,
        "pixel": hosts.pixel,
    }
    for rank in range(2, candidates + 1):
        one = hosts.candidates.candidate(rank - 1)
        found = _candidate(hosts, one)
        found["p_host"] = np.where(one.weight > 0, one.weight, np.nan)
        values |= {f"{name}_{rank}": value for name, value in found.items()}
    exact = {name for name in values if name.rstrip("_0123456789") in _EXACT}
    return {
        name: value.astype(np.float32) if value.dtype == float and name not in exact else value
        for name, value in values.items()
    }


def _candidate(hosts: HostTable, one: Positions) -> dict[str, NDArray[Any]]:
    return {
        "host_ra": one.ra,
        "host_dec": one.dec,
        "offset": np.where(np.isnan(one.offset), np.hypot(one.x, one.y) * hosts.pixel, one.offset),
        "offset_east": one.east,
        "offset_north": one.north,
        "cov_ee": one.covariance[:, 0, 0],
        "cov_en": one.covariance[:, 0, 1],
        "cov_nn": one.covariance[:, 1, 1],
        "p_host": one.weight,
        "size": one.radius,
        "offset_x": one.x,
        "offset_y": one.y,
        "cov_xx": one.covariance_pixels[:, 0, 0],
        "cov_xy": one.covariance_pixels[:, 0, 1],
        "cov_yy": one.covariance_pixels[:, 1, 1],
        "size_pixels": one.radius_pixels,
    }
