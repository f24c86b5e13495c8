"""Whole LSST alerts of schema v11, with every field filled, around given stamps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

__all__ = ["PREVIOUS", "Alerts", "v11"]

PREVIOUS = 12
"""Earlier sources and forced sources in an alert: an assumption, stated with the result."""


@dataclass(frozen=True)
class Alerts:
    """Schema v11 with the three stamp fields, and how to fill it."""

    version: tuple[int, int]
    schema: dict[str, Any]
    plain: dict[str, Any]
    fields: tuple[str, ...]

    def record(self, stamps: list[Any] | None, cutouts: list[bytes] | None) -> dict[str, Any]:
        """Alert with stamps, with today's cutouts, with both or with neither."""
        facts: dict[str, Any] = dict.fromkeys(self.fields) | dict.fromkeys(
            ("cutoutDifference", "cutoutScience", "cutoutTemplate")
        )
        facts |= dict(zip(self.fields, stamps or (), strict=False))
        facts |= dict(
            zip(
                ("cutoutDifference", "cutoutScience", "cutoutTemplate"), cutouts or (), strict=False
            )
        )
        value: dict[str, Any] = _full(self.schema, facts, {})
        return value


def v11() -> Alerts | None:
    """Newest v11 schema of lsst-alert-packet; None where that is not installed."""
    from hstamp.alerts.lsst import installed_versions, schema_for_version
    from hstamp.alerts.schema import add_stamp_fields

    try:
        version = max(v for v in installed_versions() if v[0] == 11)
    except (ImportError, ValueError):
        return None
    plain = schema_for_version(version)
    schema = add_stamp_fields(plain)
    fields = tuple(f["name"] for f in schema["fields"] if f["name"].startswith("hstamp"))
    return Alerts(tuple(version), schema, plain, fields)


def _full(schema: Any, facts: dict[str, Any], named: dict[str, Any]) -> Any:
    """A value in which every nullable field is present."""
    if isinstance(schema, list):
        return _full(next(s for s in schema if s != "null"), facts, named)
    if isinstance(schema, str):
        if schema in named:
            return _full(named[schema], {}, named)
        return {
            "string": "x" * 12,
            "bytes": b"",
            "boolean": True,
            "int": 100_000,
            "long": 170_000_000_000_000_001,
            "float": 1.5,
            "double": 60_000.5,
        }[schema]
    kind = schema["type"]
    if kind == "record":
        named[schema["name"]] = schema
        named[schema["name"].rpartition(".")[2]] = schema
        named[f"{schema.get('namespace', '')}.{schema['name']}"] = schema
        return {
            f["name"]: facts[f["name"]] if f["name"] in facts else _full(f["type"], {}, named)
            for f in schema["fields"]
        }
    if kind == "array":
        return [_full(schema["items"], {}, named) for _ in range(PREVIOUS)]
    if kind == "map":
        return {}
    return _full(kind, {}, named)
