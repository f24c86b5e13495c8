"""The specification once more, pixel by pixel in plain Python.

Nothing here comes from the package: the geometry is the table of Section 4, values are Python
floats and None, arithmetic is written out. It is slow, and meant to be read beside the text.
"""

import math
import struct
from array import array
from fractions import Fraction

import numpy as np

SIDES = (1, 2, 4, 8, 16, 32, 64, 128)
ORIGINS = (-7, -15, -29, -61, -117, -245, -469, -981)
LAST = (7, 14, 30, 58, 122, 234, 490, 938)
SIZES = {2: 372, 3: 548, 4: 724, 5: 900, 6: 1076, 7: 1252, 8: 1428}
MANTISSAS = (
    32768, 34219, 35734, 37316, 38968, 40693, 42495, 44376,
    46341, 48393, 50535, 52773, 55109, 57549, 60097, 62757,
)  # fmt: skip
FLT_MAX = (2 - 2**-23) * 2.0**127


def rnd4(value):
    """Binary64 to binary32, to nearest, ties to even; infinite where it does not fit."""
    return array("f", (value,))[0]


def rnd4_integer(value):
    """Integer of any size to binary32 in one rounding."""
    if abs(value) < 2**53:
        return rnd4(float(value))
    shift = abs(value).bit_length() - 24
    kept, rest = divmod(abs(value), 1 << shift)
    half = Fraction(rest, 1 << shift)
    if half > Fraction(1, 2) or (half == Fraction(1, 2) and kept % 2):
        kept += 1
    return math.copysign(math.ldexp(kept, shift), value)


def image_rows(image):
    """Level-0 values of a parent as rows of floats, None where missing [VA-2]."""

    def one(value):
        value = rnd4_integer(value) if isinstance(value, int) else rnd4(value)
        return value if math.isfinite(value) else None

    return [[one(value) for value in row] for row in np.asarray(image).tolist()]


def variance_rows(variance, image):
    """Level-0 variances of a parent [PL-2]; `image` as from `image_rows`."""
    rows = []
    for variances, values in zip(np.asarray(variance).tolist(), image, strict=True):
        row = []
        for v, value in zip(variances, values, strict=True):
            good = value is not None and math.isfinite(v) and v >= 0 and math.isfinite(rnd4(v))
            row.append(rnd4(v) if good else None)
        rows.append(row)
    return rows


def mean(children):
    total, count = 0.0, 0
    for child in children:
        if child is not None:
            total += child
            count += 1
    return rnd4(total / count) if count else None


def variance_of_mean(children):
    total, count = 0.0, 0
    for child in children:
        if child is not None:
            total += child
            count += 1
    return rnd4(total / float(count * count)) if count else None


def union(children):
    a, b, c, d = children
    return a | b | c | d


def corner(x, y):
    return math.floor(x) + 1, math.floor(y) + 1


def true_levels(rows, x, y, n, combine=mean, missing=None):
    """All 15x15 pixels of every level, each from its own explicit range of parent pixels."""
    height, width = len(rows), len(rows[0])
    i0, j0 = corner(x, y)
    known = {}

    def pixel(k, row, column):
        side = SIDES[k]
        if row >= height or column >= width or row + side <= 0 or column + side <= 0:
            return missing
        if k == 0:
            return rows[row][column]
        if (k, row, column) in known:
            return known[k, row, column]
        half = side // 2
        value = combine((
            pixel(k - 1, row, column),
            pixel(k - 1, row, column + half),
            pixel(k - 1, row + half, column),
            pixel(k - 1, row + half, column + half),
        ))  # fmt: skip
        if k > 2:
            known[k, row, column] = value
        return value

    return [
        [
            [
                pixel(k, j0 + ORIGINS[k] + a * SIDES[k], i0 + ORIGINS[k] + b * SIDES[k])
                for b in range(15)
            ]
            for a in range(15)
        ]
        for k in range(n)
    ]


