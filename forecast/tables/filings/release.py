"""An earnings release (8-K, exhibit 99.1) as rows of the vintage table, by a stated mapping.

Invariant: a number comes with the row or sentence where it stands, is of the quarter that the release
is about, and is taken only if no other place of the release says otherwise. A figure of the year to
date is never the quarter: the quarters known before are taken off it, or it is refused.
"""

from __future__ import annotations

import calendar
import dataclasses
import datetime as dt
import re
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from forecast.core.errors import DataError
from forecast.core.files import read_toml
from forecast.core.periods import calendar_quarter, period_days
from forecast.core.text import one_line, shortened
from forecast.core.units import convert
from forecast.core.words import COLUMNS, SIGNED_METRICS
from forecast.tables.filings.printed import (
    Figure,
    Length,
    Row,
    full_days,
    names_amount,
    quarter_ends,
    rows,
    said,
    sentences,
    without_notes,
)
from forecast.tables.filings.quarters import period_name
from forecast.tables.names import companies, metrics, plain
from forecast.tables.shipped import own_or_shipped
from forecast.tables.vintages import Table, as_of, check_table

if TYPE_CHECKING:
    from forecast.tables.filings.exhibit import Block

MAPPING_FILE = "releases.toml"
COUNTS = {1: "one quarter", 2: "two quarters", 3: "three quarters"}
SHOWN = 5
"""Sentences shown of which none was taken."""
MONTHS = {6: "six months", 9: "nine months", 12: "twelve months"}


# --- the mapping -----------------------------------------------------------------------------
@dataclasses.dataclass(frozen=True)
class Rule:
    """What names a metric in a company's release; see ``data/releases.toml``.

    Attributes
    ----------
    metric
        What it is called in the tables.
    rows
        Labels of rows of tables.
    under
        Headings of sections in which such a row must stand; empty for any.
    says
        What names it in a sentence.
    outflow
        Whether it is a payment, printed in brackets.
    since, until
        The days between which a period must lie for this to hold.
    """

    metric: str
    rows: tuple[str, ...] = ()
    under: tuple[str, ...] = ()
    says: tuple[str, ...] = ()
    outflow: bool = False
    since: dt.date = dt.date.min
    until: dt.date = dt.date.max


_KINDS: Mapping[str, tuple[type, str]] = {
    "rows": (list, "a list of labels of rows"),
    "under": (list, "a list of headings of sections"),
    "says": (list, "a list of phrases"),
    "outflow": (bool, "true or false"),
    "since": (dt.date, "a day such as 2024-07-01"),
    "until": (dt.date, "a day such as 2024-06-30"),
}


def read_rules(
    company: str, more: Sequence[tuple[str, str]] = (), folder: str | Path | None = None
) -> list[Rule]:
    """Return the rules for a company's release.

    Parameters
    ----------
    company
        What it is called in the tables.
    more
        Pairs of what the release calls a figure, ``Net sales`` or ``AWS > Net sales`` with the
        section's heading, and the metric; they take the place of the file's rules for that metric.
    folder
        A data folder, whose ``releases.toml`` counts before the shipped one.

    Raises
    ------
    DataError
        If there are no rules for the company, or naming everything wrong with the file or the pairs.
    """
    path = own_or_shipped(MAPPING_FILE, folder)
    content = read_toml(path, "mapping of releases")
    wrong = [line for entity, table in content.items() for line in _wrong(entity, table)]
    if wrong:
        raise DataError(f"{path}: {len(wrong)} problem(s):" + "".join(f"\n  {w}" for w in wrong))
    rules = {metric: _rule(metric, table) for metric, table in content.get(company, {}).items()}
    for metric, given in _own_rules(more).items():
        rules[metric] = given
    if not rules:
        raise DataError(
            f"no mapping tells where a release of {company!r} prints its figures; {path} has "
            f'{one_line(list(content))}; say it with --map "ROW OR PHRASE=METRIC", such as '
            '--map "Purchases of property and equipment=capex"'
        )
    return list(rules.values())


