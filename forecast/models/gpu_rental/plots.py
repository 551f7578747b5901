"""Quotes of a rent by index and the trend they share."""

from __future__ import annotations

import datetime as dt
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
    points_of,
    spans_of,
    time_axis,
)

if TYPE_CHECKING:
    from forecast.models.base import Panel

NAME_ROWS = 62.0  # points over the lower end of the axis, where the first name of an index stands


def index_trend(
    draws: xr.Dataset,
    panel: Panel,
    *,
    metric: str,
    entity: str,
    label: str,
    title: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw quotes of several indices and the latent trend that they share.

    Parameters
    ----------
    draws
        Draws of the gpu_rental model.
    panel
        Its panel; bounds are drawn as arrows.
    metric, entity
        The series of the trend.
    label
        What is measured.
    title
        The finding, about ten words.
    ax
        Where to draw; a new pyplot figure by default.

    Returns
    -------
    matplotlib.axes.Axes
    """
    if "as_of" not in draws.attrs:
        raise DataError("the draws have no as_of attribute; take them from forecast(run)")
    series = find_series(draws, metric, entity)
    labels = [str(p) for p in draws["period"].values]
    ends = spans_of(labels)[1]
    data = panel.data
    when = np.array([decimal_year(dt.date.fromisoformat(str(d))) for d in data["day"].values])
    value, index = data["value"].values, data["index"].values.astype(str)

    ax, own = begin(ax, height=3.4)
    edges = series["y"].quantile([0.025, 0.975], dim=("chain", "draw")).values
    ax.set_yscale("log")
    ax.set_ylim(min(edges.min(), value.min()) / 1.6, max(edges.max(), value.max()) * 1.3)
    names = [name for _, name, _ in BANDS]
    make_room(ax, float(min(when.min(), ends[0])) - 0.08, float(ends[-1]), names)
    ticks = level_ticks(*ax.get_ylim())
    grid_lines(ax, ticks, [number_text(t) for t in ticks], float(ends[-1]))
    time_axis(ax, labels, float(ends[-1]))
    ax.minorticks_off()
    last = []
    for probability, name, alpha in BANDS:
        low, high = series["y"].quantile(band_edges(probability), dim=("chain", "draw")).values
        ax.fill_between(ends, low, high, color=hue(metric), alpha=alpha, linewidth=0, zorder=2)
        last.append((name, float(high[-1])))
    median = series["y"].quantile(0.5, dim=("chain", "draw")).values
    ax.plot(ends, median, color=INK, linewidth=0.9, zorder=3)
    label_right(ax, float(ends[-1]), [*last, ("median", float(median[-1]))])
    # The newest index is named highest, so that no leader crosses a name.
    newest = sorted(set(index), key=lambda name: -when[index == name].max())
    for number, name in enumerate(newest):
        _quotes(ax, when, value, data["bound"].values, index == name, name, number)
    as_of_rule(ax, parse_date(str(draws.attrs["as_of"])))
    subtitle = (
        f"{label}, {frequency_of(labels)}{series['unit'].values}, log scale; dots: quotes of single "
        "indices, which differ in level; arrow: at least; bands: the level of an average index"
    )
    finish(ax, own, title, subtitle)
    return ax


def _quotes(
    ax: Axes,
    when: np.ndarray,
    value: np.ndarray,
    bound: np.ndarray,
    own: np.ndarray,
    name: str,
    number: int,
) -> None:
    """Draw one index's quotes, joined, and its name at the last of them."""
    exact = own & (bound == 0)
    order = np.argsort(when[exact], kind="stable")
    x, y = when[exact][order], value[exact][order]
    ax.plot(x, y, "o-", color=INK, markersize=3, linewidth=0.6, alpha=0.8, zorder=5)
    for k in np.flatnonzero(own & (bound != 0)):
        tip = (float(when[k]), float(value[k]) * 1.4 ** int(bound[k]))
        arrow = {"arrowstyle": "->", "color": INK, "linewidth": 1.0}
        ax.annotate("", xy=tip, xytext=(float(when[k]), float(value[k])), arrowprops=arrow)
        ax.plot(when[k], value[k], "_", color=INK, markersize=7, zorder=5)
        x, y = np.append(x, when[k]), np.append(y, value[k])
    at = float(x[np.argmax(x)]), float(y[np.argmax(x)])
    low = ax.get_ylim()[0]
    down = points_of(ax, *at)[1] - points_of(ax, at[0], low)[1] - NAME_ROWS + 11 * number
    note_at(ax, name, at, (4, -down), align="left center", color=INK, size=LABEL,
            leader={"relpos": (0, 0.5)})  # fmt: skip
