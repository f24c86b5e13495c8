"""Alerts of three objects with stamps of several kinds, as a table."""

import numpy as np

import hstamp

BAD = b"no stamp"


def stamp(seed, n=3, *, encoding="i2", variance="log8", mask=True, psf=7, wcs=True, **labels):
    rng = np.random.default_rng(seed)
    shape = (80, 80)
    image = rng.normal(0, 10, shape).astype(np.float32)
    image[rng.random(shape) < 0.02] = np.nan
    given = {}
    if variance:
        given |= {"variance": rng.gamma(9, 10, shape), "variance_encoding": variance}
    if mask:
        bits = (rng.random(shape) < 0.02) * rng.integers(0, 8, shape)
        given |= {"mask": bits, "mask_planes": ["SAT", "CR", "BAD"]}
    if psf:
        y, x = np.indices((psf, psf)) - psf // 2
        given |= {"psf": np.exp(-(x**2 + y**2) / 4), "psf_size": psf}
    if wcs:
        given["wcs"] = hstamp.Wcs(150.0 + seed, 2.0, -5.5e-5, 1e-6, 1e-6, 5.5e-5)
    return hstamp.encode(
        image, 40.2 + 0.01 * seed, 39.9, levels=n, encoding=encoding, **given, **labels
    ).to_bytes()


def mixture():
    """Blobs that differ in all that can differ."""
    return [
        *(stamp(seed, id=f"a/{seed}", band="r") for seed in range(8, 14)),
        stamp(1, 4, encoding="f4", variance="f4", mask=False, psf=0, wcs=False),
        stamp(2, 5, variance=None, psf=5, id="", band="", flux_unit="adu"),
        stamp(3, 2, mask=False, id="x" * 128),
    ]


def alerts():
    """Return the columns of a small table of alerts: two of objects 1 and 2, one of object 3."""
    rows = range(5)
    return {
        "objectId": [1, 1, 2, 2, 3],
        "ra": [150.0 + row for row in rows],
        "dec": [2.0] * 5,
        "mjd": [61000.5 + row for row in rows],
        "hstampScience": [stamp(row, 5, id=str(row), band="r") for row in rows],
    }
