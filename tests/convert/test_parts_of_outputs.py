"""Large inputs are converted in parts: by one process or several, in one run or after a stop."""

import json
import os
import tarfile
from pathlib import Path

import archive_samples as samples
import pytest
from astropy.io import fits
from convert_samples import LSST_SCHEMA, noise, read_ocf

import hstamp
from hstamp.convert import large, parts
from hstamp.convert.image import Position
from hstamp.convert.job import run
from hstamp.convert.parent import EncodeOptions
from hstamp.convert.plan import Job, Output, expand
from hstamp.convert.quarantine import Quarantine
from hstamp.convert.report import Report
from hstamp.convert.small import SmallTask, make_small
from hstamp.convert.workfolder import WorkFolder
from hstamp.errors import InputError

KINDS = ("ocf", "gzipped", "messages", "tar", "tar_gz", "folder", "parquet")
SMALL = 40_000
"""Bytes of a part: an alert or two."""


def make(kind, path):
    if kind == "parquet":
        pytest.importorskip("pyarrow", reason="needs pyarrow (pip install 'hstamp[parquet]')")
    return getattr(samples, kind)(path)


@pytest.fixture
def options(tmp_path):
    """The schema of wire messages, which is none that is installed."""
    path = tmp_path / "schema.avsc"
    path.write_text(json.dumps(LSST_SCHEMA))
    return {"schema_file": path}


def convert(source, out, *, kept=None, jobs=1, **options):
    """Run a conversion; returns report, lines said and progress."""
    said, progress = [], []
    with kept or Quarantine(out.with_name("none")) as quarantine:
        report = Report(quarantine=quarantine)
        job = Job(inputs=expand([source]), out=out, **options)
        run(job, report, say=said.append, progress=progress.append, jobs=jobs)
    return report, said, progress


def counted(report):
    state = report.state()
    del state["problems"], state["file_bytes_out"]
    return state


def rows(path):
    if path.read_bytes()[:4] == b"PAR1":
        import pyarrow.parquet

        return pyarrow.parquet.read_table(path).to_pylist()
    return read_ocf(path)


@pytest.mark.parametrize("form", [None, "stamps"])
@pytest.mark.parametrize("kind", KINDS)
def test_an_output_in_parts_holds_what_one_made_in_one_go_does(tmp_path, options, kind, form):
    source = make(kind, tmp_path / "in")
    options["form"] = form
    kept = [Quarantine(tmp_path / name) for name in ("kept1", "kept2")]
    one, said, _ = convert(source, tmp_path / "one", kept=kept[0], **options)
    parts, again, progress = convert(
        source, tmp_path / "parts", kept=kept[1], part_bytes=SMALL, **options
    )
    assert rows(tmp_path / "one") == rows(tmp_path / "parts")
    # Of the records that are read together, those that cannot be read are told first.
    assert sorted(said) == sorted(again)
    assert again == [str(problem) for problem in parts.problems]
    assert len(parts.problems) == {"tar": 2, "tar_gz": 2, "folder": 2}.get(kind, 1) - (
        kind == "folder" and form == "stamps"
    )
    assert counted(one) == counted(parts)
    assert progress == sorted(progress)
    assert len(progress) > 3
    assert progress[-1] == sum(path.stat().st_size for path in expand([source]))
    records = [read_ocf(quarantine.path) for quarantine in kept]
    for found in records:
        assert len({record["schema"] for record in found if record["alert"]} - {None}) <= 1
        for record in found:
            del record["schema"]
    assert sorted(records[0], key=str) == sorted(records[1], key=str)
    # No folder of parts stays.
    assert not list(tmp_path.glob(".*"))


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    return samples.ocf(tmp_path_factory.mktemp("jobs") / "in.avro")


def stopped_after(monkeypatch, count):
    """Let parts be made, and stop the run like a signal after some."""
    made = []

    def make_part(task, real=parts.make_part):
        if len(made) == count:
            raise KeyboardInterrupt
        made.append(task.part.index)
        real(task)

    monkeypatch.setattr(large, "make_part", make_part)
    return made


