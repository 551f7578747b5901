"""A model's newest figures, foretold by a fit that has not seen them.

The figures that are left out are those that came after an earlier day, or what the room says. Where no
one day has enough of them after it, the origin rolls: each of several days foretells what came up to the
next one, so that each number counts once.

Invariant: a fit sees the panel of its own day and nothing else of the later one;
``tests/test_hold_out.py`` alters all later rows and finds the same fit.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import itertools
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import xarray as xr

from forecast.core.errors import DataError, ForecastError
from forecast.core.periods import parse_date
from forecast.core.text import one_line
from forecast.evaluation import score
from forecast.inference import gate
from forecast.inference.fitting import Run, fit_kept, priors_of, spec_of
from forecast.inference.predict import forecast, outline
from forecast.inference.sampling import prior_draws
from forecast.models.base import Ahead, Panel, Told
from forecast.models.panels import build_panel
from forecast.models.registry import ahead_of, get_model, panel_source
from forecast.tables.vintages import Known, as_of

if TYPE_CHECKING:
    from forecast.tables.vintages import Table

SHARES = (50, 80, 95)
"""Percent of the draws within the bands that are looked at."""
JUDGED = 80
"""The band by which a model is judged."""
TOO_SURE = 0.65
"""Share of the newest figures that this band holds at least; below it the model is called too sure."""
FEWEST = 5
"""With fewer numbers no share is told, and nothing is graded."""
PART, MOST = 4, 60
"""A quarter of a panel's rows is left out at a time, so many at most and one at least."""
ORIGINS, STEPS = 3, 12
"""Fits of one model at most, and steps back in search of origins with something to foretell."""
DRAWS, MORE = 750, 1500
"""Draws kept and tuning steps, per chain; and those of a second try, where the gate wants more."""
FORESEEN = "foreseen.json"
"""Where a run keeps what was found."""
LONGEST = 40 * 366
"""Days within which an earlier panel is looked for."""


@dataclasses.dataclass(frozen=True)
class Sources:
    """All rows and tables from which the panel of an earlier day is made.

    Attributes
    ----------
    history
        The vintage table, all days.
    tables
        Tables with columns of their own, by name.
    """

    history: Table
    tables: Mapping[str, pd.DataFrame] = dataclasses.field(default_factory=dict)

    def panel(self, model: str, day: str) -> Panel:
        """Return a model's panel as of a day; errors are those of ``build_panel``.

        A model that is fitted to a table of its own has one also on days before the first report.
        """
        if panel_source(model).table:
            known = Known(parse_date(day).isoformat(), self.history.iloc[:0])
        else:
            known = as_of(self.history, day)
        return build_panel(known, model, tables=self.tables, history=self.history)


@dataclasses.dataclass(frozen=True)
class Number:
    """One number that a fit had not seen.

    Attributes
    ----------
    name
        What it is.
    as_of
        The day up to which the fit knew.
    truth
        What came; of an event 0 or 1.
    median, low, high
        The model's median and its 80 % band, in the unit of `truth`; of an event its probability, and
        None.
    pit
        Share of the draws below what came, and half of those that are the same; None of an event.
    inside
        Whether each band of :data:`SHARES` held it; empty of an event.
    score, naive
        CRPS of the model and of its baseline, or the Brier score of an event; None without a baseline.
    """

    name: str
    as_of: str
    truth: float
    median: float
    low: float | None
    high: float | None
    pit: float | None
    inside: tuple[bool, ...]
    score: float
    naive: float | None


