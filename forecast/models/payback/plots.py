"""Is a programme earned back: the year in which it is, and what must be true for it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from forecast.core.text import capitalised, percent
from forecast.plots.style import (
    MUTED,
    SPARE_HUES,
    begin,
    find_series,
    finish,
    grid_lines,
    hue,
    label_right,
    level_ticks,
    make_room,
    name_axis,
    note_at,
    number_text,
)

LEVELS = (0.1, 0.5, 0.9)
"""Chances of payback whose frontier is drawn."""
REVENUE_YEAR = 2035
"""The year whose revenue the frontier is about."""


def payback_years(
    draws: xr.Dataset,
    programmes: Sequence[str],
    *,
    title: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw the probability that each programme is earned back by the end of a year.

    Parameters
    ----------
    draws
        Joint draws of the payback model.
    programmes
        Entities with a series ``recovered``.
    title
        The finding, about ten words.
    ax
        Where to draw; a new pyplot figure by default.

    Returns
    -------
    matplotlib.axes.Axes
        One step line a programme: the distribution of the payback year; what it lacks of 100 % at
        the end is never earned back.
    """
    ax, own = begin(ax, height=2.6)
    years = draws["period"].values.astype(int)
    shares = {
        name: 100 * find_series(draws, "recovered", name)["y"].mean(("chain", "draw")).values
        for name in programmes
    }
    labels = [
        (f"{name}: {percent(v[-1] / 100)} by {years[-1]}", v[-1]) for name, v in shares.items()
    ]
    ax.set_ylim(0, 104)
    make_room(ax, int(years[0]), int(years[-1]), [text for text, _ in labels])
    right = int(years[-1])
    grid_lines(ax, [0, 25, 50, 75, 100], ["0 %", "25 %", "50 %", "75 %", "100 %"], right)
    for (_, share), width in zip(shares.items(), (1.0, 1.7, 2.4), strict=False):
        ax.step(years, share, where="post", color=hue("revenue"), linewidth=width, zorder=3)
    label_right(ax, right, [(text, float(at)) for text, at in labels], past=2)
    ticks = [y for y in years if y % 5 == 0]
    ax.set_xticks(ticks, [str(y) for y in ticks])
    name_axis(ax, "end of year")
    subtitle = (
        "Probability that discounted cash has reached the discounted whole of the spending, %"
    )
    finish(ax, own, title, subtitle, foot=0.16)
    return ax


