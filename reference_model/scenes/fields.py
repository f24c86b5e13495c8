"""Fields on disk: one folder each, written whole or not at all.

A field is its tables and its observations: the scene is drawn again from them when a later
step asks for an image.  ``levels.npy`` holds the levels of every transient in every view, in
units of the view's noise and in half precision, ``views.npy`` where each transient and its
host lie in it.  View 0 is LSST's template, view 1 its visit, the rest are looks of other
surveys.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import zlib
from collections.abc import Callable, Iterable
from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import hstamp
from reference_model.config import SPLITS, StudyConfig
from reference_model.scenes.crop import crop
from reference_model.scenes.grid import grid_of
from reference_model.scenes.looks import draw_looks
from reference_model.scenes.observation import Observation
from reference_model.scenes.observe import Exposure, Spectrum, observe, spectrum_of
from reference_model.scenes.place import FieldTruth, host_snr, make_field
from reference_model.scenes.render import atlas, render_scene
from reference_model.sky.galaxies import Table
from reference_model.sky.relations import to_njy
from reference_model.sky.transients import detected_share

Image = NDArray[np.float32]

#: Levels cut for every transient.
MAX_LEVELS = 6
#: Largest value, in units of the noise, that half precision is trusted with.
BRIGHTEST = 6.0e4

#: One transient in one view.  x, y: its pixel; host_dx, host_dy: host minus transient in
#: arcsec along the view's pixel axes; sigma: noise of an empty pixel (nJy), wide: the same as
#: means over many pixels show it; fwhm and scale: arcsec; snr: of the host in this view;
#: transient_r: what shines in a science image; weight: how often this survey finds such a one.
VIEW = np.dtype(
    [
        ("x", "f8"), ("y", "f8"), ("host_dx", "f4"), ("host_dy", "f4"), ("sigma", "f4"),
        ("wide", "f4"), ("fwhm", "f4"), ("scale", "f4"), ("snr", "f4"), ("science", "?"),
        ("transient_r", "f4"), ("weight", "f4"),
    ]
)  # fmt: skip

#: Samples along a pixel of which a transient's light is the mean: without transforms, which wide
#: wings make large.
SAMPLES = 5
#: How much brighter than a look's limit its transients are, mag: the mean of an exponential.
ABOVE_LIMIT = 0.7
#: A template is deeper than the images that transients are found in, mag.
TEMPLATE_DEEPER = 1.0
#: Least weight of a transient: what a survey hardly finds is not left out.
LEAST_WEIGHT = 0.02


def field_seed(config: StudyConfig, name: str) -> int:
    """A field's own seed: the study's seed and the field's name."""
    return zlib.crc32(f"{config.seed}/{config.name}/{name}".encode())


def split_seed(config: StudyConfig, name: str) -> int:
    """Seed of the atlas of the split a field belongs to."""
    return config.seed * 10 + SPLITS.index(name.split("-")[0])


def view_of(truth: FieldTruth, observation: Observation, size: int) -> Table:
    """Where every transient of a field lies in an observation, and how its host shows."""
    rows, grid = truth.transients, grid_of(observation, size)
    out = np.zeros(rows.size, VIEW)
    out["x"], out["y"] = grid.pixels(rows["x"], rows["y"])
    out["host_dx"], out["host_dy"] = grid.along(rows["host_dx"], rows["host_dy"])
    out["sigma"], out["wide"] = observation.sky_sigma, observation.wide_sigma
    out["fwhm"], out["scale"], out["snr"] = observation.fwhm, observation.scale, np.nan
    out["science"], out["transient_r"] = observation.science, rows["transient_r"]
    has = np.flatnonzero(rows["host"] >= 0)
    out["snr"][has] = host_snr(truth.galaxies, observation)[rows["host"][has]]
    out["weight"] = 1.0
    if observation.depth:
        out["weight"] = _weights(rows, observation)
        # An alert needs a detection: fainter transients stand for brighter ones.
        rng = np.random.default_rng([observation.seed, 1])
        limit = observation.limit()
        bright = limit - rng.exponential(ABOVE_LIMIT, rows.size)
        out["transient_r"] = np.where(rows["transient_r"] > limit, bright, rows["transient_r"])
    return out


