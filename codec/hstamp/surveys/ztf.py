"""ZTF's alerts: where the source lies in a cutout, and how the cutout lies on the sky.

The packet says neither. All conventions here were measured on public alerts (``docs/convert.md``
gives the numbers): a cutout is the window of 63x63 pixels around the pixel nearest to
(xpos, ypos), less what lies beyond the quadrant's edge, and its axes run along xpos and ypos,
which increase to the west and to the south.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from numbers import Real
from typing import Any, Final, Literal

import numpy.typing as npt

from ..errors import InputError
from ..planes import Wcs
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

__all__ = ["BANDS", "MAX_DEC", "PIXEL", "QUADRANT", "REACH", "SIDE", "Orientation", "Ztf"]

Orientation = Literal["auto", "nominal", "none"]

REACH: Final = 31
"""Pixels of a cutout to each side of the one nearest to the source."""
SIDE: Final = 2 * REACH + 1
"""Side of a whole cutout [pixel]."""
QUADRANT: Final = (3072, 3080)
"""Columns and rows of a readout quadrant (Bellm et al. 2019, PASP 131, 018002)."""
PIXEL: Final = 1.012
"""Nominal pixel [arcsec] (Bellm et al. 2019, PASP 131, 018002); 1.0122 to 1.0125 measured."""
BANDS: Final = {1: "g", 2: "r", 3: "i"}
"""Filter of each ``fid``."""
MAX_DEC: Final = 30.0
"""Largest |declination| at which ``auto`` trusts the nominal orientation [deg].

