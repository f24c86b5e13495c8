"""The Confluent wire format of alert streams.

A message is a zero byte, the schema's registry id as a 4-byte big-endian integer, and one Avro
record without a header (Confluent documentation, "Wire format"). LSST's ids are
100 * MAJOR + MINOR of the schema (lsst-alert-packet, ``Schema.get_schema_id``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ..errors import FormatError

__all__ = ["WIRE_HEADER", "WireMessage", "split_wire", "wire_header"]

WIRE_HEADER: Final = 5
"""Bytes before the record."""


@dataclass(frozen=True)
class WireMessage:
    """One message: the id of its writer's schema and the bytes of its record."""

    schema_id: int
    payload: bytes


def split_wire(data: bytes) -> WireMessage:
    """Take the header off a message.

    Raises
    ------
    FormatError
        E_MAGIC if the first byte is not zero; E_AVRO if fewer than 6 bytes are there.
    """
    if data[:1] != b"\x00":
        raise FormatError("E_MAGIC", "a wire-format message starts with a zero byte")
    if len(data) <= WIRE_HEADER:
        raise FormatError("E_AVRO", f"a wire-format message of {len(data)} bytes holds no record")
    return WireMessage(int.from_bytes(data[1:WIRE_HEADER], "big"), data[WIRE_HEADER:])


def wire_header(schema_id: int) -> bytes:
    """Header of the messages of a schema."""
    return b"\x00" + schema_id.to_bytes(4, "big")
