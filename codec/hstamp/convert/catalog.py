"""Positions from a table: its columns, their units, and rows that cannot be used."""

from __future__ import annotations

import math
import re
import warnings
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from astropy import units as u
from astropy.coordinates import Angle, SkyCoord
from astropy.io import fits
from astropy.table import Table

from ..errors import InputError, as_hstamp_error
from .image import Position
from .structure import check_structure

__all__ = ["degrees", "positions_of", "read_catalog", "repeated"]

_PAIRS: Final = (("ra", "dec"), ("x", "y"))
_SHOWN: Final = 60
_MAX_TABLES: Final = 20
_LOOKED_AT: Final = 2**20
_LONGEST_LINE: Final = 2**16


def read_catalog(path: Path) -> Any:
    """Read a table of any format that astropy knows.

    Of a FITS file with several tables the first with columns for positions is taken.

    Parameters
    ----------
    path : Path

    Returns
    -------
    Table

    Raises
    ------
    InputError
        If it is not readable as a table.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            with path.open("rb") as stream:
                head = stream.read(_LOOKED_AT)
                is_fits = head.startswith(b"SIMPLE  =")
                if is_fits:
                    check_structure(stream, path.stat().st_size)
                _check_lines(head)
            if is_fits:
                return _fits_table(path)
        except Exception as exc:  # astropy raises almost anything on damaged tables
            raise InputError(f"{path}: {as_hstamp_error(exc).reason}") from exc
        failures: list[Exception] = []
        # First by name and content, then as what a name did not tell.
        for form in (None, "ascii", "votable", "parquet"):
            try:
                return Table.read(path, format=form)
            except Exception as exc:  # readers raise almost anything on what is not theirs
                failures.append(exc)
        why = as_hstamp_error(failures[1]).reason
        raise InputError(f"{path}: not readable as a table: {why}") from failures[1]


def _check_lines(head: bytes) -> None:
    """Refuse text without line breaks: guessing what it is takes the square of a line's length."""
    if b"\0" in head or head.lstrip()[:1] == b"<":
        return
    if max(map(len, head.splitlines()), default=0) > _LONGEST_LINE:
        raise InputError(f"a line of more than {_LONGEST_LINE} bytes: not a table")


def _fits_table(path: Path) -> Any:
    with fits.open(path, memmap=False) as hdus:
        tables = [
            i for i, hdu in enumerate(hdus) if isinstance(hdu, fits.BinTableHDU | fits.TableHDU)
        ]
    found = [Table.read(path, hdu=index) for index in tables[:_MAX_TABLES]]
    if not found:
        raise InputError("this FITS file holds no table")
    for table in found:
        names = {name.lower() for name in table.colnames}
        if any(names >= set(pair) for pair in _PAIRS):
            return table
    return found[0]


def positions_of(table: Any) -> list[Position]:
    """Positions of a table with columns ra and dec, or x and y, and optionally id.

    Parameters
    ----------
    table : Table
        Columns ra and dec are ICRS, in the unit that the column states or else in degrees; text
        may be sexagesimal, then of hours for ra unless the column's unit is another. Columns x
        and y are 0-based pixels. A column of `SkyCoord` does for ra and dec. Names are taken in
        any case.

    Returns
    -------
    list of Position
        One for each row; where a row has no usable value, its `problem` says why.

    Raises
    ------
    InputError
        If it has neither pair of columns, or a column's unit or shape does not fit.
    """
    names = {name.lower(): name for name in reversed(table.colnames)}
    ids = table[names["id"]] if "id" in names else None
    for pair in _PAIRS:
        if names.keys() >= set(pair):
            first, second = (_numbers(table[names[key]], key) for key in pair)
            break
    else:
        sky = next((table[n] for n in table.colnames if isinstance(table[n], SkyCoord)), None)
        if sky is None:
            have = re.sub(r"[^ -~]", "?", ", ".join(table.colnames)[:400])
            raise InputError(f"a catalogue needs columns ra and dec, or x and y; it has {have}")
        pair = ("ra", "dec")
        angles = (sky.icrs.ra.deg, sky.icrs.dec.deg)
        first, second = (_numbers(np.ma.masked_invalid(np.ravel(angle)), "ra") for angle in angles)
    return [
        _position(pair, a, b, None if ids is None else ids[row])
        for row, (a, b) in enumerate(zip(first, second, strict=True))
    ]


def repeated(positions: Sequence[Position]) -> list[str]:
    """Identifiers that more than one position has."""
    counts = Counter(position.id for position in positions if position.id is not None)
    return [name for name, count in counts.items() if count > 1]


