"""Batches agree with stamps handled one by one."""

import brute
import numpy as np
import pytest
import samples
from hypothesis import given, settings
from hypothesis import strategies as st

import hstamp


def check_row(batch, row, stamp):
    n = stamp.n
    assert batch.n[row] == n
    assert (batch.dx[row], batch.dy[row]) == (stamp.dx, stamp.dy)
    assert batch.ids[row] == stamp.id
    assert batch.bands[row] == stamp.band
    assert batch.mask_planes[row] == stamp.mask_planes
    assert brute.same_bits(batch.levels[row, :n], stamp.levels)
    assert np.isnan(batch.levels[row, n:]).all()
    if stamp.wcs is None:
        assert np.isnan([batch.ra[row], batch.dec[row], *batch.cd[row].ravel()]).all()
    else:
        assert (batch.ra[row], batch.dec[row]) == (stamp.wcs.ra, stamp.wcs.dec)
        np.testing.assert_array_equal(batch.cd[row], stamp.wcs.cd.astype(np.float32))
    if batch.variance is not None:
        if stamp.variance is None:
            assert np.isnan(batch.variance[row]).all()
        else:
            assert brute.same_bits(batch.variance[row, :n], stamp.variance)
    else:
        assert stamp.variance is None
    if stamp.mask is None:
        assert batch.mask is None or not batch.mask[row].any()
    else:
        np.testing.assert_array_equal(batch.mask[row, :n], stamp.mask)
        assert not batch.mask[row, n:].any()
    if stamp.psf is None:
        assert batch.psf is None or np.isnan(batch.psf[row]).all()
    else:
        pad = (batch.psf.shape[1] - stamp.psf.shape[0]) // 2
        assert brute.same_bits(batch.psf[row], np.pad(stamp.psf, pad))


def invalid_blobs():
    """Blobs of the right form that break a rule, in groups of equal shape."""
    d = samples.stamp(3, seed=9).to_dict()
    yield samples.blob(d | {"levels": 9}), "E_LEVELS"
    yield samples.blob(d | {"version": 500}), "E_VERSION"
    yield samples.blob(d | {"dx": 0.75}), "E_OFFSET"
    yield samples.blob(d | {"levels": 8}), "E_LENGTH"
    yield samples.blob(d | {"image": d["image"] | {"encoding": "f8"}}), "E_ENCODING"
    yield samples.blob(d | {"variance": d["variance"] | {"encoding": "log9"}}), "E_ENCODING"
    yield samples.blob(d | {"variance": d["variance"] | {"unit": 0.0}}), "E_SCALE"
    yield samples.blob(d | {"image": d["image"] | {"scale": [0.0] * 3}}), "E_SCALE"
    yield samples.blob(d | {"image": d["image"] | {"scale": [1.0] * 2}}), "E_SCALE"
    yield samples.blob(d | {"mask": d["mask"] | {"planes": ["A", "A", "B"]}}), "E_MASK"
    yield samples.blob(d | {"mask": d["mask"] | {"data": b"\x08" * 548}}), "E_MASK"
    yield samples.blob(d | {"psf": d["psf"] | {"data": bytes(98)}}), "E_PSF"
    yield samples.blob(d | {"psf": d["psf"] | {"size": 8}}), "E_PSF"
    yield samples.blob(d | {"id": "\x07bc"}), "E_TEXT"
    yield samples.blob(d | {"wcs": d["wcs"] | {"ra": 360.0}}), "E_WCS"
    yield samples.blob(d)[:-1], "E_AVRO"
    yield samples.blob(d) + b"\x00", "E_TRAILING"
    yield b"", "E_MAGIC"
    yield bytes(70000), "E_LIMIT"


INVALID = list(invalid_blobs())


@settings(max_examples=12)
@given(st.integers(0, 2**32 - 1), st.integers(1, 9))
def test_mixed_batches(seed, copies):
    rng = np.random.default_rng(seed)
    good = [(s.to_bytes(), s) for s in samples.assorted()] * copies
    bad = [(b, code) for b, code in INVALID] * rng.integers(0, copies + 1)
    mixed = [*good, *bad]
    order = rng.permutation(len(mixed))
    mixed = [mixed[i] for i in order]
    batch = hstamp.decode_many([b for b, _ in mixed], errors="collect")
    accepted = [i for i, (_, what) in enumerate(mixed) if not isinstance(what, str)]
    assert batch.index.tolist() == accepted
    assert len(batch) == len(accepted)
    assert {i: e.code for i, e in batch.errors.items()} == {
        i: what for i, (_, what) in enumerate(mixed) if isinstance(what, str)
    }
    for row, i in enumerate(accepted):
        check_row(batch, row, mixed[i][1])


