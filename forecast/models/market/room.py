"""What the rest of the package needs to know of the market model."""

from __future__ import annotations

from forecast.models.base import Model, years
from forecast.models.market import model
from forecast.models.market.baseline import drift_walk

MODEL = Model(
    name="market",
    title="the article's annual market table",
    priors=model.Priors(),
    variants=model.VARIANTS,
    build=model.build,
    complete=model.complete,
    draw=model.draw,
    replicate=model.replicate,
    prior_checks=model.PRIOR_CHECKS,
    report=model.REPORT,
    labels=model.LABELS,
    horizon=years(4),
    shown=("growth_mean", "drift_sd"),
    hue="ai_investment",
    baseline=drift_walk,
)
