"""Checks that planes of n levels have in common: 13 and 16 of [LI-1]."""

from __future__ import annotations

from collections.abc import Mapping

from ..errors import FormatError
from ..layout import size_of
from ..planes import ImagePlane, MaskPlane, VariancePlane

__all__ = ["check_length", "width_of"]


def width_of(what: str, encoding: str, widths: Mapping[str, int]) -> int:
    """Bytes per value of a known encoding (check 13)."""
    width = widths.get(encoding)
    if width is None:
        raise FormatError("E_ENCODING", f"{what} encoding {encoding[:32]!r} is unknown")
    return width


def check_length(
    what: str, plane: ImagePlane | VariancePlane | MaskPlane, n: int, width: int
) -> None:
    """Compare a plane's data with what its encoding needs (check 16)."""
    found, needed = len(plane.data), size_of(n) * width
    if found != needed:
        raise FormatError(
            "E_LENGTH",
            f"{what} data has {found} bytes; {n} levels of {plane.encoding} need {needed}",
        )
