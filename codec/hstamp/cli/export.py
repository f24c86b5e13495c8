"""``hstamp export``: stamps as FITS, as today's cutouts, or as blobs."""

from __future__ import annotations

import argparse
from typing import Any

from ..export.legacy import legacy_of_alert
from ..outputs import atomic_writer
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
Write stamps in formats that other programs open. By default a FITS file with the mosaic and
one extension for each level and plane, each with its own WCS; with --legacy the bytes of a
cutout as of today, for code that is not to be changed (LSST: image, UNCERT, PSFIMAGE, and ROTPA
and CUTMINX, CUTMINY where the alert still has its cutout; stamps of ZTF: 63x63, gzipped); with
--blob the stamp itself, in Avro's single-object form. Alerts without stamps and FITS images
are converted first. '-' is standard input or output."""

_EXAMPLES = """\
  hstamp export alert.avro --field template -o template.fits
  hstamp export stamps.avro --all --legacy -o cutouts/
  hstamp export alert.avro --field science --blob -o science.hstamp
  hstamp export image.fits --ra 121.6015 --dec 1.0359 --blob -o - | hstamp info -
"""


def register(subparsers: Any) -> None:
    """Add the command to the parser."""
    parser = command(subparsers, "export", "write a stamp as FITS", _DESCRIPTION, _EXAMPLES)
    parser.add_argument(
        "file", metavar="FILE", help="blob, file of stamps, alerts, or a FITS image; '-' for stdin"
    )
    parser.add_argument(
        "-o", "--out", metavar="OUT", help="file, folder or '-' (default FILE's name .fits)"
    )
    kind = parser.add_mutually_exclusive_group()
    kind.add_argument("--legacy", action="store_true", help="today's LSST cutout")
    kind.add_argument("--blob", action="store_true", help="the stamp in single-object form")
    parser.add_argument(
        "--size", type=int, metavar="S", help="side of the legacy cutout (default 30, ZTF 63)"
    )
    parser.add_argument(
        "--survey", choices=("lsst", "ztf"), help="whose cutout (default by the size of the pixels)"
    )
    parser.add_argument(
        "--what", choices=("levels", "mosaic"), help="only the levels, or only the mosaic"
    )
    parser.add_argument("-f", "--force", action="store_true", help="replace existing files")
    add_selection(parser)
    add_images(parser)
    parser.set_defaults(func=run, parser=parser)


def run(args: argparse.Namespace) -> int:
    """Carry out the command; return the exit status."""
    for item in selected(args, input_path(args.file), say):
        stamp, path = item.stamp, target(args, item, ".hstamp" if args.blob else ".fits")
        with outgoing(path, ".fits") as file:
            if args.legacy or args.blob:
                data = stamp.to_bytes()
                if args.legacy:
                    data = legacy_of_alert(stamp, item.cutout, args.size, args.survey)
                with atomic_writer(file) as stream:
                    stream.write(data)
            elif args.what is not None:
                stamp.to_fits(file, overwrite=True, what=(args.what,))
            else:
                stamp.to_fits(file, overwrite=True)
        if args.out != STDIN:
            print(path)
    return 0
