"""Leaves out a key of the answer."""

from common import good, serve, to_protocol


def convert(stamp):
    out = to_protocol(stamp)
    del out["dx"]
    return out


serve(lambda data: good(data, convert))
