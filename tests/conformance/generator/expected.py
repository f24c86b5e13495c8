"""Expected results as JSON that diffs well: one string of shortest decimals per row of a grid."""

from __future__ import annotations

import contextlib
import math
import struct
from functools import lru_cache
from typing import Any


def shortest(value: float) -> str:
    """The fewest significant digits that give the same binary32 back."""
    return "NaN" if math.isnan(value) else _decimal(struct.pack("<f", value))


@lru_cache(maxsize=2**18)
def _decimal(wanted: bytes) -> str:
    # Keyed by bits: as numbers, 0.0 and -0.0 would share an entry.
    value = struct.unpack("<f", wanted)[0]
    for digits in range(1, 10):
        out = f"{value:.{digits}g}"
        with contextlib.suppress(OverflowError):  # rounded up past FLT_MAX: not yet enough digits
            if struct.pack("<f", float(out)) == wanted:
                return out
    raise AssertionError(value)


def rows(grid: list[list[float]]) -> list[str]:
    return [" ".join(str(v) if isinstance(v, int) else shortest(v) for v in row) for row in grid]


def stamp_json(stamp: dict[str, Any], field: str | None) -> dict[str, Any]:
    """The oracle's stamp in the layout of `vectors/*/*.json`, keys in the order of Appendix C."""
    wcs, mask, psf = stamp["wcs"], stamp["mask"], stamp["psf"]
    cd = ("cd1_1", "cd1_2", "cd2_1", "cd2_2")
    out = {"field": field} | {
        k: stamp[k] for k in ("version", "levels", "id", "band", "fluxUnit", "dx", "dy")
    }
    out["wcs"] = wcs and {"ra": wcs["ra"], "dec": wcs["dec"], "cd": [wcs[name] for name in cd]}
    out["image"] = [rows(level) for level in stamp["image"]]
    out["variance"] = stamp["variance"] and [rows(level) for level in stamp["variance"]]
    out["mask"] = mask and {
        "planes": mask["planes"],
        "data": [rows(level) for level in mask["data"]],
    }
    out["psf"] = psf and {"size": psf["size"], "data": rows(psf["data"])}
    return out
