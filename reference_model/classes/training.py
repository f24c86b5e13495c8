"""Training on simulated alerts, and on with real ones; seeded, kept as safetensors."""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from hstamp.classify import CLASSES
from reference_model.classes.augment import augmented, turned
from reference_model.classes.dataset import CLASSES_VERSION, Alerts
from reference_model.classes.kinds import KINDS, Shown, show
from reference_model.classes.model import AlertNet
from reference_model.network.inputs import InputKind, hierarchical
from reference_model.network.model import parameters
from reference_model.training.loop import schedule

#: How often each number of levels is shown when one set of weights serves all; of real ZTF
#: cutouts (63 pixels) only 2 and 3.
LEVELS = {2: 0.2, 3: 0.4, 4: 0.15, 5: 0.25}
REAL_LEVELS = {2: 0.25, 3: 0.75}


@dataclass(frozen=True)
class ClassTraining:
    """One run.

    Attributes
    ----------
    kind : str
        Input kind; 'any' for levels with one set of weights for all n.
    seed : int
    steps : int
    batch : int
    rate : float
        Peak learning rate of AdamW; warm-up over one twentieth, then a cosine.
    real : float
        Share of real alerts in a batch.
    """

    kind: str = "any"
    seed: int = 1
    steps: int = 4000
    batch: int = 64
    rate: float = 3e-3
    real: float = 0.0


def kind_of(name: str, rng: np.random.Generator | None = None, real: bool = False) -> InputKind:
    """Input kind of a run's name; 'any' draws a number of levels, or has five."""
    if name != "any":
        return KINDS[name]
    if rng is None:
        return hierarchical(5)
    chances = REAL_LEVELS if real else LEVELS
    return hierarchical(int(rng.choice(list(chances), p=list(chances.values()))))


def tensors(shown: Shown) -> tuple[Tensor, ...]:
    """The network's inputs."""
    return tuple(
        torch.from_numpy(np.ascontiguousarray(a, dtype=np.float32))
        for a in (shown.values, shown.first, shown.step, shown.scale, shown.seeing)
    )


