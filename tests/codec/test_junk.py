"""Whatever stands in the place of an argument, the error is one of the package's."""

import datetime
import decimal
import fractions

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import hstamp

IMAGE = np.ones((40, 40), "f4")
GOOD = {
    "image": IMAGE, "x": 20.0, "y": 20.0, "levels": 2, "encoding": "i2", "variance": IMAGE,
    "variance_encoding": "log8", "mask": IMAGE.astype(int), "mask_planes": ["SAT"],
    "psf": np.ones((3, 3)), "psf_size": 5, "wcs": hstamp.Wcs(1, 2, 1e-4, 0, 0, 1e-4),
    "band": "r", "flux_unit": "nJy", "id": "a", "unusable": IMAGE > 2, "step": 0.1,
}  # fmt: skip


class Spiteful:
    """Raises whatever is asked of it."""

    def __array__(self, *args, **kwargs):
        raise RuntimeError("no")

    def __float__(self):
        raise ZeroDivisionError("no")

    def __len__(self):
        raise OSError("no")


JUNK = [
    None, True, 0, -1, 3, 2**40, 10**400, 0.5, float("nan"), float("inf"), 1j, "", "a", "r", "i2",
    b"", b"\xc3\x01", bytearray(3), memoryview(b"abc"), (), [], [1], [1.5, 2.5], [[1, 2], [3, 4]],
    [[1], [2, 3]], ["a"], [None], [None, None], {}, {"a": 1}, {1, 2}, frozenset(), range(3), object,
    object(), len, Spiteful(), Ellipsis, NotImplemented, slice(3), datetime.date(2026, 1, 1),
    decimal.Decimal("1.5"), fractions.Fraction(1, 3), np.float32(3), np.int8(3), np.bool_(True),
    np.array(3.0), np.array([]), np.zeros((0, 3)), np.zeros((40, 40), complex), np.zeros(3),
    np.zeros((2, 40, 40)), np.zeros((40, 40), "U3"), np.zeros((40, 40), object), IMAGE[:3],
    np.zeros((40, 40), "M8[s]"), np.zeros((40, 40), "V4"), np.full((40, 40), -1),
    np.full((40, 40), 2**31), np.full((40, 40), 2**63, "u8"), np.full((40, 40), np.nan),
    np.full((40, 40), 1e300), np.full((40, 40), -np.inf), np.full((41, 41), 1e308),
    np.full((41, 41), 5e-324), np.ma.masked_all((40, 40)), [IMAGE], [IMAGE, None], [IMAGE, IMAGE],
    [np.ones((3, 3)), np.ones((3, 4))], np.array([IMAGE, None], dtype=object),
    hstamp.Wcs("a", None, [], 0, 0, 0), hstamp.Wcs(1, 2, 1e300, 0, 0, 1e300), iter([1, 2]),
    hstamp.Layout(3), lambda x, y: 1 / 0, lambda x, y: (x, y), lambda: None, type("T", (), {})(),
]  # fmt: skip


def test_the_arguments_are_good():
    assert hstamp.encode(**GOOD).n == 2


@settings(max_examples=400)
@given(
    st.dictionaries(st.sampled_from(sorted(GOOD)), st.sampled_from(JUNK), min_size=1, max_size=2)
)
def test_encode(spoilt):
    try:
        stamp = hstamp.encode(**(GOOD | spoilt))
    except hstamp.InputError as error:
        assert error.code == "E_INPUT"
        assert error.reason
        return
    assert hstamp.Stamp.from_bytes(stamp.to_bytes()) == stamp


MANY = GOOD | {
    "x": [20.0, 21.0], "y": [20.0, 21.0], "ids": ["a", "b"], "errors": "raise",
    "wcs": [GOOD["wcs"], None],
}  # fmt: skip
del MANY["id"]


@settings(max_examples=400)
@given(
    st.dictionaries(st.sampled_from(sorted(MANY)), st.sampled_from(JUNK), min_size=1, max_size=2),
    st.sampled_from(["raise", "collect"]),
)
def test_encode_many(spoilt, errors):
    try:
        blobs = hstamp.encode_many(**(MANY | {"errors": errors} | spoilt))
    except hstamp.InputError as error:
        assert error.reason
        return
    assert len(blobs) == 2
    for blob in blobs:
        assert blob is None or hstamp.Stamp.from_bytes(blob)


