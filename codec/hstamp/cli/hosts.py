"""``hstamp hosts``: host galaxies of transients."""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import InputError
from .convert import _check, _dec, _hdu, _positions, _ra
from .options import Progress, command, existing_files

if TYPE_CHECKING:
    from ..hosts.alerts import Alert
    from ..hosts.report import Panel

__all__ = ["register"]

_BATCH = 256
_REPORTED = 120
"""Alerts drawn in a report unless --limit says otherwise."""

_DESCRIPTION = """\
Find the host galaxy of every alert with the reference model: position, covariance, probability
that no host is in the stamp, half-light radius. Needs 'hstamp[model]'.

The weights are a first training on a simulated sky; docs/reference_model.md says what that can
and cannot tell. Probabilities are those of the simulation.

Inputs are alerts with hierarchical stamps, files of stamps, blobs, and whatever 'hstamp convert'
reads: LSST and ZTF alerts (Avro, wire format, Parquet) and FITS images are converted in memory.
The suffix of OUT chooses CSV, Parquet or VOTable (.vot, .xml; opens in TOPCAT): one row for each
alert. A record that cannot be read is reported and the rest goes on."""

_EXAMPLES = """\
  hstamp hosts alerts/ -o hosts.csv
  hstamp hosts with-stamps.avro -o hosts.vot --report hosts.html
  hstamp hosts alert.avro -o hosts.csv --field science
  hstamp hosts image.fits --ra 121.6015 --dec 1.0359 -o hosts.csv --report hosts.png
"""


def register(subparsers: Any) -> None:
    """Add the command to the parser."""
    parser = command(subparsers, "hosts", "find host galaxies", _DESCRIPTION, _EXAMPLES)
    parser.add_argument("inputs", nargs="+", metavar="IN", help="files, or folders of files")
    parser.add_argument(
        "-o", "--out", required=True, type=Path, metavar="OUT",
        help="table: .csv, .parquet, .vot or .xml",
    )  # fmt: skip
    parser.add_argument(
        "--report", type=Path, metavar="FILE",
        help="draw the stamps with their hosts: .html, .png, .pdf or .svg; needs 'hstamp[plot]'",
    )  # fmt: skip
    parser.add_argument(
        "--limit", type=_count, default=_REPORTED, metavar="N",
        help=f"alerts in the report (default the first {_REPORTED})",
    )  # fmt: skip
    parser.add_argument(
        "--field",
        choices=("template", "science", "difference"),
        default="template",
        help="image of an alert to look at (default template, and science where there is none)",
    )
    parser.add_argument(
        "--sky",
        choices=("auto", "subtract", "keep"),
        default="auto",
        help="subtract the median of the widest level, keep the values, or subtract unless the"
        " unit is nJy (default auto)",
    )
    parser.add_argument(
        "--average",
        action="store_true",
        help="average over rotations and flips: eight times slower, a little better",
    )
    parser.add_argument("--weights", type=Path, metavar="ONNX", help="weights of your own")
    parser.add_argument("-q", "--quiet", action="store_true", help="no summary, failures only")
    parser.add_argument(
        "--schema", type=Path, metavar="AVSC", help="writer's schema of wire-format messages"
    )
    parser.add_argument(
        "--ztf-wcs",
        choices=("auto", "nominal", "none"),
        default="auto",
        help="as in 'hstamp convert'; without a WCS there are offsets in pixels only",
    )
    group = parser.add_argument_group("images")
    group.add_argument("--ra", type=_ra, help="source, ICRS: degrees or 10:26:08.1")
    group.add_argument("--dec", type=_dec, help="source, ICRS: degrees or (with =) --dec=-45:06:05")
    group.add_argument("--x", type=float, help="source column, 0-based")
    group.add_argument("--y", type=float, help="source row, 0-based")
    group.add_argument(
        "--catalog",
        metavar="TABLE",
        help="many sources: any table astropy reads, with columns ra, dec or x, y, and perhaps id",
    )
    group.add_argument("--hdu", type=_hdu, help="image HDU, number or EXTNAME (default: the first)")
    group.add_argument("--id", help="identifier of the source")
    parser.set_defaults(func=run, parser=parser, form=None)


def run(args: argparse.Namespace) -> int:
    """Carry out the command; return the exit status."""
    from ..hosts.alerts import Options, read_alerts
    from ..hosts.columns import columns_of, joined
    from ..hosts.predict import predict
    from ..hosts.report import check_report, panels_of, write_report
    from ..hosts.write import check_target, write_table

    _check(args)
    inputs = existing_files(args.inputs)
    check_target(args.out)
    if args.report is not None:
        check_report(args.report)
    _check_outputs(args, inputs)
    options = Options(args.field, args.schema, args.ztf_wcs, _positions(args), args.hdu)
    # Nothing to look at costs nothing, and a missing onnxruntime is said before the reading.
    empty = predict([], weights=args.weights)
    parts, faults = [columns_of([], empty)], 0
    panels: list[Panel] = []
    sizes = [path.stat().st_size for path in inputs]
    before = dict(zip(inputs, itertools.accumulate(sizes, initial=0), strict=False))
    with Progress(sum(sizes)) as progress:
        stream = read_alerts(inputs, options)
        while batch := list(itertools.islice(stream, _BATCH)):
            for alert in batch:
                for fault in alert.faults:
                    progress.say(f"{alert.path}, record {alert.record}: {fault}")
                    faults += 1
            found = [alert for alert in batch if alert.stamp is not None]
            hosts = predict(
                [alert.stamp for alert in found if alert.stamp is not None],
                weights=args.weights,
                sky=args.sky,
                average=args.average,
            )
            parts.append(columns_of(found, hosts))
            if args.report is not None and len(panels) < args.limit:
                panels.extend(panels_of(found, hosts)[: args.limit - len(panels)])
            progress.update(before[batch[-1].path] + batch[-1].done)
        progress.update(sum(sizes))
    columns = joined(parts)
    total = len(columns["record"])
    if not total:
        raise InputError("no alert with a stamp: nothing was written")
    write_table(args.out, columns)
    if args.report is not None:
        write_report(args.report, panels, total)
    if not args.quiet:
        print("\n".join(_summary(args, columns, faults)))
    return 1 if faults else 0


def _check_outputs(args: argparse.Namespace, inputs: Sequence[Path]) -> None:
    known = {path.resolve() for path in inputs}
    for out in (args.out, args.report):
        if out is not None and out.resolve() in known:
            raise InputError(f"{out} is an input: choose another output")
    if args.report is not None and args.report.resolve() == args.out.resolve():
        raise InputError(f"{args.out} cannot be the table and the report")


def _summary(args: argparse.Namespace, columns: Any, faults: int) -> Iterator[str]:
    import numpy as np

    total, none = len(columns["record"]), columns["p_none"]
    yield f"{args.out}: {total} alert{'' if total == 1 else 's'}"
    yield (
        f"P(none) above one half for {int((none > 0.5).sum())}"
        " (probabilities of a model trained on a simulated sky)"
    )
    if blind := int(np.isnan(none).sum()):
        yield f"nothing to see in {blind}: all values missing, or no noise to compare them with"
    if flat := int(np.isnan(columns["ra"]).sum()):
        yield f"no WCS for {flat}: offsets in pixels only"
    if args.report is not None:
        yield f"{args.report}"
    if faults:
        yield f"failed {faults}"


def _count(text: str) -> int:
    value = int(text)
    if not 1 <= value <= 400:
        raise argparse.ArgumentTypeError("must be 1 to 400")
    return value
