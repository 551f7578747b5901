"""SEC company facts: asked for by ticker, a company at a time, and given as rows with both dates.

Invariant: every row names the accession number(s) it comes from and the day on which the last of them
was filed; what is no row is said, and neither a bad figure nor a bad company stands in another's way.
``tests/test_edgar.py`` asks a server on the same machine.
"""

from __future__ import annotations

import collections
import dataclasses
import datetime as dt
import difflib
import logging
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import pandas as pd

from forecast.core.errors import DataError, ForecastError, UnknownNameError
from forecast.core.text import one_line, shortened
from forecast.core.words import COLUMNS, SIGNED_METRICS
from forecast.tables.filings import http
from forecast.tables.filings.coverage import Cell, Evidence, coverage
from forecast.tables.filings.facts import METRICS, read_facts, tag_name, tags_of
from forecast.tables.filings.quarters import (
    in_millions,
    one_calendar,
    period_name,
    quarter_values,
    settle,
)
from forecast.tables.names import companies
from forecast.tables.vintages import Table, check_table

if TYPE_CHECKING:
    from forecast.tables.filings.facts import Json, Reading
    from forecast.tables.filings.http import Clock, Connection
    from forecast.tables.filings.quarters import QuarterValue, Span

logger = logging.getLogger(__name__)
TICKER_HOST, FACTS_HOST = "https://www.sec.gov", "https://data.sec.gov"
TICKERS = "/files/company_tickers.json"
FACTS = "/api/xbrl/companyfacts/CIK{cik:010d}.json"


@dataclasses.dataclass(frozen=True, eq=False)
class Fetched:
    """What company facts gave.

    Attributes
    ----------
    rows
        Rows of the vintage schema.
    left_out
        A sentence for each figure, or kind of figures, that cannot be a row.
    coverage
        What became of every quarter that could be expected, by company and metric.
    failed
        A sentence for each company of which there are no rows.
    merged
        A sentence for each ticker that is not stored under its own name.
    """

    rows: Table
    left_out: tuple[str, ...]
    coverage: tuple[Cell, ...] = ()
    failed: tuple[str, ...] = ()
    merged: tuple[str, ...] = ()


# --- one company's facts ---------------------------------------------------------------------
def company_rows(
    entity: str,
    content: Json,
    since: dt.date | None = None,
    metrics: Sequence[str] = tuple(METRICS),
    today: dt.date = dt.date.max,
) -> Fetched:
    """Return one company's quarters, in USD m, from its SEC company facts.

    Parameters
    ----------
    entity
        What the company is called in the table.
    content
        The parsed JSON of company facts.
    since
        Leave out quarters that end before this day.
    metrics
        Those of :data:`METRICS` to take.
    today
        Leave out what is filed after this day.

    Raises
    ------
    DataError
        If the content has another shape, or gives no quarter of the metrics.
    """
    readings = {m: read_facts(content, tags_of(m), entity) for m in metrics}
    values = {
        m: quarter_values(r.facts, tags_of(m), m in SIGNED_METRICS) for m, r in readings.items()
    }
    calendar = one_calendar([v for own in values.values() for v in own])
    records: list[dict[str, str]] = []
    left_out = _said_by_kind(entity, readings.values())
    evidence: dict[str, Evidence] = {}
    for metric, reading in readings.items():
        taken: dict[Span, QuarterValue] = {}
        refused: dict[Span, str] = {}
        known = [_by_then(v, today) for v in values[metric]]
        for quarter in settle(_in_calendar(known, calendar)):
            if since is not None and quarter.end < since:
                continue
            if quarter.refused:
                what = f"{entity} {metric} {period_name(*quarter.span)}"
                left_out.append(f"{what}: {quarter.refused} ({quarter.source})")
                refused[quarter.span] = quarter.refused
            else:
                taken[quarter.span] = quarter
                records.append(_record(entity, metric, quarter))
        evidence[metric] = Evidence(
            reading.facts, taken, refused, _nothing(metric, reading), _besides(reading)
        )
        left_out += _doubled(entity, metric, values[metric], calendar, since)
    if not records:
        raise DataError(_no_rows(entity, readings, since, left_out))
    frame = pd.DataFrame(records, columns=[*COLUMNS, "note"])
    return Fetched(
        check_table(frame, f"{entity} by its company facts"),
        tuple(left_out),
        coverage(entity, evidence, since, today),
    )


def _by_then(quarter: QuarterValue, today: dt.date) -> QuarterValue:
    """Return a quarter's value, refused if it was filed after today."""
    if quarter.refused or quarter.filed <= today:
        return quarter
    why = f"filed on {quarter.filed}, after today, {today}"
    return dataclasses.replace(quarter, refused=why)


