"""A night of alerts through ``hstamp convert``: rates, memory, kills and a plan.

python -m tests.benchmarks.night                    100,000 alerts (12 GB, deleted afterwards)
python -m tests.benchmarks.night --alerts 2000      a first look
python -m tests.benchmarks.night --page             the tables again, from the stored JSON

Needs the extras lsst, parquet, hats and dask. Every command is run as a user runs it, in processes
of its own; the table of forms alone is measured within this process, once everything is loaded.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import io
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

from astropy.io import fits

from . import data
from .markdown import put
from .night_alerts import Night, write_forms
from .night_page import tables
from .timing import machine

PARTS: Final = ("forms", "scale", "kills", "real")
_DOCS: Final = Path(__file__).resolve().parents[2] / "docs"
_PORT: Final = 8797


class Watch(threading.Thread):
    """Resident memory of the processes of a session: largest client, worker and sum [MB]."""

    def __init__(self, session: int) -> None:
        super().__init__(daemon=True)
        self._session, self._end = session, threading.Event()
        self.client = self.worker = self.all = 0.0

    def run(self) -> None:
        while not self._end.wait(0.2):
            sizes = {pid: _resident(pid) for pid in members(self._session)}
            others = [size for pid, size in sizes.items() if pid != self._session]
            self.client = max(self.client, sizes.get(self._session, 0.0))
            self.worker = max([self.worker, *others])
            self.all = max(self.all, sum(sizes.values()))

    def stop(self) -> dict[str, float]:
        self._end.set()
        self.join()
        return {"client MB": self.client, "worker MB": self.worker, "all MB": self.all}


def members(session: int) -> list[int]:
    """Processes of a session."""
    found = []
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError, ValueError):
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
            if int(fields[3]) == session and fields[0] != "Z":
                found.append(int(entry.name))
    return found


def _resident(pid: int) -> float:
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except (OSError, IndexError):
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def workers(session: int) -> list[int]:
    """Processes of a session that convert."""
    found = []
    for pid in members(session):
        with contextlib.suppress(OSError):
            if pid != session and b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes():
                found.append(pid)
    return found


def start(*arguments: Any) -> subprocess.Popen[str]:
    """Start ``hstamp convert`` in a session of its own."""
    command = [sys.executable, "-W", "ignore", "-m", "hstamp", "convert", "--json"]
    return subprocess.Popen(
        [*command, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True, start_new_session=True,
    )  # fmt: skip


def convert(*arguments: Any) -> dict[str, Any]:
    """Run ``hstamp convert``; its time, its CPU time with that of its workers, and memory."""
    before, began = os.times(), time.perf_counter()
    process = start(*arguments)
    watch = Watch(process.pid)
    watch.start()
    out, err = process.communicate()
    after, wall = os.times(), time.perf_counter() - began
    summary = json.loads(out) if out.strip() else {}
    if process.returncode:
        print(err[-2000:], file=sys.stderr)
    cpu = sum(after[2:4]) - sum(before[2:4])
    return {
        "status": process.returncode, "seconds": wall, "CPU seconds": cpu,
        "alerts": summary.get("alertsIn", 0), "failed": summary.get("failed", 0),
        "bytes in": summary.get("fileBytesIn", 0), "bytes out": summary.get("fileBytesOut", 0),
        **watch.stop(),
    }  # fmt: skip


def _cpu() -> float:
    """CPU time of this process and of those that it has waited for [s]."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


@contextlib.contextmanager
def cluster(count: int) -> Iterator[tuple[str, list[subprocess.Popen[bytes]]]]:
    """A Dask scheduler and workers as processes of their own; the first is the scheduler."""
    address = f"tcp://127.0.0.1:{_PORT}"
    tool = [sys.executable, "-m", "distributed.cli.dask_scheduler"]
    worker = [sys.executable, "-m", "distributed.cli.dask_worker", address, "--nthreads", "1"]
    quiet: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with tempfile.TemporaryDirectory() as scratch:
        asked = ["--host", "127.0.0.1", "--port", str(_PORT), "--no-dashboard"]
        made = [subprocess.Popen([*tool, *asked], **quiet)]
        time.sleep(5)
        for _ in range(count):
            made.append(
                subprocess.Popen(
                    [*worker, "--no-nanny", "--no-dashboard", "--local-directory", scratch], **quiet
                )
            )
        time.sleep(10)
        try:
            yield address, made
        finally:
            for process in reversed(made):
                process.kill()
                process.wait()


