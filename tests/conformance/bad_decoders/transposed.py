"""Column-major where the format is row-major."""

from common import good, serve, to_protocol


def transpose(stamp):
    stamp["image"] = [
        [list(column) for column in zip(*level, strict=True)] for level in stamp["image"]
    ]
    return to_protocol(stamp)


serve(lambda data: good(data, transpose))
