"""Falls after a run-up: when the first comes, how deep it is, and how the class behind it fared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from forecast.core.errors import DataError
from forecast.core.text import percent
from forecast.models.hazard.panel import kaplan_meier, months_of
from forecast.plots.style import (
    BANDS,
    INK,
    LABEL,
    MUTED,
    NAMES,
    PAPER,
    ROW,
    band_edges,
    begin,
    cut,
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
    text_width,
)

MARKED = (18, 24)
"""Months at which the probability is written; the article's window."""
SHADES: Mapping[str, float] = {"correction": 0.45, "crash": 1.0}
"""Opacity of a fall of 20 but not 40 %, and of a deeper one."""
CLASSES = ((50.0, 100.0), (100.0, np.inf))
"""Net run-ups of the two classes, points."""


def _own(draws: xr.Dataset, metric: str, entity: str) -> xr.Dataset:
    """Return a series of a position over the months that it has."""
    return find_series(draws, metric, entity).isel(period=months_of(draws, entity))


def _percent_axis(ax: Axes, right: float) -> None:
    grid_lines(ax, [0, 25, 50, 75, 100], ["0 %", "25 %", "50 %", "75 %", "100 %"], right)


def _months_axis(ax: Axes, last: int) -> None:
    step = 6 if last <= 30 else 12
    ax.set_xticks(range(0, last + 1, step), [str(m) for m in range(0, last + 1, step)])


