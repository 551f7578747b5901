"""Words, units, errors and the frozen records that travel between the steps.

Invariant: a name defined here means the same thing in every file, and a number never changes its
unit except through :func:`convert`, which refuses to cross dimensions. ``tests/test_schema.py``
holds the words, ``docs`` in ``README.md`` explains them.
"""

from __future__ import annotations

import calendar
import dataclasses
import datetime as dt
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal

__all__ = [
    "ClaimError",
    "DataError",
    "ForecastError",
    "GateError",
    "Problem",
    "Spec",
    "StoreError",
    "UndefinedError",
    "UnknownNameError",
    "Verdict",
    "calendar_quarter",
    "convert",
    "next_end",
    "parse_date",
    "percent",
    "period_days",
    "period_end",
    "unit_of",
]

# --- dims and coordinates of draws -----------------------------------------------------------
CHAIN, DRAW = "chain", "draw"
SAMPLE = (CHAIN, DRAW)
SERIES, PERIOD = "series", "period"
AHEAD_ONLY = "ahead_only"
"""Coordinate along series, where a model has such: whether one is told only of what comes after the
draws' date, from where it stands then. On a later date it is about something else."""

# --- columns of the vintage table ------------------------------------------------------------
KEY = ("entity", "metric", "period")
COLUMNS = (*KEY, "value", "unit", "reported_on", "source", "confidence", "qualifier")
OPTIONAL_COLUMNS = ("printed", "note")

CONFIDENCE = ("A", "B", "C")
"""A: seen in a primary source or two others; B: one secondary source; C: memory or rough."""

QUALIFIERS = ("", "about", "at least", "at most", "estimated", "projected")
"""Words that stood beside the number. Only ``projected`` may be reported before its period ends,
together with ``estimated``, which is how a table prints the running year."""

SIGNED_METRICS = frozenset(
    {"operating_cash_flow", "free_cash_flow", "cash_flow_projection", "net_income"}
)
"""Metrics that may be negative. Every other one must be above zero."""

FREE_METRICS = frozenset(
    {"api_price", "api_price_input", "api_price_output", "list_price_input", "list_price_output"}
)
"""Metrics that may be zero: free is a price."""


# --- errors ----------------------------------------------------------------------------------
class ForecastError(Exception):
    """Base of every error the package raises on purpose."""


class DataError(ForecastError, ValueError):
    """A table, a unit or a period is not what it must be."""


class ClaimError(ForecastError, ValueError):
    """A claim, a definition or an event cannot be read or judged."""


class UndefinedError(ClaimError):
    """An event that draws of another day would define: these tell nothing of the days it asks about."""


class GateError(ForecastError, RuntimeError):
    """A run did not pass its gate, or carries no stamp."""


class StoreError(ForecastError, OSError):
    """A stored run is missing, truncated or altered."""


class UnknownNameError(ForecastError, LookupError):
    """A name (model, metric, series) that nothing here is called."""


@dataclasses.dataclass(frozen=True)
class Problem:
    """One thing wrong with one row of a table: what was got, what was wanted."""

    row: int
    column: str
    got: str
    wanted: str

    def __str__(self) -> str:
        """Return one line; rows are counted as in a spreadsheet, the header being line 1."""
        got, wanted = (shortened(text, 400) for text in (repr(self.got), self.wanted))
        return f"line {self.row}, {self.column}: got {got}, wanted {wanted}"


SHOWN, KINDS = 5, 20
"""Of a bad table so many rows of a kind of problem are listed, of so many kinds; the rest is counted."""


def listed(problems: Sequence[Problem]) -> str:
    """Return problems by row, a line each: the first of each kind, and how many more there are.

    A kind is a column and what is wanted in it, but for the numbers and days in that.
    """
    kinds: dict[tuple[str, str], list[Problem]] = {}
    for one in sorted(problems, key=lambda p: p.row):
        kinds.setdefault((one.column, re.sub(r"\d+", "", one.wanted)), []).append(one)
    some = list(kinds.values())[:KINDS]
    first = sorted((one for same in some for one in same[:SHOWN]), key=lambda p: p.row)
    lines = [str(one) for one in first]
    lines += [
        f"and {len(same) - SHOWN:,} more like that of line {same[0].row}, {same[0].column}, "
        f"up to line {same[-1].row}"
        for same in some
        if len(same) > SHOWN
    ]
    rest = [len(same) for same in kinds.values()][KINDS:]
    if rest:
        lines.append(f"and {sum(rest):,} of {len(rest):,} other kinds")
    return "".join(f"\n  {line}" for line in lines)


