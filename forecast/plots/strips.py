"""A row a definition: its probability, and how far that rests on the prior."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.font_manager import FontProperties
from matplotlib.lines import Line2D

from forecast.core.errors import DataError
from forecast.core.text import percent
from forecast.plots.style import (
    EDGE,
    END,
    ERROR_BARS,
    INK,
    LABEL,
    LEADING,
    MUTED,
    PAPER,
    ROW,
    RULE,
    TICK,
    WIDTH,
    begin,
    box_of,
    decimals_of,
    even_ticks,
    family,
    finish,
    make_room,
    note_at,
    number_text,
    text_width,
    wrap,
)


# --- rows of the strips ----------------------------------------------------------------------
@dataclasses.dataclass(frozen=True)
class StripRow:
    """One definition of a claim on :func:`definition_strip`; probabilities are shares, 0 to 1.

    Attributes
    ----------
    label
        The definition in words.
    probability
        Our answer, or None without one.
    low, high
        Range of the answer over the other prior sets, or None.
    naive
        The naive forecast's answer, or None.
    base_rate
        The base rate, or None.
    published
        What somebody else published on the same or a near question, or None.
    reach_low, reach_high
        Range of the answer over other thresholds and windows, or None.
    implied_low, implied_high
        Range that somebody's words imply, or None.
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
    published: float | None = None
    reach_low: float | None = None
    reach_high: float | None = None
    implied_low: float | None = None
    implied_high: float | None = None


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


# --- strips ----------------------------------------------------------------------------------
STRIP, GAP = 16.0, 8.0  # points: height of a row's marks, and the space under them


def lay_rows(
    ax: Axes | None, texts: Sequence[tuple[str, str]], *, head: float
) -> tuple[Axes, bool, list[float]]:
    """Lay out rows, each with its words above its marks; y is in points from the top.

    Parameters
    ----------
    ax
        Where to draw; a figure of its own by default.
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
    width = (WIDTH - EDGE - END) * 72 if ax is None else box_of(ax)[0]
    labels = [wrap(label, width, TICK) for label, _ in texts]
    notes = [wrap(note, width, LABEL) for _, note in texts]
    words = [(len(a) * TICK + len(b) * LABEL) * LEADING for a, b in zip(labels, notes, strict=True)]
    tops = head + np.cumsum([0.0, *(w + STRIP + GAP for w in words)])
    ax, own = begin(ax, height=float(tops[-1]) / 72, left=EDGE)
    ax.set_ylim(float(tops[-1]), 0)
    ax.set_yticks([])
    for top, label, note in zip(tops[:-1], labels, notes, strict=True):
        at, under = float(top), float(top) + len(label) * TICK * LEADING
        note_at(ax, "\n".join(label), (0, at), align="left top", coords=ROW, size=TICK)
        if note:
            note_at(ax, "\n".join(note), (0, under), align="left top", coords=ROW, color=MUTED)
    middles = [float(top) + w + STRIP / 2 for top, w in zip(tops[:-1], words, strict=True)]
    return ax, own, middles


def strip_grid(
    ax: Axes, ticks: Sequence[float], labels: Sequence[str], rows: Sequence[float]
) -> None:
    """Put `ticks` on the x axis with light lines behind the marks, but not behind the words."""
    ax.set_xticks(ticks, labels)
    for y in rows:
        ax.vlines(ticks, y - STRIP / 2, y + STRIP / 2, colors=RULE, linewidths=0.7, zorder=0)


def write_key(ax: Axes, handles: Sequence[Line2D]) -> None:
    """Name the marks in the free rows at the top of the axes."""
    width, _ = box_of(ax)
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
        prop=FontProperties(family=list(family()), size=LABEL),
        handlelength=1.8,
        columnspacing=1.6,
        labelspacing=0.6,
    )


def _key_columns(names: Sequence[str], width: float) -> int:
    """Return how many of the widest entry fit side by side, or all if all do."""
    each = [text_width(name, LABEL) + 34 for name in names]
    return len(names) if sum(each) <= width else int(width // max(each))


def key_height(names: Sequence[str], width: float) -> float:
    """Return the height in points of a key with these names, `width` points wide."""
    columns = max(1, min(len(names), _key_columns(names, width)))
    return math.ceil(len(names) / columns) * LABEL * 1.75 + 8


def key_mark(name: str, marker: str, *, face: str, edge: str, size: float) -> Line2D:
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
        Dots: ours; thick lines: the range over other prior sets; thin ones: over other thresholds
        and windows; grey bands: what somebody's words imply; hollow diamonds: naive; hollow squares:
        published by others; ticks: base rate; the number in words at the
        right. y is in points from the top.

    Raises
    ------
    DataError
        If there is no row.
    """
    key = _strip_key(rows)
    width = (WIDTH - EDGE - END) * 72 if ax is None else box_of(ax)[0]
    head = key_height([str(h.get_label()) for h in key], width) if key else 0.0
    # Where there are marks a note stands under the label; where there are none, in their place.
    texts = [(row.label, row.note if row.probability is not None else "") for row in rows]
    ax, own, places = lay_rows(ax, texts, head=head)
    numbers = [
        "" if row.probability is None else percent(row.probability, row.draws) for row in rows
    ]
    make_room(ax, 0, 100, [n.replace(" ", "\N{NO-BREAK SPACE}") for n in numbers if n] or ["100"])
    judged = [y for y, row in zip(places, rows, strict=True) if row.probability is not None]
    strip_grid(ax, range(0, 101, 20), [f"{t} %" for t in range(0, 101, 20)], judged)
    for row, y, number in zip(rows, places, numbers, strict=True):
        if row.probability is None:
            note_at(ax, row.note or "no number", (0, y), coords=ROW, color=MUTED)
        else:
            _strip_row(ax, row, y)
            note_at(ax, number, (100, y), (12, 0), size=TICK)
    if key:
        write_key(ax, key)
    finish(ax, own, title, "Probability of the event in its window, %, one row a definition")
    return ax


