"""What the package needs to know of the toy model."""

from __future__ import annotations

from forecast.models.base import Model, years
from toy_room import model
from toy_room.baseline import sales_walk

MODEL = Model(
    name="toy",
    title="what a stand sells in a year",
    priors=model.Priors(),
    variants=model.VARIANTS,
    build=model.build,
    complete=model.complete,
    draw=model.draw,
    replicate=model.replicate,
    prior_checks=model.PRIOR_CHECKS,
    report=model.REPORT,
    labels=model.LABELS,
    horizon=years(3),
    baseline=sales_walk,
)
