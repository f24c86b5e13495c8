"""Section 4: where every pixel lies."""

import math

import brute
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import positions

import hstamp
from hstamp import Layout, reference_corner

ALL_N = range(2, 9)


def covered(n):
    """Base pixels of each stored value, painted one by one from the specification's table."""
    canvas = np.full((15 * brute.SIDES[n - 1],) * 2, -1)
    count = np.zeros_like(canvas)
    outer = brute.ORIGINS[n - 1]
    # Later values are coarser, so painting backwards leaves the finest on top.
    for position, (k, a, b) in reversed(list(enumerate(brute.stamp_order(n)))):
        side = brute.SIDES[k]
        row, column = brute.ORIGINS[k] + a * side - outer, brute.ORIGINS[k] + b * side - outer
        canvas[row : row + side, column : column + side] = position
        count[row : row + side, column : column + side] += 1
    return canvas, count


@pytest.mark.parametrize("n", ALL_N)
def test_table(n):
    layout = Layout(levels=n)
    assert layout.origins == brute.ORIGINS[:n]
    assert layout.pixel_sizes == brute.SIDES[:n]
    assert layout.size == brute.SIZES[n] == 14**2 + (n - 1) * (15**2 - 7**2)
    assert layout.side == 15 * 2 ** (n - 1)
    for k in range(n):
        assert layout.extent(k) == (brute.ORIGINS[k], brute.LAST[k] + 1)


@pytest.mark.parametrize("n", ALL_N)
def test_stored_pixels_cover_the_widest_level(n):
    """No gap; overlap only where a level's fifteenth row and column meet the next ring."""
    finest, count = covered(n)
    assert count.min() == 1
    overlap = np.zeros_like(count)
    outer = brute.ORIGINS[n - 1]
    for k in range(1, n - 1):
        # 15 pixels, of which the hole above covers 14: those from c_k to c_k + 13.
        edge = 0 if k % 2 else 14
        side = brute.SIDES[k]
        low, high = brute.ORIGINS[k] - outer, brute.ORIGINS[k] + 15 * side - outer
        at = slice(low + edge * side, low + edge * side + side)
        marked = np.zeros_like(overlap)
        marked[at, low:high] = 1
        marked[low:high, at] = 1
        overlap += marked
    np.testing.assert_array_equal(count, 1 + overlap)
    np.testing.assert_array_equal(Layout(levels=n).mosaic_index, finest)


@pytest.mark.parametrize("n", ALL_N)
def test_level_index(n):
    expected = np.full((n, 15, 15), -1)
    for position, where in enumerate(brute.stamp_order(n)):
        expected[where] = position
    np.testing.assert_array_equal(Layout(levels=n).level_index, expected)


@pytest.mark.parametrize("n", ALL_N)
def test_index_maps_of_fewer_levels_are_prefixes(n):
    layout = Layout(levels=n)
    for m in range(2, n):
        short = Layout(levels=m)
        np.testing.assert_array_equal(layout.level_index[:m], short.level_index)
        start = brute.ORIGINS[m - 1] - brute.ORIGINS[n - 1]
        inner = layout.mosaic_index[start : start + short.side, start : start + short.side]
        np.testing.assert_array_equal(inner, short.mosaic_index)


@pytest.mark.parametrize("k", range(1, 8))
def test_hole_is_what_lies_below(k):
    """The 7x7 hole covers 14x14 pixels of the level below, which that level's grid holds."""
    start = brute.ORIGINS[k] + 4 * brute.SIDES[k] - brute.ORIGINS[k - 1]
    assert start % brute.SIDES[k - 1] == 0
    first = start // brute.SIDES[k - 1]
    assert first == (k - 1) % 2
    assert first + 14 <= 15


