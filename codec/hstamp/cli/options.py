"""Pieces that several commands share."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..errors import InputError
from .streams import STDIN, input_path, output_path
from .terminal import Progress

__all__ = [
    "Progress",
    "add_selection",
    "command",
    "existing_files",
    "input_path",
    "is_folder",
    "output_path",
    "selected",
]


def command(
    subparsers: Any, name: str, summary: str, description: str, examples: str
) -> argparse.ArgumentParser:
    """Add a subcommand with its help text."""
    parser: argparse.ArgumentParser = subparsers.add_parser(
        name,
        help=summary,
        description=description,
        epilog=f"examples:\n{examples}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    return parser


def is_folder(out: str) -> bool:
    """Whether an output argument means a folder: it is one, or ends with a separator."""
    if out == STDIN:
        return False
    return out.endswith(("/", os.sep)) or Path(out).is_dir()


def existing_files(paths: list[str]) -> list[Path]:
    """Files of the arguments; folders stand for the files in them, ``-`` for standard input.

    Raises
    ------
    InputError
        If an argument does not exist, or there are no files.
    """
    from ..convert.job import expand

    files = list(expand([input_path(path) for path in paths]))
    if not files:
        raise InputError(f"no files in {', '.join(paths)}")
    return files


def add_selection(parser: argparse.ArgumentParser) -> None:
    """Add the options that choose stamps of a file."""
    group = parser.add_argument_group("which stamps (by default the first)")
    group.add_argument("--record", type=int, metavar="N", help="stamps of record N, from 0")
    group.add_argument(
        "--field",
        metavar="NAME",
        help="alert field, for example hstampTemplate, or just 'template'",
    )
    group.add_argument("--id", metavar="ID", help="the stamp with this identifier")
    group.add_argument(
        "--all", action="store_true", help="all stamps that match; OUT is then a folder"
    )


def selected(args: argparse.Namespace, path: Path) -> Iterator[Any]:
    """Stamps of a file that the options of `add_selection` choose.

    Raises
    ------
    HstampError
        If a stamp on the way is not valid, or none matches.
    """
    from .stamps import iter_stamps

    found = False
    for item in iter_stamps(path, getattr(args, "schema", None)):
        if args.record is not None and item.record != args.record:
            continue
        if args.field is not None and (item.field or "").lower() not in (
            args.field.lower(),
            f"hstamp{args.field.lower()}",
        ):
            continue
        stamp = item.stamp
        if args.id is not None and stamp.id != args.id:
            continue
        found = True
        yield item
        if not args.all:
            return
    if not found:
        raise InputError(f"{path}: no stamp matches")
