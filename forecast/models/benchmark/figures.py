"""The figures of the benchmark model: what ten times the spend adds, and how far open models trail."""

from __future__ import annotations

import xarray as xr

from forecast import plots
from forecast.core.draws import Interval, interval
from forecast.core.errors import DataError
from forecast.models.base import Drawn, Figure, Scene
from forecast.models.benchmark import plots as own
from forecast.models.benchmark.model import Priors
from forecast.models.benchmark.panel import BENCHMARKS, COMPUTE_WORDS

SOURCE = "Epoch AI and developers' reports (frontier_models.csv)"
YEAR_OF_LAG = 12.0
"""Months that are marked on the lag."""


def _today(draws: xr.Dataset, series: str) -> Interval:
    """Return the interval of a quantity, which is told of the day of the data alone."""
    return interval(draws["signal"].sel(series=series).isel(period=0))


def _cost(scene: Scene) -> Drawn:
    draws, priors = scene.draws, Priors()
    errors = [getattr(priors, f"error_{word}") for word in COMPUTE_WORDS]
    figure, axes = plots.small_multiples(len(BENCHMARKS), columns=2, size=(5.0, 3.3))
    there = {str(name) for name in draws["series"].values}
    said = []
    for ax, name in zip(axes, BENCHMARKS, strict=True):
        gain = _today(draws, f"{name} now/gain_points")
        then = f"{name} five years earlier/gain_points"
        before = f", {_today(draws, then).median:.1f} five years earlier" if then in there else ""
        said.append(
            f"{name}: ten times the spend adds {gain.median:.1f} points ({gain.low:.1f} to "
            f"{gain.high:.1f}){before}"
        )
        title = f"Ten times the spend: {gain.median:.1f} points now{before}"
        own.cost_curve(draws, scene.panel, name, compute_log10_sd=errors, title=title, ax=ax)
    price = draws["price_now"].quantile([0.1, 0.9]).values * 10
    caption = (
        "Expected score of a closed model of an average organisation; titles: median gain of the "
        "best model known from ten times the largest known compute, at a fixed date, where ten times "
        f"the compute is ten times the spend. 1e25 FLOP cost about USD {price[0]:.0f} to "
        f"{price[1]:.0f} m. Compute that was inferred from benchmarks is left out."
    )
    alt = "Benchmark scores against training compute. " + "; ".join(said) + "."
    return Drawn(figure, alt, caption)


def _lag(scene: Scene) -> Drawn:
    draws = scene.draws
    if "open models/lag_months" not in draws["series"].values:
        raise DataError("the table holds open or closed models alone: there is no lag to show")
    figure, axes = plots.small_multiples(2, columns=2, size=(5.0, 3.4))
    gap = _today(draws, "open models/capability_gap").median
    lag = _today(draws, "open models/lag_months")
    behind = "behind" if gap >= 0 else "ahead"
    own.frontier(draws, title=f"Open models {abs(gap):.1f} log-odds {behind}", ax=axes[0])
    own.open_lag(
        draws,
        threshold=YEAR_OF_LAG,
        title=f"A lag of {lag.low:.0f} to {lag.high:.0f} months",
        ax=axes[1],
    )
    alt = (
        f"Best open and best closed model by date; open models trail by {lag.median:.0f} months, 80 % "
        f"between {lag.low:.0f} and {lag.high:.0f}."
    )
    caption = (
        "Capability over all four benchmarks, protocols taken out; dotted: twelve months; titles: "
        "median gap and 80 % interval of the lag today."
    )
    return Drawn(figure, alt, caption)


FIGURES = (Figure("cost_curve", SOURCE, _cost), Figure("open_lag", SOURCE, _lag))
