"""What is known of hosts, as arrays over stamps."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from .runtime import Candidates, to_sky

__all__ = ["HostTable", "Positions", "no_positions", "positions_of"]

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Positions:
    """Host positions; S is (B,) for one candidate of each stamp or (B, K) for all.

    What needs the sky is NaN for stamps without a WCS, the radius where the pixel is not known
    either; everything is NaN where there is no candidate.

    Attributes
    ----------
    weight : ndarray, float64, shape S
        Probability that this is the host; zero where there is no candidate.
    ra, dec : ndarray, float64, shape S
        ICRS [deg].
    east, north : ndarray, float64, shape S
        Host minus source in the tangent plane at the source [arcsec].
    covariance : ndarray, float64, shape S + (2, 2)
        Of (east, north) [arcsec**2].
    radius : ndarray, float64, shape S
        Half-light radius [arcsec].
    x, y : ndarray, float64, shape S
        Host minus source [base pixel].
    covariance_pixels : ndarray, float64, shape S + (2, 2)
        Of (x, y) [base pixel**2].
    radius_pixels : ndarray, float64, shape S
        Half-light radius [base pixel].
    """

    weight: Floats
    ra: Floats
    dec: Floats
    east: Floats
    north: Floats
    covariance: Floats
    radius: Floats
    x: Floats
    y: Floats
    covariance_pixels: Floats
    radius_pixels: Floats

    @property
    def offset(self) -> Floats:
        """Distance of the host from the source [arcsec]."""
        return np.hypot(self.east, self.north)

    def candidate(self, rank: int) -> Positions:
        """Candidates of one rank, from 0, of every stamp: arrays of shape (B,)."""
        return Positions(**{f.name: getattr(self, f.name)[:, rank] for f in fields(self)})


@dataclass(frozen=True)
class HostTable:
    """Hosts of B stamps.

    Attributes
    ----------
    ids : tuple of (str or None)
        Identifiers of the stamps.
    levels : ndarray, int64, shape (B,)
        Levels of each stamp that were used.
    ra, dec : ndarray, float64, shape (B,)
        Sources, ICRS [deg]; NaN for stamps without a WCS.
    pixel : ndarray, float64, shape (B,)
        Side of a base pixel [arcsec]; NaN where not known.
    none : ndarray, float64, shape (B,)
        Probability that no host is in the stamp; NaN where a stamp shows nothing (all values
        missing, or no noise to compare them with).
    candidates : Positions
        All candidates, best first, arrays of shape (B, K).
    """

    ids: tuple[str | None, ...]
    levels: NDArray[np.int64]
    ra: Floats
    dec: Floats
    pixel: Floats
    none: Floats
    candidates: Positions

    def __len__(self) -> int:
        return len(self.none)

    @property
    def best(self) -> Positions:
        """The best candidate of every stamp: arrays of shape (B,)."""
        return self.candidates.candidate(0)


def no_positions(count: int, most: int) -> Positions:
    """Positions of nothing: weights zero, the rest NaN."""
    flat, square = (count, most), (count, most, 2, 2)
    made = {
        f.name: np.full(square if f.name.startswith("covariance") else flat, np.nan)
        for f in fields(Positions)
    }
    made["weight"] = np.zeros(flat)
    return Positions(**made)


def positions_of(
    found: Candidates, ra: Floats, dec: Floats, cd: Floats, pixel: Floats
) -> Positions:
    """Positions on the sky of candidates in pixels.

    Parameters
    ----------
    found : Candidates
        Of B stamps.
    ra, dec : ndarray, shape (B,)
        Sources [deg]; NaN without a WCS.
    cd : ndarray, shape (B, 2, 2)
        CD matrices of the base pixel [deg/pixel]; NaN without a WCS.
    pixel : ndarray, shape (B,)
        Side of a base pixel [arcsec]; NaN where not known.
    """
    empty = ~(found.weight > 0)
    mean = np.where(empty[..., None], np.nan, found.mean.astype(np.float64))
    covariance = np.where(empty[..., None, None], np.nan, found.covariance.astype(np.float64))
    radius = np.where(empty, np.nan, found.radius.astype(np.float64))
    count, most = found.weight.shape
    plane = 3600.0 * np.einsum("bij,bkj->bki", cd, mean)
    sky = to_sky(
        mean.reshape(-1, 2), np.repeat(ra, most), np.repeat(dec, most), np.repeat(cd, most, axis=0)
    )
    return Positions(
        weight=found.weight.astype(np.float64),
        ra=sky[0].reshape(count, most),
        dec=sky[1].reshape(count, most),
        east=plane[..., 0],
        north=plane[..., 1],
        covariance=3600.0**2 * np.einsum("bij,bkjl,bml->bkim", cd, covariance, cd),
        radius=radius * pixel[:, None],
        x=mean[..., 0],
        y=mean[..., 1],
        covariance_pixels=covariance,
        radius_pixels=radius,
    )
