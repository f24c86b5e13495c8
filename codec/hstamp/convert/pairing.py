"""Which HDU of a FITS file is the image, and which variance, mask and PSF belong to it.

A plane of another image is worse than none, so a plane is taken only where something says that it
is this image's: a link in the header, EXTVER, the same word in EXTNAME, that there is no other
image, or that it follows this image and no other. What remains doubtful is left out and noted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final

import numpy as np

from ..errors import InputError
from .cards import quiet, text
from .hdus import Plane, is_array, planes_of
from .quick import QuickHdu
from .roles import Group, Named, Role, name_of_psf, named
from .rubin import CellPsf, cell_psf, read_tree, tree_band

__all__ = ["Planes", "classify", "classify_scanned"]

_FORMS: Final[tuple[Role, ...]] = ("variance", "sigma", "inverse", "weight")
"""Forms of a variance, the most direct first."""
_LINKS: Final = {"variance": "ERRDATA", "mask": "QUALDATA", "psf": "PSFDATA"}
"""Keywords of an image that name its planes (ESO Science Data Products Standard 8)."""


_SIGNS: Final = ("EXTNAME", "UTYPE")
"""Of the cards that `hstamp.convert.quick` knows, those that say what a plane is."""


@dataclass(frozen=True)
class Planes:
    """The HDUs that make up one parent.

    Attributes
    ----------
    image : Plane
        Two-dimensional image.
    variance : Plane or None
        Uncertainty of the image, in the form that `variance_role` names: ``variance``, ``sigma``
        (standard deviation), ``inverse`` (inverse variance) or ``weight`` (it does not say).
    masks : tuple of Plane
        Several where one array has not bits enough.
    psf : Plane or None
    cells : CellPsf or None
        Stands in for `psf` in a coadd of cells.
    band : str or None
        Filter, where the file keeps it outside of headers.
    primary : Header or None
        Header of the first HDU, which may speak for all.
    notes : tuple of str
        HDUs that were left out, and why.
    """

    image: Plane
    variance: Plane | None = None
    variance_role: Role = "variance"
    masks: tuple[Plane, ...] = ()
    psf: Plane | None = None
    cells: CellPsf | None = None
    band: str | None = None
    primary: Any = None
    notes: tuple[str, ...] = field(default=())


@quiet()
def classify(hdus: Any, image: int | str | None = None) -> Planes:
    """Find the planes of a parent.

    Parameters
    ----------
    hdus : HDUList
        An open FITS file.
    image : int or str, optional
        The image: index, EXTNAME in any case, or ``EXTNAME,EXTVER``. By default it is the first
        two-dimensional HDU that is no other plane.

    Raises
    ------
    InputError
        If there is no image, or the one asked for is not two-dimensional.
    """
    found = [named(plane) for plane in planes_of(hdus)]
    chosen = _chosen(hdus, found, image)
    notes = _unused(hdus, {item.plane.index for item in found})
    tree = read_tree(hdus)
    cells = cell_psf(hdus, tree)
    if isinstance(cells, str):
        notes.append(f"PSF left out: {cells}")
    elif cells is not None:
        notes = [note for note in notes if "(PSF)" not in note]
    groups: dict[Group, list[Named]] = {}
    for group in ("variance", "mask", "psf"):
        groups[group] = _belonging(chosen, found, group, notes)
    variance = groups["variance"][0] if groups["variance"] else None
    return Planes(
        image=chosen.plane,
        variance=None if variance is None else variance.plane,
        variance_role="variance" if variance is None else variance.role,
        masks=tuple(item.plane for item in groups["mask"]),
        psf=groups["psf"][0].plane if groups["psf"] else None,
        cells=cells if isinstance(cells, CellPsf) else None,
        band=tree_band(tree),
        primary=hdus[0].header,
        notes=tuple(notes),
    )


def classify_scanned(hdus: Sequence[QuickHdu]) -> Planes:
    """As `classify`, for a scanned cutout; cutouts of one stream are told by the first of them."""
    pattern = _pattern(
        tuple((*(str(hdu.header.get(key, "")) for key in _SIGNS), hdu.shape) for hdu in hdus)
    )

    def here(plane: Plane) -> Plane:
        return Plane(hdus[plane.index], plane.index, plane.axes)

    return Planes(
        here(pattern.image),
        None if pattern.variance is None else here(pattern.variance),
        pattern.variance_role,
        tuple(map(here, pattern.masks)),
        None if pattern.psf is None else here(pattern.psf),
        primary=hdus[0].header,
        notes=pattern.notes,
    )


@lru_cache(maxsize=64)
def _pattern(signs: tuple[tuple[Any, ...], ...]) -> Planes:
    """Planes of cutouts that agree in all that bears on what a plane is."""
    hdus = []
    for *values, shape in signs:
        header = dict(zip(_SIGNS, values, strict=True))
        hdus.append(QuickHdu(values[0], header, np.broadcast_to(np.int8(0), shape)))
    return classify(hdus)


def _unused(hdus: Any, planes: set[int]) -> list[str]:
    """Notes on HDUs that look like parts of a parent and are no two-dimensional arrays."""
    notes = []
    for index, hdu in enumerate(hdus):
        if index in planes:
            continue
        if getattr(hdu, "hstamp_damage", None) is not None:
            notes.append(f"HDU {index} left out: {hdu.hstamp_damage}")
        elif is_array(hdu) and name_of_psf(text(hdu.header, "EXTNAME")):
            notes.append(f"HDU {index} (PSF) left out: it has {' x '.join(map(str, hdu.shape))}")
    return notes


def _chosen(hdus: Any, found: Sequence[Named], image: int | str | None) -> Named:
    if image is None:
        for role in ("image", "other"):
            for item in found:
                if item.role == role:
                    return item
        cubes = [
            f"HDU {index} is {' x '.join(map(str, hdu.shape))}"
            for index, hdu in enumerate(hdus)
            if is_array(hdu) and len(hdu.shape) > 2
        ]
        damaged = _unused(hdus, {item.plane.index for item in found})
        why = f"; {'; '.join(cubes[:5])}: cut a plane out of it first" if cubes else ""
        why += f"; {'; '.join(damaged[:5])}" if damaged else ""
        raise InputError(f"no two-dimensional image among its HDUs{why}")
    index = _index_of(hdus, image)
    for item in found:
        if item.plane.index == index:
            return item
    hdu = hdus[index]
    what = " x ".join(map(str, hdu.shape)) if is_array(hdu) else "no image"
    raise InputError(f"HDU {image} is not a two-dimensional image: it is {what}")


def _index_of(hdus: Any, image: int | str) -> int:
    """Number of the HDU that an index, EXTNAME or ``EXTNAME,EXTVER`` means."""
    names = [(text(hdu.header, "EXTNAME").upper(), text(hdu.header, "EXTVER")) for hdu in hdus]
    asked = str(image).strip().upper()
    if asked.isdecimal() and len(asked) < 10 and int(asked) < len(names):
        return int(asked)
    if not names[0][0]:
        names[0] = ("PRIMARY", names[0][1])
    for index, (name, _) in enumerate(names):
        if name and name == asked:
            return index
    name, comma, version = (part.strip() for part in asked.rpartition(","))
    if comma:
        for index, (other, given) in enumerate(names):
            if other and other == name and (given or "1") == version:
                return index
    have = [
        f"{name},{version}" if name and version else name or index
        for index, (name, version) in enumerate(names[:50])
    ]
    raise InputError(f"no HDU {image!r}: it has {have}")


def _belonging(image: Named, found: Sequence[Named], group: Group, notes: list[str]) -> list[Named]:
    """Planes of a group that are an image's; at most one, except of masks in parts."""
    candidates = [item for item in found if item.group == group and item is not image]
    candidates = _of_shape(image, candidates, group, notes)
    if not candidates:
        return []
    links = text(image.plane.header, _LINKS[group]).upper()
    linked = [item for item in candidates if links and item.plane.name == links]
    mine = linked or _by_stem(image, found, _by_version(image, found, candidates))
    if not mine:
        labels = ", ".join(item.plane.label for item in candidates[:4])
        notes.append(f"{group} left out: nothing says that it is this image's: {labels}")
    return _one(mine, group, notes)


