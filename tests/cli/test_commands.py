"""The commands as a user runs them: output, exit status, no tracebacks."""

import contextlib
import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple
from unittest import mock

import numpy as np
import pytest
from astropy.io import fits

import hstamp
from hstamp.cli import main
from hstamp.convert import stamps as stamps_module

SOURCE = Path(hstamp.__file__).resolve().parents[1]


class Done(NamedTuple):
    stdout: str
    stderr: str


def run(*arguments, status=0, cwd=".", **variables):
    """Run ``hstamp`` as its entry point does; check its exit status."""
    out, err = io.StringIO(), io.StringIO()
    with (
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
        contextlib.chdir(cwd),
        mock.patch.dict(os.environ, variables),
    ):
        try:
            code = main([str(argument) for argument in arguments])
        except SystemExit as stop:
            code = stop.code
    assert code == status, out.getvalue() + err.getvalue()
    return Done(out.getvalue(), err.getvalue())


def process(*arguments, status=0, **variables):
    """Run ``hstamp`` in a process of its own; check its exit status."""
    done = subprocess.run(
        [sys.executable, "-m", "hstamp.cli", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(SOURCE), **variables},
    )
    assert done.returncode == status, done.stdout + done.stderr
    return done


@pytest.fixture(scope="module")
def image(tmp_path_factory):
    path = tmp_path_factory.mktemp("image") / "image.fits"
    rng = np.random.default_rng(3)
    primary = fits.PrimaryHDU(rng.normal(10, 2, (260, 260)).astype(np.float32))
    for key, value in {
        "BUNIT": "nJy", "CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CRPIX1": 130.0,
        "CRPIX2": 130.0, "CRVAL1": 150.0, "CRVAL2": 2.0, "CD1_1": -5.5e-5, "CD1_2": 0.0,
        "CD2_1": 0.0, "CD2_2": 5.5e-5, "FILTER": "i",
    }.items():  # fmt: skip
        primary.header[key] = value
    variance = fits.ImageHDU(np.full((260, 260), 4, dtype=np.float32), name="VARIANCE")
    fits.HDUList([primary, variance]).writeto(path)
    return path


@pytest.fixture(scope="module")
def stamps(image):
    out = image.with_name("stamps.avro")
    said = run("convert", image, "--ra", 150.0, "--dec", 2.0, "--id", "here", "-o", out).stdout
    assert "1 with n=5" in said
    return out


def test_help_of_everything():
    top = run("--help").stdout
    assert run("--version").stdout == f"hstamp {hstamp.__version__}\n"
    for command in ("convert", "info", "show", "export", "validate", "schema", "demo"):
        assert command in top
        assert "examples:" in run(command, "--help").stdout


def test_info(stamps):
    said = run("info", stamps).stdout
    assert "here" in said
    assert "n=5" in said
    (line,) = run("info", "--json", stamps).stdout.splitlines()
    facts = json.loads(line)
    assert (facts["levels"], facts["values"], facts["band"]) == (5, 900, "i")
    assert facts["wcs"]["pixel"] == pytest.approx(0.198, abs=1e-4)
    assert facts["wcs"]["sky"] is True
    assert facts["bytes"] == len(next(hstamp.read_stamps(stamps)).stamp.to_bytes())


def test_validate_good_and_bad(stamps, tmp_path):
    assert "1 valid" in run("validate", stamps).stdout
    blob = next(hstamp.read_stamps(stamps)).stamp.to_bytes()
    (tmp_path / "good").write_bytes(blob)
    (tmp_path / "trailing").write_bytes(blob + b"\0")
    (tmp_path / "text").write_text("no stamp")
    done = run("validate", tmp_path, status=1)
    assert ": 1 valid stamp, 2 faults" in done.stdout
    assert "E_TRAILING" in done.stderr
    assert str(tmp_path / "text") in done.stderr


def test_show(stamps, tmp_path):
    pytest.importorskip("matplotlib")
    run("show", stamps, "-o", tmp_path / "a.png")
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
    run("show", stamps, "--all", "-o", tmp_path / "pictures")
    assert [p.suffix for p in (tmp_path / "pictures").iterdir()] == [".png"]
    run("show", stamps, cwd=tmp_path)
    assert (tmp_path / "stamps.png").exists()


