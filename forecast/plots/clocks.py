"""When each definition of a claim may come true: spending and prices on one calendar."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from matplotlib.axes import Axes

from forecast.core.errors import DataError
from forecast.core.text import percent
from forecast.plots.style import (
    MUTED,
    begin,
    decimal_year,
    finish,
    grid_lines,
    hue,
    label_right,
    make_room,
    note_at,
)


def clocks(
    curves: Sequence[tuple[str, str, Sequence[dt.date], Sequence[float]]],
    *,
    start: dt.date,
    marked: Sequence[tuple[dt.date, str]] = (),
    title: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw the probability that each event has come, by date.

    Parameters
    ----------
    curves
        Label, metric (which gives the hue), days, and the probability by the end of each, a share.
    start
        The day from which events count.
    marked
        Days with a vertical line, and their label.
    title
        The finding, about ten words.
    ax
        Where to draw; a new pyplot figure by default.

    Returns
    -------
    matplotlib.axes.Axes
        One step line an event, from zero at `start`, stepping up where a period ends.

    Raises
    ------
    DataError
        If there is no curve, or one without a day.
    """
    if not curves or not all(days for _, _, days, _ in curves):
        raise DataError("a figure of clocks wants at least one curve, each with at least one day")
    ax, own = begin(ax, height=2.8)
    left = decimal_year(start)
    right = max(decimal_year(days[-1]) for _, _, days, _ in curves)
    right = max([right, *(decimal_year(day) for day, _ in marked)])
    labels = [(f"{name}: {percent(p[-1])}", 100 * p[-1]) for name, _, _, p in curves]
    labels = [(text.replace(" %", "\N{NO-BREAK SPACE}%"), at) for text, at in labels]
    ax.set_ylim(0, 106)
    make_room(ax, left, right, [text for text, _ in labels])
    grid_lines(ax, [0, 25, 50, 75, 100], ["0 %", "25 %", "50 %", "75 %", "100 %"], right)
    for day, text in marked:
        at = decimal_year(day)
        ax.vlines(at, 0, 100, colors=MUTED, linewidths=0.8, linestyles=(0, (2, 2)), zorder=1)
        note_at(ax, text, (at, 100), (-3, 3), align="right bottom", color=MUTED)
    seen: dict[str, int] = {}
    for name, metric, days, p in curves:
        width = (2.2, 1.4, 0.9)[min(seen.get(metric, 0), 2)]  # a hue's second line is thinner
        seen[metric] = seen.get(metric, 0) + 1
        x = [left, *(decimal_year(day) for day in days)]
        y = [0.0, *(100 * q for q in p)]
        if x[-1] < right:  # nothing of this kind is counted after its last period in the window
            x, y = [*x, right], [*y, y[-1]]
        ax.step(x, y, where="post", color=hue(metric), linewidth=width, zorder=3, label=name)
    label_right(ax, right, labels, past=2)
    quarters = [
        (year, month)
        for year in range(start.year, start.year + 6)
        for month in (1, 7)
        if left <= decimal_year(dt.date(year, month, 1)) <= right
    ]
    ax.set_xticks(
        [decimal_year(dt.date(y, m, 1)) for y, m in quarters],
        [str(y) if m == 1 else "July" for y, m in quarters],
    )
    subtitle = "Probability that it has come by the date, %; a step where a period is complete"
    finish(ax, own, title, subtitle)
    return ax
