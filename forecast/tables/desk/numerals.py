"""Numbers as people write them: grouped, in brackets, with a currency, a scale or a percent sign.

Invariant: no factor of a thousand is guessed. Where one sign could be the decimal sign or part the
thousands, and nothing in the column tells, the number is not read.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable

POINT, COMMA = "point", "comma"
"""The two decimal signs."""

EMPTY = frozenset(
    {"", "-", "--", "–", "—", "−", "n/a", "na", "n.a.", "n.a", "nm", "n/m", "n.m.", "tbd", "."}
)
"""What stands in a cell that holds no number, in lower case."""

_BODY = re.compile(r"[0-9][0-9.,' ]*|[.,][0-9]+")
_GROUPED = re.compile(r"[0-9]{1,3}(?:([.,' ])[0-9]{3})(?:\1[0-9]{3})*")
_SIGNS = str.maketrans({
    "\u00a0": " ", "\u2007": " ", "\u2009": " ", "\u202f": " ", "\u2212": "-", "\u2013": "-",
    "\ufe63": "-", "\u2010": "-", "\u2011": "-", "\u2014": "-", "\u2019": "'", "\u02bc": "'",
})  # fmt: skip
"""Spaces and signs of typesetters, and what they stand for in a number."""


@dataclasses.dataclass(frozen=True)
class Numeral:
    """A number in parts.

    Attributes
    ----------
    minus
        Whether it is below zero.
    body
        Its digits with the signs between them; empty if there is no number in the text.
    words
        What stands before and after: a currency, a scale, a percent sign.
    """

    minus: bool
    body: str
    words: str


def is_empty(text: str) -> bool:
    """Return whether a cell says that there is no number."""
    return text.strip().lower() in EMPTY


def numeral(text: str) -> Numeral:
    """Return a number in parts: sign or brackets, digits, and the words around it.

    Examples
    --------
    >>> numeral("($1,234)")
    Numeral(minus=True, body='1,234', words='$')
    >>> numeral("34.9bn")
    Numeral(minus=False, body='34.9', words='bn')
    >>> numeral("34.9 (USD bn)")
    Numeral(minus=False, body='34.9', words='USD bn')
    """
    plain = text.translate(_SIGNS).strip()
    inner = re.fullmatch(r"(.*?)\((.*)\)(.*)", plain)
    if inner:
        around = re.search("[0-9]", inner[1] + inner[3])
        if around and re.search("[0-9]", inner[2]):
            return Numeral(False, "", plain)  # a footnote, or two numbers
        plain = f"{inner[1]}{inner[2]}{inner[3]}".strip()
        inner = None if around else inner  # brackets about words say nothing of the sign
    found = _BODY.search(plain)
    if found is None or re.search(r"\d", plain[found.end() :]):
        return Numeral(False, "", plain)
    before, after = plain[: found.start()].strip(), plain[found.end() :].strip()
    if found[0][-1] in ".," and after.startswith("-"):  # "1.234,-": no cents, not a sign
        return Numeral(False, "", plain)
    signs = re.findall(r"[-+]", before) + re.findall(r"^-$", after)
    if len(signs) > (0 if inner else 1) or re.search(r"[-+]", after[1:]):
        return Numeral(False, "", plain)
    words = f"{re.sub(r'[-+]', ' ', before)} {after.strip('-')}".strip()
    return Numeral(bool(inner) or signs == ["-"], found[0].strip(), words)


def shown_by(body: str) -> str:
    """Return which decimal sign a number's digits show by themselves; empty if none, or either.

    Examples
    --------
    >>> [shown_by(body) for body in ("1,234.5", "1.234,5", "0.125", "34.900", "1.234.567", "1234")]
    ['point', 'comma', 'point', '', 'comma', '']
    """
    points, commas = body.count("."), body.count(",")
    if points and commas:
        return POINT if body.rindex(".") > body.rindex(",") else COMMA
    if not points and not commas:
        return ""
    sign, other = (".", ",") if points else (",", ".")
    if points + commas > 1:  # a number has one decimal sign: this one parts the thousands
        return POINT if other == "." else COMMA
    whole, _, part = body.partition(sign)
    if len(part) != 3 or not 1 <= len(whole) <= 3 or whole.startswith("0"):
        return POINT if sign == "." else COMMA
    return ""


def told_by(bodies: Iterable[str]) -> set[str]:
    """Return the decimal signs that the numbers of a column show by themselves."""
    shown = ((body, shown_by(body)) for body in bodies)
    return {sign for body, sign in shown if sign and value_of(body, sign) is not None}


def value_of(body: str, decimal: str) -> float | None:
    """Return the number that digits are under a decimal sign, or None if they are none.

    Examples
    --------
    >>> value_of("1.234,5", "comma"), value_of("1 234", "point"), value_of("1,23", "point")
    (1234.5, 1234.0, None)
    """
    sign = "." if decimal == POINT else ","
    whole, there, part = body.partition(sign)
    if (there and not part.isdecimal() and part) or not (whole or part):
        return None
    if whole and not (whole.isdecimal() or _GROUPED.fullmatch(whole)):
        return None
    return float(f"{re.sub(r'[^0-9]', '', whole) or '0'}.{part or '0'}")
