"""Stored answers of networks, as tables compare them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from reference_model.classes import scores
from reference_model.classes.config import STRATA
from reference_model.classes.study import Study, crossed
from reference_model.evaluation.bootstrap import Estimate

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Statistic = Callable[[Floats], Floats]

NAMES = {
    "hstamp2": "n=2", "hstamp3": "n=3", "hstamp4": "n=4", "hstamp5": "n=5",
    "window63": "all pixels, 63x63", "window120": "all pixels, 120x120",
    "window240": "all pixels, 240x240",
    "multiscale4x8": "4x8x8 of Reyes-Jainaga et al.", "stamp30": "today's 30x30",
    "hstamp3x8": "n=3, mean over turns", "window63x8": "63x63, mean over turns",
}  # fmt: skip
#: Seeds that are looked for.
SEEDS = range(1, 10)


@dataclass(frozen=True)
class Answers:
    """Answers of one input, of one or several seeds.

    Attributes
    ----------
    label, group : ndarray, shape (N,)
    chance : ndarray, shape (S, N, 5)
        Calibrated probabilities: on other folds, or on the validation split.
    seeds : tuple of int
    untuned : ndarray of int, shape (S, N), optional
        Answers to real alerts of the networks that saw simulated alerts only.
    """

    label: Ints
    group: Ints
    chance: Floats
    seeds: tuple[int, ...]
    untuned: Ints | None = None

    @property
    def answer(self) -> Ints:
        """Most probable classes, shape (S, N)."""
        return np.asarray(self.chance.argmax(axis=2))

    def some(self, count: int) -> Answers:
        """The first seeds."""
        untuned = None if self.untuned is None else self.untuned[:count]
        return replace(self, chance=self.chance[:count], seeds=self.seeds[:count], untuned=untuned)

    def together(self) -> Answers:
        """One classifier: the mean probability of all seeds."""
        return replace(self, chance=self.chance.mean(axis=0, keepdims=True), untuned=None)

    def score(self, statistic: Statistic) -> Estimate:
        """A statistic of the confusion, mean over the seeds."""
        return scores.estimate(statistic, self.label, self.answer, self.group)

    def minus(self, other: Answers, statistic: Statistic = scores.macro_f1) -> Estimate:
        """What it has more of a statistic than another, over the seeds that both have."""
        count = min(len(self.seeds), len(other.seeds))
        pair = self.answer[:count], other.answer[:count]
        return scores.difference(statistic, self.label, *pair, self.group)

    def loss(self) -> float:
        """Mean negative logarithm of the true class's probability, classes weighted equally."""
        weight = scores.balance(self.label)
        true = self.chance[:, np.arange(self.label.size), self.label]
        return float(-(weight * np.log(np.maximum(true, 1e-12))).mean(axis=0).sum() / weight.sum())


def read_real(study: Study, name: str, by: str = "real") -> Answers | None:
    """Stored answers to real alerts; None where there are none.

    `by` is 'real' for folds by object and 'night' for folds by night.
    """
    chance, untuned, seeds, stored = [], [], [], None
    for seed in SEEDS:
        path = study.answers(f"{by}-{name}-seed{seed}")
        if path.exists():
            stored = np.load(path, allow_pickle=False)
            label = stored["label"].astype(np.int64)
            chance.append(crossed(stored["tuned"], label, stored["fold"]))
            untuned.append(stored["simulated"].argmax(axis=1))
            seeds.append(seed)
    if stored is None:
        return None
    return Answers(label, stored["group"], np.stack(chance), tuple(seeds), np.stack(untuned))


def read_test(study: Study, where: str, name: str, stratum: str) -> Answers | None:
    """Stored answers to simulated alerts of a stratum; None where there are none."""
    chance, seeds, found = [], [], None
    for seed in SEEDS:
        path = study.answers(f"test-{where}-{name}-seed{seed}")
        if path.exists():
            found = np.load(path, allow_pickle=False)
            warmth = scores.temperature(
                found["validation_logits"], found["validation_label"].astype(np.int64)
            )
            inside = found["test_stratum"] == STRATA.index(stratum)
            if not inside.any():
                return None
            chance.append(scores.softmax(found["test_logits"][inside], warmth))
            seeds.append(seed)
    if found is None:
        return None
    label = found["test_label"][inside].astype(np.int64)
    return Answers(label, found["test_group"][inside], np.stack(chance), tuple(seeds))


def all_real(study: Study, by: str = "real") -> dict[str, Answers]:
    """Every input's answers to real alerts."""
    return {name: one for name in NAMES if (one := read_real(study, name, by)) is not None}


def all_tests(study: Study, where: str, stratum: str) -> dict[str, Answers]:
    """Every input's answers to simulated alerts of a stratum."""
    found = {name: read_test(study, where, name, stratum) for name in NAMES}
    return {name: one for name, one in found.items() if one is not None}


def widest(known: Mapping[str, Answers]) -> str | None:
    """The largest window among the inputs."""
    return next((n for n in ("window240", "window120", "window63") if n in known), None)
