"""Two runs side by side: what became known between them, and what that did to every number.

Invariant: both runs are finished ones, read back from their folders, and each number that a run gave
when it was made stays as it was given.
"""

from __future__ import annotations

import dataclasses
import json
import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from forecast.core.errors import DataError, ForecastError
from forecast.core.text import one_line, percent, signed
from forecast.core.words import guided
from forecast.evaluation.surprise import surprised
from forecast.models.earnings.calendar import Calendar, report_calendar
from forecast.models.panels import definitions_of
from forecast.news.explain import News, explain
from forecast.news.prospects import Prospect, anticipate, ranked
from forecast.news.statistics import Statistic, statistics_of
from forecast.tables.changes import Changes, arrived

if TYPE_CHECKING:
    from forecast.inference.fitting import Run
    from forecast.news.stored import Stored
    from forecast.tables.vintages import Known

logger = logging.getLogger(__name__)
AHEAD = "earnings"
"""The model whose coming reports are looked ahead to."""


@dataclasses.dataclass(frozen=True)
class End:
    """One of the two runs that are compared: its id, and the day up to which reports were known."""

    run: str
    as_of: str


@dataclasses.dataclass(frozen=True)
class Other:
    """A definition whose model's fit is the same, or whose change cannot be split."""

    name: str
    model: str
    before: float
    after: float
    error: float
    draws: int
    why: str


@dataclasses.dataclass(frozen=True)
class Shift:
    """A definition or a headline before and after, as text.

    Attributes
    ----------
    name
        "claim/definition" of a probability, "entity/metric period" of a headline.
    before, after
        Its values in the two runs.
    change, noise
        The change, and what it could come to by Monte-Carlo error.
    why
        The reason, in a few words.
    size
        Size of the change: of a probability as a share of one, of a headline as a share of it.
    clear
        Whether the change is larger than its noise.
    """

    name: str
    before: str
    after: str
    change: str
    noise: str
    why: str
    size: float
    clear: bool


@dataclasses.dataclass(frozen=True)
class Change:
    """What happened between two runs.

    Attributes
    ----------
    before, after
        The runs.
    arrived
        New, revised and withdrawn numbers, with ``percentile`` and ``percentile_text`` in the earlier
        run.
    splits
        The change in pieces of each model that was fitted again.
    others
        The definitions of the other models.
    calendar
        The report calendar at the later run; None if it has no quarterly reports.
    prospects
        What the coming reports could do.
    """

    before: End
    after: End
    arrived: Changes
    splits: tuple[News, ...]
    others: tuple[Other, ...]
    calendar: Calendar | None
    prospects: tuple[Prospect, ...]

    def shifts(self) -> tuple[Shift, ...]:
        """Return every definition and headline before and after, the largest changes first."""
        split = [shift for one in self.splits for shift in _split_shifts(one)]
        every = [*split, *map(_other_shift, self.others)]
        return tuple(sorted(every, key=lambda shift: -shift.size))


def arrivals(before: Stored, known: Known) -> Changes:
    """Return what became known, was revised or withdrawn since a run, with percentiles."""
    found = arrived(before.known, known)
    some = any(guided(m) for frame in (found.new, found.revisions) for m in frame["metric"])
    return surprised(found, before.forecasts, definitions_of(known) if some else {})


def between(before: Stored, after: Stored, *, seed: int) -> Change:
    """Return what changed between two finished runs.

    Parameters
    ----------
    before, after
        The runs.
    seed
        Decides the random numbers of the steps in between.

    Raises
    ------
    ForecastError
        If a fit of the later run cannot be read. A change whose earlier fit cannot be is not split.
    """
    prospects: tuple[Prospect, ...] = ()
    splits = {}
    for model in after.manifest["spec"]:
        if not after.passed(model) or not (model == AHEAD or _refitted(before, after, model)):
            continue
        run, draws = after.fitted(model)
        statistics = statistics_of(after.claims, model, draws, after.series)
        if not statistics:
            continue
        if model == AHEAD:
            coming = anticipate(draws, statistics, seed=seed)
            prospects = tuple(ranked(coming, run, statistics, seed=seed))
        if before.passed(model):
            logger.info(f"splitting the change of {len(statistics)} statistics of {model}")
            split = _split(before, after.known, (run, draws), statistics, seed)
            if split is not None:
                splits[model] = split
    try:
        calendar = report_calendar(after.known)
    except DataError:
        calendar = None
    return Change(
        before=End(before.id, before.as_of),
        after=End(after.id, after.as_of),
        arrived=arrivals(before, after.known),
        splits=tuple(splits.values()),
        others=_others(before, after, set(splits)),
        calendar=calendar,
        prospects=prospects,
    )


def _refitted(before: Stored, after: Stored, model: str) -> bool:
    """Return whether a model has another fit than before."""
    return before.digest(model) != after.digest(model)