@dataclasses.dataclass(frozen=True)
class Foreseen:
    """How well a model foresaw its newest figures of one kind.

    Attributes
    ----------
    model
        Its name.
    what
        What was left out.
    unit
        Unit of the CRPS; "" of events, whose score has none.
    event
        Whether the numbers are events, which have no bands.
    numbers
        What was foretold; empty where nothing could be.
    reason
        Why there is nothing, or less than was asked of its fits; else "".
    """

    model: str
    what: str = ""
    unit: str = ""
    event: bool = False
    numbers: tuple[Number, ...] = ()
    reason: str = ""

    @property
    def days(self) -> tuple[str, ...]:
        """The days from which it was foretold, in order."""
        return tuple(sorted({one.as_of for one in self.numbers}))

    @property
    def graded(self) -> bool:
        """Whether there are bands, and numbers enough for a share."""
        return not self.event and len(self.numbers) >= FEWEST

    def held(self, share: int) -> int:
        """Return how many numbers the band of so many percent of :data:`SHARES` held."""
        at = SHARES.index(share)
        return sum(one.inside[at] for one in self.numbers)

    @property
    def pit(self) -> float | None:
        """The mean PIT, a half if the forecasts were neither too low nor too high; None of events."""
        values = [one.pit for one in self.numbers if one.pit is not None]
        return float(np.mean(values)) if values else None

    @property
    def compared(self) -> tuple[Number, ...]:
        """The numbers of which there is a baseline."""
        return tuple(one for one in self.numbers if one.naive is not None)

    @property
    def score(self) -> float | None:
        """Mean score of the numbers that have a baseline, of all where none has one."""
        own = [one.score for one in self.compared or self.numbers]
        return float(np.mean(own)) if own else None

    @property
    def naive(self) -> float | None:
        """The baseline's mean score of the same numbers; None without one."""
        own = [one.naive for one in self.compared if one.naive is not None]
        return float(np.mean(own)) if own else None

    def record(self) -> dict[str, Any]:
        """Return it as plain values, with its counts and means."""
        row = dataclasses.asdict(self)
        there = not self.event and bool(self.numbers)
        return row | {
            "held": {str(share): self.held(share) for share in SHARES} if there else {},
            "graded": self.graded,
            "pit": self.pit,
            "score": self.score,
            "naive": self.naive,
        }


def too_sure(found: Sequence[Foreseen]) -> dict[str, str]:
    """Return, of each model whose 80 % bands held too little, a few words that say so.

    All numbers of a model that have bands count together; with fewer than :data:`FEWEST` it is not
    judged.
    """
    said = {}
    for model in dict.fromkeys(one.model for one in found):
        own = [one for one in found if one.model == model and not one.event]
        count, held = sum(len(one.numbers) for one in own), sum(one.held(JUDGED) for one in own)
        if count >= FEWEST and held < TOO_SURE * count:
            said[model] = f"too sure: its {JUDGED} % bands held {held} of {count} newest figures"
    return said


def from_records(rows: Sequence[Mapping[str, Any]]) -> tuple[Foreseen, ...]:
    """Return what :meth:`Foreseen.record` wrote.

    Raises
    ------
    DataError
        If it is something else.
    """
    try:
        return tuple(_from_record(row) for row in rows)
    except (TypeError, KeyError) as error:
        raise DataError(f"got something that tells of no newest figures ({error})") from error


def _from_record(row: Mapping[str, Any]) -> Foreseen:
    numbers = (Number(**{**one, "inside": tuple(one["inside"])}) for one in row["numbers"])
    own = {name: row[name] for name in ("model", "what", "unit", "event", "reason")}
    return Foreseen(**own, numbers=tuple(numbers))