@pytest.mark.parametrize(("blob", "code"), INVALID)
@pytest.mark.parametrize("count", [1, 3, 6])
def test_batches_of_nothing_but_one_fault(blob, code, count):
    batch = hstamp.decode_many([blob] * count, errors="collect")
    assert len(batch) == 0
    assert [batch.errors[i].code for i in range(count)] == [code] * count
    good = samples.stamp(2).to_bytes()
    with pytest.raises(hstamp.FormatError, match=f"{code}: stamp 1:"):
        hstamp.decode_many([good] + [blob] * count)


@pytest.mark.parametrize(("blob", "code"), INVALID)
def test_a_fault_does_not_widen_the_batch(blob, code):
    good = samples.stamp(2)
    batch = hstamp.decode_many([blob] * 6 + [good.to_bytes()] * 6, errors="collect")
    assert batch.levels.shape == (6, 2, 15, 15)
    check_row(batch, 3, good)


@pytest.mark.parametrize("encoding", ["i2", "f4"])
@pytest.mark.parametrize("spread", [None, "log8", "f4"])
@pytest.mark.parametrize("parents", ["one", "each"])
def test_encode_many_writes_the_same_bytes(encoding, spread, parents):
    rng = np.random.default_rng(5)
    count, shape = 12, (64, 70)
    lead = shape if parents == "one" else (count, *shape)
    image = rng.normal(0, 9, lead).astype(np.float32)
    image[rng.random(lead) < 0.05] = np.nan
    variance = rng.gamma(5, 5, lead) if spread else None
    if spread:
        variance[rng.random(lead) < 0.05] = -1.0
    mask = (rng.random(lead) < 0.002).astype(np.uint8)
    x, y = rng.uniform(-20, 90, count), rng.uniform(-20, 80, count)
    x[0], y[0] = 500.0, 500.0
    psf = rng.random((count, 5, 5)) if parents == "each" else rng.random((5, 5))
    ids = [f"id{10 ** (i % 4)}" for i in range(count)]
    wcs = [hstamp.Wcs(float(359 + i / 10) % 360, i - 5.0, -1e-4, 0, 0, 1e-4) for i in range(count)]
    common = {
        "levels": 3,
        "encoding": encoding,
        "mask_planes": ["A", "B"],
        "psf_size": 7,
        "band": "g",
    }
    if spread:
        common["variance_encoding"] = spread
    blobs = hstamp.encode_many(
        image, x, y, variance=variance, mask=mask, psf=psf, ids=ids, wcs=wcs, **common
    )
    for i, blob in enumerate(blobs):

        def of(a):
            return None if a is None else a if parents == "one" else a[i]

        one = hstamp.encode(
            of(image), x[i], y[i], variance=of(variance), mask=of(mask), psf=of(psf), id=ids[i],
            wcs=wcs[i], **common,
        )  # fmt: skip
        assert blob == one.to_bytes(), i


def test_empty_batches():
    assert len(hstamp.decode_many([])) == 0
    assert hstamp.encode_many(np.zeros((9, 9)), [], []) == []


def test_only_the_planes_asked_for():
    blobs = [samples.stamp(3, seed=i).to_bytes() for i in range(6)]
    batch = hstamp.decode_many(blobs, planes=("variance",))
    assert batch.levels is batch.mask is batch.psf is None
    assert batch.variance.shape == (6, 3, 15, 15)


def test_batch_refuses():
    blob = samples.stamp(2).to_bytes()
    with pytest.raises(hstamp.InputError):
        hstamp.decode_many([blob], planes=("flux",))
    with pytest.raises(hstamp.InputError):
        hstamp.decode_many([blob], errors="ignore")
    image = np.zeros((40, 40))
    for options in (
        {"levels": 1}, {"encoding": "f8"}, {"variance_encoding": "u1"}, {"step": 0.0},
        {"ids": ["a"]}, {"ids": ["a", "\n"]}, {"mask": image.astype(int)}, {"variance": image[:3]},
        {"wcs": [hstamp.Wcs(1, 2, 0, 0, 0, 0)] * 2}, {"psf": np.zeros((3, 5, 5))},
        {"band": "x" * 33}, {"flux_unit": ""},
    ):  # fmt: skip
        with pytest.raises(hstamp.InputError):
            hstamp.encode_many(image, [5.0, 6.0], [5.0, 6.0], **options)
    for x, y in (([1.0], [1.0, 2.0]), ([np.nan], [1.0]), ([[1.0]], [[1.0]])):
        with pytest.raises(hstamp.InputError):
            hstamp.encode_many(image, x, y)
