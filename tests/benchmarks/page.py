"""Tables and plots of the results, between the markers of the docs page."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from . import page_bytes, page_speed
from .markdown import put
from .page_figures import draw

__all__ = ["tables", "write"]

_PARTS: dict[str, Callable[[Any], dict[str, str]]] = {
    "machine": lambda parts: {"machine": page_speed.machine(parts)},
    "decode": page_speed.decode,
    "encode": page_speed.encode,
    "bytes": page_bytes.sizes,
    "quality": page_bytes.quality,
    "growth": page_speed.growth,
    "archives": page_speed.archives,
}
"""Tables of each part of the results."""


def write(results: dict[str, Any], path: Path, figures: Path) -> None:
    """Put tables into the page and figures beside it."""
    put(tables(results), path)
    draw(results, figures)


def tables(results: dict[str, Any]) -> dict[str, str]:
    """Markdown of each part that has been measured, by the name of its place."""
    return {
        name: text
        for part, make in _PARTS.items()
        if part in results
        for name, text in make(results[part]).items()
    }
