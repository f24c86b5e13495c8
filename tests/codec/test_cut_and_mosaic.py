"""Prefixes [CO-7], canonical bytes [EC-8], mosaics [DE-5] and [DE-6]."""

import math
import struct

import brute
import numpy as np
import pytest
import samples
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import scenes

import hstamp


@settings(max_examples=40)
@given(scenes(dtypes=("<f4",), levels=(3, 8)), st.data())
def test_cut_exact_stamp_is_the_stamp_of_fewer_levels(scene, data):
    m = data.draw(st.integers(2, scene.levels - 1))
    options = {"encoding": "f4", "variance": scene.variance, "variance_encoding": "f4",
               "mask": scene.mask, "mask_planes": [f"P{b}" for b in range(16)]}  # fmt: skip
    wide = hstamp.encode(scene.image, scene.x, scene.y, levels=scene.levels, **options)
    short = hstamp.encode(scene.image, scene.x, scene.y, levels=m, **options)
    cut = wide.cut(m)
    assert cut.to_bytes() == short.to_bytes()
    assert cut == short
    assert brute.same_bits(cut.levels, short.levels)


@settings(max_examples=40)
@given(scenes(kinds=("noise", "bright", "integers"), dtypes=("<f4",), levels=(3, 8)), st.data())
def test_cut_keeps_the_first_values_of_every_plane(scene, data):
    m = data.draw(st.integers(2, scene.levels - 1))
    stamp = hstamp.encode(
        scene.image, scene.x, scene.y, levels=scene.levels, variance=scene.variance
    )
    cut, size = stamp.cut(m).to_dict(), brute.SIZES[m]
    whole = stamp.to_dict()
    width = {"i2": 2, "f4": 4}[whole["image"]["encoding"]]
    whole["levels"] = m
    whole["image"] |= {"zero": whole["image"]["zero"][:m], "scale": whole["image"]["scale"][:m],
                       "data": whole["image"]["data"][: width * size]}  # fmt: skip
    whole["variance"]["data"] = whole["variance"]["data"][:size]
    assert cut == whole
    assert brute.same_bits(stamp.cut(m).levels, stamp.levels[:m])
    assert stamp.cut(m).cut(2) == stamp.cut(2)


def test_cut_refuses():
    stamp = samples.stamp(4)
    assert stamp.cut(4) == stamp
    for levels in (1, 5, 0, -2, 100):
        with pytest.raises(hstamp.InputError):
            stamp.cut(levels)


@pytest.mark.parametrize("index", range(7))
def test_bytes_are_canonical(index):
    stamp = samples.assorted()[index]
    blob = stamp.to_bytes()
    assert blob == samples.blob(stamp.to_dict())
    again = hstamp.Stamp.from_bytes(blob)
    assert again == stamp
    assert again.to_bytes() == blob
    assert hstamp.Stamp.from_dict(stamp.to_dict()) == stamp


def test_missing_exact_values_have_one_form():
    image = np.full((30, 30), np.nan, dtype=np.float32)
    image.view(np.uint32)[::2] = 0xFFC12345
    data = hstamp.encode(image, 14.5, 14.5, encoding="f4").record.image.data
    assert data == bytes.fromhex("0000C07F") * 372


def test_all_zero_mask_is_empty():
    stamp = hstamp.encode(
        np.zeros((30, 30)), 14.5, 14.5, mask=np.zeros((30, 30), int), mask_planes=["A"]
    )
    assert stamp.record.mask.data == b""
    assert not stamp.mask.any()
    assert stamp.mask.shape == (2, 15, 15)


def brute_mosaic(levels, n):
    """Finest stored value at each base pixel, painted from coarse to fine."""
    side, outer = 15 * brute.SIDES[n - 1], brute.ORIGINS[n - 1]
    canvas = np.full((side, side), np.nan, dtype=np.float32)
    for k, a, b in reversed(brute.stamp_order(n)):
        row = brute.ORIGINS[k] + a * brute.SIDES[k] - outer
        column = brute.ORIGINS[k] + b * brute.SIDES[k] - outer
        canvas[row : row + brute.SIDES[k], column : column + brute.SIDES[k]] = levels[k][a][b]
    return canvas