# The diamond is larger than the dot, so that both are seen where they agree.
STRIP_MARKS: Mapping[str, Mapping[str, Any]] = {
    "what the words imply": {
        "color": MUTED,
        "linewidth": 11,
        "alpha": 0.35,
        "solid_capstyle": "butt",
        "zorder": 0.5,
    },
    "range over thresholds and windows": {"color": MUTED, "linewidth": 1, "zorder": 1},
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
    "published by others": {
        "marker": "s",
        "markersize": 8,
        "markerfacecolor": PAPER,
        "markeredgewidth": 1.4,
        "zorder": 4,
    },
    "our answer": {"marker": "o", "markersize": 5.5, "zorder": 5},
}


def _strip_marks(row: StripRow) -> dict[str, list[float]]:
    """Return where each mark of a row stands, in percent; only those that the row has."""
    places = {
        "our answer": (row.probability,),
        "published by others": (row.published,),
        "what the words imply": (row.implied_low, row.implied_high),
        "range over thresholds and windows": (row.reach_low, row.reach_high),
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
        key_mark("weight of the prior doubled", "s", face=PAPER, edge=MUTED, size=6),
        key_mark("weight of the data doubled", "o", face=INK, edge=INK, size=6),
    ]
    width = (WIDTH - EDGE - END) * 72 if ax is None else box_of(ax)[0]
    head = key_height([str(h.get_label()) for h in key], width)
    ax, own, places = lay_rows(ax, [(row.label, "") for row in rows], head=head)
    reach = max(
        abs(change) + 2 * error
        for row in rows
        for change, error in ((row.prior, row.prior_mcse), (row.likelihood, row.likelihood_mcse))
    )
    limit = max(1.12 * 100 * reach, 1.0)
    ax.set_xlim(-limit, limit)
    ticks = even_ticks(-limit, limit, box_of(ax)[0] / 2)
    digits = decimals_of(ticks)
    texts = [("+" if t > 0 else "") + number_text(t, 0 if t == 0 else digits) for t in ticks]
    strip_grid(ax, ticks, texts, places)
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
    write_key(ax, key)
    finish(
        ax,
        own,
        title,
        f"Change of the probability when a weight is doubled, percentage points; {ERROR_BARS}",
    )
    return ax
