"""The share of open-weight models in use: a random walk with drift of its log-odds.

At date t, in years from the last survey, with h = t - t0::

    logit share[t] = level + drift h + w[t] + e[t],   w a random walk, e the survey's own error

Given drift, volatility and error all else is Gaussian: level and `w` are integrated out of the fit
and drawn exactly afterwards. There are four surveys. They place the level; drift, volatility and
error keep most of their priors, so what is said of 2027 is mostly prior.

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
from forecast.models.adoption.panel import SHARE_METRIC

if TYPE_CHECKING:
    from forecast.models.base import Panel


@dataclasses.dataclass(frozen=True)
class Priors:
    """Numbers of the priors; log-odds."""

    # Before any survey the share may be anything from a few percent to two thirds: 95 % of
    # logit -1.4 +- 2 lies between 3 % and 65 %. Our rough judgement.
    level: float = -1.4
    level_sd: float = 1.0
    # No direction is assumed; 0.35 log-odds a year moves a share of 20 % to 26 % or to 15 % in one
    # year. Our rough judgement.
    drift: float = 0.0
    drift_sd: float = 0.35
    # Yearly wandering about the drift: 95 %: 0.08 to 0.9, from a settled market to one that a single
    # release turns. Our rough judgement.
    volatility: float = 0.27
    volatility_log_sd: float = 0.6
    # A survey of a few hundred buyers has a standard error of two or three points at 15 %, about
    # 0.2 log-odds; the same panel asked again errs less. 95 %: 0.03 to 0.32. Our rough judgement.
    error: float = 0.1
    error_log_sd: float = 0.6


VARIANTS = {
    # The share keeps falling, and steadily.
    "sceptical": Priors(drift=-0.35, drift_sd=0.25, volatility=0.2),
    # Cheap open models catch on, and the market can turn within a year.
    "generous": Priors(drift=0.35, drift_sd=0.35, volatility=0.45),
}

REPORT = ("drift", "volatility", "error")
LABELS = {
    "drift": "drift of the open-weight share, log-odds a year (mostly prior)",
    "volatility": "wandering of the share, log-odds per root year (mostly prior)",
    "error": "error of a survey, log-odds (mostly prior)",
}


def build(panel: Panel, priors: Priors) -> pm.Model:
    """Return the model of the panel, with level and walk integrated out."""
    years = panel.data["year"].values
    h = years - years.max()
    with pm.Model() as model:
        prior = common.prior_data(priors)
        when = pm.Data("h", h)
        kernel = pm.Data("kernel", latent.shared_time(h, h, -np.inf, np.inf))
        unit = pm.Data("unit", np.eye(len(h)))
        shares = logit(panel.data["value"].values)
        told = common.reported("logit_share", shares, np.arange(len(h)))
        drift = pm.Normal("drift", prior["drift"], prior["drift_sd"])
        volatility = common.log_normal(
            "volatility", prior["volatility"], prior["volatility_log_sd"]
        )
        error = common.log_normal("error", prior["error"], prior["error_log_sd"])
        cov = prior["level_sd"] ** 2 + volatility**2 * kernel + error**2 * unit
        mean, chol = prior["level"] + drift * when, pt.linalg.cholesky(cov)
        pm.MvNormal("logit_share", mean, chol=chol, **told)
    return model


def _prior_path(
    parameters: xr.Dataset, priors: Priors, h: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Draw the latent log-odds at dates `h`, years from the last survey, shape (sample, n)."""
    drift, volatility = (sample_first(parameters, n)[:, None] for n in ("drift", "volatility"))
    level = priors.level + priors.level_sd * rng.standard_normal(drift.shape)
    return level + drift * h + latent.walk(volatility**2 * np.abs(h), h, rng)


def _cov(parameters: xr.Dataset, priors: Priors, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the covariance of the latent log-odds at `a` and `b`, shape (sample, n, m)."""
    variance = sample_first(parameters, "volatility")[:, None, None] ** 2
    return priors.level_sd**2 + variance * latent.shared_time(a, b, -np.inf, np.inf)


def replicate(
    parameters: xr.Dataset, panel: Panel, priors: Priors, rng: np.random.Generator
) -> dict[str, np.ndarray]:
    """Draw new surveys for the panel's dates, shape (sample, obs), by data name."""
    years = panel.data["year"].values
    path = _prior_path(parameters, priors, years - years.max(), rng)
    error = sample_first(parameters, "error")[:, None]
    return {"value": expit(path + error * rng.standard_normal(path.shape))}


def draw(
    parameters: xr.Dataset, panel: Panel, priors: Priors, until: str, rng: np.random.Generator
) -> xr.Dataset:
    """Draw the share month by month, exactly from the Gaussian conditional of its log-odds.

    Returns
    -------
    xarray.Dataset
        One series, "enterprise LLM usage/open_weight_share", unit ratio, by month from the first
        survey to `until`. ``y`` is what a survey would report, in a surveyed month the report;
        ``signal`` the share itself.

    Raises
    ------
    DataError
        If `until` lies before the last survey or more than ten years after it.
    """
    years = panel.data["year"].values
    surveyed = [str(p) for p in panel.data["surveyed"].values]
    ahead = years_since(until) - years.max()
    if not 0 <= ahead <= 10:
        raise DataError(
            f"cannot forecast the share to {until!r}; wanted a month at most ten years after "
            f"{surveyed[-1]}"
        )
    grid = months(surveyed[0], until)
    when = np.array([years_since(m) for m in grid]) - years.max()
    h = years - years.max()
    error = sample_first(parameters, "error")[:, None]
    drawn = _prior_path(parameters, priors, np.concatenate([when, h]), rng)
    asked = drawn[:, len(when) :] + error * rng.standard_normal((len(drawn), len(h)))
    path = latent.corrected(
        (drawn[:, : len(when)], asked),
        _cov(parameters, priors, when, h),
        _cov(parameters, priors, h, h) + error[:, :, None] ** 2 * np.eye(len(h)),
        logit(panel.data["value"].values),
    )
    y = expit(path + error * rng.standard_normal(path.shape))
    observed = np.full(len(grid), np.nan)
    at = [grid.index(period_end(p).isoformat()[:7]) for p in surveyed]
    observed[at] = panel.data["value"].values
    y[:, at] = observed[at]
    entity = str(panel.data["survey"].values[0]).split(" (")[0]
    return latent.labelled(
        parameters,
        (y[:, None], expit(path)[:, None], observed[None]),
        [f"{entity}/{SHARE_METRIC}"],
        ["ratio"],
        grid,
    )


def _share(replicated: dict[str, np.ndarray], panel: Panel) -> np.ndarray:
    return 100 * replicated["value"].ravel()


PRIOR_CHECKS = (
    # Open-weight models are neither unused nor all there is.
    ("open-weight share, percent", _share, 1.5, 80.0),
)
