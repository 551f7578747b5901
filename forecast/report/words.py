"""Numbers and cells as a reader of the memo sees them."""

from __future__ import annotations

import math
from collections.abc import Mapping

from forecast.core.text import percent
from forecast.news.statistics import signed


def significant(value: float, digits: int = 2) -> str:
    """Return a number rounded to significant digits, with thousands separators, no exponent.

    Examples
    --------
    >>> significant(237.4), significant(1732.9), significant(0.0626)
    ('240', '1,700', '0.063')
    """
    if value == 0 or not math.isfinite(value):
        return f"{value:g}"
    places = digits - 1 - math.floor(math.log10(abs(value)))
    rounded = round(value, places)
    return f"{rounded:,.{max(places, 0)}f}"


def points(value: float, error: float) -> str:
    """Return a change of probability in percentage points with its Monte-Carlo error."""
    return signed(100 * value, f"± {100 * error:.1f}")


def cell(text: object) -> str:
    """Return text that can stand in a Markdown table."""
    return str(text).replace("|", "\\|").replace("\n", " ")


def short(digest: str) -> str:
    """Return the first characters of a hash, enough to tell two apart."""
    return digest[:12]


def shorter(digest: str) -> str:
    """Return the first six characters of a hash, for a cell of a table."""
    return digest[:6]


def counted(pair: tuple[float | None, int]) -> str:
    """Return a probability and its number of draws as text, with the bound where it is 0 or 1."""
    return percent(pair[0], pair[1])


def capitalised(text: str) -> str:
    """Return text with its first letter as a capital, the rest as it is."""
    return text[:1].upper() + text[1:]


def pairs(mapping: Mapping[str, str]) -> str:
    """Return names and values in a row."""
    return ", ".join(f"{name} {value}" for name, value in mapping.items())


def unbroken(text: str) -> str:
    """Return text whose ranges do not break at the end of a line."""
    return text.replace("–", "\N{WORD JOINER}–\N{WORD JOINER}")
