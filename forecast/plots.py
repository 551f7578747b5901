"""Figures: ax in, ax out; every mark on them can be read back from the draws.

Invariant: a figure shows quantiles and shares of the draws it was given and nothing smoothed or
averaged from them; a forecast is never drawn without its bands, and every mark is named by text
on the figure, not by colour alone. ``tests/test_plots.py`` holds the marks against the draws.

Every function draws into `ax` and returns it; without one it makes a pyplot figure, which Jupyter
shows. Nothing here calls ``show``. Neutral colours are only :data:`INK`, :data:`MUTED`,
:data:`RULE` and :data:`PAPER`, so that a page can exchange them for its own in a dark mode.
"""

from __future__ import annotations

import calendar
import dataclasses
import datetime as dt
import html
import io
import itertools
import math
import operator
import re
import zlib
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from arviz_stats.base import array_stats
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.lines import Line2D
from matplotlib.textpath import TextToPath
from matplotlib.ticker import MaxNLocator
from scipy.optimize import isotonic_regression

from forecast.panels import Panel
from forecast.schema import DataError, UnknownNameError, one_line, parse_date, percent, period_end

__all__ = [
    "INK",
    "METRIC_HUES",
    "MUTED",
    "PAPER",
    "RULE",
    "SensitivityRow",
    "StripRow",
    "cost_curve",
    "definition_strip",
    "fan",
    "hue",
    "path_fan",
    "percent",
    "prior_posterior",
    "save",
    "sensitivity",
    "small_multiples",
    "threshold_probability",
]

# --- colours and type ------------------------------------------------------------------------
INK = "#1f2328"
MUTED = "#6e7781"
RULE = "#d8dee4"
PAPER = "#fcfcfd"
"""The only neutral colours; none of them is a hue's lightness step, so a page may replace them."""

METRIC_HUES: Mapping[str, str] = {
    "ai_investment": "#3f90da",
    "datacenter_capex": "#e76300",
    "ai_revenue": "#832db6",
    "capex_to_revenue": "#bd1f01",
    "score": "#a96b59",
    "capex": "#e76300",
    "revenue": "#832db6",
}
"""One hue a metric, the same in the whole memo; from Petroff's ten (arXiv 2107.02270)."""

SPARE_HUES = ("#ffa90e", "#b9ac70")
"""For other metrics. Two greys and a pale cyan of the ten are left out: grey is for the past, and
the lightness steps of the cyan do not survive a copier."""

METRIC_LABELS: Mapping[str, str] = {
    "ai_investment": "AI investment",
    "datacenter_capex": "data-centre capex",
    "ai_revenue": "AI revenue",
    "capex_to_revenue": "capex / revenue",
    "score": "benchmark score",
}

BANDS = ((0.95, "95 in 100", 0.22), (0.80, "8 in 10", 0.32), (0.50, "5 in 10", 0.48))
"""Probability, label and opacity of the fan's bands, widest first. They lie on each other, so the
opacities add up to about 0.22, 0.47 and 0.72 of the hue: three steps on any background."""

FONT = "DejaVu Sans"
TITLE, SUBTITLE, TICK, LABEL = 11.0, 8.5, 8.0, 7.5  # points
NARROW = 4.0  # inches; a narrower axes has a smaller title and fewer ticks
WIDTH = 7.2  # inches, of a figure made here: the text width of the memo
SIDE, END, FOOT = 0.62, 0.2, 0.34  # inches left and right of the axes and under them
EDGE, NAMED = 0.22, 0.16  # inches left of a strip, and under an axis for its name
ERROR_BARS = "bars: 2 Monte-Carlo s.e.".replace(" ", "\N{NO-BREAK SPACE}")
LEADING = 1.3  # line height over font size
TYPE: Mapping[str, Any] = {"fontfamily": FONT, "linespacing": LEADING - 0.1, "parse_math": False}

ROW = ("axes fraction", "data")  # at the left end of a row of a strip

_measure = TextToPath()


# --- rows of the strips ----------------------------------------------------------------------
@dataclasses.dataclass(frozen=True)
class StripRow:
    """One definition of a claim on :func:`definition_strip`; probabilities are shares, 0 to 1.

    Attributes
    ----------
    label
        The definition in words.
    probability
        Our answer, or None if it waits for a model.
    low, high
        Range of the answer over the other prior sets, or None.
    naive
        The naive forecast's answer, or None.
    base_rate
        The base rate, or None.
    note
        Printed in grey; in place of the marks where there is no probability.
    draws
        Number of draws behind `probability`, for "< 1/4000"; 0 if unknown.
    """

    label: str
    probability: float | None
    low: float | None = None
    high: float | None = None
    naive: float | None = None
    base_rate: float | None = None
    note: str = ""
    draws: int = 0


@dataclasses.dataclass(frozen=True)
class SensitivityRow:
    """Change of one claim's probability, in percentage points, when a weight is doubled.

    Attributes
    ----------
    label
        The definition in words.
    prior, prior_mcse
        Change when the prior's weight is doubled, and its Monte-Carlo standard error.
    likelihood, likelihood_mcse
        The same for the weight of the data.
    """

    label: str
    prior: float
    prior_mcse: float
    likelihood: float
    likelihood_mcse: float


# --- words and numbers -----------------------------------------------------------------------
def hue(metric: str) -> str:
    """Return the hue of a metric, the same in every process."""
    spare = SPARE_HUES[zlib.crc32(metric.encode()) % len(SPARE_HUES)]
    return METRIC_HUES.get(metric, spare)


def _number(value: float, decimals: int | None = None) -> str:
    """Return a number with thousands separators; without `decimals`, as many as it has."""
    text = f"{value:,.{8 if decimals is None else decimals}f}"
    if decimals is None:
        text = text.rstrip("0").rstrip(".")
    return text.replace("-", "−")


def words(metric: str) -> str:
    """Return a metric's name for a reader."""
    return METRIC_LABELS.get(metric, metric.replace("_", " "))


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


# --- text that fits --------------------------------------------------------------------------
def _text_width(text: str, size: float, weight: str = "normal") -> float:
    """Return the width of one line in points; needs no renderer."""
    font = FontProperties(family=FONT, size=size, weight=weight)
    return float(_measure.get_text_width_height_descent(text, font, False)[0])


def _wrap(text: str, width: float, size: float, weight: str = "normal") -> list[str]:
    """Break a text at spaces, not at no-break ones, into lines of at most `width` points."""
    lines: list[str] = []
    for word in text.split(" ") if text else []:
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and _text_width(longer, size, weight) <= width:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines


def _figure(ax: Axes) -> Figure:
    """Return the figure of an axes, also of one in a subfigure."""
    figure = ax.get_figure(root=True)
    assert isinstance(figure, Figure)
    return figure


def _box(ax: Axes) -> tuple[float, float]:
    """Return width and height of the axes in points."""
    figure = _figure(ax)
    box = ax.get_window_extent()
    return box.width * 72 / figure.dpi, box.height * 72 / figure.dpi


