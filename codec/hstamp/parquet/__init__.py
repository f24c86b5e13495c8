"""Parquet footers, so that a table gets columns and loses nothing.

A Parquet file is column chunks and a footer that says where they are and what they mean (Apache
Parquet, ``parquet.thrift`` and "Thrift compact protocol encoding"). Here footers are read and
written as they are, down to fields that no library knows; chunks are moved as bytes. Only the
columns that are looked at are ever decoded.
"""

from __future__ import annotations
