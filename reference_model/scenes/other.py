"""Cutting the inputs that hierarchical stamps are compared with.

They are not stored with the fields: each is cut from the fields, observed again
from their seeds, when a network is to be trained on it.
"""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from reference_model.config import SPLITS, StudyConfig
from reference_model.network.inputs import InputKind, cut_grids
from reference_model.scenes.dataset import fields
from reference_model.scenes.fields import Field, add_transient
from reference_model.scenes.pyramid import corner, crop

Floats = NDArray[np.float32]

#: Side of the window that grids are cut from: more than any of them reaches.
PARENT = 512


def other_file(root: Path, config: StudyConfig, field: Field, kind: InputKind) -> Path:
    """Where a field's grids of an input kind lie."""
    return root / config.name / "inputs" / kind.name / f"{field.name}.npz"


def cut_field(root: Path, config: StudyConfig, kind: InputKind, field: Field) -> Path:
    """Cut one field's transients, unless that is done."""
    path = other_file(root, config, field, kind)
    if path.exists():
        return path
    rows = np.asarray(field.load("transients"))
    shape = (rows.size, len(kind.steps), kind.side, kind.side)
    grids = np.empty((2, *shape), np.float32)
    first = np.empty((rows.size, len(kind.steps), 2), np.float32)
    for which, observation in enumerate((field.template, field.visit)):
        image = field.exposure(observation).image
        for i, row in enumerate(rows):
            x, y = float(row["x"]), float(row["y"])
            i0, j0 = corner(x, y)
            x0, y0 = i0 - PARENT // 2, j0 - PARENT // 2
            parent = crop(image, x0, y0, PARENT)
            if which == 1:
                parent = add_transient(parent, row, observation, x0, y0)
            grids[which, i], first[i] = cut_grids(kind, parent, x - x0, y - y0)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial_path = path.with_suffix(".partial.npz")
    np.savez(partial_path, grids=grids, first=first)
    partial_path.replace(path)
    return path


def cut_all(root: Path, config: StudyConfig, kind: InputKind, workers: int) -> None:
    """Cut every finished field; resumable."""
    import multiprocessing

    found = [f for split in SPLITS for f in fields(root, config, split)]
    work = partial(cut_field, root, config, kind)
    with tqdm(total=len(found), unit="field", disable=None) as bar:
        if workers <= 1:
            for field in found:
                work(field)
                bar.update()
        else:
            with multiprocessing.get_context("spawn").Pool(workers) as pool:
                for _ in pool.imap_unordered(work, found):
                    bar.update()


def load_other(
    root: Path, config: StudyConfig, field: Field, kind: InputKind
) -> tuple[NDArray[Any], Floats]:
    """Grids (template and visit, (2, N, G, S, S)) and places (N, G, 2) of a field.

    Raises
    ------
    FileNotFoundError
        If they have not been cut; says how.
    """
    path = other_file(root, config, field, kind)
    if not path.exists():
        raise FileNotFoundError(
            f"no {kind.name} grids of {field.name}: run 'python -m reference_model inputs "
            f"--kind {kind.name}' first"
        )
    with np.load(path, allow_pickle=False) as stored:
        return stored["grids"], stored["first"]
