"""Parameters whose data moved them far from their prior."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import xarray as xr

FAR = 2.0
"""Standard deviations of the prior beyond which a posterior mean is told."""


@dataclasses.dataclass(frozen=True)
class Misfit:
    """A parameter whose posterior lies far from its prior.

    Attributes
    ----------
    name
        The parameter.
    prior, posterior
        Medians, in its own unit.
    away
        How many standard deviations of the prior the posterior lies from it, on the log scale for a
        log-normal prior; below zero if it is smaller.
    """

    name: str
    prior: float
    posterior: float
    away: float


def misfits(
    posterior: xr.Dataset, priors: object, names: Sequence[str], far: float = FAR
) -> tuple[Misfit, ...]:
    """Return the parameters whose posterior mean lies far from the prior's, the furthest first.

    Either the prior was wrong, or the parameter takes up what the model has no other place for.

    Parameters
    ----------
    posterior
        Draws of the parameters, dims chain, draw.
    priors
        The prior record. A parameter NAME is looked at if it holds the numbers NAME and NAME_sd
        (normal), or NAME and NAME_log_sd (log-normal, NAME being the median), and is one number.
    names
        Parameters to look at.
    far
        How many standard deviations of the prior count.

    Examples
    --------
    >>> import types, xarray as xr
    >>> draws = xr.Dataset({"error": (("chain", "draw"), [[0.9, 1.0, 1.1]])})
    >>> misfits(draws, types.SimpleNamespace(error=0.3, error_log_sd=0.5), ["error"])[0].name
    'error'
    """
    found = []
    for name in names:
        prior, values = getattr(priors, name, None), posterior.get(name)
        log_sd, sd = getattr(priors, f"{name}_log_sd", None), getattr(priors, f"{name}_sd", None)
        if prior is None or values is None or values.ndim != 2:
            continue
        drawn = values.values
        if log_sd is not None:
            away = float(np.log(drawn).mean() - np.log(prior)) / log_sd
        elif sd is not None:
            away = float(drawn.mean() - prior) / sd
        else:
            continue
        if abs(away) > far:
            found.append(Misfit(name, float(prior), float(np.median(drawn)), away))
    return tuple(sorted(found, key=lambda one: -abs(one.away)))
