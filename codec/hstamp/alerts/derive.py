"""The proposed LSST alert schema: the installed one, next minor version, plus three fields.

Nothing of LSST's schema is kept here; every file is derived from the installed package.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from ..container.schema import STAMP_NAME, STAMP_SCHEMA
from ..errors import FormatError
from ..outputs import atomic_text
from .lsst import Version, newest_version, schema_dir, schema_for_version
from .schema import Schema, add_stamp_fields, plain_schema

__all__ = ["bump", "derive_files", "derive_flat", "write_derived"]


def bump(node: Any, old: Version, new: Version) -> Any:
    """Replace the version in names, docs and version numbers of a parsed schema.

    LSST puts the version into the namespace (``lsst.v11_1``), into the alert's doc and into
    ``confluent:version``; nothing else in a schema depends on it.
    """
    if isinstance(node, dict):
        return {
            key: _id(new)
            if (key, value) == ("confluent:version", _id(old))
            else bump(value, old, new)
            for key, value in node.items()
        }
    if isinstance(node, list):
        return [bump(value, old, new) for value in node]
    if isinstance(node, str):
        named = re.sub(rf"^{re.escape(_namespace(old))}(?!\d)", _namespace(new), node)
        return named.replace(f"schema v{old[0]}.{old[1]}", f"schema v{new[0]}.{new[1]}")
    return node


def derive_flat(version: Version | None = None) -> Schema:
    """Proposed alert schema as one self-contained schema.

    Parameters
    ----------
    version : (int, int), optional
        The LSST version to derive from; the newest installed by default.

    Returns
    -------
    dict
        Schema of the next minor version with the three stamp fields after all others.
    """
    old = version or newest_version()
    flat: Schema = bump(plain_schema(schema_for_version(old)), old, _next(old))
    return add_stamp_fields(flat)


def derive_files(version: Version | None = None) -> dict[str, Schema]:
    """Proposed alert schema as files in the layout of lsst-alert-packet, by file name."""
    old = version or newest_version()
    new = _next(old)
    files: dict[str, Schema] = {}
    for path in sorted(schema_dir(old).glob("*.avsc")):
        try:
            schema = bump(json.loads(path.read_text(encoding="utf-8")), old, new)
        except ValueError as exc:
            raise FormatError("E_SCHEMA", f"{path.name}: not JSON: {exc}") from exc
        name = bump(path.name, old, new)
        files[name] = add_stamp_fields(schema, embed=False) if ".alert." in name else schema
    files[f"{STAMP_NAME}.avsc"] = STAMP_SCHEMA
    return files


def write_derived(out: Path, version: Version | None = None) -> list[Path]:
    """Write `derive_files` and, as ``*.alert.flat.avsc``, `derive_flat` into a folder.

    Returns
    -------
    list of Path
        The files written.
    """
    old = version or newest_version()
    files = derive_files(old)
    files[f"{_namespace(_next(old))}.alert.flat.avsc"] = derive_flat(old)
    out.mkdir(parents=True, exist_ok=True)
    written = []
    for name, schema in files.items():
        path = out / name
        atomic_text(path, json.dumps(schema, indent=2, ensure_ascii=False) + "\n")
        written.append(path)
    return written


def _next(version: Version) -> Version:
    return version[0], version[1] + 1


def _namespace(version: Version) -> str:
    return f"lsst.v{version[0]}_{version[1]}"


def _id(version: Version) -> int:
    return 100 * version[0] + version[1]
