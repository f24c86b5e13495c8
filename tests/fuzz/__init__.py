"""Hostility: fuzz targets, their corpus, and the memory that decoding takes."""
