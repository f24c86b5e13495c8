"""Where the weights are, and the network made from them."""

from __future__ import annotations

import json
import os
from functools import lru_cache
from pathlib import Path
from typing import Final

from ..errors import InputError, MissingExtraError
from .runtime import HostFinder, read_calibration

__all__ = ["load_finder", "weights_path"]

_HERE: Final = Path(__file__).resolve()
_PLACES: Final = (
    _HERE.parent / "weights" / "host.onnx",  # installed
    _HERE.parents[3] / "reference_model" / "weights" / "host.onnx",  # a checkout
)


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
    places = _PLACES if weights is None else (Path(weights),)
    for place in places:
        if place.is_file():
            if not place.with_suffix(".json").is_file():
                raise InputError(f"{place}: its calibration {place.stem}.json is not beside it")
            return place
    raise InputError(f"no weights: {' and '.join(map(str, places))} do not exist")


@lru_cache(maxsize=4)
def load_finder(path: Path) -> HostFinder:
    """Network of an ONNX file with the calibration stored beside it.

    Raises
    ------
    InputError
        If the network or its calibration is not readable.
    MissingExtraError
        Without onnxruntime.
    """
    note = path.with_suffix(".json")
    try:
        calibration = read_calibration(json.loads(note.read_text(encoding="utf-8")))
    except (ValueError, KeyError, TypeError) as exc:
        raise InputError(f"{note}: not a calibration: {exc!r}") from exc
    try:
        return HostFinder(path, calibration)
    except MissingExtraError:
        raise
    except Exception as exc:  # onnxruntime's own errors have no base but this
        raise InputError(f"{path}: not readable by onnxruntime: {exc}") from exc
