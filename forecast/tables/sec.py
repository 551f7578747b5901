"""Quarterly figures from SEC company facts: de-cumulated, with both dates.

Invariant: every row names the accession number(s) it comes from and the day on which the last of them
was filed; a period is identified by its first and last day, never by ``fy`` and ``fp``, which belong
to the filing and not to the figure. ``tests/test_edgar.py`` proves that year-to-date reports of random
quarterly flows give the flows back.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import difflib
import logging
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

import pandas as pd

from forecast.core.errors import DataError, UnknownNameError
from forecast.core.periods import parse_date
from forecast.core.text import one_line, shortened
from forecast.core.words import COLUMNS, SIGNED_METRICS
from forecast.tables import http
from forecast.tables.vintages import Table, check_table

if TYPE_CHECKING:
    from forecast.tables.http import Clock, Connection

logger = logging.getLogger(__name__)
TICKER_HOST, FACTS_HOST = "https://www.sec.gov", "https://data.sec.gov"
TICKERS = "/files/company_tickers.json"
FACTS = "/api/xbrl/companyfacts/CIK{cik:010d}.json"

METRICS: Mapping[str, tuple[str, ...]] = {
    "capex": (
        "PaymentsToAcquirePropertyPlantAndEquipment",
        "PaymentsToAcquireProductiveAssets",
    ),
    # Where a filing has both, Revenues is the total and the other only its part from contracts.
    "revenue": (
        "Revenues",
        "RevenueFromContractWithCustomerExcludingAssessedTax",
        "SalesRevenueNet",
    ),
    "operating_cash_flow": ("NetCashProvidedByUsedInOperatingActivities",),
    "depreciation_amortization": (
        "DepreciationDepletionAndAmortization",
        "DepreciationAndAmortization",
    ),
    "depreciation_ppe": ("Depreciation",),
}
"""The us-gaap tags of a metric; where one filing has several for one period, the first counts."""

type Json = Any
"""Parsed JSON that somebody else made: of any shape until it is checked."""

_DAYS = {3: (80, 100), 6: (170, 195), 9: (260, 285), 12: (350, 380)}
"""How long a report of so many months may be, with 52- and 53-week years."""

DIRECT, DERIVED, MIXED = range(3)
"""A quarter as reported; one year-to-date figure less another; the same over two tags."""


# --- from facts to quarters ------------------------------------------------------------------
@dataclasses.dataclass(frozen=True)
class Fact:
    """One tagged figure of one filing."""

    tag: str
    start: dt.date
    end: dt.date
    value: Decimal
    accession: str
    form: str
    filed: dt.date

    @property
    def months(self) -> int:
        """Length in quarters' months: 3, 6, 9, 12, or 0 for any other."""
        days = (self.end - self.start).days + 1
        return next((m for m, (low, high) in _DAYS.items() if low <= days <= high), 0)


@dataclasses.dataclass(frozen=True)
class QuarterValue:
    """One quarter's figure as it could be known from the day `filed` on.

    `kind` is one of :data:`DIRECT`, :data:`DERIVED`, :data:`MIXED`; `order` is the tag's place among
    the metric's.
    """

    start: dt.date
    end: dt.date
    value: Decimal
    filed: dt.date
    kind: int
    order: int
    accession: str
    source: str
    note: str


def read_facts(content: Json, tags: Sequence[str], name: str) -> list[Fact]:
    """Return the figures in US dollars under the given tags, by filing date.

    Raises
    ------
    DataError
        If the content has not the shape of SEC company facts.
    """
    try:
        found = [
            Fact(
                tag,
                parse_date(item["start"]),
                parse_date(item["end"]),
                _amount(item["val"]),
                str(item["accn"]),
                str(item["form"]),
                parse_date(item["filed"]),
            )
            for tag in tags
            for item in content["facts"]
            .get("us-gaap", {})
            .get(tag, {"units": {}})["units"]
            .get("USD", ())
            if "start" in item
        ]
        for fact in found:
            if not 1900 <= fact.start.year <= fact.end.year <= 2200:
                raise DataError(f"a period from {fact.start} to {fact.end}")
    except (KeyError, TypeError, AttributeError, InvalidOperation, DataError) as error:
        raise DataError(
            f"{name}: got something that has not the shape of SEC company facts "
            f"({type(error).__name__}: {shortened(str(error), 200)})"
        ) from None
    return sorted(found, key=lambda f: (f.filed, f.accession))


def _amount(value: object) -> Decimal:
    amount = Decimal(str(value))
    if not (amount.is_finite() and -20 <= amount.adjusted() < 16):
        raise InvalidOperation(f"val {value}")
    return amount


