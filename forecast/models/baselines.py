"""The forecasts to beat, each a proper predictive distribution of joint paths.

Each room has its own rule in its ``baseline.py``; here is what several of them share. Every rule looks
at one series at a time, so a sum of their draws is narrower than it would be if companies moved
together.

Invariant: what a rule estimates keeps its uncertainty where the rule has a law for it.
``tests/test_naive.py`` compares the laws of one and of several steps with their closed forms.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from forecast.core.errors import DataError
from forecast.models import latent

if TYPE_CHECKING:
    from forecast.models.base import Panel

NAME = "naive: drift random walk"


# --- quarterly series -------------------------------------------------------------------------


def mean_and_sd(
    changes: np.ndarray, size: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Draw mean and sd of normal changes from their posterior under p(mu, sigma) ~ 1/sigma."""
    n = len(changes)
    squares = ((changes - changes.mean()) ** 2).sum()
    sigma = np.sqrt(squares / rng.chisquare(n - 1, size=(size, 1)))
    return changes.mean() + sigma / np.sqrt(n) * rng.standard_normal((size, 1)), sigma


# --- a line in date ---------------------------------------------------------------------------
def line_in_date(
    when: np.ndarray, values: np.ndarray, at: np.ndarray, size: int, rng: np.random.Generator
) -> np.ndarray:
    """Draw new values about the least-squares line of known ones against date, shape (size, len(at)).

    Normal errors under p(line, sigma) ~ 1/sigma: a Student t with n - 2 degrees of freedom (Gelman et
    al., Bayesian Data Analysis, section 14.2). NaN through fewer than four values or a single date.
    """
    n = len(when)
    if n < 4 or np.ptp(when) == 0:
        return np.full((size, len(at)), np.nan)
    design, new = (np.column_stack([np.ones(len(x)), x - when.mean()]) for x in (when, at))
    beta = np.linalg.lstsq(design, values, rcond=None)[0]
    squares = ((values - design @ beta) ** 2).sum()
    inverse = np.linalg.inv(design.T @ design)
    sigma = np.sqrt(squares / rng.chisquare(n - 2, size=(size, 1)))
    line = beta + sigma * (rng.standard_normal((size, 2)) @ np.linalg.cholesky(inverse).T)
    drawn: np.ndarray = line @ new.T + sigma * rng.standard_normal((size, len(at)))
    return drawn


# --- records ----------------------------------------------------------------------------------


# --- reports at uneven dates ------------------------------------------------------------------
def uneven_steps(
    changes: tuple[np.ndarray, np.ndarray],
    ahead: np.ndarray,
    size: int,
    rng: np.random.Generator,
) -> np.ndarray:
    """Draw how far a walk with drift goes from its last report, shape (size, len(ahead)).

    Changes d over spans t are N(mu t, sigma^2 t). Under p(mu, sigma) ~ 1/sigma, with m changes,
    T = sum(t), M = sum(d) / T and S = sum((d - M t)^2 / t): sigma^2 ~ S / chi^2(m - 1) and
    mu ~ N(M, sigma^2 / T).
    """
    d, t = changes
    if len(d) < 2:
        raise DataError("a random walk with drift wants three reports")
    mean = d.sum() / t.sum()
    squares = ((d - mean * t) ** 2 / t).sum()
    sigma = np.sqrt(squares / rng.chisquare(len(d) - 1, size=(size, 1)))
    mu = mean + sigma / np.sqrt(t.sum()) * rng.standard_normal((size, 1))
    spans = np.diff(ahead, prepend=0.0)
    walk = np.cumsum(np.sqrt(spans) * rng.standard_normal((size, len(ahead))), axis=1)
    return mu * ahead + sigma * walk


def empty_sample(chains: int, draws: int) -> xr.Dataset:
    """Return labels of chains and draws alone."""
    return xr.Dataset(coords={"chain": np.arange(chains), "draw": np.arange(draws)})


def label_baseline(
    panel: Panel,
    arrays: tuple[np.ndarray, np.ndarray],
    series: tuple[list[str], list[str]],
    periods: list[str],
    seed: int,
    sample: xr.Dataset,
) -> xr.Dataset:
    """Label paths and what was observed as draws of a baseline; the signal is the path."""
    y, observed = arrays
    return latent.labelled(sample, (y, y, observed), *series, periods).assign_attrs(
        model=NAME, as_of=panel.as_of, data_hash=panel.hash, seed=seed
    )


# --- falls after run-ups ----------------------------------------------------------------------
