"""Mutated bytes: rejected with a code, or a stamp that is valid in every respect."""

import random
import struct
import tracemalloc

import brute
import numpy as np
import pytest
import samples

import hstamp
from hstamp.errors import CODES

MEMORY = 2**20
SEEDS = range(6)
BLOBS = [s.to_bytes() for s in samples.assorted()]


def judge(blob):
    """Decode; return the code, or check all that a stamp promises and return None."""
    try:
        stamp = hstamp.Stamp.from_bytes(blob)
    except hstamp.FormatError as error:
        assert error.code in CODES
        return error.code
    n = stamp.n
    assert 2 <= n <= 8
    assert stamp.levels.shape == (n, 15, 15)
    assert not np.isinf(stamp.levels).any()
    if stamp.variance is not None:
        assert not (stamp.variance < 0).any()
        assert not np.isinf(stamp.variance).any()
    if stamp.mask is not None:
        assert not (stamp.mask.astype(int) >> len(stamp.mask_planes)).any()
    if stamp.psf is not None:
        assert np.isfinite(stamp.psf).all()
        assert stamp.psf.sum(dtype=float) == pytest.approx(1.0, abs=1e-2)
    assert abs(stamp.dx) <= 0.5
    assert abs(stamp.dy) <= 0.5
    again = hstamp.Stamp.from_bytes(stamp.to_bytes())
    assert again.to_bytes() == stamp.to_bytes()
    assert brute.same_bits(again.levels, stamp.levels)
    return None


def mutations(blob, rng, count):
    for _ in range(count):
        data = bytearray(blob)
        # Most of a stamp is pixels; half of the mutations go to the fields around them.
        reach = len(data) if rng.random() < 0.5 else min(140, len(data))
        kind = rng.randrange(7)
        at = rng.randrange(2, reach)
        if kind == 0:
            data[at] ^= 1 << rng.randrange(8)
        elif kind == 1:
            data[at] = rng.choice((0, 1, 2, 0x7F, 0x80, 0xFF))
        elif kind == 2:
            data[at:at] = rng.randbytes(rng.randrange(1, 12))
        elif kind == 3:
            del data[at : at + rng.randrange(1, 12)]
        elif kind == 4:
            data[at : at + 1] = samples.long(
                rng.choice((-1, 2**31, 2**40, 2**62, -(2**63), 65_000))
            )
        elif kind == 5:
            data[at : at + 4] = rng.choice((b"\xff\xff\xff\xff", b"\0\0\x80\x7f", b"\0\0\xc0\xff"))
        else:
            for _ in range(rng.randrange(2, 20)):
                data[rng.randrange(10, len(data))] = rng.randrange(256)
        yield bytes(data)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("index", range(len(BLOBS)))
def test_mutated_blobs(index, seed):
    rng = random.Random(100 * index + seed)
    outcomes = [judge(blob) for blob in mutations(BLOBS[index], rng, 150)]
    assert {"E_AVRO", None} <= set(outcomes)


@pytest.mark.parametrize("index", [0, 6])
def test_truncation_at_every_byte(index):
    blob = BLOBS[index]
    for length in range(len(blob)):
        assert judge(blob[:length]) == ("E_MAGIC" if length < 2 else "E_AVRO")


@pytest.mark.parametrize("index", [0, 6])
def test_every_bit_of_the_fields(index):
    blob = BLOBS[index]
    for at in range(min(130, len(blob))):
        for bit in range(8):
            data = bytearray(blob)
            data[at] ^= 1 << bit
            code = judge(bytes(data))
            if at < 2:
                assert code == "E_MAGIC"
            elif at < 10:
                assert code == "E_FINGERPRINT"


