"""A small simulated visit in Rubin's image types: for the demonstration, the costs and tests.

Needs ``lsst-images``. The sky is plain: one wide galaxy for each detector with sources on and
around it, stars, and noise; what is looked at is the way through the middleware.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ..alerts.fields import KINDS
from .images import stamp_columns
from .stamps import StampOptions

__all__ = [
    "BAND",
    "FILTER",
    "INSTRUMENT",
    "VISIT",
    "Exposure",
    "expose",
    "stamps_of_exposure",
    "visit_image",
]

INSTRUMENT: Final = "SimCam"
BAND: Final = "r"
FILTER: Final = "r_03"
VISIT: Final = 2025120100042
_PIXEL: Final = 0.2
"""Side of a pixel [arcsec]."""
_FWHM: Final = 4.2
"""Of the PSF [pixel]."""
_NOISE: Final = {"science": 25.0, "template": 8.0}
"""Noise of a pixel [nJy]."""
_PLANES: Final = (
    "BAD", "SATURATED", "INTERPOLATED", "COSMIC_RAY", "DETECTION_EDGE", "DETECTED", "SUSPECT",
    "NO_DATA", "VIGNETTED", "STREAK", "SPIKE", "CROSSTALK",
)  # fmt: skip

Float = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Exposure:
    """Images of one detector and the sources found in their difference.

    Attributes
    ----------
    detector : int
    science, template, difference : lsst.images.VisitImage
    galaxy : (float, float)
        Position of the wide galaxy [pixel of the detector].
    ids : ndarray of int64, shape (B,)
    x, y : ndarray of float64, shape (B,)
        Positions of the sources [pixel of the detector].
    """

    detector: int
    science: Any
    template: Any
    difference: Any
    galaxy: tuple[float, float]
    ids: npt.NDArray[np.int64]
    x: Float
    y: Float


def stamps_of_exposure(
    one: Exposure, options: StampOptions, part: slice = slice(None)
) -> dict[str, list[bytes | None]]:
    """Stamps of a detector's sources, or of some, by `hstamp.rubin.images.stamp_columns`."""
    images = {kind: getattr(one, kind) for kind in KINDS}
    return stamp_columns(images, one.x[part], one.y[part], one.ids[part].tolist(), options)


def expose(
    detector: int,
    count: int = 24,
    shape: tuple[int, int] = (900, 1000),
    seed: int = 7,
    start: tuple[int, int] = (0, 0),
) -> Exposure:
    """Simulate one detector.

    Parameters
    ----------
    detector : int
        Its number.
    count : int
        Number of sources, a third of them within 24 arcsec of the wide galaxy.
    shape : (int, int)
        Rows and columns.
    seed : int
    start : (int, int)
        First column and row.
    """
    rng = np.random.default_rng([seed, detector])
    height, width = shape
    galaxy = (width * rng.uniform(0.4, 0.6), height * rng.uniform(0.4, 0.6))
    near = count // 3
    distance, angle = rng.uniform(15, 110, near), rng.uniform(0, 2 * np.pi, near)
    x = np.concatenate(
        [galaxy[0] + distance * np.cos(angle), rng.uniform(5, width - 6, count - near)]
    )
    y = np.concatenate(
        [galaxy[1] + distance * np.sin(angle), rng.uniform(5, height - 6, count - near)]
    )
    flux = 10 ** rng.uniform(3.6, 4.6, count)
    steady = _galaxy(shape, *galaxy)
    stars = width * height // 40_000
    _add_points(
        steady, rng.uniform(0, width, stars), rng.uniform(0, height, stars),
        10 ** rng.uniform(3.5, 5.5, stars),
    )  # fmt: skip
    new = steady.copy()
    _add_points(new, x, y, flux)
    science, template = (
        light + rng.normal(0, _NOISE[kind], shape)
        for kind, light in (("science", new), ("template", steady))
    )
    mask = np.where(new > 8 * _NOISE["science"], 1 << _PLANES.index("DETECTED"), 0)
    mask[:8], mask[:, :8] = 1 << _PLANES.index("DETECTION_EDGE"), 1 << 4
    spread = {kind: noise**2 + np.clip(new, 0, None) / 20 for kind, noise in _NOISE.items()}
    spread["difference"] = spread["science"] + spread["template"]
    images = {
        kind: visit_image(pixels, spread[kind], mask, detector, start)
        for kind, pixels in (
            ("science", science), ("template", template), ("difference", science - template),
        )
    }  # fmt: skip
    ids = (np.int64(detector) << 32) + np.arange(1, count + 1, dtype=np.int64)
    galaxy = galaxy[0] + start[0], galaxy[1] + start[1]
    return Exposure(
        detector, **images, galaxy=galaxy, ids=ids, x=x + start[0], y=y + start[1]
    )  # fmt: skip