def payback_frontier(
    margins: np.ndarray,
    required: np.ndarray,
    expected: np.ndarray,
    own_margins: np.ndarray,
    *,
    label: str = "revenue",
    title: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw the revenue and margin at which payback has a chance of 10, 50 and 90 %.

    Parameters
    ----------
    margins
        Long-run cash margins, share of revenue, shape (margin,).
    required
        Revenue with which each draw is earned back, USD bn, shape (sample, margin).
    expected
        Revenue of each draw, USD bn, shape (sample,).
    own_margins
        Long-run margin of each draw, shape (sample,).
    label
        Whose revenue, of the year :data:`REVENUE_YEAR`.
    title
        The finding, about ten words.
    ax
        Where to draw; a new pyplot figure by default.

    Returns
    -------
    matplotlib.axes.Axes
        Three lines, each with the share of draws whose own revenue and margin lie beyond it, which
        says how plausible the line is; the rectangle holds eight in ten draws of either.
    """
    ax, own = begin(ax, height=3.0)
    # A level of the draws, not between two of them: some need more revenue than there can be.
    ranks = [max(int(np.ceil(level * len(required))) - 1, 0) for level in LEVELS]
    lines = np.sort(required, axis=0)[ranks]
    low, high = np.quantile(expected, [0.1, 0.9])
    left, right = np.quantile(own_margins, [0.1, 0.9])
    finite = np.append(lines[np.isfinite(lines)], low)
    bottom, top = finite.min() * 0.8, min(max(high, np.quantile(finite, 0.9)) * 1.5, 1e5)
    ax.set_yscale("log")
    ax.set_ylim(bottom, top)
    at = np.abs(own_margins[:, None] - margins[None, :]).argmin(axis=1)
    texts = [
        f"payback {percent(level)}: "
        + (
            f"{percent(float((expected >= line[at]).mean()))} of draws beyond"
            if np.isfinite(line).any()
            else "no revenue is enough"
        )
        for level, line in zip(LEVELS, lines, strict=True)
    ]
    texts = [text.replace(" %", "\N{NO-BREAK SPACE}%") for text in texts]
    make_room(ax, float(margins[0]), float(margins[-1]), texts)
    ticks = level_ticks(bottom, top)
    grid_lines(ax, ticks, [number_text(t) for t in ticks], float(margins[-1]))
    ax.fill_between(
        [left, right], low, high, color=SPARE_HUES[0], alpha=0.25, linewidth=0, zorder=1
    )
    note_at(ax, "8 in 10 draws of either", (left, low), (4, 4), align="left bottom", color=MUTED)
    for line, width in zip(lines, (1.0, 2.2, 1.0), strict=True):
        shown = np.isfinite(line) & (line <= top)
        ax.plot(margins[shown], line[shown], color=hue("revenue"), linewidth=width, zorder=3)
    # What lies above the axes, or nowhere, is named at their upper end.
    ends = [(text, min(float(line[-1]), top)) for text, line in zip(texts, lines, strict=True)]
    label_right(ax, float(margins[-1]), ends, past=2)
    marks = [m for m in (0.1, 0.2, 0.3, 0.4, 0.5) if margins[0] <= m <= margins[-1]]
    ax.set_xticks(marks, [f"{100 * m:.0f} %" for m in marks])
    name_axis(ax, "cash margin in the long run, before the programme")
    subtitle = (
        f"{capitalised(label)} of {REVENUE_YEAR} that pays the programme back with a chance of "
        "10, 50, 90 %, USD bn, log scale"
    )
    finish(ax, own, title, subtitle, foot=0.16)
    return ax


def payback_share(
    shares: np.ndarray,
    chances: np.ndarray,
    own_shares: np.ndarray,
    whole: float,
    *,
    by: int = REVENUE_YEAR,
    marked: Sequence[float] = (),
    title: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw the probability of payback by the share of a programme that running costs do not hold.

    Parameters
    ----------
    shares, chances
        Shares, rising, and the probability at each, shape (share,).
    own_shares
        The share of each draw, shape (sample,).
    whole
        The probability over the draws' own shares.
    by
        Year of payback.
    marked
        Shares of `shares` whose probability is written out.
    title
        The finding, about ten words.
    ax
        Where to draw; a new pyplot figure by default.

    Returns
    -------
    matplotlib.axes.Axes
        The curve, its marked points, the span that holds eight in ten draws' own shares, and a
        level line at the probability over all of them.
    """
    ax, own = begin(ax, height=2.6)
    ax.set_ylim(0, 104)
    text = f"over what is known of it: {percent(whole)}"
    make_room(ax, float(shares[0]), float(shares[-1]), [text])
    right = float(shares[-1])
    grid_lines(ax, [0, 25, 50, 75, 100], ["0 %", "25 %", "50 %", "75 %", "100 %"], right)
    low, high = np.quantile(own_shares, [0.1, 0.9])
    ax.axvspan(low, high, color=SPARE_HUES[0], alpha=0.25, linewidth=0, zorder=1)
    note_at(ax, "8 in 10 draws", (float(low), 0.0), (4, 4), align="left bottom", color=MUTED)
    ax.plot(shares, 100 * chances, color=hue("revenue"), linewidth=2.2, zorder=3)
    for share in marked:
        chance = float(chances[np.abs(shares - share).argmin()])
        ax.plot([share], [100 * chance], "o", color=hue("revenue"), markersize=4, zorder=4)
        label = f"{100 * share:.0f} %: {percent(chance)}".replace(" %", "\N{NO-BREAK SPACE}%")
        note_at(ax, label, (share, 100 * chance), (4, 4), align="left bottom")
    ax.hlines(100 * whole, float(shares[0]), right, color=MUTED, linewidth=1.0, zorder=2)
    label_right(ax, right, [(text, 100 * whole)], past=2)
    ticks = [0.0, 0.25, 0.5, 0.75, 1.0]
    ax.set_xticks(ticks, [f"{100 * t:.0f} %" for t in ticks])
    name_axis(ax, "share of the programme that running costs do not hold")
    finish(ax, own, title, f"Probability that it is earned back by {by}, %", foot=0.16)
    return ax
