"""Text for people: made harmless for a terminal and for a spreadsheet, and counts with nouns."""

from __future__ import annotations

import re
from typing import Final

__all__ = ["counted", "printable", "safe_cell"]

_INVISIBLE: Final = (
    "\x00-\x1f\x7f-\x9f"  # C0, DEL and C1: ESC moves the cursor and renames windows
    "\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"  # order and breaks
    "\ud800-\udfff"  # bytes of file names that are no UTF-8
    "\U000e0000-\U000e007f"  # tags
)
_ANY: Final = re.compile(f"[{_INVISIBLE}]")
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""What makes a spreadsheet compute a cell; the last four are the wide forms of the first."""


def printable(text: str, *, keep: str = "") -> str:
    r"""Replace what a terminal would obey, or not show, by escapes such as ``\x1b``.

    Parameters
    ----------
    text : str
    keep : str
        Characters to leave alone, for example newlines in text of several lines.
    """
    return _ANY.sub(lambda found: found[0] if found[0] in keep else _escape(found[0]), text)


def counted(number: int, noun: str) -> str:
    """Number and noun, the noun in the plural where there is not one."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def safe_cell(text: str) -> str:
    """Put an apostrophe before text that a spreadsheet would take for a formula."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def _escape(character: str) -> str:
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:
        code -= 0xDC00  # the byte that the file name holds
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
