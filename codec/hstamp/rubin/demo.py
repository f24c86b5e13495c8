"""The way through Rubin's middleware, from images to stamps: ``python -m hstamp.rubin.demo``.

Simulates a visit, fills a Butler repository, runs the pipeline with ``pipetask`` in two processes,
kills a run and resumes it, submits the same pipeline with ``bps`` and Parsl if asked to, compares
every stamp byte by byte with those made here, and writes a page.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import pyarrow as pa

from ..alerts.fields import STAMP_FIELDS
from ..errors import FormatError, HstampError, InputError
from ..outputs import atomic_text
from ..stamp import Stamp
from .page import page
from .repository import INPUTS, alerts_of_run, fill, stamps_of_run
from .simulate import INSTRUMENT, VISIT, expose, stamps_of_exposure
from .stamps import StampOptions

__all__ = ["main"]

PIPELINE: Final = "resource://hstamp.rubin/pipelines/makeHierarchicalStamps.yaml"
_ALERTS: Final = "makeHierarchicalStamps:do_write_alerts=True"
_QUERY: Final = f"instrument='{INSTRUMENT}' AND visit={VISIT}"
_DETECTORS: Final = (1, 2)
_START: Final = (64, 32)
"""First column and row of the images: positions are those of the detector."""
_ONE_DONE: Final = b"Executed 1 quanta successfully, 0 failed and 1 remain"
"""What pipetask says between the two detectors."""
_PATIENCE: Final = 900.0
"""Time for one command [s]."""
_BPS: Final = """pipelineYaml: "{pipeline}"
wmsServiceClass: lsst.ctrl.bps.parsl.ParslService
computeSite: here
parsl: {{log_level: INFO}}
site:
  here:
    class: lsst.ctrl.bps.parsl.sites.Local
    cores: 2
payload:
  payloadName: bps
  output: bps
  outputRun: bps/run
  butlerConfig: {root}
  inCollection: {inputs}
  dataQuery: "{query}"
