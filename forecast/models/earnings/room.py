"""What the rest of the package needs to know of the earnings model."""

from __future__ import annotations

import functools

from forecast.models.base import Model, quarters
from forecast.models.earnings import model
from forecast.models.earnings.baseline import RULES, quarterly
from forecast.models.earnings.statements import steps_between

MODEL = Model(
    name="earnings",
    title="what the companies report every quarter",
    priors=model.Priors(),
    variants=model.VARIANTS,
    build=model.build,
    complete=model.complete,
    draw=model.draw,
    replicate=model.replicate,
    prior_checks=model.PRIOR_CHECKS,
    report=model.REPORT,
    labels=model.LABELS,
    rests_on="what the companies report every quarter and have said of the quarters to come",
    horizon=quarters(8),
    hue="capex",
    baseline=quarterly,
    # With a diagonal mass matrix the effective sample is a fifth. A draw takes seven gradients; the
    # first steps would take up to a thousand each, half of all of the tuning. At an acceptance of
    # 0.8 two of twelve fits of a small table of a user's own had a divergence.
    adaptation="low_rank",
    target_accept=0.85,
    max_depth=7,
    tune=300,
    sampled=model.SAMPLED,
    steps=steps_between,
    period="quarter",
    rules={rule: functools.partial(quarterly, rule=rule) for rule in RULES},
)
