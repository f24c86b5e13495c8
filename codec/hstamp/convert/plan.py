"""What a conversion run is to do: inputs, outputs and options."""

from __future__ import annotations

import os
import stat
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final, Literal

from ..container.detect import Kind, detect
from ..errors import InputError
from ..surveys import SURVEYS, Survey, fields_of
from .image import Position
from .parent import EncodeOptions

__all__ = [
    "Form",
    "Inputs",
    "Job",
    "Output",
    "expand",
    "find_inputs",
    "is_passed_over",
    "look_at",
    "outputs_of",
    "size_of",
    "subfolder",
]

Form = Literal["alerts", "wire", "stamps", "blobs", "hats"]


@dataclass(frozen=True)
class Job:
    """What to convert, and how.

    Attributes
    ----------
    inputs : tuple of Path
        Files; see `find_inputs` for folders.
    out : Path
        Output file, or folder if `into_folder`.
    into_folder : bool
        One output for each input, in the folder `out`.
    form : {"alerts", "wire", "stamps", "blobs", "hats"} or None
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
    roots : tuple of Path
        Folders that inputs come from; their sub-folders are made in `out` too.
    surveys : tuple of Survey
        What alerts may be.
    tensors : bool
        Stamps of a HATS catalogue as tensor columns instead of blobs.
    mosaic : bool
        Images overlap: cut each position from one image of a band, see `hstamp.convert.mosaic`.
    schema_id : int or None
        Registry's id of the schema with stamp fields, for messages.
    by_schema : bool
        A file for each schema in the folder `out`.
    partition : tuple of str
        Columns whose values are folders in the folder `out`; see `hstamp.convert.partition`.
    nest : bool or None
        Nest a HATS catalogue by object; None does where an object has more alerts than one.
    part_bytes : int
        Input that is converted in one go [byte]: the output of more is made in parts.
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
    roots: tuple[Path, ...] = ()
    surveys: tuple[Survey, ...] = SURVEYS
    tensors: bool = False
    nest: bool | None = None
    mosaic: bool = False
    part_bytes: int = 2**25
    schema_id: int | None = None
    by_schema: bool = False
    partition: tuple[str, ...] = ()

    @property
    def is_dataset(self) -> bool:
        """Whether all inputs become one folder of files; see `hstamp.convert.dataset`."""
        return self.by_schema or bool(self.partition)

    @property
    def fields(self) -> tuple[str, ...]:
        """Paths of the fields of alerts that are wanted."""
        return tuple(dict.fromkeys((*fields_of(self.surveys), *self.partition)))


@dataclass(frozen=True)
class Output:
    """An output file or folder, and the inputs that go into it.

    Attributes
    ----------
    path : Path
    inputs : tuple of Path
    beside : tuple of Path
        Files of other schemas beside it that an earlier run made: they may be replaced.
    taken : tuple of str
        Names of schemas whose files would be other outputs, or inputs.
    """

    path: Path
    inputs: tuple[Path, ...]
    beside: tuple[Path, ...] = ()
    taken: tuple[str, ...] = ()


@dataclass(frozen=True)
class Inputs:
    """Files that arguments stand for.

    Attributes
    ----------
    files : tuple of Path
        Each once. One that cannot be read is among them: converting it says why.
    roots : tuple of Path
        The arguments that are folders.
    passed_over : int
        Files and folders that writers of data sets put beside the data: names that start with
        ``.`` or ``_`` or end in ``.crc``.
    """

    files: tuple[Path, ...]
    roots: tuple[Path, ...]
    passed_over: int


def find_inputs(paths: Sequence[Path], out: Path | None = None) -> Inputs:
    """Replace folders by the files in them and below, in name order.

    Links to files are followed, links to folders are not.

    Parameters
    ----------
    paths : sequence of Path
        Files, taken whatever their names are, and folders.
    out : Path, optional
        Output file or folder; where it lies in a folder of inputs it is none of them.
    """
    mine = None if out is None else os.path.realpath(out)
    files: dict[Path, None] = {}
    roots: list[Path] = []
    passed_over = 0
    for path in paths:
        if not os.path.isdir(path):  # noqa: PTH112 - unlike Path.is_dir, never an exception
            files[path] = None
            continue
        roots.append(path)
        inside, others = _walk(path, mine)
        files.update(dict.fromkeys(inside))
        passed_over += others
    return Inputs(tuple(files), tuple(roots), passed_over)


def is_passed_over(name: str) -> bool:
    """Whether a file or folder found in a folder is bookkeeping: Spark's, Hadoop's or hidden."""
    return name.startswith((".", "_")) or name.endswith(".crc")


def _walk(root: Path, mine: str | None) -> tuple[list[Path], int]:
    """Files of a folder in name order, and how many names are passed over; `mine` is neither."""
    inside: list[Path] = []
    passed_over = 0
    name = None if mine is None else Path(mine).name

    def unread(exc: OSError) -> None:
        inside.append(Path(str(exc.filename)))

    for folder, folders, names in os.walk(root, onerror=unread):
        own = {
            n for n in folders + names if n == name and os.path.realpath(Path(folder, n)) == mine
        }
        below = [n for n in folders if not is_passed_over(n) and n not in own]
        kept = [n for n in names if not is_passed_over(n) and n not in own]
        passed_over += len(folders) + len(names) - len(below) - len(kept) - len(own)
        folders[:] = below
        inside.extend(Path(folder, name) for name in kept)
    return sorted(inside), passed_over


def expand(paths: Sequence[Path]) -> tuple[Path, ...]:
    """Replace folders by the files in them; see `find_inputs`.

    Raises
    ------
    InputError
        If a path does not exist.
    """
    for path in paths:
        if not path.exists():
            raise InputError(f"{path}: no such file")
    return find_inputs(paths).files


def look_at(path: Path) -> tuple[Kind, bool]:
    """Kind of an input, and whether it is gzipped.

    Raises
    ------
    InputError
        If it is no regular file, or cannot be read.
    """
    try:
        mode = path.stat().st_mode
        if stat.S_ISREG(mode):
            return detect(path)
        if stat.S_ISDIR(mode):
            next(path.iterdir(), None)
    except FileNotFoundError:
        reason = "a link that leads nowhere" if path.is_symlink() else "no such file"
        raise InputError(reason) from None
    except OSError as exc:
        raise InputError(f"cannot be read: {exc.strerror or exc}") from exc
    # A pipe without a writer would be waited for without end.
    raise InputError(f"{_SPECIAL.get(stat.S_IFMT(mode), 'something special')}, not a file")


def size_of(path: Path) -> int:
    """Bytes of an input; 0 where it cannot be looked at."""
    try:
        return path.stat().st_size
    except OSError:
        return 0


_SPECIAL: Final = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


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
        outputs = [
            Output(job.out / subfolder(job.roots, path) / _name(job, path), (path,))
            for path in job.inputs
        ]
        seen: dict[Path, Path] = {}
        for output in outputs:
            other = seen.setdefault(output.path, output.inputs[0])
            if other != output.inputs[0]:
                raise InputError(f"{other} and {output.inputs[0]} would both become {output.path}")
    inputs = {os.path.realpath(path) for path in job.inputs}
    for output in outputs:
        if os.path.realpath(output.path) in inputs:
            raise InputError(f"{output.path} is an input: choose another output")
    return _with_taken(outputs, inputs) if job.into_folder else outputs


def _with_taken(outputs: Sequence[Output], inputs: Iterable[str]) -> list[Output]:
    """Outputs, each with the names that files beside it may not have."""
    names: dict[str, list[str]] = {}
    for path in (*(os.path.realpath(output.path) for output in outputs), *inputs):
        names.setdefault(os.path.dirname(path), []).append(os.path.basename(path))  # noqa: PTH119, PTH120
    for held in names.values():
        held.sort()
    done = []
    for output in outputs:
        own = names[os.path.dirname(os.path.realpath(output.path))]  # noqa: PTH120
        stem = f"{output.path.stem}."
        taken = []
        for name in own[bisect_left(own, stem) :]:
            if not name.startswith(stem):
                break
            taken.append(name.removeprefix(stem).removesuffix(".avro").lower())
        done.append(replace(output, taken=tuple(taken)))
    return done


def subfolder(roots: Iterable[Path], path: Path) -> Path:
    """Folder of an input below that of `roots` which it was found in."""
    inside = [root for root in roots if path.parent.is_relative_to(root)]
    if not inside:
        return Path()
    return path.parent.relative_to(max(inside, key=lambda root: len(root.parts)))


def _name(job: Job, path: Path) -> str:
    """Name of an input's output; the input's own name when it stays what it was."""
    try:
        kind, _ = look_at(path)
    except InputError:
        kind = Kind.UNKNOWN
    stem = path.name.removesuffix(".gz")
    for suffix in (".tar", ".tgz", ".avro", ".fits", ".fit", ".parquet", ".fz", ".json"):
        stem = stem.removesuffix(suffix)
    if job.form == "blobs":
        return stem
    if job.form == "wire":
        return f"{stem}.wire"
    if (job.form or "alerts") == "alerts" and kind not in (Kind.FITS, Kind.JSON):
        return f"{stem}.parquet" if kind is Kind.PARQUET else f"{stem}.avro"
    return f"{stem}.hstamp.avro"
