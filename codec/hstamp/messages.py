"""Stamps of alerts as bytes: what a broker or filter has in hand, message by message.

The record around the stamps is passed over, not decoded; its schema is worked out once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, Final, Literal, TypeAlias, overload

from .alerts.wire import WIRE_HEADER
from .container.blob import HEADER
from .container.compression import MAX_BLOCK
from .container.schema_parsing import parse_json
from .container.tally import Tally
from .container.writer import Writer
from .errors import FormatError, HstampError, InputError, as_hstamp_error, shown
from .stamp import Stamp

__all__ = ["AlertSchema", "read_alert_stamps", "read_many"]

AlertSchema: TypeAlias = "Mapping[str, Any] | str | bytes"
"""Writer's schema: parsed JSON, as fastavro or json give it, or its text."""

_KEPT: Final = 32
"""Schemas that are remembered."""


def read_alert_stamps(message: bytes, schema: AlertSchema) -> dict[str, Stamp]:
    """Read the stamps of one alert, and nothing else of it.

    Parameters
    ----------
    message : bytes
        The alert as a bare Avro record, or in the Confluent wire format: a zero byte, the
        schema's id in four bytes, and the record. Bytes that start with zero and can be read as
        either are taken for a wire-format message.
    schema : mapping, str or bytes
        Writer's schema, of any version, with everything that it names. It is worked out once;
        a mapping is known again by its identity and must not be changed after its first use.

    Returns
    -------
    dict of str to Stamp
        Stamps by the names of their fields, in the order of the schema, without those that are
        null; empty where the schema has no stamp fields.

    Raises
    ------
    FormatError
        If the schema is none of a record with stamps in its fields (E_SCHEMA), or the message or
        one of its stamps is not valid, with the code of the first check that fails.
    """
    return _stamps(message, _reader(schema))


@overload
def read_many(
    messages: Iterable[bytes], schema: AlertSchema, *, errors: Literal["raise"] = "raise"
) -> list[dict[str, Stamp]]: ...


@overload
def read_many(
    messages: Iterable[bytes], schema: AlertSchema, *, errors: Literal["collect"]
) -> list[dict[str, Stamp] | HstampError]: ...


def read_many(messages: Iterable[bytes], schema: AlertSchema, *, errors: str = "raise") -> Any:
    """Read the stamps of alerts that share a schema; see `read_alert_stamps`.

    Parameters
    ----------
    messages : iterable of bytes
        One alert each.
    schema : mapping, str or bytes
        Their writer's schema.
    errors : {'raise', 'collect'}
        Raise at the first message that cannot be read, or read the others.

    Returns
    -------
    list of dict of str to Stamp
        One for each message; with ``errors='collect'`` an `HstampError` in the place of each that
        cannot be read.

    Raises
    ------
    FormatError
        As `read_alert_stamps`; the reason names the number of the message.
    """
    if errors not in ("raise", "collect"):
        raise InputError(f"errors must be 'raise' or 'collect', not {shown(errors)}")
    reader = _reader(schema)
    found: list[dict[str, Stamp] | HstampError] = []
    for number, message in enumerate(messages):
        try:
            found.append(_stamps(message, reader))
        except HstampError as error:
            if errors == "raise":
                raise FormatError(error.code, f"message {number}: {error.reason}") from error
            found.append(error)
    return found


class _Reader:
    """Where the stamps of a schema's records are."""

    def __init__(self, writer: Writer) -> None:
        if writer.stamps == ():
            raise FormatError("E_SCHEMA", "its records are stamps, not alerts with stamps")
        self.record = writer.reader()
        # Bytes of a field that are a stamp's own, behind the index of its branch.
        self.places = writer.places_of_stamps()


def _reader(schema: AlertSchema) -> _Reader:
    if isinstance(schema, str | bytes):
        return _of_text(schema.encode() if isinstance(schema, str) else schema)
    if not isinstance(schema, Mapping):
        raise InputError(f"schema must be a mapping or its JSON text, not {shown(schema)}")
    known = _KNOWN.get(id(schema))
    if known is None or known[0] is not schema:
        known = schema, _Reader(Writer(schema))
        if len(_KNOWN) >= _KEPT:
            _KNOWN.pop(next(iter(_KNOWN)), None)
        # The schema is kept with its reader, so that no other can get its identity.
        _KNOWN[id(schema)] = known
    return known[1]


_KNOWN: dict[int, tuple[Mapping[str, Any], _Reader]] = {}


@lru_cache(maxsize=_KEPT)
def _of_text(schema: bytes) -> _Reader:
    return _Reader(Writer(parse_json(schema)))


def _stamps(message: Any, reader: _Reader) -> dict[str, Stamp]:
    if not isinstance(message, bytes):
        if not isinstance(message, bytearray | memoryview):
            raise InputError(f"a message is bytes, not {shown(message)}")
        message = bytes(message)
    if len(message) > MAX_BLOCK:
        raise FormatError("E_LIMIT", f"the message is longer than {MAX_BLOCK} bytes")
    starts = (WIRE_HEADER, 0) if message[:1] == b"\0" and len(message) > WIRE_HEADER else (0,)
    first: HstampError | None = None
    for start in starts:
        try:
            return _at(message, start, reader)
        except Exception as exc:  # of two forms, the first says what is wrong
            first = first or as_hstamp_error(exc)
    assert first is not None
    raise first


def _at(message: bytes, start: int, reader: _Reader) -> dict[str, Stamp]:
    """Stamps of the record that starts at a byte and ends with the message."""
    if (found := _cut(message, start, reader)) is not None:
        return found
    reading = reader.record(message, start, Tally(len(message)))
    if left := len(message) - reading.stop:
        raise FormatError("E_TRAILING", f"{left} bytes follow the record")
    return {str(name): Stamp(record) for name, record in reading.stamps}


def _cut(message: bytes, start: int, reader: _Reader) -> dict[str, Stamp] | None:
    """Stamps cut out of a record as blobs; None where the general reader must decide."""
    if reader.places is None:
        return None
    marks = reader.record.walk(message, start, Tally(len(message)))
    if marks is None or marks[-2] != len(message):
        return None
    found: dict[str, Stamp] = {}
    for number, name, null, stamp in reader.places:
        begin, end = marks[number], marks[number + 1]
        if message[begin] == stamp:
            try:
                found[name] = Stamp.from_bytes(HEADER + message[begin + 1 : end])
            except FormatError:
                return None
        elif message[begin] != null:
            return None
    return found