def degrees(text: str, sexagesimal: str) -> float:
    """Angle of a text [deg].

    Parameters
    ----------
    text : str
        A number of degrees, or sexagesimal.
    sexagesimal : str
        Unit of the first of sexagesimal numbers: ``hourangle`` or ``deg``.

    Raises
    ------
    InputError
        If it is not a finite angle.
    """
    try:
        value = float(text)
    except ValueError:
        try:
            value = float(Angle(text, unit=sexagesimal).deg)
        except Exception as exc:  # astropy's parser raises many kinds
            raise InputError(f"{text[:_SHOWN]!r} is not an angle") from exc
    if not math.isfinite(value):
        raise InputError(f"{text[:_SHOWN]!r} is not an angle")
    return value


def _position(pair: tuple[str, str], a: float | str, b: float | str, given: Any) -> Position:
    name = None if given is None else _identifier(given)
    note = None if given is None or name is not None else "the catalogue's row has no id"
    for key, value in zip(pair, (a, b), strict=True):
        if isinstance(value, str):
            return Position(id=name, problem=f"{key} {value}")
    a, b = float(a), float(b)
    if pair == ("x", "y"):
        return Position(x=a, y=b, id=name, note=note)
    if not -90.0 <= b <= 90.0:
        return Position(id=name, problem=f"dec {b} is not -90 to 90 degrees")
    return Position(ra=a % 360.0 % 360.0, dec=b, id=name, note=note)


def _identifier(given: Any) -> str | None:
    """Identifier of a row; None where it is masked or blank: the stamp does without."""
    if given is np.ma.masked:
        return None
    text = given.decode("utf-8", "replace") if isinstance(given, bytes) else str(given)
    return text.strip() or None


def _numbers(column: Any, key: str) -> list[float | str]:
    """Values of a column in degrees or pixels; for what is none, what is wrong with it."""
    shape: tuple[int, ...] = getattr(column, "shape", ())
    if len(shape) == 2 and shape[1] == 1:
        # VOTables and FITS tables write single numbers as arrays of one, too.
        column, shape = column[:, 0], shape[:1]
    if len(shape) != 1:
        raise InputError(f"column {key} has shape {shape}: one number a row is needed")
    factor = _factor(getattr(column, "unit", None), key)
    values: list[float | str] = []
    for value in column:
        if value is np.ma.masked:
            values.append("is missing")
            continue
        if isinstance(value, bytes):
            value = value.decode("utf-8", "replace")
        try:
            values.append(_number(getattr(value, "value", value), key, factor))
        except InputError as exc:
            values.append(exc.reason)
    return values


def _number(value: Any, key: str, factor: float | None) -> float:
    if isinstance(value, str):
        text = value.strip()
        if key in ("x", "y"):
            try:
                number = float(text)
            except ValueError:
                raise InputError(f"{text[:_SHOWN]!r} is not a number") from None
        else:
            try:
                number = float(text) * (1.0 if factor is None else factor)
            except ValueError:
                hours = key == "ra" and factor in (None, 15.0)
                number = degrees(text, "hourangle" if hours else "deg")
    else:
        try:
            number = float(value) * (1.0 if factor is None else factor)
        except (TypeError, ValueError):
            raise InputError(f"{str(value)[:_SHOWN]!r} is not a number") from None
    if not math.isfinite(number):
        raise InputError(f"{str(value)[:_SHOWN]!r} is not finite")
    return number


def _factor(unit: Any, key: str) -> float | None:
    """Degrees, or pixels, of a column's unit; None where it states none."""
    text = "" if unit is None else str(unit).strip()
    if not text:
        return None
    lower = text.lower()
    if key in ("x", "y"):
        if lower in ("pix", "pixel", "pixels", "dimensionless"):
            return 1.0
        raise InputError(f"column {key} is in {text[:_SHOWN]!r}, not in pixels")
    if key == "ra" and lower in (
        "h",
        "hr",
        "hour",
        "hours",
        "hourangle",
        "hms",
        "h:m:s",
        '"h:m:s"',
    ):
        return 15.0
    if lower in ("degree", "degrees", "dms", "d:m:s", '"d:m:s"'):
        return 1.0
    if lower in ("radian", "radians"):
        return math.degrees(1.0)
    try:
        return float(u.Unit(text).to(u.deg))
    except Exception as exc:  # units that are none, and units of other things
        raise InputError(f"column {key} is in {text[:_SHOWN]!r}, which is no angle") from exc
