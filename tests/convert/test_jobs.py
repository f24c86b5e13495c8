"""Several processes, killed at any moment: what comes out is the same."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from contextlib import nullcontext
from importlib.util import find_spec
from pathlib import Path

import archive_samples as samples
import pytest
from convert_samples import read_ocf

from hstamp.container.ocf import Container
from hstamp.convert import job
from hstamp.convert.plan import Job, expand
from hstamp.convert.quarantine import Quarantine
from hstamp.convert.report import KEPT, Report
from hstamp.convert.workers import open_workers

KINDS = ("ocf", "gzipped", "messages", "tar", "tar_gz", "folder", "parquet")
PART = "0.04"
"""Size of a part [2^20 bytes]: an alert."""
PATIENCE = 240
"""Time after which a process counts as hanging [s]; machines that build things are slow."""

needs_proc = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="reads /proc")
dask = pytest.param(
    ("--scheduler", "local:2"),
    marks=pytest.mark.skipif(
        find_spec("distributed") is None,
        reason="needs dask.distributed (pip install 'hstamp[dask]')",
    ),
    id="dask",
)
EXECUTORS = [pytest.param(("--jobs", "2"), id="jobs"), dask]


def start(*arguments):
    command = [sys.executable, "-m", "hstamp", "convert", *map(str, arguments)]
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )


def finish(process):
    out, err = process.communicate(timeout=PATIENCE)
    return process.returncode, out, err


def convert(*arguments):
    return finish(start(*arguments))


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def members(group):
    """Processes of a session that are no zombies."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if int(fields[3]) == group and fields[0] != "Z":
                found.append(int(entry.name))
    return found


def workers(group):
    """Processes of a session that convert."""
    found = []
    for pid in members(group):
        try:
            line = Path(f"/proc/{pid}/cmdline").read_bytes()
        except OSError:
            continue
        if pid != group and b"spawn_main" in line:
            found.append(pid)
    return found


def wait_for(condition, what):
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if found := condition():
            return found
        time.sleep(0.02)
    raise AssertionError(f"waited in vain for {what}")


def parts(out):
    return list(out.parent.glob(f".{out.name}.parts/*/part-*"))


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    """A container file of many parts, and the digest of its output made by one process."""
    folder = tmp_path_factory.mktemp("large")
    source = folder / "in.avro"
    source.write_bytes(samples.ocf(folder / "x").read_bytes())
    data = source.read_bytes()
    with source.open("rb") as stream:
        Container(stream)
        head = stream.tell()
    source.write_bytes(data[:head] + data[head:] * 8)
    status, _, err = convert(source, "-o", folder / "out.avro", "--part-size", PART)
    assert status == 1, err
    assert len(read_ocf(folder / "out.avro")) == 8 * samples.COUNT
    return source, digest(folder / "out.avro")


@pytest.fixture(scope="module", params=["jobs", "dask"])
def workers_of(request):
    """Two workers that live through all tests of the module."""
    if request.param == "dask" and find_spec("distributed") is None:
        pytest.skip("needs dask.distributed (pip install 'hstamp[dask]')")
    with open_workers(2, "local:2" if request.param == "dask" else None) as workers:
        assert workers.count == 2
        yield workers


@pytest.fixture
def many(workers_of, monkeypatch):
    """Run a conversion with two workers."""

    def go(*arguments, **options):
        with monkeypatch.context() as patch:
            patch.setattr(job, "open_workers", lambda *asked: nullcontext(workers_of))
            return here(*arguments, **options)

    return go


def here(source, out, **options):
    said, kept = [], Quarantine(out.with_name(f"kept-{out.name}"))
    with kept:
        report = Report(quarantine=kept)
        made = Job(inputs=expand([source]), out=out, roots=(source,), **options)
        job.run(made, report, say=said.append)
    state = report.state()
    state["beside"] = [Path(path).name for path in state["beside"]]
    return state, said, read_ocf(kept.path)


@pytest.mark.parametrize("kind", KINDS)
def test_whoever_converts_the_output_is_the_same(tmp_path, kind, many):
    if kind == "parquet":
        pytest.importorskip("pyarrow", reason="needs pyarrow (pip install 'hstamp[parquet]')")
    source = getattr(samples, kind)(tmp_path / "in")
    schema = tmp_path / "schema.avsc"
    schema.write_text(json.dumps(samples.LSST_SCHEMA))
    options = {"part_bytes": 40_000, "schema_file": schema}
    assert here(source, tmp_path / "one", **options) == many(source, tmp_path / "many", **options)
    assert digest(tmp_path / "one") == digest(tmp_path / "many")


def test_outputs_of_a_folder_are_the_same(tmp_path, many):
    source = samples.folder(tmp_path / "in")
    samples.tar(source / "06.night.tar", other=True)
    options = {"into_folder": True, "part_bytes": 300_000}
    one = here(source, tmp_path / "one", **options)
    assert one == many(source, tmp_path / "many", **options)
    outputs = [
        {p.name: digest(p) for p in (tmp_path / name).iterdir() if p.suffix == ".avro"}
        for name in ("one", "many")
    ]
    assert outputs[0] == outputs[1]
    assert len(outputs[0]) == samples.COUNT + 3
    # A second run makes again what failed, and no more: an alert, and the night.
    state, _, _ = many(source, tmp_path / "many", **options)
    assert dict(state["skipped"]) == {KEPT: 9}


