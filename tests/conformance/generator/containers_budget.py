"""Files that a reader within its budgets can read, and files that it cannot [LI-4]."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from .containers_schema import alert
from .ocf import FIELDS, LIMIT, STAMP, Json, block, deflate, field, header, record, small, stamps
from .vector import Vector
from .writer import NULL, PRESENT, long

VALUES = 2**23
"""Values passed over that any file may have."""


def array_of(items: Json) -> Json:
    return {"type": "array", "items": items}


def filled(count: int, item: bytes = NULL) -> bytes:
    """An array or map of so many equal items in one block."""
    return long(count) + item * count + NULL


def file_of(schema: Json, contents: Sequence[tuple[int, bytes]]) -> bytes:
    return header(schema, "deflate") + b"".join(
        block(count, deflate(content)) for count, content in contents
    )


def vector(
    name: str, data: bytes, reason: str, stamped: int | None = None, flags: tuple[str, ...] = ()
) -> Vector:
    """A rejected file, or one with so many copies of a stamp in field s."""
    flags = ("codec-deflate", "budget", *flags)
    if stamped is None:
        clauses = ("LI-4", "LI-1", "DE-2")
        return Vector(
            f"container-budget-{name}",
            data,
            clauses,
            reason,
            "container",
            error="E_LIMIT",
            flags=("bomb", *flags),
        )
    found = (("s", small().bytes()),) * stamped
    return Vector(
        f"container-budget-{name}", data, ("LI-4",), reason, "container", stamps=found, flags=flags
    )


def decompressed() -> Iterator[Vector]:
    schema = alert(field("pad", "bytes"))
    stamp = PRESENT + small().record()

    def padded(total: int) -> bytes:
        """One record whose bytes number `total`."""
        for width in range(1, 6):
            size = total - len(stamp) - width
            if len(long(size)) == width:
                return stamp + long(size) + bytes(size)
        raise AssertionError(total)

    half = padded(LIMIT // 2)
    # The file's own length is in its bound: what is within it is found by looking.
    total = LIMIT - len(half)
    while True:
        below = file_of(schema, [(1, half), (1, padded(total))])
        spare = LIMIT + 16 * len(below) - len(half) - total
        if 0 <= spare < 64:
            break
        total += spare - 32 if total + spare - 32 < LIMIT else 0
    yield vector(
        "decompressed-below",
        below,
        f"two blocks decompress to {spare} bytes less than 64 MiB + 16 bytes per byte of the file",
        2,
    )
    more = block(1, deflate(padded(2**20)))
    yield vector(
        "decompressed-above",
        below + more,
        "a third block of 1 MiB exceeds what the file may decompress to",
    )
    yield vector(
        "decompressed-above-fault",
        below + block(1, deflate(padded(2**21))[:-3]),
        "the third block's stream exceeds the bound before it ends early",
    )


def passed_over() -> Iterator[Vector]:
    stamp = PRESENT + small().record()
    flags = record("flags", *(field(f"f{i}", "boolean") for i in range(9)))
    flagged = alert(field("list", array_of(flags)))
    listed = alert(field("list", array_of("boolean")))
    yield vector(
        "elements-below",
        file_of(listed, [(1, stamp + filled(VALUES))]),
        "an array of 2^23 elements is passed over",
        1,
    )
    yield vector(
        "elements-above",
        file_of(listed, [(1, stamp + filled(VALUES + 500_000))]),
        "an array of more elements than may be passed over",
    )
    third = (1, stamp + filled(3_000_000))
    yield vector(
        "elements-in-blocks",
        file_of(listed, [third, third, third]),
        "three arrays, each within the bound, are not together",
    )
    split = (long(3_000_000) + bytes(3_000_000)) * 3 + NULL
    yield vector(
        "elements-in-array-blocks",
        file_of(listed, [(1, stamp + split)]),
        "one array in three blocks of elements",
    )
    yield vector(
        "fields-below",
        file_of(flagged, [(1, stamp + filled(830_000, bytes(9)))]),
        "830,000 records of nine fields: ten values each are passed over",
        1,
    )
    yield vector(
        "fields-above",
        file_of(flagged, [(1, stamp + filled(900_000, bytes(9)))]),
        "900,000 records of nine fields",
    )
    deep = record(
        "outer", field("inner", record("inner", field("flags", flags))), field("x", "int")
    )
    yield vector(
        "fields-deep",
        file_of(alert(field("list", array_of(deep))), [(1, stamp + filled(750_000, bytes(10)))]),
        "records in records in records: fields count at any depth",
    )
    wide = record("wide", *(field(f"f{i}", "boolean") for i in range(99)))
    either = array_of(["null", wide])
    yield vector(
        "fields-in-union",
        file_of(alert(field("list", either)), [(1, stamp + filled(90_000, PRESENT + bytes(99)))]),
        "90,000 records of 99 fields as branches of a union",
    )
    yield vector(
        "map",
        file_of(
            alert(field("map", {"type": "map", "values": "boolean"})),
            [(1, stamp + filled(VALUES + 500_000, b"\0\0"))],
        ),
        "a map of more entries than may be passed over",
    )
    many = alert(field("wide", wide), field("x", "int"))
    yield vector(
        "top-level-fields",
        file_of(many, [(90_000, (NULL + bytes(100)) * 90_000)]),
        "90,000 records, of each of which 101 fields are passed over",
    )
    later = record("stamp", *FIELDS, field("list", array_of("boolean")), namespace="hstamp.v1")
    yield vector(
        "unknown-field-of-stamp",
        file_of(later, [(1, small().record() + filled(VALUES + 500_000))]),
        "an array in a field of the stamp that the reader does not know",
        flags=("later-minor",),
    )
    full = stamps()[0].put(mask__planes=filled(VALUES + 500_000))
    yield vector(
        "planes",
        file_of(STAMP, [(1, full.record())]),
        "a mask with more names than may be passed over",
    )


def budgets() -> Iterator[Vector]:
    yield from decompressed()
    yield from passed_over()
