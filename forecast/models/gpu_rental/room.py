"""What the rest of the package needs to know of the gpu_rental model."""

from __future__ import annotations

from forecast.models.base import Model, months
from forecast.models.gpu_rental import model
from forecast.models.gpu_rental.baseline import rental_walk

MODEL = Model(
    name="gpu_rental",
    title="what an H100 rents for",
    priors=model.Priors(),
    variants=model.VARIANTS,
    build=model.build,
    draw=model.draw,
    replicate=model.replicate,
    prior_checks=model.PRIOR_CHECKS,
    report=model.REPORT,
    labels=model.LABELS,
    horizon=months(25),
    baseline=rental_walk,
)
