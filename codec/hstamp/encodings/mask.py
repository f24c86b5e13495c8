"""Mask encodings ``u1`` and ``u2``: Section 7.3."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from ..errors import FormatError, InputError
from ..layout import size_of
from ..limits import NAME_LIMIT
from ..planes import Encoded, MaskPlane

__all__ = [
    "MASK_ENCODINGS",
    "MAX_PLANES",
    "check_mask",
    "check_names",
    "decode_mask",
    "encode_mask",
    "mask_within",
    "unnamed",
    "valid_plane_name",
]

MASK_ENCODINGS: Final = {"u1": 1, "u2": 2}
"""Encoding names and bytes per value; a byte holds eight planes."""
MAX_PLANES: Final = 16

U2 = npt.NDArray[np.uint16]
Bits = npt.NDArray[np.unsignedinteger]
Flags = npt.NDArray[np.bool_]


def check_mask(plane: MaskPlane, n: int) -> None:
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
    if fault := _fault_of(names, 8 * width):
        raise FormatError("E_MASK", fault)
    expected = size_of(n) * width
    if len(plane.data) not in (0, expected):
        raise FormatError(
            "E_LENGTH",
            f"mask data has {len(plane.data)} bytes; {n} levels of {plane.encoding} need"
            f" {expected}, or 0",
        )
    if plane.data and not mask_within(np.frombuffer(plane.data, f"<{plane.encoding}"), len(names)):
        raise FormatError("E_MASK", f"mask sets a bit beyond its {len(names)} named planes")


def mask_within(bits: Bits, count: int) -> Flags:
    """Whether masks (..., N) set only the first `count` bits [EN-8] (check 19)."""
    within: Flags = bits.max(axis=-1) < 1 << count
    return within


def decode_mask(plane: Encoded) -> U2:
    """Stored bits of valid mask planes [EN-8], shape (B, N)."""
    size = size_of(plane.n)
    if plane.starts[0] < 0:
        return np.zeros((len(plane.starts), size), dtype=np.uint16)
    return plane.numbers(f"<{plane.encoding}", size).astype(np.uint16)


def check_names(names: tuple[str, ...]) -> None:
    """Raise `InputError` for plane names that violate [EN-7]."""
    if fault := _fault_of(names, MAX_PLANES):
        raise InputError(fault)


def encode_mask(bits: U2, names: tuple[str, ...]) -> MaskPlane:
    """Encode stored bits (N,) in the narrowest form; all zero becomes empty data [EC-8].

    Raises
    ------
    InputError
        If a bit without a name is set.
    """
    found = int(np.bitwise_or.reduce(bits))
    if found >> len(names):
        raise InputError(unnamed(found, len(names)))
    encoding = "u1" if len(names) <= 8 else "u2"
    return MaskPlane(encoding, names, bits.astype(f"<{encoding}").tobytes() if found else b"")


def unnamed(found: int, count: int) -> str:
    """Say which bit of those found has none of `count` names."""
    return (
        f"the mask sets bit {found.bit_length() - 1}, which has no name: {count} names were given,"
        f" for bits 0 to {count - 1}"
    )


def valid_plane_name(name: str) -> bool:
    """Whether a plane name is 1 to 32 printable ASCII characters without spaces [EN-7]."""
    return 1 <= len(name) <= NAME_LIMIT and all("\x21" <= c <= "\x7e" for c in name)


def _fault_of(names: tuple[str, ...], most: int) -> str | None:
    """Say how names violate [EN-7]; None where they do not."""
    if not 1 <= len(names) <= most:
        return f"mask has {len(names)} planes; it can have 1 to {most}"
    if len(set(names)) != len(names) or not all(map(valid_plane_name, names)):
        shown = [name[:NAME_LIMIT] for name in names]
        return f"mask plane names {shown} are not distinct printable names"
    return None
