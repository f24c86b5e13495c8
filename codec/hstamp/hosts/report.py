"""A gallery of stamps with their hosts marked: a picture, or a page with numbers beside it."""

from __future__ import annotations

import base64
import html
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from ..errors import InputError
from ..export.pages import ENLARGE_STYLE, VIEWPORT, enlarging
from ..outputs import atomic_writer
from ..stamp import Stamp
from ..text import counted
from .alerts import Alert
from .table import HostTable

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Panel", "check_report", "panels_of", "write_report"]

_COLOUR: Final = "#d55e00"
_SUFFIXES: Final = (".html", ".htm", ".png", ".pdf", ".svg")
_COLUMNS: Final = 6
_LEAST_WEIGHT: Final = 0.02
"""Candidates with less weight are not drawn, the best one excepted."""
_INCHES: Final = 2.6
_DPI: Final = 220
"""Pictures of a page, sharp when they are enlarged; half of them are flat sky, which packs well."""
_FAINTEST: Final = 0.2
"""Opacity of the cross where there is no host: the best candidate can still be looked for."""

REMARK: Final = (
    "The model was trained on a simulated sky. Ellipses: candidates (two sigma, line width"
    " by probability), the cross in the best one, fainter the more probable it is that no host is"
    " in the stamp; white ticks: the source."
)


@dataclass(frozen=True)
class Panel:
    """A stamp and what was found in it.

    Attributes
    ----------
    stamp : Stamp
    title : str
    lines : tuple of str
        The numbers.
    weight : ndarray, shape (K,)
    mean : ndarray, shape (K, 2)
        Base pixels from the source.
    covariance : ndarray, shape (K, 2, 2)
        Base pixels squared.
    none : float
        Probability that no host is in the stamp.
    """

    stamp: Stamp
    title: str
    lines: tuple[str, ...]
    weight: Any
    mean: Any
    covariance: Any
    none: float = 0.0


def check_report(path: Path) -> None:
    """Say before the work whether the report can be made afterwards.

    Raises
    ------
    InputError
        If the suffix is unknown or the folder does not exist.
    MissingExtraError
        Without matplotlib.
    """
    if path.suffix.lower() not in _SUFFIXES:
        raise InputError(f"{path}: the suffix must be one of {', '.join(_SUFFIXES)}")
    if path.is_dir() or not path.resolve().parent.is_dir():
        raise InputError(f"{path}: not a file in a folder that exists")
    from .. import draw  # noqa: F401  (reports a missing matplotlib)


def panels_of(alerts: Sequence[Alert], hosts: HostTable) -> list[Panel]:
    """Panels of alerts that all have a stamp."""
    found, panels = hosts.candidates, []
    for b, alert in enumerate(alerts):
        assert alert.stamp is not None
        panels.append(
            Panel(
                alert.stamp,
                alert.id or f"{alert.path.name}, {alert.record}",
                _lines(hosts, b),
                found.weight[b],
                np.stack([found.x[b], found.y[b]], axis=-1),
                found.covariance_pixels[b],
                float(hosts.none[b]),
            )
        )
    return panels


def write_report(path: Path, panels: Sequence[Panel], total: int) -> None:
    """Draw panels.

    Parameters
    ----------
    path : Path
        ``.html`` for a page that needs no other file; ``.png``, ``.pdf`` or ``.svg``.
    panels : sequence of Panel
    total : int
        Alerts of the run, of which the panels show the first.
    """
    title = f"Hosts of {counted(total, 'alert')}"
    if len(panels) < total:
        title += f", the first {len(panels)}"
    with atomic_writer(path) as stream:
        if path.suffix.lower() in (".html", ".htm"):
            stream.write(_page(panels, title).encode("utf-8"))
        else:
            stream.write(_sheet(panels, title, path.suffix.lower()[1:]))


