"""An exported network on a test split, from decoded bytes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from hstamp.hosts.runtime import HostFinder, Mixture, read_calibration
from reference_model.config import StudyConfig
from reference_model.evaluation.names import SKY
from reference_model.evaluation.predict import (
    Variant,
    kept_decoded,
    load_split,
    propose,
    to_results,
)
from reference_model.evaluation.results import results_folder, write_method, write_truth
from reference_model.evaluation.told import (
    ABLATIONS,
    BRIGHTNESS,
    HEADLINE,
    answered,
    as_told,
    noise_for_all,
    prior_for,
)
from reference_model.network.inputs import KINDS
from reference_model.scenes.dataset import fields
from reference_model.training.arrays import TEMPLATE, Batch, batch_for

#: Inputs, beside n=5, that are also asked at the stream's share of nearby hosts.
GOAL_KINDS = ("stamp30", "overlapping5x30")
#: Steps of the i2 encoding that accuracy is measured against, as shares of sigma.
STEPS = (1 / 2, 1 / 4, 1 / 8)


def variants_of(levels: list[int], extras: bool) -> list[Variant]:
    """The encodings a run is evaluated on; n=5 in more of them."""
    found = [Variant(str(n), n, {"encoding": "i2"}) for n in levels]
    if extras:
        found.append(Variant("5_f4", 5, {"encoding": "f4"}))
        found += [Variant(f"5_step{round(1 / s)}", 5, {"encoding": "i2", "step": s}) for s in STEPS]
    return found


def evaluate_run(
    root: Path, config: StudyConfig, folder: Path, levels: list[int], *, extras: bool = False,
    ablations: bool = False, split_name: str = "test", label: str = "",
) -> None:  # fmt: skip
    """An exported network on a test split.

    Parameters
    ----------
    folder : Path
        Of the run.
    levels : list of int
        Numbers of levels that a network of any is shown.
    extras : bool
        Other encodings of n=5, the eight-fold average and the speed too.
    ablations : bool
        Also n=5 with all that `ABLATIONS` tells.
    split_name : {'test', 'clustered'}
    label : str
        What tells the results from those of another run of as many levels.
    """
    note = json.loads((folder / "model.json").read_text())
    finder = HostFinder(folder / "model.onnx", read_calibration(note))
    kind = KINDS[note["kind"]]
    split = load_split(root, config, split_name, kind)
    write_truth(root, config, split_name)
    out = results_folder(root, config, split_name)
    notes: dict[str, Any] = {"run": folder.name, "fields": len(split.names), "weights": note}
    training = json.loads(note["train"])
    # Seeds beyond the first stand beside it, to show the spread.
    suffix = "" if training["seed"] == 1 else f"_seed{training['seed']}"

    def keep(name: str, batch: Batch, mixture: Mixture, **more: Any) -> None:
        found = to_results(root, config, split, mixture, batch, finder.calibration, split_name)
        write_method(out, name + suffix, found, {**notes, **more})

    if not training["any_levels"]:
        every = np.arange(split.rows.size)
        batch = batch_for(kind, split, every, np.full(every.size, TEMPLATE))
        batch = as_told(batch, HEADLINE, noise_for_all(load_split(root, config, split_name)))
        goal = kind.name in GOAL_KINDS
        for told in (HEADLINE, BRIGHTNESS) if goal else (HEADLINE,):
            for stream in (False, True) if goal else (False,):
                mixture = propose(finder, batch, prior=prior_for(split, told, stream))
                name = f"net_{kind.name}{told.name}{SKY if stream else ''}"
                keep(name, batch, mixture, values=kind.values, told=told.text)
        return
    variants = variants_of(levels, extras)
    decoded = kept_decoded(root, config, split_name, split.names, variants)
    for variant, found in zip(variants, decoded, strict=True):
        name = f"net_any{variant.name}{label and f'_{label}'}"
        cost: dict[str, Any] = {
            "bytes": round(found.size, 1),
            "bytes_deflated": round(found.deflated, 1),
        }
        five = variant.name == "5"
        for told in ABLATIONS if five and ablations else (HEADLINE,):
            batch, ask = answered(finder, split, found.levels, told)
            for stream in (False, True) if five else (False,):
                keep(f"{name}{told.name}{SKY if stream else ''}", batch, ask(stream), **cost,
                     told=told.text)  # fmt: skip
        if extras and five:
            batch, _ = answered(finder, split, found.levels, HEADLINE)
            keep(f"{name}_average", batch, propose(finder, batch, average=True), **cost)
    if extras and split_name == "test":
        _speed(root, config, folder, out)


def _speed(root: Path, config: StudyConfig, run: Path, out: Path) -> None:
    import hstamp
    from reference_model.evaluation.speed import measure

    field = next(fields(root, config, "test"))
    rows = np.asarray(field.load("transients"))
    blobs = hstamp.encode_many(field.exposure().image, rows["x"], rows["y"], levels=5)
    speed = measure(run / "model.onnx", blobs)
    (out / "truth" / "speed.json").write_text(json.dumps(speed, indent=1))
