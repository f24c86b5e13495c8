"""Fields on disk: one folder each, written whole or not at all.

``scene.npy`` holds the noise-free scene as 16-bit integers on an asinh scale
(0.05 nJy per step near zero, 0.05 % where bright), so that any observation of
it can be repeated from its seed; ``levels_*.npy`` hold the levels of every
transient in the template and in the visit.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import zlib
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import hstamp
from reference_model.config import SPLITS, StudyConfig
from reference_model.scenes.crop import crop
from reference_model.scenes.observe import ELECTRONS_PER_NJY, Exposure, Observation, observe
from reference_model.scenes.place import FieldTruth, make_field
from reference_model.scenes.render import SCALE, atlas, render_scene
from reference_model.sky.galaxies import Table
from reference_model.sky.relations import to_njy

Image = NDArray[np.float32]

#: Levels cut for every transient.
MAX_LEVELS = 6

_STEP, _SOFT = 0.05, 2000.0


def pack(scene: Image) -> NDArray[np.int16]:
    """Scene (nJy) to 16-bit integers."""
    scaled = np.arcsinh(scene * np.float32(1.0 / (_STEP * _SOFT))) * np.float32(_SOFT)
    return np.asarray(np.rint(np.clip(scaled, -32767, 32767)), dtype=np.int16)


def unpack(stored: NDArray[np.int16]) -> Image:
    """16-bit integers to scene (nJy)."""
    return np.asarray(
        np.sinh(stored.astype(np.float32) / np.float32(_SOFT)) * np.float32(_STEP * _SOFT)
    )


def field_seed(config: StudyConfig, name: str) -> int:
    """A field's own seed: the study's seed and the field's name."""
    return zlib.crc32(f"{config.seed}/{config.name}/{name}".encode())


def split_seed(config: StudyConfig, name: str) -> int:
    """Seed of the atlas of the split a field belongs to."""
    return config.seed * 10 + SPLITS.index(name.split("-")[0])


def add_transient(parent: Image, row: Any, observation: Observation, x0: int, y0: int) -> Image:
    """A window whose first pixel is (x0, y0), with the transient's light added."""
    ix, iy = round(float(row["x"])), round(float(row["y"]))
    stamp = observation.psf().drawImage(
        nx=31, ny=31, scale=SCALE, offset=(float(row["x"]) - ix, float(row["y"]) - iy)
    ).array * float(to_njy(row["transient_r"]))
    out = parent.copy()
    px, py = ix - 15 - x0, iy - 15 - y0
    out[py : py + 31, px : px + 31] += _photon_noise(stamp, row, observation)
    return out


def _photon_noise(stamp: Any, row: Any, observation: Observation) -> Image:
    """The transient's light with its own photon noise, seeded by its position."""
    rng = np.random.default_rng([observation.seed, int(row["x"] * 64), int(row["y"] * 64)])
    sigma = np.sqrt(np.maximum(stamp, 0.0) / (observation.visits * ELECTRONS_PER_NJY))
    return np.asarray(stamp + sigma * rng.standard_normal(stamp.shape), dtype=np.float32)


def cut_levels(exposure: Exposure, transients: Table, with_transient: bool) -> Image:
    """Levels of every transient, shape (n, 6, 15, 15)."""
    layout = hstamp.Layout(MAX_LEVELS)
    out = np.empty((transients.size, MAX_LEVELS, 15, 15), np.float32)
    for i, row in enumerate(transients):
        x, y = float(row["x"]), float(row["y"])
        x0, y0 = (c + layout.origins[-1] for c in hstamp.reference_corner(x, y))
        parent = crop(exposure.image, x0, y0, layout.side)
        if with_transient:
            parent = add_transient(parent, row, exposure.observation, x0, y0)
        out[i] = hstamp.encode(parent, x - x0, y - y0, levels=MAX_LEVELS, encoding="f4").levels
    return out


def write_field(
    root: Path,
    config: StudyConfig,
    name: str,
    also: Callable[[Field, tuple[Exposure, Exposure]], None] | None = None,
) -> dict[str, Any]:
    """Make one field, unless it is already there.

    Parameters
    ----------
    root, config, name
        Which field, and where.
    also : callable, optional
        What else is done with a new field while its template and visit are at hand.

    Returns
    -------
    dict
        Its manifest entry.
    """
    folder = root / config.name / "fields" / name
    note = folder / "field.json"
    if note.exists():
        return dict(json.loads(note.read_text()))
    book = atlas(split_seed(config, name), config.atlas)
    seed = field_seed(config, name)
    truth = make_field(seed, config.of_field(name), book)
    scene = pack(render_scene(config.size, truth.galaxies, truth.stars, book))
    # From the stored integers, so that a later look at the field repeats these stamps.
    plain = unpack(scene)
    template = observe(plain, truth.stars, truth.template)
    visit = observe(plain, truth.stars, truth.visit)
    arrays: dict[str, NDArray[Any]] = {
        "scene": scene,
        "galaxies": truth.galaxies,
        "stars": truth.stars,
        "transients": truth.transients,
        "levels_template": cut_levels(template, truth.transients, False),
        "levels_visit": cut_levels(visit, truth.transients, True),
    }
    partial = folder.with_name(name + f".partial-{os.getpid()}")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    entry: dict[str, Any] = {
        "name": name,
        "seed": seed,
        "template": asdict(truth.template),
        "visit": asdict(truth.visit),
        "transients": int(truth.transients.size),
        "files": {},
    }
    for key, value in arrays.items():
        path = partial / f"{key}.npy"
        np.save(path, value, allow_pickle=False)
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        entry["files"][path.name] = {"bytes": path.stat().st_size, "sha256": digest}
    (partial / "field.json").write_text(json.dumps(entry, indent=1))
    if folder.exists():
        shutil.rmtree(folder)
    partial.rename(folder)
    if also is not None:
        also(Field(folder), (template, visit))
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
        self.template = _observation(entry["template"])
        self.visit = _observation(entry["visit"])

    def load(self, key: str) -> NDArray[Any]:
        """One of the field's arrays, memory-mapped."""
        path = self.folder / f"{key}.npy"
        return np.asanyarray(np.load(path, mmap_mode="r", allow_pickle=False))

    def exposure(self, observation: Observation | None = None) -> Exposure:
        """Look at the field (as its template was taken, unless told otherwise)."""
        scene = unpack(np.asarray(self.load("scene")))
        return observe(scene, np.asarray(self.load("stars")), observation or self.template)

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
