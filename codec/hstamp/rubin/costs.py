"""What stamps cost the producer, measured: ``python -m hstamp.rubin.costs``.

One simulated detector of full size, complete stamps of five levels with variance, mask and PSF in
three images, against today's way: a FITS file of 30 x 30 pixels for each with ``CCDData.write``.
All times are CPU times, of all threads, which other work on the machine changes little.
"""

from __future__ import annotations

import argparse
import io
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np

from ..fast import load
from .boxes import read_boxes
from .parent import Parent, parent_of
from .repository import INPUTS, fill
from .simulate import INSTRUMENT, VISIT, Exposure, expose, stamps_of_exposure
from .stamps import StampOptions

__all__ = ["first_call", "main"]

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
_BOXES: Final = (1, 5, 10, 24, 40)
"""Numbers of sources for which boxes are read."""
_FIRST: Final = "import sys; from hstamp.rubin import costs; sys.exit(costs.first_call())"


@dataclass(frozen=True)
class _Row:
    what: str
    found: str
    goal: str = ""

    def __str__(self) -> str:
        return f"| {self.what} | {self.found} | {self.goal} |"


def main(arguments: list[str] | None = None) -> int:
    """Print the table of costs; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m hstamp.rubin.costs", description=__doc__)
    parser.add_argument("--sources", type=int, default=300, help="sources of a crowded detector")
    parser.add_argument("--repeats", type=int, default=5, help="the median of how many is taken")
    parser.add_argument("--shape", type=int, nargs=2, default=_SHAPE, metavar=("ROWS", "COLUMNS"))
    given = parser.parse_args(arguments)
    rows, columns = given.shape
    one = expose(1, given.sources, (rows, columns))
    print(  # noqa: T201
        f"{rows} x {columns} pixels, median of {given.repeats}, {platform.machine()},"
        f" {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}\n\n"
        "| what | CPU | goal |\n|---|---|---|"
    )
    # Each as it comes: all of them take minutes.
    for part in (_encoding(one, given.repeats), _reading(one)):
        for row in part:
            print(row, flush=True)  # noqa: T201
    return 0


def first_call() -> int:
    """Print the CPU times of a process's first stamps and of loading kernels [s]; the status."""
    one = expose(1, round(_ALERTS / _DETECTORS))
    print(_once(lambda: stamps_of_exposure(one, StampOptions())), _once(load))  # noqa: T201
    return 0


def _encoding(one: Exposure, repeats: int) -> Iterator[_Row]:
    """Rows of a table: what stamps and today's cutouts take, images in memory."""
    few = round(_ALERTS / _DETECTORS)
    load()

    def taken(part: slice, psf: str = StampOptions.psf) -> float:
        return _cpu(lambda: stamps_of_exposure(one, StampOptions(psf=psf), part), repeats)

    crowded, usual = taken(slice(None)), taken(slice(few))
    each = taken(slice(None), "source")
    with tempfile.TemporaryDirectory() as folder:
        _, compiling = _first_call(Path(folder))
        first, loading = _first_call(Path(folder))
    parent = parent_of(one.science)
    now = _cpu(lambda: _cutouts(parent, one), repeats) / min(_FEW, len(one.ids))
    count = len(one.ids)
    stamp, visit = crowded / (3 * count), _DETECTORS * usual
    yield from [
        _Row(f"{count} sources x 3", f"{crowded:.3f} s", "< 0.5 s"),
        _Row(f"{count} sources x 3, PSF of each (a Gaussian)", f"{each:.3f} s"),
        _Row(f"{few} sources x 3", f"{usual:.3f} s"),
        _Row(
            f"a visit: {_DETECTORS} detectors, {_ALERTS:,} alerts x 3", f"{visit:.0f} s", "< 100 s"
        ),
        _Row(f"one stamp of {count} x 3", f"{1e3 * stamp:.3f} ms"),
        _Row("today: one 30 x 30 cutout with CCDData", f"{1e3 * now:.2f} ms"),
        _Row("today / stamp", f"{now / stamp:.0f}", ">= 8"),
        _Row(f"of the {_BUDGET:g} s to an alert: a detector, warm", f"{usual / _BUDGET:.1%}"),
        _Row(
            "of it: the first detector of a process, which numpy encodes",
            f"{first / _BUDGET:.1%} ({first:.2f} s)",
        ),
        _Row(
            "of it: loading compiled kernels, after half a second of numpy's work",
            f"{loading / _BUDGET:.1%} ({loading:.1f} s)",
        ),
        _Row(
            "of it: compiling them, once for a machine or a container's image",
            f"{compiling / _BUDGET:.0%} ({compiling:.0f} s)",
        ),
    ]


def _first_call(cache: Path) -> tuple[float, float]:
    """CPU times that `first_call` prints in a new process, whose kernels are kept in a folder."""
    environment = os.environ | {"NUMBA_CACHE_DIR": str(cache)}
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-c", _FIRST], env=environment, check=True, capture_output=True, text=True
    )
    first, loading = map(float, done.stdout.split())
    return first, loading


def _reading(one: Exposure) -> Iterator[_Row]:
    """Rows of a table: what it takes to read the three images of a repository."""
    from lsst.daf.butler import Butler

    rng = np.random.default_rng(1)
    box = one.science.bbox
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "repository"
        fill(root, [one])
        where = {"instrument": INSTRUMENT, "visit": VISIT, "detector": one.detector}
        names = ("difference_image", "visit_image", "template_detector")
        with Butler.from_config(str(root), collections=INPUTS) as butler:
            handles = [butler.getDeferred(name, where) for name in names]
            # The first read parses what the file says of itself, once for a file.
            _once(lambda: [handle.get(component="bbox") for handle in handles])
            whole = _once(lambda: [parent_of(handle.get()) for handle in handles])
            yield _Row("reading three images whole", f"{whole:.1f} s")
            for count in _BOXES:
                x = box.x.start + rng.uniform(0, box.x.size - 1, count)
                y = box.y.start + rng.uniform(0, box.y.size - 1, count)
                took = _once(partial(_boxes, handles, x, y))
                yield _Row(f"reading the boxes of {count} sources in three", f"{took:.1f} s")


def _boxes(handles: Sequence[Any], x: Any, y: Any) -> None:
    for handle in handles:
        read_boxes(handle, x, y, StampOptions.levels)


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


def _cpu(work: Callable[[], Any], repeats: int) -> float:
    """Median CPU time of all threads of this process, warm [s]."""
    work()
    return statistics.median(_once(work) for _ in range(repeats))


def _once(work: Callable[[], Any]) -> float:
    began = time.process_time()
    work()
    return time.process_time() - began


if __name__ == "__main__":
    sys.exit(main())
