"""Blobs of decoded stamps: the way back from arrays over stamps to bytes.

Rows that differ only in their numbers share a template, one blob written by the one writer, in
which the places of these numbers are filled for all of them at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from ..container.blob import write_blob
from ..decoder import check_record
from ..encodings.image import IMAGE_ENCODINGS
from ..encodings.mask import MASK_ENCODINGS, mask_within, unnamed
from ..encodings.psf import PSF_FAULTS, psf_codes
from ..encodings.variance import VARIANCE_ENCODINGS
from ..errors import FormatError, HstampError, InputError, PsfError
from ..layout import MAX_LEVELS, MIN_LEVELS, size_of
from ..planes import FORMAT_VERSION, ImagePlane, MaskPlane, PsfPlane, Record, VariancePlane, Wcs
from ..stamp import Stamp
from .checks import checked
from .columns import Shape, shape_of
from .restore import Restored, restored

__all__ = ["Blobs", "Choices", "Decoded", "Texts", "recoded"]

_ROWS: Final = 4096
"""Rows that are put together at a time."""

Array = npt.NDArray[Any]


class Texts(NamedTuple):
    """B texts as the bytes that Arrow keeps of them.

    Parameters
    ----------
    data : ndarray of uint8
    offsets : ndarray of int64, shape (B + 1,)
    known : ndarray of bool, shape (B,)
    """

    data: Array
    offsets: Array
    known: Array

    @property
    def lengths(self) -> Array:
        """Bytes of each; -1 where there is none, shape (B,)."""
        return np.where(self.known, np.diff(self.offsets), -1)


class Choices(NamedTuple):
    """B values of which few differ: which of `values` each is; -1 for none."""

    codes: Array
    values: tuple[Any, ...]


@dataclass(frozen=True)
class Decoded:
    """Stamps as a decoder shows them; arrays as in `StampBatch`, of w levels or None.

    Attributes
    ----------
    n : ndarray of int64, shape (B,)
    dx, dy : ndarray of float32, shape (B,)
    wcs : ndarray of bool, shape (B,)
        Whether ra, dec and cd hold.
    ra, dec : ndarray of float64, shape (B,)
    cd : ndarray of float32, shape (B, 2, 2)
    levels : ndarray of float32, shape (B, w, 15, 15)
    variance : ndarray of float32, shape (B, w, 15, 15), or None
    has_variance : ndarray of bool, shape (B,)
    mask : ndarray of uint16, shape (B, w, 15, 15), or None
    psf : ndarray of float32, shape (B, s, s), or None
    psf_sizes : ndarray of int64, shape (B,)
        Sides without padding; 0 for none.
    ids : Texts
    bands, flux_units : Choices
        Of str.
    mask_planes : Choices
        Of tuples of str.
    zero, scale : ndarray of float32, shape (B, w), or None
        Steps that ``i2`` images had.
    unit : ndarray of float32, shape (B,), or None
        Units that ``log8`` variances had.
    """

    n: Array
    dx: Array
    dy: Array
    wcs: Array
    ra: Array
    dec: Array
    cd: Array
    levels: Array
    variance: Array | None
    has_variance: Array
    mask: Array | None
    psf: Array | None
    psf_sizes: Array
    ids: Texts
    bands: Choices
    flux_units: Choices
    mask_planes: Choices
    zero: Array | None = None
    scale: Array | None = None
    unit: Array | None = None


class Blobs(NamedTuple):
    """Blobs one after the other; those of rows with a fault are empty.

    Attributes
    ----------
    data : ndarray of uint8
    offsets : ndarray of int64, shape (B + 1,)
    faults : dict of int to InputError
    """

    data: Array
    offsets: Array
    faults: dict[int, InputError]


class _Form(NamedTuple):
    """What rows share that one template serves."""

    n: int
    id_length: int
    band: int
    flux_unit: int
    names: int
    any_bit: int
    wcs: int
    i2: int
    variance: int
    psf: int


def recoded(
    stamps: Decoded, *, encoding: str | None = None, variance_encoding: str | None = None
) -> Blobs:
    """Write decoded stamps.

    Parameters
    ----------
    stamps : Decoded
    encoding : {None, 'f4', 'i2'}
        None and ``i2`` use the steps that the stamps had, where these give every value back bit
        for bit; otherwise None writes ``f4``, and ``i2`` chooses steps by [EC-4], [EC-9].
    variance_encoding : {None, 'f4', 'log8'}
        The same with the units of variances [EC-5].

    Returns
    -------
    Blobs
        In the canonical form [EC-8].
    """
    count = len(stamps.n)
    faults: dict[int, InputError] = {}
    pieces: list[tuple[Array, Array]] = []
    for start in range(0, count, _ROWS):
        rows = np.arange(start, min(start + _ROWS, count))
        for n in np.unique(stamps.n[rows]).tolist():
            members = rows[stamps.n[rows] == n]
            if not MIN_LEVELS <= n <= min(MAX_LEVELS, stamps.levels.shape[1]):
                reason = f"{n} levels; there are {MIN_LEVELS} to {stamps.levels.shape[1]}"
                faults |= dict.fromkeys(members.tolist(), InputError(reason))
                continue
            values = restored(stamps, members, n, encoding, variance_encoding)
            pieces += _written(stamps, members, n, values, faults)
    return _joined(pieces, count, faults)


def _written(
    stamps: Decoded, rows: Array, n: int, values: Restored, faults: dict[int, InputError]
) -> Iterator[tuple[Array, Array]]:
    """Rows and their bytes, form by form."""
    names = stamps.mask_planes.codes[rows]
    marked = np.zeros(len(rows), np.bool_) if values.mask is None else values.mask.any(axis=1)
    columns = {
        "n": np.full(len(rows), n),
        "id_length": stamps.ids.lengths[rows],
        "band": stamps.bands.codes[rows],
        "flux_unit": stamps.flux_units.codes[rows],
        "names": names,
        "any_bit": marked & (names >= 0),
        "wcs": stamps.wcs[rows],
        "i2": values.i2,
        "variance": np.where(stamps.has_variance[rows], values.log8 + 1, 0),
        "psf": stamps.psf_sizes[rows],
    }
    keys = np.stack([columns[name] for name in _Form._fields], axis=1).astype(np.int64)
    forms, which = np.unique(keys, axis=0, return_inverse=True)
    for number, key in enumerate(forms.tolist()):
        members = np.flatnonzero(which.ravel() == number)
        form = _Form(*key)
        try:
            template = _template(stamps, form)
            check_record(template)
            shape = shape_of(write_blob(template))
            assert shape is not None
            psf, psf_faults = _psfs(stamps, rows[members], form.psf)
        except HstampError as error:
            fault = InputError(f"the stamp would not be valid: {error.reason}")
            faults |= dict.fromkeys(rows[members].tolist(), fault)
            continue
        numbers = _numbers(stamps, shape, rows[members], members, values, psf)
        matrix = shape.filled(len(members), numbers)
        good: Array = checked(shape, matrix)
        usable = psf_faults < 0
        if template.mask is not None and values.mask is not None:
            # A byte may be too narrow for bits without a name, so they are looked for before.
            count = len(template.mask.planes)
            over: Array = usable & ~mask_within(values.mask[members], count)
            for row in np.flatnonzero(over).tolist():
                found = int(np.bitwise_or.reduce(values.mask[members[row]]))
                faults[int(rows[members[row]])] = InputError(unnamed(found, count))
            usable &= ~over
        for row in np.flatnonzero(usable & ~good).tolist():
            try:
                Stamp.from_bytes(matrix[row].tobytes())
            except FormatError as error:
                reason = f"the stamp would not be valid: {error.reason}"
                faults[int(rows[members[row]])] = InputError(reason)
            else:
                good[row] = True
        for row in np.flatnonzero(psf_faults >= 0).tolist():
            fault = PsfError(PSF_FAULTS[psf_faults[row]])
            faults.setdefault(int(rows[members[row]]), fault)
        good &= usable
        yield rows[members][good], matrix[good]


def _template(stamps: Decoded, form: _Form) -> Record:
    """Make a record of a form, whose numbers are valid and stand for those of any row."""
    size, image = size_of(form.n), "i2" if form.i2 else "f4"
    unit = "" if form.flux_unit < 0 else stamps.flux_units.values[form.flux_unit]
    spread = mask = psf = None
    if form.variance:
        kind = "log8" if form.variance == 2 else "f4"
        spread = VariancePlane(kind, 1.0, bytes(size * VARIANCE_ENCODINGS[kind]))
    if form.names >= 0:
        names = stamps.mask_planes.values[form.names]
        kind = "u1" if len(names) <= 8 else "u2"
        mask = MaskPlane(kind, names, bytes(size * MASK_ENCODINGS[kind] * form.any_bit))
    if form.psf > 0:
        psf = PsfPlane("i2", form.psf, b"\x01\x00" * form.psf**2)
    return Record(
        version=FORMAT_VERSION,
        levels=form.n,
        id=None if form.id_length < 0 else "0" * form.id_length,
        band=None if form.band < 0 else stamps.bands.values[form.band],
        flux_unit=unit,
        dx=0.0,
        dy=0.0,
        wcs=Wcs(0.0, 0.0, 1.0, 0.0, 0.0, 1.0) if form.wcs else None,
        image=ImagePlane(
            image,
            (0.0,) * form.n * form.i2,
            (1.0,) * form.n * form.i2,
            bytes(size * IMAGE_ENCODINGS[image]),
        ),
        variance=spread,
        mask=mask,
        psf=psf,
    )


def _numbers(
    stamps: Decoded, shape: Shape, rows: Array, members: Array, values: Restored, psf: Array | None
) -> dict[str, Array]:
    """What differs between blobs of one form."""
    record = shape.record
    numbers = {"dx": stamps.dx[rows], "dy": stamps.dy[rows]}
    if "id" in shape.places:
        width = shape.places["id"].stop - shape.places["id"].start
        places = stamps.ids.offsets[rows][:, None] + np.arange(width)
        numbers["id"] = stamps.ids.data[places]
    if record.wcs is not None:
        numbers |= {"ra": stamps.ra[rows], "dec": stamps.dec[rows], "cd": stamps.cd[rows]}

    def add(**columns: Array | None) -> None:
        for name, column in columns.items():
            assert column is not None
            numbers[name] = column[members]

    if record.image.encoding == "i2":
        add(zero=values.zero, scale=values.scale, image=values.codes)
    else:
        add(image=values.image)
    if record.variance is not None and record.variance.encoding == "log8":
        add(unit=values.unit, variance=values.logs)
    elif record.variance is not None:
        add(variance=values.variance)
    if "mask" in shape.places:
        add(mask=values.mask)
    if psf is not None:
        numbers["psf"] = psf
    return numbers


def _psfs(stamps: Decoded, rows: Array, size: int) -> tuple[Array | None, Array]:
    """Codes of PSFs of a side, cut out of their padding, and the fault of each."""
    if size <= 0 or stamps.psf is None:
        return None, np.full(len(rows), -1)
    start = (stamps.psf.shape[-1] - size) // 2
    if start < 0:
        raise InputError(f"a PSF of side {size} in arrays of side {stamps.psf.shape[-1]}")
    squares = stamps.psf[rows, start : start + size, start : start + size].astype(np.float64)
    return psf_codes(squares)


def _joined(pieces: list[tuple[Array, Array]], count: int, faults: dict[int, InputError]) -> Blobs:
    lengths = np.zeros(count, dtype=np.int64)
    for rows, matrix in pieces:
        lengths[rows] = matrix.shape[1]
    offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)])
    data = np.empty(int(offsets[-1]), dtype=np.uint8)
    for rows, matrix in pieces:
        if len(rows) and rows[-1] - rows[0] + 1 == len(rows):
            data[offsets[rows[0]] : offsets[rows[-1] + 1]] = matrix.ravel()
        elif len(rows):
            data[offsets[rows][:, None] + np.arange(matrix.shape[1])] = matrix
    return Blobs(data, offsets, dict(sorted(faults.items())))
