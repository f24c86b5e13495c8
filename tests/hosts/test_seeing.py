"""Widths of PSFs that are known by their formula."""

import numpy as np
import pytest

import hstamp
from hstamp.hosts.seeing import seeing_of, seeing_of_stamps

Y, X = np.indices((21, 21)) - 10.0


def gaussian(width, x=0.0, y=0.0):
    sigma = width / np.sqrt(8.0 * np.log(2.0))
    return np.exp(-((X - x) ** 2 + (Y - y) ** 2) / (2.0 * sigma**2)).astype(np.float32)


def moffat(width, beta=4.765):
    core = width / (2.0 * np.sqrt(2.0 ** (1.0 / beta) - 1.0))
    return ((1.0 + (X**2 + Y**2) / core**2) ** -beta).astype(np.float32)


@pytest.mark.parametrize("width", [2.5, 3.5, 5.0, 9.0])
@pytest.mark.parametrize("shape", [gaussian, moffat])
def test_full_width_at_half_maximum(width, shape):
    assert seeing_of(shape(width)[None], 1)[0] == pytest.approx(width, rel=0.05)


def test_off_the_middle_of_a_pixel():
    assert seeing_of(gaussian(4.0, 0.4, -0.3)[None], 1)[0] == pytest.approx(4.0, rel=0.05)


def test_what_is_not_known():
    wide, blank = np.ones((21, 21), np.float32), np.zeros((21, 21), np.float32)
    edge = gaussian(4.0, 10.0, 0.0)
    found = seeing_of(np.stack([wide, blank, np.full_like(blank, np.nan), edge]), 4)
    assert np.isnan(found).all()
    assert np.isnan(seeing_of(None, 3)).tolist() == [True] * 3


def test_stamps_with_psfs_of_several_sizes():
    image = np.random.default_rng(1).normal(size=(60, 60))
    stamps = [
        hstamp.encode(image, 30.0, 30.0, levels=2, psf=psf, psf_size=size)
        for psf, size in ((gaussian(3.0), 21), (None, 21), (gaussian(5.0), 15))
    ]
    expected = [3.0, np.nan, 5.0]
    np.testing.assert_allclose(seeing_of_stamps(stamps), expected, rtol=0.05)
    batch = hstamp.decode_many([stamp.to_bytes() for stamp in stamps])
    np.testing.assert_allclose(seeing_of(batch.psf, 3), expected, rtol=0.05)
