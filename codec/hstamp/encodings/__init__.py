"""Plane encodings, one module per plane: Section 7 of the specification.

Each module holds three pure steps: ``check_*`` applies the clauses to an encoded plane and raises
`FormatError`, ``decode_*`` turns valid bytes into stored values, ``encode_*`` does the reverse;
``form`` holds the checks that planes share. Arrays of stored values have stamp order along their
last axis and any leading axes.
"""
