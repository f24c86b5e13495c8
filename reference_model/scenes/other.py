"""Cutting the inputs that hierarchical stamps are compared with.

They are not part of the data set: each is cut from the fields, while these are
made or later, when they are observed again from their seeds.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from reference_model.config import SPLITS, StudyConfig
from reference_model.network.inputs import (
    KINDS,
    OVERLAPPING,
    WINDOW,
    InputKind,
    corners,
    first_of,
    means_around,
)
from reference_model.scenes.crop import crop
from reference_model.scenes.dataset import fields
from reference_model.scenes.fields import Field, in_noise, transient_light
from reference_model.scenes.observe import Exposure
from reference_model.scenes.sums import Sums, add_patch, ratio
from reference_model.sky.galaxies import Table

Floats = NDArray[np.float32]


def compared_kinds() -> list[InputKind]:
    """Every input that is not a hierarchical stamp and is no part of another."""
    return [k for k in KINDS.values() if not k.hierarchical and part_of(k)[0] == k]


def part_of(kind: InputKind) -> tuple[InputKind, slice, slice]:
    """The input that holds another's grids, which of its grids, and which of their pixels.

    All grids are centred on the same corner, so that a narrower or shorter stack is cut out
    of the widest.
    """
    wide = OVERLAPPING
    if not set(kind.steps) <= set(wide.steps) or kind.side > wide.side or kind.hierarchical:
        return kind, slice(None), slice(None)
    first, inner = wide.steps.index(kind.steps[0]), (wide.side - kind.side) // 2
    return wide, slice(first, first + len(kind.steps)), slice(inner, inner + kind.side)


def other_file(root: Path, config: StudyConfig, name: str, kind: InputKind, what: str) -> Path:
    """Where a field's grids (``grids``) or their places (``first``) of an input kind lie."""
    return root / config.name / "inputs" / kind.name / f"{name}.{what}.npy"


def missing(
    root: Path, config: StudyConfig, kinds: Sequence[InputKind], name: str
) -> list[InputKind]:
    """Kinds that have not been cut from a field, each within the one that holds it."""
    left = {part_of(k)[0].name: part_of(k)[0] for k in kinds}
    return [k for k in left.values() if not other_file(root, config, name, k, "first").exists()]


def cut_exposures(
    root: Path, config: StudyConfig, kinds: Sequence[InputKind], field: Field,
    exposures: Iterable[Exposure],
) -> None:  # fmt: skip
    """Cut the grids of every transient from every view, in units of its noise.

    Of wide windows, which are large, only LSST's template and visit are kept.
    """
    views = np.asarray(field.load("views"))
    grids: dict[str, list[Any]] = {kind.name: [] for kind in kinds}
    first: dict[str, list[Floats]] = {kind.name: [] for kind in kinds}
    for number, (exposure, view) in enumerate(zip(exposures, views, strict=True)):
        wanted = [k for k in kinds if number < 2 or k.stem < WINDOW.stem]
        values = cut_view(exposure, view, wanted)
        for kind in wanted:
            grids[kind.name].append(in_noise(values[kind.name], exposure.observation))
            first[kind.name].append(first_of(kind, view["x"], view["y"]))
    for kind in kinds:
        for what, arrays in (("grids", grids[kind.name]), ("first", first[kind.name])):
            path = other_file(root, config, field.name, kind, what)
            path.parent.mkdir(parents=True, exist_ok=True)
            partial_path = path.with_suffix(".partial.npy")
            np.save(partial_path, np.stack(arrays), allow_pickle=False)
            partial_path.replace(path)


def cut_view(exposure: Exposure, view: Table, kinds: Sequence[InputKind]) -> dict[str, Floats]:
    """Grids of every transient in one view, nJy, by the name of their kind."""
    sums = Sums(exposure.image)
    if not exposure.observation.science:
        return {kind.name: means_around(sums, kind, view["x"], view["y"]) for kind in kinds}
    corner = corners(view["x"], view["y"])
    patches = [_patch(exposure, row) for row in view]
    found: dict[str, Floats] = {}
    for kind in kinds:
        grids = []
        for step in kind.steps:
            first = corner - kind.side * step // 2
            total, count = sums.blocks(first[:, 0], first[:, 1], step, kind.side)
            for one, (light, x, y), (x0, y0) in zip(total, patches, first, strict=True):
                add_patch(one, light, x - x0, y - y0, step)
            grids.append(ratio(total, count))
        found[kind.name] = np.stack(grids, axis=1)
    return found


def _patch(exposure: Exposure, row: Any) -> tuple[Floats, int, int]:
    """A transient's light where the image has values, and the patch's first pixel."""
    light, x, y = transient_light(row, exposure.observation)
    there = np.isfinite(crop(exposure.image, x, y, light.shape[0]))
    return np.where(there, light, np.float32(0.0)), x, y


def cut_field(root: Path, config: StudyConfig, kinds: Sequence[InputKind], name: str) -> str:
    """Cut what is missing from a finished field."""
    left = missing(root, config, kinds, name)
    if left:
        field = Field(root / config.name / "fields" / name)
        cut_exposures(root, config, left, field, (field.exposure(v) for v in field.views))
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
    """Grids (float16, (V, N, G, S, S)) and places (V, N, G, 2) of a field, view by view.

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
    wide, which, inner = part_of(kind)
    paths = (other_file(root, config, field.name, wide, w) for w in ("grids", "first"))
    grids, first = (np.load(path, mmap_mode="r", allow_pickle=False) for path in paths)
    # The first pixel moves inwards with the border that is left out.
    shift = np.asarray(kind.steps, dtype=np.float32) * (inner.start or 0)
    return grids[:, :, which, inner, inner], first[:, :, which] + shift[:, None]
