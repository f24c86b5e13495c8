"""The study of alert classes, step by step; what is there is not made again."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from reference_model.classes.config import STRATA, ClassConfig
from reference_model.classes.dataset import CLASSES_VERSION, load_alerts
from reference_model.classes.export import export_onnx, write_note
from reference_model.classes.fields import Told, choose, fit
from reference_model.classes.kinds import KINDS
from reference_model.classes.model import AlertNet
from reference_model.classes.real import FOLDS, Labelled, load_labelled
from reference_model.classes.scores import softmax, temperature
from reference_model.classes.training import ClassTraining, logits_of, trained
from reference_model.network.model import parameters

#: Inputs beside the levels ('any': n of 2 to 5, one set of weights) and the full window.
OTHERS = ("multiscale4x8", "stamp30")
#: Those that see alerts of the fine survey only, whose wide windows are kept.
FINE_INPUTS = ("any", "window240", "window120")
#: Peak learning rate of what is trained on with real alerts, and their share of a batch.
TUNE_RATE, TUNE_REAL = 1.0e-3, 0.5


@dataclass(frozen=True)
class Study:
    """Where a study is, and how long its networks learn.

    Attributes
    ----------
    root : Path
        Data folder.
    config : ClassConfig
    steps, tune : int
        Steps of training on simulated alerts, and of going on with real ones.
    """

    root: Path
    config: ClassConfig
    steps: int = 3000
    tune: int = 300

    @property
    def folder(self) -> Path:
        """Everything of this set."""
        return self.root / self.config.name

    def run(self, name: str) -> Path:
        """Weights of a run."""
        return self.folder / "runs" / f"{name}.safetensors"

    def answers(self, name: str) -> Path:
        """Stored logits of a run."""
        return self.folder / "answers" / f"{name}.npz"


def base_model(study: Study, kind: str, seed: int, strata: tuple[str, ...] = STRATA) -> AlertNet:
    """A network trained on simulated alerts."""
    where = "all" if strata == STRATA else "-".join(strata)
    # There are fewer alerts of one kind of survey, and their windows are larger.
    steps = study.steps if strata == STRATA else study.steps // 2
    config = ClassTraining(kind, seed, steps)
    path = study.run(f"{kind}-{where}-seed{seed}")
    if path.exists():
        return trained(path, config, None)  # type: ignore[arg-type]
    return trained(path, config, load_alerts(study.root, study.config, "train", strata))


def cross_validate(
    study: Study, kind: str, seed: int, labelled: Labelled, by: str = "real"
) -> None:
    """Real alerts: as the simulation taught, and after going on with four folds of five.

    Folds are by object, or by night where `by` is 'night'.
    """
    kinds = ("hstamp2", "hstamp3") if kind == "any" else (kind,)
    parts, word = (labelled.night, "night") if by == "night" else (labelled.fold, "fold")
    # Each also as the mean over rotations and flips.
    names = [(name, average) for name in kinds for average in (False, True)]
    paths = [study.answers(f"{by}-{name}{'x8' * average}-seed{seed}") for name, average in names]
    if all(path.exists() for path in paths):
        return
    start = base_model(study, kind, seed)
    simulated = load_alerts(study.root, study.config, "train")
    real = labelled.alerts
    untuned = [logits_of(start, KINDS[name], real, average=average) for name, average in names]
    tuned = [np.zeros_like(one) for one in untuned]
    config = ClassTraining(kind, seed, study.tune, rate=TUNE_RATE, real=TUNE_REAL)
    for fold in range(FOLDS):
        seen, held = np.flatnonzero(parts != fold), np.flatnonzero(parts == fold)
        model = trained(
            study.run(f"{kind}-{word}{fold}-seed{seed}"), config, simulated, real, start, seen
        )
        for found, (name, average) in zip(tuned, names, strict=True):
            found[held] = logits_of(model, KINDS[name], real, held, average)
    for path, first, second in zip(paths, untuned, tuned, strict=True):
        _store(path, simulated=first, tuned=second, label=real.rows["label"], group=real.groups,
               fold=parts)  # fmt: skip


def kept(study: Study, name: str, make: Callable[[], Any]) -> Any:
    """What `make` gives, as JSON beside the answers; made once."""
    path = study.answers(name).with_suffix(".json")
    if path.exists():
        return json.loads(path.read_text())
    found = make()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(found))
    return found


def keep_packets(study: Study, labelled: Labelled) -> None:
    """What the packets of the real alerts say, beside the answers."""
    path = study.answers("packets")
    if not path.exists():
        _store(path, numbers=labelled.numbers, night=labelled.night, fold=labelled.fold,
               label=labelled.alerts.rows["label"], group=labelled.alerts.groups)  # fmt: skip


def judge(study: Study, kind: str, seed: int, strata: tuple[str, ...] = STRATA) -> None:
    """A network trained on simulated alerts, on those of the test split."""
    where = "all" if strata == STRATA else "-".join(strata)
    _answer(study, where, kind, seed, base_model(study, kind, seed, strata), strata)


def _answer(
    study: Study, where: str, kind: str, seed: int, model: AlertNet, strata: tuple[str, ...]
) -> None:
    names = tuple(f"hstamp{n}" for n in range(2, 6)) if kind == "any" else (kind,)
    for name in names:
        path = study.answers(f"test-{where}-{name}-seed{seed}")
        if path.exists():
            continue
        found: dict[str, NDArray[Any]] = {}
        for split in ("validation", "test"):
            alerts = load_alerts(study.root, study.config, split, strata)
            found[f"{split}_logits"] = logits_of(model, KINDS[name], alerts)
            found[f"{split}_label"] = alerts.rows["label"]
            found[f"{split}_stratum"] = alerts.rows["stratum"]
            found[f"{split}_snr"] = alerts.rows["snr"]
            found[f"{split}_group"] = alerts.groups
        _store(path, **found)


def finish(study: Study, seed: int, labelled: Labelled, output: Path) -> dict[str, Any]:
    """The weights that are shipped: the levels, gone on with all real alerts.

    Their temperature is that of the cross-validation: the likelihood of alerts that the network
    of their fold had not seen. So is the head for packet fields.
    """
    start = base_model(study, "any", seed)
    config = ClassTraining("any", seed, study.tune, rate=TUNE_RATE, real=TUNE_REAL)
    simulated = load_alerts(study.root, study.config, "train")
    path = study.run(f"any-final-seed{seed}")
    model = trained(path, config, simulated, labelled.alerts, start)
    _answer(study, "final", "any", seed, model, STRATA)
    stored = np.load(study.answers(f"real-hstamp3-seed{seed}"), allow_pickle=False)
    label = stored["label"].astype(np.int64)
    warmth = temperature(stored["tuned"], label)
    told = Told(labelled.numbers, label, stored["tuned"].astype(float) / warmth)
    head = fit(told, choose(told, labelled.night))
    export_onnx(output, model)
    about: dict[str, Any] = {
        "classes": "equal shares",
        "training": f"simulated alerts {CLASSES_VERSION} ({len(simulated)}), then half simulated, "
                    f"half real ZTF alerts ({len(label)})",
        "parameters": parameters(model),
        "seed": seed,
    }  # fmt: skip
    write_note(output, warmth, about, head)
    return {"temperature": warmth, **about}


def crossed(logits: NDArray[np.float32], label: NDArray[np.int64], fold: NDArray[np.int64]) -> Any:
    """Probabilities of alerts, each with the temperature of the other folds."""
    out = np.empty(logits.shape)
    for number in np.unique(fold):
        held = fold == number
        out[held] = softmax(logits[held], temperature(logits[~held], label[~held]))
    return out


def _store(path: Path, **arrays: NDArray[Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial.npz")
    np.savez_compressed(partial, allow_pickle=False, **arrays)
    partial.replace(path)


def run_study(study: Study, labelled: Path | None, seeds: list[int], output: Path | None) -> None:
    """All networks, those first that answer most."""
    torch.set_num_threads(1)
    real = load_labelled(labelled) if labelled is not None else None
    if real is not None:
        keep_packets(study, real)

    def coarse(kind: str, seed: int) -> None:
        judge(study, kind, seed)
        if real is not None:
            cross_validate(study, kind, seed, real)

    for seed in seeds:
        coarse("any", seed)
        if real is not None and seed == seeds[0] and output is not None:
            print(json.dumps(finish(study, seed, real, output)), flush=True)
        coarse("window63", seed)
        for kind in FINE_INPUTS:
            judge(study, kind, seed, ("lsst",))
        if real is not None and seed == seeds[0]:
            for kind in ("any", "window63"):
                cross_validate(study, kind, seed, real, "night")
        for kind in OTHERS:
            coarse(kind, seed)
