"""Where a new number stands in what had been forecast of it.

A statement of an issuer stands in the forecast of the quarter or the sum of four that it is about.

Invariant: a forecast speaks only of numbers reported after its ``as_of``; of any other, of a bound
and of a projection there is no percentile.
"""

from __future__ import annotations

import contextlib
import dataclasses
import math
import statistics
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from forecast.core.errors import DataError
from forecast.core.periods import calendar_quarter, quarter_name, quarters_in
from forecast.core.units import convert
from forecast.core.words import RANGE, guided

if TYPE_CHECKING:
    from forecast.models.base import Definitions
    from forecast.tables.changes import Changes
    from forecast.tables.vintages import Row

NO_DEFINITIONS: Definitions = {}
CELL = ["entity", "metric", "target_period"]
BOUNDS = ("at least", "at most", "projected")


def percentiles(
    forecasts: pd.DataFrame, rows: pd.DataFrame, definitions: Definitions = NO_DEFINITIONS
) -> pd.DataFrame:
    """Return the percentile of each number within the forecast of its cell.

    That of guidance is within the forecast of the quarter or year that it is about.

    Parameters
    ----------
    forecasts
        Quantiles as :func:`forecast.app.pipeline.quantile_table` writes them: columns model, as_of,
        entity, metric, target_period, quantile, value, unit.
    rows
        Rows of the vintage schema; values are taken over into the forecast's unit, and a fiscal
        quarter is the calendar quarter in which its middle lies.
    definitions
        What guided metrics are in those that are forecast; one that is not there is forecast itself.

    Returns
    -------
    pandas.DataFrame
        In the order of `rows`, with their index. Column percentile, from 0 to 100: linear between
        the quantiles; 0 below the lowest of them and 100 above the highest. NaN where no forecast
        made before the report covers the cell, and for a bound or a projection; of a range it is
        that of its middle. Column text: the same in words, such as "41 %" or "above 99.5 %", of a range
        its ends, "22 to 63 %"; empty where there is none. Of several models that forecast a cell the
        first in `forecasts` counts.
    """
    cells = cells_of(_about(forecasts, rows))
    found = [
        _one(None if row["qualifier"] in BOUNDS else _forecast_for(cells, row, definitions))
        for row in rows.to_dict("records")
    ]
    return pd.DataFrame(found, columns=["percentile", "text"], index=rows.index).astype(
        {"percentile": float, "text": object}
    )


def surprised(
    changes: Changes, forecasts: pd.DataFrame, definitions: Definitions = NO_DEFINITIONS
) -> Changes:
    """Return changes with the columns ``percentile`` and ``percentile_text`` of :func:`percentiles`.

    Where there is a percentile, the ``jump`` of a new number is empty: a forecast says more than the
    number before. What was reported of the same period says more than a forecast of it.
    """
    found = {}
    for field in dataclasses.fields(changes):
        frame = getattr(changes, field.name)
        where = percentiles(forecasts, frame, definitions)
        more = {"percentile": where["percentile"], "percentile_text": where["text"]}
        if "jump" in frame and "old_value" not in frame:
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


