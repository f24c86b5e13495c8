"""``hstamp hosts``: host galaxies of transients."""

from __future__ import annotations

import argparse
import itertools
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import InputError
from ..text import counted, printable
from .images import add_source, check_source, positions
from .options import Progress, command, existing_files, is_folder
from .streams import STDIN, output_path
from .terminal import labelled

if TYPE_CHECKING:
    from ..convert.history import History
    from ..convert.plan import Output
    from ..hosts.report import Panel

__all__ = ["register"]

_BATCH = 256
_NOT_OPTIONS = ("inputs", "out", "force", "report", "limit", "quiet", "func", "parser")
_REPORTED = 120
"""Alerts drawn in a report unless --limit says otherwise."""

_DESCRIPTION = """\
Find the host galaxy of every alert with the reference model: position, covariance, probability
that no host is in the stamp, half-light radius. Needs the extra 'model'.

The weights were trained on a simulated sky; docs/reference_model.md says what that can
and cannot tell. Probabilities are those of the simulation.

Inputs are alerts with hierarchical stamps, files of stamps, blobs, and whatever 'hstamp convert'
reads: LSST and ZTF alerts (Avro, wire format, Parquet) and FITS images are converted in memory.
The suffix of OUT chooses CSV, Parquet or VOTable (.vot, .xml; opens in TOPCAT): one row for each
alert. In a folder OUT each input has a table of its own, in the same sub-folder; there, a second
run makes what is missing, what failed and what has changed since, and leaves the rest alone. A
record that cannot be read is reported, the rest goes on, and the exit status is 1."""

_EXAMPLES = """\
  hstamp hosts alerts/ -o hosts.csv
  hstamp hosts with-stamps.avro -o hosts.vot --report hosts.html
  hstamp hosts alert.avro -o hosts.csv --field science
  hstamp hosts image.fits --ra 121.6015 --dec 1.0359 -o hosts.csv --report hosts.png
"""


