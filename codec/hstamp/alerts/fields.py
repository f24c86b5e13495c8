"""Names of the cutout fields of an alert and of the stamp fields beside them [CO-5]."""

from __future__ import annotations

from typing import Final

__all__ = ["CUTOUT_FIELDS", "KINDS", "STAMP_FIELDS"]

KINDS: Final[tuple[str, ...]] = ("difference", "science", "template")
"""The three images of an alert, in the order in which LSST lists them."""

CUTOUT_FIELDS: Final[dict[str, str]] = {kind: f"cutout{kind.capitalize()}" for kind in KINDS}
"""Kind to the existing cutout field; LSST and ZTF use the same names."""

STAMP_FIELDS: Final[dict[str, str]] = {kind: f"hstamp{kind.capitalize()}" for kind in KINDS}
"""Kind to the proposed stamp field."""
