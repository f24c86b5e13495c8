"""The outline of a FITS file, walked before a general reader sees it.

A reader that believes a header can be made to loop (a negative size leads back to the same
header) or to allocate without bound. Here every size is checked against the bytes that are there
(FITS standard 4.0, Sections 3.3 and 4.4.1).
"""

from __future__ import annotations

import math
import re
from typing import BinaryIO, Final

from ..errors import InputError

__all__ = ["check_structure"]

_BLOCK: Final = 2880
_CARD: Final = 80
_MAX_HEADER: Final = 4 * 2**20
_MAX_HDUS: Final = 4096
_BITPIX: Final = {8, 16, 32, 64, -32, -64}
_INTEGER: Final = re.compile(r"=\s*([+-]?\d{1,19})\s*(?:/.*)?", re.DOTALL)
_SIZE_KEY: Final = re.compile(r"BITPIX|NAXIS\d{0,3}|PCOUNT|GCOUNT")


def check_structure(stream: BinaryIO, total: int) -> None:
    """Walk the HDUs of a FITS file.

    Parameters
    ----------
    stream : binary file
        Seekable; its position afterwards is not defined.
    total : int
        Bytes in the file.

    Raises
    ------
    InputError
        If a header does not end, states an impossible size, or more data than there are.
    """
    offset = 0
    for index in range(_MAX_HDUS):
        stream.seek(offset)
        header = _header(stream, index)
        if header is None:
            return
        start, size = offset + len(header), _data_size(header, index)
        if start + size > total:
            raise InputError(f"HDU {index} claims {size} bytes of data at byte {start} of {total}")
        offset = start + -(-size // _BLOCK) * _BLOCK
        if offset >= total:
            return
    raise InputError(f"more than {_MAX_HDUS} HDUs")


def _header(stream: BinaryIO, index: int) -> bytes | None:
    """Blocks of a header; None for what may follow the last HDU."""
    blocks = bytearray()
    while len(blocks) < _MAX_HEADER:
        block = stream.read(_BLOCK)
        if not blocks and not block.startswith(b"XTENSION" if index else b"SIMPLE  ="):
            if index:
                return None
            raise InputError(f"not FITS: it starts with {block[:10]!r}")
        blocks += block
        if any(block[at : at + 8] == b"END     " for at in range(0, len(block), _CARD)):
            return bytes(blocks)
        if len(block) < _BLOCK:
            raise InputError(f"the header of HDU {index} ends early")
    raise InputError(f"the header of HDU {index} is longer than {_MAX_HEADER} bytes")


def _data_size(header: bytes, index: int) -> int:
    values: dict[str, int] = {}
    for at in range(0, len(header), _CARD):
        card = header[at : at + _CARD].decode("latin-1")
        key = card[:8].strip().upper()
        if key == "END":
            break
        if key == "GROUPS":
            raise InputError(f"HDU {index} holds random groups, not an image")
        if _SIZE_KEY.fullmatch(key):
            match = _INTEGER.fullmatch(card[8:].rstrip())
            if match is None or values.setdefault(key, int(match[1])) != int(match[1]):
                raise InputError(f"HDU {index}: {card.strip()!r} is not one integer")
    axes = values.get("NAXIS", -1)
    sizes = [values.get(f"NAXIS{axis + 1}", -1) for axis in range(min(axes, 999))]
    pcount, gcount = values.get("PCOUNT", 0), values.get("GCOUNT", 1)
    if (
        values.get("BITPIX") not in _BITPIX
        or not 0 <= axes <= 999
        or min([pcount, gcount, *sizes]) < 0
    ):
        raise InputError(f"HDU {index} states an impossible size: {values}")
    pixels = math.prod(sizes) if sizes else 0
    return abs(values["BITPIX"]) // 8 * gcount * (pcount + pixels)
