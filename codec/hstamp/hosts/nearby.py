"""Odds of a nearby host from how bright a transient is.

A table that stands beside the weights says, for a magnitude and an age, the odds that a
supernova of the sky lies within z < 0.1; ``reference_model.sky.odds`` makes it.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import InputError
from ..inference import weights as shared
from .load import weights_path
from .runtime import prior_of

__all__ = ["NearbyOdds", "load_odds", "nearby_of", "read_odds"]

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class NearbyOdds:
    """The table.

    Attributes
    ----------
    share : float
        Share of nearby ones among all transients of the sky that the table is of.
    magnitudes : ndarray, shape (M,)
        AB, r, rising.
    ages : ndarray, shape (A,)
        Days since the first detection from which a row holds, rising from 0.
    log_odds : ndarray, shape (A, M)
        Natural log of the odds nearby to deep.
    colours : dict
        Magnitude in each band minus that in r.
    """

    share: float
    magnitudes: Floats
    ages: Floats
    log_odds: Floats
    colours: dict[str, float]

    def of(
        self,
        magnitude: ArrayLike,
        band: Sequence[str | None] | None = None,
        age: ArrayLike | None = None,
        share: float | None = None,
    ) -> Floats:
        """Natural log of the odds of each transient.

        Parameters
        ----------
        magnitude : array_like, shape (B,)
            AB; NaN where not known.
        band : sequence of str, optional
            r where it is not one of the table's.
        age : array_like, shape (B,), optional
            Days since the first detection; 0 where not known (NaN).
        share : float, optional
            Share of nearby ones in the stream, where it is not the sky's.

        Returns
        -------
        ndarray, float64, shape (B,)
            NaN where the magnitude is not known.
        """
        bright = np.atleast_1d(np.asarray(magnitude, dtype=np.float64))
        if band is not None:
            names = [(name or "").lower().removeprefix("lsst") for name in band]
            bright = bright - np.array([self.colours.get(name, 0.0) for name in names])
        days = np.zeros_like(bright) if age is None else np.nan_to_num(np.asarray(age, np.float64))
        row = np.clip(np.searchsorted(self.ages, days, side="right") - 1, 0, None)
        out = np.full_like(bright, np.nan)
        for number in np.unique(row):
            some = row == number
            out[some] = np.interp(bright[some], self.magnitudes, self.log_odds[number])
        return out if share is None else out + prior_of(share) - prior_of(self.share)


def read_odds(note: dict[str, Any]) -> NearbyOdds | None:
    """The table in the JSON file beside the weights; None where there is none.

    Raises
    ------
    InputError
        If it is not a table.
    """
    found = note.get("nearby")
    if found is None:
        return None
    try:
        table = NearbyOdds(
            float(found["share"]),
            np.array(found["magnitudes"], dtype=np.float64),
            np.array(found["ages"], dtype=np.float64),
            np.array(found["log_odds"], dtype=np.float64),
            {str(band): float(value) for band, value in found["colours"].items()},
        )
    except (ValueError, KeyError, TypeError, AttributeError) as exc:
        raise InputError(f"not a table of odds: {exc!r}") from exc
    if table.log_odds.shape != (table.ages.size, table.magnitudes.size):
        raise InputError("a table of odds has a row for each age and a column for each magnitude")
    return table


@lru_cache(maxsize=4)
def load_odds(path: Path) -> NearbyOdds:
    """The table beside weights.

    Raises
    ------
    InputError
        If there is none, or it is not readable.
    """
    try:
        found = read_odds(shared.note_of(path))
    except InputError as exc:
        raise InputError(f"{path.with_suffix('.json')}: {exc}") from exc
    if found is None:
        raise InputError(
            f"{path.with_suffix('.json')}: these weights do not say what a magnitude tells"
        )
    return found


def nearby_of(
    magnitude: ArrayLike,
    band: Sequence[str | None] | None = None,
    age: ArrayLike | None = None,
    *,
    share: float | None = None,
    weights: str | os.PathLike[str] | None = None,
) -> Floats:
    """Chance that each transient's host is nearby (z < 0.1), from its brightness.

    Made for ``hstamp.hosts.predict(..., nearby=...)``.

    Parameters
    ----------
    magnitude : array_like, shape (B,)
        AB magnitude of the transient, of its difference image; NaN where not known.
    band : sequence of str, optional
        One of ugrizy; r where not given.
    age : array_like, shape (B,), optional
        Days since it was first detected; NaN where not known.
    share : float, optional
        Share of nearby ones in the whole stream down to 24.5 mag, where it is not the one that
        volumes and rates of supernovae give.
    weights : path-like, optional
        Weights of one's own, whose table it is.

    Returns
    -------
    ndarray, float64, shape (B,)
        Between 0 and 1; NaN where the magnitude is not known.
    """
    found = load_odds(weights_path(weights)).of(magnitude, band, age, share)
    return np.asarray(0.5 + 0.5 * np.tanh(0.5 * found))
