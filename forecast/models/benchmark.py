"""Benchmark score against training cost, with errors in the costs.

Release i with log10 cost x[i] (USD m, relative to 100) and date t[i] (years since 2023)::

    score[i] = floor + (ceiling - floor) logistic(eta[i]) + protocol noise
    eta[i]   = base + slope x[i] + bend x[i]^2 + progress t[i] + release_spread u[i]
    x[i]     = log10(printed cost / 100) + cost_error[word of i] v[i]

The floor is chance, the ceiling what label errors leave. A cost printed without a qualifier, with
"about" and with "estimated" carries a growing error. `bend` lets returns diminish, or grow, in
log-odds too: on four rows that is decided by the prior, and the sensitivity check says so.

Invariant: gains are computed at each draw's own true cost, so the errors in the costs reach every
answer. ``tests/test_benchmark.py`` holds the gains against finite differences of the curve.
"""

from __future__ import annotations

import dataclasses
import datetime as dt

import numpy as np
import pymc as pm
import pytensor.tensor as pt
import xarray as xr
from scipy.special import expit

from forecast.models import parts
from forecast.panels import Panel

COST_ORIGIN = 2.0  # log10 USD m
YEAR_ORIGIN = 2023.0
COST_GRID = np.geomspace(1, 10_000, 61)


@dataclasses.dataclass(frozen=True)
class Priors:
    """Numbers of the priors; the curve is in log-odds."""

    # Chance on four answers, and what 6.49 % wrong labels leave (MMLU-Redux, arXiv 2406.04127).
    floor: float = 0.25
    ceiling: float = 0.94
    ceiling_sd: float = 0.01
    # At 100 USD m in early 2023 a frontier model is well above chance and below the ceiling.
    base: float = 1.0
    base_sd: float = 1.0
    # About 1.1 log-odds per decade of compute and 0.5-0.6 a year at fixed compute in regressions of
    # MMLU on 103 public models (see data/SOURCES.md); widened threefold and more, because cost is
    # not compute and those models include the four at hand.
    slope: float = 1.1
    slope_sd: float = 0.5
    progress: float = 0.6
    progress_sd: float = 0.3
    # No evidence either way; 0.2 bends the slope by 0.4 from one decade to the next.
    bend: float = 0.0
    bend_sd: float = 0.2
    # Differences between releases of equal cost and date: residual sd about 6.5 points in the same
    # regressions, 0.3-0.4 in log-odds at mid curve.
    release_spread: float = 0.3
    release_spread_log_sd: float = 0.5
    # The same model differs by 3.3 points (sd) between evaluators, n = 28.
    protocol: float = 0.03
    protocol_log_sd: float = 0.3
    # log10 errors of a cost: bookkeeping of one run (x/ 1.6), a round public figure (x/ 2.2; the
    # authors of arXiv 2405.21015 use a log sd of 0.73), a figure with no source found (x/ 3.2).
    cost_error_plain: float = 0.2
    cost_error_about: float = 0.32
    cost_error_estimated: float = 0.5


VARIANTS = {
    # Spending buys little, time brings more, and returns bend down.
    "sceptical": Priors(slope=0.5, slope_sd=0.35, progress=0.8, bend=-0.15),
    # Spending buys much, and returns do not bend.
    "generous": Priors(slope=1.6, slope_sd=0.5, progress=0.4, bend=0.15),
}

REPORT = (
    "base",
    "slope",
    "bend",
    "progress",
    "ceiling",
    "release_spread",
    "protocol_sd",
    "log_cost",
)
LABELS = {
    "slope": "gain per tenfold cost at USD 100 m, log-odds",
    "bend": "change of that gain per decade of cost / 2, log-odds",
    "progress": "gain per year at fixed cost, log-odds",
    "release_spread": "difference between releases, log-odds",
}


def build(panel: Panel, priors: Priors) -> pm.Model:
    """Return the model of the panel's releases."""
    data = panel.data
    with pm.Model(coords={"release": data["release"].values}) as model:
        prior = parts.prior_data(priors)
        printed = pm.Data("printed_cost", np.log10(data["cost"].values) - COST_ORIGIN)
        word = pm.Data("cost_word", data["cost_word"].values)
        years = pm.Data("years", data["year"].values - YEAR_ORIGIN)
        observed = pm.Data("score", data["score"].values)

        base, base_lp = parts.normal("base", prior["base"], prior["base_sd"])
        slope, slope_lp = parts.normal("slope", prior["slope"], prior["slope_sd"])
        bend, bend_lp = parts.normal("bend", prior["bend"], prior["bend_sd"])
        progress, progress_lp = parts.normal("progress", prior["progress"], prior["progress_sd"])
        ceiling, ceiling_lp = parts.normal("ceiling", prior["ceiling"], prior["ceiling_sd"])
        spread, spread_lp = parts.log_normal(
            "release_spread", prior["release_spread"], prior["release_spread_log_sd"]
        )
        protocol, protocol_lp = parts.log_normal(
            "protocol_sd", prior["protocol"], prior["protocol_log_sd"]
        )
        errors = pt.stack(
            [prior["cost_error_plain"], prior["cost_error_about"], prior["cost_error_estimated"]]
        )
        v = pm.Normal("z_cost", 0.0, 1.0, dims="release")
        u = pm.Normal("z_release", 0.0, 1.0, dims="release")
        x = pm.Deterministic("log_cost", printed + errors[word] * v, dims="release")
        effect = pm.Deterministic("release_effect", spread * u, dims="release")
        eta = base + slope * x + bend * x**2 + progress * years + effect
        latent = prior["floor"] + (ceiling - prior["floor"]) * pm.math.sigmoid(eta)
        pm.Normal("y", latent, protocol, observed=observed)
        pm.Deterministic(
            parts.HYPER,
            base_lp + slope_lp + bend_lp + progress_lp + ceiling_lp + spread_lp + protocol_lp,
        )
        pm.Deterministic(
            parts.LIKELIHOOD, pm.logp(pm.Normal.dist(latent, protocol), observed).sum()
        )
    return model


