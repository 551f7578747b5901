"""What issuers have said of quarters to come, how far it was off before, and how far it may be now.

A statement is about the sum of some quarters of a series, often by another definition (with finance
leases): the mean log ratio of the two over the last :data:`OFFSET_QUARTERS` quarters of both makes it
one about the model's series. The error of a statement, log(actual / said), is normal with mean
``bias * share`` and sd ``size * sd``, where share is that of the quarters not reported when it was said,
and::

    sd^2 = floor^2 + (by_share * share)^2 + (by_wait * quarters until its period begins)^2

An issuer's bias is what all issuers of a metric share plus its own; both, and its size, are learnt from
its statements about quarters that have been reported since.

Invariant: nothing here was said or reported after the panel's ``as_of``.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from forecast.core.periods import quarter_index, quarter_name, quarters_in
from forecast.core.units import convert
from forecast.core.words import COLUMNS, RANGE, entity_of, guided
from forecast.models.base import records

OFFSET_QUARTERS = 4
"""Quarters of both definitions over which one is compared with the other."""
BOUNDS = {"at least": 1, "at most": -1}


class Quarter(NamedTuple):
    """A row of the panel: what was reported of a calendar quarter of a series."""

    entity: str
    metric: str
    group: str
    quarter: str
    period: str
    reported_on: str
    usd_bn: float


@dataclasses.dataclass(frozen=True)
class Statement:
    """One statement of an issuer.

    Attributes
    ----------
    series
        The model's series, ``entity/metric``.
    about
        The metric that the issuer spoke of.
    period, first, quarters
        Its period as written, the first calendar quarter and their number.
    kind
        ``about``, ``range``, ``at least`` or ``at most``.
    value, low, high
        USD bn; without a range the ends are the value.
    said_on
        ISO.
    share
        Share of its quarters that were not reported on that day.
    wait
        Quarters between the last one reported then and its first, none if that is the next.
    offset
        Log of the model's series over the metric spoken of; None where the two cannot be compared.
    """

    series: str
    about: str
    period: str
    first: str
    quarters: int
    kind: str
    value: float
    low: float
    high: float
    said_on: str
    share: float
    wait: int
    offset: float | None


@dataclasses.dataclass(frozen=True)
class Guidance:
    """What a panel carries of statements: all that were known, also those about reported quarters."""

    statements: tuple[Statement, ...] = ()


@dataclasses.dataclass(frozen=True)
class Statements:
    """Statements about series, R of them, of I issuers.

    Attributes
    ----------
    series
        Which series each is about, shape (R,).
    cells
        Whether a quarter of the grid is one of the sum's that is not reported, shape (R, T or more).
    reported
        Sum of its quarters that are, shape (R,).
    value
        Logarithm of what was said, less what another definition makes of it, shape (R,).
    sd
        Standard deviation of the error of an issuer of size 1, shape (R,).
    share
        How much of the issuer's bias applies, shape (R,).
    bound
        0 for a number, 1 for "at least", -1 for "at most", shape (R,).
    issuer
        Shape (R,).
    shape, rate
        Of the inverse gamma law of each issuer's squared size, shape (I,).
    bias, bias_root
        Mean of the issuers' biases, shape (I,), and a root of their covariance, (I, I).
    """

    series: np.ndarray
    cells: np.ndarray
    reported: np.ndarray
    value: np.ndarray
    sd: np.ndarray
    share: np.ndarray
    bound: np.ndarray
    issuer: np.ndarray
    shape: np.ndarray
    rate: np.ndarray
    bias: np.ndarray
    bias_root: np.ndarray


@dataclasses.dataclass(frozen=True)
class ErrorPriors:
    """Prior numbers of the errors of statements about one metric, log points.

    The year's numbers were set on Meta's statements of 2018-21: off by .16 when nothing of the year was
    known, by .087, .052 and .013 after one, two and three quarters. Those of a quarter's revenue on
    NVIDIA's to mid-2022, .019 about a mean of .039.
    """

    floor: float
    by_share: float
    by_wait: float
    # Issuers set bars that they clear: by how much, how sure that is, and how unlike issuers are.
    bias: float
    bias_sd: float
    bias_spread: float
    # What a record of how many statements the prior of an issuer's size weighs.
    size_weight: float = 4.0


PRIORS = {
    # Issuers raised through 2025 and cut in 2022 and 2023: a bias of either sign.
    ("capex", "year"): ErrorPriors(0.03, 0.14, 0.04, 0.0, 0.05, 0.05),
    ("capex", "quarter"): ErrorPriors(0.03, 0.07, 0.04, 0.0, 0.03, 0.03),
    ("revenue", "year"): ErrorPriors(0.01, 0.05, 0.03, 0.01, 0.02, 0.02),
    ("revenue", "quarter"): ErrorPriors(0.01, 0.025, 0.03, 0.02, 0.02, 0.02),
}


def _law(group: str, quarters: int) -> ErrorPriors:
    return PRIORS[
        "capex" if group == "capex" else "revenue", "quarter" if quarters == 1 else "year"
    ]


def guidance_of(
    known: pd.DataFrame, rows: Sequence[Quarter], groups: Mapping[str, str]
) -> Guidance:
    """Return the statements that are known about the series of a panel.

    Parameters
    ----------
    known
        What is known: also the statements, and reports of the metrics that they are about.
    rows
        The rows of the panel.
    groups
        The group of each metric; other definitions of capex need not be named.
    """
    reports: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in records(known, (*COLUMNS, *RANGE)):
        reports.setdefault((row["entity"], row["metric"]), []).append(row)
    said = [row for (_, metric), own in reports.items() if guided(metric) for row in own]
    series_of = _series_of(rows)
    found = []
    offsets: dict[tuple[str, str], float | None] = {}
    for row in said:
        about = guided(row["metric"])
        group = "capex" if about.startswith("capex") else groups.get(about, "")
        own = series_of.get((row["entity"], group))
        span = quarters_in(row["period"])
        if own is None or span is None:
            continue
        first, count = span
        then = [q for q, day in own.reported_on.items() if day <= row["reported_on"]]
        if not then:
            continue
        ends = [row.get("low") or row["value"], row.get("high") or row["value"]]
        spoken = row["entity"], about
        if spoken not in offsets:
            offsets[spoken] = 0.0 if own.metric == about else _offset(own, reports.get(spoken, []))
        value, low, high = (convert(float(v), row["unit"], "USD bn") for v in (row["value"], *ends))
        found.append(
            Statement(
                series=f"{row['entity']}/{own.metric}",
                about=about,
                period=row["period"],
                first=quarter_name(first),
                quarters=count,
                kind=row["qualifier"] or "about",
                value=value,
                low=low,
                high=high,
                said_on=row["reported_on"],
                share=sum(q not in then for q in range(first, first + count)) / count,
                wait=max(first - max(then) - 1, 0),
                offset=offsets[spoken],
            )
        )
    key = [(s.series, quarter_index(s.first), s.quarters, s.about, s.period) for s in found]
    return Guidance(tuple(found[k] for k in sorted(range(len(found)), key=lambda k: key[k])))


@dataclasses.dataclass(frozen=True)
class _Series:
    """A series of the panel: by calendar quarter the day of its report, and its value in USD bn."""

    metric: str
    reported_on: dict[int, str] = dataclasses.field(default_factory=dict)
    values: dict[int, float] = dataclasses.field(default_factory=dict)


def _series_of(rows: Sequence[Quarter]) -> dict[tuple[str, str], _Series]:
    """Return by entity and group the series of a panel's rows."""
    found: dict[tuple[str, str], _Series] = {}
    for row in rows:
        own = found.setdefault((row.entity, row.group), _Series(row.metric))
        own.reported_on[quarter_index(row.quarter)] = row.reported_on
        own.values[quarter_index(row.quarter)] = row.usd_bn
    return found


