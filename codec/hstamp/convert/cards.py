"""Cards of a FITS header: those that say how much data follow, and reading any of them safely."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from astropy.utils.exceptions import AstropyWarning

from ..errors import InputError

__all__ = ["BLOCK", "CARD", "Cards", "items", "quiet", "read_cards", "text", "value"]

BLOCK: Final = 2880
"""Length of a block of a FITS file [byte]."""
CARD: Final = 80
"""Length of a card [byte]."""
_INTEGER: Final = re.compile(r"=\s*([+-]?\d{1,19})\s*(?:/.*)?", re.DOTALL)
_STRING: Final = re.compile(r"=\s*(?:'((?:[^']|'')*)'|([^/']*))")
_INTEGERS: Final = re.compile(
    r"BITPIX|NAXIS\d{0,3}|PCOUNT|GCOUNT|TFIELDS|THEAP|ZBITPIX|ZNAXIS\d{0,3}|ZTILE\d{1,3}"
)
_TEXTS: Final = re.compile(
    r"XTENSION|GROUPS|ZIMAGE|ZCMPTYPE|ZNAME\d{1,3}|ZVAL\d{1,3}|TFORM\d{1,3}|TTYPE\d{1,3}"
)


@dataclass(frozen=True)
class Cards:
    """What a header states about its data.

    Attributes
    ----------
    integers : dict of str to int
    texts : dict of str to str
        Text of other values, without quotes and padding.
    """

    integers: dict[str, int]
    texts: dict[str, str]

    def integer(self, key: str, default: int) -> int:
        """Value of an integer card."""
        return self.integers.get(key, default)

    def text(self, key: str) -> str:
        """Value of another card, empty where there is none."""
        return self.texts.get(key, "")


def read_cards(header: bytes, index: int) -> Cards:
    """Read the cards that say how the data of an HDU are stored.

    Parameters
    ----------
    header : bytes
        Blocks of the header.
    index : int
        Number of the HDU, for messages.

    Raises
    ------
    InputError
        If such a card has no legible value, stands twice with two values, or hides behind
        HIERARCH, so that two readers might take it for two things.
    """
    integers: dict[str, int] = {}
    texts: dict[str, str] = {}
    for at in range(0, len(header), CARD):
        card = header[at : at + CARD].decode("latin-1")
        key = card[:8].strip().upper()
        if key == "END":
            break
        if key == "HIERARCH":
            hidden = card[8:].partition("=")[0].strip().upper()
            if _INTEGERS.fullmatch(hidden) or _TEXTS.fullmatch(hidden):
                raise InputError(f"HDU {index}: {card.strip()!r} hides a reserved keyword")
        elif _INTEGERS.fullmatch(key):
            match = _INTEGER.fullmatch(card[8:].rstrip())
            if match is None or integers.setdefault(key, int(match[1])) != int(match[1]):
                raise InputError(f"HDU {index}: {card.strip()!r} is not one integer")
        elif _TEXTS.fullmatch(key):
            found = _STRING.match(card[8:])
            entry = "" if found is None else (found[1] or found[2] or "").strip()
            if texts.setdefault(key, entry) != entry:
                raise InputError(f"HDU {index}: {card.strip()!r} contradicts an earlier card")
    return Cards(integers, texts)


@contextmanager
def quiet() -> Iterator[None]:
    """Keep what astropy says of unusual headers from users, who get notes; also a decorator."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AstropyWarning)
        yield


def value(header: Any, key: str, default: Any = None) -> Any:
    """Value of a card of an astropy header; the default where it is absent or not legible."""
    try:
        return header.get(key, default)
    except Exception:  # astropy raises VerifyError and others on cards it cannot parse
        return default


def text(header: Any, key: str) -> str:
    """Value of a card as text without padding, empty where it is absent or not legible."""
    return str(value(header, key, "")).strip()


def items(header: Any, prefix: str) -> Iterator[tuple[str, Any]]:
    """Legible cards of a header whose keyword starts with a prefix."""
    if not hasattr(header, "cards"):
        yield from (item for item in header.items() if item[0].startswith(prefix))
        return
    for card in header.cards:
        try:
            if card.keyword.startswith(prefix):
                yield card.keyword, card.value
        except Exception:  # noqa: S112  a card that cannot be read names nothing
            continue
