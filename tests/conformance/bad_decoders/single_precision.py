"""Adds children in binary32."""

import math

from common import good, oracle, serve

EXACT = oracle.rnd4


def mean(children, power=1):
    total, m = 0.0, 0
    for child in children:
        if math.isfinite(child):
            try:
                total, m = EXACT(total + child), m + 1
            except OverflowError:
                total, m = math.copysign((2 - 2.0**-23) * 2.0**127, total), m + 1
    return EXACT(total / m**power) if m else math.nan


oracle.mean = mean
serve(good)
