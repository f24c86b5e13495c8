"""Rejects everything, always with the same code."""

from common import serve

serve(lambda data: (1, '{"error": "E_AVRO"}'))