def _wrong(entity: str, table: Any) -> list[str]:
    """Return what is wrong with a company's part of the mapping, a line each."""
    if not isinstance(table, dict):
        return [f"{entity}: got {table!r}; wanted tables such as [{entity}.capex]"]
    found = []
    for metric, rule in table.items():
        if not isinstance(rule, dict):
            found.append(f"{entity}.{metric}: got {rule!r}; wanted a table with rows or says")
            continue
        for key, value in rule.items():
            kind, wanted = _KINDS.get(key, (None, f"one of {', '.join(_KINDS)}"))
            texts = kind is not list or (
                isinstance(value, list) and all(isinstance(v, str) and plain(v) for v in value)
            )
            if kind is None or not isinstance(value, kind) or not texts:
                found.append(f"{entity}.{metric}, {key}: got {value!r}; wanted {wanted}")
        if not (rule.get("rows") or rule.get("says")):
            found.append(f"{entity}.{metric}: got neither rows nor says; wanted one of them")
    return found


def _rule(metric: str, table: Mapping[str, Any]) -> Rule:
    return Rule(
        metric,
        rows=tuple(table.get("rows", ())),
        under=tuple(table.get("under", ())),
        says=tuple(table.get("says", ())),
        outflow=table.get("outflow", False),
        since=table.get("since", dt.date.min),
        until=table.get("until", dt.date.max),
    )


def _own_rules(more: Sequence[tuple[str, str]]) -> dict[str, Rule]:
    labels: dict[str, list[tuple[str, str]]] = {}
    unknown = []
    for theirs, ours in more:
        metric = metrics().find(ours)
        if metric is None or metric.dimension != "money" or "quarter" not in metric.lengths:
            near = metrics().near(ours) if metric is None else []
            unknown.append(f"{ours!r}" + (f" (did you mean {one_line(near)}?)" if near else ""))
            continue
        under, _, label = theirs.rpartition(">")
        if not plain(label):
            unknown.append(f"{theirs!r} before the =, which names no row")
            continue
        labels.setdefault(metric.name, []).append((under.strip(), label.strip()))
    if unknown:
        raise DataError(
            f"--map: got {one_line(unknown)}; wanted a metric of a quarter in money, such as revenue"
        )
    return {
        metric: Rule(
            metric,
            rows=tuple(label for _, label in pairs),
            under=tuple(dict.fromkeys(under for under, _ in pairs if under)),
            says=tuple(label for under, label in pairs if not under),
            outflow=metric.startswith("capex") or metric.endswith("_payments"),
        )
        for metric, pairs in labels.items()
    }


# --- what is found ---------------------------------------------------------------------------
@dataclasses.dataclass(frozen=True)
class Finding:
    """What a release says of a metric.

    Attributes
    ----------
    metric
        What it is called in the tables.
    value
        In USD m; None if there is none that can be taken.
    where
        The row or the sentence, how it was derived, or why there is no value.
    places
        All rows and sentences that were looked at for it.
    ambiguous
        Whether two of them contradict each other.
    confidence, qualifier, note
        As the tables have them.
    step
        In USD m, the last printed digit's worth.
    held
        What the table has for that quarter on the day of the release, with its qualifier, where it is
        the same but for rounding: then the release brings nothing new.
    """

    metric: str
    value: Decimal | None
    where: str
    places: tuple[str, ...] = ()
    ambiguous: bool = False
    confidence: str = "A"
    qualifier: str = ""
    note: str = ""
    step: Decimal = Decimal(1)
    held: Decimal | None = None


@dataclasses.dataclass(frozen=True)
class Release:
    """An earnings release as it was read.

    Attributes
    ----------
    entity
        The company, as the tables call it.
    reported_on
        The day of the release.
    start, end
        First and last day of its quarter.
    findings
        One a metric.
    """

    entity: str
    reported_on: dt.date
    start: dt.date
    end: dt.date
    findings: tuple[Finding, ...]

    @property
    def period(self) -> str:
        """The quarter's name in the tables."""
        return period_name(self.start, self.end)


