"""Extracts the worked examples of Appendix B from the specification: its bytes are vectors."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from generator.vector import Vector

SPEC = Path(__file__).resolve().parents[2] / "spec" / "hstamp-1.0.md"
FENCE = re.compile(r"^```hex example=([a-z0-9-]+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
TOKEN = re.compile(r"\(([0-9A-F ]+)\)(?:\*(\d+))?|([0-9A-F]{2})(?:\*(\d+))?|(\S)")


def parse(block: str) -> bytes:
    """Bytes of one block: `hh`, `hh*N`, `(hh hh)*N`, comments after `;`."""
    out = b""
    for number, line in enumerate(block.splitlines(), 1):
        for group, times, byte, repeat, junk in TOKEN.findall(line.split(";")[0]):
            if junk:
                raise ValueError(f"line {number}: unexpected {junk!r}")
            out += bytes.fromhex(group or byte) * int(times or repeat or 1)
    return out


def examples(text: str) -> dict[str, bytes]:
    return {name: parse(block) for name, block in FENCE.findall(text)}


def vectors() -> Iterator[Vector]:
    clauses = {
        "b1-f4-n2": ("EN-1", "GE-7", "CO-1", "CO-2"),
        "b2-i2-n2": ("EN-2", "VA-3", "PL-7", "CO-1"),
        "b3-full-n2": ("EN-5", "PL-3", "PL-4", "EN-9", "CO-1"),
        "b4-i2-n4": ("GE-4", "EN-2", "EN-5", "EN-8", "EN-9", "CO-1"),
    }
    for name, data in examples(SPEC.read_text(encoding="utf-8")).items():
        where = f"Appendix B.{name[1]} of the specification"
        yield Vector(
            name, data, clauses.get(name, ("CO-1", "CO-2")), where, flags=("specification",)
        )


if __name__ == "__main__":
    for name, data in examples(SPEC.read_text(encoding="utf-8")).items():
        print(f"{name}: {len(data)} bytes\n{data.hex(' ')}")
