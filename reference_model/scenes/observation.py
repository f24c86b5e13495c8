"""One way to look at a scene.

As LSST does in r, with pixels of 0.2 arcsec: numbers are those of Ivezic et al. 2019 (ApJ 873,
111) and Rubin technical note SMTN-002.  Or as any survey may: any pixel, seeing and depth,
correlated noise, a sky that was not subtracted quite right, and either parity.
"""

from __future__ import annotations

from dataclasses import dataclass

import galsim
import numpy as np
from scipy import ndimage

from reference_model.scenes.render import SCALE

#: Electrons per nJy in one 30 s visit: an r magnitude of 28.36 gives one
#: electron per second (SMTN-002).
ELECTRONS_PER_NJY = 30.0 * 10.0 ** (0.4 * (28.36 - 31.4))
#: Dark sky in r, mag per square arcsec (Ivezic et al. 2019, table 2).
SKY_MAG = 21.2
SKY_ELECTRONS = 30.0 * 10.0 ** (0.4 * (28.36 - SKY_MAG)) * SCALE**2
#: Read noise in electrons (SMTN-002).
READ_NOISE = 8.8
#: Full well in electrons (SMTN-002 states about 100,000).
FULL_WELL = 1.0e5


@dataclass(frozen=True)
class Observation:
    """One way to look at a scene.

    Attributes
    ----------
    visits : int
        Of LSST: 1 for a visit, more for a template coadd.
    fwhm : float
        Seeing, arcsec.
    g1, g2 : float
        PSF ellipticity (reduced shear), on the scene's axes.
    moffat : float
        Index of a Moffat PSF; 0 for a Kolmogorov one.
    dead_columns : tuple of int
        First and past-last column without data, in pixels of the scene.
    seed : int
        Of the noise.
    scale : float
        Pixel side, arcsec; taken to the nearest that divides the padded scene.
    turn : int
        Rotation or flip, as `hstamp.hosts.runtime.flip` numbers them.
    depth : float
        Noise of a square arcsec of empty sky, nJy; 0 for that of the visits.
    blur : float
        Sigma in pixels of the Gaussian that the noise is correlated by; 0 for white noise.
    residual : float
        Rms of what is left of the sky, in units of an empty pixel's noise.
    science : bool
        Whether the transient shines.
    wings, wing_width, wing_index : float
        Share of the PSF's light in a second Moffat profile, its width over `fwhm` and its index.
    full : float
        Value of a pixel at which the detector saturates, nJy; 0 for LSST's full well.
    clipped : bool
        Whether saturated pixels keep that value instead of being masked.
    """

    visits: int
    fwhm: float
    g1: float
    g2: float
    moffat: float
    dead_columns: tuple[int, int]
    seed: int
    scale: float = SCALE
    turn: int = 0
    depth: float = 0.0
    blur: float = 0.0
    residual: float = 0.0
    science: bool = False
    wings: float = 0.0
    wing_width: float = 3.0
    wing_index: float = 2.5
    full: float = 0.0
    clipped: bool = False

    def psf(self) -> galsim.GSObject:
        """The PSF as a GalSim profile, on the scene's axes."""
        round_psf: galsim.GSObject
        if self.moffat:
            round_psf = galsim.Moffat(beta=self.moffat, fwhm=self.fwhm)
        else:
            round_psf = galsim.Kolmogorov(fwhm=self.fwhm)
        if self.wings:
            wide = galsim.Moffat(beta=self.wing_index, fwhm=self.wing_width * self.fwhm)
            round_psf = (1.0 - self.wings) * round_psf + self.wings * wide
        return round_psf.shear(g1=self.g1, g2=self.g2)

    @property
    def sky_sigma(self) -> float:
        """Noise of an empty pixel, nJy."""
        if self.depth:
            return self.depth * self.scale
        electrons = SKY_ELECTRONS + READ_NOISE**2
        return float(np.sqrt(electrons / self.visits) / ELECTRONS_PER_NJY)

    @property
    def gain(self) -> float:
        """Electrons per nJy."""
        if self.depth:
            # Sky-limited: the variance of a square arcsec is its sky over the gain.
            return float(10.0 ** (0.4 * (31.4 - SKY_MAG)) / self.depth**2)
        return self.visits * ELECTRONS_PER_NJY

    @property
    def wide_sigma(self) -> float:
        """Noise of a pixel as means over many show it, nJy.

        Above `sky_sigma` where the noise is correlated.
        """
        return self.sky_sigma * blur_gain(self.blur)

    @property
    def saturation(self) -> float:
        """Value at which a pixel saturates, nJy."""
        return self.full or FULL_WELL / ELECTRONS_PER_NJY

    def limit(self) -> float:
        """Magnitude of a point source at five sigma."""
        # Effective area of a Gaussian PSF: Ivezic et al. 2019, eq. 4.
        area = 2.266 * self.fwhm**2
        return float(31.4 - 2.5 * np.log10(5.0 * self.sky_sigma / self.scale * np.sqrt(area)))


def blur_gain(blur: float) -> float:
    """How much more noise is left in means over many pixels than if it were white."""
    if not blur:
        return 1.0
    impulse = np.zeros(33)
    impulse[16] = 1.0
    kernel = ndimage.gaussian_filter1d(impulse, blur)
    return float(1.0 / (kernel**2).sum())
