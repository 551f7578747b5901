"""The rules of the audit: what a table must agree with, each a record with its function of a table.

Rules look at units, sums, ratios, growth and dates, never at names; which statement a rule is evaluated
on stands in the claims file.

Invariant: what a file may hold of a rule is what its record has, name by name. ``tests/test_audit.py``
runs the rules on clean tables too, where they must find nothing.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import itertools
import math
from collections.abc import Mapping, Sequence
from typing import ClassVar, Protocol, cast

import numpy as np

from forecast.core.errors import ClaimError
from forecast.core.periods import period_end
from forecast.core.text import one_line
from forecast.core.units import convert, unit_of
from forecast.tables.vintages import Table, as_printed

DAYS_A_MONTH = 365.25 / 12


@dataclasses.dataclass(frozen=True)
class Result:
    """What a rule finds; the fields are those of :class:`forecast.claims.audit.Finding`."""

    verdict: str
    said: str
    follows: str
    sure: str
    source: str


class Row(Protocol):
    """A row of a vintage table."""

    Index: int
    entity: str
    metric: str
    period: str
    value: float
    unit: str
    printed: str
    reported_on: str
    source: str
    confidence: str
    note: str


def _number(value: float) -> str:
    """Return a number with three significant figures and thousands separators."""
    digits = max(0, 2 - math.floor(math.log10(abs(value)))) if value else 0
    text = f"{value:,.{digits}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _rows(table: Table) -> list[Row]:
    return cast("list[Row]", list(table.itertuples()))


def _pick(table: Table, **wanted: str | None) -> Table:
    hit = np.ones(len(table), dtype=bool)
    for column, value in wanted.items():
        if value is not None:
            hit &= np.asarray(table[column] == value, dtype=bool)
    return table[hit]  # once: what takes long is to copy the texts of every column


def _need(table: Table, **wanted: str | None) -> Table:
    chosen = _pick(table, **wanted)
    if chosen.empty:
        asked = ", ".join(f"{k} {v!r}" for k, v in wanted.items() if v is not None)
        raise ClaimError(f"the audit finds no row with {asked}; check the claim's parameters")
    return chosen


type Series = Mapping[tuple[str, str], Sequence[Row]]
"""Rows by entity and metric, in the order of their table."""


def _series(table: Table) -> Series:
    """Return the rows of a table by what they are of: asking the table for each is slow."""
    found: dict[tuple[str, str], list[Row]] = {}
    for row in _rows(table):
        found.setdefault((row.entity, row.metric), []).append(row)
    return found


def _same(references: Series, row: Row) -> Sequence[Row]:
    """Return the rows of the same entity and metric, of any period."""
    return references.get((row.entity, row.metric), ())


def _in(unit: str, row: Row) -> float:
    return convert(float(row.value), str(row.unit), unit)


# --- rules -----------------------------------------------------------------------------------
@dataclasses.dataclass(frozen=True)
class Sum:
    """Add up a column and compare with the total that was said ("over X").

    Attributes
    ----------
    entity, metric
        The column.
    first, last
        Periods that are added up.
    said, unit
        The total that was said, and its unit.
    """

    rule: ClassVar[str] = "sum"
    entity: str
    metric: str
    first: str
    last: str
    said: float
    unit: str

    def results(self, table: Table, references: Table) -> list[Result]:  # noqa: ARG002
        """Return what the rule finds."""
        rows = _need(table, entity=self.entity, metric=self.metric)
        rows = rows[(rows["period"] >= self.first) & (rows["period"] <= self.last)]
        if rows.empty:
            raise ClaimError(f"the audit finds no period from {self.first} to {self.last}")
        total = sum(_in(self.unit, row) for row in _rows(rows))
        said = float(self.said)
        # "Over X" names the order of the total; a total of twice X and more is not what it says.
        verdict = "agrees" if said <= total <= 1.5 * said else "imprecise"
        if not said <= total <= 2 * said:
            verdict = "contradicted"
        remark = " (true as a bound, wrong as a size)" if total > 1.5 * said else ""
        return [
            Result(
                verdict,
                f"over {_number(said)} {self.unit}",
                f"the column of {self.first}-{self.last} sums to {_number(total)} "
                f"{self.unit}, {total / said:.1f} times that{remark}",
                "certain",
                "the table's own column",
            )
        ]


@dataclasses.dataclass(frozen=True)
class Ratio:
    """Divide two columns again and compare with the printed ratio, to its last printed digit.

    Attributes
    ----------
    entity, metric
        The printed ratio.
    top, bottom
        Metrics that are divided.
    note
        What else must be known of the ratio.
    """

    rule: ClassVar[str] = "ratio"
    entity: str
    metric: str
    top: str
    bottom: str
    note: str = ""

    def results(self, table: Table, references: Table) -> list[Result]:  # noqa: ARG002
        """Return what the rule finds."""
        printed = _need(table, entity=self.entity, metric=self.metric).sort_values("period")
        worst, parts = 0.0, []
        for row in _rows(printed):
            top, bottom = (
                _rows(_need(table, entity=row.entity, metric=metric, period=row.period))[0]
                for metric in (self.top, self.bottom)
            )
            ratio = _in("USD bn", top) / _in("USD bn", bottom)
            worst = max(worst, abs(ratio - float(row.value)))
            parts.append(f"{ratio:.3f}")
        verdict = "agrees" if worst <= 0.005 + 1e-9 else "contradicted"
        said = ", ".join(f"{v:g}" for v in printed["value"])
        follows = f"the columns give {', '.join(parts)}"
        if self.note:
            follows += f"; {self.note}"
        return [Result(verdict, said, follows, "certain", "the table's own columns")]


@dataclasses.dataclass(frozen=True)
class Reference:
    """Compare cells with outside figures of the same entity, metric and period.

    Attributes
    ----------
    entity, metric
        Which cells; None for any.
    """

    rule: ClassVar[str] = "reference"
    entity: str | None = None
    metric: str | None = None

    def results(self, table: Table, references: Table) -> list[Result]:
        """Return what the rule finds."""
        rows = _need(table, entity=self.entity, metric=self.metric)
        outside = _series(references)
        out: list[Result] = []
        for metric, group in rows.groupby("metric", sort=False):
            found = [
                (row, [one for one in _same(outside, row) if one.period == row.period])
                for row in _rows(group)
            ]
            pairs = [(row, matches[0]) for row, matches in found if matches]
            missing = [row for row, matches in found if not matches]
            out += [_compare_cells(str(metric), pairs)] if pairs else []
            if missing and (pairs or self.metric):
                out.append(
                    Result(
                        "unsupported",
                        one_line([f"{r.entity} {r.period} {r.printed}" for r in missing]),
                        f"no outside {metric} of that name and period is among the references",
                        "possible",
                        "data/references.csv",
                    )
                )
        return out


def _compare_cells(metric: str, pairs: list[tuple[Row, Row]]) -> Result:
    factors = []
    for row, outside in pairs:
        factors.append(_in(str(outside.unit), row) / float(outside.value))
    low, high = min(factors), max(factors)
    close = all(0.95 <= f <= 1.05 for f in factors)
    rough = all(0.67 <= f <= 1.5 for f in factors)
    verdict = "agrees" if close else "imprecise" if rough else "another definition"
    single = len({row.entity for row, _ in pairs}) == 1
    label = "period" if single else "entity"
    said = ", ".join(f"{getattr(r, label)} {_number(float(r.value))}" for r, _ in pairs)
    theirs = ", ".join(f"{getattr(r, label)} {_number(float(o.value))}" for r, o in pairs)
    units = sorted({str(o.unit) for _, o in pairs})
    return Result(
        verdict,
        f"{metric}: {said} {pairs[0][0].unit}",
        f"outside figures are {theirs} {'/'.join(units)}, so the printed ones are "
        f"{low:.2f}{f' to {high:.2f}' if len(pairs) > 1 else ''} times those",
        "probable",
        "; ".join(dict.fromkeys(str(o.source) for _, o in pairs)),
    )


@dataclasses.dataclass(frozen=True)
class Doubling:
    """Recompute doubling times between record-setting rows, and quote a published growth rate.

    Attributes
    ----------
    metric
        Of the rows.
    said_months
        Months in which it doubles, as was said.
    said
        The same in words.
    """

    rule: ClassVar[str] = "doubling"
    metric: str
    said_months: float
    said: str = ""

    def results(self, table: Table, references: Table) -> list[Result]:
        """Return what the rule finds."""
        rows = _need(table, metric=self.metric).sort_values("period")
        records: list[tuple[str, dt.date, float]] = []
        for row in _rows(rows):
            value = _in("USD m", row)
            if not records or value > records[-1][2]:
                records.append((str(row.entity), period_end(str(row.period)), value))
        parts, times = [], []
        for (_, d0, v0), (name, d1, v1) in itertools.pairwise(records):
            months = (d1 - d0).days / DAYS_A_MONTH
            times.append(months / math.log2(v1 / v0))
            parts.append(
                f"{v1 / v0:.1f}x in {months:.0f} months up to {name}: {times[-1]:.1f} months"
            )
        if not times:
            raise ClaimError("a doubling time needs two rows, the later one above the earlier")
        limit = float(self.said_months)
        verdict = "contradicted" if min(times) > limit else "agrees"
        growth = _pick(references, metric="growth_per_year")
        source = "the table's own rows"
        for row in _rows(growth):
            months = 12 * math.log(2) / math.log(float(row.value))
            parts.append(f"published growth of {row.value:g}x a year: {months:.1f} months")
            source += f"; {row.source}"
        said = self.said or f"doubles within {limit:g} months"
        return [Result(verdict, said, "doubling took " + "; ".join(parts), "certain", source)]


@dataclasses.dataclass(frozen=True)
class ScoreGain:
    """Recompute a gain in points, and say it as a cut of the error rate with its floor.

    Attributes
    ----------
    metric
        Of the two scores.
    before, after
        Whose scores they are; ``from`` and ``to`` in a file.
    said
        The gain in points that was said.
    """

    rule: ClassVar[str] = "score_gain"
    metric: str
    before: str
    after: str
    said: float

    def results(self, table: Table, references: Table) -> list[Result]:
        """Return what the rule finds."""
        was, came = (
            _in("percent", _rows(_need(table, entity=entity, metric=self.metric))[0])
            for entity in (self.before, self.after)
        )
        gain = came - was
        before, after = 100 - was, 100 - came
        agrees = abs(gain - float(self.said)) < 0.05 + 1e-9
        floor = _pick(references, metric="label_errors")
        follows = (
            f"the gain is {gain:.1f} points; as an error rate {before:.1f} becomes {after:.1f}, "
            f"a cut of {100 * gain / before:.0f} %"
        )
        source = "the table's own rows"
        for row in _rows(floor):
            rest = 100 * gain / (before - float(row.value))
            follows += (
                f"; wrong labels alone leave about {row.value:.1f} points, "
                f"so of what could still be gained {rest:.0f} % was"
            )
            source += f"; {row.source}"
        verdict = "imprecise" if agrees else "contradicted"
        return [Result(verdict, f"only {self.said} points", follows, "certain", source)]


def _slip(ratio: float) -> int:
    """Return the power of a thousand by which a ratio is off, 0 if it is not."""
    if ratio <= 0:
        return 0
    power = round(math.log10(ratio) / 3)
    return power if power and abs(math.log10(ratio) - 3 * power) < math.log10(1.5) else 0


@dataclasses.dataclass(frozen=True)
class Unit:
    """Find prices whose unit is off by a power of a thousand, by a reference or by their column."""

    rule: ClassVar[str] = "unit"

    def results(self, table: Table, references: Table) -> list[Result]:
        """Return what the rule finds."""
        rows = table[[unit_of(u).dimension == "price per token" for u in table["unit"]]]
        paid = rows[rows["value"] > 0]
        out: list[Result] = []
        all_paid, by_series = _rows(paid), _series(references)
        for row in all_paid:
            outside = _same(by_series, row)
            if outside:
                ref = outside[0]
                ratio = _in(str(ref.unit), row) / float(ref.value)
                sure, source = "certain" if ref.confidence == "A" else "probable", str(ref.source)
            else:
                others = [
                    convert(other.value, other.unit, row.unit)
                    for other in all_paid
                    if other.Index != row.Index
                ]
                if len(others) < 2:
                    continue  # of two prices a thousandfold apart either may be the wrong one
                typical = float(np.median(others))
                ratio, sure, source = (
                    float(row.value) / typical,
                    "possible",
                    "the rest of its column",
                )
            power = _slip(ratio)
            if power:
                right = float(row.value) / 1000.0**power
                out.append(
                    Result(
                        "contradicted",
                        f"{row.entity} {row.metric} {row.value:g} {row.unit}",
                        f"it is {_number(right)} {row.unit}: the printed number is "
                        f"{'one thousandth' if power == -1 else f'1000^{power}'} of that, "
                        "a price per 1K tokens under a per-1M heading",
                        sure,
                        source,
                    )
                )
        return out + _free(rows, by_series) + _direction(paid, by_series)


def _free(rows: Table, references: Series) -> list[Result]:
    out: list[Result] = []
    for row in _rows(rows[rows["value"] == 0]):
        for ref in _same(references, row):
            out.append(
                Result(
                    "contradicted",
                    f"{row.entity} free",
                    f"hosts list it at about {_number(float(ref.value))} {ref.unit}; {ref.note}",
                    "probable",
                    str(ref.source),
                )
            )
    return out


def _direction(paid: Table, references: Series) -> list[Result]:
    """Say what a unit slip does to the trend: price change from first to last row of a metric."""
    out: list[Result] = []
    for metric, group in paid.groupby("metric"):
        rows = _rows(group.sort_values("period"))
        found = [_same(references, r) for r in rows]
        refs = [matches[0] if matches else None for matches in found]
        if len(rows) < 2 or refs[0] is None or refs[-1] is None:
            continue
        printed = _in(str(rows[0].unit), rows[-1]) / float(rows[0].value)
        real = _in(str(refs[0].unit), refs[-1]) / float(refs[0].value)
        if (printed > 1) != (real > 1):
            out.append(
                Result(
                    "contradicted",
                    f"{metric} from {rows[0].entity} to {rows[-1].entity} up {printed:.0f}x",
                    f"with the units corrected it fell {1 / real:.0f}x: the slip turns the conclusion "
                    "round",
                    "certain",
                    str(refs[0].source),
                )
            )
    return out


@dataclasses.dataclass(frozen=True)
class Homes:
    """Divide an energy range by the yearly use of a home.

    Attributes
    ----------
    entity
        Whose energy it is.
    low, high, said
        Metrics of the range and of the number of homes.
    each
        Metric of the yearly use of one home, among the references.
    """

    rule: ClassVar[str] = "homes"
    entity: str
    low: str = "energy_low"
    high: str = "energy_high"
    said: str = "homes_equivalent"
    each: str = "annual_electricity"

    def results(self, table: Table, references: Table) -> list[Result]:
        """Return what the rule finds."""
        use = _rows(_need(references, metric=self.each))[0]
        low, high, said = (
            _rows(_need(table, entity=self.entity, metric=metric))[0]
            for metric in (self.low, self.high, self.said)
        )
        homes = [_in("MWh", row) / _in("MWh", use) for row in (low, high)]
        number = float(said.value)
        inside = homes[0] <= number <= homes[1]
        near = 0.9 * homes[0] <= number <= 1.1 * homes[1]
        upper = abs(number - homes[1]) <= abs(number - homes[0])
        end = f"only the {'upper' if upper else 'lower'} end comes near"
        end = end if inside or near else "neither end comes near"
        return [
            Result(
                "agrees" if inside else "imprecise" if near else "contradicted",
                f"{said.value:,.0f} homes",
                f"{low.value:g}-{high.value:g} {low.unit} are {homes[0]:,.0f} to {homes[1]:,.0f} homes "
                f"at {use.value:g} {use.unit} each; {end}",
                "probable",
                str(use.source),
            )
        ]


@dataclasses.dataclass(frozen=True)
class Stale:
    """Compare a stated figure with the newest one known on the statement's date.

    Attributes
    ----------
    metric, entity
        The figure; None for any entity.
    """

    rule: ClassVar[str] = "stale"
    metric: str
    entity: str | None = None

    def results(self, table: Table, references: Table) -> list[Result]:
        """Return what the rule finds."""
        out: list[Result] = []
        rows = _need(table, entity=self.entity, metric=self.metric)
        for row in _rows(as_printed(rows)):  # what was said, not what is known besides
            known = _pick(references, entity=row.entity, metric=row.metric)
            known = known.sort_values("reported_on")
            if known.empty:
                continue
            newest = _rows(known)[-1]
            factor = convert(float(newest.value), str(newest.unit), str(row.unit)) / float(
                row.value
            )
            steps = ", ".join(f"{_number(float(k.value))} ({k.reported_on})" for k in _rows(known))
            out.append(
                Result(
                    "agrees" if 0.9 <= factor <= 1.1 else "outdated",
                    f"{row.entity} {row.printed}",
                    f"known by then: {steps} {newest.unit}; the newest is {factor:.1f} times "
                    "what was said",
                    "probable",
                    "; ".join(dict.fromkeys(str(k.source) for k in _rows(known))),
                )
            )
        return out


@dataclasses.dataclass(frozen=True)
class Range:
    """Ask whether a reported figure lies within a stated range.

    Attributes
    ----------
    entity
        Whose range it is.
    low, high
        Metrics of its two ends.
    """

    rule: ClassVar[str] = "range"
    entity: str
    low: str
    high: str

    def results(self, table: Table, references: Table) -> list[Result]:
        """Return what the rule finds."""
        low, high = (
            _rows(_need(table, entity=self.entity, metric=metric))[0]
            for metric in (self.low, self.high)
        )
        ref = _rows(_need(references, entity=self.entity, metric=self.low))[0]
        value = convert(float(ref.value), str(ref.unit), str(low.unit))
        inside = float(low.value) <= value <= float(high.value)
        return [
            Result(
                "agrees" if inside else "contradicted",
                f"{low.value:g} to {high.value:g} {low.unit}",
                f"{_number(value)} {low.unit} was reported for {ref.period}",
                "probable",
                str(ref.source),
            )
        ]


Rule = Sum | Ratio | Reference | Doubling | ScoreGain | Unit | Homes | Stale | Range
RULES: Mapping[str, type[Rule]] = {
    one.rule: one for one in (Sum, Ratio, Reference, Doubling, ScoreGain, Unit, Homes, Stale, Range)
}
