"""The share of open-weight models in use, by several measures: a random walk with drift of its log-odds.

What it cannot know: what is meant by use. Surveys of buyers, tokens on a router and money on a gateway
differ in level and even in direction, and each has been printed a few times.

Measure m (who counts what) at date t, in years from the last datum, with h = t - t0::

    logit share[m, t] = level + offset[m] + (drift + bent[m]) h + w[t] + d[m, t] + e[m, t]

`w` is a random walk that all measures share, `d` one of each measure's own, both zero at t0; `offset`
and `bent` are normal about zero: measures differ in level, and part with time. `e` is a survey's own
error, twice as large where the number was printed as "about". Given drift, volatility and error all
else is Gaussian: level, offsets and walks are integrated out of the fit and drawn exactly afterwards.
There are few data. They place the levels; drift, volatility and error keep most of their priors, so
what is said of 2027 is mostly prior.

Invariant: :func:`draw` conditions on the covariance that :func:`build` fits;
``tests/test_adoption.py`` compares both with a dense normal.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
import pymc as pm
import pytensor.tensor as pt
import xarray as xr
from scipy.special import expit, logit

from forecast.core.draws import sample_first
from forecast.core.errors import DataError
from forecast.core.periods import months, period_end, years_since
from forecast.models import common, latent
from forecast.models.adoption.panel import SHARE_METRIC, measures

if TYPE_CHECKING:
    from forecast.models.base import Panel


@dataclasses.dataclass(frozen=True)
class Priors:
    """Numbers of the priors; log-odds."""

    # Before any survey the share may be anything from a few percent to two thirds: 95 % of
    # logit -1.4 +- 2 lies between 3 % and 65 %. Our rough judgement. Half of that variance is a
    # measure's own.
    level: float = -1.4
    level_sd: float = 0.7
    offset_sd: float = 0.7
    # No direction is assumed; 0.35 log-odds a year moves a share of 20 % to 26 % or to 15 % in one
    # year. Half of that variance is a measure's own. Our rough judgement.
    drift: float = 0.0
    drift_sd: float = 0.25
    bent_sd: float = 0.25
    # Yearly wandering about the drift, from a settled market to one that a single release turns: 0.27,
    # 95 %: 0.08 to 0.9; half of that variance again is a measure's own. Our rough judgement.
    volatility: float = 0.19
    volatility_log_sd: float = 0.6
    parting: float = 0.19
    # A survey of a few hundred buyers has a standard error of two or three points at 15 %, about
    # 0.2 log-odds; the same panel asked again errs less. 95 %: 0.03 to 0.32. Our rough judgement.
    error: float = 0.1
    error_log_sd: float = 0.6


VARIANTS = {
    # The share keeps falling, and steadily.
    "sceptical": Priors(drift=-0.35, drift_sd=0.15, bent_sd=0.2, volatility=0.14, parting=0.14),
    # Cheap open models catch on, and the market can turn within a year.
    "generous": Priors(drift=0.35, volatility=0.32, parting=0.32),
    # Another structure: one market, of which measures show different parts at a fixed distance.
    "one market": Priors(drift_sd=0.34, bent_sd=0.05, volatility=0.26, parting=0.05),
    # Another structure: measures have nothing to do with one another.
    "each measure by itself": Priors(
        level_sd=0.1, offset_sd=0.99, drift_sd=0.05, bent_sd=0.35, volatility=0.05, parting=0.27
    ),
}

REPORT = ("drift", "volatility", "error")
LABELS = {
    "drift": "drift that all measures share, log-odds a year (mostly prior)",
    "volatility": "wandering that all measures share, log-odds per root year (mostly prior)",
    "error": "error of a survey, log-odds (mostly prior)",
}
ABOUT = 2.0
"""How many times larger the error of a number is that was printed as "about"."""


def _kernels(
    a: tuple[np.ndarray, np.ndarray], b: tuple[np.ndarray, np.ndarray]
) -> tuple[np.ndarray, ...]:
    """Return what the covariance at two sets of (measure, h) is a weighted sum of, each (n, m).

    All; the same measure; h times h of the same; common time of the walks; that of the same measure.
    """
    same = (a[0][:, None] == b[0][None, :]).astype(float)
    time = latent.shared_time(a[1], b[1], -np.inf, np.inf)
    return np.ones(same.shape), same, same * np.outer(a[1], b[1]), time, same * time


def _cells(panel: Panel) -> tuple[np.ndarray, np.ndarray]:
    """Return the measure, a position, and h of each observation."""
    years = panel.data["year"].values
    return measures(panel)[1], years - years.max()


def build(panel: Panel, priors: Priors) -> pm.Model:
    """Return the model of the panel, with levels and walks integrated out."""
    at = _cells(panel)
    with pm.Model() as model:
        prior = common.prior_data(priors)
        when = pm.Data("h", at[1])
        rough = np.diag(np.where(panel.data["about"].values, ABOUT, 1.0) ** 2)
        # One array of kernels, for each of its own took some nodes of the graph, which is compiled.
        kernels = pm.Data("kernels", np.stack([*_kernels(at, at), rough]))
        shares = logit(panel.data["value"].values)
        told = common.reported("logit_share", shares, np.arange(len(shares)))
        drift = pm.Normal("drift", prior["drift"], prior["drift_sd"])
        volatility = common.log_normal(
            "volatility", prior["volatility"], prior["volatility_log_sd"]
        )
        error = common.log_normal("error", prior["error"], prior["error_log_sd"])
        scales = pt.stack(
            [
                prior["level_sd"], prior["offset_sd"], prior["bent_sd"], volatility,
                prior["parting"], error,
            ]
        )  # fmt: skip
        cov = ((scales**2)[:, None, None] * kernels).sum(axis=0)
        mean, chol = prior["level"] + drift * when, pt.linalg.cholesky(cov)
        pm.MvNormal("logit_share", mean, chol=chol, **told)
    return model


def _prior_path(
    parameters: xr.Dataset,
    priors: Priors,
    at: tuple[np.ndarray, np.ndarray],
    rng: np.random.Generator,
) -> np.ndarray:
    """Draw the latent log-odds of measures at dates, shape (sample, n)."""
    drift, volatility = (sample_first(parameters, n)[:, None] for n in ("drift", "volatility"))
    size, (measure, h) = len(drift), at
    count = int(measure.max()) + 1
    level = priors.level + priors.level_sd * rng.standard_normal((size, 1))
    offset = priors.offset_sd * rng.standard_normal((size, count))
    bent = priors.bent_sd * rng.standard_normal((size, count))
    path = level + offset[:, measure] + (drift + bent[:, measure]) * h
    path = path + latent.walk(volatility**2 * np.abs(h), h, rng)
    for m in range(count):
        own = np.flatnonzero(measure == m)
        apart = priors.parting**2 * np.abs(h[own]) * np.ones((size, 1))
        path[:, own] += latent.walk(apart, h[own], rng)
    return path


def _cov(
    parameters: xr.Dataset,
    priors: Priors,
    a: tuple[np.ndarray, np.ndarray],
    b: tuple[np.ndarray, np.ndarray],
) -> np.ndarray:
    """Return the covariance of the latent log-odds at two sets of cells, shape (sample, n, m)."""
    every, same, lines, time, own = _kernels(a, b)
    fixed = (
        priors.level_sd**2 * every + priors.offset_sd**2 * same + priors.bent_sd**2 * lines
        + priors.parting**2 * own
    )  # fmt: skip
    variance = sample_first(parameters, "volatility")[:, None, None] ** 2
    out: np.ndarray = fixed + variance * time
    return out


def _error(parameters: xr.Dataset, panel: Panel) -> np.ndarray:
    """Return the sd of the error of each datum, shape (sample, obs)."""
    times = np.where(panel.data["about"].values, ABOUT, 1.0)
    found: np.ndarray = sample_first(parameters, "error")[:, None] * times
    return found


def replicate(
    parameters: xr.Dataset, panel: Panel, priors: Priors, rng: np.random.Generator
) -> dict[str, np.ndarray]:
    """Draw new surveys for the panel's dates, shape (sample, obs), by data name."""
    path = _prior_path(parameters, priors, _cells(panel), rng)
    return {"value": expit(path + _error(parameters, panel) * rng.standard_normal(path.shape))}


