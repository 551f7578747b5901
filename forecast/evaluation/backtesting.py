"""At each of several as_of dates: fit to what was known, forecast, score what came.

A model of series that are reported again and again is scored on the cells of its draws in which a
report has come since, alongside the simple rules of its room. A model whose room tells otherwise
(``AHEAD.tell``) is asked for what it foretells of a later panel: scores of releases, falls after a
run-up. Its simple rule is the room's, under the name ``naive``.

Invariant: a task carries a panel of what was known on its date, and what came only to score with; its
seeds depend on the date alone. So the same scores come from one process, many, or a cluster, begun anew
or taken up again; and a number reported later changes a score but never a forecast
(``tests/test_no_lookahead.py``, all models).
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import functools
import json
import logging
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import xarray as xr

from forecast.core.errors import DataError, ForecastError, GateError, StoreError
from forecast.core.periods import months_after, parse_date, period_end
from forecast.core.processes import each
from forecast.core.text import one_line
from forecast.evaluation import score
from forecast.evaluation.asked_before import Question, questions
from forecast.evaluation.dates import read_span, within
from forecast.evaluation.hold_out import Sources
from forecast.evaluation.skill import MODEL, SHARES
from forecast.inference import gate
from forecast.inference.codehash import package_hash, room_hash
from forecast.inference.fitting import child_seed, fit, priors_of, spec_of
from forecast.inference.predict import forecast, outline
from forecast.models.registry import ahead_of, carrying, get_model, outside, panel_source
from forecast.store import origins as store
from forecast.store.origins import Origin
from forecast.store.runs import run_id

if TYPE_CHECKING:
    from forecast.claims.records import Claim
    from forecast.inference.fitting import Run
    from forecast.models.base import AnyModel, Baseline, Cell, Panel, Told
    from forecast.tables.vintages import Table

logger = logging.getLogger(__name__)
NAIVE = "naive"
"""The simple rule of a room that foretells its figures itself."""
LOG = "log"
"""Scale of scores of logarithms; else it is the unit."""
_LABELS: Mapping[str, str] = {
    "forecast": "str", "as_of": "str", "entity": "str", "metric": "str", "series": "str",
    "unit": "str", "derived": "bool", "target_period": "str", "target_end": "str",
    "horizon": "int64",
}  # fmt: skip
CELLS: Mapping[str, str] = {
    **_LABELS, "truth": "float64", "median": "float64", "scale": "str", "crps": "float64",
    "crps_level": "float64", "log_score": "float64", "interval_score": "float64",
    "dispersion": "float64", "overprediction": "float64", "underprediction": "float64",
    "pit": "float64", **{f"c{share}": "float64" for share in SHARES},
}  # fmt: skip
"""Columns of :attr:`Backtest.cells` and their types."""
EVENTS: Mapping[str, str] = {
    **_LABELS, "probability": "float64", "happened": "float64", "brier": "float64",
    "log_score": "float64",
}  # fmt: skip
"""Columns of :attr:`Backtest.events` and their types."""


@dataclasses.dataclass(frozen=True, slots=True)
class Design:
    """What a backtest asks on each of its dates.

    Attributes
    ----------
    model
        Name of the model.
    seed
        Decides all random numbers.
    horizon
        How far ahead is scored: periods after a series' last report; of a model that foretells its
        figures itself, quarters after the date.
    size
        Draws per chain, and tuning steps at most.
    window
        How far back the data go that are fitted, such as ``5y``; "" for all of them.
    """

    model: str
    seed: int
    horizon: int
    size: int
    window: str


@dataclasses.dataclass(frozen=True)
class Task:
    """One date of a backtest.

    Attributes
    ----------
    design
        What is asked.
    panel
        What was known on the date.
    later
        The panel that what came is read from.
    truth
        Of a model of series: what came, dims series, period; else None.
    questions
        Definitions of claims as they could have been asked on the date, with what came.
    """

    design: Design
    panel: Panel
    later: Panel
    truth: xr.DataArray | None
    questions: tuple[Question, ...] = ()

    def seed(self, *names: str) -> int:
        """Return the seed of a step, which depends on the date and on no other task."""
        return child_seed(self.design.seed, self.panel.as_of, *names)

    @property
    def key(self) -> str:
        """Hash of all that decides the result: both panels, the design, the fit's spec, all code."""
        design = self.design
        spec = spec_of(design.model, self.panel, seed=self.seed("fit"), draws=design.size)
        asked = [one.record() for one in self.questions]
        decided = [dataclasses.asdict(spec), dataclasses.asdict(design), asked]
        foreign = [room_hash(room) for room in outside([design.model])]
        words = (json.dumps(decided, sort_keys=True), self.panel.hash, self.later.hash)
        return run_id(*words, package_hash(), *foreign)


