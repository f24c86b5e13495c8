"""Stored values of decoded stamps, and the codes that stand for them.

A value that was decoded from a code is the code's again, if the code's steps are known; that it is
so is tried for every stamp, never taken for granted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from ..encodings.image import DEFAULT_STEP, canonical_f4, decode_image, quantise
from ..encodings.variance import decode_variance, encode_log8
from ..fast import kernels
from ..limits import steps_within, unit_within
from ..planes import Encoded
from ..values import store

if TYPE_CHECKING:
    from .recode import Decoded

__all__ = ["Restored", "restored"]

_NUMPY_COST: Final = 1e-4
"""What choosing the steps of one stamp takes without compiled kernels [s]."""

Array = npt.NDArray[Any]


class Restored(NamedTuple):
    """Stored values of B stamps of n levels.

    Attributes
    ----------
    image : ndarray of float32, shape (B, N)
    i2 : ndarray of bool, shape (B,)
        Whether the codes are to be written rather than the values.
    zero, scale : ndarray of float64, shape (B, n), or None
    codes : ndarray of int16, shape (B, N), or None
    variance : ndarray of float32, shape (B, N), or None
    log8 : ndarray of bool, shape (B,)
    unit : ndarray of float64, shape (B,), or None
    logs : ndarray of uint8, shape (B, N), or None
    mask : ndarray of uint16, shape (B, N), or None
    """

    image: Array
    i2: Array
    zero: Array | None
    scale: Array | None
    codes: Array | None
    variance: Array | None
    log8: Array
    unit: Array | None
    logs: Array | None
    mask: Array | None


def restored(
    stamps: Decoded, rows: Array, n: int, encoding: str | None, variance_encoding: str | None
) -> Restored:
    """Take the stored values out of the levels and choose how each stamp is written."""

    def stored(plane: Array | None) -> Array | None:
        return None if plane is None else store(plane[rows, :n])

    image, variance = canonical_f4(store(stamps.levels[rows, :n])), stored(stamps.variance)
    if variance is not None:
        variance = canonical_f4(variance)
    zero = scale = codes = unit = logs = None
    i2, log8 = np.zeros(len(rows), np.bool_), np.zeros(len(rows), np.bool_)
    if encoding != "f4" and stamps.zero is not None and stamps.scale is not None:
        zero = stamps.zero[rows, :n].astype(np.float64)
        scale = stamps.scale[rows, :n].astype(np.float64)
        with np.errstate(invalid="ignore", over="ignore"):
            i2 = steps_within(zero, scale).all(axis=1)
        zero[~i2], scale[~i2] = 0.0, 1.0
        codes = quantise(image, zero, scale)
        i2 &= _same(decode_image(_encoded("i2", n, codes, np.stack([zero, scale]))), image)
    if encoding == "i2" and not i2.all():
        zero, scale, codes, i2 = _chosen(stamps, rows, n, image, variance, (zero, scale, codes, i2))
    if variance is not None and variance_encoding != "f4" and stamps.unit is not None:
        unit = stamps.unit[rows].astype(np.float64)
        log8 = np.asarray(unit_within(unit))
        unit[~log8] = 1.0
        usable = np.where(np.isinf(variance) | (variance < 0), np.nan, variance)
        logs = encode_log8(usable, unit, n)
        log8 &= _same(decode_variance(_encoded("log8", n, logs, unit[None, :, None])), variance)
    if variance is not None and variance_encoding == "log8" and not log8.all():
        new = ~log8
        chosen, codes8 = kernels(_NUMPY_COST * len(rows)).codes_log8(variance[new], n)
        if unit is None or logs is None:
            unit, logs = np.ones(len(rows)), np.zeros(variance.shape, np.uint8)
        unit[new], logs[new] = chosen, codes8
        # What cannot be held, and what is no variance, is left to `f4` and its checks.
        log8[new] = unit_within(chosen) & ~((variance[new] < 0) | np.isinf(variance[new])).any(1)
    return Restored(image, i2, zero, scale, codes, variance, log8, unit, logs, stored(stamps.mask))


def _chosen(
    stamps: Decoded,
    rows: Array,
    n: int,
    image: Array,
    variance: Array | None,
    before: tuple[Array | None, Array | None, Array | None, Array],
) -> tuple[Array, Array, Array, Array]:
    """Choose the steps of stamps that have none by [EC-4]; [EC-9] leaves some to ``f4``."""
    zero, scale, codes, i2 = before
    new = ~i2 & ~np.isinf(image).any(axis=1)
    if zero is None or scale is None or codes is None:
        zero, scale = np.zeros((len(rows), n)), np.ones((len(rows), n))
        codes = np.zeros(image.shape, np.int16)
    if not new.any():
        return zero, scale, codes, i2
    work = kernels(_NUMPY_COST * len(rows))
    noise = work.noise_of_levels(np.ascontiguousarray(stamps.levels[rows[new], :n]))
    if variance is not None:
        known = work.noise_of_variance(variance[new], n)
        noise = np.where(np.isnan(known).all(axis=1, keepdims=True), noise, known)
    steps, chosen = work.codes_i2(image[new], noise, DEFAULT_STEP)
    zero[new], scale[new], codes[new] = steps.zero, steps.scale, chosen
    done = i2.copy()
    done[new] = steps.fits & ~steps.coarse
    return zero, scale, codes, done


def _encoded(encoding: str, n: int, codes: Array, terms: Array) -> Encoded:
    plain = np.ascontiguousarray(codes, dtype="<i2" if encoding == "i2" else "u1")
    data = plain.reshape(-1).view(np.uint8)
    starts = np.arange(len(codes), dtype=np.int64) * (len(data) // max(1, len(codes)))
    return Encoded(encoding, n, data, starts, terms)


def _same(one: Array, other: Array) -> Array:
    """Whether rows of float32 values are the same bits; all NaN are one."""
    bits = canonical_f4(one).view(np.uint32), canonical_f4(other).view(np.uint32)
    equal: Array = (bits[0] == bits[1]).all(axis=1)
    return equal