def _of_shape(image: Named, candidates: list[Named], group: Group, notes: list[str]) -> list[Named]:
    if group == "psf":
        return candidates
    shape = image.plane.shape
    fitting = [item for item in candidates if item.plane.shape == shape]
    if not fitting:
        notes.extend(
            f"{item.plane.label} ({item.role}) is {item.plane.shape}, not {shape}: ignored"
            for item in candidates[:4]
        )
    return fitting


def _by_version(image: Named, found: Sequence[Named], candidates: list[Named]) -> list[Named]:
    """Candidates that EXTVER does not give to another image."""
    siblings = {
        item.version or 1
        for item in found
        if item.role == image.role and item.plane.name == image.plane.name
    }
    versions: dict[str, set[int]] = {}
    for item in candidates:
        versions.setdefault(item.plane.name, set()).add(item.version or 1)
    kept = []
    for item in candidates:
        several = len(versions[item.plane.name]) > 1
        if item.part and len(siblings) == 1:
            kept.append(item)
        elif len(siblings) > 1 or several:
            stated = item.version is not None or several
            if stated and (item.version or 1) == (image.version or 1):
                kept.append(item)
        elif None in (item.version, image.version) or item.version == image.version:
            kept.append(item)
    return kept


def _by_stem(image: Named, found: Sequence[Named], candidates: list[Named]) -> list[Named]:
    """Candidates whose EXTNAME, or else whose place, gives them to this image and no other."""
    images = _images(image, found)
    same = [item for item in candidates if item.stem == image.stem]
    if image.stem and same:
        return same
    others = {item.stem for item in images if item.stem and item is not image}
    free = [item for item in candidates if item.stem not in others]
    free = [item for item in free if not item.stem] or free
    versions = {item.version or 1 for item in images}
    if len(images) == 1 or len(versions) == len(images):
        return free
    return _by_order(image, images, free)