def _points(ax: Axes, x: float, y: float) -> tuple[float, float]:
    """Return a data point's place in points from the lower left corner of the axes."""
    across, up = ax.transAxes.inverted().transform(ax.transData.transform((x, y)))
    width, height = _box(ax)
    return float(across * width), float(up * height)


LEADER: Mapping[str, Any] = {"arrowstyle": "-", "color": MUTED, "linewidth": 0.6}


def _note(
    ax: Axes,
    text: str,
    xy: tuple[float, float],
    offset: tuple[float, float] = (0, 0),
    *,
    align: str = "left center",
    coords: str | tuple[str, str] = "data",
    color: str = INK,
    size: float = LABEL,
    leader: Mapping[str, Any] | None = None,
) -> None:
    """Write `text` at `xy`, moved by `offset` points; dollars are no mathematics."""
    across, up = align.split()
    ax.annotate(
        text,
        xy,
        xytext=offset,
        xycoords=coords,
        textcoords="offset points",
        ha=across,
        va=up,
        color=color,
        fontsize=size,
        arrowprops=None if leader is None else {**LEADER, **leader},
        annotation_clip=False,
        zorder=6,
        **TYPE,
    )


def _spread(wanted: np.ndarray, heights: np.ndarray, room: float) -> np.ndarray:
    """Move labels as little as possible so that none overlap and all lie between 0 and `room`.

    Parameters
    ----------
    wanted, heights
        Wanted centre and height of each label in points, shape (label,).
    room
        Height there is, in points.

    Returns
    -------
    numpy.ndarray
        Centres, shape (label,), in the order given.
    """
    order = np.argsort(wanted, kind="stable")
    high = heights[order]
    # Least squares under "each at least half of both heights above the last" is isotonic.
    stack = np.concatenate([[0.0], np.cumsum((high[1:] + high[:-1]) / 2)])
    fitted = isotonic_regression(wanted[order] - stack).x
    top = max(room - stack[-1] - high[-1] / 2, high[0] / 2)
    centres = np.empty(len(wanted))
    centres[order] = np.clip(fitted, high[0] / 2, top) + stack
    return centres


Rect = tuple[float, float, float, float]  # left, bottom, right, top; points


def _overlap(a: Rect, b: Rect) -> float:
    """Return the area that two rectangles share."""
    across = min(a[2], b[2]) - max(a[0], b[0])
    up = min(a[3], b[3]) - max(a[1], b[1])
    return max(across, 0.0) * max(up, 0.0)


# --- axes ------------------------------------------------------------------------------------
def _begin(ax: Axes | None, *, height: float, left: float = SIDE) -> tuple[Axes, bool]:
    """Return the axes to draw in, and whether its figure was made here.

    `height` is of the plotting area, in inches; :func:`_finish` adds what the title needs.
    """
    own = ax is None
    if ax is None:
        figure, ax = plt.subplots(figsize=(WIDTH, height + FOOT))
        figure.set_facecolor(PAPER)
        _place(ax, (left, FOOT, WIDTH - left - END, height), height + FOOT)
    ax.set_facecolor("none")
    ax.set_axisbelow(True)
    ax.spines[["top", "right", "left"]].set_visible(False)
    ax.spines["bottom"].set_color(MUTED)
    ax.tick_params(
        which="both", length=0, colors=MUTED, labelsize=TICK, labelfontfamily=FONT, pad=4
    )
    return ax, own


def _place(ax: Axes, box: tuple[float, float, float, float], height: float) -> None:
    """Put the axes at `box` (left, bottom, width, height; inches) of a figure `height` high."""
    figure = _figure(ax)
    width = figure.get_size_inches()[0]
    figure.set_size_inches(width, height)
    left, bottom, across, up = box
    ax.set_position((left / width, bottom / height, across / width, up / height))


def _finish(ax: Axes, own: bool, title: str | None, subtitle: str, foot: float = 0.0) -> None:
    """Write title and subtitle above the axes, and fit the height of a figure made here.

    `foot` is what is needed under the axis labels, in inches.
    """
    width, height = _box(ax)
    size = TITLE if width > NARROW * 72 else TITLE - 1.5
    small = SUBTITLE if width > NARROW * 72 else SUBTITLE - 1
    below = _wrap(subtitle, width, small)
    _note(
        ax,
        "\n".join(below),
        (0, 1),
        (0, 7),
        align="left bottom",
        coords="axes fraction",
        color=MUTED,
        size=small,
    )
    head = 9 + len(below) * small * LEADING
    if title:
        lines = _wrap(title, width, size, "bold")
        ax.set_title(
            "\n".join(lines),
            loc="left",
            pad=head,
            color=INK,
            fontsize=size,
            fontweight="bold",
            **TYPE,
        )
        head += 3 + len(lines) * size * LEADING
    if own:
        place = ax.get_position()
        left, across = place.x0 * WIDTH, place.width * WIDTH
        total = FOOT + foot + (height + head) / 72
        _place(ax, (left, FOOT + foot, across, height / 72), total)


def small_multiples(
    n: int, *, columns: int = 3, size: tuple[float, float] = (3.3, 3.3)
) -> tuple[Figure, list[Axes]]:
    """Return a figure that pyplot does not know, with `n` axes that leave room for their titles.

    Parameters
    ----------
    n
        Number of axes.
    columns
        How many stand side by side.
    size
        Width and height of one with its titles, in inches.

    Returns
    -------
    tuple of matplotlib.figure.Figure and list of matplotlib.axes.Axes
    """
    columns = min(columns, n)
    rows = math.ceil(n / columns)
    width, height = size
    figure = Figure(figsize=(columns * width, rows * height), facecolor=PAPER)
    head, foot, left, gap = 0.95, FOOT + NAMED, 0.55, 0.1
    axes = []
    for k in range(n):
        row, column = divmod(k, columns)
        axes.append(
            figure.add_axes(
                (
                    (column * width + left) / (columns * width),
                    ((rows - 1 - row) * height + foot) / (rows * height),
                    (width - left - gap) / (columns * width),
                    (height - head - foot) / (rows * height),
                )
            )
        )
    return figure, axes


def _level_ticks(low: float, high: float) -> list[float]:
    """Return readable levels for a log axis between two positive values."""
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for digits, enough in (((1,), 4), ((1, 2, 5), 3), ((1, 1.5, 2, 3, 5, 7), 3)):
        ticks = [d * 10.0**k for k in decades for d in digits if low <= d * 10.0**k <= high]
        if len(ticks) >= enough:
            return ticks
    return _even_ticks(low, high, 160)


def _even_ticks(low: float, high: float, room: float) -> list[float]:
    """Return round levels between two values, one in about 32 of `room` points."""
    most = min(max(round(room / 32), 3), 8)
    ticks = MaxNLocator(most, steps=[1, 2, 2.5, 5, 10]).tick_values(low, high)
    return [float(t) for t in ticks if low <= t <= high]


def _decimals(ticks: Sequence[float]) -> int:
    """Return how many decimals the ticks need, the same for all."""
    return max((len(_number(t).partition(".")[2]) for t in ticks), default=0)


