"""Training costs over time, and published results alongside ours."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from forecast.core.errors import DataError, UnknownNameError
from forecast.core.periods import parse_date
from forecast.core.text import one_line
from forecast.models.training_cost.panel import COST_BASES
from forecast.plots.strips import STRIP, key_height, key_mark, lay_rows, strip_grid, write_key
from forecast.plots.style import (
    BANDS,
    EDGE,
    END,
    INK,
    LABEL,
    LEADING,
    MUTED,
    NARROW,
    PAPER,
    WIDTH,
    as_of_rule,
    band_edges,
    band_marks,
    begin,
    box_of,
    decimal_year,
    decimals_of,
    even_ticks,
    finish,
    grid_lines,
    hue,
    label_right,
    make_room,
    note_at,
    number_text,
    points_of,
    samples_of,
    text_width,
)

if TYPE_CHECKING:
    from forecast.models.base import Panel

HEAD = 24.0  # points above the marks, for the day the data end
LINE_HEIGHT = 22  # points that a decade wants if each is to have a line
BASIS_MARKS: Mapping[str, tuple[str, str, str]] = {
    "amortised": ("o", hue("training_cost"), "estimate, chips written down"),
    "cloud": ("s", "#3f90da", "estimate, chips rented"),
    "statement": ("D", "#832db6", "developer's statement"),
    "acquisition": ("^", "#bd1f01", "estimate, chips bought"),
}
"""Marker, colour and name of each basis of cost."""


def training_trend(
    draws: xr.Dataset,
    panel: Panel,
    *,
    rule: str = "frontier",
    named: int = 3,
    limits: tuple[float, float] | None = None,
    title: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw the costs of training runs with their errors, and the trend through them.

    Parameters
    ----------
    draws
        Draws of the training_cost model; ``trend`` (dims chain, draw, rule, time; USD m) is drawn.
    panel
        Its panel.
    rule
        The rule of selection.
    named
        How many of the runs that were the most expensive so far to name, the latest ones.
    limits
        Lowest and highest cost shown, USD m; by default all points and the trend's 95 % band.
    title
        The finding, about ten words.
    ax
        Where to draw; a new pyplot figure by default.

    Returns
    -------
    matplotlib.axes.Axes
        Points: estimates on their own basis, by marker and colour, with bars of 90 %; bands and
        line: the trend of amortised cost, the middle of the runs of a day, not single runs.

    Raises
    ------
    UnknownNameError
        If the draws have no trend of `rule`.
    """
    rules = [str(r) for r in draws["rule"].values] if "rule" in draws.coords else []
    if "trend" not in draws or rule not in rules:
        raise UnknownNameError(f"the draws have no trend of {rule!r}; there are {one_line(rules)}")
    data = panel.data.isel(obs=np.flatnonzero(panel.data["rule"].values == rule))
    time = draws["time"].values
    shown = time >= data["years"].values.min() + 2021
    samples = samples_of(draws["trend"].sel(rule=rule, drop=True), "time")[:, shown]
    time = time[shown]
    days = [parse_date(str(d), "release date") for d in data["released"].values]
    x, y = np.array([decimal_year(d) for d in days]), data["value"].values
    sd = np.nan_to_num(data["error_sd"].values)
    bars = y * np.array([-np.expm1(-1.645 * sd), np.expm1(1.645 * sd)])
    bases = data["basis"].values

    ax, own = begin(ax, height=3.3)
    wide = np.quantile(samples, band_edges(BANDS[0][0]), axis=0)
    low, high = limits or (min(y.min(), wide[0].min()), max(y.max(), wide[1].max()))
    ax.set_yscale("log")
    height = box_of(ax)[1]
    low, top = low / 2, np.log(2 * high / low) * 1.02
    ax.set_ylim(low, low * np.exp(top * height / (height - HEAD)))
    marks = [(text, float(np.clip(v, low, high))) for text, v in band_marks(samples[:, -1], True)]
    make_room(ax, float(time[0]) - 0.3, float(time[-1]), [text for text, _ in marks])
    _ticks(ax, time, (low, high))
    color = hue("training_cost")
    for probability, name, alpha in BANDS:
        below, above = np.quantile(samples, band_edges(probability), axis=0)
        ax.fill_between(
            time, below, above, color=color, alpha=alpha, linewidth=0, label=name, zorder=2
        )
    ax.plot(time, np.median(samples, axis=0), color=INK, linewidth=0.9, label="median", zorder=3)
    main = int(np.bincount(bases).argmax())
    _points(ax, x, y, bars, bases, main)
    _name_records(ax, [str(r) for r in data["release"].values], x, y, y + bars[1], named)
    label_right(ax, float(time[-1]), marks)
    as_of_rule(ax, parse_date(panel.as_of, "as_of date"))
    basis = BASIS_MARKS[COST_BASES[main]][2].partition(", ")
    kind = basis[2] if basis[2] and box_of(ax)[0] > NARROW * 72 else ""
    subtitle = f"Training cost, USD{', ' + kind if kind else ''}, log scale; "
    subtitle += "points with 90 % ranges; bands: the trend"
    finish(ax, own, title, subtitle)
    return ax


