"""Links of the built site: what leads to nothing is found."""

from __future__ import annotations

import sys
from pathlib import Path

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
