"""The end of a panel, forecast from what came before it."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from forecast.core.errors import DataError
from forecast.evaluation import score
from forecast.inference.fitting import fit_kept, spec_of
from forecast.inference.predict import forecast
from forecast.models.registry import get_model

if TYPE_CHECKING:
    from forecast.models.base import Panel


@dataclasses.dataclass(frozen=True)
class HoldOut:
    """One series' last period forecast from the periods before it.

    Attributes
    ----------
    series, period, unit
        What was held out.
    truth
        The realised value.
    median, low, high
        The model's median and 80 % interval.
    crps, naive_crps
        Scores on the log scale of the model and of its baseline.
    """

    series: str
    period: str
    unit: str
    truth: float
    median: float
    low: float
    high: float
    crps: float
    naive_crps: float


def hold_out_last_year(
    panel: Panel, *, seed: int, draws: int = 1000, place: str | Path | None = None
) -> tuple[HoldOut, ...]:
    """Fit a model without the end of its panel, forecast that, and score it.

    Parameters
    ----------
    panel
        Of a model that says how its end is held out (:attr:`forecast.models.base.Model.hold_out`),
        such as the market model's last year.
    seed
        Seed of the fit and of the draws.
    draws
        Draws kept and tuning steps, per chain.
    place
        Where fits are kept from one time to the next; nowhere by default.

    Raises
    ------
    DataError
        If the model has no such check, or the panel is too short for it.
    GateError
        If the shortened fit does not pass.
    """
    entry = get_model(panel.model)
    if entry.hold_out is None or entry.baseline is None:
        raise DataError(f"the {panel.model} model does not say how its last period is held out")
    held = entry.hold_out(panel)
    run = fit_kept(place, spec_of(panel.model, held.panel, seed=seed, draws=draws), held.panel)
    ours = forecast(run, until=held.until, seed=seed)
    baseline = entry.baseline(held.panel, until=held.until, seed=seed)
    rows = []
    for name, truth in held.truth.items():
        cell = {"series": name, "period": held.until}
        y, w = ours["y"].sel(cell), baseline["y"].sel(cell)
        log_y, log_w = (xr.apply_ufunc(np.log, a) for a in (y, w))
        low, median, high = (float(q) for q in y.quantile([0.1, 0.5, 0.9]))
        rows.append(
            HoldOut(
                name,
                held.until,
                str(ours["unit"].sel(series=name).values),
                truth,
                median,
                low,
                high,
                float(score.crps(log_y, np.log(truth))),
                float(score.crps(log_w, np.log(truth))),
            )
        )
    return tuple(rows)
