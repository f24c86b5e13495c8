"""Columns that tables of alerts share, with units and meanings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from .alerts import Alert

__all__ = ["IDENTITY", "Column", "Sheet", "identity_of", "joined"]


@dataclass(frozen=True)
class Column:
    """A column.

    Attributes
    ----------
    name : str
    unit : str or None
        VOUnit.
    ucd : str or None
        Unified content descriptor (IVOA UCD1+ controlled vocabulary 1.5).
    meaning : str
    """

    name: str
    unit: str | None
    ucd: str | None
    meaning: str


@dataclass(frozen=True)
class Sheet:
    """A kind of table.

    Attributes
    ----------
    name : str
        Of the table, where a format has names.
    columns : tuple of Column
    remark : str
        What is said with the table.
    """

    name: str
    columns: tuple[Column, ...]
    remark: str


IDENTITY: Final = (
    Column("alert_id", None, "meta.id;meta.main", "diaSourceId, candid or identifier of the stamp"),
    Column("object_id", None, "meta.id", "diaObjectId, ssObjectId or objectId"),
    Column("file", None, "meta.id;meta.file", "input file"),
    Column("record", None, "meta.number", "record in the file, from 0"),
)
"""Which alert a row belongs to: the first columns of every table."""

_INT64: Final = 2**63


def identity_of(alerts: Sequence[Alert]) -> dict[str, NDArray[Any]]:
    """Columns of `IDENTITY`, and the band."""
    return {
        "alert_id": _texts(alert.id for alert in alerts),
        "object_id": _texts(alert.object_id for alert in alerts),
        "file": _texts(str(alert.path) for alert in alerts),
        "record": np.array([alert.record for alert in alerts], dtype=np.int64),
        "image": _texts(alert.kind for alert in alerts),
        "band": _texts(alert.stamp and alert.stamp.band for alert in alerts),
    }


def joined(parts: Sequence[Mapping[str, NDArray[Any]]]) -> dict[str, NDArray[Any]]:
    """One table of several; identifiers that are all integers become integers."""
    whole = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    for name in ("alert_id", "object_id"):
        texts = whole[name]
        if texts.size and all(_is_integer(text) for text in texts):
            whole[name] = np.array([int(text) for text in texts], dtype=np.int64)
    return whole


def _is_integer(text: str) -> bool:
    # Only what an integer would be written as: '007' is a name.
    return (
        text.isdecimal() and text.isascii() and str(int(text[:20])) == text and int(text) < _INT64
    )


def _texts(values: Any) -> NDArray[Any]:
    return np.array([value or "" for value in values], dtype=object)
