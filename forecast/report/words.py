"""Numbers and foreign text as a reader of the memo sees them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from forecast.core.text import percent, signed, visible

if TYPE_CHECKING:
    from forecast.evaluation.sensitivity import Sensitivity

CHECKS = (
    "The gate of a fit is the set of convergence checks that its draws must pass: R-hat compares the "
    "chains with each other and is one where they agree; bulk and tail ESS, effective sample sizes, "
    "say how many independent draws those in the middle and in the tails are worth."
)
"""What a gate and its two commonest checks are, for a reader who meets them in the memo."""


class Markdown(str):
    """Text that is Markdown already, in which nothing is to be escaped."""

    __slots__ = ()


# What may begin something within a line. An underscore between letters, a "<" before a space or a
# digit, and a dollar before a digit begin nothing, and stay as they are for who reads memo.md itself.
_INLINE = re.compile(
    r"[\\`*\[\]|~]|(?<![^\W_])_|_(?![^\W_])|<(?![\s\d])|&(?=[#A-Za-z])|\$(?!\d)|#+$"
)
# What may begin a block, at the start of a line.
_BLOCK = re.compile(r"[#>=]|[-+](?:[\s-]|$)|:-")
_NUMBERED = re.compile(r"\d{1,9}[.)](?:\s|$)")


def escaped(value: object) -> Markdown:
    r"""Return Markdown that shows exactly this text, wherever it stands; Markdown is left as it is.

    By the rules of CommonMark 0.31 and of GitHub's tables; an escape before any ASCII punctuation
    stands for the character itself.

    Examples
    --------
    >>> escaped("**a**(b) | <AI>"), escaped("1. x"), escaped("> 99 %"), escaped("< 1 %")
    ('\\*\\*a\\*\\*(b) \\| \\<AI>', '1\\. x', '\\> 99 %', '< 1 %')
    """
    if isinstance(value, Markdown):
        return value
    text = visible(value)
    first = _NUMBERED.match(text)
    if first:
        digits = len(first[0].rstrip()) - 1
        return Markdown(f"{text[:digits]}\\{_INLINE.sub(_escape, text[digits:])}")
    begins = "\\" if _BLOCK.match(text) and not _INLINE.match(text) else ""
    return Markdown(begins + _INLINE.sub(_escape, text))


def _escape(found: re.Match[str]) -> str:
    return "".join(f"\\{character}" for character in found[0])


def points(value: float, error: float) -> str:
    """Return a change of probability in percentage points with its Monte-Carlo error."""
    return signed(100 * value, f"± {100 * error:.1f}")


def evidence(one: Sensitivity | None) -> str:
    """Return how much of an answer is evidence, and what moves its odds most where that is much."""
    if one is None:
        return "not tested"
    plain = one.grade in ("mostly data", "too rare to grade")
    return one.grade if plain else f"{one.grade} ({one.moved_by})"


def short(digest: str) -> str:
    """Return the first characters of a hash, enough to tell two apart."""
    return digest[:12]


def shorter(digest: str) -> str:
    """Return the first six characters of a hash, for a cell of a table."""
    return digest[:6]


def counted(pair: tuple[float | None, int]) -> str:
    """Return a probability and its number of draws as text, with the bound where it is 0 or 1."""
    return percent(pair[0], pair[1])


def pairs(mapping: Mapping[str, str]) -> str:
    """Return names and values in a row."""
    return ", ".join(f"{name} {value}" for name, value in mapping.items())


def unbroken(text: str) -> str:
    """Return text whose ranges do not break at the end of a line."""
    return text.replace("–", "\N{WORD JOINER}–\N{WORD JOINER}")
