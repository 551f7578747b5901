"""Scores against what they cost."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from forecast.panels import Panel
from forecast.plots.base import (
    BANDS,
    INK,
    LABEL,
    LEADING,
    MUTED,
    NAMED,
    Rect,
    band_edges,
    band_marks,
    begin,
    box_of,
    even_ticks,
    finish,
    grid_lines,
    hue,
    label_right,
    make_room,
    name_axis,
    note_at,
    number_text,
    overlap,
    points_of,
    samples_of,
    text_width,
    wrap,
)
from forecast.schema import UnknownNameError, one_line


# --- cost and parameters ---------------------------------------------------------------------
def cost_curve(
    draws: xr.Dataset,
    panel: Panel,
    *,
    cost_log10_sd: Mapping[str, float] | None = None,
    floor: float | None = None,
    ceiling: float | None = None,
    label: str = "benchmark score",
    title: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw the expected score against training cost, with the releases that taught it.

    Parameters
    ----------
    draws
        Draws of the benchmark model; ``curve`` (dims chain, draw, cost; percent against USD m) is
        drawn.
    panel
        Its panel: ``score`` (share), ``cost`` (USD m), ``release`` and ``released``.
    cost_log10_sd
        Standard deviation of each release's printed cost, log10, by name; drawn as a bar of one.
    floor, ceiling
        Chance and the best that label errors leave, percent.
    label
        What the score is.
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
        If the draws have no curve, or `cost_log10_sd` names a release that the panel has not.
    DataError
        If the curve has other dims.
    """
    if "curve" not in draws:
        raise UnknownNameError(f"the draws have no 'curve'; there are {one_line(list(draws))}")
    samples = samples_of(draws["curve"], "cost")
    cost = draws["cost"].values
    names = [str(r) for r in panel.data["release"].values]
    years = [str(d)[:4] for d in panel.data["released"].values]
    x, y = panel.data["cost"].values, 100 * panel.data["score"].values
    errors = _cost_bars(names, x, cost_log10_sd or {})
    limits = [(text, v) for text, v in (("ceiling", ceiling), ("chance", floor)) if v is not None]
    marks = band_marks(samples[:, -1], log=False)
    marks += [(f"{text} {number_text(v)} %", v) for text, v in limits]

    ax, own = begin(ax, height=3.3)
    lowest = min(np.quantile(samples, 0.025, axis=0).min(), y.min(), *(v for _, v in limits))
    ax.set_xscale("log")
    ax.set_ylim(lowest - 0.04 * (100 - lowest), 100)
    make_room(ax, float(cost[0]), float(cost[-1]), [text for text, _ in marks])
    ticks = even_ticks(*ax.get_ylim(), box_of(ax)[1])
    grid_lines(ax, ticks, [f"{number_text(t)} %" for t in ticks], float(cost[-1]))
    decades = _decades(float(cost[0]), float(cost[-1]))
    ax.set_xticks(decades, [number_text(t) for t in decades])
    name_axis(ax, "training cost, USD m, log scale")
    ax.minorticks_off()
    color = hue("score")
    for probability, name, alpha in BANDS:
        low, high = np.quantile(samples, band_edges(probability), axis=0)
        ax.fill_between(
            cost, low, high, color=color, alpha=alpha, linewidth=0, label=name, zorder=2
        )
    median = np.median(samples, axis=0)
    ax.plot(cost, median, color=INK, linewidth=0.9, label="median", zorder=3)
    for _, v in limits:
        ax.hlines(v, cost[0], cost[-1], colors=INK, linewidths=0.9, linestyles=":", zorder=3)
    ax.errorbar(
        x,
        y,
        xerr=errors,
        fmt="o",
        markersize=5,
        color=INK,
        elinewidth=1.0,
        label="releases",
        zorder=5,
    )
    _beyond(ax, float(x.max()), float(cost[-1]), floor)
    lines = [(cost, median), *((cost, np.full(len(cost), v)) for _, v in limits)]
    lines.append((np.full(60, x.max()), np.linspace(*ax.get_ylim(), 60)))
    _name_points(ax, [f"{n} ({t})" for n, t in zip(names, years, strict=True)], x, y, errors, lines)
    label_right(ax, float(cost[-1]), marks)
    last = max(str(d) for d in panel.data["released"].values)
    bars = "; bars: 1 s.d. of the printed cost" if cost_log10_sd else ""
    subtitle = (
        f"Expected {label}, %; curve for a release of {last[:7]}, points at their own dates{bars}"
    )
    finish(ax, own, title, subtitle, foot=NAMED)
    return ax


