"""What the rest of the package needs to know of the capex_hazard model."""

from __future__ import annotations

from forecast.models.base import Model, quarters
from forecast.models.capex_hazard import model
from forecast.models.capex_hazard.baseline import falls_at_any_time
from forecast.models.capex_hazard.outlook import falls

MODEL = Model(
    name="capex_hazard",
    title="falls of capex after run-ups, of industries and of the companies",
    priors=model.Priors(),
    variants=model.VARIANTS,
    build=model.build,
    draw=model.draw,
    replicate=model.replicate,
    prior_checks=model.PRIOR_CHECKS,
    report=model.REPORT,
    labels=model.LABELS,
    horizon=quarters(8),
    hue="capex",
    baseline=falls_at_any_time,
    target_accept=0.9,
    # With 400 bulk ESS was 1,030 and more, with 1,000 no better.
    tune=500,
    outlook=falls,
    rests_on="what followed run-ups of capex in whole industries, and of these companies since 1998, "
    "whatever has been said of the quarters to come",
    latent=("reference", "offset", "year_level", "z_industry"),
)
