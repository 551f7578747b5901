"""Prices and shares over time: offers and their envelope, indices and their trend."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from forecast.core.errors import DataError
from forecast.core.periods import parse_date
from forecast.plots.style import (
    BANDS,
    INK,
    LABEL,
    MUTED,
    PAPER,
    as_of_rule,
    band_edges,
    begin,
    decimal_year,
    find_series,
    finish,
    frequency_of,
    grid_lines,
    hue,
    label_right,
    level_ticks,
    make_room,
    note_at,
    number_text,
    spans_of,
    time_axis,
)

if TYPE_CHECKING:
    from forecast.models.base import Panel

PLAIN = 0.45  # opacity of single offers and quotes behind a fan


def price_envelope(
    draws: xr.Dataset,
    panel: Panel,
    entities: Sequence[str],
    *,
    hollow: Sequence[str] = (),
    declines: Mapping[str, tuple[str, float, float, float]] | None = None,
    title: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw offers, the cheapest price at each capability, and where it may go.

    Parameters
    ----------
    draws
        Draws of the api_price model.
    panel
        Its panel: the offers are drawn as dots.
    entities
        Capabilities such as "GPT-4 level", at most three; each has its steps, and a fan of 80 % with
        its median.
    hollow
        Houses whose dots are hollow; the subtitle names them.
    declines
        Published declines to compare with: by label, the day and price they start from, the factor a
        year, and how many years they were seen to hold.
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
        If the draws have no such series.
    DataError
        If the draws do not say their ``as_of``.
    """
    if "as_of" not in draws.attrs:
        raise DataError("the draws have no as_of attribute; take them from forecast(run)")
    found = {name: find_series(draws, "price", name) for name in entities}
    labels = [str(p) for p in draws["period"].values]
    ends = spans_of(labels)[1]
    rows = panel.data.isel(obs=np.flatnonzero(panel.data["kind"].values == "offer"))
    when = np.array([decimal_year(dt.date.fromisoformat(str(d))) for d in rows["day"].values])
    price = rows["value"].values

    ax, own = begin(ax, height=3.9)
    marks, lowest = [], float(price.min())
    for series in found.values():
        ahead = series["y"].isel(period=np.isnan(series["observed"].values))
        lowest = min(lowest, float(ahead.isel(period=-1).quantile(0.1)))
    ax.set_yscale("log")
    ax.set_ylim(lowest / 1.5, float(price.max()) * 1.6)
    make_room(ax, float(when.min()) - 0.1, float(ends[-1]), ["GPT-3.5 level"])
    ticks = level_ticks(*ax.get_ylim())
    grid_lines(ax, ticks, [number_text(t) for t in ticks], float(ends[-1]))
    time_axis(ax, labels, float(ends[-1]))
    ax.minorticks_off()
    apart = np.isin(rows["provider"].values.astype(str), list(hollow))
    for group, face in ((~apart, MUTED), (apart, PAPER)):
        ax.plot(
            when[group], price[group], "o", markerfacecolor=face, markeredgecolor=MUTED,
            markersize=3.2, markeredgewidth=0.7, alpha=PLAIN if face == MUTED else 0.8, zorder=2,
        )  # fmt: skip
    for shade, (name, series) in enumerate(found.items()):
        marks.append((name, _steps_and_fan(ax, series, ends, shade / max(len(found), 1))))
    for label, (day, start, factor, years) in (declines or {}).items():
        x = decimal_year(parse_date(day)) + np.array([0.0, years])
        y = start * factor ** -np.array([0.0, years])
        ax.plot(x, y, color=INK, linewidth=0.9, linestyle=(0, (4, 2)), zorder=4)
        note_at(ax, label, (float(x[-1]), float(y[-1])), (4, -2), align="left top", size=LABEL)
    label_right(ax, float(ends[-1]), marks)
    as_of_rule(ax, parse_date(str(draws.attrs["as_of"])))
    apart_words = f", hollow of {', '.join(hollow)}" if hollow else ""
    subtitle = (
        f"Cheapest model on the list that reaches a capability, {frequency_of(labels)}USD per 1M tokens "
        f"(3 input : 1 output), log scale; dots: single offers{apart_words}; band: 8 in 10, with median"
    )
    finish(ax, own, title, subtitle)
    return ax


def _steps_and_fan(ax: Axes, series: xr.Dataset, ends: np.ndarray, pale: float) -> float:
    """Draw one envelope: what was listed as steps, then the band and the median. Return its end."""
    color, seen = hue("price"), np.isfinite(series["observed"].values)
    past = series["observed"].values[seen]
    ax.step(ends[seen], past, where="post", color=color, linewidth=1.5, alpha=1 - 0.6 * pale)
    last = int(np.flatnonzero(seen)[-1])
    levels = [*band_edges(BANDS[1][0]), 0.5]
    future = series["y"].isel(period=slice(last + 1, None))
    low, high, middle = future.quantile(levels, dim=("chain", "draw")).values
    x = ends[last:]
    low, high, middle = (np.append(past[-1], edge) for edge in (low, high, middle))
    ax.fill_between(x, low, high, color=color, alpha=0.32 - 0.2 * pale, linewidth=0, zorder=3)
    ax.plot(x, middle, color=color, linewidth=1.2, alpha=1 - 0.6 * pale, zorder=4)
    return float(middle[-1])
