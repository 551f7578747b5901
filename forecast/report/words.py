"""Numbers and cells as a reader of the memo sees them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from forecast.core.text import percent, signed

if TYPE_CHECKING:
    from forecast.evaluation.sensitivity import Sensitivity

CHECKS = (
    "The gate of a fit is the set of convergence checks that its draws must pass: R-hat compares the "
    "chains with each other and is one where they agree; bulk and tail ESS, effective sample sizes, "
    "say how many independent draws those in the middle and in the tails are worth."
)
"""What a gate and its two commonest checks are, for a reader who meets them in the memo."""


def points(value: float, error: float) -> str:
    """Return a change of probability in percentage points with its Monte-Carlo error."""
    return signed(100 * value, f"± {100 * error:.1f}")


def evidence(one: Sensitivity | None) -> str:
    """Return how much of an answer is evidence, and what moves its odds most where that is much."""
    if one is None:
        return "not tested"
    plain = one.grade in ("mostly data", "too rare to grade")
    return one.grade if plain else f"{one.grade} ({one.moved_by})"


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


def pairs(mapping: Mapping[str, str]) -> str:
    """Return names and values in a row."""
    return ", ".join(f"{name} {value}" for name, value in mapping.items())


def unbroken(text: str) -> str:
    """Return text whose ranges do not break at the end of a line."""
    return text.replace("–", "\N{WORD JOINER}–\N{WORD JOINER}")