def register(subparsers: Any) -> None:
    """Add the command to the parser."""
    parser = command(subparsers, "hosts", "find host galaxies", _DESCRIPTION, _EXAMPLES)
    parser.add_argument(
        "inputs", nargs="+", metavar="IN", help="files, or folders of files, or '-'"
    )
    parser.add_argument(
        "-o", "--out", required=True, metavar="OUT",
        help="table (.csv, .parquet, .vot or .xml), folder (existing, or 'name/'), or '-'",
    )  # fmt: skip
    parser.add_argument(
        "--as", dest="form", choices=("csv", "parquet", "vot"), default="csv",
        help="format of tables in a folder, and on standard output (default csv)",
    )  # fmt: skip
    parser.add_argument("-f", "--force", action="store_true", help="replace existing tables")
    parser.add_argument(
        "--report", type=Path, metavar="FILE",
        help="draw the stamps with their hosts: .html, .png, .pdf or .svg; needs the extra 'plot'",
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
        help="subtract the sky of the widest level, keep the values, or subtract unless the"
        " unit is nJy (default auto)",
    )
    parser.add_argument(
        "--average",
        action="store_true",
        help="average over rotations and flips: eight times slower, a little better",
    )
    parser.add_argument(
        "--nearby",
        type=_share,
        metavar="SHARE",
        help="share of the transients that you expect within z < 0.1: 0.01 in a whole alert stream"
        " (default: that of the training, about one half)",
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
    add_source(group)
    group.add_argument("--id", help="identifier of the source")
    parser.set_defaults(func=run, parser=parser)


@dataclass
class _Totals:
    """What a run has found so far."""

    alerts: int = 0
    none: int = 0
    blind: int = 0
    flat: int = 0
    faults: int = 0
    skipped: int = 0
    refused: int = 0
    tables: int = 0
    panels: list[Panel] = field(default_factory=list)


def run(args: argparse.Namespace) -> int:
    """Carry out the command; return the exit status."""
    from ..convert.plan import size_of
    from ..hosts.predict import predict
    from ..hosts.report import check_report, write_report
    from ..hosts.write import check_target

    check_source(args)
    if STDIN in args.inputs and is_folder(args.out):
        args.parser.error("standard input has no name for a table in a folder: give a file")
    inputs = existing_files(args.inputs)
    outputs = _outputs(args, inputs)
    form = args.form if args.out == STDIN else None
    for out, _ in outputs:
        check_target(out, form)
    if args.report is not None:
        check_report(args.report)
    _check_outputs([out for out, _ in outputs], args.report, inputs)
    history = _history(args, outputs)
    settled = {} if history is None or args.force else history.settle(map(_output, outputs))
    # Nothing to look at costs nothing, and a missing onnxruntime is said before the reading.
    predict([], weights=args.weights, nearby=args.nearby)
    totals, done = _Totals(), 0
    with Progress(sum(map(size_of, inputs))) as progress:
        for out, paths in outputs:
            if out not in settled:
                before = totals.faults
                if history is not None:
                    history.begin(_output((out, paths)))
                if _table(args, out, paths, totals, progress, done) and history is not None:
                    history.end(_output((out, paths)), totals.faults - before)
            elif (refusal := settled[out]) is not None:
                progress.say(printable(f"{paths[0]}: {refusal}"))
                totals.refused += 1
            else:
                totals.skipped += 1
            done += sum(map(size_of, paths))
            progress.update(done)
    if history is not None:
        history.close()
    totals.faults += totals.refused
    if not totals.tables and not totals.skipped and not totals.refused:
        raise InputError("no alert with a stamp: nothing was written")
    if args.report is not None and totals.panels:
        write_report(args.report, totals.panels, totals.alerts)
    if not args.quiet:
        # The summary must not get into the table.
        stream = sys.stderr if args.out == STDIN else sys.stdout
        print("\n".join(_summary(args, totals)), file=stream)
    return 1 if totals.faults else 0


def _outputs(args: argparse.Namespace, inputs: list[Path]) -> list[tuple[Path, list[Path]]]:
    """Tables and their inputs: one of all, or in a folder one for each."""
    if not is_folder(args.out):
        return [(output_path(args.out), inputs)]
    from ..convert.plan import subfolder

    folder, made = Path(args.out), dict[Path, Path]()
    roots = [Path(path) for path in args.inputs if Path(path).is_dir()]
    for path in inputs:
        below = folder / subfolder(roots, path)
        below.mkdir(parents=True, exist_ok=True)
        out = below / f"{path.name.removesuffix('.gz')}.hosts.{args.form}"
        if out in made:
            raise InputError(f"{made[out]} and {path} would both become {out}")
        made[out] = path
    return [(out, [path]) for out, path in made.items()]


def _output(table: tuple[Path, list[Path]]) -> Output:
    from ..convert.plan import Output

    return Output(table[0], tuple(table[1]))


def _history(args: argparse.Namespace, outputs: list[tuple[Path, list[Path]]]) -> History | None:
    """What earlier runs made in a folder; None for one table, which must not be there yet."""
    from ..convert.history import History
    from ..outputs import is_special

    if is_folder(args.out):
        options = {
            name: repr(value)
            for name, value in sorted(vars(args).items())
            if name not in _NOT_OPTIONS and value != args.parser.get_default(name)
        }
        return History(Path(args.out), options, command="hosts")
    ((out, _),) = outputs
    for made in (out, args.report):
        if made is not None and made.exists() and not (args.force or is_special(made)):
            raise InputError(f"{made} exists already (--force replaces it)")
    return None


def _table(
    args: argparse.Namespace,
    out: Path,
    paths: list[Path],
    totals: _Totals,
    progress: Progress,
    done: int,
) -> bool:
    """Make one table; return whether there is one."""
    import numpy as np

    from ..convert.plan import size_of
    from ..convert.stamps import Options
    from ..hosts.alerts import read_alerts
    from ..hosts.columns import columns_of, joined
    from ..hosts.predict import predict
    from ..hosts.report import panels_of
    from ..hosts.write import write_table
    from ..surveys import Ztf, with_survey

    options = Options(
        schema_file=args.schema,
        surveys=with_survey(Ztf(args.ztf_wcs)),
        positions=positions(args),
        hdu=args.hdu,
    )
    sizes = list(map(size_of, paths))
    before = dict(zip(paths, itertools.accumulate(sizes, initial=done), strict=False))
    stream, parts = read_alerts(paths, options, args.field), []
    while batch := list(itertools.islice(stream, _BATCH)):
        for alert in batch:
            for fault in alert.faults:
                progress.say(f"{alert.place}: {fault}")
                totals.faults += 1
        found = [
            replace(alert, path=labelled(alert.path)) for alert in batch if alert.stamp is not None
        ]
        hosts = predict(
            [alert.stamp for alert in found if alert.stamp is not None],
            weights=args.weights,
            sky=args.sky,
            average=args.average,
            nearby=args.nearby,
            pixel=[alert.pixel for alert in found],
        )
        if found:
            parts.append(columns_of(found, hosts))
        if args.report is not None and (room := args.limit - len(totals.panels)) > 0:
            totals.panels.extend(panels_of(found, hosts)[:room])
        progress.update(before[batch[-1].path] + batch[-1].done)
    if not parts:
        return False
    columns = joined(parts)
    write_table(out, columns, args.form if args.out == STDIN else None)
    totals.tables += 1
    totals.alerts += len(columns["record"])
    totals.none += int((columns["p_none"] > 0.5).sum())
    totals.blind += int(np.isnan(columns["p_none"]).sum())
    totals.flat += int(np.isnan(columns["ra"]).sum())
    return True


def _check_outputs(tables: list[Path], report: Path | None, inputs: list[Path]) -> None:
    known = {path.resolve() for path in inputs}
    for out in (*tables, report):
        if out is not None and out.resolve() in known:
            raise InputError(f"{out} is an input: choose another output")
    if report is not None and report.resolve() in {out.resolve() for out in tables}:
        raise InputError(f"{report} cannot be the table and the report")


def _summary(args: argparse.Namespace, totals: _Totals) -> Iterator[str]:
    name = "standard output" if args.out == STDIN else args.out
    yield f"{name}: {counted(totals.alerts, 'alert')}"
    yield (
        f"P(none) above one half for {totals.none}"
        " (probabilities of a model trained on a simulated sky)"
    )
    if totals.blind:
        yield (
            f"nothing to see in {totals.blind}: all values missing, or no noise to compare them"
            " with"
        )
    if totals.flat:
        yield f"no WCS for {totals.flat}: offsets in pixels only"
    if totals.skipped:
        yield f"skipped {totals.skipped}: table is there and complete (--force makes it again)"
    if args.report is not None and totals.panels:
        yield f"{args.report}"
    if totals.faults:
        yield f"failed {totals.faults}"


def _share(text: str) -> float:
    value = float(text)
    if not 0.0 < value < 1.0:
        raise argparse.ArgumentTypeError("must lie between 0 and 1")
    return value


def _count(text: str) -> int:
    value = int(text)
    if not 1 <= value <= 400:
        raise argparse.ArgumentTypeError("must be 1 to 400")
    return value