def few(lines: Sequence[str], most: int = 100) -> list[str]:
    """Return lines, of many the first and how many more there are."""
    rest = len(lines) - most
    return [*lines[:most], *([f"... and {rest:,} more"] if rest > 0 else [])]


def shortened(text: str, most: int) -> str:
    """Return a text, its middle cut out if it is longer than `most`."""
    half = most // 2
    return text if len(text) <= most else f"{text[:half]} … {text[-half:]}"


# --- units -----------------------------------------------------------------------------------
@dataclasses.dataclass(frozen=True)
class Unit:
    """A name, what it measures, and its size in the dimension's base unit."""

    name: str
    dimension: str
    scale: float


UNITS: Mapping[str, Unit] = {
    unit.name: unit
    for unit in (
        Unit("USD", "money", 1.0),
        Unit("USD k", "money", 1e3),
        Unit("USD m", "money", 1e6),
        Unit("USD bn", "money", 1e9),
        Unit("USD tn", "money", 1e12),
        Unit("USD per 1K tokens", "price per token", 1e-3),
        Unit("USD per 1M tokens", "price per token", 1e-6),
        Unit("USD per hour", "price per hour", 1.0),
        Unit("percent", "share", 1e-2),
        Unit("ratio", "share", 1.0),
        Unit("m parameters", "parameters", 1e6),
        Unit("bn parameters", "parameters", 1e9),
        Unit("tn parameters", "parameters", 1e12),
        Unit("bn tokens", "tokens", 1e9),
        Unit("nats per token", "loss", 1.0),
        Unit("FLOP", "compute", 1.0),
        Unit("MWh", "energy", 1.0),
        Unit("GWh", "energy", 1e3),
        Unit("MW", "power", 1.0),
        Unit("GW", "power", 1e3),
        Unit("months", "duration", 1.0),
        Unit("years", "duration", 12.0),
        Unit("count", "count", 1.0),
        Unit("points", "points", 1.0),
        Unit("logits", "log-odds", 1.0),
    )
}


def unit_of(name: str) -> Unit:
    """Return the unit called `name`.

    Raises
    ------
    DataError
        If no unit has that name; the message lists those there are.
    """
    try:
        return UNITS[name]
    except KeyError:
        raise DataError(
            f"unknown unit {name!r}; wanted one of {', '.join(UNITS)}; "
            "thousands, millions and billions are different units, and so are 1K and 1M tokens"
        ) from None


def convert(value: float, unit: str, to: str) -> float:
    """Return `value` given in `unit`, in the unit `to` of the same dimension.

    Raises
    ------
    DataError
        If the two units measure different things.

    Examples
    --------
    >>> convert(2565, "USD m", "USD bn")
    2.565
    >>> round(convert(0.03, "USD per 1K tokens", "USD per 1M tokens"), 9)
    30.0
    """
    source, target = unit_of(unit), unit_of(to)
    if source.dimension != target.dimension:
        raise DataError(
            f"cannot turn {unit!r} ({source.dimension}) into {to!r} ({target.dimension}); "
            "they measure different things"
        )
    return value * source.scale / target.scale


# --- time ------------------------------------------------------------------------------------
_PERIOD = re.compile(
    r"(?P<year>\d{4})(?:Q(?P<quarter>[1-4])|-(?P<month>\d{2})(?:-(?P<day>\d{2}))?)?"
)
_SPAN = re.compile(r"(\d{4}-\d{2}-\d{2})/(\d{4}-\d{2}-\d{2})")
PERIOD_WANTED = (
    "a year 2025, a calendar quarter 2025Q3, a month 2025-09, a day 2025-09-30 or first and last day "
    "of a fiscal period 2025-09-01/2025-11-30"
)


