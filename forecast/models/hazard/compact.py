"""The hazard model for the sampler: one vector, and its density in one piece.

:func:`~forecast.models.hazard.model.build` writes the model out in PyMC; densities of a fit, draws of
the prior and tests read it there. Its hundreds of operations take two minutes to compile. Here stands
the same density, priors included, of one vector without bounds::

    parameter = t(centre + unit x),       t: nothing, the exponential or the logistic function

with centre and unit from the priors, so that `x` is standard normal but for the levels of years. Numbers
of the priors, years, industries and indices are data: one compilation serves all panels, with returns
or without.

Invariant: draws of `x`, named by :func:`named`, are draws of the model that is written out;
``tests/test_hazard_kernel.py`` compares both densities, with the units' logarithms between them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pymc as pm
import xarray as xr
from scipy.special import expit

from forecast.core.words import SAMPLE
from forecast.models.hazard import kernel, returns
from forecast.models.hazard.rows import labels_of, rows_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sized

    from forecast.models.base import Panel
    from forecast.models.hazard.model import Priors

POINT = "point"
LAYOUT = (
    ("rate", "", "rate"),
    ("shape", "", "shape"),
    ("runup", "", "runup"),
    ("market", "", "market"),
    ("wild", "", "wild"),
    ("industry_sd", "", "industry"),
    ("year_sd", "", "year"),
    ("deeper_rate", "stage", "deeper_rate"),
    ("jump_rate", "stage", "jump"),
    ("deeper_shape", "stage", "deeper_shape"),
    ("deeper_runup", "stage", "runup"),
    ("deeper_market", "stage", "market"),
    ("deeper_wild", "stage", "wild"),
    ("load", "stage", "load"),
    ("year_level", "year", ""),
    ("z_industry", "industry", ""),
    ("drift", "index", "drift"),
    ("volatility", "index", "volatility"),
    ("tail", "index", "tail"),
    ("memory", "index", "memory"),
    ("recent", "index", "recent"),
)
"""Each parameter in the order of the vector, its dim, and the field of the priors that it is of."""
LOG = ("industry_sd", "year_sd", "volatility", "tail")
LOGIT = ("memory", "recent")


def _unit(name: str, field: str, priors: Priors) -> tuple[float, float]:
    """Return what stands at 0 of a parameter, and the length of its unit, before its function."""
    if not field:  # what is standard normal itself, and levels of years, which are about the rate's
        return (priors.rate if name == "year_level" else 0.0), 1.0
    middle = getattr(priors, field)
    if name in LOG:
        return np.log(middle), getattr(priors, f"{field}_log_sd")
    return middle, getattr(priors, f"{field}_sd")


def _pieces(labels: Mapping[str, Sized]) -> Iterator[tuple[str, str, str, int]]:
    """Yield name, dim, field and length of each parameter; without an index none has their dim."""
    for name, dim, field in LAYOUT:
        yield name, dim, field, len(labels.get(dim, ())) if dim else 1


def units(panel: Panel, priors: Priors) -> np.ndarray:
    """Return centres and units of the vector, shape (2, size)."""
    pieces = _pieces(labels_of(panel))
    own = [np.full((n, 2), _unit(name, field, priors)) for name, _, field, n in pieces]
    return np.concatenate(own).T.copy()


def compact(panel: Panel, priors: Priors) -> pm.Model:
    """Return a model of the vector alone, with the density of the model that is written out."""
    rows = rows_of(panel)
    known = panel.data["log_return"].values if "log_return" in panel.data else np.empty((0, 0))
    own = returns.cells(known)
    with pm.Model(coords={"parameter": _names(panel)}) as model:
        data = [
            pm.Data(name, values)
            for name, values in {
                "units": units(panel, priors),
                "of_episode": np.array(rows.covariates),
                "of_return": np.vstack([own.value, own.past, own.missing]),
                "sizes": np.array([len(rows.industries), len(rows.years), known.shape[1]]),
                "industry_of": rows.industry,
                "stretches": rows.survived,
                "falls": rows.falls,
                "firsts": np.vstack([rows.first, rows.fell[rows.falls.shape[1] :]]),
                "index_of": own.index,
            }.items()
        ]
        point = pm.Flat(POINT, dims="parameter")
        pm.Potential("density", kernel.Logp()(point, *data)[0])
    return model


def _names(panel: Panel) -> list[str]:
    """Return the name of each number of the vector."""
    labels = labels_of(panel)
    return [
        f"{name}[{label}]" if dim else name
        for name, dim, _ in LAYOUT
        for label in (labels.get(dim, ()) if dim else ("",))
    ]


def named(
    parameters: xr.Dataset, panel: Panel, priors: Priors, rng: np.random.Generator, *, given: bool
) -> xr.Dataset:
    """Return draws of the vector as the parameters by name; those that have names as they are."""
    if POINT not in parameters:
        return parameters
    labels = labels_of(panel)
    values = parameters[POINT].transpose(*SAMPLE, "parameter").values
    centre, unit = units(panel, priors)
    values = centre + unit * values
    functions: dict[str, Callable[[np.ndarray], np.ndarray]] = dict.fromkeys(LOG, np.exp)
    functions |= dict.fromkeys(LOGIT, expit)
    found: dict[str, tuple[tuple[str, ...], np.ndarray]] = {}
    at = 0
    for name, dim, _, length in _pieces(labels):
        own = functions.get(name, np.copy)(values[..., at : at + length])
        at += length
        if not dim:
            found[name] = (SAMPLE, own[..., 0])
        elif dim in labels:
            found[name] = ((*SAMPLE, dim), own)
    effect = found["year_level"][1] - found["rate"][1][..., None]
    found["year_effect"] = ((*SAMPLE, "year"), effect)
    kept = {dim: np.asarray(own) for dim, own in labels.items()}
    return parameters.drop_dims("parameter").assign(found).assign_coords(kept)
