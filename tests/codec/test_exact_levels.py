"""Sections 5, 6 and 9: exact stamps reproduce the true levels bit for bit."""

import brute
import numpy as np
import pytest
from hypothesis import given, settings
from strategies import HOLES, KINDS, pixels, scenes

import hstamp


def expected_levels(rows, scene, **rule):
    """True levels, with level 0's derived row and column from level 1 [GE-7]."""
    levels = brute.true_levels(rows, scene.x, scene.y, scene.levels, **rule)
    for t in range(15):
        levels[0][14][t] = levels[1][11][4 + t // 2]
        levels[0][t][14] = levels[1][4 + t // 2][11]
    return levels


@settings(max_examples=150)
@given(scenes())
def test_image_levels_are_the_true_means(scene):
    rows = brute.image_rows(scene.image)
    stamp = hstamp.encode(scene.image, scene.x, scene.y, levels=scene.levels, encoding="f4")
    decoded = hstamp.Stamp.from_bytes(stamp.to_bytes())
    expected = expected_levels(rows, scene)
    assert decoded.levels.shape == (scene.levels, 15, 15)
    assert brute.same_bits(decoded.levels, brute.as_f4(expected))
    true = brute.true_levels(rows, scene.x, scene.y, scene.levels)
    assert brute.same_bits(decoded.values, brute.as_f4(brute.stored(true)))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("holes", HOLES)
def test_every_kind_of_value_with_every_pattern_of_gaps(kind, holes):
    @settings(max_examples=3)
    @given(scenes(kinds=(kind,), holes=(holes,), dtypes=("<f4", ">f8"), max_side=70))
    def check(scene):
        stamp = hstamp.encode(scene.image, scene.x, scene.y, levels=scene.levels, encoding="f4")
        expected = expected_levels(brute.image_rows(scene.image), scene)
        assert brute.same_bits(stamp.levels, brute.as_f4(expected))

    check()


@pytest.mark.parametrize("n", [5, 6, 7])
def test_wide_parents_in_full(n):
    rng = np.random.default_rng(n)
    side = 15 * 2 ** (n - 1)
    image = pixels("noise", (side + 9, side + 5), rng).astype(np.float32)
    image[rng.random(image.shape) < 0.01] = np.nan
    x, y = 2.25 - brute.ORIGINS[n - 1], 3.75 - brute.ORIGINS[n - 1]
    stamp = hstamp.encode(image, x, y, encoding="f4")
    assert stamp.n == n
    true = brute.true_levels(brute.image_rows(image), x, y, n)
    assert brute.same_bits(stamp.values, brute.as_f4(brute.stored(true)))
    assert brute.same_bits(stamp.levels[1:], brute.as_f4(true)[1:])


@settings(max_examples=80)
@given(scenes(dtypes=("<f4", "<f8")))
def test_variance_is_that_of_the_mean(scene):
    image = brute.image_rows(scene.image)
    rows = brute.variance_rows(scene.variance, image)
    stamp = hstamp.encode(
        scene.image, scene.x, scene.y, levels=scene.levels, encoding="f4",
        variance=scene.variance, variance_encoding="f4",
    )  # fmt: skip
    expected = expected_levels(rows, scene, combine=brute.variance_of_mean)
    assert brute.same_bits(stamp.variance, brute.as_f4(expected))


@settings(max_examples=80)
@given(scenes(dtypes=("<f4",)))
def test_mask_is_the_union_of_all_children(scene):
    names = [f"PLANE{b}" for b in range(16)]
    stamp = hstamp.encode(
        scene.image, scene.x, scene.y, levels=scene.levels, mask=scene.mask, mask_planes=names,
        encoding="f4",
    )  # fmt: skip
    rows = scene.mask.tolist()
    expected = expected_levels(rows, scene, combine=brute.union, missing=0)
    np.testing.assert_array_equal(stamp.mask, np.array(expected))
    assert stamp.mask.dtype == np.uint16
    assert stamp.mask_planes == tuple(names)


@given(scenes(dtypes=("<f4",), holes=("none",)))
def test_unusable_pixels_are_missing(scene):
    rng = np.random.default_rng(1)
    unusable = rng.random(scene.image.shape) < 0.3
    given_flags = hstamp.encode(
        scene.image, scene.x, scene.y, levels=scene.levels, encoding="f4", unusable=unusable
    )
    rows = brute.image_rows(np.where(unusable, np.float32(np.nan), scene.image))
    assert brute.same_bits(given_flags.levels, brute.as_f4(expected_levels(rows, scene)))


def test_sums_start_from_plus_zero():
    """A lone stored -0.0 is kept; a mean of zeros is +0.0 whatever their signs."""
    image = np.full((30, 30), -0.0, dtype=np.float32)
    stamp = hstamp.encode(image, 14.5, 14.5, encoding="f4")
    assert np.signbit(stamp.levels[0][:14, :14]).all()
    assert not np.signbit(stamp.levels[1]).any()


def test_means_round_to_even_once():
    """Sums in binary64: 1 + 2^-24 three times over would vanish in binary32 arithmetic."""
    image = np.zeros((30, 30), dtype=np.float32)
    image[::2, ::2], image[::2, 1::2], image[1::2, ::2] = 1.0, 2.0**-24, 2.0**-24
    image[1::2, 1::2] = 2.0**-23
    stamp = hstamp.encode(image, 14.5, 14.5, encoding="f4")
    assert stamp.levels[1][0, 0] == np.float32((1 + 2 * 2.0**-24 + 2.0**-23) / 4)
    assert stamp.levels[1][0, 0] == 0.25 + 2.0**-24 * 1.0


def test_infinite_and_overflowing_pixels_are_missing():
    image = np.ones((30, 30))
    image[0, 0], image[0, 1], image[1, 0] = np.inf, -np.inf, 1e300
    stamp = hstamp.encode(image, 14.5, 14.5, encoding="f4")
    assert stamp.levels[1][0, 0] == 1.0
    image[1, 1] = np.nan
    assert np.isnan(hstamp.encode(image, 14.5, 14.5, encoding="f4").levels[1][0, 0])


def test_integers_wider_than_binary64_are_rounded_once():
    value = 2**60 + 2**36 + 1
    image = np.full((30, 30), value, dtype=np.int64)
    expected = brute.rnd4_integer(value)
    assert expected == 2.0**60 + 2.0**37
    assert hstamp.encode(image, 14.5, 14.5, encoding="f4").values[0] == expected


def test_tiny_negative_variance_is_missing():
    """Negative is negative, even where float32 would round it to zero [PL-2]."""
    variance = np.full((30, 30), -1e-60)
    stamp = hstamp.encode(
        np.zeros((30, 30)), 14.5, 14.5, encoding="f4", variance=variance, variance_encoding="f4"
    )
    assert np.isnan(stamp.variance).all()


def test_masked_arrays_say_what_is_missing():
    image = np.ma.MaskedArray(np.ones((30, 30)), mask=np.zeros((30, 30), bool))
    image.mask[8, 8] = True
    stamp = hstamp.encode(image, 14.5, 14.5, encoding="f4")
    assert np.isnan(stamp.values[0])
    assert np.isfinite(stamp.values[1:]).all()