@dataclasses.dataclass(frozen=True)
class Backtest:
    """What a backtest found.

    Attributes
    ----------
    design
        What was asked.
    cells
        A row a forecast of a number: forecast (``model`` or the name of a simple rule), as_of, entity,
        metric, series, unit, derived (whether the series is a sum or ratio of others), target_period,
        target_end (its last day), horizon, truth and median in the unit; scale (``log``, or the
        unit), and on that scale crps, log_score, the interval_score of 80 % with its parts dispersion,
        overprediction and underprediction; crps_level in the unit; pit; and 1 where the 50, 80 and
        95 % intervals held it, else 0 (``c50``, ``c80``, ``c95``).
    events
        A row a forecast of an event: the same labels, probability, happened (0 or 1), brier, log_score.
    origins
        One row a date: as_of, observations, whether the gate passed, the values of its checks, and
        the reason where there is no forecast.
    key
        Hash of all that decided it.
    """

    design: Design
    cells: pd.DataFrame
    events: pd.DataFrame
    origins: pd.DataFrame
    key: str

    @property
    def own(self) -> pd.DataFrame:
        """The cells without sums and ratios of others, which would count the same numbers twice."""
        return self.cells[~self.cells["derived"]]


# --- what is asked on which date --------------------------------------------------------------
def what_came(newest: Panel) -> xr.DataArray:
    """Return every number a model forecasts, as a panel knows it.

    Returns
    -------
    xarray.DataArray
        Dims series, period; NaN where nothing was reported; coordinate ``metric`` along series.
    """
    truth: xr.DataArray = outline(newest)["observed"].transpose("series", "period")
    return truth


def _tasks(
    design: Design, sources: Sources, dates: Sequence[str], claims: Sequence[Claim] = ()
) -> tuple[list[Task], list[Origin]]:
    """Return the dates that can be forecast from, and those that cannot, with the reason."""
    rules = ahead_of(design.model)
    newest = str(sources.history["reported_on"].max())
    last = sources.panel(design.model, newest)
    truth = None if rules is not None and rules.tell is not None else what_came(last)
    asked = questions(design.model, claims, sources.history, dates)
    tasks, left_out = [], []
    for day in dates:
        try:
            panel = sources.panel(design.model, day)
            if design.window:
                panel = within(panel, read_span(design.window))
            if rules is not None and rules.asked is not None:
                panel = rules.asked(panel)
            end = months_after(parse_date(day), 3 * design.horizon).isoformat()
            later = last
            if truth is None and end < newest:
                later = sources.panel(design.model, end)
            tasks.append(Task(design, panel, later, truth, asked[day]))
        except DataError as error:
            row = pd.DataFrame([{"as_of": day, "passed": False, "reason": str(error)}])
            left_out.append(Origin(_frame([], CELLS), _frame([], EVENTS), row))
    if not tasks:
        reason = left_out[0].row["reason"].iloc[0] if left_out else "got no date"
        raise DataError(f"nothing to forecast from on any date: {reason}")
    return tasks, left_out


# --- one date ---------------------------------------------------------------------------------
def score_origin(task: Task) -> Origin:
    """Fit, forecast and score at one date, alongside the simple rules."""
    panel = task.panel
    row: dict[str, object] = {"as_of": panel.as_of, "observations": int(panel.data.sizes["obs"])}
    row |= {"passed": False, "reason": ""}
    numbers: list[pd.DataFrame] = []
    events: list[pd.DataFrame] = []
    try:
        run = fit(panel.model, panel, seed=task.seed("fit"), draws=task.design.size, progress=False)
        if run.gate is not None:
            row["passed"] = run.gate.passed
            row.update({str(check.name): float(check.value) for check in run.gate.checks})
        if task.truth is None:
            for told in _foretold(run, task):
                (events if told.event else numbers).extend(_told_rows(told, task))
        else:
            until = _last_known(task.truth)
            draws = forecast(run, until=until, seed=task.seed("draw"))
            numbers.append(_series_rows(MODEL, draws, task, task.truth))
            events.append(_claim_rows(MODEL, draws, task))
    except (GateError, DataError) as error:
        row |= {"passed": False, "reason": str(error)}
    if task.truth is not None:
        for name, draws in _by_rules(task, _last_known(task.truth)):
            numbers.append(_series_rows(name, draws, task, task.truth))
            events.append(_claim_rows(name, draws, task))
    return Origin(_joined(numbers, CELLS), _joined(events, EVENTS), pd.DataFrame([row]))