def _weights(rows: Table, observation: Observation) -> NDArray[np.float64]:
    """How often a survey of this depth finds a transient at each one's redshift.

    One without a host is found as often as the mean of the others.
    """
    limit = observation.limit() - (0.0 if observation.science else TEMPLATE_DEEPER)
    known = rows["host"] >= 0
    out = np.ones(rows.size)
    out[known] = np.maximum(detected_share(rows["host_z"][known], limit), LEAST_WEIGHT)
    if known.any():
        out[~known] = out[known].mean()
    return out


def transient_light(row: Any, observation: Observation) -> tuple[Image, int, int]:
    """A transient's light with its photon noise, nJy, and the first pixel of that patch.

    Parameters
    ----------
    row : record of `VIEW`
    """
    ix, iy = round(float(row["x"])), round(float(row["y"]))
    half = max(15, int(np.ceil(3.0 * observation.fwhm / observation.scale)))
    side = 2 * half + 1
    fine = observation.psf().drawImage(
        nx=side * SAMPLES, ny=side * SAMPLES, scale=observation.scale / SAMPLES,
        offset=(SAMPLES * (float(row["x"]) - ix), SAMPLES * (float(row["y"]) - iy)),
        method="no_pixel", dtype=np.float64,
    ).array  # fmt: skip
    stamp = fine.reshape(side, SAMPLES, side, SAMPLES).sum(axis=(1, 3))
    stamp *= float(to_njy(row["transient_r"]))
    return _photon_noise(stamp, row, observation), ix - half, iy - half


def add_transient(parent: Image, row: Any, observation: Observation, x0: int, y0: int) -> Image:
    """A window whose first pixel is (x0, y0), with the transient's light added."""
    light, x, y = transient_light(row, observation)
    out = parent.copy()
    out[y - y0 : y - y0 + light.shape[0], x - x0 : x - x0 + light.shape[1]] += light
    return out


def _photon_noise(stamp: Any, row: Any, observation: Observation) -> Image:
    """The transient's light with its own photon noise, seeded by its position."""
    rng = np.random.default_rng([observation.seed, int(row["x"] * 64), int(row["y"] * 64)])
    sigma = np.sqrt(np.maximum(stamp, 0.0) / observation.gain)
    return np.asarray(stamp + sigma * rng.standard_normal(stamp.shape), dtype=np.float32)


def cut_levels(exposure: Exposure, view: Table) -> NDArray[np.float16]:
    """Levels of every transient in units of the noise, half precision, shape (n, 6, 15, 15)."""
    if not exposure.observation.science:
        blobs = hstamp.encode_many(exposure.image, view["x"], view["y"], levels=MAX_LEVELS,
                                   encoding="f4")  # fmt: skip
        found = hstamp.decode_many(blobs, planes=("image",)).levels
        assert found is not None
        return in_noise(found, exposure.observation)
    layout = hstamp.Layout(MAX_LEVELS)
    out = np.empty((view.size, MAX_LEVELS, 15, 15), np.float32)
    for i, row in enumerate(view):
        x, y = float(row["x"]), float(row["y"])
        x0, y0 = (c + layout.origins[-1] for c in hstamp.reference_corner(x, y))
        parent = crop(exposure.image, x0, y0, layout.side)
        parent = add_transient(parent, row, exposure.observation, x0, y0)
        out[i] = hstamp.encode(parent, x - x0, y - y0, levels=MAX_LEVELS, encoding="f4").levels
    return in_noise(out, exposure.observation)


def in_noise(values: Image, observation: Observation) -> NDArray[np.float16]:
    """Values (nJy) over the noise of an empty pixel, in half precision.

    Its relative error of 5e-4 is far below the noise of whatever is that bright.
    """
    scaled = values * np.float32(1.0 / observation.sky_sigma)
    return np.asarray(np.clip(scaled, -BRIGHTEST, BRIGHTEST), dtype=np.float16)


