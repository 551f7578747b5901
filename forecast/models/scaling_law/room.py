"""What the rest of the package needs to know of the scaling_law model."""

from __future__ import annotations

from forecast.models.base import Model, the_day
from forecast.models.scaling_law import model

MODEL = Model(
    name="scaling_law",
    title="loss by parameters and tokens",
    priors=model.Priors(),
    variants=model.VARIANTS,
    build=model.build,
    draw=model.draw,
    replicate=model.replicate,
    prior_checks=model.PRIOR_CHECKS,
    report=model.REPORT,
    labels=model.LABELS,
    horizon=the_day,
    # A flat valley: with a diagonal mass matrix a step costs eight times as many gradients.
    adaptation="low_rank",
)
