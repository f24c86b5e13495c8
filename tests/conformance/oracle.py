# ruff: noqa: E501
# fmt: off
"""Slow, plain decoder written from spec/hstamp-1.0.md alone: the source of expected values.

It shares no code with `codec/` and is at most 200 lines long, so that it can be checked by eye.
`decode(blob)` returns the stamp of Appendix C, planes as nested lists, or raises `Reject`.
"""
import math
import struct

FINGERPRINT = bytes.fromhex("436EB4BEBCEEDC4C")
FLT_MAX = (2 - 2.0**-23) * 2.0**127
M = [32768, 34219, 35734, 37316, 38968, 40693, 42495, 44376,
     46341, 48393, 50535, 52773, 55109, 57549, 60097, 62757]


class Reject(Exception):
    """The input is rejected with the code in args[0]."""


def require(condition, code):
    if not condition:
        raise Reject(code)


class Reader:
    """Avro binary encoding (Section 8.1)."""
    def __init__(self, data, at=0):
        self.data, self.at = data, at

    def take(self, size):
        require(0 <= size <= len(self.data) - self.at, "E_AVRO")
        self.at += size
        return self.data[self.at - size : self.at]

    def long(self, bits=64):
        value = 0
        for group in range(10):
            byte = self.take(1)[0]
            value |= (byte & 127) << (7 * group)
            if byte < 128:
                require(value < 2**bits, "E_AVRO")
                return (value >> 1) ^ -(value & 1)
        raise Reject("E_AVRO")

    def array(self, kind):
        out = []
        while count := self.long():
            size = self.long() if count < 0 else None
            start, count = self.at, abs(count)
            require(count <= len(self.data) - self.at, "E_AVRO")
            out += [self.read(kind) for _ in range(count)]
            require(size is None or size == self.at - start, "E_AVRO")
        return out

    def read(self, kind):
        if isinstance(kind, (dict, list)):
            return self.array(kind[0]) if isinstance(kind, list) else {name: self.read(kind[name]) for name in kind}
        if isinstance(kind, tuple):
            index = self.long()
            require(index in (0, 1), "E_AVRO")
            return self.read(kind[1]) if index == 1 else None
        if kind in ("int", "bytes"):
            return self.long(bits=32) if kind == "int" else self.take(self.long())
        return struct.unpack("<" + kind, self.take(struct.calcsize(kind)))[0]


# The table of Section 8.1: f and d are float and double, (None, x) a union, [x] an array.
WCS = {"ra": "d", "dec": "d", "cd1_1": "f", "cd1_2": "f", "cd2_1": "f", "cd2_2": "f"}
IMAGE = {"encoding": "bytes", "zero": ["f"], "scale": ["f"], "data": "bytes"}
VARIANCE = {"encoding": "bytes", "unit": "f", "data": "bytes"}
MASK = {"encoding": "bytes", "planes": ["bytes"], "data": "bytes"}
PSF = {"encoding": "bytes", "size": "int", "data": "bytes"}
RECORD = {"version": "int", "levels": "int", "id": (None, "bytes"), "band": (None, "bytes"), "fluxUnit": "bytes",
          "dx": "f", "dy": "f", "wcs": (None, WCS), "image": IMAGE, "variance": (None, VARIANCE),
          "mask": (None, MASK), "psf": (None, PSF)}


def rnd4(value):
    return struct.unpack("<f", struct.pack("<f", value))[0]


def is_text(text, low, high, first=0x20):
    return low <= len(text) <= high and all(first <= byte <= 0x7E for byte in text)


def check_metadata(r):
    """Checks 8 to 12."""
    require(100 <= r["version"] <= 199, "E_VERSION")
    require(2 <= r["levels"] <= 8, "E_LEVELS")
    require(is_text(r["id"] or b"", 0, 128) and is_text(r["band"] or b"", 0, 32), "E_TEXT")
    require(is_text(r["fluxUnit"], 1, 32), "E_TEXT")
    require(-0.5 <= r["dx"] <= 0.5 and -0.5 <= r["dy"] <= 0.5, "E_OFFSET")
    if w := r["wcs"]:
        require(0 <= w["ra"] < 360 and -90 <= w["dec"] <= 90, "E_WCS")
        require(all(math.isfinite(w[name]) for name in WCS), "E_WCS")
        require(w["cd1_1"] * w["cd2_2"] - w["cd1_2"] * w["cd2_1"] != 0, "E_WCS")


def unpack(plane, kinds, count):
    kind = kinds[plane["encoding"]]
    require(len(plane["data"]) == struct.calcsize("<" + kind) * count, "E_LENGTH")
    return list(struct.unpack(f"<{count}{kind}", plane["data"]))


