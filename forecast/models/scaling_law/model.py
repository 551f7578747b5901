"""Loss against parameters and tokens: the law of Hoffmann et al. 2022 with a robust likelihood.

A run with N parameters and D tokens ends at a loss (nats per token) of::

    L = E + A / N^alpha + B / D^beta
    log loss ~ Student's t(tail), centre log L, scale noise

Points read off a figure have a few bad ones among many good ones; the published fits use a Huber
loss of 0.001 on the log, which is nearly least absolute deviation. Student's t with free degrees of
freedom is the likelihood that does the same and learns from the data how much.

A and alpha are almost one direction of the posterior, and so are B and beta. Sampled are therefore
the logs of the two terms at the panel's mean log N and log D, where the data fix them; A and B
follow.

Invariant: :func:`optimum` minimises the law at 6 N D = compute; ``tests/test_scaling_law.py`` holds
it against a numerical search.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import pymc as pm
import pytensor.tensor as pt
import xarray as xr
from scipy.stats import chi2

from forecast.core.periods import period_end
from forecast.core.words import entity_of, metric_of
from forecast.models import common

if TYPE_CHECKING:
    from forecast.models.base import Panel

COMPUTE = (1e20, 1e21, 1e22, 1e23, 1e24, 1e25, 1e26)
"""Compute (FLOP) that draws are made for."""
COMPUTE_GRID = np.geomspace(1e18, 1e27, 55)


@dataclasses.dataclass(frozen=True)
class Priors:
    """Numbers of the priors; losses in nats per token."""

    # Text has an entropy rate of its own between one and a few nats per token; our rough judgement.
    irreducible: float = 1.7
    irreducible_log_sd: float = 0.3
    # Each of the two terms at the panel's mean size: some tenths of a nat; 95 %: 0.05 to 2.
    term: float = 0.3
    term_log_sd: float = 1.0
    # Published exponents run from 0.08 (Kaplan et al. 2020, arXiv 2001.08361) to 0.34 (Hoffmann et
    # al. 2022, arXiv 2203.15556); 95 %: 0.09 to 0.94.
    exponent: float = 0.3
    exponent_log_sd: float = 0.6
    # Final losses of repeated runs differ by a percent or less, points read off a figure by as
    # much; our rough judgement, 95 %: 0.001 to 0.07.
    noise: float = 0.01
    noise_log_sd: float = 1.0
    # Degrees of freedom above 1: from heavy tails to nearly normal ones; our rough judgement.
    tail: float = 4.0
    tail_log_sd: float = 0.75


VARIANTS = {
    # Little to gain: a high floor, and slow returns to size and data.
    "sceptical": Priors(irreducible=2.0, irreducible_log_sd=0.2, exponent=0.2),
    # Much to gain: a low floor, fast returns.
    "generous": Priors(irreducible=1.4, irreducible_log_sd=0.2, exponent=0.45),
}

REPORT = ("E", "A", "B", "alpha", "beta", "compute_exponent", "noise", "tail")
LABELS = {
    "E": "loss that no size and no data remove, nats per token",
    "A": "coefficient of parameters",
    "B": "coefficient of tokens",
    "alpha": "exponent of parameters",
    "beta": "exponent of tokens",
    "compute_exponent": "exponent of compute in the best number of parameters",
    "noise": "scale of the residuals of log loss",
    "tail": "degrees of freedom of the residuals",
}


def build(panel: Panel, priors: Priors) -> pm.Model:
    """Return the law of the panel's runs."""
    n, d = (np.log(panel.data[name].values) for name in ("params", "tokens"))
    with pm.Model() as model:
        prior = common.prior_data(priors)
        size = pm.Data("log_params", n - n.mean())
        data = pm.Data("log_tokens", d - d.mean())
        centre_n, centre_d = pm.Data("centre_params", n.mean()), pm.Data("centre_tokens", d.mean())
        told = common.reported("log_value", np.log(panel.data["value"].values), np.arange(len(n)))

        floor = common.log_normal("E", prior["irreducible"], prior["irreducible_log_sd"])
        by_size = common.log_normal("size_term", prior["term"], prior["term_log_sd"])
        by_data = common.log_normal("data_term", prior["term"], prior["term_log_sd"])
        alpha = common.log_normal("alpha", prior["exponent"], prior["exponent_log_sd"])
        beta = common.log_normal("beta", prior["exponent"], prior["exponent_log_sd"])
        noise = common.log_normal("noise", prior["noise"], prior["noise_log_sd"])
        above = common.log_normal("tail_above_1", prior["tail"] - 1, prior["tail_log_sd"])
        tail = pm.Deterministic("tail", 1 + above)

        loss = floor + by_size * pt.exp(-alpha * size) + by_data * pt.exp(-beta * data)
        pm.StudentT("log_value", nu=tail, mu=pt.log(loss), sigma=noise, **told)
        pm.Deterministic("A", by_size * pt.exp(alpha * centre_n))
        pm.Deterministic("B", by_data * pt.exp(beta * centre_d))
        pm.Deterministic("compute_exponent", beta / (alpha + beta))
    return model


