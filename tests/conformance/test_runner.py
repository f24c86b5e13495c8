# ruff: noqa: E501 - one expectation a line
"""The runner is tested by decoders with known faults: each must be caught, and rightly named."""

import json
import sys
from pathlib import Path

import pytest

from hstamp.cli import main
from hstamp.conformance import (
    CallableHarness,
    LongLivedHarness,
    Outcome,
    ProcessHarness,
    Unsupported,
    load_suite,
    run_vectors,
)
from hstamp.conformance.answers import BadOutputError, parse_decoded, parse_json
from hstamp.conformance.process import CommandError, run_once

BAD = Path(__file__).resolve().parent / "bad_decoders"
PLAIN, VARIANCE, MASK, PSF = "f4-n3", "planes-variance", "planes-mask", "planes-psf"
GAPS, ORDER, TRUNCATED, SCALE = (
    "missing-core-one-f4",
    "mean-order",
    "truncated-by-one",
    "image-scale-nan-level0",
)

# What each decoder must be told about a few vectors; PASS where its fault does not show.
EXPECTED = {
    "right": {PLAIN: "pass", VARIANCE: "pass", MASK: "pass", PSF: "pass", GAPS: "pass", TRUNCATED: "pass", SCALE: "pass"},
    "noisy": {PLAIN: "pass", TRUNCATED: "pass"},
    "always_accept": {PLAIN: "pass", TRUNCATED: "accepted-invalid", SCALE: "accepted-invalid"},
    "always_reject": {PLAIN: "rejected-valid", TRUNCATED: "pass", SCALE: "wrong-error-code"},
    "off_by_one_pixel": {PLAIN: "wrong-value", TRUNCATED: "pass"},
    "transposed": {PLAIN: "wrong-value", TRUNCATED: "pass"},
    "wrong_endian": {PLAIN: "wrong-value", TRUNCATED: "pass"},
    "wrong_parity": {PLAIN: "wrong-value", "b4-i2-n4": "wrong-value", TRUNCATED: "pass"},
    "sum_not_mean": {PLAIN: "wrong-value", TRUNCATED: "pass"},
    "crashing": {PLAIN: "pass", VARIANCE: "crash", MASK: "crash"},
    "hanging": {PLAIN: "pass", PSF: "time-out"},
    "nan_as_null": {GAPS: "bad-output", TRUNCATED: "pass"},
    "truncated_json": {PLAIN: "bad-output", TRUNCATED: "bad-output"},
    "wrong_codes": {PLAIN: "pass", TRUNCATED: "pass", SCALE: "wrong-error-code"},
    "unsupporting": {VARIANCE: "pass", PLAIN: "unsupported", TRUNCATED: "pass"},
    "missing_key": {PLAIN: "bad-output", TRUNCATED: "pass"},
    "silent": {PLAIN: "bad-output", TRUNCATED: "accepted-invalid"},
    "nan_as_zero": {PLAIN: "pass", GAPS: "wrong-value"},
    "derived_absent": {PLAIN: "wrong-value"},
    "single_precision": {PLAIN: "pass", ORDER: "pass", "mean-rounding": "wrong-value", "extreme-f4-max": "wrong-value"},
}  # fmt: skip
SUITE = load_suite()
BY_ID = {vector.id: vector for vector in SUITE.vectors}


def command(name):
    return [sys.executable, str(BAD / f"{name}.py")]


def outcomes(harness, wanted, timeout=30.0):
    vectors = [BY_ID[name] for name in wanted]
    reports = list(run_vectors(lambda: harness, vectors, profile="full", timeout=timeout))
    return reports, {report.id: report.outcome.value for report in reports}


def test_every_bad_decoder_is_listed():
    files = {path.stem for path in BAD.glob("*.py")} - {"common"}
    assert files == set(EXPECTED) | {"endless"}


@pytest.mark.parametrize("name", EXPECTED)
def test_caught_with_a_process_for_each_vector(name):
    timeout = 3.0 if name == "hanging" else 60.0
    _, found = outcomes(ProcessHarness(command(name)), EXPECTED[name], timeout)
    assert found == EXPECTED[name]