def _by_rules(task: Task, until: str) -> Iterator[tuple[str, xr.Dataset]]:
    """Yield the draws of the simple rules of a model of series, by name."""
    for name, rule in _rules(get_model(task.panel.model)).items():
        try:
            yield name, rule(task.panel, until=until, seed=task.seed(name))
        except ForecastError:
            continue  # too short a history for this rule: its cells are then not compared


def _rules(entry: AnyModel) -> Mapping[str, Baseline]:
    """Return the baselines to beat, by name."""
    return entry.rules or ({} if entry.baseline is None else {"drift": entry.baseline})


def _last_known(truth: xr.DataArray) -> str:
    known = np.isfinite(truth.values).any(axis=truth.get_axis_num("series"))
    if not known.any():
        raise DataError("nothing that is forecast has been reported: there is nothing to score")
    return str(truth["period"].values[np.flatnonzero(known)[-1]])


def _frame(rows: Sequence[Mapping[str, object]], columns: Mapping[str, str]) -> pd.DataFrame:
    return pd.DataFrame(list(rows), columns=list(columns)).astype(dict(columns))


def _joined(tables: Sequence[pd.DataFrame], columns: Mapping[str, str]) -> pd.DataFrame:
    there = [table for table in tables if len(table)]
    return pd.concat(there, ignore_index=True) if there else _frame([], columns)


def _series_rows(what: str, draws: xr.Dataset, task: Task, truth: xr.DataArray) -> pd.DataFrame:
    """Score every cell that was not known at the date and has come since."""
    names = [str(n) for n in draws["series"].values if n in truth["series"].values]
    periods = [str(p) for p in draws["period"].values if p in truth["period"].values]
    draws = draws[["y", "observed"]].sel(series=names, period=periods)
    came = truth.sel(series=names, period=periods).values
    seen = np.isfinite(draws["observed"].transpose("series", "period").values)
    last = np.where(seen, np.arange(len(periods)), -1).max(axis=1)
    ahead = np.arange(len(periods)) - last[:, None]
    y = draws["y"].transpose("series", "period", "chain", "draw").values
    y = y.reshape(*y.shape[:2], -1)
    scored = (last[:, None] >= 0) & (ahead >= 1) & (ahead <= task.design.horizon)
    scored &= np.isfinite(came) & np.isfinite(y).all(2) & (came > 0) & (y > 0).all(2)
    at, when = np.nonzero(scored)
    fitted = set(task.panel.data["series"].values.tolist()) if "series" in task.panel.data else None
    labels = {
        "entity": draws["entity"].values.astype(str)[at],
        "metric": draws["metric"].values.astype(str)[at],
        "series": np.array(names, dtype=object)[at],
        "unit": draws["unit"].values.astype(str)[at],
        "derived": [fitted is not None and names[k] not in fitted for k in at],
        "target_period": np.array(periods, dtype=object)[when],
        "horizon": ahead[at, when],
        "truth": came[at, when],  # to the last digit, which the logarithm loses
    }
    return _number_rows(what, task, labels, np.log(y[at, when].T), np.log(came[at, when]), LOG)


def _foretold(run: Run, task: Task) -> Sequence[Told]:
    """Return what a fit says of the figures of the later panel."""
    rules = ahead_of(task.panel.model)
    assert rules is not None and rules.tell is not None  # or the task would carry a truth
    gate.require(run.gate, run.posterior, task.panel.model)
    rng = np.random.default_rng(task.seed("draw"))
    return rules.tell(run.posterior, task.panel, task.later, priors_of(run.spec), rng)


