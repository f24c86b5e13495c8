"""Images that overlap, such as the patches of coadds: which of them a source is cut from.

Near the edge of one patch a wide stamp would be mostly missing, while a neighbour has all of it. So
of the images in one band that hold a source, the one whose edge is farthest from it is taken.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ..container.detect import Kind
from ..errors import HstampError, InputError
from ..tangent import parent_cds
from .image import FitsImage, Position
from .plan import Job, look_at
from .report import Report

__all__ = ["CATALOG", "Rows", "choose_images", "edge_distance"]

CATALOG: Final = "the catalogue"
"""What reports call the source of a row that no image is at fault for."""
Rows = Sequence[tuple[int, Position]]
"""Rows of a catalogue, each with its number."""

_SAME: Final = 1e-3
"""Distances closer than this are one [pixel]: the order must not hang on rounding of the WCS."""
_MARGIN: Final = 1.1
"""Factor on an image's radius on the sky, for distortions between the places looked at."""
_WIDE: Final = 20.0
"""Radius beyond which an image is tried with every position [deg]."""


def edge_distance(x: float, y: float, shape: tuple[int, int]) -> float:
    """Distance from a place to the nearest edge of an image [pixel]; negative outside.

    Parameters
    ----------
    x, y : float
        Place [pixel, 0-based, centres at integers].
    shape : (int, int)
        Rows and columns; the outer edges are at -1/2 and at the sizes less 1/2.
    """
    return min(x + 0.5, shape[1] - 0.5 - x, y + 0.5, shape[0] - 0.5 - y)


def choose_images(
    job: Job,
    inputs: Sequence[Path],
    report: Report,
    say: Callable[[str], None],
    failed: Callable[[Path, Exception], None],
) -> dict[Path, list[tuple[int, Position]]]:
    """Choose for each position and band the image whose edge is farthest, the first of equals.

    Images are opened one after the other, and of each the headers alone are read.

    Parameters
    ----------
    job : Job
        Its positions are on the sky.
    inputs : sequence of Path
        FITS images.
    report, say : Report, callable
        Told of rows that cannot be used or are in no image, each once, and of those that some
        bands lack.
    failed : callable
        Told of an image that cannot be used; the others go on.

    Returns
    -------
    dict
        For each image that is chosen, in the order of `inputs`, its rows in the catalogue's.

    Raises
    ------
    InputError
        If there is no position, or one that is not on the sky.
    """
    usable = [n for n, position in enumerate(job.positions) if position.problem is None]
    places = [(job.positions[n].ra, job.positions[n].dec) for n in usable]
    on_sky = [(ra, dec) for ra, dec in places if ra is not None and dec is not None]
    if not job.positions or len(on_sky) < len(places):
        raise InputError("a mosaic needs positions on the sky: columns ra and dec")
    sky = _directions([ra for ra, _ in on_sky], [dec for _, dec in on_sky])
    best: dict[str | None, dict[int, tuple[float, Path]]] = {}
    count = 0
    for path in inputs:
        try:
            kind, gzipped = look_at(path)
            if kind is not Kind.FITS:
                raise InputError("a mosaic is made of FITS images")
            with FitsImage(path, job.hdu, gzipped=gzipped) as image:
                found = _distances(image, job.positions, usable, sky)
                band = job.band or image.band
        except Exception as exc:  # whatever a library raised costs this image
            failed(path, exc)
            continue
        count += 1
        rows = best.setdefault(band, {})
        for n, distance in found.items():
            if n not in rows or distance > rows[n][0] + _SAME:
                rows[n] = distance, path
    if count:
        _tell(job.positions, best, count, report, say)
    chosen: dict[Path, list[tuple[int, Position]]] = {path: [] for path in inputs}
    for rows in best.values():
        for n in sorted(rows):
            chosen[rows[n][1]].append((n, job.positions[n]))
    return {path: taken for path, taken in chosen.items() if taken}


def _tell(
    positions: Sequence[Position],
    best: Mapping[str | None, Mapping[int, Any]],
    count: int,
    report: Report,
    say: Callable[[str], None],
) -> None:
    """Report what gets no stamp."""
    for n, position in enumerate(positions):
        lacking = [band for band, rows in best.items() if n not in rows]
        if position.problem is None and len(lacking) < len(best):
            for band in lacking:
                name = "without a band" if band is None else f"in band {band}"
                report.skipped[f"no image {name} at the position"] += 1
            continue
        images = "the image" if count == 1 else f"any of the {count} images"
        reason = position.problem or f"({position.ra}, {position.dec}) is not in {images}"
        record = n if len(positions) > 1 else None
        say(str(report.failed(CATALOG, InputError(reason), record)))


def _distances(
    image: FitsImage,
    positions: Sequence[Position],
    usable: Sequence[int],
    sky: npt.NDArray[np.float64],
) -> dict[int, float]:
    """Distances to the edge of those positions that an image holds [pixel]."""
    if image.wcs is None:
        raise InputError(image.wcs_fault or "the image has no WCS")
    found = {}
    for at in _near(image, sky):
        try:
            x, y = image.pixel(positions[usable[at]])
        except HstampError:
            continue
        found[usable[at]] = edge_distance(x, y, image.shape)
    return found


def _near(image: FitsImage, sky: npt.NDArray[np.float64]) -> npt.NDArray[np.intp]:
    """Numbers of the directions that may be in an image: those in a circle about its middle."""
    rows, columns = image.shape
    middle, right, top = ((columns - 1) / 2, (rows - 1) / 2), columns - 0.5, rows - 0.5
    xs = np.array([middle[0], *(x for x in (-0.5, middle[0], right) for _ in range(3))])
    ys = np.array([middle[1], *(-0.5, middle[1], top) * 3])
    try:
        planes = parent_cds(image.wcs, xs, ys)
    except HstampError:
        # A corner may lie off the sky in projections of all of it.
        return np.arange(len(sky))
    places = _directions([plane.ra for plane in planes], [plane.dec for plane in planes])
    # Chords, which unlike cosines are precise for small angles.
    radius = float(np.linalg.norm(places - places[0], axis=1).max())
    if radius > 2 * np.sin(np.radians(_WIDE) / 2):
        return np.arange(len(sky))
    pixel = float(np.radians(np.abs(planes[0].cd).max()))
    near = np.linalg.norm(sky - places[0], axis=1) <= _MARGIN * radius + pixel
    return np.flatnonzero(near)


def _directions(ra: Sequence[float], dec: Sequence[float]) -> npt.NDArray[np.float64]:
    """Unit vectors of shape (N, 3) of directions on the sky [deg]."""
    a, d = np.radians(np.asarray(ra, dtype=np.float64)), np.radians(np.asarray(dec, np.float64))
    return np.stack((np.cos(d) * np.cos(a), np.cos(d) * np.sin(a), np.sin(d)), axis=-1)