def period_days(period: str) -> tuple[dt.date, dt.date]:
    """Return the first and the last day of a period.

    Raises
    ------
    DataError
        If the period cannot be read, or ends before it starts.

    Examples
    --------
    >>> [day.isoformat() for day in period_days("2025Q3")]
    ['2025-07-01', '2025-09-30']
    """
    span = _SPAN.fullmatch(period)
    if span is not None:
        start, end = (parse_date(day, "period") for day in span.groups())
        if end < start:
            raise DataError(f"cannot read the period {period!r}; it ends before it starts")
        return start, end
    match = _PERIOD.fullmatch(period)
    if match is None:
        raise DataError(f"cannot read the period {period!r}; wanted {PERIOD_WANTED}")
    year = int(match["year"])
    month = int(match["month"] or 3 * int(match["quarter"] or 4))
    if not (1900 <= year <= 2200 and 1 <= month <= 12):
        raise DataError(f"cannot read the period {period!r}; wanted {PERIOD_WANTED}")
    last = calendar.monthrange(year, month)[1]
    day = int(match["day"] or last)
    if not 1 <= day <= last:
        raise DataError(f"cannot read the period {period!r}; there is no such day")
    end = dt.date(year, month, day)
    if match["day"]:
        return end, end
    months = 3 if match["quarter"] else 1 if match["month"] else 12
    return dt.date(year, month - months + 1, 1), end


def period_end(period: str) -> dt.date:
    """Return the last day of a period.

    Examples
    --------
    >>> period_end("2025Q3").isoformat(), period_end("2024-02").isoformat()
    ('2025-09-30', '2024-02-29')
    """
    return period_days(period)[1]


