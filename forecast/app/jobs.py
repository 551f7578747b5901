"""The fits of a run: each model with its prior sets and its checks, in this process or in several.

Invariant: what is found, and the order in which it is told, do not depend on the number of processes.
The fits of one model are one job: they share compiled code, and so one process.
"""

from __future__ import annotations

import contextlib
import dataclasses
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from forecast.core.errors import ForecastError
from forecast.core.processes import crew
from forecast.core.progress import heard_by, stage, tell_again
from forecast.core.words import TOLD_UNTIL
from forecast.evaluation.hindcast import Hindcast, hindcast
from forecast.evaluation.hold_out import Foreseen, Sources, foreseen
from forecast.inference.fitting import Run, child_seed, fit_key, fit_stored, spec_of
from forecast.inference.predict import Fitted, forecast
from forecast.models import registry
from forecast.models.registry import get_model
from forecast.store import fits

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

    from forecast.inference.spec import Spec
    from forecast.models.base import Panel

logger = logging.getLogger(__name__)
FULL, QUICK = 1000, 750  # draws, and as many tuning steps, per chain


@dataclasses.dataclass(frozen=True)
class Job:
    """All that is fitted of one model: what a process of its own must know.

    Attributes
    ----------
    panel
        What the model is fitted to.
    until
        The last period that is drawn.
    seed
        The run's.
    quick
        Whether to take fewer draws.
    place
        Where fits are kept.
    variants
        Other prior sets.
    sources
        What earlier panels are made from, to foretell the newest figures from the rest; None for no such
        check.
    days
        Days of the hindcast.
    tables
        The tables with columns of their own, where there are such days.
    """

    panel: Panel
    until: str
    seed: int
    quick: bool
    place: Path
    variants: tuple[str, ...] = ()
    sources: Sources | None = None
    days: tuple[str, ...] = ()
    tables: Mapping[str, pd.DataFrame] = dataclasses.field(default_factory=dict)

    @property
    def model(self) -> str:
        """The model's name."""
        return self.panel.model

    @property
    def size(self) -> int:
        """Observations times fits, by which the longest job is told without a clock."""
        number = 1 + len(self.variants) + (self.sources is not None) + len(self.days)
        return int(self.panel.data.sizes["obs"]) * number


@dataclasses.dataclass(frozen=True)
class Done:
    """What became of a job.

    Attributes
    ----------
    model
        The model's name.
    runs
        Its fits by prior set; with the default one alone if that failed its gate.
    foreseen
        How well it foresaw its newest figures.
    hindcasts
        By day, what it would have said, or why it says nothing.
    seconds
        By stage.
    """

    model: str
    runs: Mapping[str, Run]
    foreseen: tuple[Foreseen, ...]
    hindcasts: Mapping[str, tuple[Hindcast, ...] | str]
    seconds: Mapping[str, float]


type Results = Callable[[], Iterator[Done]]


@contextlib.contextmanager
def at_work(jobs: Sequence[Job], workers: int) -> Iterator[Results]:
    """Start the processes that jobs are worth; give the function that hands the jobs out.

    None is started for the sake of one job, nor where all fits are stored. Nothing is fitted before
    the function is called.

    Parameters
    ----------
    jobs
        The longest is begun first, so that none is left to one process alone at the end.
    workers
        Number of processes.

    Yields
    ------
    Callable
        ``() -> results``: one a job, in the order in which jobs are begun.
    """
    order = sorted(jobs, key=lambda job: job.size, reverse=True)
    todo = [job for job in order if not _all_stored(job)] if workers > 1 else []
    count = min(workers, len(todo)) if len(todo) > 1 else 0
    with crew(registry.carrying(_ahead), count) as hand_out:
        yield lambda: _results(order, hand_out(todo) if count else iter(()), todo, count)


def _results(
    order: Sequence[Job], ahead: Iterator[_Ahead], todo: Sequence[Job], count: int
) -> Iterator[Done]:
    """Yield what became of each job, in their order however they come."""
    if count:
        logger.info(f"fit {len(todo)} models in {count} processes ...")
    awaited = {job.model for job in todo} if count else set()
    come: dict[str, _Ahead] = {}
    for job in order:
        if job.model not in awaited:
            yield _done(job)
            continue
        while job.model not in come:
            one = next(ahead)
            come[one.done.model] = one
        found = come.pop(job.model)
        for record in found.told:
            tell_again(record)
        yield found.done


@dataclasses.dataclass(frozen=True)
class _Ahead:
    """What another process hands over: what it told, and what it found."""

    told: Sequence[logging.LogRecord]
    done: Done


def _ahead(job: Job) -> _Ahead:
    """Do a job in a process of its own."""
    told: list[logging.LogRecord] = []
    with heard_by(told.append):
        done = _done(job)
    ended = [record for record in told if not record.getMessage().endswith("...")]
    return _Ahead(ended, done)


