"""(a) The nearest source by normalised elliptical distance.

The ellipse is the one SExtractor draws its automatic aperture with: the rms
axes scaled by the Kron radius (Bertin & Arnouts 1996, A&AS 117, 393).
"""

from __future__ import annotations

import numpy as np

from reference_model.methods.common import Match, Sources, elliptical_distance, pick

#: A transient farther than this many Kron ellipses from every source is hostless.
ELLIPSE_LIMIT = 2.5
#: SExtractor's smallest automatic aperture, in rms radii (PHOT_AUTOPARAMS 2.5, 3.5).
KRON_FACTOR, SMALLEST_RADIUS = 2.5, 3.5


def nearest_by_ellipse(sources: Sources, limit: float = ELLIPSE_LIMIT) -> Match:
    """Host by normalised elliptical distance.

    Parameters
    ----------
    sources : structured array of `SOURCE`
    limit : float
        Largest distance, in automatic apertures, of a host.
    """
    scale = np.maximum(KRON_FACTOR * sources["kron"], SMALLEST_RADIUS)
    return pick(
        sources, elliptical_distance(sources, scale * sources["a"], scale * sources["b"]), limit
    )
