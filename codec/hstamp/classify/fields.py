"""What a packet says of a detection, as numbers, and the small linear head that looks at them.

None of them makes a label of the training: no star-galaxy score, no distance to a catalogued star
or a known asteroid, no real-bogus score, no history of detections.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ..surveys import Measured
from .table import CLASSES

__all__ = ["FIELDS", "FieldHead", "features"]

Floats = NDArray[np.float64]

FIELDS: Final = ("snr", "sign", "magnitude", "galactic", "ecliptic", "g", "r", "i", "said")
"""Columns of `features`: logarithm (base 10) of the signal-to-noise, sign of the difference, its
magnitude, sine of the galactic and of the ecliptic latitude without their signs, whether the
filter is g, r or i, and one where the packet says any of it."""

_POLE: Final = np.radians((192.85948, 27.12825))
"""North pole of the Galaxy, ICRS (ESA 1997, The Hipparcos Catalogue, Vol. 1, Section 1.5.3)."""
_OBLIQUITY: Final = np.radians(23.4392911)
"""Of the ecliptic at J2000 (same place)."""


def features(measured: Sequence[Measured]) -> Floats:
    """Numbers of detections.

    Parameters
    ----------
    measured : sequence of Measured

    Returns
    -------
    ndarray, float64, shape (B, 9)
        Columns as in `FIELDS`; NaN where the packet does not say.
    """
    snr, magnitude, ra, dec = np.array(
        [(one.snr, one.magnitude, one.ra, one.dec) for one in measured], dtype=np.float64
    ).reshape(-1, 4).T  # fmt: skip
    a, d = np.radians(ra), np.radians(dec)
    galactic = np.sin(d) * np.sin(_POLE[1]) + np.cos(d) * np.cos(_POLE[1]) * np.cos(a - _POLE[0])
    ecliptic = np.sin(d) * np.cos(_OBLIQUITY) - np.cos(d) * np.sin(_OBLIQUITY) * np.sin(a)
    with np.errstate(divide="ignore", invalid="ignore"):
        size = np.where(snr != 0, np.log10(np.abs(snr)), np.nan)
    bands = [
        [np.nan if one.band is None else float(one.band == name) for one in measured]
        for name in FIELDS[5:8]
    ]
    found = np.stack(
        [size, np.where(snr != 0, np.sign(snr), np.nan), magnitude, np.abs(galactic),
         np.abs(ecliptic), *np.array(bands, dtype=np.float64).reshape(3, -1)],
        axis=1,
    )  # fmt: skip
    said = np.where(np.isfinite(found).any(axis=1), 1.0, np.nan)
    return np.concatenate([found, said[:, None]], axis=1)


@dataclass(frozen=True)
class FieldHead:
    """A linear head: what is known adds to the logarithms of the probabilities.

    Attributes
    ----------
    survey : str
        Survey whose alerts it was trained on; of others it says nothing.
    middle, scale : ndarray, shape (9,)
        What is taken off each number, and what it is then divided by.
    weights : ndarray, shape (9, 5)
        Of each number for each class; of one that is not known, nothing.
    """

    survey: str
    middle: Floats
    scale: Floats
    weights: Floats

    @classmethod
    def of(cls, note: Mapping[str, Any]) -> FieldHead:
        """Head that `note` wrote.

        Raises
        ------
        KeyError, TypeError, ValueError
            If it is none.
        """
        if tuple(note["fields"]) != FIELDS or tuple(note["classes"]) != CLASSES:
            raise ValueError(f"fields {note['fields']} and classes {note['classes']} are others")
        middle, scale, weights = (
            np.array(note[name], dtype=np.float64) for name in ("middle", "scale", "weights")
        )
        shapes = (middle.shape, scale.shape, weights.shape)
        if shapes != ((len(FIELDS),), (len(FIELDS),), (len(FIELDS), len(CLASSES))):
            raise ValueError(f"middle, scale and weights have the shapes {shapes}")
        if not (np.isfinite(weights).all() and np.isfinite(middle).all() and (scale > 0).all()):
            raise ValueError("middle, scale or weights are no finite numbers")
        return cls(str(note["survey"]), middle, scale, weights)

    def note(self) -> dict[str, Any]:
        """The head as JSON holds it."""
        return {
            "survey": self.survey, "fields": list(FIELDS), "classes": list(CLASSES),
            "middle": self.middle.round(6).tolist(), "scale": self.scale.round(6).tolist(),
            "weights": self.weights.round(6).tolist(),
        }  # fmt: skip

    def logits(self, numbers: Floats) -> Floats:
        """What `features` (B, 9) add to the logarithms of the probabilities, shape (B, 5)."""
        return np.asarray(np.nan_to_num((numbers - self.middle) / self.scale) @ self.weights)
