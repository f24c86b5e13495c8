"""A wrong plane beside the expected one, level by level."""

from __future__ import annotations

import textwrap
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import InputError, MissingExtraError
from ..outputs import atomic_writer
from .outcomes import Report
from .vectors import Vector

__all__ = ["draw_difference"]

Array = np.ndarray[Any, Any]


def draw_difference(vector: Vector, report: Report, path: Path) -> None:
    """Draw what was expected, what came, and where they differ.

    Parameters
    ----------
    vector : Vector
        The vector.
    report : Report
        Its outcome, with what was decoded.
    path : pathlib.Path
        PNG file to write.

    Raises
    ------
    hstamp.errors.InputError
        The outcome is not a plane of wrong values.
    hstamp.errors.MissingExtraError
        matplotlib is not installed.
    """
    difference = report.difference
    if difference is None or not report.stamps or difference.row is None:
        raise InputError(f"{vector.id}: no plane of values differs, so there is nothing to draw")
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingExtraError("matplotlib", "plot") from error
    plane = difference.what
    want = _levels(vector.expected()[difference.stamp][plane])
    have = _levels(report.stamps[difference.stamp][plane])
    figure = Figure(figsize=(2.1 * len(want) + 0.6, 6.6), layout="constrained")
    axes = figure.subplots(3, len(want), squeeze=False)
    for k, (a, b) in enumerate(zip(want, have, strict=True)):
        finite = np.concatenate([a[np.isfinite(a)], b[np.isfinite(b)]]).astype(np.float64)
        low, high = (finite.min(), finite.max()) if finite.size else (0.0, 1.0)
        for row, values in enumerate((a, b)):
            axes[row, k].imshow(
                values.astype(np.float64),
                origin="lower",
                cmap="viridis",
                interpolation="nearest",
                vmin=low,
                vmax=high if high > low else low + 1,
            )
        wrong = (a != b) & ~(np.isnan(a) & np.isnan(b)) if a.dtype.kind == "f" else a != b
        axes[2, k].imshow(
            wrong, origin="lower", cmap="Reds", interpolation="nearest", vmin=0, vmax=1
        )
        title = f"level {k}" if len(want) > 1 else plane
        axes[0, k].set_title(title, fontsize=9)
        axes[2, k].set_title(f"{int(wrong.sum())} differ", fontsize=9)
    for row, name in enumerate(("expected", "decoded", "wrong")):
        axes[row, 0].set_ylabel(name, fontsize=9)
    for ax in axes.flat:
        ax.set_xticks([])
        ax.set_yticks([])
    words = textwrap.fill(f"{vector.id}: {difference.pattern or plane}", 26 * len(want))
    figure.suptitle(words, fontsize=10)
    with atomic_writer(path) as stream:
        figure.savefig(stream, format="png", dpi=120)


def _levels(plane: Any) -> Array:
    """A plane as (levels, rows, columns); a PSF is one level."""
    values = np.asarray(plane["data"] if isinstance(plane, dict) else plane)
    return values if values.ndim == 3 else values[None]
