"""Blobs that lie one behind another in memory are decoded as those of a list."""

from contextlib import nullcontext

import numpy as np
import pytest

import hstamp
from hstamp import FormatError, InputError, fast
from hstamp.batch.decode import decode_buffer


def _blobs():
    rng = np.random.default_rng(4)
    image = rng.normal(size=(300, 300)).astype(np.float32)
    return [
        hstamp.encode(
            image,
            150 + i,
            149.2,
            levels=2 + i % 3,
            id="k" * i,
            variance=image**2 if i % 2 else None,
        ).to_bytes()
        for i in range(9)
    ]


def _joined(blobs):
    ends = np.cumsum([0] + [len(blob) for blob in blobs]).astype(np.int64)
    return np.frombuffer(b"".join(blobs), np.uint8), ends


def test_same_arrays_as_from_a_list():
    blobs = _blobs()
    blobs[4] = blobs[4][:-1]
    buffer, offsets = _joined(blobs)
    found = decode_buffer(buffer, offsets, errors="collect")
    expected = hstamp.decode_many(blobs, errors="collect")
    assert found.ids == expected.ids == tuple("k" * i for i in range(9) if i != 4)
    assert list(found.errors) == [4]
    for name in ("index", "n", "dx", "dy", "levels", "variance"):
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name))


def test_first_blob_need_not_start_the_buffer():
    blobs = _blobs()
    buffer, offsets = _joined(blobs)
    part = decode_buffer(buffer, offsets[3:6], planes=("image",))
    assert part.ids == ("kkk", "kkkk")
    assert len(decode_buffer(buffer, offsets[:1])) == 0


@pytest.mark.parametrize("offsets", [[-1, 4], [4, 2], [0, 10**9], []])
def test_offsets_outside_the_buffer_are_refused(offsets):
    with pytest.raises(InputError):
        decode_buffer(np.zeros(8, np.uint8), np.array(offsets, np.int64))


def test_other_kinds_of_array_are_refused():
    with pytest.raises(InputError):
        decode_buffer(np.zeros(8), np.array([0, 8]))
    with pytest.raises(InputError):
        decode_buffer(np.zeros(8, np.uint8), np.array([0.0, 8.0]))
    with pytest.raises(FormatError, match="stamp 0"):
        decode_buffer(np.zeros(8, np.uint8), np.array([0, 8]))


@pytest.mark.parametrize("odd", [0, 5, 300, 599])
def test_many_of_one_form_with_others_among_them(odd):
    """Each stamp of hundreds is where its input was, whatever lies between."""
    rng = np.random.default_rng(5)
    image = rng.normal(size=(80, 80)).astype(np.float32)
    options = {"band": "r", "wcs": hstamp.Wcs(1.0, 2.0, 1e-5, 0, 0, 1e-5)}
    usual = [
        hstamp.encode(image, 40 + i, 40.0, levels=2, id=f"{i:04d}", **options) for i in range(8)
    ]
    other = hstamp.encode(image, 40, 40, levels=3, encoding="f4", id="long name")
    stamps = [usual[i % 8] for i in range(600)]
    stamps[odd] = other
    blobs = [stamp.to_bytes() for stamp in stamps]
    blobs[450] = b"\xc3\x01 no stamp"
    fast.load()
    for plain in (False, True):
        with fast.numpy_only() if plain else nullcontext():
            found = decode_buffer(*_joined(blobs), errors="collect")
        assert found.index.tolist() == [i for i in range(600) if i != 450]
        assert list(found.errors) == [450]
        for b in (*range(12), *range(250, 310), *range(440, 460), 598):
            stamp = stamps[found.index[b]]
            assert (found.ids[b], found.bands[b]) == (stamp.id, stamp.band)
            assert (found.n[b], found.dx[b]) == (stamp.n, np.float32(stamp.dx))
            assert np.isnan(found.ra[b]) == (stamp.wcs is None)
            np.testing.assert_array_equal(found.levels[b, : stamp.n], stamp.levels)
            assert np.isnan(found.levels[b, stamp.n :]).all()
