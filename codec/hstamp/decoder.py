"""The decoder: Section 9 of the specification, in its order.

Step 1 of [DE-1] is `check_record`, which applies the checks of Section 11 in their order [DE-2] and
lets nothing pass in part [DE-3]; step 2 lies in `hstamp.encodings`, steps 3 to 5 are
`hstamp.values.fill_levels`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from .encodings.image import check_image, decode_image
from .encodings.mask import check_mask, decode_mask
from .encodings.psf import check_psf
from .encodings.variance import check_variance, decode_variance
from .errors import FormatError
from .fast import kernels
from .fast.protocol import Valid
from .layout import MAX_LEVELS, MIN_LEVELS, layout_of
from .limits import (
    ID_LIMIT,
    MAX_VERSION,
    MIN_VERSION,
    TEXT_LIMIT,
    cd_within,
    dec_within,
    offset_within,
    printable,
    ra_within,
)
from .planes import Encoded, Record, Wcs

__all__ = [
    "Checked",
    "check_fields",
    "check_record",
    "conserving_values",
    "decode_plane",
    "stored_values",
]

_NUMPY_COST: Final = 1e-4
"""What a plane of one stamp takes without compiled kernels [s]."""
_FIRST: Final = np.zeros(1, dtype=np.int64)
_NOWHERE: Final = np.full(1, -1, dtype=np.int64)
"""Where the plane of a single stamp starts in its own bytes, and where its data are empty."""
_STORED: Final[dict[str, Callable[[Encoded], npt.NDArray[Any]]]] = {
    "image": decode_image,
    "variance": decode_variance,
    "mask": decode_mask,
}


def check_record(record: Record) -> None:
    """Apply checks 8 to 20 of Section 11, in the order of [LI-2], to a parsed record.

    Raises
    ------
    FormatError
        With the code of the first check that fails [LI-1].
    """
    check_fields(record)
    n = record.levels
    check_image(record.image, n)
    if record.variance is not None:
        check_variance(record.variance, n)
    if record.mask is not None:
        check_mask(record.mask, n)
    if record.psf is not None:
        check_psf(record.psf)


def check_fields(record: Record) -> None:
    """Apply checks 8 to 12, those of everything but the planes.

    Raises
    ------
    FormatError
        With the code of the first check that fails.
    """
    if not MIN_VERSION <= record.version <= MAX_VERSION:
        raise FormatError("E_VERSION", f"format number {record.version} is not of version 1")
    if not MIN_LEVELS <= record.levels <= MAX_LEVELS:
        raise FormatError(
            "E_LEVELS", f"{record.levels} levels; a stamp has {MIN_LEVELS} to {MAX_LEVELS}"
        )
    _check_text("id", record.id, 0, ID_LIMIT)
    _check_text("band", record.band, 0, TEXT_LIMIT)
    _check_text("fluxUnit", record.flux_unit, 1, TEXT_LIMIT)
    if not (offset_within(record.dx) and offset_within(record.dy)):
        raise FormatError("E_OFFSET", f"offset ({record.dx}, {record.dy}) exceeds half a pixel")
    if record.wcs is not None:
        _check_wcs(record.wcs)


class Checked:
    """A record that has passed `check_record`; its planes are a batch of one.

    Parameters
    ----------
    record : Record
        The fields.
    """

    __slots__ = ("n", "record")

    def __init__(self, record: Record) -> None:
        self.n = record.levels
        self.record = record

    def encoded(self, plane: str) -> Encoded | None:
        """One of `hstamp.fast.protocol.PLANES`, or None where there is none."""
        record = self.record
        if plane == "image":
            image = record.image
            terms = np.array([[image.zero], [image.scale]]) if image.zero else None
            return Encoded(image.encoding, self.n, _bytes(image.data), _FIRST, terms)
        if plane == "variance" and (spread := record.variance) is not None:
            unit = np.array([[[spread.unit]]]) if spread.encoding == "log8" else None
            return Encoded(spread.encoding, self.n, _bytes(spread.data), _FIRST, unit)
        if plane == "mask" and (mask := record.mask) is not None:
            starts = _FIRST if mask.data else _NOWHERE
            return Encoded(mask.encoding, self.n, _bytes(mask.data), starts)
        if plane == "psf" and (psf := record.psf) is not None:
            return Encoded(psf.encoding, psf.size, _bytes(psf.data), _FIRST)
        return None


def decode_plane(stamp: Valid, plane: str) -> npt.NDArray[Any] | None:
    """Levels of a plane, shape (n, 15, 15), or the PSF; None where the stamp has none [DE-1]."""
    encoded = stamp.encoded(plane)
    if encoded is None:
        return None
    return kernels(_NUMPY_COST).decode(plane, encoded)[0]  # type: ignore[no-any-return]


def stored_values(stamp: Valid, plane: str) -> npt.NDArray[Any] | None:
    """Stored values of image, variance or mask in stamp order, shape (N,); None where absent."""
    encoded = stamp.encoded(plane)
    return None if encoded is None else _STORED[plane](encoded)[0]


def conserving_values(values: npt.NDArray[np.float32], n: int) -> npt.NDArray[np.float32]:
    """Stored values followed by what a flux-conserving mosaic shows beside them [DE-6].

    Parameters
    ----------
    values : ndarray of float32, shape (..., N)
        Stored image values in stamp order.
    n : int
        Number of levels.

    Returns
    -------
    ndarray of float32, shape (..., N + M)
        To be indexed by `Layout.conserving_index`.
    """
    shared = layout_of(n).shared
    known = values[..., shared.covered].astype(np.float64)
    finite = np.isfinite(known)
    finite[..., 1] &= shared.counts == 2
    found = finite.sum(axis=-1)
    left = 4 - shared.counts
    total = np.where(finite, known, 0.0).sum(axis=-1)
    rest = ((found + left) * values[..., shared.ring].astype(np.float64) - total) / left
    with np.errstate(over="ignore", under="ignore"):
        return np.concatenate([values, rest.astype(np.float32)], axis=-1)


def _bytes(data: bytes) -> npt.NDArray[np.uint8]:
    return np.frombuffer(data, np.uint8)


def _check_text(name: str, text: str | None, shortest: int, longest: int) -> None:
    if text is None or printable(text, shortest, longest):
        return
    if not shortest <= len(text) <= longest:
        raise FormatError("E_TEXT", f"{name} has {len(text)} bytes, not {shortest} to {longest}")
    raise FormatError("E_TEXT", f"{name} {text!r} is not printable ASCII")


def _check_wcs(wcs: Wcs) -> None:
    if not (ra_within(wcs.ra) and dec_within(wcs.dec)):
        raise FormatError("E_WCS", f"position ({wcs.ra}, {wcs.dec}) is not on the sky")
    if not cd_within(wcs.cd1_1, wcs.cd1_2, wcs.cd2_1, wcs.cd2_2):
        raise FormatError("E_WCS", "the CD matrix is singular or not finite")
