"""The usual form of the earnings model: every level, growth, season and shock is sampled.

The same law as :mod:`forecast.models.earnings.model`, non-centred, for comparison; it is slow and
does not sample well on the whole panel.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
import pymc as pm
import pytensor.tensor as pt

from forecast.models.earnings import model as earnings
from forecast.models.earnings.panel import METRIC_GROUPS

if TYPE_CHECKING:
    from forecast.models.base import Panel


def _trend(damping, size):
    """Return the map from unit shocks to a damped trend's level, shape (n, size, size + 1)."""
    lag = np.arange(size)[:, None] - np.arange(size)[None, :]
    p = damping[:, None, None]
    later = (1 - p ** (np.maximum(lag, 0) + 1)[None]) / (1 - p) * (lag >= 0)[None]
    q = damping[:, None]
    first = q * (1 - q ** np.arange(1, size + 1)[None]) / (1 - q) / pt.sqrt(1 - q**2)
    return pt.concatenate([first[:, :, None], later], axis=2)


def build(panel: Panel, priors: earnings.Priors, ahead: int) -> pm.Model:
    """Return the model with all states sampled, `ahead` quarters beyond the panel's end."""
    flat = earnings.layout(panel)
    prior = {
        field.name: np.array([getattr(getattr(priors, g), field.name) for g in METRIC_GROUPS])
        for field in dataclasses.fields(earnings.MetricPriors)
    }
    group, groups, size = flat.group, len(METRIC_GROUPS), len(flat.y) + ahead
    coords = {"group": list(METRIC_GROUPS), "series": list(flat.names)}
    with pm.Model(coords=coords) as model:

        def scale(name, field):
            raw = pm.Normal(f"raw_{name}", 0, 1, dims="group")
            value = prior[field] * pt.exp(prior[f"{field}_log_sd"] * raw)
            return pm.Deterministic(name, value, dims="group")

        shock, factor, noise = (scale(n, f) for n, f in earnings.SHOCKS.items())
        spread, growth_spread, season_spread = (scale(n, n) for n in earnings.SPREADS)
        damping, factor_damping = (
            pm.Deterministic(
                name,
                pm.math.sigmoid(
                    np.log(prior[name] / (1 - prior[name]))
                    + prior[f"{name}_logit_sd"] * pm.Normal(f"raw_{name}", 0, 1, dims="group")
                ),
                dims="group",
            )
            for name in earnings.DAMPINGS
        )
        z = pm.Normal("z", 0, 1, dims="series")
        own = pm.Deterministic("scale", pt.exp(spread[group] * z), dims="series")
        level = flat.start + priors.level_sd * pm.Normal("level", 0, 1, dims="series")
        shared = prior["growth"] + prior["growth_sd"] * pm.Normal("g", 0, 1, dims="group")
        growth = shared[group] + growth_spread[group] * own * pm.Normal(
            "growth_z", 0, 1, dims="series"
        )
        season = prior["season_sd"][:, None] * pm.Normal("season", 0, 1, shape=(groups, 3))
        season_z = pm.Normal("season_z", 0, 1, shape=(len(group), 3))
        season = season[group] + season_spread[group][:, None] * season_z
        e = pm.Normal("e", 0, 1, shape=(len(group), size + 1))
        f = pm.Normal("f", 0, 1, shape=(groups, size + 1))
        walk = (_trend(damping, size)[group] @ e[:, :, None])[:, :, 0]
        common = (_trend(factor_damping, size) @ f[:, :, None])[:, :, 0][group]
        x = earnings.regressors(flat.first, size)
        signal = level[:, None] + growth[:, None] * x[None, :, 0] + season @ x[:, 1:].T
        signal += (shock[group] * own)[:, None] * walk + (factor[group] * own)[:, None] * common
        quarter, series = np.nonzero(flat.seen)
        pm.Normal(
            "y",
            signal[series, quarter],
            (noise[group] * own)[series],
            observed=flat.y[quarter, series],
        )
        pm.Deterministic("growth", growth, dims="series")
        pm.Deterministic("last_signal", signal[:, size - ahead - 1], dims="series")
        pm.Deterministic("far_signal", signal[:, size - 1], dims="series")
    return model
