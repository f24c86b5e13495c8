"""The model card, from the JSON file beside the weights."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from reference_model.figures.results import table

PAGE = "reference_model.md"
#: What the card stands between, on the page.
BEGIN, END = "<!-- model card: python -m reference_model card -->", "<!-- end of the model card -->"


def _data(note: dict[str, Any]) -> str:
    found = f"simulated, {note['data']}"
    if "data_seed" in note:
        found += f", seed {note['data_seed']}"
    return found + f": {int(note['transients']):,} transients in {note['fields']} training fields"


def _training(note: dict[str, Any]) -> str:
    run = json.loads(note["train"])
    epochs = note.get("epochs", run["epochs"])
    steps = f" of {run['steps']:,} batches" if "steps" in run else ""
    parts = [f"seed {run['seed']}, {epochs} epochs{steps} of {run['batch']} stamps"]
    if run.get("init"):
        parts.append(f"from the run {run['init']}")
    if "validation" in note:
        parts.append(f"validation loss {note['validation']}")
    return ", ".join(parts)


def card_lines(model: Path) -> list[str]:
    """The table of the card.

    Parameters
    ----------
    model : Path
        ONNX file, with its JSON beside it.
    """
    note = json.loads(model.with_suffix(".json").read_text(encoding="utf-8"))
    raw = model.read_bytes()
    told = ["levels (n 2 to 6)", "the source's offset from the reference corner",
            "the noise of a base pixel (measured where it is not given)"]  # fmt: skip
    known = {"scale": "the pixel scale", "seeing": "the seeing", "prior": "odds of a nearby host"}
    told += [f"{text}, if known" for name, text in known.items() if name in note.get("inputs", ())]
    odds = note.get("nearby")
    rows = [
        ["weights", f"run `{note['run']}`" if "run" in note else "one run of the study"],
        ["SHA-256 of the ONNX file", f"`{hashlib.sha256(raw).hexdigest()[:16]}…`"],
        ["size", f"{int(note['parameters']):,} parameters; ONNX {len(raw) / 1e6:.2f} MB"],
        ["data", _data(note)],
        ["training", _training(note)],
        ["input", "; ".join(told)],
        ["output", "mixture of host positions, P(none), half-light radii"],
        ["calibration", f"temperature {note['temperature']}, width {note['widen']}, contents of "
                        f"regions in {len(note['region_contents']) - 1} steps, from the validation "
                        "split"],
        ["floor under candidates' errors", f"{note['floor']} pixels, chosen on one half of the "
         "real hosts" if note.get("floor") else "none"],
        ["what a magnitude says", f"odds from volumes and rates of supernovae, which put "
         f"{100 * odds['share']:.2g} % of those down to {odds['limit']:g} mag within z < 0.1"
         if odds else "not part of these weights"],
        ["intended use", "ranking host candidates for follow-up, and judging what a stamp's pixels "
         "can tell; the reference against which encodings and sizes of stamps are compared"],
        ["not intended", "survey statistics of hosts, anything that needs the simulated priors to "
         "be the sky's"],
    ]  # fmt: skip
    return table(["model card", ""], rows)


def write_card(docs: Path, model: Path) -> Path:
    """Put the card into its page.

    Raises
    ------
    ValueError
        If the page has no place for it.
    """
    path = docs / PAGE
    text = path.read_text(encoding="utf-8")
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"{path}: no place for the model card between {BEGIN!r} and {END!r}")
    card = "\n".join(card_lines(model))
    path.write_text(f"{before}{BEGIN}\n\n{card}\n{END}{after}", encoding="utf-8")
    return path
