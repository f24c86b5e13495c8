"""Every link within the built site leads to a file and a place on it; else there is a warning.

Sphinx checks the links that it makes. This looks at what was written: at the theme's links, raw
HTML, and the viewer and documents beside the pages too.
"""

from __future__ import annotations

from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

if TYPE_CHECKING:
    from sphinx.application import Sphinx


class Anchors(HTMLParser):
    """What a page links to, and the places on it that can be linked to."""

    def __init__(self) -> None:
        super().__init__()
        self.links: set[str] = set()
        self.places: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note links and places of a tag."""
        for name, value in attrs:
            if value is None:
                continue
            if name == "id" or (name == "name" and tag == "a"):
                self.places.add(value)
            elif name == "href" or (name == "src" and tag != "script"):
                self.links.add(value)


def anchors_of(page: Path) -> Anchors:
    """Links and places of a page."""
    found = Anchors()
    found.feed(page.read_text(encoding="utf-8"))
    return found


def broken(site: Path) -> Iterator[str]:
    """Links of a built site that lead to nothing, as ``page: link``."""
    found_pages = (page for page in sorted(site.rglob("*.html")) if "_static" not in page.parts)
    pages = {page.resolve(): anchors_of(page) for page in found_pages}
    for page, found in pages.items():
        for link in sorted(found.links):
            parts = urlsplit(link)
            if parts.scheme or parts.netloc or not (parts.path or parts.fragment):
                continue
            target = (page.parent / unquote(parts.path)).resolve() if parts.path else page
            if target.is_dir():
                target /= "index.html"
            place = unquote(parts.fragment)
            known = target.exists() and (
                not place or target not in pages or place in pages[target].places
            )
            if not known:
                yield f"{page.relative_to(site.resolve())}: {link}"


def _check(app: Sphinx, error: Exception | None) -> None:
    from sphinx.util import logging

    if error is None and app.builder.name == "html":
        for line in broken(Path(app.outdir)):
            logging.getLogger(__name__).warning("leads to nothing: %s", line, type="links")


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    app.connect("build-finished", _check)
    return {"parallel_read_safe": True}
