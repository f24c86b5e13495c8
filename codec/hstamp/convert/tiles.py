"""Tile-compressed images: what their tables claim, checked before anything is decompressed.

A tile names its own size, its algorithm's parameters and its place in the heap. Decompressors
believe all three, so each is compared here with the bytes at hand and with the tile's pixels
(FITS standard 4.0, Section 10).
"""

from __future__ import annotations

import math
import re
import zlib
from typing import Any, BinaryIO, Final

import numpy as np
import numpy.typing as npt

from ..errors import InputError
from .cards import Cards

__all__ = ["check_tiles", "is_tiled"]

_ALGORITHMS: Final = {
    "RICE_1", "RICE_ONE", "GZIP_1", "GZIP_2", "PLIO_1", "HCOMPRESS_1", "NOCOMPRESS",
}  # fmt: skip
_PARAMETERS: Final = {
    "BLOCKSIZE": {16, 32},
    "BYTEPIX": {1, 2, 4, 8},
    "SMOOTH": {0, 1},
}
_WIDTHS: Final = {
    "L": 1, "B": 1, "I": 2, "J": 4, "K": 8, "A": 1, "E": 4, "D": 8, "C": 8, "M": 16,
    "P": 8, "Q": 16,
}  # fmt: skip
_FORM: Final = re.compile(r"(\d{0,9})([LXBIJKAEDCMPQ])([BIJKED]?)\S*")
_DATA_COLUMNS: Final = {"COMPRESSED_DATA", "GZIP_COMPRESSED_DATA", "UNCOMPRESSED_DATA"}
_MAX_TABLE: Final = 8 * 2**20
"""Longest table of tiles [byte]: 200,000 tiles or more of one image."""
_PER_BYTE: Final = 16
"""Pixels of a tile for each byte of its heap, beyond those that any file may have."""
_GZIP_RATIO: Final = 1032
"""No deflate stream grows by more (zlib's technical notes)."""
_UNCHECKED: Final = 16 * 2**20
"""A gzip tile that cannot grow beyond this is not inflated beforehand [byte]."""

Ints = npt.NDArray[np.int64]


def is_tiled(cards: Cards) -> bool:
    """Whether a header is that of a tile-compressed image."""
    return cards.text("XTENSION") == "BINTABLE" and cards.text("ZIMAGE") == "T"


