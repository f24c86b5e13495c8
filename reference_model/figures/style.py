"""One look for all figures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot as plt

#: Colours that remain distinct without colour vision (Okabe & Ito; grey for their yellow).
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#888888")

#: A method has the same colour in every figure.
METHOD_COLOURS = {
    "net_any5": "#0072B2",
    "net_stamp30": "#56B4E9",
    "net_overlapping5x30": "#000000",
    "delight": "#D55E00",
    "sep_dlr": "#009E73",
    "gradient_ascent": "#CC79A7",
    "catalogue_nearest": "#E69F00",
    "own_position": "#888888",
}


def figure(columns: int = 1, rows: int = 1, width: float = 4.2, height: float = 3.2) -> Any:
    """A figure and its axes, always as a flat list."""
    fig, axes = plt.subplots(
        rows, columns, figsize=(width * columns, height * rows), squeeze=False,
        constrained_layout=True,
    )  # fmt: skip
    flat = list(axes.ravel())
    for ax in flat:
        ax.spines[["top", "right"]].set_visible(False)
        ax.tick_params(labelsize=8)
    return fig, flat


def save(fig: Any, path: Path, dpi: int = 90, source: str = "") -> None:
    """Write a figure as a small PNG and close it.

    Parameters
    ----------
    source : str
        What the figure was made of; stands in its lower right corner.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if source:
        fig.supxlabel(source, x=0.995, ha="right", fontsize=6, color="0.45")
    fig.savefig(path, dpi=dpi)
    plt.close(fig)