@pytest.mark.parametrize("n", [2, 3, 4, 5, 6])
def test_mosaic_conserves_flux(n):
    """The mean of the mosaic over each pixel of each level is that level's value [DE-6]."""
    rng = np.random.default_rng(n)
    side = 15 * 2 ** (n - 1) + 8
    image = rng.integers(-4096, 4096, (side, side)).astype(np.float32)
    x = y = 3.5 - brute.ORIGINS[n - 1]
    stamp = hstamp.encode(image, x, y, encoding="f4")
    assert stamp.n == n
    mosaic = stamp.mosaic().astype(np.float64)
    outer = brute.ORIGINS[n - 1]
    for k in range(1, n):
        for a in range(15):
            for b in range(15):
                s = brute.SIDES[k]
                row, column = brute.ORIGINS[k] + a * s - outer, brute.ORIGINS[k] + b * s - outer
                mean = math.fsum(mosaic[row : row + s, column : column + s].ravel()) / s**2
                assert mean == pytest.approx(float(stamp.levels[k, a, b]), abs=1e-2)
    i0, j0 = brute.corner(x, y)
    parent = image[
        j0 + outer : j0 + outer + mosaic.shape[0], i0 + outer : i0 + outer + mosaic.shape[1]
    ]
    total = math.fsum(parent.ravel().tolist())
    assert math.fsum(mosaic.ravel()) == pytest.approx(total, abs=mosaic.size * 4096 * 2.0**-23)


@settings(max_examples=20)
@given(scenes(kinds=("noise",), dtypes=("<f4",), levels=(2, 5)))
def test_mosaic_shows_the_finest_stored_value(scene):
    """Mask and variance everywhere; the image where no finer pixel covers part of a ring pixel."""
    stamp = hstamp.encode(
        scene.image, scene.x, scene.y, levels=scene.levels, variance=scene.variance,
        mask=scene.mask, mask_planes=[f"P{b}" for b in range(16)],
    )  # fmt: skip
    n = scene.levels
    assert brute.same_bits(stamp.mosaic("variance"), brute_mosaic(stamp.variance, n))
    bits = brute_mosaic(stamp.mask.astype(np.float32), n)
    np.testing.assert_array_equal(stamp.mosaic("mask"), bits)
    shown, finest = stamp.mosaic(), brute_mosaic(stamp.levels, n)
    for row, column in shared_base_pixels(n):
        shown[row, column] = finest[row, column] = 0
    assert brute.same_bits(shown, finest)


def shared_base_pixels(n):
    """Base pixels of ring pixels that finer stored pixels cover in part."""
    outer, pixels = brute.ORIGINS[n - 1], []
    for k in range(2, n):
        side = brute.SIDES[k]
        low, high = brute.ORIGINS[k - 1], brute.LAST[k - 1]
        for j, a, b in brute.stamp_order(n):
            if j != k:
                continue
            row, column = brute.ORIGINS[k] + a * side, brute.ORIGINS[k] + b * side
            touches = (row <= high and row + side > low) and (
                column <= high and column + side > low
            )
            if touches:
                pixels += [(row - outer + r, column - outer + c)
                           for r in range(side) for c in range(side)
                           if not (low <= row + r <= high and low <= column + c <= high)]  # fmt: skip  # noqa: E501
    return pixels


def test_mosaic_refuses_planes_that_are_not_there():
    stamp = samples.stamp(2, variance=None, mask=False)
    for plane in ("variance", "mask", "psf", "nonsense"):
        with pytest.raises(hstamp.InputError, match=plane):
            stamp.mosaic(plane)


def test_non_canonical_bytes_decode_to_the_same_stamp():
    """Long forms of numbers and arrays in blocks are read, and written back in the one form."""
    stamp = samples.stamp(2, variance=None, mask=False, psf=False, wcs=False, id=None, band=None)
    d = stamp.to_dict()
    zero = [struct.pack("<f", v) for v in d["image"]["zero"]]
    plain = samples.blob(d)
    head = samples.HEADER + bytes.fromhex("C801 04 00 00 066E4A79")
    assert plain.startswith(head)
    array = samples.floats(d["image"]["zero"])
    blocks = b"\x02" + zero[0] + b"\x01\x08" + zero[1] + b"\x00"
    loose = plain.replace(array, blocks, 1).replace(
        head, samples.HEADER + bytes.fromhex("C88100 8480808000 00 00 066E4A79"), 1
    )
    assert loose != plain
    assert hstamp.Stamp.from_bytes(loose) == stamp
    assert hstamp.Stamp.from_bytes(loose).to_bytes() == plain
