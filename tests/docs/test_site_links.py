"""Links of the built site: what leads to nothing is found."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest

DOCS = Path(__file__).resolve().parents[2] / "docs"


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.syspath_prepend(str(DOCS / "_ext"))
    monkeypatch.delitem(sys.modules, "links_hold", raising=False)
    return __import__("links_hold").broken


@pytest.mark.parametrize(
    ("link", "told"),
    [
        ("b/page.html", False),
        ("b/page.html#here", False),
        ("b/page.html#there", True),
        ("b/none.html", True),
        ("b", False),
        ("#top", False),
        ("#bottom", True),
        ("b/a%20picture.png", False),
        ("https://example.org/none#x", False),
        ("mailto:a@b.c", False),
        ("", False),
    ],
)
def test_links(broken, tmp_path: Path, link: str, told: bool) -> None:
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "page.html").write_text('<h1 id="here">')
    (tmp_path / "b" / "index.html").write_text('<img src="a picture.png">')
    (tmp_path / "b" / "a picture.png").write_bytes(b"")
    (tmp_path / "a.html").write_text(f'<p id="top"><a href="{link}">')
    assert list(broken(tmp_path)) == ([f"a.html: {link}"] if told else [])


def test_what_the_theme_keeps_is_no_page(broken, tmp_path: Path) -> None:
    (tmp_path / "_static").mkdir()
    (tmp_path / "_static" / "macros.html").write_text('<a href="{{ none }}">')
    assert list(broken(tmp_path)) == []


ROOT = DOCS.parent
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    *sorted(DOCS.glob("*.md")),
    *sorted((DOCS / "roles").glob("*.md")),
    *sorted((ROOT / "spec").glob("*.md")),
]


def faults(address: str) -> str:
    """What is wrong with the form of an address elsewhere; empty where nothing is."""
    parts = urlsplit(address)
    if parts.scheme != "https" or "." not in parts.netloc or re.search(r"[\s\"<>\\]", address):
        return "no https address"
    if parts.netloc == "doi.org" and not re.fullmatch(
        r"/10\.[0-9]{4,9}/[-._;()/:A-Za-z0-9]+", parts.path
    ):
        return "no DOI"
    number = parts.path.partition("arXiv.")[2]
    if number and not re.fullmatch(r"[0-9]{2}(0[1-9]|1[0-2])\.[0-9]{4,5}", number):
        return "no number of arXiv"
    name = parts.netloc.removesuffix(".lsst.io")
    if name != parts.netloc and not re.fullmatch(r"(dmtn|lse|ldm|sitcomtn)-[0-9]{3}", name):
        return "no number of a document"
    return ""


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_addresses_elsewhere_are_well_formed(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    links = re.findall(r"\]\((https?:[^)\s]+)\)", text)
    assert [(link, faults(link)) for link in links if faults(link)] == []


@pytest.mark.parametrize(
    "address",
    [
        "http://example.org", "https://doi.org/11.1/x", "https://doi.org/10.1093",
        "https://doi.org/10.48550/arXiv.2513.10878", "https://dmtn-48.lsst.io", "https://nowhere",
    ],
)  # fmt: skip
def test_addresses_that_are_not_well_formed_are_told(address: str) -> None:
    assert faults(address)
