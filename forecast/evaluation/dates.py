"""The days of a backtest, and how far back a fit looks on each of them."""

from __future__ import annotations

import dataclasses
import datetime as dt
import re
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from forecast.core.errors import DataError
from forecast.core.periods import parse_date, period_end
from forecast.models.registry import panel_source

if TYPE_CHECKING:
    from forecast.models.base import Panel


LONGEST_LAG = 3660
"""Days; nobody reports ten years late."""
MOST = 999
"""The largest number of a span."""
UNITS = {"d": "days", "w": "weeks", "m": "months", "q": "quarters", "y": "years"}
_DAYS, _MONTHS = {"d": 1, "w": 7}, {"m": 1, "q": 3, "y": 12}
_ENDS = {"m": "ME", "q": "QE", "y": "YE"}


@dataclasses.dataclass(frozen=True, slots=True)
class Span:
    """A length of time by the calendar.

    Attributes
    ----------
    number
        How many units, from 1.
    unit
        One of the letters of :data:`UNITS`.
    """

    number: int
    unit: str

    def __str__(self) -> str:
        name = UNITS[self.unit]
        return name[:-1] if self.number == 1 else f"{self.number} {name}"

    @property
    def offset(self) -> pd.DateOffset:
        """The span as pandas adds it to a day."""
        n = self.number
        if self.unit in _DAYS:
            return pd.DateOffset(days=n * _DAYS[self.unit])
        return pd.DateOffset(months=n * _MONTHS[self.unit])


def read_span(text: str) -> Span:
    """Read a length of time: a number and a letter.

    Raises
    ------
    DataError
        If it is something else.

    Examples
    --------
    >>> str(read_span("1q")), str(read_span("14d"))
    ('quarter', '14 days')
    """
    found = re.fullmatch(r"([1-9]\d{0,2})([dwmqy])", text)
    if found is None:
        raise DataError(
            f"cannot read the length of time {text!r}; wanted a number from 1 to {MOST} and one of "
            "d, w, m, q, y (days, weeks, months, quarters, years), such as 1q or 14d"
        )
    return Span(int(found[1]), found[2])


def origins(start: str | dt.date, end: str | dt.date, lag: int = 45, step: str = "1q") -> list[str]:
    """Return the days from `start` to `end` from which a backtest forecasts, ISO.

    Parameters
    ----------
    start, end
        The first and the last day that may be one.
    lag
        Days after the end of a month, quarter or year; by 45 days after a quarter's end most companies
        have reported. Steps of days and weeks go on from `start` itself, without it.
    step
        How far one is from the next: ``1q``, the day `lag` days after each quarter's end; ``1m``, after
        each month's; ``2w``, every second week.

    Raises
    ------
    DataError
        If there is none, a day or a step cannot be read, or `lag` is above :data:`LONGEST_LAG`.
    """
    first = pd.Timestamp(parse_date(start, "start date"))
    last = pd.Timestamp(parse_date(end, "end date"))
    if lag > LONGEST_LAG:
        raise DataError(f"got {lag} days after quarters; wanted at most {LONGEST_LAG}")
    span = read_span(step)
    if span.unit in _ENDS:
        shift = pd.Timedelta(days=lag)
        ends = pd.date_range(first - shift, last - shift, freq=_ENDS[span.unit])
        days = (ends + shift)[:: span.number]
        what = f"{lag} days after the end of a {UNITS[span.unit][:-1]}"
    else:
        days = pd.date_range(first, last, freq=span.offset)
        what = "from the start on"
    if not len(days):
        raise DataError(
            f"no date to forecast from: got {first.date()} to {last.date()}, which holds no day "
            f"{what}; wanted a start before its end, by a {UNITS[span.unit][:-1]}"
        )
    return [day.date().isoformat() for day in days]


def within(panel: Panel, window: Span) -> Panel:
    """Return a panel without the data of periods that had ended a window before its day, or earlier.

    Parameters
    ----------
    panel
        A panel whose room says which of its variables date its data
        (:attr:`forecast.models.base.PanelSource.latest`).
    window
        How far back the data go that stay.

    Raises
    ------
    DataError
        If its data carry no dates, or none is of the window.
    """
    names = [n for n in panel_source(panel.model).latest if n in panel.data.variables]
    if not names:
        raise DataError(
            f"the data of {panel.model} carry no dates, so no window can be laid over them; leave the "
            "window out"
        )
    begin = (pd.Timestamp(panel.as_of) - window.offset).date()
    data = panel.data
    for name in names:
        (dim,) = data[name].dims
        keep = [period_end(str(value)) > begin for value in data[name].values]
        data = data.isel({dim: np.flatnonzero(keep)})
    if not data.sizes["obs"]:
        raise DataError(
            f"as of {panel.as_of} no data of {panel.model} are of the last {window}; wanted a longer "
            "window"
        )
    return dataclasses.replace(panel, data=data)