def greedy_blobs():
    """Blobs whose claims ask for as much memory as possible."""
    start = samples.HEADER + bytes.fromhex("C801040000066E4A79") + bytes(8) + b"\x00\x046632"
    room = 65_536 - len(start) - 20
    yield start + samples.long(2**62) + bytes(room)
    yield start + samples.long(room // 4) + b"\x00\x00\x80\x3f" * (room // 4)
    yield start + b"\x02\x00\x00\x00\x00" * (room // 5)
    yield samples.blob(samples.stamp(8, encoding="f4", variance="f4", seed=1).to_dict())
    d = samples.stamp(2, seed=2).to_dict()
    d["psf"] = {"encoding": "i2", "size": 127, "data": b"\x01\x00" * 127**2}
    yield samples.blob(d)
    d["psf"] = None
    for name in (b"", b"A", b"ab"):
        spare = 65_536 - len(samples.blob(d)) - 8
        names = [name] * (spare // (len(name) + 1))
        d["mask"] |= {"planes": names}
        yield samples.blob(d)
        d["mask"] |= {"planes": ["A"]}
    d["id"] = "i" * 60_000
    yield samples.blob(d)


@pytest.mark.parametrize("blob", list(greedy_blobs()))
def test_memory_is_bounded(blob):
    assert len(blob) <= 65_536
    judge(BLOBS[0])  # shared tables are built once, before measuring
    tracemalloc.start()
    try:
        judge(blob)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < MEMORY


def test_memory_of_mutations_is_bounded():
    rng = random.Random(7)
    blobs = [b for base in BLOBS for b in mutations(base, rng, 40)]
    for base in BLOBS:
        judge(base)
    tracemalloc.start()
    try:
        for blob in blobs:
            tracemalloc.reset_peak()
            before, _ = tracemalloc.get_traced_memory()
            judge(blob)
            _, peak = tracemalloc.get_traced_memory()
            assert peak - before < MEMORY
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("seed", range(4))
def test_batches_judge_mutations_alike(seed):
    rng = random.Random(seed)
    blobs = [b for base in BLOBS for b in [base, *mutations(base, rng, 40), base, base]]
    # Values of one byte only: many blobs of one shape, some of them invalid.
    for _ in range(60):
        data = bytearray(BLOBS[1])
        data[rng.randrange(60, len(data) - 4)] = rng.randrange(256)
        blobs.append(bytes(data))
    codes = {i: judge(b) for i, b in enumerate(blobs)}
    batch = hstamp.decode_many(blobs, errors="collect")
    assert {i: e.code for i, e in batch.errors.items()} == {i: c for i, c in codes.items() if c}
    for row, i in enumerate(batch.index.tolist()):
        stamp = hstamp.Stamp.from_bytes(blobs[i])
        assert brute.same_bits(batch.levels[row, : stamp.n], stamp.levels)


def test_decoded_values_follow_the_specification_after_mutation():
    """What survives decodes as the plain-Python decoder says, plane by plane."""
    rng, survivors = random.Random(3), 0
    for blob in mutations(BLOBS[0], rng, 300):
        try:
            stamp = hstamp.Stamp.from_bytes(blob)
        except hstamp.FormatError:
            continue
        survivors += 1
        d, n = stamp.to_dict(), stamp.n
        image = brute.presented(brute.decode_image(d["image"], n), n)
        assert brute.same_bits(stamp.levels, brute.as_f4(image))
        spread = brute.decode_variance(d["variance"], n)
        expected = brute.presented(spread, n, brute.variance_of_mean)
        assert brute.same_bits(stamp.variance, brute.as_f4(expected))
        bits = brute.presented(brute.decode_mask(d["mask"], n), n, brute.union)
        np.testing.assert_array_equal(stamp.mask, np.array(bits))
        assert brute.same_bits(stamp.psf, brute.decode_psf(d["psf"]))
    assert survivors > 50


def test_lying_float_payloads():
    """Every special float in every float field."""
    d = samples.stamp(2, seed=1).to_dict()
    for bits in (0x7F800000, 0xFF800000, 0x7FC00000, 0x7F800001, 0xFFFFFFFF, 1, 0x80000001):
        raw = struct.pack("<I", bits)
        blob = samples.blob(d)
        for at in range(10, 110):
            judge(blob[:at] + raw + blob[at + 4 :])
