"""What moved a number, and what a coming report would do to it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes

from forecast.core.errors import DataError
from forecast.plots.style import (
    INK,
    LABEL,
    MUTED,
    NAMES,
    PAPER,
    RULE,
    SIDE,
    TICK,
    begin,
    cut,
    decimals_of,
    even_ticks,
    finish,
    grid_lines,
    hue,
    label_right,
    make_room,
    name_axis,
    note_at,
    number_text,
    text_width,
    wrap,
)

UP, DOWN = "#e76300", "#3f90da"
"""Hues of a rise and of a fall; the sign is written next to every bar."""
ROW, BAR = 22.0, 11.0  # points: height of a row and of its bar


@dataclasses.dataclass(frozen=True)
class WaterfallRow:
    """One reason of a change, in the unit of the axis.

    Attributes
    ----------
    label
        What moved it.
    change
        By how much.
    low, high
        Range of the change, by its error or by the order in which the reasons are taken.
    noise
        Whether it is what no reason explains.
    """

    label: str
    change: float
    low: float
    high: float
    noise: bool = False


def waterfall(
    rows: Sequence[WaterfallRow],
    before: float,
    after: float,
    *,
    unit: str = "%",
    step: str = "points",
    ends: tuple[str, str] = ("before", "after"),
    subtitle: str = "",
    title: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw how a number went from before to after, a row a reason.

    Parameters
    ----------
    rows
        Top row first; their changes add up to ``after - before``.
    before, after
        The number at both ends, in `unit`.
    unit, step
        Unit of the number and of its changes.
    ends
        What the two ends are called.
    subtitle
        Measure, unit and period.
    title
        The finding, about ten words.
    ax
        Where to draw; a new pyplot figure, high enough for the rows, by default.

    Returns
    -------
    matplotlib.axes.Axes
        Dots: the two ends; bars: what each reason moved, from where the one above ended; thin lines:
        the range in which the bar could have ended. y is in points from the top.

    Raises
    ------
    DataError
        If the changes do not add up.
    """
    gap = before + sum(row.change for row in rows) - after
    if not abs(gap) < 1e-6 * max(1.0, abs(before), abs(after)):
        raise DataError(f"the rows leave {gap:g} of the change unexplained; noise is a row too")
    names = [ends[0], *(row.label for row in rows), ends[1]]
    left = (min(max(text_width(n, TICK) for n in names), NAMES) + 14) / 72
    ax, own = begin(ax, height=ROW * len(names) / 72, left=left)
    ax.set_ylim(ROW * len(names), 0)
    ax.set_yticks([])
    tops = before + np.concatenate([[0.0], np.cumsum([row.change for row in rows])])
    reach = [before, after, *tops]
    reach += [float(tops[k]) + v for k, row in enumerate(rows) for v in (row.low, row.high)]
    low, high = min(reach), max(reach)
    pad = max(0.08 * (high - low), 0.02 * max(abs(high), 1e-9))
    low, high = low - pad, high + pad
    decimals = 1 if high - low < 50 else 0
    said = [f"{number_text(v, decimals)} {unit}" for v in (before, after)]
    steps = [
        f"{'+' if r.change >= 0 else ''}{number_text(r.change, decimals)} {step}" for r in rows
    ]
    make_room(ax, low, high, [*said, *steps])
    ticks = even_ticks(low, high, 300)
    ax.set_xticks(ticks, [number_text(t, decimals_of(ticks)) for t in ticks])
    ax.vlines(ticks, 0, ROW * len(names), colors=RULE, linewidths=0.7, zorder=0)
    for k, name in enumerate(names):
        y = ROW * (k + 0.5)
        first, *others = wrap(name, left * 72 - 14, TICK) or [""]
        text = "\n".join(
            [first, *([cut(" ".join(others), left * 72 - 14, TICK)] if others else [])]
        )
        note_at(ax, text, (0, y), (-8, 0), align="right center", coords=("axes fraction", "data"),
                size=TICK)  # fmt: skip
        if k in (0, len(names) - 1):
            value = before if k == 0 else after
            ax.plot([value], [y], "o", color=INK, markersize=6, zorder=5, clip_on=False)
            note_at(ax, said[min(k, 1)], (high, y), (12, 0), size=TICK)
            continue
        row, start = rows[k - 1], float(tops[k - 1])
        colour = MUTED if row.noise else UP if row.change >= 0 else DOWN
        ax.barh(y, row.change, left=start, height=BAR, color=colour, alpha=0.75, zorder=3)
        ax.plot([start, start], [y - ROW, y], color=MUTED, linewidth=0.6, zorder=2)
        if row.high > row.low:
            ax.plot([start + row.low, start + row.high], [y, y], color=INK, linewidth=1.0, zorder=4)
        note_at(ax, steps[k - 1], (high, y), (12, 0), size=TICK)
    finish(ax, own, title, subtitle)
    return ax