def first_passage(
    draws: xr.Dataset,
    fall: int,
    entity: str,
    *,
    baseline: xr.Dataset | None = None,
    title: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw the probability that the first fall has come, by month of the position's record.

    Parameters
    ----------
    draws
        Joint draws of the hazard model.
    fall
        20, 30 or 40 percent.
    entity
        Whose fall.
    baseline
        Draws of a naive forecast with the same series.
    title
        The finding, about ten words.
    ax
        Where to draw; a new pyplot figure by default.

    Returns
    -------
    matplotlib.axes.Axes
        The share of draws in which it has come, with bands of the probability that a draw gives:
        they are as wide as the years to come may differ, and the parameters be wrong.
    """
    series = _own(draws, f"fall_{fall}", entity)
    sample = 100 * samples_of(series["signal"])
    months = np.arange(sample.shape[1] + 1)
    sample = np.concatenate([np.zeros((len(sample), 1)), sample], axis=1)
    mean = np.concatenate([[0.0], 100 * samples_of(series["y"]).mean(axis=0)])
    color, last = hue("fall"), int(months[-1])
    labels = [("model", float(mean[-1]))]
    naive = None
    if baseline is not None:
        path = samples_of(_own(baseline, f"fall_{fall}", entity)["signal"])
        naive = np.concatenate([[0.0], 100 * path.mean(axis=0)])
        labels.append((naive_label(baseline.attrs), float(naive[-1])))
    ax, own = begin(ax, height=2.4)
    ax.set_ylim(0, 104)
    make_room(ax, 0, last, [text for text, _ in labels])
    _percent_axis(ax, last)
    for probability, _, opacity in BANDS[1:]:
        low, high = np.quantile(sample, band_edges(probability), axis=0)
        ax.fill_between(months, low, high, color=color, alpha=opacity * 0.8, linewidth=0, zorder=1)
    ax.plot(months, mean, color=color, linewidth=1.8, zorder=3, label="model")
    if naive is not None:
        ax.plot(months, naive, color=INK, linewidth=1, linestyle=(0, (4, 2)), zorder=3)
    for month in (m for m in MARKED if m <= last):
        ax.plot([month], [mean[month]], "o", color=color, markersize=4.5, zorder=4)
        note_at(ax, percent(mean[month] / 100), (month, mean[month]), (-3, 5), align="right bottom")
    label_right(ax, last, labels, past=2)
    _months_axis(ax, last)
    name_axis(ax, f"months from {series['period'].values[0]} on")
    subtitle = (
        f"Probability of a first fall of {fall} % from the peak, %; bands: 5 and 8 in 10 draws of "
        "what the years bring"
    )
    finish(ax, own, title, subtitle, foot=0.16)
    return ax


def severity(
    draws: xr.Dataset,
    entities: Sequence[str],
    *,
    baseline: xr.Dataset | None = None,
    title: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw how deep the worst fall is by 18 and by 24 months: none, a correction or a crash.

    Parameters
    ----------
    draws
        Joint draws of the hazard model.
    entities
        Whose falls, from top to bottom.
    baseline
        Draws of a naive forecast with the same series; a row for each entity and month.
    title
        The finding, about ten words.
    ax
        Where to draw; a new pyplot figure by default.

    Returns
    -------
    matplotlib.axes.Axes
        One bar a row, of shares of joint draws that add up to 100 %.
    """
    last = min(_own(draws, "fall_40", entity).sizes["period"] for entity in entities)
    rows = [
        (f"{entity}, {month} months" if whose == "" else whose, source, entity, month)
        for entity in entities
        for month in MARKED
        if month <= last
        for whose, source in (("", draws), ("at any time (naive)", baseline))
        if source is not None
    ]
    if not rows:
        raise DataError(f"the draws have {last} months; wanted {MARKED[0]} or more")
    left = max(text_width(cut(text, NAMES, LABEL), LABEL) for text, *_ in rows) / 72 + 0.25
    ax, own = begin(ax, height=0.3 * len(rows) + 0.25, left=left)
    ax.set_xlim(0, 100)
    ax.set_ylim(len(rows) - 0.4, -0.9)
    ax.spines["bottom"].set_visible(False)
    ax.set_xticks([])
    ax.set_yticks([])
    for k, (text, source, entity, month) in enumerate(rows):
        own_row = source is draws
        _shares(ax, k, _outcomes(source, entity, month), own_row=own_row)
        note_at(ax, cut(text, NAMES, LABEL), (0, k), (-6, 0), align="right center", coords=ROW,
                color=INK if own_row else MUTED)  # fmt: skip
    finish(ax, own, title, "Deepest fall from the peak within the months named, % of joint draws")
    return ax


def _outcomes(draws: xr.Dataset, entity: str, month: int) -> dict[str, float]:
    """Return the share of draws, percent, by how deep the worst fall is by a month."""
    correction, crash = (
        100 * float(_own(draws, m, entity)["y"].isel(period=month - 1).mean())
        for m in ("correction", "fall_40")
    )
    return {"none": 100 - (correction + crash), "correction": correction, "crash": crash}


def _shares(ax: Axes, k: int, shares: Mapping[str, float], *, own_row: bool) -> None:
    """Draw one bar of shares that add up to 100; that of the baseline is thinner and paler."""
    at = 0.0
    for name, width in shares.items():
        opacity = SHADES.get(name, 0.0)
        ax.barh(
            k,
            width,
            left=at,
            height=0.62 if own_row else 0.4,
            color=hue("fall") if opacity else PAPER,
            alpha=(opacity or 0.999) * (1 if own_row else 0.55),
            edgecolor=MUTED,
            linewidth=0.5,
        )
        if width > 5:  # room for a number
            shade = PAPER if name == "crash" and own_row else INK
            note_at(ax, percent(width / 100), (at + width / 2, k), align="center center",
                    color=shade, size=LABEL)  # fmt: skip
        if k == 0:
            note_at(ax, _OUTCOMES[name], (at + width / 2, -0.38), align="center bottom",
                    color=MUTED)  # fmt: skip
        at += width


_OUTCOMES: Mapping[str, str] = {
    "none": "less than 20 %",
    "correction": "20 to 40 %",
    "crash": "40 % or more",
}


def class_survival(
    data: xr.Dataset,
    draws: xr.Dataset,
    entity: str,
    *,
    fall: int = 20,
    title: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw how long past run-ups went without a fall, and what the model says of one position.

    Parameters
    ----------
    data
        A hazard panel's data.
    draws
        Joint draws of the hazard model.
    entity
        The position.
    fall
        20, 30 or 40 percent.
    title
        The finding, about ten words.
    ax
        Where to draw; a new pyplot figure by default.

    Returns
    -------
    matplotlib.axes.Axes
        Kaplan-Meier steps by class of run-up with two standard errors, and the position's mean
        chance of no fall, from the month it has reached on.
    """
    ax, own = begin(ax, height=2.7)
    net = data["net"].values
    shown = []
    for low, high in CLASSES:
        keep = (net >= low) & (net < high)
        if keep.any():
            share, error = kaplan_meier(
                data[f"months{fall}"].values[keep], data[f"event{fall}"].values[keep]
            )
            name = f"{low:g} to {high:g} points" if np.isfinite(high) else f"{low:g} points or more"
            shown.append(
                (
                    f"run-up of {name} (n\N{NO-BREAK SPACE}=\N{NO-BREAK SPACE}{keep.sum()})",
                    100 * share,
                    100 * error,
                )
            )
    series = _own(draws, f"fall_{fall}", entity)
    deepest = _own(draws, "fall_40", entity)["observed"].values  # known when all is known
    series = series.isel(period=np.flatnonzero(~np.isfinite(deepest)))
    mean = 100 * (1 - samples_of(series["y"]).mean(axis=0))
    passed = int(draws["passed"].sel(position=entity)) if "passed" in draws else 0
    at = passed + np.arange(len(mean) + 1)
    path = np.concatenate([[100.0], mean])
    last = max(int(at[-1]), *(len(share) - 1 for _, share, _ in shown))
    ends = [(text, float(share[-1])) for text, share, _ in shown]
    ax.set_ylim(0, 104)
    make_room(ax, 0, last, [text for text, _ in ends])
    _percent_axis(ax, last)
    for (text, share, error), tone in zip(shown, (MUTED, INK), strict=False):
        months = np.arange(len(share))
        ax.fill_between(months, share - 2 * error, share + 2 * error, step="post", color=tone,
                        alpha=0.12, linewidth=0, zorder=1)  # fmt: skip
        ax.step(months, share, where="post", color=tone, linewidth=1.2, zorder=2, label=text)
    color = hue("fall")
    ax.plot(at, path, color=color, linewidth=2, zorder=4, label=entity)
    note_at(ax, f"{entity}: {percent(path[-1] / 100)} left", (float(at[-1]), path[-1]), (24, 52),
            align="left center", color=color, leader={"relpos": (0, 0.5)})  # fmt: skip
    label_right(ax, last, ends, past=2)
    _months_axis(ax, last)
    name_axis(ax, "months since the run-up was identified")
    subtitle = (
        f"Share without a fall of {fall} % from the peak, %; steps: past industries (Kaplan-Meier), "
        "shades two standard errors as if episodes were independent; line: the model"
    )
    finish(ax, own, title, subtitle, foot=0.16)
    return ax
