"""What the rest of the package needs to know of the adoption model."""

from __future__ import annotations

from forecast.models.adoption import model
from forecast.models.adoption.baseline import share_walk
from forecast.models.base import Model, months

MODEL = Model(
    name="adoption",
    title="the share of open-weight models by several measures, mostly prior",
    priors=model.Priors(),
    variants=model.VARIANTS,
    build=model.build,
    draw=model.draw,
    replicate=model.replicate,
    prior_checks=model.PRIOR_CHECKS,
    report=model.REPORT,
    labels=model.LABELS,
    horizon=months(25),
    baseline=share_walk,
)
