"""Taking a report back: a row of its own, and what is known without it.

Invariant: nothing is deleted or changed; the report is found as it stands, or nothing is written.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Hashable
from pathlib import Path
from typing import Any

import pandas as pd

from forecast.app.intake import not_fitted, panels_after
from forecast.core.errors import DataError
from forecast.core.periods import one_spelling, parse_date
from forecast.core.text import one_line
from forecast.core.words import KEY, WITHDRAWN, WITHDRAWS
from forecast.tables import names
from forecast.tables.desk.user_rows import Reading, namers, period_of
from forecast.tables.shipped import USER_FILE, data_folder, held, read_vintages, vintage_files
from forecast.tables.vintages import (
    Row,
    Table,
    append_rows,
    newest_day,
    read_table,
    report_name,
    standing,
    withdrawn_on,
)


@dataclasses.dataclass(frozen=True)
class Withdrawal:
    """What a withdrawal leaves.

    Attributes
    ----------
    row
        The row that was added.
    table
        The table that it went to.
    instead
        The report that counts in place of the one that was taken back; None if there is none.
    """

    row: Row
    table: Path
    instead: Row | None


def withdraw(
    data: str | Path | None,
    entity: str,
    metric: str,
    period: str,
    *,
    today: dt.date,
    reported_on: str | None = None,
    on: str | None = None,
    why: str = "",
    article: str | None = None,
    accept_unfitted: bool = False,
) -> Withdrawal:
    """Take a report back.

    Parameters
    ----------
    data
        A folder laid out like the shipped ``data/``.
    entity, metric, period
        The report's key: a company or metric by any of its names, a period in any spelling that a user's
        own file may have.
    today
        The day on which this runs.
    reported_on
        The report's day, where its key has several; the newest that stands by default.
    on
        The day from which it does not count; today by default.
    why
        Why, in a line; it stands as the row's source.
    article
        Which of the folder's articles, where there are several.
    accept_unfitted
        Whether it is done although a model could not be fitted any more.

    Returns
    -------
    Withdrawal
        Its row is in the table of the report if that is one of ``vintages/``, else in
        ``vintages/user.csv``.

    Raises
    ------
    DataError
        If no such report stands, a day is impossible, or a model could not be fitted without it.
    """
    folder, day = data_folder(data), parse_date(on, "--on day") if on else today
    if reported_on is not None:
        reported_on = parse_date(reported_on, "--reported-on day").isoformat()
    with held(folder):
        table = read_vintages(folder, article)
        report = _find(table, _named(table, entity, metric, period), reported_on)
        if not report["reported_on"] <= day.isoformat() <= today.isoformat():
            raise DataError(
                f"got {day} as the day of the withdrawal; wanted one from the report's, "
                f"{report['reported_on']}, to today's, {today}"
            )
        row: dict[Hashable, Any] = {
            **{column: report[column] for column in (*KEY, "value", "unit", "confidence")},
            "reported_on": day.isoformat(),
            "source": " ".join(why.split()) or "withdrawn by hand",
            "qualifier": WITHDRAWN,
            WITHDRAWS: report["reported_on"],
        }
        one = pd.DataFrame([row])
        merged = pd.concat([table, one], ignore_index=True).fillna("")
        lost = not_fitted(panels_after(table, merged, newest_day(merged, today)))
        if lost and not accept_unfitted:
            raise DataError(
                f"without {report_name(report)} {'; '.join(lost)}; nothing was written; --yes takes it "
                "back all the same, for the right number to be added after it"
            )
        target = _table_of(folder, article, report)
        append_rows(target, one)
    left = standing(merged)
    same = left[(left[list(KEY)] == [report[column] for column in KEY]).all(axis=1)]
    instead = same.sort_values("reported_on", kind="stable").to_dict("records")
    return Withdrawal(row, target, instead[-1] if instead else None)


def _named(table: Table, entity: str, metric: str, period: str) -> dict[str, str]:
    """Return the key of what was typed, by the names that the table has."""
    reading = Reading(entities=frozenset(table["entity"]), metrics=frozenset(table["metric"]))
    companies, measures = namers(reading)
    key = {
        "entity": _own(table["entity"], entity, companies.known(entity) or entity),
        "metric": _own(table["metric"], metric, measures.known(metric) or metric),
    }
    return {**key, "period": one_spelling(period_of(period, **key).upper())}


def _own(column: pd.Series, typed: str, known: str) -> str:
    there = [str(name) for name in column.unique()]
    same = [name for name in there if names.plain(name) == names.plain(typed)]
    return next((name for name in (typed, known, *same) if name in there), known)


def _find(table: Table, key: dict[str, str], reported_on: str | None) -> Row:
    """Return the report with a key, that of a day or the newest, or say what there is in its place."""
    days = withdrawn_on(table)
    name = " ".join(key.values()) + (f" of {reported_on}" if reported_on else "")
    rows = table[(table[list(KEY)] == list(key.values())).all(axis=1)]
    rows = rows[rows["qualifier"] != WITHDRAWN]
    asked = rows if reported_on is None else rows[rows["reported_on"] == reported_on]
    stands = asked[days[asked.index] == ""].sort_values("reported_on", kind="stable")
    if len(stands):
        return stands.iloc[-1].to_dict()
    if len(asked):
        gone = [f"{report_name(asked.loc[k].to_dict())} on {days[k]}" for k in asked.index]
        raise DataError(f"{name} was withdrawn already: {one_line(gone)}; nothing was written")
    raise DataError(f"no report is {name}; {_there(standing(table), key)}; nothing was written")


def _there(table: Table, key: dict[str, str]) -> str:
    """Return what stands that is nearest to a key."""
    for count in (3, 2):
        names_ = list(key)[:count]
        rows = table[(table[names_] == [key[n] for n in names_]).all(axis=1)]
        if len(rows):
            newest = rows.sort_values(["period", "reported_on"]).iloc[::-1].to_dict("records")
            return f"there are {one_line([report_name(row) for row in newest], 6)}"
    mine = table[table["entity"] == key["entity"]]
    if len(mine):
        meant = _meant(names.metrics().near(key["metric"]), mine["metric"])
        return f"of {key['entity']} there are {one_line(sorted(mine['metric'].unique()))}{meant}"
    meant = _meant(names.companies().near(key["entity"]), table["entity"])
    return f"there are the entities {one_line(sorted(table['entity'].unique()), 20)}{meant}"


def _meant(near: list[str], there: pd.Series) -> str:
    found = [name for name in near if (there == name).any()]
    return f"; did you mean {' or '.join(found)}?" if found else ""


def _table_of(folder: Path, article: str | None, report: Row) -> Path:
    """Return the table that a withdrawal goes to: the report's own if it is a user's."""
    user = folder / USER_FILE
    for path in vintage_files(folder, article):
        if path.parent == user.parent:
            rows = read_table(path)
            columns = [*KEY, "reported_on", "value", "unit"]
            if (rows[columns] == [report[c] for c in columns]).all(axis=1).any():
                return path
    return user
