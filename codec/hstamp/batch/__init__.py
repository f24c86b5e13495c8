"""Many stamps at once: the arithmetic and the bytes are handled as arrays over stamps."""

from .decode import StampBatch, decode_many
from .encode import EncodedBatch, encode_many

__all__ = ["EncodedBatch", "StampBatch", "decode_many", "encode_many"]