def _ticks(ax: Axes, time: np.ndarray, shown: tuple[float, float]) -> None:
    """Put a line at every decade of cost, or every other, and as many years as have room."""
    low, high = shown
    decades = np.arange(np.ceil(np.log10(low)), np.floor(np.log10(2 * high)) + 1)
    every = 1 if box_of(ax)[1] / max(len(decades), 1) > LINE_HEIGHT else 2
    ticks = [10.0**k for k in decades if k % every == 0]
    grid_lines(ax, ticks, [_money(t) for t in ticks], float(time[-1]))
    whole = np.arange(np.ceil(time[0]), np.floor(time[-1]) + 1)
    step = int(np.ceil(len(whole) * (text_width("2026", 8) + 7) / points_of(ax, time[-1], low)[0]))
    ax.set_xticks(whole[(len(whole) - 1) % step :: step], minor=False)
    ax.xaxis.set_major_formatter(lambda value, _: f"{value:.0f}")


def _points(
    ax: Axes, x: np.ndarray, y: np.ndarray, bars: np.ndarray, bases: np.ndarray, main: int
) -> None:
    """Draw estimates with their bars by basis; a basis other than the `main` one is named there."""
    for index in sorted(set(bases.tolist())):
        marker, edge, name = BASIS_MARKS[COST_BASES[index]]
        at = np.flatnonzero(bases == index)
        ax.errorbar(
            x[at],
            y[at],
            yerr=bars[:, at],
            fmt=marker,
            markersize=3.5,
            markerfacecolor=edge,
            markeredgecolor=INK,
            markeredgewidth=0.4,
            ecolor=MUTED,
            elinewidth=0.5,
            label=name,
            zorder=5,
        )
        if index != main:
            last = int(at[np.argmax(x[at])])
            note_at(
                ax,
                f"{name}s",
                (float(x[last]), float(y[last])),
                (12, -14),
                align="left top",
                leader={"shrinkA": 0, "shrinkB": 3},
                color=edge,
            )


def _money(usd_m: float) -> str:
    """Return a round amount in words, told in USD m.

    Examples
    --------
    >>> _money(1000.0), _money(0.01), _money(100.0), _money(1e6), _money(1e-5)
    ('1 bn', '10 k', '100 m', '1 tn', '10')
    """
    for size, name in ((1e6, " tn"), (1e3, " bn"), (1.0, " m"), (1e-3, " k")):
        if usd_m >= 0.999 * size:
            return number_text(round(usd_m / size, 3)) + name
    return number_text(round(1e6 * usd_m, 3))


def _name_records(
    ax: Axes, names: Sequence[str], x: np.ndarray, y: np.ndarray, tops: np.ndarray, most: int
) -> None:
    """Name the latest runs that were the most expensive so far, left of the tops of their bars."""
    order = np.lexsort((-y, x))
    records = [k for n, k in enumerate(order) if n == 0 or y[k] > y[order[:n]].max()]
    height = np.inf
    for k in reversed(records[-most:] if most else []):
        at, top = points_of(ax, x[k], y[k]), points_of(ax, x[k], tops[k])[1]
        place = min(top, height - LABEL * LEADING - 1)  # a name keeps clear of the one above it
        if at[0] < text_width(names[k], LABEL) + 14:
            continue
        height = place
        spot, leader = (float(x[k]), float(y[k])), {"shrinkA": 0, "shrinkB": 3}
        note_at(ax, names[k], spot, (-12, place - at[1]), align="right center", leader=leader)


