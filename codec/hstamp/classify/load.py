"""The network made from the weights."""

from __future__ import annotations

import os
from functools import lru_cache
from pathlib import Path

from ..errors import InputError, MissingExtraError
from ..inference import weights as shared
from .fields import FieldHead
from .runtime import AlertClassifier

__all__ = ["load_classifier", "load_head", "weights_path"]


def weights_path(weights: str | os.PathLike[str] | None = None) -> Path:
    """Path of the ONNX file; its calibration is the JSON file of the same name.

    Parameters
    ----------
    weights : path-like, optional
        Weights of one's own; by default those that come with hstamp.

    Raises
    ------
    InputError
        If a file is missing.
    """
    return shared.weights_path("classes.onnx", weights)


@lru_cache(maxsize=4)
def load_classifier(path: Path) -> AlertClassifier:
    """Network of an ONNX file with the temperature stored beside it.

    Raises
    ------
    InputError
        If the network or its calibration is not readable.
    MissingExtraError
        Without onnxruntime.
    """
    try:
        temperature = float(shared.note_of(path)["temperature"])
    except (ValueError, KeyError, TypeError) as exc:
        raise InputError(f"{path.with_suffix('.json')}: not a calibration: {exc!r}") from exc
    if not temperature > 0:
        raise InputError(f"{path.with_suffix('.json')}: the temperature is {temperature}")
    try:
        return AlertClassifier(path, temperature)
    except MissingExtraError:
        raise
    except Exception as exc:  # onnxruntime's own errors have no base but this
        raise InputError(f"{path}: not readable by onnxruntime: {exc}") from exc


@lru_cache(maxsize=4)
def load_head(path: Path) -> FieldHead:
    """Head for packet fields, from the JSON file beside an ONNX file.

    Raises
    ------
    InputError
        If there is none, or it is not readable.
    """
    note = shared.note_of(path)
    if not isinstance(note, dict) or "fields" not in note:
        raise InputError(f"{path.with_suffix('.json')}: these weights take no packet fields")
    try:
        return FieldHead.of(note["fields"])
    except (ValueError, KeyError, TypeError) as exc:
        raise InputError(f"{path.with_suffix('.json')}: no head for fields: {exc!r}") from exc