@pytest.mark.parametrize("name", [n for n in EXPECTED if n not in ("truncated_json", "silent")])
def test_caught_in_long_lived_mode(name):
    timeout = 3.0 if name == "hanging" else 60.0
    _, found = outcomes(LongLivedHarness(command(name)), EXPECTED[name], timeout)
    assert found == EXPECTED[name]


def test_output_without_end_is_cut():
    reports, _ = outcomes(ProcessHarness(command("endless")), [PLAIN])
    assert reports[0].outcome is Outcome.BAD_OUTPUT
    assert "64 MiB" in reports[0].detail


def test_a_wrong_value_says_where_and_what():
    reports, _ = outcomes(ProcessHarness(command("off_by_one_pixel")), [PLAIN])
    difference = reports[0].difference
    assert (difference.what, difference.level, difference.row, difference.column) == (
        "image",
        0,
        0,
        0,
    )
    # Position 1 of stamp order, and the derived pixel of level 1 (4, 11): ring index 4 rows of 15, 4 cells.
    assert (difference.expected, difference.expected_hex) == ("1.0", "3F800000")
    assert difference.got == str(float(196 + 4 * 15 + 4 + 1))
    assert difference.total == 675


def test_crash_keeps_status_signal_and_standard_error():
    reports, _ = outcomes(ProcessHarness(command("crashing")), [VARIANCE, MASK])
    assert reports[0].exit_status == 3
    assert "assertion failed" in reports[0].stderr
    assert "SIGSEGV" in reports[1].detail


def test_order_of_reports_is_that_of_vectors():
    vectors = SUITE.select("core", ["version-*"])
    reports = run_vectors(
        lambda: ProcessHarness(command("right")), vectors, profile="core", timeout=60, jobs=3
    )
    assert [report.id for report in reports] == [vector.id for vector in vectors]


def test_a_program_that_reads_nothing_is_no_fault_of_the_pipe():
    done = run_once([sys.executable, "-c", "raise SystemExit(1)"], b"x" * 10_000_000, 60)
    assert done.status == 1


def test_a_program_that_does_not_exist():
    with pytest.raises(CommandError, match="cannot find the program"):
        run_once(["/no/such/program"], b"", 1)


def test_long_lived_answers_must_come_in_order(tmp_path):
    program = tmp_path / "swapped.py"
    program.write_text(
        'import sys\nfor line in sys.stdin:\n    print(\'{"id": "other", "status": "unsupported"}\', flush=True)\n'
    )
    reports, _ = outcomes(LongLivedHarness([sys.executable, str(program)]), [PLAIN])
    assert reports[0].outcome is Outcome.BAD_OUTPUT
    assert "'other'" in reports[0].detail


def test_long_lived_process_is_restarted_after_it_ended(tmp_path):
    program = tmp_path / "once.py"
    program.write_text(
        "import json, sys\nline = json.loads(sys.stdin.readline())\n"
        'print(json.dumps({"id": line["id"], "status": "rejected", "error": "E_AVRO"}), flush=True)\n'
    )
    _, found = outcomes(
        LongLivedHarness([sys.executable, str(program)]),
        [TRUNCATED, TRUNCATED.replace("by-one", "before-version")],
    )
    assert next(iter(found.values())) == "pass"


def test_callables():
    class Fault(Exception):
        code = "E_AVRO"

    def decoder(data):
        if data == BY_ID[TRUNCATED].data():
            raise Fault
        if data == BY_ID[PLAIN].data():
            raise Unsupported
        return 1 / 0

    _, found = outcomes(CallableHarness(decoder), [TRUNCATED, PLAIN, GAPS])
    assert found == {TRUNCATED: "pass", PLAIN: "unsupported", GAPS: "crash"}


def test_optional_codecs_do_not_fail():
    vector = BY_ID["container-snappy"]
    for status in (lambda data: (_ for _ in ()).throw(Unsupported()), _reject_codec):
        (report,) = run_vectors(
            lambda status=status: CallableHarness(status), [vector], profile="container"
        )
        assert report.outcome is Outcome.UNSUPPORTED
        assert not report.failed


