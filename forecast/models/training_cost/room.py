"""What the rest of the package needs to know of the training_cost model."""

from __future__ import annotations

from forecast.models.base import Model, years
from forecast.models.training_cost import model
from forecast.models.training_cost.baseline import cost_records

MODEL = Model(
    name="training_cost",
    title="what frontier training runs cost, by date",
    priors=model.Priors(),
    variants=model.VARIANTS,
    build=model.build,
    draw=model.draw,
    replicate=model.replicate,
    prior_checks=model.PRIOR_CHECKS,
    report=model.REPORT,
    labels=model.LABELS,
    horizon=years(4),
    baseline=cost_records,
)
