"""What the arithmetic of the codec is asked to do, however it is carried out.

Everything works on B stamps of one form. `hstamp.fast.by_numpy` is the definition, in numpy;
`hstamp.fast.by_numba` gives the same bits with compiled kernels. `hstamp.fast.kernels` chooses.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple, Protocol

import numpy.typing as npt

from ..encodings.image import Steps
from ..planes import Encoded, Record

__all__ = ["PLANES", "Codes", "Found", "Kernels", "Means", "Valid"]

PLANES: Final = ("image", "variance", "mask", "psf")
"""Planes of a stamp, in the order of the record."""

Array = npt.NDArray[Any]


class Means(NamedTuple):
    """Levels of B windows.

    Attributes
    ----------
    levels : ndarray of float32, shape (B, n, 15, 15)
        True levels [VA-3]; level 0 has the parent's pixels in its last row and column.
    stored : ndarray of float32, shape (B, N)
        Their stored values [GE-6].
    clean : ndarray of bool, shape (B, side / 2), or None
        Pairs of window rows without a missing pixel, where the kernels note them.
    """

    levels: Array
    stored: Array
    clean: Array | None = None


class Codes(NamedTuple):
    """``i2`` planes of B images: how they are quantised and codes (B, N)."""

    steps: Steps
    codes: Array


class Valid(Protocol):
    """A stamp that has passed every check, its planes still encoded."""

    @property
    def n(self) -> int:
        """Number of levels."""

    @property
    def record(self) -> Record:
        """All fields."""

    def encoded(self, plane: str) -> Encoded | None:
        """One of `PLANES`, or None where the stamp has none."""


class Found(Valid, Protocol):
    """What a kernel has found in B blobs; `Valid` with every method where they are of one form."""

    @property
    def decided(self) -> Array:
        """Which blobs are valid, (B,); of the others the plain reader decides."""

    def forms(self) -> Sequence[tuple[Array, Found]]:
        """Valid blobs of each form: their places among the B, ascending, and what they hold."""

    def uniform(self) -> bool:
        """Whether all are valid and of one form."""

    def form(self) -> tuple[int, ...]:
        """What the first blob has in common with others of its form."""

    def columns(self) -> dict[str, Array]:
        """Numbers of blobs of one form, as `StampBatch` has them, as far as these have them."""

    def texts(self, name: str) -> list[str | None]:
        """Texts `id` or `band` of each."""

    def units(self) -> list[str]:
        """Unit of each image."""

    def names(self) -> list[tuple[str, ...]]:
        """Names of each mask's bits."""


class Kernels(Protocol):
    """The arithmetic of encoder and decoder over B stamps of one form."""

    @property
    def in_place(self) -> bool:
        """Whether windows are read where they lie in a parent and blobs in a buffer.

        If not, rows and columns are 0, and `scan` finds none.
        """

    def means(self, image: Array, rows: Array, columns: Array, n: int) -> Means:
        """Levels of images, float32 (1 or B, H, W), whose widest level starts at rows, columns."""

    def variances(
        self, image: Array, spread: Array, rows: Array, columns: Array, n: int, clean: Array | None
    ) -> Array:
        """Stored variances (B, N) by [PL-3], missing where negative or the image is missing."""

    def bits(self, mask: Array, rows: Array, columns: Array, n: int) -> Array:
        """Stored bits (B, N) of uint16 masks by [PL-4]."""

    def noise_of_variance(self, stored: Array, n: int) -> Array:
        """Noise (B, n) as `hstamp.encodings.image.noise_from_variance` has it [EC-4]."""

    def noise_of_levels(self, levels: Array) -> Array:
        """Noise (B, n) as `hstamp.encodings.image.noise_from_levels` has it [EC-4]."""

    def codes_i2(self, stored: Array, noise: Array, step: float) -> Codes:
        """Quantise images (B, N) by [EC-4]."""

    def codes_log8(self, stored: Array, n: int) -> tuple[Array, Array]:
        """Units (B,) float64 and codes (B, N) uint8 of variances by [EC-5]."""

    def decode(self, plane: str, encoded: Encoded, out: Array | None = None) -> Array:
        """Levels (B, n, 15, 15) of a valid plane by [DE-1]; of PSFs, (B, side, side).

        They go to `out` where it is given, a contiguous array.
        """

    def scan(self, data: Array, starts: Array, stop: int) -> Found | None:
        """Check blobs (B,) that lie one behind another completely; None where no kernel can.

        `starts` are the first bytes (B,) of each in `data`, and `stop` is where the last ends.
        """
