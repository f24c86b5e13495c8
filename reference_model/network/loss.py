"""What the network is trained to say: the log-likelihood of the true host."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from reference_model.network.model import Proposals

#: Weight of the half-light radius (Laplace log-likelihood, in ln).
RADIUS_WEIGHT = 0.3
#: A floor under the density (per square base pixel): one outlier must not
#: move the weights more than a hundred ordinary stamps.
FLOOR = 1e-9


def log_density(proposals: Proposals, point: Tensor) -> Tensor:
    """Log weight plus log density of each proposal at a point, shape (B, C)."""
    weight = torch.log_softmax(proposals.logits, dim=1)[:, :-1]
    d = point.unsqueeze(1) - proposals.mean
    lxx, lyy, lyx = proposals.scale.unbind(dim=2)
    u = d[..., 0] / lxx
    v = (d[..., 1] - lyx * u) / lyy
    return weight - 0.5 * (u * u + v * v) - torch.log(lxx * lyy) - math.log(2.0 * math.pi)


def negative_log_likelihood(
    proposals: Proposals, point: Tensor, present: Tensor, log_radius: Tensor
) -> Tensor:
    """Mean loss of a batch.

    Parameters
    ----------
    proposals : Proposals
    point : Tensor, shape (B, 2)
        True host relative to the transient, base pixels; any number where absent.
    present : Tensor of bool, shape (B,)
        Whether a host can be seen in the stamp.
    log_radius : Tensor, shape (B,)
        Natural log of the host's half-light radius in base pixels.
    """
    each = log_density(proposals, point)
    total = torch.logsumexp(each, dim=1)
    total = torch.logaddexp(total, torch.full_like(total, math.log(FLOOR)))
    none = torch.log_softmax(proposals.logits, dim=1)[:, -1]
    where = torch.where(present, -total, -none)
    share = torch.softmax(each, dim=1).detach()
    radius = (share * (proposals.log_radius - log_radius.unsqueeze(1)).abs()).sum(dim=1)
    return (where + RADIUS_WEIGHT * torch.where(present, radius, 0.0)).mean()
