"""Host galaxies of transients in hierarchical stamps; needs the extra ``model``.

The weights were trained on a simulated sky.
"""

from __future__ import annotations

from .load import weights_path
from .nearby import nearby_of
from .predict import predict
from .table import HostTable, Positions

__all__ = ["HostTable", "Positions", "nearby_of", "predict", "weights_path"]
