"""Figures of the laboratories that a fit has not seen, as it foretells them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from forecast.models.base import Ahead, Cell, Told, unseen
from forecast.models.baselines import line_in_date
from forecast.models.payback.model import Priors, replicate
from forecast.models.payback.panel import KINDS

if TYPE_CHECKING:
    import xarray as xr

    from forecast.models.base import Panel

FORETOLD = {"sales": "sales", "cash": "cash"}
"""Kinds of figures that are foretold, and what they are called. What a company projects, raises or
has in hand is its own doing between two reports: a new projection is a new decision, not a result."""


def foretold(
    parameters: xr.Dataset, panel: Panel, later: Panel, priors: Priors, rng: np.random.Generator
) -> list[Told]:
    """Foretell what was later reported of sales and cash; bounds are left out.

    Next to sales: the line of the logarithms of the same laboratory's same figure in date.
    """
    data = later.data
    new = unseen(panel, later)
    new = new[data["side"].values[new] == 0]
    drawn = replicate(parameters, later, priors, rng)["value"]
    found = []
    for kind, what in FORETOLD.items():
        own = new[data["kind"].values[new] == KINDS.index(kind)]
        if not len(own):
            continue
        labels = (data[c].values[own].tolist() for c in ("entity", "metric", "period"))
        cells = tuple(Cell(*row) for row in zip(*labels, strict=True))
        names = tuple(f"{one.entity}/{one.metric} {one.period}" for one in cells)
        draws, truth, naive = drawn[:, own], data["value"].values[own], None
        logs = kind == "sales"
        if logs:
            draws, truth = np.log(draws), np.log(truth)
            naive = np.column_stack([_line(panel, later, k, len(draws), rng) for k in own])
        unit = "log points" if logs else "USD bn"
        found.append(Told(what, names, truth, draws, naive, unit, cells=cells))
    return found


def _line(panel: Panel, later: Panel, row: int, size: int, rng: np.random.Generator) -> np.ndarray:
    """Draw one figure from the line of its own series, shape (size, 1)."""
    one, data = later.data.isel(obs=row), panel.data
    same = (data["entity"] == one["entity"]) & (data["metric"] == one["metric"])
    at = np.flatnonzero((same & (data["side"] == 0)).values)
    when = data["start"].values + data["length"].values / 2
    middle = np.array([float(one["start"]) + float(one["length"]) / 2])
    return line_in_date(when[at], np.log(data["value"].values[at]), middle, size, rng)


AHEAD = Ahead(tell=foretold)