def test_export(stamps, tmp_path):
    run("export", stamps, "-o", tmp_path / "a.fits")
    with fits.open(tmp_path / "a.fits") as hdus:
        assert hdus[0].data.shape == (240, 240)
    assert "exists already" in run("export", stamps, "-o", tmp_path / "a.fits", status=1).stderr
    run("export", stamps, "-o", tmp_path / "a.fits", "--force", "--legacy")
    with fits.open(tmp_path / "a.fits") as hdus:
        assert hdus[0].data.shape == (30, 30)
        assert hdus[1].name == "UNCERT"
    run("export", stamps, "--blob", "--id", "here", "-o", tmp_path / "a.hstamp")
    stamp = hstamp.Stamp.from_bytes((tmp_path / "a.hstamp").read_bytes())
    assert stamp.id == "here"
    assert "no stamp matches" in run("export", stamps, "--id", "gone", status=1).stderr


def alert_file(path, count=2):
    """Alerts of today, without stamps; the last one's science cutout is damaged."""
    import fastavro

    rng = np.random.default_rng(1)
    schema = {"type": "record", "name": "lsst.v9_0.alert", "fields": [
        {"name": "diaSource", "type": {"type": "record", "name": "source", "fields": [
            {"name": "diaSourceId", "type": "long"}, {"name": "ra", "type": "double"},
            {"name": "dec", "type": "double"}, {"name": "band", "type": "string"}]}},
        *({"name": f"cutout{kind}", "type": ["null", "bytes"]} for kind in
          ("Difference", "Science", "Template"))]}  # fmt: skip

    def cutout():
        primary = fits.PrimaryHDU(rng.normal(0, 3, (30, 30)).astype(np.float32))
        for key, value in {"CRPIX1": 15.3, "CRPIX2": 15.6, "CRVAL1": 150.0, "CRVAL2": 2.0,
                           "CD1_1": -5.5e-5, "CD2_2": 5.5e-5, "BUNIT": "nJy"}.items():  # fmt: skip
            primary.header[key] = value
        stream = io.BytesIO()
        primary.writeto(stream)
        return stream.getvalue()

    rows = [
        {"diaSource": {"diaSourceId": 7 + i, "ra": 150.0, "dec": 2.0, "band": "r"},
         "cutoutDifference": None, "cutoutScience": cutout(), "cutoutTemplate": cutout()}
        for i in range(count)
    ]  # fmt: skip
    rows[-1]["cutoutScience"] = b"no image"
    with open(path, "wb") as stream:
        fastavro.writer(stream, fastavro.parse_schema(schema), rows)
    return path


def test_info_counts_what_it_lists(stamps, tmp_path):
    for name in ("a.avro", "b.avro"):
        (tmp_path / name).write_bytes(stamps.read_bytes())
    (tmp_path / "_SUCCESS").touch()
    (tmp_path / "text").write_text("no stamp")
    done = run("info", tmp_path, status=1)
    size = len(next(hstamp.read_stamps(stamps)).stamp.to_bytes())
    assert "3 files: 2 stamps, 1 fault" in done.stdout
    assert "2 with n=5; 2 i2, 2 variance log8, 2 wcs" in done.stdout
    assert f"{2 * size:,} bytes as blobs, {size:,} each" in done.stdout
    assert f"{tmp_path / 'text'}: E_MAGIC" in done.stderr
    assert "_SUCCESS" not in done.stdout + done.stderr


def test_info_converts_no_more_than_it_lists(stamps, tmp_path):
    path = alert_file(tmp_path / "alerts.avro")
    with mock.patch(
        "hstamp.convert.stamps.convert_alert", wraps=stamps_module.convert_alert
    ) as made:
        said = run("info", path, "-n", 2).stdout
    assert made.call_count == 2
    assert said.count("(converted)") == 2
    assert "... and 2 more (--limit 0 lists all)" in said
    assert "1 file: 2 stamps, 0 faults" in said
    assert "2 more images are no stamps yet and beyond --limit: not converted" in said
    # What is a stamp already is counted whatever the limit.
    hstamp.write_stamps(tmp_path / "five.avro", [next(hstamp.read_stamps(stamps)).stamp] * 5)
    said = run("info", tmp_path / "five.avro", "-n", 2).stdout
    assert "... and 3 more" in said
    assert "1 file: 5 stamps" in said
    assert "not converted" not in said
    # A fault is told however much was listed before it: here that of the last of several blocks.
    hstamp.write_stamps(tmp_path / "many.avro", [next(hstamp.read_stamps(stamps)).stamp] * 40)
    (tmp_path / "cut.avro").write_bytes((tmp_path / "many.avro").read_bytes()[:-100])
    cut = run("info", tmp_path / "cut.avro", "-n", 1, status=1)
    assert "more (--limit 0" in cut.stdout
    assert "E_AVRO" in cut.stdout + cut.stderr


