"""Scores of releases that a fit has not seen, as it foretells them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from forecast.models.base import Ahead, Cell, Told, select, unseen
from forecast.models.baselines import line_in_date
from forecast.models.benchmark.model import Priors, predict_scores

if TYPE_CHECKING:
    import xarray as xr

    from forecast.models.base import Panel


def foretold(
    parameters: xr.Dataset, panel: Panel, later: Panel, priors: Priors, rng: np.random.Generator
) -> list[Told]:
    """Foretell the scores of later releases; all else that is known of a release is taken as known.

    Next to it: the line of the same benchmark's scores in date, kept within 0 and 100.
    """
    asked = np.isin(np.arange(later.data.sizes["obs"]), unseen(panel, later))
    if not asked.any():
        return []
    rows = select(later, asked)
    draws = 100 * predict_scores(parameters, panel, rows, priors, rng)
    naive = np.full(draws.shape, np.nan)
    known = panel.data
    for benchmark in np.unique(rows.data["benchmark"].values):
        own, there = (data["benchmark"].values == benchmark for data in (rows.data, known))
        line = line_in_date(
            known["year"].values[there], 100 * known["score"].values[there],
            rows.data["year"].values[own], len(draws), rng,
        )  # fmt: skip
        naive[:, own] = np.clip(line, 0, 100)
    labels = ("release", "benchmark", "released")
    columns = (rows.data[name].values.astype(str).tolist() for name in labels)
    cells = tuple(Cell(*row) for row in zip(*columns, strict=True))
    names = tuple(f"{one.entity}, {one.metric}" for one in cells)
    truth = 100 * rows.data["score"].values
    return [Told("scores of releases", names, truth, draws, naive, "points", cells=cells)]


AHEAD = Ahead(tell=foretold)
