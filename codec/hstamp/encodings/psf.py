"""PSF encoding ``i2``: Section 7.4."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from ..errors import FormatError, InputError, PsfError, shown
from ..limits import MAX_PSF_SIZE, Q_MAX, psf_within
from ..planes import Encoded, PsfPlane

__all__ = [
    "PSF_FAULTS",
    "check_psf",
    "check_size",
    "decode_psf",
    "encode_psfs",
    "psf_codes",
    "psfs_within",
]

PSF_FAULTS: Final = (
    "the PSF holds values that are not finite, or has no positive sum",
    "the PSF's values are too small to be scaled",
    "the PSF has no positive sum at the precision of its encoding",
)
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


def encode_psfs(psfs: F8, size: int | None) -> list[PsfPlane | PsfError]:
    """Encode PSFs of one shape, cut or padded to an odd square [EC-6], [PL-5].

    Parameters
    ----------
    psfs : ndarray of float64, shape (B, h, w)
        Both sides odd, centred on the central pixel; any positive sum.
    size : int or None
        Side of the stored square [base pixel]; None keeps the longer side.

    Returns
    -------
    list of PsfPlane or PsfError, length B
        The fault of each that cannot be stored.

    Raises
    ------
    PsfError
        If none of this shape can be stored.
    InputError
        If the size leaves the PSF out.
    """
    if size == 0:
        raise InputError("a PSF is given, and psf_size 0 leaves it out")
    codes, faults = psf_codes(_squares(psfs, size))
    data, width = codes.tobytes(), codes[0].nbytes
    return [
        PsfPlane("i2", codes.shape[-1], data[width * i : width * (i + 1)])
        if fault < 0
        else PsfError(PSF_FAULTS[fault])
        for i, fault in enumerate(faults.tolist())
    ]


def psf_codes(squares: F8) -> tuple[I2, npt.NDArray[np.intp]]:
    """Codes of PSFs of one side, the largest value in full range [EC-6].

    Parameters
    ----------
    squares : ndarray of float64, shape (B, size, size)

    Returns
    -------
    codes : ndarray of int16, shape (B, size, size)
    faults : ndarray of intp, shape (B,)
        Which of `PSF_FAULTS` keeps a PSF from being stored; -1 where none does.
    """
    finite: Flags = np.asarray(np.isfinite(squares).all(axis=(1, 2)))
    if not finite.all():
        squares = np.where(finite[:, None, None], squares, 0.0)
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        positive = squares.sum(axis=(1, 2)) > 0
        factor = Q_MAX / np.abs(squares).max(axis=(1, 2))
    scaled = np.isfinite(factor)
    scale = np.where(scaled, factor, 0.0)[:, None, None]
    codes: I2 = np.rint(squares * scale).astype("<i2")
    kept = codes.sum(axis=(1, 2), dtype=np.int64) > 0
    faults = np.select([~(finite & positive), ~scaled, ~kept], [0, 1, 2], -1)
    return codes, faults.astype(np.intp)


def check_size(size: int | None) -> None:
    """Raise `InputError` for a side that no stored PSF can have [EN-9], but 0, which means none."""
    if size is None or (type(size) is int and size == 0):
        return
    if isinstance(size, bool) or not isinstance(size, int | np.integer):
        raise InputError(f"psf_size must be an odd integer or None, not {shown(size)}")
    if size % 2 == 0 or not 1 <= size <= MAX_PSF_SIZE:
        raise InputError(f"PSF size {shown(size)} is not odd and 1 to {MAX_PSF_SIZE}")


def _squares(psfs: F8, size: int | None) -> F8:
    """PSFs cut, or padded with zeros, about their central pixels to odd squares."""
    shape = psfs.shape[1:]
    if len(shape) != 2 or 0 in shape:
        raise PsfError(f"a PSF has two axes, not shape {shape}")
    if shape[0] % 2 == 0 or shape[1] % 2 == 0:
        raise PsfError(f"a PSF needs a central pixel; shape {shape} has none")
    side = min(max(shape), MAX_PSF_SIZE) if size is None else size
    squares = np.zeros((len(psfs), side, side))
    rows, columns = (min(side, length) // 2 for length in shape)
    centre, (y, x) = side // 2, (shape[0] // 2, shape[1] // 2)
    squares[:, centre - rows : centre + rows + 1, centre - columns : centre + columns + 1] = psfs[
        :, y - rows : y + rows + 1, x - columns : x + columns + 1
    ]
    return squares
