"""The set of simulated alerts on disk: one folder a scene, resumable, with a manifest."""

from __future__ import annotations

import hashlib
import json
import shutil
import zlib
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from hstamp.classify import CLASSES
from reference_model.classes.alerts import Found, alerts_of, make_epoch
from reference_model.classes.config import STRATA, ClassConfig
from reference_model.classes.cut import Views, views
from reference_model.classes.pair import fineness, scene_transform
from reference_model.classes.sky import make_scene
from reference_model.classes.surveys import SCENE_PIXEL, draw_pixel
from reference_model.config import SPLITS
from reference_model.scenes.render import atlas

#: Changes whenever a scene made from the same seed would change.
CLASSES_VERSION = "1.1"
#: Alerts turned into views together.
CHUNK = 50
#: Faintest galaxy beyond the science image's typical limit, mag.
DEEPER = 2.3

ROW = np.dtype(
    [
        ("label", "u1"), ("stratum", "u1"), ("snr", "f4"), ("pixel", "f4"), ("seeing", "f4"),
        ("template_seeing", "f4"), ("star_factor", "f4"), ("epoch", "u1"),
    ]
)  # fmt: skip


@dataclass(frozen=True)
class Alerts:
    """Alerts of a split or of a survey.

    Attributes
    ----------
    rows : structured array, shape (N,)
        `ROW`.
    groups : ndarray of int, shape (N,)
        Scene (or object) of each alert: what intervals draw.
    levels, narrow, sigma, dx, dy
        As in `reference_model.classes.cut.Views`.
    wide : tuple of (ndarray, int)
        Windows of 240 pixels, mapped, with the number of the first alert of each; empty where
        they are not kept.
    """

    rows: NDArray[Any]
    groups: NDArray[np.int64]
    levels: NDArray[np.float32]
    narrow: NDArray[np.float16]
    sigma: NDArray[np.float32]
    dx: NDArray[np.float32]
    dy: NDArray[np.float32]
    wide: tuple[tuple[NDArray[np.float16], int], ...] = ()

    def __len__(self) -> int:
        return len(self.rows)

    def some(self, index: NDArray[np.int64]) -> Alerts:
        """Some of the alerts, without their wide windows."""
        names = ("rows", "groups", "levels", "narrow", "sigma", "dx", "dy")
        return Alerts(**{name: getattr(self, name)[index] for name in names})


def seed_of(config: ClassConfig, name: str) -> int:
    """A scene's own seed."""
    return zlib.crc32(f"{config.seed}/{config.name}/{name}".encode())


def simulate(root: Path, config: ClassConfig) -> Path:
    """Make every scene that is missing, then the manifest."""
    entries = [
        write_scene(root, config, name) for name in tqdm(config.names(), unit="scene", disable=None)
    ]
    digest = hashlib.sha256()
    for entry in sorted(entries, key=lambda e: str(e["name"])):
        for file, found in sorted(entry["files"].items()):
            digest.update(f"{entry['name']}/{file} {found['sha256']}\n".encode())
    manifest = {
        "version": CLASSES_VERSION,
        "config": asdict(config),
        "alerts": sum(entry["alerts"] for entry in entries),
        "bytes": sum(f["bytes"] for entry in entries for f in entry["files"].values()),
        "scenes": entries,
        "checksum": digest.hexdigest(),
    }
    path = root / config.name / "manifest.json"
    path.write_text(json.dumps(manifest, indent=1))
    return path


