"""Real alerts beside the repository, where they are."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import fastavro

__all__ = ["lsst_cutouts", "shared", "ztf_cutouts"]


def shared() -> Path | None:
    """Folder of real data, or None."""
    root = Path(os.environ.get("HSTAMP_SHARED") or Path(__file__).resolve().parents[3] / "shared")
    return root / "data" if (root / "data").is_dir() else None


def _records(pattern: str) -> list[dict[str, Any]]:
    folder = shared()
    records = []
    for path in sorted(folder.glob(pattern)) if folder else ():
        with path.open("rb") as file:
            records += list(fastavro.reader(file))
    return records


def lsst_cutouts(size: int | None = 34_560) -> list[bytes]:
    """Real LSST science cutouts, of one size in bytes or of all."""
    found = [r["cutoutScience"] for r in _records("lsst/v9_ocf/*.avro") if r.get("cutoutScience")]
    return [c for c in found if size is None or len(c) == size]


def ztf_cutouts() -> list[bytes]:
    """Real gzipped FITS cutouts of ZTF alerts."""
    return [r["cutoutScience"]["stampData"] for r in _records("ztf/*.avro")]