def _decades(low: float, high: float) -> list[float]:
    powers = range(math.ceil(math.log10(low) - 1e-9), math.floor(math.log10(high) + 1e-9) + 1)
    return [10.0**k for k in powers]


def _cost_bars(names: Sequence[str], x: np.ndarray, sd: Mapping[str, float]) -> np.ndarray:
    """Return the lengths of the bars left and right of each cost, USD m, shape (2, release)."""
    unknown = sorted(set(sd) - set(names))
    if unknown:
        raise UnknownNameError(
            f"no release is called {one_line(unknown)}; there are {one_line(names)}"
        )
    factor = 10.0 ** np.array([sd.get(name, 0.0) for name in names])
    return np.array([x - x / factor, x * factor - x])


def _beyond(ax: Axes, most: float, end: float, floor: float | None) -> None:
    """Mark where no release has been, where the curve is the model's word alone."""
    if most >= end:
        return
    bottom, top = ax.get_ylim()
    ax.vlines(most, bottom, top, colors=MUTED, linewidths=0.9, zorder=1)
    room = points_of(ax, end, bottom)[0] - points_of(ax, most, bottom)[0] - 6
    lines = wrap("no release has cost more: extrapolated", room, LABEL)
    note_at(
        ax,
        "\n".join(lines),
        (most, max(bottom, floor or bottom)),
        (4, 4),
        align="left bottom",
        color=MUTED,
    )


def _name_points(
    ax: Axes,
    names: Sequence[str],
    x: np.ndarray,
    y: np.ndarray,
    errors: np.ndarray,
    lines: Sequence[tuple[np.ndarray, np.ndarray]],
) -> None:
    """Write names beside points where they hide no other name, point or bar.

    Each name tries places around its point and takes the one that hides least and is near.
    `lines`, each x and y in data units, are to be kept clear too; the first spans the x axis.
    """
    at = [points_of(ax, a, b) for a, b in zip(x, y, strict=True)]
    taken: list[Rect] = [(a - 5, b - 5, a + 5, b + 5) for a, b in at]
    for k, (_, b) in enumerate(at):
        left = points_of(ax, x[k] - errors[0, k], y[k])[0]
        right = points_of(ax, x[k] + errors[1, k], y[k])[0]
        taken.append((left, b - 1.5, right, b + 1.5))
    for way in lines:
        spots = [points_of(ax, float(u), float(v)) for u, v in zip(*way, strict=True)]
        taken += [(u - 3, v - 1, u + 3, v + 1) for u, v in spots]
    box = (points_of(ax, float(lines[0][0][-1]), 1)[0], box_of(ax)[1])
    # From the left: the leftmost have most room on their outer side.
    for k in np.argsort(x, kind="stable"):
        width = text_width(names[k], LABEL)
        _, offset, rect = min(
            _places(at[k], width),
            key=lambda place: (
                place[0]
                + 3 * sum(overlap(place[2], other) for other in taken)
                + 50 * _outside(place[2], box)
                + 40 * _crossed(at[k], place[1], [p for p in at if p != at[k]])
            ),
        )
        taken.append(rect)
        note_at(ax, names[k], (x[k], y[k]), offset, leader={"shrinkA": 0, "shrinkB": 3})


def _places(at: tuple[float, float], width: float) -> list[tuple[float, tuple[float, float], Rect]]:
    """Return distances, offsets for a name (left end, middle height) and the room it would take."""
    height = LABEL * LEADING
    found = []
    for far in (9.0, 16.0, 24.0, 34.0, 46.0, 60.0):
        for across, up in itertools.product((1, 0, -1), (0, 1, -1)):
            if (across, up) == (0, 0):
                continue
            dx = {1: far, 0: -width / 2, -1: -far - width}[across]
            left, middle = at[0] + dx, at[1] + up * far
            rect = (left - 2, middle - height / 2, left + width + 2, middle + height / 2)
            found.append((far, (dx, up * far), rect))
    return found


def _crossed(
    at: tuple[float, float], offset: tuple[float, float], others: Sequence[tuple[float, float]]
) -> int:
    """Return how many other points a line from a point to its name would touch."""
    way = [(at[0] + f * offset[0], at[1] + f * offset[1]) for f in np.linspace(0, 1, 20)]
    return sum(any(math.dist(spot, other) < 5 for spot in way) for other in others)


def _outside(rect: Rect, box: tuple[float, float]) -> float:
    """Return how far a rectangle sticks out of the axes, in points."""
    return max(-rect[0], 0) + max(-rect[1], 0) + max(rect[2] - box[0], 0) + max(rect[3] - box[1], 0)
