"""Asks DELIGHT, as published, where the hosts in a stack of images are.

Run by the interpreter of DELIGHT's own environment, never imported: it needs
what ``astro-delight`` installs and nothing of this project.

It speaks JSON, one object a line.  It first says which versions it runs, or
``{"error": ...}``.  To ``{"images": PATH, "answers": PATH}`` it reads an array
of shape (n, 480, 480) of 0.25 arcsec pixels with the transient at the centre of
the array, writes an array of shape (n, 3) and says ``{"answers": n, "silent":
[[number, cause], ...]}``.  An answer is host minus transient in pixels along x
and y, and the scatter of the eight orientations; NaN where DELIGHT has none.
"""

from __future__ import annotations

import contextlib
import json
import sys
import tempfile
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

#: Numbers of images without an answer, and why.
Silent = list[list[Any]]

#: What DELIGHT's images are: 2 arcmin in pixels of 0.25 arcsec.
SIDE, PIXEL = 480, 0.25
#: Its levels, and its documented way of masking: sources found by SExtractor.
OPTIONS = {"nlevels": 5, "domask": False, "doobject": True, "doplot": False}
#: Images per table; a multiple of the 32 that Keras predicts at once.
AT_ONCE = 64


def plain_median(general: Any) -> Any:
    """NumPy's median where nothing is missing, `general` elsewhere.

    DELIGHT takes medians of finite images only, and spends a third of its time
    on the masks that ``nanmedian`` makes of them; the values are the same.
    """

    def median(values: Any, axis: Any = None, **options: Any) -> Any:
        if np.isfinite(values).all():
            return np.median(values, axis=axis, **options)
        return general(values, axis=axis, **options)

    return median


def write_images(folder: Path, images: np.ndarray, fits: Any) -> tuple[np.ndarray, np.ndarray]:
    """Lay images out as DELIGHT downloads them; returns the positions it asks for."""
    (folder / "fits").mkdir()
    ra, dec = 180.0 + 0.01 * np.arange(len(images)), np.zeros(len(images))
    for image, centre in zip(images, ra, strict=True):
        header = fits.Header()
        header["CTYPE1"], header["CTYPE2"] = "RA---TAN", "DEC--TAN"
        header["CUNIT1"], header["CUNIT2"] = "deg", "deg"
        header["CRPIX1"] = header["CRPIX2"] = (SIDE + 1) / 2
        header["CDELT1"], header["CDELT2"] = -PIXEL / 3600.0, PIXEL / 3600.0
        header["CRVAL1"], header["CRVAL2"] = centre, 0.0
        name = f"stack_r_ra{centre:.6f}_dec{0.0:.6f}_arcsec120.fits"
        fits.writeto(folder / "fits" / name, np.asarray(image, np.float32), header)
    return ra, dec


class Finder:
    """DELIGHT with its network loaded once."""

    def __init__(self) -> None:
        from astropy.io import fits
        from delight.delight import Delight
        from xarray.core import nputils

        if hasattr(nputils, "nanmedian"):
            nputils.nanmedian = plain_median(nputils.nanmedian)
        self.fits: Any = fits
        self.client: Any = Delight
        self.network: Any = None

    def find(self, images: np.ndarray) -> np.ndarray:
        """Hosts of at most `AT_ONCE` images: its own steps, in its own order."""
        with tempfile.TemporaryDirectory() as folder:
            ra, dec = write_images(Path(folder), images, self.fits)
            client = self.client(folder, [str(i) for i in range(len(images))], ra, dec)
            client.check_missing()
            client.get_pix_coords()
            client.compute_multiresolution(**OPTIONS)
        if self.network is None:
            client.load_model()
            self.network = client.tfmodel
        client.tfmodel = self.network
        client.preprocess()
        client.predict()
        columns = ["dx_delight", "dy_delight", "std_delight"]
        return np.asarray(client.df[columns], dtype=np.float32)

    def find_each(self, images: np.ndarray, first: int = 0) -> tuple[np.ndarray, Silent]:
        """As `find`; where that fails, halves, down to the image at fault."""
        try:
            return self.find(images), []
        except Exception as error:
            if len(images) == 1:
                cause = f"{type(error).__name__}: {error}"
                return np.full((1, 3), np.nan, np.float32), [[first, cause]]
        half = len(images) // 2
        left, silent = self.find_each(images[:half], first)
        right, more = self.find_each(images[half:], first + half)
        return np.concatenate([left, right]), silent + more


def answer(finder: Finder, request: dict[str, str]) -> dict[str, Any]:
    """Answer one request."""
    images = np.load(request["images"], mmap_mode="r", allow_pickle=False)
    if images.shape[1:] != (SIDE, SIDE):
        raise ValueError(f"images of {images.shape[1:]}: DELIGHT wants {SIDE} x {SIDE} pixels")
    found = [np.zeros((0, 3), np.float32)]
    silent: Silent = []
    for first in range(0, len(images), AT_ONCE):
        answers, causes = finder.find_each(images[first : first + AT_ONCE], first)
        found.append(answers)
        silent += causes
    np.save(request["answers"], np.concatenate(found), allow_pickle=False)
    return {"answers": len(images), "silent": silent}


def main() -> int:
    """Serve standard input until it ends."""
    out = sys.stdout

    def say(reply: dict[str, Any]) -> None:
        print(json.dumps(reply), file=out, flush=True)

    # DELIGHT prints as it works: that belongs in the log.
    with contextlib.redirect_stdout(sys.stderr):
        try:
            finder = Finder()
            names = ("astro-delight", "keras", "numpy", "xarray", "sep")
            versions = {name: metadata.version(name) for name in names}
            import keras

            versions["backend"] = keras.backend.backend()
        except (ImportError, metadata.PackageNotFoundError) as error:
            say({"error": str(error)})
            return 1
        say(versions)
        for line in sys.stdin:
            try:
                say(answer(finder, json.loads(line)))
            except (OSError, ValueError) as error:
                say({"error": str(error)})
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
