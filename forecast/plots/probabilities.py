"""The probability that a path is beyond a level, period by period."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from forecast.core.errors import DataError, UnknownNameError
from forecast.core.periods import parse_date, period_end
from forecast.core.text import one_line, percent
from forecast.plots.style import (
    ERROR_BARS,
    INK,
    LEADING,
    PAPER,
    TICK,
    Rect,
    begin,
    box_of,
    centres,
    finish,
    frequency_of,
    grid_lines,
    hue,
    label_right,
    make_room,
    naive_label,
    note_at,
    number_text,
    overlap,
    points_of,
    samples_of,
    share_error,
    spans_of,
    text_width,
    time_axis,
    words,
)

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
        If `path` has other dims, no period ends after `as_of`, or it has no number in one that does.
    """
    if op not in OPERATORS:
        raise UnknownNameError(f"no comparison {op!r}; there are {', '.join(OPERATORS)}")
    day = parse_date(as_of, "as_of date")
    labels = [str(p) for p in path["period"].values if period_end(str(p)) > day]
    if not labels:
        raise DataError(f"no period of the path ends after {as_of}; nothing is left to forecast")
    shares, errors, n = _shares(path, labels, op, value)
    if np.isnan(shares).any():
        empty = [label for label, share in zip(labels, shares, strict=True) if np.isnan(share)]
        raise DataError(
            f"some draws of the path have no number in {one_line(empty)}, so that no share of them can "
            "be told; leave these periods out"
        )
    naive = None if baseline is None else _shares(baseline, labels, op, value)[0]
    x = centres(labels)
    color = hue(str(path.name or label or ""))
    marks = [("model", 100 * shares[-1])]
    if naive is not None and baseline is not None and np.isfinite(naive[-1]):
        marks.append((naive_label(baseline.attrs), 100 * naive[-1]))

    ax, own = begin(ax, height=2.4)
    starts, ends = spans_of(labels)
    # Points need less room on both sides than steps.
    right = float(x[-1] + 0.2 * (ends[-1] - starts[-1]))
    # Above 100 % there is room for a number over a dot.
    ax.set_ylim(-4, 100 + 104 * 18 / (box_of(ax)[1] - 18))
    make_room(
        ax,
        float(x[0] - (right - x[-1])),
        right,
        [text for text, _ in marks] if naive is not None else [],
    )
    grid_lines(ax, [0, 25, 50, 75, 100], ["0 %", "25 %", "50 %", "75 %", "100 %"], right)
    time_axis(ax, labels, right)
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
        label_right(
            ax, float(x[-1]), marks, past=points_of(ax, right, 0)[0] - points_of(ax, x[-1], 0)[0]
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
        f"Probability that {what} {OPERATORS[op][1]} {number_text(value)}, % of joint draws, "
        f"{frequency_of(labels)}data as of {as_of}; {ERROR_BARS}"
    )
    finish(ax, own, title, subtitle)
    return ax


def _shares(
    path: xr.DataArray, labels: Sequence[str], op: str, value: float
) -> tuple[np.ndarray, np.ndarray, int]:
    """Return share, its error (both by period, NaN where a draw has none) and draws behind it."""
    n = len(samples_of(path))
    values = path.transpose("chain", "draw", "period").values
    hit = np.where(np.isfinite(values), OPERATORS[op][0](values, value), np.nan)
    share, error = hit.mean(axis=(0, 1)), share_error(hit)
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
        across, dot = points_of(ax, float(x[k]), 100 * share)
        mark = math.nan if naive is None else points_of(ax, float(x[k]), 100 * naive[k])[1]
        up = 7.0 if not 0 <= mark - dot < 18 else mark - dot + 8.0
        half = text_width(text, TICK) / 2 + 2
        while any(overlap(_over(across, dot + up, half), other) for other in taken):
            up += 2
        taken.append(_over(across, dot + up, half))
        note_at(ax, text, (float(x[k]), 100 * share), (0, up), align="center bottom", size=TICK)


def _over(across: float, bottom: float, half: float) -> Rect:
    return (across - half, bottom, across + half, bottom + TICK * LEADING)
