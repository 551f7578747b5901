"""What moved a probability, number by number; and what would move it.

A change between two runs is split into steps: another model, other assumptions, then the numbers that
became known and what else draws are given (what issuers said of quarters to come), one at a time. A step
is the difference of two estimates from the same draws of the parameters with the same random numbers, so
that its Monte-Carlo error is small. The draws of both runs are pooled and weighted to the posterior of
each panel in between: with p(y | theta) the likelihood with all states integrated out, draws of the
posteriors of panels A and B in equal number, and c the log of their normalising constants, ::

    weight_k = p(y_k | theta) / (p(y_A | theta) / exp(c_A) + p(y_B | theta) / exp(c_B))

which is multistate reweighting with two states (Shirts and Chodera 2008, arXiv 0801.1426). Where the
weights of a panel have a Pareto k above 0.7 (Vehtari et al. 2024, arXiv 1507.02646), or too few
effective draws, it is fitted. The order of the numbers is arbitrary: they are taken as reported and the
other way round, averaged, and the range is kept.

Invariant: the pieces of a statistic add up to its change between the two runs; what the steps do not
explain is a piece of its own, the Monte-Carlo noise. ``tests/test_news.py`` adds them up.
"""

from __future__ import annotations

import dataclasses
import itertools
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import xarray as xr

from forecast.core.errors import DataError
from forecast.core.text import one_line
from forecast.core.words import COLUMNS, RANGE, entity_of, metric_of
from forecast.inference.fitting import Run, fit_spec, priors_of
from forecast.models.panels import build_panel
from forecast.models.registry import get_model
from forecast.news.reweight import (
    Road,
    Told,
    cells_of,
    gap_between,
    look,
    plainly,
    points_of,
    pooled,
    reported_cells,
    thinned,
)
from forecast.tables.changes import compare
from forecast.tables.vintages import Known, Table, as_of

if TYPE_CHECKING:
    from forecast.models.base import Panel, Step
    from forecast.news.statistics import Statistic

logger = logging.getLogger(__name__)
MOST_NUMBERS = 16
"""Numbers up to which each is a step of its own; of more, each report is one."""
MOST_REFITS = 4
"""Reports up to which each is a step of its own where every step is a fit; of more, all are one."""


