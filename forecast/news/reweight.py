"""Draws of one fit, weighted as if other numbers had been reported."""

from __future__ import annotations

import concurrent.futures
import dataclasses
import functools
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import xarray as xr

from forecast.core.errors import DataError
from forecast.core.periods import calendar_quarter
from forecast.inference.fitting import Run, fit_spec, priors_of
from forecast.models import common
from forecast.models.base import Panel
from forecast.models.registry import get_model

if TYPE_CHECKING:
    from forecast.news.statistics import Statistic
    from forecast.tables.vintages import Known

MAX_K = 0.7


MIN_EFFECTIVE = 100.0
"""Limits of a reweighting; beyond them a panel is fitted."""


@dataclasses.dataclass(frozen=True)
class Estimate:
    """Values of all statistics, and what draws of the same random numbers add to their errors.

    The latter has shape (random numbers, statistic).
    """

    value: np.ndarray
    influence: np.ndarray


def estimate_of(
    values: np.ndarray, weights: np.ndarray, medians: np.ndarray, sides: int = 1
) -> Estimate:
    """Return weighted shares and medians of `values`, shape (draw, statistic).

    The draws come from as many `sides`, one after the other, each with the same random numbers.
    """
    value = weights @ values
    influence = weights[:, None] * (values - value)
    for k in np.flatnonzero(medians):
        order = np.argsort(values[:, k])
        ladder = np.cumsum(weights[order]) - 0.5 * weights[order]
        low, middle, high = np.interp([0.4, 0.5, 0.6], ladder, values[order, k])
        value[k] = middle
        # The density at the median is a fifth of the draws over their span.
        influence[:, k] = weights * ((values[:, k] > middle) - 0.5) * (high - low) / 0.2
    return Estimate(value, influence.reshape(sides, -1, values.shape[1]).sum(axis=0))


def _values(statistics: Sequence[Statistic], draws: xr.Dataset) -> np.ndarray:
    """Return every statistic of every draw, shape (draw, statistic)."""
    columns = [s.of(draws).transpose("chain", "draw").values.ravel() for s in statistics]
    return np.column_stack(columns).astype(float)


def plainly(statistics: Sequence[Statistic], draws: xr.Dataset) -> Estimate:
    """Return the estimate of draws as they are, each weighing the same."""
    values = _values(statistics, draws)
    medians = np.array([bool(s.unit) for s in statistics])
    return estimate_of(values, np.full(len(values), 1 / len(values)), medians)


@dataclasses.dataclass(frozen=True)
class Road:
    """What the steps of the numbers share."""

    spec: Any
    priors: object
    like: Panel
    cells: pd.DataFrame
    sides: tuple[xr.Dataset, ...]
    log_pool: np.ndarray
    statistics: tuple[Statistic, ...]
    as_of: str
    until: str
    seed: int


