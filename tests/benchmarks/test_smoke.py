"""The benchmark's own parts work; nothing here measures time."""

import numpy as np
import pytest

import hstamp

from . import data, page, sizes, sky
from .timing import race


def test_race_reports_each_contender():
    found = race({"a": (lambda: sum(range(50)), 5), "b": (lambda: None, 1)}, rounds=2, sample=0.0)
    assert set(found) == {"a", "b"}
    assert all(e["low"] <= e["median"] <= e["high"] for e in found.values())


def test_cutouts_are_todays_form_with_the_parents_own_pixels():
    p = sky.parent(4)
    blob = sky.cutout(p)
    assert len(blob) == 34_560
    pixels = np.frombuffer(blob, ">f4", 900, 2880).reshape(30, 30)
    i0, j0 = hstamp.reference_corner(p.x, p.y)
    assert np.array_equal(pixels, p.image[j0 - 15 : j0 + 15, i0 - 15 : i0 + 15])
    # The level-1 grid of a stamp is what today's cutout shows, binned.
    grid = p.encode(encoding="f4").levels[1]
    binned = pixels.reshape(15, 2, 15, 2).astype(float).mean(axis=(1, 3))
    assert np.allclose(grid, binned, rtol=1e-6, atol=1e-4)


def test_windows_are_those_of_the_stamps():
    p = sky.parent(5)
    mosaic = p.encode(encoding="f4").mosaic()
    window = sizes._window(p)
    assert mosaic.shape == window.shape
    assert np.array_equal(mosaic[110:124, 110:124], window[110:124, 110:124])


def test_tables_of_a_result():
    rows = {
        "a": {"median": 2.0, "low": 1.0, "high": 3.0},
        "b": {"median": 1.0, "low": 1, "high": 1},
    }
    table = page._race(rows, "a", "times")
    assert "| b | 1 | 1 to 1 | 2 |" in table


def test_real_cutouts_when_present():
    if data.shared() is None:
        pytest.skip("real data are not here: set HSTAMP_SHARED to the folder that holds data/")
    assert all(len(c) == 34_560 for c in data.lsst_cutouts())