def _said_by_kind(entity: str, readings: Iterable[Reading]) -> list[str]:
    """Return a line for the figures of other forms, and one for each kind of bad entry."""
    forms: collections.Counter[str] = collections.Counter()
    kinds: dict[str, list[str]] = {}
    for reading in readings:
        forms.update(reading.forms)
        for kind, where in reading.bad:
            kinds.setdefault(kind, []).append(where)
    lines = []
    if forms:
        counts = one_line([f"{form} {count}" for form, count in forms.most_common()])
        lines.append(
            f"{entity}: {forms.total()} figure(s) that stand in no periodic report "
            f"(10-K, 10-Q, 20-F, 40-F, 6-K): {counts}"
        )
    return lines + [
        f"{entity}: {len(where)} time(s) {kind}; the first: {where[0]}"
        for kind, where in kinds.items()
    ]


def _in_calendar(
    values: Iterable[QuarterValue], calendar: Mapping[Span, Span]
) -> list[QuarterValue]:
    """Return values under the days by which the company's quarters are called."""
    found = []
    for one in values:
        span = calendar.get(one.span)
        if span == one.span:
            found.append(one)
        elif span is not None:
            said = f"its days are given as {one.start}/{one.end}"
            found.append(dataclasses.replace(one, start=span[0], end=span[1]).doubted(said))
    return found


def _doubled(
    entity: str,
    metric: str,
    values: Iterable[QuarterValue],
    calendar: Mapping[Span, Span],
    since: dt.date | None,
) -> list[str]:
    """Return a line for each period that overlaps a quarter more often given."""
    spans = sorted({v.span for v in values if v.span not in calendar})
    return [
        f"{entity} {metric} {period_name(*span)}: overlaps a quarter that more filings give"
        for span in spans
        if since is None or span[1] >= since
    ]


def _nothing(metric: str, reading: Reading) -> str:
    """Return why there is no figure of a metric."""
    tags = one_line([tag_name(tag) for tag in METRICS[metric]])
    if reading.units:
        return f"only in {one_line(sorted(reading.units))}, not in US dollars"
    if reading.forms:
        return f"no figure in a periodic report, only in {one_line(sorted(set(reading.forms)))}"
    return f"no figure under {tags} or their like under IFRS"


def _besides(reading: Reading) -> str:
    """Return what there is of a metric that was not read; empty without any."""
    others = sorted({*reading.units, *reading.forms})
    bad = f"{len(reading.bad)} figure(s) that cannot be read" if reading.bad else ""
    return one_line(list(filter(None, [bad, *(f"figures in {other}" for other in others)])))


def _no_rows(
    entity: str, readings: Mapping[str, Reading], since: dt.date | None, left_out: Sequence[str]
) -> str:
    facts = [f for r in readings.values() for f in r.facts]
    units = sorted({unit for r in readings.values() for unit in r.units})
    said = (
        f"{entity}: its company facts hold no quarter of {one_line(list(readings))} in US dollars"
        + (f" since {since.isoformat()}" if since else "")
    )
    if facts:
        days = sorted({f.days for f in facts})
        said += f"; there are {len(facts)} figures, of {days[0]} to {days[-1]} days"
    if units:
        said += f"; there are figures in {one_line(units)}"
    if left_out:
        said += f"; left out: {one_line(left_out, 3)}"
    return said + "; companies that report under IFRS mostly tag years and half-years only"


def _record(entity: str, metric: str, quarter: QuarterValue) -> dict[str, str]:
    return {
        "entity": entity,
        "metric": metric,
        "period": period_name(*quarter.span),
        "value": in_millions(quarter.value),
        "unit": "USD m",
        "reported_on": quarter.filed.isoformat(),
        "source": quarter.source,
        "confidence": quarter.confidence,
        "qualifier": "",
        "note": quarter.note,
    }


# --- over the wire ---------------------------------------------------------------------------
PAUSE = 0.15
"""Seconds between companies; SEC allows ten requests a second."""

REFUSED = (
    "SEC refuses who does not name a contact in the User-Agent or asks more than ten times a second"
)
"""Why it may answer 403."""


