"""Cutting the inputs that hierarchical stamps are compared with.

They are not part of the data set: each is cut from the fields, while these are
made or later, when they are observed again from their seeds.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from hstamp import reference_corner
from reference_model.config import SPLITS, StudyConfig
from reference_model.network.inputs import KINDS, PARENT, InputKind, binned_window, cut_grids
from reference_model.scenes.crop import crop
from reference_model.scenes.dataset import fields
from reference_model.scenes.fields import Field, add_transient
from reference_model.scenes.observe import Exposure

Floats = NDArray[np.float32]

#: Largest value, in units of the noise, that half precision is trusted with.
BRIGHTEST = 6.0e4


def compared_kinds() -> list[InputKind]:
    """Every input that is not a hierarchical stamp."""
    return [kind for kind in KINDS.values() if not kind.hierarchical]


def other_file(root: Path, config: StudyConfig, name: str, kind: InputKind, what: str) -> Path:
    """Where a field's grids (``grids``) or their places (``first``) of an input kind lie."""
    return root / config.name / "inputs" / kind.name / f"{name}.{what}.npy"


def missing(
    root: Path, config: StudyConfig, kinds: Sequence[InputKind], name: str
) -> list[InputKind]:
    """Kinds that have not been cut from a field."""
    return [k for k in kinds if not other_file(root, config, name, k, "first").exists()]


def cut_exposures(
    root: Path, config: StudyConfig, kinds: Sequence[InputKind], field: Field,
    exposures: tuple[Exposure, Exposure],
) -> None:  # fmt: skip
    """Cut the grids of every transient from its template and its visit.

    Grids are in units of the exposure's noise and of half precision: a relative
    error of 5e-4, far below the noise of whatever is that bright.
    """
    rows = np.asarray(field.load("transients"))
    grids = {k.name: np.empty((2, rows.size, len(k.steps), k.side, k.side), np.float16)
             for k in kinds}  # fmt: skip
    first = {k.name: np.empty((rows.size, len(k.steps), 2), np.float32) for k in kinds}
    for which, exposure in enumerate(exposures):
        scale = np.float32(1.0 / exposure.observation.sky_sigma)
        for i, row in enumerate(rows):
            x, y = float(row["x"]), float(row["y"])
            i0, j0 = reference_corner(x, y)
            x0, y0 = i0 - PARENT // 2, j0 - PARENT // 2
            parent = crop(exposure.image, x0, y0, PARENT)
            if which == 1:
                parent = add_transient(parent, row, exposure.observation, x0, y0)
            binned = binned_window(parent, x - x0, y - y0)
            for kind in kinds:
                values, first[kind.name][i] = cut_grids(kind, binned, x - x0, y - y0)
                grids[kind.name][which, i] = np.clip(values * scale, -BRIGHTEST, BRIGHTEST)
    for kind in kinds:
        for what, array in (("grids", grids[kind.name]), ("first", first[kind.name])):
            path = other_file(root, config, field.name, kind, what)
            path.parent.mkdir(parents=True, exist_ok=True)
            partial_path = path.with_suffix(".partial.npy")
            np.save(partial_path, array, allow_pickle=False)
            partial_path.replace(path)


def cut_field(root: Path, config: StudyConfig, kinds: Sequence[InputKind], name: str) -> str:
    """Cut what is missing from a finished field."""
    left = missing(root, config, kinds, name)
    if left:
        field = Field(root / config.name / "fields" / name)
        exposures = (field.exposure(field.template), field.exposure(field.visit))
        cut_exposures(root, config, left, field, exposures)
    return name


def cut_all(root: Path, config: StudyConfig, kinds: Sequence[InputKind], workers: int) -> None:
    """Cut every finished field; resumable."""
    import multiprocessing

    found = [f.name for split in SPLITS for f in fields(root, config, split)]
    work = partial(cut_field, root, config, kinds)
    with tqdm(total=len(found), unit="field", disable=None) as bar:
        if workers <= 1:
            for name in found:
                work(name)
                bar.update()
        else:
            with multiprocessing.get_context("spawn").Pool(workers) as pool:
                for _ in pool.imap_unordered(work, found):
                    bar.update()


def load_other(
    root: Path, config: StudyConfig, field: Field, kind: InputKind
) -> tuple[NDArray[Any], Floats]:
    """Grids (template and visit, float16, (2, N, G, S, S)) and places (N, G, 2) of a field.

    The grids are mapped, not read.

    Raises
    ------
    FileNotFoundError
        If they have not been cut; says how.
    """
    if missing(root, config, [kind], field.name):
        raise FileNotFoundError(
            f"no {kind.name} grids of {field.name}: run 'python -m reference_model inputs "
            f"--kind {kind.name}' first"
        )
    grids, first = (other_file(root, config, field.name, kind, w) for w in ("grids", "first"))
    return np.load(grids, mmap_mode="r", allow_pickle=False), np.load(first, allow_pickle=False)
