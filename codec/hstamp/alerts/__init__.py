"""Alert packets around stamps: field names, LSST schemas and the Confluent wire format."""

from __future__ import annotations

from .fields import CUTOUT_FIELDS, KINDS, STAMP_FIELDS
from .schema import add_stamp_fields
from .wire import WireMessage, split_wire

__all__ = [
    "CUTOUT_FIELDS",
    "KINDS",
    "STAMP_FIELDS",
    "WireMessage",
    "add_stamp_fields",
    "split_wire",
]