def _told_rows(told: Told, task: Task) -> list[pd.DataFrame]:
    """Score what a room foretells, and its simple rule."""
    cells = told.cells
    if len(cells) != len(told.names):
        raise DataError(f"{task.panel.model} does not tell which figures its {told.what} are")
    ends = [period_end(one.period) for one in cells]
    ahead = [_quarters_ahead(task.panel.as_of, end) for end in ends]
    asked = np.isfinite(told.truth) & (np.array(ahead) <= task.design.horizon)
    if told.stepwise:
        asked &= _firsts(cells)
    found = []
    for what, draws in ((MODEL, told.draws), (NAIVE, told.naive)):
        if draws is None:
            continue
        at = np.flatnonzero(asked & np.isfinite(draws).all(axis=0))
        chosen = [cells[k] for k in at]
        labels: dict[str, object] = {
            "entity": [one.entity for one in chosen],
            "metric": [one.metric for one in chosen],
            "series": [f"{one.entity}/{one.metric}" for one in chosen],
            "unit": "" if told.event else told.unit,
            "derived": False,
            "target_period": [one.period for one in chosen],
            "horizon": [ahead[k] for k in at],
        }
        if told.event:
            said = draws[:, at].mean(axis=0)
            found.append(_event_rows(what, task, labels, said, told.truth[at]))
        else:
            scale = LOG if told.unit == "log points" else told.unit
            found.append(_number_rows(what, task, labels, draws[:, at], told.truth[at], scale))
    return found


def _quarters_ahead(day: str, end: dt.date) -> int:
    """Return in which quarter after a day another day lies, at least the first.

    Examples
    --------
    >>> [_quarters_ahead("2024-02-14", dt.date(2024, m, d)) for m, d in ((1, 1), (5, 14), (5, 15))]
    [1, 1, 2]
    """
    first = parse_date(day)
    months = 12 * (end.year - first.year) + end.month - first.month + (end.day > first.day)
    return max(1, math.ceil(months / 3))


def _firsts(cells: Sequence[Cell]) -> np.ndarray:
    """Return which cells are the first of their series."""
    first: dict[tuple[str, str], str] = {}
    for one in sorted(cells, key=lambda one: period_end(one.period)):
        first.setdefault((one.entity, one.metric), one.period)
    return np.array([first[one.entity, one.metric] == one.period for one in cells])


def _number_rows(
    what: str, task: Task, labels: Mapping[str, object], draws: np.ndarray, came: np.ndarray,
    scale: str,
) -> pd.DataFrame:  # fmt: skip
    """Return scored cells of one forecast; draws of shape (sample, cell) on the scale."""
    if not len(came):
        return _frame([], CELLS)
    y, truth = _sample(draws), xr.DataArray(came, dims="cell")
    level = np.exp if scale == LOG else np.asarray
    parts = score.interval_score(y, truth)
    # A path that often stays where it is has draws that are the truth itself: they count half.
    pit = (score.pit(y, truth) + 1 - score.pit(-y, -truth)) / 2
    found = {
        "truth": level(came),
        "median": level(np.median(draws, axis=0)),
        "scale": scale,
        "crps": score.crps(y, truth).values,
        "crps_level": score.crps(
            _sample(level(draws)), xr.DataArray(level(came), dims="cell")
        ).values,
        "log_score": score.log_score(y, truth).values,
        "interval_score": parts.total.values,
        "dispersion": parts.dispersion.values,
        "overprediction": parts.overprediction.values,
        "underprediction": parts.underprediction.values,
        "pit": pit.values,
        **{f"c{s}": score.covered(y, truth, s / 100).values for s in SHARES},
    }
    return _labelled(what, task, {**found, **labels}, CELLS)


def _sample(draws: np.ndarray) -> xr.DataArray:
    return xr.DataArray(draws[None], dims=("chain", "draw", "cell"))


def _event_rows(
    what: str, task: Task, labels: Mapping[str, object], said: np.ndarray, came: np.ndarray
) -> pd.DataFrame:
    """Return scored probabilities of one forecast, shape (event,)."""
    pairs = [(float(p), bool(happened)) for p, happened in zip(said, came, strict=True)]
    found = {
        "probability": said,
        "happened": came,
        "brier": [score.brier(*pair) for pair in pairs],
        "log_score": [score.log_loss(*pair) for pair in pairs],
    }
    return _labelled(what, task, {**labels, **found}, EVENTS)


