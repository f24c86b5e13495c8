"""The schema that alerts in a file were written with."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..container.detect import Kind
from ..errors import HstampError
from ..surveys import SURVEYS, Survey
from .items import ARCHIVES, check_alert_schema
from .plan import look_at
from .sources import open_alerts

__all__ = ["schema_of"]


def schema_of(
    path: Path, schema_file: Path | None = None, surveys: Sequence[Survey] = SURVEYS
) -> Any:
    """Writer's schema of the first alerts in a file; None where it has none in Avro.

    Parameters
    ----------
    path : Path
        A container file, messages, or an archive of these.
    schema_file : Path, optional
        Writer's schema of messages.
    surveys : sequence of Survey
        What alerts may be.
    """
    try:
        kind, gzipped = look_at(path)
        if kind in ARCHIVES:
            with ARCHIVES[kind](path, gzipped=gzipped, schema_file=schema_file) as archive:
                return next((run.schema for run in archive.runs() if run.schema is not None), None)
        if kind in (Kind.OCF, Kind.WIRE):
            with open_alerts(path, kind, gzipped=gzipped, schema_file=schema_file) as source:
                check_alert_schema(source.schema, kind, surveys)
                return source.schema
    except (HstampError, OSError):
        return None
    return None
