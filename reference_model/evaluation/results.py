"""Per-transient results on disk: one file per method, one for the truth.

A method's file holds for every test transient ``dx``, ``dy`` (host minus
transient, arcsec), ``none`` (probability, or 1 and 0 for methods without one),
``radius`` (arcsec), ``right`` and ``host_z`` (of the catalogued galaxy nearest
the prediction).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reference_model import DATA_VERSION
from reference_model.config import StudyConfig
from reference_model.scenes.company import brighter_neighbours
from reference_model.scenes.dataset import fields
from reference_model.scenes.fields import Field
from reference_model.scenes.render import SCALE
from reference_model.sky.positions import light_radius_distance

#: Columns of a method's file.
RESULT = np.dtype(
    [
        ("dx", "f4"), ("dy", "f4"), ("none", "f4"), ("radius", "f4"), ("right", "?"),
        ("host_z", "f4"), ("region", "f4"), ("area95", "f4"),
    ]
)  # fmt: skip

#: Radius (arcsec) within which the galaxy nearest a prediction is looked for.
NEAREST_WITHIN = 60.0
#: Seeing added in quadrature to galaxies' axes for that, arcsec.
FLOOR = 0.3


@dataclass(frozen=True)
class Identified:
    """The galaxy nearest each prediction."""

    right: NDArray[np.bool_]
    host_z: NDArray[np.float64]


def identify(field: Field, dx: NDArray[Any], dy: NDArray[Any]) -> Identified:
    """Find the galaxy nearest each prediction in normalised distance.

    The catalogue is the field's galaxies above the template's detection limit,
    and the true hosts.

    Parameters
    ----------
    field : Field
    dx, dy : ndarray, shape (n,), arcsec
        Prediction minus transient; NaN for none.
    """
    truth = field.truth()
    rows, galaxies = truth.transients, truth.galaxies
    from reference_model.scenes.place import VISIBLE_SNR, host_snr

    listed = host_snr(galaxies, truth.template) > VISIBLE_SNR
    listed[rows["host"][rows["host"] >= 0]] = True
    number = np.flatnonzero(listed)
    seen = galaxies[number]
    right = np.zeros(rows.size, dtype=bool)
    host_z = np.full(rows.size, np.nan)
    order = np.argsort(seen["x"])
    seen, number = seen[order], number[order]
    reach = NEAREST_WITHIN / SCALE
    for i, row in enumerate(rows):
        if not np.isfinite(dx[i]):
            continue
        x, y = row["x"] + dx[i] / SCALE, row["y"] + dy[i] / SCALE
        low, high = np.searchsorted(seen["x"], [x - reach, x + reach])
        part = slice(int(low), int(high))
        near = np.abs(seen["y"][part] - y) < reach
        some = seen[part][near]
        if not some.size:
            continue
        distance = light_radius_distance(
            (x - some["x"]) * SCALE, (y - some["y"]) * SCALE, some, FLOOR
        )
        best = int(np.argmin(distance))
        host_z[i] = some["z"][best]
        right[i] = number[part][near][best] == row["host"]
    return Identified(right=right, host_z=host_z)


def results_folder(root: Path, config: StudyConfig, split: str = "test") -> Path:
    """Where the results of a test split lie."""
    return root / config.name / ("results" if split == "test" else f"results-{split}")


def write_method(folder: Path, name: str, results: NDArray[Any], notes: dict[str, Any]) -> None:
    """Write a method's results, and how they were made."""
    folder.mkdir(parents=True, exist_ok=True)
    partial = folder / f"{name}.partial.npy"
    np.save(partial, results, allow_pickle=False)
    partial.replace(folder / f"{name}.npy")
    note = {"method": name, "data_version": DATA_VERSION, "n": int(results.size), **notes}
    (folder / f"{name}.json").write_text(json.dumps(note, indent=1))


def read_method(folder: Path, name: str) -> tuple[NDArray[Any], dict[str, Any]]:
    """A method's results and notes."""
    results = np.load(folder / f"{name}.npy", allow_pickle=False)
    return results, dict(json.loads((folder / f"{name}.json").read_text()))


def methods_in(folder: Path) -> list[str]:
    """Names of the methods with results."""
    return sorted(p.stem for p in folder.glob("*.npy") if (folder / f"{p.stem}.json").exists())


def write_truth(root: Path, config: StudyConfig, split: str = "test") -> None:
    """A test split's truth beside its results, as arrays and as CSV."""
    folder = results_folder(root, config, split) / "truth"
    folder.mkdir(parents=True, exist_ok=True)
    found = list(fields(root, config, split))
    if not found:
        raise FileNotFoundError(
            f"no {split} fields under {root / config.name}: run 'simulate' first"
        )
    rows = [np.asarray(f.load("transients")) for f in found]
    number = np.concatenate([np.full(r.size, i) for i, r in enumerate(rows)])
    every = np.concatenate(rows)
    np.save(folder / "rows.npy", every, allow_pickle=False)
    np.save(folder / "field.npy", number, allow_pickle=False)
    brighter = np.concatenate([brighter_neighbours(f) for f in found])
    np.save(folder / "brighter.npy", brighter, allow_pickle=False)
    columns = {n: every[n] for n in every.dtype.names or ()}
    write_csv(folder / "rows.csv", {"field": number, **columns, "brighter": brighter})


def write_csv(path: Path, columns: dict[str, NDArray[Any]]) -> None:
    """Columns as CSV with a header."""
    names = list(columns)
    lines = [",".join(names)]
    lines += [
        ",".join(f"{v:.5g}" if isinstance(v, float | np.floating) else str(v) for v in values)
        for values in zip(*(columns[n] for n in names), strict=True)
    ]
    path.write_text("\n".join(lines) + "\n")
