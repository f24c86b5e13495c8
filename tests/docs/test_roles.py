"""The first task of each role: its commands are there and do what the page says."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from hstamp.cli import main
from tests import walk

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("role", walk.ROLES)
def test_a_first_task_begins_with_an_environment(role: str) -> None:
    make, enter, install, *work = walk.commands(role)
    assert (make, enter) == ("python3 -m venv .venv", ". .venv/bin/activate")
    assert install.startswith("pip install ")
    assert all(line.startswith(("hstamp ", "tar ")) for line in work)


@pytest.mark.parametrize("role", ["alert-streams", "archives", "hosts"])
def test_commands_of_a_first_task(
    role: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("matplotlib")
    pytest.importorskip("lsst.alert.packet", reason="needs lsst-alert-packet")
    if role == "hosts":
        pytest.importorskip("onnxruntime")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "docs").symlink_to(ROOT / "docs")
    for line in walk.commands(role)[3:]:
        words = shlex.split(line)
        if words[0] == "tar":
            import tarfile

            with tarfile.open(words[2], "w:gz") as archive:
                archive.add(words[3])
        else:
            assert main(words[1:]) == 0, line


def test_the_walk_says_how_each_line_ended(tmp_path: Path) -> None:
    import subprocess

    lines = ["a=5", "test $a = 5", "cd .. && false", "echo never"]
    ended = subprocess.run(
        ["bash", "-c", walk.script(lines)], capture_output=True, text=True, check=False
    )
    found = walk.steps(lines, ended.stdout)
    assert [(step.command, step.status) for step in found] == [
        ("a=5", 0), ("test $a = 5", 0), ("cd .. && false", 1),
    ]  # fmt: skip
    assert ended.returncode == 1
    assert "never" not in ended.stdout
    told = walk.table({"brokers": found})
    assert "| I write a broker | `cd .. && false` (status 1) |" in told
    page = walk.written("a <!-- begin:walk -->old<!-- end:walk --> b", {"brokers": found})
    assert page.startswith("a <!-- begin:walk -->")
    assert "old" not in page
    assert "load average" in page
