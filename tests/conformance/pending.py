"""Vectors that the Python codec does not follow yet; empty is the aim, and an entry is a debt."""

PENDING = frozenset(
    {
        "encode-i2-float-max",
        "encode-i2-float-max-variance",
    }
)