def _offset(own: _Series, reports: Sequence[Mapping[str, Any]]) -> float | None:
    """Return the log of a series over another definition of it, of late."""
    other = {}
    for row in reports:
        span = quarters_in(row["period"])
        if span is not None and span[1] == 1:
            other[span[0]] = convert(float(row["value"]), row["unit"], "USD bn")
    both = sorted(set(own.values) & set(other))[-OFFSET_QUARTERS:]
    return float(np.mean([np.log(own.values[q] / other[q]) for q in both])) if both else None


@dataclasses.dataclass(frozen=True)
class _Told:
    """A statement about a group's series on the model's grid of quarters."""

    said: Statement
    at: int
    missing: tuple[int, ...]
    reported: float
    law: ErrorPriors

    @property
    def issuer(self) -> tuple[str, bool]:
        return entity_of(self.said.series), self.said.quarters == 1

    @property
    def sd(self) -> float:
        law, said = self.law, self.said
        parts = law.floor, law.by_share * said.share, law.by_wait * said.wait
        # A range that is wider than that says so itself: two sds to its ends.
        own = np.log(said.high / said.low) / 4
        return float(max(np.sqrt(sum(part**2 for part in parts)), own))

    @property
    def value(self) -> float:
        return float(np.log(self.said.value) + (self.said.offset or 0.0))


