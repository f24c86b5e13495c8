"""Stamps in a HATS catalogue as blobs and as tensors: bytes, and seconds to read them.

python -m tests.benchmarks.hats [--alerts N]
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import hstamp
from hstamp import arrow as ha
from hstamp.alerts.fields import STAMP_FIELDS
from hstamp.convert.hats import open_catalog

LEVELS = 5


def rows(count: int) -> list[dict[str, Any]]:
    """Alerts of an invented night, all of whose stamps are of noise around a source."""
    rng = np.random.default_rng(20261125)
    psf = np.exp(-((np.indices((21, 21)) - 10.0) ** 2) / 8.0).prod(axis=0)
    blobs: list[bytes] = []
    while len(blobs) < 3 * count:
        image = rng.normal(0.0, 30.0, (1000, 1000))
        at = rng.uniform(150.0, 850.0, (2, 64))
        for x, y in np.rint(at.T).astype(int):
            image[y - 10 : y + 11, x - 10 : x + 11] += 2000.0 * psf
        blobs += hstamp.encode_many(
            image, *at, levels=LEVELS, variance=900.0 + np.maximum(image, 0.0), psf=psf,
            mask=(image > 1000).astype(np.uint16), mask_planes=["DETECTED"], band="r",
            wcs=[
                hstamp.Wcs(ra, dec, -5.5e-5, 0.0, 0.0, 5.5e-5)
                for ra, dec in rng.uniform(0.0, 10.0, (64, 2))
            ],
        )  # fmt: skip
    sky = rng.uniform(0.0, 10.0, (count, 2))
    return [
        {
            "id": str(row), "objectId": str(row // 2), "survey": "made", "band": "r",
            "ra": float(sky[row // 2, 0]), "dec": float(sky[row // 2, 1]), "mjd": 61000.0 + row,
            **dict(zip(STAMP_FIELDS.values(), blobs[3 * row : 3 * row + 3], strict=True)),
        }
        for row in range(count)
    ]  # fmt: skip


def best(work: Callable[[], Any], rounds: int = 5) -> float:
    """Shortest of some runs [s]."""
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


def science(path: Path, *, tensors: bool) -> Any:
    """Images of all science stamps of a flat catalogue, as one array."""
    import pyarrow.dataset as ds

    name = "hstampScience"
    column = f"{name}_image" if tensors else name
    files = [str(p) for p in sorted(path.glob("dataset/**/Npix*.parquet"))]
    table = ds.dataset(files).to_table(columns=[column])
    if tensors:
        return ha.as_numpy(table[column])
    return ha.as_numpy(ha.decode(table[column], planes=["image"])["image"])


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.hats")
    parser.add_argument("--alerts", type=int, default=2000)
    count = parser.parse_args().alerts
    made = rows(count)
    print(f"{count} alerts, three stamps of {LEVELS} levels each with variance, mask and PSF")
    print("| catalogue | bytes an alert | all science images [s] | images a second |")
    print("|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for tensors in (False, True):
            path = Path(folder) / ("tensors" if tensors else "blobs")
            with open_catalog(path, 0, (), tensors=tensors, nest=False) as sink:
                for row in made:
                    sink.add(row)
                sink.close()
            size = sum(f.stat().st_size for f in path.glob("dataset/**/Npix*.parquet"))
            images = science(path, tensors=tensors)
            assert images.shape == (count, LEVELS, 15, 15)
            seconds = best(lambda path=path, tensors=tensors: science(path, tensors=tensors))
            print(f"| {path.name} | {size / count:,.0f} | {seconds:.3f} | {count / seconds:,.0f} |")


if __name__ == "__main__":
    main()
