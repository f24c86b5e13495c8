"""How well answers agree with hosts that are known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ..layout import layout_of
from ..tangent import gnomonic
from .table import HostTable

__all__ = [
    "Answers",
    "Score",
    "Share",
    "Summary",
    "Truth",
    "answers_of",
    "answers_of_columns",
    "score",
    "summarise",
    "wilson",
]

Floats = NDArray[np.float64]

PIXELS: Final = 2.0
"""An answer within this many base pixels of the host points at it."""
REGIONS: Final = (0.68, 0.95)
_NORMAL: Final = 1.959964
"""Standard deviations of a normal distribution that hold 95 %."""
_DRAWS: Final = 256
"""Points of each candidate's Gaussian by which the content of a region is counted."""
_AT_ONCE: Final = 512


@dataclass(frozen=True)
class Answers:
    """What was said of B alerts, with K candidates each.

    Attributes
    ----------
    ra, dec : ndarray, float64, shape (B,)
        Sources, ICRS [deg].
    pixel : ndarray, float64, shape (B,)
        Side of a base pixel [arcsec].
    levels : ndarray, int64, shape (B,)
        Levels that were looked at.
    none : ndarray, float64, shape (B,)
        P(none); NaN where nothing was said.
    weight, east, north : ndarray, float64, shape (B, K)
        Candidates, best first: probability, and host minus source in the tangent plane at the
        source [arcsec].
    covariance : ndarray, float64, shape (B, K, 2, 2)
        Of (east, north) [arcsec**2].
    """

    ra: Floats
    dec: Floats
    pixel: Floats
    levels: NDArray[np.int64]
    none: Floats
    weight: Floats
    east: Floats
    north: Floats
    covariance: Floats


@dataclass(frozen=True)
class Truth:
    """What is known of B alerts.

    Attributes
    ----------
    ra, dec : ndarray, float64, shape (B,)
        Hosts, ICRS [deg]; NaN where the host is not known or there is none.
    none : ndarray of bool, shape (B,)
        Whether it is known that no host can be seen.
    """

    ra: Floats
    dec: Floats
    none: NDArray[np.bool_]


@dataclass(frozen=True)
class Score:
    """Answers against the truth, alert by alert: arrays of shape (B,).

    Attributes
    ----------
    offset : ndarray, float64
        True host from the source [arcsec]; NaN where it is not known.
    error : ndarray, float64
        Best candidate from the true host [arcsec]; infinite where nothing was said.
    pixel : ndarray, float64
        Side of a base pixel [arcsec].
    inside : ndarray of bool
        Whether the true host lies in the stamp.
    content : ndarray, float64
        Probability, given that there is a host, of the smallest region of the candidates that
        holds the true one: below 0.68 for 68 % of the hosts if the regions are right.
    none : ndarray, float64
        P(none), and 0.5 where nothing was said.
    hostless : ndarray, float64
        What P(none) should have been: 1 without a host in the stamp, 0 with one; NaN where
        that is not known.
    """

    offset: Floats
    error: Floats
    pixel: Floats
    inside: NDArray[np.bool_]
    content: Floats
    none: Floats
    hostless: Floats

    def of(self, some: NDArray[np.bool_]) -> Score:
        """The same of some of the alerts."""
        return Score(**{f.name: getattr(self, f.name)[some] for f in fields(self)})


@dataclass(frozen=True)
class Share:
    """A share with its 95 % interval, and of how many objects."""

    value: float
    low: float
    high: float
    n: int

    def __str__(self) -> str:
        if not self.n:
            return "-"
        return f"{100 * self.value:.0f} % ({100 * self.low:.0f}-{100 * self.high:.0f})"


