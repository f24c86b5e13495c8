"""Figures and pages, all drawn from stored results."""
