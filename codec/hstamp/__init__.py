"""hstamp: hierarchical stamps for alert streams.

The format is defined by ``spec/hstamp-1.0.md``; modules follow the order of that document.
"""

from .batch import StampBatch, decode_many, encode_many
from .container.schema import STAMP_SCHEMA
from .errors import FormatError, HstampError, InputError
from .files import Fault, Found, read_stamps, write_stamps
from .layout import Layout, reference_corner
from .planes import FORMAT_VERSION, Wcs
from .stamp import Stamp, encode

__version__ = "1.0.0"

__all__ = [
    "FORMAT_VERSION",
    "STAMP_SCHEMA",
    "Fault",
    "FormatError",
    "Found",
    "HstampError",
    "InputError",
    "Layout",
    "Stamp",
    "StampBatch",
    "Wcs",
    "__version__",
    "decode_many",
    "encode",
    "encode_many",
    "read_stamps",
    "reference_corner",
    "write_stamps",
]
