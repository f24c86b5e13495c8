"""Side-by-side timing: contenders take turns, so that what disturbs one disturbs all."""

from __future__ import annotations

import os
import platform
import resource
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

__all__ = ["machine", "peak_memory", "race"]

Contender = tuple[Callable[[], Any], int]


def race(
    contenders: dict[str, Contender], rounds: int = 9, sample: float = 0.02
) -> dict[str, dict[str, float]]:
    """Time each contender.

    Parameters
    ----------
    contenders : dict of str to (callable, int)
        What to run, and how many stamps one call handles.
    rounds : int
        Samples of each; every round runs all contenders once.
    sample : float
        CPU time that one sample takes at least [s].

    Returns
    -------
    dict
        Per stamp, in microseconds of CPU time of the process: median, low and high (16th and 84th
        percentile), best; and the samples taken.
    """
    loops: dict[str, int] = {}
    for name, (function, _) in contenders.items():
        function()
        start = time.process_time()
        function()
        once = max(time.process_time() - start, 1e-7)
        loops[name] = max(1, int(sample / once))
    samples: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, (function, units) in contenders.items():
            start = time.process_time()
            for _ in range(loops[name]):
                function()
            taken = time.process_time() - start
            samples[name].append(1e6 * taken / loops[name] / units)
    return {name: _summary(values) for name, values in samples.items()}


def _summary(values: list[float]) -> dict[str, float]:
    ordered = sorted(values)
    last = len(ordered) - 1
    return {
        "median": statistics.median(ordered),
        "low": ordered[round(0.16 * last)],
        "high": ordered[round(0.84 * last)],
        "best": ordered[0],
        "samples": len(ordered),
    }


def peak_memory() -> float:
    """Largest resident size of this process so far [MB]."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def machine() -> dict[str, Any]:
    """What the numbers were taken on."""
    import astropy
    import fastavro
    import numpy

    facts: dict[str, Any] = {
        "processor": platform.processor() or platform.machine(),
        "cores": len(os.sched_getaffinity(0))
        if hasattr(os, "sched_getaffinity")
        else os.cpu_count(),
        "load": round(os.getloadavg()[0], 1),
        "system": platform.system(),
        "python": platform.python_version(),
        "numpy": numpy.__version__,
        "astropy": astropy.__version__,
        "fastavro": fastavro.__version__,
    }
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        names = [line for line in cpuinfo.read_text().splitlines() if line.startswith("model name")]
        if names:
            facts["processor"] = names[0].partition(":")[2].strip()
    for name in ("numba", "fitsio", "imagecodecs", "sep"):
        try:
            facts[name] = __import__(name).__version__
        except ImportError:
            facts[name] = "not installed"
    return facts
