"""A batch takes what a single stamp takes, and a bad row costs that row."""

import numpy as np
import pytest
from batches import NAMES, columns, one, ragged, row
from hypothesis import given, settings
from hypothesis import strategies as st

import hstamp


@settings(max_examples=40)
@given(ragged(), st.sampled_from([None, 2, 4]), st.sampled_from([None, 5]))
def test_rows_of_any_form_have_the_bytes_of_single_stamps(rows, levels, psf_size):
    options = {"levels": levels, "psf_size": psf_size}
    blobs = hstamp.encode_many(**columns(rows), **options)
    assert blobs == [one(given, **options) for given in rows]


def test_levels_follow_each_parent():
    """Sides of the widest level: 30, 60, 120 base pixels for n = 2, 3, 4 (Section 4)."""
    images = [np.ones((side, side), "f4") for side in (29, 30, 61, 62, 120, 121)]
    middle = [(len(image) - 1) / 2 for image in images]
    blobs = hstamp.encode_many(images, middle, middle, levels=None)
    assert [hstamp.Stamp.from_bytes(blob).n for blob in blobs] == [2, 2, 2, 3, 3, 4]


def test_unusable_pixels_of_all_sources_and_of_each():
    rng = np.random.default_rng(3)
    image = rng.normal(size=(60, 60)).astype("f4")
    flags = rng.random((3, 60, 60)) < 0.3
    x, y = [20.0, 30.0, 40.0], [30.0, 31.0, 29.5]
    common = hstamp.encode_many(image, x, y, levels=2, encoding="f4", unusable=flags[0])
    own = hstamp.encode_many(image, x, y, levels=2, encoding="f4", unusable=flags)
    for i in range(3):
        for blob, used in ((common[i], flags[0]), (own[i], flags[i])):
            values = hstamp.Stamp.from_bytes(blob).levels[0, :14, :14]
            j0, i0 = int(np.floor(y[i])) + 1, int(np.floor(x[i])) + 1
            part = (slice(j0 - 7, j0 + 7), slice(i0 - 7, i0 + 7))
            expected = np.where(used[part], np.nan, image[part])
            np.testing.assert_array_equal(values, expected)


def faulty():
    """Rows of a common form, each spoilt in one way, and what its error says."""
    rng = np.random.default_rng(7)
    rows = []

    def add(reason, **changes):
        given = row(rng, (40, 50)) | {
            "x": 20.3, "y": 20.0, "variance": np.ones((40, 50)), "mask": np.zeros((40, 50), int),
            "psf": np.ones((3, 3)), "id": "a", "band": "r",
            "wcs": hstamp.Wcs(1.0, 2.0, 1e-4, 0, 0, 1e-4),
        }  # fmt: skip
        rows.append((given | changes, reason))

    huge = np.full((40, 50), 3e38)
    huge[:, ::2] *= -1
    add(None)
    add("pixel position", x=float("nan"))
    add("pixel position", y=2.0**40)
    add(None, x=1e6)
    add("positive sum", psf=np.zeros((3, 3)))
    add("central pixel", psf=np.ones((4, 3)))
    add("singular", wcs=hstamp.Wcs(1.0, 2.0, 0, 0, 0, 0))
    add("not on the sky", wcs=hstamp.Wcs(1.0, 95.0, 1e-4, 0, 0, 1e-4))
    add("not on the sky", wcs=hstamp.Wcs(float("nan"), 5.0, 1e-4, 0, 0, 1e-4))
    add("wcs must be", wcs="TAN")
    add("printable", id="a\nb")
    add("text", id=17)
    add("printable", band="\u00e9")
    add("too large", variance=np.full((40, 50), 3.4e38))
    add("bit 5", mask=np.full((40, 50), 32))
    add("shape", variance=np.ones((40, 49)))
    add("shape", mask=np.zeros((3, 3), int))
    add("integers", mask=np.zeros((40, 50)))
    add("real numbers", image=np.full((40, 50), "a"))
    add(None, variance=None, image=huge, x=1e6)
    return rows


FAULTY = faulty()


def test_one_bad_row_costs_that_row():
    rows = [given for given, _ in FAULTY]
    batch = hstamp.encode_many(**columns(rows), levels=2, errors="collect")
    assert isinstance(batch, list)
    assert len(batch) == len(rows)
    assert list(batch.errors) == [i for i, (_, reason) in enumerate(FAULTY) if reason]
    for i, (source, reason) in enumerate(FAULTY):
        if reason is None:
            assert batch[i] == one(source, levels=2), i
        else:
            assert batch[i] is None
            assert isinstance(batch.errors[i], hstamp.InputError)
            assert reason in batch.errors[i].reason, (i, batch.errors[i])
            with pytest.raises(hstamp.InputError):
                one(source, levels=2)
    good = sum(reason is None for _, reason in FAULTY)
    assert repr(batch).startswith(f"<EncodedBatch: {good} of {len(rows)} stamps, ")


