"""Pages and sheets with pictures of alerts and numbers beside them."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

from ..errors import InputError
from ..export.pages import ENLARGE_STYLE, VIEWPORT, enlarging
from ..outputs import atomic_writer
from ..text import counted

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["Card", "Frame", "check_report", "write_report"]

_SUFFIXES: Final = (".html", ".htm", ".png", ".pdf", ".svg")
_COLUMNS: Final = 6
_INCHES: Final = 2.6
_DPI: Final = 220
"""Pictures of a page, sharp when they are enlarged; half of them are flat sky, which packs well."""


class Card(Protocol):
    """An alert in a report."""

    @property
    def title(self) -> str:
        """What it is called."""

    @property
    def lines(self) -> tuple[str, ...]:
        """The numbers."""

    @property
    def pictures(self) -> int:
        """Pictures beside each other."""

    def draw(self, axes: Sequence[Axes]) -> None:
        """Draw the pictures."""


@dataclass(frozen=True)
class Frame:
    """What stands around the alerts.

    Attributes
    ----------
    title : str
        Continued by the number of alerts: "Hosts of" becomes "Hosts of 3 alerts".
    remark : str
        Below the title of a page.
    short : str
        Behind the title of a sheet.
    """

    title: str
    remark: str
    short: str


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


def write_report(path: Path, cards: Sequence[Card], total: int, frame: Frame) -> None:
    """Draw alerts.

    Parameters
    ----------
    path : Path
        ``.html`` for a page that needs no other file; ``.png``, ``.pdf`` or ``.svg``.
    cards : sequence of Card
        All with the same number of pictures.
    total : int
        Alerts of the run, of which the cards show the first.
    frame : Frame
    """
    title = f"{frame.title} {counted(total, 'alert')}"
    if len(cards) < total:
        title += f", the first {len(cards)}"
    with atomic_writer(path) as stream:
        if path.suffix.lower() in (".html", ".htm"):
            stream.write(_page(cards, title, frame.remark).encode("utf-8"))
        else:
            stream.write(_sheet(cards, f"{title} ({frame.short})", path.suffix.lower()[1:]))


def _sheet(cards: Sequence[Card], title: str, form: str) -> bytes:
    from matplotlib.figure import Figure

    each = cards[0].pictures if cards else 1
    columns = min(_COLUMNS // each, max(len(cards), 2))
    rows = max(-(-len(cards) // columns), 1)
    figure = Figure(
        figsize=(2.2 * columns * each, 2.75 * rows + 0.6), dpi=110, layout="constrained"
    )
    axes = figure.subplots(rows, columns * each, squeeze=False).ravel().tolist()
    for number, item in enumerate(cards):
        own = axes[number * each : (number + 1) * each]
        item.draw(own)
        own[0].set_title("\n".join((item.title, *item.lines)), fontsize=6.5, parse_math=False)
    for ax in axes[len(cards) * each :]:
        ax.set_axis_off()
    figure.suptitle(title, fontsize=9, parse_math=False)
    out = io.BytesIO()
    figure.savefig(out, format=form)
    return out.getvalue()


def _page(cards: Sequence[Card], title: str, remark: str) -> str:
    width = 240 * (cards[0].pictures if cards else 1)
    figures = "\n".join(_figure(number, item) for number, item in enumerate(cards))
    return f"""<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8">{VIEWPORT}<title>{html.escape(title)}</title><style>
body {{ font: 14px/1.4 sans-serif; margin: 1.5em; background: #fff; color: #222; }}
main {{ display: grid; gap: 1em;
  grid-template-columns: repeat(auto-fill, minmax(min({width}px, 100%), 1fr)); }}
h1, figcaption b {{ overflow-wrap: anywhere; }}
{ENLARGE_STYLE}
figure > img {{ width: 100%; }}
</style></head><body>
<h1>{html.escape(title)}</h1>
<p>{html.escape(remark)} A click enlarges a picture.</p>
<main>
{figures}
</main></body></html>
"""


def _figure(number: int, item: Card) -> str:
    from matplotlib.figure import Figure

    each = item.pictures
    figure = Figure(figsize=(_INCHES * each, _INCHES), dpi=_DPI / each)
    item.draw([figure.add_axes((i / each, 0.0, 1.0 / each, 1.0)) for i in range(each)])
    out = io.BytesIO()
    figure.savefig(out, format="png")
    picture = base64.b64encode(out.getvalue()).decode("ascii")
    name = html.escape(item.title)
    lines = "<br>".join(html.escape(line) for line in item.lines)
    image = f'<img alt="stamp of {name}" src="data:image/png;base64,{picture}">'
    return enlarging(f"stamp-{number}", image, caption=f"<b>{name}</b><br>{lines}")
