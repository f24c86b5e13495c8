"""The gallery "SExtractor against the network", failures included."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from reference_model.config import StudyConfig
from reference_model.evaluation.tables import Study, distance_error
from reference_model.figures.style import COLOURS, figure, save
from reference_model.scenes.dataset import fields
from reference_model.scenes.place import NEARBY, ON_GALAXY
from reference_model.scenes.pyramid import corner, crop
from reference_model.scenes.render import SCALE

SIDE = 240
ROWS = (
    ("only the network is right", True, False),
    ("only SExtractor is right", False, True),
    ("both are wrong", False, False),
)
COLUMNS = 6


def draw_examples(
    path: Path, root: Path, config: StudyConfig, study: Study, network: str, other: str
) -> int:
    """Nearby transients of the first test field, by who found the host.

    Examples are the first ones in the table, never chosen by eye.

    Returns
    -------
    int
        Number of transients drawn.
    """
    field = next(fields(root, config, "test"))
    exposure = field.exposure()
    mine = study.field == 0
    rows = study.rows[mine]
    right = {}
    for name in (network, other):
        error = distance_error(rows, study.methods[name][mine])
        right[name] = error <= np.maximum(1.0, rows["host_re"])
    usable = (rows["stratum"] == NEARBY) & (rows["kind"] == ON_GALAXY) & rows["visible"]
    fig, axes = figure(COLUMNS, len(ROWS), 1.9, 2.1)
    drawn = 0
    for r, (title, net_right, other_right) in enumerate(ROWS):
        pick = usable & (right[network] == net_right) & (right[other] == other_right)
        line = axes[r * COLUMNS : (r + 1) * COLUMNS]
        for ax, i in zip(line, np.flatnonzero(pick), strict=False):
            _draw(ax, exposure, rows[i], {n: study.methods[n][mine][i] for n in (network, other)})
            drawn += 1
        line[0].set_title(f"{title} ({int(pick.sum())} in this field)", fontsize=7, loc="left")
    for ax in axes:
        ax.set_axis_off()
    save(fig, path, dpi=75)
    return drawn


def _draw(ax: Any, exposure: Any, row: Any, answers: dict[str, Any]) -> None:
    x, y = float(row["x"]), float(row["y"])
    i0, j0 = corner(x, y)
    x0, y0 = i0 - SIDE // 2, j0 - SIDE // 2
    image = crop(exposure.image, x0, y0, SIDE) / exposure.observation.sky_sigma
    ax.imshow(np.arcsinh(image / 2.0), origin="lower", cmap="gray", vmin=-1.0, vmax=6.0)
    at = x - x0, y - y0
    ax.plot(*at, "+", color=COLOURS[5], ms=7)
    host = at[0] + row["host_dx"] / SCALE, at[1] + row["host_dy"] / SCALE
    ax.plot(*host, "o", mfc="none", color=COLOURS[2], ms=10)
    for answer, colour, marker in zip(
        answers.values(), (COLOURS[1], COLOURS[4]), ("^", "s"), strict=True
    ):
        if np.isfinite(answer["dx"]):
            ax.plot(at[0] + answer["dx"] / SCALE, at[1] + answer["dy"] / SCALE, marker,
                    mfc="none", color=colour, ms=7)  # fmt: skip
    ax.set_xlim(0, SIDE)
    ax.set_ylim(0, SIDE)