def quarter_values(facts: Iterable[Fact], tags: Sequence[str]) -> list[QuarterValue]:
    """Return every value of every quarter: as reported, and year-to-date less year-to-date.

    Two year-to-date figures are subtracted only if they start on the same day, that of the fiscal
    year, so trailing twelve months and comparatives of another year never meet. Each filing of the
    longer one is compared with the newest shorter one known on that day: a restated first half waits
    for the restated nine months. What a company restates for the longer period only lands in the
    last quarter of it.
    """
    usable = [f for f in facts if f.months]
    by_start: dict[dt.date, list[Fact]] = {}
    for fact in usable:
        by_start.setdefault(fact.start, []).append(fact)
    found = [_direct(f, tags.index(f.tag)) for f in usable if f.months == 3]
    for same in by_start.values():
        spans: dict[tuple[int, str, dt.date], list[Fact]] = {}
        for fact in same:
            spans.setdefault((fact.months, fact.tag, fact.end), []).append(fact)
        for (months, tag, _), longer in spans.items():
            for (less, other, _), shorter in spans.items():
                if less == months - 3:
                    kind = DERIVED if other == tag else MIXED
                    order = tags.index(tag)
                    found += [_less(a, b, kind, order) for a, b in _pairs(longer, shorter)]
    return [r for r in found if _DAYS[3][0] <= (r.end - r.start).days + 1 <= _DAYS[3][1]]


def _direct(fact: Fact, order: int) -> QuarterValue:
    source = f"SEC company facts, us-gaap {fact.tag}, {fact.form} {fact.accession}"
    return QuarterValue(
        fact.start, fact.end, fact.value, fact.filed, DIRECT, order, fact.accession, source, ""
    )


def _pairs(longer: Sequence[Fact], shorter: Sequence[Fact]) -> Iterator[tuple[Fact, Fact]]:
    """Pair figures, both by filing date, as each becomes known; see :func:`quarter_values`."""
    if not longer or not shorter:
        return
    for fact in longer:
        known = [s for s in shorter if s.filed <= fact.filed]
        if known:
            yield fact, known[-1]
    first = shorter[0]
    waiting = [f for f in longer if f.filed < first.filed]
    if waiting:
        yield waiting[-1], first


def _less(longer: Fact, shorter: Fact, kind: int, order: int) -> QuarterValue:
    tags = longer.tag if kind == DERIVED else f"{longer.tag} less {shorter.tag}"
    return QuarterValue(
        shorter.end + dt.timedelta(days=1),
        longer.end,
        longer.value - shorter.value,
        max(longer.filed, shorter.filed),
        kind,
        order,
        longer.accession,
        f"SEC company facts, us-gaap {tags}, {longer.form} {longer.accession} less "
        f"{shorter.form} {shorter.accession}",
        f"derived: {longer.months} months less {shorter.months}",
    )


def settle(values: Iterable[QuarterValue]) -> list[QuarterValue]:
    """Return the vintages of each quarter: one a filing day, and only where the value changes.

    A derived value never replaces a reported one that was known before, nor one over two tags a
    derived one; on one day the metric's first tag counts. A tag that says again what it said is no
    news, whatever another tag, of wider scope, said in between.
    """
    quarters: dict[tuple[dt.date, dt.date], list[QuarterValue]] = {}
    for quarter in values:
        quarters.setdefault((quarter.start, quarter.end), []).append(quarter)
    found: list[QuarterValue] = []
    for _, group in sorted(quarters.items()):
        last: QuarterValue | None = None
        for day in sorted({r.filed for r in group}):
            fresh = [
                r
                for r in group
                if r.filed == day and not _beaten(r, group) and not _repeated(r, group)
            ]
            if not fresh:
                continue
            latest = max(r.accession for r in fresh)
            best = min(fresh, key=lambda r: (r.order, r.kind, r.accession != latest))
            if last is None or best.value != last.value:
                found.append(best if last is None else _after(last, best))
                last = best
    return found


def _after(last: QuarterValue, best: QuarterValue) -> QuarterValue:
    """Return a revision, with a note if it is by another tag."""
    if last.order == best.order:
        return best
    said = "by another tag than before: the scope may have changed, and not the figure"
    return dataclasses.replace(best, note=f"{best.note}; {said}".removeprefix("; "))


def _repeated(quarter: QuarterValue, group: Iterable[QuarterValue]) -> bool:
    before = [r for r in group if r.order == quarter.order and r.filed < quarter.filed]
    return bool(before) and max(before, key=lambda r: r.filed).value == quarter.value


def _beaten(quarter: QuarterValue, group: Iterable[QuarterValue]) -> bool:
    better = [r for r in group if r.kind < quarter.kind and r.filed <= quarter.filed]
    return any(
        r.filed < quarter.filed or r.order == quarter.order or quarter.kind == MIXED for r in better
    )


