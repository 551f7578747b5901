"""What the rest of the package needs to know of the hazard model."""

from __future__ import annotations

from forecast.models.base import Model, closes
from forecast.models.hazard import model
from forecast.models.hazard.baseline import unconditional_falls
from forecast.models.hazard.outlook import falls

MODEL = Model(
    name="hazard",
    title="falls of US industries after run-ups, and of two indices",
    priors=model.Priors(),
    variants=model.VARIANTS,
    build=model.build,
    draw=model.draw,
    replicate=model.replicate,
    prior_checks=model.PRIOR_CHECKS,
    report=(*model.REPORT, *model.RETURNS_REPORT),
    optional=model.RETURNS_REPORT,
    labels=model.LABELS,
    horizon=closes(24),
    hue="fall",
    baseline=unconditional_falls,
    target_accept=0.8,
    outlook=falls,
    latent=("year_level", "z_industry"),
)
