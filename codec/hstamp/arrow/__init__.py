"""Stamps as Arrow columns that need no decoder, and back (extra ``parquet``).

`expand` replaces columns of blobs in a table by columns of numbers, `collapse` does the reverse;
`decode` and `encode` do it for one column. Every plane is an Arrow ``fixed_shape_tensor``, which
`as_numpy` shows as an array without a copy.
"""

from __future__ import annotations

from importlib.util import find_spec

from ..errors import MissingExtraError

if find_spec("pyarrow") is None:
    raise MissingExtraError("pyarrow", "parquet")

from .blobs import as_column, blob_bytes
from .decode import decode
from .encode import encode
from .fields import FIELDS, Field
from .tables import collapse, expand, stamp_columns
from .tensors import as_numpy, plain

__all__ = [
    "FIELDS",
    "Field",
    "as_column",
    "as_numpy",
    "blob_bytes",
    "collapse",
    "decode",
    "encode",
    "expand",
    "plain",
    "stamp_columns",
]
