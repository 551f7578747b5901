"""Where a new number stands in what had been forecast of it.

Invariant: a forecast speaks only of numbers reported after its ``as_of``; of any other, of a bound
and of a projection there is no percentile.
"""

from __future__ import annotations

import contextlib
import dataclasses
import statistics
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from forecast.core.errors import DataError
from forecast.core.periods import calendar_quarter
from forecast.core.units import convert

if TYPE_CHECKING:
    from forecast.tables.changes import Changes
    from forecast.tables.vintages import Row

CELL = ["entity", "metric", "target_period"]
BOUNDS = ("at least", "at most", "projected")


def percentiles(forecasts: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    """Return the percentile of each number within the forecast of its cell.

    Parameters
    ----------
    forecasts
        Quantiles as :func:`forecast.app.pipeline.quantile_table` writes them: columns model, as_of,
        entity, metric, target_period, quantile, value, unit.
    rows
        Rows of the vintage schema; values are taken over into the forecast's unit, and a fiscal
        quarter is the calendar quarter in which its middle lies.

    Returns
    -------
    pandas.DataFrame
        In the order of `rows`, with their index. Column percentile, from 0 to 100: linear between
        the quantiles; 0 below the lowest of them and 100 above the highest. NaN where no forecast
        made before the report covers the cell, and for a bound or a projection. Column text: the
        same in words, such as "41 %" or "above 99.5 %"; empty where there is none. Of several
        models that forecast a cell the first in `forecasts` counts.
    """
    cells = cells_of(_about(forecasts, rows))
    found = [_one(forecast_of(cells, row)) for row in rows.to_dict("records")]
    return pd.DataFrame(found, columns=["percentile", "text"], index=rows.index).astype(
        {"percentile": float, "text": object}
    )


def surprised(changes: Changes, forecasts: pd.DataFrame) -> Changes:
    """Return changes with the columns ``percentile`` and ``percentile_text`` of :func:`percentiles`.

    Where there is a percentile, ``jump`` is empty: a forecast says more than the number before.
    """
    found = {}
    for field in dataclasses.fields(changes):
        frame = getattr(changes, field.name)
        where = percentiles(forecasts, frame)
        more = {"percentile": where["percentile"], "percentile_text": where["text"]}
        if "jump" in frame:
            more["jump"] = frame["jump"].where(where["text"] == "", "")
        found[field.name] = frame.assign(**more)
    return dataclasses.replace(changes, **found)


def jumps(changes: Changes) -> list[str]:
    """Return a line for each new or revised number that is far from its neighbour and not forecast."""
    return [
        f"{row['entity']} {row['metric']} {row['period']}: {row['jump']}"
        for frame in (changes.new, changes.revisions)
        for row in frame.to_dict("records")
        if row["jump"]
    ]


TAIL = 0.001
"""A new number below this quantile of its forecast, or above the one as far from the top, is a doubt."""


def implausible(changes: Changes, forecasts: pd.DataFrame | None = None) -> list[str]:
    """Return a line for each new or revised number that is far from what was expected.

    That is a number outside the 0.1 to 99.9 % range of its forecast, or as many times its neighbour as
    ``jump`` says (:data:`forecast.tables.changes.FAR`), forecast or not.

    Parameters
    ----------
    changes
        From :func:`forecast.tables.changes.compare`.
    forecasts
        Quantiles of the latest run, as :func:`percentiles` takes them; none by default.
    """
    lines = []
    for frame in (changes.new, changes.revisions):
        cells = {} if forecasts is None else cells_of(_about(forecasts, frame))
        for row in frame.to_dict("records"):
            found = forecast_of(cells, row)
            low, high = (-np.inf, np.inf) if found is None else range_of(found, TAIL)
            said = []
            if found is not None and not low <= found.came <= high:
                said.append(
                    f"{found.came:,.6g} {found.unit}, where {low:,.4g} to {high:,.4g} was forecast "
                    f"({100 * TAIL:g} to {100 - 100 * TAIL:g} %)"
                )
            said += [row["jump"]] if row["jump"] else []
            if said:
                lines.append(f"{row['entity']} {row['metric']} {row['period']}: {'; '.join(said)}")
    return lines


def range_of(forecast: Forecast, tail: float) -> tuple[float, float]:
    """Return the quantiles `tail` and ``1 - tail`` of a forecast.

    Beyond the levels that were kept they are carried on from the last two, linearly in the standard
    normal's quantiles; of positive values their logs are.
    """
    normal, positive = statistics.NormalDist(), bool((forecast.values > 0).all())
    z = np.array([normal.inv_cdf(float(level)) for level in forecast.levels])
    values = np.log(forecast.values) if positive else forecast.values
    ends = []
    for at, (one, other) in ((normal.inv_cdf(tail), (0, 1)), (normal.inv_cdf(1 - tail), (-1, -2))):
        end = np.interp(at, z, values)
        if not z[0] <= at <= z[-1] and len(z) > 1:
            slope = (values[one] - values[other]) / (z[one] - z[other])
            end = values[one] + slope * (at - z[one])
        ends.append(float(np.exp(end) if positive else end))
    return ends[0], ends[1]


@dataclasses.dataclass(frozen=True)
class Forecast:
    """What had been forecast of a number: quantiles in the forecast's unit, and the number in it."""

    levels: np.ndarray
    values: np.ndarray
    came: float
    unit: str


type Cells = Mapping[tuple[str, ...], pd.DataFrame]
"""A table of quantiles by :data:`CELL`."""


def _about(forecasts: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    """Return the quantiles of the entities that some rows are about: a run's table is long."""
    return forecasts if forecasts.empty else forecasts[forecasts["entity"].isin(rows["entity"])]


def cells_of(forecasts: pd.DataFrame) -> Cells:
    """Return a table of quantiles by entity, metric and target period."""
    if forecasts.empty:
        return {}
    return {tuple(map(str, key)): own for key, own in forecasts.groupby(CELL, sort=False)}


def forecast_of(cells: Cells, row: Row) -> Forecast | None:
    """Return what was forecast of a reported number before its report, or None if nothing was.

    Parameters
    ----------
    cells
        From :func:`cells_of`.
    row
        A row of the vintage schema.
    """
    cell = cells.get((row["entity"], row["metric"], _target(str(row["period"]))))
    if cell is None or row["qualifier"] in BOUNDS:
        return None
    cell = cell[(cell["as_of"] < row["reported_on"]) & (cell["model"] == cell["model"].iloc[0])]
    if cell.empty:
        return None
    unit = str(cell["unit"].iloc[0])
    try:
        value = convert(float(row["value"]), row["unit"], unit)
    except DataError:  # another dimension, such as percent: not the quantity that was forecast
        return None
    cell = cell.sort_values("quantile")
    return Forecast(cell["quantile"].to_numpy(), cell["value"].to_numpy(), value, unit)


def _one(found: Forecast | None) -> tuple[float, str]:
    if found is None:
        return np.nan, ""
    levels, values = found.levels, found.values
    if found.came < values[0]:
        return 0.0, f"below {100 * levels[0]:g} %"
    if found.came > values[-1]:
        return 100.0, f"above {100 * levels[-1]:g} %"
    level = float(np.interp(found.came, values, levels))
    return 100 * level, f"{100 * level:.{1 if min(level, 1 - level) < 0.1 else 0}f} %"


def _target(period: str) -> str:
    """Return the period by which forecasts name what a row's period is about."""
    with contextlib.suppress(DataError):
        return calendar_quarter(period)
    return period
