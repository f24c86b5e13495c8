"""LSST alert schemas as the public package ``lsst-alert-packet`` installs them."""

from __future__ import annotations

from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import Any

import fastavro.schema

from ..container.compression import MAX_BLOCK
from ..container.writer import Writer
from ..errors import FormatError, MissingExtraError
from .schema import Schema
from .wire import WireMessage, split_wire

__all__ = [
    "Version",
    "installed_versions",
    "load_schema_file",
    "newest_version",
    "read_message",
    "schema_dir",
    "schema_for_id",
    "schema_for_version",
    "version_of_id",
]

Version = tuple[int, int]


def _package() -> Any:
    try:
        return import_module("lsst.alert.packet")
    except ImportError as exc:
        raise MissingExtraError("lsst-alert-packet", "lsst") from exc


def installed_versions() -> tuple[Version, ...]:
    """All schema versions of the installed package, in increasing order."""
    root = Path(str(_package().get_schema_root()))
    found = [
        (int(major.name), int(minor.name))
        for major in root.iterdir()
        if major.name.isdigit()
        for minor in major.iterdir()
        if minor.name.isdigit()
    ]
    return tuple(sorted(found))


def newest_version() -> Version:
    """Return the version that the installed package calls the latest."""
    major, minor = _package().get_latest_schema_version()
    return int(major), int(minor)


def schema_dir(version: Version) -> Path:
    """Folder of the ``.avsc`` files of a version.

    Raises
    ------
    FormatError
        E_SCHEMA if the installed package does not have that version.
    """
    if version not in installed_versions():
        have = ", ".join(f"{a}.{b}" for a, b in installed_versions())
        raise FormatError(
            "E_SCHEMA",
            f"lsst-alert-packet as installed has no {version[0]}.{version[1]} (only {have})",
        )
    return Path(str(_package().get_schema_path(*version)))


@lru_cache(maxsize=32)
def schema_for_version(version: Version) -> Schema:
    """Fully resolved alert schema of a version, as fastavro parses it."""
    major, minor = version
    return load_schema_file(schema_dir(version) / f"lsst.v{major}_{minor}.alert.avsc")


def version_of_id(schema_id: int) -> Version:
    """Version behind a registry id: 100 * MAJOR + MINOR (1101 is 11.1)."""
    return divmod(schema_id, 100)


def schema_for_id(schema_id: int) -> Schema:
    """Alert schema behind the id of a wire-format message."""
    return schema_for_version(version_of_id(schema_id))


def load_schema_file(path: str | Path) -> Schema:
    """Read an alert schema and the files beside it that it refers to by name.

    Raises
    ------
    FormatError
        E_SCHEMA if the file is missing or is not an Avro record schema.
    """
    try:
        schema = fastavro.schema.load_schema(str(path))
    except Exception as exc:  # fastavro raises OSError, ValueError, KeyError and its own
        raise FormatError("E_SCHEMA", f"{path}: not an Avro schema: {exc}") from exc
    if not isinstance(schema, dict) or schema.get("type") != "record":
        raise FormatError("E_SCHEMA", f"{path}: not the schema of a record")
    return schema


def read_message(data: bytes, schema_file: Path | None = None) -> tuple[WireMessage, Writer]:
    """Message in the Confluent wire format, and its writer's schema.

    Parameters
    ----------
    data : bytes
        The whole message.
    schema_file : Path, optional
        The writer's schema; by default the one that the message's id names.

    Raises
    ------
    FormatError
        With code E_LIMIT or E_AVRO; E_SCHEMA if no schema is known.
    """
    if len(data) > MAX_BLOCK:
        raise FormatError("E_LIMIT", f"the message is longer than {MAX_BLOCK} bytes")
    message = split_wire(data)
    if schema_file is not None:
        return message, Writer(load_schema_file(schema_file))
    return message, _writer_for_id(message.schema_id)


@lru_cache(maxsize=32)
def _writer_for_id(schema_id: int) -> Writer:
    return Writer(schema_for_id(schema_id))
