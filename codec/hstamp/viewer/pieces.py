"""Files of any form as Avro containers that the page reads: some alerts each, made when asked for.

The page reads container files of stamps by itself. All else is read here by the reader of the
command line; alerts and images of today become stamps on the way, as ``hstamp convert`` makes
them, and keep the first image of each cutout to be seen beside them.
"""

from __future__ import annotations

import io
import json
import math
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from threading import Lock
from typing import Any, Final

from ..alerts.fields import CUTOUT_FIELDS, STAMP_FIELDS
from ..container.avro import write_long
from ..container.blob import HEADER
from ..container.schema import STAMP_SCHEMA
from ..convert.sinks import AvroWriter
from ..convert.stamps import Entry, Image, Options, entries
from ..errors import HstampError, as_hstamp_error

__all__ = ["ALONE", "FIELDS", "VIEWED", "Pieces", "Spool"]

VIEWED: Final = "viewed"
"""Field that says of a record what the page shows of it, as JSON."""
ALONE: Final = "stamp"
"""Field of a stamp that was a record of its own."""
FIELDS: Final = (
    *(f"diaSource.{name}" for name in ("ra", "dec", "band", "midpointMjdTai", "psfFlux")),
    "diaSource.psfFluxErr",
    *(f"candidate.{name}" for name in ("ra", "dec", "jd", "fid", "magpsf", "sigmapsf")),
)
"""Fields of alerts that the page shows, besides those that a stamp needs."""

_SHOWN: Final = ("diaSource", "diaObject", "candidate", "objectId", "candid")
_ALERTS: Final = 64
_FIRST: Final = 8
_BYTES: Final = 4 * 2**20
_WAIT: Final = 0.5
"""A piece ends with so many alerts or bytes, or after so many seconds, whichever comes first; the
first one sooner, so that something is shown at once."""
_CUTOUT: Final = 4 * 2**20
"""Longest cutout that is kept beside its stamp [byte]."""


class Spool:
    """Bytes on disk, one file for all: a folder may have more files than can be open at once."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._file: Any = None

    def add(self, data: bytes) -> tuple[int, int]:
        """Keep bytes; return where they are and how many."""
        with self._lock:
            if self._file is None:
                self._file = tempfile.TemporaryFile(prefix="hstamp-")  # noqa: SIM115
            start = self._file.seek(0, io.SEEK_END)
            self._file.write(data)
            return start, len(data)

    def get(self, place: tuple[int, int]) -> bytes:
        """Bytes that `add` took."""
        with self._lock:
            self._file.seek(place[0])
            data: bytes = self._file.read(place[1])
            return data

    def close(self) -> None:
        """Let go of everything."""
        with self._lock:
            if self._file is not None:
                self._file.close()
            self._file = None


class Pieces:
    """The records of a file, in containers that are made one after the other and kept on disk.

    Parameters
    ----------
    path : Path
    options : Options
        How the file is read.
    spool : Spool
        Keeps what has been made.
    say : callable
        Called with a line for every fault.
    """

    def __init__(
        self, path: Path, options: Options, spool: Spool, say: Callable[[str], None]
    ) -> None:
        self._path, self._spool, self._say = path, spool, say
        self._entries = entries(path, options)
        self._lock = Lock()
        self._places: list[tuple[int, int]] = []
        self._ended = False

    def piece(self, number: int) -> bytes | None:
        """Bytes of a container, from 0; None behind the last.

        Raises
        ------
        OSError
            If there is no room for what has been made.
        """
        with self._lock:
            while len(self._places) <= number:
                if self._ended:
                    return None
                self._make()
            return self._spool.get(self._places[number])

    def _make(self) -> None:
        rows = list(self._some())
        if not rows:
            self._ended = True
        else:
            self._places.append(self._spool.add(_container(rows)))

    def _some(self) -> Iterator[_Row]:
        size, began = 0, time.monotonic()
        most = _ALERTS if self._places else _FIRST
        for _ in range(most):
            entry = next(self._entries, None)
            if entry is None:
                return
            row = _Row(entry, self._said)
            size += row.size
            yield row
            if size > _BYTES or time.monotonic() - began > _WAIT:
                return

    def _said(self, entry: Entry, field: str | None, error: HstampError) -> None:
        place = [str(self._path)]
        if entry.member is not None:
            place.append(entry.member.place)
        elif entry.record is not None:
            place.append(f"record {entry.record}")
        self._say(f"{', '.join(place + ([field] if field else []))}: {error}")


class _Row:
    """A record: what is said of it, its stamps and its cutouts by the fields they go into."""

    def __init__(self, entry: Entry, say: Callable[[Entry, str | None, HstampError], None]) -> None:
        self.stamps: dict[str, bytes] = {}
        self.cutouts: dict[str, bytes] = {}
        self.faults: list[dict[str, Any]] = []
        self.converted = False
        for image in entry.images:
            self._image(entry, image, say)
        if entry.error is not None:
            say(entry, None, entry.error)
        self.words = json.dumps({
            "record": entry.record,
            "member": None if entry.member is None else entry.member.place,
            "done": entry.done,
            "alone": entry.alone,
            "id": entry.id,
            "values": {name: _plain(entry.values.get(name)) for name in _SHOWN},
            "converted": self.converted,
            "faults": self.faults,
            "error": None if entry.error is None else _said(entry.error),
        }).encode()  # fmt: skip
        self.size = len(self.words) + sum(map(len, (*self.stamps.values(), *self.cutouts.values())))

    def _image(
        self, entry: Entry, image: Image, say: Callable[[Entry, str | None, HstampError], None]
    ) -> None:
        name = ALONE if image.field is None else image.field
        if image.kind is not None:
            name = STAMP_FIELDS[image.kind]
            cutout = _first_image(entry.values.get(CUTOUT_FIELDS[image.kind]))
            if cutout is not None:
                self.cutouts[CUTOUT_FIELDS[image.kind]] = cutout
        elif name in (VIEWED, *CUTOUT_FIELDS.values()):
            name += "_"
        try:
            self.stamps[name] = image.make().to_bytes()[len(HEADER) :]
        except Exception as exc:  # whatever it is, it costs this image
            error = as_hstamp_error(exc)
            say(entry, image.field, error)
            self.faults.append({"field": image.field, "kind": image.kind, **_said(error)})
        else:
            self.converted |= image.converted


def _said(error: HstampError) -> dict[str, str]:
    return {"code": error.code, "message": error.reason}


def _plain(value: Any) -> Any:
    """Value for JSON: integers as text, since JavaScript's numbers have 53 bits; no bytes."""
    if isinstance(value, Mapping):
        return {name: _plain(part) for name, part in value.items()}
    if isinstance(value, bool):
        return value
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if isinstance(value, str) else None