def forms(night: Night, folder: Path, count: int) -> dict[str, Any]:
    """Alerts a second of CPU time for each form of input, and of output."""
    from hstamp import fast
    from hstamp.cli import main

    fast.load()
    inputs = write_forms(night, folder, count)
    source = inputs["Avro container file"][0]
    outputs: dict[str, list[str]] = {
        "Avro, cutouts kept": [],
        "Avro, cutouts dropped": ["--drop-cutouts"],
        "stamps": ["--as", "stamps"],
        "blobs, one file each": ["--as", "blobs"],
        "wire messages": ["--as", "wire", "--schema-id", "70001"],
        "sorted by schema": ["--by-schema"],
        "partitioned by band": ["--partition", "diaSource.band"],
        "HATS, blobs": ["--as", "hats"],
        "HATS, tensors": ["--as", "hats", "--tensors"],
    }

    def rate(path: Path, alerts: int, options: list[str]) -> dict[str, Any]:
        samples = []
        for n in range(1 if "hats" in options else 3):
            out = folder / f"out-{n}"
            before, began = _cpu(), time.perf_counter()
            with contextlib.redirect_stdout(io.StringIO()) as said:
                status = main(["convert", str(path), "-o", str(out), "--json", *options])
            taken, wall = _cpu() - before, time.perf_counter() - began
            summary = json.loads(said.getvalue())
            samples.append((alerts / taken, alerts / wall))
            shutil.rmtree(out) if out.is_dir() else out.unlink()
        best = max(samples)
        return {
            "alerts": alerts, "status": status, "alerts a CPU second": best[0],
            "alerts a second": max(w for _, w in samples),
            "bytes in": summary["fileBytesIn"] / alerts,
            "bytes out": summary["fileBytesOut"] / alerts,
        }  # fmt: skip

    made: dict[str, Any] = {"inputs": {}, "outputs": {}}
    rate(source, count, ["--as", "stamps"])  # everything is loaded
    for name, (path, alerts, options) in inputs.items():
        made["inputs"][name] = rate(path, alerts, [*options, "--as", "stamps"])
        print(name, made["inputs"][name], file=sys.stderr)
    for name, options in outputs.items():
        made["outputs"][name] = rate(source, count, options)
        print(name, made["outputs"][name], file=sys.stderr)
    table, alerts, _ = inputs["Parquet, cutouts as bytes"]
    made["outputs"]["Parquet, from Parquet"] = rate(table, alerts, [])
    return made