def test_pictures_are_replaced_by_force_alone(stamps, tmp_path):
    pytest.importorskip("matplotlib")
    path = tmp_path / "a.png"
    path.write_bytes(b"mine")
    assert "exists already (--force" in run("show", stamps, "-o", path, status=1).stderr
    assert path.read_bytes() == b"mine"
    run("show", stamps, "-o", path, "--force")
    assert path.read_bytes().startswith(b"\x89PNG")


def test_stamps_without_north_are_drawn_as_stored_among_others(stamps, tmp_path):
    pytest.importorskip("matplotlib")
    flat = hstamp.encode(np.zeros((60, 60)), 30.2, 30.2)
    sky = next(hstamp.read_stamps(stamps)).stamp
    hstamp.write_stamps(tmp_path / "s.avro", [flat, sky])
    done = run("show", tmp_path / "s.avro", "--all", "--north-up", "-o", tmp_path / "pictures")
    assert len(list((tmp_path / "pictures").iterdir())) == 2
    (line,) = done.stderr.splitlines()
    assert "record 0: without a WCS there is no north: drawn as stored" in line


def test_alerts_of_today_are_converted_in_memory(tmp_path):
    path = alert_file(tmp_path / "alerts.avro")
    said = run("info", path, status=1).stdout
    assert "record 0 cutoutScience (converted): 7/science r, n=2" in said
    assert "record 1 cutoutScience: E_INPUT" in said
    assert "3 stamps, 1 fault" in said
    facts = [json.loads(line) for line in run("info", "--json", path, status=1).stdout.splitlines()]
    assert [(f["record"], f["field"], f.get("converted")) for f in facts] == [
        (0, "cutoutScience", True), (0, "cutoutTemplate", True),
        (1, "cutoutScience", None), (1, "cutoutTemplate", True),
    ]  # fmt: skip
    run("export", path, "--field", "template", "--record", 1, "--blob", "-o", tmp_path / "t")
    assert hstamp.Stamp.from_bytes((tmp_path / "t").read_bytes()).id == "8/template"
    run("export", path, "--id", "8/template", "--blob", "-o", tmp_path / "u")
    assert (tmp_path / "u").read_bytes() == (tmp_path / "t").read_bytes()
    # Of all that match, the faulty one is reported and the others are written.
    done = run("export", path, "--all", "--blob", "-o", tmp_path / "all", status=1)
    assert sorted(p.name for p in (tmp_path / "all").iterdir()) == [
        "alerts-000000-cutoutScience.hstamp", "alerts-000000-cutoutTemplate.hstamp",
        "alerts-000001-cutoutTemplate.hstamp",
    ]  # fmt: skip
    assert "record 1, cutoutScience: E_INPUT" in done.stderr


def test_images_are_converted_in_memory(image, tmp_path):
    said = run("info", image).stdout
    assert "FITS file" in said
    assert "0 stamps, 0 faults" in said
    assert "n=5, 47.5 arcsec" in run("info", image, "--ra", 150.0, "--dec", 2.0).stdout
    run("export", image, "--x", 130, "--y", 130, "--blob", "-o", tmp_path / "s")
    made = hstamp.Stamp.from_bytes((tmp_path / "s").read_bytes())
    with fits.open(image) as hdus:
        # The core shows the image's own pixels from 7 before the nearest corner, 131, on.
        own = hdus[0].data[124:138, 124:138]
    assert np.abs(made.levels[0][:14, :14] - own).max() < 2 / 16
    assert "where is the source" in run("export", image, status=1).stderr
    run("export", image, "--ra", 1, status=2)


class Stdin(io.TextIOWrapper):
    def isatty(self):
        return False


