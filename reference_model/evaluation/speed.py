"""Stamps a second on one core, decoding included."""

from __future__ import annotations

import time

from hstamp.hosts.runtime import HostFinder


def measure(finder: HostFinder, blobs: list[bytes], repeats: int = 3) -> dict[str, float]:
    """Best of several passes over the same blobs, in processor time of one thread.

    The noise of every stamp is measured on the way.

    Returns
    -------
    dict
        Stamps a second of decoding, of finding, and of both together.
    """
    import hstamp

    decode, find = [], []
    for _ in range(repeats):
        start = time.process_time()
        batch = hstamp.decode_many(blobs, planes=("image",))
        middle = time.process_time()
        assert batch.levels is not None
        finder.find(batch.levels, batch.dx, batch.dy)
        decode.append(middle - start)
        find.append(time.process_time() - middle)
    both = min(a + b for a, b in zip(decode, find, strict=True))
    return {
        "decode": len(blobs) / min(decode),
        "find": len(blobs) / min(find),
        "both": len(blobs) / both,
    }
