"""Bytes: the same windows through every peer, and whole alerts."""

from __future__ import annotations

import gzip
import io
import warnings
from collections.abc import Callable
from typing import Any

import fastavro
import numpy as np
from astropy.io import fits

import hstamp

from . import data, sky
from .alerts import PREVIOUS, v11
from .compressors import lz4, snappy, zstd

__all__ = ["run"]

NIGHT = 10_000_000
NIGHTS = 300
"""Nights with observations in a year: an assumption, stated with the result."""
_STEPS = (1 / 4, 1 / 8, 1 / 16, 1 / 32)


def run(count: int = 60) -> dict[str, Any]:
    """Bytes per stamp, mean over simulated windows, with the error they leave in the image."""
    made = sky.parents(count, first=2000)
    result: dict[str, Any] = {"windows": count}
    rows: dict[str, Any] = {}
    notes: dict[str, str] = {}
    _today(made, rows)
    _windows(made, rows, notes)
    _binned(made, rows)
    _ours(made, rows)
    result["rows"], result["notes"] = rows, notes
    result["curve"] = [_rate(made[:30], s) for s in (1, 1 / 2, *_STEPS, 1 / 64)]
    result["alerts"] = _alerts(made)
    result["real"] = _real()
    return result


def _mean(values: list[int] | list[float]) -> float:
    return float(np.mean(values))


def _row(
    rows: dict[str, Any], name: str, size: float, values: int, side: float, **more: Any
) -> None:
    rows[name] = {"bytes": size, "values": values, "field [arcsec]": side} | more


def _today(made: list[sky.Parent], rows: dict[str, Any]) -> None:
    """LSST's cutout as built, 30x30 with variance and PSF, and what brokers make of it."""
    cutouts = [sky.cutout(p) for p in made]
    _row(rows, "LSST FITS", _mean([len(c) for c in cutouts]), 900, 6.0, **_packed(cutouts))
    _row(rows, "LSST FITS, gzip", _mean([len(gzip.compress(c)) for c in cutouts]), 900, 6.0)
    trimmed = [len(lz4(sky.cutout(p, planes=False))) for p in made]
    _row(rows, "Lasair: primary HDU, lz4 (image only)", _mean(trimmed), 900, 6.0)


def _packed(images: list[bytes]) -> dict[str, float]:
    """Mean bytes of images compressed one by one, and of many compressed as one batch."""
    return {
        "snappy": _mean([len(snappy(image)) for image in images]),
        "zstd": _mean([len(zstd(image)) for image in images]),
        "batch of stamps, zstd": _zstd(images),
    }


def _window(p: sky.Parent, side: int = 240) -> np.ndarray[Any, np.dtype[np.float32]]:
    i0, j0 = hstamp.reference_corner(p.x, p.y)
    o = hstamp.Layout(5).origins[-1]
    return np.ascontiguousarray(p.image[j0 + o : j0 + o + side, i0 + o : i0 + o + side])


_Coded = tuple[int, "np.ndarray[Any, Any] | None"]
_TARGET = 0.25
"""Error that lossy image codecs may leave [pixel noise]: their best setting within it is shown."""


def _windows(made: list[sky.Parent], rows: dict[str, Any], notes: dict[str, str]) -> None:
    """The whole 48 arcsec window at full resolution, and the 6 arcsec one, through codecs."""
    for side, name in ((240, "48 arcsec"), (30, "6 arcsec")):
        start = (240 - side) // 2
        cuts = [
            np.ascontiguousarray(_window(p)[start : start + side, start : start + side])
            for p in (made[:10] if side == 240 else made[:30])
        ]
        for method, code in _methods().items():
            sizes, errors = [], []
            try:
                for cut in cuts:
                    size, back = code(cut)
                    sizes.append(size)
                    if back is not None:
                        errors.append(
                            np.sqrt(np.mean((back - cut.astype(float)) ** 2)) / sky.SKY_SIGMA
                        )
            except Exception as error:  # a codec that refuses such images says so here
                notes[f"{method}, {name}"] = f"{type(error).__name__}: {str(error)[:120]}"
                continue
            rms = float(np.mean(errors)) if errors else 0.0
            _row(
                rows,
                f"{name} window, image: {method}",
                _mean(sizes),
                side**2,
                side * sky.SCALE,
                rms=rms,
            )


