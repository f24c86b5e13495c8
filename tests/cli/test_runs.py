"""Runs as a shell sees them: streams, signals, full disks, terminals and homes."""

import io
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from test_commands import SOURCE, process, run

import hstamp
from hstamp.cli import signals, terminal

LOG = ".hstamp-convert.jsonl"
AT = ("--x", 14, "--y", 14)


def start(*arguments, env=None, **options):
    """Start ``hstamp`` in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "hstamp.cli", *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": str(SOURCE), **(env or {})},
        stderr=subprocess.PIPE,
        **options,
    )


def picture(path, side=30):
    """A FITS image of one source."""
    path.parent.mkdir(parents=True, exist_ok=True)
    values = np.random.default_rng(side).normal(10, 2, (side, side)).astype(np.float32)
    fits.PrimaryHDU(values).writeto(path)
    return path


@pytest.fixture(scope="module")
def image(tmp_path_factory):
    return picture(tmp_path_factory.mktemp("image") / "image.fits")


def test_standard_input_to_standard_output(image, tmp_path, monkeypatch):
    process = start("convert", "-", *AT, "-o", "-", stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    out, err = process.communicate(image.read_bytes())
    assert process.returncode == 0
    assert b"1 with n=2" in err
    run("convert", image, *AT, "-o", tmp_path / "same.avro")
    assert (tmp_path / "same.avro").read_bytes() == out
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(out)))
    assert "1 valid" in run("validate", "-").stdout
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"rubbish")))
    done = run("convert", "-", "-q", "-o", tmp_path / "none.avro", status=1)
    assert done.stderr == "standard input: E_MAGIC: unknown: neither alerts nor a FITS image\n"


def test_a_quiet_run_still_says_what_stamps_lack(tmp_path):
    values = np.ones((30, 30), np.float32)
    even = fits.ImageHDU(np.ones((4, 4), np.float32), name="PSF")
    fits.HDUList([fits.PrimaryHDU(values), even]).writeto(tmp_path / "even.fits")
    done = run("convert", tmp_path / "even.fits", *AT, "-q", "-o", tmp_path / "o.avro")
    assert done.stdout == ""
    assert done.stderr.startswith("note        1 x PSF left out")


def test_standard_input_has_no_name_in_a_folder(tmp_path):
    assert "give a file" in run("convert", "-", "-o", f"{tmp_path}/", status=2).stderr
    assert "folder" in run("convert", "-", "--as", "blobs", "-o", "-", status=2).stderr
    assert list(tmp_path.iterdir()) == []


def test_a_terminal_gets_no_binary_output(image, monkeypatch):
    monkeypatch.setattr(os, "isatty", lambda handle: True)
    assert "is a terminal" in run("convert", image, *AT, "-o", "-", status=1).stderr


def test_one_folder_of_everything(image, tmp_path):
    for name in ("a.fits", "night/a.fits"):
        (tmp_path / "in/night").mkdir(parents=True, exist_ok=True)
        shutil.copy(image, tmp_path / "in" / name)
    evil = tmp_path / "in/\x1b]0;title\x07\n\u202efile"
    evil.write_text("text")
    (tmp_path / "in/_SUCCESS").touch()
    command = ("convert", tmp_path / "in", *AT, "-o", f"{tmp_path}/out/")
    for made in ("2 with n=2", "skipped     2 x"):
        done = run(*command, status=1)
        assert made in done.stdout
        assert "passed over 1 x" in done.stdout
        assert done.stderr.count("\n") == 1
        assert r"\x1b]0;title\x07\x0a\u202efile: E_MAGIC" in done.stderr
    evil.unlink()
    assert "failed" not in run(*command).stdout
    found = sorted(str(p.relative_to(tmp_path / "out")) for p in (tmp_path / "out").rglob("*.avro"))
    assert found == ["a.hstamp.avro", "night/a.hstamp.avro"]
    assert "2 valid" in run("validate", tmp_path / "out").stdout


def test_a_missing_file_costs_itself(image, tmp_path):
    done = run("convert", tmp_path / "gone", image, *AT, "-o", tmp_path / "o", status=1)
    assert f"{tmp_path / 'gone'}: E_INPUT: no such file\n" == done.stderr
    assert "1 with n=2" in done.stdout


@pytest.mark.skipif(os.geteuid() != 0, reason="another user's files are needed")
def test_files_of_another_user(image, tmp_path, monkeypatch):
    folder = tmp_path / "in"
    picture(folder / "good.fits")
    for name in ("secret", "closed"):
        picture(folder / name / "a.fits")
    (folder / "secret/a.fits").chmod(0)
    (folder / "closed").chmod(0)
    (tmp_path / "out").mkdir(mode=0o777)
    (tmp_path / "out").chmod(0o777)
    run("convert", image, *AT, "-o", tmp_path / "warm")  # imports may need more rights
    monkeypatch.chdir(tmp_path)
    above = [
        p
        for p in tmp_path.parents
        if p.stat().st_uid == 0 and p.name.startswith(("pytest-", "popen-"))
    ]
    modes = [p.stat().st_mode for p in above]
    try:
        for path in (*above, tmp_path):
            path.chmod(0o755)
        os.seteuid(54321)
        done = run("convert", "in", *AT, "-o", "out/", status=1)
    finally:
        os.seteuid(0)
        for path, mode in zip(above, modes, strict=True):
            path.chmod(mode)
    assert sorted(done.stderr.splitlines()) == [
        "in/closed: E_INPUT: cannot be read: Permission denied",
        "in/secret/a.fits: E_INPUT: cannot be read: Permission denied",
    ]
    assert "1 with n=2" in done.stdout


def test_a_full_disk_ends_the_run(image, tmp_path):
    """A limit on the size of files is met as a full disk would be."""
    (tmp_path / "in").mkdir()
    shutil.copy(image, tmp_path / "in/a.fits")
    command = ["convert", tmp_path / "in", *AT, "-o", f"{tmp_path}/out/"]
    run(*command)
    for name in "bc":
        shutil.copy(image, tmp_path / f"in/{name}.fits")
    limited = start(
        *command, stdout=subprocess.PIPE,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (2_000, 2_000)),
    )  # fmt: skip
    _, err = limited.communicate()
    assert limited.returncode == 1
    assert err.decode() == (
        f"hstamp: {tmp_path}/out/b.hstamp.avro: cannot be written: File too large:"
        " 1 of 3 outputs are complete; the same command goes on with the others\n"
    )
    assert {p.name for p in (tmp_path / "out").iterdir()} == {"a.hstamp.avro", LOG}
    assert "skipped     1 x" in run(*command).stdout
    assert len(list((tmp_path / "out").glob("*.avro"))) == 3


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP", "SIGKILL"])
def test_signals_leave_nothing_half_done(image, tmp_path, name):
    number = getattr(signal, name)
    table = tmp_path / "many.csv"
    table.write_text("x,y\n" + "14,14\n" * 20_000)
    # In one go: of an output in parts, those that are done stay.
    process = start("convert", image, "--catalog", table, "-o", tmp_path / "out.avro",
                    "--part-size", "1000", stdout=subprocess.DEVNULL)  # fmt: skip
    while not list(tmp_path.glob("*.part")) and not list(tmp_path.glob(".*.part")):
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.01)
    process.send_signal(number)
    _, err = process.communicate()
    if name == "SIGKILL":
        assert process.returncode == -number
        assert len(list(tmp_path.glob(".*.part"))) == 1
        run("convert", image, *AT, "-o", tmp_path / "other.avro")
    else:
        assert process.returncode == 128 + number
        assert err.decode().endswith(": nothing was written\n")
        assert err.count(b"\n") == 1
    assert list(tmp_path.glob(".*.part")) == []
    assert not (tmp_path / "out.avro").exists()


def test_a_signal_whose_exception_is_lost_is_raised_again():
    def careless():
        try:
            signal.raise_signal(signal.SIGTERM)
        except BaseException:  # as libraries do
            return

    with signals.stoppable(), terminal.Progress(0) as progress:
        progress.update(1)
        careless()
        with pytest.raises(signals.Stopped) as caught:
            progress.update(2)
    assert (signals.status_of(caught.value), signals.name_of(caught.value)) == (
        143,
        "ended by SIGTERM",
    )
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    signals.checkpoint()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_standard_output_that_is_full(image, tmp_path):
    """A few lines fail when they are flushed, many when they are printed."""
    out = tmp_path / "o.avro"
    run("convert", "-q", image, *AT, "-o", out)
    for files in ([out], [out] * 200):
        with Path("/dev/full").open("w") as full:
            done = subprocess.run(
                [sys.executable, "-m", "hstamp.cli", "info", *map(str, files)],
                stdout=full, stderr=subprocess.PIPE, text=True, check=False,
                env={**os.environ, "PYTHONPATH": str(SOURCE)},
            )  # fmt: skip
        assert done.returncode == 1
        assert done.stderr == (
            "hstamp: standard output: cannot be written: No space left on device\n"
        )


@pytest.mark.parametrize("home", [None, "/proc/none/home", "/" + "h" * 300, "closed"])
def test_without_a_home(image, tmp_path, home):
    """A user whom the system does not know, in a home that cannot be written or looked into."""
    if home == "closed":
        (tmp_path / home).mkdir(mode=0)
        home = str(tmp_path / home)
    env = {k: v for k, v in os.environ.items() if k not in ("HOME", "XDG_CONFIG_HOME")}
    env |= {"PYTHONPATH": str(SOURCE)} | ({"HOME": home} if home else {})
    nobody = (
        "import pathlib, pwd, sys\n"
        "def unknown(number): raise KeyError(number)\n"
        "pwd.getpwuid = unknown\n"
        "from hstamp.cli import main\n"
        "for line in sys.argv[1].splitlines():\n"
        "    status = main(line.split('|'))\n"
        "    assert status == 0, line\n"
    )
    commands = [
        ["convert", "-q", image, *AT, "-o", tmp_path / "o.avro"],
        ["validate", "-q", tmp_path / "o.avro"],
        ["export", tmp_path / "o.avro", "-o", tmp_path / "o.fits"],
    ]
    if find_spec("matplotlib"):
        commands.append(["show", tmp_path / "o.avro", "-o", tmp_path / "o.png"])
    lines = "\n".join("|".join(map(str, command)) for command in commands)
    done = subprocess.run(
        [sys.executable, "-c", nobody, lines], env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert (tmp_path / "o.fits").exists()


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize(("term", "drawn"), [("xterm", True), ("dumb", False)])
def test_progress_on_a_terminal(monkeypatch, term, drawn):
    screen = Terminal()
    monkeypatch.setenv("TERM", term)
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setattr(terminal, "_EVERY", 0.0)
    with terminal.Progress(10) as progress:
        progress.update(5)
        progress.say("a line")
        progress.update(10)
    said = screen.getvalue()
    assert ("\r" in said) == drawn
    assert ("50%" in said) == drawn
    assert "a line\n" in said
    assert "\x1b" not in said
    # What is left on the screen: the line alone, at its start.
    shown = "".join(line.rpartition("\r")[2] + "\n" for line in said.split("\n")).strip("\n")
    assert shown == "a line"


def test_no_progress_in_a_pipe(monkeypatch):
    pipe = io.StringIO()
    monkeypatch.setattr(sys, "stderr", pipe)
    with terminal.Progress(10) as progress:
        progress.update(5)
    assert pipe.getvalue() == ""


def test_nothing_obeyed_reaches_a_terminal(monkeypatch):
    screen = Terminal()
    monkeypatch.setattr(sys, "stdout", screen)
    with terminal.clean_streams():
        print("a\x1b[31m\tb\u202e")
        assert not sys.stdout.isatty()
    assert screen.getvalue() == "a\\x1b[31m\tb\\u202e\n"
    narrow = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    terminal.Clean(narrow).write("é")
    narrow.seek(0)
    assert narrow.read() == "\\xe9"


def test_a_fault_of_the_program_is_a_line(monkeypatch, image):
    def broken(*arguments):
        raise ZeroDivisionError("of the\nprogram")

    from hstamp.cli import convert

    monkeypatch.setattr(convert, "positions", broken)
    done = run("convert", image, "-o", "/dev/null", status=1)
    assert done.stderr.startswith("hstamp: ZeroDivisionError: of the program (HSTAMP_DEBUG=1")
    assert done.stderr.count("\n") == 1


def test_outputs_that_are_devices(image):
    assert run("convert", image, *AT, "-o", "/dev/null").stderr == ""
    if Path("/dev/full").exists():
        done = run("convert", image, *AT, "-o", "/dev/full", status=1)
        assert done.stderr == (
            "hstamp: /dev/full: cannot be written: No space left on device: nothing was written\n"
        )


def test_version():
    assert process("--version").stdout == f"hstamp {hstamp.__version__}\n"
