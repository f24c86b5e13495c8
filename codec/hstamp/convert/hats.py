"""A HATS catalogue of alerts and their stamps, written by hats-import (extra ``hats``)."""

from __future__ import annotations

import contextlib
import logging
import re
import shutil
import warnings
import zlib
from collections.abc import Iterable, Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

from ..alerts.fields import KINDS, STAMP_FIELDS
from ..errors import InputError, MissingExtraError, OutputError, output_error
from ..outputs import whole_folder
from ..surveys import Survey, survey_of
from .assembly import join_tables
from .sinks import Stamps
from .sources import AlertBatch, AlertRecord

__all__ = ["HatsSink", "check_catalog", "open_catalog"]

_PART_BYTES: Final = 2**28
"""Bytes of alerts in a part of the run, and of rows in a partition of the catalogue, at most."""
_MOST_PARTS: Final = 256
_HELD: Final = 2**22
"""Bytes of stamps that a part collects before it writes them."""
_MARKS: Final = ("hats.properties", "properties", "collection.properties")
"""Files by which a folder is a catalogue."""


class HatsSink:
    """Rows of alerts, spread over parts by object.

    All alerts of an object get into the same part, so that a part is nested by itself and the
    memory that a run takes is that of one.

    Parameters
    ----------
    folder : Path
        For the parts.
    size : int
        Bytes of the inputs.
    surveys : sequence of Survey
    """

    def __init__(self, folder: Path, size: int, surveys: Sequence[Survey]) -> None:
        import pyarrow as pa

        self._surveys = surveys
        self._count = min(max(1, size // _PART_BYTES), _MOST_PARTS)
        self._folder = folder
        self._schema = pa.schema(
            [
                ("id", pa.string()), ("objectId", pa.string()), ("survey", pa.string()),
                ("ra", pa.float64()), ("dec", pa.float64()), ("band", pa.string()),
                ("mjd", pa.float64()), *((STAMP_FIELDS[kind], pa.binary()) for kind in KINDS),
            ]
        )  # fmt: skip
        self._rows: dict[int, list[dict[str, Any]]] = {}
        self._held: dict[int, int] = {}
        self._writers: dict[int, Any] = {}
        self.bytes = self.rows = 0

    def accept(self, schema: Any, codec: str) -> None:
        """Take alerts of any schema."""

    def write(self, batch: AlertBatch, stamps: Sequence[Stamps]) -> int:
        """Write the alerts that have a stamp; return how many."""
        items = [item for item in batch.records if isinstance(item, AlertRecord)]
        rows = [self._row(i, made) for i, made in zip(items, stamps, strict=True)]
        kept = [row for row in rows if row is not None]
        for row in kept:
            self.add(row)
        return len(kept)

    def add(self, row: dict[str, Any]) -> None:
        """Write one row."""
        part = zlib.crc32((row["objectId"] or row["id"]).encode()) % self._count
        size = sum(len(row[name] or b"") for name in STAMP_FIELDS.values())
        self._rows.setdefault(part, []).append(row)
        self._held[part] = self._held.get(part, 0) + size
        self.bytes += size
        self.rows += 1
        if self._held[part] > _HELD:
            self._flush(part)

    def close(self) -> None:
        """Write what is still held."""
        for part in list(self._rows):
            self._flush(part)
        for writer in self._writers.values():
            writer.close()

    def take(self, tables: Iterable[Sequence[Path]], size: int) -> None:
        """Take over the rows of other sinks of as many parts; `size` is the bytes of stamps."""
        self.rows += join_tables(tables, self._folder)
        self.bytes += size

    @property
    def parts(self) -> list[Path]:
        """Files of the parts."""
        return sorted(self._folder.glob("part-*.parquet"))

    def _row(self, item: AlertRecord, stamps: Stamps) -> dict[str, Any] | None:
        blobs = {STAMP_FIELDS[kind]: blob for kind, blob in stamps.items()}
        if not any(blobs.values()):
            return None
        record = item.record
        survey = survey_of(record, item.schema_name, self._surveys)
        ra, dec = survey.position(record)
        mjd = getattr(survey, "mjd", None)
        return {
            "id": survey.identifier(record),
            "objectId": survey.object_id(record),
            "survey": survey.name,
            "ra": ra % 360.0,
            "dec": dec,
            "band": survey.band(record),
            "mjd": None if mjd is None else mjd(record),
            **blobs,
        }

    def _flush(self, part: int) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        path = self._folder / f"part-{part:03d}.parquet"
        table = pa.Table.from_pylist(self._rows.pop(part), self._schema)
        self._held.pop(part, None)
        try:
            if part not in self._writers:
                self._writers[part] = pq.ParquetWriter(path, self._schema)
            self._writers[part].write_table(table)
        except OSError as exc:
            raise output_error(path, exc) from exc


def check_catalog(path: Path) -> None:
    """Raise unless a catalogue can be put here, in place of one that may be there.

    Raises
    ------
    MissingExtraError
        If hats-import is not installed.
    OutputError
        If there is a file, or a folder that is no catalogue and not empty.
    """
    for package in ("pyarrow", "hats_import"):
        if find_spec(package) is None:
            raise MissingExtraError(package.replace("_", "-"), "hats")
    if path.is_dir():
        if not _is_catalog(path) and any(path.iterdir()):
            raise OutputError(str(path), "it is a folder with other things than a HATS catalogue")
    elif path.exists():
        raise OutputError(str(path), "it is a file; a HATS catalogue is a folder")


@contextlib.contextmanager
def open_catalog(
    path: Path, size: int, surveys: Sequence[Survey], *, tensors: bool = False,
    nest: bool | None = None,
) -> Iterator[HatsSink]:  # fmt: skip
    """Sink of a catalogue, which stands at `path` when all went well.

    Parameters
    ----------
    path : Path
        Folder of the catalogue. One that is there is replaced.
    size : int
        Bytes of the inputs.
    surveys : sequence of Survey
    tensors : bool
        Write stamps as the columns of `hstamp.arrow` instead of blobs.
    nest : bool or None
        Nest by object; None does where an object has more alerts than one.
    """
    check_catalog(path)
    with whole_folder(path) as folder:
        work = folder / "work"
        work.mkdir()
        sink = HatsSink(work, size, surveys)
        yield sink
        name = re.sub(r"[^A-Za-z0-9._-]", "_", path.name) or "catalog"
        made = _import(sink, name, tensors, nest)
        for entry in sorted(made.iterdir()):
            entry.replace(folder / entry.name)
        shutil.rmtree(work)


def _is_catalog(path: Path) -> bool:
    return any((path / name).is_file() for name in _MARKS)


def _import(sink: HatsSink, name: str, tensors: bool, nest: bool | None) -> Path:
    """Run hats-import over the parts of a run; return the catalogue's folder."""
    import pyarrow.parquet as pq

    files = sink.parts
    if nest is None:
        nest = any(_repeats(path) for path in files)
    shape = _widest(files) if tensors else (None, None)
    rows = 0
    for path in files:
        table = pq.read_table(path)
        if tensors:
            from ..arrow import expand

            # Blobs were made in this run; null columns of a kind no alert has have a type too.
            table = expand(table, n=shape[0], psf_size=shape[1], steps=True)
        if nest:
            from .objects import nested

            table = nested(table)
        rows += table.num_rows
        sink.bytes = max(sink.bytes, table.nbytes) if tensors else sink.bytes
        pq.write_table(table, path, row_group_size=1024)
    return _run_import(files, name, nest, max(1, rows * _PART_BYTES // max(1, sink.bytes)))


def _repeats(path: Path) -> bool:
    import pyarrow.parquet as pq

    from .objects import object_groups

    groups = object_groups(pq.read_table(path, columns=["objectId", "ra", "dec"]))
    return len(set(groups.tolist())) < len(groups)


def _widest(files: Sequence[Path]) -> tuple[int | None, int | None]:
    """Levels and PSF side of the largest stamps, so that all parts have the same types."""
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    from ..arrow import decode

    n, side = 2, 1
    for path in files:
        for batch in pq.ParquetFile(path).iter_batches(1024, columns=[*STAMP_FIELDS.values()]):
            for column in batch.columns:
                made = decode(column, planes=["psf"])
                n = max(n, pc.max(made["n"]).as_py() or 0)
                side = max(side, pc.max(made["psfSize"]).as_py() or 0)
    return n, side


def _run_import(files: Sequence[Path], name: str, nest: bool, threshold: int) -> Path:
    from dask.distributed import Client
    from hats_import import pipeline_with_client
    from hats_import.catalog.arguments import ImportArguments
    from hats_import.catalog.file_readers import ParquetPyarrowReader

    out = files[0].parent / "catalog"
    out.mkdir()
    arguments = ImportArguments(
        output_path=out,
        output_artifact_name=name,
        input_file_list=[str(path) for path in files],
        file_reader=ParquetPyarrowReader(chunksize=4096),
        use_schema_file=str(files[0]),
        ra_column="ra",
        dec_column="dec",
        catalog_type="object" if nest else "source",
        pixel_threshold=min(threshold, 1_000_000),
        tmp_dir=str(files[0].parent / "temporary"),
        progress_bar=False,
    )
    with warnings.catch_warnings(), _quiet():
        warnings.simplefilter("ignore")
        with Client(
            n_workers=1, threads_per_worker=1, processes=False, dashboard_address=None
        ) as client:
            try:
                pipeline_with_client(arguments, client)
            except OSError as exc:
                raise output_error(out, exc) from exc
            except (ValueError, RuntimeError, AssertionError) as exc:
                raise InputError(f"hats-import: {exc}") from exc
    return out / name


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep the scheduler's own chatter out of a run's messages."""
    loggers = [logging.getLogger(name) for name in ("distributed", "distributed.scheduler")]
    before = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        for logger, level in zip(loggers, before, strict=True):
            logger.setLevel(level)
