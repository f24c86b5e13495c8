"""Fills every hole from the offset of the other parity: c = k mod 2 in place of (k - 1) mod 2."""

from common import good, oracle, serve, to_protocol


def bend(stamp):
    for k in range(1, stamp["levels"]):
        finer, c = stamp["image"][k - 1], k % 2
        for u in range(7):
            for v in range(7):
                four = [finer[c + 2 * u + i][c + 2 * v + j] for i in (0, 1) for j in (0, 1)]
                stamp["image"][k][4 + u][4 + v] = oracle.mean(four)
    return to_protocol(stamp)


serve(lambda data: good(data, bend))
