"""Conversion of alerts, and stamps out of messages: this checkout, an earlier one and peers.

An earlier version is a checkout, run by the same Python in a process of its own; contenders take
turns, and what counts is CPU time.
"""

from __future__ import annotations

import io
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import fastavro
import numpy as np

import hstamp
from hstamp import fast

from . import data
from .alerts import v11
from .decode import ccddata
from .timing import race

__all__ = ["run"]

HERE = Path(__file__).resolve().parents[2]
KINDS = ("Difference", "Science", "Template")
_WORKER = """
import pathlib, sys, tempfile, time
from hstamp import fast
from hstamp.convert.job import Job, run
from hstamp.convert.report import Report
fast.load()
with tempfile.TemporaryDirectory() as folder:
    out = pathlib.Path(folder) / "out.avro"
    for line in sys.stdin:
        report = Report()
        start = time.process_time()
        run(Job((pathlib.Path(line.strip()),), out, force=True), report)
        taken = time.process_time() - start
        assert report.alerts_out == report.alerts_in
        print(taken, report.alerts_in, flush=True)
"""


@contextmanager
def worker(checkout: Path) -> Iterator[Callable[[Path], float]]:
    """Conversion by a checkout: a function from a file to CPU microseconds an alert."""
    environment = {**os.environ, "PYTHONPATH": str(checkout / "codec")}
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", _WORKER],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment,
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    stdin, stdout = process.stdin, process.stdout

    def convert(path: Path) -> float:
        print(path, file=stdin, flush=True)
        seconds, alerts = stdout.readline().split()
        return 1e6 * float(seconds) / int(alerts)

    try:
        yield convert
    finally:
        stdin.close()
        process.wait()


def repeated(paths: list[Path], out: Path, most: int, times: int = 1) -> list[dict[str, Any]]:
    """Write the alerts of files into one, with the codec of the first; return those of a round."""
    schema, records, codec = None, [], "null"
    for path in paths:
        with path.open("rb") as stream:
            reader = fastavro.reader(stream)
            schema, codec = schema or reader.writer_schema, reader.codec
            records += [r for r, _ in zip(reader, range(most - len(records)), strict=False)]
    with out.open("wb") as stream:
        fastavro.writer(stream, schema, records * times, codec=codec)
    return records


def conversion(shared: Path, baseline: Path | None, rounds: int) -> dict[str, dict[str, float]]:
    """CPU time of an alert [us] for each survey and contender, the median of the rounds."""
    found: dict[str, dict[str, float]] = {}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        ours = stack.enter_context(worker(HERE))
        earlier = None if baseline is None else stack.enter_context(worker(baseline))
        lsst, few = folder / "lsst.avro", folder / "few.avro"
        files = sorted((shared / "lsst/v9_ocf").glob("*.avro"))
        alerts = repeated(files, lsst, 40, 20)
        repeated(files, few, 40, 2)
        ztf, ztf_few = folder / "ztf.avro", folder / "ztf_few.avro"
        labelled = [shared / "ztf_labelled/alerts.avro"]
        repeated(labelled, ztf, 900)
        repeated(labelled, ztf_few, 200)
        peer = lambda: [ccddata(a[f"cutout{k}"]) for a in alerts[:3] for k in KINDS]  # noqa: E731
        for name, many, some in (("LSST v9", lsst, few), ("ZTF", ztf, ztf_few)):
            samples: dict[str, list[float]] = {"this": [], "baseline": [], "CCDData.read": []}
            ours(some)  # compiled kernels are loaded and caches are warm
            for _ in range(rounds):
                samples["this"].append(ours(many))
                if earlier is not None:
                    samples["baseline"].append(earlier(some))
                if name != "ZTF":
                    once = race({"peer": (peer, 3)}, rounds=1)
                    samples["CCDData.read"].append(once["peer"]["median"])
            found[name] = {key: statistics.median(v) for key, v in samples.items() if v}
    return found


def messages(rounds: int) -> dict[str, float] | None:
    """CPU time [us] of reading a v11 alert with three stamps; None without lsst-alert-packet."""
    alerts = v11()
    if alerts is None:
        return None
    rng = np.random.default_rng(1)
    noisy = [rng.normal(0.0, 3.0, (240, 240)) for _ in KINDS]
    psf = np.exp(-np.hypot(*np.mgrid[-12:13, -12:13]) / 3)
    wcs = hstamp.Wcs(10.0, 5.0, -5e-5, 0.0, 0.0, 5e-5)
    stamps = [
        hstamp.encode(
            image, 120, 120, levels=5, variance=np.full(image.shape, 9.0), psf=psf, wcs=wcs
        ).to_dict()
        for image in noisy
    ]
    parsed, out = fastavro.parse_schema(alerts.schema), io.BytesIO()
    fastavro.schemaless_writer(out, parsed, alerts.record(stamps, None))
    message = out.getvalue()
    fast.load()
    taken = race(
        {
            "fastavro": (lambda: fastavro.schemaless_reader(io.BytesIO(message), parsed), 1),
            "read_alert_stamps": (lambda: hstamp.read_alert_stamps(message, alerts.schema), 1),
            "read_many": (lambda: hstamp.read_many([message] * 20, alerts.schema), 20),
        },
        rounds,
    )
    return {name: times["median"] for name, times in taken.items()}


def run(baseline: Path | None, rounds: int) -> dict[str, Any]:
    """CPU time [us]: an alert of each survey by contender, a v11 message by reader."""
    shared = data.shared()
    return {
        "conversion": {} if shared is None else conversion(shared, baseline, rounds),
        "messages": messages(rounds) or {},
    }
