"""Fans of paths: history, three bands, the median and a naive forecast."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Collection, Sequence

import numpy as np
import xarray as xr
from matplotlib.axes import Axes

from forecast.core.errors import DataError
from forecast.core.periods import parse_date
from forecast.core.text import capitalised
from forecast.plots.style import (
    BANDS,
    INK,
    LABEL,
    LEADING,
    MUTED,
    PAPER,
    as_of_rule,
    band_edges,
    band_marks,
    begin,
    box_of,
    centres,
    decimals_of,
    even_ticks,
    find_series,
    finish,
    frequency_of,
    grid_lines,
    hue,
    label_right,
    level_ticks,
    make_room,
    naive_label,
    note_at,
    number_text,
    points_of,
    samples_of,
    spans_of,
    time_axis,
    words,
)


@dataclasses.dataclass(frozen=True)
class Said:
    """What somebody said of one period to come or of several, as a mark on a fan.

    Attributes
    ----------
    first, last
        The periods it is about, as the path names them.
    low, high
        The ends of what was said, of one period: of several, their average. The same where it is one
        number.
    bound
        ``at least``, ``at most`` or empty.
    """

    first: str
    last: str
    low: float
    high: float
    bound: str = ""


# --- fans ------------------------------------------------------------------------------------
def fan(
    draws: xr.Dataset,
    metric: str,
    entity: str,
    *,
    baseline: xr.Dataset | None = None,
    estimated: Collection[str] = (),
    said: Sequence[Said] = (),
    log: bool = True,
    title: str | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw the forecast of one series: history, three bands, the median and a naive forecast.

    Parameters
    ----------
    draws
        Joint draws from :func:`forecast.inference.predict.forecast`; ``y`` is drawn.
    metric, entity
        Which series.
    baseline
        Draws of a naive forecast with the same series; its ``attrs["label"]``, else its
        ``attrs["model"]``, names it.
    estimated
        Periods whose number was an estimate when printed. They are hollow, and a thin bar holds
        the 80 % range of their ``signal``: what they may be revised to.
    said
        What was said of periods to come: a bar from end to end, of several periods a box over them.
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
    series = find_series(draws, metric, entity)
    if "as_of" not in draws.attrs:
        raise DataError("the draws have no as_of attribute; take them from forecast(run)")
    naive = None if baseline is None else find_series(baseline, metric, entity)
    return path_fan(
        series["y"],
        observed=series["observed"],
        as_of=str(draws.attrs["as_of"]),
        unit=str(series["unit"].values),
        label=f"{words(metric)}, {entity.replace('_', ' ')}",
        metric=metric,
        baseline=None if naive is None else naive["y"],
        baseline_label=None if baseline is None else naive_label(baseline.attrs),
        estimated=estimated,
        revised=series.get("signal"),
        said=said,
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
    said: Sequence[Said] = (),
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
    said
        Marks of what was said, in `unit`; see :func:`fan`. Periods that the path lacks are cut off.
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
    samples = samples_of(path)
    labels = [str(p) for p in path["period"].values]
    starts, ends = spans_of(labels)
    known = _aligned(observed, labels)
    future = np.isnan(known)
    naive = None if baseline is None else _naive_quantiles(baseline, labels, future)
    revision = _revision(revised, labels, estimated, known)
    shown = [known, *revision[1:], *([] if naive is None else naive)]
    shown += [np.quantile(samples[:, future], q, axis=0) for q in band_edges(BANDS[0][0])]
    shown += [] if threshold is None else [np.array([threshold])]
    there = ((one, _within(one, labels)) for one in said)
    told = [(one, at) for one, at in there if at is not None]
    shown += [np.array([one.low, one.high]) for one, _ in told]
    values = _finite(np.concatenate(shown), log)
    line = None if threshold is None else (threshold_label or number_text(threshold), threshold)
    marks = _fan_marks(samples, future, naive, line, baseline_label, log)

    ax, own = begin(ax, height=3.1)
    right = float(ends[-1])
    top = _fan_axis(ax, values, log)
    make_room(ax, float(starts[0]), right, [text for text, _ in marks])
    _fan_ticks(ax, log, right, top)
    time_axis(ax, labels, right)
    _fan_bands(ax, samples, labels, future, hue(metric or str(path.name or label)))
    if naive is not None:
        _fan_naive(ax, naive, labels)
    if threshold is not None:
        ax.hlines(threshold, starts[0], right, colors=INK, linewidths=1.1, linestyles=":")
    as_of_rule(ax, day)
    _history(ax, labels, known, estimated, revision, threshold)
    _draw_said(ax, labels, told)
    label_right(ax, right, marks)
    span = f"{labels[0]}–{labels[-1]}" if len(labels) > 1 else labels[0]
    scale = "; log scale" if log else ""
    subtitle = f"{capitalised(label)}, {unit}, {frequency_of(labels)}{span}{scale}"
    finish(ax, own, title, subtitle)
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
    drawn = np.quantile(samples_of(baseline), [0.1, 0.5, 0.9], axis=0)
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
    low, high = np.quantile(samples_of(revised)[:, cells], [0.1, 0.9], axis=0)
    return np.array([centres(labels)[cells], low, high])


def _fan_marks(
    samples: np.ndarray,
    future: np.ndarray,
    naive: np.ndarray | None,
    threshold: tuple[str, float] | None,
    baseline_label: str | None,
    log: bool,
) -> list[tuple[str, float]]:
    """Return the labels of the right-hand column and their heights, in data units."""
    marks = band_marks(samples[:, np.flatnonzero(future)[-1]], log) if future.any() else []
    if naive is not None and np.isfinite(naive[1]).any():
        end = np.flatnonzero(np.isfinite(naive[1]))[-1]
        marks.append((baseline_label or "naive", float(naive[1, end])))
    return marks if threshold is None else [*marks, threshold]


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
    free = (LABEL * LEADING + 4) / box_of(ax)[1]
    low, top = low - 0.04 * span, high + 0.03 * span
    high = top + (top - low) * free / (1 - free)
    if log:
        low, top, high = math.exp(low), math.exp(top), math.exp(high)
    ax.set_ylim(low, high)
    return top


def _fan_ticks(ax: Axes, log: bool, right: float, top: float) -> None:
    """Put levels on the y axis up to `top`: a line through the as-of label would strike it out."""
    low = ax.get_ylim()[0]
    ticks = level_ticks(low, top) if log else even_ticks(low, top, box_of(ax)[1])
    decimals = None if log else decimals_of(ticks)
    grid_lines(ax, ticks, [number_text(t, decimals) for t in ticks], right)


def _within(one: Said, labels: Sequence[str]) -> tuple[int, int] | None:
    """Return where the first and last period of a mark stand among the labels that it covers."""
    own = [k for k, label in enumerate(labels) if one.first <= label <= one.last]
    return (own[0], own[-1]) if own else None


def _draw_said(
    ax: Axes, labels: Sequence[str], told: Sequence[tuple[Said, tuple[int, int]]]
) -> None:
    """Draw what was said: a bar on a period, a box over several, with a caret where it is a bound."""
    starts, ends = spans_of(labels)
    for one, (first, last) in told:
        left, right = float(starts[first]), float(ends[last])
        middle = (left + right) / 2
        if one.first == one.last:
            cap = 0.22 * (right - left)
            ax.vlines(
                middle, one.low, one.high, colors=INK, linewidths=1.6, zorder=6, label="guided"
            )
            left, right = middle - cap, middle + cap
        else:
            ax.vlines([left, right], one.low, one.high, colors=INK, linewidths=1.1, zorder=6)
        ax.hlines(
            sorted({one.low, one.high}), left, right, colors=INK, linewidths=1.6, zorder=6,
            label="guided",
        )  # fmt: skip
        if one.bound:
            up = one.bound == "at least"
            ax.plot([middle], [one.high if up else one.low], marker=6 if up else 7, color=INK,
                    markersize=5.0, linestyle="none", zorder=6, label=one.bound)  # fmt: skip
    if told:
        one, (_, last) = max(told, key=lambda pair: pair[1][1])
        note_at(ax, "guided", (float(ends[last]), one.low), (3.0, -2.0), align="left top")


def _steps(labels: Sequence[str], values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return step values and their edges; between periods that do not touch there is a NaN."""
    starts, ends = spans_of(labels)
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
        limits = np.quantile(samples[:, future], band_edges(probability), axis=0)
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
    starts, ends = spans_of(labels)
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
    x = centres(labels)
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
        line = points_of(ax, float(x[k]), threshold)[1]
        near = (line - points_of(ax, *place[0])[1], points_of(ax, *place[1])[1] - line)
        above ^= 0 <= near[0 if above else 1] < 4 + LABEL * LEADING + 2
    offset, side = ((4.0, 4.0), "bottom") if above else ((4.0, -4.0), "top")
    note_at(ax, "estimate", place[0 if above else 1], offset, align=f"right {side}", color=MUTED)
