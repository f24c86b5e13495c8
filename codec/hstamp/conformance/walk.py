"""A blob's bytes, field by field, as far as they can be read: for `explain` and the encoder judge.

Deliberately separate from the decoder that the suite judges: it applies no check but the reading
of Avro (Section 8.1 of the specification), and gives what it could read of damaged bytes.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any

MARKER = b"\xc3\x01"


@dataclass(frozen=True)
class Field:
    """Bytes `start` to `end` of the input and what they say.

    `shortest` is False for a long that is not in its shortest form, and for an array that is not
    a single block with a positive count ([EC-8]).
    """

    name: str
    start: int
    end: int
    value: Any
    clause: str
    shortest: bool = True


@dataclass(frozen=True)
class Walk:
    """Fields read in order; `stopped` says where and why reading ended, or is empty."""

    fields: tuple[Field, ...]
    stopped: str = ""

    def values(self) -> dict[str, Any]:
        """Field name to value."""
        return {field.name: field.value for field in self.fields}


class _StopError(Exception):
    pass


class _Walker:
    def __init__(self, data: bytes) -> None:
        self.data, self.at, self.fields = data, 0, list[Field]()
        self.canonical = True

    def take(self, size: int, what: str) -> bytes:
        if size < 0:
            raise _StopError(f"{what} at byte {self.at}: length {size} is negative")
        left = len(self.data) - self.at
        if size > left:
            raise _StopError(f"{what} at byte {self.at}: {size} bytes wanted, {left} left")
        self.at += size
        return self.data[self.at - size : self.at]

    def long(self, what: str) -> int:
        value, start = 0, self.at
        for group in range(10):
            byte = self.take(1, what)[0]
            value |= (byte & 127) << (7 * group)
            if byte < 128:
                if value >= 2**64:
                    raise _StopError(f"{what} at byte {start}: does not fit 64 bits")
                self.canonical = self.canonical and not (group and byte == 0)
                return (value >> 1) ^ -(value & 1)
        raise _StopError(f"{what} at byte {start}: a long of more than 10 bytes")

    def add(self, name: str, start: int, value: Any, clause: str) -> Any:
        self.fields.append(Field(name, start, self.at, value, clause, self.canonical))
        self.canonical = True
        return value

    def number(self, name: str, clause: str) -> Any:
        start = self.at
        return self.add(name, start, self.long(name), clause)

    def fixed(self, name: str, code: str, clause: str) -> Any:
        start = self.at
        raw = self.take(struct.calcsize(code), name)
        return self.add(name, start, struct.unpack("<" + code, raw)[0], clause)

    def sized(self, name: str, clause: str) -> Any:
        start = self.at
        size = self.long(f"length of {name}")
        return self.add(name, start, self.take(size, name), clause)

    def union(self, name: str, clause: str) -> bool:
        start = self.at
        index = self.long(f"union index of {name}")
        present = {0: "null", 1: "present"}.get(index, f"index {index}")
        self.add(f"{name} union", start, present, clause)
        if index not in (0, 1):
            raise _StopError(f"union index of {name} at byte {start}: {index} is neither 0 nor 1")
        return index == 1

    def array(self, name: str, code: str, clause: str) -> None:
        start, items, blocks = self.at, list[Any](), 0
        while count := self.long(f"count of {name}"):
            blocks += 1
            size = None
            if count < 0:
                size = self.long(f"block size of {name}")
                self.canonical = False
            if abs(count) > len(self.data) - self.at:
                raise _StopError(f"count of {name} at byte {start}: {count} items, too few bytes")
            begin = self.at
            for _ in range(abs(count)):
                if code == "text":
                    items.append(self.take(self.long(f"length of {name}"), name))
                else:
                    items.append(struct.unpack("<f", self.take(4, name))[0])
            if size is not None and size != self.at - begin:
                raise _StopError(
                    f"block of {name} at byte {begin}: size {size} is not that of its items"
                )
        self.canonical = self.canonical and blocks <= 1
        self.add(name, start, tuple(items), clause)

    def record(self) -> None:
        self.number("version", "VE-2")
        self.number("levels", "GE-2")
        for name in ("id", "band"):
            if self.union(name, "CO-1"):
                self.sized(name, "EN-10")
        self.sized("fluxUnit", "EN-10")
        self.fixed("dx", "f", "EN-11")
        self.fixed("dy", "f", "EN-11")
        if self.union("wcs", "CO-1"):
            for name in ("ra", "dec"):
                self.fixed(f"wcs.{name}", "d", "EN-11")
            for name in ("cd1_1", "cd1_2", "cd2_1", "cd2_2"):
                self.fixed(f"wcs.{name}", "f", "EN-11")
        exact = self.sized("image.encoding", "VE-2") == b"f4"
        self.array("image.zero", "f", "EN-1" if exact else "EN-3")
        self.array("image.scale", "f", "EN-1" if exact else "EN-3")
        self.sized("image.data", "EN-1" if exact else "EN-2")
        if self.union("variance", "CO-1"):
            exact = self.sized("variance.encoding", "VE-2") == b"f4"
            self.fixed("variance.unit", "f", "EN-4" if exact else "EN-6")
            self.sized("variance.data", "EN-4" if exact else "EN-5")
        if self.union("mask", "CO-1"):
            self.sized("mask.encoding", "EN-7")
            self.array("mask.planes", "text", "EN-7")
            self.sized("mask.data", "EN-8")
        if self.union("psf", "CO-1"):
            self.sized("psf.encoding", "EN-9")
            self.number("psf.size", "EN-9")
            self.sized("psf.data", "EN-9")


def walk(data: bytes) -> Walk:
    """Read a blob field by field.

    Parameters
    ----------
    data : bytes
        A blob, whole or damaged.

    Returns
    -------
    Walk
        What could be read.
    """
    walker = _Walker(data)
    try:
        start = walker.at
        walker.add("marker", start, walker.take(2, "marker"), "CO-2")
        if walker.fields[0].value != MARKER:
            raise _StopError("the marker is not C3 01")
        walker.add("fingerprint", 2, walker.take(8, "fingerprint"), "CO-2")
        walker.record()
        if walker.at < len(data):
            raise _StopError(f"{len(data) - walker.at} bytes follow the record at byte {walker.at}")
    except _StopError as stop:
        return Walk(tuple(walker.fields), str(stop))
    return Walk(tuple(walker.fields))