def thinned(run: Run, size: int) -> xr.Dataset:
    """Return `size` draws of the sampled parameters, evenly from all chains."""
    names = list(get_model(run.spec.model).sampled)
    kept = run.posterior[names]
    each = min(max(size // kept.sizes["chain"], 1), kept.sizes["draw"])
    at = np.linspace(0, kept.sizes["draw"] - 1, each).round().astype(int)
    labels = {"chain": np.arange(kept.sizes["chain"]), "draw": np.arange(each)}
    return kept.isel(draw=at).assign_coords(labels)


@dataclasses.dataclass(frozen=True, eq=False)
class Told:
    """What is known on the way between two panels.

    Attributes
    ----------
    values
        Of every cell of the road, shape (cell,); NaN where it is not known.
    drawn
        What only draws depend on, as a panel carries it.
    """

    values: np.ndarray
    drawn: object = None

    @property
    def key(self) -> tuple[bytes, object]:
        """What tells it from any other."""
        return self.values.tobytes(), self.drawn


def panel_with(road: Road, told: Told) -> Panel:
    """Return a panel of all cells by what is known of them."""
    cells = road.cells
    like = road.like.data
    data = xr.Dataset(
        {"value": ("obs", told.values)},
        coords={
            name: ("obs", cells[name].to_numpy(like[name].dtype.type))
            for name in _labels(road.like)
        },
    )
    return Panel(road.spec.model, road.as_of, data, road.like.units, drawn=told.drawn)


def look(road: Road, sides: Sequence[xr.Dataset], told: Told) -> tuple[np.ndarray, np.ndarray]:
    """Return log likelihood and statistics of each draw under a panel.

    Draws of the same place on each side, and under each panel, get the same random numbers.
    """
    entry, panel = get_model(road.spec.model), panel_with(road, told)
    densities, values = [], []
    for parameters in sides:
        rng = np.random.default_rng([road.seed, 2])
        full = entry.completed(parameters, panel, road.priors, rng, given=True)
        rng = np.random.default_rng([road.seed, 3])
        draws = entry.draw(full, panel, road.priors, road.until, rng)
        draws = draws.assign_attrs(model=road.spec.model, as_of=road.as_of)
        densities.append(full[common.LIKELIHOOD].transpose("chain", "draw").values.ravel())
        values.append(_values(road.statistics, draws))
    return np.concatenate(densities), np.concatenate(values)


def pooled(log_a: np.ndarray, log_b: np.ndarray) -> np.ndarray:
    """Return the log density, up to a constant, of the pool of draws of two posteriors.

    Draws stand in equal number; the two normalising constants solve their own equation.
    """
    top_a, top_b = log_a.max(), log_b.max()
    a, b = log_a - top_a, log_b - top_b
    c_a = c_b = 0.0
    for _ in range(500):
        pool = np.logaddexp(a - c_a, b - c_b)
        new_a, new_b = (np.logaddexp.reduce(x - pool) - np.log(len(pool) / 2) for x in (a, b))
        moved = max(abs(new_a - c_a), abs(new_b - c_b))
        c_a, c_b = new_a, new_b
        if moved < 1e-10:
            break
    result: np.ndarray = np.logaddexp(a - c_a, b - c_b)
    return result


def _weights(log_ratio: np.ndarray) -> tuple[np.ndarray, float]:
    """Return smoothed weights that add up to one, and their Pareto k.

    The largest may all be the same: a draw that only one of two far posteriors could have given has
    the largest weight there is. There is no tail to smooth then.
    """
    from arviz_stats.base import array_stats  # slow to load

    count = len(log_ratio)
    tail = np.sort(log_ratio)[-int(np.ceil(min(0.2 * count, 3 * np.sqrt(count)))) :]
    k = -np.inf
    if np.ptp(tail) > 1e-9:
        # It takes minus the log ratio, as for leave-one-out.
        log_ratio, k = array_stats.psislw(-log_ratio)
    return np.exp(log_ratio - np.logaddexp.reduce(log_ratio)), float(k)


def reweighted(road: Road, told: Told) -> tuple[Estimate | None, float]:
    """Return the estimate under a panel and the Pareto k; None where the weights will not do."""
    density, values = look(road, road.sides, told)
    weights, k = _weights(density - road.log_pool)
    if k > MAX_K or 1 / np.sum(weights**2) < MIN_EFFECTIVE:
        return None, k
    return estimate_of(values, weights, medians_of(road), len(road.sides)), k


def medians_of(road: Road) -> np.ndarray:
    """Return which statistics are estimated by their median."""
    return np.array([bool(s.unit) for s in road.statistics])


def _labels(panel: Panel) -> list[str]:
    """Return what names the cells of a panel, and what else they are labelled with."""
    return [str(name) for name in panel.data.coords]


def _key(panel: Panel) -> list[str]:
    """Return what names a cell."""
    return ["series", get_model(panel.model).period]


def cells_of(before: Panel, after: Panel) -> pd.DataFrame:
    """Return every cell of two panels with its value in each, NaN where it has none."""
    keys = _key(after)
    old, new = before.frame(), after.frame()
    both = new.merge(old, on=keys, how="outer", suffixes=("", "_old"))
    for name in _labels(after):
        if name not in keys:
            both[name] = both[name].fillna(both[f"{name}_old"])
    return both


def reported_cells(known: Known) -> dict[tuple[str, str, str], str]:
    """Return the report day of every quarterly number."""
    days = {}
    for row in known.rows.to_dict("records"):
        try:
            quarter = calendar_quarter(str(row["period"]))
        except DataError:
            continue
        days[str(row["entity"]), str(row["metric"]), quarter] = str(row["reported_on"])
    return days


@dataclasses.dataclass(frozen=True)
class AsIf:
    """What a statistic would be with a number taken as reported.

    Attributes
    ----------
    value
        The statistic.
    change
        What it is more than without the number, by the same draws and random numbers.
    error
        Monte-Carlo standard error of `change`.
    """

    value: float
    change: float
    error: float


def as_if(
    run: Run,
    statistic: Statistic,
    series: str,
    period: str,
    values: Sequence[float],
    *,
    seed: int,
    until: str | None = None,
    size: int = 1000,
) -> list[AsIf]:
    """Return a statistic of a run with a number of a coming quarter taken as reported.

    Parameters
    ----------
    run
        A run of a model whose states are integrated out.
    statistic
        What to follow.
    series, period
        Whose number, of which quarter; not reported in the run.
    values
        The numbers to try, in the panel's unit.
    seed
        Decides the random numbers, the same for all.
    until
        Last period to draw; the model's own horizon by default.
    size
        Draws of the run that are reweighted.

    Raises
    ------
    DataError
        If the run's model cannot be evaluated on another panel, or its panel has no such series.
    """
    entry = get_model(run.spec.model)
    if not entry.sampled:
        raise DataError(f"the {run.spec.model} model cannot be evaluated on another panel")
    own = run.panel.frame()
    # What else a cell is labelled with is that of its series.
    row = own[own["series"] == series].tail(1).copy()
    if row.empty:
        raise DataError(f"the {run.spec.model} panel has no series {series!r}")
    row[[entry.period, "value"]] = period, np.nan
    cells = pd.concat([own, row], ignore_index=True)
    sides = (thinned(run, size),)
    road = Road(
        spec=run.spec,
        priors=priors_of(run.spec),
        like=run.panel,
        cells=cells,
        sides=sides,
        log_pool=np.zeros(0),
        statistics=(statistic,),
        as_of=run.panel.as_of,
        until=until or entry.horizon(run.panel.as_of),
        seed=seed,
    )
    base, drawn = cells["value"].to_numpy(float), run.panel.drawn
    road = dataclasses.replace(road, log_pool=look(road, sides, Told(base, drawn))[0])
    panels = [Told(v, drawn) for v in (base, *(np.append(base[:-1], value) for value in values))]
    without, *found = (point.estimate for point in points_of(road, panels))
    return [
        AsIf(
            float(one.value[0]),
            float(one.value[0] - without.value[0]),
            float(gap_between(without, one)[0]),
        )
        for one in found
    ]


@dataclasses.dataclass(frozen=True)
class Point:
    """What is estimated under a panel, the Pareto k of the weights, and whether it had to be fitted."""

    estimate: Estimate
    k: float
    fitted: bool


def points_of(road: Road, panels: Sequence[Told]) -> list[Point]:
    """Return the estimates under panels: reweighted side by side, then fitted where that will not do."""
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:  # numba lets go of the lock
        looked = list(pool.map(functools.partial(reweighted, road), panels))
    found: list[Point] = []
    fits: dict[bytes, Run] = {}  # what only draws depend on is in no fit
    for told, (estimate, k) in zip(panels, looked, strict=True):
        of = told.values.tobytes()
        if estimate is None and of not in fits:
            fits[of] = fit_spec(road.spec, panel_with(road, told))
        found.append(Point(estimate or _by_fit(road, told, fits[of]), k, estimate is None))
    return found


def _by_fit(road: Road, told: Told, run: Run) -> Estimate:
    size = len(road.log_pool) // len(road.sides)
    _, values = look(road, [thinned(run, size)], told)
    return estimate_of(values, np.full(len(values), 1 / len(values)), medians_of(road))


def gap_between(a: Estimate, b: Estimate) -> np.ndarray:
    """Return the error of the difference of two estimates, which may share their draws."""
    if a.influence.shape == b.influence.shape:
        return np.asarray(np.sqrt(((b.influence - a.influence) ** 2).sum(axis=0)))
    return np.asarray(np.sqrt((a.influence**2).sum(axis=0) + (b.influence**2).sum(axis=0)))