@dataclass(frozen=True)
class Summary:
    """A score in a few numbers; every object counts once, as the mean of its alerts.

    Attributes
    ----------
    within_pixels : Share
        Hosts with an error of at most `PIXELS` base pixels.
    within_arcsec : Share
        Hosts with an error of at most 1 arcsec or one pixel, whichever is more.
    median : float
        Of the error [arcsec].
    regions : tuple of Share
        Hosts in the stamp that lie in the regions of `REGIONS`.
    brier : float
        Mean squared error of P(none); NaN where nothing is known of hostless alerts.
    brier_constant : float
        The same of the best constant, which is the share of hostless objects.
    hosts, hostless : int
        Objects.
    """

    within_pixels: Share
    within_arcsec: Share
    median: float
    regions: tuple[Share, ...]
    brier: float
    brier_constant: float
    hosts: int
    hostless: int


def answers_of(hosts: HostTable) -> Answers:
    """What `hstamp.hosts.predict` said."""
    found = hosts.candidates
    return Answers(
        hosts.ra,
        hosts.dec,
        hosts.pixel,
        hosts.levels,
        hosts.none,
        found.weight,
        found.east,
        found.north,
        found.covariance,
    )


def answers_of_columns(columns: Mapping[str, Any]) -> Answers:
    """What a table of ``hstamp hosts`` says, which holds the best candidates alone.

    Parameters
    ----------
    columns : mapping of str to array_like, shape (B,)
        By the names of `hstamp.hosts.columns.COLUMNS`; what is not known is NaN.
    """

    def read(name: str) -> Floats:
        return np.asarray(columns[name], dtype=np.float64)

    ee, en, nn = (read(name) for name in ("cov_ee", "cov_en", "cov_nn"))
    covariance = np.stack([np.stack([ee, en], axis=-1), np.stack([en, nn], axis=-1)], axis=-2)
    return Answers(
        read("ra"),
        read("dec"),
        read("pixel"),
        np.asarray(columns["levels"], dtype=np.int64),
        read("p_none"),
        np.nan_to_num(read("p_host"))[:, None],
        read("offset_east")[:, None],
        read("offset_north")[:, None],
        covariance[:, None],
    )


def score(answers: Answers, truth: Truth) -> Score:
    """Compare answers with the truth, row by row."""
    with np.errstate(invalid="ignore"):
        xi, eta = gnomonic(truth.ra, truth.dec, answers.ra, answers.dec)
    east, north = 3600.0 * xi, 3600.0 * eta
    offset = np.hypot(east, north)
    sides = np.array([layout_of(int(n)).side for n in answers.levels], dtype=np.float64)
    inside = offset <= answers.pixel * sides / 2.0
    error = np.hypot(answers.east[:, 0] - east, answers.north[:, 0] - north)
    said = answers.weight[:, 0] > 0
    known = np.isfinite(offset)
    return Score(
        offset=offset,
        error=np.where(known, np.where(said, error, np.inf), np.nan),
        pixel=answers.pixel,
        inside=inside,
        content=_contents(answers, east, north),
        none=np.where(np.isfinite(answers.none), answers.none, 0.5),
        hostless=np.where(truth.none, 1.0, np.where(known, ~inside, np.nan)),
    )


def summarise(found: Score, objects: Sequence[Any] | NDArray[Any] | None = None) -> Summary:
    """A score in a few numbers.

    Parameters
    ----------
    found : Score
    objects : sequence or ndarray, length B, optional
        Whose alert each is: alerts of one object are not independent, and count once together.
        By default every alert is an object of its own.
    """
    names = np.arange(len(found.error)) if objects is None else np.asarray(objects)
    known, judged = np.isfinite(found.offset), np.isfinite(found.hostless)
    limit = np.maximum(1.0, found.pixel)
    seen = known & found.inside & np.isfinite(found.content)
    per_object = _means(found.hostless[judged], names[judged])
    squares = _means((found.none[judged] - found.hostless[judged]) ** 2, names[judged])
    constant = float(per_object.mean()) if per_object.size else np.nan
    return Summary(
        within_pixels=_share(found.error <= PIXELS * found.pixel, known, names),
        within_arcsec=_share(found.error <= limit, known, names),
        median=float(np.median(found.error[known])) if known.any() else np.nan,
        regions=tuple(_share(found.content <= part, seen, names) for part in REGIONS),
        brier=float(squares.mean()) if squares.size else np.nan,
        brier_constant=float(((per_object - constant) ** 2).mean()) if squares.size else np.nan,
        hosts=int(np.unique(names[known]).size),
        hostless=int(np.unique(names[judged & (found.hostless == 1.0)]).size),
    )