def draw(
    parameters: xr.Dataset, panel: Panel, priors: Priors, until: str, rng: np.random.Generator
) -> xr.Dataset:
    """Draw the share by each measure month by month, exactly from the conditional of its log-odds.

    Returns
    -------
    xarray.Dataset
        A series a measure, such as "enterprise LLM usage/open_weight_share", unit ratio, by month from
        the first survey of any to `until`. ``y`` is what a survey would report, in a surveyed month the
        report; ``signal`` the share itself.

    Raises
    ------
    DataError
        If `until` lies before the last survey or more than ten years after it.
    """
    data = panel.data
    years = data["year"].values
    surveyed = [str(p) for p in data["surveyed"].values]
    ahead = years_since(until) - years.max()
    if not 0 <= ahead <= 10:
        raise DataError(
            f"cannot forecast the share to {until!r}; wanted a month at most ten years after "
            f"{max(surveyed)}"
        )
    grid = months(surveyed[int(np.argmin(years))], until)
    when = np.array([years_since(m) for m in grid]) - years.max()
    names, at = measures(panel)[0], _cells(panel)
    shape = (len(names), len(grid))
    everywhere = np.repeat(np.arange(len(names)), len(grid)), np.tile(when, len(names))
    error = _error(parameters, panel)
    joint = tuple(np.concatenate(pair) for pair in zip(everywhere, at, strict=True))
    drawn = _prior_path(parameters, priors, (joint[0], joint[1]), rng)
    cells = len(everywhere[0])
    asked = drawn[:, cells:] + error * rng.standard_normal((len(drawn), len(years)))
    path = latent.corrected(
        (drawn[:, :cells], asked),
        _cov(parameters, priors, everywhere, at),
        _cov(parameters, priors, at, at) + error[:, :, None] ** 2 * np.eye(len(years)),
        logit(data["value"].values),
    ).reshape(-1, *shape)
    y = expit(
        path + sample_first(parameters, "error")[:, None, None] * rng.standard_normal(path.shape)
    )
    observed = np.full(shape, np.nan)
    month = [grid.index(period_end(p).isoformat()[:7]) for p in surveyed]
    observed[at[0], month] = data["value"].values
    y[:, at[0], month] = data["value"].values
    draws = latent.labelled(
        parameters,
        (y, expit(path), observed),
        [f"{name}/{SHARE_METRIC}" for name in names],
        ["ratio"] * len(names),
        grid,
    )
    given = latent.prior_scales(priors, REPORT, len(drawn), rng)
    before = _prior_path(given, priors, everywhere, rng).reshape(-1, *shape)
    ends = [str(end) for end in draws["period_end"].values]
    last = max(period_end(p).isoformat() for p in surveyed)
    return latent.with_reach(draws, latent.told_until(path, before, ends, last))


def _share(replicated: dict[str, np.ndarray], panel: Panel) -> np.ndarray:
    return 100 * replicated["value"].ravel()


PRIOR_CHECKS = (
    # Open-weight models are neither unused nor all there is.
    ("open-weight share, percent", _share, 1.5, 80.0),
)
