"""Acceleration that does not work: numpy goes on, and it is said once."""

import os
import subprocess
import sys
import textwrap

import pytest

pytest.importorskip("numba", reason="there must be something that can fail")

PROGRAM = """
import logging, sys, warnings
{prelude}
import numpy as np, hstamp
from hstamp import fast

image = np.arange(3600.0).reshape(60, 60)
blob = hstamp.encode(image, 30, 30, levels=2).to_bytes()
fast._PATIENCE = 0.001
for _ in range(50):  # past the work after which kernels are loaded
    levels = hstamp.Stamp.from_bytes(blob).levels
# The corner of a source at 30 is at 31, and level 1 covers 30 pixels from 15 below it.
assert abs(levels[1].mean() - image[16:46, 16:46].mean()) < 1
assert len(hstamp.decode_many([blob] * 8)) == len(hstamp.encode_many(image, [9, 30], [9, 30])) + 6
print("loaded" if fast.load() else "numpy")
"""


def run(prelude, *flags, **environment):
    clean = {k: v for k, v in os.environ.items() if k != "HSTAMP_NO_NUMBA"}
    return subprocess.run(
        [sys.executable, *flags, "-c", PROGRAM.format(prelude=textwrap.dedent(prelude))],
        env=clean | environment, capture_output=True, text=True, timeout=600, check=False,
    )  # fmt: skip


NO_CACHE = """
import numba
def njit(*args, **options):
    raise RuntimeError("cannot cache function 'f': no locator available for file 'f.py'")
numba.njit = njit
"""


@pytest.mark.parametrize("flags", [(), ("-W", "error")])
@pytest.mark.parametrize(
    ("prelude", "reason"),
    [
        (NO_CACHE, "no locator available"),
        ("import types; sys.modules['numba'] = m = types.ModuleType('numba')\n"
         "import importlib.machinery as k; m.__spec__ = k.ModuleSpec('numba', None)", "numba"),
    ],
)  # fmt: skip
def test_what_cannot_be_used_is_said_once(prelude, reason, flags):
    done = run(prelude, *flags)
    assert (done.returncode, done.stdout) == (0, "numpy\n"), done.stderr
    assert done.stderr.count("\n") == 1
    assert reason in done.stderr
    assert "numpy is used" in done.stderr


@pytest.mark.parametrize(
    "prelude",
    [
        "sys.modules['numba'] = None",
        "import types; sys.modules['numba'] = types.ModuleType('numba')",
    ],
)
def test_what_is_not_installed_is_not_missed(prelude):
    done = run(prelude, "-W", "error")
    assert (done.returncode, done.stdout, done.stderr) == (0, "numpy\n", "")


def test_a_log_that_is_configured_hears_it():
    prelude = NO_CACHE + (
        "\nlogging.basicConfig(format='%(name)s %(levelname)s', stream=sys.stdout)\n"
    )
    done = run(prelude)
    assert done.stdout.splitlines() == ["hstamp WARNING", "numpy"]
    assert done.stderr == ""


def test_odd_surroundings(tmp_path):
    """No home, a cache folder that is a file: kernels or numpy, but stamps in any case."""
    file = tmp_path / "file"
    file.write_text("")
    done = run("", HOME="/dev/null", NUMBA_CACHE_DIR=str(file / "cache"))
    assert done.returncode == 0, done.stderr
    assert done.stdout in ("loaded\n", "numpy\n")