@pytest.mark.parametrize("name", sorted(MANY))
def test_every_kind_of_junk_in_every_place(name):
    """The same without chance, so that no pair of an argument and a kind is left out."""
    for value in JUNK:
        for function, good in ((hstamp.encode, GOOD), (hstamp.encode_many, MANY)):
            if name in good:
                try:
                    function(**(good | {name: value}))
                except hstamp.InputError:
                    continue


@pytest.mark.parametrize("junk", JUNK, ids=lambda value: str(type(value).__name__))
def test_decoding(junk):
    blob = hstamp.encode(**GOOD).to_bytes()
    for call in (
        lambda: hstamp.decode_many(junk),
        lambda: hstamp.decode_many([blob, junk]),
        lambda: hstamp.decode_many([blob], planes=junk),
        lambda: hstamp.decode_many([blob], errors=junk),
        lambda: hstamp.Stamp.from_bytes(junk),
        lambda: hstamp.Layout(junk),
        lambda: hstamp.reference_corner(junk, 1.0),
        lambda: hstamp.reference_corner(1.0, junk),
        lambda: hstamp.Stamp.from_bytes(blob).cut(junk),
        lambda: hstamp.Stamp.from_bytes(blob).mosaic(junk),
        lambda: hstamp.Stamp.from_bytes(blob).replace(id=junk),
        lambda: hstamp.Stamp.from_bytes(blob).replace(band=junk),
    ):
        try:
            call()
        except hstamp.HstampError:
            continue


@pytest.mark.parametrize(
    "call",
    [
        lambda: hstamp.encode(IMAGE, "a", 1),
        lambda: hstamp.encode(IMAGE, 1, None),
        lambda: hstamp.encode(IMAGE, 1, 1, mask=IMAGE.astype(int), mask_planes="SAT"),
        lambda: hstamp.encode(IMAGE, 1, 1, step="small"),
        lambda: hstamp.encode(IMAGE, 1, 1, psf=np.ones((3, 3)), psf_size="3"),
        lambda: hstamp.encode(IMAGE, 1, 1, levels="2"),
        lambda: hstamp.encode(IMAGE, 1, 1, encoding=["i2"]),
        lambda: hstamp.encode(IMAGE, 1, 1, band=3),
        lambda: hstamp.decode_many(b"abc"),
        lambda: hstamp.decode_many([None]),
        lambda: hstamp.Stamp.from_bytes("abc"),
        lambda: hstamp.Layout("5"),
    ],
)
def test_a_wrong_type_is_refused_and_not_passed_over(call):
    with pytest.raises(hstamp.InputError):
        call()


@pytest.mark.parametrize("kind", ["i4", "u4", "i8", "u8", ">i4", ">u8"])
@pytest.mark.parametrize("bit", [3, 15, 16, 30, 31, 63])
def test_a_bit_without_a_name_is_named_in_the_error(kind, bit):
    """The highest bit of a signed type is a bit like any other."""
    dtype = np.dtype(kind)
    if bit >= 8 * dtype.itemsize:
        return
    mask = np.zeros((40, 40), f"u{dtype.itemsize}")
    mask[20, 20] = 1 << bit
    mask = mask.astype(dtype)
    for names in (["A", "B"], [f"P{i}" for i in range(16)]):
        if bit < len(names):
            stamp = hstamp.encode(IMAGE, 20, 20, levels=2, mask=mask, mask_planes=names)
            # Source (20, 20): the corner is at 21, so pixel 20 is row and column 6 of level 0.
            assert stamp.mask[0, 6, 6] == 1 << bit
            continue
        with pytest.raises(hstamp.InputError, match=f"bit {bit}, which has no name"):
            hstamp.encode(IMAGE, 20, 20, levels=2, mask=mask, mask_planes=names)


def test_batches_have_a_short_repr():
    blob = hstamp.encode(**GOOD).to_bytes()
    batch = hstamp.decode_many([blob] * 500 + [b""], errors="collect")
    assert repr(batch) == (
        "<StampBatch: 500 stamps of 2 levels, image, variance, mask, psf, 1 rejected>"
    )
    assert len(repr(hstamp.decode_many([]))) < 100
