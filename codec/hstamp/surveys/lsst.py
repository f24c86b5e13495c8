"""LSST's alerts: every cutout has a WCS, so nothing about its place is assumed."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy.typing as npt

from ..errors import InputError
from .protocol import (
    CUTOUT_PATHS,
    Measured,
    Place,
    Record,
    coordinates,
    cutout_bytes,
    integer,
    part,
    real,
    since,
    text,
)

__all__ = ["Lsst"]

_TIMES: Final = ("midpointMjdTai", "midPointTai")
"""Middle of the exposure, TAI; the second name up to schema 4."""
_FLUXES: Final = (("psfFlux", "psfFluxErr"), ("psFlux", "psFluxErr"))
"""PSF flux in the difference and its error [nJy]; the second names up to schema 4."""
_ZERO: Final = 31.4
"""AB magnitude of one nJy."""


@dataclass(frozen=True)
class Lsst:
    """Alerts with a ``diaSource``, of every schema from 1 on (lsst-alert-packet)."""

    name = "LSST"
    pixel = 0.2
    fields = (
        *(f"diaSource.{field}" for field in ("diaSourceId", "diaObjectId", "ssObjectId", "ra")),
        *(f"diaSource.{field}" for field in ("dec", "band", "filterName")),
        *(f"diaSource.{field}" for field in _TIMES),
        *(f"diaSource.{field}" for pair in _FLUXES for field in pair),
        *(f"diaObject.{field}" for field in ("diaObjectId", "firstDiaSourceMjdTai")),
        *CUTOUT_PATHS,
    )

    def mismatch(self, record: Record, schema_name: str | None) -> str | None:
        """Why a record is not LSST's: it has no ``diaSource`` with a ``diaSourceId``."""
        if "diaSource" not in record:
            return "no diaSource"
        if record["diaSource"] is None:
            return "its diaSource is null, so it has no position"
        if integer(part(record, "diaSource").get("diaSourceId")) is None:
            return "its diaSource has no diaSourceId"
        return None

    def identifier(self, record: Record) -> str:
        """``diaSourceId``; that of the alert itself went with schema 7."""
        return str(integer(part(record, "diaSource")["diaSourceId"]))

    def object_id(self, record: Record) -> str | None:
        """``diaObjectId`` or ``ssObjectId``; LSST writes 0 for an object that is not there."""
        source, other = part(record, "diaSource"), part(record, "diaObject")
        for value in (
            source.get("diaObjectId"),
            other.get("diaObjectId"),
            source.get("ssObjectId"),
        ):
            if value:
                return str(value)
        return None

    def band(self, record: Record) -> str | None:
        """``band``, which was ``filterName`` up to schema 4."""
        source = part(record, "diaSource")
        return text(source.get("band")) or text(source.get("filterName"))

    def position(self, record: Record) -> tuple[float, float]:
        """``ra`` and ``dec`` of the ``diaSource`` [deg]."""
        return coordinates(part(record, "diaSource"))

    def mjd(self, record: Record) -> float | None:
        """``midpointMjdTai``, TAI."""
        source = part(record, "diaSource")
        return next((time for time in (real(source.get(f)) for f in _TIMES) if time), None)

    def cutout(self, record: Record, kind: str) -> bytes | None:
        """Bytes of a cutout field."""
        return cutout_bytes(record, kind)

    def place(self, record: Record, shape: tuple[int, int]) -> Place:
        """Refuse: the window of a cutout is in its WCS alone."""
        raise InputError("the cutout has no WCS, so where the source is in it is unknown")

    def measured(self, record: Record) -> Measured:
        """``psfFlux`` and ``psfFluxErr`` of the ``diaSource``, with place, filter and age."""
        source, (ra, dec) = part(record, "diaSource"), self.position(record)
        first = real(part(record, "diaObject").get("firstDiaSourceMjdTai"))
        age = since(first, self.mjd(record))
        found = Measured(self.name, ra=ra, dec=dec, band=self.band(record), age=age)
        for pair in _FLUXES:
            flux, error = (real(source.get(name)) for name in pair)
            if flux and error and error > 0:
                magnitude = _ZERO - 2.5 * math.log10(abs(flux))
                return replace(found, snr=flux / error, magnitude=magnitude)
        return found

    def unusable(self, image: npt.NDArray[Any]) -> None:
        """None: what is missing is NaN."""
        return