def wilson(value: float, n: int) -> Share:
    """A share of n with Wilson's interval (Wilson 1927, J. Am. Stat. Assoc. 22, 209), 95 %."""
    if not n:
        return Share(np.nan, np.nan, np.nan, 0)
    square = _NORMAL**2 / n
    middle = (value + square / 2.0) / (1.0 + square)
    half = np.sqrt(square * (value * (1.0 - value) + square / 4.0)) / (1.0 + square)
    return Share(value, max(float(middle - half), 0.0), min(float(middle + half), 1.0), n)


def _share(yes: NDArray[np.bool_], some: NDArray[np.bool_], names: NDArray[Any]) -> Share:
    values = _means(yes[some].astype(np.float64), names[some])
    return wilson(float(values.mean()) if values.size else np.nan, values.size)


def _means(values: Floats, names: NDArray[Any]) -> Floats:
    """Mean of each object, in the order of their names."""
    if not values.size:
        return np.zeros(0)
    _, index = np.unique(names, return_inverse=True)
    return np.asarray(np.bincount(index, values) / np.bincount(index))


def _contents(answers: Answers, east: Floats, north: Floats) -> Floats:
    out = np.full(len(east), np.nan)
    usable = np.flatnonzero((answers.weight[:, 0] > 0) & np.isfinite(east + answers.east[:, 0]))
    unit = _unit_points(_DRAWS)
    for start in range(0, usable.size, _AT_ONCE):
        rows = usable[start : start + _AT_ONCE]
        weight = np.where(answers.weight[rows] > 0, answers.weight[rows], 0.0)
        there = (weight > 0)[..., None]
        mean = np.stack([answers.east[rows], answers.north[rows]], axis=-1)
        mean = np.where(there, mean, 0.0)
        covariance = np.where(there[..., None], answers.covariance[rows], np.eye(2))
        factor = np.linalg.cholesky(covariance)
        points = mean[:, :, None] + np.einsum("bkij,pj->bkpi", factor, unit)
        at = _density(points.reshape(len(rows), -1, 2), weight, mean, factor)
        host = np.stack([east[rows], north[rows]], axis=-1)[:, None]
        higher = at > _density(host, weight, mean, factor)
        share = higher.reshape(*weight.shape, _DRAWS).mean(axis=2)
        out[rows] = (share * weight).sum(axis=1) / weight.sum(axis=1)
    return out


def _unit_points(count: int) -> Floats:
    """Points (count, 2) that share a unit Gaussian evenly.

    Radii hold equal parts of it; angles advance by the golden angle (Vogel 1979, Math.
    Biosci. 44, 179).
    """
    number = np.arange(count)
    radius = np.sqrt(-2.0 * np.log1p(-(number + 0.5) / count))
    angle = number * np.pi * (3.0 - np.sqrt(5.0))
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=-1)


def _density(points: Floats, weight: Floats, mean: Floats, factor: Floats) -> Floats:
    """Density (B, P) of mixtures at points (B, P, 2), up to a factor common to a mixture."""
    away = points[:, :, None] - mean[:, None]
    u = away[..., 0] / factor[:, None, :, 0, 0]
    v = (away[..., 1] - factor[:, None, :, 1, 0] * u) / factor[:, None, :, 1, 1]
    norm = weight / (factor[..., 0, 0] * factor[..., 1, 1])
    return np.asarray((norm[:, None] * np.exp(-0.5 * (u * u + v * v))).sum(axis=2))
