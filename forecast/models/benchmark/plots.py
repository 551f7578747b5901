"""Benchmark scores against compute and date, and open models against closed ones."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from forecast.core.errors import UnknownNameError
from forecast.core.text import one_line
from forecast.plots.style import (
    BANDS,
    INK,
    MUTED,
    NAMED,
    band_edges,
    band_marks,
    begin,
    box_of,
    decimal_year,
    even_ticks,
    finish,
    grid_lines,
    hue,
    label_right,
    make_room,
    name_axis,
    number_text,
    samples_of,
)

if TYPE_CHECKING:
    from forecast.models.base import Panel

ACCESS_HUES = {"closed": "#832db6", "open": "#e76300"}


def _curve(draws: xr.Dataset, benchmark: str) -> xr.DataArray:
    if "curve" not in draws:
        raise UnknownNameError(f"the draws have no 'curve'; there are {one_line(list(draws))}")
    there = [str(b) for b in draws["benchmark"].values]
    if benchmark not in there:
        raise UnknownNameError(f"no benchmark is called {benchmark!r}; there are {one_line(there)}")
    return draws["curve"].sel(benchmark=benchmark, drop=True)


def _bands(ax: Axes, x: np.ndarray, samples: np.ndarray, color: str, label: str) -> np.ndarray:
    """Fill the bands, draw the median and return it."""
    for probability, name, alpha in BANDS:
        low, high = np.quantile(samples, band_edges(probability), axis=0)
        ax.fill_between(
            x, low, high, color=color, alpha=alpha, linewidth=0, label=f"{label}{name}", zorder=2
        )
    median: np.ndarray = np.median(samples, axis=0)
    ax.plot(x, median, color=INK, linewidth=0.9, label=f"{label}median", zorder=3)
    return median


def _of(panel: Panel, benchmark: str) -> xr.Dataset:
    return panel.data.isel(obs=np.flatnonzero(panel.data["benchmark"].values == benchmark))


def _percent_axis(ax: Axes, right: float) -> None:
    ticks = even_ticks(0, 100, box_of(ax)[1])
    grid_lines(ax, ticks, [f"{number_text(t)} %" for t in ticks], right)


def cost_curve(
    draws: xr.Dataset,
    panel: Panel,
    benchmark: str = "MMLU",
    *,
    compute_log10_sd: Sequence[float] = (),
    title: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw the expected score on a benchmark against training compute, with the releases' scores.

    Parameters
    ----------
    draws
        Draws of the benchmark model; ``curve`` (percent) is drawn: the latest date with its bands,
        the earlier one as a line.
    panel
        Its panel; releases without admitted compute are not shown.
    benchmark
        Which one.
    compute_log10_sd
        Standard deviation of a compute estimate by how sure its source is, in the order of
        :data:`forecast.models.benchmark.panel.COMPUTE_WORDS`; drawn as a bar of one.
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
        If the draws have no curve, or none of that benchmark.
    """
    curve = _curve(draws, benchmark)
    when = [str(w) for w in draws["when"].values]
    before, now = (samples_of(curve.isel(when=k, drop=True), "compute") for k in (0, -1))
    compute = draws["compute"].values
    rows = _of(panel, benchmark)
    rows = rows.isel(obs=np.flatnonzero(np.isfinite(rows["log_compute"].values)))
    x, y = 10.0 ** rows["log_compute"].values, 100 * rows["score"].values

    ax, own = begin(ax, height=3.0)
    ax.set_xscale("log")
    ax.set_ylim(-1, 101)
    earlier = np.median(before, axis=0)
    marks = band_marks(now[:, -1], log=False)
    make_room(ax, float(compute[0]), float(compute[-1]), [text for text, _ in marks])
    _percent_axis(ax, float(compute[-1]))
    powers = range(math.ceil(np.log10(compute[0])), math.floor(np.log10(compute[-1])) + 1, 2)
    ax.set_xticks([10.0**k for k in powers], [f"1e{k}" for k in powers])
    ax.minorticks_off()
    name_axis(ax, "training compute, FLOP, log scale")
    _bands(ax, compute, now, hue("score"), "")
    ax.plot(compute, earlier, color=INK, linewidth=0.9, linestyle="--", label=when[0], zorder=3)
    errors = _bars(rows, x, compute_log10_sd)
    reasoning = rows["reasoning"].values > 0
    for flag, face, label in ((False, "none", "without reasoning"), (True, INK, "with reasoning")):
        shown = reasoning == flag
        if not shown.any():
            continue
        ax.errorbar(
            x[shown],
            y[shown],
            xerr=None if errors is None else errors[:, shown],
            yerr=100 * rows["score_se"].values[shown],
            fmt="o",
            markersize=2.6,
            color=INK,
            markerfacecolor=face,
            markeredgewidth=0.6,
            elinewidth=0.35,
            alpha=0.6,
            label=label,
            zorder=4,
        )
    label_right(ax, float(compute[-1]), marks)
    bars = "; bars: 1 s.d." if errors is not None else ""
    subtitle = (
        f"{benchmark}, %; bands: {when[-1][:7]} with reasoning, dashed: {when[0][:7]} without; "
        f"points: releases (filled: reasoning){bars}"
    )
    finish(ax, own, title, subtitle, foot=NAMED)
    return ax


