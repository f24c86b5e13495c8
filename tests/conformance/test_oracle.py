"""The oracle against what the specification states in words, and against hand calculation."""

import ast
import math
import struct
from pathlib import Path

import extract_examples
import oracle
import pytest
import truth

HERE = Path(__file__).resolve().parent
EXAMPLES = extract_examples.examples(extract_examples.SPEC.read_text(encoding="utf-8"))


def bits(value):
    return struct.unpack("<I", struct.pack("<f", value))[0]


def test_oracle_is_short_and_independent():
    source = (HERE / "oracle.py").read_text(encoding="utf-8")
    assert len(source.splitlines()) <= 200
    imported = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            imported |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported.add(node.module)
    assert imported == {"math", "struct"}


@pytest.mark.parametrize("folder", ["generator"])
def test_builder_shares_nothing_with_the_codec(folder):
    files = [*(HERE / folder).glob("*.py"), HERE / "truth.py", HERE / "container_oracle.py"]
    for path in files:
        assert "hstamp." not in "".join(
            line for line in path.read_text(encoding="utf-8").splitlines() if "import" in line
        ), path


def test_b1():
    image = oracle.decode(EXAMPLES["b1-f4-n2"])["image"]
    for a in range(15):
        for b in range(15):
            assert image[0][a][b] == (2.0 if 14 in (a, b) else 1.0)
            assert image[1][a][b] == (1.0 if 4 <= a <= 10 and 4 <= b <= 10 else 2.0)


def test_b2():
    stamp = oracle.decode(EXAMPLES["b2-i2-n2"])
    level0, level1 = stamp["image"]
    assert math.isnan(level0[0][0])
    assert level0[0][1:14] == [100.5] * 13
    assert level0[1][:14] == [99.5] * 14
    assert all(level0[a][:14] == [100.0] * 14 for a in range(2, 14))
    assert level0[14] == [-1.0] * 15
    assert all(math.isnan(value) for value in level1[0])
    assert bits(level1[4][4]) == 0x42C7AAAB
    assert level1[4][5:11] == [100.0] * 6
    assert all(level1[a][4:11] == [100.0] * 7 for a in range(5, 11))
    assert level1[14] == [-1.0] * 15
    assert (stamp["id"], stamp["band"], stamp["dx"], stamp["dy"]) == ("a1", "r", 0.5, -0.25)
    assert stamp["wcs"]["cd1_1"] == -(2.0**-14)


def test_b3():
    stamp = oracle.decode(EXAMPLES["b3-full-n2"])
    variance, mask = stamp["variance"], stamp["mask"]["data"]
    assert math.isnan(variance[0][13][13])
    assert variance[0][0][:14] == [4.0] * 14
    assert variance[0][14] == [2.0] * 15
    assert bits(variance[1][10][10]) == 0x3FAAAAAB
    assert variance[1][4][4:11] == [1.0] * 7
    assert (mask[0][0][0], mask[0][13][13]) == (2, 1)
    assert (mask[1][4][4], mask[1][10][10], mask[1][14][14]) == (2, 1, 3)
    assert sum(map(sum, mask[1])) == 6
    assert stamp["psf"]["data"] == [[0.0, 0.125, 0.0], [0.125, 0.5, 0.125], [0.0, 0.125, 0.0]]


def test_b4():
    stamp = oracle.decode(EXAMPLES["b4-i2-n4"])
    image, variance, psf = stamp["image"], stamp["variance"], stamp["psf"]["data"]
    assert image[0][0][:14] == [16383.5] * 14
    assert image[0][1][:14] == [-16383.5] * 14
    assert image[0][14] == [7.0] * 15
    assert image[1][4][4:11] == [0.0] * 7
    assert image[1][5][4:11] == [1.5] * 7
    assert image[2][4][4:11] == [4.0] * 7
    assert image[2][5][4:11] == [7.0, 5.25, 3.5, 3.5, 3.5, 7.0, 7.0]
    assert image[3][4][4:11] == [12.0] * 7
    assert image[3][5][4:11] == [16.0] * 7
    assert image[3][14][14] == -5.0
    assert math.isnan(image[3][14][13])
    assert variance[0][0][:3] == [115098.0, 3.83038330078125, 0.0]
    assert math.isnan(variance[0][0][3])
    assert variance[1][0][0] == 2.08856201171875
    assert variance[2][0][0] == 0.125
    assert variance[3][0][0] == 1798.40625
    assert psf[0] == [0.0625, 0.125, 0.1875]
    assert psf[1] == [-0.0625, 0.5, 0.0]
    assert sum(sum(map(sum, level)) for level in stamp["mask"]["data"]) == 0


def test_stored_pixels_and_their_number():
    for n, count in zip(range(2, 9), (372, 548, 724, 900, 1076, 1252, 1428), strict=True):
        assert len(truth.stored(n)) == count


def test_decoded_stamp_is_the_true_one():
    """Geometry twice over: brute force from the parent and decoding agree at every stored pixel.

    The oracle fills holes from stored values, truth from the parent: equality at hole pixels
    shows that the two geometries are one.
    """
    n, size = 5, 260
    parent = [
        [float((a * 7919 + b * 104729) % 4093 - 2000) for b in range(size)] for a in range(size)
    ]
    i0, j0, _, _ = truth.corner(129.3, 131.8)
    flat = truth.true_plane(parent, i0, j0, truth.stored(n), truth.mean, math.nan)
    levels = oracle.grids(flat, n, oracle.mean)
    for k in range(1, n):
        whole = truth.true_plane(parent, i0, j0, truth.stored(n), truth.mean, math.nan)
        assert whole == flat
        side = 2**k
        for a in range(4, 11):
            for b in range(4, 11):
                row, column = j0 + truth.ORIGIN[k] + a * side, i0 + truth.ORIGIN[k] + b * side
                assert levels[k][a][b] == _mean_of(parent, row, column, k)


def _mean_of(parent, row, column, k):
    if k == 0:
        return parent[row][column]
    half = 2 ** (k - 1)
    return truth.mean(
        [_mean_of(parent, row + i * half, column + j * half, k - 1) for i in (0, 1) for j in (0, 1)]
    )


def test_origins_follow_the_recurrence():
    origin = -7
    for k in range(8):
        assert truth.ORIGIN[k] == origin
        origin += (k % 2) * 2**k - 2 ** (k + 3)
