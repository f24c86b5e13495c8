"""Wire-format messages one after the other, as a consumer that appends to a file writes them.

A record says itself where it ends, so that messages need no lengths between them: what follows a
record and starts with the same five bytes, the zero and the schema's id, is the next message. Other
bytes are E_TRAILING: another schema belongs into a file of its own. Files with lengths before each
message are not read, since no two tools write the same ones.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Final

from ..container.ocf import AlertRecord, BadRecord, record_of
from ..container.reading import Writer
from ..container.tally import Tally
from ..errors import FormatError, as_hstamp_error
from .wire import WIRE_HEADER, WireMessage, wire_header

__all__ = ["records_of"]

_FREE_RECORDS: Final = 2**14
_BYTES_A_RECORD: Final = 32
"""Messages of S bytes may hold 16,384 + S/32 records, as any file of alerts."""


def records_of(
    message: WireMessage, writer: Writer, fields: Collection[str] = (), first: int = 0
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
    first : int
        Number of the first record.

    Yields
    ------
    AlertRecord or BadRecord
        A fault ends the bytes: where the next message starts is not known.
    """
    data, start, number = message.payload, 0, first
    head = wire_header(message.schema_id)
    most = _FREE_RECORDS + len(data) // _BYTES_A_RECORD
    reader, tally = writer.reader(fields), Tally(len(data))
    while True:
        try:
            if number - first >= most:
                reason = f"more records than {len(data)} bytes may have to convert"
                raise FormatError("E_LIMIT", reason)
            reading = reader(data, start, tally)
        except Exception as exc:  # whatever it is, it costs this message and those after it
            yield BadRecord(number, as_hstamp_error(exc))
            return
        yield record_of(writer.name, number, data, start, reading)
        left = len(data) - reading.stop
        if not left:
            return
        number += 1
        if not (left > WIRE_HEADER and data.startswith(head, reading.stop)):
            reason = f"{left} bytes follow the record, and are no message of its schema"
            yield BadRecord(number, FormatError("E_TRAILING", reason))
            return
        start = reading.stop + WIRE_HEADER
