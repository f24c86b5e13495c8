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
            matrix = shape.filled(len(rows), _numbers(shape, planes, sources, rows, labels))
            good = _hold(shape, planes, rows, labels) & checked(shape, matrix)
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


def _numbers(
    shape: Shape, planes: EncodedPlanes, sources: Sources, rows: list[int], labels: Labels
) -> dict[str, Array]:
    """What differs between blobs of one form."""
    numbers: dict[str, Array] = {
        "dx": labels.x[rows] - (sources.i0[rows] - 0.5),
        "dy": labels.y[rows] - (sources.j0[rows] - 0.5),
    }
    if "id" in shape.places:
        text = "".join(labels.ids[b] for b in rows)
        # What is not ASCII becomes a question mark here, and is refused by itself.
        numbers["id"] = np.frombuffer(text.encode("ascii", "replace"), np.uint8)
    wcs = [plane for plane in (labels.wcs[b] for b in rows) if plane is not None]
    if wcs:
        tangents = np.array(
            [(w.ra, w.dec, w.cd1_1, w.cd1_2, w.cd2_1, w.cd2_2) for w in wcs], np.float64
        )
        numbers |= {"ra": tangents[:, 0], "dec": tangents[:, 1], "cd": tangents[:, 2:]}
    if "scale" in shape.places and planes.image is not None:
        steps, codes = planes.image
        numbers |= {"zero": steps.zero[rows], "scale": steps.scale[rows], "image": codes[rows]}
    else:
        numbers["image"] = canonical_f4(planes.stored[rows])
    if planes.variance is not None:
        unit, spread = planes.variance
        numbers |= {"unit": unit[rows], "variance": spread[rows]}
    if planes.mask is not None:
        numbers["mask"] = planes.mask[rows]
    psfs = [psf for psf in (labels.psfs[b] for b in rows) if psf is not None]
    if any(psf is not shape.record.psf for psf in psfs):
        numbers["psf"] = np.frombuffer(b"".join(psf.data for psf in psfs), "<i2")
    return numbers


def _hold(shape: Shape, planes: EncodedPlanes, rows: list[int], labels: Labels) -> Array:
    """Whether the bytes of each row can hold its numbers, so that a check sees what they are."""
    good = np.ones(len(rows), dtype=np.bool_)
    if "id" in shape.places:
        good &= np.array([labels.ids[b].isascii() for b in rows])
    if "scale" in shape.places and planes.image is not None:
        good &= planes.image.steps.fits[rows]
    if planes.mask is not None and shape.record.mask is not None:
        good &= planes.mask[rows].max(axis=1) >> len(shape.record.mask.planes) == 0
    return good
