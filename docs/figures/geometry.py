"""Draws the geometry of a stamp from `hstamp.Layout`: `python docs/figures/geometry.py [FOLDER]`.

Section 4 of the specification shows the three SVG files; a test draws them again and compares.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from hstamp.layout import CORE, GRID, Layout, child_start, layout_of, ring_pixels

FOLDER = Path(__file__).resolve().parent / "geometry"
RING = ring_pixels()
COLOURS = ("#2f6db3", "#4c9a8c", "#d98a2b", "#a4508b")
INK, PALE, GREY = "#222222", "#f4f4f4", "#b9b9b9"


def svg(width: float, height: float, title: str, parts: Iterable[str]) -> str:
    """A whole SVG document, legible on light and dark pages alike."""
    body = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" '
        f'width="{width:g}" height="{height:g}" role="img" '
        f'font-family="Helvetica,Arial,sans-serif" font-size="12" fill="{INK}">\n'
        f"<title>{title}</title>\n"
        f'<rect width="{width:g}" height="{height:g}" fill="#ffffff"/>\n{body}\n</svg>\n'
    )


def square(x: float, y: float, side: float, fill: str, stroke: str = "#ffffff") -> str:
    """One pixel, its lower left corner at (x, y) of the drawing."""
    return (
        f'<rect x="{x:g}" y="{y:g}" width="{side:g}" height="{side:g}" fill="{fill}" '
        f'stroke="{stroke}" stroke-width="0.6"/>'
    )


def text(x: float, y: float, words: str, anchor: str = "start", size: int = 12) -> str:
    """Words at a place."""
    return f'<text x="{x:g}" y="{y:g}" text-anchor="{anchor}" font-size="{size}">{words}</text>'


def outline(x: float, y: float, side: float, colour: str, width: float = 1.6) -> str:
    """The frame of a part."""
    return (
        f'<rect x="{x:g}" y="{y:g}" width="{side:g}" height="{side:g}" fill="none" '
        f'stroke="{colour}" stroke-width="{width:g}"/>'
    )


def cross(x: float, y: float, size: float = 5) -> str:
    """The reference corner."""
    d = f"M{x - size:g} {y:g}H{x + size:g}M{x:g} {y - size:g}V{y + size:g}"
    return f'<path d="{d}" stroke="#c8102e" stroke-width="1.8" fill="none"/>'


def is_stored(k: int, row: int, column: int) -> bool:
    """Whether a pixel lies in the core or ring of level k [GE-5]."""
    return row < CORE and column < CORE if k == 0 else bool(RING[row, column])


def levels(n: int = 4) -> str:
    """Levels 0 to n - 1 in place: each stored pixel in the colour of its level."""
    layout = layout_of(n)
    scale, top = 4.0, 34.0
    side, origin = layout.side * scale, layout.origins[-1]
    parts = [text(10, 20, f"Stored pixels of {n} levels around the reference corner (+)")]

    def place(k: int, index: int) -> float:
        return (layout.origins[k] - origin + index * 2**k) * scale

    for k in reversed(range(n)):
        for row in range(GRID):
            for column in range(GRID):
                if is_stored(k, row, column):
                    y = top + side - place(k, row) - 2**k * scale
                    parts.append(square(10 + place(k, column), y, 2**k * scale, COLOURS[k]))
    parts.append(cross(10 - origin * scale, top + side + origin * scale, 7))
    for k in range(n):
        y = top + 16 + 22 * k
        name = "core" if k == 0 else "ring"
        stored = sum(is_stored(k, a, b) for a in range(GRID) for b in range(GRID))
        parts.append(square(side + 24, y - 11, 13, COLOURS[k]))
        parts.append(
            text(
                side + 44,
                y,
                f"level {k}: {name}, {stored} values, pixels of {2**k}, o = {layout.origins[k]}",
            )
        )
    parts.append(text(side + 24, top + 16 + 22 * n, "x to the right, y upwards", size=11))
    return svg(side + 320, side + top + 12, "Levels of a hierarchical stamp", parts)


def holes(n: int = 4) -> str:
    """Grid of each level with its core or ring, its hole, and where the level above takes over."""
    cell, gap, top = 11.0, 34.0, 44.0
    side = GRID * cell
    parts = [
        text(
            10, 20, "Grey: hole, computed from the level below. Frame: the 14 x 14 pixels that are"
        )
    ]
    parts.append(
        text(
            10,
            35,
            "the children of the next level's hole; they begin at row and column c.",
            size=12,
        )
    )
    for k in range(n):
        left = 10 + k * (side + gap)
        for row in range(GRID):
            for column in range(GRID):
                if k == 0 and not is_stored(k, row, column):
                    fill = "#f1d7b4"
                else:
                    fill = COLOURS[k] if is_stored(k, row, column) else GREY
                y = top + side - (row + 1) * cell
                parts.append(square(left + column * cell, y, cell, fill))
        if k < n - 1:
            c = child_start(k)
            y = top + side - (c + 14) * cell
            parts.append(outline(left + c * cell, y, 14 * cell, "#c8102e"))
            parts.append(text(left + side / 2, top + side + 18, f"level {k}, c = {c}", "middle"))
        else:
            parts.append(text(left + side / 2, top + side + 18, f"level {k}", "middle"))
    parts.append(
        text(10, top + side + 38, "Sand: row and column 14 of level 0, which are derived [GE-7].")
    )
    return svg(10 + n * (side + gap), top + side + 50, "Cores, rings and holes", parts)


def numbers(layout: Layout, k: int) -> Iterator[tuple[int, int, int]]:
    """(row, column, position in stamp order) of the stored pixels of level k [GE-6]."""
    position = layout.part(k).start or 0
    for row in range(GRID):
        for column in range(GRID):
            if is_stored(k, row, column):
                yield row, column, position
                position += 1


def order() -> str:
    """Positions of the stored values of levels 0 and 1 in stamp order."""
    layout, cell, top = layout_of(2), 24.0, 34.0
    side = GRID * cell
    parts = [
        text(
            10,
            20,
            "Stamp order: position of each stored value, level 0 and level 1 (row 0 is lowest)",
        )
    ]
    for k in range(2):
        left = 10 + k * (side + 30)
        parts.append(square(left, top, side, PALE, GREY))
        for row, column, position in numbers(layout, k):
            x, y = left + column * cell, top + side - (row + 1) * cell
            parts.append(square(x, y, cell, "#dbe7f3" if k == 0 else "#d9ece8", "#ffffff"))
            parts.append(text(x + cell / 2, y + 16, str(position), "middle", 9))
        parts.append(text(left + side / 2, top + side + 18, f"level {k}", "middle"))
    return svg(2 * side + 50, top + side + 30, "Stamp order", parts)


FIGURES = {"levels.svg": levels, "holes.svg": holes, "order.svg": order}


def main(folder: Path) -> None:
    """Write every figure."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, draw in FIGURES.items():
        (folder / name).write_text(draw(), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER)
