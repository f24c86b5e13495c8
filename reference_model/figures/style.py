"""One look for all figures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot as plt

#: Colours that remain distinct without colour vision (Okabe & Ito).
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")


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


def save(fig: Any, path: Path, dpi: int = 90) -> None:
    """Write a figure as a small PNG and close it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fig.savefig(path, dpi=dpi)
    plt.close(fig)
