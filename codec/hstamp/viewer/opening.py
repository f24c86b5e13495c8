"""How the page opens a file: as it is, or in pieces that are made of it here."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Final

from ..container.detect import Kind, check_regular, detect
from ..container.ocf import Container
from ..errors import FormatError, HstampError

__all__ = ["fingerprint", "reads_itself"]

_CODECS: Final = ("null", "deflate", "snappy")
"""Block codecs of the page's decoder."""
_TABLES: Final = (".csv",)
_LABELS: Final = b'"hstamp-labels"'
_EDGE: Final = 2**16
_HEAD: Final = 2**12


def reads_itself(path: Path) -> bool:
    """Whether the page reads a file by itself: stamps in a container, a blob, a table, labels.

    What no reader can make anything of goes to the page too, which says why.

    Raises
    ------
    HstampError, OSError
        If it cannot be opened.
    """
    check_regular(path)
    if path.suffix.lower() in _TABLES:
        return True
    kind, gzipped = detect(path)
    if gzipped:
        return False
    if kind is Kind.JSON:
        with path.open("rb") as stream:
            return _LABELS in stream.read(_HEAD)
    if kind is not Kind.OCF:
        return kind is Kind.BLOB
    with path.open("rb") as stream:
        try:
            container = Container(stream)
        except FormatError as error:
            return error.code != "E_CODEC"
        except HstampError:
            return True
        return container.stamp_fields is not None and container.codec in _CODECS


def fingerprint(path: Path) -> str:
    """SHA-256 of a file's length in digits, a newline, its first and its last 64 KiB.

    Labels of a file are kept under it, in whatever form the page was given the file.

    Raises
    ------
    OSError
        If the file cannot be read.
    """
    size = path.stat().st_size
    with path.open("rb") as stream:
        head = stream.read(min(_EDGE, size))
        stream.seek(max(0, size - _EDGE))
        tail = stream.read(_EDGE)
    return hashlib.sha256(f"{size}\n".encode() + head + tail).hexdigest()
