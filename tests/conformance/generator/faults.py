"""The blobs that faults are put into, and how."""

from __future__ import annotations

from .material import LSST_CD
from .vector import Vector
from .writer import (
    Blob,
    blob,
    image_f4,
    image_i2,
    mask_plane,
    psf_plane,
    variance_f4,
    variance_log8,
)

INF = float("inf")


def base(image: str = "i2", variance: str = "log8", mask: str = "u1") -> Blob:
    """A valid two-level stamp with everything present; every fault starts from one of these."""
    images = {
        "f4": image_f4([1.5] * 372),
        "i2": image_i2([10.0, 20.0], [0.5, 0.25], [i % 50 for i in range(372)]),
    }
    variances = {
        "f4": variance_f4([2.0] * 372),
        "log8": variance_log8([1 + i % 254 for i in range(372)], 4.0),
    }
    masks = {
        "u1": mask_plane([i % 4 for i in range(372)], ["SAT", "CR"]),
        "u2": mask_plane([i % 4 for i in range(372)], ["SAT", "CR"], "u2"),
    }
    return blob(
        2,
        images[image],
        id="7/science",
        band="r",
        dx=0.25,
        dy=-0.25,
        wcs=LSST_CD,
        variance=variances[variance],
        mask=masks[mask],
        psf=psf_plane([0, 1, 0, 1, 4, 1, 0, 1, 0], 3),
    )


def fault(
    name: str,
    code: str,
    clause: str,
    reason: str,
    source: Blob | None = None,
    profile: str = "core",
    **changes: bytes,
) -> Vector:
    data = (source or base()).put(**changes).bytes()
    return Vector(name, data, (clause, "LI-1", "DE-2"), reason, profile, error=code)
