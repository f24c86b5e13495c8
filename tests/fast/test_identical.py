"""The compiled path gives the bits of the numpy path, and refuses what it refuses."""

import random

import numpy as np
import pytest
from batches import columns, one, ragged
from hypothesis import given
from hypothesis import strategies as st
from strategies import scenes

import hstamp
from hstamp import fast

pytest.importorskip("numba", reason="the compiled path needs numba (the extra fast)")

NAMES = ("BAD", "SAT", "CR", "EDGE", "P4", "P5", "P6", "P7", "P8", "P9")


@pytest.fixture(autouse=True, scope="module")
def kernels():
    """Kernels in use from the first stamp on, whatever the environment says."""
    patch = pytest.MonkeyPatch()
    patch.delenv(fast.SWITCH, raising=False)
    fast.available.cache_clear()
    was = fast._Progress.loaded
    fast._Progress.broken = False
    assert fast.load()
    yield
    patch.undo()
    fast.available.cache_clear()
    fast._Progress.loaded = was


def both(function):
    """Result or error code of the compiled path and of numpy's."""
    results = []
    for plain in (False, True):
        try:
            if plain:
                with fast.numpy_only():
                    results.append(function())
            else:
                results.append(function())
        except hstamp.HstampError as error:
            results.append((error.code, error.reason))
    return results


def same(a, b):
    if a is None or b is None:
        return a is b
    if a.dtype.kind == "f":
        kind = f"u{a.dtype.itemsize}"
        equal = (a.view(kind) == b.view(kind)) | (np.isnan(a) & np.isnan(b))
    else:
        equal = a == b
    return a.dtype == b.dtype and a.shape == b.shape and bool(equal.all())


def view(blob):
    """Everything that a decoder gives, read in the order in which users would."""
    stamp = hstamp.Stamp.from_bytes(blob)
    return stamp.n, stamp.levels, stamp.variance, stamp.mask, stamp.psf, stamp.record


def assert_same_view(a, b):
    if isinstance(a[0], str) or isinstance(b[0], str):
        assert a == b
        return
    assert a[0] == b[0]
    assert all(same(u, v) for u, v in zip(a[1:5], b[1:5], strict=True))
    assert a[5] == b[5]


@given(
    scene=scenes(),
    encoding=st.sampled_from(("i2", "f4")),
    spread=st.sampled_from((None, "log8", "f4")),
    planes=st.integers(0, len(NAMES)),
    psf=st.booleans(),
)
def test_encoding_and_decoding(scene, encoding, spread, planes, psf):
    options = {"levels": scene.levels, "encoding": encoding}
    if spread:
        options |= {"variance": scene.variance, "variance_encoding": spread}
    if planes:
        bits = scene.mask & np.uint16((1 << planes) - 1)
        options |= {"mask": bits, "mask_planes": NAMES[:planes]}
    if psf:
        options |= {"psf": np.outer(np.hanning(13), np.hanning(13)), "psf_size": 9}
    a, b = both(lambda: hstamp.encode(scene.image, scene.x, scene.y, **options).to_bytes())
    assert a == b
    if isinstance(a, tuple):
        return
    assert_same_view(*both(lambda: view(a)))
    (many,), (plain,) = both(
        lambda: hstamp.encode_many(scene.image, [scene.x], [scene.y], **options)
    )
    assert many == plain == a


@given(ragged(), st.sampled_from([None, 3]), st.booleans())
def test_batches_of_rows_of_any_form(rows, levels, common):
    """Both paths, a row of a batch and a single stamp are the same bytes."""
    options = {"levels": levels}
    if common:  # parents of one type and shape, which kernels read where they lie
        image = np.zeros((50, 60), "f4")
        rows = [given | {"image": image[: 40 + i].copy()} for i, given in enumerate(rows)]
        own = ("variance", "mask", "unusable")
        rows = [{k: v for k, v in given.items() if k not in own} for given in rows]
    a, b = both(lambda: hstamp.encode_many(**columns(rows), **options))
    assert a == b == [one(given, **options) for given in rows]


@given(
    seed=st.integers(0, 2**32 - 1),
    levels=st.integers(2, 8),
    kind=st.sampled_from(("any bits", "zeros", "subnormal", "top")),
)
def test_any_float_bits(seed, levels, kind):
    """f4 planes with any NaN, both zeros and the ends of the range."""
    rng = np.random.default_rng(seed)
    size = hstamp.Layout(levels).size
    raw = rng.integers(0, 2**32, size, dtype=np.uint32)
    if kind == "zeros":
        raw &= np.uint32(0x80000000)
    elif kind == "subnormal":
        raw &= np.uint32(0x807FFFFF)
    elif kind == "top":
        raw = (raw & np.uint32(0x80000003)) | np.uint32(0x7F7FFFFC)
    raw[rng.random(size) < 0.2] = 0x7FA00001
    raw[rng.random(size) < 0.05] = 0xFFC00000
    values = raw.view(np.float32)
    values[np.isinf(values)] = -0.0
    blank = hstamp.encode(
        np.ones((30, 30), "f4"), 14.5, 14.5, levels=2, encoding="f4",
        variance=np.ones((30, 30), "f4"), variance_encoding="f4",
    ).to_dict()  # fmt: skip
    blank["levels"] = levels
    blank["image"]["data"] = values.tobytes()
    blank["variance"]["data"] = np.abs(values).tobytes()
    blob = hstamp.Stamp.from_dict(blank).to_bytes()
    assert_same_view(*both(lambda: view(blob)))
    a, b = both(lambda: hstamp.decode_many([blob] * 5))
    assert same(a.levels, b.levels)
    assert same(a.variance, b.variance)
    assert same(a.levels[2], hstamp.Stamp.from_bytes(blob).levels)


