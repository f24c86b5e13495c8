"""A writer's schema, parsed and checked by the rules of [SE-1].

Only what reading needs is kept: types, full names, fields, symbols and sizes. Defaults, aliases,
documentation and logical types play no part, whatever their values.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from ..errors import FormatError

__all__ = ["PRIMITIVES", "parse_json", "parse_schema"]

PRIMITIVES: Final = frozenset(
    ("null", "boolean", "int", "long", "float", "double", "bytes", "string")
)
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_MAX_FIXED: Final = 64 * 2**20
"""Largest fixed type [byte]: no block is longer."""
_MAX_DEPTH: Final = 64
_MAX_DIGITS: Final = 4000
_SHOWN: Final = 100
"""Longest part of a schema that a message repeats."""


def parse_json(text: bytes) -> Any:
    """Parse JSON strictly: UTF-8 without a byte order mark, and no numbers but JSON's.

    Raises
    ------
    FormatError
        With code E_SCHEMA.
    """
    try:
        return json.loads(text.decode("utf-8"), parse_int=_integer, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise FormatError("E_SCHEMA", f"the schema is not JSON: {str(error)[:_SHOWN]}") from error


def parse_schema(schema: Any) -> tuple[Any, dict[str, Any]]:
    """Parse a writer's schema.

    Parameters
    ----------
    schema : object
        The schema as parsed JSON.

    Returns
    -------
    schema : str, list or dict
        Names in full, every named type defined where it is first written.
    named : dict
        Definitions of its named types by full name.

    Raises
    ------
    FormatError
        With code E_SCHEMA.
    """
    parser = _Parser()
    parsed, _, _ = parser.parse(schema, "", 0)
    return parsed, parser.named


_Parsed = tuple[Any, int, bool]
"""A type, the depth of types in it, and whether its values take no bytes."""


class _Parser:
    def __init__(self) -> None:
        self.named: dict[str, Any] = {}
        self._facts: dict[str, tuple[int, bool] | None] = {}
        """Depth and emptiness by name; None while the definition is being read."""

    def parse(self, schema: Any, space: str, level: int) -> _Parsed:
        if level > _MAX_DEPTH:
            raise _refusal("is nested too deeply")
        if isinstance(schema, str):
            return self._name(schema, space)
        if isinstance(schema, list):
            return self._union(schema, space, level)
        if not isinstance(schema, Mapping) or "type" not in schema:
            raise _refusal(f"has {_shown(schema)} where a type stands")
        kind = schema["type"]
        if kind in ("array", "map") and isinstance(kind, str):
            key = "items" if kind == "array" else "values"
            inner, depth, empty = self.parse(schema.get(key), space, level + 1)
            if empty and kind == "array":
                raise _refusal("has an array of items of no bytes")
            return {"type": kind, key: inner}, self._deeper(depth), False
        if kind in ("record", "enum", "fixed") and isinstance(kind, str):
            return self._definition(kind, schema, space, level)
        return self.parse(kind, space, level + 1)

    def _name(self, name: str, space: str) -> _Parsed:
        if name in PRIMITIVES:
            return name, 0, name == "null"
        full = _complete(name, space)
        if full not in self._facts:
            raise _refusal(f"names {_shown(full)}, which is not defined before")
        facts = self._facts[full]
        if facts is None:
            raise _refusal(f"nests {full[:_SHOWN]} in itself")
        return full, *facts

    def _union(self, schema: list[Any], space: str, level: int) -> _Parsed:
        parsed = [self.parse(branch, space, level + 1) for branch in schema]
        kinds = [_kind(branch) for branch, _, _ in parsed]
        if not kinds or "union" in kinds or len(set(kinds)) < len(kinds):
            raise _refusal(f"has a union of {_shown(', '.join(kinds) or 'nothing')}")
        deepest = max(depth for _, depth, _ in parsed)
        return [branch for branch, _, _ in parsed], self._deeper(deepest), False

    def _definition(self, kind: str, schema: Mapping[str, Any], space: str, level: int) -> _Parsed:
        name, own = schema.get("name"), schema.get("namespace")
        for dotted in (name,) if own is None or own == "" else (name, own):
            if not (isinstance(dotted, str) and all(map(_NAME.fullmatch, dotted.split(".")))):
                raise _refusal(f"has a name that is none in Avro: {_shown(dotted)}")
        assert isinstance(name, str)
        full = _complete(name, space if own is None else own)
        if full in PRIMITIVES or full in self.named:
            raise _refusal(f"defines {full[:_SHOWN]} again")
        made: dict[str, Any] = {"type": kind, "name": full}
        self.named[full], self._facts[full] = made, None
        depth, empty = 0, False
        if kind == "record":
            made["fields"], depth, empty = self._fields(schema, full.rpartition(".")[0], level)
        elif kind == "enum":
            made["symbols"] = _symbols(schema.get("symbols"))
        else:
            made["size"] = _size(schema.get("size"), full)
            empty = made["size"] == 0
        self._facts[full] = depth, empty
        return made, depth, empty

    def _fields(
        self, schema: Mapping[str, Any], space: str, level: int
    ) -> tuple[list[dict[str, Any]], int, bool]:
        fields: list[dict[str, Any]] = []
        names: set[str] = set()
        deepest, all_empty = 0, True
        written = schema.get("fields")
        if not isinstance(written, list):
            raise _refusal("has a record without fields")
        for field in written:
            name = field.get("name") if isinstance(field, Mapping) else None
            if not (isinstance(name, str) and _NAME.fullmatch(name)) or name in names:
                raise _refusal(f"has a field whose name is none, or another's: {_shown(name)}")
            names.add(name)
            kind, depth, empty = self.parse(field.get("type"), space, level + 1)
            fields.append({"name": name, "type": kind})
            deepest, all_empty = max(deepest, depth), all_empty and empty
        return fields, self._deeper(deepest), all_empty

    @staticmethod
    def _deeper(depth: int) -> int:
        if depth >= _MAX_DEPTH:
            raise _refusal("is nested too deeply")
        return depth + 1


def _refusal(what: str) -> FormatError:
    return FormatError("E_SCHEMA", f"the writer's schema {what}")


def _shown(value: Any) -> str:
    return repr(value)[:_SHOWN] if isinstance(value, str | int | float | None) else "no text"


def _complete(name: str, space: str) -> str:
    return name if "." in name or not space else f"{space}.{name}"


def _kind(parsed: Any) -> str:
    """What two branches of a union may not have in common."""
    if isinstance(parsed, list):
        return "union"
    return parsed if isinstance(parsed, str) else str(parsed.get("name", parsed["type"]))


def _symbols(symbols: Any) -> list[str]:
    if not isinstance(symbols, list) or not all(
        isinstance(symbol, str) and _NAME.fullmatch(symbol) for symbol in symbols
    ):
        raise _refusal("has an enum whose symbols are no names")
    if len(set(symbols)) < len(symbols):
        raise _refusal("has an enum with a symbol twice")
    return list(symbols)


def _size(size: Any, name: str) -> int:
    number = isinstance(size, int | float) and not isinstance(size, bool)
    if not (number and 0 <= size <= _MAX_FIXED and size == int(size)):
        raise _refusal(f"has {name[:_SHOWN]} of size {_shown(size)}, not 0 to {_MAX_FIXED}")
    return int(size)


def _integer(digits: str) -> int | float:
    # Python refuses to convert many digits, which cost it quadratic time.
    return int(digits) if len(digits) <= _MAX_DIGITS else float(digits)


def _no_constant(word: str) -> Any:
    raise ValueError(f"{word} is not JSON")
