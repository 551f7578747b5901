"""Run -> joint draws to a date.

Invariant: draws keep ``chain`` and ``draw``; nothing is averaged here. A run without a passed gate
gives no draws.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from forecast.inference import gate
from forecast.inference.fitting import Run, priors_of
from forecast.inference.sampling import prior_draws
from forecast.models.registry import get_model

if TYPE_CHECKING:
    from forecast.models.base import Panel


@dataclasses.dataclass(frozen=True)
class Fitted:
    """One model's fit, with all draws that are made from it.

    Attributes
    ----------
    run
        The fit with the default priors.
    until
        The last period that is drawn.
    draws
        Its draws, None if the gate was not passed.
    variants
        Draws under the other prior sets, by name.
    baseline
        Draws of the naive forecast, None where none can be made.
    """

    run: Run
    until: str
    draws: xr.Dataset | None
    variants: Mapping[str, xr.Dataset]
    baseline: xr.Dataset | None = None


def forecast(run: Run, *, until: str | None = None, seed: int) -> xr.Dataset:
    """Draw the joint posterior predictive of a run.

    Parameters
    ----------
    run
        A stamped run.
    until
        Last period to draw, such as ``2030`` or ``2028Q2``; the model's own horizon by default,
        which moves with the run's ``as_of``.
    seed
        Seed of the draws.

    Returns
    -------
    xarray.Dataset
        ``y`` (as it would be reported) and ``signal`` (without observation noise), dims chain,
        draw, series, period; ``observed``, dims series, period. Coordinates ``entity``, ``metric``
        and ``unit`` go along ``series``, ``period_end`` along ``period``. ``attrs`` name the
        model, its ``as_of`` and the data's hash.

    Raises
    ------
    GateError
        If the run carries no passed gate.
    DataError
        If `until` is before the data's end or too far off.
    """
    gate.require(run.gate, run.posterior, run.spec.model)
    model = get_model(run.spec.model)
    draws = model.draw(
        run.posterior,
        run.panel,
        priors_of(run.spec),
        until or model.horizon(run.panel.as_of),
        np.random.default_rng(seed),
    )
    return draws.assign_attrs(
        model=run.spec.model,
        variant=run.spec.variant,
        as_of=run.spec.as_of,
        data_hash=run.spec.data_hash,
        seed=seed,
    )


def outline(panel: Panel, until: str | None = None) -> xr.Dataset:
    """Return draws to a period as :func:`forecast` gives them, two paths from the prior, unfitted.

    Their numbers say nothing, and are 1 wherever there is one. Their series, periods and what was
    ``observed`` are those of every draw from this panel: enough to check whether an event can be
    asked of them.
    """
    model = get_model(panel.model)
    paths = prior_draws(model, panel, model.priors, size=2, seed=0)
    until = until or model.horizon(panel.as_of)
    draws = model.draw(paths, panel, model.priors, until, np.random.default_rng(0))
    ones = {name: draws[name].where(draws[name].isnull(), 1.0) for name in ("y", "signal")}
    return draws.assign(ones).assign_attrs(model=model.name, as_of=panel.as_of)
