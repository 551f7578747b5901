"""Does a table agree with itself and with outside references.

Each rule is a function of a table, the references and its parameters; which statement it is put to
stands in the claims file. Rules look at units, sums, ratios, growth and dates, never at names.

Invariant: a finding says what was said, what follows, by which rule, how sure that is and where it
can be checked. References reported after the table's own date are not used against it.
``tests/test_audit.py`` runs the rules on clean tables too, where they must find nothing.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from forecast.claims.read import check_rule
from forecast.claims.records import Claim
from forecast.core.errors import ClaimError, DataError
from forecast.core.periods import period_end
from forecast.core.text import one_line
from forecast.core.units import convert, unit_of
from forecast.tables.shipped import REFERENCE_FILE, data_dir
from forecast.tables.vintages import Known, Table, as_of, as_printed, read_table, require_known

DAYS_A_MONTH = 365.25 / 12
VERDICTS = (
    "contradicted",
    "another definition",
    "outdated",
    "unsupported",
    "imprecise",
    "agrees",
    "not in the table",
)
"""From worst to best."""


@dataclasses.dataclass(frozen=True)
class Finding:
    """One statement held against a rule.

    Attributes
    ----------
    claim, definition
        The statement's ids in the claims file.
    rule
        The rule's name.
    verdict
        One of :data:`VERDICTS`.
    said, follows
        What was said, and what follows.
    sure
        ``certain`` (arithmetic on the table's own numbers), ``probable`` (rests on a reference) or
        ``possible`` (rests on a pattern).
    source
        Where it can be checked.
    """

    claim: str
    definition: str
    rule: str
    verdict: str
    said: str
    follows: str
    sure: str
    source: str

    @property
    def sentence(self) -> str:
        """Verdict and reason in one sentence."""
        return f"{self.verdict.capitalize()} ({self.sure}): said {self.said}; {self.follows}."


Result = tuple[str, str, str, str, str]  # verdict, said, follows, sure, source


def read_references(path: str | Path | None = None) -> Table:
    """Read the table of outside references, of the vintage schema; the shipped one by default."""
    return read_table(path or data_dir() / REFERENCE_FILE)


def _number(value: float) -> str:
    """Return a number with three significant figures and thousands separators."""
    digits = max(0, 2 - math.floor(math.log10(abs(value)))) if value else 0
    text = f"{value:,.{digits}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _rows(table: Table) -> list[Any]:
    """Return the rows as named tuples; untyped, for a cell's type is not known to the checker."""
    return list(table.itertuples())


def _pick(table: Table, **wanted: str | None) -> Table:
    chosen = table
    for column, value in wanted.items():
        if value is not None:
            chosen = chosen[chosen[column] == value]
    return chosen


def _need(table: Table, **wanted: str | None) -> Table:
    chosen = _pick(table, **wanted)
    if chosen.empty:
        asked = ", ".join(f"{k} {v!r}" for k, v in wanted.items() if v is not None)
        raise ClaimError(f"the audit finds no row with {asked}; check the claim's parameters")
    return chosen


def _same(references: Table, row: Any, *, any_period: bool = False) -> Table:
    found = _pick(references, entity=row.entity, metric=row.metric)
    return found if any_period else _pick(found, period=row.period)


def _in(unit: str, row: Any) -> float:
    return convert(float(row.value), str(row.unit), unit)


# --- rules -----------------------------------------------------------------------------------
def rule_sum(table: Table, references: Table, check: Mapping[str, Any]) -> list[Result]:
    """Add up a column and compare with the total that was said ("over X")."""
    rows = _need(table, entity=check["entity"], metric=check["metric"])
    rows = rows[(rows["period"] >= check["first"]) & (rows["period"] <= check["last"])]
    if rows.empty:
        raise ClaimError(f"the audit finds no period from {check['first']} to {check['last']}")
    total = sum(_in(check["unit"], row) for row in _rows(rows))
    said = float(check["said"])
    # "Over X" names the order of the total; a total of twice X and more is not what it says.
    verdict = "agrees" if said <= total <= 1.5 * said else "imprecise"
    if not said <= total <= 2 * said:
        verdict = "contradicted"
    remark = " (true as a bound, wrong as a size)" if total > 1.5 * said else ""
    return [
        (
            verdict,
            f"over {_number(said)} {check['unit']}",
            f"the column of {check['first']}-{check['last']} sums to {_number(total)} "
            f"{check['unit']}, {total / said:.1f} times that{remark}",
            "certain",
            "the table's own column",
        )
    ]


def rule_ratio(table: Table, references: Table, check: Mapping[str, Any]) -> list[Result]:
    """Divide two columns again and compare with the printed ratio, to its last printed digit."""
    printed = _need(table, entity=check["entity"], metric=check["metric"]).sort_values("period")
    worst, parts = 0.0, []
    for row in _rows(printed):
        top, bottom = (
            _rows(_need(table, entity=row.entity, metric=check[k], period=row.period))[0]
            for k in ("top", "bottom")
        )
        ratio = _in("USD bn", top) / _in("USD bn", bottom)
        worst = max(worst, abs(ratio - float(row.value)))
        parts.append(f"{ratio:.3f}")
    verdict = "agrees" if worst <= 0.005 + 1e-9 else "contradicted"
    said = ", ".join(f"{v:g}" for v in printed["value"])
    follows = f"the columns give {', '.join(parts)}"
    if "note" in check:
        follows += f"; {check['note']}"
    return [(verdict, said, follows, "certain", "the table's own columns")]


def rule_reference(table: Table, references: Table, check: Mapping[str, Any]) -> list[Result]:
    """Compare cells with outside figures of the same entity, metric and period."""
    rows = _need(table, entity=check.get("entity"), metric=check.get("metric"))
    out: list[Result] = []
    for metric, group in rows.groupby("metric", sort=False):
        pairs = [
            (row, _rows(_same(references, row))[0])
            for row in _rows(group)
            if len(_same(references, row))
        ]
        missing = [r for r in _rows(group) if not len(_same(references, r))]
        out += [_compare_cells(str(metric), pairs)] if pairs else []
        if missing and (pairs or check.get("metric")):
            out.append(
                (
                    "unsupported",
                    one_line([f"{r.entity} {r.period} {r.printed}" for r in missing]),
                    f"no outside {metric} of that name and period is among the references",
                    "possible",
                    "data/references.csv",
                )
            )
    return out


def _compare_cells(metric: str, pairs: list[tuple[Any, Any]]) -> Result:
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
    return (
        verdict,
        f"{metric}: {said} {pairs[0][0].unit}",
        f"outside figures are {theirs} {'/'.join(units)}, so the printed ones are "
        f"{low:.2f}{f' to {high:.2f}' if len(pairs) > 1 else ''} times those",
        "probable",
        "; ".join(dict.fromkeys(str(o.source) for _, o in pairs)),
    )


def rule_doubling(table: Table, references: Table, check: Mapping[str, Any]) -> list[Result]:
    """Recompute doubling times between record-setting rows, and quote a published growth rate."""
    rows = _need(table, metric=check["metric"]).sort_values("period")
    records: list[tuple[str, dt.date, float]] = []
    for row in _rows(rows):
        value = _in("USD m", row)
        if not records or value > records[-1][2]:
            records.append((str(row.entity), period_end(str(row.period)), value))
    parts, times = [], []
    for (_, d0, v0), (name, d1, v1) in itertools.pairwise(records):
        months = (d1 - d0).days / DAYS_A_MONTH
        times.append(months / math.log2(v1 / v0))
        parts.append(f"{v1 / v0:.1f}x in {months:.0f} months up to {name}: {times[-1]:.1f} months")
    if not times:
        raise ClaimError("a doubling time needs two rows, the later one above the earlier")
    limit = float(check["said_months"])
    verdict = "contradicted" if min(times) > limit else "agrees"
    growth = _pick(references, metric="growth_per_year")
    source = "the table's own rows"
    for row in _rows(growth):
        months = 12 * math.log(2) / math.log(float(row.value))
        parts.append(f"published growth of {row.value:g}x a year: {months:.1f} months")
        source += f"; {row.source}"
    said = str(check.get("said", f"doubles within {limit:g} months"))
    return [(verdict, said, "doubling took " + "; ".join(parts), "certain", source)]


def rule_score_gain(table: Table, references: Table, check: Mapping[str, Any]) -> list[Result]:
    """Recompute a gain in points, and say it as a cut of the error rate with its floor."""
    scores = {
        side: _in("percent", _rows(_need(table, entity=check[side], metric=check["metric"]))[0])
        for side in ("from", "to")
    }
    gain = scores["to"] - scores["from"]
    before, after = 100 - scores["from"], 100 - scores["to"]
    agrees = abs(gain - float(check["said"])) < 0.05 + 1e-9
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
    return [(verdict, f"only {check['said']} points", follows, "certain", source)]


def _slip(ratio: float) -> int:
    """Return the power of a thousand by which a ratio is off, 0 if it is not."""
    if ratio <= 0:
        return 0
    power = round(math.log10(ratio) / 3)
    return power if power and abs(math.log10(ratio) - 3 * power) < math.log10(1.5) else 0


def rule_unit(table: Table, references: Table, check: Mapping[str, Any]) -> list[Result]:
    """Find prices whose unit is off by a power of a thousand, by a reference or by their column."""
    rows = table[[unit_of(u).dimension == "price per token" for u in table["unit"]]]
    paid = rows[rows["value"] > 0]
    out: list[Result] = []
    for row in _rows(paid):
        outside = _same(references, row, any_period=True)
        if len(outside):
            ref = _rows(outside)[0]
            ratio = _in(str(ref.unit), row) / float(ref.value)
            sure, source = "certain" if ref.confidence == "A" else "probable", str(ref.source)
        else:
            others = paid.loc[paid.index != row.Index, ["value", "unit"]]
            if len(others) < 2:
                continue  # of two prices a thousandfold apart either may be the wrong one
            typical = float(
                pd.Series([convert(v, u, row.unit) for v, u in others.to_numpy()]).median()
            )
            ratio, sure, source = float(row.value) / typical, "possible", "the rest of its column"
        power = _slip(ratio)
        if power:
            right = float(row.value) / 1000.0**power
            out.append(
                (
                    "contradicted",
                    f"{row.entity} {row.metric} {row.value:g} {row.unit}",
                    f"it is {_number(right)} {row.unit}: the printed number is "
                    f"{'one thousandth' if power == -1 else f'1000^{power}'} of that, "
                    "a price per 1K tokens under a per-1M heading",
                    sure,
                    source,
                )
            )
    return out + _free(rows, references) + _direction(paid, references)


def _free(rows: Table, references: Table) -> list[Result]:
    out: list[Result] = []
    for row in _rows(rows[rows["value"] == 0]):
        for ref in _rows(_same(references, row, any_period=True)):
            out.append(
                (
                    "contradicted",
                    f"{row.entity} free",
                    f"hosts list it at about {_number(float(ref.value))} {ref.unit}; {ref.note}",
                    "probable",
                    str(ref.source),
                )
            )
    return out


def _direction(paid: Table, references: Table) -> list[Result]:
    """Say what a unit slip does to the trend: price change from first to last row of a metric."""
    out: list[Result] = []
    for metric, group in paid.groupby("metric"):
        rows = _rows(group.sort_values("period"))
        found = [_rows(_same(references, r, any_period=True)) for r in rows]
        refs = [matches[0] if matches else None for matches in found]
        if len(rows) < 2 or refs[0] is None or refs[-1] is None:
            continue
        printed = _in(str(rows[0].unit), rows[-1]) / float(rows[0].value)
        real = _in(str(refs[0].unit), refs[-1]) / float(refs[0].value)
        if (printed > 1) != (real > 1):
            out.append(
                (
                    "contradicted",
                    f"{metric} from {rows[0].entity} to {rows[-1].entity} up {printed:.0f}x",
                    f"with the units mended it fell {1 / real:.0f}x: the slip turns the conclusion "
                    "round",
                    "certain",
                    str(refs[0].source),
                )
            )
    return out


HOMES = {"low": "energy_low", "high": "energy_high", "said": "homes_equivalent"}
"""Metrics of the range and of the number of homes, where a check does not name others."""


def rule_homes(table: Table, references: Table, check: Mapping[str, Any]) -> list[Result]:
    """Divide an energy range by the yearly use of a home."""
    use = _rows(_need(references, metric=check.get("each", "annual_electricity")))[0]
    low, high, said = (
        _rows(_need(table, entity=check["entity"], metric=check.get(name, metric)))[0]
        for name, metric in HOMES.items()
    )
    homes = [_in("MWh", row) / _in("MWh", use) for row in (low, high)]
    number = float(said.value)
    inside = homes[0] <= number <= homes[1]
    near = 0.9 * homes[0] <= number <= 1.1 * homes[1]
    upper = abs(number - homes[1]) <= abs(number - homes[0])
    end = f"only the {'upper' if upper else 'lower'} end comes near"
    return [
        (
            "agrees" if inside else "imprecise" if near else "contradicted",
            f"{said.value:,.0f} homes",
            f"{low.value:g}-{high.value:g} {low.unit} are {homes[0]:,.0f} to {homes[1]:,.0f} homes at "
            f"{use.value:g} {use.unit} each; {end if inside or near else 'neither end comes near'}",
            "probable",
            str(use.source),
        )
    ]


def rule_stale(table: Table, references: Table, check: Mapping[str, Any]) -> list[Result]:
    """Compare a stated figure with the newest one known on the statement's date."""
    out: list[Result] = []
    rows = _need(table, entity=check.get("entity"), metric=check["metric"])
    for row in _rows(as_printed(rows)):  # what was said, not what is known besides
        known = _same(references, row, any_period=True).sort_values("reported_on")
        if known.empty:
            continue
        newest = _rows(known)[-1]
        factor = convert(float(newest.value), str(newest.unit), str(row.unit)) / float(row.value)
        steps = ", ".join(f"{_number(float(k.value))} ({k.reported_on})" for k in _rows(known))
        out.append(
            (
                "agrees" if 0.9 <= factor <= 1.1 else "outdated",
                f"{row.entity} {row.printed}",
                f"known by then: {steps} {newest.unit}; the newest is {factor:.1f} times what was said",
                "probable",
                "; ".join(dict.fromkeys(str(k.source) for k in _rows(known))),
            )
        )
    return out


def rule_range(table: Table, references: Table, check: Mapping[str, Any]) -> list[Result]:
    """Ask whether a reported figure lies within a stated range."""
    low, high = (
        _rows(_need(table, entity=check["entity"], metric=check[side]))[0]
        for side in ("low", "high")
    )
    ref = _rows(_need(references, entity=check["entity"], metric=check["low"]))[0]
    value = convert(float(ref.value), str(ref.unit), str(low.unit))
    inside = float(low.value) <= value <= float(high.value)
    return [
        (
            "agrees" if inside else "contradicted",
            f"{low.value:g} to {high.value:g} {low.unit}",
            f"{_number(value)} {low.unit} was reported for {ref.period}",
            "probable",
            str(ref.source),
        )
    ]


RULES: Mapping[str, Callable[[Table, Table, Mapping[str, Any]], list[Result]]] = {
    "sum": rule_sum,
    "ratio": rule_ratio,
    "reference": rule_reference,
    "doubling": rule_doubling,
    "score_gain": rule_score_gain,
    "unit": rule_unit,
    "homes": rule_homes,
    "stale": rule_stale,
    "range": rule_range,
}


def audit_claims(known: Known, references: Table, claims: Sequence[Claim]) -> tuple[Finding, ...]:
    """Put every factual claim to its rule.

    Parameters
    ----------
    known
        The result of :func:`forecast.tables.vintages.as_of`.
    references
        Outside figures of the same schema; only those reported by the claim's date are used.
    claims
        From :func:`forecast.claims.read.read_claims`; those of another kind are passed over.

    Returns
    -------
    tuple of Finding
        At least one a factual definition.

    Raises
    ------
    DataError
        If `known` did not come from ``as_of``.
    ClaimError
        If a claim names a rule that there is not, or a parameter of it is not what it must be or
        names numbers of another dimension.
    """
    table = require_known(known).rows
    findings: list[Finding] = []
    for claim in claims:
        outside = references
        if claim.kind == "fact":
            outside = as_of(references, claim.source_date).rows
        for definition in claim.definitions:
            if definition.check is None:
                continue
            where = f"claim {claim.id!r}, definition {definition.id!r}"
            check_rule(definition.check, f"{where}, check")
            name = str(definition.check["rule"])
            try:
                results = RULES[name](table, outside, definition.check)
            except ClaimError as error:
                # A user's own table need not hold the article's rows.
                results = [("not in the table", claim.text, str(error), "certain", "the table")]
            except ZeroDivisionError:
                why = "a number to divide by is zero"
                results = [("not in the table", claim.text, why, "certain", "the table")]
            except DataError as error:
                raise ClaimError(f"{where}: {error}") from error
            if not results:
                results = [
                    ("agrees", claim.text, "the rule found nothing against it", "possible", "")
                ]
            for verdict, said, follows, sure, source in results:
                findings.append(
                    Finding(claim.id, definition.id, name, verdict, said, follows, sure, source)
                )
    return tuple(findings)


def sentences(findings: Sequence[Finding]) -> dict[tuple[str, str], str]:
    """Return the findings as sentences by (claim id, definition id), worst first."""
    grouped: dict[tuple[str, str], list[Finding]] = {}
    for finding in findings:
        grouped.setdefault((finding.claim, finding.definition), []).append(finding)
    return {
        key: " ".join(f.sentence for f in sorted(group, key=lambda f: VERDICTS.index(f.verdict)))
        for key, group in grouped.items()
    }
