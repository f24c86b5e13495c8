"""The scene of a set of pairs: galaxies, hosts and stars as deep as its survey sees."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from reference_model.classes.surveys import SCENE_PIXEL
from reference_model.scenes.place import STAR
from reference_model.scenes.render import Atlas, give_atlas_shapes, render_scene
from reference_model.sky import relations as rel
from reference_model.sky.galaxies import Table, draw_field_galaxies, draw_nearby_hosts

#: Nearby galaxies (z < 0.1) of a square arcminute where none of the counts is one: SN Ia
#: hosts of a survey like ZTF are these.
NEARBY_DENSITY = 0.12
#: Most stars over those at the Galactic pole: near the plane, as far as sources can still be told
#: apart, by the magnitude of the faintest.
MOST_STARS, FEWER = 60.0, 0.4
#: Side of a galaxy's surroundings beyond the image, scene pixels.
MARGIN = 60


@dataclass(frozen=True)
class Scene:
    """A noise-free scene with what is in it.

    Attributes
    ----------
    image : ndarray, float32, shape (N, N)
        nJy per pixel of 0.2 arcsec.
    galaxies, stars : structured array
        With positions in scene pixels.
    star_factor : float
        Density of stars over that of the Galactic pole.
    middle : float
        Middle of what it was drawn from.
    """

    image: NDArray[np.float32]
    galaxies: Table
    stars: Table
    star_factor: float
    middle: float


def make_scene(rng: np.random.Generator, size: int, faintest: float, book: Atlas) -> Scene:
    """Draw a scene.

    Parameters
    ----------
    rng : Generator
    size : int
        Side in pixels of 0.2 arcsec, even.
    faintest : float
        Faintest r magnitude that is drawn.
    book : Atlas
        Drawings of faint galaxies of the split.
    """
    side = size * SCENE_PIXEL / 60.0
    field = draw_field_galaxies(rng, (side + 2 * MARGIN * SCENE_PIXEL / 60.0) ** 2)
    field = field[field["r_mag"] < faintest]
    nearby = draw_nearby_hosts(rng, max(2, int(rng.poisson(NEARBY_DENSITY * side**2))))
    for table in (field, nearby):
        for axis in ("x", "y"):
            table[axis] = rng.uniform(-MARGIN, size + MARGIN, table.size)
    galaxies = np.concatenate([nearby, field])
    give_atlas_shapes(rng, galaxies, book)
    most = MOST_STARS * np.exp(-FEWER * (faintest - 22.5))
    factor = float(np.exp(rng.uniform(0.0, np.log(most))))
    mags = rel.draw_star_magnitudes(rng, side**2, factor, faintest)
    stars = np.zeros(mags.size, STAR)
    stars["r_mag"], stars["flux"] = mags, rel.to_njy(mags)
    stars["x"], stars["y"] = rng.uniform(0, size - 1, (2, mags.size))
    return Scene(
        render_scene(size, galaxies, stars, book), galaxies, stars, factor, float(np.sqrt(most))
    )
