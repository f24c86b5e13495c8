"""Decode many blobs into arrays over stamps."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import FormatError, InputError, shown
from ..fast import kernels
from ..fast.protocol import PLANES
from .arrays import StampBatch, merged
from .blobs import Blobs, Joined, Listed
from .scanned import scanned
from .shaped import NUMPY_COST, grouped

__all__ = ["StampBatch", "decode_buffer", "decode_many"]


def decode_many(
    blobs: Sequence[bytes],
    *,
    planes: Collection[str] = PLANES,
    errors: str = "raise",
) -> StampBatch:
    """Decode blobs into arrays over stamps.

    Parameters
    ----------
    blobs : sequence of bytes
        Stamps in the single-object form.
    planes : collection of {'image', 'variance', 'mask', 'psf'}
        What to decode; every stamp is checked completely all the same.
    errors : {'raise', 'collect'}
        Raise at the first stamp that is not valid, or leave it out and report it in
        `StampBatch.errors`.

    Returns
    -------
    StampBatch

    Raises
    ------
    FormatError
        With ``errors='raise'``: the first rejected input; its reason names the input's number.
    """
    return _decoded(Listed(_checked_blobs(blobs)), planes, errors)


def decode_buffer(
    buffer: npt.NDArray[np.uint8],
    offsets: npt.NDArray[np.int64],
    *,
    planes: Collection[str] = PLANES,
    errors: str = "raise",
) -> StampBatch:
    """Decode blobs that lie one behind another; otherwise as `decode_many`.

    Parameters
    ----------
    buffer : ndarray of uint8, shape (L,)
        Bytes that hold the blobs.
    offsets : ndarray of int64, shape (B + 1,)
        Blob b is ``buffer[offsets[b]:offsets[b + 1]]``.
    planes, errors
        As in `decode_many`.

    Raises
    ------
    InputError
        If the offsets descend or lie outside the buffer.
    FormatError
        As in `decode_many`.
    """
    buffer, offsets = np.asarray(buffer), np.asarray(offsets)
    if buffer.dtype != np.uint8 or buffer.ndim != 1:
        raise InputError(f"buffer must be bytes, not {buffer.dtype} of {buffer.ndim} axes")
    if offsets.dtype != np.int64 or offsets.ndim != 1 or not len(offsets):
        raise InputError(f"offsets must be int64, not {offsets.dtype} of shape {offsets.shape}")
    if offsets[0] < 0 or offsets[-1] > len(buffer) or (np.diff(offsets) < 0).any():
        raise InputError("offsets must ascend within the buffer")
    return _decoded(Joined(np.ascontiguousarray(buffer), offsets), planes, errors)


def _decoded(blobs: Blobs, planes: Collection[str], errors: str) -> StampBatch:
    wanted = _wanted(planes)
    if not isinstance(errors, str) or errors not in ("raise", "collect"):
        raise InputError(f"errors must be 'raise' or 'collect', not {shown(errors)}")
    work = kernels(NUMPY_COST * len(blobs) * len(wanted))
    if work.in_place:
        groups, rejected = scanned(blobs, wanted, work)
    else:
        groups, rejected = grouped(blobs.all(), wanted)
    if rejected and errors == "raise":
        first = min(rejected)
        fault = rejected[first]
        raise FormatError(fault.code, f"stamp {first}: {fault.reason}") from fault
    return merged(groups, rejected, wanted)


def _wanted(planes: Collection[str]) -> set[str]:
    given = (planes,) if isinstance(planes, str) else planes
    try:
        wanted = set(given)
    except TypeError:
        raise InputError(f"planes must be names out of {PLANES}, not {shown(planes)}") from None
    if unknown := wanted - set(PLANES):
        raise InputError(f"unknown planes {sorted(map(repr, unknown))}; there are {PLANES}")
    return wanted


def _checked_blobs(blobs: Any) -> Sequence[bytes]:
    """Return a sequence of bytes; raise `InputError` for anything else."""
    if isinstance(blobs, np.ndarray) and blobs.ndim == 1:
        blobs = blobs.tolist()
    if isinstance(blobs, str | bytes | bytearray | memoryview) or not isinstance(blobs, Sequence):
        raise InputError(f"blobs must be a sequence of bytes, not {type(blobs).__name__}")
    if set(map(type, blobs)) <= {bytes}:
        return blobs
    for i, blob in enumerate(blobs):
        if not isinstance(blob, bytes | bytearray | memoryview):
            raise InputError(f"stamp {i} is {type(blob).__name__}, not bytes")
    return [bytes(blob) for blob in blobs]