finalJob: {{requestCpus: 2}}
extraQgraphOptions: "--config {alerts}"
submitPath: "{submit}"
"""


def main(arguments: list[str] | None = None) -> int:
    """Run the demonstration.

    Parameters
    ----------
    arguments : list of str, optional
        Of the command line.

    Returns
    -------
    int
        Exit status: 0, or 1 where a run failed or a stamp differs.
    """
    parser = argparse.ArgumentParser(prog="python -m hstamp.rubin.demo", description=__doc__)
    parser.add_argument("out", type=Path, help="folder to write; it must not exist")
    parser.add_argument("--sources", type=int, default=24, help="sources of each detector")
    parser.add_argument("--bps", action="store_true", help="submit with bps and Parsl, too")
    given = parser.parse_args(arguments)
    try:
        steps = _run(given.out.absolute(), given.sources, given.bps)
    except HstampError as exc:
        print(f"rubin-demo: {exc.reason}", file=sys.stderr)  # noqa: T201
        return 1
    print("\n".join(steps))  # noqa: T201
    return 0


def _run(out: Path, count: int, with_bps: bool) -> list[str]:
    if out.exists():
        raise InputError(f"{out} exists")
    out.mkdir(parents=True)
    root, log = out / "repository", out / "commands.log"
    exposures = [expose(detector, count, start=_START) for detector in _DETECTORS]
    fill(root, exposures)
    expected = {one.detector: stamps_of_exposure(one, StampOptions()) for one in exposures}
    steps = [f"{len(exposures)} detectors of {count} sources are in {root.name}/"]

    took = _pipetask(root, log, "whole", 2)
    steps.append(f"pipetask run -j 2: {took:.1f} s; {_compared(root, 'whole', expected)}")

    # One detector at a time, so that there is a moment between the first and the last.
    began = log.stat().st_size
    _pipetask(root, log, "resumed", 1, kill=lambda: _ONE_DONE in log.read_bytes()[began:])
    before = {path: path.stat().st_mtime_ns for path in _tables(root, "resumed")}
    took = _pipetask(root, log, "resumed", 2, "--extend-run", "--clobber-outputs")
    kept = sum(path.stat().st_mtime_ns == stamp for path, stamp in before.items())
    if kept != 1:
        raise InputError(f"the run that was killed and resumed kept {kept} of 1 detectors")
    steps.append(
        f"killed after 1 of {len(exposures)} detectors and resumed: {took:.1f} s, 1 kept;"
        f" {_compared(root, 'resumed', expected)}"
    )
    if with_bps:
        took = _bps(out, root, log)
        steps.append(f"bps submit with Parsl: {took:.1f} s; {_compared(root, 'bps', expected)}")
    files = sorted(path for end in ("parq", "avro") for path in root.glob(f"*/**/*_stamp*.{end}"))
    _command([sys.executable, "-m", "hstamp", "validate", *map(str, files)], out, log)
    steps.append(f"hstamp validate: {len(files)} tables and files of alerts are valid")
    stamps = {
        one.detector: _decoded(stamps_of_run(root, "whole")[one.detector]) for one in exposures
    }
    atomic_text(out / "report.html", page(exposures, stamps, steps))
    return [*steps, f"see {out / 'report.html'}"]


def _compared(
    root: Path, collection: str, expected: Mapping[int, Mapping[str, list[bytes | None]]]
) -> str:
    """Compare each stamp of a collection with the expected one, and say how many there are."""
    found = stamps_of_run(root, collection)
    if set(found) != set(expected):
        raise FormatError("E_VALUE", f"{collection} holds the detectors {sorted(found)}")
    count = missing = 0
    for detector, columns in expected.items():
        for name, blobs in columns.items():
            if found[detector].column(name).to_pylist() != blobs:
                raise FormatError("E_VALUE", f"{collection}: {name} of {detector} differs")
            count += len(blobs)
            missing += blobs.count(None)
    _compare_alerts(root, collection, expected)
    return f"{count - missing} of {count} stamps, each with the bytes of hstamp.encode_many"


def _compare_alerts(
    root: Path, collection: str, expected: Mapping[int, Mapping[str, list[bytes | None]]]
) -> None:
    """Compare the stamps of alerts as the repository gives them back."""
    found = alerts_of_run(root, collection)
    for detector, columns in expected.items():
        for name, blobs in columns.items():
            records = [alert[name] for alert in found[detector].records]
            stamps = [each and Stamp.from_dict(each).to_bytes() for each in records]
            if stamps != blobs:
                raise FormatError("E_VALUE", f"{collection}: alerts of {detector}: {name} differs")


def _decoded(table: pa.Table) -> dict[str, list[Stamp | None]]:
    """Stamps of a table; reading them is what checks them."""
    return {
        name: [None if blob is None else Stamp.from_bytes(blob) for blob in column.to_pylist()]
        for name, column in zip(table.column_names, table.columns, strict=True)
        if name in STAMP_FIELDS.values()
    }


def _tables(root: Path, collection: str) -> list[Path]:
    return sorted(root.glob(f"{collection}/**/dia_source_stamps_*.parq"))


def _pipetask(
    root: Path,
    log: Path,
    output: str,
    processes: int,
    *more: str,
    kill: Callable[[], bool] | None = None,
) -> float:
    """Run the pipeline into a collection; `kill` says when to end it in the midst."""
    inputs = [] if "--extend-run" in more else ["--input", INPUTS]
    return _command(
        [
            "pipetask", "run", "--butler-config", str(root), "--pipeline", PIPELINE, *inputs,
            "--output", output, "--data-query", _QUERY, "--processes", str(processes),
            "--register-dataset-types", "--no-versions", "--config", _ALERTS, *more,
        ], root.parent, log, kill,
    )  # fmt: skip


def _bps(out: Path, root: Path, log: Path) -> float:
    config = out / "bps.yaml"
    settings = {"pipeline": PIPELINE, "root": root, "inputs": INPUTS, "query": _QUERY}
    settings["alerts"] = _ALERTS
    config.write_text(_BPS.format(submit=out / "submit", **settings), encoding="utf-8")
    return _command(["bps", "submit", str(config)], out, log)


def _command(
    words: list[str], folder: Path, log: Path, kill: Callable[[], bool] | None = None
) -> float:
    """Run a command of the middleware; returns the time it took [s]."""
    program = Path(sys.executable).parent / words[0]
    if not program.exists() and shutil.which(words[0]) is None:
        raise InputError(f"{words[0]} is not installed (extra rubin)")
    environment = os.environ | {
        "PATH": f"{program.parent}{os.pathsep}{os.environ.get('PATH', '')}",
        "OMP_NUM_THREADS": "1",
    }
    began = time.monotonic()
    with log.open("ab") as stream:
        process = subprocess.Popen(  # noqa: S603
            [str(program) if program.exists() else words[0], *words[1:]],
            cwd=folder, env=environment, stdout=stream, stderr=stream, start_new_session=True,
        )  # fmt: skip
        try:
            while process.poll() is None:
                if kill is not None and kill():
                    break
                if time.monotonic() - began > _PATIENCE:
                    raise InputError(f"{words[0]} takes longer than {_PATIENCE:g} s; see {log}")
                time.sleep(0.05)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
    if kill is None and process.returncode:
        raise InputError(f"{words[0]} ended with {process.returncode}; see {log}")
    return time.monotonic() - began


if __name__ == "__main__":
    sys.exit(main())
