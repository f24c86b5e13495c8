"""What the network is trained to say: the log-likelihood of the true host."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from reference_model.network.model import Hypotheses

#: Weight of the half-light radius (Laplace log-likelihood, in ln).
RADIUS_WEIGHT = 0.3
#: A floor under the density (per square base pixel): one outlier must not
#: move the weights more than a hundred ordinary stamps.
FLOOR = 1e-9


def log_density(weight: Tensor, found: Hypotheses, point: Tensor) -> Tensor:
    """Log weight plus log density of each proposal at a point, shape (B, C)."""
    d = point.unsqueeze(1) - found.mean
    lxx, lyy, lyx = found.scale.unbind(dim=2)
    u = d[..., 0] / lxx
    v = (d[..., 1] - lyx * u) / lyy
    return weight - 0.5 * (u * u + v * v) - torch.log(lxx * lyy) - math.log(2.0 * math.pi)


def negative_log_likelihood(
    found: Hypotheses, point: Tensor, present: Tensor, log_radius: Tensor, nearby: Tensor
) -> Tensor:
    """Loss of each stamp of a batch: minus the log-likelihood of its host and of its stratum.

    Both strata are shown equally often, so that the weights of the two are those of even odds,
    and any other odds follow by Bayes' rule.

    Parameters
    ----------
    found : Hypotheses
    point : Tensor, shape (B, 2)
        True host relative to the transient, base pixels; any number where absent.
    present : Tensor of bool, shape (B,)
        Whether a host can be seen in the stamp.
    log_radius : Tensor, shape (B,)
        Natural log of the host's half-light radius in base pixels.
    nearby : Tensor of bool, shape (B,)
        The stratum.

    Returns
    -------
    Tensor, shape (B,)
    """
    both = torch.stack([found.nearby, found.deep], dim=1)
    norm = torch.logsumexp(both.flatten(1), dim=1)
    logits = torch.where(nearby.unsqueeze(1), found.nearby, found.deep) - norm.unsqueeze(1)
    each = log_density(logits[:, :-1], found, point)
    total = torch.logsumexp(each, dim=1)
    total = torch.logaddexp(total, torch.full_like(total, math.log(FLOOR)))
    where = torch.where(present, -total, -logits[:, -1])
    share = torch.softmax(each, dim=1).detach()
    radius = (share * (found.log_radius - log_radius.unsqueeze(1)).abs()).sum(dim=1)
    return where + RADIUS_WEIGHT * torch.where(present, radius, 0.0)
