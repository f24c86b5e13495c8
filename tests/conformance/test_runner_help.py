"""What the runner tells someone whose decoder does not start, or is wrong in a known way."""

import io
import os
import sys
import time

import numpy as np
import pytest
from test_runner import BAD, BY_ID, command, run_cli

from hstamp.cli import main
from hstamp.cli.waiting import Waiting
from hstamp.conformance.patterns import pattern_of

REST = np.random.default_rng(7).normal(100, 3, (3, 15, 15)).astype("f4")


def script(tmp_path, text, name="decoder", mode=0o755):
    path = tmp_path / name
    path.write_text(text)
    path.chmod(mode)
    return str(path)


def test_three_vectors_without_an_answer_end_the_run(tmp_path, capsys):
    counter = tmp_path / "calls"
    noise = "\n".join(f"line {i}" for i in range(300))
    program = tmp_path / "never.py"
    program.write_text(
        f"import sys\nopen({str(counter)!r}, 'a').write('x')\n"
        f"sys.stderr.write({noise!r})\nraise SystemExit(70)\n"
    )
    status, out = run_cli(capsys, "run", "--", sys.executable, str(program))
    assert status == 1
    assert counter.read_text() == "xxx"
    assert "stopped: the first 3 vectors got no answer (crash)" in out
    assert "exit status 70" in out
    for i in range(300):
        assert f"  line {i}\n" in out + "\n"


def test_no_json_at_all_ends_the_run_in_long_lived_mode_too(tmp_path, capsys):
    program = tmp_path / "chatty.py"
    program.write_text("import sys\nfor line in sys.stdin:\n    print('hello', flush=True)\n")
    status, out = run_cli(capsys, "run", "--jsonl", "--", sys.executable, str(program))
    assert status == 1
    assert "(bad-output)" in out
    assert "it wrote nothing to standard error" in out


def test_a_callable_that_never_answers_shows_its_traceback(tmp_path, capsys, monkeypatch):
    (tmp_path / "notyet.py").write_text("def decode(data):\n    return data.no_such_method()\n")
    monkeypatch.syspath_prepend(tmp_path)
    status, out = run_cli(capsys, "run", "--callable", "notyet:decode")
    assert status == 1
    assert "Traceback (most recent call last):" in out
    assert "no_such_method" in out


def test_a_run_goes_on_when_told_to_and_when_only_some_vectors_crash(tmp_path, capsys):
    program = tmp_path / "never.py"
    program.write_text("raise SystemExit(70)\n")
    only = ["--only", "version-*"]
    status, out = run_cli(capsys, "run", *only, "--keep-going", "--", sys.executable, str(program))
    assert status == 1
    assert "stopped" not in out
    assert "does not conform" in out
    known = tmp_path / "known"
    run_cli(capsys, "run", *only, "--keep-going", "--write-known", str(known), "--",
            sys.executable, str(program))  # fmt: skip
    status, out = run_cli(
        capsys, "run", *only, "--known", str(known), "--", sys.executable, str(program)
    )
    assert status == 0
    assert "all of them known" in out


def test_stopped_run_claims_nothing(tmp_path, capsys):
    program = tmp_path / "never.py"
    program.write_text("raise SystemExit(70)\n")
    badge = tmp_path / "badge.svg"
    run_cli(capsys, "run", "--badge", str(badge), "--", sys.executable, str(program))
    assert "no answer" in badge.read_text(encoding="utf-8")
    assert "conforms" not in badge.read_text(encoding="utf-8")


@pytest.mark.skipif(os.name != "posix", reason="modes and first lines are those of POSIX systems")
@pytest.mark.parametrize("kind", ["run", "run-encoder"])
def test_why_a_program_does_not_start(tmp_path, capsys, kind):
    for program, words in (
        (script(tmp_path, "#!/bin/sh\nexit 0\n", "plain.sh", 0o644), "not executable"),
        (script(tmp_path, "#!/no/such/python3\n", "shebang"), "'#!/no/such/python3', names"),
        (script(tmp_path, "\x7fELF of another machine", "elf"), "not a program of this machine"),
        (str(tmp_path), "it is a folder"),
        (str(tmp_path / "absent"), "cannot find the program"),
    ):
        assert main(["conformance", kind, "--", program]) == 1
        heard = capsys.readouterr().err
        assert words in heard, (program, heard)
        assert "E_INPUT" in heard


def holes(values, c_of=lambda k: (k - 1) % 2, fold=lambda four: np.mean(four, axis=0)):
    """Right levels, or ones bent in one way."""
    out = values.copy()
    for k in range(1, len(out)):
        c = c_of(k)
        part = out[k - 1, c : c + 14, c : c + 14].astype("f8")
        out[k, 4:11, 4:11] = fold([part[i::2, j::2] for i in (0, 1) for j in (0, 1)])
    return out


RIGHT = holes(REST)


def changed(where, by):
    out = RIGHT.copy()
    out[where] = by(out[where])
    return out


def step(values):
    return np.nextafter(values, np.float32(np.inf))


