"""Binary encoding of the stamp record, field by field [CO-1].

A general Avro library accepts more than the specification does (lengths beyond the input, longs of
any size) and reports it in its own words. The record is fixed for the whole of a minor version, so
it is read here directly, with every length compared with the bytes that remain before use [DE-4].
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable
from functools import partial
from typing import Final, TypeAlias, TypeVar

from ..errors import FormatError
from ..planes import ImagePlane, MaskPlane, PsfPlane, Record, VariancePlane, Wcs
from .skipping import Skip, SkipMany, jump_many, long_at, text_many
from .tally import Tally

__all__ = ["Cursor", "read_record", "write_long", "write_record"]

_T = TypeVar("_T")
# `Cursor` has methods of these names, which would hide the types in its own signatures.
_Integer: TypeAlias = int
_Number: TypeAlias = float
_WCS: Final = struct.Struct("<ddffff")
_OFFSET: Final = struct.Struct("<ff")
_NULL, _THERE = b"\x00", b"\x02"
"""Branches of a union with null."""
_BYTES: Final = tuple(bytes((value,)) for value in range(0x80))
_FLOAT: Final = struct.Struct("<f")
_DOUBLE: Final = struct.Struct("<d")
_FLOATS: Final = jump_many(4)
_KEPT: Final = 17
"""Array items kept: one more than a valid stamp can have, so that too many show (Section 13)."""


class Cursor:
    """A position in bytes that never moves past their end.

    Parameters
    ----------
    data : bytes
        The whole input.
    position : int
        Where to start.
    tally : Tally, optional
        What the file may still cost.
    """

    __slots__ = ("data", "end", "position", "tally")

    def __init__(self, data: bytes, position: int = 0, tally: Tally | None = None) -> None:
        self.data = data
        self.position = position
        self.end = len(data)
        self.tally = Tally(self.end) if tally is None else tally

    def take(self, count: int, what: str) -> bytes:
        """Return the next `count` bytes."""
        start = self.position
        self.skip(count, what)
        return self.data[start : self.position]

    def long(self, what: str) -> int:
        """Return a zig-zag base-128 integer of at most 64 bits."""
        data, position, end = self.data, self.position, self.end
        if position < end and (byte := data[position]) < 0x80:
            self.position = position + 1
            return (byte >> 1) ^ -(byte & 1)
        try:
            value, self.position = long_at(data, position)
        except IndexError:
            raise FormatError("E_AVRO", f"{what}: the bytes end inside a number") from None
        except FormatError as error:
            raise FormatError(error.code, f"{what}: {error.reason}") from None
        return value

    def int(self, what: str) -> int:
        """Return a long that fits 32 bits."""
        value = self.long(what)
        if not -(1 << 31) <= value < 1 << 31:
            raise FormatError("E_AVRO", f"{what}: {value} does not fit 32 bits")
        return value

    def float(self, what: str) -> float:
        """Return a float32."""
        number: float = _FLOAT.unpack(self.take(4, what))[0]
        return number

    def double(self, what: str) -> _Number:
        """Return a float64."""
        number: _Number = _DOUBLE.unpack(self.take(8, what))[0]
        return number

    def skip(self, count: _Integer, what: str) -> None:
        """Pass over the next `count` bytes."""
        start = self.position
        if not 0 <= count <= self.end - start:
            raise FormatError(
                "E_AVRO", f"{what}: {count} bytes wanted at byte {start}, {self.end - start} remain"
            )
        self.position = start + count

    def branch(self, count: _Integer) -> _Integer:
        """Return the index of a union of so many branches."""
        index = self.long("union")
        if not 0 <= index < count:
            raise FormatError("E_AVRO", f"union branch {index} is not one of {count}")
        return index

    def bytes(self, what: str) -> bytes:
        """Return bytes behind their length."""
        return self.take(self.long(what), what)

    def text(self, what: str) -> str:
        """Return text with one character per byte; what may stand in it is checked later."""
        return self.bytes(what).decode("latin-1")

    def optional(self, what: str, read: Callable[[], _T]) -> _T | None:
        """Return null or what `read` returns."""
        branch = self.long(what)
        if branch not in (0, 1):
            raise FormatError("E_AVRO", f"{what}: union branch {branch} is not 0 or 1")
        return read() if branch else None

    def array(
        self, what: str, read: Callable[[], _T], rest: SkipMany, cost: _Integer = 1
    ) -> tuple[_T, ...]:
        """Return the first `_KEPT` items of an array, whatever its blocks.

        `rest` passes over the others; each item counts `cost` in the tally.
        """
        items: list[_T] = []
        while count := self.long(what):
            stop = None
            if count < 0:
                count = -count
                size = self.long(what)
                if not 0 <= size <= self.end - self.position:
                    raise FormatError("E_AVRO", f"{what}: a block claims {size} bytes")
                stop = self.position + size
            if count > self.end - self.position:
                raise FormatError(
                    "E_AVRO",
                    f"{what}: {count} items claimed, {self.end - self.position} bytes remain",
                )
            self.tally.add(count * cost)
            kept = min(count, _KEPT - len(items))
            items += [read() for _ in range(kept)]
            if count > kept:
                self.pass_over(partial(_after, rest, count - kept), what)
            if stop is not None and stop != self.position:
                raise FormatError("E_AVRO", f"{what}: a block's size is not that of its items")
        return tuple(items)

    def pass_over(self, skip: Skip, what: str) -> None:
        """Move behind what `skip` passes over."""
        try:
            position = skip(self.data, self.position, self.tally)
        except (IndexError, OverflowError):
            position = self.end + 1
        if position > self.end:
            raise FormatError("E_AVRO", f"{what}: the bytes end early")
        self.position = position


def _after(rest: SkipMany, count: int, data: bytes, position: int, tally: Tally) -> int:
    return rest(data, position, count, tally)


def read_record(cursor: Cursor) -> Record:
    """Read the twelve fields of a stamp; nothing but their Avro form is checked.

    Raises
    ------
    FormatError
        With code E_AVRO.
    """
    c = cursor
    return Record(
        version=c.int("version"),
        levels=c.int("levels"),
        id=c.optional("id", lambda: c.text("id")),
        band=c.optional("band", lambda: c.text("band")),
        flux_unit=c.text("fluxUnit"),
        dx=c.float("dx"),
        dy=c.float("dy"),
        wcs=c.optional("wcs", lambda: Wcs(*_WCS.unpack(c.take(_WCS.size, "wcs")))),
        image=ImagePlane(
            c.text("image.encoding"),
            c.array("image.zero", lambda: c.float("image.zero"), _FLOATS),
            c.array("image.scale", lambda: c.float("image.scale"), _FLOATS),
            c.bytes("image.data"),
        ),
        variance=c.optional(
            "variance",
            lambda: VariancePlane(
                c.text("variance.encoding"), c.float("variance.unit"), c.bytes("variance.data")
            ),
        ),
        mask=c.optional(
            "mask",
            lambda: MaskPlane(
                c.text("mask.encoding"),
                c.array("mask.planes", lambda: c.text("mask.planes"), text_many),
                c.bytes("mask.data"),
            ),
        ),
        psf=c.optional(
            "psf",
            lambda: PsfPlane(c.text("psf.encoding"), c.int("psf.size"), c.bytes("psf.data")),
        ),
    )


def write_long(value: int) -> bytes:
    """Shortest zig-zag base-128 form of an integer of at most 64 bits."""
    rest = (value << 1) ^ (value >> 63)
    if rest < 0x80:
        return _BYTES[rest]
    if rest < 0x4000:
        return bytes((rest & 0x7F | 0x80, rest >> 7))
    out = bytearray()
    while rest > 0x7F:
        out.append(rest & 0x7F | 0x80)
        rest >>= 7
    out.append(rest)
    return bytes(out)


def write_record(record: Record) -> bytes:
    """Binary form of a stamp, in the one form that [EC-8] allows."""
    image, wcs = record.image, record.wcs
    parts = [
        write_long(record.version),
        write_long(record.levels),
        _NULL if record.id is None else _THERE + _text(record.id),
        _NULL if record.band is None else _THERE + _text(record.band),
        _text(record.flux_unit),
        _OFFSET.pack(record.dx, record.dy),
        _NULL
        if wcs is None
        else _THERE + _WCS.pack(wcs.ra, wcs.dec, wcs.cd1_1, wcs.cd1_2, wcs.cd2_1, wcs.cd2_2),
        _text(image.encoding),
        _floats(image.zero),
        _floats(image.scale),
        write_long(len(image.data)),
        image.data,
    ]
    if (variance := record.variance) is None:
        parts.append(_NULL)
    else:
        unit = _FLOAT.pack(variance.unit)
        parts += (_THERE, _text(variance.encoding), unit, _bytes(variance.data))
    if (mask := record.mask) is None:
        parts.append(_NULL)
    else:
        names = _array(mask.planes, map(_text, mask.planes))
        parts += (_THERE, _text(mask.encoding), names, _bytes(mask.data))
    if (psf := record.psf) is None:
        parts.append(_NULL)
    else:
        parts += (_THERE, _text(psf.encoding), write_long(psf.size), _bytes(psf.data))
    return b"".join(parts)


def _bytes(value: bytes) -> bytes:
    return write_long(len(value)) + value


def _text(value: str) -> bytes:
    return _bytes(value.encode("latin-1"))


def _floats(values: tuple[float, ...]) -> bytes:
    return _array(values, [struct.pack(f"<{len(values)}f", *values)])


def _array(values: tuple[object, ...], written: Iterable[bytes]) -> bytes:
    """Items in one block, and the block of none that ends an array."""
    if not values:
        return b"\x00"
    return write_long(len(values)) + b"".join(written) + b"\x00"