def period_name(start: dt.date, end: dt.date) -> str:
    """Return a quarter's name: 2025Q3 if it is a calendar quarter, else first and last day.

    Examples
    --------
    >>> period_name(dt.date(2025, 7, 1), dt.date(2025, 9, 30))
    '2025Q3'
    >>> period_name(dt.date(2025, 9, 1), dt.date(2025, 11, 30))
    '2025-09-01/2025-11-30'
    """
    whole = start.day == 1 and start.month % 3 == 1 and (end + dt.timedelta(days=1)).day == 1
    if whole and (end.year, end.month) == (start.year, start.month + 2):
        return f"{start.year}Q{end.month // 3}"
    return f"{start.isoformat()}/{end.isoformat()}"


@dataclasses.dataclass(frozen=True)
class Fetched:
    """Rows of the vintage schema, and a sentence for each figure that cannot be one."""

    rows: Table
    left_out: tuple[str, ...]


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
        If the content has another shape, or holds none of the metrics.
    """
    records: list[dict[str, str]] = []
    left_out: list[str] = []
    for metric, tags in ((m, METRICS[m]) for m in metrics):
        facts = read_facts(content, tags, entity)
        for quarter in settle(quarter_values(facts, tags)):
            if since is not None and quarter.end < since:
                continue
            what = f"{entity} {metric} {period_name(quarter.start, quarter.end)}"
            if quarter.value <= 0 and metric not in SIGNED_METRICS:
                left_out.append(f"{what}: {quarter.value} is not above zero ({quarter.source})")
            elif quarter.filed < quarter.end:
                left_out.append(f"{what}: filed before its end ({quarter.source})")
            elif quarter.filed > today:
                left_out.append(
                    f"{what}: filed on {quarter.filed}, after today, {today} ({quarter.source})"
                )
            else:
                records.append(_record(entity, metric, quarter))
    if not records:
        raise DataError(
            f"{entity}: its company facts hold no quarter of {one_line(metrics)} in US dollars"
            + (f" since {since.isoformat()}" if since else "")
            + "; companies that report under IFRS have none"
        )
    frame = pd.DataFrame(records, columns=[*COLUMNS, "note"])
    return Fetched(check_table(frame, f"{entity} by its company facts"), tuple(left_out))


def _record(entity: str, metric: str, quarter: QuarterValue) -> dict[str, str]:
    return {
        "entity": entity,
        "metric": metric,
        "period": period_name(quarter.start, quarter.end),
        "value": f"{quarter.value.scaleb(-6):f}",  # exact: USD to USD m in decimals
        "unit": "USD m",
        "reported_on": quarter.filed.isoformat(),
        "source": quarter.source,
        "confidence": "A",
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
        If SEC lists no such ticker, or no metric has that name; all unknown ones are named.
    DataError
        If the server cannot be reached, answers with an error, too slowly, too much, half or
        nonsense; or if the answer holds no figures.
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
        found: list[Fetched] = []
        for ticker, cik in _resolve(tickers, listed).items():
            if found:
                clock.sleep(PAUSE)
            logger.info(f"{ticker}: company facts of CIK {cik} ...")
            content = ask(
                (base or FACTS_HOST) + FACTS.format(cik=cik),
                f"there are no company facts of {ticker}; it may file without XBRL",
            )
            found.append(company_rows(ticker, content, since, metrics, today))
    rows = pd.concat([f.rows for f in found], ignore_index=True)
    return Fetched(rows, tuple(line for f in found for line in f.left_out))


def _check_agent(connection: Connection) -> None:
    agent = connection.user_agent.strip()
    if connection.base_url is None and "@" not in agent:
        raise DataError(
            f"got the User-Agent {agent!r}; SEC wants the name and e-mail address of who asks: "
            'give --user-agent "Jane Doe jane@example.com" or set FORECAST_USER_AGENT'
        )


def _resolve(tickers: Sequence[str], listed: Json) -> dict[str, int]:
    """Return the CIK by ticker, in the order asked."""
    try:
        known = {str(row["ticker"]).upper(): row["cik_str"] for row in listed.values()}
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise DataError(
            f"the list of tickers has another shape than SEC's ({type(error).__name__}: {error})"
        ) from None
    wanted = list(dict.fromkeys(t.strip().upper().replace(".", "-") for t in tickers))
    unknown = [t for t in wanted if t not in known]
    if unknown:
        near = {t: difflib.get_close_matches(t, known, n=3) for t in unknown}
        hints = [f"{t} (near: {', '.join(n)})" if n else t for t, n in near.items()]
        raise UnknownNameError(f"SEC lists no ticker {one_line(hints)}; nothing was fetched")
    return {t: _cik(t, known[t]) for t in wanted}


def _cik(ticker: str, value: object) -> int:
    text = "" if isinstance(value, bool) else str(value)
    if re.fullmatch(r"[0-9]{1,10}", text) is None or not int(text):
        raise DataError(
            f"the list of tickers has the CIK {shortened(repr(value), 40)} for {ticker}; wanted a "
            "number of up to ten digits; check --base-url"
        )
    return int(text)
