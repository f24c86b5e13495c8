"""Invalid blobs, family by family: one fault each, named after it."""

from __future__ import annotations

from collections.abc import Iterator

from .invalid_bytes import beginnings, lies, truncations
from .invalid_image import images, schemas_apart
from .invalid_metadata import texts_offsets_wcs, versions_and_levels
from .invalid_order import orders
from .invalid_planes import masks, psfs, variances
from .vector import Vector

FAMILIES = (
    beginnings, truncations, lies, versions_and_levels, texts_offsets_wcs, images, variances,
    masks, psfs, orders, schemas_apart,
)  # fmt: skip


def vectors() -> Iterator[Vector]:
    for family in FAMILIES:
        yield from family()
