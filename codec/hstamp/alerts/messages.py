"""Wire-format messages one after the other, as a consumer that appends to a file writes them.

A record says itself where it ends, so that messages need no lengths between them: what follows a
record and starts with the same five bytes, the zero and the schema's id, is the next message. Other
bytes are E_TRAILING: another schema belongs into a file of its own. Files with lengths before each
message are not read, since no two tools write the same ones.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from typing import Final

from ..container.compression import MAX_BLOCK
from ..container.ocf import AlertRecord, BadRecord, record_of
from ..container.tally import Tally
from ..container.writer import Writer
from ..errors import FormatError, as_hstamp_error
from .wire import WIRE_HEADER, WireMessage, wire_header

__all__ = ["records_of"]

_FREE_RECORDS: Final = 2**14
_BYTES_A_RECORD: Final = 32
"""Messages of S bytes may hold 16,384 + S/32 records, as any file of alerts."""
_LEAST: Final = MAX_BLOCK // 2
"""Bytes at hand from which a message is read at once."""


def records_of(
    message: WireMessage,
    writer: Writer,
    fields: Collection[str] = (),
    more: Callable[[int], bytes] = lambda count: b"",
    first: int = 0,
) -> Iterator[AlertRecord | BadRecord]:
    """Records of a message and of those that follow it in the same bytes.

    Parameters
    ----------
    message : WireMessage
        Its payload goes on to the end of the bytes.
    writer : Writer
        The schema that its id names.
    fields : collection of str
        Paths of the fields that are wanted.
    more : callable
        Gives up to as many of the bytes that follow those of `message` as it is asked for, and none
        at their end. Memory holds the `MAX_BLOCK` bytes at hand.
    first : int
        Number of the first record.

    Yields
    ------
    AlertRecord or BadRecord
        A fault ends the bytes: where the next message starts is not known.
    """
    window, number = _Window(message.payload, more), first
    head = wire_header(message.schema_id)
    reader, tally = writer.reader(fields), Tally(window.seen)
    while True:
        window.fill(_LEAST)
        try:
            if number - first >= _FREE_RECORDS + window.seen // _BYTES_A_RECORD:
                reason = f"more records than {window.seen} bytes may have to convert"
                raise FormatError("E_LIMIT", reason)
            tally.allow(window.seen)
            try:
                reading = reader(window.data, window.start, tally)
            except Exception:
                # A message may be longer than what is at hand.
                if not window.fill(MAX_BLOCK):
                    raise
                reading = reader(window.data, window.start, tally)
        except Exception as exc:  # whatever it is, it costs this message and those after it
            yield BadRecord(number, as_hstamp_error(exc))
            return
        yield record_of(writer.name, number, window.data, window.start, reading)
        window.start = reading.stop
        window.fill(WIRE_HEADER + 1)
        left = len(window.data) - window.start
        if not left:
            return
        number += 1
        if not (left > WIRE_HEADER and window.data.startswith(head, window.start)):
            reason = f"{left} bytes follow the record, and are no message of its schema"
            yield BadRecord(number, FormatError("E_TRAILING", reason))
            return
        window.start += WIRE_HEADER


class _Window:
    """The bytes at hand, from `start` on, and how many have been seen."""

    def __init__(self, data: bytes, more: Callable[[int], bytes]) -> None:
        self.data, self.start, self.seen = data, 0, len(data)
        self._more, self._ended = more, False

    def fill(self, least: int) -> bool:
        """Read on where fewer than `least` bytes are at hand; return whether there were any."""
        left = len(self.data) - self.start
        if self._ended or left >= least:
            return False
        new = self._more(MAX_BLOCK - left)
        self._ended = not new
        if new:
            self.data, self.start = self.data[self.start :] + new, 0
            self.seen += len(new)
        return bool(new)
