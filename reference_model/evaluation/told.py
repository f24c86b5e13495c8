"""What a network is told beside the levels of the template: the rows of the table of ablations."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from hstamp.hosts.nearby import NearbyOdds, read_odds
from hstamp.hosts.runtime import HostFinder, Mixture, noise_of, prior_of
from reference_model.evaluation.predict import batch_of, propose
from reference_model.evaluation.tables import STREAM
from reference_model.sky.odds import nearby_table
from reference_model.training.arrays import TEMPLATE, VISIT, Batch, Split

Floats = NDArray[np.float32]
Image = Literal["template", "science", "both"]


@dataclass(frozen=True)
class Told:
    """What is known of a stamp.

    Attributes
    ----------
    name : str
        What is added to the method's name.
    text : str
        The same in words.
    seeing, noise, magnitude : bool
        Whether the width of the PSF, the noise of a base pixel and the brightness of the
        transient are; the pixel scale always is. Noise that is not told is measured.
    image : {'template', 'science', 'both'}
        What is shown; of both, the mean of the two mixtures.
    """

    name: str
    text: str
    seeing: bool = False
    noise: bool = False
    magnitude: bool = False
    image: Image = "template"


#: A template's levels and its pixel scale: what every result is of, unless it says otherwise.
HEADLINE = Told("", "template alone (pixel scale told, noise measured)")
#: With what the packet says of the transient.
BRIGHTNESS = Told("_magnitude", "+ the transient's magnitude", magnitude=True)
ABLATIONS = (
    HEADLINE,
    Told("_seeing", "+ seeing (a PSF plane)", seeing=True),
    Told("_variance", "+ noise (a variance plane)", noise=True),
    BRIGHTNESS,
    Told("_science", "science image instead", image="science"),
    Told("_both", "template and science image (mean of their mixtures)", image="both"),
    Told("_all", "template, + seeing, noise and magnitude", seeing=True, noise=True,
         magnitude=True),
)  # fmt: skip


def measured_noise(scaled: Floats) -> Floats:
    """Measured noise over the true one of levels in units of the true one, shape (B,).

    One where it cannot be measured.
    """
    found = noise_of(scaled)
    return np.where(found > 0, found, np.float32(1.0)).astype(np.float32)


def noise_for_all(levels: Split) -> Floats:
    """The measured noise of each transient's template, for inputs without levels of their own.

    That of the n=5 stamp, so that inputs differ in what they show and not in how well they
    are scaled.
    """
    every = np.arange(levels.rows.size)
    found = levels.scaled(every, np.full(every.size, TEMPLATE))
    return measured_noise(found[:, :5])


def as_told(batch: Batch, told: Told, noise: Floats) -> Batch:
    """A batch with what is not told left out or measured.

    Parameters
    ----------
    noise : ndarray, float32, shape (B,)
        The measured noise over the true one.
    """
    if not told.noise:
        batch = replace(batch, values=batch.values / noise[:, None, None, None])
    if not told.seeing:
        batch = replace(batch, seeing=np.full_like(batch.seeing, np.nan))
    return batch


@lru_cache(maxsize=1)
def sky_odds() -> NearbyOdds:
    """What magnitudes say, as it is written beside the weights."""
    found = read_odds({"nearby": nearby_table()})
    assert found is not None
    return found


def prior_for(split: Split, told: Told, stream: bool) -> Floats:
    """Log odds of a nearby host that a network is told, shape (N,).

    Parameters
    ----------
    stream : bool
        At the share of nearby hosts of an alert stream, or at even odds.
    """
    count = split.rows.size
    if told.magnitude:
        share = STREAM if stream else 0.5
        return sky_odds().of(split.rows["transient_r"], share=share).astype(np.float32)
    return np.full(count, prior_of(STREAM) if stream else np.nan, np.float32)


def mean_of(first: Mixture, second: Mixture) -> Mixture:
    """The mean of two mixtures of the same transients, in the same pixels."""
    half = np.float32(0.5)
    return Mixture(
        weight=np.concatenate([first.weight * half, second.weight * half], axis=1),
        none=(first.none + second.none) * half,
        mean=np.concatenate([first.mean, second.mean], axis=1),
        scale=np.concatenate([first.scale, second.scale], axis=1),
        log_radius=np.concatenate([first.log_radius, second.log_radius], axis=1),
    )


def answered(
    finder: HostFinder, split: Split, template: Floats, told: Told
) -> tuple[Batch, Callable[[bool], Mixture]]:
    """What a network of levels is shown, and what gives its mixtures at a prior.

    Parameters
    ----------
    template : ndarray, float32, shape (N, n, 15, 15)
        Decoded template levels, nJy.

    Returns
    -------
    batch : Batch
        With the truth of the image that is judged: of both, the template's.
    ask : callable
        Takes whether the prior is the stream's.
    """
    levels = template.shape[1]
    shown = {"template": (TEMPLATE,), "science": (VISIT,), "both": (TEMPLATE, VISIT)}[told.image]
    batches = []
    for view in shown:
        batch = batch_of(split, levels, template if view == TEMPLATE else None, view == VISIT)
        batches.append(as_told(batch, told, measured_noise(batch.values)))

    def ask(stream: bool) -> Mixture:
        prior = prior_for(split, told, stream)
        found = [propose(finder, batch, prior=prior) for batch in batches]
        return found[0] if len(found) == 1 else mean_of(*found)

    return batches[0], ask