@pytest.mark.parametrize("kind", KINDS)
def test_a_run_that_was_stopped_goes_on_after_its_parts(tmp_path, options, kind, monkeypatch):
    source = make(kind, tmp_path / "in")
    options["part_bytes"] = SMALL
    whole, _, _ = convert(source, tmp_path / "whole.avro", **options)
    made = stopped_after(monkeypatch, 3)
    out = tmp_path / "out.avro"
    with pytest.raises(KeyboardInterrupt):
        convert(source, out, **options)
    assert not out.exists()
    (work,) = tmp_path.glob(".out.avro.parts/*/")
    done = sorted(path.name for path in work.glob("part-*"))
    assert done == ["part-000000", "part-000001", "part-000002"]
    monkeypatch.undo()
    again = stopped_after(monkeypatch, 100)
    kept = Quarantine(tmp_path / "kept")
    report, said, _ = convert(source, out, kept=kept, **options)
    assert not set(again) & set(made)
    assert out.read_bytes() == (tmp_path / "whole.avro").read_bytes()
    assert counted(report) == counted(whole)
    assert said == [str(problem) for problem in whole.problems]
    assert len(read_ocf(kept.path)) == len(said)
    assert not list(tmp_path.glob(".*"))


@pytest.mark.parametrize("what", ["options", "input", "version"])
def test_parts_of_another_input_version_or_options_are_thrown_away(
    tmp_path, options, what, monkeypatch
):
    source = samples.ocf(tmp_path / "in")
    options["part_bytes"] = SMALL
    made = stopped_after(monkeypatch, 3)
    with pytest.raises(KeyboardInterrupt):
        convert(source, tmp_path / "out", **options)
    monkeypatch.undo()
    if what == "options":
        options["codec"] = "deflate"
    elif what == "input":
        os.utime(source, (1, 1))
    else:
        monkeypatch.setattr(hstamp, "__version__", "0.0")
    made = stopped_after(monkeypatch, 100)
    _, said, _ = convert(source, tmp_path / "out", **options)
    assert made == list(range(len(made)))
    assert [line for line in said if "all of it is made again" in line]
    assert len(read_ocf(tmp_path / "out")) == samples.COUNT


def test_two_runs_do_not_make_the_same_output(tmp_path, source):
    out = tmp_path / "out.avro"
    with WorkFolder(out, [source], {}, print), pytest.raises(InputError, match="another run"):
        convert(source, out, part_bytes=SMALL)
    convert(source, out, part_bytes=SMALL)
    assert out.exists()


def test_alerts_of_a_second_schema_get_their_file_in_parts_too(tmp_path):
    night = samples.tar(tmp_path / "night.tar", other=True)
    folders = tmp_path / "one", tmp_path / "parts"
    for folder, size in zip(folders, (2**25, SMALL), strict=True):
        convert(night, folder, into_folder=True, part_bytes=size)
    for name in ("night.avro", "night.ztf.alert.avro"):
        one, parts = (read_ocf(folder / name) for folder in folders)
        assert one == parts
    assert len(parts) == 3
    assert sorted(p.name for p in folders[1].iterdir()) == [
        ".hstamp-convert.jsonl", "night.avro", "night.ztf.alert.avro",
    ]  # fmt: skip


def test_codecs_of_members_do_not_hinder(tmp_path):
    night = tmp_path / "night.tar"
    with tarfile.open(night, "w") as archive:
        for number, codec in enumerate(("null", "deflate", "null", "deflate")):
            data = samples.ocf(tmp_path / "m", codec)
            archive.add(data, f"{number}.avro")
    for name, size in (("one", 2**25), ("parts", SMALL)):
        convert(night, tmp_path / name, into_folder=True, part_bytes=size)
    one, parts = (read_ocf(tmp_path / name / "night.avro") for name in ("one", "parts"))
    assert one == parts
    assert len(one) == 4 * samples.COUNT


