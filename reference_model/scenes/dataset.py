"""The data set: every field, on all cores, resumable, with a manifest."""

from __future__ import annotations

import hashlib
import json
import multiprocessing
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from tqdm import tqdm

from reference_model import DATA_VERSION
from reference_model.config import SPLITS, StudyConfig
from reference_model.scenes.fields import Field, write_field
from reference_model.scenes.observe import Exposure


def simulate(
    root: Path,
    config: StudyConfig,
    workers: int,
    also: Callable[[Field, Iterable[Exposure]], None] | None = None,
) -> Path:
    """Make every field that is missing, then write the manifest.

    Parameters
    ----------
    root : Path
        Data folder.
    config : StudyConfig
    workers : int
        Processes.
    also : callable, optional
        As `reference_model.scenes.fields.write_field` takes it.

    Returns
    -------
    Path
        The manifest.
    """
    names = interleaved(config)
    make = partial(write_field, root, config, also=also)
    entries: list[dict[str, Any]] = []
    # disable=None: silent unless standard error is a terminal.
    with tqdm(total=len(names), unit="field", disable=None) as bar:
        if workers <= 1:
            for name in names:
                entries.append(make(name))
                bar.update()
        else:
            context = multiprocessing.get_context("spawn")
            with context.Pool(workers) as pool:
                for entry in pool.imap_unordered(make, names):
                    entries.append(entry)
                    bar.update()
    return write_manifest(root, config, entries)


def interleaved(config: StudyConfig) -> list[str]:
    """Field names in an order that fills all splits evenly.

    An interrupted run then holds usable shares of every split.
    """
    order = []
    for split, count in zip(SPLITS, config.fields, strict=True):
        names = config.field_names(split)
        order += [((i + 0.5) / count, name) for i, name in enumerate(names)]
    return [name for _, name in sorted(order)]


def write_manifest(root: Path, config: StudyConfig, entries: list[dict[str, Any]]) -> Path:
    """Version, configuration, size and checksums of a data set."""
    entries = sorted(entries, key=lambda e: str(e["name"]))
    per_split = {
        split: sum(e["transients"] for e in entries if e["name"].startswith(split))
        for split in SPLITS
    }
    manifest: dict[str, Any] = {
        "data_version": DATA_VERSION,
        "config": config.as_dict(),
        "complete": len(entries) == sum(config.fields),
        "transients": per_split,
        "bytes": sum(f["bytes"] for e in entries for f in e["files"].values()),
        "fields": entries,
    }
    manifest["checksum"] = checksum(manifest)
    path = root / config.name / "manifest.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(manifest, indent=1))
    return path


def checksum(manifest: dict[str, Any]) -> str:
    """One SHA-256 of a whole data set: over the names and digests of all its files."""
    digest = hashlib.sha256()
    for field in manifest["fields"]:
        for name in sorted(field["files"]):
            digest.update(f"{field['name']}/{name} {field['files'][name]['sha256']}\n".encode())
    return digest.hexdigest()


def fields(root: Path, config: StudyConfig, split: str) -> Iterator[Field]:
    """The finished fields of a split, in order."""
    for name in config.field_names(split):
        folder = root / config.name / "fields" / name
        if (folder / "field.json").exists():
            yield Field(folder)
