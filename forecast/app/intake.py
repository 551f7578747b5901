"""New rows before they are stored: what they would change, and whether models could be fitted then.

``forecast update`` and ``forecast data add`` ask the same questions here. What would make a later run
refuse is refused when it comes: a model whose panel can be built from the table can be built from it
with the rows as well. What no panel depends on is said, and so is a number that nothing can be compared
with; a number that can be, and is far from what was expected, is a doubt, which only whoever brings the
rows can decide.

Invariant: nothing is written here, and no sampler is imported: a panel is rows. ``tests/test_intake.py``
adds each kind.
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime as dt
import functools
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from forecast.core.errors import DataError, ForecastError
from forecast.core.periods import length_of
from forecast.core.text import one_line
from forecast.core.units import UNITS
from forecast.core.words import KEY, WITHDRAWN, guided
from forecast.evaluation.surprise import implausible, surprised
from forecast.models.panels import build_panel, definitions_of
from forecast.models.registry import names, panel_source
from forecast.tables.changes import Changes, compare, misplaced
from forecast.tables.vintages import (
    Known,
    Row,
    Table,
    as_of,
    check_table,
    newest_day,
    report_name,
    value_text,
)

if TYPE_CHECKING:
    from forecast.models.base import Definitions

ACCEPT = "correct it, or take it as it is with --yes (accept_implausible=True)"


@dataclasses.dataclass(frozen=True)
class Intake:
    """What there is to say of new rows.

    Attributes
    ----------
    changes
        What they would change, with the percentiles of :func:`forecast.evaluation.surprise.surprised`.
    fresh
        The rows that would be stored.
    refusals
        Why they cannot be, a sentence each: what they contradict, what no model could take.
    doubts
        Numbers that are far from what was expected, a sentence each.
    notes
        What else is to be said: what no model reads, what has nothing to be compared with, what was
        withdrawn before, what the table has but for rounding.
    set_aside
        Why some rows are not among those that would be stored, though they stand in no other's way; only
        :func:`examine_each` has such.
    """

    changes: Changes
    fresh: Table
    refusals: tuple[str, ...]
    doubts: tuple[str, ...]
    notes: tuple[str, ...]
    set_aside: tuple[str, ...] = ()

    def check(self, accept_implausible: bool = False) -> None:
        """Refuse what cannot be stored, and what is implausible unless that is accepted.

        Raises
        ------
        DataError
            With all reasons at once.
        """
        if self.refusals:
            raise DataError(f"{'; '.join(self.refusals)}; nothing was written")
        if self.doubts and not accept_implausible:
            lines = "".join(f"\n  {line}" for line in self.doubts)
            raise DataError(
                f"{len(self.doubts)} number(s) are far from what was expected, nothing was written; "
                f"{ACCEPT}:{lines}"
            )


def examine(
    rows: Table,
    table: Table | None,
    *,
    forecasts: pd.DataFrame | None = None,
    must: Sequence[str] = (),
    as_of_date: str | None = None,
    today: dt.date | None = None,
    looked_at: Iterable[str] = (),
    tables: Mapping[str, pd.DataFrame] | None = None,
    fiscal_year_ends: Mapping[str, str] | None = None,
    filed: bool = False,
) -> Intake:
    """Return what new rows would do to a table and to the models.

    Parameters
    ----------
    rows
        Rows of the schema.
    table
        The checked table that they would go to; None if there is none yet.
    forecasts
        Quantiles of the latest run; none by default.
    must
        Models that must be fitted afterwards. Of every other one, its panel must be there after the
        rows if it was before.
    as_of_date
        What counts as known on; the newest report's day, up to `today`, by default.
    today
        The day on which this is; later reports are not known yet.
    looked_at
        Days of other tables that count for what is known.
    tables
        The tables with columns of their own, for models of `must` that are fitted to one; those shipped
        by default.
    fiscal_year_ends, filed
        As of :func:`forecast.tables.changes.misplaced`.

    Raises
    ------
    DataError
        If a row is none of the schema, or takes a report back, which is a command of its own.
    """
    rows = check_table(rows, "the new rows", today=today or dt.date.max)
    back = rows[rows["qualifier"] == WITHDRAWN]
    if len(back):
        raise DataError(
            f"{len(back)} row(s) take a report back, {report_name(back.iloc[0].to_dict())} the first: "
            "forecast data withdraw does that; nothing was written"
        )
    changes = compare(table, rows)
    fresh = pd.concat([frame[rows.columns] for frame in (changes.new, changes.revisions)])
    refusals = [
        *_contradictions(changes),
        *_other_units(table, fresh),
        *misplaced(table, fresh, fiscal_year_ends, filed=filed),
    ]
    notes = _passed(changes)
    definitions: Definitions = {}
    forecasts = pd.DataFrame() if forecasts is None else forecasts
    if not refusals and len(fresh):
        merged = fresh if table is None else pd.concat([table, fresh]).fillna("")
        merged = merged.reset_index(drop=True)
        day = as_of_date or newest_day(merged, today, looked_at)
        panels = panels_after(table, merged, day, must, tables)
        refusals += [f"with these rows {why}" for why in not_fitted(panels, must)]
        if any(map(guided, fresh["metric"])):
            definitions = definitions_of(panels.known)
        notes += _first_numbers(surprised(changes, forecasts, definitions))
        if not refusals:
            notes += [*_unread(panels, fresh), *_of_no_definition(definitions, fresh)]
    told = surprised(changes, forecasts, definitions)
    doubts = tuple(implausible(changes, forecasts, definitions))
    return Intake(told, fresh, tuple(refusals), doubts, tuple(notes))


def examine_each(
    rows: Table,
    table: Table | None,
    *,
    forecasts: pd.DataFrame | None = None,
    today: dt.date | None = None,
    looked_at: Iterable[str] = (),
) -> Intake:
    """Return what rows of several companies would do; what is refused is set aside, and said.

    Rows that contradict the table are set aside alone; the other rows of their company are asked for,
    as those of each company are, without the companies that are refused. Where nothing is left it is as
    :func:`examine` says. The rows are of filings.

    Parameters
    ----------
    rows, table, forecasts, today, looked_at
        As of :func:`examine`.
    """
    how = functools.partial(
        examine, forecasts=forecasts, today=today, looked_at=looked_at, filed=True
    )
    found = how(rows, table)
    if not found.refusals:
        return found
    conflicts = found.changes.conflicts
    aside = _contradictions(found.changes)
    good = rows[~_among(rows, conflicts, (*KEY, "reported_on"))]
    kept: list[Table] = []
    held = table
    for entity, own in good.groupby("entity", sort=False):
        one = how(own, held)
        if one.refusals:
            aside += [f"{entity}: {why}" for why in one.refusals]
            continue
        kept.append(own)
        if len(one.fresh):
            held = one.fresh if held is None else pd.concat([held, one.fresh]).fillna("")
    rest = how(pd.concat(kept), table) if kept else found
    if rest.refusals:
        return found
    changes = dataclasses.replace(rest.changes, conflicts=conflicts)
    return dataclasses.replace(rest, changes=changes, set_aside=tuple(aside))


def _of_no_definition(definitions: Definitions, fresh: Table) -> list[str]:
    """Say of what guidance draws cannot be given, since nobody can compare it with their series."""
    pairs = dict.fromkeys(zip(fresh["entity"], map(guided, fresh["metric"]), strict=True))
    alone = [
        f"{entity}/{about} beside {entity}/{found[0]}"
        for entity, about in pairs
        if about and (found := definitions.get((entity, about))) and found[1] is None
    ]
    if not alone:
        return []
    return [
        "stored, but forecasts are not given this guidance until a quarter of both is reported: "
        f"{one_line(alone)}"
    ]


def _contradictions(changes: Changes) -> list[str]:
    listed = [
        f"{report_name(r)}: {_bare(r, old=True)} there, {_bare(r)} now"
        for r in changes.conflicts.to_dict("records")
    ]
    if not listed:
        return []
    return [
        f"{len(listed)} row(s) contradict what the table says was reported on the same day: "
        f"{one_line(listed)}; correct them, give a revision its own later reported_on, or take back "
        "what is there with forecast data withdraw"
    ]


def _bare(row: Row, *, old: bool = False) -> str:
    """Return a number as it was said, without its unit."""
    return value_text(row, old=old, grouped=False).removesuffix(f" {row['unit']}")


def _other_units(table: Table | None, fresh: Table) -> list[str]:
    """Refuse units of another dimension than the table has of a metric."""
    if table is None:
        return []
    first = table.drop_duplicates("metric").set_index("metric")["unit"].to_dict()
    wrong = [
        f"{report_name(row)}: {row['unit']}, where {row['metric']} has {first[row['metric']]}"
        for row in fresh.to_dict("records")
        if row["metric"] in first
        and UNITS[row["unit"]].dimension != UNITS[str(first[row["metric"]])].dimension
    ]
    if not wrong:
        return []
    return [f"{len(wrong)} row(s) have a unit that measures something else: {one_line(wrong)}"]


def _passed(changes: Changes) -> list[str]:
    return [
        f"{report_name(row)}, {row['value']:.12g} {row['unit']}, was withdrawn on "
        f"{row['withdrawn_on']} and is passed over; to report it anew, give it a reported_on after that"
        for row in changes.there.to_dict("records")
        if row["withdrawn_on"]
    ] + [
        f"{report_name(row)}: {_bare(row)} by {row['source']} is what the table has, {row['rounded']}, "
        "but for rounding; what is there stays"
        for row in changes.there.to_dict("records")
        if row["rounded"]
    ]


def _first_numbers(told: Changes) -> list[str]:
    new = told.new[(told.new["first"] == True) & (told.new["percentile_text"] == "")]  # noqa: E712
    series = list(dict.fromkeys(f"{r.entity}/{r.metric}" for r in new.itertuples()))
    if not series:
        return []
    return [f"the first number(s), with nothing to be compared with: {one_line(series)}"]


@dataclasses.dataclass(frozen=True)
class _Panels:
    """The panels of the models that are fitted to observations, before and after some rows.

    Attributes
    ----------
    known, history
        What would be known, and every row.
    before, after
        Hash of a panel by model, of those that can be built.
    failed
        Why the others cannot be built after the rows.
    """

    known: Known
    history: Table
    before: Mapping[str, str]
    after: Mapping[str, str]
    failed: Mapping[str, str]


def panels_after(
    table: Table | None,
    merged: Table,
    day: str,
    must: Sequence[str] = (),
    tables: Mapping[str, pd.DataFrame] | None = None,
) -> _Panels:
    """Return the panels from a table, and from the table with rows added or withdrawn.

    Parameters
    ----------
    table
        The checked table as it is; None if there is none.
    merged
        The same with the rows.
    day
        What counts as known on.
    must, tables
        As of :func:`examine`: no row changes the panel of a model with a table of its own, but the day
        may.
    """
    known = as_of(merged, day)
    earlier = None
    if table is not None:
        with contextlib.suppress(DataError):  # nothing was known on that day
            earlier = as_of(table, day)
    before, after, failed = dict[str, str](), dict[str, str](), dict[str, str]()
    for model in names():
        own = bool(panel_source(model).table)
        if own and model in must:
            try:
                build_panel(known, model, tables=tables)
            except ForecastError as error:
                failed[model] = str(error)
        if own:
            continue
        if earlier is not None and table is not None:
            with contextlib.suppress(ForecastError):
                before[model] = _content(model, earlier, table)
        try:
            after[model] = _content(model, known, merged)
        except ForecastError as error:
            failed[model] = str(error)
    return _Panels(known, merged, before, after, failed)


def not_fitted(panels: _Panels, must: Sequence[str] = ()) -> list[str]:
    """Return why models could not be fitted any more, or at all where they must be."""
    return [
        f"the {model} model could not be fitted any more: {why}"
        for model, why in panels.failed.items()
        if model in panels.before or model in must
    ]


def _content(model: str, known: Known, history: Table) -> str:
    """Return a hash of all that a model's fit and draws depend on, on a day."""
    return build_panel(known, model, history=history).hash


