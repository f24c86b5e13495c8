"""The sizes of the study, and where its files go.

Everything that a run depends on is in a `StudyConfig`; two runs with equal
configurations make equal files.
"""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

#: Environment variable naming the folder that holds generated data.
DATA_ENV = "HSTAMP_STUDY_DATA"

#: The splits, in the order their fields are numbered; the last is a second test set, whose
#: nearby hosts stand in groups.
SPLITS = ("train", "validation", "test", "clustered")
#: Those that follow the sky's own number of neighbours.
ISOLATED = SPLITS[:3]


@dataclass(frozen=True)
class StudyConfig:
    """A data set, completely described.

    Parameters
    ----------
    name : str
        Folder name of the data set.
    seed : int
        The one seed from which every field derives its own.
    fields : tuple of int
        Number of fields in each of `SPLITS`.
    size : int
        Side of a field in pixels of 0.2 arcsec.
    nearby_hosts, per_host : int
        Nearby host galaxies placed in a field, and transients on each.
    separation : float
        Least distance of placed hosts, arcsec.  At 85, one in ten has a brighter galaxy
        within 60 arcsec on each axis, as the number counts have it.
    group : int
        Placed hosts that stand together; groups keep the separation.  1 outside the
        clustered split.
    deep : int
        Transients on the field's own galaxies.
    on_star, nowhere : int
        Transients placed on a star and on empty sky.
    looks : int
        Observations of a field as other surveys may take them, beside LSST's template and
        visit.
    atlas : int
        Distinct drawings of faint galaxies in a split.
    alternate : bool
        Fields of even number hold the nearby stratum only, those of odd number
        everything else: no galaxy is placed in a field of the deep stratum, so
        that its sky has the counts of the sky.  Otherwise every field holds both.
    """

    name: str = "full"
    seed: int = 20261125
    fields: tuple[int, int, int, int] = (480, 40, 80, 20)
    size: int = 4000
    nearby_hosts: int = 32
    per_host: int = 8
    separation: float = 85.0
    group: int = 1
    deep: int = 420
    on_star: int = 40
    nowhere: int = 40
    looks: int = 6
    atlas: int = 4000
    alternate: bool = True

    def of_field(self, name: str) -> StudyConfig:
        """Give the configuration with the counts of one field."""
        split, number = name.split("-")
        if split == "clustered":
            return replace(self, deep=0, on_star=0, nowhere=0, group=GROUP)
        if not self.alternate:
            return self
        if int(number) % 2 == 0:
            return replace(self, deep=0, on_star=0, nowhere=0)
        return replace(self, nearby_hosts=0)

    def field_names(self, split: str | None = None) -> list[str]:
        """Names of the fields of one split (of all when None), in order."""
        return [
            f"{which}-{i:04d}"
            for which, count in zip(SPLITS, self.fields, strict=True)
            if split is None or split == which
            for i in range(count)
        ]

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for the manifest."""
        return asdict(self)


#: Hosts of a group in the clustered split.
GROUP = 4

#: A night on two cores.
FULL = StudyConfig()

#: Some forty minutes of one core: what the shipped weights were made of.
EVENING = replace(FULL, name="evening", fields=(80, 12, 20, 4), looks=4)

#: Seconds, not minutes: one field per split of 1500 x 1500 pixels.
SMALL = replace(
    FULL,
    name="small",
    fields=(1, 1, 1, 1),
    size=1500,
    nearby_hosts=4,
    per_host=6,
    deep=24,
    on_star=4,
    nowhere=4,
    looks=2,
    atlas=300,
    alternate=False,
)

CONFIGS = {"full": FULL, "evening": EVENING, "small": SMALL}


def data_root(option: str | None = None) -> Path:
    """The data folder: the option, else ``$HSTAMP_STUDY_DATA``, else ``data``."""
    return Path(option or os.environ.get(DATA_ENV) or "data")
