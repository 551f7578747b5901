"""What moved a probability, number by number; and what would move it.

A change between two runs is split into steps: another model, other assumptions, then the numbers that
became known, one at a time. A step is the difference of two estimates from the same draws of the
parameters with the same random numbers, so that its Monte-Carlo error is small. The draws of both runs
are pooled and weighted to the posterior of each panel in between: with p(y | theta) the likelihood with
all states integrated out, draws of the posteriors of panels A and B in equal number, and c the log of
their normalising constants, ::

    weight_k = p(y_k | theta) / (p(y_A | theta) / exp(c_A) + p(y_B | theta) / exp(c_B))

which is multistate reweighting with two states (Shirts and Chodera 2008, arXiv 0801.1426). Where the
weights of a panel have a Pareto k above 0.7 (Vehtari et al. 2024, arXiv 1507.02646), or too few
effective draws, it is fitted. The order of the numbers is arbitrary: they are taken as reported and the
other way round, averaged, and the range is kept.

Invariant: the pieces of a statistic add up to its change between the two runs; what the steps do not
explain is a piece of its own, the Monte-Carlo noise. ``tests/test_news.py`` adds them up.
"""

from __future__ import annotations

import concurrent.futures
import dataclasses
import functools
import itertools
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from arviz_stats.base import array_stats

from forecast.claims.claims import Claim, event_draws
from forecast.claims.events import path
from forecast.core.errors import ClaimError, DataError
from forecast.core.periods import calendar_quarter
from forecast.core.text import one_line, percent
from forecast.core.words import COLUMNS
from forecast.inference.fitting import Run, fit_spec, priors_of
from forecast.models import common
from forecast.models.base import Panel
from forecast.models.earnings.panel import EARNINGS_UNIT
from forecast.models.panels import build_panel
from forecast.models.registry import get_model
from forecast.tables.vintages import Table, as_of, compare

MAX_K = 0.7
MIN_EFFECTIVE = 100.0
"""Limits of a reweighting; beyond them a panel is fitted."""
MOST_NUMBERS = 16
"""Numbers up to which each is a step of its own; of more, each report is one."""
MOST_REFITS = 4
"""Reports up to which each is a step of its own where every step is a fit; of more, all are one."""
HEADLINE = "big_five/capex"
"""The series whose totals of calendar years are followed beside the claims, by their medians."""

Say = Callable[[str], None]


def signed(change: float, unit: str) -> str:
    """Return a change with its sign and unit; what rounds to nothing has no sign.

    Examples
    --------
    >>> signed(1.26, "points"), signed(-0.04, "points")
    ('+1.3 points', '0.0 points')
    """
    text = f"{change:+.1f}".replace("-", "−")
    return f"{'0.0' if text[1:] == '0.0' else text} {unit}"


@dataclasses.dataclass(frozen=True)
class Statistic:
    """A number that draws give: the probability of an event, or the median of a quantity.

    Attributes
    ----------
    name
        "claim/definition" of a probability, "entity/metric period" of a median.
    of
        Takes draws; returns what happens or what is, dims chain, draw.
    unit
        Unit of a median; empty for a probability.
    window
        First and last day that it is about, or empty.
    why
        The reading in words.
    """

    name: str
    of: Callable[[xr.Dataset], xr.DataArray]
    unit: str = ""
    window: tuple[str, str] = ("", "")
    why: str = ""

    def told_by(self, draws: xr.Dataset) -> bool:
        """Return whether draws, such as those of another day, can be asked for it."""
        try:
            self.of(draws)
        except (ClaimError, KeyError):
            return False
        return True

    def text(self, value: float, draws: int = 0) -> str:
        """Return a value for a reader."""
        if self.unit:
            return f"{value:,.0f} {self.unit}"
        return percent(value, draws) if draws else f"{100 * value:.1f} %"

    def moved(self, change: float, error: float | None = None) -> str:
        """Return a change for a reader, with its error if one is given."""
        scale = 1.0 if self.unit else 100.0
        more = "" if error is None else f"± {scale * error:.1f} "
        return signed(scale * change, more + (self.unit or "points"))


