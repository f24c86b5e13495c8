"""PSF encoding ``i2``: Section 7.4."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from ..errors import FormatError, InputError
from ..planes import PsfPlane

__all__ = ["MAX_PSF_SIZE", "check_psf", "decode_psf", "encode_psf", "square_psf"]

MAX_PSF_SIZE: Final = 127
_Q_MAX: Final = 32767

F4 = npt.NDArray[np.float32]
F8 = npt.NDArray[np.float64]


def check_psf(plane: PsfPlane) -> None:
    """Apply checks 13, 15, 16 and 20 of [LI-1] to a PSF.

    Raises
    ------
    FormatError
        With code E_ENCODING, E_PSF or E_LENGTH.
    """
    if plane.encoding != "i2":
        raise FormatError("E_ENCODING", f"PSF encoding {plane.encoding[:32]!r} is unknown")
    if plane.size % 2 == 0 or not 1 <= plane.size <= MAX_PSF_SIZE:
        raise FormatError("E_PSF", f"PSF size {plane.size} is not odd and 1 to {MAX_PSF_SIZE}")
    if len(plane.data) != 2 * plane.size**2:
        raise FormatError(
            "E_LENGTH", f"PSF data has {len(plane.data)} bytes; it needs {2 * plane.size**2}"
        )
    stored = np.frombuffer(plane.data, "<i2")
    if (stored == -_Q_MAX - 1).any() or stored.sum(dtype=np.int64) <= 0:
        raise FormatError("E_PSF", "PSF holds -32768 or has no positive sum")


def decode_psf(plane: PsfPlane) -> F4:
    """PSF of a valid plane, shape (size, size), unit sum [EN-9]."""
    stored = np.frombuffer(plane.data, "<i2").reshape(plane.size, plane.size)
    total = np.float64(stored.sum(dtype=np.int64))
    values: F4 = (stored / total).astype(np.float32)
    return values


def encode_psf(psf: npt.ArrayLike, size: int | None) -> PsfPlane:
    """Encode a PSF, cut or padded to an odd square.

    Parameters
    ----------
    psf : array_like, shape (h, w)
        Both sides odd, centred on the central pixel; any positive sum.
    size : int or None
        Side of the stored square [base pixel]; None keeps the longer side.

    Raises
    ------
    InputError
        If the PSF or the size cannot be stored.
    """
    square = square_psf(np.asarray(psf, dtype=np.float64), size)
    if not np.isfinite(square).all() or square.sum() <= 0:
        raise InputError("the PSF holds values that are not finite, or has no positive sum")
    stored = np.rint(square * (_Q_MAX / np.abs(square).max())).astype("<i2")
    if stored.sum(dtype=np.int64) <= 0:
        raise InputError("the PSF has no positive sum at the precision of its encoding")
    return PsfPlane("i2", square.shape[0], stored.tobytes())


def square_psf(psf: F8, size: int | None) -> F8:
    """PSF cut, or padded with zeros, about its central pixel to an odd square."""
    if psf.ndim != 2 or 0 in psf.shape:
        raise InputError(f"a PSF has two axes, not shape {psf.shape}")
    if psf.shape[0] % 2 == 0 or psf.shape[1] % 2 == 0:
        raise InputError(f"a PSF needs a central pixel; shape {psf.shape} has none")
    side = min(max(psf.shape), MAX_PSF_SIZE) if size is None else size
    if side % 2 == 0 or not 1 <= side <= MAX_PSF_SIZE:
        raise InputError(f"PSF size {side} is not odd and 1 to {MAX_PSF_SIZE}")
    square = np.zeros((side, side))
    rows, columns = (min(side, length) // 2 for length in psf.shape)
    centre, (y, x) = side // 2, (psf.shape[0] // 2, psf.shape[1] // 2)
    square[centre - rows : centre + rows + 1, centre - columns : centre + columns + 1] = psf[
        y - rows : y + rows + 1, x - columns : x + columns + 1
    ]
    return square
