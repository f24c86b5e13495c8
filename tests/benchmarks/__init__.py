"""Measurements of speed, bytes and quality; ``python -m tests.benchmarks`` makes the report."""
