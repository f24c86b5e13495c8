"""A right decoder on top of the oracle, with hooks that the bad decoders bend.

Each bad decoder is a program of its own and takes `--jsonl` like a good one.
"""

from __future__ import annotations

import base64
import json
import struct
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import container_oracle
import oracle

Stamp = dict[str, Any]
Answer = tuple[int, str]


def flat(grid: Any) -> list[Any]:
    return [v for part in grid for v in flat(part)] if isinstance(grid, list) else [grid]


def packed(grid: Any, kind: str = "<f") -> str:
    values = flat(grid)
    return base64.b64encode(struct.pack(f"{kind[0]}{len(values)}{kind[1]}", *values)).decode()


def to_protocol(stamp: Stamp, floats: str = "<f", shorts: str = "<H") -> Stamp:
    wcs, mask, psf = stamp["wcs"], stamp["mask"], stamp["psf"]
    cd = ("cd1_1", "cd1_2", "cd2_1", "cd2_2")
    return stamp | {
        "wcs": wcs and {"ra": wcs["ra"], "dec": wcs["dec"], "cd": [wcs[name] for name in cd]},
        "image": packed(stamp["image"], floats),
        "variance": stamp["variance"] and packed(stamp["variance"], floats),
        "mask": mask and {"planes": mask["planes"], "data": packed(mask["data"], shorts)},
        "psf": psf and {"size": psf["size"], "data": packed(psf["data"], floats)},
    }


def good(data: bytes, convert: Callable[[Stamp], Stamp] = to_protocol) -> Answer:
    """(exit status, output) of a decoder without faults."""
    try:
        stamps = container_oracle.decode(data)
    except oracle.Reject as reject:
        return 1, json.dumps({"error": reject.args[0]})
    return 0, json.dumps({"stamps": [convert(stamp) for stamp in stamps]})


def serve(answer: Callable[[bytes], Answer]) -> None:
    """Run as a program."""
    if "--jsonl" not in sys.argv:
        status, output = answer(sys.stdin.buffer.read())
        sys.stdout.write(output)
        sys.stdout.flush()
        raise SystemExit(status)
    for line in sys.stdin:
        question = json.loads(line)
        status, output = answer(base64.b64decode(question["data"]))
        word = ("decoded", "rejected", "unsupported")[status]
        head = json.dumps({"id": question["id"], "status": word})
        sys.stdout.write(head if output == "{}" else head[:-1] + ", " + output[1:])
        sys.stdout.write("\n")
        sys.stdout.flush()