def _balance(labels: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Chances that make classes equally frequent."""
    share = np.bincount(labels, minlength=len(CLASSES))
    chance = 1.0 / np.maximum(share, 1)[labels]
    return np.asarray(chance / chance.sum())


class Averaged:
    """Exponential average of weights."""

    def __init__(self, model: AlertNet, decay: float) -> None:
        self.decay = decay
        self.state = {k: v.detach().clone() for k, v in model.state_dict().items()}

    def update(self, model: AlertNet, step: int) -> None:
        """Blend in the current weights; early on faster."""
        decay = min(self.decay, (1 + step) / (10 + step))
        for k, v in model.state_dict().items():
            self.state[k].lerp_(v.detach(), 1.0 - decay)


def train(
    config: ClassTraining, simulated: Alerts, real: Alerts | None = None,
    start: AlertNet | None = None, only: NDArray[np.int64] | None = None,
) -> AlertNet:  # fmt: skip
    """Train a network.

    Parameters
    ----------
    config : ClassTraining
    simulated : Alerts
    real : Alerts, optional
        Real alerts, a share `config.real` of each batch.
    start : AlertNet, optional
        Network to go on from.
    only : ndarray of int, optional
        Those real alerts that may be seen; all by default.
    """
    torch.manual_seed(config.seed)
    rng = np.random.default_rng([config.seed, 5])
    model = AlertNet(kind_of(config.kind))
    if start is not None:
        model.load_state_dict(start.state_dict())
    model.train()
    optimiser = torch.optim.AdamW(model.parameters(), lr=config.rate, weight_decay=1e-3, fused=True)
    average = Averaged(model, 0.995)
    count = round(config.batch * config.real) if real is not None else 0
    chances = _balance(simulated.rows["label"])
    if real is not None:
        seen = np.arange(len(real)) if only is None else only
        real_chances = _balance(real.rows["label"][seen])
    began = time.monotonic()
    for step in range(config.steps):
        for group in optimiser.param_groups:
            group["lr"] = config.rate * schedule(step, config.steps)
        kind = kind_of(config.kind, rng, real is not None and rng.uniform() < 0.8)
        # Beyond three levels real cutouts have nothing.
        mixed = real is not None and len(kind.steps) * kind.hierarchical <= 3
        few = config.batch - (count if mixed else 0)
        index = rng.choice(len(simulated), few, p=chances)
        shown, labels = show(kind, simulated, index), simulated.rows["label"][index]
        if mixed and real is not None:
            chosen = seen[rng.choice(seen.size, count, p=real_chances)]
            shown = joined(shown, show(kind, real, chosen))
            labels = np.concatenate([labels, real.rows["label"][chosen]])
        with torch.autocast("cpu", dtype=torch.bfloat16):
            logits = model(*tensors(augmented(shown, rng)))
        loss = F.cross_entropy(logits, torch.from_numpy(labels.astype(np.int64)))
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(model.parameters(), 5.0)
        optimiser.step()
        average.update(model, step)
        if (step + 1) % 500 == 0:
            print(f"  {config.kind} seed {config.seed}: step {step + 1}, loss {float(loss):.3f}, "
                  f"{time.monotonic() - began:.0f} s", flush=True)  # fmt: skip
    model.load_state_dict(average.state)
    model.eval()
    return model


def joined(one: Shown, other: Shown) -> Shown:
    """Two sets of alerts as one."""
    return replace(
        one,
        **{
            name: np.concatenate([getattr(one, name), getattr(other, name)])
            for name in ("values", "first", "scale", "seeing")
        },
    )


def logits_of(
    model: AlertNet, kind: InputKind, alerts: Alerts, index: NDArray[np.int64] | None = None,
    average: bool = False,
) -> NDArray[np.float32]:  # fmt: skip
    """Raw answers, shape (B, 5), without augmentation; or the mean over rotations and flips."""
    chosen = np.arange(len(alerts)) if index is None else index
    model.eval()
    out = []
    with torch.no_grad():
        for part in np.array_split(chosen, max(1, chosen.size // 128)):
            shown = show(kind, alerts, part)
            found = [model(*tensors(turned(shown, which))) for which in range(8 if average else 1)]
            chance = torch.stack([F.log_softmax(one, dim=1) for one in found])
            out.append((torch.logsumexp(chance, dim=0) - np.log(len(found))).numpy())
    return np.concatenate(out)


def save(path: Path, model: AlertNet, config: ClassTraining) -> None:
    """Weights with what made them."""
    path.parent.mkdir(parents=True, exist_ok=True)
    notes = {"training": json.dumps(asdict(config)), "data": f"simulated alerts {CLASSES_VERSION}",
             "parameters": str(parameters(model))}  # fmt: skip
    partial = path.with_suffix(".partial")
    save_file({k: v.contiguous() for k, v in model.state_dict().items()}, partial,
              metadata={"kind": config.kind, "notes": json.dumps(notes)})  # fmt: skip
    partial.replace(path)


def load(path: Path) -> AlertNet:
    """Network that `save` wrote."""
    with safe_open(path, "pt") as file:
        model = AlertNet(kind_of(file.metadata()["kind"]))
        model.load_state_dict({name: file.get_tensor(name) for name in file.keys()})  # noqa: SIM118
    model.eval()
    return model


def trained(
    path: Path, config: ClassTraining, simulated: Alerts, real: Alerts | None = None,
    start: AlertNet | None = None, only: NDArray[np.int64] | None = None,
) -> AlertNet:  # fmt: skip
    """The network of a run: as stored, or trained now and stored."""
    if path.exists():
        return load(path)
    model = train(config, simulated, real, start, only)
    save(path, model, config)
    return model