A quadrant lies up to 3.7 deg east or west of its field's centre, so north turns by up to
3.7 deg * tan(dec) against the camera: 2.1 deg at 30 deg, one pixel at the edge of a cutout.
"""

_SIGNS: Final = {"t": 1.0, "1": 1.0, "f": -1.0, "0": -1.0}
_POGSON: Final = 2.5 / math.log(10.0)
"""Error of a magnitude times its signal-to-noise."""
_MJD: Final = 2400000.5
"""Julian date of the beginning of modified Julian dates."""
_OBJECT: Final = re.compile(r"ZTF\d\d[a-z]{7}")
_SCHEMA: Final = re.compile(r"(^|\.)ztf(\.|$)")


@dataclass(frozen=True)
class Ztf:
    """Alerts with a ``candidate`` that ZTF found.

    Parameters
    ----------
    orientation : {"auto", "nominal", "none"}
        When stamps get the nominal orientation: where north is known to about a pixel
        (abs(dec) <= 30 deg), always, or never.
    """

    orientation: Orientation = "auto"

    name = "ZTF"
    pixel = PIXEL
    fields = (
        *("objectId", "objectid", "publisher"),
        *(f"candidate.{field}" for field in ("candid", "fid", "ra", "dec", "xpos", "ypos")),
        *("candidate.jd", "candidate.jdstarthist", "candidate.pdiffimfilename"),
        *("candidate.magpsf", "candidate.sigmapsf", "candidate.isdiffpos"),
        *CUTOUT_PATHS,
    )

    def mismatch(self, record: Record, schema_name: str | None) -> str | None:
        """Why a record is not ZTF's, although other surveys' packets have its form.

        Names decide, the most telling first: that of the object, the publisher (brokers put
        theirs), the schema and the image. WINTER, WIRC and ZUDS, for example, number filters
        and pixels as ZTF does and mean others.
        """
        if "candidate" not in record:
            return "no candidate"
        candidate = part(record, "candidate")
        if integer(candidate.get("candid")) is None:
            return "its candidate has no candid"
        if integer(candidate.get("fid")) not in BANDS:
            return f"its filter, fid {candidate.get('fid')!r}, is none of ZTF's"
        name = record.get("objectId", record.get("objectid"))
        if name is not None:
            named = isinstance(name, str) and _OBJECT.fullmatch(name)
            return None if named else f"of ZTF's form, but its object is {name!r}"
        publisher = text(record.get("publisher"))
        if publisher is not None:
            ours = "ztf" in publisher.lower()
            return None if ours else f"of ZTF's form, but its publisher is {publisher!r}"
        if schema_name is not None:
            ours = _SCHEMA.search(schema_name.lower()) is not None
            return None if ours else f"of ZTF's form, but its schema is {schema_name!r}"
        if (text(candidate.get("pdiffimfilename")) or "").rpartition("/")[2].startswith("ztf_"):
            return None
        return "of ZTF's form, but neither object, publisher, schema nor image says ZTF"

    def identifier(self, record: Record) -> str:
        """``candid``."""
        return str(integer(part(record, "candidate")["candid"]))

    def object_id(self, record: Record) -> str | None:
        """``objectId``."""
        return text(record.get("objectId"))

    def band(self, record: Record) -> str | None:
        """Filter of the ``fid``."""
        return BANDS[int(part(record, "candidate")["fid"])]

    def position(self, record: Record) -> tuple[float, float]:
        """``ra`` and ``dec`` of the ``candidate`` [deg]."""
        return coordinates(part(record, "candidate"))

    def mjd(self, record: Record) -> float | None:
        """``jd``, the beginning of the exposure, UTC."""
        jd = real(part(record, "candidate").get("jd"))
        return None if jd is None else jd - _MJD

    def cutout(self, record: Record, kind: str) -> bytes | None:
        """Bytes of a cutout field, ``stampData`` where it is a record."""
        return cutout_bytes(record, kind)

    def place(self, record: Record, shape: tuple[int, int]) -> Place:
        """Find the source from ``xpos`` and ``ypos``, which are 1-based.

        Raises
        ------
        InputError
            If the cutout is not the window that they give, or they are not in the quadrant.
        """
        candidate = part(record, "candidate")
        x, columns = _along(candidate.get("xpos"), QUADRANT[0], "xpos")
        y, rows = _along(candidate.get("ypos"), QUADRANT[1], "ypos")
        height, width = SIDE - sum(rows), SIDE - sum(columns)
        if shape != (height, width):
            raise InputError(
                f"the cutout has {shape[0]} x {shape[1]} pixels; at xpos {candidate['xpos']:.2f},"
                f" ypos {candidate['ypos']:.2f} ZTF cuts {height} x {width}, so where the source"
                " is in it is unknown"
            )
        return Place(x, y, self._tangent(candidate), (rows, columns))

    def measured(self, record: Record) -> Measured:
        """``magpsf``, ``sigmapsf`` and ``isdiffpos`` (t or 1, f or 0), place, filter and age."""
        candidate = part(record, "candidate")
        magnitude, error = real(candidate.get("magpsf")), real(candidate.get("sigmapsf"))
        sign = _SIGNS.get(str(candidate.get("isdiffpos")).lower())
        ra, dec = coordinates(candidate)
        return Measured(
            self.name,
            sign * _POGSON / error if sign and error and error > 0 else math.nan,
            math.nan if magnitude is None else magnitude,
            ra, dec, self.band(record),
            since(real(candidate.get("jdstarthist")), real(candidate.get("jd"))),
        )  # fmt: skip

    def unusable(self, image: npt.NDArray[Any]) -> None:
        """None: NaN or, in templates, the fill -FLT_MAX stands where there is no image."""
        return

    def _tangent(self, candidate: Record) -> Wcs | None:
        ra, dec = coordinates(candidate)
        if self.orientation == "none" or (self.orientation == "auto" and abs(dec) > MAX_DEC):
            return None
        pixel = PIXEL / 3600.0
        return Wcs(ra, dec, -pixel, 0.0, 0.0, -pixel)


def _along(position: Any, side: int, name: str) -> tuple[float, tuple[int, int]]:
    """0-based place of a position in what is there of its window, and what lacks at each end."""
    if not isinstance(position, Real) or not math.isfinite(float(position)):
        raise InputError("the alert has no xpos, ypos")
    place = float(position)
    nearest = math.floor(place + 0.5)
    if not 1 <= nearest <= side:
        raise InputError(f"{name} {place:.2f} is not in a ZTF quadrant, 1 to {side}")
    before, after = max(1 - (nearest - REACH), 0), max(nearest + REACH - side, 0)
    return REACH - before + (place - nearest), (before, after)
