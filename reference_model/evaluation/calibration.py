"""Calibration of a trained network, on validation stamps told what alerts tell.

Noise is measured where the input has levels, seeing is known of every other stamp, and stamps of
two, three and five levels are among those of a network that takes any. Temperature and width are
those of greatest likelihood at even odds; regions are to hold what they say at even odds and at
the stream's, of LSST's templates and of looks of other surveys alike.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace

import numpy as np
import torch
from numpy.typing import NDArray

from hstamp.hosts.runtime import Calibration, mixture_of, prior_of
from reference_model.evaluation.regions import regions
from reference_model.evaluation.tables import STREAM
from reference_model.evaluation.told import measured_noise
from reference_model.network.inputs import InputKind, hierarchical
from reference_model.network.model import HostNet
from reference_model.training.arrays import Batch, Split
from reference_model.training.calibrate import fit, region_contents
from reference_model.training.loop import validation_batches

Floats = NDArray[np.float32]

#: Scatter (ln) of the noise that inputs without levels are told, about that of measured noise.
NOISE_SCATTER = 0.08
#: Of stamps of fewer levels, every so many batches are looked at.
EVERY = 3


@dataclass(frozen=True)
class Raw:
    """What a network says, before calibration, and the truth beside it.

    Attributes
    ----------
    logits, mean, scale, log_radius : ndarray
        As `reference_model.network.model.Proposals`, padded to the most proposals.
    host, present, nearby : ndarray
        As `reference_model.training.arrays.Batch`.
    """

    logits: Floats
    mean: Floats
    scale: Floats
    log_radius: Floats
    host: Floats
    present: NDArray[np.bool_]
    nearby: NDArray[np.bool_]


def told_batches(split: Split, kind: InputKind, any_levels: bool, seed: int = 0) -> Iterator[Batch]:
    """Validation stamps as alerts tell them."""
    rng = np.random.default_rng(seed)
    kinds = [kind, *([hierarchical(3), hierarchical(2)] if any_levels else [])]
    for one in kinds:
        for number, batch in enumerate(validation_batches(split, one)):
            if one != kind and number % EVERY:
                continue
            count = len(batch.values)
            noise = np.exp(NOISE_SCATTER * rng.standard_normal(count)).astype(np.float32)
            if one.hierarchical:
                noise = measured_noise(batch.values)
            unknown = np.arange(count) % 4 >= 2  # strata alternate, so that it is half of each
            yield replace(
                batch,
                values=batch.values / noise[:, None, None, None],
                seeing=np.where(unknown, np.float32(np.nan), batch.seeing),
            )


def ask(model: HostNet, batches: list[Batch], prior: float) -> Raw:
    """What a network says of batches at one prior."""
    found: list[list[Floats]] = []
    with torch.no_grad():
        for part in batches:
            odds = np.full(len(part.values), prior, np.float32)
            told = (part.values, part.first, part.step, part.scale, part.seeing, odds)
            found.append([o.numpy() for o in model(*(torch.from_numpy(a) for a in told))])
    most = max(logits.shape[1] for logits, *_ in found) - 1
    padded = [_padded(each, most) for each in found]
    truth = {f.name: np.concatenate([getattr(b, f.name) for b in batches])
             for f in fields(Raw)[4:]}  # fmt: skip
    return Raw(*(np.concatenate([p[i] for p in padded]) for i in range(4)), **truth)


def _padded(each: list[Floats], most: int) -> list[Floats]:
    """Outputs with proposals of no weight, until there are `most`."""
    logits, mean, scale, log_radius = each
    rows, more = len(logits), most - mean.shape[1]
    nothing = np.zeros((rows, more, 2), np.float32)
    round_one = np.tile(np.array([1.0, 1.0, 0.0], np.float32), (rows, more, 1))
    return [
        np.concatenate([logits[:, :-1], nothing[..., 0] - 1e4, logits[:, -1:]], axis=1),
        np.concatenate([mean, nothing], axis=1),
        np.concatenate([scale, round_one], axis=1),
        np.concatenate([log_radius, nothing[..., 0]], axis=1),
    ]


def calibrate(model: HostNet, split: Split, any_levels: bool) -> Calibration:
    """Fit a network's calibration on the validation split."""
    batches = list(told_batches(split, model.kind, any_levels))
    raw = ask(model, batches, np.nan)
    found = fit(raw.logits, raw.mean, raw.scale, raw.host, raw.present)
    contents = []
    for share, one in ((0.5, raw), (STREAM, ask(model, batches, prior_of(STREAM)))):
        mixture = mixture_of(one.logits, one.mean, one.scale, one.log_radius, found)
        level = regions(mixture, one.host)[0][one.present]
        weight = np.where(one.nearby[one.present], share, 1.0 - share)
        contents.append(region_contents(level, weight))
    mean = np.mean(contents, axis=0)
    return replace(found, contents=tuple(round(float(value), 5) for value in mean))
