"""When a fall of capex may come: by quarter, with what either kind of class says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from forecast.core.errors import DataError
from forecast.core.text import percent
from forecast.models.capex_hazard.panel import VIEWS, fall_metric
from forecast.plots.style import (
    BANDS,
    INK,
    MUTED,
    band_edges,
    begin,
    find_series,
    finish,
    grid_lines,
    hue,
    label_right,
    make_room,
    naive_label,
    name_axis,
    note_at,
    samples_of,
)

MARKED = (4, 8)
"""Quarters at which the probability is written."""
STYLES: Mapping[str, tuple[int, tuple[float, ...]]] = {
    "broad": (0, (1, 1.2)),
    "narrow": (0, (5, 1.5)),
}
"""Strokes of the two readings of what a set of companies is."""


def ahead_of(draws: xr.Dataset, entity: str, fall: int) -> xr.Dataset:
    """Return a fall's series over the quarters to come.

    Raises
    ------
    DataError
        If the draws have no such entity, or nothing of it lies ahead.
    """
    series = find_series(draws, fall_metric(fall), entity)
    known = np.flatnonzero(np.isfinite(series["observed"].values))
    told = np.isfinite(series["y"].isel(chain=0, draw=0).values)
    told[: int(known[-1]) + 1 if len(known) else 0] = False
    if not told.any():
        raise DataError(f"the draws have no quarter to come of {entity}")
    return series.isel(period=np.flatnonzero(told))


def first_passage(
    draws: xr.Dataset,
    fall: int,
    entity: str,
    *,
    baseline: xr.Dataset | None = None,
    title: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw the probability that capex has come to stand so far below its highest, by quarter.

    Parameters
    ----------
    draws
        Joint draws of the capex_hazard model.
    fall
        5, 10 or 20 percent.
    entity
        Whose capex.
    baseline
        Draws of a naive forecast with the same series.
    title
        The finding, about ten words.
    ax
        Where to draw; a new pyplot figure by default.

    Returns
    -------
    matplotlib.axes.Axes
        The share of draws in which it has come, with bands of the probability that a draw gives, and the
        shares where a set is taken for a broad aggregate or for a narrow industry.
    """
    series = ahead_of(draws, entity, fall)
    sample = 100 * samples_of(series["signal"])
    sample = np.concatenate([np.zeros((len(sample), 1)), sample], axis=1)
    mean = _path(series["y"])
    quarters = np.arange(len(mean))
    color, last = hue("fall"), int(quarters[-1])
    lines: list[tuple[str, np.ndarray, dict[str, Any]]] = [
        ("model", mean, {"color": color, "linewidth": 1.8})
    ]
    there = set(draws["entity"].values.astype(str))
    for by, name in VIEWS.items():
        if f"{entity}, {name}" in there:
            view = _path(ahead_of(draws, f"{entity}, {name}", fall)["y"])
            lines.append((name, view, {"color": MUTED, "linewidth": 1.1, "linestyle": STYLES[by]}))
    if baseline is not None:
        naive = _path(ahead_of(baseline, entity, fall)["signal"])
        dashed: dict[str, Any] = {"color": INK, "linewidth": 1, "linestyle": (0, (4, 2))}
        lines.append((naive_label(baseline.attrs), naive, dashed))
    labels = [(text, float(path[-1])) for text, path, _ in lines]
    ax, own = begin(ax, height=2.4)
    ax.set_ylim(0, 104)
    make_room(ax, 0, last, [text for text, _ in labels])
    grid_lines(ax, [0, 25, 50, 75, 100], ["0 %", "25 %", "50 %", "75 %", "100 %"], last)
    for probability, _, opacity in BANDS[1:]:
        low, high = np.quantile(sample, band_edges(probability), axis=0)
        ax.fill_between(
            quarters, low, high, color=color, alpha=opacity * 0.8, linewidth=0, zorder=1
        )
    for text, path, style in lines:
        ax.plot(quarters, path, zorder=3, label=text, **style)
    for quarter in (q for q in MARKED if q <= last):
        at = (quarter, float(mean[quarter]))
        ax.plot(*([v] for v in at), "o", color=color, markersize=4.5, zorder=4)
        note_at(ax, percent(at[1] / 100), at, (-3, 5), align="right bottom")
    label_right(ax, last, labels, past=2)
    ax.set_xticks(quarters[::2], [str(3 * q) for q in quarters[::2]])
    name_axis(ax, f"months after {_before(series)}")
    subtitle = (
        f"Probability that the total of four quarters stands {fall} % or more below its highest, %; "
        "bands: 5 and 8 in 10 draws of rates and of years to come"
    )
    finish(ax, own, title, subtitle, foot=0.16)
    return ax


def _path(values: xr.DataArray) -> np.ndarray:
    """Return the mean over draws by quarter, percent, from nought on."""
    path: np.ndarray = np.concatenate([[0.0], 100 * samples_of(values).mean(axis=0)])
    return path


def _before(series: xr.Dataset) -> str:
    """Return the quarter before the first of a series."""
    year, quarter = str(series["period"].values[0]).split("Q")
    return f"{int(year) - 1}Q4" if quarter == "1" else f"{year}Q{int(quarter) - 1}"
