"""The steps of the study that join its parts."""

from __future__ import annotations

import argparse
import json
import multiprocessing
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from reference_model.config import StudyConfig
from reference_model.evaluation.results import (
    RESULT,
    identify,
    results_folder,
    write_csv,
    write_method,
)
from reference_model.scenes.company import brighter_neighbours
from reference_model.scenes.dataset import fields
from reference_model.scenes.fields import Field

if TYPE_CHECKING:
    from reference_model.evaluation.predict import Variant
    from reference_model.network.inputs import InputKind
    from reference_model.training.arrays import Batch


def write_truth(root: Path, config: StudyConfig, split: str = "test") -> None:
    """A test split's truth beside its results, as arrays and as CSV."""
    folder = results_folder(root, config, split) / "truth"
    folder.mkdir(parents=True, exist_ok=True)
    found = list(fields(root, config, split))
    if not found:
        raise FileNotFoundError(
            f"no {split} fields under {root / config.name}: run 'simulate' first"
        )
    rows = [np.asarray(f.load("transients")) for f in found]
    number = np.concatenate([np.full(r.size, i) for i, r in enumerate(rows)])
    every = np.concatenate(rows)
    np.save(folder / "rows.npy", every, allow_pickle=False)
    np.save(folder / "field.npy", number, allow_pickle=False)
    brighter = np.concatenate([brighter_neighbours(f) for f in found])
    np.save(folder / "brighter.npy", brighter, allow_pickle=False)
    columns = {n: every[n] for n in every.dtype.names or ()}
    write_csv(folder / "rows.csv", {"field": number, **columns, "brighter": brighter})


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
    import torch

    from hstamp.hosts.runtime import mixture_of
    from reference_model.evaluation.regions import regions
    from reference_model.network.export import INPUTS, INTERFACE, export_onnx, load_weights
    from reference_model.sky.odds import nearby_table
    from reference_model.training.arrays import load_split
    from reference_model.training.calibrate import fit, region_contents
    from reference_model.training.loop import validation_batches

    folder = run_folder(root, config, run)
    model, notes = load_weights(folder / "weights.safetensors")
    split = load_split(root, config, "validation", model.kind)
    found: list[list[NDArray[np.float32]]] = []
    batches = list(validation_batches(split, model.kind))
    with torch.no_grad():
        for part in batches:
            told = (part.values, part.first, part.step, part.scale, part.seeing,
                    np.full(len(part.values), np.nan, np.float32))  # fmt: skip
            found.append([o.numpy() for o in model(*(torch.from_numpy(a) for a in told))])
    logits, mean, scale, log_radius = (np.concatenate([f[i] for f in found]) for i in range(4))
    host, present = (np.concatenate([getattr(b, n) for b in batches]) for n in ("host", "present"))
    calibration = fit(logits, mean, scale, host, present)
    mixture = mixture_of(logits, mean, scale, log_radius, calibration)
    level, _ = regions(mixture, host)
    path = output or folder / "model.onnx"
    export_onnx(path, model)
    note = {
        "kind": model.kind.name,
        "interface": INTERFACE,
        "inputs": list(INPUTS),
        "temperature": calibration.temperature,
        "widen": calibration.widen,
        "region_contents": region_contents(level[present]),
        "nearby": nearby_table(),
        "simulated": True,
        **notes,
    }
    path.with_suffix(".json").write_text(json.dumps(note, indent=1))
    return path


#: Share of nearby, wide hosts among alerts: under 1 % (DMTN-248).
NEARBY_IN_THE_SKY = 0.01
#: Inputs, beside n=5, that are also asked with that share.
GOAL_KINDS = ("stamp30", "overlapping5x30")
#: Steps of the i2 encoding that accuracy is measured against, as shares of sigma.
STEPS = (1 / 2, 1 / 4, 1 / 8)


def variants_of(levels: list[int], extras: bool) -> list[Variant]:
    """The encodings a run is evaluated on; n=5 in more of them."""
    from reference_model.evaluation.predict import Variant

    found = [Variant(str(n), n, {"encoding": "i2"}) for n in levels]
    if extras:
        found.append(Variant("5_f4", 5, {"encoding": "f4"}))
        found += [Variant(f"5_step{round(1 / s)}", 5, {"encoding": "i2", "step": s}) for s in STEPS]
    return found


def evaluate_run(
    root: Path, config: StudyConfig, run: str, levels: list[int], extras: bool,
    split_name: str = "test",
) -> None:  # fmt: skip
    """An exported network on a test split, from decoded bytes."""
    from hstamp.hosts.runtime import HostFinder, read_calibration
    from reference_model.evaluation.predict import (
        batch_of,
        load_split,
        propose,
        through_codec,
        to_results,
    )
    from reference_model.training.arrays import TEMPLATE, batch_for

    folder = run_folder(root, config, run)
    note = json.loads((folder / "model.json").read_text())
    finder = HostFinder(folder / "model.onnx", read_calibration(note))
    kind = kind_named(note["kind"])
    split = load_split(root, config, split_name, kind)
    write_truth(root, config, split_name)
    out = results_folder(root, config, split_name)
    notes: dict[str, Any] = {"run": run, "fields": len(split.names), "weights": note}

    training = json.loads(note["train"])
    # Seeds beyond the first stand beside it, to show the spread.
    suffix = "" if training["seed"] == 1 else f"_seed{training['seed']}"

    def keep(
        name: str, batch: Batch, average: bool = False, nearby: float | None = None, **more: Any
    ) -> None:
        mixture = propose(finder, batch, average, nearby)
        found = to_results(root, config, split, mixture, batch, finder.calibration, split_name)
        write_method(out, name + suffix, found, {**notes, **more})

    if not training["any_levels"]:
        every = np.arange(split.rows.size)
        batch = batch_for(kind, split, every, np.full(every.size, TEMPLATE))
        keep(f"net_{kind.name}", batch, values=kind.values)
        if kind.name in GOAL_KINDS:
            keep(f"net_{kind.name}_sky", batch, nearby=NEARBY_IN_THE_SKY, values=kind.values)
        return
    variants = variants_of(levels, extras)
    decoded = through_codec(root, config, split.names, variants)
    for variant, found in zip(variants, decoded, strict=True):
        batch = batch_of(split, variant.levels, found.levels)
        cost: dict[str, Any] = {
            "bytes": round(found.size, 1),
            "bytes_deflated": round(found.deflated, 1),
        }
        keep(f"net_any{variant.name}", batch, **cost)
        if variant.name == "5":
            keep("net_any5_sky", batch, nearby=NEARBY_IN_THE_SKY, **cost)
        if extras and variant.name == "5":
            keep("net_any5_average", batch, average=True, **cost)
    if extras:
        keep("net_any5_visit", batch_of(split, 5, visit=True))
        _speed(root, config, finder, out)


def _speed(root: Path, config: StudyConfig, finder: Any, out: Path) -> None:
    import hstamp
    from reference_model.evaluation.speed import measure

    field = next(fields(root, config, "test"))
    rows = np.asarray(field.load("transients"))
    blobs = hstamp.encode_many(field.exposure().image, rows["x"], rows["y"], levels=5)
    speed = measure(finder, blobs)
    (out / "truth" / "speed.json").write_text(json.dumps(speed, indent=1))