def _bars(rows: xr.Dataset, x: np.ndarray, sd: Sequence[float]) -> np.ndarray | None:
    """Return lengths of the bars left and right of each compute, FLOP, shape (2, row)."""
    if not sd:
        return None
    factor = 10.0 ** np.asarray(sd)[rows["compute_word"].values]
    return np.array([x - x / factor, x * factor - x])


def frontier(draws: xr.Dataset, *, title: str | None = None, ax: Axes | None = None) -> Axes:
    """Draw the capability of the best open and the best closed model against date.

    Parameters
    ----------
    draws
        Draws of the benchmark model; ``frontier`` (log-odds) is drawn.
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
        If the draws have no frontier.
    """
    if "frontier" not in draws:
        raise UnknownNameError(f"the draws have no 'frontier'; there are {one_line(list(draws))}")
    days = _dates(draws)
    found = {
        str(a): samples_of(draws["frontier"].sel(access=a, drop=True), "date")
        for a in draws["access"].values
    }
    ax, own = begin(ax, height=3.0)
    ends = [(f"best {name}", float(np.median(s[:, -1]))) for name, s in found.items()]
    shown = {name: np.isfinite(s).all(axis=0) for name, s in found.items()}
    edges = {n: np.quantile(s[:, shown[n]], band_edges(0.95), axis=0) for n, s in found.items()}
    lowest = min(float(low.min()) for low, _ in edges.values())
    highest = max(float(high.max()) for _, high in edges.values())
    ax.set_ylim(lowest - 0.2, highest + 0.2)
    _against_date(ax, days, [text for text, _ in ends])
    for name, samples in found.items():
        there, (low, high) = shown[name], edges[name]
        ax.fill_between(
            days[there], low, high, color=ACCESS_HUES[name], alpha=0.3, linewidth=0, label=name
        )
        ax.plot(
            days[there],
            np.median(samples[:, there], axis=0),
            color=ACCESS_HUES[name],
            linewidth=1.2,
            label=f"{name} median",
        )
    label_right(ax, float(days[-1]), ends)
    finish(ax, own, title, "Capability of the best model released, log-odds; band: 95 in 100")
    return ax


def open_lag(
    draws: xr.Dataset,
    *,
    threshold: float | None = None,
    title: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw by how many months open models trail closed ones, against date.

    Parameters
    ----------
    draws
        Draws of the benchmark model; ``lag`` (months) is drawn.
    threshold
        A lag to mark, months.
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
        If the draws have no lag.
    """
    if "lag" not in draws:
        raise UnknownNameError(f"the draws have no 'lag'; there are {one_line(list(draws))}")
    samples, days = samples_of(draws["lag"], "date"), _dates(draws)
    there = np.isfinite(samples).all(axis=0)
    samples, days = samples[:, there], days[there]
    ax, own = begin(ax, height=3.0)
    low, high = np.quantile(samples, band_edges(BANDS[0][0]), axis=0)
    ax.set_ylim(min(float(low.min()), 0.0) - 1, max(float(high.max()), threshold or 0) + 1)
    marks = band_marks(samples[:, -1], log=False)
    _against_date(ax, days, [text for text, _ in marks])
    _bands(ax, days, samples, ACCESS_HUES["open"], "")
    if threshold is not None:
        ax.hlines(threshold, days[0], days[-1], colors=MUTED, linestyles=":", linewidths=1.0)
    label_right(ax, float(days[-1]), marks)
    finish(ax, own, title, "Months since a closed model first did what the best open one does")
    return ax


def _dates(draws: xr.Dataset) -> np.ndarray:
    return np.array([decimal_year(dt.date.fromisoformat(str(d))) for d in draws["date"].values])


def _against_date(ax: Axes, days: np.ndarray, marks: list[str]) -> None:
    """Lay out an axes over dates: room for what stands at the right, a grid, a tick a year."""
    make_room(ax, float(days[0]), float(days[-1]), marks)
    ticks = even_ticks(*ax.get_ylim(), box_of(ax)[1])
    grid_lines(ax, ticks, [number_text(t) for t in ticks], float(days[-1]))
    years = range(math.ceil(days[0]), math.floor(days[-1]) + 1)
    ax.set_xticks(list(years), [str(year) for year in years])
