"""Section 10: what an encoder may lose, measured against the true values."""

import math
import struct
from fractions import Fraction

import brute
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import pixels, scenes

import hstamp
from hstamp.encodings.variance import MANTISSAS
from hstamp.limits import TOP_MANTISSA


def truth(scene, rows, combine=brute.mean):
    return brute.stored(brute.true_levels(rows, scene.x, scene.y, scene.levels, combine))


def check_image_bound(true, stamp):
    """[EC-1], [EC-2] for missing pixels and [EC-3] in exact arithmetic."""
    fields = stamp.to_dict()["image"]
    if fields["encoding"] == "f4":  # [EC-9]; when it may be is another test's matter
        assert brute.same_bits(stamp.values, brute.as_f4(true))
        return
    decoded = brute.decode_image(fields, stamp.n)
    assert brute.same_bits(stamp.values, brute.as_f4(decoded))
    for v, w, k in zip(true, decoded, brute.level_of_stored(stamp.n), strict=True):
        assert (v is None) == (w is None)
        if v is None:
            continue
        step = Fraction(fields["scale"][k])
        largest = max(abs(Fraction(v)), abs(Fraction(w)))
        bound = step / 2 * (1 + Fraction(2) ** -20) + largest / 2**23 + Fraction(2) ** -149
        assert abs(Fraction(w) - Fraction(v)) <= bound


@settings(max_examples=120)
@given(scenes(), st.booleans())
def test_image_error_is_half_a_step(scene, with_variance):
    rows = brute.image_rows(scene.image)
    variance = scene.variance if with_variance else None
    try:
        stamp = hstamp.encode(scene.image, scene.x, scene.y, levels=scene.levels, variance=variance)
    except hstamp.InputError as error:
        # Only values that EN-3 cannot hold may be refused.
        finite = [abs(v) for v in truth(scene, rows) if v is not None]
        assert max(finite, default=0.0) > brute.FLT_MAX / 4, error
        return
    check_image_bound(truth(scene, rows), stamp)


@settings(max_examples=80)
@given(
    scenes(kinds=("noise", "bright", "integers"), dtypes=("<f4",)), st.sampled_from([1 / 16, 0.5])
)
def test_step_is_a_fraction_of_the_noise_unless_the_range_demands_more(scene, fraction):
    image = brute.image_rows(scene.image)
    stamp = hstamp.encode(
        scene.image, scene.x, scene.y, levels=scene.levels, variance=scene.variance, step=fraction
    )
    values = truth(scene, image)
    spread = truth(scene, brute.variance_rows(scene.variance, image), brute.variance_of_mean)
    if not any(v is not None and v > 0 for v in spread):
        return
    level = brute.level_of_stored(stamp.n)
    for k, scale in enumerate(stamp.record.image.scale):
        here = [v for v, j in zip(values, level, strict=True) if j == k and v is not None]
        noise = [v for v, j in zip(spread, level, strict=True) if j == k and v]
        if not here:
            assert scale == 1
            continue
        sigma = math.sqrt(min(noise)) if noise else 0.0
        low, high = min(here), max(here)
        wanted = max(fraction * sigma, (high - low) / 65534)
        # Rounding: one ulp of scale, and half an ulp of the zero point, which the reach makes up.
        slack = wanted * 2**-22 + 2.0**-24 * max(abs(low), abs(high)) * 2 / 32767 + 2.0**-149
        if wanted == 0:
            assert scale == 1
        else:
            assert wanted * (1 - 2**-23) <= scale <= wanted + slack
        zero = brute.rnd4((low + high) / 2)
        assert stamp.record.image.zero[k] == zero


