"""What a survey is to the converters: how its alerts are told, and what a stamp needs of them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any, Final, Protocol

import numpy as np
import numpy.typing as npt

from ..alerts.fields import CUTOUT_FIELDS
from ..errors import InputError
from ..planes import Wcs

__all__ = [
    "CUTOUT_PATHS",
    "Measured",
    "Place",
    "Record",
    "Survey",
    "coordinates",
    "cutout_bytes",
    "integer",
    "part",
    "real",
    "since",
    "text",
]

Record = Mapping[str, Any]
"""An alert's fields as an Avro or Parquet library reads them."""

CUTOUT_PATHS: Final = tuple(f"{name}.stampData" for name in CUTOUT_FIELDS.values())
"""Paths of the cutouts, which are bytes (LSST) or records with the field ``stampData`` (ZTF)."""


@dataclass(frozen=True)
class Place:
    """Where the source is in a cutout, and how the cutout lies on the sky.

    Attributes
    ----------
    x, y : float
        Position of the source [pixel, 0-based, centres at integers].
    wcs : Wcs or None
        Tangent plane at the source; None where the orientation is not known.
    lacking : ((int, int), (int, int))
        Rows before and after the cutout, and columns before and after, by which the survey cut
        it short at the edge of a detector. They count as missing pixels of the cutout.
    """

    x: float
    y: float
    wcs: Wcs | None
    lacking: tuple[tuple[int, int], tuple[int, int]] = ((0, 0), (0, 0))


@dataclass(frozen=True)
class Measured:
    """What a packet says of a detection itself; NaN, or no band, where it does not.

    Attributes
    ----------
    survey : str
        Name of the survey whose packet it is.
    snr : float
        Signal-to-noise of the difference's PSF flux, with its sign.
    magnitude : float
        AB magnitude of that flux without its sign.
    ra, dec : float
        ICRS [deg].
    band : str or None
        Filter.
    age : float
        Days since the first detection at this place.
    """

    survey: str
    snr: float = math.nan
    magnitude: float = math.nan
    ra: float = math.nan
    dec: float = math.nan
    band: str | None = None
    age: float = math.nan

    @property
    def brightness(self) -> float:
        """The magnitude of what is brighter than its template; NaN for what is fainter."""
        return self.magnitude if self.snr > 0.0 else math.nan


class Survey(Protocol):
    """One survey's alerts. A survey is a file in this package and a line in its registry.

    All methods raise `InputError` where the alert lacks what they are to return; the error then
    costs the record, or for `cutout`, `place` and `unusable` the one stamp. A survey may have one
    more, ``measured(record) -> Measured``, without which its detections are not known but by their
    images.
    """

    @property
    def name(self) -> str:
        """What messages call the survey."""

    @property
    def pixel(self) -> float | None:
        """Nominal side of a pixel [arcsec], for stamps whose place on the sky is not known."""

    @property
    def fields(self) -> tuple[str, ...]:
        """Paths of the fields that the methods look at, ``diaSource.ra`` for example.

        Readers need to read no others. A path that leads on from a field which is not a record
        stands for that field, and one that leads nowhere for nothing.
        """

    def mismatch(self, record: Record, schema_name: str | None) -> str | None:
        """Why a record is not an alert of this survey; None if it is.

        Parameters
        ----------
        record : mapping
        schema_name : str or None
            Full name of the record in its writer's schema; None where there is none (Parquet).
        """

    def identifier(self, record: Record) -> str:
        """Identifier of the alert."""

    def object_id(self, record: Record) -> str | None:
        """Identifier of the object that the alert belongs to."""

    def band(self, record: Record) -> str | None:
        """Filter of the exposure."""

    def position(self, record: Record) -> tuple[float, float]:
        """Right ascension and declination of the source, ICRS [deg]."""

    def mjd(self, record: Record) -> float | None:
        """Modified Julian date of the exposure, in the survey's own time scale [day]."""

    def cutout(self, record: Record, kind: str) -> bytes | None:
        """Bytes of the cutout of a kind; None where the alert has none."""

    def place(self, record: Record, shape: tuple[int, int]) -> Place:
        """Find the source in a cutout of this shape whose header has no WCS."""

    def unusable(self, image: npt.NDArray[Any]) -> npt.NDArray[np.bool_] | None:
        """Pixels that hold no measurement, besides those that are not finite or hold a fill.

        Fills, of magnitude 1e29 or more, are missing whoever sent them: -1e30 (SExtractor and
        SWarp), -3.4028235e38 (ZTF's templates).
        """


def part(record: Record, name: str) -> Record:
    """Return a record within a record; an empty one where there is none."""
    value = record.get(name)
    return value if isinstance(value, Mapping) else {}


def integer(value: Any) -> int | None:
    """Return an integer as itself and anything else as None."""
    if isinstance(value, bool) or not isinstance(value, Integral):
        return None
    return int(value)


def real(value: Any) -> float | None:
    """Return a finite real number as float and anything else as None."""
    if isinstance(value, bool) or not isinstance(value, Real) or not math.isfinite(value):
        return None
    return float(value)


def since(first: float | None, now: float | None) -> float:
    """Days between two times; NaN where one is not known."""
    return math.nan if first is None or now is None else now - first


def text(value: Any) -> str | None:
    """Return a text as itself, and an empty one or anything else as None."""
    return value if isinstance(value, str) and value else None


def coordinates(source: Record) -> tuple[float, float]:
    """Fields ``ra`` and ``dec`` of a record [deg].

    Raises
    ------
    InputError
        If they are not numbers.
    """
    ra, dec = source.get("ra"), source.get("dec")
    if not isinstance(ra, Real) or not isinstance(dec, Real):
        raise InputError("the alert gives no ra, dec")
    return float(ra), float(dec)


def cutout_bytes(record: Record, kind: str) -> bytes | None:
    """Bytes of a cutout that is a field of bytes, or a record with the field ``stampData``.

    Raises
    ------
    InputError
        If it is neither.
    """
    name = CUTOUT_FIELDS[kind]
    value = record.get(name)
    if isinstance(value, Mapping):
        value = value.get("stampData")
    if value is not None and not isinstance(value, bytes):
        raise InputError(f"{name} is {type(value).__name__}, not bytes")
    return value or None
