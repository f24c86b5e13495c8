"""Bytes of many stamps: those of one form are the rows of a byte matrix.

What a stamp's record is, `hstamp.encoder.record_of` says, and `hstamp.container.blob.write_blob`
how it is written. One stamp of each form is made so; the others are its bytes with other numbers,
and are checked as a decoder checks them. A stamp that fails is made by itself, which finds why.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ..container.blob import write_blob
from ..encoder import EncodedPlanes, Label, Sources, record_of
from ..encodings.image import canonical_f4
from ..errors import InputError
from ..planes import PsfPlane, Wcs
from .checks import checked
from .columns import Shape, shape_of_record

__all__ = ["Labels", "assembled"]

_FEW: Final = 4
"""Below this many stamps of a form a matrix costs more than it saves."""
_TEXT: Final = (str, type(None))
Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Labels:
    """What the stamps of B sources carry besides their planes; see `hstamp.encoder.Label`."""

    x: Array
    y: Array
    wcs: Sequence[Wcs | None]
    bands: Sequence[Any]
    flux_unit: str
    ids: Sequence[Any]
    psfs: Sequence[PsfPlane | None]

    def one(self, b: int) -> Label:
        """What one stamp carries."""
        return Label(
            float(self.x[b]), float(self.y[b]), self.wcs[b], self.bands[b], self.flux_unit,
            self.ids[b], self.psfs[b],
        )  # fmt: skip

    def part(self, rows: Array) -> Labels:
        """Some of the sources."""
        wcs, bands, ids, psfs = (
            [column[b] for b in rows.tolist()]
            for column in (self.wcs, self.bands, self.ids, self.psfs)
        )
        return Labels(self.x[rows], self.y[rows], wcs, bands, self.flux_unit, ids, psfs)


def assembled(
    planes: EncodedPlanes,
    sources: Sources,
    labels: Labels,
    names: tuple[str, ...] | None,
) -> list[bytes | InputError]:
    """Blobs of sources, or why there is none.

    Parameters
    ----------
    planes : EncodedPlanes
        Their planes.
    sources : Sources
        What was encoded.
    labels : Labels
        What each carries besides.
    names : tuple of str or None
        Names of the masks' bits.

    Returns
    -------
    list of (bytes or InputError), length B
    """
    blobs: list[bytes | InputError] = [b""] * len(sources.rows)

    def by_itself(b: int) -> bytes | InputError:
        try:
            return write_blob(record_of(planes, b, sources, labels.one(b), names))
        except InputError as fault:
            return fault

    for rows in _forms(planes, labels):
        while len(rows) >= _FEW:
            first, rows = rows[0], rows[1:]
            try:
                shape = shape_of_record(record_of(planes, first, sources, labels.one(first), names))
            except InputError as fault:
                blobs[first] = fault
                continue
            blobs[first] = shape.template
            matrix = np.tile(np.frombuffer(shape.template, np.uint8), (len(rows), 1))
            good = _fill(shape, matrix, planes, sources, rows, labels, names)
            good &= checked(shape, matrix)
            raw, width = matrix.tobytes(), matrix.shape[1]
            for i, b in enumerate(rows):
                blobs[b] = raw[width * i : width * (i + 1)] if good[i] else by_itself(b)
            rows = []
        for b in rows:
            blobs[b] = by_itself(b)
    return blobs


def _forms(planes: EncodedPlanes, labels: Labels) -> list[list[int]]:
    """Sources whose blobs differ in numbers alone."""
    count = len(labels.x)
    f4, empty = [False] * count, [False] * count
    if planes.image is not None:
        f4 = planes.image.steps.coarse.tolist()
    if planes.mask is not None:
        empty = np.logical_not(planes.mask.any(axis=1)).tolist()
    forms: dict[tuple[Any, ...], list[int]] = {}
    for b, (name, band, wcs, psf, *flags) in enumerate(
        zip(labels.ids, labels.bands, labels.wcs, labels.psfs, f4, empty,
            strict=True)
    ):  # fmt: skip
        if type(name) not in _TEXT or type(band) not in _TEXT:
            forms[(b,)] = [b]
            continue
        length, side = None if name is None else len(name), None if psf is None else psf.size
        forms.setdefault((length, band, wcs is None, side, *flags), []).append(b)
    return list(forms.values())


def _fill(
    shape: Shape,
    matrix: Array,
    planes: EncodedPlanes,
    sources: Sources,
    rows: list[int],
    labels: Labels,
    names: tuple[str, ...] | None,
) -> Array:
    """Write what differs; say which rows the type of their bytes can hold."""
    good = np.ones(len(rows), dtype=np.bool_)
    record = shape.record

    def put(name: str, values: Array, dtype: str) -> None:
        if name in shape.places:
            with np.errstate(over="ignore", invalid="ignore"):
                plain = np.ascontiguousarray(values, dtype=dtype)
            matrix[:, shape.places[name]] = plain.reshape(len(rows), -1).view(np.uint8)

    put("dx", labels.x[rows] - (sources.i0[rows] - 0.5), "<f4")
    put("dy", labels.y[rows] - (sources.j0[rows] - 0.5), "<f4")
    if "id" in shape.places:
        ids = [labels.ids[b] or "" for b in rows]
        text = "".join(ids)
        # What is not ASCII becomes a question mark here, and is refused by itself.
        put("id", np.frombuffer(text.encode("ascii", "replace"), np.uint8), "u1")
        good &= np.array([name.isascii() for name in ids])
    wcs = [plane for plane in (labels.wcs[b] for b in rows) if plane is not None]
    if "ra" in shape.places:
        put("ra", np.array([w.ra for w in wcs]), "<f8")
        put("dec", np.array([w.dec for w in wcs]), "<f8")
        put("cd", np.array([[w.cd1_1, w.cd1_2, w.cd2_1, w.cd2_2] for w in wcs]), "<f4")
    if record.image.encoding == "i2" and planes.image is not None:
        steps, codes = planes.image
        put("zero", steps.zero[rows], "<f4")
        put("scale", steps.scale[rows], "<f4")
        put("image", codes[rows], "<i2")
        good &= steps.fits[rows]
    else:
        put("image", canonical_f4(planes.stored[rows]), "<f4")
    if planes.variance is not None and record.variance is not None:
        unit, spread = planes.variance
        put("unit", unit[rows], "<f4")
        put("variance", spread[rows], "<f4" if record.variance.encoding == "f4" else "u1")
    if planes.mask is not None and record.mask is not None and names is not None:
        bits = planes.mask[rows]
        put("mask", bits, f"<{record.mask.encoding}")
        good &= bits.max(axis=1) >> len(names) == 0
    psfs = [psf for psf in (labels.psfs[b] for b in rows) if psf is not None]
    if any(psf is not record.psf for psf in psfs):
        put("psf", np.frombuffer(b"".join(psf.data for psf in psfs), "<i2"), "<i2")
    return good
