"""The stamp schema, its fingerprint, and where stamps lie in other schemas [CO-2], [CO-6]."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from functools import lru_cache
from graphlib import CycleError, TopologicalSorter
from importlib import resources
from pathlib import Path
from typing import Any, Final

import fastavro
from fastavro.schema import SchemaParseException, UnknownType

from ..errors import FormatError
from .resolution import check_resolves

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
_MAX_DEPTH: Final = 64
_SHOWN: Final = 200
"""Longest part of a writer's schema that a message repeats."""
_MAX_NULLS: Final = 16
"""Fields of type null, which cost work and no bytes."""


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
    """Parse a writer's schema and refuse one that a few bytes could make endless [SE-1].

    Returns
    -------
    object
        The schema as parsed by fastavro.

    Raises
    ------
    FormatError
        With code E_SCHEMA.
    """
    # fastavro trusts these marks of its own and would skip its checks.
    if "__fastavro_parsed__" in json.dumps(schema):
        raise FormatError("E_SCHEMA", "the writer's schema carries a reserved mark")
    try:
        named: dict[str, Any] = {}
        try:
            parsed = fastavro.parse_schema(schema, named_schemas=named)
        except SchemaParseException:
            # A writer's defaults play no part in reading, so a wrong one is no reason to refuse.
            named.clear()
            parsed = fastavro.parse_schema(_without_defaults(schema), named_schemas=named)
    except (SchemaParseException, UnknownType, ValueError, TypeError, KeyError, AttributeError,
            RecursionError) as error:  # fmt: skip
        reason = str(error)[:_SHOWN]
        raise FormatError("E_SCHEMA", f"the writer's schema is not valid Avro: {reason}") from error
    _refuse_endless(parsed, named)
    for stamp in [named[STAMP_NAME]] if STAMP_NAME in named else []:
        check_resolves(stamp, STAMP_SCHEMA, named, "stamp")
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


def _without_defaults(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_without_defaults(branch) for branch in schema]
    if isinstance(schema, Mapping):
        return {
            key: value if key in ("name", "type") and isinstance(value, str)
            else _without_defaults(value)
            for key, value in schema.items()
            if key != "default"
        }  # fmt: skip
    return schema


def _parts(kind: Any) -> Iterator[Any]:
    """Types written inside a type, itself first, without following names."""
    pending = [(kind, 0)]
    while pending:
        part, depth = pending.pop()
        if depth > _MAX_DEPTH:
            raise FormatError("E_SCHEMA", "the writer's schema is nested too deeply")
        yield part
        if isinstance(part, list):
            pending += [(branch, depth + 1) for branch in part]
        elif isinstance(part, Mapping):
            pending += [(part[k], depth + 1) for k in ("items", "values") if k in part]
            pending += [(field["type"], depth + 1) for field in part.get("fields", ())]


def _refuse_endless(parsed: Any, named: Mapping[str, Any]) -> None:
    """Refuse types that contain themselves and arrays of items that take no bytes [SE-1]."""
    uses = {
        name: {part for part in _parts(kind) if isinstance(part, str) and part in named}
        for name, kind in named.items()
    }
    try:
        inner_first = list(TopologicalSorter(uses).static_order())
    except CycleError as error:
        raise FormatError(
            "E_SCHEMA", f"the writer's schema nests {error.args[1][0][:_SHOWN]} in itself"
        ) from error
    empty = {"null"}
    depth: dict[str, int] = {}
    for name in inner_first:
        depth[name] = 1 + max((depth[used] for used in uses[name]), default=0)
        if depth[name] > _MAX_DEPTH:
            raise FormatError("E_SCHEMA", "the writer's schema is nested too deeply")
        if _takes_no_bytes(named[name], empty):
            empty.add(name)
    nulls = 0
    for part in (p for kind in (parsed, *named.values()) for p in _parts(kind)):
        if not isinstance(part, Mapping):
            continue
        inner = [field["type"] for field in part.get("fields", ())]
        nulls += sum(kind == "null" for kind in inner)
        inner = [kind for kind in inner if kind != "null"]
        if part.get("type") == "array":
            inner.append(part["items"])
        if nulls > _MAX_NULLS or any(_takes_no_bytes(kind, empty) for kind in inner):
            raise FormatError("E_SCHEMA", "the writer's schema has items or fields of no bytes")


def _takes_no_bytes(kind: Any, empty: Collection[str]) -> bool:
    if isinstance(kind, str):
        return kind in empty
    if not isinstance(kind, Mapping):
        # A union writes its branch index first, so it always takes a byte.
        return False
    if kind["type"] == "record":
        return all(_takes_no_bytes(field["type"], empty) for field in kind["fields"])
    if kind["type"] == "fixed":
        return int(kind["size"]) == 0
    return bool(kind["type"] == "null")
