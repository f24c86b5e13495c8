"""Decodes to nothing at all."""

from common import serve

serve(lambda data: (0, ""))
