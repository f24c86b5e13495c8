"""Decode: from alert bytes to float32 arrays, against every peer."""

from __future__ import annotations

import gzip
import io
import tempfile
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import fastavro
import numpy as np
from astropy.io import fits
from astropy.nddata import CCDData

import hstamp
from hstamp import fast
from hstamp.encodings.variance import LEVEL_VALUES

from . import data, sky
from .alerts import v11
from .compressors import lz4
from .timing import race

__all__ = ["run"]

_OFFSETS = ((2880, ">f4", 900), (11_520, ">f4", 900), (20_160, ">f8", 1681))


def fits_open(blob: bytes) -> list[Any]:
    with fits.open(io.BytesIO(blob)) as hdus:
        return [np.asarray(hdu.data, dtype=np.float32) for hdu in hdus]


def first_hdu(blob: bytes) -> Any:
    with fits.open(io.BytesIO(blob)) as hdus:
        return np.asarray(hdus[0].data, dtype=np.float32)


def ccddata(blob: bytes) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return CCDData.read(io.BytesIO(blob), format="fits", unit="nJy", hdu_uncertainty="UNCERT")


def frombuffer(blob: bytes) -> list[Any]:
    return [np.frombuffer(blob, t, n, o).astype(np.float32) for o, t, n in _OFFSETS]


def planes(blob: bytes) -> tuple[Any, ...]:
    stamp = hstamp.Stamp.from_bytes(blob)
    return stamp.levels, stamp.variance, stamp.psf


def _plain(function: Callable[[], Any]) -> Callable[[], Any]:
    def run() -> Any:
        with fast.numpy_only():
            return function()

    return run


