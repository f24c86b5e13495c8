"""Stamps of a table of sources in one parent; the fault of a source costs that source alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ..batch.encode import EncodedBatch, encode_many
from ..batch.labels import as_input_error
from ..encoder import Options
from ..errors import InputError, shown
from ..layout import count_of, layout_of, positions_usable, reference_corners
from ..parents import real_array
from ..tangent import Wcs, tangent_rows
from .masks import PLANES, UNUSABLE, Boxes, chosen, flags_of, stored_bits
from .parent import Parent

__all__ = ["PSFS", "StampOptions", "stamps_of"]

PSFS: Final = ("average", "source", "none")
"""One PSF, of the detector's middle, for all its sources; one for each; or none."""

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class StampOptions:
    """How stamps of a table of sources are made.

    Parameters
    ----------
    levels : int
        Number of levels; five cover 48 arcsec of LSST's pixels.
    encoding, variance_encoding : str
        As in `hstamp.encode`.
    step : float
        ``i2`` quantisation step as a fraction of the noise.
    variance : bool
        Whether stamps carry the variance.
    mask_planes : sequence of str
        Planes to carry, in order of preference; those that an image lacks are passed over, and
        the first sixteen of the others are taken. None of them: stamps without a mask.
    unusable : sequence of str
        Planes whose pixels are missing.
    psf : {'average', 'source', 'none'}
        Which PSF stamps carry.
    psf_size : int
        Side of the stored PSF, odd [pixel].
    """

    levels: int = 5
    encoding: str = "i2"
    variance_encoding: str = "log8"
    step: float = Options.step
    variance: bool = True
    mask_planes: Sequence[str] = PLANES
    unusable: Sequence[str] = UNUSABLE
    psf: str = "average"
    psf_size: int = 21

    def __post_init__(self) -> None:
        count_of(self.levels)
        Options(self.encoding, self.variance_encoding, self.psf_size, self.step)
        if self.psf not in PSFS:
            raise InputError(f"psf must be one of {list(PSFS)}, not {shown(self.psf)}")
        for name in ("mask_planes", "unusable"):
            planes = getattr(self, name)
            if isinstance(planes, str):
                raise InputError(f"{name} must be a sequence of names, not {shown(planes)}")
            object.__setattr__(self, name, tuple(planes))


def stamps_of(
    parent: Parent,
    x: npt.ArrayLike,
    y: npt.ArrayLike,
    ids: Sequence[str | None] | None = None,
    config: StampOptions | None = None,
) -> EncodedBatch:
    """Encode stamps of many sources of one parent.

    Parameters
    ----------
    parent : Parent
    x, y : array_like, shape (B,)
        Positions in the detector or patch [pixel], as catalogues give them.
    ids : sequence of (str or None), optional
        Identifiers.
    config : StampOptions, optional

    Returns
    -------
    EncodedBatch
        Blobs, None where a source lies outside of the image, has no usable pixel, no sky position
        or no PSF; the reasons are in its ``errors``.

    Raises
    ------
    InputError
        If what is given for all sources cannot be used.
    """
    config = StampOptions() if config is None else config
    xs, ys = (real_array(v, name).astype(np.float64) for v, name in ((x, "x"), (y, "y")))
    if xs.ndim != 1 or xs.shape != ys.shape:
        raise InputError(f"x and y must be one-dimensional and equal, not {xs.shape}, {ys.shape}")
    if ids is not None and len(ids) != len(xs):
        raise InputError(f"{len(ids)} ids for {len(xs)} sources")
    xs, ys = xs - parent.x0, ys - parent.y0
    faults = _outside(parent, xs, ys)
    boxes = _boxes(parent, xs, ys, [row for row in range(len(xs)) if row not in faults], config)
    parent = _without(parent, boxes, config.unusable)
    faults.update(_empty(parent, boxes))
    tangents = _tangents(parent, xs, ys, faults)
    psf = _psfs(parent, xs, ys, config, faults)

    rows = [row for row in range(len(xs)) if row not in faults]
    blobs: list[bytes | None] = [None] * len(xs)
    if rows:
        names = chosen(parent.planes, config.mask_planes) if parent.mask is not None else ()
        done = encode_many(
            parent.image, xs[rows], ys[rows],
            levels=config.levels, encoding=config.encoding, step=config.step,
            variance=parent.variance if config.variance else None,
            variance_encoding=config.variance_encoding,
            mask=stored_bits(parent, names, boxes) if names else None,
            mask_planes=names or None,
            psf=[psf[row] for row in rows] if isinstance(psf, Mapping) else psf,
            psf_size=config.psf_size,
            wcs=None if tangents is None else [tangents[row] for row in rows],
            band=parent.band, flux_unit=parent.flux_unit,
            ids=None if ids is None else [ids[row] for row in rows],
            errors="collect",
        )  # fmt: skip
        for row, blob in zip(rows, done, strict=True):
            blobs[row] = blob
        faults.update({rows[place]: fault for place, fault in done.errors.items()})
    return EncodedBatch(blobs, faults)