def _lines(hosts: HostTable, b: int) -> tuple[str, ...]:
    if math.isnan(hosts.none[b]):
        return ("nothing to see",)
    best = hosts.best
    unit, offset, size = "\N{DOUBLE PRIME}", best.offset[b], best.radius[b]
    if math.isnan(offset):
        unit, offset, size = " px", math.hypot(best.x[b], best.y[b]), best.radius_pixels[b]
    return (
        f"P(host) {best.weight[b]:.2f}, P(none) {hosts.none[b]:.2f}",
        f"offset {offset:.2f}{unit}, size {size:.2f}{unit}",
    )


def _draw(ax: Axes, item: Panel) -> None:
    from matplotlib.patches import Ellipse

    from ..draw import panel
    from ..draw.style import outline

    panel(ax, item.stamp, labels=False)
    for k, weight in enumerate(item.weight):
        if not weight > 0 or (k and weight < _LEAST_WEIGHT):
            continue
        variance, axes = np.linalg.eigh(item.covariance[k])
        # A region smaller than a pixel would not be seen.
        minor, major = 4.0 * np.sqrt(np.maximum(variance, 0.06))
        ax.add_patch(
            Ellipse(
                tuple(item.mean[k]), major, minor,
                angle=math.degrees(math.atan2(axes[1, 1], axes[0, 1])), fill=False, zorder=3,
                edgecolor=_COLOUR, linewidth=0.8 + 1.6 * float(weight), gid=f"candidate-{k}",
            )
        )  # fmt: skip
    if item.weight[0] > 0:
        seen = 1.0 if math.isnan(item.none) else max(1.0 - item.none, _FAINTEST)
        (cross,) = ax.plot(
            *item.mean[0], "+", color=_COLOUR, markersize=9, markeredgewidth=1.6, alpha=seen,
            zorder=4, path_effects=outline(3.0, alpha=seen),
        )  # fmt: skip
        cross.set_gid("host")


def _sheet(panels: Sequence[Panel], title: str, form: str) -> bytes:
    from matplotlib.figure import Figure

    columns = min(_COLUMNS, max(len(panels), 2))
    rows = max(-(-len(panels) // columns), 1)
    figure = Figure(figsize=(2.2 * columns, 2.75 * rows + 0.6), dpi=110, layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for ax, item in zip(axes, panels, strict=False):
        _draw(ax, item)
        ax.set_title("\n".join((item.title, *item.lines)), fontsize=6.5, parse_math=False)
    for ax in axes[len(panels) :]:
        ax.set_axis_off()
    figure.suptitle(f"{title} (model trained on a simulated sky)", fontsize=9, parse_math=False)
    out = io.BytesIO()
    figure.savefig(out, format=form)
    return out.getvalue()


def _page(panels: Sequence[Panel], title: str) -> str:
    cards = "\n".join(_card(number, item) for number, item in enumerate(panels))
    return f"""<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8">{VIEWPORT}<title>{html.escape(title)}</title><style>
body {{ font: 14px/1.4 sans-serif; margin: 1.5em; background: #fff; color: #222; }}
main {{ display: grid; gap: 1em;
  grid-template-columns: repeat(auto-fill, minmax(min(240px, 100%), 1fr)); }}
h1, figcaption b {{ overflow-wrap: anywhere; }}
{ENLARGE_STYLE}
figure > img {{ width: 100%; }}
</style></head><body>
<h1>{html.escape(title)}</h1>
<p>{html.escape(REMARK)} A click enlarges a picture.</p>
<main>
{cards}
</main></body></html>
"""


def _card(number: int, item: Panel) -> str:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(_INCHES, _INCHES), dpi=_DPI)
    _draw(figure.add_axes((0.0, 0.0, 1.0, 1.0)), item)
    out = io.BytesIO()
    figure.savefig(out, format="png")
    picture = base64.b64encode(out.getvalue()).decode("ascii")
    name = html.escape(item.title)
    lines = "<br>".join(html.escape(line) for line in item.lines)
    image = f'<img alt="stamp of {name}" src="data:image/png;base64,{picture}">'
    return enlarging(f"stamp-{number}", image, caption=f"<b>{name}</b><br>{lines}")
