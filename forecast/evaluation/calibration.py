"""Simulation-based calibration: ranks of the truth among the draws of fits to made-up data."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import xarray as xr

from forecast.inference import nuts
from forecast.inference.codehash import fit_hash
from forecast.inference.fitting import prior_set
from forecast.inference.sampling import prior_draws, sample_model
from forecast.inference.spec import Spec
from forecast.models.registry import get_model, room_of

if TYPE_CHECKING:
    from forecast.models.base import Panel


def calibrate(
    model: str,
    panel: Panel,
    *,
    simulations: int,
    seed: int,
    draws: int = 300,
    tune: int = 400,
    chains: int = 2,
    ranks: int = 99,
) -> pd.DataFrame:
    """Run simulation-based calibration: draw parameters, draw data, fit, rank the truth.

    Parameters
    ----------
    model, panel
        The model and a panel whose cells are filled with drawn data.
    simulations
        Number of draws from the prior.
    seed
        Decides the draws from the prior, the data and the fits.
    draws, tune, chains
        Sampler settings of each fit.
    ranks
        Number of thinned posterior draws the truth is ranked among; ranks run from 0 to this.

    Returns
    -------
    pandas.DataFrame
        One row a simulation, one column a reported parameter: the rank, plus the column
        ``diverged`` with the number of divergences. Under a right model and sampler ranks are
        uniform (Talts et al. 2018, arXiv 1804.06788).
    """
    entry = get_model(model)
    priors = prior_set(entry, "default")
    truth = prior_draws(entry, panel, priors, size=simulations, seed=seed)
    data = entry.replicate(truth, panel, priors, np.random.default_rng(seed))
    spec = dataclasses.replace(
        _bare_spec(model, panel, seed), draws=draws, tune=tune, chains=chains
    )
    rows: list[dict[str, int]] = []
    for k in range(simulations):
        drawn = refill(panel, {name: values[k] for name, values in data.items()})
        tree = sample_model(entry, drawn, priors, dataclasses.replace(spec, seed=seed + 1 + k))
        rng = np.random.default_rng([seed, k])
        posterior = entry.completed(tree["posterior"].to_dataset(), drawn, priors, rng, given=True)
        names = entry.reported_of(posterior)
        row = _ranks(posterior, truth.isel(chain=0, draw=k), names, ranks)
        rows.append({**row, "diverged": int(tree["sample_stats"]["diverging"].sum())})
    return pd.DataFrame(rows)


def _bare_spec(model: str, panel: Panel, seed: int) -> Spec:
    entry = get_model(model)
    return Spec(
        model, "default", {}, seed, 0, 0, 0, entry.target_accept, nuts.NAME, panel.as_of, "",
        fit_hash(room_of(model)), {}, entry.adaptation, entry.max_depth,
    )  # fmt: skip


def refill(panel: Panel, data: Mapping[str, np.ndarray]) -> Panel:
    """Return the panel with drawn values in place of the reported ones."""
    names = {"log_value": "value"}
    values = {names.get(k, k): np.exp(v) if k == "log_value" else v for k, v in data.items()}
    dims = {k: panel.data[k].dims if k in panel.data else ("obs",) for k in values}
    return dataclasses.replace(
        panel, data=panel.data.assign({k: (dims[k], v) for k, v in values.items()})
    )


def _ranks(
    posterior: xr.Dataset, truth: xr.Dataset, names: Sequence[str], ranks: int
) -> dict[str, int]:
    found = {}
    for name in names:
        stacked = posterior[name].stack(sample=("chain", "draw")).transpose("sample", ...)
        keep = np.linspace(0, stacked.sizes["sample"] - 1, ranks).round().astype(int)
        below = (stacked.isel(sample=keep).values < truth[name].values).sum(axis=0)
        for place, rank in np.ndenumerate(below):
            found[name + "".join(f"[{k}]" for k in place)] = int(rank)
    return found
