"""Every code of `i2` and of `log8`, at every level, against exact rationals."""

import json
import os
import shutil
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import exact
import numpy as np
import pytest
from generator.material import FLT_MAX, SCALE_MAX, TINY, UNIT_MAX
from generator.vector import Lcg
from generator.writer import blob, image_f4, image_i2, variance_log8
from hypothesis import given
from hypothesis import strategies as st
from test_decoders import LANGUAGES

import hstamp

N, RING = 8, 176
HERE = Path(__file__).resolve().parent
STARTS = (0, *(196 + RING * (k - 1) for k in range(1, N)))
SIZE = 196 + RING * (N - 1)


def rnd4(value):
    return float(np.float32(value))


def steps():
    """(zero, scale) for each level of each batch: extremes, then sums that f8 must round."""
    rng = Lcg(4321)
    fixed = [
        (0.0, SCALE_MAX), (FLT_MAX, 1.0), (-FLT_MAX, 1.0), (0.0, TINY),
        (-0.0, 1.0), (TINY, TINY), (-17 * TINY, 3 * TINY), (1.0, TINY),
        (FLT_MAX / 2, rnd4(FLT_MAX / 2 / 32767 * (1 - 2.0**-22))), (1e6, 1 / 16),
        (rnd4(0.1), rnd4(1e-5)), (-1.0, 1 + 2.0**-23), (2.0**24 - 1, 2.0**-9),
        (1 + 2.0**-23, rnd4(2.0**-30 * 1.1)), (-(2.0**-126), 2.0**-141), (rnd4(3e38), rnd4(1e-38)),
    ]  # fmt: skip
    # s * q just above 2^38: with zero = 1, f8 rounds the sum to the midpoint of two f4.
    near = [(-(-(2**38) // q), q) for q in range(2**14 + 1, 2**15)]
    near = [s for s, q in near if 0 < s * q - 2**38 < 512]
    fixed += [(1.0, near[0] * 2.0**-62), (-3.0, near[1] * 2.0**-61), (1.0, near[-1] * 2.0**-62)]
    while len(fixed) < 24:
        zero = rnd4(rng.between(-(2**24), 2**24) * 2.0 ** rng.between(-60, 40))
        fixed.append((zero, (2 * rng.between(2**22, 2**23 - 1) + 1) * 2.0 ** rng.between(-75, 0)))
    return [fixed[first : first + N] for first in range(0, len(fixed), N)]


STEPS = steps()
UNITS = (1.0, 37.25, UNIT_MAX, TINY, 2.0**-126, rnd4(1 + 2.0**-23), rnd4(0.1), 5 * TINY)


def i2_blobs():
    """Blobs of each batch that hold every code at every level, 176 codes a blob."""
    out = []
    for pairs in STEPS:
        zero, scale = zip(*pairs, strict=True)
        for first in range(-32768, 32768, RING):
            codes = [min(first + i, 32767) for i in range(RING)]
            out.append(blob(N, image_i2(zero, scale, [0] * 20 + codes * N)).bytes())
    return out


def log8_blobs():
    plain = image_f4([0.0] * SIZE)
    return [
        blob(
            N, plain, variance=variance_log8([1] * 20 + list(range(a, a + RING)) * N, unit)
        ).bytes()
        for unit in UNITS
        for a in (0, 256 - RING)
    ]


BLOBS = [*i2_blobs(), *log8_blobs()]
IMAGES = len(BLOBS) - 2 * len(UNITS)


def wanted_i2():
    """Bits of every code, shape (batches, levels, codes)."""
    return np.array(
        [
            [np.frombuffer(exact.i2_values(z, s, range(-32768, 32768)), "<u4") for z, s in pairs]
            for pairs in STEPS
        ]
    )


def wanted_log8():
    return np.array(
        [
            [np.frombuffer(exact.log8_values(unit, k, range(256)), "<u4") for k in range(N)]
            for unit in UNITS
        ]
    )


@pytest.fixture(scope="module")
def wanted():
    return wanted_i2(), wanted_log8()


def test_some_sums_show_a_rounding_left_out():
    """The chosen steps tell two roundings from one [EN-2], and from rounding the product alone."""
    once = products = 0
    for place, pairs in enumerate(STEPS):
        for zero, scale in pairs:
            z, s = exact.units(zero), exact.units(scale)
            for q in range(-32767, 32768, 1 if place == 2 else 97):
                right = exact.round_units(exact.round_units(z + s * q, 53), 24)
                once += exact.round_units(z + s * q, 24) != right
                products += exact.round_units(z + exact.round_units(s * q, 24), 24) != right
    assert once > 0
    assert products > 100


def stored(levels):
    """The last 176 stored values of each level, shape (blobs, levels, 176), as bits."""
    bits = np.ascontiguousarray(levels, "<f4").view("<u4")
    ring = np.ones((15, 15), bool)
    ring[4:11, 4:11] = False
    core = bits[:, :1, :14, :14].reshape(len(bits), 1, 196)[:, :, 20:]
    return np.concatenate([core, bits[:, 1:, ring]], axis=1)


def compare(images, variances, wanted):
    """Both planes of all blobs, shape (blobs, n, 15, 15), with the exact values."""
    i2, log8 = wanted
    per_batch = IMAGES // len(STEPS)
    got = stored(images[:IMAGES]).reshape(len(STEPS), per_batch, N, RING).transpose(0, 2, 1, 3)
    got = got.reshape(len(STEPS), N, -1)[:, :, : 2**16]
    assert_same(i2, got)
    both = stored(variances[IMAGES:]).reshape(len(UNITS), 2, N, RING).transpose(0, 2, 1, 3)
    assert_same(log8[:, :, :RING], both[:, :, 0])
    assert_same(log8[:, :, 256 - RING :], both[:, :, 1])


def assert_same(want, got):
    missing = (want & 0x7FFFFFFF) > 0x7F800000
    assert ((got[missing] & 0x7FFFFFFF) > 0x7F800000).all()
    wrong = (want != got) & ~missing
    where = tuple(axis[0] for axis in np.nonzero(wrong)) if wrong.any() else None
    assert not wrong.any(), (int(wrong.sum()), where, hex(want[where]), hex(got[where]))


def test_numpy_path(wanted):
    batch = hstamp.decode_many(BLOBS)
    compare(batch.levels, batch.variance, wanted)


def test_single_stamps(wanted):
    """The last blobs of each kind: one stamp at a time is decoded elsewhere than a batch."""
    singles = [hstamp.Stamp.from_bytes(data) for data in BLOBS]
    images = np.stack([stamp.levels for stamp in singles])
    some = np.full_like(images, np.nan)
    for place, stamp in enumerate(singles):
        if stamp.variance is not None:
            some[place] = stamp.variance
    compare(images, some, wanted)


COMPILED = """
import sys
import numpy as np
import hstamp
from hstamp import fast
if not fast.load():
    raise SystemExit(3)
with open(sys.argv[1], "rb") as file:
    sizes = np.load(file)
    data = file.read()
ends = np.cumsum(sizes)
batch = hstamp.decode_many([data[e - s : e] for s, e in zip(sizes, ends)])
np.savez(sys.argv[2], image=batch.levels, variance=batch.variance)
"""


def test_compiled_path(wanted, tmp_path):
    pytest.importorskip("numba", reason="numba comes with the fast extra")
    with (tmp_path / "blobs").open("wb") as file:
        np.save(file, [len(data) for data in BLOBS])
        file.write(b"".join(BLOBS))
    words = [sys.executable, "-c", COMPILED, str(tmp_path / "blobs"), str(tmp_path / "out.npz")]
    subprocess.run(words, check=True, env=os.environ | {"HSTAMP_NO_NUMBA": "0"}, timeout=300)
    with np.load(tmp_path / "out.npz") as found:
        compare(found["image"], found["variance"], wanted)


def test_c_decoder(wanted, tmp_path):
    maker, tools, _ = LANGUAGES["c"]
    found = {tool: shutil.which(tool) for tool in tools}
    if None in found.values():
        pytest.skip("cc is not installed")
    from base64 import b64decode, b64encode

    lines = b"".join(
        b'{"id": "%d", "data": "%s"}\n' % (i, b64encode(data)) for i, data in enumerate(BLOBS)
    )
    command = [*maker(found, tmp_path), "--jsonl"]
    done = subprocess.run(command, input=lines, capture_output=True, check=True, timeout=300)
    answers = [json.loads(line)["stamps"][0] for line in done.stdout.splitlines()]

    def plane(text):
        return np.frombuffer(b64decode(text), "<f4").reshape(N, 15, 15)

    images = np.stack([plane(answer["image"]) for answer in answers])
    variances = np.full_like(images, np.nan)
    for place, answer in enumerate(answers):
        if answer["variance"] is not None:
            variances[place] = plane(answer["variance"])
    compare(images, variances, wanted)


f4s = st.floats(width=32, allow_nan=False, allow_infinity=False)


@given(f4s, f4s, st.integers(-32767, 32767))
def test_integers_of_units_are_the_rationals(zero, scale, q):
    """The integers that stand for rationals above give what fractions give."""
    value = Fraction(zero) + Fraction(scale) * q
    want = exact.rnd4(exact.f8(value))
    units = exact.units(zero) + exact.units(scale) * q
    got = exact.round_units(exact.round_units(units, 53), 24)
    assert got * exact.UNIT == want


@given(f4s)
def test_rounding_agrees_with_the_machine(value):
    for near in (value, value * (1 + 2.0**-25), value * (1 + 2.0**-24), value * (1 - 2.0**-26)):
        if abs(near) <= FLT_MAX:
            assert exact.rnd4(Fraction(near)) == Fraction(float(np.float32(near)))


@given(f4s, f4s, f4s, st.floats(0.0, 1.0))
def test_derived_bound_of_a_step(a, b, v, sigma_share):
    """Step 5 of Appendix A.1, with its own constants, on the codec's encoder arithmetic."""
    a, v, b = sorted((a, b, v))
    zero = rnd4((a + b) / 2)
    reach = max(b - zero, zero - a)
    scale = np.float32(reach / 32767)
    scale = float(
        np.nextafter(scale, np.float32(np.inf)) if float(scale) < reach / 32767 else scale
    )
    scale = max(scale, rnd4(sigma_share * reach / 1000))
    if not (scale > 0 and abs(zero) + 32767 * scale <= FLT_MAX):
        return
    span, largest = Fraction(b) - Fraction(a), max(abs(Fraction(a)), abs(Fraction(b)))
    step = max(Fraction(sigma_share * reach / 1000), (span + largest / 2**23) / 65534)
    assert Fraction(scale) <= step * (1 + Fraction(1, 2**22)) + Fraction(1, 2**148)
    q = round((v - zero) / scale)
    assert -32767 <= q <= 32767
    got = Fraction(rnd4(zero + scale * q))
    bound = Fraction(scale) / 2 * (1 + Fraction(1, 2**35))
    bound += Fraction(1, 2**24) * (1 + Fraction(1, 2**28)) * abs(got)
    assert abs(got - Fraction(v)) <= bound