def complete(
    parameters: xr.Dataset, panel: Panel, priors: Priors, rng: np.random.Generator, *, given: bool
) -> xr.Dataset:
    """Return `parameters` as they are: nothing is integrated out of this model."""
    del panel, priors, rng, given
    return parameters


def _log_odds(parameters: xr.Dataset, x: xr.DataArray, years: xr.DataArray) -> xr.DataArray:
    """Return the log-odds at log10 cost `x` and date, without a release's own effect."""
    return (
        parameters["base"]
        + parameters["slope"] * x
        + parameters["bend"] * x**2
        + parameters["progress"] * years
    )


def _share(parameters: xr.Dataset, priors: Priors, eta: xr.DataArray) -> xr.DataArray:
    return priors.floor + (parameters["ceiling"] - priors.floor) * xr.apply_ufunc(expit, eta)


def replicate(
    parameters: xr.Dataset, panel: Panel, priors: Priors, rng: np.random.Generator
) -> dict[str, np.ndarray]:
    """Draw new scores for the panel's releases, shape (sample, obs), by data name."""
    years = xr.DataArray(panel.data["year"].values - YEAR_ORIGIN, dims="release")
    eta = _log_odds(parameters, parameters["log_cost"], years) + parameters["release_effect"]
    share = _share(parameters, priors, eta).transpose("chain", "draw", "release")
    flat = share.values.reshape(-1, share.sizes["release"])
    sd = parameters["protocol_sd"].values.reshape(-1, 1)
    return {"score": flat + rng.standard_normal(flat.shape) * sd}


def draw(
    parameters: xr.Dataset, panel: Panel, priors: Priors, until: str, rng: np.random.Generator
) -> xr.Dataset:
    """Draw each release's score and what ten times its cost would add, at its own date.

    Returns
    -------
    xarray.Dataset
        ``y`` and ``signal``, dims chain, draw, series, period with one period, the panel's
        ``as_of``. Series are "release/score" (percent), "release/gain_points" (percentage points
        from ten times the cost), "release/gain_logits" (the same in log-odds above the floor) and
        "release/error_cut" (the share of wrong answers removed, percent). ``curve``, dims chain,
        draw, cost: expected score in percent against cost in USD m at the date of the last release.
        Gains carry no noise: their ``y`` is their ``signal``.
    """
    del until  # a curve has no horizon
    data = panel.data
    years = xr.DataArray(
        data["year"].values - YEAR_ORIGIN,
        dims="release",
        coords={"release": data["release"].values},
    )
    x = parameters["log_cost"]
    here_eta = _log_odds(parameters, x, years) + parameters["release_effect"]
    more_eta = _log_odds(parameters, x + 1, years) + parameters["release_effect"]
    here, more = (100 * _share(parameters, priors, eta) for eta in (here_eta, more_eta))
    gain = more - here
    parts_by_metric = {
        "score": (here, "percent"),
        "gain_points": (gain, "points"),
        "gain_logits": (more_eta - here_eta, "logits"),
        "error_cut": (100 * gain / (100 - here), "percent"),
    }
    noise = rng.standard_normal(here.shape) * 100
    noisy = here + xr.DataArray(noise, dims=here.dims) * parameters["protocol_sd"]
    cost = xr.DataArray(np.log10(COST_GRID) - COST_ORIGIN, dims="cost", coords={"cost": COST_GRID})
    curve = 100 * _share(parameters, priors, _log_odds(parameters, cost, years.max()))
    return _labelled(panel, parts_by_metric, noisy, curve)


def _labelled(
    panel: Panel,
    by_metric: dict[str, tuple[xr.DataArray, str]],
    noisy: xr.DataArray,
    curve: xr.DataArray,
) -> xr.Dataset:
    releases = panel.data["release"].values
    names = [f"{release}/{metric}" for metric in by_metric for release in releases]
    order = ("chain", "draw", "release")
    signal = np.concatenate([a.transpose(*order).values for a, _ in by_metric.values()], axis=2)
    y = signal.copy()
    y[:, :, : len(releases)] = noisy.transpose(*order).values
    observed = np.full(len(names), np.nan)
    observed[: len(releases)] = 100 * panel.data["score"].values
    dims = ("chain", "draw", "series", "period")
    return xr.Dataset(
        {
            "y": (dims, y[..., None]),
            "signal": (dims, signal[..., None]),
            "observed": (("series", "period"), observed[:, None]),
            "curve": curve.transpose("chain", "draw", "cost"),
        },
        coords={
            "series": names,
            "entity": ("series", [n.split("/")[0] for n in names]),
            "metric": ("series", [n.split("/")[1] for n in names]),
            "unit": ("series", [unit for _, unit in by_metric.values() for _ in releases]),
            "period": [panel.as_of],
            "period_end": ("period", [dt.date.fromisoformat(panel.as_of).isoformat()]),
        },
    )


def _scores(replicated: dict[str, np.ndarray], panel: Panel) -> np.ndarray:
    return 100 * replicated["score"].ravel()


PRIOR_CHECKS = (
    # MMLU scores lie between a little below chance and the ceiling.
    ("score, percent", _scores, 18.0, 100.0),
)
