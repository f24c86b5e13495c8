"""Weights to ONNX and to safetensors, and back."""

from __future__ import annotations

import json
import logging
import warnings
from pathlib import Path

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from reference_model.network.inputs import KINDS, InputKind
from reference_model.network.model import HostNet

#: The interface that `hstamp.hosts` knows by this number.
INTERFACE = 2
INPUTS = ("values", "first", "step", "scale", "seeing", "prior")
OUTPUTS = ("host_logits", "host_position", "host_scale", "host_log_radius")


def save_weights(path: Path, model: HostNet, notes: dict[str, str]) -> None:
    """Weights with their input kind and notes, as safetensors."""
    tensors = {k: v.contiguous() for k, v in model.state_dict().items()}
    partial = path.with_suffix(".partial")
    save_file(tensors, partial, metadata={"kind": model.kind.name, "notes": json.dumps(notes)})
    partial.replace(path)


def load_weights(path: Path) -> tuple[HostNet, dict[str, str]]:
    """Model and notes as `save_weights` wrote them."""
    with safe_open(path, "pt") as file:
        meta = file.metadata()
        model = HostNet(KINDS[meta["kind"]])
        model.load_state_dict({name: file.get_tensor(name) for name in file.keys()})  # noqa: SIM118
    model.eval()
    return model, dict(json.loads(meta["notes"]))


def example_inputs(kind: InputKind, batch: int, seed: int) -> dict[str, np.ndarray]:
    """Random inputs of a kind, for export and for parity tests."""
    rng = np.random.default_rng(seed)
    grids = len(kind.steps)
    values = rng.standard_normal((batch, grids, kind.side, kind.side)) * 5.0
    values[rng.uniform(size=values.shape) < 0.02] = np.nan
    step = np.asarray(kind.steps, dtype=np.float32)
    first = -(kind.side - 1) / 2.0 * step[None, :, None] + rng.uniform(-1, 1, (batch, 1, 2))
    found: dict[str, np.ndarray] = {
        "values": values,
        "first": first,
        "step": step,
        "scale": np.where(rng.uniform(size=batch) < 0.3, np.nan, rng.uniform(0.2, 1.0, batch)),
        "seeing": np.where(rng.uniform(size=batch) < 0.3, np.nan, rng.uniform(0.6, 2.8, batch)),
        "prior": np.where(rng.uniform(size=batch) < 0.3, np.nan, rng.uniform(-6.0, 4.0, batch)),
    }
    return {name: value.astype(np.float32) for name, value in found.items()}


def export_onnx(path: Path, model: HostNet) -> None:
    """Write the model as ONNX; batch and, for level stacks, grids are dynamic."""
    model.eval()
    example = example_inputs(model.kind, 3, 0)
    batch = torch.export.Dim("batch", min=1)
    grids = torch.export.Dim("grids", min=2, max=8) if len(model.kind.steps) > 1 else None
    shapes = {
        "values": {0: batch, **({1: grids} if grids else {})},
        "first": {0: batch, **({1: grids} if grids else {})},
        "step": {0: grids} if grids else {},
        **{name: {0: batch} for name in ("scale", "seeing", "prior")},
    }
    # The exporter reports its own deprecations and absent optional packages.
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
            output_names=list(OUTPUTS),
            dynamic_shapes=shapes,
            dynamo=True,
            external_data=False,
            verbose=False,
        )
    log.setLevel(before)
    strip_traces(path)


def strip_traces(path: Path) -> None:
    """Remove what the exporter notes about the machine it ran on, and tidy the file."""
    import onnx

    graph = onnx.load(path)
    graph.ClearField("metadata_props")
    for part in (graph.graph, *graph.functions):
        part.ClearField("metadata_props")
        part.ClearField("doc_string")
        for item in (*part.node, *part.value_info):
            item.ClearField("metadata_props")
            item.ClearField("doc_string")
    for item in (*graph.graph.input, *graph.graph.output, *graph.graph.initializer):
        item.ClearField("metadata_props")
        item.ClearField("doc_string")
    onnx.checker.check_model(graph)
    onnx.save(graph, path)
