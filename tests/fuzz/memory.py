"""Memory that decoding takes: ``python -m tests.fuzz.memory [--markdown]``.

Peaks of `tracemalloc`, which counts what Python and numpy allocate, above what was in use before
the input was read, the input not included. What compression libraries allocate within themselves
is not seen by it; their windows are bounded (zstandard 64 MiB, xz 128 MiB).
"""

from __future__ import annotations

import argparse
import io
import struct
import sys
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

from hstamp import FormatError, Stamp, fast
from hstamp.container.compression import MAX_BLOCK
from hstamp.container.ocf import OCF_MAGIC
from hstamp.files import read_stamps

from . import mutator
from .__main__ import SUFFIXES, corpus_of
from .targets import batch_of

from generator import material, ocf, writer  # isort: skip - found by way of targets

KIB, MIB = 2**10, 2**20
BLOB_BOUND = 512 * KIB
"""What decoding any blob stays under [byte]."""
FILE_BOUND = 3 * MAX_BLOCK + 8 * MIB
"""What reading any object container file stays under, one stamp held at a time [byte]."""

MANY = 1_000_000
"""Items of an array that a small file can claim and hold."""


@dataclass(frozen=True)
class Row:
    """Largest peak of a group of inputs."""

    group: str
    inputs: int
    largest: int
    peak: int
    bound: int


def decode_blob(data: bytes) -> None:
    """Decode every plane of one blob."""
    try:
        stamp = Stamp.from_bytes(data)
        _ = stamp.levels, stamp.variance, stamp.mask, stamp.psf
    except FormatError:
        pass


def decode_file(data: bytes) -> None:
    """Read a file stamp by stamp, every plane of each."""
    try:
        for item in read_stamps(io.BytesIO(data)):
            _ = item.stamp.levels, item.stamp.variance, item.stamp.mask, item.stamp.psf
    except FormatError:
        pass


def peak_of(decode: Callable[[bytes], None], data: bytes) -> int:
    """Bytes in use at most while `data` is decoded, above those in use before."""
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        decode(data)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    return peak - before


