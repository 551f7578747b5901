"""Tagged figures of filings: what SEC company facts hold, read entry by entry.

Invariant: an entry becomes a figure in US dollars of a periodic report, or it is told why not; it never
stands in another's way. ``tests/test_edgar.py`` puts nonsense in the place of every part of an answer.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

from forecast.core.errors import DataError
from forecast.core.periods import parse_date
from forecast.core.text import shortened

METRICS: Mapping[str, tuple[str, ...]] = {
    "capex": (
        "PaymentsToAcquirePropertyPlantAndEquipment",
        "PaymentsToAcquireProductiveAssets",
    ),
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
"""The us-gaap tags of a metric; where several say the same for one period, the first is named."""

IFRS: Mapping[str, tuple[str, ...]] = {
    "capex": ("PurchaseOfPropertyPlantAndEquipmentClassifiedAsInvestingActivities",),
    "revenue": ("Revenue",),
    "operating_cash_flow": ("CashFlowsFromUsedInOperatingActivities",),
    "depreciation_amortization": (
        "DepreciationAndAmortisationExpense",
        "AdjustmentsForDepreciationAndAmortisationExpense",
    ),
    "depreciation_ppe": ("DepreciationPropertyPlantAndEquipment",),
}
"""The ifrs-full tags of a metric, for companies that report under IFRS."""

PARTS: Mapping[str, tuple[str, ...]] = {
    # Productive assets are property, plant and equipment, and software and other intangibles with it.
    "PaymentsToAcquireProductiveAssets": ("PaymentsToAcquirePropertyPlantAndEquipment",),
    # Revenues are those from contracts with customers, and from leases, interest, hedges and the like;
    # sales were a part of them before 2018.
    "Revenues": ("RevenueFromContractWithCustomerExcludingAssessedTax", "SalesRevenueNet"),
    # Depletion comes on top, and depreciation in the cost of what is sold, which the other leaves out.
    "DepreciationDepletionAndAmortization": ("DepreciationAndAmortization",),
}
"""What a tag contains by the calculation trees and definitions of the US GAAP taxonomy: total first."""

PERIODIC = frozenset({"10-K", "10-Q", "10-KT", "10-QT", "20-F", "40-F", "6-K"})
"""Forms of periodic reports; each may be amended, with ``/A`` behind. A proxy statement or a prospectus
repeats figures for another purpose, and in the unit of its own table."""

LONG_AGO = 50
"""Years after which no report repeats a figure; a wrong century is one digit."""

type Json = Any
"""Parsed JSON that somebody else made: of any shape until it is checked."""


def tags_of(metric: str) -> tuple[str, ...]:
    """Return a metric's tags: of US GAAP, then of IFRS."""
    return (*METRICS[metric], *IFRS[metric])


def tag_name(tag: str) -> str:
    """Return a tag with its taxonomy, as filings write it.

    Examples
    --------
    >>> tag_name("Revenues"), tag_name("Revenue")
    ('us-gaap Revenues', 'ifrs-full Revenue')
    """
    return f"{'us-gaap' if any(tag in tags for tags in METRICS.values()) else 'ifrs-full'} {tag}"


@dataclasses.dataclass(frozen=True)
class Fact:
    """One tagged figure of one filing, in US dollars, for a period and not for a day.

    `rival` is another value that the same filing gives under the same tag for the same period, if it
    gives two: the larger is `value`.
    """

    tag: str
    start: dt.date
    end: dt.date
    value: Decimal
    accession: str
    form: str
    filed: dt.date
    rival: Decimal | None = None

    @property
    def days(self) -> int:
        """Length in days, first and last counted."""
        return (self.end - self.start).days + 1


@dataclasses.dataclass(frozen=True)
class Reading:
    """What company facts say under some tags.

    Attributes
    ----------
    facts
        The figures of periodic reports, by filing date and accession number.
    bad
        A kind of fault and the place, for each entry that is none.
    forms
        The form of each figure that stands in no periodic report.
    units
        Units other than US dollars in which there are figures.
    """

    facts: tuple[Fact, ...]
    bad: tuple[tuple[str, str], ...] = ()
    forms: tuple[str, ...] = ()
    units: frozenset[str] = frozenset()