def loss_at(parameters: xr.Dataset, params: xr.DataArray, tokens: xr.DataArray) -> xr.DataArray:
    """Return the law's loss, nats per token, at numbers of parameters and tokens."""
    return (
        parameters["E"]
        + parameters["A"] * params ** -parameters["alpha"]
        + parameters["B"] * tokens ** -parameters["beta"]
    )


def optimum(parameters: xr.Dataset, compute: xr.DataArray) -> tuple[xr.DataArray, xr.DataArray]:
    """Return the parameters and tokens of least loss at 6 N D = `compute` FLOP.

    The closed form of Hoffmann et al. 2022 (arXiv 2203.15556), their equation 4.
    """
    alpha, beta = parameters["alpha"], parameters["beta"]
    ratio = alpha * parameters["A"] / (beta * parameters["B"])
    params = ratio ** (1 / (alpha + beta)) * (compute / 6) ** (beta / (alpha + beta))
    return params, compute / (6 * params)


def replicate(
    parameters: xr.Dataset, panel: Panel, priors: Priors, rng: np.random.Generator
) -> dict[str, np.ndarray]:
    """Draw new losses for the panel's runs, shape (sample, obs), by data name."""
    runs = {n: xr.DataArray(panel.data[n].values, dims="obs") for n in ("params", "tokens")}
    loss = loss_at(parameters, runs["params"], runs["tokens"]).transpose("chain", "draw", "obs")
    flat = np.log(loss.values).reshape(-1, panel.data.sizes["obs"])
    noise, tail = (parameters[name].values.reshape(-1, 1) for name in ("noise", "tail"))
    return {"log_value": flat + noise * rng.standard_t(np.broadcast_to(tail, flat.shape))}


