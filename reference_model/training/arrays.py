"""The levels and truths of a split, in memory."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reference_model.config import StudyConfig
from reference_model.network.inputs import InputKind, first_pixels, source_offsets
from reference_model.scenes.dataset import fields
from reference_model.scenes.other import load_other
from reference_model.scenes.place import ON_GALAXY, VISIBLE_SNR
from reference_model.scenes.render import SCALE

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Split:
    """All transients of a split.

    Attributes
    ----------
    rows : structured array, shape (N,)
        `reference_model.scenes.place.TRANSIENT`.
    field : ndarray of int, shape (N,)
        Number of the field of each row.
    template, visit : ndarray, float32, shape (N, 6, 15, 15)
        Levels; for other inputs their grids, (N, G, S, S).
    names : tuple of str
        Field names.
    first : ndarray, float32, shape (N, G, 2), optional
        Position of the grids of other inputs; levels have theirs from the format.
    """

    rows: NDArray[Any]
    field: NDArray[np.int64]
    template: Floats
    visit: Floats
    names: tuple[str, ...]
    first: Floats | None = None


def load_split(root: Path, config: StudyConfig, split: str, kind: InputKind | None = None) -> Split:
    """Read the finished fields of a split.

    Parameters
    ----------
    root, config, split
        The data set.
    kind : InputKind, optional
        An input that `reference_model.scenes.other` has cut; levels otherwise.

    Raises
    ------
    FileNotFoundError
        If there is none; says how to make them.
    """
    rows, template, visit, number, names = [], [], [], [], []
    first: list[Floats] = []
    for i, field in enumerate(fields(root, config, split)):
        rows.append(np.asarray(field.load("transients")))
        if kind is None or kind.hierarchical:
            template.append(np.asarray(field.load("levels_template")))
            visit.append(np.asarray(field.load("levels_visit")))
        else:
            grids, places = load_other(root, config, field, kind)
            template.append(grids[0])
            visit.append(grids[1])
            first.append(places)
        number.append(np.full(rows[-1].size, i))
        names.append(field.name)
    if not rows:
        raise FileNotFoundError(
            f"no {split} fields under {root / config.name}: run 'python -m reference_model "
            f"simulate --set {config.name}' first"
        )
    return Split(
        rows=np.concatenate(rows),
        field=np.concatenate(number),
        template=np.concatenate(template),
        visit=np.concatenate(visit),
        names=tuple(names),
        first=np.concatenate(first) if first else None,
    )


@dataclass(frozen=True)
class Batch:
    """What the network sees, and what it should say.  Lengths in base pixels."""

    values: Floats
    first: Floats
    step: Floats
    host: Floats
    present: NDArray[np.bool_]
    log_radius: Floats


def inside(kind: InputKind, values: Floats, first: Floats, host: Floats) -> NDArray[np.bool_]:
    """Whether a point lies on the outermost grid, on a pixel that is there."""
    step = kind.steps[-1]
    last = first[:, -1] - step / 2.0
    pixel = np.floor((np.nan_to_num(host, nan=1e9) - last) / step)
    ok = ((pixel >= 0) & (pixel < kind.side)).all(axis=1)
    at = np.clip(pixel, 0, kind.side - 1).astype(int)
    there = np.isfinite(values[np.arange(len(values)), -1, at[:, 1], at[:, 0]])
    return np.asarray(ok & there)


def make_batch(
    kind: InputKind, rows: NDArray[Any], levels: Floats, on_visit: NDArray[np.bool_]
) -> Batch:
    """Scale levels by their noise and state the truth.

    Parameters
    ----------
    kind : InputKind
        A hierarchical one; outer levels are left out as it says.
    rows : structured array, shape (B,)
    levels : ndarray, float32, shape (B, 6, 15, 15)
    on_visit : ndarray of bool, shape (B,)
        Whether the levels are the visit's.
    """
    n = len(kind.steps)
    sigma = np.where(on_visit, rows["visit_sigma"], rows["template_sigma"]).astype(np.float32)
    values = levels[:, :n] / sigma[:, None, None, None]
    first = first_pixels(n, *source_offsets(rows["x"], rows["y"]))
    return truth_batch(kind, rows, values, first, sigma)


def batch_for(
    kind: InputKind,
    split: Split,
    index: NDArray[np.int64],
    values: Floats,
    on_visit: NDArray[np.bool_],
) -> Batch:
    """A batch of any input kind: `values` are the split's, at `index`."""
    rows = split.rows[index]
    if split.first is None:
        return make_batch(kind, rows, values, on_visit)
    sigma = np.where(on_visit, rows["visit_sigma"], rows["template_sigma"]).astype(np.float32)
    scaled = values / sigma[:, None, None, None]
    return truth_batch(kind, rows, scaled, split.first[index], sigma)


def truth_batch(
    kind: InputKind, rows: NDArray[Any], values: Floats, first: Floats, sigma: Floats
) -> Batch:
    """The truth beside noise-scaled values of any input kind."""
    host = np.stack([rows["host_dx"], rows["host_dy"]], axis=1).astype(np.float32) / SCALE
    snr = rows["host_snr"] * rows["template_sigma"] / sigma
    present = (rows["kind"] == ON_GALAXY) & (snr >= VISIBLE_SNR)
    present &= inside(kind, values, first, host)
    return Batch(
        values=values,
        first=first,
        step=np.asarray(kind.steps, dtype=np.float32),
        host=np.nan_to_num(host),
        present=present,
        log_radius=np.log(np.nan_to_num(rows["host_re"] / SCALE, nan=1.0)).astype(np.float32),
    )