def _reject_codec(data):
    error = ValueError("no such codec")
    error.code = "E_CODEC"
    raise error


def test_core_run_ignores_other_planes():
    vector = BY_ID[VARIANCE]
    stamp = dict(vector.expected()[0]) | {"variance": "nonsense", "mask": 3}
    harness = CallableHarness(lambda data: {"stamps": [stamp]})
    assert harness.run(vector, "core", 1).outcome is Outcome.PASS
    assert harness.run(vector, "full", 1).outcome is Outcome.BAD_OUTPUT


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"image": "AAAA"}, "bytes"),
        ({"image": "!"}, "base64"),
        ({"image": None}, "not base64 text"),
        ({"levels": 9}, "levels"),
        ({"levels": True}, "levels"),
        ({"dx": "0.5"}, "not a number"),
        ({"wcs": {"ra": 1, "dec": 2, "cd": [1, 2, 3]}}, "four numbers"),
        ({"wcs": 7}, "wcs is not an object"),
        ({"mask": {"planes": []}}, "mask is not an object"),
        ({"psf": {"size": 0, "data": ""}}, "size"),
    ],
)
def test_answers_that_break_the_protocol(change, message):
    stamp = dict(BY_ID[PLAIN].expected()[0]) | change
    with pytest.raises(BadOutputError, match=message):
        parse_decoded({"stamps": [stamp]}, "full")


@pytest.mark.parametrize("raw", [b"", b"[]", b"{", b"\xff", b"nul", b"[" * 100000])
def test_output_that_is_no_object(raw):
    with pytest.raises(BadOutputError):
        parse_json(raw)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("version", 101),
        ("id", "x"),
        ("band", "r"),
        ("fluxUnit", "DN"),
        ("dx", 0.25),
        ("field", "f"),
        ("wcs", None),
    ],
)
def test_wrong_metadata_is_a_wrong_value(key, value):
    vector = BY_ID["wcs-lsst"]
    stamp = dict(vector.expected()[0]) | {key: value}
    report = CallableHarness(lambda data: {"stamps": [stamp]}).run(vector, "core", 1)
    assert report.outcome is Outcome.WRONG_VALUE
    assert key in report.detail


def test_mask_names_and_number_of_stamps_count():
    vector = BY_ID[MASK]
    stamp = dict(vector.expected()[0])
    renamed = stamp | {"mask": stamp["mask"] | {"planes": ["X"] * 8}}
    for stamps in ([renamed], [stamp, stamp], []):
        report = CallableHarness(lambda data, stamps=stamps: {"stamps": stamps}).run(
            vector, "full", 1
        )
        assert report.outcome is Outcome.WRONG_VALUE


def run_cli(capsys, *words):
    status = main(["conformance", *words])
    return status, capsys.readouterr().out


def test_known_failures_and_stale_ones(tmp_path, capsys):
    only = ["--only", "version-9*", "--only", "version-200", "--only", "image-scale-nan-*"]
    bad = ["--", *command("wrong_codes")]
    known = tmp_path / "known.txt"
    status, out = run_cli(capsys, "run", *only, "--write-known", str(known), *bad)
    assert status == 1
    assert "wrong-error-code" in out
    lines = known.read_text(encoding="utf-8").splitlines()
    assert lines == sorted(
        lines, key=lambda line: [v.id for v in SUITE.vectors].index(line.split()[0])
    )
    status, out = run_cli(capsys, "run", *only, "--known", str(known), *bad)
    assert status == 0
    assert "all of them known" in out
    status, out = run_cli(capsys, "run", *only, "--known", str(known), "--", *command("right"))
    assert status == 1
    assert "stale" in out
    known.write_text("version-99 crash  # listed with another outcome\n")
    status, out = run_cli(capsys, "run", *only, "--known", str(known), *bad)
    assert status == 1
    assert "listed as crash, but the outcome is wrong-error-code" in out


@pytest.mark.parametrize(
    "line", ["version-99", "version-99 odd", "version-99 pass", "a crash\na crash"]
)
def test_known_failures_that_cannot_be_read(tmp_path, capsys, line):
    known = tmp_path / "known.txt"
    known.write_text(line)
    status = main(["conformance", "run", "--known", str(known), "--", *command("right")])
    assert status == 1
    assert "known.txt, line" in capsys.readouterr().err