def write_field(
    root: Path,
    config: StudyConfig,
    name: str,
    also: Callable[[Field, Iterable[Exposure]], None] | None = None,
) -> dict[str, Any]:
    """Make one field, unless it is already there.

    Parameters
    ----------
    root, config, name
        Which field, and where.
    also : callable, optional
        What else is done with a new field while its exposures are at hand.

    Returns
    -------
    dict
        Its manifest entry.
    """
    folder = root / config.name / "fields" / name
    note = folder / "field.json"
    if note.exists():
        return dict(json.loads(note.read_text()))
    seed = field_seed(config, name)
    book = atlas(split_seed(config, name), config.atlas)
    truth = make_field(seed, config.of_field(name), book)
    views = [truth.template, truth.visit, *draw_looks(seed, config.size, config.looks)]
    entry: dict[str, Any] = {
        "name": name,
        "seed": seed,
        "size": config.size,
        "atlas": [split_seed(config, name), config.atlas],
        "views": [asdict(view) for view in views],
        "transients": int(truth.transients.size),
        "files": {},
    }
    spectrum = spectrum_of(render_scene(config.size, truth.galaxies, truth.stars, book))
    exposures = [observe(spectrum, truth.stars, view) for view in views]
    tables = [view_of(truth, view, config.size) for view in views]
    arrays: dict[str, NDArray[Any]] = {
        "galaxies": truth.galaxies,
        "stars": truth.stars,
        "transients": truth.transients,
        "views": np.stack(tables),
        "levels": np.stack([cut_levels(e, t) for e, t in zip(exposures, tables, strict=True)]),
    }
    partial = folder.with_name(name + f".partial-{os.getpid()}")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    for key, value in arrays.items():
        path = partial / f"{key}.npy"
        np.save(path, value, allow_pickle=False)
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        entry["files"][path.name] = {"bytes": path.stat().st_size, "sha256": digest}
    (partial / "field.json").write_text(json.dumps(entry, indent=1))
    if also is not None:
        also(Field(partial), exposures)
    if folder.exists():
        shutil.rmtree(folder)
    partial.rename(folder)
    return entry


class Field:
    """A field on disk.

    Parameters
    ----------
    folder : Path
        As `write_field` wrote it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        entry = json.loads((folder / "field.json").read_text())
        self.name: str = entry["name"]
        self.size: int = entry["size"]
        self.views = [_observation(view) for view in entry["views"]]
        self._atlas: tuple[int, int] = tuple(entry["atlas"])

    @property
    def template(self) -> Observation:
        """LSST's template."""
        return self.views[0]

    @property
    def visit(self) -> Observation:
        """LSST's visit."""
        return self.views[1]

    def load(self, key: str) -> NDArray[Any]:
        """One of the field's arrays, memory-mapped."""
        path = self.folder / f"{key}.npy"
        return np.asanyarray(np.load(path, mmap_mode="r", allow_pickle=False))

    @cached_property
    def spectrum(self) -> Spectrum:
        """The scene, drawn again from its tables."""
        galaxies, stars = np.asarray(self.load("galaxies")), np.asarray(self.load("stars"))
        return spectrum_of(render_scene(self.size, galaxies, stars, atlas(*self._atlas)))

    def exposure(self, observation: Observation | None = None) -> Exposure:
        """Look at the field (as its template was taken, unless told otherwise)."""
        return observe(self.spectrum, np.asarray(self.load("stars")), observation or self.template)

    def truth(self) -> FieldTruth:
        """The field's tables and observations."""
        galaxies, stars, rows = (
            np.asarray(self.load(k)) for k in ("galaxies", "stars", "transients")
        )
        return FieldTruth(galaxies, stars, rows, self.template, self.visit)


def _observation(values: dict[str, Any]) -> Observation:
    values = dict(values)
    values["dead_columns"] = tuple(values["dead_columns"])
    return Observation(**values)