# --- published results alongside ours --------------------------------------------------------
@dataclasses.dataclass(frozen=True)
class ResultRow:
    """One quantity on :func:`published_beside_ours`, in its own unit.

    Attributes
    ----------
    label
        What it is.
    ours, low, high
        Our median and interval.
    published
        The published value.
    published_low, published_high
        Its interval, or None.
    unit
        The unit, or "" for a pure number.
    """

    label: str
    ours: float
    low: float
    high: float
    published: float
    published_low: float | None = None
    published_high: float | None = None
    unit: str = ""


def published_beside_ours(
    rows: Sequence[ResultRow],
    *,
    interval: str = "90 %",
    title: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw published results and ours, a row a quantity, as differences from the published value.

    Parameters
    ----------
    rows
        Top row first.
    interval
        What the lines hold, both ours and the published ones.
    title
        The finding, about ten words.
    ax
        Where to draw; a new pyplot figure, high enough for the rows, by default.

    Returns
    -------
    matplotlib.axes.Axes
        Dots: ours; hollow diamonds: published; lines: intervals. The numbers stand in each row's
        second line. y is in points from the top.

    Raises
    ------
    DataError
        If there is no row, or a published value is not above zero.
    """
    bad = [row.label for row in rows if not row.published > 0]
    if bad:
        raise DataError(f"a published value must be above zero to compare with: {one_line(bad)}")
    key = [
        key_mark("ours", "o", face=INK, edge=INK, size=6),
        key_mark("published", "D", face=PAPER, edge=MUTED, size=6),
    ]
    width = (WIDTH - EDGE - END) * 72 if ax is None else box_of(ax)[0]
    head = key_height([str(h.get_label()) for h in key], width)
    ax, own, places = lay_rows(ax, [(row.label, _numbers(row)) for row in rows], head=head)
    off = [[_off(v, row) for v in _ends(row)] for row in rows]
    low, high = (1.12 * f([f(values) for values in off]) for f in (min, max))
    low, high = min(low, -1.0), max(high, 1.0)
    ax.set_xlim(low, high)
    ticks = even_ticks(low, high, box_of(ax)[0] / 2)
    digits = decimals_of(ticks)
    texts = [("+" if t > 0 else "") + number_text(t, 0 if t == 0 else digits) for t in ticks]
    strip_grid(ax, ticks, [f"{text} %" for text in texts], places)
    for row, y in zip(rows, places, strict=True):
        ax.vlines(0, y - STRIP / 2, y + STRIP / 2, colors=MUTED, linewidths=0.9, zorder=1)
        if row.published_low is not None and row.published_high is not None:
            ends = [_off(row.published_low, row), _off(row.published_high, row)]
            ax.plot(ends, [y + 4] * 2, color=MUTED, linewidth=1.2, label="published", zorder=2)
        ax.plot(
            [0], [y + 4], "D", color=MUTED, markerfacecolor=PAPER, markersize=5, zorder=4,
            label="published",
        )  # fmt: skip
        ends = [_off(row.low, row), _off(row.high, row)]
        ax.plot(ends, [y - 4] * 2, color=INK, linewidth=1.2, label="ours", zorder=3)
        ax.plot(
            [_off(row.ours, row)], [y - 4], "o", color=INK, markersize=5, label="ours", zorder=5
        )
    write_key(ax, key)
    finish(ax, own, title, f"Difference from the published value, %; lines: {interval} intervals")
    return ax


def _ends(row: ResultRow) -> list[float]:
    ends = (row.ours, row.low, row.high, row.published_low, row.published_high)
    return [v for v in ends if v is not None]


def _off(value: float, row: ResultRow) -> float:
    return 100 * (value / row.published - 1)


def _numbers(row: ResultRow) -> str:
    """Return a row's numbers in words."""

    def told(value: float) -> str:
        return f"{value:.4g}"

    unit = f" {row.unit}" if row.unit else ""
    text = f"ours {told(row.ours)}{unit} ({told(row.low)} to {told(row.high)}); "
    text += f"published {told(row.published)}{unit}"
    if row.published_low is not None and row.published_high is not None:
        text += f" ({told(row.published_low)} to {told(row.published_high)})"
    return text
