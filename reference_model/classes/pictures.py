"""Simulated alerts as pictures."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from hstamp.classify import CLASSES
from reference_model.classes.config import STRATA
from reference_model.classes.dataset import Alerts

#: Alerts of each class and kind of survey.
COLUMNS = 4


def draw_alerts(path: Path, alerts: Alerts, strata: tuple[str, ...] = ("ztf", "lsst")) -> Path:
    """Science, template and difference image of simulated alerts, a row for each class."""
    from matplotlib.figure import Figure

    rng = np.random.default_rng(4)
    figure = Figure(figsize=(3 * COLUMNS * len(strata) * 0.62, len(CLASSES) * 0.72 + 0.4), dpi=78)
    grid = figure.subplots(len(CLASSES), 3 * COLUMNS * len(strata), squeeze=False)
    for row, name in enumerate(CLASSES):
        for block, stratum in enumerate(strata):
            here = (alerts.rows["label"] == row) & (alerts.rows["stratum"] == STRATA.index(stratum))
            for column, i in enumerate(rng.permutation(np.flatnonzero(here))[:COLUMNS]):
                for image in range(3):
                    ax = grid[row, 3 * (COLUMNS * block + column) + image]
                    values = alerts.narrow[i, image].astype(float)
                    values = np.arcsinh((values - np.nanmedian(values)) / 2.0)
                    ax.imshow(values, origin="lower", cmap="gray", vmin=-1.5, vmax=3.5)
        grid[row, 0].set_ylabel(name, fontsize=8)
    for ax in grid.ravel():
        ax.set_xticks([])
        ax.set_yticks([])
    labels = {"ztf": "ZTF-like", "lsst": "LSST-like", "between": "between"}
    figure.suptitle(
        f"Simulated alerts: science, template, difference, {', '.join(labels[s] for s in strata)}"
        f" (left to right), 64 pixels wide",
        fontsize=9, y=0.985,
    )  # fmt: skip
    figure.subplots_adjust(0.03, 0.01, 0.998, 0.94, 0.03, 0.03)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path)
    return path
