"""The conformance vectors: where they are, what the manifest says, what is expected."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import numpy as np

Profile = Literal["core", "full", "container"]
PROFILES: tuple[Profile, ...] = ("core", "full", "container")


@dataclass(frozen=True)
class Vector:
    """One decoder input of the manifest.

    Attributes
    ----------
    id : str
        Identifier; never changes.
    path : pathlib.Path
        File with the input bytes.
    profile : {"core", "full", "container"}
        Lowest profile whose decoders are bound by this vector.
    error : str or None
        Expected error code (Section 11 of the specification); None when the input is valid.
    result : pathlib.Path or None
        File with the expected result; None when the input is invalid.
    clauses, flags : tuple of str
        Clauses of the specification that the vector tests, and its tags.
    reason : str
        What is tested, in one line.
    since : str
        Format version whose suite first held the vector.
    optional : str or None
        Feature that a reader may lack ([CO-4]); "unsupported" is then not a failure.
    """

    id: str
    path: Path
    profile: Profile
    error: str | None
    result: Path | None
    clauses: tuple[str, ...]
    flags: tuple[str, ...]
    reason: str
    since: str
    optional: str | None = None

    def data(self) -> bytes:
        """Input bytes."""
        return self.path.read_bytes()

    def expected(self) -> list[Mapping[str, Any]]:
        """Expected stamps, planes as arrays (float32 and uint16); empty for an invalid input."""
        return [] if self.result is None else expected_stamps(self.result)


@dataclass(frozen=True)
class EncodeCase:
    """One encoder case of the manifest; `error` is None where a blob is expected."""

    id: str
    path: Path
    error: str | None
    clauses: tuple[str, ...]
    flags: tuple[str, ...]
    reason: str
    since: str

    def content(self) -> Mapping[str, Any]:
        """The request and the true values, as stored."""
        content: Mapping[str, Any] = json.loads(self.path.read_text(encoding="utf-8"))
        return content


@dataclass(frozen=True)
class Suite:
    """The manifest."""

    version: str
    format: str
    vectors: tuple[Vector, ...]
    encode: tuple[EncodeCase, ...]

    def select(self, profile: Profile, only: Iterable[str] = ()) -> tuple[Vector, ...]:
        """Vectors that bind a decoder of `profile`, in the order of the manifest.

        Parameters
        ----------
        profile : {"core", "full", "container"}
            Profile that the decoder states.
        only : iterable of str
            Shell patterns for identifiers; empty selects all.
        """
        from fnmatch import fnmatchcase

        reach = PROFILES[: PROFILES.index(profile) + 1]
        patterns = tuple(only)
        return tuple(
            vector
            for vector in self.vectors
            if vector.profile in reach
            and (not patterns or any(fnmatchcase(vector.id, pattern) for pattern in patterns))
        )


def vectors_path() -> Path:
    """Folder of the vectors: the installed copy, or the one of a source checkout.

    Raises
    ------
    FileNotFoundError
        Neither exists.
    """
    here = Path(__file__).resolve().parent
    candidates = [here / "vectors"]
    if len(here.parents) > 2:
        candidates.append(here.parents[2] / "tests" / "conformance" / "vectors")
    for folder in candidates:
        if (folder / "manifest.json").is_file():
            return folder
    raise FileNotFoundError(
        "conformance vectors not found: neither in the installed package nor in a source checkout"
    )


@lru_cache(maxsize=4)
def load_suite(folder: Path | None = None) -> Suite:
    """Read the manifest of `folder` (default: `vectors_path()`)."""
    root = vectors_path() if folder is None else folder
    raw = json.loads((root / "manifest.json").read_text(encoding="utf-8"))
    vectors = tuple(
        Vector(
            id=entry["id"],
            path=root / entry["file"],
            profile=entry["profile"],
            error=entry.get("error"),
            result=root / entry["result"] if "result" in entry else None,
            clauses=tuple(entry["clauses"]),
            flags=tuple(entry["flags"]),
            reason=entry["reason"],
            since=entry["since"],
            optional=entry.get("optional"),
        )
        for entry in raw["vectors"]
    )
    encode = tuple(
        EncodeCase(
            id=entry["id"],
            path=root / entry["file"],
            error=entry.get("error"),
            clauses=tuple(entry["clauses"]),
            flags=tuple(entry["flags"]),
            reason=entry["reason"],
            since=entry["since"],
        )
        for entry in raw["encode"]
    )
    return Suite(raw["suite"], raw["format"], vectors, encode)


def text_to_array(rows: Iterable[str], dtype: type[np.generic]) -> np.ndarray[Any, Any]:
    """Numbers of the stored text rows, one-dimensional.

    Decimals are parsed as binary64 and rounded to binary32; the shortest decimals that the files
    hold are far enough from ties for both roundings to give the stored value.
    """
    numbers = [float(word) for row in rows for word in row.split()]
    return np.array(numbers, dtype=np.float64).astype(dtype)


def _grid(levels: list[list[str]], dtype: type[np.generic]) -> np.ndarray[Any, Any]:
    rows = (row for level in levels for row in level)
    return text_to_array(rows, dtype).reshape(len(levels), 15, 15)


@lru_cache(maxsize=1024)
def expected_stamps(path: Path) -> list[Mapping[str, Any]]:
    """Expected stamps of a result file, planes as arrays."""
    out: list[Mapping[str, Any]] = []
    for stored in json.loads(path.read_text(encoding="utf-8"))["stamps"]:
        stamp = dict(stored)
        for name in ("image", "variance"):
            if stamp[name] is not None:
                stamp[name] = _grid(stamp[name], np.float32)
        if stamp["mask"] is not None:
            stamp["mask"] = stamp["mask"] | {"data": _grid(stamp["mask"]["data"], np.uint16)}
        if stamp["psf"] is not None:
            size = stamp["psf"]["size"]
            data = text_to_array(stamp["psf"]["data"], np.float32).reshape(size, size)
            stamp["psf"] = stamp["psf"] | {"data": data}
        out.append(stamp)
    return out


def copy_vectors(target: Path) -> int:
    """Write all vectors to `target` and return the number of files.

    Raises
    ------
    FileExistsError
        `target` exists and is not an empty folder.
    """
    import shutil

    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise FileExistsError(f"{target} exists and is not an empty folder")
    source = vectors_path()
    shutil.copytree(
        source, target, dirs_exist_ok=True, ignore=shutil.ignore_patterns(".git*", "__pycache__")
    )
    return sum(1 for path in target.rglob("*") if path.is_file())