def furthest(guidance: Guidance, names: Sequence[str]) -> int:
    """Return the last quarter of which something is said about some series, 0 if there is none."""
    ends = [
        quarter_index(s.first) + s.quarters - 1
        for s in guidance.statements
        if s.series in names and s.offset is not None
    ]
    return max(ends, default=0)


def open_statements(
    guidance: Guidance,
    names: Sequence[str],
    group: str,
    first: int,
    y: np.ndarray,
    seen: np.ndarray,
    total: int,
) -> Statements | None:
    """Return what is said of a group's quarters that are not reported, with its issuers' records.

    Parameters
    ----------
    guidance
        What was said.
    names
        The group's series, in the order of the columns of `y`.
    group
        Its name.
    first
        The grid's first quarter, as :func:`forecast.core.periods.quarter_index` counts.
    y, seen
        Log values in USD bn and whether they are known, shape (T, series).
    total
        Quarters of the grid, with those to come.

    Returns
    -------
    Statements or None
        Nothing where nothing is said of a quarter still to come.
    """
    told = [
        one
        for s in guidance.statements
        if s.series in names and s.offset is not None and s.value > 0
        if (one := _told(s, list(names).index(s.series), group, first, y, seen, total)) is not None
    ]
    open_ = [one for one in told if one.missing]
    if not open_:
        return None
    issuers = sorted({one.issuer for one in told})
    past = [one for one in told if not one.missing and one.said.kind not in BOUNDS]
    bias, root, shape, rate = _record(issuers, past, {one.issuer: one.law for one in told})
    cells = np.zeros((len(open_), total), dtype=bool)
    for row, one in zip(cells, open_, strict=True):
        row[list(one.missing)] = True
    return Statements(
        series=np.array([one.at for one in open_]),
        cells=cells,
        reported=np.array([one.reported for one in open_]),
        value=np.array([one.value for one in open_]),
        sd=np.array([one.sd for one in open_]),
        share=np.array([one.said.share for one in open_]),
        bound=np.array([BOUNDS.get(one.said.kind, 0) for one in open_]),
        issuer=np.array([issuers.index(one.issuer) for one in open_]),
        shape=shape,
        rate=rate,
        bias=bias,
        bias_root=root,
    )


def _told(
    said: Statement, at: int, group: str, first: int, y: np.ndarray, seen: np.ndarray, total: int
) -> _Told | None:
    """Return a statement on the grid; None where it reaches beyond, or into what was never known."""
    start = quarter_index(said.first) - first
    own = range(start, start + said.quarters)
    if start < 0 or own[-1] >= total:
        return None
    known = [t for t in own if t < len(y) and seen[t, at]]
    begun = np.flatnonzero(seen[:, at])
    if not len(begun) or own[0] < begun[0]:
        return None
    return _Told(
        said,
        at,
        tuple(t for t in own if t not in known),
        float(np.exp(y[known, at]).sum()),
        _law(group, said.quarters),
    )


def _record(
    issuers: Sequence[tuple[str, bool]],
    past: Sequence[_Told],
    laws: dict[tuple[str, bool], ErrorPriors],
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return mean and root of the covariance of issuers' biases, and the law of their squared sizes."""
    count = len(issuers)
    law = [laws[issuer] for issuer in issuers]
    same = np.array([[a[1] == b[1] for b in issuers] for a in issuers])
    shared = np.array([one.bias_sd for one in law])
    prior = np.outer(shared, shared) * same + np.diag([one.bias_spread**2 for one in law])
    mean = np.array([one.bias for one in law])
    precision = np.linalg.inv(prior)
    pull, own = precision @ mean, precision
    off = [float(np.log(one.reported) - one.value) for one in past]
    for one, r in zip(past, off, strict=True):
        i = issuers.index(one.issuer)
        own[i, i] += (one.said.share / one.sd) ** 2
        pull[i] += one.said.share * r / one.sd**2
    cov = np.linalg.inv(own)
    bias = cov @ pull
    shape, rate = np.array([one.size_weight / 2 for one in law]), np.zeros(count)
    rate += shape
    for one, r in zip(past, off, strict=True):
        i = issuers.index(one.issuer)
        shape[i] += 0.5
        rate[i] += 0.5 * ((r - one.said.share * bias[i]) / one.sd) ** 2
    return bias, np.linalg.cholesky(cov), shape, rate
