"""The levels and truths of a split, in memory."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hstamp.hosts.runtime import first_pixels
from reference_model.config import StudyConfig
from reference_model.network.inputs import InputKind, source_offsets
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
        Number of the field of each row; rows are in the order of the fields.
    names : tuple of str
        Field names.
    levels : ndarray, float32, shape (2, N, 6, 15, 15)
        Levels of the template and of the visit, nJy; of a hierarchical input.
    grids : tuple of ndarray, float16, each of shape (2, n, G, S, S)
        Of any other input: grids of each field, in units of the noise; mapped.
    first : ndarray, float32, shape (N, G, 2), optional
        Position of these grids; levels have theirs from the format.
    """

    rows: NDArray[Any]
    field: NDArray[np.int64]
    names: tuple[str, ...]
    levels: Floats
    grids: tuple[NDArray[np.float16], ...] = ()
    first: Floats | None = None

    def scaled(self, index: NDArray[np.int64], on_visit: NDArray[np.bool_]) -> Floats:
        """Values of some transients over the noise of a base pixel, (B, G, S, S)."""
        if not self.grids:
            found = self.levels[on_visit.astype(np.int64), index]
            return np.asarray(found / self.sigma(index, on_visit)[:, None, None, None])
        start = np.searchsorted(self.field, np.arange(len(self.grids)))
        out = np.empty((index.size, *self.grids[0].shape[2:]), np.float32)
        for row, i, visit in zip(out, index, on_visit, strict=True):
            number = self.field[i]
            row[...] = self.grids[number][int(visit), i - start[number]]
        return out

    def sigma(self, index: NDArray[np.int64], on_visit: NDArray[np.bool_]) -> Floats:
        """Noise of an empty base pixel, nJy."""
        rows = self.rows[index]
        return np.asarray(
            np.where(on_visit, rows["visit_sigma"], rows["template_sigma"]), dtype=np.float32
        )


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
    rows, levels, number, names = [], [], [], []
    grids: list[NDArray[np.float16]] = []
    first: list[Floats] = []
    for i, field in enumerate(fields(root, config, split)):
        rows.append(np.asarray(field.load("transients")))
        if kind is None or kind.hierarchical:
            levels.append(np.stack([field.load("levels_template"), field.load("levels_visit")]))
        else:
            found, places = load_other(root, config, field, kind)
            grids.append(found)
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
        names=tuple(names),
        levels=np.concatenate(levels, axis=1) if levels else np.empty((2, 0, 0, 0, 0), np.float32),
        grids=tuple(grids),
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


def make_batch(kind: InputKind, rows: NDArray[Any], scaled: Floats, sigma: Floats) -> Batch:
    """Leave out outer levels as the kind says, and state the truth.

    Parameters
    ----------
    kind : InputKind
        A hierarchical one.
    rows : structured array, shape (B,)
    scaled : ndarray, float32, shape (B, 6, 15, 15)
        Levels over the noise of a base pixel.
    sigma : ndarray, float32, shape (B,)
        That noise, nJy.
    """
    n = len(kind.steps)
    first = first_pixels(n, *source_offsets(rows["x"], rows["y"]))
    return truth_batch(kind, rows, scaled[:, :n], first, sigma)


def batch_for(
    kind: InputKind, split: Split, index: NDArray[np.int64], on_visit: NDArray[np.bool_]
) -> Batch:
    """Some of a split's transients as one batch of an input kind."""
    rows, sigma = split.rows[index], split.sigma(index, on_visit)
    values = split.scaled(index, on_visit)
    if split.first is None:
        return make_batch(kind, rows, values, sigma)
    return truth_batch(kind, rows, values, split.first[index], sigma)


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
