"""What the methods of the study are called, and which seeds of them there are."""

from __future__ import annotations

import re
from collections.abc import Iterable

from reference_model.network.inputs import KINDS
from reference_model.scenes.render import SCALE

#: How a method is called in tables; the order of the tables.
TITLES = {
    "own_position": "(g) own position",
    "sep_nearest": "(a) SExtractor source, nearest ellipse",
    "sep_dlr": "(b) SExtractor source, DLR",
    "gradient_ascent": "(c) gradient ascent",
    "catalogue_nearest": "(d) catalogue, nearest ellipse",
    "catalogue_dlr": "(d) catalogue, DLR",
    "delight": "(f) DELIGHT, its own weights",
    "net_stamp30": "(e) network, today's 30x30",
    "net_stamp30_sky": "(e) network, today's 30x30, told that 1 % are nearby",
    "net_stamp30_magnitude": "(e) network, today's 30x30, told the magnitude",
    "net_stamp30_magnitude_sky": "(e) network, today's 30x30, told the magnitude and that 1 % are "
    "nearby",
    "net_overlapping5x30_magnitude": "(e) network, 5x30x30 of DELIGHT, told the magnitude",
    "net_overlapping5x30_magnitude_sky": "(e) network, 5x30x30 of DELIGHT, told the magnitude and "
    "that 1 % are nearby",
    "net_binned30": "(e) network, 30x30 binned to 48 arcsec",
    "net_multiscale4x8": "(e) network, 4x8x8 of Reyes-Jainaga et al.",
    "net_overlapping5x30": "(e) network, 5x30x30 of DELIGHT",
    "net_overlapping5x30_sky": "(e) network, 5x30x30 of DELIGHT, told that 1 % are nearby",
    "net_window240": "(e) network, full 240x240 window",
    "net_hstamp2": "(e) network, n=2, trained alone",
    "net_any2": "(e) network, n=2 (30x30 pixels, outer part binned)",
    "net_any3": "(e) network, n=3",
    "net_any4": "(e) network, n=4",
    "net_any5": "(e) network, n=5, i2 (900 values)",
    "net_any5_sky": "(e) network, n=5, i2, told that 1 % are nearby",
    "net_any5_seeing": "(e) network, n=5, told the seeing",
    "net_any5_variance": "(e) network, n=5, told the noise",
    "net_any5_magnitude": "(e) network, n=5, told the transient's magnitude",
    "net_any5_all": "(e) network, n=5, told seeing, noise and magnitude",
    "net_any5_science": "(e) network, n=5, science image instead of template",
    "net_any5_both": "(e) network, n=5, template and science image",
    "net_any5_seeing_sky": "(e) network, n=5, told the seeing and that 1 % are nearby",
    "net_any5_variance_sky": "(e) network, n=5, told the noise and that 1 % are nearby",
    "net_any5_magnitude_sky": "(e) network, n=5, told the magnitude and that 1 % are nearby",
    "net_any5_all_sky": "(e) network, n=5, told seeing, noise, magnitude and that 1 % are nearby",
    "net_any5_science_sky": "(e) network, n=5, science image, told that 1 % are nearby",
    "net_any5_both_sky": "(e) network, n=5, template and science image, told that 1 % are nearby",
    "net_any5_long": "(e) network, n=5, the shipped weights: trained a third longer",
    "net_any5_long_sky": "(e) network, n=5, the shipped weights, told that 1 % are nearby",
    "net_any5_step8": "(e) network, n=5, i2 at sigma/8",
    "net_any5_step4": "(e) network, n=5, i2 at sigma/4",
    "net_any5_step2": "(e) network, n=5, i2 at sigma/2",
    "net_any5_f4": "(e) network, n=5, f4",
    "net_any5_average": "(e) network, n=5, i2, eight-fold average",
    "net_any6": "(e) network, n=6",
}

#: The classical finders, the catalogue and DELIGHT: what the n=5 network has to beat.
RIVALS = (
    "sep_nearest", "sep_dlr", "gradient_ascent", "catalogue_nearest", "catalogue_dlr", "delight",
)  # fmt: skip

#: What is added to the name of a network that was told the share of nearby hosts in the sky.
SKY = "_sky"

_SEED = re.compile(r"_seed(\d+)$")
_ANY = re.compile(r"net_any(\d+)")


def title(method: str) -> str:
    """Name of a method in tables and legends."""
    return TITLES.get(method, method.replace("_", " "))


def base_of(name: str) -> str:
    """The method a result file belongs to: its name without the seed."""
    return _SEED.sub("", name)


def seed_of(name: str) -> int:
    """Training seed of a result file; 1 where the name has none."""
    found = _SEED.search(name)
    return int(found[1]) if found else 1


def seeds_of(names: Iterable[str], method: str) -> list[str]:
    """The result files of a method, by seed; empty where it was not run."""
    return sorted((n for n in names if base_of(n) == method), key=seed_of)


def ordered(names: Iterable[str]) -> list[str]:
    """Methods among result files, in the order of `TITLES`, then the rest."""
    found = {base_of(name) for name in names}
    return [m for m in TITLES if m in found] + sorted(found - TITLES.keys())


def half_side(method: str) -> float:
    """Half the side of the sky that a network is shown, arcsec.

    Raises
    ------
    ValueError
        If the method is no network.
    """
    method = base_of(method).removesuffix(SKY).removesuffix("_magnitude").removesuffix("_long")
    several = _ANY.match(method)
    kind = f"hstamp{several[1]}" if several else method.removeprefix("net_")
    if not method.startswith("net_") or kind not in KINDS:
        raise ValueError(f"{method} is no network of the study")
    return KINDS[kind].reach * SCALE
