"""The outline of a FITS file, walked before a general reader sees it.

A reader that believes a header can be made to loop (a negative size leads back to the same
header) or to allocate without bound. Here every size is checked against the bytes that are there
(FITS standard 4.0, Sections 3.3, 4.4.1 and 7.3).
"""

from __future__ import annotations

import math
from typing import BinaryIO, Final

from ..errors import InputError
from .cards import BLOCK, CARD, Cards, read_cards
from .tiles import check_tiles, is_tiled

__all__ = ["TILE_OF_CUTOUT", "TILE_OF_FILE", "check_structure"]

TILE_OF_FILE: Final = 2**24
"""Pixels of a compressed tile that every file may have: an image of 4096 x 4096 in one."""
TILE_OF_CUTOUT: Final = 2**20
"""As `TILE_OF_FILE`, for cutouts, of which a file can hold many."""

_MAX_HEADER: Final = 4 * 2**20
_MAX_HEADERS: Final = 16 * 2**20
_MAX_HDUS: Final = 4096
_MAX_COLUMNS: Final = 999
_BITPIX: Final = {8, 16, 32, 64, -32, -64}


def check_structure(stream: BinaryIO, total: int, tile: int = TILE_OF_FILE) -> dict[int, str]:
    """Walk the HDUs of a FITS file.

    Parameters
    ----------
    stream : binary file
        Seekable; its position afterwards is not defined.
    total : int
        Bytes in the file.
    tile : int
        Pixels that a compressed tile may have however few bytes there are.

    Returns
    -------
    dict of int to str
        Tile-compressed HDUs that must not be read, each with what is wrong with it.

    Raises
    ------
    InputError
        If a header does not end, states an impossible size, or more data than there are.
    """
    damaged: dict[int, str] = {}
    offset = headers = 0
    for index in range(_MAX_HDUS):
        stream.seek(offset)
        header = _header(stream, index)
        if header is None:
            return damaged
        headers += len(header)
        if headers > _MAX_HEADERS:
            raise InputError(f"its headers are longer than {_MAX_HEADERS} bytes together")
        cards = read_cards(header, index)
        start, size = offset + len(header), _data_size(cards, index)
        if start + size > total:
            raise InputError(f"HDU {index} claims {size} bytes of data at byte {start} of {total}")
        if is_tiled(cards):
            try:
                check_tiles(stream, cards, start, tile)
            except InputError as exc:
                damaged[index] = exc.reason
        offset = start + -(-size // BLOCK) * BLOCK
        if offset >= total:
            return damaged
    raise InputError(f"more than {_MAX_HDUS} HDUs")


def _header(stream: BinaryIO, index: int) -> bytes | None:
    """Blocks of a header; None for what may follow the last HDU."""
    blocks = bytearray()
    while len(blocks) < _MAX_HEADER:
        block = stream.read(BLOCK)
        if not blocks and not block.startswith(b"XTENSION" if index else b"SIMPLE  ="):
            if index:
                return None
            raise InputError(f"not FITS: it starts with {block[:10]!r}")
        blocks += block
        if any(block[at : at + 8] == b"END     " for at in range(0, len(block), CARD)):
            return bytes(blocks)
        if len(block) < BLOCK:
            raise InputError(f"the header of HDU {index} ends early")
    raise InputError(f"the header of HDU {index} is longer than {_MAX_HEADER} bytes")


def _data_size(cards: Cards, index: int) -> int:
    axes = cards.integer("NAXIS", -1)
    sizes = [cards.integer(f"NAXIS{axis + 1}", -1) for axis in range(min(axes, 999))]
    pcount, gcount = cards.integer("PCOUNT", 0), cards.integer("GCOUNT", 1)
    bitpix = cards.integer("BITPIX", 0)
    if bitpix not in _BITPIX or not 0 <= axes <= 999 or min([pcount, gcount, *sizes]) < 0:
        raise InputError(
            f"HDU {index} states an impossible size: BITPIX {bitpix}, NAXIS {axes}, axes"
            f" {sizes[:9]}, PCOUNT {pcount}, GCOUNT {gcount}"
        )
    if cards.text("GROUPS") == "T" and sizes[:1] == [0]:
        raise InputError(f"HDU {index} holds random groups, not an image")
    if not 0 <= cards.integer("TFIELDS", 0) <= _MAX_COLUMNS:
        raise InputError(f"HDU {index} states {cards.integer('TFIELDS', 0)} columns")
    pixels = math.prod(sizes) if sizes else 0
    return abs(bitpix) // 8 * gcount * (pcount + pixels)
