"""The training loop: seeded, resumable at every epoch, safetensors only."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from torch import Tensor
from tqdm import tqdm

from reference_model import DATA_VERSION
from reference_model.network.export import load_weights, save_weights
from reference_model.network.inputs import KINDS, InputKind, hierarchical
from reference_model.network.loss import negative_log_likelihood
from reference_model.network.model import HostNet, parameters
from reference_model.scenes.place import NEARBY
from reference_model.training.arrays import TEMPLATE, VISIT, Batch, Split, batch_for
from reference_model.training.augment import cut, darken, forget, jitter_noise, turn

#: How often each number of levels is shown when one set of weights serves all.
LEVEL_CHANCES = {2: 0.10, 3: 0.20, 4: 0.15, 5: 0.45, 6: 0.10}
#: How often LSST's template and its visit are shown; the rest are looks of other surveys.
TEMPLATE_SHARE, VISIT_SHARE = 0.25, 0.10
#: Beyond this many arcsec a stamp is seldom made, and such looks are shown this much more rarely.
WIDEST, SELDOM = 100.0, 0.2
#: Stamps of each stratum that the validation loss is taken of, half of them LSST's templates.
VALIDATION = 3072


@dataclass(frozen=True)
class TrainConfig:
    """One training run.

    Attributes
    ----------
    kind : str
        Input kind.
    seed : int
    epochs : int
    batch : int
    rate : float
        Peak learning rate of AdamW; warm-up over one twentieth, then a parabola.
    steps : int
        Batches of an epoch.
    any_levels : bool
        Show 2 to 6 levels, `LEVEL_CHANCES`, instead of the kind's own.
    init : str
        Run whose weights to start from; from scratch when empty.
    half : bool
        Multiply in bfloat16 while training; sums, weights and loss stay float32.
    """

    kind: str = "hstamp5"
    seed: int = 1
    epochs: int = 8
    steps: int = 1000
    batch: int = 64
    rate: float = 6e-3
    any_levels: bool = False
    init: str = ""
    half: bool = True


def loss_of(model: HostNet, batch: Batch, half: bool = False) -> Tensor:
    """Loss of a model on each stamp of a batch; with `half`, products in bfloat16."""
    values, first, step, scale, seeing, host, present, log_radius, nearby = (
        torch.from_numpy(np.ascontiguousarray(getattr(batch, part.name))) for part in fields(batch)
    )
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=half):
        found = model.consider(values, first, step, scale, seeing)
    return negative_log_likelihood(found, host, present, log_radius, nearby)


class Sampler:
    """Draws transients and views: both strata equally often, each by what a survey finds.

    Looks at which a stamp of some width in pixels is wider than `WIDEST` are drawn more rarely.

    Parameters
    ----------
    split : Split
    """

    def __init__(self, split: Split) -> None:
        nearby = split.rows["stratum"] == NEARBY
        self.strata = [part for part in (np.flatnonzero(nearby), np.flatnonzero(~nearby))
                       if part.size]  # fmt: skip
        self._views = split.views
        self._chances: dict[int, list[list[NDArray[np.float64]]]] = {}

    def _chance(self, width: int) -> list[list[NDArray[np.float64]]]:
        """Cumulative weights of each view's transients, stratum by stratum."""
        if width not in self._chances:
            scale = self._views["scale"]
            rare = np.where(scale * width > WIDEST, SELDOM, 1.0) * self._views["weight"]
            self._chances[width] = [[np.cumsum(row[part]) for part in self.strata] for row in rare]
        return self._chances[width]

    def draw(
        self, rng: np.random.Generator, view: NDArray[np.int64], width: int
    ) -> NDArray[np.int64]:
        """One transient for each view, the strata in turn, in stamps `width` base pixels wide."""
        out = np.empty(view.size, np.int64)
        chances = self._chance(width)
        for i in range(view.size):
            which = i % len(self.strata)
            chance = chances[view[i]][which]
            at = np.searchsorted(chance, rng.uniform(0.0, chance[-1]), side="right")
            out[i] = self.strata[which][min(int(at), chance.size - 1)]
        return out


