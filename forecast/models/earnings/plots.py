"""Companies side by side: their fans, their ratios, and which of their reports are still out."""

from __future__ import annotations

import datetime as dt
from collections.abc import Hashable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.axes import Axes

from forecast.core.errors import DataError, UnknownNameError
from forecast.core.periods import parse_date, quarter_index, quarter_name
from forecast.core.text import capitalised, one_line
from forecast.models.earnings.calendar import Calendar
from forecast.plots.fans import Said, fan
from forecast.plots.style import (
    INK,
    LEADING,
    MUTED,
    NAMES,
    PAPER,
    RULE,
    TICK,
    as_of_rule,
    begin,
    box_of,
    centres,
    cut,
    decimal_year,
    decimals_of,
    drawable,
    even_ticks,
    finish,
    grid_lines,
    hue,
    label_right,
    make_room,
    note_at,
    number_text,
    small_multiples,
    spans_of,
    text_width,
    time_axis,
)
from forecast.tables.names import called

if TYPE_CHECKING:
    from forecast.models.earnings.guidance import Statement


def company_fans(
    draws: xr.Dataset,
    metric: str,
    *,
    entities: Sequence[str] | None = None,
    baseline: xr.Dataset | None = None,
    said: Mapping[str, Sequence[Said]] | None = None,
    log: bool = True,
    columns: int = 3,
    axes: Sequence[Axes] | None = None,
) -> list[Axes]:
    """Draw a metric's fan of every company, a panel each; titles give the last 80 % interval.

    Parameters
    ----------
    draws
        Joint draws from :func:`forecast.inference.predict.forecast`.
    metric
        Which metric, such as ``capex``.
    entities
        Which companies, in order; by default all that have the metric, without sums of companies.
    baseline
        Draws of a naive forecast; a company that it lacks is drawn without it.
    said
        By company, marks of what it said of quarters to come
        (:func:`mark_of`); none by default.
    log
        Whether the y axes are logarithmic.
    columns
        How many stand side by side.
    axes
        Where to draw, one a company; those of a new figure by default.

    Returns
    -------
    list of matplotlib.axes.Axes

    Raises
    ------
    UnknownNameError
        If no company, or not every one of `entities`, has the metric.
    DataError
        If there are fewer `axes` than companies.
    """
    names = list(companies_of(draws, metric) if entities is None else entities)
    if not names:
        raise UnknownNameError(
            f"no company of the draws has the metric {metric!r}; "
            f"there are {one_line(sorted(set(draws['metric'].values.astype(str))))}"
        )
    places = list(small_multiples(len(names), columns=columns)[1] if axes is None else axes)
    if len(places) < len(names):
        raise DataError(f"got {len(places)} axes for {len(names)} companies; wanted one each")
    walked = set() if baseline is None else set(companies_of(baseline, metric, sums=True))
    for entity, ax in zip(names, places, strict=False):
        there = (draws["entity"] == entity) & (draws["metric"] == metric)
        beside = baseline if entity in walked else None
        title = None
        if there.any():
            one = draws.isel(series=int(np.flatnonzero(there.values)[0]), period=-1)
            low, high = (_two_digits(q) for q in np.quantile(one["y"].values, [0.1, 0.9]))
            title = (
                f"{called(entity).replace('_', ' ')}: {low} to {high} in {one['period'].values!s}"
            )
        marks = (said or {}).get(entity, ())
        fan(draws, metric, entity, baseline=beside, said=marks, log=log, title=title, ax=ax)
    return places[: len(names)]


def mark_of(one: Statement) -> Said:
    """Return a statement as a mark on its series' fan: a year at the average of its quarters."""
    last = quarter_name(quarter_index(one.first) + one.quarters - 1)
    low, high = (float(np.exp(one.offset or 0.0)) * v / one.quarters for v in (one.low, one.high))
    bound = one.kind if one.kind in ("at least", "at most") else ""
    return Said(one.first, last, low, high, bound)


