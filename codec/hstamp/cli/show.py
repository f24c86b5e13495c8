"""``hstamp show``: a picture of a stamp."""

from __future__ import annotations

import argparse
from typing import Any

from .options import (
    add_images,
    add_selection,
    command,
    input_path,
    outgoing,
    say,
    selected,
    target,
)
from .streams import STDIN

__all__ = ["register"]

_DESCRIPTION = """\
Draw stamps: the levels side by side, the mosaic with the outlines of the levels, arrows to
north and east, a scale bar, and the other planes. The suffix of OUT chooses PNG, PDF or SVG.
Alerts without stamps and FITS images are converted first. '-' is standard input or output."""

_EXAMPLES = """\
  hstamp show stamp.hstamp
  hstamp show alert.avro --field template -o template.png
  hstamp show image.fits --x 412.3 --y 87.9 -o source.pdf
  hstamp show stamps.avro --all -o pictures/ --north-up
"""


def register(subparsers: Any) -> None:
    """Add the command to the parser."""
    parser = command(subparsers, "show", "draw a stamp", _DESCRIPTION, _EXAMPLES)
    parser.add_argument(
        "file", metavar="FILE", help="blob, file of stamps, alerts, or a FITS image; '-' for stdin"
    )
    parser.add_argument(
        "-o", "--out", metavar="OUT", help="picture, folder or '-' (default FILE's name .png)"
    )
    parser.add_argument(
        "--north-up", action="store_true", help="turn the picture: north up, east to the left"
    )
    parser.add_argument("-f", "--force", action="store_true", help="replace existing pictures")
    add_selection(parser)
    add_images(parser)
    parser.set_defaults(func=run, parser=parser)


def run(args: argparse.Namespace) -> int:
    """Carry out the command; return the exit status."""
    from ..draw import show

    for item in selected(args, input_path(args.file), say):
        path = target(args, item, ".png")
        north_up = args.north_up
        if north_up and args.all and item.stamp.wcs is None:
            say(f"{item.place}: without a WCS there is no north: drawn as stored")
            north_up = False
        with outgoing(path, ".png") as file:
            show(item.stamp, file, north_up=north_up)
        if args.out != STDIN:
            print(path)
    return 0
