"""A demonstration on simulated alerts: make, convert, validate, report."""

from __future__ import annotations

from .run import run_demo

__all__ = ["run_demo"]
