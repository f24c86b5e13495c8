"""Image of a detector or patch, from an ``lsst.images`` object or an ``lsst.afw`` exposure.

Both are known by their attributes; nothing of LSST's is imported here. The bit of a mask plane
differs from image to image, and its name between the two packages (SATURATED is SAT in afw), so a
plane is always found by the name that its own image gives it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import HstampError, InputError, as_hstamp_error
from ..tangent import SkyFunction
from ..units import unit_text

__all__ = ["Parent", "parent_of"]

Array = npt.NDArray[Any]
PsfFunction = Callable[[float, float], Array]
"""From a position (x, y) [pixel] to the PSF there, centred on the central pixel of an odd array."""

_AFW_UNIT = "nJy"
"""Unit of an exposure after `PhotoCalib.calibrateImage`."""


@dataclass(frozen=True)
class Parent:
    """Image of a whole detector or patch, with what is known of each pixel.

    Positions are those of the detector or patch, whose pixel (x0, y0) is ``image[0, 0]``.

    Attributes
    ----------
    image : ndarray, shape (H, W)
        Values [flux_unit].
    variance : ndarray, shape (H, W), or None
        Values [flux_unit**2].
    mask : ndarray of uint8, shape (H, W, N), or None
        Bit b of byte k is the mask's bit 8 k + b.
    planes : mapping of str to int
        Names of mask planes and their bits.
    x0, y0 : int
        Position of the first column and row.
    sky : callable or None
        From arrays x, y [pixel] to right ascension and declination, ICRS [deg].
    psf : callable or None
        From a position to the PSF there.
    middle : (float, float)
        Where the average PSF is taken.
    flux_unit : str
    band : str or None
    """

    image: Array
    variance: Array | None
    mask: npt.NDArray[np.uint8] | None
    planes: Mapping[str, int]
    x0: int
    y0: int
    sky: SkyFunction | None
    psf: PsfFunction | None
    middle: tuple[float, float]
    flux_unit: str
    band: str | None

    def local_sky(self) -> SkyFunction | None:
        """Sky positions of the pixels of ``image``, counted from zero."""
        if self.sky is None:
            return None
        sky = self.sky
        return lambda x, y: sky(x + self.x0, y + self.y0)


def parent_of(image: Any) -> Parent:
    """Take apart an image of either package.

    Parameters
    ----------
    image : lsst.images.VisitImage, DifferenceImage, MaskedImage or CellCoadd, or afw Exposure
        An exposure is calibrated as a whole, once. A parent is returned as it is.

    Returns
    -------
    Parent

    Raises
    ------
    InputError
        If it is neither, or what it holds cannot be read or carried.
    """
    if isinstance(image, Parent):
        return image
    try:
        if hasattr(image, "maskedImage"):
            return _of_exposure(image)
        if hasattr(image, "bbox") and hasattr(image, "mask") and hasattr(image, "variance"):
            return _of_image(image)
    except HstampError:
        raise
    except Exception as exc:  # whatever the image's own methods raise
        raise InputError(f"the image is not readable: {as_hstamp_error(exc).reason}") from exc
    raise InputError(f"neither an lsst.images object nor an exposure: {type(image).__name__}")


def _of_image(image: Any) -> Parent:
    schema, box, projection = image.mask.schema, image.bbox, image.sky_projection
    size = np.dtype(schema.dtype).itemsize
    planes = {
        plane.name: _bit(schema.bit(plane.name), size) for plane in schema if plane is not None
    }
    if image.unit is None:
        raise InputError("the image has no unit")
    x0, y0 = int(box.x.start), int(box.y.start)
    middle = (x0 + (box.x.size - 1) / 2, y0 + (box.y.size - 1) / 2)
    return Parent(
        image=image.image.array,
        variance=image.variance.array,
        mask=_as_bytes(image.mask.array),
        planes=planes,
        x0=x0,
        y0=y0,
        sky=None if projection is None else _sky_of_image(projection),
        psf=_psf_of_image(image),
        middle=middle,
        flux_unit=unit_text(image.unit),
        band=getattr(image, "band", None),
    )


def _sky_of_image(projection: Any) -> SkyFunction:
    transform = getattr(projection, "pixel_to_sky_transform", None)
    if transform is None:
        return lambda x, y: projection.pixel_to_sky(x=x, y=y)

    # The same positions without a SkyCoord, which takes longer to make than the positions.
    def sky(x: Array, y: Array) -> tuple[Array, Array]:
        found = transform.apply_forward(x=x, y=y)
        return np.degrees(found.x), np.degrees(found.y)

    return sky


def _psf_of_image(image: Any) -> PsfFunction | None:
    """PSF of an image that has one; one that cannot be read fails where it is asked for."""
    if not hasattr(type(image), "psf"):
        return None

    def psf(x: float, y: float) -> Array:
        drawn: Array = image.psf.compute_kernel_image(x=x, y=y).array
        return drawn

    return psf


def _of_exposure(exposure: Any) -> Parent:
    calibration = exposure.photoCalib
    if calibration is None:
        raise InputError("the exposure has no photometric calibration")
    pixels = calibration.calibrateImage(exposure.maskedImage)
    origin, wcs, psf = exposure.getXY0(), exposure.getWcs(), exposure.psf
    x0, y0 = int(origin.x), int(origin.y)
    height, width = pixels.image.array.shape
    label = exposure.filter
    middle = (x0 + (width - 1) / 2, y0 + (height - 1) / 2)
    return Parent(
        image=pixels.image.array,
        variance=pixels.variance.array,
        mask=_as_bytes(pixels.mask.array),
        planes={str(name): int(bit) for name, bit in pixels.mask.getMaskPlaneDict().items()},
        x0=x0,
        y0=y0,
        sky=None if wcs is None else lambda x, y: wcs.pixelToSkyArray(x, y, degrees=True),
        psf=None if psf is None else _psf_of_exposure(psf),
        middle=middle,
        flux_unit=_AFW_UNIT,
        band=label.bandLabel if label is not None and label.hasBandLabel() else None,
    )


def _psf_of_exposure(psf: Any) -> PsfFunction:
    def drawn(x: float, y: float) -> Array:
        # The type of a point comes from the PSF itself: lsst.geom is not imported.
        point = type(psf.getAveragePosition())
        image: Array = psf.computeKernelImage(point(x, y)).array
        return image

    return drawn


def _bit(bit: Any, size: int) -> int:
    """Bit of a plane among those of all elements, from its element and its value there."""
    return 8 * size * int(bit.index) + (int(bit.mask) % (1 << 8 * size)).bit_length() - 1


def _as_bytes(mask: Array) -> npt.NDArray[np.uint8]:
    """Bytes of a mask of integers, (H, W) or (H, W, N), least significant first."""
    ordered = np.ascontiguousarray(mask, dtype=mask.dtype.newbyteorder("<"))
    return ordered.view(np.uint8).reshape(*mask.shape[:2], -1)
