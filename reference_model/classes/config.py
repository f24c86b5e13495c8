"""Sizes of the simulated set of alerts."""

from __future__ import annotations

from dataclasses import dataclass

#: Kinds of survey: pixels near 1", near 0.2", and anything between.
STRATA = ("ztf", "lsst", "between")


@dataclass(frozen=True)
class ClassConfig:
    """A set of simulated alerts, completely described.

    Attributes
    ----------
    name : str
        Folder of the set.
    seed : int
    scenes : dict of str to tuple of int
        Scenes of each stratum in the training, validation and test split. A scene, with all
        that was observed of it, belongs to one split.
    alerts : dict of str to int
        Alerts of an epoch of each stratum, all classes together.
    side : int
        Side of an observed image, pixels.
    epochs : int
        Pairs of template and science image of a scene.
    atlas : int
        Distinct drawings of faint galaxies in a split.
    """

    name: str
    seed: int
    scenes: dict[str, tuple[int, int, int]]
    alerts: dict[str, int]
    side: int = 900
    epochs: int = 4
    atlas: int = 1500

    def names(self, split: str | None = None) -> list[str]:
        """Names of scenes, ``<split>-<stratum>-<number>``, splits and strata interleaved."""
        found = [
            ((i + 0.5) / count, f"{which}-{stratum}-{i:03d}")
            for stratum, counts in self.scenes.items()
            for which, count in zip(("train", "validation", "test"), counts, strict=True)
            for i in range(count)
            if split is None or split == which
        ]
        return [name for _, name in sorted(found)]


FULL = ClassConfig(
    "classes",
    20261125,
    {"ztf": (14, 2, 4), "lsst": (16, 2, 5), "between": (7, 1, 1)},
    {"ztf": 300, "lsst": 150, "between": 250},
)
SMALL = ClassConfig(
    "classes-small", 20261125, {"ztf": (1, 1, 1), "lsst": (1, 1, 1), "between": (1, 0, 0)},
    {"ztf": 120, "lsst": 60, "between": 60}, side=400, epochs=1, atlas=200,
)  # fmt: skip
CONFIGS = {"full": FULL, "small": SMALL}
