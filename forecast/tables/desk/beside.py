"""What stands beside a figure in a column that nobody reads, and may change what the figure is.

Invariant: a column of remarks is passed over; one that says what the numbers are, or in which a cell
says that a number is no report, goes with its figures: each of its cells is harmless or asked for.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable

from forecast.tables.cells import NUMBER, Cell
from forecast.tables.desk import numerals
from forecast.tables.desk.period_words import length_said, length_word, quarter_alone, spelled
from forecast.tables.desk.unit_words import unit_words


@dataclasses.dataclass(frozen=True)
class Beside:
    """A cell beside a figure.

    Attributes
    ----------
    header
        That of its column; empty if it has none.
    cell
        What stands there.
    period
        Whether it is a period too.
    remark
        The column that it is kept in, if it is a remark which says that the number is no report.
    """

    header: str
    cell: Cell
    period: bool = False
    remark: str = ""


_HEADERS = frozenset({
    "type", "datatype", "valuetype", "figuretype", "recordtype", "measuretype", "kind", "nature",
    "scenario", "case", "region", "regions", "geography", "geographicregion", "geographicsegment",
    "country", "segment", "segments", "businesssegment", "reportingsegment", "division", "business",
    "businessunit", "product", "products", "productline", "productgroup", "channel", "status",
    "version", "basis", "accountingbasis", "reportingbasis", "accounting", "gaap", "gaapnongaap",
    "adjustment", "adjustments", "adjusted", "estimate", "estimated", "forecast", "actualforecast",
    "actualestimate", "actualorestimate", "actualorforecast", "ae", "af", "breakdown", "component",
    "part", "subsidiary", "brand", "annualised", "annualized", "runrate", "proforma",
    "constantcurrency", "consensus", "fx",
})  # fmt: skip
"""Headers of columns that say what a number is, without spaces and signs."""

_TELLING = frozenset({
    "forecast", "forecasts", "fcst", "estimate", "estimates", "estimated", "projected",
    "projection", "budget", "budgeted", "plan", "planned", "target", "consensus", "bull",
    "bullcase", "bear", "bearcase", "base", "basecase", "upside", "downside", "proforma", "nongaap",
    "guidance", "preliminary", "constantcurrency", "constantcurrencies", "cc", "annualised",
    "annualized", "runrate",
})  # fmt: skip
"""Cells that say under any header that a number is no report."""

_HARMLESS = frozenset({
    "total", "totals", "totalcompany", "totalgroup", "grouptotal", "consolidated",
    "consolidatedtotal", "group", "company", "companywide", "all", "allsegments", "allregions",
    "overall", "worldwide", "world", "global", "actual", "actuals", "a", "act", "reported",
    "asreported", "historical", "final", "published", "filed", "audited", "unaudited", "gaap",
    "usgaap", "ok", "done", "no", "n", "none", "false", "q", "quarter", "quarters",
    "8k", "8ka", "6k", "earningsrelease", "pressrelease",
})  # fmt: skip
"""What says that a number is what it would be without the column."""


def _plain(text: str) -> str:
    return re.sub(r"[\W_]", "", text.lower())


def changes_figures(header: str, cells: Iterable[Cell]) -> bool:
    """Return whether a column that is not read may change what the figures are.

    Examples
    --------
    >>> changes_figures("Region", []), changes_figures("Analyst", [Cell("Jo")])
    (True, False)
    >>> changes_figures("Our view", [Cell("Bull")])
    True
    """
    texts = {cell.text for cell in cells if cell.kind != NUMBER and 0 < len(cell.text) <= 40}
    return _plain(header) in _HEADERS or any(
        _plain(text) in _TELLING or length_said(text) or length_word(text) or quarter_alone(text)
        for text in texts
    )


def is_quarter_of_year(cells: Iterable[Cell], periods: Iterable[Cell]) -> bool:
    """Return whether a column that is not read holds 1 to 4 beside years: quarters, under any name.

    Examples
    --------
    >>> is_quarter_of_year([Cell("4"), Cell("1")], [Cell("2025"), Cell("2026")])
    True
    """
    told = {cell.text for cell in cells if cell.text}
    of = [spelled(cell.text) for cell in periods if cell.text]
    years = bool(of) and all(one is not None and one.kind == "year" for one in of)
    return years and bool(told) and told <= set("1234")


def beside(header: str, cell: Cell, period: bool = False) -> Beside:
    """Return what stands beside a figure; the name of a quarter is a period under any header."""
    return Beside(header, cell, period or bool(quarter_alone(cell.text)))


_SAYS_NO_REPORT = re.compile(
    r"(?i)\b(?:consensus|whisper|estimates?|budget"
    r"|pro[\s-]?forma|constant[\s-]currency|annuali[sz]ed|run[\s-]?rate)\b"
)
_COMPARED = re.compile(
    r"(?i)\b(?:beat|beats|miss|missed|misses|above|below|vs|versus|than|over|under|against|ahead|line"
    r"|no|not|revised|without)\b"
)


def says_no_report(remark: str) -> bool:
    """Return whether a remark says that its number is no report, and does not only compare it with one.

    Examples
    --------
    >>> says_no_report("FactSet consensus"), says_no_report("beat consensus"), says_no_report("10-Q")
    (True, False, False)
    """
    return bool(_SAYS_NO_REPORT.search(remark)) and not _COMPARED.search(remark)


def is_harmless(cell: Cell) -> bool:
    """Return whether a cell changes nothing: a total, a report, a number, a mark.

    Examples
    --------
    >>> [is_harmless(Cell(text)) for text in ("Total", "As reported", "60bn", "*", "n/a")]
    [True, True, True, True, True]
    >>> is_harmless(Cell("Forecast")), is_harmless(Cell("North America"))
    (False, False)
    """
    text = cell.text
    if cell.fault or _plain(text) in _HARMLESS or numerals.is_empty(text):
        return not cell.fault
    parts = numerals.numeral(text)
    number = parts.body and (not parts.words or unit_words(parts.words))
    return bool(number) or not re.search(r"[^\W\d_]", text)
