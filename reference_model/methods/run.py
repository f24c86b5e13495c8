"""All classical finders on the transients of one field."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from reference_model.methods.catalogue import around, make_catalogue
from reference_model.methods.common import NO_MATCH, SOURCE, Match, own_position
from reference_model.methods.dlr import nearest_by_dlr
from reference_model.methods.gradient import host_by_gradient
from reference_model.methods.nearest import nearest_by_ellipse
from reference_model.methods.sources import detect
from reference_model.scenes.crop import crop
from reference_model.scenes.fields import Field
from reference_model.scenes.render import SCALE

#: Side of the wide image the finders are given, pixels.
WINDOW = 240
#: Search radius in the catalogue, arcsec.
SEARCH_RADIUS = 60.0

METHODS = (
    "own_position", "sep_nearest", "sep_dlr", "gradient_ascent", "catalogue_nearest",
    "catalogue_dlr",
)  # fmt: skip


def run_field(field: Field, seed: int) -> dict[str, NDArray[Any]]:
    """Every finder on every transient of a field.

    Returns
    -------
    dict
        Method name to an array of shape (n, 3): dx, dy (arcsec, NaN where no
        host was found) and the method's distance.
    """
    truth = field.truth()
    exposure = field.exposure()
    catalogue = make_catalogue(seed, truth.galaxies, truth.stars, SCALE)
    out = {name: np.full((truth.transients.size, 3), np.nan) for name in METHODS}
    for i, row in enumerate(truth.transients):
        x, y = float(row["x"]), float(row["y"])
        x0, y0 = round(x) - WINDOW // 2, round(y) - WINDOW // 2
        wide = crop(exposure.image, x0, y0, WINDOW)
        sigma = exposure.observation.sky_sigma
        near = around(catalogue, x * SCALE, y * SCALE, SEARCH_RADIUS)
        try:
            sources = detect(wide, sigma, x - x0, y - y0, SCALE, exposure.observation.fwhm)
        except RuntimeError:  # counted as "no host found": part of the method
            sources = np.zeros(0, SOURCE)
        answers: dict[str, Match] = {
            "own_position": own_position(),
            "sep_nearest": nearest_by_ellipse(sources) if sources.size else NO_MATCH,
            "sep_dlr": nearest_by_dlr(sources) if sources.size else NO_MATCH,
            "gradient_ascent": host_by_gradient(wide, x - x0, y - y0, sigma, sources, SCALE),
            "catalogue_nearest": nearest_by_ellipse(near) if near.size else NO_MATCH,
            "catalogue_dlr": nearest_by_dlr(near) if near.size else NO_MATCH,
        }
        for name, match in answers.items():
            out[name][i] = match.dx, match.dy, match.distance
    return out
