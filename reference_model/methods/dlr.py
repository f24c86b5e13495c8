"""(b) The directional light radius: Gupta et al. 2016 (AJ 152, 154).

A galaxy's radius towards the transient is that of its ellipse,

    DLR = a b / sqrt((a sin phi)^2 + (b cos phi)^2),

with phi the angle between the major axis and the transient, and the host is
the galaxy of least d_DLR = separation / DLR, if that is at most 4.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from reference_model.methods.common import Match, Sources, pick

#: Beyond this the transient counts as hostless (Gupta et al. 2016, section 3).
DLR_LIMIT = 4.0


def directional_light_radius(sources: Sources) -> NDArray[np.float64]:
    """Radius of each source in the direction of the transient, arcsec."""
    phi = np.arctan2(-sources["y"], -sources["x"]) - sources["theta"]
    a, b = sources["a"], sources["b"]
    return np.asarray(a * b / np.sqrt((a * np.sin(phi)) ** 2 + (b * np.cos(phi)) ** 2))


def nearest_by_dlr(sources: Sources, limit: float = DLR_LIMIT) -> Match:
    """Host by least d_DLR.

    Parameters
    ----------
    sources : structured array of `SOURCE`
    limit : float
        Largest d_DLR of a host.
    """
    separation = np.hypot(sources["x"], sources["y"])
    return pick(sources, separation / directional_light_radius(sources), limit)
