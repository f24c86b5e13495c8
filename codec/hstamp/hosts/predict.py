"""Hosts of stamps: the network applied to whatever holds stamps."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from ..batch import StampBatch, decode_many
from ..errors import InputError
from ..inference.pixels import pixels_of
from ..stamp import Stamp
from .background import noise_of, sky_of
from .load import load_finder, weights_path
from .mixture import MAX_CANDIDATES
from .runtime import Conditions, priors_of
from .seeing import seeing_of, seeing_of_stamps
from .table import HostTable, Positions, no_positions, positions_of

__all__ = ["MOST_LEVELS", "Sky", "predict"]

MOST_LEVELS: Final = 6
"""Levels the weights were trained for; wider ones are left out."""

Sky = Literal["auto", "subtract", "keep"]
_CALIBRATED: Final = "nJy"
"""Unit of LSST images, whose background is subtracted before alerts are made."""


@dataclass(frozen=True)
class _Inputs:
    """Stamps of any number of levels, the rest of each missing."""

    levels: NDArray[np.float32]
    variance: NDArray[np.float32] | None
    n: NDArray[np.int64]
    dx: NDArray[np.float32]
    dy: NDArray[np.float32]
    ra: NDArray[np.float64]
    dec: NDArray[np.float64]
    cd: NDArray[np.float64]
    seeing: NDArray[np.float32]
    sky: NDArray[np.bool_]
    ids: tuple[str | None, ...]


def predict(
    stamps: Sequence[Stamp] | Sequence[bytes] | StampBatch,
    *,
    weights: str | os.PathLike[str] | None = None,
    sky: Sky = "auto",
    average: bool = False,
    nearby: float | Sequence[float] | NDArray[np.float64] | None = None,
    pixel: float | Sequence[float | None] | None = None,
) -> HostTable:
    """Find the host galaxies of transients.

    The weights were trained on a simulated sky; see ``docs/reference_model.md``.

    Parameters
    ----------
    stamps : sequence of Stamp, sequence of bytes, or StampBatch
        Template or science stamps, of any numbers of levels; the first six are used. Missing
        values are accepted.
    weights : path-like, optional
        ONNX file with its calibration beside it; by default those that come with hstamp.
    sky : {'auto', 'subtract', 'keep'}
        What to do with the sky: subtract that of the widest level; keep the values, for
        images without sky; or subtract unless the flux unit is nJy. ``'auto'`` keeps the values
        of a `StampBatch`, which does not know its units.
    average : bool
        Average over the eight rotations and flips: eight times slower, a little better.
    nearby : float or array_like of float, shape (B,), optional
        Share of the transients that are expected to be nearby (z < 0.1), between 0 and 1; about
        one half, as in the training, when not given. In a whole alert stream it is near 0.01.
        Or the chance of each: `hstamp.hosts.nearby_of` gives it from magnitudes; NaN where
        nothing is known.
    pixel : float or sequence of float, optional
        Side of a base pixel [arcsec] of stamps without a WCS, for all or for each; 0.2 where
        nothing is said.

    Returns
    -------
    HostTable
        Row b belongs to stamp b.

    Raises
    ------
    FormatError
        If a blob is not valid.
    InputError
        If the weights are not found, or `nearby` is not between 0 and 1.
    MissingExtraError
        Without onnxruntime.
    """
    if sky not in ("auto", "subtract", "keep"):
        raise InputError(f"sky must be 'auto', 'subtract' or 'keep', not {sky!r}")
    finder = load_finder(weights_path(weights))
    if nearby is not None and not finder.takes_prior:
        raise InputError("these weights do not say how sizes tell nearby hosts from others")
    inputs = (
        _of_batch(stamps, sky)
        if isinstance(stamps, StampBatch)
        else _of_list(stamps, sky, finder.takes_seeing)
    )
    scales = pixels_of(inputs.cd, pixel)
    count = len(inputs.n)
    priors = priors_of(nearby, count)
    none = np.full(count, np.nan)
    found = no_positions(count, MAX_CANDIDATES)
    conditions = Conditions(
        scales.astype(np.float32),
        (inputs.seeing * scales).astype(np.float32),
        priors,
    )
    for n in np.unique(inputs.n):
        rows = np.flatnonzero(inputs.n == n)
        rows, levels, noise = _usable(inputs, rows, int(n))
        if not rows.size:
            continue
        result = finder.find(
            levels, inputs.dx[rows], inputs.dy[rows], noise, average, sky=conditions.rows(rows)
        )
        blur = np.eye(2, dtype=np.float32) * np.float32(finder.calibration.floor**2)
        result = replace(result, covariance=result.covariance + blur)
        none[rows] = result.none
        made = positions_of(
            result, inputs.ra[rows], inputs.dec[rows], inputs.cd[rows], scales[rows]
        )
        for field in fields(Positions):
            getattr(found, field.name)[rows] = getattr(made, field.name)
    return HostTable(inputs.ids, inputs.n, inputs.ra, inputs.dec, scales, none, found)


def _usable(
    inputs: _Inputs, rows: NDArray[np.intp], n: int
) -> tuple[NDArray[np.intp], NDArray[np.float32], NDArray[np.float32]]:
    """Stamps of n levels that show something, without their sky, and their noise."""
    levels = inputs.levels[rows, :n]
    variance = None if inputs.variance is None else inputs.variance[rows, :n]
    noise = noise_of(levels, variance)
    usable = (noise > 0) & (np.isfinite(levels).sum(axis=(1, 2, 3)) > 0)
    rows, levels, noise = rows[usable], levels[usable], noise[usable]
    dark = np.where(inputs.sky[rows], sky_of(levels), np.float32(0.0))
    return rows, levels - dark[:, None, None, None], noise


def _of_list(stamps: Sequence[Stamp] | Sequence[bytes], sky: Sky, psfs: bool) -> _Inputs:
    made: list[Stamp] = []
    if stamps and all(isinstance(stamp, bytes) for stamp in stamps) and sky != "auto":
        return _of_batch(decode_many([s for s in stamps if isinstance(s, bytes)]), sky)
    for stamp in stamps:
        if isinstance(stamp, Stamp):
            made.append(stamp)
        elif isinstance(stamp, bytes | bytearray | memoryview):
            made.append(Stamp.from_bytes(bytes(stamp)))
        else:
            raise InputError(f"predict takes stamps or blobs, not {type(stamp).__name__}")
    count, most = len(made), min(max((s.n for s in made), default=2), MOST_LEVELS)
    levels = np.full((count, most, 15, 15), np.nan, dtype=np.float32)
    variance = np.full_like(levels, np.nan)
    place = np.full((count, 2), np.nan)
    cd = np.full((count, 2, 2), np.nan)
    for b, one in enumerate(made):
        n = min(one.n, most)
        levels[b, :n] = one.levels[:n]
        if one.variance is not None:
            variance[b, :n] = one.variance[:n]
        if one.wcs is not None:
            place[b], cd[b] = (one.wcs.ra, one.wcs.dec), one.wcs.cd
    subtract = [sky == "subtract" or (sky == "auto" and s.flux_unit != _CALIBRATED) for s in made]
    return _Inputs(
        levels,
        variance,
        np.array([min(s.n, most) for s in made], dtype=np.int64),
        np.array([s.dx for s in made], dtype=np.float32),
        np.array([s.dy for s in made], dtype=np.float32),
        place[:, 0],
        place[:, 1],
        cd,
        seeing_of_stamps(made) if psfs else np.full(count, np.nan, dtype=np.float32),
        np.array(subtract, dtype=np.bool_),
        tuple(s.id for s in made),
    )


def _of_batch(batch: StampBatch, sky: Sky) -> _Inputs:
    if batch.levels is None:
        raise InputError("the batch was decoded without its image plane")
    return _Inputs(
        batch.levels[:, :MOST_LEVELS],
        None if batch.variance is None else batch.variance[:, :MOST_LEVELS],
        np.minimum(batch.n, MOST_LEVELS),
        batch.dx,
        batch.dy,
        batch.ra,
        batch.dec,
        batch.cd.astype(np.float64),
        seeing_of(batch.psf, len(batch)),
        np.full(len(batch), sky == "subtract"),
        batch.ids,
    )
