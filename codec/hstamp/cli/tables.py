"""Commands that make a table of alerts, and a report of the first of them."""

from __future__ import annotations

import argparse
import itertools
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

from ..errors import InputError
from ..text import printable
from .images import add_source, check_source, positions
from .options import Progress, existing_files, is_folder
from .streams import STDIN, output_path
from .terminal import labelled

if TYPE_CHECKING:
    from ..convert.history import History
    from ..convert.plan import Output
    from ..inference.alerts import Alert, Wanted
    from ..inference.columns import Sheet
    from ..inference.report import Card, Frame

__all__ = ["INPUTS", "Totals", "Work", "add_arguments", "add_reading", "make_tables"]

_BATCH: Final = 256
_NOT_OPTIONS: Final = (
    "inputs", "out", "force", "report", "limit", "labels", "quiet", "func", "parser",
)  # fmt: skip
_REPORTED: Final = 120
"""Alerts drawn in a report unless --limit says otherwise."""

INPUTS: Final = """\
Inputs are alerts with hierarchical stamps, files of stamps, blobs, and whatever 'hstamp convert'
reads: LSST and ZTF alerts (Avro, wire format, Parquet){images} are converted in memory.
The suffix of OUT chooses CSV, Parquet or VOTable (.vot, .xml; opens in TOPCAT): one row for each
alert. In a folder OUT each input has a table of its own, in the same sub-folder; there, a second
run makes what is missing, what failed and what has changed since, and leaves the rest alone. A
record that cannot be read is reported, the rest goes on, and the exit status is 1."""


@dataclass
class Totals:
    """What a run has found so far."""

    alerts: int = 0
    faults: int = 0
    skipped: int = 0
    refused: int = 0
    tables: int = 0
    cards: list[Card] = field(default_factory=list)


class Work(Protocol):
    """What a command makes of alerts."""

    @property
    def command(self) -> str:
        """Its name, which tables in a folder have too."""

    @property
    def wanted(self) -> Wanted:
        """The images that it looks at."""

    @property
    def sheet(self) -> Sheet:
        """What its tables are."""

    @property
    def frame(self) -> Frame:
        """What stands around its reports."""

    def prepare(self) -> None:
        """Look for the weights and their runtime, so that what is missing is said first."""

    def look(self, alerts: Sequence[Alert]) -> tuple[dict[str, Any], Callable[[], Sequence[Card]]]:
        """Columns of alerts that all have their stamps, and what makes their cards."""

    def note(self, columns: Mapping[str, Any]) -> None:
        """Count what a finished table holds, for the summary."""

    def summary(self) -> Sequence[str]:
        """Lines about what was found."""


def add_arguments(parser: argparse.ArgumentParser, word: str) -> None:
    """Add inputs, outputs and the report; `word` is what a report marks."""
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
        help=f"draw the stamps with their {word}: .html, .png, .pdf or .svg; needs the extra"
        " 'plot'",
    )  # fmt: skip
    parser.add_argument(
        "--limit", type=_count, default=_REPORTED, metavar="N",
        help=f"alerts in the report (default the first {_REPORTED})",
    )  # fmt: skip


def add_reading(parser: argparse.ArgumentParser, images: bool = True) -> None:
    """Add weights and how inputs are read; `images` where a FITS image may be one."""
    parser.add_argument("--weights", type=Path, metavar="ONNX", help="weights of your own")
    parser.add_argument("-q", "--quiet", action="store_true", help="no summary, failures only")
    parser.add_argument(
        "--schema", type=Path, metavar="AVSC", help="writer's schema of wire-format messages"
    )
    parser.add_argument(
        "--ztf-wcs",
        choices=("auto", "nominal", "none"),
        default="auto",
        help="as in 'hstamp convert'; without a WCS there are no positions on the sky",
    )
    if images:
        group = parser.add_argument_group("images")
        add_source(group)
        group.add_argument("--id", help="identifier of the source")


def make_tables(args: argparse.Namespace, work: Work, images: bool = True) -> int:
    """Carry out a command; return the exit status."""
    from ..convert.plan import size_of
    from ..inference.report import check_report, write_report
    from ..inference.write import check_target

    if images:
        check_source(args)
    if STDIN in args.inputs and is_folder(args.out):
        args.parser.error("standard input has no name for a table in a folder: give a file")
    inputs = existing_files(args.inputs)
    outputs = _outputs(args, inputs, work.command)
    form = args.form if args.out == STDIN else None
    for out, _ in outputs:
        check_target(out, form)
    if args.report is not None:
        check_report(args.report)
    _check_outputs([out for out, _ in outputs], args.report, inputs)
    history = _history(args, outputs, work.command)
    settled = {} if history is None or args.force else history.settle(map(_output, outputs))
    work.prepare()
    totals, done = Totals(), 0
    with Progress(sum(map(size_of, inputs))) as progress:
        for out, paths in outputs:
            if out not in settled:
                before = totals.faults
                if history is not None:
                    history.begin(_output((out, paths)))
                made = _table(args, work, out, paths, totals, progress, done, images)
                if made and history is not None:
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
    if args.report is not None and totals.cards:
        write_report(args.report, totals.cards, totals.alerts, work.frame)
    if not args.quiet:
        # The summary must not get into the table.
        stream = sys.stderr if args.out == STDIN else sys.stdout
        print("\n".join(_summary(args, totals, work)), file=stream)
    return 1 if totals.faults else 0


