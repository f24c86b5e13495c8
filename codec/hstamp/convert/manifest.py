"""What is in a folder of files by schema or partition, so that a later run knows its own."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from ..errors import InputError, OutputError
from ..outputs import created
from .history import difference, options_of
from .plan import Job

__all__ = ["MANIFEST", "files_of", "is_settled", "write_manifest"]

MANIFEST: Final = ".hstamp-dataset.json"
"""In the folder; readers of data sets pass over names that start with a dot."""
_LONGEST: Final = 2**28


def write_manifest(folder: Path, job: Job, failed: int) -> int:
    """Write down what a folder holds and what it was made of.

    Parameters
    ----------
    folder : Path
        Of the files; it will be the job's output.
    job : Job
    failed : int
        Failures of the run.

    Returns
    -------
    int
        Bytes of the files.
    """
    from .. import __version__

    files = _sizes(folder)
    text = json.dumps(
        {
            "version": __version__,
            "options": options_of(job),
            "failed": failed,
            "inputs": _inputs(job),
            "files": files,
        },
        indent=1,
        sort_keys=True,
    )
    with created(folder / MANIFEST, job.out / MANIFEST) as stream:
        stream.write(text.encode() + b"\n")
    return sum(files.values())


def files_of(folder: Path) -> list[Path] | None:
    """Files that a manifest lists, in name order; None where there is no manifest."""
    known = _manifest(folder)
    return None if known is None else [folder / name for name in sorted(known["files"])]


def is_settled(job: Job) -> bool:
    """Whether the output is there, was made of the inputs as they are, and nothing failed.

    Raises
    ------
    InputError
        If it was made with other options, and is not to be replaced.
    OutputError
        If there is something that is not known to be an output of such a run.
    """
    out = job.out
    if not out.exists() and not out.is_symlink():
        return False
    if not out.is_dir() or out.is_symlink():
        raise OutputError(str(out), "it is no folder")
    known = _manifest(out)
    there = _sizes(out)
    if known is None:
        if there:
            raise OutputError(str(out), "it is a folder with files that are of no such run")
        return False
    if others := sorted(there.keys() - known["files"].keys()):
        raise OutputError(str(out), f"it holds a file of others, {others[0]}")
    if job.force:
        return False
    if there != known["files"]:
        raise InputError(f"{out} is not as it was made (--force makes it again)")
    options = options_of(job)
    if known["options"] != options:
        raise InputError(
            f"{out} was made with other options ({difference(known['options'], options)}):"
            " choose another folder, or --force to make it again"
        )
    return bool(known["failed"] == 0 and known["inputs"] == _inputs(job))


def _inputs(job: Job) -> dict[str, Any]:
    """Number of the inputs, and what changes with their paths, sizes and times of change."""
    digest = hashlib.sha256()
    for path in job.inputs:
        try:
            status = path.stat()
            known = (os.path.realpath(path), status.st_size, status.st_mtime_ns)
        except OSError:
            known = (os.path.realpath(path), -1, -1)
        digest.update(repr(known).encode("utf-8", "surrogateescape"))
    return {"count": len(job.inputs), "sha256": digest.hexdigest()}


def _sizes(folder: Path) -> dict[str, int]:
    """Bytes of the files in a folder and below, but for the manifest."""
    found: dict[str, int] = {}
    for inside, _, names in os.walk(folder):
        for name in names:
            path = Path(inside, name)
            key = path.relative_to(folder).as_posix()
            if key != MANIFEST:
                found[key] = path.lstat().st_size
    return found


def _manifest(folder: Path) -> dict[str, Any] | None:
    path = folder / MANIFEST
    try:
        if path.stat().st_size > _LONGEST:
            return None
        known = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
    if not isinstance(known, dict) or not isinstance(known.get("files"), dict):
        return None
    if any(Path(name).is_absolute() or ".." in Path(name).parts for name in known["files"]):
        return None
    options = known.get("options")
    known["options"] = dict(options) if isinstance(options, Mapping) else {}
    return {"failed": -1, "inputs": None, **known}
