"""Source detection with ``sep``, the library form of SExtractor."""

from __future__ import annotations

import numpy as np
import sep
from numpy.typing import NDArray

from reference_model.methods.common import SOURCE, Sources

Image = NDArray[np.float32]

#: SExtractor's defaults (Bertin & Arnouts 1996, and its default.sex).
THRESHOLD, SMALLEST_AREA, DEBLEND_LEVELS, DEBLEND_CONTRAST = 1.5, 5, 32, 0.005
#: Sources this bright (signal-to-noise) and no wider than the PSF are stars.
STAR_SNR, STAR_WIDTH = 30.0, 1.10
#: Half-light radius of a seeing-limited star in units of its FWHM (Kolmogorov).
STAR_HALF_LIGHT = 0.58


def detect(
    image: Image, sigma: float, x: float, y: float, scale: float, fwhm: float | None = None
) -> Sources:
    """Detect the sources of an image.

    Parameters
    ----------
    image : ndarray, float32, shape (ny, nx)
        Sky-subtracted; NaN where masked.
    sigma : float
        Noise of an empty pixel.
    x, y : float
        The transient's pixel, from which positions are counted.
    scale : float
        Arcsec per pixel.
    fwhm : float, optional
        Seeing in arcsec; when given, stars are left out.

    Returns
    -------
    structured array of `SOURCE`

    Raises
    ------
    RuntimeError
        If ``sep`` gives up on a crowded image.
    """
    mask = ~np.isfinite(image)
    data = np.where(mask, np.float32(0.0), image).astype(np.float32)
    try:
        found = sep.extract(
            data,
            THRESHOLD,
            err=sigma,
            mask=mask,
            minarea=SMALLEST_AREA,
            deblend_nthresh=DEBLEND_LEVELS,
            deblend_cont=DEBLEND_CONTRAST,
        )
    except Exception as error:  # sep raises bare Exception
        raise RuntimeError(f"source detection failed: {error}") from error
    found = found[(found["a"] > 0) & (found["b"] > 0) & np.isfinite(found["theta"])]
    out = np.zeros(found.size, SOURCE)
    if not found.size:
        return out
    theta = np.clip(found["theta"], -np.pi / 2, np.pi / 2)
    kron, _ = sep.kron_radius(
        data, found["x"], found["y"], found["a"], found["b"], theta, 6.0, mask=mask
    )
    out["x"], out["y"] = (found["x"] - x) * scale, (found["y"] - y) * scale
    out["a"], out["b"] = found["a"] * scale, found["b"] * scale
    out["theta"], out["flux"] = theta, found["flux"]
    out["kron"] = np.where(np.isfinite(kron), kron, 0.0)
    if fwhm is None:
        return out
    half, _ = sep.flux_radius(
        data, found["x"], found["y"], 6.0 * found["a"], 0.5, normflux=found["flux"], subpix=5
    )
    noise = sigma * np.sqrt(found["npix"])
    star = (found["flux"] > STAR_SNR * noise) & (half * scale < STAR_WIDTH * STAR_HALF_LIGHT * fwhm)
    return np.asarray(out[~star])