@dataclasses.dataclass(frozen=True)
class Piece:
    """One reason of a change.

    Attributes
    ----------
    kind
        ``new number``, ``revision``, ``withdrawn``, ``report`` (all numbers of one), ``data`` (all
        numbers together), ``assumptions``, ``model`` or ``noise``; of what only draws depend on, as the
        model's steps say.
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


# --- the split -------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class _Move:
    """What changes at one step, and what that is called: cells, and what only draws depend on."""

    piece: Piece
    rows: tuple[int, ...] = ()
    taken: tuple[Callable[[object], object], ...] = ()

    def after(self, told: Told, new: np.ndarray) -> Told:
        """Return what is known with this step taken, of cells whose new values are given."""
        values, drawn = told.values.copy(), told.drawn
        values[list(self.rows)] = new[list(self.rows)]
        for taken in self.taken:
            drawn = taken(drawn)
        return Told(values, drawn)


def _moves(cells: pd.DataFrame, known: Known, steps: Sequence[Step] = ()) -> list[_Move]:
    """Return the numbers that changed, and other steps, in the order in which they were reported."""
    reported = reported_cells(known)
    old, new = cells["value_old"].to_numpy(float), cells["value"].to_numpy(float)
    changed = np.flatnonzero(~((old == new) | (np.isnan(old) & np.isnan(new))))
    found: list[tuple[tuple[str, str, int], _Move]] = []
    for row in changed:
        series, quarter = str(cells["series"].iloc[row]), str(cells["quarter"].iloc[row])
        entity, metric = entity_of(series), metric_of(series)
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
    for k, step in enumerate(steps):
        report = f"{step.entity} {step.day}".strip()
        move = _Move(Piece(step.kind, step.label, report), taken=(step.taken,))
        found.append(((step.day, step.entity, len(cells) + k), move))
    moves = [move for _, move in sorted(found, key=lambda pair: pair[0])]
    if len(moves) <= MOST_NUMBERS:
        return moves
    moves = _together(moves, lambda move: ("report", move.piece.report or move.piece.label))
    if len(moves) <= MOST_NUMBERS:
        return moves
    # A table of many years' guidance at once: what one company has said is a step.
    whose = {f"{step.entity} {step.day}".strip(): step.entity for step in steps}
    return _together(
        moves,
        lambda move: (
            ("report", move.piece.label)
            if move.rows
            else ("guidance", f"{whose.get(move.piece.label) or 'earlier'}, all that it said")
        ),
    )


def _together(moves: Sequence[_Move], named: Callable[[_Move], tuple[str, str]]) -> list[_Move]:
    """Return moves of one kind and label as one."""
    grouped: dict[tuple[str, str], list[_Move]] = {}
    for move in moves:
        grouped.setdefault(named(move), []).append(move)
    return [
        _Move(
            Piece(kind, label, label),
            tuple(row for m in members for row in m.rows),
            tuple(taken for m in members for taken in m.taken),
        )
        for (kind, label), members in grouped.items()
    ]


@dataclasses.dataclass(frozen=True)
class _Path:
    """The path from one panel to another, a number at a time.

    Changes and their errors, shape (order, move, statistic); the error of the path as a whole, shape
    (statistic,); how many panels were fitted; the worst Pareto k of the others.
    """

    changes: np.ndarray
    errors: np.ndarray
    whole: np.ndarray
    refits: int
    worst: float


def _along_path(road: Road, moves: Sequence[_Move], drawn: object) -> _Path:
    """Take the steps one at a time, in both orders, from what draws depended on before."""
    old, new = (road.cells[name].to_numpy(float) for name in ("value_old", "value"))
    orders = (list(range(len(moves))), list(reversed(range(len(moves)))))
    ways = [_way(Told(old, drawn), new, [moves[k] for k in order]) for order in orders]
    panels = {told.key: told for way in ways for told in way}
    points = dict(zip(panels, points_of(road, list(panels.values())), strict=True))
    for point in points.values():
        if point.fitted:
            logger.info(f"reweighting was not enough (Pareto k {point.k:.2f}): a panel was fitted")
    count = len(road.statistics)
    changes = np.zeros((2, len(moves), count))
    errors = np.zeros_like(changes)
    for direction, (order, way) in enumerate(zip(orders, ways, strict=True)):
        there = [points[told.key].estimate for told in way]
        for k, (before, after) in zip(order, itertools.pairwise(there), strict=True):
            changes[direction, k] = after.value - before.value
            errors[direction, k] = gap_between(before, after)
    ends = [points[told.key].estimate for told in (ways[0][0], ways[0][-1])]
    return _Path(
        changes,
        errors,
        gap_between(*ends),
        sum(point.fitted for point in points.values()),
        max((point.k for point in points.values() if not point.fitted), default=-np.inf),
    )


def _way(old: Told, new: np.ndarray, moves: Sequence[_Move]) -> list[Told]:
    """Return what is known on the way from one panel to another, a step at a time."""
    return list(itertools.accumulate(moves, lambda told, move: move.after(told, new), initial=old))


def explain(
    before: Run,
    after: Run,
    known: Known,
    statistics: Sequence[Statistic],
    draws: tuple[xr.Dataset, xr.Dataset],
    *,
    seed: int,
    size: int = 1000,
    earlier: Known | None = None,
    said: Mapping[str, float] | None = None,
) -> News:
    """Split the change between two runs of a model.

    Parameters
    ----------
    before, after
        The two runs.
    known
        What was known at the later one, for the days of the reports.
    statistics
        What to follow, from :func:`forecast.news.statistics.statistics_of`.
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
    plain = [plainly(followed, one) for one in draws]
    values = [one.value for one in plain]
    values[0] = np.array(
        [(said or {}).get(s.name, v) for s, v in zip(followed, values[0], strict=True)]
    )
    errors = [np.sqrt((one.influence**2).sum(axis=0)) for one in plain]
    steps: list[tuple[Piece, np.ndarray, np.ndarray, np.ndarray, np.ndarray]] = []
    zero = np.zeros(len(followed))
    base, here, noise = before, values[0], zero
    for piece, run in _refits(before, after):
        there = plainly(followed, _forecast(run, draws[1])).value
        # Fits of their own: the change has the errors of both ends.
        steps.append((piece, there - here, np.hypot(*errors), there - here, there - here))
        base, here = run, there
    refits, worst = len(steps), -np.inf
    if _comparable(before, after):
        moves = _moves(
            cells_of(before.panel, after.panel), known, _steps(before.panel, after.panel)
        )
        if moves:
            road = _road(base, after, followed, draws[1], seed, size)
            path = _along_path(road, moves, before.panel.drawn)
            refits, worst = refits + path.refits, path.worst
            noise = np.sqrt(errors[0] ** 2 + errors[1] ** 2 + path.whole**2)
            for k, move in enumerate(moves):
                low, high = path.changes[:, k].min(axis=0), path.changes[:, k].max(axis=0)
                mean, error = path.changes[:, k].mean(axis=0), path.errors[:, k].mean(axis=0)
                steps.append((move.piece, mean, error, low, high))
    elif before.panel.content_hash != after.panel.content_hash:
        ends = (here, values[1])
        fitted = _by_fits(base, after, (earlier, known), followed, draws[1], ends)
        refits += fitted.refits
        for k, piece in enumerate(fitted.pieces):
            low, high = fitted.changes[:, k].min(axis=0), fitted.changes[:, k].max(axis=0)
            mean = fitted.changes[:, k].mean(axis=0)
            steps.append((piece, mean, np.hypot(*errors), low, high))
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
    known: tuple[Known | None, Known],
    statistics: Sequence[Statistic],
    like: xr.Dataset,
    ends: tuple[np.ndarray, np.ndarray],
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
        logger.info(f"fitting {after.spec.model} after each of {count} reports, in both orders")
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
                    logger.info(
                        "a panel between the two failed its gate: its reports are told together"
                    )
                    return at_once
                values[state] = plainly(statistics, _forecast(run, like)).value
            changes[direction, order[k]] = values[state] - values[tuple(sorted(order[:k]))]
    return _ByFits(pieces, changes, refits)


