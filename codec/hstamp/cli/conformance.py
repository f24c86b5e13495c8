"""``hstamp conformance``: judge decoders and encoders of any language."""

from __future__ import annotations

import argparse
import importlib
import os
import shlex
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..errors import InputError
from ..outputs import atomic_text
from .options import command
from .waiting import Waiting

__all__ = ["register"]

_DESCRIPTION = """\
Judge a decoder or an encoder of hierarchical stamps, in any language, by the vectors that come
with this package. The protocol is Appendix C of the specification."""

_EXAMPLES = """\
  hstamp conformance run -- ./my-decoder --quiet
  hstamp conformance run --profile core --jsonl -- node decoder.mjs
  hstamp conformance run --known known.txt --junit report.xml -- java -jar decoder.jar
  hstamp conformance run --callable mypackage.stamps:decode
  hstamp conformance run-encoder -- ./my-encoder
  hstamp conformance explain i2-two-roundings
  hstamp conformance copy vectors/
"""


def register(subparsers: Any) -> None:
    """Add the command to the parser."""
    parser = command(
        subparsers, "conformance", "judge a decoder or encoder", _DESCRIPTION, _EXAMPLES
    )
    actions = parser.add_subparsers(title="actions", metavar="<action>", required=True)
    _add_run(actions.add_parser("run", help="run a decoder on the vectors"), "decoder")
    _add_run(actions.add_parser("run-encoder", help="run an encoder on parent images"), "encoder")
    copy = actions.add_parser("copy", help="write the vectors to a folder")
    copy.add_argument("folder", type=Path, metavar="DIR", help="a new or empty folder")
    copy.set_defaults(func=_copy)
    explain = actions.add_parser("explain", help="show one vector")
    explain.add_argument("id", metavar="ID", help="identifier of the vector")
    explain.add_argument("--full", action="store_true", help="show every byte of long fields")
    explain.add_argument("--png", type=Path, metavar="FILE", help="draw the expected levels")
    explain.set_defaults(func=_explain)
    show = actions.add_parser("list", help="list the vectors")
    show.add_argument("--profile", choices=("core", "full", "container"), default="container")
    show.add_argument("patterns", nargs="*", metavar="PATTERN", help="identifiers, as 'i2-*'")
    show.set_defaults(func=_list)


