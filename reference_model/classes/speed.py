"""Alerts a second on one core, decoding included."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np

import hstamp
from hstamp.classify import predict
from hstamp.classify.inputs import IMAGES

#: Alerts in a measurement, and how often it is repeated; the best counts.
ALERTS, ROUNDS = 1024, 4


def alerts_a_second(levels: int, weights: Path | None = None) -> tuple[float, float]:
    """Alerts a second of processor time, from blobs to probabilities; and of decoding alone."""
    rng = np.random.default_rng(0)
    side = 15 * 2 ** (levels - 1)
    images = rng.normal(0.0, 5.0, (ALERTS, side, side)).astype(np.float32)
    images[:, side // 2 - 3 : side // 2 + 3, side // 2 - 3 : side // 2 + 3] += 40.0
    middle = np.full(ALERTS, side / 2.0)
    blobs = {
        name: hstamp.encode_many(images + offset, middle, middle, levels=levels)
        for offset, name in enumerate(IMAGES)
    }
    whole, decoding = [], []
    for _ in range(ROUNDS):
        start = time.process_time()
        batches = {name: hstamp.decode_many(each) for name, each in blobs.items()}
        decoding.append(time.process_time() - start)
        predict(batches, pixel=0.2, weights=weights)
        whole.append(time.process_time() - start)
    return ALERTS / min(whole), ALERTS / min(decoding)
