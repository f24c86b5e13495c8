"""One field: its galaxies, stars and transients, from the field's seed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reference_model.config import StudyConfig
from reference_model.scenes.looks import draw_observations
from reference_model.scenes.observation import Observation
from reference_model.scenes.render import SCALE, Atlas, give_atlas_shapes
from reference_model.sky import relations as rel
from reference_model.sky.galaxies import RATE_SLOPE, Table, draw_field_galaxies
from reference_model.sky.positions import (
    draw_in_light,
    draw_nearby_pairs,
    light_radius_distance,
)
from reference_model.sky.transients import draw_detected

STAR = np.dtype([("x", "f8"), ("y", "f8"), ("r_mag", "f4"), ("flux", "f4")])

#: Strata and kinds, as stored.
DEEP, NEARBY = 0, 1
ON_GALAXY, ON_STAR, NOWHERE = 0, 1, 2

#: Redshifts of the field's own galaxies that hold transients.  Those below `BETWEEN_Z`, which
#: a field has few of, hold this share of them, so that the gap to the nearby stratum is filled.
NEAR_Z, BETWEEN_Z, DEEP_Z, BETWEEN_SHARE = 0.1, 0.2, 2.0, 0.12
#: Faintest transient: about an LSST visit's depth.
TRANSIENT_LIMIT = 24.5

#: Signal-to-noise below which a host counts as not there.
VISIBLE_SNR = 5.0

#: One transient.  host_dx, host_dy: host minus transient in arcsec along the
#: pixel axes; ddlr: offset over the host's light radius in that direction.
TRANSIENT = np.dtype(
    [
        ("x", "f8"), ("y", "f8"), ("stratum", "u1"), ("kind", "u1"), ("host", "i4"),
        ("host_dx", "f4"), ("host_dy", "f4"), ("offset", "f4"), ("ddlr", "f4"),
        ("host_re", "f4"), ("host_q", "f4"), ("host_angle", "f4"), ("host_z", "f4"),
        ("host_r", "f4"), ("host_snr", "f4"), ("visible", "?"), ("transient_r", "f4"),
        ("template_sigma", "f4"), ("visit_sigma", "f4"), ("template_fwhm", "f4"),
        ("template_visits", "i2"),
    ]
)  # fmt: skip


@dataclass(frozen=True)
class FieldTruth:
    """Everything that is known about a field before it is drawn."""

    galaxies: Table
    stars: Table
    transients: Table
    template: Observation
    visit: Observation


def host_snr(galaxies: Any, observation: Observation) -> NDArray[np.float64]:
    """Signal-to-noise of galaxies inside their half-light ellipse, sky noise only."""
    re, q = np.asarray(galaxies["re"], float), np.asarray(galaxies["q"], float)
    area = np.pi * (re**2 * q + (0.5 * observation.fwhm) ** 2) / SCALE**2
    flux = np.asarray(galaxies["flux"], float)
    return np.asarray(0.5 * flux / (observation.sky_sigma * np.sqrt(area)))


#: Least distance (pixels) of a transient from the edge: one pixel of any view.
EDGE_MARGIN = 6.0


def on_field(place: NDArray[np.float64], size: int) -> NDArray[np.bool_]:
    """Whether a transient may lie at a coordinate."""
    return np.asarray((place >= EDGE_MARGIN) & (place < size - 1 - EDGE_MARGIN))


#: Tries to place a host, and to place all hosts of a field.
HOST_TRIES, FIELD_TRIES = 300, 20
#: Scatter of a group's members about its middle, arcsec.
GROUP_RADIUS = 30.0
#: Pixels beyond the edge of a field at which a host may stand.
HOST_MARGIN = 100.0


def _place_nearby(
    rng: np.random.Generator, config: StudyConfig
) -> tuple[Table, NDArray[np.float64], NDArray[np.float64]]:
    """Nearby hosts at positions that keep all their transients inside the field.

    Raises
    ------
    ValueError
        If the field has no room for them.
    """
    hosts, dx, dy = draw_nearby_pairs(rng, config.nearby_hosts, config.per_host)
    for _ in range(FIELD_TRIES):
        if all(_place_one(rng, config, hosts, i, dx[i], dy[i]) for i in range(hosts.size)):
            return hosts, dx, dy
    raise ValueError(
        f"a field of {config.size} pixels has no room for {config.nearby_hosts} hosts "
        f"{config.separation:g} arcsec apart with their transients"
    )


def _place_one(
    rng: np.random.Generator, config: StudyConfig, hosts: Table, i: int,
    dx: NDArray[np.float64], dy: NDArray[np.float64],
) -> bool:  # fmt: skip
    """Place host i among those before it; whether there was room."""
    first = i - i % config.group
    own = np.arange(i) >= first
    # Galaxies of a group may come close, but not stand on each other.
    least = np.where(own, hosts["re"][:i] + hosts["re"][i], config.separation)
    for _ in range(HOST_TRIES):
        if i == first:
            x, y = rng.uniform(-HOST_MARGIN, config.size + HOST_MARGIN, 2)
        else:
            x, y = (float(hosts[axis][first]) + rng.normal(0.0, GROUP_RADIUS / SCALE)
                    for axis in ("x", "y"))  # fmt: skip
        tx, ty = x + dx / SCALE, y + dy / SCALE
        inside = bool((on_field(tx, config.size) & on_field(ty, config.size)).all())
        apart = np.hypot(hosts["x"][:i] - x, hosts["y"][:i] - y) * SCALE
        if inside and (apart > least).all():
            hosts["x"][i], hosts["y"][i] = x, y
            return True
    return False


def _rows(n: int, stratum: int, kind: int) -> Table:
    rows = np.zeros(n, TRANSIENT)
    rows["stratum"], rows["kind"], rows["host"] = stratum, kind, -1
    for name in ("host_dx", "host_dy", "offset", "ddlr", "host_re", "host_q", "host_angle",
                 "host_z", "host_r"):  # fmt: skip
        rows[name] = np.nan
    return rows


def _on_field_galaxies(rng: np.random.Generator, galaxies: Table, config: StudyConfig) -> Table:
    inside = (galaxies["x"] >= 0) & (galaxies["x"] < config.size - 1)
    inside &= (galaxies["y"] >= 0) & (galaxies["y"] < config.size - 1)
    eligible = inside & ~galaxies["nearby"] & (galaxies["z"] > NEAR_Z) & (galaxies["z"] < DEEP_Z)
    weight = np.where(eligible, 10.0 ** (RATE_SLOPE * galaxies["log_mass"].astype(float)), 0.0)
    between = eligible & (galaxies["z"] < BETWEEN_Z)
    if between.any() and config.deep:
        share = weight[between].sum() / weight.sum()
        weight[between] *= BETWEEN_SHARE / (1.0 - BETWEEN_SHARE) * (1.0 - share) / share
    host = rng.choice(galaxies.size, config.deep, True, weight / weight.sum())
    rows = _rows(config.deep, DEEP, ON_GALAXY)
    dx, dy = draw_in_light(rng, galaxies[host])
    rows["host"] = host
    rows["x"], rows["y"] = galaxies["x"][host] + dx / SCALE, galaxies["y"][host] + dy / SCALE
    return rows


def _on_empty_sky(
    rng: np.random.Generator, galaxies: Table, visible: NDArray[np.bool_], config: StudyConfig
) -> Table:
    """Positions more than four light radii from every visible galaxy."""
    seen = galaxies[visible]
    rows = _rows(config.nowhere, DEEP, NOWHERE)
    for row in rows:
        for _attempt in range(500):
            x, y = rng.uniform(20, config.size - 20, 2)
            dx, dy = (x - seen["x"]) * SCALE, (y - seen["y"]) * SCALE
            if (light_radius_distance(dx, dy, seen, 0.3) > 4.0).all():
                break
        row["x"], row["y"] = x, y
    return rows


#: Magnitudes of the stars that transients are placed on, as many at each.
ON_STARS = (13.5, 23.0)


def _even_in_magnitude(
    rng: np.random.Generator, magnitudes: NDArray[np.float64], count: int
) -> NDArray[np.int64]:
    """Numbers of some stars, the bright ones as often as the faint ones."""
    usable = np.flatnonzero((magnitudes > ON_STARS[0]) & (magnitudes < ON_STARS[1]))
    width = np.floor(2.0 * magnitudes[usable])
    share = np.unique(width, return_counts=True)[1][np.unique(width, return_inverse=True)[1]]
    chance = 1.0 / share
    return rng.choice(usable, count, usable.size < count, chance / chance.sum())


def make_field(seed: int, config: StudyConfig, book: Atlas) -> FieldTruth:
    """Draw a field's truth.

    Parameters
    ----------
    seed : int
        The field's own seed.
    config : StudyConfig
    book : Atlas
        Drawings of the split's faint galaxies.
    """
    rng = np.random.default_rng([seed, 1])
    side = config.size * SCALE / 60.0
    hosts, dx, dy = _place_nearby(rng, config)
    # Galaxies reach beyond the edge, so that the field does not end where it is drawn.
    margin = 60
    field = draw_field_galaxies(rng, (side + 2 * margin * SCALE / 60.0) ** 2)
    for axis in ("x", "y"):
        field[axis] = rng.uniform(-margin, config.size + margin, field.size)
    galaxies = np.concatenate([hosts, field])
    give_atlas_shapes(rng, galaxies, book)
    density = float(np.exp(rng.uniform(*np.log(rel.STAR_DENSITY_RANGE))))
    mags = rel.draw_star_magnitudes(rng, side**2, density)
    stars = np.zeros(mags.size, STAR)
    stars["r_mag"], stars["flux"] = mags, rel.to_njy(mags)
    stars["x"], stars["y"] = rng.uniform(0, config.size - 1, (2, mags.size))

    template, visit = draw_observations(seed, config.size)
    snr = host_snr(galaxies, template)
    nearby = _rows(dx.size, NEARBY, ON_GALAXY)
    nearby["host"] = np.repeat(np.arange(config.nearby_hosts), config.per_host)
    nearby["x"] = (hosts["x"][:, None] + dx / SCALE).ravel()
    nearby["y"] = (hosts["y"][:, None] + dy / SCALE).ravel()
    on_star = _rows(config.on_star, DEEP, ON_STAR)
    which = _even_in_magnitude(rng, mags, config.on_star)
    on_star["x"], on_star["y"] = stars["x"][which], stars["y"][which]
    rows = np.concatenate(
        [
            nearby,
            _on_field_galaxies(rng, galaxies, config),
            on_star,
            _on_empty_sky(rng, galaxies, snr > VISIBLE_SNR, config),
        ]
    )
    rows = rows[on_field(rows["x"], config.size) & on_field(rows["y"], config.size)]
    _describe_hosts(rows, galaxies, snr)
    rows["transient_r"] = draw_detected(rng, _redshifts(rng, rows), TRANSIENT_LIMIT)
    rows["template_sigma"], rows["visit_sigma"] = template.sky_sigma, visit.sky_sigma
    rows["template_fwhm"], rows["template_visits"] = template.fwhm, template.visits
    return FieldTruth(galaxies, stars, rows, template, visit)


def _redshifts(rng: np.random.Generator, rows: Table) -> NDArray[np.float64]:
    """Redshift of each transient; one without a host has that of any other."""
    z = np.asarray(rows["host_z"], dtype=float).copy()
    known = np.isfinite(z)
    z[~known] = rng.choice(z[known], int((~known).sum())) if known.any() else 0.3
    return z


def _describe_hosts(rows: Table, galaxies: Table, snr: NDArray[np.float64]) -> None:
    has = np.flatnonzero(rows["host"] >= 0)
    host = galaxies[rows["host"][has]]
    dx, dy = (host["x"] - rows["x"][has]) * SCALE, (host["y"] - rows["y"][has]) * SCALE
    rows["host_dx"][has], rows["host_dy"][has] = dx, dy
    rows["offset"][has] = np.hypot(dx, dy)
    rows["ddlr"][has] = light_radius_distance(-dx, -dy, host)
    rows["host_snr"][has] = snr[rows["host"][has]]
    rows["visible"][has] = snr[rows["host"][has]] > VISIBLE_SNR
    for column, source in (("host_re", "re"), ("host_q", "q"), ("host_angle", "angle"),
                           ("host_z", "z"), ("host_r", "r_mag")):  # fmt: skip
        rows[column][has] = host[source]
