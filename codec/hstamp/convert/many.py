"""Encoding the parents of many sources together: one call for each form, not one for each stamp."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..batch.encode import encode_many
from ..errors import HstampError, PsfError, as_hstamp_error
from .parent import EncodeOptions, Parent, encode_without_bad_psf, without_psf

__all__ = ["Labelled", "Made", "encode_parents"]

Made = tuple[bytes, Parent]
"""A blob, and the parent that was encoded, with its notes."""


@dataclass(frozen=True)
class Labelled:
    """A parent, and what its stamp is called.

    Attributes
    ----------
    parent : Parent
    id : str or None
    band : str or None
    """

    parent: Parent
    id: str | None = None
    band: str | None = None


def encode_parents(sources: Sequence[Labelled], options: EncodeOptions) -> list[Made | HstampError]:
    """Blobs of sources, as `hstamp.convert.parent.encode_without_bad_psf` gives them one by one.

    Parameters
    ----------
    sources : sequence of Labelled
    options : EncodeOptions

    Returns
    -------
    list of Made or HstampError
        In the order of `sources`; an error in the place of each that cannot be encoded.
    """
    made: dict[int, Made | HstampError] = {}
    groups: dict[tuple[str, tuple[str, ...] | None], list[int]] = {}
    for row, source in enumerate(sources):
        parent = source.parent
        names = None if parent.mask is None else parent.mask_planes
        groups.setdefault((parent.flux_unit, names), []).append(row)
    for (unit, names), rows in groups.items():
        part = [sources[row] for row in rows]
        made |= zip(rows, _encoded(part, unit, names, options), strict=True)
    return [made[row] for row in range(len(sources))]


def _encoded(
    sources: Sequence[Labelled],
    unit: str,
    names: tuple[str, ...] | None,
    options: EncodeOptions,
) -> list[Made | HstampError]:
    """Blobs of sources with one unit and one set of mask planes."""
    parents = [source.parent for source in sources]
    try:
        done = encode_many(
            [parent.image for parent in parents],
            [parent.x for parent in parents],
            [parent.y for parent in parents],
            levels=options.levels,
            encoding=options.encoding,
            variance=_each(parent.variance for parent in parents),
            variance_encoding=options.variance_encoding,
            mask=None if names is None else [parent.mask for parent in parents],
            mask_planes=names,
            psf=_each(parent.psf for parent in parents),
            psf_size=options.psf_size,
            wcs=[parent.wcs for parent in parents],
            band=[source.band for source in sources],
            flux_unit=unit,
            ids=[source.id for source in sources],
            unusable=_each(parent.unusable for parent in parents),
            step=options.step,
            errors="collect",
        )
    except Exception:  # whose fault it is shows one by one
        return [_alone(source, options) for source in sources]
    made: list[Made | HstampError] = []
    for row, (source, blob) in enumerate(zip(sources, done, strict=True)):
        if blob is not None:
            made.append((blob, source.parent))
        elif isinstance(fault := done.errors[row], PsfError):
            bare = replace(source, parent=without_psf(source.parent, fault))
            made.append(_alone(bare, options))
        else:
            made.append(fault)
    return made


def _alone(source: Labelled, options: EncodeOptions) -> Made | HstampError:
    try:
        stamp, parent = encode_without_bad_psf(
            source.parent, options, id=source.id, band=source.band
        )
        return stamp.to_bytes(), parent
    except Exception as exc:  # whatever it is, it costs this stamp
        return as_hstamp_error(exc)


def _each(planes: Iterable[Any]) -> list[Any] | None:
    """One array, or None, for each source; None where none has any."""
    given = list(planes)
    return None if all(plane is None for plane in given) else given