def _outside(parent: Parent, xs: Array, ys: Array) -> dict[int, InputError]:
    height, width = parent.image.shape
    inside = positions_usable(xs, ys)
    with np.errstate(invalid="ignore"):
        inside &= (xs >= -0.5) & (xs < width - 0.5) & (ys >= -0.5) & (ys < height - 0.5)
    return {
        row: InputError(
            f"the position ({xs[row] + parent.x0}, {ys[row] + parent.y0}) is not in the image"
        )
        for row in np.flatnonzero(~inside).tolist()
    }


def _boxes(parent: Parent, xs: Array, ys: Array, rows: list[int], config: StampOptions) -> Boxes:
    """Pixels of the stamps of some sources."""
    layout = layout_of(config.levels)
    i0, j0 = reference_corners(xs[rows], ys[rows])
    origin = int(layout.origins[-1])
    return Boxes.around(rows, j0 + origin, i0 + origin, layout.side, parent.image.shape)


def _without(parent: Parent, boxes: Boxes, names: Sequence[str]) -> Parent:
    """Parent whose unusable pixels are NaN; the same one where they are already."""
    flags_in = flags_of(parent, names)
    if flags_in is None:
        return parent
    image = parent.image
    for box in boxes.slices:
        flags = flags_in(box)
        if flags.any() and np.isfinite(parent.image[box][flags]).any():
            if image is parent.image:
                image = parent.image.astype(np.result_type(parent.image, np.float32))
            image[box][flags] = np.nan
    return replace(parent, image=image)


def _empty(parent: Parent, boxes: Boxes) -> dict[int, InputError]:
    """Sources around which the image has no value."""
    return {
        row: InputError("no pixel of the stamp is usable")
        for row, box in zip(boxes.rows, boxes.slices, strict=True)
        if not _some(parent.image[box])
    }


def _some(window: Array) -> bool:
    """Whether any value is finite; nearly always some in the middle row is."""
    return bool(np.isfinite(window[len(window) // 2]).any() or np.isfinite(window).any())


def _tangents(
    parent: Parent, xs: Array, ys: Array, faults: dict[int, InputError]
) -> dict[int, Wcs] | None:
    """Tangent plane of each source; a source whose position makes the WCS fail has a fault."""
    sky = parent.local_sky()
    if sky is None:
        return None
    rows = [row for row in range(len(xs)) if row not in faults]
    try:
        found = tangent_rows(sky, xs[rows], ys[rows])
    except InputError:
        found = []
        for row in rows:
            try:
                found += tangent_rows(sky, xs[row : row + 1], ys[row : row + 1])
            except InputError as fault:
                found.append(fault)
    faults.update(
        {row: one for row, one in zip(rows, found, strict=True) if isinstance(one, InputError)}
    )
    return {row: one for row, one in zip(rows, found, strict=True) if isinstance(one, Wcs)}


def _psfs(
    parent: Parent, xs: Array, ys: Array, config: StampOptions, faults: dict[int, InputError]
) -> Mapping[int, Array] | Array | None:
    """PSF of all sources, or of each.

    An average that cannot be drawn leaves stamps without a PSF: a stamp needs none. One asked for
    at each source is part of what was asked for, and its failure a fault of the source.
    """
    if parent.psf is None or config.psf == "none":
        return None
    if config.psf == "average":
        try:
            return _usable(parent.psf(*parent.middle))
        except Exception:  # whatever a PSF model raises
            return None
    drawn: dict[int, Array] = {}
    for row in [row for row in range(len(xs)) if row not in faults]:
        try:
            drawn[row] = _usable(parent.psf(xs[row] + parent.x0, ys[row] + parent.y0))
        except Exception as error:  # whatever a PSF model raises
            faults[row] = InputError(f"the PSF fails: {as_input_error(error).reason}")
    return drawn


def _usable(psf: Array) -> Array:
    values = np.asarray(psf, dtype=np.float64)
    if not (np.isfinite(values).all() and values.sum() > 0):
        raise InputError("it has values that are not finite, or no positive sum")
    return values