def _claim_rows(what: str, draws: xr.Dataset, task: Task) -> pd.DataFrame:
    """Return scored probabilities of what could have been asked on the date, by one forecast."""
    told = [(one, one.told(draws)) for one in task.questions]
    there = [(one, said) for one, said in told if said is not None]
    if not there:
        return _frame([], EVENTS)
    asked = [one for one, _ in there]
    labels: dict[str, object] = {
        "entity": [one.claim for one in asked],
        "metric": [one.definition for one in asked],
        "series": [f"{one.claim}/{one.definition}" for one in asked],
        "unit": "",
        "derived": False,
        "target_period": [one.window[1].isoformat() for one in asked],
        "horizon": [_quarters_ahead(task.panel.as_of, one.window[1]) for one in asked],
    }
    said = np.array([said for _, said in there])
    return _event_rows(what, task, labels, said, np.array([float(one.happened) for one in asked]))


def _labelled(
    what: str, task: Task, columns: Mapping[str, object], types: Mapping[str, str]
) -> pd.DataFrame:
    frame = pd.DataFrame({**columns, "forecast": what, "as_of": task.panel.as_of})
    frame["target_end"] = [period_end(p).isoformat() for p in frame["target_period"]]
    return frame[list(types)].astype(dict(types))


# --- all dates --------------------------------------------------------------------------------
def backtest(  # noqa: PLR0913 - one question, every option of it by name
    model: str,
    table: Table | Sources,
    dates: Sequence[str],
    *,
    seed: int,
    horizon: int = 8,
    size: int = 1000,
    window: str = "",
    workers: int = 1,
    cluster: str | None = None,
    out: str | Path | None = None,
    claims: Sequence[Claim] = (),
) -> Backtest:
    """Forecast from days of the past what was not known then, and score what came.

    Parameters
    ----------
    model
        Name of a model whose data carry dates.
    table
        A vintage table, from :func:`forecast.tables.shipped.read_vintages`; or all rows and tables
        (:class:`forecast.evaluation.hold_out.Sources`), where a model is fitted to a table with
        columns of its own and that is not the shipped one. A row of such a table, which carries no
        report date, counts as known from its own date on.
    dates
        Days to forecast from, ISO, such as :func:`forecast.evaluation.dates.origins` gives.
    seed
        Decides all random numbers.
    horizon
        How far ahead is scored, see :class:`Design`.
    size
        Draws per chain, and tuning steps at most.
    window
        How far back the data go that are fitted on each date, such as ``5y`` or ``20q`` (a rolling
        window); by default all of them (an expanding one).
    workers
        Processes on this machine.
    cluster
        Address of a Dask scheduler, such as ``tcp://10.0.0.5:8786``, in place of `workers`; needs
        ``forecast[cluster]``, here and on the workers.
    out
        The output folder in which finished dates are kept, each under all that decided it: what was
        finished before, by whichever process, is not done again. Nothing is kept by default.
    claims
        Claims whose definitions are asked too, as they could have been asked on each date
        (:mod:`forecast.evaluation.asked_before`); events with the claim's id as entity and the
        definition's as metric.

    Returns
    -------
    Backtest

    Raises
    ------
    DataError
        If the model is fitted to a table without dates, nothing came that could be scored, or the
        cluster cannot be reached, is gone, or runs other code than this machine.
    """
    get_model(model)  # or say that there is none
    source = panel_source(model)
    if source.table and not source.latest:
        raise DataError(
            f"the data of {model} carry no dates: what was known on a day cannot be told; wanted "
            "another model"
        )
    sources = table if isinstance(table, Sources) else Sources(table)
    design = Design(model, seed, horizon, size, window)
    tasks, left_out = _tasks(design, sources, list(dict.fromkeys(dates)), claims)
    keys = [task.key for task in tasks]
    found = _finished(out, keys)
    if found:
        logger.info(f"{len(found)} of {len(tasks)} dates were finished before")
    waiting = {key: task for key, task in zip(keys, tasks, strict=True) if key not in found}
    for number, (key, one) in enumerate(_results(waiting, workers, cluster), len(found) + 1):
        if out is not None:
            store.keep_origin(out, key, one)
        found[key] = one
        row = one.row.iloc[0]
        said = "passed its gate" if row["passed"] else f"no forecast: {row['reason']}"
        logger.info(f"{number} of {len(tasks)}: as of {row['as_of']}, {said}")
    every = [*left_out, *(found[key] for key in keys)]
    every.sort(key=lambda one: str(one.row["as_of"].iloc[0]))
    whole = Backtest(
        design,
        _joined([one.cells for one in every], CELLS),
        _joined([one.events for one in every], EVENTS),
        pd.concat([one.row for one in every], ignore_index=True),
        run_id(*keys, *(f"{one.row['as_of'].iloc[0]}" for one in left_out)),
    )
    if whole.cells.empty and whole.events.empty:
        failed = [str(reason) for reason in whole.origins["reason"] if reason]
        raise DataError(
            f"nothing that {model} forecasts was reported after these dates "
            f"({one_line([task.panel.as_of for task in tasks])}): there is nothing to score; wanted "
            "earlier dates, or a model of numbers that are reported again and again"
            + (f" ({failed[0]})" if failed else "")
        )
    return whole


