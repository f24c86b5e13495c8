"""Growth: time and memory against stamps, levels and planes."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import numpy as np

import hstamp
from hstamp import fast

from . import sky
from .timing import race

__all__ = ["run"]

_MEMORY = """
import json, resource, sys
from hstamp import decode_many, fast
fast.load()
blob = bytes.fromhex(sys.stdin.read())
decode_many([blob] * 8)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
import time
count = int(sys.argv[1])
blobs = [bytes(bytearray(blob)) for _ in range(count)]
middle = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
start = time.process_time()
batch = decode_many(blobs)
taken = time.process_time() - start
after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(json.dumps([taken, (middle - before) / 1024, (after - middle) / 1024]))
"""


def run(rounds: int = 5, largest: int = 1_000_000) -> dict[str, Any]:
    """Decode 10^2 to `largest` stamps; encode and decode 2 to 8 levels and 1 to 4 planes."""
    fast.load()
    p = sky.parent(2)
    blob = p.encode().to_bytes()
    stamps: dict[str, Any] = {}
    count = 100
    while count <= min(largest, 100_000):
        done = subprocess.run(
            [sys.executable, "-c", _MEMORY, str(count)],
            input=blob.hex(),
            text=True,
            capture_output=True,
            check=True,
            timeout=600,
        )
        taken, held, grown = json.loads(done.stdout)
        stamps[str(count)] = {
            "microseconds per stamp": 1e6 * taken / count,
            "seconds": taken,
            "MB of blobs": held,
            "MB of arrays": grown,
        }
        count *= 10
    if largest > 100_000:
        # All arrays of a million stamps are 11 GB; a user takes them in parts, and so does this.
        part = [blob] * 20_000
        start = _cpu()
        for _ in range(largest // len(part)):
            hstamp.decode_many(part)
        taken = _cpu() - start
        stamps[str(largest)] = {
            "microseconds per stamp": 1e6 * taken / largest,
            "seconds": taken,
            "in parts of": len(part),
        }

    wide = sky.parent(4, side=1940, density=0.05)
    levels: dict[str, Any] = {}
    for n in range(2, 9):
        made = wide.encode(levels=n).to_bytes()
        batch = [made] * 256
        levels[str(n)] = race(
            {
                "decode": (lambda b=batch: hstamp.decode_many(b), 256),
                "encode": (lambda n=n: wide.encode(levels=n), 1),
            },
            rounds,
        ) | {"bytes": len(made), "window side": 15 * 2 ** (n - 1)}

    planes: dict[str, Any] = {}
    spread = {"variance": p.variance}
    marked = {"mask": p.mask, "mask_planes": sky.PLANES}
    chosen: dict[str, dict[str, Any]] = {
        "image": {},
        "+ variance": spread,
        "+ mask": spread | marked,
        "+ psf": spread | marked | {"psf": p.psf},
    }
    for name, options in chosen.items():
        made = hstamp.encode(p.image, p.x, p.y, levels=5, **options).to_bytes()
        batch = [made] * 256
        planes[name] = race(
            {
                "decode": (lambda b=batch: hstamp.decode_many(b), 256),
                "encode": (lambda o=options: hstamp.encode(p.image, p.x, p.y, levels=5, **o), 1),
            },
            rounds,
        ) | {"bytes": len(made)}
    fits = np.polyfit(
        np.log10([float(c) for c in stamps]), np.log10([s["seconds"] for s in stamps.values()]), 1
    )
    return {"stamps": stamps, "levels": levels, "planes": planes, "exponent": float(fits[0])}


def _cpu() -> float:
    import time

    return time.process_time()