def companies_of(draws: xr.Dataset, metric: str, *, sums: bool = False) -> list[str]:
    """Return the entities that have a metric; sums of companies only if asked for."""
    names = draws["entity"].values.astype(str)[draws["metric"].values.astype(str) == metric]
    return [name for name in names if sums or not name.startswith("big_")]


def _two_digits(value: float) -> str:
    return number_text(float(f"{value:.2g}"))


def ratio_history(
    ratios: pd.DataFrame,
    *,
    label: str,
    as_of: str,
    bold: str | None = None,
    metric: str | None = None,
    title: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw reported ratios, a line a company, one of them bold.

    Parameters
    ----------
    ratios
        Columns entity, quarter, ratio, from
        :func:`forecast.models.earnings.calendar.reported_ratio`.
    label
        What the ratio is, for the subtitle.
    as_of
        The day up to which reports were known, ISO.
    bold
        The entity to stand out, such as ``big_five``.
    metric
        Whose hue that one has; `label`'s by default.
    title
        The finding, about ten words.
    ax
        Where to draw; a new pyplot figure by default.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    UnknownNameError
        If `bold` is not among the entities.
    """
    names = list(dict.fromkeys(ratios["entity"]))
    if bold is not None and bold not in names:
        raise UnknownNameError(f"there is no ratio of {bold!r}; there are {one_line(names)}")
    day = parse_date(as_of, "as_of date")
    there = sorted(set(ratios["quarter"]))
    quarters = [f"{there[0][:4]}Q{k}" for k in range(1, int(there[0][5]))] + there  # whole years
    lines = {name: _along(ratios[ratios["entity"] == name], quarters) for name in names}
    ends = {name: int(np.flatnonzero(np.isfinite(v))[-1]) for name, v in lines.items()}
    last = {name: float(v[ends[name]]) for name, v in lines.items()}
    marks = [
        (f"{called(name).replace('_', ' ')} {value:.2f}", value) for name, value in last.items()
    ]

    ax, own = begin(ax, height=3.1)
    starts, stops = spans_of(quarters)
    low, high = float(ratios["ratio"].min()), float(ratios["ratio"].max())
    span = (high - low) or high
    # A free row at the top, for the day the data end.
    ax.set_ylim(max(low - 0.06 * span, 0.0), high + 0.13 * span)
    right = max(float(stops[-1]), decimal_year(day))
    make_room(ax, float(starts[0]), right, [text for text, _ in marks])
    ticks = even_ticks(ax.get_ylim()[0], high, box_of(ax)[1])
    decimals = decimals_of(ticks)
    grid_lines(ax, ticks, [number_text(t, decimals) for t in ticks], right)
    halves = [q for q in quarters if sum(other[:4] == q[:4] for other in quarters) > 2]
    time_axis(
        ax, halves or quarters, right
    )  # a year with a quarter or two has no room for its name
    x = centres(quarters)
    if low < 1 < high:
        ax.hlines(1, starts[0], right, colors=INK, linewidths=0.9, linestyles=":", zorder=1)
    for name, values in lines.items():
        strong = name == bold
        ax.plot(
            x,
            values,
            color=hue(metric or label) if strong else MUTED,
            linewidth=2.4 if strong else 0.9,
            label=name,
            zorder=4 if strong else 3,
        )
        ax.plot([x[ends[name]]], [last[name]], "o", color=INK, markersize=3.0, zorder=5)
    as_of_rule(ax, day)
    label_right(ax, right, marks)
    subtitle = f"{capitalised(label)}, ratio of four-quarter totals, {there[0]}–{there[-1]}"
    subtitle += "; dotted: one to one" if low < 1 < high else ""
    finish(ax, own, title, subtitle)
    return ax


def _along(one: pd.DataFrame, quarters: Sequence[str]) -> np.ndarray:
    """Return one entity's ratios by quarter, NaN where there is none."""
    values = dict(zip(one["quarter"], one["ratio"], strict=True))
    return np.array([values.get(q, np.nan) for q in quarters])


# --- report calendar -------------------------------------------------------------------------
LINE = 36.0  # points, height of a company's row
MARK = 5.0  # points, size of a mark


def calendar_grid(
    calendar: Calendar,
    *,
    quarters: int = 5,
    title: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw which quarters were reported on which day, and when the missing ones are expected.

    Parameters
    ----------
    calendar
        From :func:`forecast.report_calendar`.
    quarters
        How many of the last quarters to show.
    title
        The finding, about ten words.
    ax
        Where to draw; a new pyplot figure by default.

    Returns
    -------
    matplotlib.axes.Axes
        A row a company, a column a quarter: solid where reported, hollow where not, with the day.

    Raises
    ------
    DataError
        If it is no calendar, or has no row.
    """
    if not isinstance(calendar, Calendar) or calendar.rows.empty:
        raise DataError("got no report calendar; wanted the result of report_calendar(known)")
    columns = sorted(set(calendar.rows["quarter"]))[-quarters:]
    shown = calendar.rows[calendar.rows["quarter"].isin(columns)]
    names = list(dict.fromkeys(shown["entity"]))
    head = 2 * TICK * LEADING
    told = [cut(called(n), NAMES, TICK) for n in names]
    left = (max(text_width(n, TICK) for n in told) + 12) / 72
    ax, own = begin(ax, height=(head + LINE * len(names)) / 72, left=left)
    ax.set_xlim(0, len(columns))
    ax.set_ylim(head + LINE * len(names), 0)
    ax.spines["bottom"].set_visible(False)
    ax.set_xticks([])
    rows = head + LINE * (np.arange(len(names)) + 0.5)
    ax.set_yticks(rows, [drawable(n) for n in told], parse_math=False)
    ax.tick_params(axis="y", labelcolor=INK)
    for k, quarter in enumerate(columns):
        note_at(ax, quarter, (k + 0.08, head / 2), color=MUTED, size=TICK)
    ax.hlines(head + LINE * np.arange(len(names) + 1), 0, len(columns), colors=RULE, linewidths=0.7)
    for row in shown.to_dict("records"):
        at = (columns.index(row["quarter"]) + 0.08, float(rows[names.index(row["entity"])]))
        _cell(ax, row, at)
    subtitle = (
        "Solid: day of the report. Hollow: not reported by "
        f"{calendar.date}; expected day and range by the company's own past lags. A fiscal quarter "
        "stands at the calendar quarter of its middle"
    )
    finish(ax, own, title, subtitle)
    return ax


def _cell(ax: Axes, row: Mapping[Hashable, str], at: tuple[float, float]) -> None:
    """Draw one quarter of one company: a mark and its day, or what is expected."""
    x, y = at
    reported = row["status"] == "reported"
    ax.plot(
        [x],
        [y],
        marker="o",
        markersize=MARK,
        linestyle="none",
        color=INK if reported else PAPER,
        markeredgecolor=MUTED if row["status"] == "running" else INK,
        label=row["status"],
        zorder=4,
    )
    if reported:
        note_at(ax, _day(row["reported_on"]), (x, y), (8, 0))
        return
    if row["overdue_since"]:
        since = row["overdue_since"]
        note_at(ax, "overdue since", (x, y), (8, 5))
        note_at(ax, f"{_day(since)} {since[:4]}", (x, y), (8, -5))
        return
    if not row["expected_on"]:
        word = "no day to expect" if row["status"] == "missing" else ""
        note_at(ax, word, (x, y), (8, 0), color=MUTED)
        return
    note_at(ax, f"expected {_day(row['expected_on'])}", (x, y), (8, 5))
    low, high = _day(row["expected_from"]), _day(row["expected_to"])
    if low.split()[1] == high.split()[1]:
        low = low.split()[0]
    note_at(ax, f"{low}–{high}", (x, y), (8, -5), color=MUTED)


MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def _day(text: str) -> str:
    """Return a day without its year, as the column names the quarter: 29 Apr."""
    day = dt.date.fromisoformat(text)
    return f"{day.day} {MONTHS[day.month - 1]}"