def statistics_of(claims: Sequence[Claim], model: str, draws: xr.Dataset) -> tuple[Statistic, ...]:
    """Return what is followed of a model: its claims' readings, and headline totals it can tell."""
    found = [
        Statistic(
            f"{claim.id}/{definition.id}",
            functools.partial(event_draws, definition),
            window=tuple(day.isoformat() for day in definition.window),  # type: ignore[arg-type]
            why=definition.why,
        )
        for claim in claims
        for definition in claim.definitions
        if definition.model == model and definition.event is not None and definition.window
    ]
    series = {str(name) for name in draws["series"].values}
    periods = {str(period) for period in draws["period"].values}
    for name, year in headlines(str(draws.attrs["as_of"])):
        if name in series and {f"{year}Q{q}" for q in (1, 2, 3, 4)} <= periods:
            unit = str(draws["unit"].sel(series=name).values)
            found.append(
                Statistic(
                    f"{name} {year}",
                    functools.partial(_year_total, name, year),
                    unit=unit,
                    why=f"Median of {name.replace('/', ' ')} in calendar {year}.",
                )
            )
    return tuple(one for one in found if one.told_by(draws))


def headlines(as_of: str) -> tuple[tuple[str, str], ...]:
    """Return the totals that are followed: the series, and the year of a day and the next one."""
    year = int(as_of[:4])
    return tuple((HEADLINE, str(year + k)) for k in (0, 1))


def _year_total(series: str, year: str, draws: xr.Dataset) -> xr.DataArray:
    return path(draws, series, total=4).sel(period=f"{year}Q4", drop=True)


@dataclasses.dataclass(frozen=True)
class Piece:
    """One reason of a change.

    Attributes
    ----------
    kind
        ``new number``, ``revision``, ``withdrawn``, ``report`` (all numbers of one), ``data`` (all
        numbers together), ``assumptions``, ``model`` or ``noise``.
    label
        What it is, for a reader.
    report
        Company and day of the report it came with, or empty.
    """

    kind: str
    label: str
    report: str = ""


@dataclasses.dataclass(frozen=True)
class News:
    """A change between two runs, in pieces.

    Attributes
    ----------
    statistics
        What was followed.
    before, after
        Its values in the two runs, shape (statistic,).
    pieces
        The reasons, the noise last.
    change
        What each piece moved, shape (piece, statistic); columns add up to ``after - before``.
    error
        Monte-Carlo standard error of each, shape (piece, statistic).
    low, high
        Range of each over the two orders of the numbers, shape (piece, statistic).
    refits
        Number of panels in between that had to be fitted.
    worst_k
        Largest Pareto k of the panels that were reweighted; NaN if none was.
    draws
        Draws behind a probability of the later run.
    """

    statistics: tuple[Statistic, ...]
    before: np.ndarray
    after: np.ndarray
    pieces: tuple[Piece, ...]
    change: np.ndarray
    error: np.ndarray
    low: np.ndarray
    high: np.ndarray
    refits: int
    worst_k: float
    draws: int

    def index(self, name: str) -> int:
        """Return the position of a statistic by its name, or by the end of it that is unique.

        Raises
        ------
        DataError
            If none or several match.
        """
        names = [s.name for s in self.statistics]
        if name in names:
            return names.index(name)
        hit = [k for k, n in enumerate(names) if name in n.split("/")]
        if len(hit) != 1:
            raise DataError(f"{len(hit)} statistics match {name!r}; there are {one_line(names)}")
        return hit[0]

    def frame(self, name: str | None = None) -> pd.DataFrame:
        """Return one row a piece and statistic: statistic, kind, piece, report, change, error, range.

        Parameters
        ----------
        name
            Only this statistic.
        """
        chosen = range(len(self.statistics)) if name is None else [self.index(name)]
        return pd.DataFrame(
            [
                {
                    "statistic": self.statistics[s].name,
                    "kind": piece.kind,
                    "piece": piece.label,
                    "report": piece.report,
                    "change": float(self.change[p, s]),
                    "error": float(self.error[p, s]),
                    "low": float(self.low[p, s]),
                    "high": float(self.high[p, s]),
                }
                for s in chosen
                for p, piece in enumerate(self.pieces)
            ]
        )

    def by_report(self) -> News:
        """Return the same change with the numbers of each report added up."""
        keys = [p.report or f"\0{p.kind}" for p in self.pieces]
        names = list(dict.fromkeys(keys))
        member = np.array([[key == name for key in keys] for name in names], dtype=float)
        pieces = tuple(
            Piece("report", name, name)
            if not name.startswith("\0")
            else self.pieces[keys.index(name)]
            for name in names
        )
        return dataclasses.replace(
            self,
            pieces=pieces,
            change=member @ self.change,
            error=np.sqrt(member @ self.error**2),
            low=member @ self.low,
            high=member @ self.high,
        )

    def sentence(self, name: str, most: int = 3) -> str:
        """Return a change and its largest reasons in a sentence."""
        k = self.index(name)
        one, news = self.statistics[k], self.by_report()
        total = float(self.after[k] - self.before[k])
        noise = float(abs(self.change[-1, k]))
        head = (
            f"{one.name}: {one.text(float(self.before[k]), self.draws)} to "
            f"{one.text(float(self.after[k]), self.draws)} ({one.moved(total)})"
        )
        order = [
            p for p in np.argsort(-np.abs(news.change[:, k])) if news.pieces[p].kind != "noise"
        ]
        said = [
            f"{news.pieces[p].label} {one.moved(float(news.change[p, k]), float(news.error[p, k]))}"
            for p in order
        ]
        rest = f", and {len(said) - most} more" if len(said) > most else ""
        reasons = f": {'; '.join(said[:most])}{rest}" if said else ""
        return f"{head}{reasons}; Monte-Carlo noise {one.moved(noise).removeprefix('+')}."

    def records(self) -> list[dict[str, Any]]:
        """Return the change as plain values, one entry a statistic."""
        return [
            {
                "statistic": one.name,
                "unit": one.unit or "probability",
                "before": float(self.before[k]),
                "after": float(self.after[k]),
                "pieces": [
                    {n: v for n, v in row.items() if n != "statistic"}
                    for row in self.frame(one.name).to_dict("records")
                ],
            }
            for k, one in enumerate(self.statistics)
        ]


