"""Host galaxies of transients in hierarchical stamps; needs the extra ``model``.

The weights were trained on a simulated sky.
"""

from __future__ import annotations

from .load import weights_path
from .predict import predict
from .table import HostTable, Positions

__all__ = ["HostTable", "Positions", "predict", "weights_path"]
