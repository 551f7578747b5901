"""Falls and returns of the newest months, held out of each run and foretold by the rest."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

from forecast.core.errors import DataError
from forecast.core.periods import last_close, month_index, month_name, period_end
from forecast.models.base import Ahead, Cell, Panel, Told
from forecast.models.hazard import returns
from forecast.models.hazard.baseline import unconditional_falls
from forecast.models.hazard.model import Priors, draw
from forecast.models.hazard.panel import FALLS, LOOKBACK, Asked, Position

if TYPE_CHECKING:
    import xarray as xr

MONTHS = 24
"""Months that are left out: those within which the article's falls are asked about."""
STANDING = "run-up identified in {}"


def without_newest(panel: Panel) -> Panel:
    """Return a hazard panel as of :data:`MONTHS` months before, with the industries that stood then.

    Indices stay, without their later months, so that the model keeps its form; where the positions of
    today stood then is not asked.

    Raises
    ------
    DataError
        If no episode had begun by then.
    """
    cut = last_close(panel.as_of) - MONTHS
    data = panel.data.isel(obs=np.flatnonzero(_identified(panel.data) < cut))
    if not data.sizes["obs"]:
        raise DataError(f"no run-up was identified before {month_name(cut)}")
    followup = np.minimum(data["followup"].values, cut - _identified(data))
    changed = {"followup": ("obs", followup)}
    for fall in FALLS:
        months, event = data[f"months{fall}"].values, data[f"event{fall}"].values
        changed[f"months{fall}"] = ("obs", np.minimum(months, followup))
        changed[f"event{fall}"] = ("obs", np.where(months <= followup, event, 0))
    data = data.assign(changed)
    if "month" in data.dims:
        known = np.array([month_index(m) <= cut for m in data["month"].values])
        data = data.isel(month=np.flatnonzero(known))
    day = period_end(month_name(cut)).isoformat()
    return standing_then(dataclasses.replace(panel, as_of=day, data=data))


def standing_then(panel: Panel) -> Panel:
    """Return a hazard panel that asks about the industries after a run-up on its day, and no others."""
    asked = dataclasses.replace(panel.part(Asked), positions=_standing(panel))
    return dataclasses.replace(panel, drawn=asked)


def _identified(data: xr.Dataset) -> np.ndarray:
    return np.array([month_index(m) for m in data["identified"].values], dtype=int)


def _standing(panel: Panel) -> tuple[Position, ...]:
    """Return the industries after a run-up that had not fallen by a fifth yet, on the panel's day."""
    data, months = panel.data, last_close(panel.as_of) - _identified(panel.data)
    followed = data["followup"].values == months
    rows = np.flatnonzero(followed & (data["event20"].values == 0) & (months <= LOOKBACK))
    return tuple(
        Position(
            entity=str(data["industry"].values[k]),
            dated=panel.as_of,
            industry=str(data["industry"].values[k]),
            net=float(data["net"].values[k]),
            raw=float(data["raw"].values[k]),
            months=int(months[k]),
            source=STANDING.format(data["identified"].values[k]),
            volatility=float(data["volatility"].values[k]),
        )
        for k in rows
    )


def foretold(
    parameters: xr.Dataset, panel: Panel, later: Panel, priors: Priors, rng: np.random.Generator
) -> list[Told]:
    """Foretell the falls of the industries that stood on the panel's day, and each later month's return.

    Falls are asked for up to the last month of an industry that the later panel knows. A month's return
    is foretold from the months before it, with the parameters of the earlier panel. Next to them: falls
    as often as they come at any time, and the returns of all earlier months.
    """
    told = [
        *_falls(parameters, panel, later, priors, rng),
        *_returns(parameters, panel, later, rng),
    ]
    return [one for one in told if one.names]


def _falls(
    parameters: xr.Dataset, panel: Panel, later: Panel, priors: Priors, rng: np.random.Generator
) -> list[Told]:
    held = panel.part(Asked).positions
    cut, data = last_close(panel.as_of), later.data
    began = _identified(data)
    asked = []
    for one in held:
        same = (data["industry"].values == one.industry) & (began == cut - one.months)
        for k in np.flatnonzero(same):
            end = int(began[k] + data["followup"].values[k])
            if end > cut:
                asked.append((one.entity, int(k), end))
    if not asked:
        return []
    until = month_name(max(end for *_, end in asked))
    ours = draw(parameters, panel, priors, until, rng)["y"]
    beside = unconditional_falls(panel, until=until, seed=int(rng.integers(2**31)))["y"]
    cells = [(entity, k, end, fall) for entity, k, end in asked for fall in FALLS]

    def chances(y: xr.DataArray) -> np.ndarray:
        return np.array(
            [
                float(y.sel(series=f"{entity}/fall_{fall}", period=month_name(end)).mean())
                for entity, _, end, fall in cells
            ]
        )[None]

    names = tuple(f"{entity} down {fall} % by {month_name(end)}" for entity, _, end, fall in cells)
    which = tuple(Cell(entity, f"fall_{fall}", month_name(end)) for entity, _, end, fall in cells)
    truth = np.array([float(data[f"event{fall}"].values[k]) for _, k, _, fall in cells])
    what = "falls of industries after a run-up"
    return [Told(what, names, truth, chances(ours), chances(beside), "", True, which)]


def _returns(
    parameters: xr.Dataset, panel: Panel, later: Panel, rng: np.random.Generator
) -> list[Told]:
    if "log_return" not in panel.data or "log_return" not in later.data:
        return []
    names = panel.data["index"].values.astype(str).tolist()
    values = later.data["log_return"].sel(index=names).transpose("month", "index")
    past, shares = returns.regressors(values.values)
    first = panel.data.sizes["month"]
    new = np.isfinite(values.values)
    new[:first] = False
    when, which = np.nonzero(new)
    law = returns.law(parameters)
    square = law.volatility[:, which] ** 2
    means = past[:, when, which][:, None] + (1 - shares[:, when, which])[:, None] * square
    recent, memory, tail = (a[:, which] for a in (law.recent, law.memory, law.tail))
    mixed = recent * means[0] + (1 - recent) * means[1]
    sd = np.sqrt(square * (1 - memory) + memory * mixed)
    shock = rng.standard_normal(sd.shape) * np.sqrt(tail / rng.chisquare(tail + 2))
    draws = law.drift[:, which] + sd * shock
    earlier = [column[np.isfinite(column)] for column in values.values[:first].T]
    naive = np.column_stack([rng.choice(earlier[k], len(draws)) for k in which])
    months = values["month"].values.astype(str)
    cells = tuple(
        Cell(names[k], "log_return", str(months[t])) for t, k in zip(when, which, strict=True)
    )
    labels = tuple(f"{one.entity} {one.period}" for one in cells)
    what = "monthly returns of indices, each given those before"
    truth = values.values[when, which]
    return [Told(what, labels, truth, draws, naive, "log return", cells=cells, stepwise=True)]


AHEAD = Ahead(left_out=without_newest, tell=foretold, asked=standing_then)
