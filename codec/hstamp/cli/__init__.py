"""The command line: ``hstamp <command>``; one module per command."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Final

from .. import __version__
from ..errors import HstampError, as_hstamp_error
from ..text import printable
from .signals import name_of, status_of, stoppable
from .streams import Held
from .terminal import clean_streams

__all__ = ["build_parser", "main"]

_NO_HOME: Final = "/nonexistent"

_COMMANDS = (
    "convert", "hosts", "classify", "info", "show", "view", "export", "validate", "verify",
    "schema", "demo", "conformance",
)  # fmt: skip
_EPILOG = """\
examples:
  hstamp convert alerts/ -o with-stamps/          alerts, with three stamp fields added
  hstamp convert image.fits --ra 150.1 --dec 2.2 -o source.avro
  hstamp info with-stamps/                        what is in the files
  hstamp show source.avro -o source.png           levels and mosaic as a picture
  hstamp view with-stamps/                        look at them in a browser
  hstamp export source.avro -o source.fits        opens in DS9 and astropy
  hstamp validate with-stamps/                    check every stamp
  hstamp verify alerts/ with-stamps/              make the stamps again and compare
  hstamp hosts with-stamps/alerts.avro -o hosts.csv  the host galaxies
  hstamp classify with-stamps/alerts.avro -o classes.csv  AGN, SN, star, asteroid or bogus

'hstamp <command> --help' explains a command. Exit status: 0 all well, 1 something failed,
2 wrong usage, 130 interrupted (129 or 143 by SIGHUP or SIGTERM). Messages go to standard error.
Set HSTAMP_DEBUG=1 to see where an error was raised.
"""


def build_parser() -> argparse.ArgumentParser:
    """Parser of the whole command line."""
    parser = argparse.ArgumentParser(
        prog="hstamp",
        description="Hierarchical stamps for alert streams: make, inspect and check them.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"hstamp {__version__}")
    subparsers = parser.add_subparsers(title="commands", metavar="<command>", required=True)
    for name in _COMMANDS:
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
        Exit status: 0 all well, 1 something failed, 2 wrong usage, 128 and the signal's number
        when interrupted.
    """
    _make_home_known()
    logging.getLogger("matplotlib").setLevel(logging.ERROR)
    with clean_streams(), stoppable(), Held():
        return _run(argv)


def _run(argv: Sequence[str] | None) -> int:
    try:
        args = build_parser().parse_args(argv)
        status: int = args.func(args)
        # A reader that went away (head, less) shows itself only when the buffer is flushed.
        sys.stdout.flush()
    except BrokenPipeError:
        with suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except KeyboardInterrupt as stop:
        print(f"hstamp: {name_of(stop)}", file=sys.stderr)
        return status_of(stop)
    except Exception as exc:
        if os.environ.get("HSTAMP_DEBUG"):
            raise
        if isinstance(exc, HstampError | OSError):
            text = str(exc)
        else:
            text = f"{as_hstamp_error(exc).reason} (HSTAMP_DEBUG=1 shows where)"
        print(f"hstamp: {printable(text)}", file=sys.stderr)
        return 1
    return status


def _make_home_known() -> None:
    """Name a home where there is none to enter: astropy looks into it and fails otherwise.

    Containers run under ids that no home belongs to, or under that of another user.
    """
    try:
        Path.home().joinpath(".astropy", "config").stat()
    except (FileNotFoundError, NotADirectoryError):
        pass  # what is not there can be done without; what may not be looked into can not
    except (RuntimeError, OSError):
        os.environ["HOME"] = _NO_HOME