@pytest.mark.parametrize("k", range(8))
def test_grids_stay_within_a_quarter_of_their_own_pixel(k):
    side = brute.SIDES[k]
    origin, end = Layout(levels=8).extent(k)
    # The reference corner is offset 0 of the edge between base offsets -1 and 0.
    centre = (origin + end) / 2 / side
    assert abs(centre) <= (0.25 if k else 0.5)
    if k == 1:
        assert centre == 0
    if k:
        assert (origin - brute.ORIGINS[k - 1]) % brute.SIDES[k - 1] == 0


@given(positions(4000), positions(4000))
def test_corner_is_within_half_a_pixel_of_the_source(x, y):
    i0, j0 = reference_corner(x, y)
    assert isinstance(i0, int)
    assert isinstance(j0, int)
    assert i0 - 1 <= x < i0
    assert j0 - 1 <= y < j0
    assert abs(x - (i0 - 0.5)) <= 0.5
    assert abs(y - (j0 - 0.5)) <= 0.5


@given(st.floats(14, 15, exclude_max=True), st.floats(14, 15, exclude_max=True))
def test_level_one_is_todays_cutout_binned(x, y):
    """A 30x30 cutout with its source in [14, 15) is exactly level 1, nothing missing."""
    image = np.arange(900, dtype=np.float32).reshape(30, 30)
    stamp = hstamp.encode(image, x, y, encoding="f4")
    assert stamp.n == 2
    binned = [
        [sum(float(image[2 * a + r, 2 * b + c]) for r in (0, 1) for c in (0, 1)) / 4
         for b in range(15)]
        for a in range(15)
    ]  # fmt: skip
    np.testing.assert_array_equal(stamp.levels[1], binned)
    np.testing.assert_array_equal(stamp.levels[0][:14, :14], image[8:22, 8:22])


@pytest.mark.parametrize(
    ("shape", "x", "y", "n"),
    [
        ((30, 30), 14.0, 14.99, 2),
        ((30, 30), 15.0, 14.0, 2),
        ((63, 63), 31.0, 31.0, 3),
        ((59, 63), 31.0, 31.0, 2),
        ((5, 5), 2.0, 2.0, 2),
        ((240, 240), 116.5, 116.5, 5),
        ((240, 240), 117.0, 116.5, 4),
        ((239, 240), 116.5, 116.5, 4),
        ((1920, 1920), 980.5, 980.0, 8),
        ((1920, 1920), 979.5, 980.0, 7),
    ],
)
def test_levels_default_to_what_the_parent_covers(shape, x, y, n):
    i0, j0 = brute.corner(x, y)
    expected = 2
    for m in ALL_N:
        low, high = brute.ORIGINS[m - 1], brute.LAST[m - 1]
        inside = i0 + low >= 0 and i0 + high < shape[1] and j0 + low >= 0 and j0 + high < shape[0]
        expected = m if inside else expected
    assert expected == n
    assert hstamp.encode(np.zeros(shape, np.float32), x, y).n == n


@given(positions(60), positions(60))
def test_offset_is_that_of_the_source_rounded_once(x, y):
    stamp = hstamp.encode(np.zeros((60, 60), np.float32), x, y, levels=2)
    assert stamp.dx == brute.rnd4(x - (math.floor(x) + 0.5))
    assert stamp.dy == brute.rnd4(y - (math.floor(y) + 0.5))
    assert abs(stamp.dx) <= 0.5


def test_index_maps_cannot_be_changed():
    layout = Layout(levels=3)
    for array in (layout.level_index, layout.mosaic_index):
        with pytest.raises(ValueError, match="read-only"):
            array[0, 0] = 5


@pytest.mark.parametrize("levels", [1, 9, 0, -3, 2.0, True, "5", None, 10**30])
def test_layout_refuses(levels):
    with pytest.raises(hstamp.InputError):
        Layout(levels=levels)


@pytest.mark.parametrize(
    ("x", "y"), [(math.nan, 0.0), (0.0, math.inf), (-math.inf, 0.0), (2.0**31, 0.0), (0.0, -1e300)]
)
def test_corner_refuses(x, y):
    with pytest.raises(hstamp.InputError):
        reference_corner(x, y)