@pytest.mark.parametrize(
    ("have", "words"),
    [
        (RIGHT.byteswap(), "byte order"),
        (RIGHT.swapaxes(1, 2), "transposed"),
        (RIGHT[:, ::-1], "rows are in reverse"),
        (RIGHT[:, :, ::-1], "columns are in reverse"),
        (RIGHT[::-1], "levels are in reverse"),
        (np.roll(RIGHT, 1), "one value late"),
        (np.roll(RIGHT, -1), "one value early"),
        (holes(REST, c_of=lambda k: k % 2), "own level: see [GE-4]"),
        (holes(REST, fold=lambda four: np.sum(four, axis=0)), "as sums, not means: see [VA-3]"),
        (
            changed((slice(1, 2), slice(4, 11), slice(4, 11)), step),
            "image: holes alone, at most 1 ulp apart: rounding, once and to even: see [VA-3]",
        ),
        (changed((0, 14), lambda v: v + 1), "row and column 14 of level 0 alone: see [GE-7]"),
        (changed((0, slice(0, 14), 14), lambda v: v * 3), "column 14 of level 0 alone"),
        (changed((2, 0), lambda v: v * 2), "level 2 alone, each is 2 times what is expected"),
        (changed((2, 0), lambda v: v * np.nan), "level 2 alone, values shown as missing"),
    ],
)  # fmt: skip
def test_patterns_of_images(have, words):
    assert words in pattern_of("image", RIGHT, np.ascontiguousarray(have))


def test_patterns_of_missing_values_and_zeros():
    want = RIGHT.copy()
    want[1, 0, :5] = np.nan
    have = np.nan_to_num(want, nan=0.0)
    assert pattern_of("image", want, have) == "image, missing pixels shown as 0: see [VA-1]"
    zeros = np.zeros((2, 15, 15), "f4")
    assert "the sign of zero" in pattern_of("image", zeros, -zeros)


def test_patterns_of_other_planes():
    want = np.arange(2 * 225, dtype="u2").reshape(2, 15, 15) & 0xFF
    have = want & ~np.uint16(1)
    assert pattern_of("mask", want, have).startswith("mask: ")
    assert "bits lost" in pattern_of("mask", want, have)
    psf = np.random.default_rng(0).random((5, 5)).astype("f4")
    assert pattern_of("psf", psf, np.ascontiguousarray(psf.T)).startswith("transposed")
    assert pattern_of("psf", psf, psf * 25).endswith("25 times what is expected: see [EN-9]")


def test_failures_are_summed_and_the_simplest_is_named_first(capsys, tmp_path):
    only = [word for name in ("i2-n*", "f4-n*", "version-9*") for word in ("--only", name)]
    status, out = run_cli(capsys, "run", *only, "--", *command("wrong_parity"))
    assert status == 1
    smallest = min(
        (v for v in BY_ID.values() if v.id.startswith(("i2-n", "f4-n"))),
        key=lambda v: v.path.stat().st_size,
    )
    assert f"begin with {smallest.id}: {smallest.reason}" in out
    chosen = [v for v in BY_ID.values() if v.id.startswith(("i2-n", "f4-n"))]
    (line,) = [line for line in out.splitlines() if "c of their own level" in line]
    assert line.split()[:2] == [str(len(chosen)), "wrong-value"]
    assert "[GE-4]" in out.split("by clause:")[1]


def test_wrong_codes_are_summed_by_code(capsys):
    only = ["--only", "image-scale-*", "--only", "version-200"]
    status, out = run_cli(capsys, "run", *only, "--", *command("wrong_codes"))
    assert status == 1
    assert " in place of E_SCALE" in out


def test_expected_and_got_are_drawn_on_request(capsys, tmp_path):
    pytest.importorskip("matplotlib", reason="matplotlib comes with the plot extra")
    png = tmp_path / "difference.png"
    words = ["run", "--only", "f4-n3", "--draw", str(png), "--"]
    assert run_cli(capsys, *words, *command("transposed"))[0] == 1
    assert png.read_bytes().startswith(b"\x89PNG")
    png.unlink()
    assert main(["conformance", *words, *command("right")]) == 0
    assert "nothing is drawn" in capsys.readouterr().err
    assert not png.exists()


class Terminal(io.StringIO):
    """Text that says it is a terminal."""

    def isatty(self):
        return True


def test_waiting_shows_on_a_terminal_and_is_quiet_in_a_pipe(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    shown, quiet = Terminal(), io.StringIO()
    for stream in (shown, quiet):
        with Waiting(9, "vectors", stream, period=0.01) as waiting:
            waiting.update(4)
            until = time.monotonic() + 5
            while stream is shown and "4 of 9 vectors" not in shown.getvalue():
                assert time.monotonic() < until
    assert shown.getvalue().endswith("\r\x1b[K")
    assert quiet.getvalue() == ""
    monkeypatch.setenv("TERM", "dumb")
    dumb = Terminal()
    with Waiting(9, "vectors", dumb, period=0.01):
        pass
    assert dumb.getvalue() == ""


def test_bad_decoders_get_the_pattern_of_their_fault(capsys):
    for name, words in (
        ("single_precision", "in single precision"),
        ("nan_as_zero", "missing pixels shown as 0"),
        ("derived_absent", "row and column 14 of level 0 alone"),
    ):
        only = ["--only", "mean-rounding", "--only", "missing-core-one-f4", "--only", "f4-n2"]
        assert (BAD / f"{name}.py").exists()
        _, out = run_cli(capsys, "run", "--profile", "core", *only, "--", *command(name))
        assert words in out, name
