"""Where weights are, what is stored beside them, and the runtime that they run in."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, Final

from ..errors import InputError, MissingExtraError

__all__ = ["note_of", "session_of", "weights_path"]

_HERE: Final = Path(__file__).resolve()
_CHECKOUT: Final = _HERE.parents[3] / "reference_model" / "weights"
_INSTALLED: Final = {"host.onnx": "hosts", "classes.onnx": "classify"}
"""Package that weights are installed in."""


def weights_path(name: str, weights: str | os.PathLike[str] | None = None) -> Path:
    """Path of an ONNX file; its calibration is the JSON file of the same name.

    Parameters
    ----------
    name : str
        File that comes with hstamp.
    weights : path-like, optional
        Weights of one's own instead.

    Raises
    ------
    InputError
        If a file is missing.
    """
    if weights is None:
        installed = _HERE.parents[1] / _INSTALLED[name] / "weights"
        places = [installed / name, _CHECKOUT / name]
    else:
        places = [Path(weights)]
    for place in places:
        if place.is_file():
            if not place.with_suffix(".json").is_file():
                raise InputError(f"{place}: its calibration {place.stem}.json is not beside it")
            return place
    raise InputError(f"no weights: {' and '.join(map(str, places))} do not exist")


def note_of(path: Path) -> Any:
    """What the JSON file beside the weights says.

    Raises
    ------
    InputError
        If it is not JSON.
    """
    note = path.with_suffix(".json")
    try:
        return json.loads(note.read_text(encoding="utf-8"))
    except ValueError as exc:
        raise InputError(f"{note}: not a calibration: {exc!r}") from exc


def session_of(path: Path | str, threads: int = 1) -> Any:
    """Network of an ONNX file, on the processor.

    Raises
    ------
    MissingExtraError
        Without onnxruntime.
    """
    # It would send usage data, and complain on the terminal where it cannot keep an identifier.
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    try:
        import onnxruntime
    except ImportError as exc:
        raise MissingExtraError("onnxruntime", "model") from exc

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