@settings(max_examples=40)
@given(scenes(kinds=("noise", "bright"), dtypes=("<f4",), holes=("none", "few", "core", "band")))
def test_step_without_variance_follows_the_pixels(scene):
    """sigma_k = 2^-k min_j (2^j d_j), d_j from neighbours along rows [EC-4]."""
    rows = brute.image_rows(scene.image)
    levels = brute.true_levels(rows, scene.x, scene.y, scene.levels)
    estimates = []
    for k, grid in enumerate(levels):
        steps = sorted(
            abs(Fraction(b) - Fraction(a))
            for row in grid
            for a, b in zip(row, row[1:], strict=False)
            if a is not None and b is not None
        )
        if steps:
            half = len(steps) // 2
            # Either middle value of an even number is a median.
            pair = steps[(len(steps) - 1) // 2], steps[half]
            estimates.append([float(v) * 1.4826 / math.sqrt(2) * 2**k for v in pair])
    stamp = hstamp.encode(scene.image, scene.x, scene.y, levels=scene.levels)
    stored, level = brute.stored(levels), brute.level_of_stored(stamp.n)
    for k, scale in enumerate(stamp.record.image.scale):
        here = [v for v, j in zip(stored, level, strict=True) if j == k and v is not None]
        if not here:
            assert scale == 1
            continue
        needed = (max(here) - min(here)) / 65534
        low, high = (
            max(min((pair[i] for pair in estimates), default=0.0) / 2**k / 16, needed)
            for i in (0, 1)
        )
        if low > 0:
            slack = high * 1e-6 + 2.0**-23 * max(map(abs, here)) / 32767
            assert low * (1 - 1e-6) <= scale <= high + slack


def test_levels_without_values_have_unit_scale():
    image = pixels("noise", (30, 30), np.random.default_rng(0))
    stamp = hstamp.encode(image, 14.5, 14.5, levels=5)
    # The parent is level 1, which ring 2 overlaps by one row and column; rings 3 and 4 are outside.
    assert stamp.record.image.scale[3:] == (1.0, 1.0)
    assert stamp.record.image.zero[3:] == (0.0, 0.0)


@pytest.mark.parametrize(
    "value", [brute.FLT_MAX, -brute.FLT_MAX, 2.0**-149, -(2.0**-126), 0.0, -0.0]
)
def test_constant_extremes(value):
    image = np.full((30, 30), value, dtype=np.float32)
    stamp = hstamp.encode(image, 14.5, 14.5)
    assert (stamp.levels == np.float32(value)).all()


def test_range_beyond_the_encoding_is_refused_and_exact_works():
    image = np.full((30, 30), brute.FLT_MAX, dtype=np.float32)
    image[::2] *= -1
    with pytest.raises(hstamp.InputError, match="f4"):
        hstamp.encode(image, 14.5, 14.5)
    assert np.isfinite(hstamp.encode(image, 14.5, 14.5, encoding="f4").levels).all()


def test_the_lowest_value_is_not_the_missing_code():
    image = np.zeros((30, 30), dtype=np.float32)
    image[8, 8], image[9, 9] = -1e6, 1e6
    stamp = hstamp.encode(image, 14.5, 14.5)
    q = struct.unpack("<372h", stamp.record.image.data)
    assert min(q) == -32767
    assert max(q) == 32767
    assert stamp.values[0] == pytest.approx(-1e6, rel=1e-6)


@settings(max_examples=80)
@given(scenes(kinds=("noise",), dtypes=("<f4",)), st.sampled_from([1e-30, 1.0, 1e20]))
def test_log8_error_is_below_2_2_percent(scene, factor):
    image = brute.image_rows(scene.image)
    variance = (scene.variance * np.float32(factor)).astype(np.float32)
    stamp = hstamp.encode(
        scene.image, scene.x, scene.y, levels=scene.levels, encoding="f4", variance=variance
    )
    true = truth(scene, brute.variance_rows(variance, image), brute.variance_of_mean)
    check_variance_bound(true, stamp)


def check_variance_bound(true, stamp):
    plane = stamp.to_dict()["variance"]
    decoded = brute.decode_variance(plane, stamp.n)
    level = brute.level_of_stored(stamp.n)
    positive = [Fraction(v) * 4**k for v, k in zip(true, level, strict=True) if v]
    unit = Fraction(plane["unit"])
    if positive:
        smallest_useful = max(min(positive), max(positive) / brute.MANTISSAS[13])
        assert smallest_useful <= unit <= smallest_useful * (1 + Fraction(2) ** -23)
    for v, w, k, code in zip(true, decoded, level, plane["data"], strict=True):
        assert (v is None) == (w is None) == (code == 255)
        if v is None:
            continue
        if v == 0:
            assert code == 0
        elif Fraction(v) * 4**k >= unit:
            assert abs(Fraction(w) / Fraction(v) - 1) < Fraction(22, 1000) + Fraction(1, 10**6)
        else:
            assert code == 1


@pytest.mark.parametrize("spread", [1.0, 1e3, 5e4, 1e7])
def test_log8_with_a_wide_range(spread):
    rng = np.random.default_rng(3)
    variance = np.exp(rng.uniform(0, math.log(spread), (60, 60))).astype(np.float32)
    variance[rng.random((60, 60)) < 0.05] = 0.0
    image = np.zeros((60, 60), dtype=np.float32)
    stamp = hstamp.encode(image, 29.5, 29.5, levels=3, variance=variance)
    rows = brute.variance_rows(variance, brute.image_rows(image))
    true = brute.true_levels(rows, 29.5, 29.5, 3, brute.variance_of_mean)
    check_variance_bound(brute.stored(true), stamp)


def test_all_255_codes_decode_exactly():
    codes = bytes(i % 256 for i in range(372))
    image = np.zeros((30, 30), np.float32)
    base = hstamp.encode(image, 14.5, 14.5, variance=np.ones((30, 30)), encoding="f4").to_dict()
    for unit in (1.0, 0.75, 2.0**-149, 2.0**-126, float(np.float32(brute.FLT_MAX / 57550))):
        base["variance"] = {"encoding": "log8", "unit": unit, "data": codes}
        stamp = hstamp.Stamp.from_dict(base)
        stored = brute.decode_variance(base["variance"], 2)
        expected = brute.as_f4(brute.presented(stored, 2, brute.variance_of_mean))
        assert brute.same_bits(stamp.variance, expected)


@given(
    st.integers(0, 10).map(lambda h: 2 * h + 1),
    st.integers(0, 2**32 - 1),
    st.sampled_from([1e-20, 1.0, 3e5]),
)
def test_psf_bound_and_unit_sum(size, seed, factor):
    rng = np.random.default_rng(seed)
    y, x = np.indices((size, size)) - size // 2
    psf = np.exp(-(x**2 + y**2) / 2 / rng.uniform(0.5, 4) ** 2) + 0.01 * rng.normal(
        size=(size, size)
    )
    psf[size // 2, size // 2] += 1
    psf *= factor
    if math.fsum(psf.ravel().tolist()) <= 0:
        return
    stamp = hstamp.encode(np.zeros((30, 30)), 14.5, 14.5, psf=psf, psf_size=None)
    plane = stamp.to_dict()["psf"]
    assert brute.same_bits(stamp.psf, brute.decode_psf(plane))
    stored = struct.unpack(f"<{size * size}h", plane["data"])
    values = [Fraction(v) for v in psf.ravel().tolist()]
    total, q_total = sum(values), sum(stored)
    decoded = stamp.psf.ravel().tolist()
    for v, w in zip(values, decoded, strict=True):
        p = abs(v / total)
        # The encoder works in binary64, hence the last, far smaller term.
        bound = (1 + size**2 * p) / (2 * q_total) + p / 2**23 + Fraction(1, 2**45)
        assert abs(Fraction(w) - v / total) <= bound
    assert sum(map(Fraction, decoded)) == pytest.approx(1.0, abs=size**2 * 2.0**-24)


@pytest.mark.parametrize(
    ("shape", "size"), [((5, 9), 21), ((9, 5), 7), ((25, 25), 21), ((3, 3), 1)]
)
def test_psf_is_cut_and_padded_about_its_centre(shape, size):
    psf = np.zeros(shape)
    y, x = shape[0] // 2, shape[1] // 2
    psf[y, x], psf[y, x + 1], psf[y - 1, x] = 4.0, 2.0, 1.0
    stamp = hstamp.encode(np.zeros((30, 30)), 14.5, 14.5, psf=psf, psf_size=size)
    c = size // 2
    expected = np.zeros((size, size))
    expected[c, c] = 4.0
    if size > 1:
        expected[c, c + 1], expected[c - 1, c] = 2.0, 1.0
    assert stamp.psf == pytest.approx(expected / expected.sum(), abs=1e-4)
    assert stamp.psf[c, c] == stamp.psf.max()


def complete(mask_density):
    rng = np.random.default_rng(11)
    side = 260
    image = rng.normal(0, 20, (side, side)).astype(np.float32)
    mask = rng.integers(0, 256, (side, side)) * (rng.random((side, side)) < mask_density)
    y, x = np.indices((21, 21)) - 10
    return hstamp.encode(
        image, 125.3, 125.6, levels=5, variance=np.full((side, side), 400.0),
        mask=mask.astype(np.uint16), mask_planes=[f"PLANE_{b}" for b in range(8)],
        psf=np.exp(-(x**2 + y**2) / 8), band="r", id="123456789012345678/difference",
        wcs=hstamp.Wcs(10.0, -30.0, -5.5e-5, 1e-7, 1e-7, 5.5e-5),
    )  # fmt: skip


def test_sizes_promised():
    assert len(complete(0.0).to_bytes()) < 4000
    masked = complete(0.01)
    assert masked.mask.any()
    assert len(masked.to_bytes()) < 5000
    image = np.random.default_rng(1).normal(size=(260, 260))
    assert len(hstamp.encode(image, 125.3, 125.6, levels=5).to_bytes()) < 2000


def scene_with(value, *, sigma=1.0):
    """Noise about 10 with one pixel of another value; the pixel lies in level 0."""
    image = np.random.default_rng(4).normal(10.0, sigma, (60, 60)).astype(np.float32)
    image[28, 31] = value
    return image


@pytest.mark.parametrize("variance", [True, False])
@pytest.mark.parametrize("value", [-1e30, 1e10, -3.4e38, 3e5])
def test_a_fill_value_does_not_bury_its_neighbours(value, variance):
    """A range of 65534 noises and more cannot be spanned within the noise [EC-9]."""
    image = scene_with(value)
    spread = np.ones_like(image) if variance else None
    stamp = hstamp.encode(image, 30.2, 30.1, levels=2, variance=spread)
    assert stamp.record.image.encoding == "f4"
    exact = hstamp.encode(image, 30.2, 30.1, levels=2, encoding="f4", variance=spread)
    assert stamp == exact
    (row,) = hstamp.encode_many(image, [30.2], [30.1], levels=2, variance=spread)
    assert row == stamp.to_bytes()


@pytest.mark.parametrize("value", [6e4, 1e4, -5e4])
def test_stars_stay_quantised(value):
    """Values of up to 65534 noises are spanned by steps within the noise."""
    image = scene_with(value)
    stamp = hstamp.encode(image, 30.2, 30.1, levels=2, variance=np.ones_like(image))
    assert stamp.record.image.encoding == "i2"
    assert stamp.record.image.scale[0] <= 1.0


@pytest.mark.parametrize(("reach", "encoding"), [(65534.0, "i2"), (65535.0, "f4")])
def test_the_limit_is_one_noise_for_a_step(reach, encoding):
    """Two values only: the range is R and the noise 1, so the step is R / 65534."""
    image = np.zeros((30, 30), np.float32)
    image[8, 8] = reach
    stamp = hstamp.encode(image, 14.5, 14.5, levels=2, variance=np.ones_like(image))
    assert stamp.record.image.encoding == encoding


def test_without_any_noise_nothing_is_buried():
    image = np.zeros((30, 30), np.float32)
    image[8, 8] = 1e30
    for variance in (None, np.zeros_like(image)):
        stamp = hstamp.encode(image, 14.5, 14.5, levels=2, variance=variance)
        assert stamp.record.image.encoding == "i2"


def test_one_level_decides_for_all():
    """The value lies in the ring of level 1 alone; level 0 is written as f4 too."""
    image = scene_with(10.0)
    image[16:18, 16:18] = 1e9
    stamp = hstamp.encode(image, 30.2, 30.1, levels=2, variance=np.ones_like(image))
    assert stamp.record.image.encoding == "f4"
    np.testing.assert_array_equal(stamp.levels[0, :14, :14], image[24:38, 24:38])


def test_the_top_of_log8_is_that_of_its_table():
    assert MANTISSAS[13] == TOP_MANTISSA
