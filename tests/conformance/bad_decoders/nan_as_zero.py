"""Presents missing values as zero."""

import math

from common import good, serve, to_protocol


def convert(stamp):
    stamp["image"] = [
        [[0.0 if math.isnan(v) else v for v in row] for row in level] for level in stamp["image"]
    ]
    return to_protocol(stamp)


serve(lambda data: good(data, convert))