def _finished(out: str | Path | None, keys: Sequence[str]) -> dict[str, Origin]:
    """Return the dates that were finished before; one that is damaged is done again."""
    found: dict[str, Origin] = {}
    for key in keys if out is not None else ():
        try:
            kept = store.kept_origin(str(out), key)
        except StoreError as error:
            logger.warning(f"{error}; this date is done again")
            continue
        if kept is not None:
            found[key] = kept
    return found


def _keyed(work: Callable[[Task], Origin], pair: tuple[str, Task]) -> tuple[str, Origin]:
    return pair[0], work(pair[1])


def _results(
    waiting: Mapping[str, Task], workers: int, cluster: str | None
) -> Iterator[tuple[str, Origin]]:
    """Yield results by key, as they come."""
    if not waiting:
        return
    work = functools.partial(_keyed, score_origin)
    pairs = list(waiting.items())
    if cluster is not None:
        yield from _on_cluster(work, pairs, cluster)
    else:
        yield from each(carrying(work), pairs, workers)


def _same_code[Given, Result](wanted: str, work: Callable[[Given], Result], given: Given) -> Result:
    """Do the work where the code is that of the machine that asks: else the numbers would be others."""
    if package_hash() != wanted:
        import platform

        raise DataError(
            f"the worker on {platform.node()} has other code of this package than the machine that "
            "asked; install the same version on all of them"
        )
    return work(given)


def _on_cluster[Given, Result](
    work: Callable[[Given], Result], given: Sequence[Given], address: str
) -> Iterator[Result]:
    try:
        import distributed
    except ImportError:
        raise DataError(
            "a cluster needs dask.distributed: pip install 'forecast[cluster]', here and on the "
            "workers"
        ) from None
    try:
        client = distributed.Client(address, timeout=10)
    except (OSError, ValueError) as error:
        raise DataError(
            f"no Dask scheduler answers at {address!r}: {error}; wanted an address such as "
            "tcp://host:8786"
        ) from error
    with client:
        workers = client.scheduler_info()["workers"].values()
        if not workers:
            logger.info(f"the scheduler at {address} has no workers yet; waiting for one ...")
        if any(one["nthreads"] > 1 for one in workers):
            logger.warning(
                f"workers of {address} have several threads each; fits are not made for that: start "
                "them with --nthreads 1"
            )
        far = functools.partial(_same_code, package_hash(), carrying(work))
        # Each result is asked for by its task's place, so that two equal tasks are two results.
        futures = client.map(far, list(given), pure=False)
        try:
            for future in distributed.as_completed(futures):
                yield future.result()
        except distributed.KilledWorker as error:
            raise DataError(
                f"workers of {address} died again and again at the same date: {error}; look at their "
                "logs (too little memory is the usual cause); finished dates are kept where a folder "
                "is given"
            ) from error
        except (OSError, distributed.CancelledError) as error:
            raise DataError(
                f"the connection to the Dask scheduler at {address} was lost; look whether it runs, and "
                "run again; finished dates are kept where a folder is given"
            ) from error
        except ImportError as error:
            raise DataError(
                f"a worker of {address} lacks what it needs: {error}; install the same version of "
                "forecast on all of them"
            ) from error
        finally:
            client.cancel(futures)