def read_facts(content: Json, tags: Sequence[str], name: str) -> Reading:
    """Return the figures under the given tags; what is none is told, and stands in no other's way.

    Raises
    ------
    DataError
        If the content as a whole has not the shape of SEC company facts.
    """
    taxonomies = content.get("facts") if isinstance(content, Mapping) else None
    if not isinstance(taxonomies, Mapping):
        got = type(content if taxonomies is None else taxonomies).__name__
        raise DataError(
            f"{name}: got something that has not the shape of SEC company facts: wanted an object with "
            f"facts by taxonomy, got {got}"
        )
    facts: list[Fact] = []
    bad: list[tuple[str, str]] = []
    forms: list[str] = []
    others: set[str] = set()
    for tag in tags:
        taxonomy, _ = tag_name(tag).split()
        try:
            units = _inner(_inner(_inner(taxonomies, taxonomy), tag), "units")
            others |= {str(unit) for unit, items in units.items() if unit != "USD" and items}
            items = units.get("USD", [])
            if not isinstance(items, list):
                raise DataError("a tag without a list of figures")
        except DataError as error:
            bad.append((str(error), tag_name(tag)))
            continue
        for item in items:
            try:
                fact = _fact(tag, item)
            except DataError as error:
                bad.append((str(error), f"{tag_name(tag)}: {shortened(repr(item), 200)}"))
                continue
            if isinstance(fact, str):
                forms.append(fact)
            elif fact is not None:
                facts.append(fact)
    return Reading(tuple(_once(facts)), tuple(bad), tuple(forms), frozenset(others))


def _once(facts: Sequence[Fact]) -> list[Fact]:
    """Return figures by filing date, one for each tag and period of a filing."""
    found: dict[tuple[object, ...], Fact] = {}
    for fact in sorted(facts, key=lambda f: (f.filed, f.accession, f.value)):
        key = (fact.tag, fact.start, fact.end, fact.accession)
        before = found.get(key)
        if before is not None and before.value != fact.value:
            fact = dataclasses.replace(fact, rival=before.value)
        found[key] = fact
    return list(found.values())


def _inner(outer: Mapping[str, Json], key: str) -> Mapping[str, Json]:
    found = outer.get(key, {})
    if not isinstance(found, Mapping):
        raise DataError("a taxonomy or tag that is no object")
    return found


def _fact(tag: str, item: Json) -> Fact | str | None:
    """Return a figure, the form it stands in if that is no periodic report, or None for one of a day.

    Raises
    ------
    DataError
        With the kind of fault, for what is no figure.
    """
    if not isinstance(item, Mapping):
        raise DataError("an entry that is no figure")
    if "start" not in item and "end" in item:
        return None
    form = item.get("form")
    if not isinstance(form, str) or not re.fullmatch(r"[0-9A-Za-z/. -]{1,20}", form):
        raise DataError("a figure without the form of its filing")
    form = form.strip().upper()
    if form.removesuffix("/A") not in PERIODIC:
        return form
    accession = item.get("accn")
    if not isinstance(accession, str) or not re.fullmatch(r"[0-9A-Za-z-]{1,25}", accession):
        raise DataError("a figure without the accession number of its filing")
    start, end, filed = (_day(item, key) for key in ("start", "end", "filed"))
    if end < start:
        raise DataError("a period that ends before it starts")
    if filed.year - end.year > LONG_AGO:
        raise DataError(f"a period that ended over {LONG_AGO} years before it was filed")
    return Fact(tag, start, end, _amount(item.get("val")), accession, form, filed)


def _day(item: Mapping[str, Json], key: str) -> dt.date:
    try:
        day = parse_date(item.get(key, ""))
    except DataError:
        raise DataError(f"a date that cannot be read ({key})") from None
    if not 1900 <= day.year <= 2200:
        raise DataError(f"a date outside 1900 to 2200 ({key})")
    return day


def _amount(value: object) -> Decimal:
    """Return a value as a decimal, exactly; no company's has 17 digits before the point."""
    try:
        if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
            raise InvalidOperation
        amount = Decimal(str(value)) if isinstance(value, float) else Decimal(value)
        if not (amount.is_finite() and -20 <= amount.adjusted() < 16):
            raise InvalidOperation
    except InvalidOperation:
        raise DataError("a value that is no amount of money (val)") from None
    return amount
