"""Markdown of measurements, and its place in a page."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

__all__ = ["Goal", "goals", "number", "put", "race", "table"]

Goal = tuple[str, str, str, bool]
"""What was wanted, how much, how much was measured, and whether that is enough."""


def put(tables: dict[str, str], path: Path) -> None:
    """Put tables between their marks in a page."""
    text = path.read_text(encoding="utf-8")
    for name, made in tables.items():
        marks = re.compile(rf"(<!-- begin:{name} -->\n).*?(<!-- end:{name} -->)", re.DOTALL)
        if not marks.search(text):
            raise SystemExit(f"{path} has no place for the table {name!r}")
        text = marks.sub(lambda m, t=made: f"{m[1]}\n{t}\n\n{m[2]}", text)
    path.write_text(text, encoding="utf-8")


def table(head: list[str], rows: list[list[str]]) -> str:
    """Table whose first column is text, the others numbers."""
    rule = ["---"] + ["---:"] * (len(head) - 1)
    return "\n".join("| " + " | ".join(r) + " |" for r in [head, rule, *rows])


def number(value: float, digits: int = 3) -> str:
    """So many digits, and thousands apart."""
    if value >= 1000:
        return f"{value:,.0f}"
    return f"{value:.{digits}g}"


def goals(rows: list[Goal]) -> str:
    """Table of goals."""
    return table(
        ["goal", "wanted", "measured", ""],
        [[a, b, c, "met" if ok else "**missed**"] for a, b, c, ok in rows],
    )


def race(entries: dict[str, Any], reference: str | None = None, word: str = "") -> str:
    """Table of times; with a reference, how many times as fast each is, under a word."""
    base = entries[reference]["median"] if reference in entries else None
    rows = []
    for name, e in sorted(entries.items(), key=lambda item: -item[1]["median"]):
        ratio = [] if base is None else [f"{base / e['median']:.3g}"]
        rows.append(
            [name, number(e["median"]), f"{number(e['low'])} to {number(e['high'])}", *ratio]
        )
    return table(["", "µs, median", "16 to 84 %", *([word] if base else [])], rows)