@pytest.mark.parametrize("command", ["info", "validate", "show", "export"])
def test_standard_input(command, stamps, tmp_path, monkeypatch):
    if command == "show":
        pytest.importorskip("matplotlib")
    monkeypatch.setattr(sys, "stdin", Stdin(io.BytesIO(stamps.read_bytes())))
    said = run(command, "-", cwd=tmp_path)
    made = {"show": ["stdin.png"], "export": ["stdin.fits"]}.get(command, [])
    assert [p.name for p in tmp_path.iterdir()] == made
    says = {"info": "standard input: Avro container file", "validate": ": 1 valid stamp, 0 faults"}
    assert says.get(command, made[:1] and made[0]) in said.stdout


def test_export_to_standard_output(stamps, tmp_path):
    with open(tmp_path / "blob", "wb") as out:
        done = subprocess.run(
            [sys.executable, "-m", "hstamp.cli", "export", str(stamps), "--blob", "-o", "-"],
            stdout=out, stderr=subprocess.PIPE, check=False,
            env={**os.environ, "PYTHONPATH": str(SOURCE)},
        )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, b"")
    expected = next(hstamp.read_stamps(stamps)).stamp
    assert hstamp.Stamp.from_bytes((tmp_path / "blob").read_bytes()) == expected


HOSTILE = ("py-fixed-size-null.avro", "py-skip-bomb-69kB.avro", "py-decimal-quadratic-900kB.avro")


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("command", ["info", "validate", "export", "convert"])
def test_hostile_files_stay_within_memory(name, command, shared, tmp_path):
    path = shared.parent / "hostile" / name
    if not path.exists():
        pytest.skip("the hostile files are not here")
    limited = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_DATA, (2**30, 2**30));"
        "from hstamp.cli import main; sys.exit(main(sys.argv[1:]))"
    )
    extra = ["-o", str(tmp_path / "out")] if command in ("export", "convert") else []
    done = subprocess.run(
        [sys.executable, "-c", limited, command, str(path), *extra],
        capture_output=True, text=True, check=False, timeout=120,
        env={**os.environ, "PYTHONPATH": str(SOURCE)},
    )  # fmt: skip
    assert "Traceback" not in done.stderr
    if "decimal" in name and command in ("info", "validate"):
        assert done.returncode == 0
    else:
        assert done.returncode == 1
        assert "E_" in done.stderr + done.stdout


def test_convert_repeats_and_failures(image, tmp_path):
    out = tmp_path / "out/"
    run("convert", image, "--x", 130, "--y", 130, "-o", f"{out}/")
    again = ("convert", image, "--x", 130, "--y", 130, "-o")
    assert "skipped     1 x" in run(*again, f"{out}/").stdout
    run(*again, tmp_path / "one.avro")
    before = (tmp_path / "one.avro").read_bytes()
    assert "exists already" in run(*again, tmp_path / "one.avro", status=1).stderr
    assert (tmp_path / "one.avro").read_bytes() == before
    bad = tmp_path / "bad.fits"
    bad.write_bytes(image.read_bytes()[:5000])
    done = run("convert", bad, image, "--x", 130, "--y", 130, "-o", tmp_path / "two.avro", status=1)
    assert "1 E_INPUT" in done.stdout
    assert f"{bad}: E_INPUT:" in done.stderr
    assert len(list(hstamp.read_stamps(tmp_path / "two.avro"))) == 1


def test_catalogue(image, tmp_path):
    (tmp_path / "c.csv").write_text("id,ra,dec\none,150.0,2.0\ntwo,150.001,2.001\n")
    run("convert", image, "--catalog", tmp_path / "c.csv", "--levels", 4, "-o", tmp_path / "o")
    assert [(f.stamp.id, f.stamp.n) for f in hstamp.read_stamps(tmp_path / "o")] == [
        ("one", 4),
        ("two", 4),
    ]


def test_sexagesimal_positions(image, tmp_path):
    run("convert", image, "--ra", "10:00:00", "--dec=+2:00:00", "-o", tmp_path / "o")
    stamp = next(hstamp.read_stamps(tmp_path / "o")).stamp
    assert (stamp.wcs.ra, stamp.wcs.dec) == pytest.approx((150.0, 2.0))