def _done(job: Job) -> Done:
    """Do a job: fits with each prior set, and where the default one passed its gate, the checks."""
    seconds: dict[str, float] = {}
    runs = _fit_sets(job, seconds)
    ahead: tuple[Foreseen, ...] = ()
    hindcasts: dict[str, tuple[Hindcast, ...] | str] = {}
    if job.sources is not None:
        ahead = (Foreseen(job.model, reason="its fit did not pass its gate"),)
        if passed(runs["default"]):
            with stage(f"newest figures by {job.model}", seconds):
                ahead = _foreseen(job, job.sources)
    if passed(runs["default"]) and job.days:
        with stage(f"hindcast by {job.model}", seconds):
            hindcasts = {day: _hindcast(job, day) for day in job.days}
    return Done(job.model, runs, ahead, hindcasts, seconds)


def _all_stored(job: Job) -> bool:
    specs = (_spec(job, variant) for variant in ("default", *job.variants))
    return all(fits.has_fit(job.place, fit_key(spec, job.panel)) for spec in specs)


def _fit_sets(job: Job, seconds: dict[str, float]) -> dict[str, Run]:
    """Return a model's fit with each prior set; with the default one alone if that fails its gate."""
    with stage(f"fit {job.model}", seconds):
        runs = {"default": _stored(job, "default")}
    if job.variants and passed(runs["default"]):
        with stage(f"other priors for {job.model}", seconds):
            runs |= {variant: _stored(job, variant) for variant in job.variants}
    return runs


def _spec(job: Job, variant: str) -> Spec:
    """Return what decides a fit; prior sets differ in the priors, not in the seed."""
    size = QUICK if job.quick else FULL
    seed = child_seed(job.seed, job.model, "fit")
    return spec_of(job.model, job.panel, seed=seed, variant=variant, draws=size)


def _stored(job: Job, variant: str) -> Run:
    """Return a fit, of which the store may know."""
    run, known = fit_stored(job.place, _spec(job, variant), job.panel)
    if known:
        logger.info(
            f"{job.model}, {variant} priors: nothing it depends on has changed, its fit is used again"
        )
    return run


def _foreseen(job: Job, sources: Sources) -> tuple[Foreseen, ...]:
    found = foreseen(
        job.panel, sources, seed=child_seed(job.seed, job.model, "hold out"), place=job.place
    )
    for one in found:
        if one.reason:
            logger.info(f"newest figures of {job.model} not foretold: {one.reason}")
    return found


def _hindcast(job: Job, day: str) -> tuple[Hindcast, ...] | str:
    seed = child_seed(job.seed, "hindcast", day)
    try:
        return hindcast(job.model, job.tables, day, seed=seed, place=job.place)
    except ForecastError as error:
        return str(error)


def passed(run: Run) -> bool:
    """Return whether a run was checked and passed."""
    return run.gate is not None and run.gate.passed


def drawn(job: Job, runs: Mapping[str, Run]) -> Fitted:
    """Return a model's fit with the draws of those that passed their gate, and its baseline."""
    run, baseline = runs["default"], _baseline(job)
    if not passed(run):
        return Fitted(run, job.until, None, {}, baseline)
    for variant, one in runs.items():
        if not passed(one):
            logger.warning(f"the {variant} priors of {job.model} did not pass the gate: left out")
    seed = child_seed(job.seed, job.model, "draw")
    draws = {
        name: forecast(one, until=job.until, seed=seed) for name, one in runs.items() if passed(one)
    }
    own = draws.pop("default")
    if TOLD_UNTIL in own.coords:  # a range over prior sets is of what is judged
        draws = {n: d.assign_coords({TOLD_UNTIL: own[TOLD_UNTIL]}) for n, d in draws.items()}
    return Fitted(run, job.until, own, draws, baseline)


def _baseline(job: Job) -> xr.Dataset | None:
    rule = get_model(job.model).baseline
    if rule is None:
        return None
    try:
        return rule(job.panel, until=job.until, seed=child_seed(job.seed, job.model, "naive"))
    except ForecastError:
        return None  # too short a history: the memo then shows no naive column, and says so


def hindcasts_of(found: Sequence[Done], days: Sequence[str]) -> tuple[Hindcast, ...]:
    """Return what several models would have said, day by day.

    A day is left out, with a warning, where a gate says no or the tables do not reach so far.
    """
    rows: list[Hindcast] = []
    for day in days:
        said = [one.hindcasts[day] for one in found if day in one.hindcasts]
        why = next((text for text in said if isinstance(text, str)), None)
        if why is not None:
            logger.warning(f"no hindcast as of {day}: {why}")
            continue
        rows += [row for part in said if not isinstance(part, str) for row in part]
    return tuple(rows)
