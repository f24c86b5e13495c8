"""Measuring: per-transient results, metrics with intervals, calibration."""