MOST_PANELS, MOST_UNREAD, MOST_METRICS = 100, 5, 15
"""Panels that are built to learn which of the new series models read; series of which it is told which
others of their entity models read; metrics that are tried for that."""


def _unread(panels: _Panels, fresh: Table) -> list[str]:
    """Return a sentence on each series of which no model reads the new rows.

    A model reads rows if its panel is another without them.
    """
    reading = [model for model, one in panels.after.items() if panels.before.get(model) != one]
    keys = [fresh["entity"], fresh["metric"], fresh["period"].map(length_of)]
    held = _series_of(panels.history[~_among(panels.history, fresh, (*KEY, "reported_on"))])
    groups = list(fresh.groupby(keys, sort=False))
    newest = _among(panels.known.rows, fresh, (*KEY, "reported_on"))
    lengths = panels.known.rows["period"].map(length_of)
    asked = []
    for (entity, metric, length), _ in groups:
        series = _rows_of(panels.known.rows, str(entity), str(metric)) & (lengths == length)
        own = series & newest
        asked.append(own if own.any() else series)  # what a later report replaced is read with it
    read, unasked = _read_among(reading, panels, asked)
    alone, known = [], list[str]()
    for k, ((entity, metric, length), rows) in enumerate(groups):
        if k in read | unasked:
            continue
        if (entity, metric, length) in held:  # whoever keeps it was told
            known.append(f"{entity}/{metric}")
        else:
            alone.append((str(entity), str(metric), one_line([str(p) for p in rows["period"]], 3)))
    lines = []
    for entity, metric, periods in alone[:MOST_UNREAD]:
        also = _read_of(panels, entity, metric)
        besides = f"; of {entity} models read {one_line(also)}" if also else ""
        lines.append(f"stored, but no model reads {entity}/{metric} ({periods}){besides}")
    rest = [f"{entity}/{metric} ({periods})" for entity, metric, periods in alone[MOST_UNREAD:]]
    lines += [f"nor does any model read {one_line(rest)}"] if rest else []
    lines += [f"stored, and as before no model reads {one_line(known)}"] if known else []
    if unasked:
        more = f"{len(unasked):,} {'more ' if len(unasked) < len(groups) else ''}series"
        lines.append(f"of {more} it was not asked whether a model reads them")
    return lines


