"""Builds the conformance vectors byte by byte from spec/hstamp-1.0.md, without `codec/`."""