@dataclasses.dataclass(frozen=True)
class PrintCurve:
    """The probability of an event given a number that is still to be reported.

    Attributes
    ----------
    label
        Whose number it is.
    metric
        Its metric, which has its hue.
    prints, curve
        Values of the number and the probability given each, shape (level,).
    levels
        Quantile levels of the values.
    checked
        By level, the probability with the draws reweighted to the number as if reported.
    """

    label: str
    metric: str
    prints: np.ndarray
    curve: np.ndarray
    levels: np.ndarray
    checked: Mapping[float, float]


def print_curve(
    one: PrintCurve,
    probability: float,
    *,
    unit: str = "USD bn",
    noise: float = 0.0,
    title: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw the probability of an event as a function of a coming number.

    Parameters
    ----------
    one
        The curve.
    probability
        The probability before the report.
    unit
        Unit of the number.
    noise
        Half the height of the band around `probability` within which the curve may be chance.
    title
        The finding, about ten words.
    ax
        Where to draw; a new pyplot figure by default.

    Returns
    -------
    matplotlib.axes.Axes
        Line: the probability given the number, thick between its 10 % and 90 % quantiles; dashes:
        before the report; hollow dots: after reweighting.
    """
    ax, own = begin(ax, height=2.6, left=SIDE)
    colour = hue(one.metric)
    percent, prints = 100 * one.curve, one.prints
    likely = (one.levels >= 0.099) & (one.levels <= 0.901)
    tops = [*percent, 100 * probability, *(100 * v for v in one.checked.values())]
    low, high = max(min(tops) - 3, 0), min(max(tops) + 3, 100)
    ax.set_ylim(low, high)
    make_room(ax, float(prints[0]), float(prints[-1]), ["before the report"])
    right = float(prints[-1])
    ticks = even_ticks(low, high, 190)
    grid_lines(ax, ticks, [f"{number_text(t, decimals_of(ticks))} %" for t in ticks], right)
    across = even_ticks(float(prints[0]), right, 300)
    ax.set_xticks(across, [number_text(t, decimals_of(across)) for t in across])
    name_axis(ax, f"{one.label}, {unit}, its 1 % to 99 % quantiles; thick: 10 % to 90 %")
    if noise:
        ax.fill_between([prints[0], right], 100 * (probability - noise), 100 * (probability + noise),
                        color=MUTED, alpha=0.15, linewidth=0, zorder=1)  # fmt: skip
    ax.plot([prints[0], right], [100 * probability] * 2, color=MUTED, linewidth=1, dashes=(4, 3))
    ax.plot(prints, percent, color=colour, linewidth=1.2, zorder=3)
    ax.plot(prints[likely], percent[likely], color=colour, linewidth=3, zorder=4)
    for level, value in one.checked.items():
        at = float(np.interp(level, one.levels, prints))
        ax.plot([at], [100 * value], "o", color=INK, markerfacecolor=PAPER, markersize=6, zorder=5)
    labels = [("given the number", float(percent[-1])), ("before the report", 100 * probability)]
    label_right(ax, right, labels)
    subtitle = "Probability of the event, %, by the number reported"
    if one.checked:
        subtitle += "; hollow dots: draws reweighted to the number as if reported"
    finish(ax, own, title, subtitle, foot=LABEL / 72 + 0.06)
    return ax
