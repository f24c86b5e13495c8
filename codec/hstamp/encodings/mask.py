"""Mask encodings ``u1`` and ``u2``: Section 7.3."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from ..errors import FormatError, InputError
from ..layout import size_of
from ..planes import MaskPlane

__all__ = ["MASK_ENCODINGS", "check_mask", "decode_mask", "encode_mask", "valid_plane_name"]

MASK_ENCODINGS: Final = {"u1": 1, "u2": 2}
"""Encoding names and bytes per value; a byte holds eight planes."""
_NAME_LIMIT: Final = 32

U2 = npt.NDArray[np.uint16]


def check_mask(plane: MaskPlane, levels: int) -> None:
    """Apply checks 13, 14, 16 and 19 of [LI-1] to a mask plane.

    Raises
    ------
    FormatError
        With code E_ENCODING, E_MASK or E_LENGTH.
    """
    width = MASK_ENCODINGS.get(plane.encoding)
    if width is None:
        raise FormatError("E_ENCODING", f"mask encoding {plane.encoding[:32]!r} is unknown")
    names = plane.planes
    if not 1 <= len(names) <= 8 * width:
        raise FormatError("E_MASK", f"mask has {len(names)} planes; {plane.encoding} holds 1 to"
                          f" {8 * width}")  # fmt: skip
    if len(set(names)) != len(names) or not all(map(valid_plane_name, names)):
        shown = [name[:_NAME_LIMIT] for name in names]
        raise FormatError("E_MASK", f"mask plane names {shown} are not distinct printable names")
    expected = size_of(levels) * width
    if len(plane.data) not in (0, expected):
        raise FormatError(
            "E_LENGTH",
            f"mask data has {len(plane.data)} bytes; {levels} levels of {plane.encoding} need"
            f" {expected}, or 0",
        )
    values = decode_mask(plane, levels)
    if (values >> len(names)).any() if len(names) < 16 else False:
        raise FormatError("E_MASK", f"mask sets a bit beyond its {len(names)} named planes")


def decode_mask(plane: MaskPlane, levels: int) -> U2:
    """Stored bits of a valid mask plane, shape (N,)."""
    if not plane.data:
        return np.zeros(size_of(levels), dtype=np.uint16)
    return np.frombuffer(plane.data, f"<{plane.encoding}").astype(np.uint16)


def encode_mask(bits: U2, names: tuple[str, ...]) -> MaskPlane:
    """Encode stored bits (N,) in the narrowest form; all zero becomes empty data [EC-8]."""
    if not 1 <= len(names) <= 16:
        raise InputError(f"a mask has 1 to 16 planes, not {len(names)}")
    if len(set(names)) != len(names) or not all(map(valid_plane_name, names)):
        raise InputError(f"mask plane names {names} are not distinct printable names")
    if len(names) < 16 and (bits >> len(names)).any():
        raise InputError(f"mask sets a bit beyond its {len(names)} named planes")
    encoding = "u1" if len(names) <= 8 else "u2"
    data = bits.astype(f"<{encoding}").tobytes() if bits.any() else b""
    return MaskPlane(encoding, names, data)


def valid_plane_name(name: str) -> bool:
    """Whether a plane name is 1 to 32 printable ASCII characters without spaces [EN-7]."""
    return 1 <= len(name) <= _NAME_LIMIT and all("\x21" <= c <= "\x7e" for c in name)
