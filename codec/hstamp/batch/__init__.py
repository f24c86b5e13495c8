"""Many stamps at once: the arithmetic and the bytes are handled as arrays over stamps."""

from .decode import StampBatch, decode_many
from .encode import encode_many

__all__ = ["StampBatch", "decode_many", "encode_many"]
