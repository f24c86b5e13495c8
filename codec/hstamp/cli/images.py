"""Options that say where in an image a source lies."""

from __future__ import annotations

import argparse
import sys
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
    group.add_argument(
        "--hdu",
        type=_hdu,
        metavar="HDU",
        help="image HDU: its number, EXTNAME, or EXTNAME,EXTVER (default: the first image)",
    )


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
    from pathlib import Path

    from ..convert.catalog import positions_of, read_catalog, repeated
    from ..convert.image import Position

    if args.catalog is None:
        return (Position(args.ra, args.dec, args.x, args.y, args.id),)
    try:
        found = tuple(positions_of(read_catalog(Path(args.catalog))))
    except InputError as exc:
        if str(args.catalog) in exc.reason:
            raise
        raise InputError(f"{args.catalog}: {exc.reason}") from exc
    twice = repeated(found)
    if twice:
        print(
            f"{args.catalog}: {len(twice)} ids stand more than once, {twice[0]!r} the first",
            file=sys.stderr,
        )
    return found


def _hdu(text: str) -> int | str:
    return int(text) if text.isdecimal() else text


def _ra(text: str) -> float:
    value = _angle(text, "hourangle") % 360.0
    return 0.0 if value == 360.0 else value


def _dec(text: str) -> float:
    value = _angle(text, "deg")
    if not -90.0 <= value <= 90.0:
        raise argparse.ArgumentTypeError("must be -90 to 90 degrees")
    return value


def _angle(text: str, sexagesimal: str) -> float:
    from ..convert.catalog import degrees

    try:
        return degrees(text, sexagesimal)
    except InputError as exc:
        raise argparse.ArgumentTypeError(exc.reason) from exc
