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
from reference_model.scenes.place import NEARBY, ON_GALAXY, VISIBLE_SNR

Floats = NDArray[np.float32]
Index = NDArray[np.int64]

#: Numbers of LSST's template and visit among a field's views.
TEMPLATE, VISIT = 0, 1


@dataclass(frozen=True)
class Split:
    """All transients of a split, each in several views.

    Attributes
    ----------
    rows : structured array, shape (N,)
        `reference_model.scenes.place.TRANSIENT`.
    views : structured array, shape (V, N)
        `reference_model.scenes.fields.VIEW`.
    field : ndarray of int, shape (N,)
        Number of the field of each row; rows are in the order of the fields.
    names : tuple of str
        Field names.
    grids : tuple of ndarray, float16, each of shape (V, n, G, S, S)
        Grids of each field in units of the view's noise: levels, or those of another input;
        mapped.
    first : ndarray, float32, shape (V, N, G, 2), optional
        Position of these grids; levels have theirs from the format.
    """

    rows: NDArray[Any]
    views: NDArray[Any]
    field: Index
    names: tuple[str, ...]
    grids: tuple[NDArray[np.float16], ...]
    first: Floats | None = None

    @property
    def looks(self) -> int:
        """Views that there are grids of."""
        return int(self.grids[0].shape[0])

    def scaled(self, index: Index, view: Index) -> Floats:
        """Values of some transients over the noise of a base pixel, (B, G, S, S)."""
        start = np.searchsorted(self.field, np.arange(len(self.grids)))
        out = np.empty((index.size, *self.grids[0].shape[2:]), np.float32)
        for row, i, v in zip(out, index, view, strict=True):
            number = self.field[i]
            row[...] = self.grids[number][v, i - start[number]]
        return out


def load_split(
    root: Path,
    config: StudyConfig,
    split: str,
    kind: InputKind | None = None,
    in_memory: bool = False,
) -> Split:
    """Read the finished fields of a split.

    Parameters
    ----------
    root, config, split
        The data set.
    kind : InputKind, optional
        An input that `reference_model.scenes.other` has cut; levels otherwise.
    in_memory : bool
        Read the grids instead of mapping them.

    Raises
    ------
    FileNotFoundError
        If there is none; says how to make them.
    """
    rows, views, number, names = [], [], [], []
    grids: list[NDArray[np.float16]] = []
    first: list[Floats] = []
    for i, field in enumerate(fields(root, config, split)):
        rows.append(np.asarray(field.load("transients")))
        views.append(np.asarray(field.load("views")))
        if kind is None or kind.hierarchical:
            found = field.load("levels")
        else:
            found, places = load_other(root, config, field, kind)
            first.append(places)
        grids.append(np.array(found) if in_memory else found)
        number.append(np.full(rows[-1].size, i))
        names.append(field.name)
    if not rows:
        raise FileNotFoundError(
            f"no {split} fields under {root / config.name}: run 'python -m reference_model "
            f"simulate --set {config.name}' first"
        )
    return Split(
        rows=np.concatenate(rows),
        views=np.concatenate(views, axis=1),
        field=np.concatenate(number),
        names=tuple(names),
        grids=tuple(grids),
        first=np.concatenate(first, axis=1) if first else None,
    )


@dataclass(frozen=True)
class Batch:
    """What the network sees, and what it should say.  Lengths in base pixels.

    `scale` and `seeing` are in arcsec, NaN where not known.
    """

    values: Floats
    first: Floats
    step: Floats
    scale: Floats
    seeing: Floats
    host: Floats
    present: NDArray[np.bool_]
    log_radius: Floats
    nearby: NDArray[np.bool_]


def inside(kind: InputKind, values: Floats, first: Floats, host: Floats) -> NDArray[np.bool_]:
    """Whether a point lies on the outermost grid, on a pixel that is there."""
    step = kind.steps[-1]
    last = first[:, -1] - step / 2.0
    pixel = np.floor((np.nan_to_num(host, nan=1e9) - last) / step)
    ok = ((pixel >= 0) & (pixel < kind.side)).all(axis=1)
    at = np.clip(pixel, 0, kind.side - 1).astype(int)
    there = np.isfinite(values[np.arange(len(values)), -1, at[:, 1], at[:, 0]])
    return np.asarray(ok & there)


def batch_for(kind: InputKind, split: Split, index: Index, view: Index) -> Batch:
    """Some of a split's transients, each in one view, as one batch of an input kind."""
    values = split.scaled(index, view)
    if split.first is None:
        return make_batch(kind, split.rows[index], split.views[view, index], values)
    return truth_batch(kind, split.rows[index], split.views[view, index], values,
                       split.first[view, index])  # fmt: skip


def make_batch(kind: InputKind, rows: NDArray[Any], views: NDArray[Any], scaled: Floats) -> Batch:
    """Leave out outer levels as the kind says, and state the truth.

    Parameters
    ----------
    kind : InputKind
        A hierarchical one.
    rows : structured array, shape (B,)
    views : structured array, shape (B,)
        How each is seen.
    scaled : ndarray, float32, shape (B, n or more, 15, 15)
        Levels over the noise of a base pixel.
    """
    n = len(kind.steps)
    first = first_pixels(n, *source_offsets(views["x"], views["y"]))
    return truth_batch(kind, rows, views, scaled[:, :n], first)


def truth_batch(
    kind: InputKind, rows: NDArray[Any], views: NDArray[Any], values: Floats, first: Floats
) -> Batch:
    """The truth beside noise-scaled values of any input kind."""
    scale = views["scale"].astype(np.float32)
    host = np.stack([views["host_dx"], views["host_dy"]], axis=1).astype(np.float32)
    host = host / scale[:, None]
    present = (rows["kind"] == ON_GALAXY) & (np.nan_to_num(views["snr"]) >= VISIBLE_SNR)
    present &= inside(kind, values, first, host)
    radius = np.nan_to_num(rows["host_re"], nan=1.0).astype(np.float32)
    return Batch(
        values=values,
        first=first,
        step=np.asarray(kind.steps, dtype=np.float32),
        scale=scale,
        seeing=views["fwhm"].astype(np.float32),
        host=np.nan_to_num(host),
        present=present,
        log_radius=np.log(radius / scale).astype(np.float32),
        nearby=rows["stratum"] == NEARBY,
    )
