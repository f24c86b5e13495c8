"""Whether a transient's host has company: brighter galaxies in the wide image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from reference_model.config import ISOLATED, StudyConfig
from reference_model.scenes.dataset import fields
from reference_model.scenes.fields import Field
from reference_model.scenes.place import NEARBY, ON_GALAXY
from reference_model.scenes.render import SCALE
from reference_model.sky.relations import cumulative_counts

#: Half the side of the box that is searched, arcsec: DELIGHT's image.
HALF_BOX = 60.0


def brighter_neighbours(field: Field) -> NDArray[np.int32]:
    """Galaxies brighter than the true host in the box around each transient.

    Parameters
    ----------
    field : Field

    Returns
    -------
    ndarray of int32, shape (n,)
        Apparent r magnitudes are compared; -1 where there is no host.
    """
    rows, galaxies = np.asarray(field.load("transients")), np.asarray(field.load("galaxies"))
    out = np.full(rows.size, -1, np.int32)
    with_host = np.flatnonzero(rows["host"] >= 0)
    if not with_host.size:
        return out
    faintest = galaxies["r_mag"][rows["host"][with_host]].max()
    some = galaxies[galaxies["r_mag"] < faintest]
    reach = HALF_BOX / SCALE
    for i in with_host:
        near = np.abs(some["x"] - rows["x"][i]) < reach
        near &= np.abs(some["y"] - rows["y"][i]) < reach
        out[i] = np.count_nonzero(near & (some["r_mag"] < galaxies["r_mag"][rows["host"][i]]))
    return out


@dataclass(frozen=True)
class Company:
    """How many nearby transients have a galaxy brighter than their host around them.

    Attributes
    ----------
    simulated : float
        Share of the transients.
    counted : float
        Share that the number counts give at random places: the mean over
        transients of the Poisson chance of one galaxy or more.
    n : int
        Transients.
    """

    simulated: float
    counted: float
    n: int


def company(root: Path, config: StudyConfig, splits: Sequence[str] = ISOLATED) -> Company:
    """Count it over some splits; NaN where there is no nearby transient."""
    found, chance = [np.zeros(0, bool)], [np.zeros(0)]
    area = (2.0 * HALF_BOX / 60.0) ** 2
    for split in splits:
        for field in fields(root, config, split):
            rows, galaxies = np.asarray(field.load("transients")), field.load("galaxies")
            near = (rows["kind"] == ON_GALAXY) & (rows["stratum"] == NEARBY)
            if not near.any():
                continue
            found.append(brighter_neighbours(field)[near] > 0)
            i_mag = np.asarray(galaxies["i_mag"][rows["host"][near]], dtype=float)
            chance.append(1.0 - np.exp(-cumulative_counts(i_mag) * area))
    every, random = np.concatenate(found), np.concatenate(chance)
    if not every.size:
        return Company(np.nan, np.nan, 0)
    return Company(float(every.mean()), float(random.mean()), every.size)