def image_values(p, n):
    require(p["encoding"] in (b"f4", b"i2"), "E_ENCODING")
    values, zero, scale = unpack(p, {b"f4": "f", b"i2": "h"}, 196 + 176 * (n - 1)), p["zero"], p["scale"]
    if p["encoding"] == b"f4":
        require(zero == [] and scale == [], "E_SCALE")
        require(not any(math.isinf(v) for v in values), "E_VALUE")
        return values
    require(len(zero) == len(scale) == n, "E_SCALE")
    for z, s in zip(zero, scale, strict=True):
        require(math.isfinite(s) and s > 0 and math.isfinite(z) and abs(z) + 32767 * s <= FLT_MAX, "E_SCALE")
    level = (max(0, (i - 20) // 176) for i in range(len(values)))
    return [math.nan if q == -32768 else rnd4(zero[k] + scale[k] * q) for q, k in zip(values, level, strict=True)]


def variance_values(p, n):
    require(p["encoding"] in (b"f4", b"log8"), "E_ENCODING")
    values, unit = unpack(p, {b"f4": "f", b"log8": "B"}, 196 + 176 * (n - 1)), p["unit"]
    if p["encoding"] == b"f4":
        require(not any(math.isinf(v) or v < 0 for v in values), "E_VALUE")
        return values
    require(math.isfinite(unit) and unit > 0 and unit * M[13] <= FLT_MAX, "E_SCALE")
    return [math.nan if c == 255 else 0.0 if c == 0 else
            rnd4(unit * M[(c - 1) % 16] * 2.0 ** ((c - 1) // 16 - 15 - 2 * max(0, (i - 20) // 176)))
            for i, c in enumerate(values)]


def mask_values(p, n):
    require(p["encoding"] in (b"u1", b"u2"), "E_ENCODING")
    require(1 <= len(p["planes"]) <= {b"u1": 8, b"u2": 16}[p["encoding"]], "E_MASK")
    require(all(is_text(name, 1, 32, first=0x21) for name in p["planes"]), "E_MASK")
    require(len(set(p["planes"])) == len(p["planes"]), "E_MASK")
    if p["data"] == b"":
        return [0] * (196 + 176 * (n - 1))
    values = unpack(p, {b"u1": "B", b"u2": "H"}, 196 + 176 * (n - 1))
    require(all(value < 2 ** len(p["planes"]) for value in values), "E_MASK")
    return values


def psf_values(p):
    require(p["encoding"] == b"i2", "E_ENCODING")
    size = p["size"]
    require(1 <= size <= 127 and size % 2 == 1, "E_PSF")
    q = unpack(p, {b"i2": "h"}, size * size)
    total = sum(q)
    require(-32768 not in q and total > 0, "E_PSF")
    return [[rnd4(q[a * size + b] / total) for b in range(size)] for a in range(size)]


def grids(stored, n, fill):
    """[DE-1] steps 3 to 5: place core and rings, fill the holes, derive level 0's last row and column."""
    stored, cells = iter(stored), [(row, column) for row in range(15) for column in range(15)]
    level = [{(a, b): next(stored) for a, b in cells if a <= 13 and b <= 13}]
    for k in range(1, n):
        level.append({(a, b): next(stored) for a, b in cells if not (4 <= a <= 10 and 4 <= b <= 10)})
        c = (k - 1) % 2
        for u, v in [(u, v) for u in range(7) for v in range(7)]:
            children = [level[k - 1][c + 2 * u + i, c + 2 * v + j] for i in (0, 1) for j in (0, 1)]
            level[k][4 + u, 4 + v] = fill(children)
    level[0] |= {(a, b): level[1][4 + a // 2, 4 + b // 2] for a, b in cells if a == 14 or b == 14}
    return [[[level[k][a, b] for b in range(15)] for a in range(15)] for k in range(n)]


def mean(children, power=1):
    """[VA-3]; with power 2, [PL-3]."""
    total, m = 0.0, 0
    for child in children:
        if math.isfinite(child):
            total, m = total + child, m + 1
    return rnd4(total / m**power) if m else math.nan


def decode(blob):
    require(len(blob) <= 65536, "E_LIMIT")
    require(blob[:2] == b"\xc3\x01", "E_MAGIC")
    require(len(blob) < 10 or blob[2:10] == FINGERPRINT, "E_FINGERPRINT")
    require(len(blob) >= 10, "E_AVRO")
    reader = Reader(blob, 10)
    r = reader.read(RECORD)
    require(reader.at == len(blob), "E_TRAILING")
    return finish(r)


def finish(r):
    check_metadata(r)
    n, out = r["levels"], {name: r[name] for name in ("version", "levels", "dx", "dy", "wcs")}
    out |= {name: None if r[name] is None else r[name].decode() for name in ("id", "band", "fluxUnit")}
    out |= {"image": grids(image_values(r["image"], n), n, mean), "variance": None, "mask": None, "psf": None}
    if r["variance"]:
        out["variance"] = grids(variance_values(r["variance"], n), n, lambda four: mean(four, 2))
    if r["mask"]:
        bits = grids(mask_values(r["mask"], n), n, lambda four: four[0] | four[1] | four[2] | four[3])
        out["mask"] = {"planes": [name.decode() for name in r["mask"]["planes"]], "data": bits}
    if r["psf"]:
        out["psf"] = {"size": r["psf"]["size"], "data": psf_values(r["psf"])}
    return out
