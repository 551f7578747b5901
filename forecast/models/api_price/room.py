"""What the rest of the package needs to know of the api_price model."""

from __future__ import annotations

from forecast.models.api_price import model
from forecast.models.api_price.baseline import price_walk
from forecast.models.base import Model, quarters

MODEL = Model(
    name="api_price",
    title="list prices of language models",
    priors=model.Priors(),
    variants=model.VARIANTS,
    build=model.build,
    draw=model.draw,
    replicate=model.replicate,
    prior_checks=model.PRIOR_CHECKS,
    report=model.REPORT,
    labels=model.LABELS,
    horizon=quarters(8),
    complete=model.complete,
    baseline=price_walk,
)