def read_release(
    entity: str,
    blocks: Sequence[Block],
    rules: Sequence[Rule],
    table: Table | None = None,
    *,
    period: str | None = None,
    reported_on: dt.date | None = None,
) -> Release:
    """Return what a release says of each metric of a mapping.

    Parameters
    ----------
    entity
        The company, as the tables call it.
    blocks
        The release, as :func:`forecast.tables.filings.exhibit.read_exhibit` returns it.
    rules
        The mapping.
    table
        What is held already: its quarters are taken off figures of the year to date, and say where
        fiscal quarters of whole weeks begin.
    period
        The quarter, as the tables write it, or the calendar quarter in which its middle lies; by
        default the last that ended by the day of the release.
    reported_on
        The day of the release; by default that of its dateline.

    Raises
    ------
    DataError
        If the day or the quarter cannot be told.
    """
    day = _day(blocks, reported_on)
    printed = list(rows(blocks))
    held = _held(entity, table, day)
    length, end = _quarter(printed, blocks, day, period)
    start = quarter_start(entity, length, end, held)
    use = [r for r in rules if r.since <= start and end <= r.until]
    # Sentences are about the quarter of the release, whichever is asked for.
    own = _quarter(printed, blocks, day, None)[1] == end
    told = list(sentences(blocks)) if own else []
    findings = [_finding(rule, printed, told, (start, end), held) for rule in use]
    return Release(entity, day, start, end, tuple(_beside(f, end, held) for f in findings))


def _beside(found: Finding, end: dt.date, held: Sequence[_Held]) -> Finding:
    """Return a finding with what the table has for that quarter, if it is the same but for rounding."""
    same = [h for h in held if h.metric == found.metric and h.end == end]
    if found.value is None or not same or same[-1].value == found.value:
        return found
    has = same[-1]
    written = Decimal(1).scaleb(min(0, int(has.value.normalize().as_tuple().exponent)))
    if abs(has.value - found.value) > max(found.step, written) / 2:
        return found
    where = f"{found.where}; the table has {number(has.value)}, which is the same but for rounding"
    return dataclasses.replace(found, where=where, held=has.value, qualifier=has.qualifier)


_LISTED = re.compile(r"\b(?i:nasdaq|nyse)[\w ]{0,25}[:“\"]\s*([A-Z]{1,5}(?:\s*,\s*[A-Z]{1,5})*)\b")


def check_company(entity: str, blocks: Iterable[Block]) -> None:
    """Refuse a release of another company than `entity`.

    The first ticker symbol after the name of an exchange is that of the issuer; a release without one
    must hold some name of the company. Of a company that the shipped tables do not know nothing is told.

    Raises
    ------
    DataError
        If it is of another company, or names this one nowhere.
    """
    known = companies().find(entity)
    if known is None:
        return
    text = [block for block in blocks if isinstance(block, str)]
    listed = next(filter(None, map(_LISTED.search, text)), None)
    if listed is not None:
        tickers = [t.strip() for t in listed[1].split(",")]
        if known not in map(companies().find, tickers):
            raise DataError(f"the release is of {one_line(tickers)}, and not of {known.name}")
        return
    names = [spelling for spelling, name in companies().spellings.items() if name == known.name]
    if not any(name in plain(one) for one in text for name in names):
        raise DataError(
            f"the release names {known.name} nowhere, not by its ticker symbol and not by a name; give "
            "the release of that company"
        )


def _day(blocks: Sequence[Block], given: dt.date | None) -> dt.date:
    """Return the day of a release, as given or else of its dateline, from which it may not be far."""
    if given is None:
        return dateline(blocks)
    printed = _datelines(blocks)
    if printed and min(abs((given - day).days) for day in printed) > 7:
        raise DataError(
            f"got {given} as the day of the release, whose dateline says "
            f"{one_line([day.isoformat() for day in printed])}; wanted a day within a week of it"
        )
    return given


def dateline(blocks: Iterable[Block]) -> dt.date:
    """Return the day in a release's dateline, such as ``REDMOND, Wash. — April 29, 2026 —``.

    Raises
    ------
    DataError
        If there is none, or there are several.
    """
    found = _datelines(blocks)
    if len(found) != 1:
        got = one_line([d.isoformat() for d in found]) or "none"
        raise DataError(
            f"the day of the release cannot be told from its dateline: got {got}; wanted one such as "
            "'REDMOND, Wash. — April 29, 2026 —'; give --reported-on DATE"
        )
    return found[0]