def fetch(
    tickers: Sequence[str],
    connection: Connection,
    clock: Clock,
    *,
    since: dt.date | None = None,
    metrics: Sequence[str] = tuple(METRICS),
    today: dt.date = dt.date.max,
) -> Fetched:
    """Return the quarters of companies from SEC company facts.

    Parameters
    ----------
    tickers
        Ticker symbols, in any case.
    connection, clock
        How to ask, and the time.
    since
        Leave out quarters that end before this day.
    metrics
        Those of :data:`METRICS` to take.
    today
        Leave out what is filed after this day.

    Raises
    ------
    UnknownNameError
        If SEC lists none of the tickers, or no metric has that name; all unknown ones are named.
    DataError
        If the list of tickers cannot be had, or if there are rows of no company: the server cannot
        be reached, answers with an error, too slowly, too much, half or nonsense, or the answers hold
        no figures. Where there are rows of some, the others are in `failed`, unknown tickers too.
    """
    _check_agent(connection)
    http.check_connection(connection)
    unknown = [m for m in metrics if m not in METRICS]
    if unknown:
        raise UnknownNameError(
            f"SEC company facts are not read for {one_line(unknown)}; there are {', '.join(METRICS)}"
        )
    base = (connection.base_url or "").rstrip("/")
    with http.asking(connection, clock, refused=REFUSED) as ask:
        listed = ask(
            (base or TICKER_HOST) + TICKERS, "there is no list of tickers there; check --base-url"
        )
        asked = _registrants(tickers, listed)
        found: list[Fetched] = []
        failed: dict[str, ForecastError] = {
            ticker: UnknownNameError(f"SEC lists no such ticker{hint}")
            for ticker, hint in asked.unknown.items()
        }
        for k, (entity, cik) in enumerate(asked.companies.items()):
            if k:
                clock.sleep(PAUSE)
            logger.info(f"{entity}: company facts of CIK {cik} ...")
            try:
                content = ask(
                    (base or FACTS_HOST) + FACTS.format(cik=_cik(entity, cik)),
                    f"there are no company facts of {entity}; it may file without XBRL",
                )
                found.append(company_rows(entity, content, since, metrics, today))
            except DataError as error:
                failed[entity] = error
    if not found and len(failed) == 1:
        raise next(iter(failed.values()))
    told = [
        f"{entity}: {str(error).removeprefix(f'{entity}: ')}" for entity, error in failed.items()
    ]
    if not found:
        raise DataError("there are rows of no company\n" + "\n".join(told))
    return Fetched(
        pd.concat([f.rows for f in found], ignore_index=True),
        tuple(line for f in found for line in f.left_out),
        tuple(cell for f in found for cell in f.coverage),
        tuple(told),
        asked.merged,
    )


def _check_agent(connection: Connection) -> None:
    agent = connection.user_agent.strip()
    if connection.base_url is None and "@" not in agent:
        raise DataError(
            f"got the User-Agent {agent!r}; SEC wants the name and e-mail address of who asks: "
            'give --user-agent "Jane Doe jane@example.com" or set FORECAST_USER_AGENT'
        )


@dataclasses.dataclass(frozen=True)
class _Registrants:
    """Whom to ask for.

    Attributes
    ----------
    companies
        The CIK of each company, by what it is called.
    merged
        A sentence for each ticker that is not a company's name.
    unknown
        Tickers that SEC does not list, with those that are near in words.
    """

    companies: Mapping[str, object]
    merged: tuple[str, ...]
    unknown: Mapping[str, str]


def _registrants(tickers: Sequence[str], listed: Json) -> _Registrants:
    """Return whom tickers stand for.

    All tickers of one CIK are one company. It is called as the shipped tables call it, if they know it
    by a ticker of that CIK, and else by the ticker that SEC lists first, which is that of the most
    traded share.
    """
    try:
        known = {str(row["ticker"]).upper(): row["cik_str"] for row in listed.values()}
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise DataError(
            f"the list of tickers has another shape than SEC's ({type(error).__name__}: {error})"
        ) from None
    wanted = list(dict.fromkeys(t.strip().upper().replace(".", "-") for t in tickers))
    near = {t: difflib.get_close_matches(t, known, n=3) for t in wanted if t not in known}
    unknown = {t: f" (near: {', '.join(names)})" if names else "" for t, names in near.items()}
    if len(unknown) == len(wanted):
        hints = one_line([ticker + hint for ticker, hint in unknown.items()])
        raise UnknownNameError(f"SEC lists no ticker {hints}; nothing was fetched")
    by_cik: dict[str, list[str]] = {}
    for ticker, cik in known.items():
        by_cik.setdefault(str(cik), []).append(ticker)
    found: dict[str, object] = {}
    merged = []
    for ticker in [t for t in wanted if t in known]:
        shares = by_cik[str(known[ticker])] if _is_cik(known[ticker]) else [ticker]
        names = [company.name for t in shares if (company := companies().find(t)) is not None]
        entity = next((name for name in names if name in shares), shares[0])
        found[entity] = known[ticker]
        if entity != ticker:
            merged.append(f"{ticker} and {entity} are one company at SEC; it is stored as {entity}")
    return _Registrants(found, tuple(merged), unknown)


def _is_cik(value: object) -> bool:
    text = "" if isinstance(value, bool) else str(value)
    return re.fullmatch(r"[0-9]{1,10}", text) is not None and int(text) > 0


def _cik(ticker: str, value: object) -> int:
    if not _is_cik(value):
        raise DataError(
            f"the list of tickers has the CIK {shortened(repr(value), 40)} for {ticker}; wanted a "
            "number of up to ten digits; check --base-url"
        )
    return int(str(value))
