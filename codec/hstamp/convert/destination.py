"""Where an output's alerts and stamps go: a sink, which the first that go in decide."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Self

from ..container.detect import Kind
from ..errors import InputError
from .by_schema import SchemaSink
from .parquet_sink import ParquetAlertSink
from .plan import Job, look_at
from .sinks import AvroAlertSink, Sink, StampSink, WireSink
from .sources import open_alerts

__all__ = ["Accepted", "Destination"]


@dataclass(frozen=True)
class Accepted:
    """What an output holds from its first alerts on, to which all others have to keep.

    Attributes
    ----------
    sink : {"stamps", "avro", "parquet"}
    schema : object
        Writer's schema of Avro as parsed JSON.
    codec : str
        Block codec of that input.
    table : str or None
        Path of the first Parquet file.
    """

    sink: str
    schema: Any = None
    codec: str = "null"
    table: str | None = None


class Destination:
    """The sink of one output, or of a part of one; a context, after which no file is left open.

    Parameters
    ----------
    job : Job
    stream : binary file or None
        Where it goes; None where `sink` is given.
    others : SchemaSink, optional
        Takes alerts of any number of schemas, the first into `stream`.
    sink : Sink, optional
        Takes all that comes, of a catalogue or of files by schema and partition.

    Attributes
    ----------
    sink : Sink or None
        None before something has come.
    accepted : Accepted or None
        What the first alerts that went in were.
    used : bool
        Whether something went in.
    """

    def __init__(
        self,
        job: Job,
        stream: BinaryIO | None = None,
        *,
        others: SchemaSink | None = None,
        sink: Sink | None = None,
    ) -> None:
        self._job, self._stream, self._others, self._given = job, stream, others, sink
        self.sink = sink
        self.accepted: Accepted | None = None
        self.used = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: Any) -> None:
        if self._others is not None:
            self._others.__exit__(*exc)

    def keep_to(self, accepted: Accepted) -> None:
        """Take only what goes into one output with the alerts of another part."""
        if accepted.sink == "stamps":
            self.sink_for(Kind.FITS)
        elif accepted.sink == "avro":
            self.sink_for(Kind.OCF).accept(accepted.schema, accepted.codec)
        elif accepted.table is not None:
            path = Path(accepted.table)
            with open_alerts(path, Kind.PARQUET, gzipped=look_at(path)[1]) as source:
                self.sink_for(Kind.PARQUET).accept(source.schema, source.codec)
        self.accepted = accepted

    def use(self, accepted: Accepted) -> None:
        """Note what goes in."""
        self.used = True
        if self.accepted is None:
            self.accepted = accepted

    def sink_for(self, kind: Kind) -> Sink:
        """Return the sink of what comes from a file of a kind.

        Raises
        ------
        InputError
            If it does not go into one output with what came before.
        """
        job = self._job
        if job.form == "wire" and kind is Kind.PARQUET:
            raise InputError("rows of Parquet are no Avro records, and give no messages")
        if self._given is not None:
            return self._given
        assert self._stream is not None
        form = job.form or ("stamps" if kind is Kind.FITS else "alerts")
        wanted: type
        if form == "stamps":
            wanted = StampSink
        elif form == "wire":
            wanted = WireSink
        else:
            wanted = ParquetAlertSink if kind is Kind.PARQUET else AvroAlertSink
            if self._others is not None and wanted is AvroAlertSink:
                wanted = SchemaSink
        if self.sink is None:
            if wanted is StampSink:
                self.sink = StampSink(self._stream, job.codec)
            elif wanted is SchemaSink:
                self.sink = self._others
            elif wanted is WireSink:
                assert job.schema_id is not None
                self.sink = WireSink(self._stream, job.schema_id, drop_cutouts=job.drop_cutouts)
            elif wanted is ParquetAlertSink:
                self.sink = ParquetAlertSink(self._stream, drop_cutouts=job.drop_cutouts)
            else:
                self.sink = AvroAlertSink(self._stream, job.codec, drop_cutouts=job.drop_cutouts)
        if not isinstance(self.sink, wanted):
            raise InputError(
                "one file cannot hold both alerts and images, or Avro and Parquet:"
                " give a folder as output, or --as stamps"
            )
        return self.sink
