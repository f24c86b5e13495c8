"""Adding the three stamp fields to an alert schema, whatever its version [CO-5]."""

from __future__ import annotations

import copy
from typing import Any, Final

from ..container.schema import STAMP_NAME, STAMP_SCHEMA
from ..errors import FormatError
from .fields import STAMP_FIELDS

__all__ = ["Schema", "add_stamp_fields", "has_stamp_fields", "plain_schema"]

Schema = dict[str, Any]

_DOC: Final = {
    "difference": "Hierarchical stamp of the difference image.",
    "science": "Hierarchical stamp of the science image.",
    "template": "Hierarchical stamp of the template image.",
}


def plain_schema(schema: Schema) -> Schema:
    """Copy a schema without the keys that fastavro adds while parsing."""

    def strip(node: Any) -> Any:
        if isinstance(node, dict):
            return {k: strip(v) for k, v in node.items() if not k.startswith("__")}
        if isinstance(node, list):
            return [strip(v) for v in node]
        return node

    result: Schema = strip(schema)
    return result


def has_stamp_fields(schema: Schema) -> bool:
    """Whether all three stamp fields are in the alert record already."""
    names = {field["name"] for field in schema.get("fields", ())}
    return set(STAMP_FIELDS.values()) <= names


def add_stamp_fields(schema: Schema, *, embed: bool = True) -> Schema:
    """Return the alert schema with the three nullable stamp fields after all others.

    Parameters
    ----------
    schema : dict
        An Avro record schema as parsed JSON (or as fastavro returns it). It is not changed.
    embed : bool
        Write the stamp schema into the first field. With False, all three name it only, and
        the definition comes from a file of its own.

    Returns
    -------
    dict
        The new schema; `schema` itself, copied, where it has the fields already.

    Raises
    ------
    FormatError
        E_SCHEMA if `schema` is not a record, or has only some of the fields.
    """
    if not isinstance(schema, dict) or schema.get("type") != "record":
        raise FormatError("E_SCHEMA", "an alert schema is an Avro record")
    derived = plain_schema(schema)
    present = {field["name"] for field in derived["fields"]} & set(STAMP_FIELDS.values())
    if has_stamp_fields(derived):
        return derived
    if present:
        raise FormatError("E_SCHEMA", f"the schema has {sorted(present)} but not all three")
    branch: Any = copy.deepcopy(STAMP_SCHEMA) if embed else STAMP_NAME
    for kind, name in STAMP_FIELDS.items():
        derived["fields"].append(
            {"name": name, "type": ["null", branch], "default": None, "doc": _DOC[kind]}
        )
        branch = STAMP_NAME
    return derived
