"""Stamps a second on one core, decoding included."""

from __future__ import annotations

import time
from pathlib import Path


def measure(model: Path, blobs: list[bytes], repeats: int = 5) -> dict[str, float]:
    """Best of several passes over the same blobs, in processor time of one thread.

    All that `hstamp.hosts.predict` does: noise, network, candidates, positions.

    Parameters
    ----------
    model : Path
        ONNX file of the network, with its calibration beside it.

    Returns
    -------
    dict
        Stamps a second of decoding, of finding, and of both together.
    """
    import hstamp
    from hstamp.hosts import predict

    decode, find = [], []
    for _ in range(repeats):
        start = time.process_time()
        batch = hstamp.decode_many(blobs, planes=("image",))
        middle = time.process_time()
        predict(batch, weights=model)
        decode.append(middle - start)
        find.append(time.process_time() - middle)
    both = min(a + b for a, b in zip(decode, find, strict=True))
    return {
        "decode": len(blobs) / min(decode),
        "find": len(blobs) / min(find),
        "both": len(blobs) / both,
    }
