"""Labelled real ZTF alerts: read, cut as the simulated ones, split by object."""

from __future__ import annotations

import csv
import gzip
import io
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from hstamp.classify import CLASSES
from hstamp.classify.fields import features
from hstamp.surveys import Ztf
from reference_model.classes.config import STRATA
from reference_model.classes.cut import views, windows
from reference_model.classes.dataset import ROW, Alerts

#: Parts of a cross-validation.
FOLDS = 5
#: Noon of Palomar, Julian days after that of Greenwich.
NOON = 7.8 / 24.0
FIELDS = ("cutoutScience", "cutoutTemplate", "cutoutDifference")


@dataclass(frozen=True)
class Labelled:
    """Labelled alerts.

    Attributes
    ----------
    alerts : Alerts
        Groups are objects.
    fold : ndarray of int, shape (N,)
        Part of the cross-validation: a hash of the object's name.
    objects, rules : tuple of str
        Name of each alert's object, and the rule its label follows from.
    numbers : ndarray, float64, shape (N, 9)
        What the packets say: `hstamp.classify.fields.features`.
    night : ndarray of int, shape (N,)
        Part of a cross-validation by nights.
    """

    alerts: Alerts
    fold: NDArray[np.int64]
    objects: tuple[str, ...]
    rules: tuple[str, ...]
    numbers: NDArray[np.float64]
    night: NDArray[np.int64]


def night_folds(nights: list[int]) -> NDArray[np.int64]:
    """Part of each alert where a night is in one part: the fullest night first, to the emptiest."""
    sizes, parts = [0] * FOLDS, {}
    for night, count in sorted(Counter(nights).items(), key=lambda item: (-item[1], item[0])):
        parts[night] = sizes.index(min(sizes))
        sizes[parts[night]] += count
    return np.array([parts[night] for night in nights])


def fold_of(name: str) -> int:
    """Part of an object: fixed by its name, so that no choice is possible."""
    return zlib.crc32(f"hstamp classes {name}".encode()) % FOLDS


def _cutout(data: bytes) -> NDArray[np.float32]:
    from astropy.io import fits

    with fits.open(io.BytesIO(gzip.decompress(data)), ignore_missing_simple=True) as hdus:
        image = np.asarray(hdus[0].data, dtype=np.float32)
    # What ZTF fills templates with where there is no image.
    return np.where(np.isfinite(image) & (np.abs(image) < 1e29), image, np.float32(np.nan))


def load_labelled(folder: Path) -> Labelled:
    """Read ``alerts.avro`` and ``labels.csv``.

    Of an alert only cutouts, the place of the source in them and what `Ztf.measured` says of the
    detection are read.
    """
    import fastavro

    with (folder / "labels.csv").open(newline="") as stream:
        labels = {row["candid"]: row for row in csv.DictReader(stream) if row["class"] in CLASSES}
    survey, wide, at, rows, names, rules = Ztf(), [], [], [], [], []
    measured, nights = [], []
    with (folder / "alerts.avro").open("rb") as stream:
        for record in cast("Iterator[dict[str, Any]]", fastavro.reader(stream)):
            label = labels.get(str(record["candid"]))
            if label is None:
                continue
            images = [_cutout(record[field]["stampData"]) for field in FIELDS]
            shape = (images[0].shape[0], images[0].shape[1])
            place = survey.place(record, shape)
            wide.append(windows(images, place.x, place.y))
            at.append((place.x, place.y))
            rows.append(_row(label["class"]))
            names.append(str(record["objectId"]))
            rules.append(label["rule"])
            measured.append(survey.measured(record))
            nights.append(int(record["candidate"]["jd"] - NOON))
    x, y = np.array(at).T
    found = views(np.stack(wide), x, y)
    _, groups = np.unique(names, return_inverse=True)
    alerts = Alerts(
        rows=np.array(rows, ROW), groups=groups, levels=found.levels, narrow=found.narrow,
        sigma=found.sigma, dx=found.dx, dy=found.dy,
    )  # fmt: skip
    fold = np.array([fold_of(name) for name in names])
    return Labelled(
        alerts, fold, tuple(names), tuple(rules), features(measured), night_folds(nights)
    )


def _row(label: str) -> tuple[Any, ...]:
    nan = np.nan
    return (CLASSES.index(label), STRATA.index("ztf"), nan, 1.012, nan, nan, nan, 0)