def _by_order(image: Named, images: Sequence[Named], candidates: list[Named]) -> list[Named]:
    """Candidates between this image and the next, in files where planes follow their image."""
    first = min(item.plane.index for item in images)
    if any(item.plane.index < first for item in candidates):
        return []
    later = [i.plane.index for i in images if i.plane.index > image.plane.index]
    after = [
        item
        for item in candidates
        if image.plane.index < item.plane.index < min(later, default=10**9)
    ]
    # Two of one kind after the last image: one of them is an earlier image's.
    kinds = [item.role for item in after]
    return after if len(set(kinds)) == len(kinds) or all(item.part for item in after) else []


def _images(image: Named, found: Sequence[Named]) -> list[Named]:
    """Images of sources in the file, among which a plane could be another's."""
    images = [item for item in found if item.role == "image" or item is image]
    if any(item.science for item in images):
        images = [item for item in images if item.science or item is image]
    return images


def _one(items: list[Named], group: Group, notes: list[str]) -> list[Named]:
    if group == "mask" and items and all(item.part for item in items):
        return items
    if group == "variance":
        items = sorted(items, key=lambda item: _FORMS.index(item.role))
        items = [item for item in items if item.role == items[0].role]
    if len(items) > 1:
        labels = ", ".join(item.plane.label for item in items[:4])
        if len({item.plane.name for item in items}) == 1:
            notes.append(f"{group} left out: several could be this image's: {labels}")
            return []
        notes.append(f"{group}: the first of {labels} is used")
    return items[:1]
