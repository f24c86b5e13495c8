"""``hstamp demo``: sample alerts, stamps and a report."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from .options import Progress, command

__all__ = ["register"]

_DESCRIPTION = """\
Make sample alerts in LSST's form with simulated skies 52 arcsec wide, convert them, validate
the stamps and write a report with pictures and sizes. Needs the extras 'lsst' and 'plot'."""

_EXAMPLES = """\
  hstamp demo demo-out
  hstamp demo demo-out --alerts 5 --seed 7
"""


def register(subparsers: Any) -> None:
    """Add the command to the parser."""
    parser = command(subparsers, "demo", "sample alerts and a report", _DESCRIPTION, _EXAMPLES)
    parser.add_argument("outdir", metavar="OUTDIR", type=Path, help="folder to write into")
    parser.add_argument(
        "--alerts", type=_count, default=30, metavar="N", help="number of alerts (default 30)"
    )
    parser.add_argument("--seed", type=int, default=15, help="seed of the simulated skies")
    parser.set_defaults(func=run)


def run(args: argparse.Namespace) -> int:
    """Carry out the command; return the exit status."""
    from ..demo import run_demo
    from . import main

    with Progress(2 * args.alerts) as progress:
        status, summary = run_demo(
            args.outdir,
            args.alerts,
            seed=args.seed,
            commands=lambda argv: main(argv),
            progress=progress.update,
        )
    print("\n".join(summary))
    if status == 0:
        print(f"report: {args.outdir / 'report.html'}")
    return status


def _count(text: str) -> int:
    value = int(text)
    if not 1 <= value <= 10_000:
        raise argparse.ArgumentTypeError("must be 1 to 10000")
    return value
