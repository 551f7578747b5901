"""What a title, or the name of a sheet or a file, says of all numbers of a table.

Invariant: it names a company only if nothing else in it could make the numbers another's, or none that
was reported: an unknown word is asked for.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from forecast.core.errors import DataError
from forecast.core.text import one_line, shortened
from forecast.tables.desk.period_words import (
    length_word,
    quarter_alone,
    says_only_length,
    spelled,
)
from forecast.tables.desk.unit_words import unit_words

_GUIDANCE = r"guidance|outlook|targets?"
_NO_REPORT = (
    r"consensus|whisper|street|estimates?|estimated|budget(?:ed)?|forecasts?|project(?:ed|ions?)"
    r"|pro[\s-]?forma|preliminary|(?:bull|bear|base|upside|downside)[\s-]case|scenarios?"
    r"|management\s+plan|constant[\s-](?:currency|currencies)|annuali[sz]ed|run[\s-]?rate"
    r"|europe(?:an)?|asian?|apac|emea|north\s+american?|only"
)
_PART = (
    r"segments?|regions?|divisions?|americas?|international|cloud|aws|azure|labs|apps|change|growth|yoy"
    r"|qoq|year-on-year|quarter-on-quarter|peers?"
)
MOST_LETTERS = 80
"""A longer text above a table is no title."""

_WORDS = """
a an and as at by for from in of on or the to with our inc corp corporation co plc ltd platforms
com nasdaq nyse nys nms class company group consolidated total income statement statements cash
flow flows balance sheet sheets p&l pnl profit loss is bs cf financial financials finance
quarterly quarter quarters annual year years yearly fiscal calendar results result reported report
reports reporting key figures figure numbers number data metrics metric kpi kpis actual actuals
historical historicals history historic summary overview highlights table tables line items item
desk file files export download input inputs new old final copy draft update updated version
earnings release press filing filings 10-k 10-q 8-k sec gaap unaudited audited amounts amount
values value period periods ended ending end months month date currency unit units million
millions thousand thousands billion billions usd cumulative ytd ltm ttm trailing last rolling
except per share otherwise noted stated half halves test example sample source sources expenditure
expenditures spending investment
"""
_HARMLESS = frozenset(_WORDS.split())
"""Words in the name of a table that leave its numbers what they are."""


def not_reported(text: str, guided: bool = False) -> str:
    """Return the words of a title that say that numbers are no report; guidance may be what is told.

    Examples
    --------
    >>> not_reported("Consensus estimates as of 28 July 2026"), not_reported("Reported figures")
    ('Consensus', '')
    """
    if len(text) > MOST_LETTERS:
        return ""
    words = _NO_REPORT if guided else f"{_NO_REPORT}|{_GUIDANCE}"
    found = re.search(rf"(?i)\b(?:{words})\b", text.replace("_", " "))
    return found[0] if found else ""


def _another(text: str, guided: bool) -> str:
    """Return the words of a title that say that numbers are no report, or a part of a company's."""
    part = re.search(rf"(?i)\b(?:{_PART})\b", text.replace("_", " "))
    return not_reported(text, guided) or (part[0] if part and len(text) <= MOST_LETTERS else "")


def companies_in(
    text: str, company: Callable[[str], str], metric: Callable[[str], str]
) -> tuple[set[str], list[str]]:
    """Return the companies that a text names, and the words that are neither of them nor harmless.

    Examples
    --------
    >>> who = {"Meta": "META", "Meta Platforms": "META"}
    >>> companies_in("Meta Platforms: results 2026 ($m)", lambda t: who.get(t, ""), lambda t: "")
    ({'META'}, [])
    >>> companies_in("Snap peers Meta", lambda t: who.get(t, ""), lambda t: "")
    ({'META'}, ['Snap', 'peers'])
    """
    bare = re.sub(
        r"[(\[]([^()\[\]]*)[)\]]",
        lambda found: " " if unit_words(found[1]) else f" {found[1]} ",
        text.replace("_", " "),
    )
    words = [re.sub(r"['’]s$", "", w.strip(".,:;|\"'-–—+")) for w in bare.split()]
    words = [word for word in words if re.search(r"[^\W_]", word) or unit_words(word)]
    found: set[str] = set()
    rest: list[str] = []
    at = 0
    while at < len(words):
        for length in range(min(6, len(words) - at), 0, -1):
            run = " ".join(words[at : at + length])
            if name := company(run):
                found.add(name)
            elif not (metric(run) or _is_harmless(run)):
                continue
            at += length
            break
        else:
            rest.append(words[at])
            at += 1
    return found, rest


def _is_harmless(run: str) -> bool:
    if run.lower() in _HARMLESS or re.fullmatch(r"v?[\d.]+", run.lower()):
        return True
    if spelled(run) or quarter_alone(run) or unit_words(run):
        return True
    return (
        says_only_length(run)
        or length_word(run) is not None
        or bool(
            "-" in run
            and all(part.lower() in _HARMLESS or part.isdigit() for part in run.split("-"))
        )
    )


def _quoted(text: str, where: str) -> str:
    """Return a title as it is quoted after its place, which may have named it already."""
    return "" if text in where else f" {shortened(text, 60)!r}"


def company_of(
    places: Sequence[tuple[str, Sequence[str]]],
    company: Callable[[str], str],
    metric: Callable[[str], str],
    guided: bool,
    name: str,
) -> tuple[str, str]:
    """Return the one company that a title, the sheet's or the file's name names, and which of them.

    Parameters
    ----------
    places
        What they are called, and their texts, the nearest to the table first.
    company, metric
        The name of what is known under a text; empty if nothing is.
    guided
        Whether the table is one of guidance.
    name
        The file, for messages.

    Raises
    ------
    DataError
        If it names two, or says more than whose the numbers are.
    """
    for where, texts in places:
        read = {text: companies_in(text, company, metric) for text in texts}
        named = {one for found, _ in read.values() for one in found}
        if not named:
            continue
        about = [text for text, (found, _) in read.items() if found]
        doubts = [(t, word) for t in texts if (word := _another(t, guided))]
        clear = any(found and not rest for found, rest in read.values())
        unknown = [] if clear else [(text, one_line(read[text][1])) for text in about]
        if len(named) > 1:
            raise DataError(
                f"{name}: got {one_line(sorted(named))} in {where}"
                f"{_quoted(one_line(about), where)}; wanted one company: say whose all "
                "numbers are with --entity NAME"
            )
        for text, words in doubts or unknown:
            raise DataError(
                f"{name}: got {words!r} beside {one_line(sorted(named))} in {where}"
                f"{_quoted(text, where)}; wanted the name of a company and no more, since such words "
                "may make them other numbers than those it reported: say --entity NAME if they are "
                "its own, or take the words out"
            )
        return named.pop(), where
    return "", ""
