"""Files by schema and partition of the parts of an input, put together."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from ..errors import FormatError
from ..outputs import created
from ..parquet.footer import read_footer
from .assembly import join, schema_in
from .dataset import Names
from .plan import Job

__all__ = ["join_datasets"]

_MOST_FILES: Final = 2**16
"""Files of an output that is made in parts (E_LIMIT)."""


@dataclass
class _Group:
    """Files of one schema, or of tables with the same columns: by folder, in order."""

    schema: Any
    name: str
    suffix: str
    files: dict[str, list[Path]] = field(default_factory=dict)


def join_datasets(parts: Iterable[Path], folder: Path, job: Job) -> int:
    """Join the folders that a numbered `DatasetSink` filled for each part of an input.

    Parameters
    ----------
    parts : iterable of Path
        In the order of the input; those that hold nothing may be missing.
    folder : Path
        Where the joined files are made.
    job : Job

    Returns
    -------
    int
        Number of files.

    Raises
    ------
    FormatError
        E_LIMIT if there are too many.
    """
    groups: list[_Group] = []
    names = Names(job.by_schema)
    for part in parts:
        files = (file for file in part.rglob("part-*.*") if file.is_file())
        for file in sorted(files, key=_order):
            _group_of(file, groups, names).files.setdefault(
                file.parent.relative_to(part).as_posix(), []
            ).append(file)
    if sum(len(group.files) for group in groups) > _MOST_FILES:
        raise FormatError("E_LIMIT", f"more than {_MOST_FILES} files in one output")
    for group in groups:
        for inside, held in group.files.items():
            name = f"{group.name}{group.suffix}"
            place = folder / inside / name
            with created(place, job.out / inside / name) as out:
                join(held, out)
    return sum(len(group.files) for group in groups)


def _order(file: Path) -> tuple[int, str]:
    return int(file.stem.removeprefix("part-")), file.as_posix()


def _group_of(file: Path, groups: list[_Group], names: Names) -> _Group:
    schema = _identity(file)
    for group in groups:
        if group.suffix == file.suffix and group.schema == schema:
            return group
    groups.append(_Group(schema, names.take(schema), file.suffix))
    return groups[-1]


def _identity(file: Path) -> Any:
    """What files that are joined have in common."""
    if file.suffix == ".parquet":
        with file.open("rb") as stream:
            footer = read_footer(stream, stream.seek(0, 2))
        return [column.elements for column in footer.columns]
    # Messages of one output are all of one schema.
    return schema_in(file) if file.suffix == ".avro" else None
