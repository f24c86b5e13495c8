"""``hstamp schema``: the stamp schema, and LSST's alert schema with stamps in it."""

from __future__ import annotations

import argparse
import json
import re
from pathlib import Path
from typing import Any

from ..errors import InputError
from .options import command

__all__ = ["register"]

_DESCRIPTION = """\
Print the Avro schema of a stamp, or derive the proposed LSST alert schema: the one that the
package lsst-alert-packet installs, next minor version, with three nullable fields more."""

_EXAMPLES = """\
  hstamp schema show
  hstamp schema derive -o lsst-with-stamps/
  hstamp schema derive --version 11.0 -o lsst-with-stamps/
  hstamp schema derive --of ztf_alerts.tar.gz -o derived.avsc
"""


def register(subparsers: Any) -> None:
    """Add the command to the parser."""
    parser = command(subparsers, "schema", "Avro schemas", _DESCRIPTION, _EXAMPLES)
    actions = parser.add_subparsers(metavar="<action>", required=True)
    show = actions.add_parser("show", help="print the stamp schema")
    show.set_defaults(func=_show)
    derive = actions.add_parser(
        "derive",
        help="write the proposed LSST alert schema",
        description="Write the proposed alert schema as a set of files in the layout of "
        "lsst-alert-packet, and once more as a single self-contained file (*.flat.avsc). With --of,"
        " write the schema of the alerts in a file, with the three fields, as the file OUT.",
    )
    source = derive.add_mutually_exclusive_group()
    source.add_argument(
        "--version",
        type=_version,
        metavar="M.m",
        help="LSST version to derive from (default: the newest installed)",
    )
    source.add_argument(
        "--of", type=Path, metavar="FILE", help="Avro file or archive of alerts of any survey"
    )
    derive.add_argument(
        "-o", "--out", required=True, metavar="OUT", help="folder to write into; with --of a file"
    )
    derive.set_defaults(func=_derive)


def _show(args: argparse.Namespace) -> int:
    from ..container.schema import STAMP_SCHEMA

    print(json.dumps(STAMP_SCHEMA, indent=2))
    return 0


def _derive(args: argparse.Namespace) -> int:
    from ..alerts.derive import write_derived

    if args.of is not None:
        _derive_of(args.of, Path(args.out))
        return 0
    for path in write_derived(Path(args.out), args.version):
        print(path)
    return 0


def _derive_of(path: Path, out: Path) -> None:
    from ..alerts import add_stamp_fields
    from ..convert.schemas import schema_of
    from ..outputs import atomic_text

    if (schema := schema_of(path)) is None:
        raise InputError(f"{path}: no alerts in Avro whose schema is known")
    atomic_text(out, json.dumps(add_stamp_fields(schema), indent=2, ensure_ascii=False) + "\n")
    print(out)


def _version(text: str) -> tuple[int, int]:
    match = re.fullmatch(r"(\d+)\.(\d+)", text)
    if match is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not a version like 11.1")
    return int(match[1]), int(match[2])
