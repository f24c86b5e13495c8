"""What the columns of decoded stamps are: their types, units, and the clauses that define them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import pyarrow as pa

from ..layout import GRID
from ..planes import FORMAT_VERSION

__all__ = ["ERROR", "FIELDS", "LEVEL_AXES", "Field", "field_of", "psf_type", "tensor_type"]

LEVEL_AXES: Final = ("level", "y", "x")
"""Names of the axes of image, variance and mask."""
_VERSION: Final = f"{FORMAT_VERSION // 100}.{FORMAT_VERSION % 100}"


@dataclass(frozen=True)
class Field:
    """A column of decoded stamps.

    Attributes
    ----------
    name : str
    type : pyarrow.DataType or str
        Type of a value; for planes the name of their numbers' type.
    description : str
    clauses : str
        Where the specification defines it.
    unit : str
        FITS unit; ``fluxUnit`` stands for the text in the column of this name.
    optional : bool
        Whether the column is there on request only.
    """

    name: str
    type: Any
    description: str
    clauses: str
    unit: str = ""
    optional: bool = False

    def field(self, prefix: str, n: int, side: int) -> Any:
        """Arrow field, for tensors of n levels and PSFs of a side."""
        about = {
            "description": self.description,
            "unit": self.unit,
            "clauses": self.clauses,
            "hstamp.format": _VERSION,
        }
        return pa.field(prefix + self.name, field_of(self, n, side), metadata=about)


FIELDS: Final = (
    Field("n", pa.int32(), "number of levels", "[GE-2]"),
    Field("id", pa.string(), "identifier of the stamp", "[CO-1] [EN-10]"),
    Field("band", pa.string(), "filter band", "[CO-1] [EN-10]"),
    Field("fluxUnit", pa.string(), "FITS unit of the image", "[PL-1] [EN-10]"),
    Field("dx", pa.float32(), "source minus reference corner, along x", "[PL-6] [GE-1]", "pixel"),
    Field("dy", pa.float32(), "source minus reference corner, along y", "[PL-6] [GE-1]", "pixel"),
    Field("ra", pa.float64(), "right ascension of the source, ICRS", "[PL-7]", "deg"),
    Field("dec", pa.float64(), "declination of the source, ICRS", "[PL-7]", "deg"),
    Field("cd", "cd", "CD matrix of the base pixel", "[PL-7]", "deg/pixel"),
    Field(
        "image", "float", "image levels per base pixel, NaN where missing",
        "[VA-1] [VA-3] [PL-1] [GE-3]", "fluxUnit",
    ),
    Field(
        "variance", "float", "variance levels, NaN where missing", "[PL-2] [PL-3] [GE-3]",
        "fluxUnit**2",
    ),
    Field("mask", "uint16", "mask levels; bit b is the plane maskPlanes[b]", "[PL-4] [GE-3]"),
    Field("maskPlanes", pa.list_(pa.string()), "names of the mask's bits", "[PL-4] [EN-7]"),
    Field("psf", "psf", "PSF on base pixels, unit sum, padded with zeros", "[PL-5] [EN-9]"),
    Field("psfSize", pa.int32(), "side of the PSF without its padding", "[PL-5]", "pixel"),
    Field(
        "zero", "steps", "zero point of each level's i2 codes", "[EN-2]", "fluxUnit", True
    ),
    Field("scale", "steps", "step of each level's i2 codes", "[EN-2]", "fluxUnit", True),
    Field(
        "varianceUnit", pa.float32(), "unit of log8 variances, 0 for f4", "[EN-5]", "fluxUnit**2",
        True,
    ),
)  # fmt: skip
"""The columns, in their order."""

ERROR: Final = Field(
    "error", pa.string(), "error code and reason, where the blob is no stamp", "[LI-1]"
)
"""The column that rejected blobs are reported in."""


def field_of(field: Field, n: int, side: int) -> Any:
    """Arrow type of a field."""
    # Arrow's types compare equal to their names.
    if not isinstance(field.type, str):
        return field.type
    if field.type == "cd":
        return pa.fixed_shape_tensor(pa.float32(), (2, 2))
    if field.type == "psf":
        return psf_type(side)
    if field.type == "steps":
        return pa.fixed_shape_tensor(pa.float32(), (n,), dim_names=("level",))
    if field.type == "float":
        return tensor_type(pa.float32(), n)
    return tensor_type(pa.uint16(), n)


def tensor_type(value: Any, n: int) -> Any:
    """Type of a plane of n levels."""
    return pa.fixed_shape_tensor(value, (n, GRID, GRID), dim_names=LEVEL_AXES)


def psf_type(side: int) -> Any:
    """Type of PSFs of a side."""
    return pa.fixed_shape_tensor(pa.float32(), (side, side), dim_names=("y", "x"))