@pytest.mark.parametrize(
    "arguments",
    [
        ["nothing"],
        [],
        ["convert"],
        ["convert", "IMAGE"],
        ["convert", "IMAGE", "-o", "x", "--ra", "1"],
        ["convert", "IMAGE", "-o", "x", "--ra", "1", "--dec", "1", "--x", "1", "--y", "1"],
        ["convert", "IMAGE", "-o", "x", "--levels", "9"],
        ["convert", "IMAGE", "-o", "x", "--levels", "many"],
        ["convert", "IMAGE", "-o", "x", "--psf-size", "4"],
        ["convert", "IMAGE", "-o", "x", "--ra", "1", "--dec", "91"],
        ["convert", "IMAGE", "-o", "x", "--ra", "one", "--dec", "1"],
        ["convert", "IMAGE", "-o", "x", "--encoding", "f8"],
        ["convert", "IMAGE", "-o", "x", "--step", "0"],
        ["schema", "derive"],
        ["schema", "derive", "--version", "eleven", "-o", "x"],
        ["export", "IMAGE", "--legacy", "--blob"],
        ["demo", "x", "--alerts", "0"],
    ],
    ids=" ".join,
)
def test_wrong_usage_is_status_2(arguments, image, tmp_path):
    done = run(*(str(image) if a == "IMAGE" else a for a in arguments), status=2, cwd=tmp_path)
    assert "usage:" in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", ["info", "validate", "show", "export", "convert"])
def test_missing_and_unsuitable_files_are_status_1(command, image, tmp_path):
    if command == "show":
        pytest.importorskip("matplotlib", reason="pictures are drawn by matplotlib")
    extra = ["-o", tmp_path / "out"] if command == "convert" else []
    done = run(command, tmp_path / "gone", *extra, status=1)
    assert "gone" in done.stderr
    (tmp_path / "text").write_text("hello")
    done = run(command, tmp_path / "text", *extra, status=1)
    assert "text" in done.stderr + done.stdout


def test_as_a_process_errors_are_lines_and_pipes_stay_quiet(image, tmp_path):
    done = process("convert", image, "--x", 130, "--y", 130, "-o", tmp_path / "o")
    assert done.stderr == ""
    assert "1 with n=5" in done.stdout
    assert process("validate", tmp_path / "o").stderr == ""
    done = process("show", tmp_path / "gone", status=1)
    assert done.stderr.startswith("hstamp: ")
    assert done.stderr.count("\n") == 1
    assert "Traceback" in process("show", tmp_path / "gone", status=1, HSTAMP_DEBUG="1").stderr


def test_schema_commands(tmp_path):
    assert json.loads(run("schema", "show").stdout) == hstamp.STAMP_SCHEMA
    pytest.importorskip("lsst.alert.packet")
    run("schema", "derive", "--version", "11.0", "-o", tmp_path / "s")
    assert (tmp_path / "s/lsst.v11_1.alert.avsc").exists()
    done = run("schema", "derive", "--version", "99.0", "-o", tmp_path / "t", status=1)
    assert "99.0" in done.stderr


def test_real_alerts_by_command(shared, tmp_path):
    """Every real file, in one run, by content alone."""
    pytest.importorskip("lsst.alert.packet")
    pytest.importorskip("pyarrow")
    said = run("convert", shared / "lsst", shared / "ztf", "-o", f"{tmp_path}/").stdout
    assert "90 in, 90 out" in said
    assert "270 (201 with n=2, 69 with n=3)" in said
    assert "270 valid stamps, 0 faults" in run("validate", tmp_path).stdout


def test_demo(tmp_path):
    pytest.importorskip("matplotlib")
    pytest.importorskip("lsst.alert.packet")
    said = run("demo", tmp_path / "demo", "--alerts", 2).stdout
    assert "2 in, 2 out" in said
    assert "6 with n=5" in said
    page = (tmp_path / "demo/report.html").read_text(encoding="utf-8")
    assert "simulated" in page
    for outside in ("http://", "https://", 'src="/', "<script", "@import"):
        assert outside not in page
    assert page.count("data:image/png;base64,") == 5
    sizes = [
        len(found.stamp.to_bytes())
        for found in hstamp.read_stamps(tmp_path / "demo/alerts-with-stamps.avro")
    ]
    assert max(sizes) < 5000
    assert f"<td>{sum(sizes):,}</td>" in page
