"""The classifier as ONNX, with its calibration."""

from __future__ import annotations

import json
import logging
import warnings
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from hstamp.classify.fields import FieldHead
from reference_model.classes.model import AlertNet
from reference_model.network.export import strip_traces
from reference_model.network.inputs import InputKind

INPUTS = ("values", "first", "step", "scale", "seeing")


def example_inputs(kind: InputKind, batch: int, seed: int) -> dict[str, NDArray[np.float32]]:
    """Random inputs of a kind, for export and for parity tests."""
    rng = np.random.default_rng(seed)
    grids = len(kind.steps)
    values = rng.standard_normal((batch, 3, grids, kind.side, kind.side)) * 5.0
    values[rng.uniform(size=values.shape) < 0.02] = np.nan
    step = np.asarray(kind.steps, dtype=np.float32)
    first = -(kind.side - 1) / 2.0 * step[None, :, None] + rng.uniform(-1, 1, (batch, 1, 2))
    found: dict[str, NDArray[np.float64 | np.float32]] = {
        "values": values, "first": first, "step": step,
        "scale": rng.uniform(0.2, 1.0, batch), "seeing": rng.uniform(0.6, 2.0, batch),
    }  # fmt: skip
    found["seeing"][0] = np.nan
    return {name: np.asarray(value, dtype=np.float32) for name, value in found.items()}


def export_onnx(path: Path, model: AlertNet) -> None:
    """Write the model as ONNX; batch and, for level stacks, grids are dynamic."""
    model.eval()
    example = example_inputs(model.kind, 3, 0)
    batch = torch.export.Dim("batch", min=1)
    grids = torch.export.Dim("grids", min=2, max=8) if len(model.kind.steps) > 1 else None
    shapes = {
        "values": {0: batch, **({2: grids} if grids else {})},
        "first": {0: batch, **({1: grids} if grids else {})},
        "step": {0: grids} if grids else {},
        "scale": {0: batch},
        "seeing": {0: batch},
    }
    log = logging.getLogger("torch.onnx")
    before = log.level
    log.setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            model,
            tuple(torch.from_numpy(example[name]) for name in INPUTS),
            path,
            input_names=list(INPUTS),
            output_names=["class_logits"],
            dynamic_shapes=shapes,
            dynamo=True,
            external_data=False,
            verbose=False,
        )
    log.setLevel(before)
    strip_traces(path)


def write_note(
    path: Path, temperature: float, about: dict[str, object], head: FieldHead | None = None
) -> None:
    """Calibration, origin and the head for packet fields beside an ONNX file."""
    note = {"temperature": temperature, **about}
    if head is not None:
        note["fields"] = head.note()
    path.with_suffix(".json").write_text(json.dumps(note, indent=1) + "\n")