def implausible(
    changes: Changes,
    forecasts: pd.DataFrame | None = None,
    definitions: Definitions = NO_DEFINITIONS,
) -> list[str]:
    """Return a line for each new or revised number that is far from what was expected.

    That is a number outside the 0.1 to 99.9 % range of its forecast, or as many times its neighbour as
    ``jump`` says (:data:`forecast.tables.changes.FAR`), forecast or not; or one that revises a report by
    more than :data:`forecast.tables.changes.FAR_REVISION` of it. Guidance that was forecast is
    judged by that alone: no part of a range, or of what a bound leaves open, is within the forecast's.

    Parameters
    ----------
    changes
        From :func:`forecast.tables.changes.compare`.
    forecasts
        Quantiles of the latest run, as :func:`percentiles` takes them; none by default.
    definitions
        As that function takes them.
    """
    lines = []
    for frame in (changes.new, changes.revisions):
        cells = {} if forecasts is None else cells_of(_about(forecasts, frame))
        for row in frame.to_dict("records"):
            found = _forecast_for(cells, row, definitions)
            low, high = (-np.inf, np.inf) if found is None else range_of(found, TAIL)
            said = []
            if found is not None and (found.high < low or found.low > high):
                said.append(
                    f"{found.came:,.6g} {found.unit}, where {low:,.4g} to {high:,.4g} was forecast "
                    f"({100 * TAIL:g} to {100 - 100 * TAIL:g} %)"
                )
            judged = found is not None and guided(row["metric"])
            said += [row["jump"]] if row["jump"] and not judged else []
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
    """What had been forecast of a number: quantiles in the forecast's unit, and the number in it.

    `low` and `high` are the ends of a range or of what a bound leaves open, and else the number.
    """

    levels: np.ndarray
    values: np.ndarray
    came: float
    unit: str
    low: float
    high: float


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
    if row["qualifier"] in BOUNDS:
        return None
    return _quantiles_of(
        cells.get((row["entity"], row["metric"], _target(str(row["period"])))), row
    )


def _forecast_for(cells: Cells, row: Row, definitions: Definitions) -> Forecast | None:
    """Return what was forecast of a reported number, or of what a statement is about."""
    about = guided(str(row["metric"]))
    if not about:
        return forecast_of(cells, row)
    span = quarters_in(str(row["period"]))
    metric, ratio = definitions.get((str(row["entity"]), about), (about, 1.0))
    if span is None or span[1] not in (1, 4) or ratio is None:
        return None
    name = metric if span[1] == 1 else f"{metric}_4q"
    cell = cells.get((row["entity"], name, quarter_name(span[0] + span[1] - 1)))
    found = _quantiles_of(cell, row)
    if found is None:
        return None
    value, low, high = (ratio * v for v in (found.came, found.low, found.high))
    low, high = {"at least": (low, math.inf), "at most": (-math.inf, high)}.get(
        str(row["qualifier"]), (low, high)
    )
    return dataclasses.replace(found, came=value, low=low, high=high)


def _quantiles_of(cell: pd.DataFrame | None, row: Row) -> Forecast | None:
    if cell is None:
        return None
    cell = cell[(cell["as_of"] < row["reported_on"]) & (cell["model"] == cell["model"].iloc[0])]
    if cell.empty:
        return None
    unit = str(cell["unit"].iloc[0])
    ends = [row.get(column) or row["value"] for column in RANGE]
    try:
        value, low, high = (convert(float(v), row["unit"], unit) for v in (row["value"], *ends))
    except DataError:  # another dimension, such as percent: not the quantity that was forecast
        return None
    cell = cell.sort_values("quantile")
    return Forecast(cell["quantile"].to_numpy(), cell["value"].to_numpy(), value, unit, low, high)


def _one(found: Forecast | None) -> tuple[float, str]:
    if found is None:
        return np.nan, ""
    middle, text = _level(found, found.came)
    if found.low == found.high:
        return middle, text
    low, high = (_level(found, end)[1] for end in (found.low, found.high))
    alike = low.endswith(" %") and low[0].isdigit() and high[0].isdigit()
    return middle, f"{low.removesuffix(' %') if alike else low} to {high}"


def _level(found: Forecast, value: float) -> tuple[float, str]:
    levels, values = found.levels, found.values
    if value < values[0]:
        return 0.0, f"below {100 * levels[0]:g} %"
    if value > values[-1]:
        return 100.0, f"above {100 * levels[-1]:g} %"
    level = float(np.interp(value, values, levels))
    return 100 * level, f"{100 * level:.{1 if min(level, 1 - level) < 0.1 else 0}f} %"


def _target(period: str) -> str:
    """Return the period by which forecasts name what a row's period is about."""
    with contextlib.suppress(DataError):
        return calendar_quarter(period)
    return period
