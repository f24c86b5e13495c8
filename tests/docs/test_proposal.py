"""The proposal takes its numbers from stored results, and says all of them."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROPOSAL = ROOT / "docs" / "proposal"
#: What is no measured number: names of documents, parts of the format, of the text and of others'.
NAMES = re.compile(
    r"https?://[^)]+|DMTN-248|LSE-163|SN 2010H|DS9|lz4|schemas? [0-9.]+( to [0-9.]+)?"
    r"|Sections? [0-9.]+|\b2D\b|[0-9]+×[0-9]+(×[0-9]+)?|196 \+ 176 \(\*n\* − 1\)|for 176 values"
    r"|0\.396″|16 to 84 %|[0-9.]+(-bit|″| arcsec)|n\*? = [0-9]|noise/16|30 kpc at redshift 0\.5"
    r"|schema 11|that 1 %|z < 0\.1|Macro-F1|\(95 % "
    r"|After 30 days|1 × \||\bf4\b|\b20[0-9]{2}\b|[lL]evel 1\b|10\.[0-9]{4,5}/[^\])]+"
)


@pytest.fixture
def build(monkeypatch: pytest.MonkeyPatch):
    pytest.importorskip("matplotlib")
    monkeypatch.syspath_prepend(str(PROPOSAL))
    for name in ("build", "numbers_of", "figures"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    return __import__("build")


@pytest.mark.parametrize("name", ["proposal", "summary", "slides", "gains"])
def test_no_number_is_typed(name: str) -> None:
    text = (PROPOSAL / f"{name}.md.j2").read_text(encoding="utf-8")
    text = re.sub(r"\{\{.*?\}\}|\{%.*?%\}|<[^>]+>", "", text, flags=re.S)
    text = re.sub(r"^(#+|[0-9]+\.) [0-9.]*", "", text, flags=re.M)
    assert re.findall(r"[^\s]*[0-9][^\s]*", NAMES.sub("", text)) == []


@pytest.mark.parametrize("name", ["proposal", "summary", "slides"])
def test_every_document_is_whole(build, name: str) -> None:
    page = build.render(name, build.context("2026-01-01"))
    assert "{{" not in page
    assert "nan" not in re.sub(r"<[^>]+>", " ", page).lower().split()
    assert page.count("<section>") == (8 if name == "slides" else 0)
    # One file: nothing is asked of elsewhere when it is opened.
    assert not re.findall(r'(?:src|href)="(?!data:|https?://|#)', page)
    assert not re.findall(r'src="https?:', page)


def test_numbers_are_those_of_the_results(build) -> None:
    stored = ROOT / "docs" / "figures" / "performance" / "results.json"
    rows = json.loads(stored.read_text(encoding="utf-8"))["bytes"]["rows"]
    page = build.render("proposal", build.context("2026-01-01"))
    assert f"{rows['hstamp n=5 complete, i2']['bytes']:,.0f} bytes in place of 34,560" in page


def test_a_number_that_is_missing_is_an_error(build) -> None:
    numbers = build.Numbers()
    with pytest.raises(KeyError, match=r"rubin\.md has no table"):
        numbers.cell("rubin.md", "no such row")
    with pytest.raises(KeyError):
        numbers.fact("nobody")


def test_cells_are_found_by_row_and_column(build, tmp_path: Path) -> None:
    (tmp_path / "page.md").write_text(
        "| a | b |\n|---|---:|\n| x | 1,234.5 s |\n\n| a | c |\n|---|---|\n| x | **7** |\n"
    )
    numbers = build.Numbers()
    numbers.docs = tmp_path
    assert numbers.cell("page.md", "x") == "1,234.5 s"
    assert numbers.number("page.md", "x") == 1234.5
    assert numbers.cell("page.md", "x", "c") == "7"
