"""Encode: windows and whole visits to bytes, against one pass over the window's memory."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

import hstamp
from hstamp import fast

from . import sky
from .timing import race

__all__ = ["run"]

BUDGET = 60.0
"""Rubin's time from readout to alerts [s] (LSR-REQ-0101: OTT1 = 1 minute)."""


def run(rounds: int = 9, visit: int = 10_000, detector: int = 4000) -> dict[str, Any]:
    """Race windows, then encode a visit of `visit` alerts with three stamps each."""
    kernels = fast.load()
    p = sky.parent(1, side=240)
    window, spread, marked = p.image, p.variance, p.mask
    x = y = 119.4
    names = sky.PLANES

    def encode(**planes: Any) -> bytes:
        return hstamp.encode(window, x, y, levels=5, **planes).to_bytes()

    def full() -> bytes:
        return encode(variance=spread, mask=marked, mask_planes=names)

    def plain(function: Callable[[], Any]) -> Callable[[], Any]:
        def run() -> Any:
            with fast.numpy_only():
                return function()

        return run

    stack, many = np.repeat(window[None], 64, axis=0), np.full(64, 119.4)
    variances, masks = np.repeat(spread[None], 64, axis=0), np.repeat(marked[None], 64, axis=0)
    contenders: dict[str, tuple[Callable[[], Any], int]] = {
        "limit: ndarray.sum of the window": (window.sum, 1),
        "one at a time, image, numpy": (plain(encode), 1),
        "one at a time, image + variance + mask, numpy": (plain(full), 1),
    }
    if kernels:
        kernel = fast.kernels(0.0)
        corner, parents, spreads = np.zeros(1, np.int64), window[None], spread[None]
        clean = kernel.means(parents, corner, corner, 5).clean
        noisy = kernel.variances(parents, spreads, corner, corner, 5, clean)

        def image_plane() -> Any:
            means = kernel.means(parents, corner, corner, 5)
            return kernel.codes_i2(means.stored, kernel.noise_of_variance(noisy, 5), 1 / 16)

        contenders |= {
            "arithmetic of the image plane (window to integers)": (image_plane, 1),
            "of which means": (lambda: kernel.means(parents, corner, corner, 5), 1),
            "arithmetic of the variance means": (
                lambda: kernel.variances(parents, spreads, corner, corner, 5, clean),
                1,
            ),
            "arithmetic of the mask": (lambda: kernel.bits(marked[None], corner, corner, 5), 1),
            "one at a time, image": (encode, 1),
            "one at a time, image + variance + mask": (full, 1),
            "batch of 64 windows, image": (lambda: hstamp.encode_many(stack, many, many), 64),
            "batch of 64 windows, image + variance + mask": (
                lambda: hstamp.encode_many(
                    stack, many, many, variance=variances, mask=masks, mask_planes=names
                ),
                64,
            ),
        }
    result: dict[str, Any] = {"windows": race(contenders, rounds)}
    result["visit"] = _visit(visit, detector)
    return result


def _visit(alerts: int, side: int) -> dict[str, Any]:
    """Alerts spread over a detector-sized image, three stamps each, one core and all."""
    import os

    whole, (xs, ys) = sky.detector(3, side)
    xs, ys = np.resize(xs, alerts), np.resize(ys, alerts)

    def stamps(part: slice) -> int:
        total = 0
        for _ in range(3):
            blobs = hstamp.encode_many(
                whole.image,
                xs[part],
                ys[part],
                variance=whole.variance,
                mask=whole.mask,
                mask_planes=sky.PLANES,
                band="r",
            )
            total += sum(map(len, blobs))
        return total

    cores = (
        len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    )
    wall, cpu = time.perf_counter(), time.process_time()
    size = stamps(slice(0, alerts))
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    step = -(-alerts // (4 * cores))
    parts = [slice(i, i + step) for i in range(0, alerts, step)]
    spread = time.perf_counter()
    with ThreadPoolExecutor(cores) as pool:
        list(pool.map(stamps, parts))
    spread = time.perf_counter() - spread
    return {
        "alerts": alerts,
        "stamps": 3 * alerts,
        "image side": side,
        "CPU seconds, one core": cpu,
        "wall seconds, one core": wall,
        "wall seconds, all cores": spread,
        "cores": cores,
        "megabytes": size / 1e6,
        "budget seconds": BUDGET,
    }
