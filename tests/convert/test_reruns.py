"""Runs that are repeated: no failure is forgotten, and nothing that is there is lost."""

import errno
import json
import os

import pytest
from convert_samples import LSST_SCHEMA, lsst_alert, read_ocf, write_ocf

from hstamp import HstampError, InputError
from hstamp.convert import EncodeOptions, alert
from hstamp.convert.job import run
from hstamp.convert.plan import Job, expand, find_inputs
from hstamp.convert.report import Report
from hstamp.errors import OutputError

LOG = ".hstamp-convert.jsonl"


def alerts(path, count=2, bad=()):
    """Alerts of which those in `bad` have a science cutout that is no FITS file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    records = [
        lsst_alert(i, {"cutoutScience": b"not FITS"} if i in bad else None) for i in range(count)
    ]
    return write_ocf(path, LSST_SCHEMA, records)


@pytest.fixture
def folder(tmp_path):
    """Convert the folder ``in`` into the folder ``out``; returns the report."""

    def go(**options):
        report = Report()
        found = find_inputs([tmp_path / "in"])
        job = Job(found.files, tmp_path / "out", into_folder=True, roots=found.roots, **options)
        run(job, report)
        return report

    return go


def test_a_failure_fails_again_until_it_is_mended(tmp_path, folder):
    alerts(tmp_path / "in/good.avro")
    bad = alerts(tmp_path / "in/bad.avro", bad=[1])
    (tmp_path / "in/text").write_text("no alerts")
    for _ in range(2):
        report = folder()
        assert [(p.file.rsplit("/", 1)[1], p.record) for p in report.problems] == [
            ("bad.avro", 1),
            ("text", None),
        ]
        assert len(read_ocf(tmp_path / "out/bad.avro")) == 2
    assert sum(report.skipped.values()) == 1
    (tmp_path / "in/text").unlink()
    times = bad.stat()
    alerts(bad)
    os.utime(bad, ns=(times.st_atime_ns, times.st_mtime_ns))
    report = folder()
    assert report.ok
    assert report.alerts_out == 2
    assert read_ocf(tmp_path / "out/bad.avro")[1]["hstampScience"] is not None
    report = folder()
    assert (report.ok, report.alerts_in, sum(report.skipped.values())) == (True, 0, 2)


def test_failed_outputs_whose_input_is_gone_are_noted(tmp_path, folder):
    alerts(tmp_path / "in/good.avro")
    bad = alerts(tmp_path / "in/bad.avro", bad=[1])
    folder()
    bad.unlink()
    report = folder()
    assert report.ok
    assert sum(report.notes.values()) == 1
    (tmp_path / "out/bad.avro").unlink()
    assert not folder().notes


def test_an_input_that_changed_is_converted_again(tmp_path, folder):
    source = alerts(tmp_path / "in/a.avro", 2)
    assert folder().alerts_out == 2
    alerts(source, 5)
    assert folder().alerts_out == 5
    os.utime(source, ns=(1, 1))
    assert folder().alerts_out == 5
    assert folder().alerts_out == 0


def test_a_worse_input_keeps_the_output_and_fails(tmp_path, folder):
    source = alerts(tmp_path / "in/a.avro", 2)
    folder()
    before = (tmp_path / "out/a.avro").read_bytes()
    source.write_bytes(b"rubbish")
    for _ in range(2):
        assert [p.code for p in folder().problems] == ["E_MAGIC"]
        assert (tmp_path / "out/a.avro").read_bytes() == before


def test_other_options_are_said(tmp_path, folder):
    alerts(tmp_path / "in/a.avro")
    folder(options=EncodeOptions(levels=2))
    before = (tmp_path / "out/a.avro").read_bytes()
    with pytest.raises(InputError, match=r"encoding was the default, is 'f4', levels was 2, is"):
        folder(options=EncodeOptions(encoding="f4"))
    assert (tmp_path / "out/a.avro").read_bytes() == before
    assert folder(options=EncodeOptions(levels=2)).alerts_in == 0
    assert folder(options=EncodeOptions(encoding="f4"), force=True).ok
    assert folder(options=EncodeOptions(encoding="f4")).alerts_in == 0


def test_what_no_run_made_is_not_replaced(tmp_path, folder):
    for name in "ab":
        alerts(tmp_path / f"in/{name}.avro")
    (tmp_path / "out").mkdir()
    mine = tmp_path / "out/a.avro"
    mine.write_text("mine")
    for _ in range(2):
        (problem,) = folder().problems
        assert problem.file.endswith("in/a.avro")
        assert "out/a.avro exists already" in problem.reason
        assert mine.read_text() == "mine"
        assert len(read_ocf(tmp_path / "out/b.avro")) == 2
    assert folder(force=True).ok
    assert len(read_ocf(mine)) == 2
    with mine.open("ab") as stream:
        stream.write(b"more")
    assert "exists already" in folder().problems[0].reason


def test_an_output_of_another_input_is_not_replaced(tmp_path, convert):
    one, two = alerts(tmp_path / "1/a.avro", 1), alerts(tmp_path / "2/a.avro", 3)
    convert(one, tmp_path / "out", into_folder=True)
    (problem,) = convert(two, tmp_path / "out", into_folder=True).problems
    assert f"was made from {one}" in problem.reason
    assert len(read_ocf(tmp_path / "out/a.avro")) == 1
    moved = one.rename(tmp_path / "moved")
    moved.rename(tmp_path / "2/a.avro")
    report = convert(tmp_path / "2/a.avro", tmp_path / "out", into_folder=True)
    assert (report.ok, report.alerts_in) == (True, 0)


@pytest.mark.parametrize("keep", [0.3, 0.9, 1.0])
def test_a_log_that_was_cut_short_costs_work_and_no_more(tmp_path, folder, keep):
    alerts(tmp_path / "in/a.avro")
    folder()
    log = tmp_path / "out" / LOG
    begun, ended = log.read_bytes().rsplit(b"\n", 1)
    assert json.loads(ended)["failed"] == 0
    log.write_bytes(begun + b"\n" + ended[: int(keep * len(ended))])
    for again in (keep < 1, False):
        report = folder()
        assert report.ok
        assert (report.alerts_in > 0) == again


def test_nonsense_in_the_log_is_passed_over(tmp_path, folder):
    alerts(tmp_path / "in/a.avro")
    folder()
    with (tmp_path / "out" / LOG).open("ab") as stream:
        stream.write(b'\n[]\n1\n{"output": 3}\n{"run": {}}\n\xff\n' + b"[" * 9000)
    assert folder().alerts_in == 0


def test_blobs_that_an_input_no_longer_gives_go(tmp_path, folder):
    source = alerts(tmp_path / "in/a.avro", 3)
    folder(form="blobs")
    (tmp_path / "out/a/notes.txt").write_text("mine")
    assert folder(form="blobs").alerts_in == 0
    alerts(source, 1)
    assert folder(form="blobs").ok
    assert sorted(p.name for p in (tmp_path / "out/a").iterdir()) == [
        "000000-difference.hstamp", "000000-science.hstamp", "000000-template.hstamp", "notes.txt"
    ]  # fmt: skip


@pytest.mark.parametrize("form", [None, "stamps"])
def test_a_file_that_exists_is_an_error_without_force(tmp_path, convert, form):
    source, out = alerts(tmp_path / "a.avro"), tmp_path / "out.avro"
    out.write_text("mine")
    out.chmod(0o604)
    with pytest.raises(InputError, match="exists already"):
        convert(source, out, form=form)
    assert out.read_text() == "mine"
    assert convert(source, out, form=form, force=True).ok
    assert len(read_ocf(out)) in (2, 6)
    assert out.stat().st_mode & 0o777 == 0o604


def test_subfolders_are_mirrored_and_bookkeeping_is_passed_over(tmp_path, folder):
    for name in ("day=01/part.avro", "day=02/part.avro", "part.avro"):
        alerts(tmp_path / "in" / name)
    for name in ("_SUCCESS", ".part.avro.crc", "part.crc", "_temporary/0/x.avro", ".git/config"):
        path = tmp_path / "in" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("no alerts")
    assert folder().ok
    made = {str(p.relative_to(tmp_path / "out")) for p in (tmp_path / "out").rglob("*.avro")}
    assert made == {"day=01/part.avro", "day=02/part.avro", "part.avro"}
    assert find_inputs([tmp_path / "in"]).passed_over == 5
    explicit = expand([tmp_path / "in/_SUCCESS"])
    assert explicit == (tmp_path / "in/_SUCCESS",)


def test_an_output_inside_the_input_is_no_input(tmp_path):
    alerts(tmp_path / "a.avro")
    (tmp_path / "out").mkdir()
    alerts(tmp_path / "out/a.avro")
    assert find_inputs([tmp_path], tmp_path / "out").files == (tmp_path / "a.avro",)
    assert find_inputs([tmp_path], tmp_path / "a.avro").files == (tmp_path / "out/a.avro",)


def test_what_cannot_be_read_costs_itself(tmp_path, folder):
    alerts(tmp_path / "in/good.avro")
    os.mkfifo(tmp_path / "in/pipe")
    (tmp_path / "in/broken").symlink_to("nowhere")
    (tmp_path / "in/empty").touch()
    report = folder()
    reasons = {p.file.rsplit("/", 1)[1]: f"{p.code} {p.reason}" for p in report.problems}
    assert set(reasons) == {"pipe", "broken", "empty"}
    assert reasons["pipe"] == "E_INPUT a named pipe, not a file"
    assert reasons["broken"] == "E_INPUT a link that leads nowhere"
    assert reasons["empty"].startswith("E_MAGIC empty file")
    assert report.alerts_out == 2


def test_a_file_that_vanishes_costs_itself(tmp_path, convert):
    good, gone = alerts(tmp_path / "good.avro"), alerts(tmp_path / "gone.avro")
    report = Report()
    job = Job((gone, good, tmp_path), tmp_path / "out.avro")
    gone.unlink()
    run(job, report)
    assert [(p.file, p.reason) for p in report.problems] == [
        (str(gone), "no such file"),
        (str(tmp_path), "a folder, not a file"),
    ]
    assert report.alerts_out == 2


@pytest.mark.parametrize(
    "fault", [ZeroDivisionError("boom"), MemoryError(), RecursionError("deep"), OSError(5, "I/O")]
)
@pytest.mark.parametrize("form", ["alerts", "blobs"])
def test_any_exception_costs_its_record(tmp_path, convert, monkeypatch, fault, form):
    source = alerts(tmp_path / "a.avro", 3)

    def faulty(record, *args, **options):
        if record["diaSource"]["diaSourceId"] == 170001:
            raise fault
        return read_alert(record, *args, **options)

    read_alert = alert.read_alert
    monkeypatch.setattr(alert, "read_alert", faulty)
    report = convert(source, tmp_path / "out/", into_folder=True, form=form)
    (problem,) = report.problems
    assert (problem.file, problem.record, problem.code) == (str(source), 1, "E_INPUT")
    assert type(fault).__name__ in problem.reason
    assert sum(report.stamps.values()) == 6


@pytest.mark.usefixtures("third_unwritable")
def test_a_record_that_cannot_be_written_costs_itself(tmp_path, convert):
    source = alerts(tmp_path / "a.avro", 4)
    report = convert(source, tmp_path / "out.avro")
    assert [(p.record, p.reason) for p in report.problems] == [(2, "TypeError: cannot")]
    ids = [record["diaSourceId"] for record in read_ocf(tmp_path / "out.avro")]
    assert ids == [170000, 170001, 170003]


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO])
def test_a_fault_of_writing_ends_the_run(tmp_path, monkeypatch, number):
    def fsync(handle):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", fsync)
    source = [alerts(tmp_path / f"in/{i}.avro") for i in range(3)]
    report = Report()
    with pytest.raises(OutputError) as caught:
        run(Job(tuple(source), tmp_path / "out", into_folder=True), report)
    assert caught.value.errno == number
    assert str(tmp_path / "out/0.avro") in str(caught.value)
    assert caught.value.code != "E_INPUT"
    assert isinstance(caught.value, HstampError)
    assert report.alerts_in <= 2
    assert {p.name for p in (tmp_path / "out").iterdir()} <= {LOG}
