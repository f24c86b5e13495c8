"""Valid stamps of every kind, as dictionaries and bytes written by this file alone."""

import struct

import numpy as np

import hstamp

HEADER = bytes.fromhex("C301 436EB4BEBCEEDC4C")


def long(value):
    rest = 2 * value if value >= 0 else -2 * value - 1
    out = bytearray()
    while rest >= 128:
        out.append(rest % 128 + 128)
        rest //= 128
    return bytes([*out, rest])


def text(value):
    raw = value if isinstance(value, bytes) else value.encode()
    return long(len(raw)) + raw


def array(items):
    return (long(len(items)) + b"".join(items) if items else b"") + b"\x00"


def floats(values):
    return array([struct.pack("<f", v) for v in values])


def optional(value, write):
    return b"\x00" if value is None else b"\x02" + write(value)


def record(d):
    """Binary form of a record given as a dictionary [CO-1]."""
    return b"".join((
        long(d["version"]), long(d["levels"]), optional(d["id"], text), optional(d["band"], text),
        text(d["fluxUnit"]), struct.pack("<ff", d["dx"], d["dy"]),
        optional(d["wcs"], lambda w: struct.pack("<ddffff", *w.values())),
        text(d["image"]["encoding"]), floats(d["image"]["zero"]), floats(d["image"]["scale"]),
        text(d["image"]["data"]),
        optional(d["variance"],
                 lambda v: text(v["encoding"]) + struct.pack("<f", v["unit"]) + text(v["data"])),
        optional(d["mask"], lambda m: text(m["encoding"])
                 + array([text(p) for p in m["planes"]]) + text(m["data"])),
        optional(d["psf"], lambda p: text(p["encoding"]) + long(p["size"]) + text(p["data"])),
    ))  # fmt: skip


def blob(d):
    return HEADER + record(d)


def stamp(
    n=3,
    *,
    encoding="i2",
    variance="log8",
    mask=True,
    psf=True,
    wcs=True,
    id="a/1",
    seed=0,
    band="r",
):
    rng = np.random.default_rng(seed)
    shape = (80, 80)
    image = rng.normal(0, 10, shape).astype(np.float32)
    image[rng.random(shape) < 0.02] = np.nan
    y, x = np.indices((7, 7)) - 3
    options = {}
    if variance:
        options |= {"variance": rng.gamma(9, 10, shape), "variance_encoding": variance}
    if mask:
        bits = (rng.random(shape) < 0.02).astype(np.uint16) * rng.integers(0, 8, shape)
        options |= {"mask": bits, "mask_planes": ["SAT", "CR", "BAD"]}
    if psf:
        options |= {"psf": np.exp(-(x**2 + y**2) / 4), "psf_size": 7}
    if wcs:
        options["wcs"] = hstamp.Wcs(150.0, 2.0, -5.5e-5, 1e-6, 1e-6, 5.5e-5)
    return hstamp.encode(
        image, 40.3, 39.7, levels=n, encoding=encoding, id=id, band=band, **options
    )


def assorted():
    """Stamps that differ in levels, planes, encodings and metadata."""
    return [
        stamp(2, seed=1),
        stamp(3, seed=2, encoding="f4", variance="f4"),
        stamp(4, seed=3, psf=False),
        stamp(5, seed=4, mask=False, variance=None, id=None),
        stamp(3, seed=5, wcs=False, band=None),
        stamp(8, seed=6, encoding="f4", id=""),
        stamp(2, seed=7, variance=None, mask=False, psf=False, wcs=False, id=None, band=None),
    ]
