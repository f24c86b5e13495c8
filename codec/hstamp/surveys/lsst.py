"""LSST's alerts: every cutout has a WCS, so nothing about its place is assumed."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final

import numpy.typing as npt

from ..errors import InputError
from .protocol import (
    CUTOUT_PATHS,
    Place,
    Record,
    coordinates,
    cutout_bytes,
    integer,
    part,
    real,
    text,
)

__all__ = ["Lsst"]

_TIMES: Final = ("midpointMjdTai", "midPointTai")
"""Middle of the exposure, TAI; the second name up to schema 4."""
_ZERO: Final = 31.4
"""AB magnitude of 1 nJy."""


@dataclass(frozen=True)
class Lsst:
    """Alerts with a ``diaSource``, of every schema from 1 on (lsst-alert-packet)."""

    name = "LSST"
    pixel = 0.2
    fields = (
        *(f"diaSource.{field}" for field in ("diaSourceId", "diaObjectId", "ssObjectId", "ra")),
        *(f"diaSource.{field}" for field in ("dec", "band", "filterName")),
        *(f"diaSource.{field}" for field in _TIMES),
        "diaObject.diaObjectId",
        *CUTOUT_PATHS,
    )

    photometry = ("diaSource.psfFlux", "diaObject.firstDiaSourceMjdTai")

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

    def brightness(self, record: Record) -> tuple[float | None, float | None]:
        """AB magnitude of a ``psfFlux`` above zero, and days since the first detection."""
        flux, now = real(part(record, "diaSource").get("psfFlux")), self.mjd(record)
        magnitude = _ZERO - 2.5 * math.log10(flux) if flux is not None and flux > 0.0 else None
        first = real(part(record, "diaObject").get("firstDiaSourceMjdTai"))
        return magnitude, None if first is None or now is None else now - first

    def cutout(self, record: Record, kind: str) -> bytes | None:
        """Bytes of a cutout field."""
        return cutout_bytes(record, kind)

    def place(self, record: Record, shape: tuple[int, int]) -> Place:
        """Refuse: the window of a cutout is in its WCS alone."""
        raise InputError("the cutout has no WCS, so where the source is in it is unknown")

    def unusable(self, image: npt.NDArray[Any]) -> None:
        """None: what is missing is NaN."""
        return
