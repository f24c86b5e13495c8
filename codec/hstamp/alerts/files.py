"""Outputs that appear whole or not at all: `hstamp.outputs` under its former name."""

from __future__ import annotations

from ..outputs import atomic_folder, atomic_text, atomic_writer

__all__ = ["atomic_folder", "atomic_text", "atomic_writer"]
