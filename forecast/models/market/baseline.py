"""Random walks with drift of annual series: the forecast to beat."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from forecast.core.errors import DataError
from forecast.core.periods import (
    period_end,
)
from forecast.core.text import one_line
from forecast.models.baselines import NAME
from forecast.models.market.panel import MARKET_UNIT, is_published
from forecast.models.market.paths import annual_draws

if TYPE_CHECKING:
    from forecast.models.base import Panel


def drift_walk(
    panel: Panel, *, until: str, seed: int, chains: int = 4, draws: int = 1000
) -> xr.Dataset:
    """Draw each annual series as a random walk with drift on the log scale.

    Series i has n[i] yearly log changes with mean m[i]; their spread is shared, for three changes
    of one series alone would leave a Student's t with two degrees of freedom; the article's own series
    share one, and publishers' another. With the prior
    p(mu, sigma) ~ 1/sigma and S the sum of squares about the means, of v = sum(n[i] - 1) degrees of
    freedom, the posterior is sigma^2 ~ S / chi^2(v), mu[i] ~ N(m[i], sigma^2 / n[i]) (Gelman et al.,
    BDA3, section 3.2); paths are drawn from it, series independently of each other.

    Parameters
    ----------
    panel
        A market panel.
    until
        Last year to draw.
    seed
        Seed of the draws.
    chains, draws
        Shape of the sample, to stand alongside a model's.

    Returns
    -------
    xarray.Dataset
        As :func:`forecast.inference.predict.forecast` gives; ``signal`` is ``y``.

    Raises
    ------
    DataError
        If a series has fewer than three years in a row.
    """
    rng = np.random.default_rng(seed)
    names, index = np.unique(panel.data["series"].values, return_inverse=True)
    years = panel.data["year"].values
    grid = np.arange(years.min(), period_end(until).year + 1)
    value = np.full((len(names), len(grid)), np.nan)
    value[index, np.searchsorted(grid, years)] = panel.data["value"].values
    rows = [np.log(row[np.isfinite(row)]) for row in value]
    starts = [int(np.flatnonzero(np.isfinite(row))[0]) for row in value]
    gaps = [np.isnan(v[s : s + len(r)]).any() for v, s, r in zip(value, starts, rows, strict=True)]
    short = [str(n) for n, r, g in zip(names, rows, gaps, strict=True) if len(r) < 3 or g]
    if short:
        raise DataError(
            f"a random walk with drift wants three years in a row; too few for {one_line(short)}"
        )
    changes = [np.diff(row) for row in rows]
    kinds = [is_published(str(n)) for n in names]
    size = chains * draws
    spread = {}
    for kind in sorted(set(kinds)):
        own = [c for c, k in zip(changes, kinds, strict=True) if k == kind]
        squares = sum(float(((c - c.mean()) ** 2).sum()) for c in own)
        freedom = sum(len(c) - 1 for c in own)
        spread[kind] = np.sqrt(squares / rng.chisquare(freedom, size=(size, 1)))
    paths = np.full((size, *value.shape), np.nan)
    for s, (row, change, start) in enumerate(zip(rows, changes, starts, strict=True)):
        sigma = spread[kinds[s]]
        mean = change.mean() + sigma / np.sqrt(len(change)) * rng.standard_normal((size, 1))
        last = start + len(row) - 1
        steps = mean + sigma * rng.standard_normal((size, len(grid) - last - 1))
        paths[:, s, start : last + 1] = row
        paths[:, s, last + 1 :] = row[-1] + np.cumsum(steps, axis=1)
    coords = {
        "chain": np.arange(chains),
        "draw": np.arange(draws),
        "series": names,
        "period": grid.astype(str),
    }
    shape = (chains, draws, *value.shape)
    y = xr.DataArray(np.exp(paths).reshape(shape), coords, tuple(coords))
    return annual_draws(y, y.copy(), value, MARKET_UNIT).assign_attrs(
        model=NAME, as_of=panel.as_of, data_hash=panel.hash, seed=seed
    )