def run(count: int = 200, rounds: int = 9) -> dict[str, Any]:
    """Race all decoders; with `count` distinct stamps, repeated to 1,000 in a batch."""
    kernels = fast.load()
    simulated = sky.parents(count)
    made = [p.encode() for p in simulated]
    blobs = [s.to_bytes() for s in made]
    masked = [p.encode(mask=True).to_bytes() for p in sky.parents(min(count, 50))]
    batch = (blobs * (1000 // count + 1))[:1000]
    batch_mask = (masked * (1000 // len(masked) + 1))[:1000]
    legacy = [sky.cutout(p) for p in simulated[:40]]
    assert all(len(blob) == 34_560 for blob in legacy)
    ztf = [gzip.compress(sky.cutout(p, 63, planes=False)) for p in simulated[:20]]
    three = ("image", "variance", "psf")
    record = {"count": len(batch)}

    contenders: dict[str, tuple[Callable[[], Any], int]] = {
        "fits.open, 3 planes": (lambda: [fits_open(b) for b in legacy[:10]], 10),
        "fits.open, image only": (lambda: [first_hdu(b) for b in legacy[:10]], 10),
        "CCDData.read": (lambda: [ccddata(b) for b in legacy[:5]], 5),
        "ZTF: gunzip, fits.open": (lambda: [first_hdu(gzip.decompress(b)) for b in ztf], len(ztf)),
        "numpy.frombuffer at known offsets, 3 planes": (
            lambda: [frombuffer(b) for b in legacy],
            len(legacy),
        ),
        "hstamp one at a time, 3 planes, numpy": (
            _plain(lambda: [planes(b) for b in blobs[:20]]),
            20,
        ),
        "hstamp batch, 3 planes, numpy": (
            _plain(lambda: hstamp.decode_many(batch, planes=three)),
            1000,
        ),
        "hstamp batch, image, numpy": (
            _plain(lambda: hstamp.decode_many(batch, planes=("image",))),
            1000,
        ),
    }
    import cramjam
    import fitsio

    packed = [lz4(sky.cutout(p, planes=False)) for p in simulated[:20]]
    contenders["Lasair: lz4, primary HDU, fits.open"] = (
        lambda: [first_hdu(bytes(cramjam.lz4.decompress(b))) for b in packed],
        len(packed),
    )
    folder = tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None)
    path = Path(folder.name) / "cutout.fits"

    def with_fitsio() -> list[Any]:
        path.write_bytes(legacy[0])  # it reads files only; this one lies in memory
        with fitsio.FITS(str(path)) as hdus:
            return [hdu.read() for hdu in hdus]

    contenders["fitsio, 3 planes"] = (with_fitsio, 1)
    if kernels:
        contenders |= {
            "hstamp one at a time, 3 planes": (lambda: [planes(b) for b in blobs], len(blobs)),
            "hstamp batch, 3 planes": (lambda: hstamp.decode_many(batch, planes=three), 1000),
            "hstamp batch, image": (lambda: hstamp.decode_many(batch, planes=("image",)), 1000),
            "hstamp batch, 4 planes with mask": (lambda: hstamp.decode_many(batch_mask), 1000),
        }
    outputs = hstamp.decode_many(batch[:256], planes=three)
    arrays = [outputs.levels, outputs.variance, outputs.psf]
    contenders["limit: copy of the 3 output planes"] = (lambda: [a.copy() for a in arrays], 256)
    contenders |= _alert(made)
    result: dict[str, Any] = {"stamps": race(contenders, rounds), "notes": record}
    result["out of Avro"] = _out_of_avro(batch, rounds) if kernels else {}
    result["where"] = _where(batch, rounds) if kernels else {}
    result["threads"] = _threads(batch)
    real = data.lsst_cutouts()
    if real:
        real_ztf = data.ztf_cutouts()
        result["real"] = race(
            {
                "LSST v9, fits.open, 3 planes": (lambda: [fits_open(b) for b in real[:10]], 10),
                "LSST v9, CCDData.read": (lambda: [ccddata(b) for b in real[:5]], 5),
                "ZTF, gunzip, fits.open": (
                    lambda: [first_hdu(gzip.decompress(b)) for b in real_ztf],
                    len(real_ztf),
                ),
            },
            rounds,
        )
    return result


def _alert(made: list[hstamp.Stamp]) -> dict[str, tuple[Callable[[], Any], int]]:
    """A whole v11 alert with three complete stamps, from Avro bytes to arrays."""
    alerts = v11()
    if alerts is None:
        return {}
    schema = fastavro.parse_schema(alerts.schema)
    record = alerts.record([s.to_dict() for s in made[:3]], None)
    out = io.BytesIO()
    fastavro.schemaless_writer(out, schema, record)
    message = out.getvalue()

    def parse() -> Any:
        return fastavro.schemaless_reader(io.BytesIO(message), schema)

    def whole() -> list[Any]:
        alert = parse()
        stamps = [hstamp.Stamp.from_dict(alert[name]) for name in alerts.fields]
        return [(s.levels, s.variance, s.psf) for s in stamps]

    return {
        "v11 alert with 3 stamps: Avro alone (fastavro)": (parse, 1),
        "v11 alert with 3 stamps: Avro and 9 planes": (whole, 1),
    }


def _out_of_avro(batch: list[bytes], rounds: int) -> dict[str, Any]:
    """Planes that are already arrays: dequantise and gather, against a bare numpy.take."""
    from hstamp.fast import decode as kernels

    layout, count = hstamp.Layout(5), 256
    stamps = [hstamp.Stamp.from_bytes(b).record for b in batch[:count]]
    codes = np.frombuffer(b"".join(s.image.data for s in stamps), np.uint8)
    starts = np.arange(count) * 2 * layout.size
    steps = np.array([[s.image.zero for s in stamps], [s.image.scale for s in stamps]])
    spread = np.frombuffer(b"".join(s.variance.data for s in stamps), np.uint8)
    spread_starts = np.arange(count) * layout.size
    unit = np.array([[[s.variance.unit] for s in stamps]])
    out = np.empty((count, 5, 15, 15), np.float32)
    flat, values = out.reshape(count, -1), np.zeros((count, layout.size), np.float32)
    where = np.maximum(layout.level_index.ravel(), 0)
    return race(
        {
            "numpy.take writing the same output": (
                lambda: np.take(values, where, axis=1, out=flat),
                count,
            ),
            "numpy.take, mode='clip'": (
                lambda: np.take(values, where, axis=1, out=flat, mode="clip"),
                count,
            ),
            "hstamp image i2": (lambda: kernels.image_i2(codes, starts, steps, out), count),
            "hstamp variance log8": (
                lambda: kernels.levels_log8(spread, spread_starts, unit, LEVEL_VALUES, out),
                count,
            ),
        },
        rounds,
    )


def _where(batch: list[bytes], rounds: int) -> dict[str, Any]:
    """Parts of a batch: bytes into a matrix, checks and metadata, each plane."""

    def only(*names: str) -> Callable[[], Any]:
        return lambda: hstamp.decode_many(batch, planes=names)

    return race(
        {
            "joining the bytes": (lambda: b"".join(batch), 1000),
            "checks and metadata (no plane)": (only(), 1000),
            "with image": (only("image"), 1000),
            "with image and variance": (only("image", "variance"), 1000),
            "with image, variance and psf": (only("image", "variance", "psf"), 1000),
        },
        rounds,
    )


def _threads(batch: list[bytes]) -> dict[str, Any]:
    """Stamps per second of wall time with one thread and with one on every core."""
    import os
    import time

    cores = (
        len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    )
    rates: dict[str, Any] = {"cores": cores}
    for workers in (1, cores):
        best = float("inf")
        with ThreadPoolExecutor(workers) as pool:
            for _ in range(5):
                start = time.perf_counter()
                list(pool.map(lambda _: hstamp.decode_many(batch), range(8)))
                best = min(best, time.perf_counter() - start)
        rates[f"{workers} thread{'s' * (workers > 1)}"] = 8 * len(batch) / best
    return rates
