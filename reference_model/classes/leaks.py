"""What must tell nothing about the class: missing pixels, clipped shapes, the source's position.

A linear classifier is shown nothing but these, of alerts as networks are trained on them; it has
to be at chance in scenes that it has not seen.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from hstamp.classify import CLASSES
from reference_model.classes.augment import hidden
from reference_model.classes.dataset import Alerts
from reference_model.classes.kinds import Shown, show
from reference_model.network.inputs import hierarchical

Floats = NDArray[np.float64]

#: Ridge of the linear classifier.
RIDGE = 1.0


def mask_features(shown: Shown) -> Floats:
    """Which pixels are missing, in blocks of three by three, and how many in each image."""
    gone = ~np.isfinite(shown.values)
    b, images, g, s, _ = gone.shape
    blocks = gone.reshape(b, images, g, s // 3, 3, s // 3, 3).mean(axis=(4, 6))
    return np.concatenate([blocks.reshape(b, -1), gone.mean(axis=(3, 4)).reshape(b, -1)], axis=1)


def place_features(alerts: Alerts, index: NDArray[np.int64]) -> Floats:
    """Where the source lies between pixels, with squares and products."""
    x, y = alerts.dx[index].astype(float), alerts.dy[index].astype(float)
    return np.stack([x, y, x * x, y * y, x * y, np.abs(x), np.abs(y)], axis=1)


def accuracy(features: Floats, labels: NDArray[np.int64], seen: NDArray[np.bool_]) -> float:
    """Mean recall of a linear classifier fitted to some alerts, of the others; chance is 0.2."""
    design = np.concatenate([features, np.ones((len(features), 1))], axis=1)
    target = np.eye(len(CLASSES))[labels]
    share = np.bincount(labels[seen], minlength=len(CLASSES))
    weight = 1.0 / np.maximum(share, 1)[labels[seen]]
    rows = design[seen] * weight[:, None]
    square = rows.T @ design[seen] + RIDGE * weight.mean() * np.eye(design.shape[1])
    found = np.linalg.solve(square, rows.T @ (target[seen] - 1.0 / len(CLASSES)))
    answer = (design[~seen] @ found).argmax(axis=1)
    true = labels[~seen]
    return float(np.mean([(answer[true == c] == c).mean() for c in np.unique(true)]))


def with_random_places(alerts: Alerts, seed: int = 0) -> Alerts:
    """Alerts whose source is said to lie anywhere in its pixel."""
    rng = np.random.default_rng(seed)
    dx, dy = rng.uniform(-0.5, 0.5, (2, len(alerts))).astype(np.float32)
    return replace(alerts, dx=dx, dy=dy)


def leaks(alerts: Alerts, rounds: int = 3, seed: int = 0) -> dict[str, float]:
    """Mean recalls of classifiers that see nothing but masks, or positions.

    Parameters
    ----------
    alerts : Alerts
        Simulated ones; half of their scenes are learnt from.
    rounds : int
        Augmentations of each alert.
    seed : int
    """
    rng = np.random.default_rng(seed)
    scenes = np.unique(alerts.groups)
    index = np.tile(np.arange(len(alerts)), rounds)
    labels = alerts.rows["label"][index].astype(np.int64)
    seen = np.isin(alerts.groups[index], scenes[::2])
    if scenes.size < 2:
        seen = rng.uniform(size=index.size) < 0.5
    parts = np.array_split(index, max(1, index.size // 256))
    masks = [mask_features(hidden(show(hierarchical(5), alerts, part), rng)) for part in parts]
    return {
        "mask": accuracy(np.concatenate(masks), labels, seen),
        "position": accuracy(place_features(alerts, index), labels, seen),
    }
