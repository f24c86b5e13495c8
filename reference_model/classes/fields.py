"""The optional head that takes packet fields: its training, and what each field alone tells.

It adds to the network's answer and is trained on real alerts only, with the answers of networks
that had not seen them. Its effect is told for folds by object and for folds by night: alerts of a
night share their place on the sky, and come from one collection with classes of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from hstamp.classify import CLASSES
from hstamp.classify.fields import FIELDS, FieldHead
from reference_model.classes.scores import balance, softmax, temperature

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

#: Strengths of the penalty on the weights; which one is chosen on inner folds.
PENALTIES = (0.003, 0.01, 0.03, 0.1, 0.3)
#: What is tried alone: a name and the columns of `FIELDS` that it takes.
ALONE = {
    "signal-to-noise": ("snr",), "sign of the difference": ("sign",), "magnitude": ("magnitude",),
    "galactic latitude": ("galactic",), "ecliptic latitude": ("ecliptic",),
    "filter": ("g", "r", "i"), "all of them": FIELDS,
}  # fmt: skip


@dataclass(frozen=True)
class Told:
    """Alerts with what their packets say.

    Attributes
    ----------
    numbers : ndarray, shape (N, 9)
        `hstamp.classify.fields.features`.
    label : ndarray of int, shape (N,)
    logits : ndarray, shape (N, 5)
        Of the images, by networks that had not seen the alert; zeros for none.
    """

    numbers: Floats
    label: Ints
    logits: Floats

    def some(self, which: NDArray[np.bool_]) -> Told:
        """Some of the alerts."""
        return Told(self.numbers[which], self.label[which], self.logits[which])


def fit(told: Told, penalty: float, columns: tuple[str, ...] = FIELDS) -> FieldHead:
    """Head of greatest likelihood for equally frequent classes, with a penalty on its weights.

    Parameters
    ----------
    told : Told
        With logits of the temperature at which they are used.
    penalty : float
        Half of it times the sum of squared weights adds to the mean loss.
    columns : tuple of str
        Columns that have weights, beside the last.
    """
    weight = balance(told.label)
    weight /= weight.sum()
    known = np.isfinite(told.numbers)
    share = known * weight[:, None]
    total = np.maximum(share.sum(axis=0), 1e-12)
    clean = np.nan_to_num(told.numbers)
    middle = (share * clean).sum(axis=0) / total
    scale = np.sqrt((share * (clean - middle) ** 2).sum(axis=0) / total)
    # What never varies is no field but the middle of the answer.
    middle, scale = np.where(scale > 1e-6, [middle, scale], [[0.0], [1.0]])
    design = np.where(known, (clean - middle) / scale, 0.0)
    used = np.array([name in (*columns, "said") for name in FIELDS])
    one = np.eye(len(CLASSES))[told.label]
    shape = (int(used.sum()), len(CLASSES))

    def loss(flat: Floats) -> tuple[float, Floats]:
        weights = flat.reshape(shape)
        chance = softmax(told.logits + design[:, used] @ weights)
        value = -(weight * np.log(np.maximum((chance * one).sum(axis=1), 1e-12))).sum()
        slope = design[:, used].T @ (weight[:, None] * (chance - one)) + penalty * weights
        return float(value + 0.5 * penalty * (flat**2).sum()), slope.ravel()

    found = minimize(loss, np.zeros(shape[0] * shape[1]), jac=True, method="L-BFGS-B")
    weights = np.zeros((len(FIELDS), len(CLASSES)))
    weights[used] = found.x.reshape(shape)
    return FieldHead("ZTF", middle, scale, weights)


def crossed(
    told: Told, fold: Ints, columns: tuple[str, ...] = FIELDS
) -> tuple[Floats, list[float]]:
    """Probabilities of alerts whose fold the head had not seen, and the penalties chosen.

    The penalty and the temperature of the images' answer come from the other folds.
    """
    out, chosen = np.empty(told.logits.shape), []
    for number in np.unique(fold):
        held = fold == number
        warm = _warm(told, held)
        penalty = choose(warm.some(~held), fold[~held], columns)
        head = fit(warm.some(~held), penalty, columns)
        out[held] = softmax(warm.logits[held] + head.logits(told.numbers[held]))
        chosen.append(penalty)
    return out, chosen


def choose(told: Told, fold: Ints, columns: tuple[str, ...] = FIELDS) -> float:
    """The penalty of least loss in folds that the head had not seen."""
    return float(min(PENALTIES, key=partial(_loss_of, told, fold, columns)))


def _loss_of(told: Told, fold: Ints, columns: tuple[str, ...], penalty: float) -> float:
    weight, total = balance(told.label), 0.0
    for number in np.unique(fold):
        held = fold == number
        head = fit(told.some(~held), penalty, columns)
        chance = softmax(told.logits[held] + head.logits(told.numbers[held]))
        row = chance[np.arange(int(held.sum())), told.label[held]]
        total -= float((weight[held] * np.log(np.maximum(row, 1e-12))).sum())
    return total


def _warm(told: Told, held: NDArray[np.bool_]) -> Told:
    if not told.logits.any():
        return told
    warmth = temperature(told.logits[~held], told.label[~held])
    return Told(told.numbers, told.label, told.logits / warmth)
