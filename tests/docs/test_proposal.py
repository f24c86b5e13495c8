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
    r"https?://[^)]+|DMTN-248|LSE-163|LSE-61|SN 2010H|DS9|lz4|schemas? [0-9.]+( to [0-9.]+)?"
    r"|Sections? [0-9.]+( and [0-9.]+)?|§&nbsp;[0-9.]+|[0-9]+×[0-9]+(×[0-9]+)?"
    r"|196 \+ 176 \(\*n\* − 1\)|for 176 values|0\.396″|16 to 84 %|[0-9.]+(-bit|″| arcsec)"
    r"|n\*? = [0-9]|n\* at n|H₀ = 70, Ωₘ = 0\.3|host at z = 0\.5|z < 0\.1|[Mm]acro-F1"
    r"|\(?95 % |1 × \||\bf4\b|[lL]evel 1\b"
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
    # No mark of the templates' own language or of a table that is no table is left.
    assert "{%" not in page
    assert "|---" not in page
    # One file: nothing is asked of elsewhere when it is opened.
    assert not re.findall(r'(?:src|href)="(?!data:|https?://|#)', page)
    assert not re.findall(r'src="https?:', page)


def test_numbers_are_those_of_the_results(build) -> None:
    stored = ROOT / "docs" / "figures" / "performance" / "results.json"
    rows = json.loads(stored.read_text(encoding="utf-8"))["bytes"]["rows"]
    page = build.render("proposal", build.context("2026-01-01"))
    assert f"{rows['hstamp n=5 complete, i2']['bytes']:,.0f} bytes in place of 34,560" in page


def test_every_reason_and_requirement_is_answered(build) -> None:
    """By hand: what Section 4 of DMTN-248 and Section 3.5.1 of LSE-163 name."""
    page = re.sub(r"<[^>]+>", "", build.render("proposal", build.context("2026-01-01")))
    for reason in (
        "30 kpc", "wide hosts are under 1 %", "nearbyExtObj", "nearbyLowzGal", "cutout service",
        "80-hour embargo", "glint_trail", "custom display tools", "overheads from image headers",
    ):  # fmt: skip
        assert reason in page
    for requirement in (
        "30×30 pixels", "footprint", "flux, 32-bit", "variance, 32-bit", "at least 16 flags",
        "WCS", "zero point", "PSF", "within 60 s", "40,000 alerts a visit",
        "whether stamps should be binned",
    ):  # fmt: skip
        assert requirement in page


def test_references_are_well_formed(build) -> None:
    for text in build.REFERENCES:
        for words, address in re.findall(r"\[([^\]]+)\]\(([^)]+)\)", text):
            number = re.fullmatch(r"(?:DMTN|LSE)-[0-9]+", words)
            if number:
                assert address == f"https://{words.lower()}.lsst.io"
            else:
                assert re.fullmatch(r"10\.[0-9]{4,9}/[-._;()/:A-Za-z0-9]+", words)
                assert address == f"https://doi.org/{words}"
            if "arXiv" in words:
                assert re.fullmatch(r"10\.48550/arXiv\.[0-9]{2}(0[1-9]|1[0-2])\.[0-9]{5}", words)


def test_no_schema_of_packets_names_a_host(build) -> None:
    packet = pytest.importorskip("lsst.alert.packet", reason="needs lsst-alert-packet")
    folders = sorted(Path(packet.__file__).parent.glob("schema/*/[0-9]*"))
    texts = {
        tuple(map(int, (folder.parent.name, folder.name))): "".join(
            path.read_text(encoding="utf-8") for path in folder.glob("*.avsc")
        )
        for folder in folders
    }
    assert len(texts) >= build.Numbers().fact("schemas_read")
    assert not [v for v, text in texts.items() if re.search("nearbyExt|nearbyLow", text)]
    first = min(version for version, text in texts.items() if "glint_trail" in text)
    assert build.Numbers().fact("glint_since") == ".".join(map(str, first))


def test_a_length_at_a_redshift(build) -> None:
    """Wright's calculator for H0 = 70, Omega_m = 0.3, flat: 6.104 kpc/\" at z = 0.5."""
    assert build.Numbers().kpc(1.0, 0.5) == pytest.approx(6.104, abs=0.002)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("7.3 (6.6-7.9)", (7.3, 6.6, 7.9)),
        ("-0.8 (-2.7 to +1.2)", (-0.8, -2.7, 1.2)),
        ("19.3 (16.5-21.6), (c) gradient ascent", (19.3, 16.5, 21.6)),
        ("44", (44.0, 44.0, 44.0)),
    ],
)
def test_estimates_are_read(build, text: str, expected: tuple[float, float, float]) -> None:
    assert sys.modules["numbers_of"].estimate(text) == expected


def test_goals_are_those_of_the_results(build, tmp_path: Path) -> None:
    rows = ["| goal | measured |  |", "|---|---|---|", "| a | 1 (n = 2; one seed) | reached |",
            "| b | 1 (n = 2; 3 seeds: 1.0 to 2.0) | **missed** |"]  # fmt: skip
    (tmp_path / "reference_model_results.md").write_text("\n".join(rows) + "\n")
    numbers = build.Numbers()
    numbers.docs = tmp_path
    assert [row["goal"] for row in numbers.goals("missed")] == ["b"]
    assert len(numbers.goals()) == 2
    (tmp_path / "reference_model_results.md").write_text("\n".join(rows) + "\n| c | 1 | who |\n")
    with pytest.raises(KeyError, match="is no verdict"):
        numbers.goals()


def test_what_was_not_run_is_not_drawn(build, tmp_path: Path) -> None:
    (tmp_path / "reference_model_results.md").write_text(
        "| input | deep (%), n = 7 | nearby (%), n = 9 |\n|---|---|---|\n"
        "| stamp: 900 values | 7.3 (6.6-7.9) | 4 |\n| window | not run | 1.0 |\n"
    )
    numbers = build.Numbers()
    numbers.docs = tmp_path
    drawn = build.hosts_figure(numbers)
    assert drawn.count("<rect") == 2
    assert "window" not in drawn
    assert build.column({"minus 30x30 (points)": "+1"}, "minus") == "+1"
    with pytest.raises(KeyError, match="no column 'plus'"):
        build.column({"minus": "+1"}, "plus")


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
