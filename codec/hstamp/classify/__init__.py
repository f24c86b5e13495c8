"""Classes of alerts from their three stamps; needs the extra ``model``.

The weights were trained on simulated alerts and on a few hundred real ones of ZTF.
"""

from __future__ import annotations

from .load import weights_path
from .predict import predict
from .table import CLASSES, ClassTable

__all__ = ["CLASSES", "ClassTable", "predict", "weights_path"]
