"""What the documentation site makes of pages that are read in the repository too."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"


@pytest.fixture
def rewritten(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.syspath_prepend(str(DOCS / "_ext"))
    monkeypatch.delitem(sys.modules, "repository_pages", raising=False)
    return __import__("repository_pages").rewritten


@pytest.mark.parametrize(
    ("link", "made"),
    [
        ("[spec](../spec/hstamp-1.0.md#9-decoder)", "[spec](specification.md#9-decoder)"),
        ("[page](convert.md)", "[page](convert.md)"),
        ("![stamp](figures/stamp.png)", "![stamp](figures/stamp.png)"),
        ("[copy](../tests/conformance/decoders/)", "copy (`tests/conformance/decoders`)"),
        ("[out](https://example.org/a)", "[out](https://example.org/a)"),
        ("[here](#what-fails)", "[here](#what-fails)"),
        ("[view](viewer/index.html)", '<a href="viewer/index.html">view</a>'),
    ],
)
def test_links_of_a_page(rewritten, link: str, made: str) -> None:
    page = DOCS / "archives.md"
    assert rewritten(link, page, page) == made


def test_links_of_the_specification_hold_on_its_page(rewritten) -> None:
    text = "![levels](../docs/figures/geometry/levels.svg)"
    page = rewritten(text, ROOT / "spec" / "hstamp-1.0.md", DOCS / "specification.md")
    assert page == "![levels](figures/geometry/levels.svg)"


def test_a_link_to_nothing_is_an_error(rewritten) -> None:
    page = DOCS / "archives.md"
    with pytest.raises(FileNotFoundError, match=r"archives\.md links to gone\.md"):
        rewritten("[gone](gone.md)", page, page)


def test_a_page_in_a_folder_leads_up(rewritten) -> None:
    page = DOCS / "roles" / "format.md"
    assert rewritten("[c](../../CHANGELOG.md)", page, page) == "[c](../changelog.md)"
