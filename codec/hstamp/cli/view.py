"""``hstamp view``: stamps in a browser."""

from __future__ import annotations

import argparse
import signal
import webbrowser
from dataclasses import replace
from typing import Any

from ..errors import InputError
from .options import add_images, command, existing_files, reading, say
from .signals import answered, status_of
from .streams import STDIN

__all__ = ["register"]

_DESCRIPTION = """\
Look at stamps in a browser: the images of each alert side by side, their levels, masks, noise and
PSFs, host candidates and classes (tables of 'hstamp hosts' and 'hstamp classify' among FILES), and
labels of hosts and classes by eye. The page is served to this computer alone, with FILES and
nothing else; Ctrl-C ends it. Without FILES it asks for some.

FILES are whatever 'hstamp convert' and 'hstamp hosts' read: alerts with hierarchical stamps or
with today's cutouts (Avro of any codec, wire format, Parquet, JSON), files of stamps, blobs, FITS
images, tar archives of such files, gzipped or not, and folders. Today's cutouts become stamps in
memory, as 'hstamp convert' makes them, and are shown beside them. What cannot be read is said
here and in the page, and the rest is shown.

A browser keeps labels for each port: the default is always the same, unless it is taken."""

_EXAMPLES = """\
  hstamp view with-stamps.avro
  hstamp view with-stamps.avro hosts.csv
  hstamp view alerts.tar.gz
  hstamp view image.fits --ra 121.6015 --dec 1.0359
  hstamp view stamps/ --no-browser --port 9000
"""


def register(subparsers: Any) -> None:
    """Add the command to the parser."""
    parser = command(subparsers, "view", "look at stamps in a browser", _DESCRIPTION, _EXAMPLES)
    parser.add_argument(
        "files", nargs="*", metavar="FILE", help="alerts, stamps, blobs, tables; or folders of them"
    )
    parser.add_argument("--no-browser", action="store_true", help="only say the page's address")
    parser.add_argument("--port", type=_port, metavar="N", help="port of the page (default 8477)")
    parser.add_argument(
        "--ztf-wcs",
        choices=("auto", "nominal", "none"),
        default="auto",
        help="as in 'hstamp convert'",
    )
    add_images(parser)
    parser.set_defaults(func=run, parser=parser)


def run(args: argparse.Namespace) -> int:
    """Carry out the command; return the exit status."""
    from ..surveys import Ztf, with_survey
    from ..viewer import ViewerServer

    if STDIN in args.files:
        args.parser.error("standard input cannot be read twice, as a viewer does: give a file")
    files = existing_files(args.files) if args.files else []
    if files and not any(path.exists() for path in files):
        raise InputError(f"{files[0]}: no such file")
    options = replace(reading(args), surveys=with_survey(Ztf(args.ztf_wcs)))
    with ViewerServer(files, args.port, options, say) as server:
        try:
            print(server.url, flush=True)
            if not args.no_browser:
                webbrowser.open(server.url)
            server.serve_forever()
        except KeyboardInterrupt as stop:
            if status_of(stop) != 128 + signal.SIGINT:  # Ctrl-C is how a viewer ends
                raise
            answered()
    return 0


def _port(text: str) -> int:
    value = int(text)
    if not 0 <= value <= 65535:
        raise argparse.ArgumentTypeError("must be 0 to 65535; 0 takes any that is free")
    return value