def check_tiles(stream: BinaryIO, cards: Cards, start: int, free: int) -> None:
    """Check a tile-compressed image.

    Parameters
    ----------
    stream : binary file
    cards : Cards
        Its header.
    start : int
        First byte of its data; their length is known to be there.
    free : int
        Pixels that a tile may have however few bytes there are.

    Raises
    ------
    InputError
        If a claim of its header or of a tile is not possible.
    """
    sizes = _tile_sizes(cards, free)
    _check_parameters(cards)
    width, rows = cards.integer("NAXIS1", 0), cards.integer("NAXIS2", 0)
    heap, pcount = cards.integer("THEAP", width * rows), cards.integer("PCOUNT", 0)
    if not width * rows <= heap <= width * rows + pcount:
        raise InputError(f"THEAP {heap} lies outside the data of the table")
    if width * rows > _MAX_TABLE:
        raise InputError(f"a table of tiles of {width * rows} bytes")
    stream.seek(start)
    table = np.frombuffer(stream.read(width * rows), np.uint8).reshape(rows, width)
    room = width * rows + pcount - heap
    for name, (offset, form, kind) in _columns(cards, width).items():
        if form not in "PQ" or name not in _DATA_COLUMNS:
            continue
        number = ">i4" if form == "P" else ">i8"
        pair = table[:, offset : offset + _WIDTHS[form]].copy().view(number)
        length, place = (pair[:, at].astype(np.int64) for at in (0, 1))
        item = _WIDTHS[kind or "B"]
        if (length < 0).any() or (place < 0).any() or (length > room // item).any():
            raise InputError("a tile lies outside the heap")
        if (place > room - length * item).any() or int(length.sum()) * item > room:
            raise InputError("tiles lie outside the heap, or on each other")
        if name != "UNCOMPRESSED_DATA":
            algorithm = "GZIP_1" if name == "GZIP_COMPRESSED_DATA" else cards.text("ZCMPTYPE")
            _check_streams(stream, start + heap, place, length * item, sizes, algorithm)


def _tile_sizes(cards: Cards, free: int) -> Ints:
    """Pixels of each tile, in the order of the rows."""
    axes = cards.integer("ZNAXIS", 0)
    shape = [cards.integer(f"ZNAXIS{axis + 1}", -1) for axis in range(min(max(axes, 0), 6))]
    sides = [
        cards.integer(f"ZTILE{axis + 1}", shape[0] if axis == 0 else 1)
        for axis in range(len(shape))
    ]
    if not 1 <= axes <= 6 or min(shape) < 0 or min(sides) < 1 or max(*shape, *sides) >= 2**31:
        raise InputError(f"an impossible compressed image: {shape} in tiles of {sides}")
    if cards.integer("ZBITPIX", 0) not in {8, 16, 32, 64, -32, -64}:
        raise InputError(f"ZBITPIX {cards.integer('ZBITPIX', 0)}")
    sides = [min(side, max(size, 1)) for side, size in zip(sides, shape, strict=True)]
    limit = free + _PER_BYTE * cards.integer("PCOUNT", 0)
    if math.prod(sides) > limit:
        raise InputError(f"a tile of {math.prod(sides)} pixels is more than {limit}")
    counts = [-(-size // side) for side, size in zip(sides, shape, strict=True)]
    if math.prod(counts) != cards.integer("NAXIS2", -1):
        raise InputError(f"{cards.integer('NAXIS2', -1)} tiles of {math.prod(counts)}")
    sizes = np.ones(1, dtype=np.int64)
    for side, size, count in reversed(list(zip(sides, shape, counts, strict=True))):
        along = np.full(count, side, dtype=np.int64)
        along[-1:] = size - side * (count - 1)
        sizes = (sizes[:, None] * along).ravel()
    return sizes


def _check_parameters(cards: Cards) -> None:
    if cards.text("ZCMPTYPE") not in _ALGORITHMS:
        raise InputError(f"unknown compression {cards.text('ZCMPTYPE')[:32]!r}")
    for key, name in cards.texts.items():
        allowed = _PARAMETERS.get(name.upper()) if key.startswith("ZNAME") else None
        given = cards.text(f"ZVAL{key.removeprefix('ZNAME')}")
        if allowed is not None and given not in {str(number) for number in allowed}:
            raise InputError(f"compression parameter {name} = {given[:32]!r}")


def _columns(cards: Cards, width: int) -> dict[str, tuple[int, str, str]]:
    """Byte offset, form and element form of each column by its name."""
    columns: dict[str, tuple[int, str, str]] = {}
    offset = 0
    for number in range(1, cards.integer("TFIELDS", 0) + 1):
        match = _FORM.fullmatch(cards.text(f"TFORM{number}"))
        if match is None:
            raise InputError(f"TFORM{number} = {cards.text(f'TFORM{number}')[:32]!r}")
        repeat, form = int(match[1] or 1), match[2]
        if form in "PQ" and repeat != 1:
            raise InputError(f"TFORM{number} holds {repeat} arrays in a row")
        columns[cards.text(f"TTYPE{number}").upper()] = offset, form, match[3]
        offset += -(-repeat // 8) if form == "X" else repeat * _WIDTHS[form]
    if offset != width:
        raise InputError(f"rows of {width} bytes hold columns of {offset}")
    return columns


def _check_streams(
    stream: BinaryIO, heap: int, place: Ints, length: Ints, sizes: Ints, algorithm: str
) -> None:
    """Check what the compressed bytes themselves claim, where a decompressor believes them."""
    if algorithm == "HCOMPRESS_1":
        heads = _heads(stream, heap, place, length, 10)
        sides = heads[:, 2:10].copy().view(">i4").astype(np.int64)
        claimed = np.where(length > 0, sides[:, 0] * sides[:, 1], 0)
        if (sides < 0).any() or (claimed > sizes).any():
            raise InputError("an HCOMPRESS tile claims more pixels than it has")
    elif algorithm == "PLIO_1":
        words = _heads(stream, heap, place, length, 10).view(">i2").astype(np.int64)
        claimed = np.where(words[:, 2] > 0, words[:, 2], (words[:, 4] << 15) + words[:, 3])
        if ((length > 0) & ((claimed < 0) | (2 * claimed > length))).any():
            raise InputError("a PLIO tile claims more words than it has")
    elif algorithm.startswith("GZIP"):
        for at in np.flatnonzero(length * _GZIP_RATIO > _UNCHECKED):
            stream.seek(heap + int(place[at]))
            _check_gzip(stream, int(length[at]), 8 * int(sizes[at]))


def _heads(stream: BinaryIO, heap: int, place: Ints, length: Ints, count: int) -> Any:
    """First bytes of each tile, zero where it is shorter; shape (tiles, count)."""
    heads = np.zeros((len(place), count), dtype=np.uint8)
    for row in np.flatnonzero(length).tolist():
        stream.seek(heap + int(place[row]))
        found = stream.read(min(int(length[row]), count))
        heads[row, : len(found)] = np.frombuffer(found, np.uint8)
    return heads


def _check_gzip(stream: BinaryIO, length: int, limit: int) -> None:
    inflater, made = zlib.decompressobj(wbits=31), 0
    while length > 0 and not inflater.eof:
        chunk = stream.read(min(length, 2**16))
        length -= len(chunk)
        while chunk:
            try:
                made += len(inflater.decompress(chunk, 2**20))
            except zlib.error as exc:
                raise InputError(f"a damaged gzip tile: {exc}") from exc
            if made > limit:
                raise InputError(f"a gzip tile decompresses to more than {limit} bytes")
            chunk = inflater.unconsumed_tail
