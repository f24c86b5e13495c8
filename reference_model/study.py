"""The steps of the study that join its parts."""

from __future__ import annotations

import argparse
import json
import multiprocessing
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from tqdm import tqdm

from reference_model.config import StudyConfig
from reference_model.evaluation.results import (
    RESULT,
    identify,
    results_folder,
    write_method,
    write_truth,
)
from reference_model.scenes.dataset import fields
from reference_model.scenes.fields import Field

if TYPE_CHECKING:
    from reference_model.network.inputs import InputKind


# --------------------------------------------------------------------------
# Classical finders


def _methods_of_field(folder: Path, seed: int, root: Path) -> str:
    from reference_model.methods.run import METHODS, run_field

    field = Field(folder)
    target = root / f"{field.name}.npy"
    if target.exists():
        return field.name
    answers = run_field(field, seed)
    out = np.zeros((len(METHODS), len(answers[METHODS[0]])), RESULT)
    for row, name in zip(out, METHODS, strict=True):
        row["dx"], row["dy"] = answers[name][:, 0], answers[name][:, 1]
        row["none"] = np.where(np.isfinite(answers[name][:, 2]), 0.0, 1.0)
        row["radius"] = row["region"] = row["area95"] = np.nan
        found = identify(field, row["dx"], row["dy"])
        row["right"], row["host_z"] = found.right, found.host_z
    partial_path = target.with_suffix(".partial.npy")
    np.save(partial_path, out, allow_pickle=False)
    partial_path.replace(target)
    return field.name


def run_methods(
    root: Path, config: StudyConfig, workers: int, most: int | None, split: str = "test"
) -> None:
    """The classical finders on a test split, resumable by field."""
    from reference_model.methods.run import METHODS

    write_truth(root, config, split)
    kept = root / config.name / "methods"
    kept.mkdir(parents=True, exist_ok=True)
    found = list(fields(root, config, split))[:most]
    work = partial(_methods_of_field, seed=config.seed, root=kept)
    folders = [f.folder for f in found]
    with tqdm(total=len(folders), unit="field", disable=None) as bar:
        if workers <= 1:
            for folder in folders:
                work(folder)
                bar.update()
        else:
            with multiprocessing.get_context("spawn").Pool(workers) as pool:
                for _ in pool.imap_unordered(work, folders):
                    bar.update()
    tables = [np.load(kept / f"{f.name}.npy", allow_pickle=False) for f in found]
    every = np.concatenate(tables, axis=1)
    for name, row in zip(METHODS, every, strict=True):
        write_method(results_folder(root, config, split), name, row, {"fields": len(found)})


# --------------------------------------------------------------------------
# Networks


def kind_named(name: str) -> InputKind:
    """An input kind by its name."""
    from reference_model.network.inputs import KINDS

    if name not in KINDS:
        raise ValueError(f"unknown input kind {name!r}; there are {', '.join(KINDS)}")
    return KINDS[name]


def cut_inputs(root: Path, config: StudyConfig, names: Sequence[str], workers: int) -> None:
    """Cut the grids of input kinds (all when none is named) from every field."""
    from reference_model.scenes.other import compared_kinds, cut_all

    kinds = [kind_named(name) for name in names] or compared_kinds()
    for kind in kinds:
        if kind.hierarchical:
            raise ValueError(f"{kind.name}: every field holds its levels already")
    cut_all(root, config, kinds, workers)


def simulate_all(root: Path, config: StudyConfig, workers: int, inputs: bool) -> Path:
    """Every field; with `inputs` also the grids that stamps are compared with.

    The wide window, which is large, is cut by `cut_inputs` alone.
    """
    from reference_model.network.inputs import OVERLAPPING
    from reference_model.scenes.dataset import simulate
    from reference_model.scenes.other import cut_exposures

    also = partial(cut_exposures, root, config, [OVERLAPPING]) if inputs else None
    return simulate(root, config, workers, also)


def run_folder(root: Path, config: StudyConfig, run: str) -> Path:
    """Where a training run lies."""
    return root / config.name / "runs" / run


def train_run(root: Path, config: StudyConfig, options: argparse.Namespace) -> Path:
    """Train as the command line says."""
    import torch

    from reference_model.training.arrays import load_split
    from reference_model.training.loop import TrainConfig, train

    kind = kind_named(options.kind)
    torch.set_num_threads(max(1, options.workers))
    run = TrainConfig(
        kind=options.kind,
        seed=options.seed,
        epochs=options.epochs,
        steps=options.steps,
        rate=options.rate,
        any_levels=options.any_levels,
        init=options.init,
        half=not options.float32,
    )
    name = options.run or f"{'any' if run.any_levels else run.kind}-seed{run.seed}"
    return train(
        run_folder(root, config, name), run, load_split(root, config, "train", kind, True),
        load_split(root, config, "validation", kind), config.name,
    )  # fmt: skip


def export_run(root: Path, config: StudyConfig, run: str, output: Path | None) -> Path:
    """Calibrate on the validation split and write ONNX with a JSON beside it."""
    from reference_model.evaluation.calibration import calibrate
    from reference_model.network.export import INPUTS, INTERFACE, export_onnx, load_weights
    from reference_model.sky.odds import nearby_table
    from reference_model.training.arrays import load_split

    folder = run_folder(root, config, run)
    model, notes = load_weights(folder / "weights.safetensors")
    split = load_split(root, config, "validation", model.kind)
    any_levels = bool(json.loads(notes["train"])["any_levels"])
    calibration = calibrate(model, split, any_levels)
    path = output or folder / "model.onnx"
    export_onnx(path, model)
    note = {
        "kind": model.kind.name,
        "interface": INTERFACE,
        "inputs": list(INPUTS),
        "temperature": calibration.temperature,
        "widen": calibration.widen,
        "region_contents": list(calibration.contents),
        "nearby": nearby_table(),
        "simulated": True,
        "data_seed": config.seed,
        "run": run,
        **notes,
    }
    path.with_suffix(".json").write_text(json.dumps(note, indent=1))
    return path
