"""``hstamp verify``: make stamps again and compare them with those that were written."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from ..errors import InputError
from .convert import add_encoding, encoding_of
from .options import Progress, command

__all__ = ["register"]

_DESCRIPTION = """\
Compare what 'hstamp convert' made of alerts with what their source gives now: every stamp is made
again, in memory, and has to be equal byte for byte. Give the options of the conversion. CONVERTED
is the file or folder that it wrote: alerts, messages, stamps or blobs, in one file, a file for
each input, or sorted by schema or partition. The first difference is reported with
its file, record, field and what differs, and the exit status is 1; so it is where an alert is
missing. Alerts and cutouts that cannot be converted have no stamp, and none is asked for."""

_EXAMPLES = """\
  hstamp verify night.tar.gz with-stamps/
  hstamp verify alerts/ stamps.avro --sample 1000 --seed 7
"""


def register(subparsers: Any) -> None:
    """Add the command to the parser."""
    parser = command(
        subparsers, "verify", "compare stamps with their source", _DESCRIPTION, _EXAMPLES
    )
    parser.add_argument("source", metavar="SOURCE", type=Path, help="file or folder of alerts")
    parser.add_argument("converted", metavar="CONVERTED", type=Path, help="what was made of it")
    parser.add_argument(
        "--sample", type=_count, metavar="N", help="alerts to make again, chosen at random"
    )
    parser.add_argument(
        "--seed", type=int, default=0, metavar="S", help="of that choice (default 0)"
    )
    parser.add_argument(
        "--schema", type=Path, metavar="AVSC", help="writer's schema of wire-format messages"
    )
    add_encoding(parser)
    parser.set_defaults(func=run)


def run(args: argparse.Namespace) -> int:
    """Carry out the command; return the exit status."""
    from ..convert.plan import find_inputs, size_of
    from ..convert.stamps import Options
    from ..convert.verify import verify
    from ..surveys import Ztf, with_survey

    for path in (args.source, args.converted):
        if not path.exists():
            raise InputError(f"{path}: no such file")
    found = find_inputs([args.source], args.converted)
    if not found.files:
        raise InputError(f"no files in {args.source}")
    options = Options(
        encode=encoding_of(args), schema_file=args.schema, surveys=with_survey(Ztf(args.ztf_wcs))
    )
    with Progress(sum(map(size_of, found.files))) as progress:
        outcome = verify(
            found.files,
            args.converted,
            options,
            roots=found.roots,
            sample=args.sample,
            seed=args.seed,
            progress=progress.update,
        )
    if outcome.difference is not None:
        print(f"differs: {outcome.difference}")
    print(f"{outcome.alerts} alerts made again: {outcome.stamps} stamps are equal")
    return 1 if outcome.difference is not None else 0


def _count(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return value