def greedy_blobs() -> Iterator[tuple[str, bytes]]:
    """Valid and invalid blobs that ask for as much as possible."""
    rng = ocf.Lcg(1)
    everything = material.full(rng, 8)
    everything["psf"] = writer.psf_plane([1] * 127**2, 127)
    yield (
        "n = 8, every plane, PSF 127x127",
        writer.blob(
            8,
            material.random_i2(rng, 8),
            id="i" * 128,
            band="b" * 32,
            flux_unit="u" * 32,
            **everything,
        ).bytes(),
    )
    count = writer.count_of(8)
    exact = writer.blob(
        8, writer.image_f4([1.5] * count), variance=writer.variance_f4([1.5] * count),
        mask=writer.mask_plane([1] * count, [f"{i:02}" + "m" * 30 for i in range(16)], "u2"),
        psf=writer.psf_plane([1] * 127**2, 127),
    )  # fmt: skip
    yield "n = 8, every plane in its widest encoding", exact.bytes()
    small = writer.blob(2, writer.image_f4([0.0] * 372), mask=writer.mask_plane([], ["A"]))
    room = 65_536 - len(small.bytes()) - 8
    for name in ("", "A", "m" * 32):
        names = [name] * (room // (len(name) + 1))
        yield (
            f"{len(names)} mask names of {len(name)} bytes",
            small.put(mask__planes=writer.texts(names)).bytes(),
        )
    yield (
        "an array of one item per block",
        small.put(image__zero=(writer.long(1) + bytes(4)) * (room // 5) + b"\0").bytes(),
    )
    yield (
        "an array of 15,000 numbers",
        small.put(image__zero=writer.long(room // 4) + bytes(room // 4 * 4) + b"\0").bytes(),
    )
    yield (
        "a text of 60,000 bytes",
        small.put(fluxUnit__length=writer.long(60_000), fluxUnit=b"u" * 60_000).bytes(),
    )
    yield "2^62 numbers claimed", small.put(image__zero=writer.long(2**62) + bytes(9000)).bytes()
    yield (
        "64 kB of image data",
        small.put(image__data__length=writer.long(room), image__data=bytes(room)).bytes(),
    )
    yield "1 MiB that is no stamp", bytes(MIB)


def greedy_files() -> dict[str, Callable[[], bytes]]:
    """Files whose blocks decompress to, or claim, as much as possible; made when asked for."""
    out: dict[str, Callable[[], bytes]] = {}
    packers = {"deflate": _deflate, "snappy": _snappy, "zstandard": _zstandard}
    for extra, word in ((0, "64 MiB"), (1, "64 MiB + 1")):
        for codec, pack in packers.items():
            out[f"{codec} block of {word} zeros"] = partial(_bomb, codec, pack, ocf.LIMIT + extra)
    claim = struct.pack("<IBQ", 0xFD2FB528, 0xE0, 2**50) + b"\x01\0\0"
    out["zstandard frame that claims 2^50 bytes"] = lambda: _file("zstandard", claim)
    out["stored block of 64 MiB"] = lambda: _file("null", bytes(ocf.LIMIT))
    small = writer.blob(2, writer.image_f4([0.0] * 372), mask=writer.mask_plane([], ["A"]))
    numbers = writer.long(MANY) + bytes(4 * MANY) + b"\0"
    names = writer.long(MANY) + bytes(MANY) + b"\0"
    later = ocf.record(
        "stamp", *ocf.FIELDS, ocf.field("later", {"type": "array", "items": "boolean"}),
        namespace="hstamp.v1",
    )  # fmt: skip
    data = {"image__data__length": writer.long(60 * MIB)}
    out[f"an array of {MANY:,} numbers"] = lambda: _file(
        "deflate", _deflate_of(small.put(image__zero=numbers).record())
    )
    out[f"{MANY:,} mask names"] = lambda: _file(
        "deflate", _deflate_of(small.put(mask__planes=names).record())
    )
    out[f"an unknown array of {MANY:,} items"] = lambda: _file(
        "deflate", _deflate_of(small.record() + names), later
    )
    schema = b"[" + b"{}," * (4 * MIB // 3 - 2) + b"{}]"
    out["a schema of 4 MiB, all of it empty objects"] = lambda: ocf.header(schema)
    out["60 MiB of image data in one stamp"] = lambda: _file(
        "null", small.put(**data, image__data=bytes(60 * MIB)).record()
    )
    return out


def _file(codec: str, stored: bytes, schema: object = ocf.STAMP) -> bytes:
    return ocf.header(schema, codec) + ocf.block(1, stored)


def _bomb(codec: str, pack: Callable[[int], bytes], size: int) -> bytes:
    return _file(codec, pack(size))


def _deflate_of(data: bytes) -> bytes:
    packer = zlib.compressobj(6, zlib.DEFLATED, -15)
    return packer.compress(data) + packer.flush()


def _deflate(size: int) -> bytes:
    return _deflate_of(bytes(size))


def _snappy(size: int) -> bytes:
    """A literal zero, then copies of 64 bytes from one byte back."""
    rest, tail = divmod(size - 1, 64)
    copies = b"\xfe\x01\x00" * rest
    last = bytes([(tail - 1) << 2 | 2]) + b"\x01\x00" if tail else b""
    length = bytearray()
    left = size
    while left > 127:
        length.append(left & 127 | 128)
        left >>= 7
    length.append(left)
    crc = zlib.crc32(bytes(size)).to_bytes(4, "big")
    return bytes(length) + b"\x00\x00" + copies + last + crc


def _zstandard(size: int) -> bytes:
    """Run-length blocks of 128 KiB in a frame without its size."""
    step, out = 128 * KIB, bytearray(struct.pack("<IBB", 0xFD2FB528, 0x00, 0x58))
    for at in range(0, size, step):
        part = min(step, size - at)
        last = at + part == size
        out += struct.pack("<I", int(last) | 2 | part << 3)[:3] + b"\0"
    return bytes(out)


def warm_up() -> None:
    """Build shared tables and import lazily, so that they are not counted."""
    for _, data in greedy_blobs():
        decode_blob(data)
        break
    for path in ("container-null", "container-snappy", "container-zstandard", "container-deflate"):
        decode_file((mutator.VECTORS / "valid" / f"{path}.avro").read_bytes())


def group(name: str, inputs: list[bytes]) -> Row:
    """Largest peak of some inputs."""
    is_file = any(data.startswith(OCF_MAGIC) for data in inputs)
    decode, bound = (decode_file, FILE_BOUND) if is_file else (decode_blob, BLOB_BOUND)
    peak = max(peak_of(decode, data) for data in inputs)
    return Row(name, len(inputs), max(map(len, inputs)), peak, bound)


def rows(large: bool = True) -> Iterator[Row]:
    """Measure groups of vectors and corpus, then each worst case."""
    warm_up()
    yield group("conformance vectors, blobs", mutator.seeds("bin", MIB))
    yield group("conformance vectors, files", mutator.seeds("avro", MIB))
    for target in SUFFIXES:
        kept = [path.read_bytes() for path in corpus_of(target)]
        if target == "batch":
            kept = [blob for data in kept for blob in batch_of(data)]
        files = [data for data in kept if data.startswith(OCF_MAGIC)]
        blobs = [data for data in kept if not data.startswith(OCF_MAGIC)]
        for inputs, word in ((blobs, "blobs"), (files, "files")):
            if inputs:
                yield group(f"corpus of {target}, {word}", inputs)
    for name, data in greedy_blobs():
        yield group(name, [data])
    if large:
        for name, make in greedy_files().items():
            yield group(name, [make()])


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.memory", description=__doc__)
    parser.add_argument("--markdown", action="store_true", help="print a table for a document")
    args = parser.parse_args()
    failed = False
    with fast.numpy_only():
        if args.markdown:
            print("| input | bytes | peak |\n|---|--:|--:|")
        for row in rows():
            failed |= row.peak > row.bound
            kilobytes = row.bound == BLOB_BOUND
            peak = f"{row.peak / KIB:,.0f} KiB" if kilobytes else f"{row.peak / MIB:.1f} MiB"
            name = row.group if row.inputs == 1 else f"{row.group} ({row.inputs})"
            if args.markdown:
                print(f"| {name} | {row.largest:,} | {peak} |")
            else:
                mark = "  ABOVE ITS BOUND" if row.peak > row.bound else ""
                print(f"{name:50} {row.largest:>12,} bytes {peak:>12}{mark}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
