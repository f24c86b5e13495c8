"""The network on a split: from levels or decoded bytes to results."""

from __future__ import annotations

import json
import zlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from hstamp.hosts.runtime import (
    Calibration,
    Candidates,
    Conditions,
    HostFinder,
    Mixture,
    candidates,
)
from reference_model.config import StudyConfig
from reference_model.evaluation.regions import regions
from reference_model.evaluation.results import RESULT, identify
from reference_model.network.inputs import hierarchical
from reference_model.scenes.dataset import fields
from reference_model.scenes.fields import Field
from reference_model.scenes.render import SCALE
from reference_model.training.arrays import (
    TEMPLATE,
    VISIT,
    Batch,
    Split,
    batch_for,
    load_split,
    make_batch,
)

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Decoded:
    """What came out of the bytes of one variant.

    Attributes
    ----------
    levels : ndarray, float32, shape (N, n, 15, 15)
    size : float
        Mean bytes of a stamp.
    deflated : float
        The same in a deflated block of a few hundred stamps.
    """

    levels: Floats
    size: float
    deflated: float


@dataclass(frozen=True)
class Variant:
    """One way to send a stamp.

    Attributes
    ----------
    name : str
        What is added to the method's name.
    levels : int
    options : dict
        For `hstamp.encode_many`.
    """

    name: str
    levels: int
    options: dict[str, Any]


def through_codec(
    root: Path, config: StudyConfig, names: Sequence[str], variants: Sequence[Variant]
) -> list[Decoded]:
    """Levels of every transient after encoding and decoding, and what they cost.

    Every field is observed again from its seed, every transient encoded with
    `hstamp.encode_many` and the bytes decoded.

    Parameters
    ----------
    root, config
        The data set.
    names : sequence of str
        Its fields.
    variants : sequence of Variant
    """
    import hstamp

    found: list[list[Floats]] = [[] for _ in variants]
    sizes = np.zeros((len(variants), 2))
    count = 0
    for name in tqdm(names, unit="field", disable=None):
        field = Field(root / config.name / "fields" / name)
        rows = np.asarray(field.load("transients"))
        image = field.exposure().image
        count += rows.size
        for i, variant in enumerate(variants):
            blobs = hstamp.encode_many(
                image, rows["x"], rows["y"], levels=variant.levels, **variant.options
            )
            levels = hstamp.decode_many(blobs, planes=("image",)).levels
            assert levels is not None
            found[i].append(levels)
            joined = b"".join(blobs)
            sizes[i] += len(joined), len(zlib.compress(joined, 6))
    return [
        Decoded(np.concatenate(f), float(size / count), float(deflated / count))
        for f, (size, deflated) in zip(found, sizes, strict=True)
    ]


def kept_decoded(
    root: Path, config: StudyConfig, split_name: str, names: Sequence[str],
    variants: Sequence[Variant],
) -> list[Decoded]:  # fmt: skip
    """What `through_codec` gives, kept on disk: scenes are drawn once for all networks.

    What was kept of other fields, or of another encoding, is made again.
    """
    folder = root / config.name / "decoded" / split_name
    folder.mkdir(parents=True, exist_ok=True)
    files = [root / config.name / "fields" / name / "field.json" for name in names]
    fields_of = {name: json.loads(path.read_text())["files"] for name, path in
                 zip(names, files, strict=True)}  # fmt: skip
    made = [{"variant": asdict(variant), "fields": fields_of} for variant in variants]
    missing = [
        variant for variant, note in zip(variants, made, strict=True)
        if _note(folder / f"{variant.name}.json").get("of") != note
    ]  # fmt: skip
    if missing:
        new = through_codec(root, config, names, missing)
        for variant, found in zip(missing, new, strict=True):
            np.save(folder / f"{variant.name}.npy", found.levels, allow_pickle=False)
            note = {"size": found.size, "deflated": found.deflated,
                    "of": made[variants.index(variant)]}  # fmt: skip
            (folder / f"{variant.name}.json").write_text(json.dumps(note))
    out = []
    for variant in variants:
        cost = _note(folder / f"{variant.name}.json")
        levels = np.load(folder / f"{variant.name}.npy", allow_pickle=False)
        out.append(Decoded(levels, float(cost["size"]), float(cost["deflated"])))
    return out


def _note(path: Path) -> dict[str, Any]:
    return dict(json.loads(path.read_text())) if path.exists() else {}


def batch_of(split: Split, levels: int, values: Floats | None = None, visit: bool = False) -> Batch:
    """The network's view of a whole split, without augmentation.

    Parameters
    ----------
    split : Split
    levels : int
    values : ndarray, float32, shape (N, levels, 15, 15), optional
        Decoded template levels, nJy, instead of the split's own.
    visit : bool
        Show the visit.
    """
    every = np.arange(split.rows.size)
    view = np.full(every.size, VISIT if visit else TEMPLATE)
    if values is None:
        return batch_for(hierarchical(levels), split, every, view)
    views = split.views[view, every]
    scaled = values / views["sigma"][:, None, None, None]
    return make_batch(hierarchical(levels), split.rows, views, scaled)


def propose(
    finder: HostFinder, batch: Batch, average: bool = False, prior: Floats | None = None
) -> Mixture:
    """Mixtures of a whole split.

    Parameters
    ----------
    prior : ndarray, shape (B,), optional
        Log odds of a nearby host; even where not given.
    """
    ask = finder.propose_averaged if average else finder.propose
    odds = np.full(len(batch.values), np.nan, np.float32) if prior is None else prior
    sky = Conditions(batch.scale, batch.seeing, odds)
    return ask(batch.values, batch.first, batch.step, sky)


def to_results(
    root: Path,
    config: StudyConfig,
    split: Split,
    mixture: Mixture,
    batch: Batch,
    calibration: Calibration,
    split_name: str = "test",
) -> NDArray[Any]:
    """Per-transient results of a network on LSST's view of a split."""
    best: Candidates = candidates(mixture)
    out = np.zeros(split.rows.size, RESULT)
    out["dx"], out["dy"] = best.mean[:, 0, 0] * SCALE, best.mean[:, 0, 1] * SCALE
    out["none"], out["radius"] = best.none, best.radius[:, 0] * SCALE
    level, area = regions(mixture, batch.host)
    content = calibration.content(level)
    out["region"], out["area95"] = np.where(batch.present, content, np.nan), area * SCALE**2
    return add_identity(root, config, split, split_name, out)


def add_identity(
    root: Path, config: StudyConfig, split: Split, split_name: str, out: NDArray[Any]
) -> NDArray[Any]:
    """Fill in which galaxy each prediction points at."""
    for i, field in enumerate(fields(root, config, split_name)):
        mine = split.field == i
        found = identify(field, out["dx"][mine], out["dy"][mine])
        out["right"][mine], out["host_z"][mine] = found.right, found.host_z
    return out


__all__ = [
    "Decoded",
    "Variant",
    "add_identity",
    "batch_of",
    "kept_decoded",
    "load_split",
    "propose",
    "through_codec",
    "to_results",
]
