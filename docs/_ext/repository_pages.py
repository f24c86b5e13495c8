"""Links of pages that are read in the repository too, made to hold on the site.

A page links to files by their place in the repository. Of these, pages of the site become links to
the page, and the specification, the change log and the guide for contributors those to the pages
that include them; what the site does not hold is named instead.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from sphinx.application import Sphinx

ROOT: Final = Path(__file__).resolve().parents[2]
DOCS: Final = ROOT / "docs"
INCLUDED: Final = {
    "spec/hstamp-1.0.md": "specification.md",
    "CHANGELOG.md": "changelog.md",
    "CONTRIBUTING.md": "contributing.md",
    "README.md": "index.md",
}
VIEWER: Final = DOCS / "viewer" / "index.html"
"""Lies at the same place on the site, where it is no page of Sphinx's."""
_LINK: Final = re.compile(r"(?P<bang>!?)\[(?P<words>[^\]]*)\]\((?P<to>[^)\s]+)\)")
_ELSEWHERE: Final = re.compile(r"[a-z]+:|#|/")


def rewritten(text: str, file: Path, page: Path) -> str:
    """Text of `file` with links that hold on `page`, a page of the site.

    Raises
    ------
    FileNotFoundError
        If a link leads to nothing.
    """

    def link(found: re.Match[str]) -> str:
        target, _, anchor = found["to"].partition("#")
        if _ELSEWHERE.match(found["to"]):
            return found[0]
        place = Path(os.path.normpath(file.parent / target))
        if not place.exists():
            raise FileNotFoundError(f"{file.relative_to(ROOT)} links to {target}: no such file")
        name = place.relative_to(ROOT).as_posix()
        if name in INCLUDED:
            place = DOCS / INCLUDED[name]
        if not place.is_relative_to(DOCS):
            return f"{found['words']} (`{name}`)"
        to = os.path.relpath(place, page.parent) + (f"#{anchor}" if anchor else "")
        if place == VIEWER:
            return f'<a href="{to}">{found["words"]}</a>'
        return f"{found['bang']}[{found['words']}]({to})"

    return _LINK.sub(link, text)


def _source(app: Sphinx, name: str, source: list[str]) -> None:
    page = Path(app.env.doc2path(name))
    if page.suffix == ".md":
        source[0] = rewritten(source[0], page, page)


def _include(app: Sphinx, path: Path, parent: str, source: list[str]) -> None:
    source[0] = rewritten(source[0], (DOCS / path).resolve(), Path(app.env.doc2path(parent)))


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    app.connect("source-read", _source)
    app.connect("include-read", _include)
    return {"parallel_read_safe": True}
