"""Options that say where in an image a source lies."""

from __future__ import annotations

import argparse
from typing import Any

from ..errors import InputError

__all__ = ["add_source", "check_source", "positions"]


def add_source(group: argparse._ArgumentGroup) -> None:
    """Add the options that say where in an image a source lies."""
    group.add_argument("--ra", type=_ra, help="source, ICRS: degrees or 10:26:08.1")
    group.add_argument("--dec", type=_dec, help="source, ICRS: degrees or (with =) --dec=-45:06:05")
    group.add_argument("--x", type=float, help="source column, 0-based")
    group.add_argument("--y", type=float, help="source row, 0-based")
    group.add_argument(
        "--catalog",
        metavar="TABLE",
        help="many sources: any table astropy reads, with columns ra, dec or x, y, and perhaps id",
    )
    group.add_argument("--hdu", type=_hdu, help="image HDU, number or EXTNAME (default: the first)")


def check_source(args: argparse.Namespace) -> None:
    """Refuse combinations of options that say two things, or half of one."""
    error = args.parser.error
    for a, b in (("ra", "dec"), ("x", "y")):
        if (getattr(args, a) is None) != (getattr(args, b) is None):
            error(f"--{a} and --{b} go together")
    ways = (args.ra is not None) + (args.x is not None) + (args.catalog is not None)
    if ways > 1:
        error("give one of --ra --dec, --x --y and --catalog")
    if args.catalog is not None and args.id is not None:
        error("--id names one stamp; a catalogue has a column id")


def positions(args: argparse.Namespace) -> tuple[Any, ...]:
    """Positions that the options name, or their catalogue holds.

    Raises
    ------
    InputError
        If the catalogue cannot be read.
    """
    from ..convert.image import Position, positions_of

    if args.catalog is None:
        return (Position(args.ra, args.dec, args.x, args.y, args.id),)
    from astropy.table import Table

    try:
        table = Table.read(args.catalog)
    except Exception:  # the format could not be told from the name or content
        try:
            table = Table.read(args.catalog, format="ascii")
        except Exception as exc:
            raise InputError(f"{args.catalog}: not readable as a table: {exc}") from exc
    return tuple(positions_of(table))


def _hdu(text: str) -> int | str:
    return int(text) if text.isdigit() else text


def _ra(text: str) -> float:
    value = _angle(text, "hourangle") % 360.0
    return 0.0 if value == 360.0 else value


def _dec(text: str) -> float:
    value = _angle(text, "deg")
    if not -90.0 <= value <= 90.0:
        raise argparse.ArgumentTypeError("must be -90 to 90 degrees")
    return value


def _angle(text: str, sexagesimal: str) -> float:
    from math import isfinite

    try:
        value = float(text)
    except ValueError:
        from astropy.coordinates import Angle

        try:
            value = float(Angle(text, unit=sexagesimal).deg)
        except Exception as exc:
            raise argparse.ArgumentTypeError(f"{text!r} is not an angle") from exc
    if not isfinite(value):
        raise argparse.ArgumentTypeError(f"{text!r} is not an angle")
    return value
