"""``hstamp validate``: check every stamp of files against the specification."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from ..text import counted
from .options import Progress, add_inputs, command, existing_files

__all__ = ["register"]

_DESCRIPTION = """\
Check blobs, files of stamps and alerts with stamps, completely: all checks of Section 11 of
the specification. Every fault is reported with its file, record, field and code; exit status
1 says that there was one."""

_EXAMPLES = """\
  hstamp validate stamps.avro
  hstamp validate with-stamps/
"""


def register(subparsers: Any) -> None:
    """Add the command to the parser."""
    parser = command(subparsers, "validate", "check every stamp", _DESCRIPTION, _EXAMPLES)
    add_inputs(parser, "FILE")
    parser.add_argument(
        "--schema", type=Path, metavar="AVSC", help="writer's schema of wire-format messages"
    )
    parser.add_argument("-q", "--quiet", action="store_true", help="faults only")
    parser.set_defaults(func=run)


def run(args: argparse.Namespace) -> int:
    """Carry out the command; return the exit status."""
    from ..files import Fault, read_stamps

    files = existing_files(args.inputs)
    good = bad = 0
    with Progress(len(files)) as progress:
        for number, path in enumerate(files):
            for item in read_stamps(path, schema_file=args.schema, errors="collect"):
                if isinstance(item, Fault):
                    bad += 1
                    progress.say(f"{item.place}: {item.error}")
                else:
                    good += 1
            progress.update(number + 1)
    if not args.quiet:
        stamps, faults = counted(good, "valid stamp"), counted(bad, "fault")
        print(f"{counted(len(files), 'file')}: {stamps}, {faults}")
    return 1 if bad else 0
