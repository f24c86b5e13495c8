"""Stand-ins for lsst.afw, which is on no package index: the methods that an Exposure has."""

from types import SimpleNamespace

import numpy as np
from astropy.wcs import WCS

WIDTH, HEIGHT, X0, Y0 = 320, 300, 1000, 2000
BITS = {"BAD": 0, "SAT": 1, "INTRP": 2, "CR": 3, "DETECTED": 5, "NO_DATA": 8, "STREAK": 17}


class Point:
    def __init__(self, x, y):
        self.x, self.y = x, y


class AfwWcs:
    """Positions of the detector, whose pixel (X0, Y0) is the image's first."""

    def __init__(self, wcs):
        self.wcs = wcs

    def pixelToSkyArray(self, x, y, degrees=False):
        assert degrees
        return self.wcs.all_pix2world(x, y, 0)


class AfwPsf:
    """A Gaussian that widens along x; `broken` lists columns beyond which it cannot be drawn."""

    def __init__(self, broken=np.inf):
        self.broken, self.asked = broken, []

    def getAveragePosition(self):
        return Point(0.0, 0.0)

    def computeKernelImage(self, point):
        assert isinstance(point, Point)
        self.asked.append((point.x, point.y))
        if point.x > self.broken:
            raise RuntimeError("no PSF there")
        return SimpleNamespace(array=gauss(1.5 + point.x / 2000))


class PhotoCalib:
    """From counts to nJy."""

    def __init__(self, factor):
        self.factor, self.calls = factor, 0

    def calibrateImage(self, masked):
        self.calls += 1
        return SimpleNamespace(
            image=SimpleNamespace(array=masked.image.array * np.float32(self.factor)),
            variance=SimpleNamespace(array=masked.variance.array * np.float32(self.factor**2)),
            mask=masked.mask,
        )


def gauss(sigma, side=25):
    r = np.arange(side) - side // 2
    profile = np.exp(-(r**2) / (2 * sigma**2))
    return np.outer(profile, profile) / np.outer(profile, profile).sum()


def sky():
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = "RA---TAN", "DEC--TAN"
    wcs.wcs.crval = 53.1, -27.8
    wcs.wcs.crpix = X0 + WIDTH / 2, Y0 + HEIGHT / 2
    wcs.wcs.cd = np.array([[-3.0, 4.0], [4.0, 3.0]]) * 0.04 / 3600
    return wcs


def counts(seed=3):
    return np.random.default_rng(seed).normal(10, 3, (HEIGHT, WIDTH)).astype("f4")


def bits(seed=4):
    rng = np.random.default_rng(seed)
    planes = np.array([1 << bit for name, bit in BITS.items() if name != "NO_DATA"])
    found = np.where(rng.random((HEIGHT, WIDTH)) < 0.02, rng.choice(planes, (HEIGHT, WIDTH)), 0)
    return found.astype("i4")


def exposure(*, pixels=None, mask=None, psf=None, factor=2.0, band="i"):
    pixels = counts() if pixels is None else pixels
    masked = SimpleNamespace(
        image=SimpleNamespace(array=pixels),
        variance=SimpleNamespace(array=np.full(pixels.shape, 9.0, "f4")),
        mask=SimpleNamespace(
            array=bits() if mask is None else mask, getMaskPlaneDict=lambda: dict(BITS)
        ),
    )
    return SimpleNamespace(
        maskedImage=masked,
        photoCalib=PhotoCalib(factor),
        psf=AfwPsf() if psf is None else psf,
        filter=SimpleNamespace(bandLabel=band, hasBandLabel=lambda: True),
        getXY0=lambda: Point(X0, Y0),
        getWcs=lambda: AfwWcs(sky()),
    )


def exposure_of(image):
    """The exposure of lsst.afw that holds what an image of lsst.images does, with other bits."""
    names = [plane.name for plane in image.mask.schema]
    planes = {name: 2 * bit + 1 for bit, name in enumerate(names)}
    bits = sum(image.mask.get(name).astype("i8") << bit for name, bit in planes.items())

    def to_sky(x, y, degrees):
        found = image.sky_projection.pixel_to_sky_transform.apply_forward(x=x, y=y)
        return np.degrees(found.x), np.degrees(found.y)

    masked = SimpleNamespace(
        image=SimpleNamespace(array=image.image.array),
        variance=SimpleNamespace(array=image.variance.array),
        mask=SimpleNamespace(array=bits.astype("i4"), getMaskPlaneDict=lambda: planes),
    )
    return SimpleNamespace(
        maskedImage=masked,
        photoCalib=PhotoCalib(1.0),
        psf=SimpleNamespace(
            getAveragePosition=lambda: Point(0, 0),
            computeKernelImage=lambda at: image.psf.compute_kernel_image(x=at.x, y=at.y),
        ),
        filter=SimpleNamespace(bandLabel=image.band, hasBandLabel=lambda: True),
        getXY0=lambda: Point(image.bbox.x.start, image.bbox.y.start),
        getWcs=lambda: SimpleNamespace(pixelToSkyArray=to_sky),
    )
