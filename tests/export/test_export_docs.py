"""The Python in docs/viewing.md runs as written, in order, on real stamps."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from export_cases import make_full

PAGE = Path(__file__).parents[2] / "docs" / "viewing.md"


def test_examples_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("matplotlib", reason="the page draws")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MPLBACKEND", "agg")
    stamps = [make_full(5), make_full(3, id="2")]
    names: dict[str, Any] = {"stamps": stamps, "blob": stamps[0].to_bytes()}
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert len(blocks) == 10
    for block in blocks:
        exec(compile(block, str(PAGE), "exec"), names)
    written = {path.name for path in tmp_path.iterdir()}
    assert written >= {
        "stamp.png", "north.png", "mosaics.png", "levels.png", "mine.png", "stamp.fits",
        "stamps.vot", "sky.png",
    }  # fmt: skip
    assert names["image"].shape == (30, 30)
    assert names["ccd"].psf is not None
