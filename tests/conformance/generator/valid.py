"""Valid blobs, family by family."""

from __future__ import annotations

from collections.abc import Iterator

from .valid_geometry import geometry, presence
from .valid_image import missing, numbers_f4, numbers_i2
from .valid_planes import masks, psfs, variances
from .valid_record import avro_forms, cuts, metadata, realistic
from .vector import Vector

FAMILIES = (
    geometry, presence, missing, numbers_f4, numbers_i2, variances, masks, psfs, metadata,
    avro_forms, cuts, realistic,
)  # fmt: skip


def vectors() -> Iterator[Vector]:
    for family in FAMILIES:
        yield from family()
