"""Files that appear whole or not at all, and temporary files that are no trap and no litter."""

import fcntl
import os
import pickle
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from hstamp import temporaries
from hstamp.errors import OutputError
from hstamp.outputs import atomic_folder, atomic_writer
from hstamp.temporaries import sweep


@pytest.fixture
def umask():
    before = os.umask(0o027)
    yield
    os.umask(before)


def fail_after(done, error):
    raise error


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_new_files_follow_the_umask_and_replaced_ones_stay_as_they_were(tmp_path, umask):
    for path in (tmp_path / "file", tmp_path / "folder"):
        if path.name == "file":
            with atomic_writer(path) as stream:
                stream.write(b"new")
                assert not path.exists()
        else:
            with atomic_folder(path) as folder:
                (folder / "x").touch()
    assert mode(tmp_path / "file") == 0o640
    assert mode(tmp_path / "folder") == 0o750
    (tmp_path / "file").chmod(0o604)
    with atomic_writer(tmp_path / "file") as stream:
        stream.write(b"newer")
    assert mode(tmp_path / "file") == 0o604
    assert (tmp_path / "file").read_bytes() == b"newer"


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_after_an_error_all_is_as_before(tmp_path, error):
    path = tmp_path / "file"
    path.write_text("old")
    with pytest.raises(error), atomic_writer(path) as stream:
        fail_after(stream.write(b"half"), error)
    with pytest.raises(error), atomic_folder(tmp_path / "folder") as folder:
        fail_after((folder / "x").touch(), error)
    assert [p.name for p in tmp_path.iterdir()] == ["file"]
    assert path.read_text() == "old"


def test_names_of_temporary_files_cannot_be_foreseen_and_links_there_are_not_followed(
    tmp_path, monkeypatch
):
    names = set()
    for _ in range(5):
        with atomic_writer(tmp_path / "file"):
            names.update(p.name for p in tmp_path.glob(".hstamp-*.part"))
    assert len(names) == 5
    # 64 random bits, were they known, would still lead to no link's end.
    victim = tmp_path / "victim"
    victim.write_text("precious")
    monkeypatch.setattr(temporaries.secrets, "token_hex", lambda n: "0" * 2 * n)
    (tmp_path / ".hstamp-0000000000000000.part").symlink_to(victim)
    with pytest.raises(OutputError), atomic_writer(tmp_path / "file") as stream:
        stream.write(b"harm")
    assert victim.read_text() == "precious"


def test_links_as_outputs(tmp_path):
    (tmp_path / "sub").mkdir()
    real, link = tmp_path / "sub/real", tmp_path / "link"
    real.write_text("old")
    link.symlink_to(real)
    with atomic_writer(link) as stream:
        stream.write(b"new")
    assert link.is_symlink()
    assert real.read_text() == "new"
    (tmp_path / "loose").symlink_to("nowhere")
    with pytest.raises(OutputError, match="leads nowhere"), atomic_writer(tmp_path / "loose"):
        pass
    assert not (tmp_path / "nowhere").exists()


def test_places_that_cannot_be_written(tmp_path):
    (tmp_path / "file").touch()
    for path in (tmp_path, tmp_path / "no/file", tmp_path / "file/x", tmp_path / ("n" * 300)):
        with pytest.raises(OutputError) as caught, atomic_writer(path):
            pass
        assert str(path) in str(caught.value)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file"]
    with pytest.raises(FileNotFoundError) as missing, atomic_writer(tmp_path / "no/file"):
        pass
    assert isinstance(pickle.loads(pickle.dumps(missing.value)), OutputError)


def test_devices_and_pipes_are_written_to(tmp_path):
    with atomic_writer(Path("/dev/null")) as stream:
        stream.write(b"x")
    assert Path("/dev/null").is_char_device()
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    with atomic_writer(tmp_path / "pipe") as stream:
        stream.write(b"Obj")
        stream.seek(0)
        stream.write(b"o")
    assert os.read(reader, 10) == b"obj"
    os.close(reader)
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a device that is full")
def test_a_full_device_is_named():
    with pytest.raises(OutputError) as caught, atomic_writer(Path("/dev/full")) as stream:
        stream.write(b"x")
    assert (caught.value.errno, caught.value.filename) == (28, "/dev/full")
    again = pickle.loads(pickle.dumps(caught.value))
    assert (str(again), again.errno, again.code) == (str(caught.value), 28, "E_OUTPUT")


def test_a_fault_that_was_passed_over_is_not_forgotten(tmp_path):
    """Writing fails for real, at a limit on the size of files, and the writer does not look."""
    code = """
import resource, sys
from pathlib import Path
from hstamp.errors import OutputError
from hstamp.outputs import atomic_writer
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
try:
    with atomic_writer(Path(sys.argv[1])) as stream:
        for _ in range(3):
            try:
                stream.write(bytes(400_000))
            except OSError as exc:
                assert isinstance(exc, OutputError)
except OutputError as exc:
    print(exc)
"""
    done = subprocess.run(
        [sys.executable, "-c", code, tmp_path / "file"], capture_output=True, text=True, check=True
    )
    assert done.stdout == f"{tmp_path / 'file'}: cannot be written: File too large\n"
    assert list(tmp_path.iterdir()) == []


def test_what_dead_runs_left_goes_and_what_lives_stays(tmp_path):
    (tmp_path / ".hstamp-1.part").write_text("dead")
    (tmp_path / ".hstamp-2.part").mkdir()
    (tmp_path / ".hstamp-2.part/x").touch()
    (tmp_path / "victim").write_text("precious")
    (tmp_path / ".hstamp-3.part").symlink_to("victim")
    live = os.open(tmp_path / ".hstamp-4.part", os.O_RDWR | os.O_CREAT)
    fcntl.flock(live, fcntl.LOCK_EX)
    (tmp_path / "hstamp-5.part").touch()
    with atomic_writer(tmp_path / "out"), atomic_folder(tmp_path / "folder"):
        assert sweep(tmp_path) == 0  # the first of the two has swept already
        kept = {p.name for p in tmp_path.iterdir()}
        assert {".hstamp-3.part", ".hstamp-4.part", "hstamp-5.part", "victim"} < kept
        assert not {".hstamp-1.part", ".hstamp-2.part"} & kept
        assert len(kept) == 6
    os.close(live)
    assert sweep(tmp_path) == 1
    assert (tmp_path / "victim").read_text() == "precious"
