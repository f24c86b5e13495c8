"""What a conversion run is to do: inputs, outputs and options."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from ..container.detect import Kind, detect
from ..errors import InputError
from ..surveys import SURVEYS, Survey
from .image import Position
from .parent import EncodeOptions

__all__ = ["Form", "Job", "Output", "expand", "outputs_of"]

Form = Literal["alerts", "stamps", "blobs"]


@dataclass(frozen=True)
class Job:
    """What to convert, and how.

    Attributes
    ----------
    inputs : tuple of Path
        Files; see `expand` for folders.
    out : Path
        Output file, or folder if `into_folder`.
    into_folder : bool
        One output for each input, in the folder `out`.
    form : {"alerts", "stamps", "blobs"} or None
        None writes alerts for alerts and stamps for images.
    options : EncodeOptions
    positions : tuple of Position
        Where the stamps of FITS images are.
    hdu : int or str or None
        Image HDU of FITS images.
    band : str or None
        Filter of FITS images, when the header is silent or wrong.
    schema_file : Path or None
        Writer's schema of wire messages.
    codec : str or None
        Block codec of the output; the input's by default.
    drop_cutouts : bool
        Set the old cutout fields to null.
    force : bool
        Make outputs that exist again.
    surveys : tuple of Survey
        What alerts may be.
    """

    inputs: tuple[Path, ...]
    out: Path
    into_folder: bool = False
    form: Form | None = None
    options: EncodeOptions = field(default_factory=EncodeOptions)
    positions: tuple[Position, ...] = ()
    hdu: int | str | None = None
    band: str | None = None
    schema_file: Path | None = None
    codec: str | None = None
    drop_cutouts: bool = False
    force: bool = False
    surveys: tuple[Survey, ...] = SURVEYS


@dataclass(frozen=True)
class Output:
    """An output file or folder, and the inputs that go into it."""

    path: Path
    inputs: tuple[Path, ...]


def expand(paths: Sequence[Path]) -> tuple[Path, ...]:
    """Replace folders by the files in them, in name order; hidden files are left out.

    Raises
    ------
    InputError
        If a path does not exist.
    """
    files: list[Path] = []
    for path in paths:
        if path.is_dir():
            files.extend(
                sorted(
                    p
                    for p in path.rglob("*")
                    if p.is_file()
                    and not any(part.startswith(".") for part in p.relative_to(path).parts)
                )
            )
        elif path.exists():
            files.append(path)
        else:
            raise InputError(f"{path}: no such file")
    return tuple(files)


def outputs_of(job: Job) -> list[Output]:
    """Outputs of a job.

    Raises
    ------
    InputError
        If the outputs would overwrite inputs or each other.
    """
    if not job.into_folder:
        outputs = [Output(job.out, job.inputs)]
    else:
        outputs = [Output(job.out / _name(job, path), (path,)) for path in job.inputs]
        seen: dict[Path, Path] = {}
        for output in outputs:
            other = seen.setdefault(output.path, output.inputs[0])
            if other != output.inputs[0]:
                raise InputError(f"{other} and {output.inputs[0]} would both become {output.path}")
    inputs = {os.path.realpath(path) for path in job.inputs}
    for output in outputs:
        if os.path.realpath(output.path) in inputs:
            raise InputError(f"{output.path} is an input: choose another output")
    return outputs


def _name(job: Job, path: Path) -> str:
    """Name of an input's output; the input's own name when it stays what it was."""
    kind, _ = detect(path)
    stem = path.name.removesuffix(".gz")
    for suffix in (".avro", ".fits", ".fit", ".parquet", ".fz"):
        stem = stem.removesuffix(suffix)
    if job.form == "blobs":
        return stem
    if (job.form or "alerts") == "alerts" and kind is not Kind.FITS:
        return f"{stem}.parquet" if kind is Kind.PARQUET else f"{stem}.avro"
    return f"{stem}.hstamp.avro"
