"""Wide stamps made by the producer of alerts, inside Rubin's own middleware.

`parent` and `stamps` know the image types by their attributes and import nothing of LSST's;
`task` and `package` need the extra ``rubin`` and Python 3.12 or later, and are imported by name.
"""

from __future__ import annotations

from .parent import Parent, parent_of
from .stamps import StampOptions, stamps_of

__all__ = ["Parent", "StampOptions", "parent_of", "stamps_of"]
