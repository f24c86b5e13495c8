"""``hstamp show``: a picture of a stamp."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from .options import add_selection, command, is_folder, selected

__all__ = ["register", "target"]

_DESCRIPTION = """\
Draw stamps: the levels side by side, the mosaic with the outlines of the levels, arrows to
north and east, a scale bar, and the other planes. The suffix of OUT chooses PNG, PDF or SVG."""

_EXAMPLES = """\
  hstamp show stamp.hstamp
  hstamp show alert.avro --field template -o template.png
  hstamp show stamps.avro --all -o pictures/ --north-up
"""


def register(subparsers: Any) -> None:
    """Add the command to the parser."""
    parser = command(subparsers, "show", "draw a stamp", _DESCRIPTION, _EXAMPLES)
    parser.add_argument("file", metavar="FILE", help="blob, file of stamps, or alerts with stamps")
    parser.add_argument(
        "-o", "--out", metavar="OUT", help="picture, or folder (default FILE's name .png)"
    )
    parser.add_argument(
        "--north-up", action="store_true", help="turn the picture: north up, east to the left"
    )
    parser.add_argument(
        "--schema", type=Path, metavar="AVSC", help="writer's schema of a wire-format message"
    )
    add_selection(parser)
    parser.set_defaults(func=run, parser=parser)


def run(args: argparse.Namespace) -> int:
    """Carry out the command; return the exit status."""
    from ..draw import show

    for item in selected(args, Path(args.file)):
        path = target(args, item, ".png")
        show(item.stamp, path, north_up=args.north_up)
        print(path)
    return 0


def target(args: argparse.Namespace, item: Any, suffix: str) -> Path:
    """Output path of a stamp: OUT, or a name of its own in the folder OUT."""
    stem = Path(args.file).name.removesuffix(".gz")
    stem = stem.rsplit(".", 1)[0] or stem
    own = stem
    if args.all:
        own += f"-{item.record:06d}" + (f"-{item.field}" if item.field else "")
    if args.out is None:
        return Path(own + suffix)
    if not (args.all or is_folder(args.out)):
        return Path(args.out)
    folder = Path(args.out)
    if folder.is_file():
        args.parser.error(f"--all writes into a folder, and {args.out} is a file")
    folder.mkdir(parents=True, exist_ok=True)
    return folder / (own + suffix)
