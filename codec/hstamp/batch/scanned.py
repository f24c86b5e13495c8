"""Decode blobs by compiled kernels, which read them where they lie, whatever their lengths."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ..errors import FormatError
from ..fast.protocol import PLANES, Found, Kernels
from ..layout import GRID
from .arrays import Group
from .blobs import Blobs
from .shaped import one_by_one

__all__ = ["scanned"]

_CHUNK: Final = 256
"""Blobs worked on at a time, so that their bytes stay in the cache."""
Array = npt.NDArray[Any]


class _Room:
    """Arrays for all blobs, filled with those that are of the form of the first.

    Parameters
    ----------
    found : Found
        Blobs of the form.
    count : int
        Number of all blobs.
    planes : set of str
        Planes to decode.
    """

    def __init__(self, found: Found, count: int, planes: set[str]) -> None:
        self._form = found.form()
        self._parts: list[Array] = []
        self._group = Group(np.zeros(0, np.intp), found.n, {}, [], [], [])
        self._planes: list[str] = [
            name for name in PLANES if name in planes and found.encoded(name)
        ]
        for name in self._planes:
            encoded = found.encoded(name)
            assert encoded is not None
            shape = (encoded.n,) * 2 if name == "psf" else (encoded.n, GRID, GRID)
            kind = np.uint16 if name == "mask" else np.float32
            self._group.arrays[name] = np.empty((count, *shape), kind)
        for name, column in found.columns().items():
            self._group.arrays[name] = np.empty((count, *column.shape[1:]), column.dtype)

    def takes(self, found: Found) -> bool:
        """Whether all of these blobs are valid and of the room's form."""
        return found.uniform() and found.form() == self._form

    def add(self, found: Found, rows: Array, work: Kernels) -> None:
        """Decode blobs of successive rows to their places."""
        arrays = self._group.arrays
        part = slice(int(rows[0]), int(rows[-1]) + 1)
        for name in self._planes:
            if (encoded := found.encoded(name)) is not None:
                work.decode(name, encoded, arrays[name][part])
        for name, column in found.columns().items():
            arrays[name][part] = column
        self._parts.append(rows)
        self._group.ids += found.texts("id")
        self._group.bands += found.texts("band")
        self._group.names += found.names()
        self._group.units += found.units()

    def group(self) -> Group:
        """What has been decoded."""
        group = self._group
        group.rows = np.concatenate(self._parts)
        for name, array in group.arrays.items():
            if len(group.rows) < len(array):
                group.arrays[name] = array[group.rows]
        return group


def scanned(
    blobs: Blobs, planes: set[str], work: Kernels
) -> tuple[list[Group], dict[int, FormatError]]:
    """Decode blobs in groups of one form, and tell which are not valid.

    Parameters
    ----------
    blobs : Blobs
        What to decode.
    planes : set of str
        Planes to decode.
    work : Kernels
        Compiled kernels.

    Returns
    -------
    groups : list of Group
    rejected : dict of int to FormatError
    """
    groups: list[Group] = []
    rejected: dict[int, FormatError] = {}
    room: _Room | None = None
    for first in range(0, len(blobs), _CHUNK):
        rows = np.arange(first, min(first + _CHUNK, len(blobs)), dtype=np.intp)
        found = work.scan(*blobs.part(first, first + len(rows)))
        assert found is not None
        if room is None and found.uniform():
            room = _Room(found, len(blobs), planes)
        if room is not None and room.takes(found):
            room.add(found, rows, work)
            continue
        for part, form in found.forms():
            groups.append(_group(form, rows[part], planes, work))
        one_by_one(blobs.one, rows[~found.decided], planes, groups, rejected)
    return ([] if room is None else [room.group()]) + groups, rejected


def _group(found: Found, rows: Array, planes: set[str], work: Kernels) -> Group:
    arrays = found.columns()
    for name in PLANES:
        if name in planes and (encoded := found.encoded(name)) is not None:
            arrays[name] = work.decode(name, encoded)
    return Group(
        rows, found.n, arrays, found.texts("id"), found.texts("band"), found.names(), found.units()
    )
