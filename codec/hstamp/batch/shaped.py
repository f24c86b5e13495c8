"""Decode blobs by numpy: those of one shape as the columns of a byte matrix."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ..errors import FormatError
from ..fast import kernels
from ..fast.protocol import PLANES
from ..planes import Wcs
from ..stamp import Stamp
from .arrays import Group
from .checks import checked
from .columns import Shape, shape_of

__all__ = ["NUMPY_COST", "grouped", "one_by_one"]

NUMPY_COST: Final = 2e-5
"""What a plane of one stamp takes without compiled kernels [s]."""
_FEW: Final = 4
"""Below this many blobs, looking for a common shape costs more than it saves."""


def grouped(blobs: Sequence[bytes], planes: set[str]) -> tuple[list[Group], dict[int, FormatError]]:
    """Decode blobs in groups of one shape, and tell which are not valid."""
    by_length: dict[int, list[int]] = {}
    for i, blob in enumerate(blobs):
        by_length.setdefault(len(blob), []).append(i)
    groups: list[Group] = []
    rejected: dict[int, FormatError] = {}
    for length, members in by_length.items():
        rows = np.array(members, dtype=np.intp)
        while len(rows):
            shape = _shape_or_none(blobs[rows[0]]) if len(rows) >= _FEW else None
            if shape is None:
                one_by_one(blobs.__getitem__, rows[:1], planes, groups, rejected)
                rows = rows[1:]
                continue
            joined = b"".join(
                blobs if len(rows) == len(blobs) else [blobs[i] for i in rows.tolist()]
            )
            matrix = np.frombuffer(joined, np.uint8).reshape(len(rows), length)
            same = shape.matches(matrix)
            alike = matrix if same.all() else matrix[same]
            group, good = _decoded(shape, alike, rows[same], planes)
            if group is not None:
                groups.append(group)
            one_by_one(blobs.__getitem__, rows[same][~good], planes, groups, rejected)
            rows = rows[~same]
    return groups, rejected


def _shape_or_none(blob: bytes) -> Shape | None:
    try:
        return shape_of(blob)
    except FormatError:
        return None


def one_by_one(
    blob: Callable[[int], bytes],
    rows: npt.NDArray[np.intp],
    planes: set[str],
    groups: list[Group],
    rejected: dict[int, FormatError],
) -> None:
    """Decode blobs one by one; `blob` gives the one of a row."""
    for i in rows.tolist():
        try:
            stamp = Stamp.from_bytes(blob(i))
        except FormatError as error:
            rejected[i] = error
            continue
        groups.append(_single(stamp, i, planes))


def _single(stamp: Stamp, row: int, planes: set[str]) -> Group:
    record = stamp.record
    arrays = {
        "dx": np.array([record.dx]),
        "dy": np.array([record.dy]),
        **_wcs_arrays(record.wcs),
    }
    if record.image.encoding == "i2":
        arrays |= {"zero": np.array([record.image.zero]), "scale": np.array([record.image.scale])}
    if (spread := record.variance) is not None:
        arrays["unit"] = np.array([spread.unit if spread.encoding == "log8" else 0.0])
    if record.psf is not None:
        arrays["psf_size"] = np.array([record.psf.size])
    for name, value in (
        ("image", stamp.levels if "image" in planes else None),
        ("variance", stamp.variance if "variance" in planes else None),
        ("mask", stamp.mask if "mask" in planes else None),
        ("psf", stamp.psf if "psf" in planes else None),
    ):
        if value is not None:
            arrays[name] = value[None]
    names = stamp.mask_planes
    return Group(
        np.array([row]), stamp.n, arrays, [record.id], [record.band], [names], [record.flux_unit]
    )


def _wcs_arrays(wcs: Wcs | None) -> dict[str, npt.NDArray[Any]]:
    if wcs is None:
        return {}
    return {
        "ra": np.array([wcs.ra]),
        "dec": np.array([wcs.dec]),
        "cd": np.array([[wcs.cd1_1, wcs.cd1_2, wcs.cd2_1, wcs.cd2_2]]),
    }


def _decoded(
    shape: Shape, matrix: npt.NDArray[np.uint8], rows: npt.NDArray[np.intp], planes: set[str]
) -> tuple[Group | None, npt.NDArray[np.bool_]]:
    """Decode rows of one shape; rows that fail a check are left to the one-by-one path."""
    good = checked(shape, matrix)
    if not good.any():
        return None, good
    matrix, record = matrix[good], shape.record
    count = len(matrix)
    mask_names = () if record.mask is None else record.mask.planes
    group = Group(
        rows[good], record.levels, bands=[record.band] * count, names=[mask_names] * count,
        units=[record.flux_unit] * count,
    )  # fmt: skip
    for name in ("dx", "dy", "ra", "dec", "cd"):
        if name in shape.places:
            column = shape.column(matrix, name)
            group.arrays[name] = column if name == "cd" else column[:, 0]
    if "scale" in shape.places:
        for name in ("zero", "scale"):
            group.arrays[name] = shape.column(matrix, name)
    if (spread := record.variance) is not None:
        units = shape.column(matrix, "unit")[:, 0]
        group.arrays["unit"] = units if spread.encoding == "log8" else np.zeros_like(units)
    if record.psf is not None:
        group.arrays["psf_size"] = np.full(count, record.psf.size)
    wanted = [name for name in PLANES if name in planes]
    work = kernels(NUMPY_COST * len(matrix) * len(wanted))
    for name in wanted:
        if (encoded := shape.encoded(matrix, name)) is not None:
            group.arrays[name] = work.decode(name, encoded)
    if "id" in shape.places:
        texts = shape.column(matrix, "id")
        joined, width = texts.tobytes().decode("ascii"), texts.shape[1]
        group.ids = [joined[i : i + width] for i in range(0, len(joined), width)]
    else:
        group.ids = [record.id] * count
    return group, good
