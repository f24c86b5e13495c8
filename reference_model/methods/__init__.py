"""The classical host finders, as pure functions of an image or a catalogue.

Every finder takes what it needs and returns a `Match`: the host's position
relative to the transient, or nothing.

============  ==============================================================
``own``       the transient's own position
``nearest``   detected source nearest by normalised elliptical distance
``dlr``       detected source nearest by directional light radius
``gradient``  source reached by climbing the smoothed image
``catalogue`` either distance on a catalogue with realistic errors
============  ==============================================================
"""

from __future__ import annotations

from reference_model.methods.common import NO_MATCH, SOURCE, Match, own_position
from reference_model.methods.dlr import DLR_LIMIT, directional_light_radius, nearest_by_dlr
from reference_model.methods.gradient import climb, host_by_gradient
from reference_model.methods.nearest import nearest_by_ellipse
from reference_model.methods.sources import detect

__all__ = [
    "DLR_LIMIT",
    "NO_MATCH",
    "SOURCE",
    "Match",
    "climb",
    "detect",
    "directional_light_radius",
    "host_by_gradient",
    "nearest_by_dlr",
    "nearest_by_ellipse",
    "own_position",
]