@pytest.mark.parametrize("spoilt", [i for i, (_, reason) in enumerate(FAULTY) if reason])
def test_by_default_the_first_fault_is_raised_and_named(spoilt):
    rows = [FAULTY[0][0], FAULTY[spoilt][0], FAULTY[1][0]]
    with pytest.raises(hstamp.InputError, match="source 1: ") as caught:
        hstamp.encode_many(**columns(rows), levels=2)
    assert FAULTY[spoilt][1] in caught.value.reason


def test_a_common_wcs_that_fails_at_one_source_costs_that_source():
    def sky(x, y):
        return np.where(x < 10, np.nan, 150 + x / 3600), 2 + y / 3600

    image = np.zeros((40, 40), "f4")
    batch = hstamp.encode_many(image, [5.0, 20.0], [20.0, 20.0], wcs=sky, levels=2,
                               errors="collect")  # fmt: skip
    assert list(batch.errors) == [0]
    assert hstamp.Stamp.from_bytes(batch[1]).wcs.ra == pytest.approx(150 + 20 / 3600)


def test_what_is_common_to_all_is_refused_as_a_whole():
    image = np.zeros((40, 40), "f4")
    for options in (
        {"variance": image[:3]}, {"mask": image.astype(int)}, {"unusable": image[:2]},
        {"mask_planes": NAMES}, {"psf": np.zeros((3, 3))}, {"psf": np.ones((3, 3, 3))},
        {"ids": ["a"]}, {"band": ["r"]}, {"wcs": [None]}, {"variance": [image]},
        {"errors": "ignore"},
    ):  # fmt: skip
        with pytest.raises(hstamp.InputError):
            hstamp.encode_many(image, [5.0, 6.0], [5.0, 6.0], **({"errors": "collect"} | options))


def test_an_empty_batch():
    empty = hstamp.encode_many([], [], [], errors="collect", levels=None)
    assert list(empty) == []
    assert empty.errors == {}


def test_rows_of_one_form_are_the_bytes_of_single_stamps_and_fail_alone():
    """Rows that differ in numbers alone, with a fault of each kind among them."""
    rng = np.random.default_rng(8)
    count = 24
    image = rng.normal(size=(count, 60, 60)).astype("f4")
    image[3] = np.float32(3e38) * np.sign(image[3])
    variance = rng.uniform(1, 2, image.shape).astype("f4")
    variance[5] = 3e38
    mask = rng.integers(0, 8, image.shape).astype("u2")
    mask[7, 30, 30] = 8
    mask[8] = 0
    ids = [f"id-{b:03d}" for b in range(count)]
    ids[9], ids[10], ids[11] = "id-00\n", "id-00é", 12
    wcs = [hstamp.Wcs(10.0 + b, -5.0, 1e-5, 1e-9 * b, 0, 1e-5) for b in range(count)]
    wcs[13] = hstamp.Wcs(10.0, 95.0, 1e-5, 0, 0, 1e-5)
    wcs[14] = hstamp.Wcs(10.0, 9.0, 0, 0, 0, 0)
    wcs[15] = None
    psf = [np.outer(np.hanning(13), np.hanning(13)) + 0.01 * b for b in range(count)]
    bands = ["g", "r"] * (count // 2)
    bands[17] = "\x07"
    x, y = rng.uniform(28, 31, (2, count))
    names = ("A", "B", "C")
    options = {"levels": 2, "psf_size": 9}
    for encoding in ("i2", "f4"):
        for spread in ("log8", "f4"):
            kind = {"encoding": encoding, "variance_encoding": spread, "mask_planes": names}
            found = hstamp.encode_many(
                image, x, y, variance=variance, mask=mask, psf=psf, wcs=wcs, ids=ids, band=bands,
                errors="collect", **options, **kind,
            )  # fmt: skip
            expected = {}
            for b in range(count):
                try:
                    expected[b] = hstamp.encode(
                        image[b], x[b], y[b], variance=variance[b], mask=mask[b],
                        psf=psf[b], wcs=wcs[b], id=ids[b], band=bands[b], **options, **kind,
                    ).to_bytes()  # fmt: skip
                except hstamp.InputError as fault:
                    expected[b] = fault.reason
            given = {b: blob for b, blob in enumerate(found) if blob is not None}
            given |= {b: fault.reason for b, fault in found.errors.items()}
            assert given == expected
            assert {7, 9, 10, 11, 13, 14, 17} <= set(found.errors)
            assert (5 in found.errors) == (spread == "log8")
