"""What users hold: arguments that are refused, equality, copies, read-only arrays."""

import copy
import pickle

import numpy as np
import pytest
import samples

import hstamp

IMAGE = np.zeros((40, 40))
BAD = [
    {"image": np.zeros(5)}, {"image": np.zeros((0, 5))}, {"image": np.zeros((2, 2, 2))},
    {"image": np.zeros((4, 4), complex)}, {"image": np.array([["a"]])}, {"image": np.array([[None]])},  # noqa: E501
    {"x": np.nan}, {"y": np.inf}, {"x": -1e300},
    {"levels": 1}, {"levels": 9}, {"encoding": "i4"}, {"encoding": ""},
    {"variance": np.zeros((39, 40))}, {"variance": IMAGE, "variance_encoding": "u1"},
    {"mask": IMAGE.astype(int)}, {"mask": IMAGE, "mask_planes": ["A"]}, {"mask_planes": ["A"]},
    {"mask": IMAGE.astype(int) - 1, "mask_planes": ["A"]},
    {"mask": IMAGE.astype(int) + 65536, "mask_planes": ["A"]},
    {"mask": IMAGE.astype(int) + 2, "mask_planes": ["A"]},
    {"mask": IMAGE.astype(int), "mask_planes": []},
    {"mask": IMAGE.astype(int), "mask_planes": ["A", "A"]},
    {"mask": IMAGE.astype(int), "mask_planes": ["with space"]},
    {"mask": IMAGE.astype(int), "mask_planes": [f"P{i}" for i in range(17)]},
    {"psf": np.ones((4, 5))}, {"psf": np.ones(5)}, {"psf": np.zeros((5, 5))},
    {"psf": np.full((5, 5), np.nan)}, {"psf": -np.ones((5, 5))},
    {"psf": np.ones((5, 5)), "psf_size": 4}, {"psf": np.ones((5, 5)), "psf_size": 129},
    {"unusable": np.zeros((3, 3), bool)},
    {"band": "x" * 33}, {"flux_unit": ""}, {"id": "a\nb"}, {"id": "\u00e9"}, {"id": "x" * 129},
    {"step": 0.0}, {"step": -1.0}, {"step": np.nan}, {"step": np.inf},
    {"wcs": hstamp.Wcs(0, 91, 1, 0, 0, 1)}, {"wcs": hstamp.Wcs(0, 0, 1, 1, 1, 1)},
    {"wcs": hstamp.Wcs(np.nan, 0, 1, 0, 0, 1)},
]  # fmt: skip


@pytest.mark.parametrize("options", BAD, ids=str)
def test_encode_refuses(options):
    arguments = {"image": IMAGE, "x": 20.0, "y": 20.0} | options
    with pytest.raises(hstamp.InputError) as caught:
        hstamp.encode(arguments.pop("image"), arguments.pop("x"), arguments.pop("y"), **arguments)
    assert caught.value.code == "E_INPUT"
    assert len(caught.value.reason) > 10


def test_right_ascension_is_brought_into_range():
    for ra, expected in ((-10.0, 350.0), (360.0, 0.0), (725.0, 5.0), (-1e-20, 0.0)):
        stamp = hstamp.encode(IMAGE, 20, 20, wcs=hstamp.Wcs(ra, 5.0, -1e-4, 0, 0, 1e-4))
        assert stamp.wcs.ra == expected


@pytest.mark.parametrize("index", range(7))
def test_copies_are_equal(index):
    stamp = samples.assorted()[index]
    for other in (pickle.loads(pickle.dumps(stamp)), copy.deepcopy(stamp), copy.copy(stamp)):
        assert other == stamp
        assert hash(other) == hash(stamp)
    assert stamp != stamp.replace(id="another")
    assert stamp != "stamp"
    assert len({stamp, copy.copy(stamp)}) == 1
    assert str(stamp.n) in repr(stamp)


def test_errors_survive_pickling():
    for error in (hstamp.FormatError("E_WCS", "because"), hstamp.InputError("because")):
        again = pickle.loads(pickle.dumps(error))
        assert (type(again), again.code, again.reason) == (type(error), error.code, "because")
        assert isinstance(again, ValueError)


def test_arrays_are_read_only():
    stamp = samples.stamp(3)
    for name in ("levels", "values", "variance", "mask", "psf"):
        with pytest.raises(ValueError, match="read-only"):
            getattr(stamp, name)[...] = 0


def test_the_parent_is_left_alone():
    image = np.arange(1600, dtype=np.float32).reshape(40, 40)
    image[3, 3] = np.inf
    kept = image.copy()
    hstamp.encode(image, 20, 20, variance=image, unusable=image > 50)
    np.testing.assert_array_equal(image, kept)


def test_replace():
    stamp = samples.stamp(2)
    other = stamp.replace(id="b", band="z")
    assert (other.id, other.band) == ("b", "z")
    assert stamp.replace() == stamp
    with pytest.raises(hstamp.InputError):
        stamp.replace(id="\x00")
