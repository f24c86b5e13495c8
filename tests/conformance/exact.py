"""Stored values of every code in exact arithmetic: Section 7 over the rationals.

Values are whole numbers of 2^-149, the smallest f4: every f4 is one, so sums and products of codes
are exact as Python integers. Shares nothing with `codec/`.
"""

from __future__ import annotations

import struct
from fractions import Fraction

UNIT = Fraction(1, 2**149)
M = (
    32768, 34219, 35734, 37316, 38968, 40693, 42495, 44376,
    46341, 48393, 50535, 52773, 55109, 57549, 60097, 62757,
)  # fmt: skip


def rounded(value: Fraction, bits: int, smallest: int) -> Fraction:
    """The nearest m * 2^e with |m| < 2^bits and e >= smallest, ties to even m."""
    if value == 0:
        return value
    magnitude = abs(value)
    exponent = magnitude.numerator.bit_length() - magnitude.denominator.bit_length() - bits - 1
    while magnitude >= Fraction(2) ** (exponent + bits):
        exponent += 1
    step = Fraction(2) ** max(exponent, smallest)
    whole, rest = divmod(magnitude, step)
    up = rest * 2 > step or (rest * 2 == step and whole % 2 == 1)
    return (whole + up) * step * (1 if value > 0 else -1)


def f8(value: Fraction) -> Fraction:
    return rounded(value, 53, -1074)


def rnd4(value: Fraction) -> Fraction:
    return rounded(value, 24, -149)


def round_units(value: int, bits: int) -> int:
    """`rounded` for whole numbers of 2^-149, which no rounding to f4 or f8 leaves."""
    magnitude = abs(value)
    drop = magnitude.bit_length() - bits
    if drop <= 0:
        return value
    whole, rest = magnitude >> drop, magnitude & ((1 << drop) - 1)
    half = 1 << (drop - 1)
    whole += rest > half or (rest == half and whole & 1)
    return whole << drop if value > 0 else -(whole << drop)


def units(value: float) -> int:
    """An f4 in units of 2^-149."""
    scaled = Fraction(value) / UNIT
    assert scaled.denominator == 1
    return scaled.numerator


def f4_of_units(value: int) -> bytes:
    """Bytes of the f4 that is so many units; a zero is +0.0."""
    magnitude = abs(value)
    drop = max(0, magnitude.bit_length() - 24)
    assert magnitude >> drop << drop == magnitude
    bits = (magnitude >> drop) + (drop << 23)
    assert bits < 0x7F800000
    return struct.pack("<I", bits | (0x80000000 if value < 0 else 0))


NAN = struct.pack("<I", 0x7FC00000)


def i2_values(zero: float, scale: float, codes: range) -> bytes:
    """[EN-2] for one level: f4 bytes of each code."""
    z, s = units(zero), units(scale)
    return b"".join(
        NAN if q == -32768 else f4_of_units(round_units(round_units(z + s * q, 53), 24))
        for q in codes
    )


def log8_value(unit: float, k: int, code: int) -> Fraction | None:
    """[EN-5]; None where missing."""
    if code == 255:
        return None
    if code == 0:
        return Fraction(0)
    e, m = divmod(code - 1, 16)
    return rnd4(Fraction(unit) * M[m] * Fraction(2) ** (e - 15 - 2 * k))


def log8_values(unit: float, k: int, codes: range) -> bytes:
    found = (log8_value(unit, k, code) for code in codes)
    return b"".join(NAN if v is None else f4_of_units((v / UNIT).numerator) for v in found)
