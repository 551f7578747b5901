"""What the data made of a parameter."""

from __future__ import annotations

import re

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from forecast.core.errors import UnknownNameError
from forecast.core.text import one_line
from forecast.plots.style import (
    INK,
    MUTED,
    NAMED,
    RULE,
    begin,
    box_of,
    decimals_of,
    even_ticks,
    finish,
    hue,
    make_room,
    name_axis,
    note_at,
    number_text,
    points_of,
)


def prior_posterior(
    prior: xr.Dataset,
    posterior: xr.Dataset,
    name: str,
    *,
    label: str | None = None,
    metric: str | None = None,
    title: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw what the data made of one parameter: prior in grey outline, posterior filled.

    Parameters
    ----------
    prior, posterior
        Parameter draws, dims chain, draw and the parameter's own.
    name
        A scalar parameter, or one cell of a parameter with one more dim, written as in the
        summary: ``growth[AI market/ai_revenue]``.
    label
        What it is, with its unit; `name` by default.
    metric
        Whose hue to use; that of AI investment by default.
    title
        The finding, about ten words.
    ax
        Where to draw; a new pyplot figure by default.

    Returns
    -------
    matplotlib.axes.Axes
        Histograms of area one, and under them the 5, 50 and 95 % quantiles of both.

    Raises
    ------
    UnknownNameError
        If one of them has no such parameter or cell.
    """
    before, after = _cell(prior, name, "prior"), _cell(posterior, name, "posterior")
    color = hue(metric or "ai_investment")
    ranges = [np.quantile(v, [0.005, 0.995]) for v in (before, after)]
    low, high = float(min(r[0] for r in ranges)), float(max(r[1] for r in ranges))
    ax, own = begin(ax, height=2.2, left=0.25)
    shapes = [_density(v, r) for v, r in zip((before, after), ranges, strict=True)]
    top = max(float(heights.max()) for heights, _ in shapes)
    make_room(ax, low, high, ["posterior"])
    # The two ranges lie under the densities, in rows of a fixed height.
    row = 15.0
    share = 2 * row / box_of(ax)[1]
    ax.set_ylim(-1.06 * top * share / (1 - share), 1.06 * top)
    deep = ax.get_ylim()[0]
    ax.set_yticks([])
    ax.hlines(0, low, high, colors=RULE, linewidths=0.7, zorder=0)
    (old, old_edges), (new, new_edges) = shapes
    ax.stairs(new, new_edges, fill=True, color=color, alpha=0.55, label="posterior", zorder=2)
    ax.stairs(old, old_edges, color=MUTED, linewidth=1.2, label="prior", zorder=3)
    rows = ((after, color, 2.6, "posterior", 0.28), (before, MUTED, 1.4, "prior", 0.76))
    for values, ink, width, text, depth in rows:
        q05, q50, q95 = np.quantile(values, [0.05, 0.5, 0.95])
        y = depth * deep
        ax.plot([q05, q95], [y, y], color=ink, linewidth=width, label=f"{text} 90 %", zorder=3)
        ax.plot([q50], [y], marker="|", markersize=8, color=INK, zorder=4)
        note_at(ax, text, (high, y), (10, 0))
    ticks = even_ticks(low, high, 0.8 * points_of(ax, high, 0)[0])
    ax.set_xticks(ticks, [number_text(t, decimals_of(ticks)) for t in ticks])
    name_axis(ax, label or name.replace("_", " "))
    subtitle = "Prior: grey outline; posterior: filled; bars: 90 % ranges, with the medians"
    finish(ax, own, title, subtitle, foot=NAMED)
    return ax


def _cell(draws: xr.Dataset, name: str, what: str) -> np.ndarray:
    """Return all draws of a parameter or of one of its cells, shape (sample,)."""
    match = re.fullmatch(r"(\w+)\[(.+)\]", name)
    bare, cell = (match[1], match[2]) if match else (name, None)
    if bare not in draws:
        raise UnknownNameError(
            f"the {what} has no parameter {bare!r}; there are {one_line(sorted(map(str, draws)))}"
        )
    array = draws[bare]
    own = [d for d in array.dims if d not in ("chain", "draw")]
    if not own and cell is None:
        return np.asarray(array.values, dtype=float).ravel()
    labels = [str(v) for v in array[own[0]].values] if len(own) == 1 else []
    if cell not in labels:
        raise UnknownNameError(
            f"the {what}'s {bare} has no cell {cell!r}; "
            f"there are {one_line([f'{bare}[{v}]' for v in labels]) or 'none: it is a scalar'}"
        )
    return np.asarray(array.isel({own[0]: labels.index(str(cell))}).values, dtype=float).ravel()


def _density(values: np.ndarray, limits: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return a histogram's heights and edges; the area is the share of draws within the limits."""
    low, high = float(limits[0]), float(limits[1])
    if low == high:
        low, high = low - 0.5, high + 0.5
    counts, edges = np.histogram(values, bins=30, range=(low, high))
    return counts / (len(values) * np.diff(edges)), edges
