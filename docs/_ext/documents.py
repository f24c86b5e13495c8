"""The viewer, the proposal, its summary and its slides, as parts of the site.

They are made and put into the built site with it: `viewer/index.html`, and the documents in
`proposal/`, as PDF too where WeasyPrint is usable. The directive `documents` lists what was made.
"""

from __future__ import annotations

import datetime
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from docutils import nodes
from docutils.parsers.rst import Directive

if TYPE_CHECKING:
    from sphinx.application import Sphinx

DOCS: Final = Path(__file__).resolve().parents[1]
TITLES: Final = {
    "proposal": "The proposal",
    "summary": "Summary, two pages",
    "slides": "Eight slides",
}
MADE: list[Path] = []
"""Documents of this build."""


def put(app: Sphinx) -> None:
    """Make the documents and copy the viewer, before pages are read."""
    if app.builder.name != "html":
        return
    viewer = Path(app.outdir, "viewer")
    viewer.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(DOCS / "viewer" / "index.html", viewer / "index.html")
    sys.path.insert(0, str(DOCS / "proposal"))
    try:
        from build import build
    finally:
        sys.path.pop(0)
    MADE[:] = build(Path(app.outdir, "proposal"), datetime.date.today().isoformat())


class Documents(Directive):
    """List the documents that were made, with links."""

    def run(self) -> list[nodes.Node]:
        """Give a list; it stands on a page of the top folder."""
        rows = []
        for name, title in TITLES.items():
            files = [path for path in MADE if path.stem == name]
            links = ", ".join(
                f'<a href="proposal/{path.name}">{path.suffix[1:].upper()}</a>' for path in files
            )
            rows.append(f"<li><strong>{title}</strong>: {links or 'not made here'}</li>")
        return [nodes.raw("", f"<ul>{''.join(rows)}</ul>", format="html")]


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    app.connect("builder-inited", put)
    app.add_directive("documents", Documents)
    return {"parallel_read_safe": False}
