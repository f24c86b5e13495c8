"""hstamp: hierarchical stamps for alert streams.

The format is defined by ``spec/hstamp-1.0.md``. Clauses are cited by their identifiers, ``[VA-3]``,
where they are carried out.

=========================================  =========================================================
section of the specification               module
=========================================  =========================================================
2 Conventions and notation [NO]            `hstamp.values`, `hstamp.fast` (in numpy, or compiled)
4 Geometry [GE]                            `hstamp.layout`
5 Values, 6 Planes [VA], [PL]              `hstamp.values` (rules), `hstamp.parents` (what a parent
                                           gives), `hstamp.planes` (what a record holds)
6.5 Position                               `hstamp.tangent`
7 Encodings [EN]                           `hstamp.limits` (ranges), `hstamp.encodings` (one module
                                           for each plane)
8 Container [CO]                           `hstamp.container`; 8.5 Cutting: `hstamp.stamp`
9 Decoder [DE]                             `hstamp.decoder`
10 Encoder [EC]                            `hstamp.encoder`
11 Limits and error codes [LI]             `hstamp.decoder` and `hstamp.encodings` (checks in their
                                           order), `hstamp.errors` (codes)
12 Versioning [VE]                         `hstamp.limits`, `hstamp.container.schema`
13 Security considerations [SE]            `hstamp.container`
14 Conformance, Appendix C [PR], [TP]      `hstamp.conformance`
=========================================  =========================================================

`hstamp.stamp` holds a stamp and `hstamp.batch` many; `hstamp.inputs`, `hstamp.parts` and
`hstamp.units` take apart what users hand over. On stamps stand `hstamp.export`, `hstamp.draw` and
`hstamp.notebook`, which `hstamp.views` joins to them, and `hstamp.arrow`; on these, in this order,
`hstamp.alerts` and `hstamp.parquet` (files of others), `hstamp.surveys`, `hstamp.files` (the one
reader) and `hstamp.convert`, `hstamp.inference` (what networks share), `hstamp.hosts`,
`hstamp.viewer`, `hstamp.conformance` and `hstamp.demo`, `hstamp.classify`, `hstamp.cli`.
`hstamp.rubin` is the way through Rubin's middleware. Everything writes by `hstamp.outputs`;
``lint-imports`` checks the order.
"""

from . import views  # noqa: F401  # the methods of a stamp that stand above it
from .batch import EncodedBatch, StampBatch, decode_many, encode_many
from .container.schema import STAMP_SCHEMA
from .errors import FormatError, HstampError, InputError
from .files import Fault, Found, read_stamps, write_stamps
from .layout import Layout, reference_corner
from .messages import read_alert_stamps, read_many
from .planes import FORMAT_VERSION
from .stamp import Stamp, encode
from .tangent import Wcs

__version__ = "1.3.0"

__all__ = [
    "FORMAT_VERSION",
    "STAMP_SCHEMA",
    "EncodedBatch",
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
    "read_alert_stamps",
    "read_many",
    "read_stamps",
    "reference_corner",
    "write_stamps",
]
