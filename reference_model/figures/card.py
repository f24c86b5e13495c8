"""The model card, from the JSON file beside the weights."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from reference_model.figures.results import table
from reference_model.scenes.looks import LOOK_SCALES, LOOK_SEEING

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


def limit_lines(model: Path) -> list[str]:
    """What is known to limit the weights, by what they were trained on and are told."""
    note = json.loads(model.with_suffix(".json").read_text(encoding="utf-8"))
    inputs, first = note.get("inputs", ()), note["data"].split()[-1].startswith("1.")
    out = [
        "- **The priors are the simulation's.** Half of what training shows is in galaxies at "
        "z < 0.1. `--nearby` (in Python `predict(..., nearby=...)`) puts another share in its place"
        + ("." if "prior" in inputs else "; it knows the strata by the size of the candidate only.")
    ]
    if "scale" in inputs:
        pixels, seeing = (f'{low:g} to {high:g}"' for low, high in (LOOK_SCALES, LOOK_SEEING))
        out.append(
            f"- Training showed pixels of {pixels} and seeing of {seeing}; beyond them the "
            "network guesses. Seeing is known only where a stamp brings its PSF."
        )
    else:
        out.append(
            '- Pixel scales other than 0.2" are outside training: lengths and noise are brought '
            'to 0.2" before the network sees them, seeing is not.'
        )
    if first:
        out += [
            "- White noise and perfect sky subtraction; on images that carry their sky, subtract "
            "it.",
            "- Four in ten of the nearby transients of training have a galaxy brighter than their "
            'host within 60"; the number counts alone would give one in ten.',
        ]
    if note.get("floor"):
        out.append(
            "- The regions of candidates of real hosts hold what they say at 68 % by a floor that "
            "was fitted so; at 95 % they miss the hosts for which another galaxy was chosen."
        )
    return out


def write_card(docs: Path, model: Path) -> Path:
    """Put the card into its page.

    Raises
    ------
    ValueError
        If the page has no place for it.
    """
    limits = ["Limits of these weights:", "", *limit_lines(model)]
    put(docs / PAGE, BEGIN, END, [*card_lines(model), *limits])
    return docs / PAGE


def put(path: Path, begin: str, end: str, lines: list[str]) -> None:
    """Put lines between two marks of a page that is written by hand otherwise.

    Raises
    ------
    ValueError
        If the page lacks them.
    """
    text = path.read_text(encoding="utf-8")
    before, first, rest = text.partition(begin)
    _, last, after = rest.partition(end)
    if not (first and last):
        raise ValueError(f"{path}: no place between {begin!r} and {end!r}")
    inner = "\n".join(lines).rstrip("\n")
    path.write_text(f"{before}{begin}\n\n{inner}\n\n{end}{after}", encoding="utf-8")