def write_scene(root: Path, config: ClassConfig, name: str) -> dict[str, Any]:
    """Make one scene and its alerts, unless they are there; return the manifest's entry."""
    folder = root / config.name / "scenes" / name
    note = folder / "scene.json"
    if note.exists():
        return dict(json.loads(note.read_text()))
    split, stratum, _ = name.split("-")
    rng = np.random.default_rng(seed_of(config, name))
    book = atlas(config.seed * 10 + SPLITS.index(split), config.atlas)
    pixel = draw_pixel(rng, stratum)
    size = round(config.side * pixel / SCENE_PIXEL / 2) * 2
    pixel = SCENE_PIXEL * size / config.side
    faintest = 24.5 + DEEPER - 4.3 * np.log(pixel / SCENE_PIXEL) / np.log(5.0)
    scene = make_scene(rng, size, float(faintest), book)
    sky = scene_transform(scene.image, config.side * fineness(size, config.side))
    rows, parts = [], []
    for number in range(config.epochs):
        epoch = make_epoch(rng, scene, sky, config.side, pixel)
        found: list[Found] = []
        for alert in alerts_of(rng, epoch, scene, config.alerts[stratum]):
            found.append(alert)
            if len(found) == CHUNK:
                parts.append(_views(found))
                rows += [_row(alert, stratum, epoch.pair.looks, scene.star_factor, number)
                         for alert in found]  # fmt: skip
                found = []
        if found:
            parts.append(_views(found))
            rows += [_row(alert, stratum, epoch.pair.looks, scene.star_factor, number)
                     for alert in found]  # fmt: skip
    arrays: dict[str, NDArray[Any]] = {"rows": np.array(rows, ROW)}
    for key in ("levels", "narrow", "sigma", "dx", "dy", *(["wide"] if stratum == "lsst" else [])):
        arrays[key] = np.concatenate([getattr(part, key) for part in parts])
    return _store(folder, name, arrays)


def _views(found: list[Found]) -> Views:
    return views(
        np.stack([alert.wide for alert in found]),
        np.array([alert.x for alert in found]),
        np.array([alert.y for alert in found]),
    )


def _row(alert: Found, stratum: str, looks: Any, star_factor: float, epoch: int) -> tuple[Any, ...]:
    return (
        alert.label, STRATA.index(stratum), alert.snr, looks[1].pixel, looks[1].fwhm,
        looks[0].fwhm, star_factor, epoch,
    )  # fmt: skip


def _store(folder: Path, name: str, arrays: dict[str, NDArray[Any]]) -> dict[str, Any]:
    partial = folder.with_name(f"{name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    labels = arrays["rows"]["label"]
    entry: dict[str, Any] = {
        "name": name,
        "alerts": int(labels.size),
        "classes": {c: int((labels == i).sum()) for i, c in enumerate(CLASSES)},
        "files": {},
    }
    for key, value in arrays.items():
        path = partial / f"{key}.npy"
        np.save(path, value, allow_pickle=False)
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        entry["files"][path.name] = {"bytes": path.stat().st_size, "sha256": digest}
    (partial / "scene.json").write_text(json.dumps(entry, indent=1))
    partial.rename(folder)
    return entry


def load_alerts(
    root: Path, config: ClassConfig, split: str, strata: tuple[str, ...] = STRATA
) -> Alerts:
    """Alerts of a split.

    Raises
    ------
    FileNotFoundError
        If there are none; says how to make them.
    """
    found: dict[str, list[NDArray[Any]]] = {}
    wide: list[tuple[NDArray[np.float16], int]] = []
    groups, start = [], 0
    for number, name in enumerate(config.names(split)):
        folder = root / config.name / "scenes" / name
        if name.split("-")[1] not in strata or not (folder / "scene.json").exists():
            continue
        for key in ("rows", "levels", "narrow", "sigma", "dx", "dy"):
            found.setdefault(key, []).append(np.load(folder / f"{key}.npy", allow_pickle=False))
        count = len(found["rows"][-1])
        if (folder / "wide.npy").exists():
            mapped = np.load(folder / "wide.npy", mmap_mode="r", allow_pickle=False)
            wide.append((mapped, start))
        groups.append(np.full(count, number))
        start += count
    if not groups:
        raise FileNotFoundError(
            f"no {split} alerts under {root / config.name}: run 'python -m reference_model "
            f"classes simulate' first"
        )
    return Alerts(
        groups=np.concatenate(groups), wide=tuple(wide),
        **{key: np.concatenate(parts) for key, parts in found.items()},
    )  # fmt: skip
