"""Costs of releases that a fit has not seen, as it foretells them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from forecast.models.base import Ahead, Cell, Told, select, unseen
from forecast.models.baselines import line_in_date
from forecast.models.training_cost.model import Priors, replicate

if TYPE_CHECKING:
    import xarray as xr

    from forecast.models.base import Panel


def foretold(
    parameters: xr.Dataset, panel: Panel, later: Panel, priors: Priors, rng: np.random.Generator
) -> list[Told]:
    """Foretell the estimates of later releases, each under the first rule that takes it.

    Date, basis and stated error of a release are taken as known. Next to it: the line of the same rule's
    estimates in date.
    """
    new = unseen(panel, later)
    first = dict(zip(later.data["release"].values[new][::-1], new[::-1], strict=True))
    asked = np.isin(np.arange(later.data.sizes["obs"]), list(first.values()))
    if not asked.any():
        return []
    rows = select(later, asked)
    draws = replicate(parameters, rows, priors, rng)["log_value"]
    naive = np.full(draws.shape, np.nan)
    known = panel.data
    for rule in np.unique(rows.data["rule"].values):
        own, there = (data["rule"].values == rule for data in (rows.data, known))
        naive[:, own] = line_in_date(
            known["years"].values[there], np.log(known["value"].values[there]),
            rows.data["years"].values[own], len(draws), rng,
        )  # fmt: skip
    labels = (rows.data[name].values.astype(str).tolist() for name in ("release", "released"))
    cells = tuple(Cell(name, "training_cost", day) for name, day in zip(*labels, strict=True))
    names = tuple(one.entity for one in cells)
    truth = np.log(rows.data["value"].values)
    what = "training costs of releases"
    return [Told(what, names, truth, draws, naive, "log points", cells=cells)]


AHEAD = Ahead(tell=foretold)
