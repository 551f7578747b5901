"""What the rest of the package needs to know of the benchmark model."""

from __future__ import annotations

from forecast.models.base import Model, the_day
from forecast.models.benchmark import draws, model

MODEL = Model(
    name="benchmark",
    title="benchmark scores of public models",
    priors=model.Priors(),
    variants=model.VARIANTS,
    build=model.build,
    complete=model.complete,
    draw=draws.draw,
    replicate=model.replicate,
    prior_checks=model.PRIOR_CHECKS,
    report=model.REPORT,
    labels=model.LABELS,
    horizon=the_day,
    shown=("gain", "bend"),
    # Slopes and easiness of the four benchmarks go together: a diagonal matrix halves the sample.
    adaptation="low_rank",
    # What no model gets right goes with slope and trend of its benchmark along a narrow ridge.
    target_accept=0.98,
    # Bulk ESS is 1,060 and more, as with 1,000.
    tune=500,
)