@pytest.fixture(scope="module")
def blobs():
    rng = np.random.default_rng(5)
    made = []
    for levels in (2, 3, 5, 8):
        side = 15 * 2 ** (levels - 1)
        image = rng.normal(10, 3, (side, side)).astype(np.float32)
        image[rng.random(image.shape) < 0.02] = np.nan
        for planes in (1, 8, 9):
            made.append(
                hstamp.encode(
                    image, side / 2, side / 2, levels=levels, variance=np.abs(image) + 1,
                    mask=rng.integers(0, 2, image.shape) << (planes - 1),
                    mask_planes=NAMES[:planes], psf=np.ones((5, 5)), band="r", id="17",
                    wcs=hstamp.Wcs(3.0, -4.0, -5e-5, 0.0, 0.0, 5e-5),
                    encoding=("i2", "f4")[planes == 8],
                    variance_encoding=("log8", "f4")[planes == 9],
                ).to_bytes()
            )  # fmt: skip
    return made


@pytest.mark.parametrize("seed", range(6))
def test_damaged_blobs_meet_the_same_fate(blobs, seed):
    rng = random.Random(seed)
    for blob in blobs:
        for _ in range(60):
            data = bytearray(blob)
            reach = len(data) if rng.random() < 0.5 else 160
            at = rng.randrange(10, min(reach, len(data)))
            change = rng.randrange(4)
            if change == 0:
                data[at] ^= 1 << rng.randrange(8)
            elif change == 1:
                data[at] = rng.choice((0, 1, 2, 0x7F, 0x80, 0xFF))
            elif change == 2:
                del data[at : at + rng.randrange(1, 5)]
            else:
                data[at:at] = rng.randbytes(rng.randrange(1, 5))
            damaged = bytes(data)
            assert_same_view(*both(lambda damaged=damaged: view(damaged)))


@pytest.mark.parametrize("seed", range(3))
def test_batches(blobs, seed):
    rng = random.Random(seed)
    mixed = [bytearray(rng.choice(blobs)) for _ in range(80)]
    for data in mixed[::3]:
        data[rng.randrange(10, len(data))] ^= 1 << rng.randrange(8)
    a, b = both(lambda: hstamp.decode_many([bytes(m) for m in mixed], errors="collect"))
    assert {i: e.code for i, e in a.errors.items()} == {i: e.code for i, e in b.errors.items()}
    for name in ("index", "n", "dx", "dy", "ra", "dec", "cd", "levels", "variance", "mask", "psf"):
        assert same(getattr(a, name), getattr(b, name)), name
    assert (a.ids, a.bands, a.mask_planes) == (b.ids, b.bands, b.mask_planes)


def test_repeated_plane_names_in_a_long_form_are_seen(blobs):
    """A length in two bytes must not hide that two names are the same."""
    image = np.ones((30, 30), "f4")
    blob = hstamp.encode(image, 14, 14, levels=2, mask=np.zeros((30, 30), int),
                         mask_planes=["SAT", "SAS"]).to_bytes()  # fmt: skip
    twice = blob.replace(b"\x06SAS", b"\x06SAT")
    hidden = blob.replace(b"\x06SAS", b"\x86\x00SAT").replace(b"\x06SAT", b"\x86\x00SAT")
    for bad in (twice, hidden):
        assert bad != blob
        a, b = both(lambda bad=bad: view(bad))
        assert a == b
        assert a[0] == "E_MASK"


def test_other_byte_orders_and_windows_beyond_the_edge():
    rng = np.random.default_rng(2)
    image = rng.normal(size=(300, 280)).astype(np.float32)
    spread = image**2
    x, y = rng.uniform(-150, 450, 30), rng.uniform(-150, 450, 30)
    for dtype in ("<f4", ">f4", "<f8", "<f2", "<i2"):
        for parent, other in (
            (image.astype(dtype), spread.astype(dtype)),
            (image.astype(dtype).T, spread.astype(dtype).T),
            (image[::2, ::2].astype(dtype), spread[::2, ::2].astype(dtype)),
        ):
            a, b = both(lambda p=parent, o=other: hstamp.encode_many(p, x, y, variance=o))
            assert a == b


def test_the_switch(monkeypatch):
    monkeypatch.setenv(fast.SWITCH, "1")
    fast.available.cache_clear()
    assert not fast.available()
    monkeypatch.setenv(fast.SWITCH, "0")
    fast.available.cache_clear()
    assert fast.available()
    assert fast.compiled(0.0)
    with fast.numpy_only():
        assert not fast.compiled(1e9)
