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
    baseline=straight_line,
    latent=("shift",),
    # At 0.95 two of four seeds of the generous priors had one divergence each.
    target_accept=0.98,
)