def next_end(period: str) -> dt.date:
    """Return the last day of the period that follows one of the same kind.

    A period of whole calendar months is followed by as many, any other by as many days.

    Examples
    --------
    >>> [next_end(p).isoformat() for p in ("2027Q4", "2028-01", "2027", "2025-12-28/2026-03-28")]
    ['2028-03-31', '2028-02-29', '2028-12-31', '2026-06-27']
    """
    start, end = period_days(period)
    after = end + dt.timedelta(days=1)
    if start.day > 1 or after.day > 1:
        return end + (after - start)
    months = 12 * (2 * after.year - start.year) + 2 * after.month - start.month - 1
    return dt.date(months // 12, months % 12 + 1, 1) - dt.timedelta(days=1)


def calendar_quarter(period: str) -> str:
    """Return the calendar quarter in which the middle of a quarter-long period lies.

    Fiscal quarters are put beside each other by it: that of September to November, and the one
    that ends in late January, belong to the fourth calendar quarter.

    Raises
    ------
    DataError
        If the period is not about a quarter long (80 to 100 days).

    Examples
    --------
    >>> calendar_quarter("2025-09-01/2025-11-30"), calendar_quarter("2025-10-27/2026-01-25")
    ('2025Q4', '2025Q4')
    """
    start, end = period_days(period)
    days = (end - start).days + 1
    if not 80 <= days <= 100:
        raise DataError(f"got the period {period!r} of {days} days; wanted a quarter")
    middle = start + dt.timedelta(days=days // 2)
    return f"{middle.year}Q{(middle.month + 2) // 3}"


def parse_date(text: str | dt.date, what: str = "date") -> dt.date:
    """Return an ISO date; `what` names it in the error.

    Raises
    ------
    DataError
        If `text` is not a day, or not written YYYY-MM-DD.
    """
    if isinstance(text, dt.date) and not isinstance(text, dt.datetime):
        return text
    try:
        if not isinstance(text, str) or re.fullmatch(r"\d{4}-\d{2}-\d{2}", text) is None:
            raise ValueError
        return dt.date.fromisoformat(text)
    except ValueError:
        raise DataError(
            f"cannot read the {what} {text!r}; wanted a day such as 2026-05-06"
        ) from None


# --- records ---------------------------------------------------------------------------------
@dataclasses.dataclass(frozen=True)
class Spec:
    """All that decides a fit, in plain values: the same spec gives the same draws.

    Attributes
    ----------
    model
        Name of the model.
    variant
        Name of the prior set, ``default`` unless a sensitivity check asked for another.
    priors
        The prior numbers, by field name; of a group of series, a table of its own.
    seed, draws, tune, chains, target_accept
        Sampler settings; `draws` and `tune` count per chain.
    sampler
        The sampler by name, with its backend.
    as_of
        The day up to which reports were known.
    data_hash
        Hash of the panel's values, labels and units.
    code_hash
        Hash of the source files that decide the model's draws.
    versions
        Versions of the libraries that decide the numbers.
    adaptation
        How the sampler adapts its mass matrix.
    max_depth
        Doublings after which a trajectory is cut.
    """

    model: str
    variant: str
    priors: Mapping[str, Any]
    seed: int
    draws: int
    tune: int
    chains: int
    target_accept: float
    sampler: str
    as_of: str
    data_hash: str
    code_hash: str
    versions: Mapping[str, str]
    adaptation: str = "diag"
    max_depth: int = 10

    def to_json(self) -> str:
        """Return the spec as one line of JSON with sorted keys."""
        return json.dumps(dataclasses.asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> Spec:
        """Return the spec that :meth:`to_json` wrote."""
        return cls(**json.loads(text))


MODEL_NAMES = (
    "market",
    "benchmark",
    "earnings",
    "training_cost",
    "scaling_law",
    "api_price",
    "gpu_rental",
    "adoption",
    "hazard",
    "payback",
)
"""Models that claims may name; a definition may still wait, with ``waits = true``."""

Status = Literal[
    "judged",
    "decided",
    "not judged",
    "checked",
    "judgement",
    "model not built yet",
    "model not run",
    "gate failed",
]
"""``judged``: from draws. ``decided``: by what has come, whatever may come; the probability is 0 or 1.
``not judged``: what it asks about lies before what the draws of this day hold. ``checked``: a fact held
against the tables by a rule of the audit. ``judgement``: no draw can decide it; its base rate is stated.
The others say why there is no number."""


@dataclasses.dataclass(frozen=True)
class Verdict:
    """What the draws say of one definition of one claim.

    Attributes
    ----------
    claim, definition
        Their ids in the claims file.
    kind
        ``forecast``, ``fact`` or ``judgement``.
    model
        The model that decides it, ``audit`` for facts, ``none`` for judgements.
    probability
        Share of joint draws in which the event happens, or None.
    mcse
        Monte-Carlo standard error of `probability`, from the chains' effective sample size.
    window_start, window_end
        The days between which the event counts, ISO, or None.
    status
        See :data:`Status`.
    text
        One sentence for a reader.
    draws
        Number of joint draws behind `probability`; 0 if there are none.
    polarity
        ``same``, or ``opposite`` if its coming true speaks against the claim.
    """

    claim: str
    definition: str
    kind: str
    model: str
    probability: float | None
    mcse: float | None
    window_start: str | None
    window_end: str | None
    status: str
    text: str
    draws: int = 0
    polarity: str = "same"

    def record(self) -> dict[str, Any]:
        """Return the fields of the script interface, and only those."""
        row = dataclasses.asdict(self)
        row.pop("draws")
        return row


def percent(probability: float | None, draws: int = 0) -> str:
    """Return a probability as text: whole percent, never 0 or 100, a dash for None.

    Parameters
    ----------
    probability
        A share, 0 to 1.
    draws
        Number of draws it was counted on; 0 if unknown.

    Examples
    --------
    >>> percent(0.274), percent(0.005), percent(0.0, 4000), percent(1.0, 4000), percent(0.995)
    ('27 %', '< 1 %', '< 1/4000', '> 1 - 1/4000', '> 99 %')
    """
    if probability is None:
        return "–"
    if draws and min(probability, 1 - probability) * draws < 1:
        return f"< 1/{draws}" if probability < 0.5 else f"> 1 - 1/{draws}"
    if probability <= 0.005:  # halves would be rounded to 0 and to 100
        return "< 1 %"
    return "> 99 %" if probability >= 0.995 else f"{100 * probability:.0f} %"


def one_line(items: Sequence[object], limit: int = 12) -> str:
    """Return items joined by commas, cut after `limit` with a count of the rest."""
    shown = ", ".join(shortened(str(item), 300) for item in items[:limit])
    return shown if len(items) <= limit else f"{shown} and {len(items) - limit} more"