# --- estimates -------------------------------------------------------------------------------
@dataclasses.dataclass(frozen=True)
class _Estimate:
    """Values of all statistics, and what draws of the same random numbers add to their errors.

    The latter has shape (random numbers, statistic).
    """

    value: np.ndarray
    influence: np.ndarray


def _estimate(
    values: np.ndarray, weights: np.ndarray, medians: np.ndarray, sides: int = 1
) -> _Estimate:
    """Return weighted shares and medians of `values`, shape (draw, statistic).

    The draws come from as many `sides`, one after the other, each with the same random numbers.
    """
    value = weights @ values
    influence = weights[:, None] * (values - value)
    for k in np.flatnonzero(medians):
        order = np.argsort(values[:, k])
        ladder = np.cumsum(weights[order]) - 0.5 * weights[order]
        low, middle, high = np.interp([0.4, 0.5, 0.6], ladder, values[order, k])
        value[k] = middle
        # The density at the median is a fifth of the draws over their span.
        influence[:, k] = weights * ((values[:, k] > middle) - 0.5) * (high - low) / 0.2
    return _Estimate(value, influence.reshape(sides, -1, values.shape[1]).sum(axis=0))


def _values(statistics: Sequence[Statistic], draws: xr.Dataset) -> np.ndarray:
    """Return every statistic of every draw, shape (draw, statistic)."""
    columns = [s.of(draws).transpose("chain", "draw").values.ravel() for s in statistics]
    return np.column_stack(columns).astype(float)


def _plain(statistics: Sequence[Statistic], draws: xr.Dataset) -> _Estimate:
    values = _values(statistics, draws)
    medians = np.array([bool(s.unit) for s in statistics])
    return _estimate(values, np.full(len(values), 1 / len(values)), medians)


@dataclasses.dataclass(frozen=True)
class _Road:
    """What the steps of the numbers share."""

    spec: Any
    priors: Any
    cells: pd.DataFrame
    sides: tuple[xr.Dataset, ...]
    log_pool: np.ndarray
    statistics: tuple[Statistic, ...]
    as_of: str
    until: str
    seed: int