def _datelines(blocks: Iterable[Block]) -> list[dt.date]:
    """Return the days that follow a place at the start of a paragraph, and are followed by a dash."""
    found: dict[dt.date, None] = {}
    for text in [block for block in blocks if isinstance(block, str)][:80]:
        for day, start, stop in full_days(text[:300])[:1]:
            before, after = text[:start], text[stop : stop + 30]
            place = re.match(r"[A-Z][\w.’' ]+(?:,|—|–|-|/|\()", before)
            wire = r"\s*(?:/[^/]{3,15}/|\([^)]{3,20}\))"
            dash = re.match(rf"(?:{wire})?\s*(?:—|–|-|\.\.\.)|{wire}", after)
            if place and dash and len(before) < 100:
                found[day] = None
    return list(found)


def _quarter(
    printed: Sequence[Row], blocks: Sequence[Block], day: dt.date, period: str | None
) -> tuple[Length, dt.date]:
    """Return the length and last day of the quarter that a release is about."""
    figures = [f for row in printed for f in row.figures if f.end is not None]
    quarters = {f.end: f.length for f in figures if f.length.months == 3 and f.end}
    ends = {f.end for f in figures if f.length.months and f.end} | quarter_ends(blocks)
    by_then = sorted(end for end in ends if end <= day)
    if period is not None:
        first, last = period_days(period)
        whole = bool(re.fullmatch(r"\d{4}Q[1-4]", period))
        if not 80 <= (last - first).days + 1 <= 125:
            raise DataError(f"got the period {period!r}; wanted a quarter such as 2026Q1")
        chosen = [e for e in by_then if e == last or (whole and _middle_quarter(e) == period)]
        if len(chosen) != 1:
            raise DataError(
                f"the release prints no quarter {period}; it has figures of periods that end on "
                f"{one_line([e.isoformat() for e in by_then]) or 'no day'}"
            )
        return quarters.get(chosen[0], Length(3)), chosen[0]
    if not by_then:
        raise DataError(
            f"no quarter that ended by {day.isoformat()} is named in the release: no heading over "
            "figures of a table such as 'Three Months Ended March 31, 2026', no 'quarter ended "
            "March 31, 2026' in its text"
        )
    return quarters.get(by_then[-1], Length(3)), by_then[-1]


def _middle_quarter(end: dt.date) -> str:
    start = end - dt.timedelta(days=90)
    return calendar_quarter(f"{start.isoformat()}/{end.isoformat()}")


# --- what was known before -------------------------------------------------------------------
@dataclasses.dataclass(frozen=True)
class _Held:
    """A quarter that the table holds: its metric, first and last day, value in USD m and qualifier."""

    metric: str
    start: dt.date
    end: dt.date
    value: Decimal
    qualifier: str


def _held(entity: str, table: Table | None, day: dt.date) -> list[_Held]:
    """Return a company's quarters in money as they were known on a day."""
    own = None if table is None else table[table["entity"] == entity]
    if own is None or own.empty or own["reported_on"].min() > day.isoformat():
        return []
    found = []
    for row in as_of(own, day).rows.to_dict("records"):
        start, end = period_days(row["period"])
        if 80 <= (end - start).days + 1 <= 125 and str(row["unit"]).startswith("USD"):
            value = Decimal(str(convert(row["value"], row["unit"], "USD m")))
            found.append(_Held(row["metric"], start, end, value, row["qualifier"]))
    return found


