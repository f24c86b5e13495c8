"""Whether a writer's stamp schema resolves to ours, decided from the schemas alone [CO-6].

The rules are Avro 1.11's schema resolution, of which a stamp needs numbers, text, bytes, arrays,
records and unions.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ..errors import FormatError

__all__ = ["check_resolves"]

_PROMOTIONS: Final = {
    "int": {"int"},
    "long": {"int", "long"},
    "float": {"int", "long", "float"},
    "double": {"int", "long", "float", "double"},
    "string": {"string", "bytes"},
    "bytes": {"string", "bytes"},
    "null": {"null"},
}
"""Types of a writer that each of our primitive types can be read from."""


def check_resolves(writer: Any, reader: Any, named: Mapping[str, Any], where: str) -> None:
    """Check that values of one schema can be read as another.

    Parameters
    ----------
    writer, reader : object
        Schemas as parsed JSON.
    named : mapping of str to object
        The writer's named types.
    where : str
        What is being read, for the message.

    Raises
    ------
    FormatError
        With code E_SCHEMA.
    """
    if isinstance(writer, str) and writer in named:
        writer = named[writer]
    if isinstance(writer, list):
        for branch in writer:
            check_resolves(branch, reader, named, where)
        return
    if isinstance(reader, list):
        _check_some(writer, reader, named, where)
        return
    wrote, read = _kind(writer), _kind(reader)
    if read in _PROMOTIONS:
        if wrote not in _PROMOTIONS[read]:
            raise FormatError("E_SCHEMA", f"{where} is {wrote}, which does not resolve to {read}")
    elif wrote != read:
        raise FormatError("E_SCHEMA", f"{where} is {wrote}, not {read}")
    elif read == "array":
        check_resolves(writer["items"], reader["items"], named, where)
    elif (name := _unqualified(writer)) != _unqualified(reader):
        reason = f"{where} is the record {name}, not {_unqualified(reader)}"
        raise FormatError("E_SCHEMA", reason)
    else:
        _check_fields(writer, reader, named, where)


def _check_some(writer: Any, reader: list[Any], named: Mapping[str, Any], where: str) -> None:
    fault: FormatError | None = None
    for branch in reader:
        try:
            check_resolves(writer, branch, named, where)
        except FormatError as error:
            fault = error
        else:
            return
    if fault is not None:
        raise fault


def _check_fields(
    writer: Mapping[str, Any], reader: Mapping[str, Any], named: Mapping[str, Any], where: str
) -> None:
    wrote = {field["name"]: field["type"] for field in writer["fields"]}
    for field in reader["fields"]:
        name = f"{where}.{field['name']}"
        if field["name"] in wrote:
            check_resolves(wrote[field["name"]], field["type"], named, name)
        elif "default" not in field:
            raise FormatError("E_SCHEMA", f"{name} is absent and has no default")


def _unqualified(record: Mapping[str, Any]) -> str:
    return str(record["name"]).rpartition(".")[2][:200]


def _kind(schema: Any) -> str:
    return str(schema.get("type") if isinstance(schema, Mapping) else schema)[:200]
