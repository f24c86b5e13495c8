"""Writes planes as JSON numbers and missing values as null."""

import math

from common import flat, good, serve, to_protocol


def convert(stamp):
    numbers = [None if math.isnan(v) else v for v in flat(stamp["image"])]
    return to_protocol(stamp) | {"image": numbers}


serve(lambda data: good(data, convert))
