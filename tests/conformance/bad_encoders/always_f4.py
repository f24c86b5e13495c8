"""Writes f4 whatever was asked for."""

from common import exact, serve

serve(lambda true, n, encoding: exact(true))
