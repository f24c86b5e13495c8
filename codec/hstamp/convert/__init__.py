"""Converters: today's alerts and FITS images in, hierarchical stamps out."""

from __future__ import annotations

from ..container.detect import Kind, detect
from .alert import AlertInfo, convert_alert, read_alert
from .cutout import parent_from_cutout
from .image import FitsImage, Position
from .parent import EncodeOptions, Parent, encode_parent

__all__ = [
    "AlertInfo",
    "EncodeOptions",
    "FitsImage",
    "Kind",
    "Parent",
    "Position",
    "convert_alert",
    "detect",
    "encode_parent",
    "parent_from_cutout",
    "read_alert",
]