def _grid(ax: Axes, ticks: Sequence[float], labels: Sequence[str], right: float) -> None:
    """Put `ticks` on the y axis with light lines to `right`, where the label column begins."""
    ax.set_yticks(ticks, labels)
    ax.minorticks_off()
    ax.hlines(ticks, ax.get_xlim()[0], right, colors=RULE, linewidths=0.7, zorder=0)


def _name_axis(ax: Axes, text: str) -> None:
    ax.set_xlabel(text, loc="left", color=MUTED, fontsize=LABEL, labelpad=2, **TYPE)


def _column(labels: Sequence[str], width: float) -> tuple[list[list[str]], float]:
    """Return the labels broken into lines for a right-hand column, and the column's width."""
    most = max(0.24 * width, 52)
    lines = [_wrap(text, most, LABEL) for text in labels]
    widest = max((_text_width(line, LABEL) for text in lines for line in text), default=0)
    return lines, min(widest + 16, 0.45 * width)


def _room(ax: Axes, low: float, high: float, labels: Sequence[str]) -> None:
    """Set the x limits so that the labels fit to the right of `high`, inside the axes."""
    width, _ = _box(ax)
    share = _column(labels, width)[1] / width if labels else 0.0
    forward, back = ax.xaxis.get_transform(), ax.xaxis.get_transform().inverted()
    left, right = (float(v) for v in forward.transform(np.array([low, high])))
    right += (right - left) * share / (1 - share)
    ax.set_xlim(low, float(back.transform(np.array([right]))[0]))
    ax.spines["bottom"].set_bounds(low, high)


def _label_right(
    ax: Axes, x: float, labels: Sequence[tuple[str, float]], *, past: float = 0.0
) -> None:
    """Write labels in a column right of `x`, each at its height or led there by a thin line.

    The column begins `past` points right of `x`; the lines keep clear of the marks at `x`.
    """
    if not labels:
        return
    width, room = _box(ax)
    lines, _ = _column([text for text, _ in labels], width)
    at = np.array([_points(ax, x, y)[1] for _, y in labels])
    heights = np.array([len(text) * LABEL * LEADING + 1 for text in lines])
    centres = _spread(at, heights, room)
    for text, (_, y), here, there in zip(lines, labels, at, centres, strict=True):
        leader = {"relpos": (0, 0.5), "shrinkA": 1, "shrinkB": 6 if past else 0}
        _note(ax, "\n".join(text), (x, y), (past + 12, there - here), leader=leader)


# --- time ------------------------------------------------------------------------------------
def _decimal(day: dt.date) -> float:
    """Return a day as a decimal year."""
    length = 366 if calendar.isleap(day.year) else 365
    return day.year + (day.timetuple().tm_yday - 1) / length


