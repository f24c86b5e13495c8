"""Single-object form: C3 01, the schema's fingerprint, the record [CO-2], [CO-3]."""

from __future__ import annotations

from typing import Final

from ..errors import FormatError, InputError
from ..planes import Record
from .avro import Cursor, read_record, write_record
from .schema import FINGERPRINT

__all__ = ["HEADER", "MARKER", "MAX_BLOB", "read_blob", "write_blob"]

MARKER: Final = b"\xc3\x01"
HEADER: Final = MARKER + FINGERPRINT
MAX_BLOB: Final = 65_536
"""Longest blob [byte]."""


def read_blob(blob: bytes | bytearray | memoryview) -> Record:
    """Record of a blob, parsed but not checked further (checks 1 to 7 of [LI-1]).

    Raises
    ------
    FormatError
        With code E_LIMIT, E_MAGIC, E_FINGERPRINT, E_AVRO or E_TRAILING.
    """
    if len(blob) > MAX_BLOB:
        raise FormatError("E_LIMIT", f"{len(blob)} bytes; a stamp has at most {MAX_BLOB}")
    blob = bytes(memoryview(blob))
    if blob[:2] != MARKER:
        raise FormatError("E_MAGIC", f"it starts with {blob[:2].hex(' ') or 'nothing'}, not c3 01")
    if len(blob) < len(HEADER):
        raise FormatError("E_AVRO", "the bytes end inside the fingerprint")
    if blob[2:10] != FINGERPRINT:
        # [VE-3]: no schema but that of 1.0 is known.
        raise FormatError("E_FINGERPRINT", f"schema fingerprint {blob[2:10].hex(' ')} is unknown")
    cursor = Cursor(blob, len(HEADER))
    record = read_record(cursor)
    if cursor.position != cursor.end:
        raise FormatError("E_TRAILING", f"{cursor.end - cursor.position} bytes follow the record")
    return record


def write_blob(record: Record) -> bytes:
    """Blob of a record.

    Raises
    ------
    InputError
        If it would be longer than `MAX_BLOB` bytes.
    """
    blob = HEADER + write_record(record)
    if len(blob) > MAX_BLOB:
        raise InputError(f"the stamp takes {len(blob)} bytes; the limit is {MAX_BLOB}")
    return blob