def test_reports_of_a_failing_run(tmp_path, capsys):
    jsonschema = pytest.importorskip("jsonschema", reason="jsonschema comes with the test extra")
    from xml.etree import ElementTree

    from hstamp.conformance.reports import SCHEMA_PATH

    files = {name: tmp_path / name for name in ("report.json", "junit.xml", "badge.svg")}
    status, out = run_cli(
        capsys, "run", "--only", "version-99", "--only", PLAIN, "--only", TRUNCATED,
        "--json", str(files["report.json"]), "--junit", str(files["junit.xml"]),
        "--badge", str(files["badge.svg"]), "--", *command("off_by_one_pixel"),
    )  # fmt: skip
    assert status == 1
    assert "wrong-value" in out
    assert "image level 0 row 0 column 0: expected 1.0 (3F800000 hex)" in " ".join(out.split())
    report = json.loads(files["report.json"].read_text(encoding="utf-8"))
    jsonschema.validate(report, json.loads(SCHEMA_PATH.read_text(encoding="utf-8")))
    assert report["counts"]["wrong-value"] == 1
    assert report["counts"]["pass"] == 2
    assert report["results"][0]["difference"]["expected_hex"] == "3F800000"
    tree = ElementTree.parse(files["junit.xml"]).getroot()
    assert (tree.get("tests"), tree.get("failures")) == ("3", "1")
    assert tree.find("testcase/failure").get("type") == "wrong-value"
    svg = ElementTree.parse(files["badge.svg"]).getroot()
    title = svg.find("{http://www.w3.org/2000/svg}title").text
    assert title == f"hstamp 1.0 full: 1 failing (suite {SUITE.version})"


def test_badge_of_a_partial_run_claims_nothing(tmp_path, capsys):
    badge = tmp_path / "badge.svg"
    status, _ = run_cli(
        capsys, "run", "--only", PLAIN, "--badge", str(badge), "--", *command("right")
    )
    assert status == 0
    assert "conforms" not in badge.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["run"], "no command"),
        (["run", "--", "no-such-program-here"], "cannot find the program"),
        (["run", "--only", "nothing-*", "--", sys.executable], "matches"),
        (["run", "--callable", "nowhere:decode"], "nowhere"),
        (["explain", "f4-n22"], "near: f4-n2"),
    ],
)
def test_wrong_usage_is_explained(capsys, words, message):
    assert main(["conformance", *words]) == 1
    assert message in capsys.readouterr().err


def test_explain_shows_bytes_clauses_and_levels(capsys, tmp_path):
    status, out = run_cli(capsys, "explain", "b2-i2-n2")
    assert status == 0
    assert "C8 01" in out
    assert "[EN-11]" in out
    assert "level 1" in out
    status, out = run_cli(capsys, "explain", TRUNCATED)
    assert "reading stops: psf.data at byte" in out
    status, out = run_cli(capsys, "explain", "avro-long-padded")
    assert "not the shortest form" in out
    status, out = run_cli(capsys, "explain", "encode-psf-21")
    assert "psf                21 x 21" in out
    pytest.importorskip("matplotlib", reason="matplotlib comes with the plot extra")
    png = tmp_path / "levels.png"
    assert run_cli(capsys, "explain", "f4-n5", "--png", str(png))[0] == 0
    assert png.read_bytes().startswith(b"\x89PNG")


def test_everything_can_be_explained():
    from hstamp.conformance.explain import explain

    for entry in (*SUITE.vectors, *SUITE.encode):
        text = explain(entry)
        assert entry.reason in text
        if entry.error:
            assert entry.error in text


def test_copy_writes_the_suite(tmp_path, capsys):
    target = tmp_path / "vectors"
    status, _ = run_cli(capsys, "copy", str(target))
    assert status == 0
    assert load_suite(target).version == SUITE.version
    assert (target / "valid" / "b1-f4-n2.bin").read_bytes() == BY_ID["b1-f4-n2"].data()
    assert main(["conformance", "copy", str(target)]) == 1
