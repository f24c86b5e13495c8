"""Places every row of every level one pixel too far to the right."""

from common import good, serve, to_protocol


def shift(stamp):
    stamp["image"] = [[[row[-1], *row[:-1]] for row in level] for level in stamp["image"]]
    return to_protocol(stamp)


serve(lambda data: good(data, shift))
