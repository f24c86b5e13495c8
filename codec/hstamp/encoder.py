"""The encoder: from parent images to stamp records, Section 10 of the specification.

Planes are encoded for B sources at a time, `encode_planes`, and then one record is made of each,
`record_of`. A single stamp is a batch of one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from .decoder import check_fields
from .encodings.image import (
    DEFAULT_STEP,
    IMAGE_ENCODINGS,
    TOO_LARGE_I2,
    canonical_f4,
)
from .encodings.mask import check_names, encode_mask
from .encodings.psf import check_size, encode_psfs
from .encodings.variance import TOO_LARGE_LOG8, VARIANCE_ENCODINGS
from .errors import FormatError, InputError, PsfError, shown
from .fast import kernels
from .fast.protocol import Codes, Kernels, Means
from .layout import count_of, largest_covered, layout_of, reference_corner
from .limits import FLT_MAX, unit_within
from .parents import (
    Check,
    Parents,
    as_bits,
    as_flags,
    as_plane,
    image_windows,
    own_plane,
    real_array,
    variance_windows,
    windows_of,
)
from .planes import FORMAT_VERSION, ImagePlane, PsfPlane, Record, VariancePlane
from .tangent import ParentWcs, Wcs, tangent_at

__all__ = [
    "EncodedPlanes",
    "Label",
    "Options",
    "Sources",
    "encode_planes",
    "encode_record",
    "encoded_psf",
    "encoded_psfs",
    "n_of",
    "names_of",
    "record_of",
    "stored_planes",
    "stored_wcs",
]

_NUMPY_COST: Final = 3e-3
"""What encoding one stamp takes without compiled kernels [s]."""
_ROW: Final = np.zeros(1, dtype=np.intp)
"""The one source of a batch of one."""
_NUMBERS: Final = (int, float, np.integer, np.floating)

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Options:
    """How a stamp is encoded.

    Parameters
    ----------
    encoding : {'i2', 'f4'}
        Image encoding.
    variance_encoding : {'log8', 'f4'}
        Variance encoding.
    psf_size : int or None
        Side of the stored PSF, odd [base pixel]; None keeps the parent's.
    step : float
        ``i2`` quantisation step as a fraction of the noise.
    """

    encoding: str = "i2"
    variance_encoding: str = "log8"
    psf_size: int | None = 21
    step: float = DEFAULT_STEP

    def __post_init__(self) -> None:
        for name, value, known in (
            ("encoding", self.encoding, IMAGE_ENCODINGS),
            ("variance_encoding", self.variance_encoding, VARIANCE_ENCODINGS),
        ):
            if not isinstance(value, str) or value not in known:
                raise InputError(f"{name} must be one of {sorted(known)}, not {shown(value)}")
        check_size(self.psf_size)
        # Compared with a float, so that an integer too large for one is refused.
        if not isinstance(self.step, _NUMBERS) or not 0 < self.step <= FLT_MAX:
            raise InputError(
                f"step must be a positive fraction of the noise, not {shown(self.step)}"
            )
        object.__setattr__(self, "step", float(self.step))


class Sources(NamedTuple):
    """B sources of n levels: their parents, and where each lies in its own.

    Parameters
    ----------
    n : int
        Number of levels.
    rows : ndarray of intp, shape (B,)
        Which of the parents is each source's.
    i0, j0 : ndarray of int64, shape (B,)
        Reference corners [GE-1].
    image, variance, mask, unusable : Parents or None
        Planes of float, float, uint16 and bool.
    """

    n: int
    rows: Array
    i0: Array
    j0: Array
    image: Parents
    variance: Parents | None = None
    mask: Parents | None = None
    unusable: Parents | None = None

    def part(self, rows: Array) -> Sources:
        """Some of the sources, by their place among these."""
        return Sources(
            self.n, self.rows[rows], self.i0[rows], self.j0[rows], self.image, self.variance,
            self.mask, self.unusable,
        )  # fmt: skip


class EncodedPlanes(NamedTuple):
    """Planes of B sources, encoded.

    Attributes
    ----------
    stored : ndarray of float32, shape (B, N)
        True stored values of the images.
    image : Codes or None
        Their ``i2`` form; None for ``f4``.
    variance : (ndarray of float64, shape (B,), ndarray, shape (B, N)) or None
        Units, and ``log8`` codes (uint8) or ``f4`` values (float32).
    mask : ndarray of uint16, shape (B, N), or None
        Stored bits.
    """

    stored: Array
    image: Codes | None
    variance: tuple[Array, Array] | None
    mask: Array | None

    def image_plane(self, b: int) -> ImagePlane:
        """Image of one source; ``f4`` where ``i2`` would bury its noise [EC-9]."""
        if self.image is None or self.image.steps.coarse[b]:
            return ImagePlane("f4", (), (), canonical_f4(self.stored[b]).tobytes())
        (zero, scale, fits, _), codes = self.image
        if not fits[b]:
            raise InputError(TOO_LARGE_I2)
        data = codes[b].astype("<i2", copy=False).tobytes()
        return ImagePlane("i2", tuple(zero[b].tolist()), tuple(scale[b].tolist()), data)

    def variance_plane(self, b: int) -> VariancePlane | None:
        """Variance of one source."""
        if self.variance is None:
            return None
        unit, codes = self.variance
        if codes.dtype != np.uint8:
            return VariancePlane("f4", 1.0, codes[b].tobytes())
        if not unit_within(unit[b]):
            raise InputError(TOO_LARGE_LOG8)
        return VariancePlane("log8", float(unit[b]), codes[b].tobytes())


class Label(NamedTuple):
    """What one stamp carries besides its planes."""

    x: float
    y: float
    wcs: Wcs | None
    band: str | None
    flux_unit: str
    id: str | None
    psf: PsfPlane | None


def encode_planes(sources: Sources, options: Options) -> EncodedPlanes:
    """Encode image, variance and mask of sources; the one definition."""
    n, rows = sources.n, sources.rows
    layout, work = layout_of(n), kernels(_NUMPY_COST * len(rows))
    origin = layout.origins[-1]
    inside = (sources.j0 + origin, sources.i0 + origin)

    def readable(plane: Parents, dtype: type[np.generic]) -> Array | None:
        return plane.in_place(rows, dtype, layout.side**2) if work.in_place else None

    def corner() -> tuple[Array, Array]:
        return (np.zeros(len(rows), dtype=np.int64),) * 2

    def image_cut() -> Array:
        return image_windows(sources.image, sources.unusable, rows, inside, layout.side)

    image = readable(sources.image, np.float32) if sources.unusable is None else None
    window: Array | None = None
    if image is not None:
        means = work.means(image, *inside, n)
    else:
        means = work.means(window := image_cut(), *corner(), n)

    variance = None
    if sources.variance is not None:
        spread = readable(sources.variance, np.float32)
        if image is not None and spread is not None and image.shape == spread.shape:
            variance = work.variances(image, spread, *inside, n, means.clean)
        else:
            window = image_cut() if window is None else window
            noisy = variance_windows(sources.variance, window, rows, inside, layout.side)
            variance = work.variances(noisy, noisy, *corner(), n, None)

    bits = None
    if sources.mask is not None:
        marked = readable(sources.mask, np.uint16)
        if marked is not None:
            bits = work.bits(marked, *inside, n)
        else:
            marked = windows_of(sources.mask, rows, inside, layout.side)
            bits = work.bits(marked, *corner(), n)

    codes = None
    if options.encoding == "i2":
        codes = work.codes_i2(means.stored, _noise(work, variance, means, n), options.step)
    return EncodedPlanes(means.stored, codes, _variances(work, variance, n, options), bits)


def _noise(work: Kernels, variance: Array | None, means: Means, n: int) -> Array:
    """Noise of each level: from the variance where it is known, else from the pixels [EC-4]."""
    if variance is None:
        return work.noise_of_levels(means.levels)
    noise = work.noise_of_variance(variance, n)
    missing = np.isnan(noise)
    if missing.any() and (unknown := missing.all(axis=1)).any():
        noise[unknown] = work.noise_of_levels(means.levels[unknown])
    return noise


def _variances(
    work: Kernels, variance: Array | None, n: int, options: Options
) -> tuple[Array, Array] | None:
    if variance is None:
        return None
    if options.variance_encoding == "f4":
        return np.ones(len(variance)), canonical_f4(variance)
    return work.codes_log8(variance, n)


def encode_record(
    image: npt.ArrayLike,
    x: float,
    y: float,
    *,
    levels: int | None,
    variance: npt.ArrayLike | None,
    mask: npt.ArrayLike | None,
    mask_planes: Sequence[str] | None,
    psf: npt.ArrayLike | None,
    wcs: Wcs | ParentWcs | None,
    band: str | None,
    flux_unit: str,
    id: str | None,
    unusable: npt.ArrayLike | None,
    options: Options,
) -> Record:
    """Encode one parent; see `hstamp.encode` for the parameters."""
    names = names_of(mask, mask_planes)
    i0, j0 = reference_corner(x, y)
    pixels = Parents(as_plane(image, "image"))

    def plane(values: Any, name: str, check: Check) -> Parents | None:
        return None if values is None else Parents(own_plane(values, name, check, pixels.of(0)))

    sources = Sources(
        n_of(levels, pixels, 0, i0, j0), _ROW, np.array([i0]), np.array([j0]),
        pixels, plane(variance, "variance", as_plane), plane(mask, "mask", as_bits),
        plane(unusable, "unusable", as_flags),
    )  # fmt: skip
    stored = None if psf is None else encoded_psf(psf, options)
    label = Label(float(x), float(y), stored_wcs(wcs, x, y), band, flux_unit, id, stored)
    return record_of(encode_planes(sources, options), 0, sources, label, names)


def record_of(
    planes: EncodedPlanes,
    b: int,
    sources: Sources,
    label: Label,
    names: tuple[str, ...] | None,
) -> Record:
    """Make the record of source `b`; its planes are valid by the way they were made.

    Raises
    ------
    InputError
        If the values do not fit the encoding, a bit has no name, or text or position violate
        Section 7.5.
    """
    for name, text in (("band", label.band), ("id", label.id)):
        if not isinstance(text, str | None):
            raise InputError(f"{name} must be text or None, not {shown(text)}")
    if not isinstance(label.flux_unit, str):
        raise InputError(f"flux_unit must be text, not {shown(label.flux_unit)}")
    mask = None
    if planes.mask is not None and names is not None:
        mask = encode_mask(planes.mask[b], names)
    record = Record(
        version=FORMAT_VERSION,
        levels=sources.n,
        id=label.id,
        band=label.band,
        flux_unit=label.flux_unit,
        dx=float(np.float32(label.x - (int(sources.i0[b]) - 0.5))),
        dy=float(np.float32(label.y - (int(sources.j0[b]) - 0.5))),
        wcs=label.wcs,
        image=planes.image_plane(b),
        variance=planes.variance_plane(b),
        mask=mask,
        psf=label.psf,
    )
    try:
        check_fields(record)
    except FormatError as error:
        raise InputError(f"the stamp would not be valid: {error.reason}") from error
    return record


def n_of(levels: int | None, image: Parents, row: int, i0: int, j0: int) -> int:
    """Return the number of levels asked for, or else the largest that the parent covers [EC-7]."""
    if levels is not None:
        return count_of(levels)
    parent = image.of(row)
    assert parent is not None
    return largest_covered((parent.shape[0], parent.shape[1]), i0, j0)


def names_of(mask: object, names: Sequence[str] | None) -> tuple[str, ...] | None:
    """Check that a mask comes with the names of its bits, and names with a mask."""
    if mask is None:
        if names is not None:
            raise InputError("mask_planes names the bits of a mask, but no mask is given")
        return None
    if names is None:
        raise InputError("a mask needs mask_planes, the names of its bits 0, 1, 2 ...")
    try:
        given = tuple(names)
    except TypeError:
        given = ()
    if isinstance(names, str | bytes) or not all(isinstance(name, str) for name in given):
        raise InputError(f"mask_planes must be a sequence of names, not {shown(names)}")
    check_names(given)
    return given


def encoded_psf(psf: npt.ArrayLike, options: Options) -> PsfPlane:
    """Encode the PSF of one source."""
    (plane,) = encoded_psfs([real_array(psf, "psf")], options)
    if isinstance(plane, PsfError):
        raise plane
    return plane


def encoded_psfs(psfs: Sequence[Array], options: Options) -> list[PsfPlane | PsfError]:
    """Encode the PSFs of sources, real arrays of one shape, or tell why each cannot be stored."""
    with np.errstate(over="ignore", invalid="ignore"):
        plain = np.stack([psf.astype(np.float64, copy=False) for psf in psfs])
        return encode_psfs(plain, options.psf_size)


def stored_wcs(wcs: Wcs | ParentWcs | None, x: float, y: float) -> Wcs | None:
    """Tangent plane at the source with its CD matrix rounded to float32 [CO-1]."""
    if wcs is None:
        return None
    return stored_planes([tangent_at(wcs, x, y)])[0]


def stored_planes(planes: Sequence[Wcs]) -> list[Wcs]:
    """Tangent planes with their CD matrices rounded to float32 [CO-1].

    Raises
    ------
    InputError
        If one of them holds something that is no number.
    """
    try:
        numbers = np.array(
            [(p.ra, p.dec, p.cd1_1, p.cd1_2, p.cd2_1, p.cd2_2) for p in planes], np.float64
        )
    except (TypeError, ValueError) as error:
        reason = f"the WCS holds something that is no number: {planes[0]}"
        raise InputError(reason) from error
    with np.errstate(over="ignore", invalid="ignore"):
        cds = numbers[:, 2:].astype(np.float32).tolist()
    return [
        Wcs(ra % 360.0 % 360.0, dec, *cd)
        for (ra, dec), cd in zip(numbers[:, :2].tolist(), cds, strict=True)
    ]
