"""What is injected: magnitudes, motions and places of the classes of sources."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from reference_model.classes.sky import Scene
from reference_model.classes.surveys import SCENE_PIXEL, Look
from reference_model.sky import relations as rel
from reference_model.sky.galaxies import RATE_SLOPE
from reference_model.sky.positions import draw_in_light

#: Supernovae in a volume: Li et al. 2011 (MNRAS 412, 1441), table 7 with figure 11 (all types:
#: Ia 24 %, Ibc 19 %, II 57 %); peak magnitudes and scatter: Richardson et al. 2014 (AJ 147,
#: 118), table 1, brought to H0 = 67.7; decline per day after the peak, read off their curves.
SUPERNOVAE = (
    (0.24, -19.3, 0.5, 0.055),
    (0.19, -17.5, 1.1, 0.050),
    (0.57, -16.9, 1.0, 0.012),
)
#: Days from the peak at which a supernova may be seen.
PHASES = (-14.0, 60.0)
#: Main-belt asteroids near opposition move by half an arcsecond a minute; one in ten is fast.
RATE, RATE_SCATTER, FAST_SHARE, FAST = 0.5, 0.35, 0.1, (1.5, 30.0)
#: Seconds of an exposure, both surveys.
EXPOSURE = 30.0
#: Variability of AGN between template and alert, mag: structure functions of quasars reach 0.3
#: (MacLeod et al. 2010, ApJ 721, 1014), blazars twice and more.
AGN_SCATTER = (0.2, 0.8)


@dataclass(frozen=True)
class Source:
    """A source to be injected.

    Attributes
    ----------
    x, y : float
        Scene pixels.
    template_flux, science_flux : float
        nJy in the two images.
    trail : tuple of float
        Way during the exposure, arcsec.
    """

    x: float
    y: float
    template_flux: float
    science_flux: float
    trail: tuple[float, float] = (0.0, 0.0)


def draw_source(
    rng: np.random.Generator, which: str, scene: Scene, inside: tuple[float, float],
    looks: tuple[Look, Look],
) -> Source | None:  # fmt: skip
    """A source of a class ('AGN', 'SN', 'VS' or 'asteroid'), or None where none was found.

    Parameters
    ----------
    rng : Generator
    which : str
    scene : Scene
    inside : tuple of float
        Scene pixels that sources lie between, along both axes.
    looks : tuple of Look
        Template and science image.
    """
    return {"AGN": _agn, "SN": _supernova, "VS": _star, "asteroid": _asteroid}[which](
        rng, scene, inside, looks
    )


def _flux(mag: float) -> float:
    return float(rel.to_njy(np.array(mag)))


def _anywhere(rng: np.random.Generator, inside: tuple[float, float]) -> tuple[float, float]:
    x, y = rng.uniform(*inside, 2)
    return float(x), float(y)


def _asteroid(
    rng: np.random.Generator, scene: Scene, inside: tuple[float, float], looks: tuple[Look, Look]
) -> Source:
    del scene
    # Counts rise by 10**(0.3 m): Gladman et al. 2009 (Icarus 202, 104).
    u = rng.uniform()
    mag = looks[1].limit - 5.0 + np.log10(1.0 + u * (10.0 ** (0.3 * 5.2) - 1.0)) / 0.3
    rate = RATE * np.exp(rng.normal(0.0, RATE_SCATTER))
    if rng.uniform() < FAST_SHARE:
        rate = np.exp(rng.uniform(*np.log(FAST)))
    angle = rng.uniform(0.0, 2.0 * np.pi)
    way = min(rate * EXPOSURE / 60.0, 12.0 * looks[1].fwhm)
    x, y = _anywhere(rng, inside)
    trail = (float(way * np.cos(angle)), float(way * np.sin(angle)))
    return Source(x, y, 0.0, _flux(float(mag)), trail)


def _star(
    rng: np.random.Generator, scene: Scene, inside: tuple[float, float], looks: tuple[Look, Look]
) -> Source:
    del scene
    limit, x, y = looks[1].limit, *_anywhere(rng, inside)
    if rng.uniform() < 0.12:  # an outburst or flare of a star that the template hardly shows
        quiet = looks[0].limit + rng.uniform(-2.0, 3.0)
        return Source(x, y, _flux(quiet), _flux(min(quiet, limit + 0.5) - rng.exponential(1.5)))
    mean = limit - rng.uniform(0.3, 6.5)
    # Pulsators, binaries and long-period variables: mostly some tenths, sometimes magnitudes.
    change = rng.choice([-1.0, 1.0]) * min(0.02 + rng.exponential(0.35), 3.0)
    return Source(x, y, _flux(mean), _flux(mean + change))


def _agn(
    rng: np.random.Generator, scene: Scene, inside: tuple[float, float], looks: tuple[Look, Look]
) -> Source | None:
    limit = looks[0].limit
    change = rng.normal(0.0, np.exp(rng.uniform(*np.log(AGN_SCATTER))))
    if rng.uniform() < 0.5:  # a quasar or blazar that outshines its galaxy
        mean = limit - rng.uniform(0.0, 4.0)
        x, y = _anywhere(rng, inside)
        return Source(x, y, _flux(mean), _flux(mean + change))
    table = scene.galaxies
    eligible = _inside(table, inside) & (table["log_mass"] > 9.8)
    eligible &= table["r_mag"] < limit - 0.3
    if not eligible.any():
        return None
    # More massive galaxies are more often active: Kauffmann et al. 2003 (MNRAS 346, 1055).
    weight = np.where(eligible, 10.0 ** (0.5 * (table["log_mass"].astype(float) - 10.0)), 0.0)
    row = table[rng.choice(table.size, p=weight / weight.sum())]
    mean = float(row["r_mag"]) + rng.uniform(-0.5, 3.0)
    jitter = rng.normal(0.0, 0.03 / SCENE_PIXEL, 2)
    return Source(
        float(row["x"] + jitter[0]), float(row["y"] + jitter[1]), _flux(mean), _flux(mean + change)
    )


def _supernova(
    rng: np.random.Generator, scene: Scene, inside: tuple[float, float], looks: tuple[Look, Look]
) -> Source | None:
    table = scene.galaxies
    # Nothing farther would be bright enough.
    reach = looks[1].limit + 20.0
    eligible = _inside(table, inside) & (rel.distance_modulus(table["z"].astype(float)) < reach)
    if not eligible.any():
        return None
    weight = np.where(eligible, 10.0 ** (RATE_SLOPE * (table["log_mass"].astype(float) - 10)), 0.0)
    hosts = rng.choice(table.size, 60, p=weight / weight.sum())
    share = np.array([row[0] for row in SUPERNOVAE])
    for host in hosts:
        _, peak, scatter, decline = SUPERNOVAE[rng.choice(len(SUPERNOVAE), p=share / share.sum())]
        day = rng.uniform(*PHASES)
        fade = 1.6 * (day / PHASES[0]) ** 2 if day < 0 else decline * min(day, 30.0)
        fade += 0.015 * max(day - 30.0, 0.0)
        row = table[host : host + 1]
        mag = peak + rng.normal(0.0, scatter) + fade
        mag += float(rel.distance_modulus(row["z"].astype(float))[0])
        if mag > looks[1].limit + 0.1:
            continue
        dx, dy = draw_in_light(rng, row)
        x, y = float(row["x"][0] + dx[0] / SCENE_PIXEL), float(row["y"][0] + dy[0] / SCENE_PIXEL)
        if inside[0] <= x < inside[1] and inside[0] <= y < inside[1]:
            # The template of a slow one may hold some of its light.
            return Source(x, y, 0.0, _flux(mag))
    return None


def _inside(table: np.ndarray, inside: tuple[float, float]) -> np.ndarray:
    low, high = inside
    found = (table["x"] > low) & (table["x"] < high) & (table["y"] > low) & (table["y"] < high)
    return np.asarray(found)
