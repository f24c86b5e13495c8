"""The stamp as its users hold it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import numpy.typing as npt

from .container.as_dict import dict_to_record, record_to_dict
from .container.blob import read_blob, write_blob
from .decoder import Checked, check_record, conserving_values, decode_plane, stored_values
from .encoder import Options, encode_record
from .encodings.image import IMAGE_ENCODINGS
from .encodings.mask import MASK_ENCODINGS
from .encodings.variance import VARIANCE_ENCODINGS
from .errors import FormatError, InputError, shown
from .fast import kernels
from .fast.protocol import Valid
from .inputs import plain_inputs, plain_position
from .kept import kept
from .layout import Layout, count_of, layout_of, size_of
from .planes import Record
from .tangent import ParentWcs, Wcs

if TYPE_CHECKING:
    from astropy.io.fits import HDUList
    from astropy.nddata import CCDData
    from astropy.units import UnitBase
    from matplotlib.figure import Figure

__all__ = ["Stamp", "encode", "view"]

_DECODE_COST = 3e-4
"""What decoding one stamp takes without compiled kernels [s]."""
_FIRST = np.zeros(1, dtype=np.int64)
"""Where a blob that is alone starts in its bytes."""
_VIEWS: dict[str, Callable[..., Any]] = {}
_Function = TypeVar("_Function", bound=Callable[..., Any])


def view(function: _Function) -> _Function:
    """Make a function of a stamp what the method of its name calls; see `hstamp.views`."""
    _VIEWS[function.__name__] = function
    return function


def encode(
    image: npt.ArrayLike,
    x: float,
    y: float,
    *,
    levels: int | None = None,
    encoding: str = "i2",
    variance: npt.ArrayLike | None = None,
    variance_encoding: str = "log8",
    mask: npt.ArrayLike | None = None,
    mask_planes: Sequence[str] | None = None,
    psf: npt.ArrayLike | None = None,
    psf_size: int | None = 21,
    wcs: Wcs | ParentWcs | None = None,
    band: str | None = None,
    flux_unit: str | UnitBase | None = None,
    id: str | None = None,
    unusable: npt.ArrayLike | None = None,
    step: float = Options.step,
) -> Stamp:
    """Encode a hierarchical stamp of a source from a parent image.

    Parameters
    ----------
    image : array_like, Quantity, NDData, CCDData or Cutout2D, shape (H, W)
        Parent image [flux_unit per pixel]. NaN, infinite and masked pixels are missing. Where
        they are not given, unit, variance, WCS and PSF are those of the object.
    x, y : float
        Source position [parent pixel, 0-based, centres at integers]; it may lie outside.
    levels : int, optional
        Number of levels, 2 to 8. By default the largest whose widest level the parent covers.
    encoding : {'i2', 'f4'}
        Image encoding: quantised below the noise, or exact.
    variance : array_like, shape (H, W), optional
        Variance of the parent [flux_unit**2]; negative and non-finite values are missing.
    variance_encoding : {'log8', 'f4'}
        Variance encoding: within 2.2 %, or exact.
    mask : array_like of int, shape (H, W), optional
        Mask bits of the parent.
    mask_planes : sequence of str, optional
        Names of bits 0, 1, 2 ... of `mask`; required with it.
    psf : array_like, shape (h, w), optional
        PSF at the source on parent pixels, both sides odd.
    psf_size : int or None
        Side of the stored PSF; None keeps the parent's longer side.
    wcs : Wcs, astropy.wcs.WCS, other APE-14 WCS, or callable, optional
        Tangent plane at the source, or the parent's WCS, from which it is taken; see
        `hstamp.tangent.parent_cd`.
    band : str, optional
        Filter band.
    flux_unit : str or astropy unit, optional
        FITS unit string of the image; values with another unit are converted to it. By default
        the unit of `image`, and nJy where it has none.
    id : str, optional
        Identifier of the stamp.
    unusable : array_like of bool, shape (H, W), optional
        Pixels to treat as missing.
    step : float
        ``i2`` quantisation step as a fraction of the noise.

    Returns
    -------
    Stamp

    Raises
    ------
    InputError
        If the parent, position or options cannot be encoded.

    Notes
    -----
    The value rules are Sections 5 and 6 of the specification, the choice of steps is [EC-4]. Where
    values span more than ``i2`` can hold within the noise, the image is written as ``f4`` [EC-9]:
    ``stamp.record.image.encoding`` says which it is.
    """
    options = Options(encoding, variance_encoding, psf_size, step)
    given = plain_inputs(
        image, variance=variance, mask=mask, mask_planes=mask_planes, psf=psf, psf_size=psf_size,
        unusable=unusable, wcs=wcs, flux_unit=flux_unit,
    )  # fmt: skip
    record = encode_record(
        given.image, plain_position(x, "x"), plain_position(y, "y"), levels=levels,
        variance=given.variance, mask=given.mask, mask_planes=given.mask_planes, psf=given.psf,
        wcs=given.wcs, band=band, flux_unit=given.flux_unit, id=id, unusable=given.unusable,
        options=options,
    )  # fmt: skip
    return Stamp._of(Checked(record))


class Stamp:
    """A valid hierarchical stamp.

    Parameters
    ----------
    record : Record
        The stamp's fields; checked completely, so that a `Stamp` always decodes.

    Raises
    ------
    FormatError
        With the code of the first check of Section 11 that fails.
    """

    _source: Valid
    """The stamp, checked; its planes are decoded when they are asked for."""

    def __init__(self, record: Record) -> None:
        check_record(record)
        self._source = Checked(record)

    @classmethod
    def _of(cls, source: Valid) -> Stamp:
        """Stamp of what has been checked before."""
        stamp = cls.__new__(cls)
        stamp._source = source
        return stamp

    @classmethod
    def from_bytes(cls, blob: bytes) -> Stamp:
        """Stamp of a blob in the single-object form [CO-2]."""
        if type(blob) is bytes:
            found = kernels(_DECODE_COST).scan(np.frombuffer(blob, np.uint8), _FIRST, len(blob))
            if found is not None and found.n:
                return cls._of(found)
        elif not isinstance(blob, bytes | bytearray | memoryview):
            raise InputError(f"a stamp is read from bytes, not {type(blob).__name__}")
        return cls(read_blob(blob))

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> Stamp:
        """Stamp of a record as an Avro library returns it."""
        return cls(dict_to_record(fields))

    def to_bytes(self) -> bytes:
        """Blob in the single-object form."""
        return write_blob(self.record)

    def to_dict(self) -> dict[str, Any]:
        """Record as an Avro library writes it."""
        return record_to_dict(self.record)

    @property
    def record(self) -> Record:
        """The fields as stored."""
        return self._source.record

    @property
    def version(self) -> int:
        """100 * MAJOR + MINOR of the format."""
        return self._source.record.version

    @property
    def n(self) -> int:
        """Number of levels."""
        return self._source.n

    @property
    def layout(self) -> Layout:
        """Geometry."""
        return layout_of(self.n)

    @property
    def id(self) -> str | None:
        """Producer's identifier."""
        return self._source.record.id

    @property
    def band(self) -> str | None:
        """Filter band."""
        return self._source.record.band

    @property
    def flux_unit(self) -> str:
        """FITS unit string of the image, per base pixel [PL-1]."""
        return self._source.record.flux_unit

    @property
    def dx(self) -> float:
        """Source position minus the reference corner along x [base pixel]."""
        return self._source.record.dx

    @property
    def dy(self) -> float:
        """Source position minus the reference corner along y [base pixel]."""
        return self._source.record.dy

    @property
    def wcs(self) -> Wcs | None:
        """Tangent plane at the source, or None when the orientation is not known."""
        return self._source.record.wcs

    @kept
    def values(self) -> npt.NDArray[np.float32]:
        """Stored image values in stamp order, shape (N,), NaN where missing [flux_unit]."""
        values: npt.NDArray[np.float32] = _frozen(stored_values(self._source, "image"))
        return values

    @kept
    def levels(self) -> npt.NDArray[np.float32]:
        """Image levels, shape (n, 15, 15), NaN where missing [flux_unit per base pixel]."""
        levels: npt.NDArray[np.float32] = _frozen(decode_plane(self._source, "image"))
        return levels

    @kept
    def variance(self) -> npt.NDArray[np.float32] | None:
        """Variance levels, shape (n, 15, 15), NaN where missing [flux_unit**2]."""
        variance: npt.NDArray[np.float32] | None = _frozen(decode_plane(self._source, "variance"))
        return variance

    @kept
    def mask(self) -> npt.NDArray[np.uint16] | None:
        """Mask levels, shape (n, 15, 15); bit b is plane ``mask_planes[b]``."""
        mask: npt.NDArray[np.uint16] | None = _frozen(decode_plane(self._source, "mask"))
        return mask

    @property
    def mask_planes(self) -> tuple[str, ...]:
        """Names of the mask's bits; empty without a mask."""
        mask = self.record.mask
        return () if mask is None else mask.planes

    @kept
    def psf(self) -> npt.NDArray[np.float32] | None:
        """PSF on base pixels, odd square, unit sum."""
        psf: npt.NDArray[np.float32] | None = _frozen(decode_plane(self._source, "psf"))
        return psf

    def mosaic(self, plane: str = "image", *, conserve: bool = True) -> npt.NDArray[Any]:
        """Finest stored value at every base pixel [DE-5].

        Parameters
        ----------
        plane : {'image', 'variance', 'mask'}
            What to show.
        conserve : bool
            Conserve the image's flux [DE-6]: where finer pixels cover a part of a coarse one, the
            rest shows the coarse pixel's remaining flux and not its mean.

        Returns
        -------
        ndarray, shape (15 * 2**(n-1), 15 * 2**(n-1))
            float32, or uint16 for the mask. Image values are per base pixel: their sum is flux.

        Raises
        ------
        InputError
            If the stamp has no such plane.
        """
        if isinstance(plane, str) and plane == "image" and conserve:
            extended = conserving_values(self.values, self.n)
            return extended[self.layout.conserving_index]
        known = isinstance(plane, str) and plane in ("image", "variance", "mask")
        values = stored_values(self._source, plane) if known else None
        if values is None:
            raise InputError(f"this stamp has no plane {shown(plane)}")
        return values[self.layout.mosaic_index]

    def cut(self, levels: int) -> Stamp:
        """Same stamp with fewer levels, by dropping stored values [CO-7].

        Parameters
        ----------
        levels : int
            Levels to keep, 2 to n.
        """
        if count_of(levels) > self.n:
            raise InputError(f"a stamp of {self.n} levels cannot be cut to {levels}")
        record, size = self.record, size_of(levels)
        image, variance, mask = record.image, record.variance, record.mask
        return Stamp(
            dataclasses.replace(
                record,
                levels=levels,
                image=dataclasses.replace(
                    image,
                    zero=image.zero[:levels],
                    scale=image.scale[:levels],
                    data=image.data[: size * IMAGE_ENCODINGS[image.encoding]],
                ),
                variance=variance
                and dataclasses.replace(
                    variance, data=variance.data[: size * VARIANCE_ENCODINGS[variance.encoding]]
                ),
                mask=mask
                and dataclasses.replace(
                    mask, data=_unless_zero(mask.data[: size * MASK_ENCODINGS[mask.encoding]])
                ),
            )
        )

    def replace(self, *, id: str | None = None, band: str | None = None) -> Stamp:
        """Same stamp with another identifier or band; None keeps what is there."""
        for name, text in (("id", id), ("band", band)):
            if not isinstance(text, str | None):
                raise InputError(f"{name} must be text or None, not {shown(text)}")
        record = dataclasses.replace(
            self.record,
            id=self.id if id is None else id,
            band=self.band if band is None else band,
        )
        try:
            return Stamp(record)
        except FormatError as error:
            raise InputError(f"the stamp would not be valid: {error.reason}") from error

    def to_ccddata(self, level: int | None = None) -> CCDData:
        """Level, or the mosaic, as `astropy.nddata.CCDData` with unit, WCS and uncertainty."""
        made: CCDData = _VIEWS["to_ccddata"](self, level)
        return made

    def to_hdulist(self, **options: Any) -> HDUList:
        """FITS HDUs; see `hstamp.export.fits.to_hdulist`."""
        made: HDUList = _VIEWS["to_hdulist"](self, **options)
        return made

    def to_fits(self, path: str | Path, **options: Any) -> None:
        """Write a FITS file of levels and mosaic; see `hstamp.export.fits.to_fits`."""
        _VIEWS["to_fits"](self, path, **options)

    def to_legacy_fits(self, size: int | None = None, **options: Any) -> bytes:
        """FITS bytes laid out as today's cutouts; see `hstamp.export.legacy.to_legacy_fits`."""
        made: bytes = _VIEWS["to_legacy_fits"](self, size, **options)
        return made

    def plot(self, **options: Any) -> Figure:
        """Draw levels and mosaic; see `hstamp.draw.show`."""
        made: Figure = _VIEWS["plot"](self, **options)
        return made

    def _repr_html_(self) -> str:
        html: str = _VIEWS["to_html"](self)
        return html

    def _repr_png_(self) -> bytes | None:
        png: bytes | None = _VIEWS["to_png"](self)
        return png

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Stamp) and self.to_bytes() == other.to_bytes()

    def __hash__(self) -> int:
        return hash(self.to_bytes())

    def __reduce__(self) -> tuple[Any, tuple[Record]]:
        return type(self), (self.record,)

    def __repr__(self) -> str:
        record = self.record
        planes = [f"image {record.image.encoding}"]
        if record.variance is not None:
            planes.append(f"variance {record.variance.encoding}")
        if record.mask is not None:
            planes.append(f"mask {len(record.mask.planes)} planes")
        if record.psf is not None:
            planes.append(f"psf {record.psf.size}x{record.psf.size}")
        name = f" {self.id}" if self.id else ""
        return (
            f"<Stamp{name}: {self.n} levels, {self.layout.side} pixels wide, {', '.join(planes)}>"
        )


def _unless_zero(data: bytes) -> bytes:
    """Mask data in its one form: empty when all zero [CO-7], [EC-8]."""
    return data if any(data) else b""


def _frozen(array: npt.NDArray[Any] | None) -> Any:
    """Protect an array that is kept; None stays None."""
    if array is not None:
        array.flags.writeable = False
    return array
