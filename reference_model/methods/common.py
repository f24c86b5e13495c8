"""What all finders share: a table of sources, and an answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Sources = NDArray[Any]

#: One source.  x, y: arcsec from the transient along the pixel axes; a, b:
#: rms semi-axes of the light (SExtractor's A_IMAGE and B_IMAGE) in arcsec;
#: theta: radians from +x towards +y; kron: Kron radius in units of a.
SOURCE = np.dtype(
    [
        ("x", "f8"), ("y", "f8"), ("a", "f8"), ("b", "f8"), ("theta", "f8"),
        ("kron", "f8"), ("flux", "f8"),
    ]
)  # fmt: skip


@dataclass(frozen=True)
class Match:
    """A finder's answer.

    Attributes
    ----------
    dx, dy : float
        Host minus transient in arcsec; NaN when no host was found.
    distance : float
        The finder's own measure of how far the transient lies from the host;
        infinite when no host was found.
    """

    dx: float
    dy: float
    distance: float

    @property
    def found(self) -> bool:
        """Whether there is a host."""
        return bool(np.isfinite(self.distance))


NO_MATCH = Match(dx=float("nan"), dy=float("nan"), distance=float("inf"))


def own_position() -> Match:
    """The transient's own position: the finder that any other must beat."""
    return Match(dx=0.0, dy=0.0, distance=0.0)


def elliptical_distance(
    sources: Sources, a: NDArray[np.float64], b: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Distance of the transient from each source in units of the ellipse (a, b, theta)."""
    cos, sin = np.cos(sources["theta"]), np.sin(sources["theta"])
    u = sources["x"] * cos + sources["y"] * sin
    v = -sources["x"] * sin + sources["y"] * cos
    return np.asarray(np.hypot(u / a, v / b))


def pick(sources: Sources, distance: NDArray[np.float64], limit: float) -> Match:
    """The source of least distance, if that is within the limit."""
    if sources.size == 0:
        return NO_MATCH
    best = int(np.argmin(distance))
    if not distance[best] <= limit:
        return NO_MATCH
    return Match(
        dx=float(sources["x"][best]),
        dy=float(sources["y"][best]),
        distance=float(distance[best]),
    )