def _read_among(
    models: Iterable[str], panels: _Panels, groups: Sequence[pd.Series]
) -> tuple[set[int], set[int]]:
    """Return which groups of known rows some model's panel depends on, and of which it is not known.

    All are taken away at once, and halves of them where that makes another panel: few panels are built
    where little is read, and after :data:`MOST_PANELS` no more.
    """
    read, unasked, built = set[int](), set[int](), 0

    def ask(model: str, some: Sequence[int]) -> None:
        nonlocal built
        if built >= MOST_PANELS:
            unasked.update(some)
            return
        built += 1
        together = np.logical_or.reduce([groups[k] for k in some])
        if not _reads(model, panels, pd.Series(together, index=panels.known.rows.index)):
            return
        if len(some) == 1:
            read.add(some[0])
            return
        half = len(some) // 2
        ask(model, some[:half])
        ask(model, some[half:])

    for model in models:
        if some := [k for k in range(len(groups)) if k not in read]:
            ask(model, some)
    return read, unasked - read


def _reads(model: str, panels: _Panels, rows: pd.Series) -> bool:
    """Return whether a model's panel depends on some of the known rows."""
    if not rows.any():
        return False
    known, history = panels.known.rows, panels.history
    fewer = history[~_among(history, known[rows], KEY)]
    try:
        return _content(model, panels.known.with_rows(known[~rows]), fewer) != panels.after[model]
    except ForecastError:  # it cannot do without them
        return True


def _read_of(panels: _Panels, entity: str, but: str) -> list[str]:
    """Return the other metrics of an entity that models read."""
    rows = panels.known.rows
    others = [m for m in rows.loc[rows["entity"] == entity, "metric"].unique() if m != but]
    others = others[:MOST_METRICS]
    read, _ = _read_among(panels.after, panels, [_rows_of(rows, entity, m) for m in others])
    return [metric for k, metric in enumerate(others) if k in read]


def _series_of(rows: Table) -> set[tuple[object, ...]]:
    """Return the entities and metrics of rows, with the lengths of their periods."""
    return set(zip(rows["entity"], rows["metric"], rows["period"].map(length_of), strict=True))


def _rows_of(rows: Table, entity: str, metric: str) -> pd.Series:
    return (rows["entity"] == entity) & (rows["metric"] == metric)


def _among(rows: Table, some: Table, by: Sequence[str]) -> pd.Series:
    """Return which rows are some of these, by the columns that name them."""
    keys = set(some[list(by)].itertuples(index=False, name=None))
    there = [row in keys for row in rows[list(by)].itertuples(index=False, name=None)]
    return pd.Series(there, index=rows.index, dtype=bool)
