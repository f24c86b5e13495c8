"""What is known of the classes of alerts, as arrays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError

__all__ = ["CLASSES", "ClassTable"]

Floats = NDArray[np.float64]

CLASSES: Final = ("AGN", "SN", "VS", "asteroid", "bogus")
"""The classes, in the order of every array: active galactic nuclei, supernovae, variable stars,
asteroids, and what is no source in the sky."""


@dataclass(frozen=True)
class ClassTable:
    """Classes of B alerts.

    Attributes
    ----------
    ids : tuple of (str or None)
        Identifiers of the stamps of the difference image.
    levels : ndarray, int64, shape (B,)
        Levels of each stamp that were used.
    probabilities : ndarray, float64, shape (B, 5)
        Of the classes in `CLASSES`; NaN where the difference shows nothing.
    """

    ids: tuple[str | None, ...]
    levels: NDArray[np.int64]
    probabilities: Floats

    def __len__(self) -> int:
        return len(self.levels)

    @property
    def names(self) -> NDArray[np.str_]:
        """The most probable class of each alert, shape (B,); empty where nothing is known."""
        known = np.isfinite(self.probabilities).all(axis=1)
        best = np.where(known, np.nan_to_num(self.probabilities).argmax(axis=1), len(CLASSES))
        return np.array((*CLASSES, ""))[best]

    @property
    def best(self) -> Floats:
        """Probability of the most probable class, shape (B,)."""
        return np.asarray(self.probabilities.max(axis=1)) if len(self) else np.empty(0)

    def expecting(self, shares: Mapping[str, float]) -> ClassTable:
        """The same for a stream where the classes have other shares than equal ones.

        By Bayes' rule, as far as alerts of a class look like those of the training.

        Parameters
        ----------
        shares : mapping of str to float
            Of every class; their sum does not matter.

        Raises
        ------
        InputError
            If a class is missing or unknown, or a share is negative, or all are zero.
        """
        if set(shares) != set(CLASSES):
            raise InputError(f"shares must be given of {', '.join(CLASSES)}")
        share = np.array([float(shares[name]) for name in CLASSES])
        if not (np.isfinite(share).all() and (share >= 0).all() and share.sum() > 0):
            raise InputError("shares must be numbers from 0 on, not all of them 0")
        found = self.probabilities * share
        total = found.sum(axis=1, keepdims=True)
        with np.errstate(invalid="ignore", divide="ignore"):
            return replace(self, probabilities=found / total)
