"""Writes planes in big-endian order."""

from common import good, serve, to_protocol

serve(lambda data: good(data, lambda stamp: to_protocol(stamp, ">f", ">H")))
