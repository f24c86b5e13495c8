"""The stamp schema, its fingerprint, and where stamps lie in other schemas [CO-2], [CO-6]."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Any, Final

import fastavro
from fastavro.schema import SchemaParseException, UnknownType

from ..errors import FormatError

__all__ = [
    "FINGERPRINT",
    "STAMP_NAME",
    "STAMP_SCHEMA",
    "check_schema",
    "parsed_stamp_schema",
    "schema_path",
    "stamp_fields",
]

STAMP_NAME: Final = "hstamp.v1.stamp"
FINGERPRINT: Final = bytes.fromhex("436EB4BEBCEEDC4C")
"""CRC-64-AVRO of the 1.0 schema's Parsing Canonical Form, little-endian [CO-2]."""
_SCHEMA_FILE: Final = "hstamp.v1.stamp.avsc"
_MAX_DEPTH: Final = 64


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
        parsed = fastavro.parse_schema(schema, named_schemas=named)
    except (SchemaParseException, UnknownType, ValueError, TypeError, KeyError, AttributeError,
            RecursionError) as error:  # fmt: skip
        raise FormatError("E_SCHEMA", f"the writer's schema is not valid Avro: {error}") from error
    _refuse_empty_items(parsed, named, 0)
    for name, definition in named.items():
        _refuse_empty_items(definition, named, 0)
        _refuse_recursion(name, definition, named, frozenset((name,)))
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
        if any(_is_stamp(branch) for branch in _branches(field["type"]))
    )
    return names or None


def _full_name(schema: Mapping[str, Any]) -> str:
    name, namespace = str(schema.get("name", "")), schema.get("namespace")
    return name if "." in name or not namespace else f"{namespace}.{name}"


def _branches(kind: Any) -> list[Any]:
    return kind if isinstance(kind, list) else [kind]


def _is_stamp(kind: Any) -> bool:
    if isinstance(kind, Mapping):
        return kind.get("type") == "record" and _full_name(kind) == STAMP_NAME
    return bool(kind == STAMP_NAME)


def _refuse_empty_items(kind: Any, named: Mapping[str, Any], depth: int) -> None:
    if depth > _MAX_DEPTH:
        raise FormatError("E_SCHEMA", "the writer's schema is nested too deeply")
    for branch in _branches(kind):
        if not isinstance(branch, Mapping):
            continue
        if branch.get("type") == "array" and _can_be_empty(branch["items"], named, frozenset()):
            raise FormatError("E_SCHEMA", "the writer's schema has an array of items of zero bytes")
        for inner in (branch.get("items"), branch.get("values")):
            if inner is not None:
                _refuse_empty_items(inner, named, depth + 1)
        for field in branch.get("fields", ()):
            _refuse_empty_items(field["type"], named, depth + 1)


def _refuse_recursion(
    name: str, kind: Any, named: Mapping[str, Any], seen: frozenset[str]
) -> None:
    """Refuse a type that contains itself: its values could nest deeper than a reader's stack."""
    for branch in _branches(kind):
        if isinstance(branch, str) and branch in named:
            if branch in seen:
                raise FormatError("E_SCHEMA", f"the writer's schema nests {name} in itself")
            _refuse_recursion(name, named[branch], named, seen | {branch})
        elif isinstance(branch, Mapping):
            inner = [branch.get("items"), branch.get("values")]
            inner += [field["type"] for field in branch.get("fields", ())]
            for part in inner:
                if part is not None:
                    _refuse_recursion(name, part, named, seen)


def _can_be_empty(kind: Any, named: Mapping[str, Any], seen: frozenset[str]) -> bool:
    if isinstance(kind, list):
        # A union is written as its branch index first, so it never takes zero bytes.
        return False
    if isinstance(kind, str):
        if kind in seen or kind not in named:
            return kind == "null"
        return _can_be_empty(named[kind], named, seen | {kind})
    if kind["type"] == "record":
        return all(_can_be_empty(field["type"], named, seen) for field in kind["fields"])
    if kind["type"] == "fixed":
        return int(kind["size"]) == 0
    return _can_be_empty(kind["type"], named, seen) if kind["type"] == "null" else False
