"""Alerts in a broker's Parquet, a few rows at a time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from ..errors import FormatError, MissingExtraError
from .sources import AlertBatch, AlertRecord, BadRecord, FileSource

__all__ = ["ParquetSource"]

_PARQUET_ROWS: Final = 64


class ParquetSource(FileSource):
    """A broker's Parquet file: nested structs, cutouts as binary columns."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, gzipped=False)

    def _open(self) -> None:
        try:
            import pyarrow.parquet
        except ImportError as exc:
            raise MissingExtraError("pyarrow", "parquet") from exc
        try:
            self._file = pyarrow.parquet.ParquetFile(self._stream)
        except (pyarrow.ArrowException, OSError) as exc:
            raise FormatError("E_AVRO", f"not readable as Parquet: {exc}") from exc
        self.schema = self._file.schema_arrow

    def batches(self) -> Iterator[AlertBatch]:
        """Iterate over the rows in their order."""
        import pyarrow

        number, batches = 0, self._file.iter_batches(batch_size=_PARQUET_ROWS)
        while True:
            try:
                table = next(batches)
                rows = table.to_pylist()
            except StopIteration:
                return
            except (pyarrow.ArrowException, OSError, ValueError) as exc:
                error = FormatError("E_AVRO", f"not readable as Parquet: {exc}")
                yield AlertBatch((BadRecord(number, error),))
                return
            yield AlertBatch(
                tuple(AlertRecord(number + i, row) for i, row in enumerate(rows)), table
            )
            number += len(rows)
