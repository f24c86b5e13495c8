"""The gallery "SExtractor against the network", failures included."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from hstamp import reference_corner
from reference_model.config import StudyConfig
from reference_model.evaluation.names import base_of, half_side, title
from reference_model.evaluation.tables import Mask, Study, distance_error, inside
from reference_model.figures.style import COLOURS, METHOD_COLOURS, figure, save
from reference_model.scenes.crop import crop
from reference_model.scenes.dataset import fields
from reference_model.scenes.place import NEARBY, ON_GALAXY
from reference_model.scenes.render import SCALE

SIDE = 240
COLUMNS = 6
#: P(none) from which the network's answer is "no host".
NO_HOST = 0.5
MARKERS = ("^", "s", "D")


@dataclass(frozen=True)
class Kind:
    """One row of the gallery: what it shows, and which transients belong in it."""

    title: str
    chosen: Mask


def kinds(study: Study, mine: Mask, network: str, other: str) -> list[Kind]:
    """Who found the host, among some transients; every transient is in at most one kind."""
    rows = study.rows[mine]
    right = {}
    for name in (network, other):
        error = distance_error(rows, study.methods[name][mine])
        right[name] = error <= np.maximum(1.0, rows["host_re"])
    net, sex = right[network], right[other]
    host = (rows["kind"] == ON_GALAXY) & rows["visible"]
    within = inside(rows, half_side(network))
    nearby = host & (rows["stratum"] == NEARBY)
    deep = host & (rows["stratum"] != NEARBY) & within
    named = study.methods[network]["none"][mine] < NO_HOST
    return [
        Kind("nearby: only the network is right", nearby & net & ~sex),
        Kind("nearby: only SExtractor is right, host in the stamp", nearby & within & ~net & sex),
        Kind("nearby: both are wrong, host in the stamp", nearby & within & ~net & ~sex),
        Kind("nearby: the network is wrong, host outside the stamp", nearby & ~within & ~net),
        Kind("deep: only the network is right", deep & net & ~sex),
        Kind("deep: the network is wrong", deep & ~net),
        Kind("no host that can be seen, and the network names one", ~host & named),
    ]


def first_fields(study: Study) -> list[int]:
    """Numbers of the first field with nearby hosts and of the first with deep ones."""
    host = study.rows["kind"] == ON_GALAXY
    near = study.rows["stratum"] == NEARBY
    return sorted({int(study.field[m][0]) for m in (host & near, host & ~near) if m.any()})


def draw_examples(
    path: Path,
    root: Path,
    config: StudyConfig,
    study: Study,
    network: str,
    others: Sequence[str],
    source: str,
) -> int:
    """Transients of the first test field of each stratum, by who found the host.

    Examples are the first ones in the table, never chosen by eye.

    Parameters
    ----------
    network : str
        Result file of the network.
    others : list of str
        Result files drawn beside it; the rows are about the first.

    Returns
    -------
    int
        Number of transients drawn; 0, and no figure, where the fields are not at hand.
    """
    test = list(fields(root, config, "test"))
    first = first_fields(study)
    if len(test) <= max(first, default=0):
        return 0
    mine = np.isin(study.field, first)
    exposures = {number: test[number].exposure() for number in first}
    rows, number = study.rows[mine], study.field[mine]
    found = kinds(study, mine, network, others[0])
    shown = [network, *others]
    fig, axes = figure(COLUMNS, len(found), 1.7, 1.85)
    drawn = 0
    for r, kind in enumerate(found):
        line = axes[r * COLUMNS : (r + 1) * COLUMNS]
        for ax, i in zip(line, np.flatnonzero(kind.chosen), strict=False):
            _draw(
                ax,
                exposures[int(number[i])],
                rows[i],
                {n: study.methods[n][mine][i] for n in shown},
            )
            drawn += 1
        line[0].set_title(f"{kind.title} ({int(kind.chosen.sum())} in these fields)", fontsize=7,
                          loc="left")  # fmt: skip
    for ax in axes:
        ax.set_axis_off()
    save(fig, path, dpi=75, source=source)
    return drawn


def legend(network: str, others: Sequence[str]) -> str:
    """What the marks of the gallery mean."""
    names = ("triangle", "square", "diamond")
    marks = "; ".join(
        f"{n}: {title(base_of(m))}" for n, m in zip(names, [network, *others], strict=False)
    )
    return f'Cross: transient; circle: true host; {marks}. Windows are {SIDE * SCALE:.0f}" wide.'


def _draw(ax: Any, exposure: Any, row: Any, answers: dict[str, Any]) -> None:
    x, y = float(row["x"]), float(row["y"])
    i0, j0 = reference_corner(x, y)
    x0, y0 = i0 - SIDE // 2, j0 - SIDE // 2
    image = crop(exposure.image, x0, y0, SIDE) / exposure.observation.sky_sigma
    ax.imshow(np.arcsinh(image / 2.0), origin="lower", cmap="gray", vmin=-1.0, vmax=6.0)
    at = x - x0, y - y0
    ax.plot(*at, "+", color=COLOURS[5], ms=7)
    host = at[0] + row["host_dx"] / SCALE, at[1] + row["host_dy"] / SCALE
    ax.plot(*host, "o", mfc="none", color=COLOURS[2], ms=10)
    for (name, answer), marker in zip(answers.items(), MARKERS, strict=False):
        if np.isfinite(answer["dx"]):
            ax.plot(at[0] + answer["dx"] / SCALE, at[1] + answer["dy"] / SCALE, marker,
                    mfc="none", color=_colour(name, marker), ms=7)  # fmt: skip
    ax.set_xlim(0, SIDE)
    ax.set_ylim(0, SIDE)


def _colour(name: str, marker: str) -> str:
    # The circle of the true host has SExtractor's green: here it gets orange.
    return COLOURS[4] if marker == "s" else METHOD_COLOURS.get(name, COLOURS[3])
