"""What each plane of a FITS file is: image, variance, mask or PSF, by name and by header."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final, Literal

from .cards import text
from .hdus import Plane

__all__ = ["GROUPS", "Group", "Named", "Role", "name_of_psf", "named"]

Role = Literal["image", "variance", "sigma", "inverse", "weight", "mask", "psf", "other"]
"""What a plane is; ``weight`` is one that does not say of which kind."""
Group = Literal["variance", "mask", "psf"]

_ROLES: Final[dict[str, Role]] = {
    **dict.fromkeys(("VARIANCE", "VAR", "STAT"), "variance"),
    **dict.fromkeys(("ERR", "ERROR", "SIGMA", "STD", "STDDEV", "STDEV", "RMS", "UNC"), "sigma"),
    # Variances and inverse variances say so in UTYPE; without it these are sigmas, to astropy too.
    **dict.fromkeys(("UNCERT", "UNCERTAINTY"), "sigma"),
    **dict.fromkeys(("IVAR", "INVVAR", "INVVARIANCE"), "inverse"),
    **dict.fromkeys(("WGT", "WHT", "WEIGHT"), "weight"),
    **dict.fromkeys(("MASK", "MSK", "DQ", "FLAGS", "FLAG", "BPM", "QUALITY"), "mask"),
    **dict.fromkeys(("PSFIMAGE", "PSF"), "psf"),
}  # fmt: skip
_INVERSE: Final = {"INV", "INVERSE"}
_IMAGES: Final = {"SCI", "SCIENCE", "IMAGE", "IMG", "DATA", "PRIMARY"}
_WORDS: Final = {*_ROLES, *_INVERSE, *_IMAGES}
_OTHERS: Final = {
    "WCSDVARR", "D2IMARR", "CTX", "CON", "CONTEXT", "AREA", "EXP", "EXPMAP", "EXPOSURE", "NSAMP",
    "SAMP", "TIME", "FRACTIONS", "NOISE", "BACKGROUND", "BKG", "SKY", "KERNEL",
}  # fmt: skip
"""Arrays that pipelines keep beside an image and that are no image of a source themselves."""
_UTYPES: Final[dict[str, Role]] = {
    "VARIANCEUNCERTAINTY": "variance",
    "STDDEVUNCERTAINTY": "sigma",
    "INVERSEVARIANCE": "inverse",
}
_ERRORS: Final[dict[str, Role]] = {"MSE": "variance", "RMSE": "sigma", "INVMSE": "inverse"}
"""HDUCLAS3 of a plane whose HDUCLAS2 is ERROR (ESO Science Data Products Standard 8)."""
GROUPS: Final[dict[Role, Group]] = {
    "variance": "variance", "sigma": "variance", "inverse": "variance", "weight": "variance",
    "mask": "mask", "psf": "psf",
}  # fmt: skip


@dataclass(frozen=True)
class Named:
    """A plane and what its header calls it.

    Attributes
    ----------
    plane : Plane
    role : Role
    stem : str
        What is left of its EXTNAME without the words for its role: ``G`` of ``VAR_G``.
    science : bool
        Whether its EXTNAME says that it is an image.
    part : bool
        Whether it is a mask that may be one of several of the same image, as ``lsst.images``
        writes them.
    version : int or None
        Its EXTVER.
    """

    plane: Plane
    role: Role
    stem: str
    science: bool
    part: bool
    version: int | None

    @property
    def group(self) -> Group | None:
        """Which part of a stamp it can be; None for an image."""
        return GROUPS.get(self.role)


def named(plane: Plane) -> Named:
    """Role of a plane.

    The header's own word comes first (EXTTYPE, HDUCLAS2 and 3, UTYPE, mask planes), then
    EXTNAME, as a whole and in the words between its separators.
    """
    header = plane.header
    words = [word for word in re.split(r"[^A-Z0-9]+", plane.name) if word]
    known = {_ROLES[word] for word in words if word in _ROLES}
    role: Role = "image"
    if len(known) == 1:
        role = known.pop()
    if set(words) & _INVERSE:
        # INVERSE_VARIANCE is one; INV_SIGMA and the like are nothing that can be told.
        turned: dict[Role, Role] = {"variance": "inverse", "image": "image"}
        role = turned.get(role, "other")
    if set(words) & _OTHERS and not set(words) & _IMAGES:
        role = "other"
    stem = "_".join(word for word in words if word not in _WORDS)
    role = _stated(header, role)
    science = role == "image" and bool(set(words) & _IMAGES)
    part = role == "mask" and any(key.startswith("MSKN") for key in header)
    return Named(plane, role, stem, science, part, plane.version)


def _stated(header: Any, role: Role) -> Role:
    kind = text(header, "EXTTYPE").upper()
    if kind in _ROLES:
        role = _ROLES[kind]
    if text(header, "HDUCLAS2").upper() == "ERROR":
        role = _ERRORS.get(text(header, "HDUCLAS3").upper(), role)
    elif text(header, "HDUCLAS2").upper() == "QUALITY":
        role = "mask"
    if any(key.startswith(("MP_", "MSKN")) for key in header):
        role = "mask"
    if GROUPS.get(role) == "variance":
        role = _UTYPES.get(text(header, "UTYPE").upper(), role)
    if role == "weight" and text(header, "DES_EXT").upper() == "WEIGHT":
        role = "inverse"
    return role


def name_of_psf(name: str) -> bool:
    """Whether an EXTNAME is that of a PSF, whatever the shape of its data."""
    return name.strip().upper() in {word for word, role in _ROLES.items() if role == "psf"}
