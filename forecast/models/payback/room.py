"""What the rest of the package needs to know of the payback model."""

from __future__ import annotations

from forecast.models.base import Model
from forecast.models.payback import model
from forecast.models.payback.baseline import straight_line

MODEL = Model(
    name="payback",
    title="cash of a trillion-dollar programme",
    priors=model.Priors(),
    variants=model.VARIANTS,
    build=model.build,
    draw=model.draw,
    replicate=model.replicate,
    prior_checks=model.PRIOR_CHECKS,
    report=model.REPORT,
    labels=model.LABELS,
    horizon=model.horizon,
    complete=model.complete,
    baseline=straight_line,
    # Level and growth are correlated where few figures are known: with a diagonal mass matrix R-hat was
    # up to 1.013 as of March 2025. Projected cash is exponential in growth, a wall into which longer
    # steps run: at 0.95 eleven of thirty fits of five panels had divergences, at 0.99 none of 24.
    adaptation="low_rank",
    target_accept=0.99,
)