# --- what is left out ---------------------------------------------------------------------------
def left_out(panel: Panel, sources: Sources, fewest: int = 1) -> Panel:
    """Return a panel without its newest figures: what its room says, or that of an earlier day.

    That is the latest day on which a quarter of the rows, :data:`MOST` of a large panel, were not there
    yet; or where that leaves fewer rows than `fewest`, the earliest day with as many.

    Raises
    ------
    DataError
        If nothing in it is dated, or too little is left.
    """
    rule = _rules(panel).left_out
    if rule is not None:
        return rule(panel)
    if not panel_source(panel.model).latest:
        raise DataError("its data carry no dates, and none of them is the newest")
    rows, now = int(panel.data.sizes["obs"]), parse_date(panel.as_of)

    def there(back: int) -> int:
        try:
            day = (now - dt.timedelta(days=back)).isoformat()
            return int(sources.panel(panel.model, day).data.sizes["obs"])
        except DataError:
            return 0

    back = _fewest_days(there, rows - max(1, min(rows // PART, MOST)))
    if there(back) < fewest:
        back = _fewest_days(there, fewest - 1) - 1
        if there(back) >= rows:
            raise DataError(
                f"what was known before the newest of its {rows} rows is too little to fit"
            )
    return sources.panel(panel.model, (now - dt.timedelta(days=back)).isoformat())


def _rules(panel: Panel) -> Ahead:
    return ahead_of(panel.model) or Ahead()


def _fewest_days(there: Callable[[int], int], most: int) -> int:
    """Return how many days back there were at most so many rows; rows only grow with time.

    Raises
    ------
    DataError
        If there were more on any day.
    """
    few = 16
    while there(few) > most:
        few *= 2
        if few > LONGEST:
            raise DataError("no row of its data became known before the others")
    many = few // 2 if few > 16 else 0
    while few - many > 1:
        middle = (few + many) // 2
        few, many = (middle, many) if there(middle) <= most else (few, middle)
    return few


def _origins(panel: Panel, sources: Sources) -> tuple[list[tuple[Panel, Panel]], str]:
    """Return the panels that are fitted, each with the later one whose figures it foretells.

    One, the newest after which :data:`FEWEST` numbers or more have come; or where none is old enough, of
    each step back what came up to the next one, at most :data:`ORIGINS`; and why there are no more.
    """
    chain, why = [panel], ""
    for _ in range(STEPS):
        try:
            then = left_out(chain[-1], sources, (int(panel.data.sizes["obs"]) + 1) // 2)
            chain.append(then)
            if _count(then, panel) >= FEWEST:
                return [(then, panel)], ""
        except ForecastError as error:
            why = str(error)
            break
    pairs = [(then, later) for later, then in itertools.pairwise(chain)]
    return [pair for pair in pairs if _count(*pair)][:ORIGINS], why


def _count(then: Panel, later: Panel) -> int:
    """Return how many numbers a fit of one panel would foretell of a later one."""
    rule, entry = _rules(then).tell, get_model(then.model)
    if rule is None:
        asked = _asked(then, later)
        return 0 if asked is None else int(np.isfinite(asked.values).sum())
    unfitted = prior_draws(entry, then, entry.priors, size=2, seed=0)
    told = rule(unfitted, then, later, entry.priors, np.random.default_rng(0))
    return sum(len(one.names) for one in told)


# --- what is foretold ---------------------------------------------------------------------------
def foreseen(
    panel: Panel, sources: Sources, *, seed: int, place: str | Path | None = None
) -> tuple[Foreseen, ...]:
    """Foretell a model's newest figures by fits that have not seen them, and score what came.

    Parameters
    ----------
    panel
        What the model is fitted to.
    sources
        What earlier panels are made from.
    seed
        Decides all random numbers.
    place
        Where fits are kept from one time to the next; nowhere by default.

    Returns
    -------
    tuple of Foreseen
        One a kind of number; one with a reason alone where nothing could be foretold.
    """
    told: dict[tuple[str, str, bool], list[Number]] = {}
    pairs, none = _origins(panel, sources)
    why = ""
    for then, later in pairs:
        try:
            found = _foretold(then, later, seed, place)
        except ForecastError as error:
            why = f"as of {then.as_of}: {error}"
            continue
        for one in found:
            told.setdefault((one.what, one.unit, one.event), []).extend(_scored(one, then.as_of))
    if not any(told.values()):
        why = why or none or "nothing that it draws has been reported since"
        return (Foreseen(panel.model, reason=why),)
    return tuple(
        Foreseen(panel.model, what, unit, event, tuple(numbers), why)
        for (what, unit, event), numbers in told.items()
        if numbers
    )


def _foretold(then: Panel, later: Panel, seed: int, place: str | Path | None) -> Sequence[Told]:
    """Return what a fit of one panel says of the figures of a later one."""
    rule, run = _rules(then).tell, _fit(then, seed, place)
    if rule is not None:
        rng = np.random.default_rng([seed, 1])
        return rule(run.posterior, then, later, priors_of(run.spec), rng)
    asked = _asked(then, later)
    return [] if asked is None else _of_series(run, asked, seed)


def _fit(panel: Panel, seed: int, place: str | Path | None) -> Run:
    """Return a fit that passed its gate, with more draws where few do not."""
    for draws in (DRAWS, MORE):
        run = fit_kept(place, spec_of(panel.model, panel, seed=seed, draws=draws), panel)
        if run.gate is not None and run.gate.passed:
            break
    gate.require(run.gate, run.posterior, panel.model)
    return run


def _asked(then: Panel, later: Panel) -> xr.DataArray | None:
    """Return the reports of a later panel that are missing in an earlier one, dims series, period.

    NaN elsewhere; None where there is none. Sums and ratios of the panel's series are left out: they
    are the same numbers again.
    """
    now = outline(later)["observed"].transpose("series", "period")
    known = np.isfinite(now.values).any(axis=0)
    if not known.any():
        return None
    until = str(now["period"].values[np.flatnonzero(known)[-1]])
    before = outline(then, until)["observed"].transpose("series", "period")
    names = [n for n in now["series"].values if n in before["series"].values]
    if "series" in later.data.coords:
        own = set(later.data["series"].values.tolist())
        names = [n for n in names if n in own]
    periods = [p for p in now["period"].values if p in before["period"].values]
    cell = {"series": names, "period": periods}
    asked = now.sel(cell).where(np.isnan(before.sel(cell).values))
    return asked if np.isfinite(asked.values).any() else None


def _of_series(run: Run, asked: xr.DataArray, seed: int) -> list[Told]:
    """Return what a fit's draws, and the baseline, say of reports: logarithms where all are positive."""
    entry = get_model(run.spec.model)
    until = str(asked["period"].values[-1])
    draws = forecast(run, until=until, seed=seed)
    try:
        beside = (
            None if entry.baseline is None else entry.baseline(run.panel, until=until, seed=seed)
        )
    except ForecastError:  # too short a history
        beside = None
    names, periods = (asked[dim].values for dim in ("series", "period"))
    at, when = np.nonzero(np.isfinite(asked.values))
    ours, naive = _picked(draws, names[at], periods[when]), None
    if beside is not None:
        naive = _picked(beside, names[at], periods[when])
    truth = asked.values[at, when]
    units = draws["unit"].sel(series=names[at]).values.astype(str)
    positive = (truth > 0) & (ours > 0).all(axis=0)
    if naive is not None:
        positive &= ((naive > 0) | np.isnan(naive)).all(axis=0)
    metrics = one_line(sorted({str(m) for m in draws["metric"].sel(series=names).values}), 6)
    said = []
    drawn = np.isfinite(ours).all(axis=0)
    for unit in ("log points", *sorted(set(units[drawn & ~positive]))):
        logs = unit == "log points"
        chosen = np.flatnonzero(drawn & (positive if logs else ~positive & (units == unit)))
        if not len(chosen):
            continue
        parts = [None if a is None else a[..., chosen] for a in (truth, ours, naive)]
        if logs:
            parts = [None if a is None else np.log(a) for a in parts]
        labels = tuple(f"{names[at[k]]} {periods[when[k]]}" for k in chosen)
        assert parts[0] is not None and parts[1] is not None
        said.append(Told(metrics.replace("_", " "), labels, parts[0], parts[1], parts[2], unit))
    return said


def _picked(draws: xr.Dataset, names: np.ndarray, periods: np.ndarray) -> np.ndarray:
    """Return draws of (series, period) pairs, shape (sample, number); NaN where there is no such."""
    there = draws.reindex(series=np.unique(names), period=np.unique(periods))
    y = there["y"].transpose("chain", "draw", "series", "period")
    at, when = (
        there.get_index(d).get_indexer(pd.Index(v))
        for d, v in (("series", names), ("period", periods))
    )
    values: np.ndarray = y.values.reshape(-1, *y.shape[2:])[:, at, when]
    return values


# --- how good it was ----------------------------------------------------------------------------
def _scored(told: Told, day: str) -> list[Number]:
    """Return the numbers of one kind with their scores; what has no finite truth is left out."""
    if told.event:
        return [_event(told, int(k), day) for k in np.flatnonzero(np.isfinite(told.truth))]
    logs = told.unit == "log points"
    ours, truth = _sample(told.draws), xr.DataArray(told.truth, dims="number")
    points = np.quantile(told.draws, [0.1, 0.5, 0.9], axis=0)
    if logs:
        points = np.exp(points)
    crps = score.crps(ours, truth).values
    naive = np.full(len(told.truth), np.nan)
    if told.naive is not None:
        naive = score.crps(_sample(told.naive), truth).values
    # A path that often stays where it is has draws that are the truth itself.
    pit = (score.pit(ours, truth) + 1 - score.pit(-ours, -truth)).values / 2
    inside = np.stack([score.covered(ours, truth, s / 100).values for s in SHARES], axis=1) > 0
    return [
        Number(
            name=told.names[k],
            as_of=day,
            truth=float(np.exp(told.truth[k]) if logs else told.truth[k]),
            low=float(points[0, k]),
            median=float(points[1, k]),
            high=float(points[2, k]),
            pit=float(pit[k]),
            inside=tuple(map(bool, inside[k])),
            score=float(crps[k]),
            naive=float(naive[k]) if np.isfinite(naive[k]) else None,
        )
        for k in np.flatnonzero(np.isfinite(crps))
    ]


def _event(told: Told, k: int, day: str) -> Number:
    happened, said = bool(told.truth[k]), float(told.draws[:, k].mean())
    naive = None if told.naive is None else float(told.naive[:, k].mean())
    return Number(
        name=told.names[k], as_of=day, truth=float(happened), median=said, low=None, high=None,
        pit=None, inside=(), score=score.brier(said, happened),
        naive=None if naive is None or not np.isfinite(naive) else score.brier(naive, happened),
    )  # fmt: skip


def _sample(draws: np.ndarray) -> xr.DataArray:
    return xr.DataArray(draws[None], dims=("chain", "draw", "number"))