def draw_views(rng: np.random.Generator, count: int, looks: int) -> NDArray[np.int64]:
    """Which view of each of `count` transients is shown."""
    u = rng.uniform(size=count)
    other = rng.integers(2, looks, count) if looks > 2 else np.zeros(count, np.int64)
    return np.where(
        u < TEMPLATE_SHARE, TEMPLATE, np.where(u < TEMPLATE_SHARE + VISIT_SHARE, VISIT, other)
    )


def draw_batch(
    split: Split, sampler: Sampler, config: TrainConfig, rng: np.random.Generator
) -> Batch:
    """A training batch, augmented."""
    kind = KINDS[config.kind]
    if config.any_levels:
        levels = rng.choice(list(LEVEL_CHANCES), p=list(LEVEL_CHANCES.values()))
        kind = hierarchical(int(levels))
    view = draw_views(rng, config.batch, split.looks)
    index = sampler.draw(rng, view, kind.side * kind.steps[-1])
    batch = batch_for(kind, split, index, view)
    seen = split.views[view, index]
    batch = jitter_noise(batch, seen["wide"] / seen["sigma"], rng)
    batch = forget(darken(cut(batch, kind, rng), rng), rng)
    return turn(batch, kind, int(rng.integers(8)))


@dataclass(frozen=True)
class Validation:
    """Mean loss of a fixed choice of validation stamps, without augmentation.

    Attributes
    ----------
    template : float
        Of LSST's templates.
    looks : float
        Of looks of other surveys.
    """

    template: float
    looks: float

    @property
    def mean(self) -> float:
        """What epochs, seeds and networks are chosen by."""
        return 0.5 * (self.template + self.looks)