def quarter_start(entity: str, length: Length, end: dt.date, held: Sequence[_Held] = ()) -> dt.date:
    """Return the first day of a quarter by its last.

    It is the day that the table has; else that of as many weeks as the heading says; else the day
    after the quarter before, if the table has that; else thirteen weeks before the end where the
    company's fiscal year ends on a day of the week, or the quarter not at a month's end; else three
    calendar months.
    """
    same = [h.start for h in held if h.end == end]
    if same:
        return same[-1]
    if length.weeks:
        return end - dt.timedelta(days=7 * length.weeks - 1)
    before = [h.end for h in held if 80 <= (end - h.end).days <= 125]
    if before:
        return max(before) + dt.timedelta(days=1)
    known = companies().find(entity)
    by_weeks = known is not None and not re.fullmatch(r"\d\d-\d\d", known.fiscal_year_end)
    if by_weeks or end.day < calendar.monthrange(end.year, end.month)[1]:
        return end - dt.timedelta(days=7 * 13 - 1)
    months = 12 * end.year + end.month - 3
    return dt.date(months // 12, months % 12 + 1, 1)


# --- one metric ------------------------------------------------------------------------------
def _finding(
    rule: Rule,
    printed: Sequence[Row],
    told: Sequence[str],
    quarter: tuple[dt.date, dt.date],
    held: Sequence[_Held],
) -> Finding:
    start, end = quarter
    figures = [f for row in printed if _named(row, rule) for f in row.figures if f.end == end]
    spoken = [f for s in told for phrase in rule.says for f in said(s, phrase, end)]
    direct = [*_signed((f for f in figures if f.length.months == 3), rule), *_signed(spoken, rule)]
    usable = [f for f in direct if not f.wrong]
    if usable:
        return _settled(rule, usable)
    longer = [f for f in _signed(figures, rule) if f.length.months > 3]
    wrong = [f for f in (*direct, *longer) if f.wrong]
    if wrong:
        return Finding(rule.metric, None, f"{wrong[0].where}: {wrong[0].wrong}", _places(wrong))
    if longer:
        return _derived(rule, longer, start, held)
    names = one_line(
        [*(f"the row {r!r}" for r in rule.rows), *(f"the words {s!r}" for s in rule.says)]
    )
    seen = _seen([row for row in printed if _named(row, rule)], end) or _unread(printed, rule)
    named = [s for s in told if any(names_amount(s, phrase) for phrase in rule.says)]
    passed = dict.fromkeys(f'sentence "{shortened(s, 300)}"' for s in named)
    if passed:
        seen += (
            f"; {len(passed)} sentence(s) name it beside an amount, but of another period, part or "
            "purpose, as one end of a range, or with more between"
        )
    where = f"not found: {names}, for the quarter up to {end}{seen}"
    return Finding(rule.metric, None, where, tuple(passed)[:SHOWN])


def _seen(own: Sequence[Row], end: dt.date) -> str:
    """Return what rows of the right name hold instead of a quarter's figure; empty without one."""
    ends = {f.end for row in own for f in row.figures if f.end}
    if end in ends:
        return "; such a row has figures up to that day, but of a period that is no quarter"
    if ends:
        return f"; such a row has figures up to {one_line(sorted(ends))} only"
    return (
        "; there is such a row, but no heading over its figures says how long the period is and on "
        "which day it ended, such as 'Three Months Ended March 31, 2026'"
        if own
        else ""
    )


def _unread(printed: Sequence[Row], rule: Rule) -> str:
    """Return that a row begins with a label of a rule and goes on in what is no figure; else empty."""
    starts = tuple(f"{label.lower()} " for label in rule.rows)
    labels = [row.labels[0] for row in printed if not row.figures]
    near = [x for x in labels if starts and x.lower().startswith(starts) and re.search(r"\d", x)]
    return f"; the figures of the row {shortened(near[0], 80)!r} cannot be read" if near else ""


def _named(row: Row, rule: Rule) -> bool:
    labels = {plain(without_notes(label)) for label in row.labels}
    if not labels & {plain(label) for label in rule.rows}:
        return False
    return not rule.under or plain(row.section) in {plain(u) for u in rule.under}


def _signed(figures: Iterable[Figure], rule: Rule) -> list[Figure]:
    """Return figures with the sign that the table has: payments are positive there."""
    found = []
    for figure in figures:
        value = abs(figure.value) if rule.outflow else figure.value
        wrong = figure.wrong
        if value <= 0 and rule.metric not in SIGNED_METRICS and not wrong:
            wrong = f"{rule.metric} cannot be {value}"
        found.append(dataclasses.replace(figure, value=value, wrong=wrong))
    return found


def _places(figures: Iterable[Figure]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(figure.where for figure in figures))


def _agree(one: Figure, other: Figure) -> bool:
    """Return whether two figures are the same but for rounding: half of the coarser last digit."""
    if one.step == other.step:
        return one.value == other.value
    return abs(one.value - other.value) <= max(one.step, other.step) / 2


def _settled(rule: Rule, figures: Sequence[Figure]) -> Finding:
    """Return the finest of figures that agree, of tables before sentences; or that they do not agree."""
    best = min(figures, key=lambda f: (not f.in_table, f.step))
    if any(not _agree(best, f) for f in figures):
        text = "; but ".join(dict.fromkeys(_place(f) for f in figures))
        return Finding(rule.metric, None, f"ambiguous: {text}", _places(figures), ambiguous=True)
    note = "" if best.in_table else f"printed {best.printed}: rounded to USD {best.step:f} m"
    return Finding(
        rule.metric, best.value, best.where, _places(figures),
        confidence="A" if best.in_table else "B", qualifier=best.qualifier, note=note, step=best.step,
    )  # fmt: skip


def _place(figure: Figure) -> str:
    return f"{number(figure.value)} USD m in {figure.where}"


def _derived(
    rule: Rule, longer: Sequence[Figure], start: dt.date, held: Sequence[_Held]
) -> Finding:
    """Return the quarter as a figure of the year to date less the quarters known before it."""
    shortest = min(f.length.months for f in longer)
    same = [f for f in longer if f.length.months == shortest]
    best = min(same, key=lambda f: f.step)
    if any(not _agree(best, f) for f in same):
        return _settled(rule, same)
    wanted = shortest // 3 - 1
    known: list[_Held] = []
    first = start
    for _ in range(wanted):
        before = [h for h in held if h.metric == rule.metric and (first - h.end).days == 1]
        if not before:
            return Finding(
                rule.metric,
                None,
                f"{best.where}: only {MONTHS[shortest]} are printed, which is no quarter, and the table "
                f"does not hold the quarter up to {first - dt.timedelta(days=1)} to take off",
                _places(same),
            )
        known.append(before[-1])
        first = before[-1].start
    value = best.value - sum((h.value for h in known), Decimal(0))
    how = f"derived: {MONTHS[shortest]} less the {COUNTS[wanted]} known"
    parts = " − ".join(number(v) for v in (best.value, *(h.value for h in reversed(known))))
    if value <= 0 and rule.metric not in SIGNED_METRICS:
        return Finding(
            rule.metric,
            None,
            f"{best.where}: {how}: {parts} = {number(value)} cannot be",
            _places(same),
        )
    return Finding(
        rule.metric, value, f"{best.where}; {how}: {parts}", _places(same), note=f"{how}: {parts}",
        step=best.step,
    )  # fmt: skip


def number(value: Decimal) -> str:
    """Return a number with thousands separators and no needless zeros.

    Examples
    --------
    >>> number(Decimal("34900.0")), number(Decimal("1284.50"))
    ('34,900', '1,284.5')
    """
    text = f"{value:,f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


# --- rows ------------------------------------------------------------------------------------
def release_rows(release: Release, address: str = "", today: dt.date | None = None) -> Table:
    """Return a release's values as rows of the vintage schema, in USD m.

    Parameters
    ----------
    release
        What was read.
    address
        Where it lies, for the source.
    today
        As in :func:`forecast.tables.vintages.check_table`.

    Raises
    ------
    DataError
        If it has no value, or one that cannot stand in the table.
    """
    day = release.reported_on.isoformat()
    at = f" ({address})" if address else ""
    records = [
        {
            "entity": release.entity,
            "metric": f.metric,
            "period": release.period,
            "value": f"{f.value if f.held is None else f.held:f}",
            "unit": "USD m",
            "reported_on": day,
            "source": f"earnings release (8-K exhibit 99.1) of {day}: {shortened(f.where, 240)}{at}",
            "confidence": f.confidence,
            "qualifier": f.qualifier,
            "note": f.note,
        }
        for f in release.findings
        if f.value is not None
    ]
    if not records:
        raise DataError(
            f"the release of {release.entity} of {day} gives no figure that can be taken for "
            f"{release.period}; nothing was written"
        )
    frame = pd.DataFrame(records, columns=[*COLUMNS, "note"])
    return check_table(frame, f"release of {release.entity}", today=today)
