"""A network on views of every survey: by pixel, and by what it is told of the view."""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hstamp.hosts.runtime import HostFinder, candidates, read_calibration
from reference_model.config import StudyConfig
from reference_model.evaluation.bootstrap import Estimate, mean_by_group
from reference_model.evaluation.predict import propose
from reference_model.evaluation.regions import regions
from reference_model.evaluation.told import measured_noise
from reference_model.network.inputs import hierarchical
from reference_model.training.arrays import Batch, Split, batch_for, load_split
from reference_model.training.loop import Sampler

Floats = NDArray[np.float64]

#: Transients drawn, half of each stratum, as often as a survey of the view's depth finds them.
DRAWN = 6000
#: Edges of the groups, arcsec per pixel.
EDGES = (0.2, 0.34, 0.58, 1.02)
#: What a network is told; noise that it is not told is measured.
TOLD = ("noise, pixel and seeing", "pixel and seeing", "pixel", "nothing")


@dataclass(frozen=True)
class LookLine:
    """One network on one group of views.

    Attributes
    ----------
    levels : int
    told : str
        One of `TOLD`.
    low, high : float
        Pixels of the group, arcsec.
    beyond : Estimate
        Share of the hosts in the stamp with an error above max(1", R_e).
    median : float
        Error, arcsec.
    inside68, inside95 : Estimate
        Share of hosts inside their regions of 68 and 95 %.
    brier, constant : float
        Of P(none), and of a constant.
    """

    levels: int
    told: str
    low: float
    high: float
    beyond: Estimate
    median: float
    inside68: Estimate
    inside95: Estimate
    brier: float
    constant: float


def told_batch(batch: Batch, told: str, noise: NDArray[np.float32]) -> Batch:
    """A batch with what the network is not told left out or measured.

    Parameters
    ----------
    noise : ndarray, float32, shape (B,)
        The measured noise over the true one.
    """
    if told != TOLD[0]:
        batch = replace(batch, values=batch.values / noise[:, None, None, None])
    unknown = np.full_like(batch.scale, np.nan)
    if told == TOLD[2]:
        return replace(batch, seeing=unknown)
    return replace(batch, seeing=unknown, scale=unknown) if told == TOLD[3] else batch


def brier(none: NDArray[Any], absent: NDArray[np.bool_]) -> tuple[float, float]:
    """Mean square error of P(none), and of the best constant."""
    truth = absent.astype(float)
    return float(np.mean((none - truth) ** 2)), float(truth.mean() * (1.0 - truth.mean()))


def look_lines(
    finder: HostFinder, split: Split, levels: Sequence[int], seed: int = 0
) -> list[LookLine]:
    """Measure a network on looks of other surveys, templates only."""
    rng, sampler = np.random.default_rng(seed), Sampler(split)
    view = rng.integers(2, split.looks, DRAWN)
    index = sampler.draw(rng, view, 0)
    template = ~split.views["science"][view, index]
    view, index = view[template], index[template]
    scale, radius = split.views["scale"][view, index], split.rows["host_re"][index]
    field, out = split.field[index], []
    for n in levels:
        batch = batch_for(hierarchical(n), split, index, view)
        noise = measured_noise(batch.values)
        for told in TOLD:
            mixture = propose(finder, told_batch(batch, told, noise))
            best = candidates(mixture)
            error = np.hypot(*(best.mean[:, 0] - batch.host).T) * scale
            content = finder.calibration.content(regions(mixture, batch.host)[0])
            for low, high in itertools.pairwise(EDGES):
                mine = (scale >= low) & (scale < high)
                has = mine & batch.present
                limit = np.maximum(1.0, radius[has])
                square, constant = brier(best.none[mine], ~batch.present[mine])
                beyond = (error[has] > limit).astype(float)
                in68, in95 = (
                    mean_by_group((content[has] <= c).astype(float), field[has])
                    for c in (0.68, 0.95)
                )
                median = float(np.median(error[has])) if has.any() else float("nan")
                found = mean_by_group(beyond, field[has])
                out.append(
                    LookLine(n, told, low, high, found, median, in68, in95, square, constant)
                )
    return out


def look_table(lines: Sequence[LookLine]) -> list[str]:
    """The measurements in Markdown."""
    head = ["n", 'pixel (")', "told", "hosts", 'error > max(1", R_e) (%)', 'median error (")',
            "68 % regions hold (%)", "95 % regions hold (%)", "Brier of P(none)",
            "of a constant"]  # fmt: skip
    out = ["| " + " | ".join(head) + " |", "|---" * len(head) + "|"]
    for line in lines:
        cells = [
            str(line.levels), f"{line.low:g}-{line.high:g}", line.told, str(line.beyond.n),
            line.beyond.percent(), f"{line.median:.2f}", line.inside68.percent(),
            line.inside95.percent(), f"{line.brier:.3f}", f"{line.constant:.3f}",
        ]  # fmt: skip
        out.append("| " + " | ".join(cells) + " |")
    return [*out, ""]


def evaluate_looks(
    root: Path, config: StudyConfig, run: Path, levels: Sequence[int], split_name: str = "test"
) -> list[str]:
    """Measure an exported run; keeps the table beside the results and returns it."""
    note = json.loads((run / "model.json").read_text())
    finder = HostFinder(run / "model.onnx", read_calibration(note))
    lines = look_table(look_lines(finder, load_split(root, config, split_name), levels))
    folder = root / config.name / "results" / "looks"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{run.name}.md").write_text("\n".join(lines))
    return lines
