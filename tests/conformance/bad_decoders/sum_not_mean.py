"""Fills holes with sums in place of means."""

import math

from common import good, oracle, serve

FLT_MAX = (2 - 2.0**-23) * 2.0**127


def total(children, power=1):
    finite = [child for child in children if math.isfinite(child)]
    return oracle.rnd4(max(-FLT_MAX, min(FLT_MAX, sum(finite)))) if finite else math.nan


oracle.mean = total
serve(good)