def visit_image(
    pixels: Float, variance: Float, mask: npt.NDArray[Any], detector: int, start: Any = (0, 0)
) -> Any:
    """Make a visit image.

    Parameters
    ----------
    pixels, variance : ndarray, shape (H, W)
        Values [nJy], [nJy**2].
    mask : ndarray of int, shape (H, W)
        Bit k is the k-th of this module's planes.
    detector : int
    start : (int, int)
        First column and row.

    Returns
    -------
    lsst.images.VisitImage
    """
    import astropy.units as u
    import lsst.images as li
    from astro_metadata_translator import ObservationInfo
    from astropy.wcs import WCS
    from lsst.images.psfs import GaussianPointSpreadFunction

    x0, y0 = start
    height, width = pixels.shape
    box = li.Box.from_shape((height, width), start=(y0, x0))
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = "RA---TAN", "DEC--TAN"
    wcs.wcs.crval = 150.1 + 0.23 * detector, 2.2
    wcs.wcs.crpix = width / 2 + 1 + x0, height / 2 + 1 + y0
    scale, turn = _PIXEL / 3600, np.radians(33)
    wcs.wcs.cd = scale * np.array([[-np.cos(turn), np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    frame = li.DetectorFrame(instrument=INSTRUMENT, visit=VISIT, detector=detector, bbox=box)
    schema = li.MaskSchema([li.MaskPlane(name, name.lower()) for name in _PLANES])
    bits = np.stack([mask & 255, mask >> 8 & 255], axis=-1).astype(np.uint8)
    return li.VisitImage(
        li.Image(pixels.astype(np.float32), bbox=box, unit=u.nJy),
        mask=li.Mask(bits, schema=schema, bbox=box),
        variance=li.Image(variance.astype(np.float32), bbox=box, unit=u.nJy**2),
        sky_projection=li.SkyProjection.from_fits_wcs(wcs, frame),
        obs_info=ObservationInfo(
            instrument=INSTRUMENT, visit_id=VISIT, detector_num=detector, physical_filter=FILTER
        ),
        psf=GaussianPointSpreadFunction(_FWHM / 2.3548, box, 25),
        detector=_detector(detector, box),
        band=BAND,
    )


def _detector(number: int, box: Any) -> Any:
    """Describe a detector whose pixels, focal plane and field angles differ by scales alone."""
    from lsst.images._transforms import _ast as ast
    from lsst.images.cameras import (
        CameraFrameSet,
        Detector,
        DetectorAttributes,
        DetectorType,
        Orientation,
    )

    frames = ast.FrameSet(ast.Frame(2, "Ident=FOCAL_PLANE,Unit(1)=mm,Unit(2)=mm"))
    frames.addFrame(
        1, ast.ZoomMap(2, 1e-4), ast.Frame(2, "Ident=FIELD_ANGLE,Unit(1)=rad,Unit(2)=rad")
    )
    limits = (
        f"Bottom(1)={box.x.start},Top(1)={box.x.stop},Bottom(2)={box.y.start},Top(2)={box.y.stop}"
    )
    frames.addFrame(
        1, ast.ZoomMap(2, 100.0),
        ast.Frame(2, f"Ident=DETECTOR_{number},Unit(1)=pixel,Unit(2)=pixel,{limits}"),
    )  # fmt: skip
    attributes = DetectorAttributes(
        name=f"S{number:02}", id=number, type=DetectorType.SCIENCE, serial=f"SIM-{number:02}",
        bbox=box, orientation=Orientation(focal_plane_x=0, focal_plane_y=0, focal_plane_z=0),
        pixel_size=0.01, physical_type="SIM",
    )  # fmt: skip
    return Detector(attributes, [], CameraFrameSet(INSTRUMENT, frames), visit=VISIT)


def _galaxy(shape: tuple[int, int], x: float, y: float) -> Float:
    """An exponential disk with two arms, 60 arcsec across."""
    rows, columns = np.mgrid[: shape[0], : shape[1]].astype(np.float64)
    along = (columns - x) * np.cos(0.6) + (rows - y) * np.sin(0.6)
    across = ((rows - y) * np.cos(0.6) - (columns - x) * np.sin(0.6)) / 0.6
    r = np.hypot(along, across) / 45 + 1e-3
    arms = np.cos(2 * np.arctan2(across, along) + 5 * np.log(r))
    light: Float = 400 * np.exp(-r) * (1 + 0.5 * arms * np.clip(2 * r - 0.4, 0, 1))
    light += 3000 * np.exp(-((r * 9) ** 2))
    return light


def _add_points(plane: Float, xs: Float, ys: Float, fluxes: Float) -> None:
    sigma = _FWHM / 2.3548
    for x, y, flux in zip(xs, ys, fluxes, strict=True):
        i, j = round(x), round(y)
        rows = slice(max(j - 12, 0), min(j + 13, plane.shape[0]))
        columns = slice(max(i - 12, 0), min(i + 13, plane.shape[1]))
        dy = np.arange(rows.start, rows.stop)[:, None] - y
        dx = np.arange(columns.start, columns.stop)[None, :] - x
        star = np.exp(-(dx**2 + dy**2) / (2 * sigma**2)) / (2 * np.pi * sigma**2)
        plane[rows, columns] += flux * star
