"""What issuers say beforehand, as people write it: ``125-145``, ``$125bn to $145bn``, ``at least 80``.

Invariant: only words and signs of a range or a bound are taken off a text here; what is left is read as
any number is, so that no decimal sign and no scale is guessed.
"""

from __future__ import annotations

import dataclasses
import re

_BOUNDS = {
    "at least": r"at least|(?:no|not) less than|no lower than|more than|greater than|higher than|over|"
    r"above|north of|upwards of|exceeding|min(?:imum|\.)?(?: of)?|>=|=>|≥|>",
    "at most": r"at most|up to|(?:no|not) more than|no higher than|less than|lower than|below|under|"
    r"max(?:imum|\.)?(?: of)?|<=|=<|≤|<",
    "about": r"about|around|approximately|approx\.?|roughly|circa|ca\.?|nearly|close to|~|≈",
}
_AFTER = {"at least": r"\+|or (?:more|higher|above)", "at most": r"or (?:less|lower|below)"}
_WORDS = {
    "": ("point", "midpoint", "exact", "number"),
    "about": ("approximately", "approx", "around", "roughly", "circa", "~"),
    "at least": ("floor", "minimum", "min", "lower bound", "more than", ">", ">=", "≥"),
    "at most": ("ceiling", "cap", "maximum", "max", "upper bound", "up to", "less than", "<", "<=", "≤"),
    "range": ("interval", "band"),
}  # fmt: skip
_DASHES = str.maketrans(dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2212", "-"))
_POWER = re.compile(r"[-+]?[0-9]+(?:[.,][0-9]+)?[eE][-+]?[0-9]+")
_GIVE = re.compile(
    r"(.*\d.*?)[\s,(]*(?:±|\+\s*/?\s*-|plus[\s/-]+(?:or[\s-]+)?minus)\s*(.*\d[^)]*)\)?"
)
_RANGE = re.compile(r"(.*?\d.*?)\s*(?:-|\.\.+|\bto\b)\s*([^\d-]*\d.*)")
_BETWEEN = re.compile(r"(?i)between\s+(.*?\d.*?)\s*(?:-|\bto\b|\band\b)\s*([^\d-]*\d.*)")


@dataclasses.dataclass(frozen=True)
class Spoken:
    """A statement in parts, each the text of a number.

    Attributes
    ----------
    qualifier
        ``about``, ``at least``, ``at most``, ``range``, or empty where no word stands with the number.
    middle, low, high
        The number; of a range its two ends, or its middle.
    give
        What is taken from the middle of a range and added to it, such as ``2 %``.
    """

    qualifier: str
    middle: str = ""
    low: str = ""
    high: str = ""
    give: str = ""

    @property
    def numbers(self) -> tuple[str, ...]:
        """The texts of its numbers."""
        return tuple(filter(None, (self.middle, self.low, self.high, self.give)))


def spoken(text: str) -> Spoken:
    """Return a statement in parts.

    Examples
    --------
    >>> spoken("$125bn to $145bn")
    Spoken(qualifier='range', middle='', low='$125bn', high='$145bn', give='')
    >>> spoken("at least 80").qualifier, spoken("~200").qualifier, spoken("80+").qualifier
    ('at least', 'about', 'at least')
    >>> spoken("$65.0 billion, plus or minus 2%")
    Spoken(qualifier='range', middle='$65.0 billion', low='', high='', give='2%')
    """
    plain = " ".join(text.translate(_DASHES).split())
    if _POWER.fullmatch(plain):
        return Spoken("", plain)
    if found := _GIVE.fullmatch(plain):
        return Spoken("range", middle=_bare(found[1]), give=found[2].strip())
    qualifier, rest = _bound(plain)
    between = _BETWEEN.fullmatch(rest)
    found = between or _RANGE.fullmatch(re.sub(r"(?i)^from\s+", "", rest))
    if found and qualifier in ("", "about"):
        return Spoken("range", low=_bare(found[1]), high=_bare(found[2]))
    return Spoken(qualifier, rest if qualifier else text)


def _bare(text: str) -> str:
    return text.strip(" ,")


def _bound(text: str) -> tuple[str, str]:
    """Return the qualifier that the words before or after a number are, and the text without them."""
    for qualifier, words in _BOUNDS.items():
        # The words may stand behind the currency: "$ >80bn".
        if found := re.fullmatch(rf"(?i)([$€£¥]?)\s*(?:{words})(?![a-z])\s*(.*\d.*)", text):
            return qualifier, f"{found[1]}{found[2]}"
    for qualifier, words in _AFTER.items():
        if found := re.fullmatch(rf"(?i)(.*\d.*?)\s*(?:{words})\s*([a-z$€ ]*)", text):
            return qualifier, f"{found[1]} {found[2]}".strip()
    return "", text


def qualifier_of(text: str) -> str:
    """Return the qualifier that a cell of a column of qualifiers means; itself where it is another word.

    Examples
    --------
    >>> [qualifier_of(text) for text in ("Floor", "approximately", "range", "guess")]
    ['at least', 'about', 'range', 'guess']
    """
    plain = " ".join(text.lower().split())
    return next((name for name, words in _WORDS.items() if plain in words), plain)
