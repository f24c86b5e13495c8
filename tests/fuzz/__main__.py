"""Coverage-guided fuzzing: ``python -m tests.fuzz [--target NAME] [--runs N | --seconds S]``.

Needs atheris (``pip install atheris``). Starts from the conformance vectors and from the corpus
beside this file; inputs that break a promise are written to the folder named at the end, and the
exit status is 1. ``--keep`` adds a minimised set of the inputs found to the corpus.
"""

from __future__ import annotations

import argparse
import hashlib
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
CORPUS = HERE / "corpus"
RUNS = 20_000
LONGEST = 16_384
"""Longest input that is tried [byte]."""
ROOM = 110_000
"""Size of one target's corpus [byte]."""
SUFFIXES = {"stamp": "bin", "batch": "bin", "files": "avro", "plain": "bin"}


def fuzz(target: str, words: list[str]) -> None:
    """Fuzz one target in this process; never returns."""
    import atheris

    with atheris.instrument_imports(include=["hstamp"], exclude=["hstamp.fast"]):
        from hstamp import fast

    from . import mutator, targets

    fast.load()
    custom = mutator.mutator(target, lambda data, limit: bytes(atheris.Mutate(data, limit)))
    atheris.Setup([sys.argv[0], *words], targets.TARGETS[target], custom_mutator=custom)
    atheris.Fuzz()


def seeds_of(target: str, folder: Path) -> None:
    """Write the vectors of a target, in its own form."""
    from . import mutator

    for data in mutator.seeds(SUFFIXES[target]):
        seed = b"\0" + data if target == "batch" else data
        (folder / hashlib.sha1(seed).hexdigest()[:16]).write_bytes(seed)


def corpus_of(target: str) -> list[Path]:
    """Kept inputs of a target."""
    return sorted(p for p in (CORPUS / target).glob("*") if p.is_file())


def command(target: str, *words: str) -> list[str]:
    return [sys.executable, "-m", f"{__package__}", "--inside", target, *words]


def run(target: str, args: argparse.Namespace, found: Path) -> int:
    """Fuzz one target in a process of its own; return how many inputs broke a promise."""
    with tempfile.TemporaryDirectory(prefix="fuzz-") as scratch:
        work, seeds = Path(scratch, "work"), Path(scratch, "seeds")
        work.mkdir()
        seeds.mkdir()
        seeds_of(target, seeds)
        for path in corpus_of(target):
            (seeds / path.name).write_bytes(path.read_bytes())
        budget = (
            [f"-max_total_time={args.seconds}"] if args.seconds else [f"-atheris_runs={args.runs}"]
        )
        words = [
            *budget, f"-seed={args.seed}", f"-max_len={LONGEST}", "-timeout=30",
            "-rss_limit_mb=4096", "-print_final_stats=1", "-len_control=0",
            f"-artifact_prefix={found}/{target}-",
            str(work), str(seeds),
        ]  # fmt: skip
        start = time.monotonic()
        done = subprocess.run(command(target, *words), capture_output=True, text=True, check=False)
        seconds = time.monotonic() - start
        log = done.stderr + done.stdout
        (found / f"{target}.log").write_text(log)
        bad = [p for p in found.glob(f"{target}-*") if p.is_file()]
        executed = [int(x) for x in re.findall(r"^Done (\d+) in", log, re.MULTILINE)]
        executed += [int(x) for x in re.findall(r"^#(\d+)\s", log, re.MULTILINE)]
        covered = re.findall(r"cov: (\d+) ft: (\d+)", log)
        print(
            f"{target:6} {max(executed, default=0):>8} runs {seconds:7.0f} s"
            f"  coverage {covered[-1][0] if covered else '?':>5}"
            f"  features {covered[-1][1] if covered else '?':>6}  broken promises {len(bad)}",
            flush=True,
        )
        if done.returncode and not bad:
            print(log[-3000:])
            return 1
        if args.keep:
            keep(target, work)
    return len(bad)


def keep(target: str, work: Path) -> None:
    """Add what the fuzzer kept, smallest first, to the corpus within its size.

    The fuzzer keeps an input only if it reaches what no seed and no input before it reached, and
    replaces it when a smaller one does the same.
    """
    folder = CORPUS / target
    folder.mkdir(parents=True, exist_ok=True)
    room = ROOM - sum(p.stat().st_size for p in folder.iterdir())
    for path in sorted(work.iterdir(), key=_size):
        data = path.read_bytes()
        name = folder / hashlib.sha1(data).hexdigest()[:16]
        if not data or name.exists():
            continue
        room -= len(data)
        if room < 0:
            break
        name.write_bytes(data)
    print(f"       {len(corpus_of(target))} inputs in the corpus")


def _size(path: Path) -> int:
    return path.stat().st_size


def main() -> int:
    if sys.argv[1:2] == ["--inside"]:
        fuzz(sys.argv[2], sys.argv[3:])
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--target", choices=SUFFIXES, help="only this one")
    budget = parser.add_mutually_exclusive_group()
    budget.add_argument("--runs", type=int, default=RUNS, help=f"per target ({RUNS})")
    budget.add_argument("--seconds", type=int, help="per target")
    parser.add_argument("--seed", type=int, default=1, help="of the fuzzer (1)")
    parser.add_argument("--keep", action="store_true", help="add what is new to the corpus")
    parser.add_argument("--found", type=Path, help="folder for inputs that break a promise")
    args = parser.parse_args()
    found = args.found or Path(tempfile.mkdtemp(prefix="fuzz-found-"))
    found.mkdir(parents=True, exist_ok=True)
    names = [args.target] if args.target else list(SUFFIXES)
    bad = sum(run(name, args, found) for name in names)
    print(f"logs and inputs: {found}")
    return 1 if bad else 0


if __name__ == "__main__":
    raise SystemExit(main())