def _methods() -> dict[str, Callable[[np.ndarray[Any, Any]], _Coded]]:
    import blosc2
    import imagecodecs as ic

    step = sky.SKY_SIGMA / 4

    def integers(cut: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        return np.rint(cut / step).clip(-1000, 64_535).astype(np.int32)

    def unsigned(cut: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        return (integers(cut) + 1000).astype(np.uint16)

    def value(pixels: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        return (pixels.astype(float) - 1000) * step

    methods: dict[str, Callable[[np.ndarray[Any, Any]], _Coded]] = {
        "FITS": lambda c: (2880 + -(-c.nbytes // 2880) * 2880, None),
        "fpack RICE q=4": lambda c: _fpack(c, "RICE_1", 4),
        "fpack RICE q=16": lambda c: _fpack(c, "RICE_1", 16),
        "HCOMPRESS q=4": lambda c: _fpack(c, "HCOMPRESS_1", 4),
    }

    def best(cut: np.ndarray[Any, Any], settings: Any, code: Any, decode: Any) -> _Coded:
        found: _Coded | None = None
        for setting in settings:
            packed = code(unsigned(cut), setting)
            back = value(decode(packed))
            error = np.sqrt(np.mean((back - cut) ** 2)) / sky.SKY_SIGMA
            if found is None or error <= _TARGET:
                found = len(packed), back
        assert found is not None
        return found

    return methods | {
        "JPEG-XL, lossless on integers": lambda c: (
            len(ic.jpegxl_encode(unsigned(c), lossless=True)),
            value(unsigned(c)),
        ),
        "JPEG-XL, lossy": lambda c: best(
            c,
            (0.01, 0.02, 0.04, 0.08, 0.15, 0.3, 1.0),
            lambda u, d: ic.jpegxl_encode(u, lossless=False, distance=d),
            ic.jpegxl_decode,
        ),
        "JPEG 2000, lossless on integers": lambda c: (
            len(ic.jpeg2k_encode(unsigned(c), level=0, reversible=True)),
            value(unsigned(c)),
        ),
        "JPEG 2000, lossy": lambda c: best(
            c,
            (110, 104, 100, 98, 96, 94, 90, 84),
            lambda u, p: ic.jpeg2k_encode(u, level=p, reversible=False),
            ic.jpeg2k_decode,
        ),
        "zstd on integers": lambda c: (
            len(zstd(unsigned(c).tobytes(), level=9)),
            value(unsigned(c)),
        ),
        "blosc2 (shuffle, zstd) on integers": lambda c: (
            len(blosc2.compress2(unsigned(c).tobytes(), typesize=2, clevel=9)),
            value(unsigned(c)),
        ),
    }


def _fpack(image: np.ndarray[Any, Any], kind: str, q: int) -> _Coded:
    """Bytes of the file with its headers, and the image that comes back."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tile = image.shape if kind.startswith("H") else (1, image.shape[1])
        hdu = fits.CompImageHDU(
            image,
            compression_type=kind,
            quantize_level=q,
            quantize_method=1,
            dither_seed=1,
            tile_shape=tile,
        )
        out = io.BytesIO()
        fits.HDUList([fits.PrimaryHDU(), hdu]).writeto(out)
        with fits.open(io.BytesIO(out.getvalue())) as hdus:
            back = np.array(hdus[1].data, dtype=float)
    return len(out.getvalue()), back


def _binned(made: list[sky.Parent], rows: dict[str, Any]) -> None:
    """Other reduced stamps: sizes follow from their shapes, as float32 and as int16."""
    for name, values, side in (
        ("binned 30x30 over 48 arcsec", 900, 48.0),
        ("multiscale 4x8x8", 208, 0.0),
        ("DELIGHT 5x30x30", 4500, 96.0),
    ):
        field = side or 12.8
        _row(rows, f"{name}, float32", 4 * values, values, field, note="array alone")
        _row(rows, f"{name}, int16", 2 * values, values, field, note="array alone")


def _rate(made: list[sky.Parent], step: float) -> dict[str, float | None]:
    """Bytes of the image alone and the error that quantisation leaves, at one step."""
    blobs, errors = [], []
    for p in made:
        stamp = p.encode(psf=None, step=step)
        exact = p.encode(psf=None, encoding="f4", variance_encoding="f4")
        assert exact.record.variance is not None
        variance = np.frombuffer(exact.record.variance.data, "<f4").astype(float)
        errors.append(np.mean((stamp.values.astype(float) - exact.values) ** 2 / variance))
        blobs.append(hstamp.encode(p.image, p.x, p.y, levels=5, step=step).to_bytes())
    return {
        "step": step,
        "bytes": _mean([len(b) for b in blobs]),
        "batch zstd": _zstd(blobs),
        "rms": float(np.sqrt(np.mean(errors))),
    }


def _ours(made: list[sky.Parent], rows: dict[str, Any]) -> None:
    sets: dict[str, dict[str, Any]] = {
        "hstamp n=5 complete, i2": {},
        "hstamp n=5 complete with 8-plane mask, i2": {"mask": True},
        "hstamp n=5 image only, i2": {"variance": None, "psf": None},
        "hstamp n=5 complete, f4 + log8": {"encoding": "f4"},
        "hstamp n=5 image only, f4": {"variance": None, "psf": None, "encoding": "f4"},
        "hstamp n=4 complete, i2": {"levels": 4},
        "hstamp n=6 complete, i2": {"levels": 6},
    }
    sides = {"n=4": 24.0, "n=5": 48.0, "n=6": 96.0}
    for name, options in sets.items():
        blobs = [p.encode(**options).to_bytes() for p in made]
        field = sides[name.split()[1]]
        values = hstamp.Stamp.from_bytes(blobs[0]).layout.size
        _row(rows, name, _mean([len(b) for b in blobs]), values, field, most=max(map(len, blobs)))
        rows[name] |= _packed(blobs)
    for step in _STEPS:
        name = f"hstamp n=5 complete, i2 step 1/{round(1 / step)}, batch zstd"
        blobs = [p.encode(step=step).to_bytes() for p in made]
        _row(rows, name, _zstd(blobs), 900, 48.0)


def _zstd(blobs: list[bytes]) -> float:
    """Bytes per stamp when a Kafka batch of them is compressed as one."""
    return len(zstd(b"".join(blobs))) / len(blobs)


def _alerts(made: list[sky.Parent]) -> dict[str, Any] | None:
    """Whole v11 alerts: as today, with stamps beside, with stamps instead."""
    alerts = v11()
    if alerts is None:
        return None
    stamps = [p.encode(mask=True).to_dict() for p in made[:3]]
    bare = [p.encode().to_dict() for p in made[:3]]
    cutouts = [sky.cutout(p) for p in made[:3]]

    def size(schema: Any, record: dict[str, Any]) -> int:
        out = io.BytesIO()
        fastavro.schemaless_writer(out, fastavro.parse_schema(schema), record)
        return out.tell()

    rows: dict[str, Any] = {}
    today = alerts.record(None, cutouts)
    for name, schema, record in (
        ("v11 today (three 30x30 cutouts)", alerts.plain, today),
        ("v11 without any stamp", alerts.plain, alerts.record(None, None)),
        ("v11 with three new stamps beside", alerts.schema, alerts.record(bare, cutouts)),
        ("v11, new stamps instead", alerts.schema, alerts.record(bare, None)),
        ("v11, new stamps with mask instead", alerts.schema, alerts.record(stamps, None)),
    ):
        count = size(schema, record)
        rows[name] = {
            "bytes": count,
            "GB per night": count * NIGHT / 1e9,
            "TB per year": count * NIGHT * NIGHTS / 1e12,
        }
    return {
        "schema": ".".join(map(str, alerts.version)),
        "previous sources": PREVIOUS,
        "nights": NIGHTS,
        "rows": rows,
    }


def _real() -> dict[str, Any] | None:
    """Real cutouts as delivered; the same source's window is not public, so only their size."""
    cutouts = data.lsst_cutouts(None)
    if not cutouts:
        return None
    ztf = data.ztf_cutouts()
    packed = {
        name: _mean([len(pack(c)) for c in cutouts])
        for name, pack in (("gzip", gzip.compress), ("snappy", snappy), ("zstd", zstd))
    }
    return {
        "LSST science cutouts": {
            "n": len(cutouts),
            "bytes": _mean([len(c) for c in cutouts]),
            **packed,
        },
        "ZTF science cutouts, gzipped": {"n": len(ztf), "bytes": _mean([len(c) for c in ztf])},
        **_real_sky(),
    }


def _real_sky() -> dict[str, Any]:
    """Stamps of real images: SDSS r, 900x900, positions on a grid; image alone."""
    folder = data.shared()
    path = folder / "sky" / "SN2010H_SDSS_r.fits" if folder else None
    if path is None or not path.is_file():
        return {}
    image = fits.getdata(path).astype(np.float32)
    places = np.arange(125.3, 780, 60)
    x, y = (axis.ravel() for axis in np.meshgrid(places, places))
    blobs = hstamp.encode_many(image, x, y, flux_unit="nmgy")
    return {
        "SDSS r (SN 2010H field), hstamp n=5 image only": {
            "n": len(blobs),
            "bytes": _mean([len(b) for b in blobs]),
            "zstd": _mean([len(zstd(b)) for b in blobs]),
            "snappy": _mean([len(snappy(b)) for b in blobs]),
        }
    }
