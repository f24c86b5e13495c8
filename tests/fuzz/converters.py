"""Fuzzing of the converters: ``python -m tests.fuzz.converters [--seconds S | --runs N]``.

Alerts, FITS images and Parquet files that the project makes are changed where their readers look:
cards of headers, types of schemas, bytes of records, order and number of HDUs. Every input goes
through the command line in a process of its own, whose memory and time are measured. The promise:
an exit status of 0 or 1, no traceback, a code of the specification with every failure, outputs
that are valid, below 1 GiB and 10 s of processor time for any input under 1 MB.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import random
import re
import resource
import shutil
import signal
import sys
import tempfile
import time
import traceback
from dataclasses import dataclass
from pathlib import Path

from hstamp import read_stamps
from hstamp.cli import main as command_line
from hstamp.errors import CODES

from .convertible import MUTATORS

MEMORY = 2**30
"""Largest resident size of a process [byte]."""
SECONDS = 10.0
"""Longest processor time of a command [s]."""
LARGEST = 1_000_000
"""Longest input that the bounds hold for [byte]."""
CODE = re.compile(r"\bE_[A-Z]+\b")
COMMANDS = ("convert", "info")


@dataclass(frozen=True)
class Outcome:
    """What one command made of one input."""

    broken: str | None
    status: int
    memory: int
    seconds: float


def arguments(command: str, source: Path, folder: Path) -> list[str]:
    """Words of a command line, with outputs in `folder`."""
    if command == "convert":
        return ["convert", str(source), "-o", str(folder / "out"), "--x", "20", "--y", "20"]
    return [command, str(source)]


def judge(command: str, data: bytes, folder: Path, name: str = "input") -> tuple[int, str | None]:
    """Run a command in this process; its status, and the promise that it broke, if any."""
    source = folder / name
    source.write_bytes(data)
    words = arguments(command, source, folder)
    said, told = io.StringIO(), io.StringIO()
    try:
        with contextlib.redirect_stderr(said), contextlib.redirect_stdout(told):
            status = command_line(words)
        output = folder / "out"
        if command == "convert" and output.is_file():
            for found in read_stamps(output):
                _ = found.stamp.levels, found.stamp.variance, found.stamp.mask, found.stamp.psf
    except MemoryError:
        return -1, "MemoryError"
    except BaseException:
        return -1, traceback.format_exc(limit=-6)
    if status not in (0, 1):
        return status, f"status {status}: {said.getvalue()[-300:]}"
    if "Traceback" in said.getvalue():
        return status, said.getvalue()[-600:]
    codes = set(CODE.findall(said.getvalue() + told.getvalue()))
    if status == 1 and not codes & set(CODES):
        return status, f"failed without a code: {said.getvalue()[-300:]!r}"
    if codes - set(CODES):
        return status, f"codes that the specification does not have: {codes}"
    if any(len(line) > 2_000 for line in said.getvalue().splitlines()):
        return status, "a message carries the input"
    if re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", said.getvalue()):
        return status, "a message holds control characters"
    return status, None


def apart(command: str, target: str, seed: str, found: Path) -> Outcome:
    """Make an input and run a command on it in a process of its own, and measure that.

    This process itself must never use a library that starts threads: they do not survive a fork.
    """
    with tempfile.TemporaryDirectory(prefix="fuzz-") as scratch:
        folder = Path(scratch)
        note = folder / "broken"
        child = os.fork()
        if not child:
            resource.setrlimit(resource.RLIMIT_AS, (6 * MEMORY, 6 * MEMORY))
            resource.setrlimit(resource.RLIMIT_CPU, (30, 35))
            status = 99
            try:
                os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
                data = MUTATORS[target](random.Random(seed))[:LARGEST]
                status, broken = judge(command, data, folder)
                note.write_text(broken or "")
            finally:
                os._exit(status % 256)
        _, ended, used = os.wait4(child, 0)
        broken = note.read_text() if note.exists() else "the process died without a word"
        status = os.waitstatus_to_exitcode(ended)
        memory, seconds = used.ru_maxrss * 1024, used.ru_utime + used.ru_stime
        if status < 0:
            broken = f"killed by {signal.Signals(-status).name}"
        elif not broken and memory > MEMORY:
            broken = f"{memory / 2**20:.0f} MiB"
        elif not broken and seconds > SECONDS:
            broken = f"{seconds:.1f} s"
        if broken and (folder / "input").exists():
            shutil.copy(folder / "input", found / seed.replace(" ", "-"))
    return Outcome(broken or None, status, memory, seconds)


def run(target: str, runs: int, seconds: float | None, seed: int, found: Path) -> int:
    """Fuzz one target; return how many inputs broke a promise."""
    start, outcomes, number = time.monotonic(), [], 0
    while number < runs if seconds is None else time.monotonic() - start < seconds:
        for command in COMMANDS:
            outcome = apart(command, target, f"{target} {seed} {number}", found)
            outcomes.append(outcome)
            if outcome.broken:
                print(f"{command} {target} {seed} {number}: {outcome.broken.strip()[-1500:]}")
        number += 1
    bad = sum(one.broken is not None for one in outcomes)
    print(
        f"{target:6} {number:>7} inputs {len(outcomes):>7} commands"
        f" {time.monotonic() - start:6.0f} s  status 0: {sum(one.status == 0 for one in outcomes)}"
        f"  most memory {max(one.memory for one in outcomes) / 2**20:.0f} MiB"
        f"  most time {max(one.seconds for one in outcomes):.1f} s  broken promises {bad}",
        flush=True,
    )
    return bad


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.converters", description=__doc__)
    parser.add_argument("--target", choices=MUTATORS, help="only this one")
    budget = parser.add_mutually_exclusive_group()
    budget.add_argument("--runs", type=int, default=500, help="inputs of each target (500)")
    budget.add_argument("--seconds", type=float, help="for each target")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--found", type=Path, help="folder for inputs that break a promise")
    args = parser.parse_args()
    found = args.found or Path(tempfile.mkdtemp(prefix="fuzz-found-"))
    found.mkdir(parents=True, exist_ok=True)
    names = [args.target] if args.target else list(MUTATORS)
    bad = sum(run(name, args.runs, args.seconds, args.seed, found) for name in names)
    print(f"inputs that broke a promise: {found}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