def test_positions_of_an_image_are_parts(tmp_path):
    path = tmp_path / "image.fits"
    fits.PrimaryHDU(noise(200)).writeto(path)
    positions = tuple(Position(x=20.0 + 3 * n, y=100.0, id=str(n)) for n in range(50))
    positions = (*positions, Position(x=-50.0, y=3.0))
    options = {"positions": positions, "options": EncodeOptions(levels=2)}
    reports = [
        convert(path, tmp_path / name, part_bytes=size, **options)
        for name, size in (("one", 2**25), ("parts", 2**17))
    ]
    assert (tmp_path / "one").stat().st_size > 0
    assert read_ocf(tmp_path / "one") == read_ocf(tmp_path / "parts")
    assert reports[0][1] == reports[1][1]
    assert "record 50" in reports[0][1][0]
    assert counted(reports[0][0]) == counted(reports[1][0])


@pytest.mark.parametrize("cut", [0.35, 0.999])
def test_a_damaged_archive_gives_what_lies_before_the_damage(tmp_path, cut):
    data = samples.tar_gz(tmp_path / "whole").read_bytes()
    (tmp_path / "in").write_bytes(data[: int(len(data) * cut)])
    one, said, _ = convert(tmp_path / "in", tmp_path / "one")
    _, again, _ = convert(tmp_path / "in", tmp_path / "parts", part_bytes=SMALL)
    assert one.alerts_in > 1
    assert sorted(said) == sorted(again)
    assert read_ocf(tmp_path / "one") == read_ocf(tmp_path / "parts")


@pytest.mark.parametrize("kind", ["ocf", "messages", "tar"])
def test_a_damaged_file_gives_what_lies_before_the_damage(tmp_path, options, kind):
    data = bytearray(make(kind, tmp_path / "whole").read_bytes())
    del data[len(data) * 2 // 3 :]
    (tmp_path / "in").write_bytes(data)
    _, said, _ = convert(tmp_path / "in", tmp_path / "one", **options)
    _, again, _ = convert(tmp_path / "in", tmp_path / "parts", part_bytes=SMALL, **options)
    assert sorted(said) == sorted(again)
    assert read_ocf(tmp_path / "one") == read_ocf(tmp_path / "parts")
    assert len(read_ocf(tmp_path / "one")) > 2


def test_an_input_that_changes_meanwhile_gives_no_output(tmp_path, monkeypatch):
    source = samples.ocf(tmp_path / "in")

    def make_part(task, real=parts.make_part):
        real(task)
        os.utime(source, (1, task.part.index))

    monkeypatch.setattr(large, "make_part", make_part)
    report, said, _ = convert(source, tmp_path / "out", part_bytes=SMALL)
    assert "has changed while it was read" in said[-1]
    assert not report.outputs
    assert not (tmp_path / "out").exists()
    monkeypatch.undo()
    convert(source, tmp_path / "out", part_bytes=SMALL)
    assert len(read_ocf(tmp_path / "out")) == samples.COUNT


def test_parts_of_an_output_that_is_there_go(tmp_path, monkeypatch):
    """The run was killed after the output had got its name."""
    source = samples.ocf(tmp_path / "in")
    monkeypatch.setattr(WorkFolder, "remove", lambda self: None)
    convert(source, tmp_path / "out", part_bytes=SMALL)
    monkeypatch.undo()
    assert list(tmp_path.glob(".out.parts/*/part-*"))
    with pytest.raises(InputError, match="exists already"):
        convert(source, tmp_path / "out", part_bytes=SMALL)
    assert not list(tmp_path.glob(".*"))


def test_a_relative_path_is_the_same_to_other_processes(tmp_path, monkeypatch):
    samples.ocf(tmp_path / "in")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path)

    def make_part(task, real=parts.make_part):
        monkeypatch.chdir(tmp_path / "elsewhere")
        real(task)
        monkeypatch.chdir(tmp_path)

    monkeypatch.setattr(large, "make_part", make_part)
    _, said, _ = convert(Path("in"), Path("out"), part_bytes=SMALL)
    assert said[0].startswith("in, record 4, cutoutScience: E_INPUT")
    task = SmallTask.of(Job((Path("in"),), Path("f"), into_folder=True), [
        Output(Path("f/in.avro"), (Path("in"),))
    ])  # fmt: skip
    monkeypatch.chdir(tmp_path / "elsewhere")
    (made,) = make_small(task)
    assert made.there
    (problem,) = made.add_to(Report())
    assert problem.file == "in"
    assert (tmp_path / "f" / "in.avro").exists()
