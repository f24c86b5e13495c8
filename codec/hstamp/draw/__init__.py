"""Pictures of stamps; needs matplotlib (the extra ``plot``) and no display."""

from __future__ import annotations

from ..errors import MissingExtraError

try:
    import matplotlib  # noqa: F401  (its absence is reported before any submodule needs it)
except ImportError as error:
    raise MissingExtraError("matplotlib", "plot") from error

from .figures import gallery, show
from .marks import compass, level_outlines, scale_bar, source_marker
from .orient import Orientation
from .panels import mask_panel, noise_panel, panel, psf_panel
from .stretch import Stretch

__all__ = [
    "Orientation",
    "Stretch",
    "compass",
    "gallery",
    "level_outlines",
    "mask_panel",
    "noise_panel",
    "panel",
    "psf_panel",
    "scale_bar",
    "show",
    "source_marker",
]
