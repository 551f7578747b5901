"""The models, each a frozen entry of plain functions.

Invariant: a model sees a panel and its priors, and nothing else; models do not import each other.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import xarray as xr

from forecast.models import (
    adoption,
    api_price,
    benchmark,
    earnings,
    gpu_rental,
    hazard,
    market,
    naive,
    payback,
    scaling_law,
    training_cost,
)
from forecast.panels import Panel, quarter_index, quarter_name
from forecast.panels.dates import quarter_of
from forecast.panels.hazard import last_close, month_index, month_name
from forecast.schema import UnknownNameError

Statistic = Callable[[dict[str, np.ndarray], Panel], np.ndarray]
Horizon = Callable[[str], str]


def years(ahead: int) -> Horizon:
    """Return the horizon that lies some years after the year of a day.

    Examples
    --------
    >>> years(4)("2026-05-06")
    '2030'
    """
    return lambda day: str(int(day[:4]) + ahead)


def quarters(ahead: int) -> Horizon:
    """Return the horizon that lies some quarters after the quarter of a day.

    Examples
    --------
    >>> quarters(8)("2026-05-06")
    '2028Q2'
    """
    return lambda day: quarter_name(quarter_index(quarter_of(day)) + ahead)


def months(ahead: int) -> Horizon:
    """Return the horizon that lies some months after the month of a day.

    Examples
    --------
    >>> months(25)("2026-05-06")
    '2028-06'
    """
    return lambda day: month_name(month_index(day) + ahead)


def closes(ahead: int) -> Horizon:
    """Return the horizon that lies some months after the last month whose close is known.

    Examples
    --------
    >>> closes(24)("2026-05-06"), closes(24)("2026-05-31")
    ('2028-04', '2028-05')
    """
    return lambda day: month_name(last_close(day) + ahead)


def the_day(day: str) -> str:
    """Return the day itself: what has no horizon is told of the day of its data."""
    return day


@dataclasses.dataclass(frozen=True)
class Model:
    """What the road needs to know of a model.

    Attributes
    ----------
    name
        Its name in claims and commands.
    title
        What it describes, for a reader.
    priors
        The default prior record.
    variants
        Other prior records by name, at least ``sceptical`` and ``generous``.
    build
        ``(panel, priors) -> pm.Model``; prior numbers and data enter as ``pm.Data``.
    complete
        ``(parameters, panel, priors, rng, given) -> Dataset``: adds what was integrated out of the
        fit, given the panel's values or from the prior.
    draw
        ``(parameters, panel, priors, until, rng) -> Dataset`` of joint draws.
    replicate
        ``(parameters, panel, priors, rng) -> {data name: (sample, obs)}``: new data for the
        panel's cells, for prior predictive checks and calibration.
    prior_checks
        ``(what, statistic, low, high)``: nine in ten prior draws lie between.
    report
        Parameters that the gate checks and the memo shows.
    labels
        What a parameter is, with its unit.
    horizon
        ``as_of -> last period`` that is drawn where nobody asks for another one.
    adaptation
        How the sampler adapts its mass matrix: ``diag``, or ``low_rank`` where parameters are
        correlated.
    target_accept
        Acceptance the step size is tuned to.
    max_depth
        Doublings after which a trajectory is cut.
    tune
        Tuning steps that are enough.
    sampled
        Of a model whose states are integrated out: the parameters from which ``complete`` draws all
        else and tells the likelihood of any panel with the same series, in which a value may be
        NaN, not known yet. Empty for a model that cannot be held against another panel like this.
    """

    name: str
    title: str
    priors: Any
    variants: Mapping[str, Any]
    build: Callable[[Panel, Any], Any]
    complete: Callable[..., xr.Dataset]
    draw: Callable[[xr.Dataset, Panel, Any, str, np.random.Generator], xr.Dataset]
    replicate: Callable[[xr.Dataset, Panel, Any, np.random.Generator], dict[str, np.ndarray]]
    prior_checks: tuple[tuple[str, Statistic, float, float], ...]
    report: tuple[str, ...]
    labels: Mapping[str, str]
    horizon: Horizon
    adaptation: str = "diag"
    target_accept: float = 0.95
    max_depth: int = 10
    tune: int = 1000
    sampled: tuple[str, ...] = ()


def _entry(name: str, title: str, module: Any, horizon: Horizon) -> Model:
    return Model(
        name=name,
        title=title,
        priors=module.Priors(),
        variants=module.VARIANTS,
        build=module.build,
        complete=module.complete,
        draw=module.draw,
        replicate=module.replicate,
        prior_checks=module.PRIOR_CHECKS,
        report=module.REPORT,
        labels=module.LABELS,
        horizon=horizon,
    )


MODELS: Mapping[str, Model] = {
    "market": _entry("market", "the article's annual market table", market, years(4)),
    # Slopes and easiness of the four benchmarks go together: a diagonal matrix halves the sample.
    "benchmark": dataclasses.replace(
        _entry("benchmark", "benchmark scores of public models", benchmark, the_day),
        adaptation="low_rank",
    ),
    # With a diagonal mass matrix the effective sample is a fifth. A draw takes seven gradients; the
    # first steps would take up to a thousand each, half of all of the tuning. At an acceptance of
    # 0.8 two of twelve fits of a small table of a user's own had a divergence.
    "earnings": dataclasses.replace(
        _entry("earnings", "what the companies report every quarter", earnings, quarters(8)),
        adaptation="low_rank",
        target_accept=0.85,
        max_depth=7,
        tune=300,
        sampled=earnings.SAMPLED,
    ),
    "hazard": dataclasses.replace(
        _entry("hazard", "falls of US industries after run-ups", hazard, closes(24)),
        target_accept=0.8,
    ),
    # At 0.95 two of four seeds of the generous priors had one divergence each.
    "payback": dataclasses.replace(
        _entry("payback", "cash of a trillion-dollar programme", payback, payback.horizon),
        target_accept=0.98,
    ),
    "training_cost": _entry(
        "training_cost", "what frontier training runs cost, by date", training_cost, years(4)
    ),
    # A flat valley: with a diagonal mass matrix a step costs eight times as many gradients.
    "scaling_law": dataclasses.replace(
        _entry("scaling_law", "loss by parameters and tokens", scaling_law, the_day),
        adaptation="low_rank",
    ),
    "api_price": _entry("api_price", "list prices of language models", api_price, quarters(8)),
    "gpu_rental": _entry("gpu_rental", "what an H100 rents for", gpu_rental, months(25)),
    "adoption": _entry(
        "adoption", "the share of open-weight models, mostly prior", adoption, months(25)
    ),
}


NAIVE: Mapping[str, Callable[..., xr.Dataset]] = {
    "market": naive.drift_walk,
    "earnings": naive.quarterly,
    "hazard": naive.unconditional_falls,
    "payback": payback.straight_line,
    "training_cost": naive.cost_records,
    "api_price": naive.price_walk,
    "gpu_rental": naive.rental_walk,
    "adoption": naive.share_walk,
}
"""The rule printed beside a model: ``(panel, until, seed) -> Dataset`` of draws of its series."""


def get_model(name: str) -> Model:
    """Return the model called `name`.

    Raises
    ------
    UnknownNameError
        If no model has that name.
    """
    try:
        return MODELS[name]
    except KeyError:
        raise UnknownNameError(
            f"no model is called {name!r}; there are {', '.join(MODELS)}"
        ) from None
