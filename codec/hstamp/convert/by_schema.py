"""Alerts of several schemas, each schema in a file of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, BinaryIO, Final

from ..errors import FormatError, InputError
from ..outputs import atomic_writer
from .plan import Output
from .sinks import AvroAlertSink, Stamps
from .sources import AlertBatch

__all__ = ["SchemaSink", "beside", "file_name"]

_MAX_SCHEMAS: Final = 64
"""Schemas in one run; each has an open file (E_LIMIT)."""
_LONGEST: Final = 120


class SchemaSink:
    """Container files of alerts, one for each writer's schema; a `Sink`.

    Parameters
    ----------
    place : callable
        Path of the file for a name that `file_name` gives.
    first : binary file, optional
        Where the alerts of the first schema go instead.
    codec : str, optional
        Block codec; the input's by default.
    drop_cutouts : bool
        Set the three old cutout fields to null.
    taken : iterable of str
        Names that files may not have, in small letters.

    Attributes
    ----------
    paths : list of Path
        Files begun. They get their names when `close` is called, and are gone otherwise: the sink
        is a context.
    """

    def __init__(
        self,
        place: Callable[[str], Path],
        first: BinaryIO | None = None,
        *,
        codec: str | None = None,
        drop_cutouts: bool = False,
        taken: Iterable[str] = (),
    ) -> None:
        self._place, self._first = place, first
        self._codec, self._drop = codec, drop_cutouts
        self._stack = ExitStack()
        self._known: list[tuple[Any, AvroAlertSink]] = []
        self._names = set(taken)
        self._sink: AvroAlertSink | None = None
        self.paths: list[Path] = []

    def __enter__(self) -> SchemaSink:
        return self

    def __exit__(self, *exc: Any) -> None:
        self._stack.__exit__(*exc)

    def accept(self, schema: Any, codec: str) -> None:
        """Get ready for alerts with this writer's schema."""
        self._sink = None
        for known, sink in self._known:
            if known is schema or known == schema:
                self._sink = sink
                return
        if len(self._known) == _MAX_SCHEMAS:
            raise FormatError("E_LIMIT", f"more than {_MAX_SCHEMAS} schemas in one output")
        if self._first is not None and not self._known:
            stream = self._first
        else:
            name = file_name(schema, self._names)
            self._names.add(name.lower())
            path = self._place(name)
            stream = self._stack.enter_context(atomic_writer(path))
            self.paths.append(path)
        sink = AvroAlertSink(stream, self._codec, drop_cutouts=self._drop)
        sink.accept(schema, codec)
        self._known.append((schema, sink))
        self._sink = sink

    def write(self, batch: AlertBatch, stamps: Sequence[Stamps]) -> int:
        """Write the readable records of a batch, all of the schema accepted last."""
        assert self._sink is not None
        return self._sink.write(batch, stamps)

    def close(self) -> None:
        """Write the last blocks, and give the files their names."""
        for _, sink in self._known:
            sink.close()
        self._stack.close()


def beside(output: Output, name: str, *, force: bool = False) -> Path:
    """Path of the file of a schema beside an output.

    Raises
    ------
    InputError
        If there is a file that no earlier run is known to have made, unless `force`.
    """
    path = output.path.with_name(f"{output.path.stem}.{name}.avro")
    if path.exists() and not force and path not in output.beside:
        raise InputError(
            f"{path} exists already and 'hstamp convert' did not make it as it is"
            " (--force replaces it)"
        )
    return path


def file_name(schema: Any, taken: set[str]) -> str:
    """Name for a file of a schema: its full name, and a number where that is taken.

    Names of schemas follow Avro's grammar, so that they lead to no other folder; what would hide
    the file from a reader of the folder is left off.
    """
    name, space = str(schema.get("name")), schema.get("namespace")
    if "." not in name and isinstance(space, str) and space:
        name = f"{space}.{name}"
    plain = name.lstrip("_.")[:_LONGEST] or "alert"
    made, number = plain, 1
    while made.lower() in taken:
        number += 1
        made = f"{plain}-{number}"
    return made
