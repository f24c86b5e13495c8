"""Compressors of Kafka and of brokers, and whether all that the benchmarks import is there."""

from __future__ import annotations

import importlib
import importlib.util
import sys

__all__ = ["NEEDED", "lz4", "missing", "snappy", "zstd"]

_ZSTD = "compression.zstd" if sys.version_info >= (3, 14) else "backports.zstd"

NEEDED = {
    "blosc2": "blosc2",
    "cramjam": "cramjam",
    "fitsio": "fitsio",
    "imagecodecs": "imagecodecs",
    "lsst.alert.packet": "lsst-alert-packet",
    "matplotlib": "matplotlib",
    "numba": "numba",
    "pyarrow": "pyarrow",
    "sep": "sep",
    _ZSTD: "backports.zstd",
}
"""Modules that the measurements import, and the packages that bring them: the extra ``bench``."""


def missing() -> list[str]:
    """Packages that are not installed."""
    return [package for module, package in NEEDED.items() if not _found(module)]


def _found(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ImportError:  # a parent package is missing
        return False


def snappy(data: bytes) -> bytes:
    """Compress as Kafka does where LSST's alerts are sent: one raw snappy block."""
    import cramjam

    return bytes(cramjam.snappy.compress_raw(data))


def lz4(data: bytes) -> bytes:
    """Compress to an lz4 frame."""
    import cramjam

    return bytes(cramjam.lz4.compress(data))


def zstd(data: bytes, level: int = 3) -> bytes:
    """Compress to a zstd frame."""
    packed: bytes = importlib.import_module(_ZSTD).compress(data, level=level)
    return packed