def _thinned(run: Run, size: int) -> xr.Dataset:
    """Return `size` draws of the sampled parameters, evenly from all chains."""
    names = list(get_model(run.spec.model).sampled)
    kept = run.posterior[names]
    each = min(max(size // kept.sizes["chain"], 1), kept.sizes["draw"])
    at = np.linspace(0, kept.sizes["draw"] - 1, each).round().astype(int)
    labels = {"chain": np.arange(kept.sizes["chain"]), "draw": np.arange(each)}
    return kept.isel(draw=at).assign_coords(labels)


def _panel(road: _Road, values: np.ndarray) -> Panel:
    """Return a panel of all cells with these values, NaN where not known."""
    cells = road.cells
    data = xr.Dataset(
        {"value": ("obs", values)},
        coords={
            name: ("obs", cells[name].to_numpy(str))
            for name in ("series", "group", "quarter", "fiscal_period")
        },
        attrs={"units": f'{{"value": "{EARNINGS_UNIT}"}}'},
    )
    return Panel(road.spec.model, road.as_of, data)


def _look(
    road: _Road, sides: Sequence[xr.Dataset], values: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Return log likelihood and statistics of each draw under a panel.

    Draws of the same place on each side, and under each panel, get the same random numbers.
    """
    entry, panel = get_model(road.spec.model), _panel(road, values)
    densities, told = [], []
    for parameters in sides:
        rng = np.random.default_rng([road.seed, 2])
        full = entry.complete(parameters, panel, road.priors, rng, given=True)
        rng = np.random.default_rng([road.seed, 3])
        draws = entry.draw(full, panel, road.priors, road.until, rng)
        draws = draws.assign_attrs(model=road.spec.model, as_of=road.as_of)
        densities.append(full[common.LIKELIHOOD].transpose("chain", "draw").values.ravel())
        told.append(_values(road.statistics, draws))
    return np.concatenate(densities), np.concatenate(told)


def _pooled(log_a: np.ndarray, log_b: np.ndarray) -> np.ndarray:
    """Return the log density, up to a constant, of the pool of draws of two posteriors.

    Draws stand in equal number; the two normalising constants solve their own equation.
    """
    top_a, top_b = log_a.max(), log_b.max()
    a, b = log_a - top_a, log_b - top_b
    c_a = c_b = 0.0
    for _ in range(500):
        pool = np.logaddexp(a - c_a, b - c_b)
        new_a, new_b = (np.logaddexp.reduce(x - pool) - np.log(len(pool) / 2) for x in (a, b))
        moved = max(abs(new_a - c_a), abs(new_b - c_b))
        c_a, c_b = new_a, new_b
        if moved < 1e-10:
            break
    result: np.ndarray = np.logaddexp(a - c_a, b - c_b)
    return result


def _weights(log_ratio: np.ndarray) -> tuple[np.ndarray, float]:
    """Return smoothed weights that add up to one, and their Pareto k.

    The largest may all be the same: a draw that only one of two far posteriors could have given has
    the largest weight there is. There is no tail to smooth then.
    """
    count = len(log_ratio)
    tail = np.sort(log_ratio)[-int(np.ceil(min(0.2 * count, 3 * np.sqrt(count)))) :]
    k = -np.inf
    if np.ptp(tail) > 1e-9:
        # It takes minus the log ratio, as for leave-one-out.
        log_ratio, k = array_stats.psislw(-log_ratio)
    return np.exp(log_ratio - np.logaddexp.reduce(log_ratio)), float(k)


@dataclasses.dataclass(frozen=True)
class _Point:
    """What is estimated under a panel, the Pareto k of the weights, and whether it had to be fitted."""

    estimate: _Estimate
    k: float
    fitted: bool


def _reweighted(road: _Road, values: np.ndarray) -> tuple[_Estimate | None, float]:
    """Return the estimate under a panel and the Pareto k; None where the weights will not do."""
    density, told = _look(road, road.sides, values)
    weights, k = _weights(density - road.log_pool)
    if k > MAX_K or 1 / np.sum(weights**2) < MIN_EFFECTIVE:
        return None, k
    return _estimate(told, weights, _medians(road), len(road.sides)), k


def _points(road: _Road, panels: Sequence[np.ndarray]) -> list[_Point]:
    """Return the estimates under panels: reweighted side by side, then fitted where that will not do."""
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:  # numba lets go of the lock
        looked = list(pool.map(functools.partial(_reweighted, road), panels))
    found = []
    for values, (estimate, k) in zip(panels, looked, strict=True):
        found.append(_Point(estimate or _fitted(road, values), k, estimate is None))
    return found


def _fitted(road: _Road, values: np.ndarray) -> _Estimate:
    run, size = fit_spec(road.spec, _panel(road, values)), len(road.log_pool) // len(road.sides)
    _, told = _look(road, [_thinned(run, size)], values)
    return _estimate(told, np.full(len(told), 1 / len(told)), _medians(road))


def _medians(road: _Road) -> np.ndarray:
    return np.array([bool(s.unit) for s in road.statistics])


# --- the split -------------------------------------------------------------------------------
def _cells(before: Panel, after: Panel) -> pd.DataFrame:
    """Return every cell of two panels with its value in each, NaN where it has none."""
    keys = ["series", "quarter"]
    old, new = before.frame(), after.frame()
    both = new.merge(old, on=keys, how="outer", suffixes=("", "_old"))
    for name in ("group", "fiscal_period"):
        both[name] = both[name].fillna(both[f"{name}_old"])
    return both


@dataclasses.dataclass(frozen=True)
class _Move:
    """Cells that change at one step, and what that is called."""

    piece: Piece
    rows: tuple[int, ...]


def _moves(cells: pd.DataFrame, known: Table) -> list[_Move]:
    """Return the numbers that changed, in the order in which they were reported."""
    reported = _reported(known)
    old, new = cells["value_old"].to_numpy(float), cells["value"].to_numpy(float)
    changed = np.flatnonzero(~((old == new) | (np.isnan(old) & np.isnan(new))))
    found: list[tuple[tuple[str, str, int], _Move]] = []
    for row in changed:
        series, quarter = str(cells["series"].iloc[row]), str(cells["quarter"].iloc[row])
        entity, metric = series.split("/")
        day = reported.get((entity, metric, quarter), "")
        report = f"{entity} {day}".strip()
        name = f"{entity} {metric.replace('_', ' ')} {quarter}"
        if np.isnan(old[row]):
            piece = Piece("new number", f"{name} {new[row]:.4g}", report)
        elif np.isnan(new[row]):
            piece = Piece("withdrawn", f"{name}, was {old[row]:.4g}", report)
        else:
            piece = Piece("revision", f"{name} {old[row]:.4g} → {new[row]:.4g}", report)
        found.append(((day, entity, int(row)), _Move(piece, (int(row),))))
    moves = [move for _, move in sorted(found, key=lambda pair: pair[0])]
    if len(moves) <= MOST_NUMBERS:
        return moves
    grouped: dict[str, list[_Move]] = {}
    for move in moves:
        grouped.setdefault(move.piece.report, []).append(move)
    return [
        _Move(Piece("report", report, report), tuple(r for m in members for r in m.rows))
        for report, members in grouped.items()
    ]


def _reported(known: Table) -> dict[tuple[str, str, str], str]:
    """Return the report day of every quarterly number."""
    days = {}
    for row in known.to_dict("records"):
        try:
            quarter = calendar_quarter(str(row["period"]))
        except DataError:
            continue
        days[str(row["entity"]), str(row["metric"]), quarter] = str(row["reported_on"])
    return days


@dataclasses.dataclass(frozen=True)
class _Walk:
    """The steps of the numbers.

    Changes and their errors, shape (order, move, statistic); the error of the way as a whole, shape
    (statistic,); how many panels were fitted; the worst Pareto k of the others.
    """

    changes: np.ndarray
    errors: np.ndarray
    whole: np.ndarray
    refits: int
    worst: float


def _walk(road: _Road, moves: Sequence[_Move], say: Say) -> _Walk:
    """Take the numbers one at a time, in both orders."""
    old, new = (road.cells[name].to_numpy(float) for name in ("value_old", "value"))
    orders = (list(range(len(moves))), list(reversed(range(len(moves)))))
    ways = [_way(old, new, [list(moves[k].rows) for k in order]) for order in orders]
    panels = {values.tobytes(): values for way in ways for values in way}
    points = dict(zip(panels, _points(road, list(panels.values())), strict=True))
    for point in points.values():
        if point.fitted:
            say(f"reweighting was not enough (Pareto k {point.k:.2f}): a panel was fitted")
    count = len(road.statistics)
    changes = np.zeros((2, len(moves), count))
    errors = np.zeros_like(changes)
    for direction, (order, way) in enumerate(zip(orders, ways, strict=True)):
        there = [points[values.tobytes()].estimate for values in way]
        for k, (before, after) in zip(order, itertools.pairwise(there), strict=True):
            changes[direction, k] = after.value - before.value
            errors[direction, k] = _gap(before, after)
    ends = [points[values.tobytes()].estimate for values in (old, new)]
    return _Walk(
        changes,
        errors,
        _gap(*ends),
        sum(point.fitted for point in points.values()),
        max((point.k for point in points.values() if not point.fitted), default=-np.inf),
    )


def _way(old: np.ndarray, new: np.ndarray, steps: Sequence[list[int]]) -> list[np.ndarray]:
    """Return the panels on the way from one to another, the rows of a step at a time."""
    found = [old.copy()]
    for rows in steps:
        found.append(found[-1].copy())
        found[-1][rows] = new[rows]
    return found


def _gap(a: _Estimate, b: _Estimate) -> np.ndarray:
    """Return the error of the difference of two estimates, which may share their draws."""
    if a.influence.shape == b.influence.shape:
        return np.asarray(np.sqrt(((b.influence - a.influence) ** 2).sum(axis=0)))
    return np.asarray(np.sqrt((a.influence**2).sum(axis=0) + (b.influence**2).sum(axis=0)))


def explain(
    before: Run,
    after: Run,
    known: Table,
    statistics: Sequence[Statistic],
    draws: tuple[xr.Dataset, xr.Dataset],
    *,
    seed: int,
    size: int = 1000,
    earlier: Table | None = None,
    said: Mapping[str, float] | None = None,
    say: Say = lambda _: None,
) -> News:
    """Split the change between two runs of a model.

    Parameters
    ----------
    before, after
        The two runs.
    known
        What was known at the later one, for the days of the reports.
    statistics
        What to follow, from :func:`statistics_of`.
    draws
        The forecasts of the two runs: they decide the change that is split.
    seed
        Decides the common random numbers of the steps.
    size
        Draws of each run that the steps are taken with.
    earlier
        What was known at the earlier run. Without it, where draws cannot be reweighted, all that became
        known is one piece.
    said
        Values that the earlier run gave when it was made, by statistic; they count where today's
        code draws something else from it.
    say
        Called with a line of progress.

    Returns
    -------
    News

    Raises
    ------
    DataError
        If the runs are of two models.
    """
    if before.spec.model != after.spec.model:
        raise DataError(
            f"got runs of {before.spec.model} and {after.spec.model}; wanted two of one model"
        )
    followed = tuple(statistics)
    plain = [_plain(followed, one) for one in draws]
    values = [one.value for one in plain]
    values[0] = np.array(
        [(said or {}).get(s.name, v) for s, v in zip(followed, values[0], strict=True)]
    )
    errors = [np.sqrt((one.influence**2).sum(axis=0)) for one in plain]
    steps: list[tuple[Piece, np.ndarray, np.ndarray, np.ndarray, np.ndarray]] = []
    zero = np.zeros(len(followed))
    base, here, noise = before, values[0], zero
    for piece, run in _refits(before, after):
        there = _plain(followed, _forecast(run, draws[1])).value
        # Fits of their own: the change has the errors of both ends.
        steps.append((piece, there - here, np.hypot(*errors), there - here, there - here))
        base, here = run, there
    refits, worst = len(steps), -np.inf
    if before.panel.content_hash == after.panel.content_hash:
        pass  # another model or other assumptions, if anything
    elif not _comparable(before, after):
        ends = (here, values[1])
        fitted = _by_fits(base, after, (earlier, known), followed, draws[1], ends, say)
        refits += fitted.refits
        for k, piece in enumerate(fitted.pieces):
            low, high = fitted.changes[:, k].min(axis=0), fitted.changes[:, k].max(axis=0)
            mean = fitted.changes[:, k].mean(axis=0)
            steps.append((piece, mean, np.hypot(*errors), low, high))
    elif moves := _moves(_cells(before.panel, after.panel), known):
        walk = _walk(_road(base, after, followed, draws[1], seed, size), moves, say)
        refits, worst = refits + walk.refits, walk.worst
        noise = np.sqrt(errors[0] ** 2 + errors[1] ** 2 + walk.whole**2)
        for k, move in enumerate(moves):
            low, high = walk.changes[:, k].min(axis=0), walk.changes[:, k].max(axis=0)
            mean, error = walk.changes[:, k].mean(axis=0), walk.errors[:, k].mean(axis=0)
            steps.append((move.piece, mean, error, low, high))
    rest = values[1] - values[0] - sum((change for _, change, *_ in steps), zero)
    steps.append((Piece("noise", "Monte-Carlo noise"), rest, noise, rest, rest))
    change, error, low, high = (np.array([step[k] for step in steps]) for k in (1, 2, 3, 4))
    return News(
        statistics=followed,
        before=values[0],
        after=values[1],
        pieces=tuple(step[0] for step in steps),
        change=change,
        error=error,
        low=low,
        high=high,
        refits=refits,
        worst_k=worst if np.isfinite(worst) else float("nan"),
        draws=draws[1].sizes["chain"] * draws[1].sizes["draw"],
    )


@dataclasses.dataclass(frozen=True)
class _ByFits:
    """Changes by report, shape (order, piece, statistic), and how many panels were fitted for them."""

    pieces: tuple[Piece, ...]
    changes: np.ndarray
    refits: int


def _by_fits(
    base: Run,
    after: Run,
    known: tuple[Table | None, Table],
    statistics: Sequence[Statistic],
    like: xr.Dataset,
    ends: tuple[np.ndarray, np.ndarray],
    say: Say,
) -> _ByFits:
    """Split by fitting the panel after each report, in both orders, or in one piece if it must be."""
    whole = Piece("data", "all its numbers together")
    at_once = _ByFits((whole,), np.repeat((ends[1] - ends[0])[None, None], 2, axis=0), 0)
    earlier, now = known
    told = None if earlier is None else _reports(base.panel, after.panel, earlier, now)
    if told is None:
        return at_once
    pieces, panel_of = told
    count = len(pieces)
    if count > 1:
        say(f"fitting {after.spec.model} after each of {count} reports, in both orders")
    values = {(): ends[0], tuple(range(count)): ends[1]}
    orders = (list(range(count)), list(reversed(range(count))))
    changes, refits = np.zeros((2, count, len(statistics))), 0
    for direction, order in enumerate(orders):
        for k in range(count):
            state = tuple(sorted(order[: k + 1]))
            if state not in values:
                run = fit_spec(after.spec, panel_of(state))
                refits += 1
                if run.gate is None or not run.gate.passed:
                    say("a panel between the two failed its gate: its reports are told together")
                    return at_once
                values[state] = _plain(statistics, _forecast(run, like)).value
            changes[direction, order[k]] = values[state] - values[tuple(sorted(order[:k]))]
    return _ByFits(pieces, changes, refits)


def _reports(
    before: Panel, after: Panel, earlier: Table, known: Table
) -> tuple[tuple[Piece, ...], Callable[[Sequence[int]], Panel]] | None:
    """Return the reports that change a panel, and the panel after some of them; None if there are none.

    Nor are they told where the model has a table of its own, where the passing of time alone changes
    the panel, where there are too many, and where no panel can be built between the two.
    """
    columns, day = list(COLUMNS), str(known.attrs["as_of"])
    found = compare(earlier[columns], known[columns])
    kinds = {"new number": found.new, "revision": found.revisions}
    told = pd.concat([frame[columns].assign(kind=kind) for kind, frame in kinds.items()])
    fresh = told.sort_values("reported_on", kind="stable")
    reports = [rows for _, rows in fresh.groupby(["reported_on", "entity"], sort=False)]

    def panel_of(chosen: Sequence[int]) -> Panel:
        rows = pd.concat([earlier, *(reports[k] for k in chosen)], ignore_index=True)[columns]
        return build_panel(as_of(rows, day), before.model)

    try:
        if panel_of(()).content_hash != before.content_hash:
            return None
        kept = [
            k for k in range(len(reports)) if panel_of((k,)).content_hash != before.content_hash
        ]
        if not 0 < len(kept) <= MOST_REFITS or panel_of(kept).content_hash != after.content_hash:
            return None
    except DataError:
        return None
    pieces = tuple(_report_piece(reports[k]) for k in kept)
    return pieces, lambda chosen: panel_of([kept[k] for k in chosen])


def _report_piece(rows: Table) -> Piece:
    first = rows.iloc[0]
    report = f"{first['entity']} {first['reported_on']}"
    if len(rows) > 1:
        return Piece("report", report, report)
    name = f"{first['entity']} {str(first['metric']).replace('_', ' ')} {first['period']}"
    return Piece(str(first["kind"]), f"{name} {first['value']:.4g} {first['unit']}", report)


def _comparable(before: Run, after: Run) -> bool:
    """Return whether the two panels can be walked between: same series, states integrated out."""
    if not get_model(after.spec.model).sampled:
        return False
    old, new = (set(run.panel.data["series"].values.astype(str)) for run in (before, after))
    return old == new


def _refits(before: Run, after: Run) -> list[tuple[Piece, Run]]:
    """Return the earlier panel fitted with the model, then also the assumptions, of the later run."""
    old, new = before.spec, after.spec
    changed = [
        name
        for name in ("code_hash", "versions", "sampler", "target_accept", "adaptation")
        if getattr(old, name) != getattr(new, name)
    ]
    assumed = old.priors != new.priors
    found = []
    as_it_was = dataclasses.replace(new, as_of=old.as_of, data_hash=before.panel.hash)
    if changed:
        spec = dataclasses.replace(as_it_was, priors=old.priors, variant=old.variant)
        try:
            priors_of(spec)
        except DataError:  # the priors have other names now: the two cannot be told apart
            piece = Piece("model", "the model and its assumptions")
            return [(piece, fit_spec(as_it_was, before.panel))]
        label = "the model's code" if "code_hash" in changed else "libraries or sampler settings"
        found.append((Piece("model", label), fit_spec(spec, before.panel)))
    if assumed:
        found.append((Piece("assumptions", "prior numbers"), fit_spec(as_it_was, before.panel)))
    return found


def _forecast(run: Run, like: xr.Dataset) -> xr.Dataset:
    """Return a run's draws as far, and with the seed, of other draws."""
    entry, until = get_model(run.spec.model), str(like["period"].values[-1])
    rng = np.random.default_rng(int(like.attrs["seed"]))
    drawn = entry.draw(run.posterior, run.panel, priors_of(run.spec), until, rng)
    return drawn.assign_attrs(model=run.spec.model, as_of=run.spec.as_of)


def _road(
    base: Run,
    after: Run,
    statistics: tuple[Statistic, ...],
    draws: xr.Dataset,
    seed: int,
    size: int,
) -> _Road:
    each = min(size, *(run.posterior.sizes["chain"] * run.posterior.sizes["draw"]
                       for run in (base, after)))  # fmt: skip
    sides = tuple(_thinned(run, each) for run in (base, after))
    road = _Road(
        spec=after.spec,
        priors=priors_of(after.spec),
        cells=_cells(base.panel, after.panel),
        sides=sides,
        log_pool=np.zeros(0),
        statistics=statistics,
        as_of=after.panel.as_of,
        until=str(draws["period"].values[-1]),
        seed=seed,
    )
    ends = [
        _look(road, sides, road.cells[name].to_numpy(float))[0] for name in ("value_old", "value")
    ]
    return dataclasses.replace(road, log_pool=_pooled(*ends))


@dataclasses.dataclass(frozen=True)
class AsIf:
    """What a statistic would be with a number taken as reported.

    Attributes
    ----------
    value
        The statistic.
    change
        What it is more than without the number, by the same draws and random numbers.
    error
        Monte-Carlo standard error of `change`.
    """

    value: float
    change: float
    error: float


def as_if(
    run: Run,
    statistic: Statistic,
    series: str,
    period: str,
    values: Sequence[float],
    *,
    seed: int,
    until: str | None = None,
    size: int = 1000,
) -> list[AsIf]:
    """Return a statistic of a run with a number of a coming quarter taken as reported.

    Parameters
    ----------
    run
        A run of a model whose states are integrated out.
    statistic
        What to follow.
    series, period
        Whose number, of which quarter; not reported in the run.
    values
        The numbers to try, in the panel's unit.
    seed
        Decides the random numbers, the same for all.
    until
        Last period to draw; the model's own horizon by default.
    size
        Draws of the run that are reweighted.

    Raises
    ------
    DataError
        If the run's model cannot be held against another panel.
    """
    entry = get_model(run.spec.model)
    if not entry.sampled:
        raise DataError(f"the {run.spec.model} model cannot be held against another panel")
    own = run.panel.frame()
    group = own.loc[own["series"] == series, "group"].iloc[0]
    row = {"series": series, "group": group, "quarter": period, "fiscal_period": period}
    cells = pd.concat([own, pd.DataFrame([{**row, "value": np.nan}])], ignore_index=True)
    sides = (_thinned(run, size),)
    road = _Road(
        spec=run.spec,
        priors=priors_of(run.spec),
        cells=cells,
        sides=sides,
        log_pool=np.zeros(0),
        statistics=(statistic,),
        as_of=run.panel.as_of,
        until=until or entry.horizon(run.panel.as_of),
        seed=seed,
    )
    base = cells["value"].to_numpy(float)
    road = dataclasses.replace(road, log_pool=_look(road, sides, base)[0])
    panels = [base, *(np.append(base[:-1], value) for value in values)]
    without, *found = (point.estimate for point in _points(road, panels))
    return [
        AsIf(
            float(one.value[0]),
            float(one.value[0] - without.value[0]),
            float(_gap(without, one)[0]),
        )
        for one in found
    ]