def _first_image(held: Any) -> bytes | None:
    """A cutout without the extensions after its image; None for what is no cutout, or too long."""
    if isinstance(held, Mapping):
        held = held.get("stampData")
    if not isinstance(held, bytes):
        return None
    end = held.find(b"XTENSION")
    while end > 0 and end % 2880:
        end = held.find(b"XTENSION", end + 1)
    whole = held if end <= 0 else held[:end]
    return whole if len(whole) <= _CUTOUT else None


def _container(rows: list[_Row]) -> bytes:
    """Container file of rows; equal rows give equal bytes."""
    others = sorted({name for row in rows for name in row.stamps} - set(STAMP_FIELDS.values()))
    stamps = (*STAMP_FIELDS.values(), *others)
    cutouts = tuple(CUTOUT_FIELDS.values())
    out = io.BytesIO()
    writer = AvroWriter(out, _schema(stamps, cutouts), "deflate")
    for row in rows:
        parts = [write_long(len(row.words)), row.words]
        for name in cutouts:
            held = row.cutouts.get(name)
            parts += [b"\x00"] if held is None else [b"\x02", write_long(len(held)), held]
        for name in stamps:
            made = row.stamps.get(name)
            parts += [b"\x00"] if made is None else [b"\x02", made]
        writer.append(b"".join(parts))
    writer.flush()
    return out.getvalue()


def _schema(stamps: tuple[str, ...], cutouts: tuple[str, ...]) -> dict[str, Any]:
    full = f"{STAMP_SCHEMA['namespace']}.{STAMP_SCHEMA['name']}"
    fields: list[dict[str, Any]] = [{"name": VIEWED, "type": "string"}]
    fields += [{"name": name, "type": ["null", "bytes"]} for name in cutouts]
    for number, name in enumerate(stamps):
        fields.append({"name": name, "type": ["null", full if number else STAMP_SCHEMA]})
    return {"type": "record", "name": "alert", "namespace": "hstamp.viewed", "fields": fields}
