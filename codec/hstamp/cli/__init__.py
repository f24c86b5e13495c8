"""The command line: ``hstamp <command>``; one module per command."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.util import find_spec

from .. import __version__
from ..errors import HstampError

__all__ = ["build_parser", "main"]

_COMMANDS = (
    "convert", "hosts", "info", "show", "export", "validate", "schema", "demo", "conformance",
)  # fmt: skip
_EPILOG = """\
examples:
  hstamp convert alerts/ -o with-stamps/          alerts, with three stamp fields added
  hstamp convert image.fits --ra 150.1 --dec 2.2 -o source.avro
  hstamp info with-stamps/                        what is in the files
  hstamp show source.avro -o source.png           levels and mosaic as a picture
  hstamp export source.avro -o source.fits        opens in DS9 and astropy
  hstamp validate with-stamps/                    check every stamp
  hstamp hosts with-stamps/alerts.avro -o hosts.csv  the host galaxies

'hstamp <command> --help' explains a command. Exit status: 0 all well, 1 something failed,
2 wrong usage. Set HSTAMP_DEBUG=1 to see where an error was raised.
"""


def build_parser() -> argparse.ArgumentParser:
    """Parser of the whole command line; commands that are not installed are left out."""
    parser = argparse.ArgumentParser(
        prog="hstamp",
        description="Hierarchical stamps for alert streams: make, inspect and check them.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"hstamp {__version__}")
    subparsers = parser.add_subparsers(title="commands", metavar="<command>", required=True)
    for name in _COMMANDS:
        if find_spec(f"{__name__}.{name}") is not None:
            import_module(f"{__name__}.{name}").register(subparsers)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    argv : sequence of str, optional
        Arguments; those of the process by default.

    Returns
    -------
    int
        Exit status: 0 all well, 1 something failed, 2 wrong usage, 130 interrupted.
    """
    args = build_parser().parse_args(argv)
    try:
        status: int = args.func(args)
        # A reader that went away (head, less) shows itself only when the buffer is flushed.
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt:
        print("hstamp: interrupted", file=sys.stderr)
        return 130
    except (HstampError, OSError) as exc:
        if os.environ.get("HSTAMP_DEBUG"):
            raise
        print(f"hstamp: {exc}", file=sys.stderr)
        return 1
    return status