def _add_run(parser: argparse.ArgumentParser, kind: str) -> None:
    if kind == "decoder":
        parser.add_argument(
            "--profile",
            choices=("core", "full", "container"),
            default="full",
            help="what the decoder states that it can do (default: full)",
        )
        parser.add_argument(
            "--jsonl", action="store_true", help="long-lived mode: start the command once"
        )
        parser.add_argument(
            "--callable", metavar="MODULE:NAME", help="a Python callable in place of a command"
        )
    parser.add_argument(
        "--only", action="append", default=[], metavar="PATTERN", help="run matching vectors alone"
    )
    parser.add_argument(
        "--timeout", type=float, default=10.0, metavar="S", help="seconds per vector (default: 10)"
    )
    parser.add_argument(
        "--jobs", type=int, default=os.cpu_count() or 1, metavar="N", help="vectors at a time"
    )
    parser.add_argument(
        "--known", type=Path, metavar="FILE", help="known failures, as 'ID outcome' lines"
    )
    parser.add_argument(
        "--write-known", type=Path, metavar="FILE", help="write the failures as such a list"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write a JSON report")
    parser.add_argument("--junit", type=Path, metavar="FILE", help="write JUnit XML")
    parser.add_argument("--badge", type=Path, metavar="FILE", help="write an SVG badge")
    if kind == "decoder":
        parser.add_argument(
            "--draw",
            type=Path,
            metavar="FILE",
            help="draw the simplest plane of wrong values beside what is expected, as PNG",
        )
    parser.add_argument(
        "--keep-going",
        action="store_true",
        help="run all vectors even if the first three get no answer",
    )
    parser.add_argument("--verbose", action="store_true", help="list every vector")
    parser.add_argument("command", nargs="*", metavar="-- COMMAND", help="program and arguments")
    parser.set_defaults(func=_run_decoder if kind == "decoder" else _run_encoder)


def _command_of(args: argparse.Namespace) -> list[str]:
    words: list[str] = list(args.command)
    if not words:
        raise InputError("no command: write '-- COMMAND ARGUMENTS' at the end")
    if shutil.which(words[0]) is None:
        from ..conformance.process import why_not_started

        raise InputError(why_not_started(words[0], FileNotFoundError()))
    return words


def _run_decoder(args: argparse.Namespace) -> int:
    from ..conformance.harness import CallableHarness, Harness, LongLivedHarness, ProcessHarness
    from ..conformance.run import run_suite
    from ..conformance.vectors import load_suite

    make: Callable[[], Harness]
    jobs = args.jobs
    if args.callable:
        target, subject, jobs = _callable(args.callable), args.callable, 1

        def make() -> Harness:
            return CallableHarness(target)
    else:
        words = _command_of(args)
        subject = shlex.join(words)

        def make() -> Harness:
            return LongLivedHarness(words) if args.jsonl else ProcessHarness(words)

    suite = load_suite()
    total = len(suite.select(args.profile, args.only))
    with Waiting(total, "vectors") as bar:
        run = run_suite(
            subject,
            make,
            suite,
            profile=args.profile,
            only=args.only,
            known=_known(args),
            timeout=args.timeout,
            jobs=jobs,
            progress=bar.update,
            keep_going=args.keep_going,
        )
    if args.draw:
        _draw(run, suite, args.draw)
    return _report(run, args)


def _draw(run: Any, suite: Any, path: Path) -> None:
    from ..conformance.drawing import draw_difference
    from ..conformance.summary import simplest

    drawable = [r for r in run.reports if r.difference and r.difference.row is not None]
    report = simplest(drawable, run.sizes)
    if report is None:
        print("--draw: no plane of wrong values, so nothing is drawn", file=sys.stderr)
        return
    (vector,) = (vector for vector in suite.vectors if vector.id == report.id)
    draw_difference(vector, report, path)


def _run_encoder(args: argparse.Namespace) -> int:
    from ..conformance.encoders import run_encoder, select
    from ..conformance.vectors import load_suite

    words = _command_of(args)
    suite = load_suite()
    with Waiting(len(select(suite, args.only)), "cases") as bar:
        run = run_encoder(
            words,
            suite,
            only=args.only,
            known=_known(args),
            timeout=args.timeout,
            jobs=args.jobs,
            progress=bar.update,
            keep_going=args.keep_going,
        )
    return _report(run, args)


def _known(args: argparse.Namespace) -> Any:
    from ..conformance.known import read_known

    return read_known(args.known) if args.known else {}


def _callable(name: str) -> Callable[..., Any]:
    module, _, attribute = name.partition(":")
    sys.path.insert(0, str(Path.cwd()))
    try:
        target = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError, ValueError) as error:
        raise InputError(f"--callable {name}: {error}") from error
    if not callable(target):
        raise InputError(f"--callable {name}: not callable")
    function: Callable[..., Any] = target
    return function


def _report(run: Any, args: argparse.Namespace) -> int:
    from ..conformance import reports
    from ..conformance.known import write_known

    if args.json:
        reports.write_json(run, args.json)
    if args.junit:
        reports.write_junit(run, args.junit)
    if args.badge:
        atomic_text(args.badge, reports.badge(run))
    if args.write_known:
        atomic_text(args.write_known, write_known(run.reports))
    width = shutil.get_terminal_size((100, 24)).columns
    print(reports.table(run, verbose=args.verbose, width=width))
    return 0 if run.verdict.passed else 1


def _copy(args: argparse.Namespace) -> int:
    from ..conformance.vectors import copy_vectors

    count = copy_vectors(args.folder)
    print(f"{args.folder}: {count} files")
    return 0


def _explain(args: argparse.Namespace) -> int:
    from ..conformance.explain import draw_png, explain, find
    from ..conformance.vectors import Vector, load_suite

    entry = find(load_suite(), args.id)
    print(explain(entry, full=args.full))
    if args.png:
        if not isinstance(entry, Vector):
            raise InputError(f"{args.id} is an encoder case: there are no expected levels to draw")
        draw_png(entry, args.png)
    return 0


def _list(args: argparse.Namespace) -> int:
    from ..conformance.vectors import load_suite

    for vector in load_suite().select(args.profile, args.patterns):
        expected = vector.error or "decoded"
        print(f"{vector.id:44} {vector.profile:9} {expected:14} {vector.reason}")
    return 0