def _outputs(
    args: argparse.Namespace, inputs: list[Path], word: str
) -> list[tuple[Path, list[Path]]]:
    """Tables and their inputs: one of all, or in a folder one for each."""
    if not is_folder(args.out):
        return [(output_path(args.out), inputs)]
    from ..convert.plan import subfolder

    folder, made = Path(args.out), dict[Path, Path]()
    roots = [Path(path) for path in args.inputs if Path(path).is_dir()]
    for path in inputs:
        below = folder / subfolder(roots, path)
        below.mkdir(parents=True, exist_ok=True)
        out = below / f"{path.name.removesuffix('.gz')}.{word}.{args.form}"
        if out in made:
            raise InputError(f"{made[out]} and {path} would both become {out}")
        made[out] = path
    return [(out, [path]) for out, path in made.items()]


def _output(table: tuple[Path, list[Path]]) -> Output:
    from ..convert.plan import Output

    return Output(table[0], tuple(table[1]))


def _history(
    args: argparse.Namespace, outputs: list[tuple[Path, list[Path]]], command: str
) -> History | None:
    """What earlier runs made in a folder; None for one table, which must not be there yet."""
    from ..convert.history import History
    from ..outputs import is_special

    if is_folder(args.out):
        options = {
            name: repr(value)
            for name, value in sorted(vars(args).items())
            if name not in _NOT_OPTIONS and value != args.parser.get_default(name)
        }
        return History(Path(args.out), options, command=command)
    ((out, _),) = outputs
    for made in (out, args.report):
        if made is not None and made.exists() and not (args.force or is_special(made)):
            raise InputError(f"{made} exists already (--force replaces it)")
    return None


def _table(
    args: argparse.Namespace, work: Work, out: Path, paths: list[Path], totals: Totals,
    progress: Progress, done: int, images: bool,
) -> bool:  # fmt: skip
    """Make one table; return whether there is one."""
    from ..convert.plan import size_of
    from ..convert.stamps import Options
    from ..inference.alerts import read_alerts
    from ..inference.columns import joined
    from ..inference.write import write_table
    from ..surveys import Ztf, with_survey

    options = Options(schema_file=args.schema, surveys=with_survey(Ztf(args.ztf_wcs)))
    if images:
        options = replace(options, positions=positions(args), hdu=args.hdu)
    sizes = list(map(size_of, paths))
    before = dict(zip(paths, itertools.accumulate(sizes, initial=done), strict=False))
    stream, parts = read_alerts(paths, options, work.wanted), []
    while batch := list(itertools.islice(stream, _BATCH)):
        for alert in batch:
            for fault in alert.faults:
                progress.say(f"{alert.place}: {fault}")
                totals.faults += 1
        found = [
            replace(alert, path=labelled(alert.path)) for alert in batch if alert.stamp is not None
        ]
        if found:
            columns, cards = work.look(found)
            parts.append(columns)
            if args.report is not None and (room := args.limit - len(totals.cards)) > 0:
                totals.cards.extend(cards()[:room])
        progress.update(before[batch[-1].path] + batch[-1].done)
    if not parts:
        return False
    whole = joined(parts)
    write_table(out, work.sheet, whole, args.form if args.out == STDIN else None)
    totals.tables += 1
    totals.alerts += len(whole["record"])
    work.note(whole)
    return True


def _check_outputs(tables: list[Path], report: Path | None, inputs: list[Path]) -> None:
    known = {path.resolve() for path in inputs}
    for out in (*tables, report):
        if out is not None and out.resolve() in known:
            raise InputError(f"{out} is an input: choose another output")
    if report is not None and report.resolve() in {out.resolve() for out in tables}:
        raise InputError(f"{report} cannot be the table and the report")


def _summary(args: argparse.Namespace, totals: Totals, work: Work) -> list[str]:
    from ..text import counted

    name = "standard output" if args.out == STDIN else args.out
    lines = [f"{name}: {counted(totals.alerts, 'alert')}", *work.summary()]
    if totals.skipped:
        lines.append(
            f"skipped {totals.skipped}: table is there and complete (--force makes it again)"
        )
    if args.report is not None and totals.cards:
        lines.append(f"{args.report}")
    if totals.faults:
        lines.append(f"failed {totals.faults}")
    return lines


def _count(text: str) -> int:
    value = int(text)
    if not 1 <= value <= 400:
        raise argparse.ArgumentTypeError("must be 1 to 400")
    return value