def validation_batches(split: Split, kind: InputKind) -> Iterator[Batch]:
    """A fixed choice of validation stamps: LSST's templates, then as many looks of others.

    Both strata alike, scale and seeing known, nothing augmented.
    """
    rng, sampler = np.random.default_rng(0), Sampler(split)
    others = rng.integers(min(2, split.looks - 1), split.looks, VALIDATION)
    for view in (np.full(VALIDATION, TEMPLATE), others):
        index = sampler.draw(rng, view, kind.side * kind.steps[-1])
        for part in np.array_split(np.arange(VALIDATION), VALIDATION // 128):
            yield batch_for(kind, split, index[part], view[part])


def validate(model: HostNet, split: Split, config: TrainConfig) -> Validation:
    """Loss on the validation split."""
    model.eval()
    with torch.no_grad():
        found = [float(loss_of(model, batch).mean())
                 for batch in validation_batches(split, KINDS[config.kind])]  # fmt: skip
    model.train()
    half = len(found) // 2
    return Validation(float(np.mean(found[:half])), float(np.mean(found[half:])))


class Averaged:
    """Exponential average of the weights, which is what is kept in the end."""

    def __init__(self, model: HostNet, decay: float = 0.998) -> None:
        self.decay = decay
        self.state = {k: v.detach().clone() for k, v in model.state_dict().items()}

    def update(self, model: HostNet, step: int) -> None:
        """Blend in the current weights; early on faster, so that nothing of the start stays."""
        decay = min(self.decay, (1 + step) / (10 + step))
        for k, v in model.state_dict().items():
            self.state[k].lerp_(v.detach(), 1.0 - decay)


def train(
    folder: Path, config: TrainConfig, training: Split, validation: Split, data_name: str
) -> Path:
    """Train, or go on training.

    Parameters
    ----------
    folder : Path
        Of this run: checkpoint, log and finished weights.
    config : TrainConfig
    training, validation : Split
    data_name : str
        Name of the data set, for the record.

    Returns
    -------
    Path
        The weights as the last epoch left them.
    """
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(config.seed)
    model = HostNet(KINDS[config.kind])
    if config.init:
        earlier, _ = load_weights(folder.parent / config.init / "weights.safetensors")
        model.load_state_dict(earlier.state_dict())
    model = model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimiser = torch.optim.AdamW(model.parameters(), lr=config.rate, weight_decay=1e-4, fused=True)
    per_epoch, sampler = config.steps, Sampler(training)
    total = per_epoch * config.epochs
    average = Averaged(model)
    done = _resume(folder, config, model, optimiser, average)
    log = folder / "log.jsonl"
    for epoch in range(done, config.epochs):
        # Each epoch has its own generator, so that a resumed run repeats the first.
        rng = np.random.default_rng([config.seed, epoch])
        start, running = time.monotonic(), 0.0
        bar = tqdm(range(per_epoch), desc=f"epoch {epoch + 1}/{config.epochs}", disable=None)
        for i in bar:
            step = epoch * per_epoch + i
            for group in optimiser.param_groups:
                group["lr"] = config.rate * schedule(step, total)
            loss = loss_of(model, draw_batch(training, sampler, config, rng), config.half).mean()
            optimiser.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(model.parameters(), 5.0)
            optimiser.step()
            average.update(model, step)
            running += float(loss.detach())
        kept = HostNet(KINDS[config.kind])
        kept.load_state_dict(average.state)
        measured = validate(kept, validation, config)
        line = {
            "epoch": epoch + 1,
            "loss": running / per_epoch,
            "validation": measured.mean,
            "template": measured.template,
            "looks": measured.looks,
            "seconds": round(time.monotonic() - start, 1),
        }
        with log.open("a") as out:
            out.write(json.dumps(line) + "\n")
        _checkpoint(folder, config, epoch + 1, model, optimiser, average)
        notes = {
            "train": json.dumps(asdict(config)),
            "epochs": str(epoch + 1),
            "validation": f"{measured.mean:.4f}",
            "data": f"{data_name} {DATA_VERSION}",
            "transients": str(training.rows.size),
            "fields": str(len(training.names)),
            "parameters": str(parameters(model)),
        }
        save_weights(folder / "weights.safetensors", kept, notes)
    return folder / "weights.safetensors"


def schedule(step: int, total: int) -> float:
    """Share of the peak learning rate: linear warm-up, then a parabola down to 1 %.

    The loss falls fastest at a high rate and is held up by its noise after some thousand steps:
    half of the steps are made below a quarter of the peak.
    """
    warm = max(1, total // 20)
    if step < warm:
        return (step + 1) / warm
    return float(0.01 + 0.99 * (1.0 - (step - warm) / max(1, total - warm)) ** 2)


def _checkpoint(
    folder: Path, config: TrainConfig, epoch: int, model: HostNet,
    optimiser: torch.optim.Optimizer, average: Averaged,
) -> None:  # fmt: skip
    tensors = {f"model.{k}": v.contiguous() for k, v in model.state_dict().items()}
    tensors |= {f"average.{k}": v.contiguous() for k, v in average.state.items()}
    for i, state in optimiser.state_dict()["state"].items():
        tensors |= {f"adam.{i}.{k}": v.clone().contiguous() for k, v in state.items()}
    partial = folder / "checkpoint.partial"
    save_file(tensors, partial)
    partial.replace(folder / "checkpoint.safetensors")
    note = {"epoch": epoch, "config": asdict(config)}
    (folder / "checkpoint.json").write_text(json.dumps(note))


def _resume(
    folder: Path, config: TrainConfig, model: HostNet, optimiser: torch.optim.Optimizer,
    average: Averaged,
) -> int:  # fmt: skip
    """Epochs already done; zero when there is no checkpoint of this configuration."""
    note_path, path = folder / "checkpoint.json", folder / "checkpoint.safetensors"
    if not (note_path.exists() and path.exists()):
        return 0
    note = json.loads(note_path.read_text())
    if note["config"] != asdict(config):
        raise ValueError(f"{folder} holds a run of another configuration: {note['config']}")
    tensors = load_file(path)
    for prefix, take in (("model.", model.load_state_dict), ("average.", average.state.update)):
        take({k[len(prefix) :]: v for k, v in tensors.items() if k.startswith(prefix)})
    state: dict[int, dict[str, Tensor]] = {}
    for key, value in tensors.items():
        if key.startswith("adam."):
            _, number, name = key.split(".")
            state.setdefault(int(number), {})[name] = value
    # The fused step walks memory, so that moments must lie as their parameters do.
    for position, parameter in enumerate(model.parameters()):
        for name, value in state.get(position, {}).items():
            if value.shape == parameter.shape:
                state[position][name] = torch.empty_like(parameter).copy_(value)
    whole = optimiser.state_dict()
    whole["state"] = state
    optimiser.load_state_dict(whole)
    return int(note["epoch"])