def scale(night: Night, folder: Path, count: int) -> dict[str, Any]:
    """A fifth of the alerts by one process and by several, and all of them by Dask."""
    source, out = folder / "night.avro", folder / "out.avro"
    runs: dict[str, tuple[int, list[str]]] = {
        "this process, a hundredth": (count // 100, []),
        "this process": (count // 5, []),
        "--jobs 2": (count // 5, ["--jobs", "2"]),
        "--scheduler local:1": (count // 5, ["--scheduler", "local:1"]),
        "--scheduler local:2": (count // 5, ["--scheduler", "local:2"]),
        "--scheduler local:2, all": (count, ["--scheduler", "local:2"]),
    }
    made: dict[str, Any] = {}
    written = 0
    for name, (alerts, options) in runs.items():
        if alerts != written:
            night.write(source, written := alerts)
        found = convert(source, "-o", out, "--drop-cutouts", *options)
        found["sha256"] = digest(out)
        out.unlink()
        made[name] = found
        print(name, found, file=sys.stderr)
    return {"alerts": count, "runs": made}


def kills(night: Night, folder: Path, count: int) -> dict[str, Any]:
    """``kill -9`` of each part once a third is done, the same command again, digests."""
    source, out = folder / "night.avro", folder / "out.avro"
    night.write(source, count)
    convert(source, "-o", out, "--drop-cutouts", "--part-size", "8")
    whole = digest(out)
    out.unlink()
    wanted = max(2, source.stat().st_size // (8 * 2**20) // 3)

    def parts() -> int:
        return len(list(folder.glob(f".{out.name}.parts/*/part-*")))

    def once(options: list[Any], kill: Callable[[subprocess.Popen[str]], None]) -> dict[str, Any]:
        process = start(source, "-o", out, "--drop-cutouts", "--part-size", "8", *options)
        while parts() < wanted and process.poll() is None:
            time.sleep(0.05)
        done = parts()
        kill(process)
        try:
            process.communicate(timeout=600)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        return {"parts done": done, "status": process.returncode, "finished": out.exists()}

    def worker(process: subprocess.Popen[str]) -> None:
        if process.poll() is None:
            os.kill(workers(process.pid)[-1], signal.SIGKILL)

    def client(process: subprocess.Popen[str]) -> None:
        os.kill(process.pid, signal.SIGKILL)

    made: dict[str, Any] = {"alerts": count}
    cases: dict[str, tuple[list[Any], Callable[[subprocess.Popen[str]], None]]] = {
        "a worker of --jobs 2": (["--jobs", "2"], worker),
        "the client of --jobs 2": (["--jobs", "2"], client),
        "a worker of --scheduler local:2": (["--scheduler", "local:2"], worker),
        "the client of --scheduler local:2": (["--scheduler", "local:2"], client),
    }
    for name, (options, kill) in cases.items():
        made[name] = once(options, kill)
        _again(made[name], source, out, options, whole)
        print(name, made[name], file=sys.stderr)
    with cluster(2) as (address, processes):
        made["the scheduler of tcp://"] = once(
            ["--scheduler", address], lambda _: processes[0].kill()
        )
    with cluster(2) as (address, _):
        _again(made["the scheduler of tcp://"], source, out, ["--scheduler", address], whole)
    print("scheduler", made["the scheduler of tcp://"], file=sys.stderr)
    return made


def _again(found: dict[str, Any], source: Path, out: Path, options: list[Any], whole: str) -> None:
    if not found["finished"]:
        again = convert(source, "-o", out, "--drop-cutouts", "--part-size", "8", *options)
        found["status of the same command"] = again["status"]
    found["same SHA-256"] = digest(out) == whole
    out.unlink()


def real(folder: Path) -> dict[str, Any]:
    """Every file of the real data, and what became of it."""
    shared = data.shared()
    if shared is None:
        return {}
    from hstamp.cli import main

    made: dict[str, Any] = {}
    for path in sorted(p for p in shared.rglob("*") if p.is_file()):
        out = folder / "real.avro"
        said, told = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(told):
            command = ["convert", str(path), "-o", str(out), "--as", "stamps", "--json"]
            status = main([*command, *_middle(path)])
        summary = json.loads(said.getvalue() or "{}")
        lines = told.getvalue().strip().splitlines()
        made[str(path.relative_to(shared))] = {
            "status": status, "alerts": summary.get("alertsIn", 0),
            "stamps": summary.get("stamps", 0), "failed": summary.get("failed", 0),
            "first message": lines[0].replace(str(shared), "")[:200] if lines else "",
        }  # fmt: skip
        out.unlink(missing_ok=True)
    return made


def _middle(path: Path) -> list[str]:
    """Where to look in an image: at its middle. Nothing for any other file."""
    if path.suffix != ".fits":
        return []
    with fits.open(path) as hdus:
        shapes = [hdu.shape for hdu in hdus if hdu.is_image and len(hdu.shape) == 2]
    return ["--x", str(shapes[0][1] // 2), "--y", str(shapes[0][0] // 2)] if shapes else []


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.night")
    parser.add_argument("--alerts", type=int, default=100_000)
    parser.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--folder", type=Path, help="where the night is made (default: TMPDIR)")
    parser.add_argument("--out", type=Path, default=_DOCS, help="folder of archives.md")
    parser.add_argument("--page", action="store_true", help="write the page from the stored JSON")
    options = parser.parse_args(argv)
    stored = options.out / "figures" / "archives" / "night.json"
    stored.parent.mkdir(parents=True, exist_ok=True)
    results: dict[str, Any] = json.loads(stored.read_text()) if stored.is_file() else {}
    if not options.page:
        night, count = Night(), options.alerts
        work: dict[str, Callable[[Path], Any]] = {
            "forms": lambda folder: forms(night, folder, max(50, count // 250)),
            "scale": lambda folder: scale(night, folder, count),
            "kills": lambda folder: kills(night, folder, max(400, count // 50)),
            "real": real,
        }
        for name in options.only:
            with tempfile.TemporaryDirectory(dir=options.folder) as folder:
                results[name] = work[name](Path(folder))
            results.setdefault("machine", {})[name] = machine()
            stored.write_text(json.dumps(results, indent=1) + "\n")
    put(tables(results), options.out / "archives.md")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
