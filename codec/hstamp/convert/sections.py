"""What of an input is converted in one go: a whole file, or a run of a large one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ..errors import HstampError
from .mosaic import Rows
from .plan import size_of
from .spans import Span

__all__ = ["Part", "Section", "whole"]


@dataclass(frozen=True)
class Section:
    """An input, or a run of it.

    Attributes
    ----------
    path : Path
        File to read.
    size : int
        Bytes of the input that it stands for.
    name : str
        What messages call the input; empty for its path.
    span : Span or None
        Run of the file; None for all of it.
    rows : sequence of (int, Position) or None
        Positions in a FITS image, with their numbers; None for those of the job.
    fault : HstampError or None
        What ended the input after this section.
    staged : bool
        The file is a copy of the input's run, and nobody else's.
    """

    path: Path
    size: int
    name: str = ""
    span: Span | None = None
    rows: Rows | None = None
    fault: HstampError | None = None
    staged: bool = False


@dataclass(frozen=True)
class Part:
    """Sections that are converted together, and where they stand in the order of all."""

    index: int
    sections: tuple[Section, ...]

    @property
    def size(self) -> int:
        """Bytes of input that it stands for."""
        return sum(section.size for section in self.sections)


def whole(paths: Iterable[Path]) -> Iterator[Section]:
    """Sections that are whole files."""
    return (Section(path, size_of(path)) for path in paths)
