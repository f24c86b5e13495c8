"""Blobs of one shape as the columns of a byte matrix.

Stamps of one producer differ in their numbers and agree in everything else: lengths, encodings,
union branches. For such a group the place of every field is the same in each blob, so a field of
all of them is a slice of columns. `Shape` knows these places from one blob, `Shape.matches` says
which others share them, and `Shape.filled` writes such a group.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ..container.avro import write_long
from ..container.blob import HEADER, read_blob, write_blob
from ..planes import Encoded, Record

__all__ = ["Shape", "shape_of", "shape_of_record"]

U1 = npt.NDArray[np.uint8]
_NUMBERS: Final = {
    "id": "u1", "dx": "<f4", "dy": "<f4", "ra": "<f8", "dec": "<f8", "cd": "<f4", "zero": "<f4",
    "scale": "<f4", "unit": "<f4",
}  # fmt: skip
"""Numbers of a stamp beside its planes, as they are stored [CO-1]."""
_CODES: Final = {"f4": "<f4", "i2": "<i2", "log8": "u1", "u1": "u1", "u2": "<u2"}
"""Values of a plane by its encoding."""


@dataclass(frozen=True)
class Shape:
    """Where the fields of a group of blobs lie.

    Parameters
    ----------
    template : bytes
        One blob of the group.
    record : Record
        Its fields; what is not in `places` holds for the whole group.
    places : dict of str to slice
        Bytes of each field that may differ within the group.
    fixed : ndarray of bool, shape (L,)
        Bytes that must agree.
    """

    template: bytes
    record: Record
    places: dict[str, slice]
    fixed: npt.NDArray[np.bool_]

    def matches(self, matrix: U1) -> npt.NDArray[np.bool_]:
        """Rows of a (B, L) byte matrix that have this shape, (B,)."""
        expected = np.frombuffer(self.template, np.uint8)[self.fixed]
        same: npt.NDArray[np.bool_] = (matrix[:, self.fixed] == expected).all(axis=1)
        return same

    def dtype(self, name: str) -> str:
        """Type of the numbers of a field."""
        plane = getattr(self.record, name, None) if name not in _NUMBERS else None
        return _NUMBERS[name] if plane is None else _CODES[plane.encoding]

    def column(self, matrix: U1, name: str) -> npt.NDArray[Any]:
        """Field `name` of all rows as numbers, shape (B, items)."""
        part = np.ascontiguousarray(matrix[:, self.places[name]])
        return part.view(self.dtype(name)).reshape(len(matrix), -1)

    def filled(self, count: int, values: Mapping[str, npt.NDArray[Any]]) -> U1:
        """Blobs of this shape with other numbers, shape (count, L); they are not checked.

        Parameters
        ----------
        count : int
            Number of blobs.
        values : mapping of str to ndarray, shape (count, ...)
            Numbers of the fields that differ; the others hold the template's, and what this shape
            has no place for is left out.
        """
        matrix = np.tile(np.frombuffer(self.template, np.uint8), (count, 1))
        for name, numbers in values.items():
            if name in self.places:
                with np.errstate(over="ignore", invalid="ignore"):
                    plain = np.ascontiguousarray(numbers, dtype=self.dtype(name))
                matrix[:, self.places[name]] = plain.reshape(count, -1).view(np.uint8)
        return matrix

    def encoded(self, matrix: U1, plane: str) -> Encoded | None:
        """One plane of all rows; None where these stamps have none."""
        record, n = self.record, self.record.levels
        first = np.arange(len(matrix), dtype=np.int64) * matrix.shape[1]
        place = self.places.get(plane)
        starts = np.full_like(first, -1) if place is None else first + place.start
        data = matrix.reshape(-1)

        def terms(*names: str) -> npt.NDArray[np.float64]:
            return np.stack([self.column(matrix, name) for name in names], dtype=np.float64)

        if plane == "image":
            steps = terms("zero", "scale") if "scale" in self.places else None
            return Encoded(record.image.encoding, n, data, starts, steps)
        if plane == "variance" and (spread := record.variance) is not None:
            unit = terms("unit") if spread.encoding == "log8" else None
            return Encoded(spread.encoding, n, data, starts, unit)
        if plane == "mask" and record.mask is not None:
            return Encoded(record.mask.encoding, n, data, starts)
        if plane == "psf" and record.psf is not None:
            return Encoded(record.psf.encoding, record.psf.size, data, starts)
        return None


def shape_of(blob: bytes) -> Shape | None:
    """Shape of a blob; None when it is not written in the one canonical form [EC-8].

    Raises
    ------
    FormatError
        If the blob does not parse.
    """
    shape = shape_of_record(read_blob(blob))
    return shape if shape.template == blob else None


def shape_of_record(record: Record) -> Shape:
    """Shape of a record's blob."""
    blob, places = write_blob(record), _places(record)
    fixed = np.ones(len(blob), dtype=np.bool_)
    for place in places.values():
        fixed[place] = False
    return Shape(blob, record, places, fixed)


def _places(record: Record) -> dict[str, slice]:
    """Walk the canonical form of [CO-1], noting the bytes whose values may differ."""
    at = len(HEADER) + len(write_long(record.version)) + len(write_long(record.levels))
    places: dict[str, slice] = {}

    def skip(count: int) -> None:
        nonlocal at
        at += count

    def mark(name: str, count: int) -> None:
        nonlocal at
        places[name] = slice(at, at + count)
        at += count

    def text(value: str) -> None:
        skip(len(write_long(len(value))) + len(value))

    def floats(name: str, values: tuple[float, ...]) -> None:
        if values:
            skip(len(write_long(len(values))))
            mark(name, 4 * len(values))
        skip(1)

    def data(name: str, value: bytes) -> None:
        skip(len(write_long(len(value))))
        mark(name, len(value))

    skip(1)
    if record.id is not None:
        skip(len(write_long(len(record.id))))
        mark("id", len(record.id))
    skip(1)
    if record.band is not None:
        text(record.band)
    text(record.flux_unit)
    mark("dx", 4)
    mark("dy", 4)
    skip(1)
    if record.wcs is not None:
        mark("ra", 8)
        mark("dec", 8)
        mark("cd", 16)
    text(record.image.encoding)
    floats("zero", record.image.zero)
    floats("scale", record.image.scale)
    data("image", record.image.data)
    skip(1)
    if record.variance is not None:
        text(record.variance.encoding)
        mark("unit", 4)
        data("variance", record.variance.data)
    skip(1)
    if record.mask is not None:
        text(record.mask.encoding)
        skip(len(write_long(len(record.mask.planes))))
        for name in record.mask.planes:
            text(name)
        skip(1)
        data("mask", record.mask.data)
    skip(1)
    if record.psf is not None:
        text(record.psf.encoding)
        skip(len(write_long(record.psf.size)))
        data("psf", record.psf.data)
    return {name: place for name, place in places.items() if place.stop > place.start}
