"""Classes of alerts: the network applied to whatever holds their stamps."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ..batch import StampBatch
from ..errors import InputError
from ..hosts.seeing import seeing_of, seeing_of_stamps
from ..inference.pixels import each_of, pixels_of
from ..stamp import Stamp
from ..surveys import Measured
from .fields import FieldHead, features
from .inputs import IMAGES
from .load import load_classifier, load_head, weights_path
from .table import CLASSES, ClassTable

__all__ = ["MOST_LEVELS", "predict"]

MOST_LEVELS: Final = 5
"""Levels the weights were trained for; wider ones are left out."""

_PLACE: Final = IMAGES.index("difference")
"""The image whose place and identifier count."""


@dataclass(frozen=True)
class _Inputs:
    """Alerts of any number of levels, the rest of each missing."""

    levels: NDArray[np.float32]
    n: NDArray[np.int64]
    dx: NDArray[np.float32]
    dy: NDArray[np.float32]
    cd: NDArray[np.float64]
    seeing: NDArray[np.float32]
    ids: tuple[str | None, ...]


def predict(
    stamps: Sequence[Mapping[str, Stamp]] | Mapping[str, StampBatch],
    *,
    weights: str | os.PathLike[str] | None = None,
    average: bool = False,
    shares: Mapping[str, float] | None = None,
    pixel: float | Sequence[float | None] | None = None,
    seeing: float | Sequence[float | None] | None = None,
    fields: Sequence[Measured | None] | None = None,
) -> ClassTable:
    """Classify alerts.

    The weights were trained on simulated alerts and on real ones of ZTF; see
    ``docs/classify.md``. Nothing but the images, the pixel and the seeing is looked at, unless
    `fields` are given.

    Parameters
    ----------
    stamps : sequence of mappings, or mapping of StampBatch
        The stamps of each alert by the names ``science``, ``template`` and ``difference``; or
        three batches by these names, whose rows belong together. Any numbers of levels, of
        which the first five are used; missing values are accepted.
    weights : path-like, optional
        ONNX file with its calibration beside it; by default those that come with hstamp.
    average : bool
        Average over the eight rotations and flips: eight times slower, a little better.
    shares : mapping of str to float, optional
        Share of each class that is expected; equal ones when not given.
    pixel : float or sequence of float, optional
        Side of a base pixel [arcsec] of stamps without a WCS, for all or for each.
    seeing : float or sequence of float, optional
        Full width at half maximum of the science image's PSF [arcsec]; by default that of the
        PSF in its stamp, where there is one.
    fields : sequence of Measured, optional
        What the packet of each alert says, from ``measured`` of its survey; None where nothing is
        known. They count for alerts of the survey that their weights were trained on, ZTF.

    Returns
    -------
    ClassTable
        Row b belongs to alert b.

    Raises
    ------
    InputError
        If an alert lacks an image, or a parameter is not as said above.
    MissingExtraError
        Without onnxruntime.
    """
    path = weights_path(weights)
    classifier, head = load_classifier(path), None if fields is None else load_head(path)
    inputs = _of_batches(stamps) if isinstance(stamps, Mapping) else _of_alerts(stamps)
    count = len(inputs.n)
    scale = pixels_of(inputs.cd, pixel).astype(np.float32)
    width = each_of(seeing, count, "widths of the seeing", "alerts").astype(np.float32)
    width = np.where(np.isnan(width), inputs.seeing * scale, width)
    found = np.full((count, len(CLASSES)), np.nan)
    for n in np.unique(inputs.n):
        rows = np.flatnonzero(inputs.n == n)
        levels = inputs.levels[rows, :, :n]
        seen = np.isfinite(levels[:, _PLACE]).any(axis=(1, 2, 3))
        rows, levels = rows[seen], levels[seen]
        if rows.size:
            found[rows] = classifier.classify(
                levels, inputs.dx[rows], inputs.dy[rows], scale[rows], width[rows], average
            )
    if fields is not None and head is not None:
        found = _told(found, head, fields)
    table = ClassTable(inputs.ids, inputs.n, found)
    return table if shares is None else table.expecting(shares)


def _told(
    found: NDArray[np.float64], head: FieldHead, fields: Sequence[Measured | None]
) -> NDArray[np.float64]:
    """Probabilities with what the packets of the head's survey say."""
    if len(fields) != len(found):
        raise InputError(f"fields of {len(fields)} alerts are given for {len(found)} alerts")
    nothing = Measured("")
    told = [
        one if isinstance(one, Measured) and one.survey == head.survey else nothing
        for one in fields
    ]
    added = head.logits(features(told))
    more = found * np.exp(added - added.max(axis=1, keepdims=True))
    return np.asarray(more / more.sum(axis=1, keepdims=True))


def _of_alerts(alerts: Sequence[Mapping[str, Stamp]]) -> _Inputs:
    for number, alert in enumerate(alerts):
        for image in IMAGES:
            if not isinstance(alert, Mapping) or not isinstance(alert.get(image), Stamp):
                raise InputError(f"alert {number}: no stamp of its {image} image")
    count = len(alerts)
    numbers = [[min(alert[image].n, MOST_LEVELS) for image in IMAGES] for alert in alerts]
    n = np.array([min(row) for row in numbers], dtype=np.int64)
    levels = np.full((count, 3, int(n.max(initial=2)), 15, 15), np.nan, dtype=np.float32)
    cd = np.full((count, 2, 2), np.nan)
    for b, alert in enumerate(alerts):
        for i, image in enumerate(IMAGES):
            levels[b, i, : n[b]] = alert[image].levels[: n[b]]
        wcs = next((alert[image].wcs for image in IMAGES if alert[image].wcs is not None), None)
        if wcs is not None:
            cd[b] = wcs.cd
    place = [alert[IMAGES[_PLACE]] for alert in alerts]
    return _Inputs(
        levels,
        n,
        np.array([stamp.dx for stamp in place], dtype=np.float32),
        np.array([stamp.dy for stamp in place], dtype=np.float32),
        cd,
        seeing_of_stamps([alert["science"] for alert in alerts]),
        tuple(stamp.id for stamp in place),
    )


def _of_batches(batches: Mapping[str, StampBatch]) -> _Inputs:
    found = []
    for image in IMAGES:
        batch = batches.get(image)
        if not isinstance(batch, StampBatch) or batch.levels is None:
            raise InputError(f"no batch of the {image} images with their image plane")
        found.append(batch)
    if len({len(batch) for batch in found}) != 1:
        raise InputError("the batches of the three images differ in length")
    n = np.minimum(np.min([batch.n for batch in found], axis=0), MOST_LEVELS).astype(np.int64)
    most = int(n.max(initial=2))
    levels = np.stack([batch.levels[:, :most] for batch in found if batch.levels is not None], 1)
    place = found[_PLACE]
    seeing = seeing_of(batches["science"].psf, len(n))
    cd = place.cd.astype(np.float64)
    return _Inputs(levels, n, place.dx, place.dy, cd, seeing, place.ids)