def _reports(
    before: Panel, after: Panel, earlier: Known, known: Known
) -> tuple[tuple[Piece, ...], Callable[[Sequence[int]], Panel]] | None:
    """Return the reports that change a panel, and the panel after some of them; None if there are none.

    Nor are they told where the model has a table of its own, where the passing of time alone changes
    the panel, where there are too many, and where no panel can be built between the two.
    """
    columns = [*COLUMNS, *(c for c in RANGE if c in earlier.rows and c in known.rows)]
    found = compare(earlier.rows[columns], known.rows[columns])
    kinds = {"new number": found.new, "revision": found.revisions}
    told = pd.concat([frame[columns].assign(kind=kind) for kind, frame in kinds.items()])
    fresh = told.sort_values("reported_on", kind="stable")
    reports = [rows for _, rows in fresh.groupby(["reported_on", "entity"], sort=False)]

    def panel_of(chosen: Sequence[int]) -> Panel:
        rows = pd.concat([earlier.rows, *(reports[k] for k in chosen)], ignore_index=True)[columns]
        return build_panel(as_of(rows, known.date), before.model)

    try:
        same = panel_of(())
        if same.content_hash != before.content_hash:
            return None
        # By the whole hash: draws alone may depend on a report.
        kept = [k for k in range(len(reports)) if panel_of((k,)).hash != same.hash]
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


def _steps(before: Panel, after: Panel) -> tuple[Step, ...]:
    """Return what else changed of what draws depend on."""
    between = get_model(after.model).steps
    return () if between is None else between(before.drawn, after.drawn)


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
) -> Road:
    each = min(size, *(run.posterior.sizes["chain"] * run.posterior.sizes["draw"]
                       for run in (base, after)))  # fmt: skip
    sides = tuple(thinned(run, each) for run in (base, after))
    road = Road(
        spec=after.spec,
        priors=priors_of(after.spec),
        like=after.panel,
        cells=cells_of(base.panel, after.panel),
        sides=sides,
        log_pool=np.zeros(0),
        statistics=statistics,
        as_of=after.panel.as_of,
        until=str(draws["period"].values[-1]),
        seed=seed,
    )
    there = (("value_old", base.panel.drawn), ("value", after.panel.drawn))
    ends = [look(road, sides, Told(road.cells[c].to_numpy(float), drawn))[0] for c, drawn in there]
    return dataclasses.replace(road, log_pool=pooled(*ends))
