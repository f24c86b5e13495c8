"""The stamp schema, its fingerprint, and where stamps lie in other schemas [CO-2], [CO-6]."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Any, Final

import fastavro

from .resolution import check_resolves
from .schema_parsing import parse_schema

__all__ = [
    "FINGERPRINT",
    "STAMP_NAME",
    "STAMP_SCHEMA",
    "branches",
    "check_schema",
    "is_stamp",
    "parsed_stamp_schema",
    "schema_path",
    "stamp_fields",
]

STAMP_NAME: Final = "hstamp.v1.stamp"
FINGERPRINT: Final = bytes.fromhex("436EB4BEBCEEDC4C")
"""CRC-64-AVRO of the 1.0 schema's Parsing Canonical Form, little-endian [CO-2]."""
_SCHEMA_FILE: Final = "hstamp.v1.stamp.avsc"


def schema_path() -> Path:
    """Path of the schema file: the installed copy, or that of a source checkout."""
    installed = Path(str(resources.files("hstamp"))) / "schemas" / _SCHEMA_FILE
    checkout = Path(__file__).resolve().parents[3] / "schemas" / _SCHEMA_FILE
    return installed if installed.is_file() else checkout


STAMP_SCHEMA: Final[dict[str, Any]] = json.loads(schema_path().read_text(encoding="utf-8"))
"""``schemas/hstamp.v1.stamp.avsc`` as parsed JSON."""


@lru_cache(maxsize=1)
def parsed_stamp_schema() -> Any:
    """Return the stamp schema as fastavro wants it."""
    return fastavro.parse_schema(STAMP_SCHEMA)


def check_schema(schema: Any) -> Any:
    """Parse a writer's schema and refuse one that is not valid or holds no readable stamp.

    Parameters
    ----------
    schema : object
        The schema as parsed JSON.

    Returns
    -------
    object
        The schema as `hstamp.container.schema_parsing.parse_schema` gives it.

    Raises
    ------
    FormatError
        With code E_SCHEMA.
    """
    parsed, named = parse_schema(schema)
    if STAMP_NAME in named:
        check_resolves(named[STAMP_NAME], STAMP_SCHEMA, named, "stamp")
    return parsed


def stamp_fields(schema: Any) -> tuple[str, ...] | None:
    """Where a writer's schema holds stamps [CO-6].

    Parameters
    ----------
    schema : object
        A schema as parsed JSON or by fastavro.

    Returns
    -------
    tuple of str or None
        Empty when the record itself is a stamp, otherwise the names of the top-level fields that
        hold one; None when there is none.
    """
    if not isinstance(schema, Mapping) or schema.get("type") != "record":
        return None
    if _full_name(schema) == STAMP_NAME:
        return ()
    names = tuple(
        field["name"]
        for field in schema["fields"]
        if any(is_stamp(branch) for branch in branches(field["type"]))
    )
    return names or None


def _full_name(schema: Mapping[str, Any]) -> str:
    name, namespace = str(schema.get("name", "")), schema.get("namespace")
    return name if "." in name or not namespace else f"{namespace}.{name}"


def branches(kind: Any) -> list[Any]:
    """Branches of a union, or the type itself as the only one."""
    return kind if isinstance(kind, list) else [kind]


def is_stamp(kind: Any) -> bool:
    """Whether a type is the stamp record, by its full name [CO-6]."""
    if isinstance(kind, Mapping):
        return kind.get("type") == "record" and _full_name(kind) == STAMP_NAME
    return bool(kind == STAMP_NAME)
