"""Explicit byte writer: a blob is a list of named segments, so that faults are exact edits."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

MARKER = b"\xc3\x01"
FINGERPRINT = bytes.fromhex("436EB4BEBCEEDC4C")
NULL, PRESENT = b"\x00", b"\x02"
NAN = float("nan")


def long(value: int, pad: int = 0) -> bytes:
    """Zig-zag base-128; `pad` appends that many redundant groups (legal, not shortest)."""
    left = (value << 1) ^ (value >> 63) if -(2**63) <= value < 2**63 else value << 1
    out = bytearray()
    while left > 127:
        out.append(left & 127 | 128)
        left >>= 7
    out.append(left)
    for _ in range(pad):
        out[-1] |= 128
        out.append(0)
    return bytes(out)


def text(value: str | bytes) -> bytes:
    raw = value.encode("latin-1") if isinstance(value, str) else value
    return long(len(raw)) + raw


def f4(*values: float) -> bytes:
    return struct.pack(f"<{len(values)}f", *values)


def f8(*values: float) -> bytes:
    return struct.pack(f"<{len(values)}d", *values)


def i2(*values: int) -> bytes:
    return struct.pack(f"<{len(values)}h", *values)


def u2(*values: int) -> bytes:
    return struct.pack(f"<{len(values)}H", *values)


def array(items: Sequence[bytes], blocks: Iterable[int] | None = None) -> bytes:
    """An Avro array; `blocks` gives the items per block, negative for the form with a byte size."""
    out, at = b"", 0
    for count in blocks if blocks is not None else ([len(items)] if items else []):
        part = b"".join(items[at : at + abs(count)])
        out += long(count) + (long(len(part)) if count < 0 else b"") + part
        at += abs(count)
    return out + NULL


def floats(values: Sequence[float], blocks: Iterable[int] | None = None) -> bytes:
    return array([f4(value) for value in values], blocks)


def texts(values: Sequence[str | bytes], blocks: Iterable[int] | None = None) -> bytes:
    return array([text(value) for value in values], blocks)


def count_of(n: int) -> int:
    return 196 + 176 * (n - 1)


def level_of(index: int) -> int:
    return 0 if index < 196 else 1 + (index - 196) // 176


def bits_f4(bits: int) -> float:
    return float(struct.unpack("<f", struct.pack("<I", bits))[0])


def largest_f4(good: Callable[[float], bool]) -> float:
    """The largest positive f4 for which `good` holds, by bisection on its bits."""
    low, high = 0x00000001, 0x7F7FFFFF
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if good(bits_f4(middle)) else (low, middle)
    return bits_f4(low)


def next_f4(value: float) -> float:
    """The f4 above a positive one."""
    return bits_f4(struct.unpack("<I", struct.pack("<f", value))[0] + 1)


@dataclass
class Blob:
    """Segments of one blob in wire order; tests replace single segments to make faults."""

    segments: dict[str, bytes] = field(default_factory=dict)

    def put(self, **changes: bytes) -> Blob:
        """A copy with segments replaced; `image__data` names the segment `image.data`."""
        out = dict(self.segments)
        for key, value in changes.items():
            name = key.replace("__", ".")
            if name not in out:
                raise KeyError(name)
            out[name] = value
        return Blob(out)

    def bytes(self) -> bytes:
        return b"".join(self.segments.values())

    def record(self) -> bytes:
        """The Avro record without marker and fingerprint."""
        return self.bytes()[10:]


def optional_text(name: str, value: str | None) -> dict[str, bytes]:
    if value is None:
        return {f"{name}.index": NULL, f"{name}.length": b"", f"{name}.text": b""}
    return {
        f"{name}.index": PRESENT,
        f"{name}.length": long(len(value)),
        f"{name}.text": value.encode("latin-1"),
    }


def sized(name: str, data: bytes) -> dict[str, bytes]:
    return {f"{name}.length": long(len(data)), name: data}


Wcs = tuple[float, float, float, float, float, float]


def blob(
    n: int,
    image: dict[str, bytes],
    *,
    version: int = 100,
    id: str | None = None,
    band: str | None = None,
    flux_unit: str = "nJy",
    dx: float = 0.0,
    dy: float = 0.0,
    wcs: Wcs | None = None,
    variance: dict[str, bytes] | None = None,
    mask: dict[str, bytes] | None = None,
    psf: dict[str, bytes] | None = None,
) -> Blob:
    """Table of Section 8.1, field by field."""
    s: dict[str, bytes] = {"marker": MARKER, "fingerprint": FINGERPRINT}
    s |= {"version": long(version), "levels": long(n)}
    s |= (
        optional_text("id", id)
        | optional_text("band", band)
        | sized("fluxUnit", flux_unit.encode("latin-1"))
    )
    s |= {"dx": f4(dx), "dy": f4(dy), "wcs.index": PRESENT if wcs else NULL}
    for i, name in enumerate(("ra", "dec", "cd1_1", "cd1_2", "cd2_1", "cd2_2")):
        s[f"wcs.{name}"] = b"" if wcs is None else f8(wcs[i]) if i < 2 else f4(wcs[i])
    s |= image
    for name, plane in (("variance", variance), ("mask", mask), ("psf", psf)):
        s |= {f"{name}.index": NULL if plane is None else PRESENT} | (plane or {})
    return Blob(s)


def encoding(plane: str, name: str) -> dict[str, bytes]:
    return sized(f"{plane}.encoding", name.encode("latin-1"))


def image_f4(values: Sequence[float] | bytes) -> dict[str, bytes]:
    data = values if isinstance(values, bytes) else f4(*values)
    return (
        encoding("image", "f4")
        | {"image.zero": NULL, "image.scale": NULL}
        | sized("image.data", data)
    )


def image_i2(zero: Sequence[float], scale: Sequence[float], q: Sequence[int]) -> dict[str, bytes]:
    head = encoding("image", "i2") | {"image.zero": floats(zero), "image.scale": floats(scale)}
    return head | sized("image.data", i2(*q))


def variance_f4(values: Sequence[float] | bytes, unit: float = 1.0) -> dict[str, bytes]:
    data = values if isinstance(values, bytes) else f4(*values)
    return encoding("variance", "f4") | {"variance.unit": f4(unit)} | sized("variance.data", data)


def variance_log8(codes: Sequence[int], unit: float) -> dict[str, bytes]:
    return (
        encoding("variance", "log8")
        | {"variance.unit": f4(unit)}
        | sized("variance.data", bytes(codes))
    )


def mask_plane(values: Sequence[int], planes: Sequence[str], kind: str = "u1") -> dict[str, bytes]:
    data = bytes(values) if kind == "u1" else u2(*values)
    return encoding("mask", kind) | {"mask.planes": texts(planes)} | sized("mask.data", data)


def psf_plane(q: Sequence[int], size: int) -> dict[str, bytes]:
    return encoding("psf", "i2") | {"psf.size": long(size)} | sized("psf.data", i2(*q))