def stamp_order(n):
    """(level, row, column) of every stored value [GE-6]."""
    order = [(0, a, b) for a in range(14) for b in range(14)]
    for k in range(1, n):
        for a in range(15):
            for b in range(15):
                if not (4 <= a <= 10 and 4 <= b <= 10):
                    order.append((k, a, b))
    return order


def stored(levels):
    """Values in stamp order, from levels."""
    return [levels[k][a][b] for k, a, b in stamp_order(len(levels))]


def presented(values, n, combine=mean):
    """What a decoder presents for stored values: steps 3 to 5 of [DE-1]."""
    grids = [[[None] * 15 for _ in range(15)] for _ in range(n)]
    for value, (k, a, b) in zip(values, stamp_order(n), strict=True):
        grids[k][a][b] = value
    for k in range(1, n):
        c = (k - 1) % 2
        for u in range(7):
            for v in range(7):
                below = grids[k - 1]
                row, column = c + 2 * u, c + 2 * v
                grids[k][4 + u][4 + v] = combine((
                    below[row][column], below[row][column + 1],
                    below[row + 1][column], below[row + 1][column + 1],
                ))  # fmt: skip
    for t in range(15):
        grids[0][14][t] = grids[1][4 + 14 // 2][4 + t // 2]
        grids[0][t][14] = grids[1][4 + t // 2][4 + 14 // 2]
    return grids


def as_f4(values):
    """Nested lists with None to float32 with NaN."""
    return np.array(values, dtype=np.float64).astype(np.float32)


def same_bits(left, right):
    """Equal shape and bits, any NaN like any other."""
    left, right = np.asarray(left), np.asarray(right)
    if left.shape != right.shape or left.dtype != np.float32 or right.dtype != np.float32:
        return False
    nan = np.isnan(left)
    return bool(
        (nan == np.isnan(right)).all()
        and (left.view(np.uint32)[~nan] == right.view(np.uint32)[~nan]).all()
    )


def level_of_stored(n):
    """Level of each stored value."""
    return [k for k, _, _ in stamp_order(n)]


def decode_image(plane, n):
    """Stored image values of a record as a dictionary, None where missing [EN-1], [EN-2]."""
    count = SIZES[n]
    if plane["encoding"] == "f4":
        numbers = struct.unpack(f"<{count}f", plane["data"])
        return [None if math.isnan(v) else v for v in numbers]
    numbers = struct.unpack(f"<{count}h", plane["data"])
    return [
        None if q == -32768 else rnd4(plane["zero"][k] + plane["scale"][k] * q)
        for q, k in zip(numbers, level_of_stored(n), strict=True)
    ]


def decode_variance(plane, n):
    """Stored variances of a record as a dictionary [EN-4], [EN-5]."""
    if plane["encoding"] == "f4":
        return decode_image(plane, n)
    values = []
    for code, k in zip(plane["data"], level_of_stored(n), strict=True):
        if code in (0, 255):
            values.append(None if code else 0.0)
            continue
        e, m = (code - 1) // 16, (code - 1) % 16
        exact = Fraction(plane["unit"]) * MANTISSAS[m] * Fraction(2) ** (e - 15 - 2 * k)
        values.append(rnd4(float(exact)))
    return values


def decode_mask(plane, n):
    """Stored mask bits of a record as a dictionary [EN-8]."""
    if not plane["data"]:
        return [0] * SIZES[n]
    return list(struct.unpack(f"<{SIZES[n]}{'B' if plane['encoding'] == 'u1' else 'H'}",
                              plane["data"]))  # fmt: skip


def decode_psf(plane):
    """PSF of a record as a dictionary [EN-9]."""
    count = plane["size"] ** 2
    numbers = struct.unpack(f"<{count}h", plane["data"])
    total = sum(numbers)
    values = [rnd4(float(q) / float(total)) for q in numbers]
    return np.array(values, dtype=np.float32).reshape(plane["size"], plane["size"])
