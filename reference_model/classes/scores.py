"""Scores of a classifier, with intervals over objects (real) or scenes (simulated)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from hstamp.classify import CLASSES
from reference_model.evaluation.bootstrap import RESAMPLES, Estimate, counts, interval

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

COUNT = len(CLASSES)
#: Shares of the classes in a stream of alerts like ZTF's. An assumption, not a measurement:
#: no source states them; bogus alerts, asteroids and variable stars are the bulk, and about one
#: alert in a hundred is a supernova.
STREAM = {"AGN": 0.10, "SN": 0.01, "VS": 0.39, "asteroid": 0.20, "bogus": 0.30}
#: Bins of a reliability diagram.
BINS = np.array([0.0, 0.3, 0.5, 0.7, 0.9, 1.0001])


def softmax(logits: Floats, temperature: float = 1.0) -> Floats:
    """Probabilities of logits (B, 5)."""
    scaled = np.asarray(logits, dtype=np.float64) / temperature
    scaled = scaled - scaled.max(axis=1, keepdims=True)
    found = np.exp(scaled)
    return np.asarray(found / found.sum(axis=1, keepdims=True))


def balance(labels: Ints) -> Floats:
    """Weights that give every class the same sum."""
    share = np.bincount(labels, minlength=COUNT)
    return np.asarray(1.0 / np.maximum(share, 1)[labels])


def temperature(logits: Floats, labels: Ints) -> float:
    """The temperature of greatest likelihood for classes that are equally frequent."""
    weight = balance(labels)
    row = np.arange(labels.size)
    grid = np.exp(np.linspace(np.log(0.4), np.log(4.0), 47))
    loss = [
        -(weight * np.log(np.maximum(softmax(logits, t)[row, labels], 1e-12))).sum() for t in grid
    ]
    return float(round(grid[int(np.argmin(loss))], 3))


def expecting(probabilities: Floats, shares: Mapping[str, float]) -> Floats:
    """Probabilities for classes of other shares, by Bayes' rule, from those of equal classes."""
    found = probabilities * np.array([shares[name] for name in CLASSES])
    return np.asarray(found / found.sum(axis=1, keepdims=True))


def confusion(labels: Ints, answers: Ints, weight: Floats | None = None) -> Floats:
    """Weighted counts, rows true, columns answered, shape (5, 5)."""
    found = np.bincount(labels * COUNT + answers, weight, minlength=COUNT * COUNT)
    return np.asarray(found.reshape(COUNT, COUNT), dtype=np.float64)


def recalls(matrix: Floats) -> Floats:
    """Recall of each class of confusions (..., 5, 5)."""
    return np.asarray(_ratio(_diagonal(matrix), matrix.sum(axis=-1)))


def macro_f1(matrix: Floats) -> Floats:
    """Mean F1 over the classes of confusions (..., 5, 5)."""
    both = matrix.sum(axis=-1) + matrix.sum(axis=-2)
    return np.asarray(np.nanmean(_ratio(2.0 * _diagonal(matrix), both), axis=-1))


def balanced_f1(matrix: Floats) -> Floats:
    """Mean F1 after each true class has been given the same weight: a balanced test set."""
    return macro_f1(_ratio(matrix, matrix.sum(axis=-1, keepdims=True)))


def accuracy(matrix: Floats) -> Floats:
    """Mean recall: accuracy in a balanced test set."""
    return np.asarray(np.nanmean(recalls(matrix), axis=-1))


def purities(matrix: Floats, shares: Mapping[str, float]) -> Floats:
    """Purity of each answer in a stream where the classes have these shares."""
    share = np.array([shares[name] for name in CLASSES])
    stream = _ratio(matrix, matrix.sum(axis=-1, keepdims=True)) * share[:, None]
    return np.asarray(_ratio(_diagonal(stream), stream.sum(axis=-2)))


def _diagonal(matrix: Floats) -> Floats:
    return np.diagonal(matrix, axis1=-2, axis2=-1)


def _ratio(above: Floats, below: Floats) -> Floats:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(below > 0, above / below, np.nan)


def resampled(labels: Ints, answers: Ints, groups: Ints) -> Floats:
    """Confusions of every resample of whole groups, shape (R, 5, 5)."""
    _, number = np.unique(groups, return_inverse=True)
    each = np.zeros((int(number.max()) + 1, COUNT * COUNT))
    np.add.at(each, (number, labels * COUNT + answers), 1.0)
    drawn = counts(len(each), RESAMPLES)
    return np.asarray((drawn @ each).reshape(-1, COUNT, COUNT))


def estimate(
    statistic: Callable[[Floats], Floats], labels: Ints, answers: Ints, groups: Ints
) -> Estimate:
    """A statistic of the confusion with its interval; answers may be of several seeds, (S, N)."""
    rows = np.atleast_2d(answers)
    value = np.mean([statistic(confusion(labels, row)) for row in rows])
    spread = np.mean([statistic(resampled(labels, row, groups)) for row in rows], axis=0)
    return interval(float(value), spread, labels.size)


def difference(
    statistic: Callable[[Floats], Floats], labels: Ints, one: Ints, other: Ints, groups: Ints
) -> Estimate:
    """First minus second of two classifiers of the same alerts, resampled together."""
    pair = [np.atleast_2d(rows) for rows in (one, other)]
    value = [np.mean([statistic(confusion(labels, row)) for row in rows]) for rows in pair]
    spread = [
        np.mean([statistic(resampled(labels, row, groups)) for row in rows], axis=0)
        for rows in pair
    ]
    return interval(float(value[0] - value[1]), spread[0] - spread[1], labels.size)


def reliability(
    probabilities: Floats, labels: Ints, weight: Floats
) -> list[tuple[float, float, float]]:
    """For bins of the answer's probability: its mean, the share that is right, its weight."""
    answer = probabilities.argmax(axis=1)
    said = probabilities.max(axis=1)
    right = answer == labels
    out = []
    for low, high in pairwise(BINS):
        inside = (said >= low) & (said < high)
        total = float(weight[inside].sum())
        if total > 0:
            out.append((
                float((weight * said)[inside].sum() / total),
                float((weight * right)[inside].sum() / total), total / float(weight.sum()),
            ))  # fmt: skip
    return out


def calibration_error(probabilities: Floats, labels: Ints, weight: Floats) -> float:
    """Mean distance of said and right over the bins of `reliability`."""
    return float(
        sum(abs(said - right) * w for said, right, w in reliability(probabilities, labels, weight))
    )
