"""Classes of alerts from their three stamps; needs the extra ``model``."""

from __future__ import annotations

from typing import Final

__all__ = ["CLASSES"]

CLASSES: Final = ("AGN", "SN", "VS", "asteroid", "bogus")
"""The classes, in the order of every array of probabilities."""
