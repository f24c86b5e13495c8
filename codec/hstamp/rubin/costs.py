"""What stamps cost the producer, measured: ``python -m hstamp.rubin.costs``.

One simulated detector of full size, complete stamps of five levels with variance, mask and PSF in
three images, against today's way: a FITS file of 30 x 30 pixels for each with ``CCDData.write``.
"""

from __future__ import annotations

import argparse
import io
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np

from ..alerts.fields import KINDS
from .images import stamp_columns
from .parent import Parent, parent_of
from .simulate import Exposure, expose
from .stamps import StampOptions

__all__ = ["main"]

_SHAPE: Final = (4000, 4072)
"""Rows and columns of a detector of LSSTCam."""
_DETECTORS: Final = 189
_ALERTS: Final = 10_000
"""Alerts of a visit."""
_BUDGET: Final = 60.0
"""From the end of an exposure to its alerts [s]."""
_TODAY: Final = 30
_FEW: Final = 30
"""Sources whose cutouts are written to time one."""


def main(arguments: list[str] | None = None) -> int:
    """Print the table of costs.

    Parameters
    ----------
    arguments : list of str, optional
        Of the command line.

    Returns
    -------
    int
        Exit status.
    """
    parser = argparse.ArgumentParser(prog="python -m hstamp.rubin.costs", description=__doc__)
    parser.add_argument("--sources", type=int, default=300)
    parser.add_argument("--repeats", type=int, default=5)
    given = parser.parse_args(arguments)
    one = expose(1, given.sources, _SHAPE)
    few = round(_ALERTS / _DETECTORS)
    average, each = StampOptions(), StampOptions(psf="source")

    cold = _once(lambda: _stamps(one, slice(None), average))
    rows = [
        ("first call in a process", cold),
        (f"{given.sources} sources x 3", _cpu(lambda: _stamps(one, slice(None), average), given)),
        (f"{given.sources} sources x 3, PSF of each", _cpu(
            lambda: _stamps(one, slice(None), each), given)),
        (f"{few} sources x 3", _cpu(lambda: _stamps(one, slice(few), average), given)),
        (f"reading three images of {_SHAPE[1]} x {_SHAPE[0]}", _reading(one)),
    ]  # fmt: skip
    parent = parent_of(one.science)
    now = _cpu(lambda: _cutouts(parent, one), given) / _FEW
    stamp, visit = rows[1][1] / (3 * given.sources), _DETECTORS * rows[3][1]
    lines = [f"| {what} | {seconds:.3f} s |" for what, seconds in rows]
    lines += [
        f"| one stamp of {given.sources} x 3 | {1e3 * stamp:.3f} ms |",
        f"| today: one 30 x 30 cutout with CCDData | {1e3 * now:.2f} ms |",
        f"| today / stamp | {now / stamp:.0f} |",
        f"| a visit: {_DETECTORS} detectors, {_ALERTS:,} alerts x 3 | {visit:.0f} core-seconds |",
        f"| of the {_BUDGET:g} s budget, warm | {rows[3][1] / _BUDGET:.1%} |",
        f"| of the {_BUDGET:g} s budget, first call in a process | {cold / _BUDGET:.1%} |",
    ]
    print("| what | CPU |\n|---|---|", *lines, sep="\n")  # noqa: T201
    return 0


def _stamps(one: Exposure, part: slice, options: StampOptions) -> None:
    images = {kind: getattr(one, kind) for kind in KINDS}
    stamp_columns(images, one.x[part], one.y[part], one.ids[part].tolist(), options)


def _cutouts(parent: Parent, one: Exposure) -> None:
    """Write cutouts as the alert packager does: image, variance, flags, WCS."""
    import astropy.units as u
    from astropy.nddata import CCDData, VarianceUncertainty
    from astropy.wcs import WCS

    half = _TODAY // 2
    for x, y in zip(one.x[:_FEW], one.y[:_FEW], strict=True):
        i, j = (
            min(max(round(v), half), size - half)
            for v, size in zip((x, y), reversed(parent.image.shape), strict=True)
        )
        box = slice(j - half, j + half), slice(i - half, i + half)
        wcs = WCS(naxis=2)
        wcs.wcs.crpix, wcs.wcs.crval = (half, half), (150.0, 2.0)
        wcs.wcs.cd = np.eye(2) * 0.2 / 3600
        assert parent.variance is not None
        assert parent.mask is not None
        CCDData(
            parent.image[box], uncertainty=VarianceUncertainty(parent.variance[box]),
            flags=parent.mask[box][..., 0].astype("i4"), wcs=wcs, unit=u.nJy,
        ).write(io.BytesIO(), format="fits")  # fmt: skip


def _reading(one: Exposure) -> float:
    from lsst.images import VisitImage

    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / f"{kind}.fits" for kind in KINDS]
        for kind, path in zip(KINDS, paths, strict=True):
            getattr(one, kind).write(str(path))
        return _once(lambda: [VisitImage.read(str(path)) for path in paths])


def _cpu(work: Callable[[], Any], given: argparse.Namespace) -> float:
    """Median CPU time of all threads of this process, warm [s]."""
    work()
    return statistics.median(_once(work) for _ in range(given.repeats))


def _once(work: Callable[[], Any]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


if __name__ == "__main__":
    sys.exit(main())
