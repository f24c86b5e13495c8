"""Where the viewer's page is."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import Final

from ..errors import InputError

__all__ = ["page_path", "served_page"]

_HEAD: Final = b"<head>"


def page_path() -> Path:
    """Path of the page: the installed copy, or that of a source checkout.

    Raises
    ------
    InputError
        Neither exists.
    """
    installed = Path(str(resources.files("hstamp"))) / "viewer" / "index.html"
    checkout = Path(__file__).resolve().parents[3] / "docs" / "viewer" / "index.html"
    for path in (installed, checkout):
        if path.is_file():
            return path
    raise InputError(f"the viewer's page is neither {installed} nor {checkout}")


def served_page() -> bytes:
    """Return the page with the element by which it knows that files are served beside it."""
    meta = b'\n<meta name="hstamp-files" content="files.json">'
    return page_path().read_bytes().replace(_HEAD, _HEAD + meta, 1)
