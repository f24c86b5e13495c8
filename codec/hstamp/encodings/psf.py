"""PSF encoding ``i2``: Section 7.4."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..errors import FormatError, InputError, shown
from ..limits import MAX_PSF_SIZE, Q_MAX, psf_within
from ..planes import Encoded, PsfPlane

__all__ = ["check_psf", "check_size", "decode_psf", "encode_psf", "psf_codes", "psfs_within"]

F4 = npt.NDArray[np.float32]
F8 = npt.NDArray[np.float64]
I2 = npt.NDArray[np.int16]
Flags = npt.NDArray[np.bool_]


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
    if not psfs_within(np.frombuffer(plane.data, "<i2")):
        raise FormatError("E_PSF", "PSF holds -32768 or has no positive sum")


def psfs_within(codes: I2) -> Flags:
    """Whether PSF codes (..., size**2) are usable [EN-9] (check 20)."""
    within: Flags = psf_within(codes.sum(axis=-1, dtype=np.int64), codes.min(axis=-1))
    return within


def decode_psf(plane: Encoded) -> F4:
    """PSFs of valid planes, shape (B, size, size), unit sum [EN-9]."""
    codes = plane.numbers("<i2", plane.n**2)
    total = codes.sum(axis=-1, dtype=np.int64).astype(np.float64)
    values: F4 = (codes / total[:, None]).astype(np.float32)
    return values.reshape(-1, plane.n, plane.n)


def encode_psf(psf: F8, size: int | None) -> PsfPlane:
    """Encode a PSF, cut or padded to an odd square [EC-6], [PL-5].

    Parameters
    ----------
    psf : ndarray of float64, shape (h, w)
        Both sides odd, centred on the central pixel; any positive sum.
    size : int or None
        Side of the stored square [base pixel]; None keeps the longer side.

    Raises
    ------
    InputError
        If the PSF or the size cannot be stored.
    """
    if size == 0:
        raise InputError("a PSF is given, and psf_size 0 leaves it out")
    square = _square(psf, size)
    with np.errstate(over="ignore", invalid="ignore"):
        total = square.sum()
    if not (np.isfinite(square).all() and total > 0):
        raise InputError("the PSF holds values that are not finite, or has no positive sum")
    stored, scaled = psf_codes(square)
    if not scaled:
        raise InputError("the PSF's values are too small to be scaled")
    if stored.sum(dtype=np.int64) <= 0:
        raise InputError("the PSF has no positive sum at the precision of its encoding")
    return PsfPlane("i2", square.shape[0], stored.tobytes())


def psf_codes(square: F8) -> tuple[I2, Flags]:
    """Codes of finite PSFs (..., size, size), the largest value in full range [EC-6].

    Returns
    -------
    codes : ndarray of int16, shape (..., size, size)
    scaled : ndarray of bool, shape (...)
        False where the values are too small to be scaled; then the codes are 0.
    """
    with np.errstate(over="ignore", divide="ignore"):
        factor = Q_MAX / np.abs(square).max(axis=(-2, -1), keepdims=True)
    scaled = np.isfinite(factor)
    codes: I2 = np.rint(square * np.where(scaled, factor, 0.0)).astype("<i2")
    return codes, scaled[..., 0, 0]


def check_size(size: int | None) -> None:
    """Raise `InputError` for a side that no stored PSF can have [EN-9], but 0, which means none."""
    if size is None or (type(size) is int and size == 0):
        return
    if isinstance(size, bool) or not isinstance(size, int | np.integer):
        raise InputError(f"psf_size must be an odd integer or None, not {shown(size)}")
    if size % 2 == 0 or not 1 <= size <= MAX_PSF_SIZE:
        raise InputError(f"PSF size {shown(size)} is not odd and 1 to {MAX_PSF_SIZE}")


def _square(psf: F8, size: int | None) -> F8:
    """PSF cut, or padded with zeros, about its central pixel to an odd square."""
    if psf.ndim != 2 or 0 in psf.shape:
        raise InputError(f"a PSF has two axes, not shape {psf.shape}")
    if psf.shape[0] % 2 == 0 or psf.shape[1] % 2 == 0:
        raise InputError(f"a PSF needs a central pixel; shape {psf.shape} has none")
    side = min(max(psf.shape), MAX_PSF_SIZE) if size is None else size
    square = np.zeros((side, side))
    rows, columns = (min(side, length) // 2 for length in psf.shape)
    centre, (y, x) = side // 2, (psf.shape[0] // 2, psf.shape[1] // 2)
    square[centre - rows : centre + rows + 1, centre - columns : centre + columns + 1] = psf[
        y - rows : y + rows + 1, x - columns : x + columns + 1
    ]
    return square