def _split(
    before: Stored,
    known: Known,
    fitted: tuple[Run, xr.Dataset],
    statistics: Sequence[Statistic],
    seed: int,
) -> News | None:
    """Return the change of a model in pieces, None where its earlier fit cannot be read any more."""
    run, draws = fitted
    try:
        earlier, drawn = before.fitted(run.spec.model)
    except (ForecastError, KeyError, ValueError) as error:
        logger.warning(f"the change of {run.spec.model} is not split: {error}")
        return None
    statistics = [one for one in statistics if one.told_by(drawn)]
    if not statistics:
        return None
    said = {
        f"{v.claim}/{v.definition}": v.probability
        for v in before.verdicts
        if v.probability is not None
    }
    return explain(
        earlier,
        run,
        known,
        statistics,
        (drawn, draws),
        seed=seed,
        earlier=before.known,
        said=said,
    )


def _others(before: Stored, after: Stored, split: set[str]) -> tuple[Other, ...]:
    old = {(v.claim, v.definition): v for v in before.verdicts if v.probability is not None}
    found = []
    for v in after.verdicts:
        was = old.get((v.claim, v.definition))
        if was is None or v.probability is None or v.model in split:
            continue
        error = float(np.hypot(was.mcse or 0.0, v.mcse or 0.0))
        found.append(
            Other(
                f"{v.claim}/{v.definition}",
                v.model,
                float(was.probability or 0.0),
                float(v.probability),
                error,
                v.draws,
                _reason(before, after, v.model),
            )
        )
    return tuple(found)


def _reason(before: Stored, after: Stored, model: str) -> str:
    """Return what changed of a model between two runs, in a word or two."""
    if before.digest(model) is None or after.digest(model) is None:
        return "fitted in one of the runs only"
    old, new = before.spec(model), after.spec(model)
    if old is None or new is None:
        return "fitted by another version"
    if not _refitted(before, after, model):
        return "the same fit" if old.as_of == new.as_of else "the same fit, from a later date"
    reasons = [
        ("code_hash", "the model's code"),
        ("priors", "prior numbers"),
        ("versions", "libraries"),
        ("seed", "seed"),
        ("draws", "number of draws"),
    ]
    said = [text for name, text in reasons if getattr(old, name) != getattr(new, name)]
    return one_line(said or ["its data"])


# --- as plain values -------------------------------------------------------------------------
def _split_shifts(split: News) -> list[Shift]:
    shifts = []
    for k, one in enumerate(split.statistics):
        total = float(split.after[k] - split.before[k])
        noise = max(abs(float(split.change[-1, k])), 2 * float(split.error[-1, k]))
        shifts.append(
            Shift(
                name=one.name,
                before=one.text(float(split.before[k]), split.draws),
                after=one.text(float(split.after[k]), split.draws),
                change=one.moved(total),
                noise=one.moved(noise).lstrip("+"),
                why="split below",
                size=abs(total) / (abs(float(split.before[k])) if one.unit else 1.0),
                clear=abs(total) > noise,
            )
        )
    return shifts


def _other_shift(other: Other) -> Shift:
    total = other.after - other.before
    return Shift(
        name=other.name,
        before=percent(other.before, other.draws),
        after=percent(other.after, other.draws),
        change=signed(100 * total, "points"),
        noise=f"{200 * other.error:.1f} points",
        why=f"{other.model}: {other.why}",
        size=abs(total),
        clear=abs(total) > 2 * other.error,
    )


def change_record(change: Change, claim: str | None = None) -> dict[str, object]:
    """Return the change as plain values, for ``change.json`` and ``--json``; of one claim if given."""

    def asked(name: str) -> bool:
        return claim is None or claim in (name, *name.split("/"))

    arrived = {
        name: json.loads(getattr(change.arrived, name).to_json(orient="records"))
        for name in ("new", "revisions", "withdrawn")
    }
    return {
        "from": dataclasses.asdict(change.before),
        "to": dataclasses.asdict(change.after),
        **arrived,
        "changes": [
            _finite(one)
            for split in change.splits
            for one in split.records()
            if asked(one["statistic"])
        ],
        "refits": sum(split.refits for split in change.splits),
        "worst_pareto_k": max(
            (split.worst_k for split in change.splits if not np.isnan(split.worst_k)), default=None
        ),
        "others": [dataclasses.asdict(other) for other in change.others if asked(other.name)],
    }


def _finite(content: object) -> object:
    """Return nested plain values with None in place of what is no number."""
    if isinstance(content, dict):
        return {key: _finite(value) for key, value in content.items()}
    if isinstance(content, list):
        return [_finite(value) for value in content]
    return None if isinstance(content, float) and not np.isfinite(content) else content