@needs_proc
@pytest.mark.parametrize("executor", EXECUTORS)
@pytest.mark.parametrize("done", [1, 20])
def test_a_killed_client_leaves_no_worker_and_loses_nothing(tmp_path, large, executor, done):
    source, expected = large
    out = tmp_path / "out.avro"
    process = start(source, "-o", out, "--part-size", PART, *executor)
    wait_for(lambda: len(parts(out)) >= done or process.poll() is not None, "parts")
    os.kill(process.pid, signal.SIGKILL)
    finish(process)
    wait_for(lambda: not members(process.pid), "the end of the workers")
    assert len(parts(out)) >= done
    assert not out.exists()
    before = {path.name: path.stat().st_mtime_ns for path in parts(out)}
    assert before
    status, _, err = convert(
        source, "-o", out, "--part-size", PART, "--quarantine", tmp_path / "kept"
    )
    assert status == 1, err
    assert out.exists(), err
    assert digest(out) == expected
    assert len(read_ocf(tmp_path / "kept")) == 8
    assert not list(tmp_path.glob(".*"))


def start_and_kill_a_worker(source, out, *arguments):
    process = start(source, "-o", out, "--part-size", PART, *arguments)
    wait_for(lambda: len(parts(out)) >= 3, "parts")
    os.kill(wait_for(lambda: workers(process.pid), "workers")[-1], signal.SIGKILL)
    return process


@needs_proc
def test_a_killed_worker_ends_the_run_with_a_word_and_the_next_goes_on(tmp_path, large):
    source, expected = large
    out = tmp_path / "out.avro"
    process = start_and_kill_a_worker(source, out, "--jobs", "2")
    status, _, err = finish(process)
    assert status == 1
    assert "a worker was killed" in err.splitlines()[-1]
    assert "the same command goes on with the others" in err.splitlines()[-1]
    wait_for(lambda: not members(process.pid), "the end of its processes")
    assert not out.exists()
    status, _, err = convert(source, "-o", out, "--part-size", PART, "--jobs", "2")
    assert status == 1, err
    assert out.exists(), err
    assert digest(out) == expected


@needs_proc
@pytest.mark.skipif(find_spec("distributed") is None, reason="needs dask.distributed")
def test_a_killed_worker_of_dask_is_replaced(tmp_path, large):
    source, expected = large
    out = tmp_path / "out.avro"
    process = start_and_kill_a_worker(source, out, "--scheduler", "local:2")
    status, _, err = finish(process)
    assert status == 1, err
    assert out.exists(), err
    assert digest(out) == expected


def hears_ctrl_c(pid):
    """Whether a process takes SIGINT: it neither blocks nor ignores it."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    masks = dict(line.split(":\t") for line in lines if line.startswith(("SigBlk", "SigIgn")))
    deaf = int(masks["SigBlk"], 16) | int(masks["SigIgn"], 16)
    return not deaf >> (signal.SIGINT - 1) & 1


@needs_proc
@pytest.mark.parametrize("executor", EXECUTORS)
def test_a_worker_that_only_starts_does_not_hear_ctrl_c(tmp_path, large, executor):
    source, _ = large
    out = tmp_path / "out.avro"
    process = start(source, "-o", out, "--part-size", PART, *executor)
    pid = wait_for(lambda: workers(process.pid), "a worker")[0]
    assert not hears_ctrl_c(pid)
    os.killpg(process.pid, signal.SIGINT)
    status, _, err = finish(process)
    assert status == 128 + signal.SIGINT, err
    assert "Traceback" not in err
    wait_for(lambda: not members(process.pid), "the end of the workers")


@needs_proc
@pytest.mark.parametrize("executor", EXECUTORS)
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_all_processes_and_the_next_run_goes_on(tmp_path, large, executor, number):
    source, expected = large
    out = tmp_path / "out.avro"
    process = start(source, "-o", out, "--part-size", PART, *executor)
    wait_for(lambda: len(parts(out)) >= 2, "parts")
    if number == signal.SIGINT:
        os.killpg(process.pid, number)  # as a terminal does
    else:
        os.kill(process.pid, number)
    status, _, err = finish(process)
    assert status == 128 + number, err
    assert "the same command goes on with the others" in err
    assert "Traceback" not in err
    wait_for(lambda: not members(process.pid), "the end of the workers")
    assert convert(source, "-o", out, "--part-size", PART)[0] == 1
    assert out.exists(), err
    assert digest(out) == expected


def test_what_is_asked_of_a_scheduler_that_is_none(tmp_path):
    source = samples.ocf(tmp_path / "in.avro")
    out = ("-o", tmp_path / "out.avro")
    status, _, err = convert(source, *out, "--scheduler", "local:two")
    assert status == 1
    if find_spec("distributed") is None:
        assert "distributed" in err
        assert "extra 'dask'" in err
    else:
        assert "'local' or 'local:N'" in err
    assert convert(source, *out, "--scheduler", "local", "--jobs", "2")[0] == 2
    assert convert(source, *out, "--jobs", "-1")[0] == 2
