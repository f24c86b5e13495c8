"""Method (f): DELIGHT as published, run in an environment of its own.

Foerster et al. 2022 (AJ 164, 195) find hosts in 2 arcmin images of 0.25 arcsec
pixels.  Its package and its weights are asked through a separate process
(`reference_model.peers`); here the images are made and the answers kept.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from tqdm import tqdm

from reference_model.config import StudyConfig
from reference_model.evaluation.results import RESULT, identify, results_folder, write_method
from reference_model.methods.peer import SCRIPT, Peer
from reference_model.scenes.crop import crop
from reference_model.scenes.dataset import fields
from reference_model.scenes.fields import Field
from reference_model.scenes.place import NEARBY
from reference_model.scenes.render import SCALE

Image = NDArray[np.float32]

NAME = "delight"
#: Side (pixels) and pixel (arcsec) of the images it was trained on.
SIDE, PIXEL = 480, 0.25
#: Images handed over at once: 59 MB.
CHUNK = 64


def _overlap(first: float, count: int, ratio: float) -> Any:
    """Share of each input pixel that falls in each output pixel, along one axis.

    Parameters
    ----------
    first : float
        Centre of the first input pixel from the middle of the output, input pixels.
    count : int
        Input pixels.
    ratio : float
        Output pixel, input pixels.

    Returns
    -------
    sparse array, shape (SIDE, count)
    """
    low = (np.arange(SIDE) - SIDE / 2) * ratio - first + 0.5
    column = np.floor(low).astype(int)[:, None] + np.arange(int(np.ceil(ratio)) + 1)
    share = np.minimum(column + 1, low[:, None] + ratio) - np.maximum(column, low[:, None])
    row = np.broadcast_to(np.arange(SIDE)[:, None], column.shape)
    inside = (share > 0.0) & (column >= 0) & (column < count)
    entries = (share[inside].astype(np.float32), (row[inside], column[inside]))
    return sparse.csr_array(entries, shape=(SIDE, count))


def resample(image: Image, x: float, y: float, scale: float = SCALE) -> Image:
    """The image around a transient, in DELIGHT's pixels.

    Each input pixel is shared among the output pixels it overlaps (drizzling
    with full pixels: Fruchter & Hook 2002, PASP 114, 144), so that flux is
    conserved and nothing rings around saturated stars.

    Parameters
    ----------
    image : ndarray, float32
        Flux per pixel, NaN where there is none.
    x, y : float
        The transient, pixels.
    scale : float
        Side of a pixel, arcsec.

    Returns
    -------
    ndarray, float32, shape (480, 480)
        Flux per pixel of 0.25 arcsec, the transient at the centre of the array:
        (239.5, 239.5).  DELIGHT averages eight orientations about that point,
        so only there are its answers free of an offset.  NaN where less than
        half of a pixel was seen.
    """
    ratio = PIXEL / scale
    count = int(np.ceil(SIDE * ratio)) + 2
    x0, y0 = (int(np.floor(v - SIDE / 2 * ratio)) for v in (x, y))
    window = crop(image, x0, y0, count)
    over_x, over_y = _overlap(x0 - x, count, ratio), _overlap(y0 - y, count, ratio)

    def share_out(values: Image) -> Image:
        return np.asarray(over_x @ np.ascontiguousarray((over_y @ values).T)).T

    seen = np.isfinite(window)
    if seen.all():
        return np.ascontiguousarray(share_out(window))
    flux = share_out(np.where(seen, window, np.float32(0.0)))
    covered = share_out(seen.astype(np.float32)) / np.float32(ratio**2)
    out = np.full(flux.shape, np.nan, np.float32)
    np.divide(flux, covered, out=out, where=covered >= 0.5)
    return out


def windows(field: Field) -> Iterator[Image]:
    """Images of a field's transients, `CHUNK` at a time: the template, as (a)-(c) see it."""
    image = field.exposure().image
    rows = np.asarray(field.load("transients"))
    for first in range(0, rows.size, CHUNK):
        part = rows[first : first + CHUNK]
        yield np.stack([resample(image, float(r["x"]), float(r["y"])) for r in part])


def run_field(field: Field, peer: Peer, bar: Any) -> NDArray[Any]:
    """DELIGHT's answers for one field, as results."""
    found = []
    for images in windows(field):
        found.append(peer.ask(images))
        bar.update(len(images))
    answers = np.concatenate(found).astype(float)
    out = np.zeros(len(answers), RESULT)
    out["dx"], out["dy"] = answers[:, 0] * PIXEL, answers[:, 1] * PIXEL
    # It never says that there is no host: 1 is only where it fails.
    out["none"] = ~np.isfinite(answers[:, 0])
    out["radius"] = out["region"] = out["area95"] = np.nan
    identified = identify(field, out["dx"], out["dy"])
    out["right"], out["host_z"] = identified.right, identified.host_z
    return out


def run_delight(
    root: Path,
    config: StudyConfig,
    python: Path,
    threads: int = 1,
    most: int | None = None,
    script: Path = SCRIPT,
) -> Path:
    """DELIGHT on the test split, resumable by field.

    Parameters
    ----------
    root : Path
        Data folder.
    config : StudyConfig
    python : Path
        Interpreter of DELIGHT's environment.
    threads : int
        It may use.
    most : int, optional
        Only so many fields in this run.
    script : Path
        Program that answers.

    Returns
    -------
    Path
        The results, of full length: NaN in fields that are not done.
    """
    kept = root / config.name / NAME
    kept.mkdir(parents=True, exist_ok=True)
    found = list(fields(root, config, "test"))
    if not found:
        raise FileNotFoundError(f"no test fields under {root / config.name}: run 'simulate' first")
    # Its own purpose comes first: nearby hosts.
    order = sorted(found, key=lambda f: not (f.load("transients")["stratum"] == NEARBY).any())
    missing = [f for f in order[:most] if not _kept(kept, f).exists()]
    if missing:
        total = sum(f.load("transients").size for f in missing)
        with (
            Peer(python, kept / "log.txt", threads, script) as peer,
            tqdm(total=total, unit="transient", disable=None) as bar,
        ):
            (kept / "versions.json").write_text(json.dumps(peer.versions))
            for field in missing:
                results = run_field(field, peer, bar)
                partial = kept / f"{field.name}.partial.npy"
                np.save(partial, results, allow_pickle=False)
                partial.replace(_kept(kept, field))
                _write(root, config, kept, found)
    return _write(root, config, kept, found)


def _write(root: Path, config: StudyConfig, kept: Path, found: list[Field]) -> Path:
    """Results of the fields that are done so far."""
    parts, done, silent = [], 0, 0
    for field in found:
        size = field.load("transients").size
        if _kept(kept, field).exists():
            part = np.load(_kept(kept, field), allow_pickle=False)
            if part.size != size:
                raise ValueError(
                    f"{_kept(kept, field)} answers {part.size} transients, the field has {size}: "
                    f"it is of another data set; remove {kept}"
                )
            done += 1
            silent += int(np.count_nonzero(part["none"]))
        else:
            part = np.zeros(size, RESULT)
            for column in ("dx", "dy", "none", "radius", "host_z", "region", "area95"):
                part[column] = np.nan
        parts.append(part)
    notes = {
        "fields": done,
        "versions": json.loads((kept / "versions.json").read_text()),
        "no_answer": silent,
    }
    folder = results_folder(root, config)
    write_method(folder, NAME, np.concatenate(parts), notes)
    return folder / f"{NAME}.npy"


def _kept(folder: Path, field: Field) -> Path:
    return folder / f"{field.name}.npy"