def _spans(labels: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Return where each period starts and ends, in decimal years, shape (period,)."""
    starts, ends = [], []
    for label in labels:
        end = period_end(label)
        months = {4: 12, 6: 3, 7: 1}.get(len(label))  # year, quarter, month; else a day
        start = dt.date(end.year, end.month - months + 1, 1) if months else end
        starts.append(_decimal(start))
        ends.append(_decimal(end + dt.timedelta(days=1)))
    return np.array(starts), np.array(ends)


def _frequency(labels: Sequence[str]) -> str:
    return {4: "annual, ", 6: "quarterly, ", 7: "monthly, "}.get(len(labels[0]), "")


def _time_axis(ax: Axes, labels: Sequence[str], right: float) -> None:
    """Write years under their periods, as many as fit, the last one always."""
    starts, ends = _spans(labels)
    years = sorted({int(label[:4]) for label in labels})
    inside = [np.array([int(label[:4]) == year for label in labels]) for year in years]
    middle = [(starts[i].min() + ends[i].max()) / 2 for i in inside]
    width = _points(ax, right, 1.0)[0]
    every = math.ceil(len(years) * (_text_width("2026", TICK) + 7) / max(width, 1))
    keep = slice((len(years) - 1) % every, None, every)
    ax.set_xticks(middle[keep], [str(year) for year in years[keep]])


def _as_of_rule(ax: Axes, day: dt.date) -> None:
    """Draw the day the data end, named in the free row at the top of the axes."""
    x = _decimal(day)
    text = f"data as of {day.isoformat()}"
    ax.axvline(x, color=MUTED, linewidth=0.9, zorder=1)
    left = _points(ax, x, ax.get_ylim()[0])[0] > _text_width(text, LABEL) + 6
    offset, side = ((-4.0, -1.0), "right") if left else ((4.0, -1.0), "left")
    _note(ax, text, (x, ax.get_ylim()[1]), offset, align=f"{side} top", color=MUTED)


# --- draws -----------------------------------------------------------------------------------
def _samples(path: xr.DataArray, along: str = "period") -> np.ndarray:
    """Return the draws of a path, shape (sample, period).

    Raises
    ------
    DataError
        If its dims are others than chain, draw and `along`.
    """
    if set(path.dims) != {"chain", "draw", along}:
        raise DataError(
            f"cannot draw an array with dims {one_line(path.dims)}; "
            f"wanted chain, draw, {along}: select one series first"
        )
    values = path.transpose("chain", "draw", along).values
    return np.asarray(values, dtype=float).reshape(-1, path.sizes[along])


def _edges(probability: float) -> list[float]:
    """Return the lower and upper level of a central interval."""
    return [(1 - probability) / 2, (1 + probability) / 2]


def _find(draws: xr.Dataset, metric: str, entity: str) -> xr.Dataset:
    """Return one series of the draws."""
    hit = (draws["metric"].values == metric) & (draws["entity"].values == entity)
    if not hit.any():
        names = zip(draws["metric"].values, draws["entity"].values, strict=True)
        raise UnknownNameError(
            f"the draws have no metric {metric!r} of entity {entity!r}; "
            f"there are {one_line([f'{m} of {e}' for m, e in names])}"
        )
    return draws.isel(series=int(np.flatnonzero(hit)[0]))


def _baseline_label(attrs: Mapping[object, object]) -> str:
    """Return what a naive forecast is called on the figure."""
    name = str(attrs.get("label") or attrs.get("model") or "").replace("_", " ").strip()
    if not name or name == "naive":
        return "naive"
    return name if name.startswith("naive") else f"naive: {name}"


def _error(hit: np.ndarray) -> np.ndarray:
    """Return the Monte-Carlo standard error of shares; `hit` is (chain, draw, period) of 0 or 1."""
    share = hit.mean(axis=(0, 1))
    errors = np.sqrt(share * (1 - share) / (hit.shape[0] * hit.shape[1]))
    for k in range(hit.shape[2]):
        # Draws that all agree, and chains too short for an effective size, keep the binomial one.
        if 0 < share[k] < 1 and hit.shape[1] >= 8:
            mcse = float(array_stats.mcse(hit[:, :, k], chain_axis=0, draw_axis=1, method="mean"))
            errors[k] = mcse if math.isfinite(mcse) else errors[k]
    return errors


# --- fans ------------------------------------------------------------------------------------
def fan(
    draws: xr.Dataset,
    metric: str,
    entity: str,
    *,
    baseline: xr.Dataset | None = None,
    estimated: Collection[str] = (),
    log: bool = True,
    title: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw the forecast of one series: history, three bands, the median and a naive forecast.

    Parameters
    ----------
    draws
        Joint draws from :func:`forecast.predict.forecast`; ``y`` is drawn.
    metric, entity
        Which series.
    baseline
        Draws of a naive forecast with the same series; its ``attrs["label"]``, else its
        ``attrs["model"]``, names it.
    estimated
        Periods whose number was an estimate when printed. They are hollow, and a thin bar holds
        the 80 % range of their ``signal``: what they may be revised to.
    log
        Whether the y axis is logarithmic.
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
        If the draws, or the baseline, have no such series.
    DataError
        If the draws do not say their ``as_of``, or are not positive on a log axis.
    """
    series = _find(draws, metric, entity)
    if "as_of" not in draws.attrs:
        raise DataError("the draws have no as_of attribute; take them from forecast(run)")
    naive = None if baseline is None else _find(baseline, metric, entity)
    return path_fan(
        series["y"],
        observed=series["observed"],
        as_of=str(draws.attrs["as_of"]),
        unit=str(series["unit"].values),
        label=f"{words(metric)}, {entity.replace('_', ' ')}",
        metric=metric,
        baseline=None if naive is None else naive["y"],
        baseline_label=None if baseline is None else _baseline_label(baseline.attrs),
        estimated=estimated,
        revised=series.get("signal"),
        log=log,
        title=title,
        ax=ax,
    )


def path_fan(  # noqa: PLR0913 - one figure, every option of it by name
    path: xr.DataArray,
    *,
    as_of: str,
    unit: str,
    label: str,
    observed: xr.DataArray | None = None,
    metric: str | None = None,
    threshold: float | None = None,
    threshold_label: str | None = None,
    baseline: xr.DataArray | None = None,
    baseline_label: str | None = None,
    estimated: Collection[str] = (),
    revised: xr.DataArray | None = None,
    log: bool = False,
    title: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw the fan of any path over periods, such as a ratio of two series.

    Parameters
    ----------
    path
        Draws, dims chain, draw, period. Bands are drawn where nothing is `observed`.
    as_of
        The day up to which reports were known, ISO.
    unit, label
        Unit and measure, for the subtitle.
    observed
        Reported values, dim period; NaN where there is none.
    metric
        Whose hue to use; the path's name, else `label`.
    threshold, threshold_label
        A level to mark, in `unit`, and its name; the number by default.
    baseline, baseline_label
        Draws of a naive forecast, dims chain, draw, period, and its name.
    estimated, revised
        Periods whose report was an estimate, and draws (chain, draw, period) of what they may be
        revised to; see :func:`fan`.
    log
        Whether the y axis is logarithmic.
    title
        The finding, about ten words.
    ax
        Where to draw; a new pyplot figure by default.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    DataError
        If `path` has other dims, a period cannot be read, or a value is not positive on a log
        axis.
    """
    # All that can be refused is refused before a figure is made.
    day = parse_date(as_of, "as_of date")
    samples = _samples(path)
    labels = [str(p) for p in path["period"].values]
    starts, ends = _spans(labels)
    known = _aligned(observed, labels)
    future = np.isnan(known)
    naive = None if baseline is None else _naive_quantiles(baseline, labels, future)
    revision = _revision(revised, labels, estimated, known)
    shown = [known, *revision[1:], *([] if naive is None else naive)]
    shown += [np.quantile(samples[:, future], q, axis=0) for q in _edges(BANDS[0][0])]
    shown += [] if threshold is None else [np.array([threshold])]
    values = _finite(np.concatenate(shown), log)
    line = None if threshold is None else (threshold_label or _number(threshold), threshold)
    marks = _fan_marks(samples, future, naive, line, baseline_label, log)

    ax, own = _begin(ax, height=3.1)
    right = float(ends[-1])
    top = _fan_axis(ax, values, log)
    _room(ax, float(starts[0]), right, [text for text, _ in marks])
    _fan_ticks(ax, log, right, top)
    _time_axis(ax, labels, right)
    _fan_bands(ax, samples, labels, future, hue(metric or str(path.name or label)))
    if naive is not None:
        _fan_naive(ax, naive, labels)
    if threshold is not None:
        ax.hlines(threshold, starts[0], right, colors=INK, linewidths=1.1, linestyles=":")
    _as_of_rule(ax, day)
    _history(ax, labels, known, estimated, revision, threshold)
    _label_right(ax, right, marks)
    span = f"{labels[0]}–{labels[-1]}" if len(labels) > 1 else labels[0]
    scale = "; log scale" if log else ""
    subtitle = f"{_capital(label)}, {unit}, {_frequency(labels)}{span}{scale}"
    _finish(ax, own, title, subtitle)
    return ax


def _aligned(observed: xr.DataArray | None, labels: Sequence[str]) -> np.ndarray:
    """Return the reports in the order of the labels, NaN where there is none, shape (period,)."""
    if observed is None:
        return np.full(len(labels), np.nan)
    there = {
        str(p): float(v) for p, v in zip(observed["period"].values, observed.values, strict=True)
    }
    return np.array([there.get(label, np.nan) for label in labels])


def _naive_quantiles(
    baseline: xr.DataArray, labels: Sequence[str], future: np.ndarray
) -> np.ndarray:
    """Return the 10, 50 and 90 % quantiles of a naive forecast, shape (3, period).

    NaN where it has none or the period is reported.
    """
    drawn = np.quantile(_samples(baseline), [0.1, 0.5, 0.9], axis=0)
    place = {str(p): k for k, p in enumerate(baseline["period"].values)}
    out = np.full((3, len(labels)), np.nan)
    for k, label in enumerate(labels):
        if future[k] and label in place:
            out[:, k] = drawn[:, place[label]]
    return out


def _revision(
    revised: xr.DataArray | None,
    labels: Sequence[str],
    estimated: Collection[str],
    known: np.ndarray,
) -> np.ndarray:
    """Return middle (decimal year), 10 and 90 % quantile of each estimate, shape (3, estimate)."""
    cells = [k for k, label in enumerate(labels) if label in estimated and not np.isnan(known[k])]
    if revised is None or not cells:
        return np.empty((3, 0))
    low, high = np.quantile(_samples(revised)[:, cells], [0.1, 0.9], axis=0)
    return np.array([_centres(labels)[cells], low, high])


def _centres(labels: Sequence[str]) -> np.ndarray:
    """Return the middle of each period in decimal years, shape (period,)."""
    starts, ends = _spans(labels)
    return (starts + ends) / 2


def _fan_marks(
    samples: np.ndarray,
    future: np.ndarray,
    naive: np.ndarray | None,
    threshold: tuple[str, float] | None,
    baseline_label: str | None,
    log: bool,
) -> list[tuple[str, float]]:
    """Return the labels of the right-hand column and their heights, in data units."""
    marks = _band_marks(samples[:, np.flatnonzero(future)[-1]], log) if future.any() else []
    if naive is not None and np.isfinite(naive[1]).any():
        end = np.flatnonzero(np.isfinite(naive[1]))[-1]
        marks.append((baseline_label or "naive", float(naive[1, end])))
    return marks if threshold is None else [*marks, threshold]


def _band_marks(last: np.ndarray, log: bool) -> list[tuple[str, float]]:
    """Return the names of bands and median, and their heights at the last step.

    A band's name stands at the middle of its upper part, which is seen beside the inner bands; of
    its lower part where the bands are much wider below, as under a ceiling.
    """
    low, middle, high = np.quantile(last, [_edges(BANDS[0][0])[0], 0.5, _edges(BANDS[0][0])[1]])
    scaled = np.log([low, middle, high]) if log else np.array([low, middle, high])
    down, up = np.diff(scaled)
    side = 0 if down > 1.3 * up else 1
    limits = np.quantile(last, [0.5, *(_edges(p)[side] for p, _, _ in reversed(BANDS))])
    heights = ((limits[1:] + limits[:-1]) / 2)[::-1]
    marks = [(name, float(y)) for (_, name, _), y in zip(BANDS, heights, strict=True)]
    return [*marks, ("median", float(middle))]


def _finite(shown: np.ndarray, log: bool) -> np.ndarray:
    """Return what is a number, and refuse what a log axis cannot show."""
    finite = shown[np.isfinite(shown)]
    if not finite.size:
        raise DataError("nothing to draw: neither a report nor a finite draw")
    if log and (finite <= 0).any():
        raise DataError(f"a log axis wants values above zero; got {finite.min():g}; pass log=False")
    return finite


def _fan_axis(ax: Axes, values: np.ndarray, log: bool) -> float:
    """Set the y scale and limits, with a free row at the top; return where that row begins."""
    ax.set_yscale("log" if log else "linear")
    scaled = np.log(values) if log else values
    low, high = float(scaled.min()), float(scaled.max())
    span = (high - low) or abs(high) or 1.0
    free = (LABEL * LEADING + 4) / _box(ax)[1]
    low, top = low - 0.04 * span, high + 0.03 * span
    high = top + (top - low) * free / (1 - free)
    if log:
        low, top, high = math.exp(low), math.exp(top), math.exp(high)
    ax.set_ylim(low, high)
    return top


def _fan_ticks(ax: Axes, log: bool, right: float, top: float) -> None:
    """Put levels on the y axis up to `top`: a line through the as-of label would strike it out."""
    low = ax.get_ylim()[0]
    ticks = _level_ticks(low, top) if log else _even_ticks(low, top, _box(ax)[1])
    decimals = None if log else _decimals(ticks)
    _grid(ax, ticks, [_number(t, decimals) for t in ticks], right)


def _steps(labels: Sequence[str], values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return step values and their edges; between periods that do not touch there is a NaN."""
    starts, ends = _spans(labels)
    edges = np.unique(np.concatenate([starts, ends]))
    steps = np.full((*values.shape[:-1], len(edges) - 1), np.nan)
    steps[..., np.searchsorted(edges, starts)] = values
    return steps, edges


def _fan_bands(
    ax: Axes, samples: np.ndarray, labels: Sequence[str], future: np.ndarray, color: str
) -> None:
    """Draw the three bands and the median as steps over the periods without a report."""
    ahead = [label for label, f in zip(labels, future, strict=True) if f]
    if not ahead:
        return
    for probability, name, alpha in BANDS:
        limits = np.quantile(samples[:, future], _edges(probability), axis=0)
        (low, high), edges = _steps(ahead, limits)
        ax.stairs(
            high,
            edges,
            baseline=low,
            fill=True,
            color=color,
            alpha=alpha,
            linewidth=0,
            label=name,
            zorder=2,
        )
    median, edges = _steps(ahead, np.median(samples[:, future], axis=0))
    ax.stairs(median, edges, baseline=None, color=INK, linewidth=0.9, label="median", zorder=3)


def _fan_naive(ax: Axes, naive: np.ndarray, labels: Sequence[str]) -> None:
    """Draw median and 80 % limits of the naive forecast, a dash a period."""
    starts, ends = _spans(labels)
    there = np.isfinite(naive[1])
    for values, width, name in zip(
        naive, (0.7, 1.3, 0.7), ("naive 10 %", "naive median", "naive 90 %"), strict=True
    ):
        ax.hlines(
            values[there],
            starts[there],
            ends[there],
            colors=INK,
            linewidths=width,
            linestyles=(0, (4, 2.5)),
            label=name,
            zorder=4,
        )


def _history(
    ax: Axes,
    labels: Sequence[str],
    known: np.ndarray,
    estimated: Collection[str],
    revision: np.ndarray,
    threshold: float | None,
) -> None:
    """Draw the reports: solid where reported, hollow with a bar where estimated."""
    x = _centres(labels)
    ax.plot(x, known, color=MUTED, linewidth=0.9, zorder=4)
    ax.vlines(revision[0], revision[1], revision[2], colors=INK, linewidths=1.0, zorder=4)
    hollow = np.array([label in estimated for label in labels]) & ~np.isnan(known)
    solid = ~hollow & ~np.isnan(known)
    # Long histories have small markers, or they would hide the line.
    size = 5.0 if len(labels) <= 16 else 3.0
    style = {"linestyle": "none", "marker": "o", "markersize": size, "markeredgecolor": INK}
    ax.plot(x[solid], known[solid], color=INK, label="reported", zorder=5, **style)  # type: ignore[arg-type]
    if not hollow.any():
        return
    ax.plot(x[hollow], known[hollow], markerfacecolor=PAPER, label="estimate", zorder=5, **style)  # type: ignore[arg-type]
    _name_estimate(ax, x, known, int(np.flatnonzero(hollow)[-1]), revision, threshold)


def _name_estimate(
    ax: Axes,
    x: np.ndarray,
    known: np.ndarray,
    k: int,
    revision: np.ndarray,
    threshold: float | None,
) -> None:
    """Write "estimate" on the side of the last hollow point that its history does not come from.

    It changes sides where the line of the threshold would strike it out.
    """
    ends = [known[k], *revision[1:, revision[0] == x[k]].ravel()]
    place = (float(x[k]), float(max(ends))), (float(x[k]), float(min(ends)))
    above = k == 0 or not known[k - 1] > known[k]
    if threshold is not None:
        line = _points(ax, float(x[k]), threshold)[1]
        near = (line - _points(ax, *place[0])[1], _points(ax, *place[1])[1] - line)
        above ^= 0 <= near[0 if above else 1] < 4 + LABEL * LEADING + 2
    offset, side = ((4.0, 4.0), "bottom") if above else ((4.0, -4.0), "top")
    _note(ax, "estimate", place[0 if above else 1], offset, align=f"right {side}", color=MUTED)


# --- probabilities ---------------------------------------------------------------------------
OPERATORS: Mapping[str, tuple[Callable[[np.ndarray, float], np.ndarray], str]] = {
    "<": (operator.lt, "<"),
    "<=": (operator.le, "≤"),
    ">": (operator.gt, ">"),
    ">=": (operator.ge, "≥"),
}


def threshold_probability(
    path: xr.DataArray,
    *,
    op: str,
    value: float,
    as_of: str,
    label: str | None = None,
    baseline: xr.DataArray | None = None,
    title: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw the probability that a path is beyond a level, in each period that has not ended.

    Parameters
    ----------
    path
        Draws, dims chain, draw, period.
    op, value
        The event: one of <, <=, >, >= and the level, in the path's unit.
    as_of
        The day up to which reports were known, ISO; only periods that end later are shown.
    label
        What the path is, for the subtitle; its name by default, which also decides the hue.
    baseline
        Draws of a naive forecast, dims chain, draw, period; ``attrs["label"]``, else
        ``attrs["model"]``, names it.
    title
        The finding, about ten words.
    ax
        Where to draw; a new pyplot figure by default.

    Returns
    -------
    matplotlib.axes.Axes
        Dots at the share of draws, with bars of two Monte-Carlo standard errors.

    Raises
    ------
    UnknownNameError
        If `op` is not a comparison.
    DataError
        If `path` has other dims, or no period ends after `as_of`.
    """
    if op not in OPERATORS:
        raise UnknownNameError(f"no comparison {op!r}; there are {', '.join(OPERATORS)}")
    day = parse_date(as_of, "as_of date")
    labels = [str(p) for p in path["period"].values if period_end(str(p)) > day]
    if not labels:
        raise DataError(f"no period of the path ends after {as_of}; nothing is left to forecast")
    shares, errors, n = _shares(path, labels, op, value)
    naive = None if baseline is None else _shares(baseline, labels, op, value)[0]
    x = _centres(labels)
    color = hue(str(path.name or label or ""))
    marks = [("model", 100 * shares[-1])]
    if naive is not None and baseline is not None and np.isfinite(naive[-1]):
        marks.append((_baseline_label(baseline.attrs), 100 * naive[-1]))

    ax, own = _begin(ax, height=2.4)
    starts, ends = _spans(labels)
    # Points need less room on both sides than steps.
    right = float(x[-1] + 0.2 * (ends[-1] - starts[-1]))
    # Above 100 % there is room for a number over a dot.
    ax.set_ylim(-4, 100 + 104 * 18 / (_box(ax)[1] - 18))
    _room(
        ax,
        float(x[0] - (right - x[-1])),
        right,
        [text for text, _ in marks] if naive is not None else [],
    )
    _grid(ax, [0, 25, 50, 75, 100], ["0 %", "25 %", "50 %", "75 %", "100 %"], right)
    _time_axis(ax, labels, right)
    ax.plot(x, 100 * shares, color=color, linewidth=0.8, alpha=0.6, zorder=2)
    if naive is not None:
        ax.plot(
            x,
            100 * naive,
            linestyle="none",
            marker="D",
            markersize=7,
            markerfacecolor=PAPER,
            markeredgecolor=INK,
            markeredgewidth=0.9,
            label="naive",
            zorder=3,
        )
        _label_right(
            ax, float(x[-1]), marks, past=_points(ax, right, 0)[0] - _points(ax, x[-1], 0)[0]
        )
    ax.errorbar(
        x,
        100 * shares,
        200 * errors,
        fmt="o",
        color=color,
        markersize=5,
        elinewidth=1.4,
        label="model",
        zorder=4,
    )
    _write_shares(ax, x, shares, naive, n)
    what = label or words(str(path.name or "path"))
    subtitle = (
        f"Probability that {what} {OPERATORS[op][1]} {_number(value)}, % of joint draws, "
        f"{_frequency(labels)}data as of {as_of}; {ERROR_BARS}"
    )
    _finish(ax, own, title, subtitle)
    return ax


def _shares(
    path: xr.DataArray, labels: Sequence[str], op: str, value: float
) -> tuple[np.ndarray, np.ndarray, int]:
    """Return share, its error (both by period, NaN where the path has none) and draws behind it."""
    n = len(_samples(path))
    hit = OPERATORS[op][0](path.transpose("chain", "draw", "period").values, value).astype(float)
    share, error = hit.mean(axis=(0, 1)), _error(hit)
    place = {str(p): k for k, p in enumerate(path["period"].values)}
    cells = [place.get(label, -1) for label in labels]
    missing = np.array(cells) < 0
    return np.where(missing, np.nan, share[cells]), np.where(missing, np.nan, error[cells]), n


def _write_shares(
    ax: Axes, x: np.ndarray, shares: np.ndarray, naive: np.ndarray | None, n: int
) -> None:
    """Write each probability over its dot, over the naive mark too if that is just above."""
    taken: list[Rect] = []
    for k, share in enumerate(shares):
        text = percent(float(share), n)
        across, dot = _points(ax, float(x[k]), 100 * share)
        mark = math.nan if naive is None else _points(ax, float(x[k]), 100 * naive[k])[1]
        up = 7.0 if not 0 <= mark - dot < 18 else mark - dot + 8.0
        half = _text_width(text, TICK) / 2 + 2
        while any(_overlap(_over(across, dot + up, half), other) for other in taken):
            up += 2
        taken.append(_over(across, dot + up, half))
        _note(ax, text, (float(x[k]), 100 * share), (0, up), align="center bottom", size=TICK)


def _over(across: float, bottom: float, half: float) -> Rect:
    return (across - half, bottom, across + half, bottom + TICK * LEADING)


# --- strips ----------------------------------------------------------------------------------
STRIP, GAP = 16.0, 8.0  # points: height of a row's marks, and the space under them


def _rows(
    ax: Axes | None, texts: Sequence[tuple[str, str]], *, head: float
) -> tuple[Axes, bool, list[float]]:
    """Lay out rows, each with its words above its marks; y is in points from the top.

    Parameters
    ----------
    texts
        Label and grey note of each row, top row first; an empty note takes no room.
    head
        Height of the key above the rows, in points.

    Returns
    -------
    tuple
        The axes, whether its figure was made here, and the y of each row's marks.
    """
    if not texts:
        raise DataError("a strip wants at least one row")
    width = (WIDTH - EDGE - END) * 72 if ax is None else _box(ax)[0]
    labels = [_wrap(label, width, TICK) for label, _ in texts]
    notes = [_wrap(note, width, LABEL) for _, note in texts]
    words = [(len(a) * TICK + len(b) * LABEL) * LEADING for a, b in zip(labels, notes, strict=True)]
    tops = head + np.cumsum([0.0, *(w + STRIP + GAP for w in words)])
    ax, own = _begin(ax, height=float(tops[-1]) / 72, left=EDGE)
    ax.set_ylim(float(tops[-1]), 0)
    ax.set_yticks([])
    for top, label, note in zip(tops[:-1], labels, notes, strict=True):
        at, under = float(top), float(top) + len(label) * TICK * LEADING
        _note(ax, "\n".join(label), (0, at), align="left top", coords=ROW, size=TICK)
        if note:
            _note(ax, "\n".join(note), (0, under), align="left top", coords=ROW, color=MUTED)
    middles = [float(top) + w + STRIP / 2 for top, w in zip(tops[:-1], words, strict=True)]
    return ax, own, middles


def _strip_grid(
    ax: Axes, ticks: Sequence[float], labels: Sequence[str], rows: Sequence[float]
) -> None:
    """Put `ticks` on the x axis with light lines behind the marks, but not behind the words."""
    ax.set_xticks(ticks, labels)
    for y in rows:
        ax.vlines(ticks, y - STRIP / 2, y + STRIP / 2, colors=RULE, linewidths=0.7, zorder=0)


def _key(ax: Axes, handles: Sequence[Line2D]) -> None:
    """Name the marks in the free rows at the top of the axes."""
    width, _ = _box(ax)
    names = [str(h.get_label()) for h in handles]
    columns = max(1, min(len(names), _key_columns(names, width)))
    ax.legend(
        # Read along the rows: matplotlib fills columns first.
        handles=[h for c in range(columns) for h in handles[c::columns]],
        loc="upper left",
        bbox_to_anchor=(0, 1),
        borderaxespad=0,
        borderpad=0.1,
        ncols=columns,
        frameon=False,
        labelcolor=INK,
        prop=FontProperties(family=FONT, size=LABEL),
        handlelength=1.8,
        columnspacing=1.6,
        labelspacing=0.6,
    )


def _key_columns(names: Sequence[str], width: float) -> int:
    """Return how many of the widest entry fit side by side, or all if all do."""
    each = [_text_width(name, LABEL) + 34 for name in names]
    return len(names) if sum(each) <= width else int(width // max(each))


def _key_height(names: Sequence[str], width: float) -> float:
    columns = max(1, min(len(names), _key_columns(names, width)))
    return math.ceil(len(names) / columns) * LABEL * 1.75 + 8


def _mark(name: str, marker: str, *, face: str, edge: str, size: float) -> Line2D:
    """Return a marker for the key."""
    return Line2D(
        [],
        [],
        linestyle="none",
        marker=marker,
        markersize=size,
        markerfacecolor=face,
        markeredgecolor=edge,
        label=name,
    )


def definition_strip(
    rows: Sequence[StripRow], *, title: str | None = None, ax: Axes | None = None
) -> Axes:
    """Draw the probability of each definition of a claim, a row a definition.

    Parameters
    ----------
    rows
        Top row first.
    title
        The finding, about ten words.
    ax
        Where to draw; a new pyplot figure, high enough for the rows, by default.

    Returns
    -------
    matplotlib.axes.Axes
        Dots: ours; lines: the range over other prior sets; hollow diamonds: naive; ticks: base
        rate; the number in words at the right. y is in points from the top.

    Raises
    ------
    DataError
        If there is no row.
    """
    key = _strip_key(rows)
    width = (WIDTH - EDGE - END) * 72 if ax is None else _box(ax)[0]
    head = _key_height([str(h.get_label()) for h in key], width) if key else 0.0
    # Where there are marks a note stands under the label; where there are none, in their place.
    texts = [(row.label, row.note if row.probability is not None else "") for row in rows]
    ax, own, places = _rows(ax, texts, head=head)
    numbers = [
        "" if row.probability is None else percent(row.probability, row.draws) for row in rows
    ]
    _room(ax, 0, 100, [n.replace(" ", "\N{NO-BREAK SPACE}") for n in numbers if n] or ["100"])
    judged = [y for y, row in zip(places, rows, strict=True) if row.probability is not None]
    _strip_grid(ax, range(0, 101, 20), [f"{t} %" for t in range(0, 101, 20)], judged)
    for row, y, number in zip(rows, places, numbers, strict=True):
        if row.probability is None:
            _note(ax, row.note or "no number", (0, y), coords=ROW, color=MUTED)
        else:
            _strip_row(ax, row, y)
            _note(ax, number, (100, y), (12, 0), size=TICK)
    if key:
        _key(ax, key)
    _finish(ax, own, title, "Probability of the event in its window, %, one row a definition")
    return ax


# The diamond is larger than the dot, so that both are seen where they agree.
STRIP_MARKS: Mapping[str, Mapping[str, Any]] = {
    "range over other priors": {
        "color": MUTED,
        "linewidth": 3,
        "alpha": 0.6,
        "solid_capstyle": "butt",
        "zorder": 2,
    },
    "base rate": {"marker": "|", "markersize": 13, "markeredgewidth": 1.4, "zorder": 3},
    "naive forecast": {
        "marker": "D",
        "markersize": 8,
        "markerfacecolor": PAPER,
        "markeredgewidth": 0.9,
        "zorder": 4,
    },
    "our answer": {"marker": "o", "markersize": 5.5, "zorder": 5},
}


def _strip_marks(row: StripRow) -> dict[str, list[float]]:
    """Return where each mark of a row stands, in percent; only those that the row has."""
    places = {
        "our answer": (row.probability,),
        "range over other priors": (row.low, row.high),
        "naive forecast": (row.naive,),
        "base rate": (row.base_rate,),
    }
    return {
        name: [100 * x for x in at if x is not None]
        for name, at in places.items()
        if row.probability is not None and None not in at
    }


def _strip_key(rows: Sequence[StripRow]) -> list[Line2D]:
    """Return the key of the marks that the rows have."""
    there = dict.fromkeys(name for row in rows for name in _strip_marks(row))
    styles = {name: {"color": INK, "linewidth": 0, **STRIP_MARKS[name]} for name in there}
    return [Line2D([], [], label=name, **style) for name, style in styles.items()]


def _strip_row(ax: Axes, row: StripRow, y: float) -> None:
    """Draw one row's marks; clipping is off, for a mark at 0 % is as whole as any other."""
    for name, at in _strip_marks(row).items():
        style = {"color": INK, **STRIP_MARKS[name]}
        ax.plot(at, [y] * len(at), label=name, clip_on=False, **style)


def sensitivity(
    rows: Sequence[SensitivityRow], *, title: str | None = None, ax: Axes | None = None
) -> Axes:
    """Draw how far each probability rests on the prior and on the data.

    Parameters
    ----------
    rows
        Top row first; changes are shares, drawn in percentage points.
    title
        The finding, about ten words.
    ax
        Where to draw; a new pyplot figure, high enough for the rows, by default.

    Returns
    -------
    matplotlib.axes.Axes
        Hollow grey squares: the prior's weight doubled; solid dots: the data's; bars of two
        Monte-Carlo standard errors. y is in points from the top.

    Raises
    ------
    DataError
        If there is no row.
    """
    key = [
        _mark("weight of the prior doubled", "s", face=PAPER, edge=MUTED, size=6),
        _mark("weight of the data doubled", "o", face=INK, edge=INK, size=6),
    ]
    width = (WIDTH - EDGE - END) * 72 if ax is None else _box(ax)[0]
    head = _key_height([str(h.get_label()) for h in key], width)
    ax, own, places = _rows(ax, [(row.label, "") for row in rows], head=head)
    reach = max(
        abs(change) + 2 * error
        for row in rows
        for change, error in ((row.prior, row.prior_mcse), (row.likelihood, row.likelihood_mcse))
    )
    limit = max(1.12 * 100 * reach, 1.0)
    ax.set_xlim(-limit, limit)
    ticks = _even_ticks(-limit, limit, _box(ax)[0] / 2)
    digits = _decimals(ticks)
    texts = [("+" if t > 0 else "") + _number(t, 0 if t == 0 else digits) for t in ticks]
    _strip_grid(ax, ticks, texts, places)
    for row, y in zip(rows, places, strict=True):
        ax.vlines(0, y - STRIP / 2, y + STRIP / 2, colors=INK, linewidths=1.0, zorder=1)
        ax.errorbar(
            [100 * row.prior],
            [y - 3.5],
            xerr=[200 * row.prior_mcse],
            fmt="s",
            markersize=5,
            color=MUTED,
            markerfacecolor=PAPER,
            elinewidth=1.2,
            label="prior",
            zorder=3,
        )
        ax.errorbar(
            [100 * row.likelihood],
            [y + 3.5],
            xerr=[200 * row.likelihood_mcse],
            fmt="o",
            markersize=5,
            color=INK,
            elinewidth=1.2,
            label="likelihood",
            zorder=3,
        )
    _key(ax, key)
    _finish(
        ax,
        own,
        title,
        f"Change of the probability when a weight is doubled, percentage points; {ERROR_BARS}",
    )
    return ax


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
    samples = _samples(draws["curve"], "cost")
    cost = draws["cost"].values
    names = [str(r) for r in panel.data["release"].values]
    years = [str(d)[:4] for d in panel.data["released"].values]
    x, y = panel.data["cost"].values, 100 * panel.data["score"].values
    errors = _cost_bars(names, x, cost_log10_sd or {})
    limits = [(text, v) for text, v in (("ceiling", ceiling), ("chance", floor)) if v is not None]
    marks = _band_marks(samples[:, -1], log=False)
    marks += [(f"{text} {_number(v)} %", v) for text, v in limits]

    ax, own = _begin(ax, height=3.3)
    lowest = min(np.quantile(samples, 0.025, axis=0).min(), y.min(), *(v for _, v in limits))
    ax.set_xscale("log")
    ax.set_ylim(lowest - 0.04 * (100 - lowest), 100)
    _room(ax, float(cost[0]), float(cost[-1]), [text for text, _ in marks])
    ticks = _even_ticks(*ax.get_ylim(), _box(ax)[1])
    _grid(ax, ticks, [f"{_number(t)} %" for t in ticks], float(cost[-1]))
    decades = _decades(float(cost[0]), float(cost[-1]))
    ax.set_xticks(decades, [_number(t) for t in decades])
    _name_axis(ax, "training cost, USD m, log scale")
    ax.minorticks_off()
    color = hue("score")
    for probability, name, alpha in BANDS:
        low, high = np.quantile(samples, _edges(probability), axis=0)
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
    _label_right(ax, float(cost[-1]), marks)
    last = max(str(d) for d in panel.data["released"].values)
    bars = "; bars: 1 s.d. of the printed cost" if cost_log10_sd else ""
    subtitle = (
        f"Expected {label}, %; curve for a release of {last[:7]}, points at their own dates{bars}"
    )
    _finish(ax, own, title, subtitle, foot=NAMED)
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
    room = _points(ax, end, bottom)[0] - _points(ax, most, bottom)[0] - 6
    lines = _wrap("no release has cost more: extrapolated", room, LABEL)
    _note(
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
    at = [_points(ax, a, b) for a, b in zip(x, y, strict=True)]
    taken: list[Rect] = [(a - 5, b - 5, a + 5, b + 5) for a, b in at]
    for k, (_, b) in enumerate(at):
        left = _points(ax, x[k] - errors[0, k], y[k])[0]
        right = _points(ax, x[k] + errors[1, k], y[k])[0]
        taken.append((left, b - 1.5, right, b + 1.5))
    for way in lines:
        spots = [_points(ax, float(u), float(v)) for u, v in zip(*way, strict=True)]
        taken += [(u - 3, v - 1, u + 3, v + 1) for u, v in spots]
    box = (_points(ax, float(lines[0][0][-1]), 1)[0], _box(ax)[1])
    # From the left: the leftmost have most room on their outer side.
    for k in np.argsort(x, kind="stable"):
        width = _text_width(names[k], LABEL)
        _, offset, rect = min(
            _places(at[k], width),
            key=lambda place: (
                place[0]
                + 3 * sum(_overlap(place[2], other) for other in taken)
                + 50 * _outside(place[2], box)
                + 40 * _crossed(at[k], place[1], [p for p in at if p != at[k]])
            ),
        )
        taken.append(rect)
        _note(ax, names[k], (x[k], y[k]), offset, leader={"shrinkA": 0, "shrinkB": 3})


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
    ax, own = _begin(ax, height=2.2, left=0.25)
    shapes = [_density(v, r) for v, r in zip((before, after), ranges, strict=True)]
    top = max(float(heights.max()) for heights, _ in shapes)
    _room(ax, low, high, ["posterior"])
    # The two ranges lie under the densities, in rows of a fixed height.
    row = 15.0
    share = 2 * row / _box(ax)[1]
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
        _note(ax, text, (high, y), (10, 0))
    ticks = _even_ticks(low, high, 0.8 * _points(ax, high, 0)[0])
    ax.set_xticks(ticks, [_number(t, _decimals(ticks)) for t in ticks])
    _name_axis(ax, label or name.replace("_", " "))
    subtitle = "Prior: grey outline; posterior: filled; bars: 90 % ranges, with the medians"
    _finish(ax, own, title, subtitle, foot=NAMED)
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


# --- files -----------------------------------------------------------------------------------
def save(ax_or_figure: Axes | Figure, path_stem: str | Path, *, alt: str) -> tuple[Path, Path]:
    """Write a figure as SVG and PNG, the same bytes every time, and close it.

    Parameters
    ----------
    ax_or_figure
        A figure, or any axes of it.
    path_stem
        Path without suffix; folders are made.
    alt
        What the figure says, for those who do not see it.

    Returns
    -------
    tuple of pathlib.Path
        The SVG, transparent, with `alt` as its title and text as outlines; and the PNG at 200 dpi
        on :data:`PAPER`, because a picture pasted elsewhere cannot change its ink.

    Raises
    ------
    DataError
        If `alt` is empty.
    """
    if not alt.strip():
        raise DataError("a figure wants a text alternative; say in a sentence what it shows")
    figure = ax_or_figure if isinstance(ax_or_figure, Figure) else _figure(ax_or_figure)
    stem = Path(path_stem)
    stem.parent.mkdir(parents=True, exist_ok=True)
    # Not with_suffix: a stem such as "claim.v2" would lose its end.
    svg, png = (stem.with_name(stem.name + suffix) for suffix in (".svg", ".png"))
    drawn = io.StringIO()
    with mpl.rc_context({"svg.hashsalt": "forecast", "svg.fonttype": "path"}):
        figure.savefig(drawn, format="svg", facecolor="none", metadata={"Date": None, "Title": alt})
    # A screen reader takes an svg for a group of shapes unless it is told that it is one image.
    role = f'<svg role="img" aria-label="{html.escape(alt)}" '
    svg.write_text(drawn.getvalue().replace("<svg ", role, 1), encoding="utf-8")
    figure.savefig(
        png,
        format="png",
        dpi=200,
        facecolor=PAPER,
        metadata={"Title": alt, "Description": alt, "Software": None},
    )
    plt.close(figure)
    return svg, png