def draw(
    parameters: xr.Dataset, panel: Panel, priors: Priors, until: str, rng: np.random.Generator
) -> xr.Dataset:
    """Draw the best use of given compute, its loss, and what ten times the compute would gain.

    Returns
    -------
    xarray.Dataset
        ``y`` and ``signal``, dims chain, draw, series, period with one period, the day
        `until`. For each compute c of :data:`COMPUTE`, named such as 1e24: "c/loss" (nats per
        token; ``y`` with a run's noise), "c/optimal_params" and "c/optimal_tokens" (billions),
        "c/gain_tenfold" (nats per token that ten times the compute removes) and "c/gain_share" (of
        what is left above E, percent); "law/compute_exponent". ``curve``, dims chain, draw,
        compute: the least loss against compute in FLOP.
    """
    day = period_end(until).isoformat()  # a curve has no horizon
    compute = xr.DataArray(list(COMPUTE), dims="compute", coords={"compute": list(COMPUTE)})
    params, tokens = optimum(parameters, compute)
    loss = loss_at(parameters, params, tokens)
    gain = loss - loss_at(parameters, *optimum(parameters, 10 * compute))
    t = rng.standard_t(np.broadcast_to(parameters["tail"].values[..., None], loss.shape))
    noisy = loss * np.exp(parameters["noise"] * xr.DataArray(t, dims=loss.dims))
    share = 100 * gain / (loss - parameters["E"])
    by_metric = {
        "loss": (noisy, loss, "nats per token"),
        "optimal_params": (params / 1e9, params / 1e9, "bn parameters"),
        "optimal_tokens": (tokens / 1e9, tokens / 1e9, "bn tokens"),
        "gain_tenfold": (gain, gain, "nats per token"),
        "gain_share": (share, share, "percent"),
    }
    fine = xr.DataArray(COMPUTE_GRID, dims="compute", coords={"compute": COMPUTE_GRID})
    curve = loss_at(parameters, *optimum(parameters, fine))
    return _labelled(day, parameters, by_metric, curve)


def _labelled(
    day: str,
    parameters: xr.Dataset,
    by_metric: Mapping[str, tuple[xr.DataArray, xr.DataArray, str]],
    curve: xr.DataArray,
) -> xr.Dataset:
    names = [f"{c:.0e}".replace("+", "") + f"/{metric}" for metric in by_metric for c in COMPUTE]
    units = [unit for *_, unit in by_metric.values() for _ in COMPUTE]
    order = ("chain", "draw", "compute")
    exponent = parameters["compute_exponent"].transpose("chain", "draw").values[..., None]
    noisy = [y.transpose(*order).values for y, _, _ in by_metric.values()]
    clean = [signal.transpose(*order).values for _, signal, _ in by_metric.values()]
    y, signal = (np.concatenate([*arrays, exponent], axis=2) for arrays in (noisy, clean))
    names, units = [*names, "law/compute_exponent"], [*units, "ratio"]
    dims = ("chain", "draw", "series", "period")
    return xr.Dataset(
        {
            "y": (dims, y[..., None]),
            "signal": (dims, signal[..., None]),
            "observed": (dims[2:], np.full((len(names), 1), np.nan)),
            "curve": curve.transpose(*order),
        },
        coords={
            "series": names,
            "entity": ("series", [entity_of(n) for n in names]),
            "metric": ("series", [metric_of(n) for n in names]),
            "unit": ("series", units),
            "period": [day],
            "period_end": ("period", [day]),
        },
    )


def distance(posterior: xr.Dataset, point: Mapping[str, float]) -> tuple[float, float]:
    """Return how far a published point lies from the posterior, and its tail probability.

    Parameters
    ----------
    posterior
        Draws of a run.
    point
        Values of E, A, B, alpha and beta, or of some of them.

    Returns
    -------
    tuple of float
        Mahalanobis distance, of the logs of E, A and B and of the exponents as they are; and the
        chance of a point as far or farther from the centre of a normal law of the same covariance
        (chi-squared).
    """

    def scaled(name: str, value: np.ndarray) -> np.ndarray:
        return np.log(value) if name in ("E", "A", "B") else value

    draws = np.stack([scaled(name, posterior[name].values.ravel()) for name in point])
    at = np.array([scaled(name, np.asarray(value)) for name, value in point.items()])
    off = at - draws.mean(axis=1)
    squared = float(off @ np.linalg.solve(np.atleast_2d(np.cov(draws)), off))
    return float(np.sqrt(squared)), float(chi2.sf(squared, len(point)))


def _losses(replicated: dict[str, np.ndarray], panel: Panel) -> np.ndarray:
    return np.exp(replicated["log_value"].ravel())


PRIOR_CHECKS = (
    # From below the best language models to worse than guessing among a thousand words.
    ("loss, nats per token", _losses, 1.0, 7.0),
)
