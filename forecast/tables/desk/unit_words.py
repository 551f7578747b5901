"""Units as people write them: ``$m``, ``USD mn``, ``US$ millions``, ``in millions of USD``.

Invariant: what is not wholly made of words of a unit is no unit, and a currency is never taken for
another.
"""

from __future__ import annotations

import dataclasses
import functools
import re
from collections.abc import Mapping, Sequence

from forecast.core.units import UNITS

_EXACT = {re.sub(r"\s", "", name).lower(): name for name in UNITS}

_CURRENCIES: Mapping[str, str] = {
    word: code
    for code, words in {
        "USD": "usd us$ $ dollar dollars",
        "EUR": "eur € euro euros", "GBP": "gbp £ pound pounds sterling", "JPY": "jpy ¥ yen",
        "CNY": "cny rmb yuan", "CHF": "chf sfr", "CAD": "cad c$ ca$", "AUD": "aud a$ au$",
        "HKD": "hkd hk$", "TWD": "twd nt$ ntd", "KRW": "krw ₩ won", "INR": "inr ₹ rs rupees",
        "SEK": "sek", "NOK": "nok", "DKK": "dkk", "SGD": "sgd s$", "BRL": "brl r$", "ILS": "ils ₪",
    }.items()
    for word in words.split()
}  # fmt: skip

_SCALES: Mapping[str, float] = {
    word: scale
    for scale, words in {
        1e3: "k thousand thousands thsd 000 000s '000 '000s th tsd",
        1e6: "m mn mm mln mio million millions mil mill",
        1e9: "b bn bln bil billion billions mrd",
        1e12: "t tn trn tln trillion trillions",
    }.items()
    for word in words.split()
}

_SHARES = {"%": "percent", "percent": "percent", "pct": "percent", "percentage": "percent",
           "ratio": "ratio"}  # fmt: skip

_FILLERS = frozenset({
    "in", "of", "the", "all", "figures", "amounts", "amount", "values", "value", "numbers", "data",
    "are", "is", "reported", "stated", "expressed", "otherwise", "noted", "indicated", "currency",
    "units", "unit", "and",
})  # fmt: skip

_ABBREVIATED = sorted([*_CURRENCIES], key=len, reverse=True)


@dataclasses.dataclass(frozen=True)
class UnitWords:
    """What a text says of a unit.

    Attributes
    ----------
    unit
        A unit's whole name, such as ``percent`` or ``USD per hour``; empty if it says only parts.
    currency
        Such as ``USD``; empty if it says none.
    scale
        1e3, 1e6, 1e9 or 1e12; 0 if it says none.
    """

    unit: str = ""
    currency: str = ""
    scale: float = 0.0


@functools.lru_cache(maxsize=4096)
def unit_words(text: str) -> UnitWords | None:
    """Return what a text says of a unit, or None if it is about anything else.

    Examples
    --------
    >>> unit_words("USD in millions")
    UnitWords(unit='', currency='USD', scale=1000000.0)
    >>> unit_words("Revenue")
    """
    exact = _EXACT.get(re.sub(r"\s", "", text).lower())
    if (exact and not exact.startswith("USD")) or (exact and " per " in exact):
        return UnitWords(unit=exact)
    plain = re.sub(r"\bu\.?s\.?\s*(?=\$|dollar)", "us", text.strip().lower())
    plain = re.sub(r"usdollars?", "usd", re.split(r"\bexcept\b|\bunless\b", plain)[0])
    if plain in _SHARES:
        return UnitWords(unit=_SHARES[plain])
    words = re.findall(r"'?000s?\b|[a-z.]*[$€£¥₩₹₪]|%|[a-z]+(?:\.[a-z]+)*|\S", plain)
    parts = [part for word in words for part in _parts(word)]
    shares = {_SHARES[p] for p in parts if p in _SHARES}
    currencies = {_CURRENCIES[p] for p in parts if p in _CURRENCIES}
    scales = {_SCALES[p] for p in parts if p in _SCALES}
    rest = [
        p for p in parts if p not in {*_SHARES, *_CURRENCIES, *_SCALES, *_FILLERS, *"()[],;:-/–—'."}
    ]
    if rest or len(shares) + len(currencies) > 1 or len(scales) > 1 or (shares and scales):
        return None
    before = parts[: next((k for k, p in enumerate(parts) if p in _CURRENCIES), 0)]
    if "t" in before:  # "TUSD", "T EUR": thousands in German, and trillions in English
        return None
    if not (shares or currencies or scales):
        return None
    return UnitWords(next(iter(shares), ""), next(iter(currencies), ""), next(iter(scales), 0.0))


def _parts(word: str) -> list[str]:
    """Return a word, or the currency and the scale of which it is put together: ``usdm``, ``mnusd``."""
    if word in _CURRENCIES or word in _SCALES or word in _FILLERS:
        return [word]
    for code in _ABBREVIATED:
        if word.startswith(code) and word[len(code) :] in _SCALES:
            return [code, word[len(code) :]]
        if word.endswith(code) and word[: -len(code)] in _SCALES:
            return [word[: -len(code)], code]
    return [word]


def combined(said: Sequence[UnitWords]) -> UnitWords:
    """Return what several texts say of one unit, the nearest to the number first.

    A whole unit ends it; a currency and a scale may come from different places.
    """
    currency, scale = "", 0.0
    for words in said:
        if words.unit:
            return words if not (currency or scale) else UnitWords("", currency, scale)
        currency, scale = currency or words.currency, scale or words.scale
    return UnitWords("", currency, scale)


def unit_name(words: UnitWords, dimension: str = "money") -> str:
    """Return the name of a unit, that of a currency without a rate too (and no table knows it).

    Parameters
    ----------
    words
        What is said of it.
    dimension
        What it measures, where it has no currency; ``any`` if that is not known.

    Returns
    -------
    str
        Such as ``USD m``; empty if the words do not make a unit.
    """
    if words.unit:
        return words.unit
    if words.currency:
        money = {
            u.scale: u.name
            for u in UNITS.values()
            if u.name.split()[0] == "USD" and " per " not in u.name
        }
        return money[words.scale or 1.0].replace("USD", words.currency)
    if dimension in ("money", "any") or not words.scale:
        return ""
    fits = (u.name for u in UNITS.values() if u.dimension == dimension and u.scale == words.scale)
    return next(fits, "")


def title_unit(text: str) -> str:
    """Return the unit that a title names, alone or at its end; empty if it names none.

    A single letter at the end of a title is no scale: "Scenario B".

    Examples
    --------
    >>> title_unit("Capex, USD in millions"), title_unit("USD m"), title_unit("Scenario B")
    ('USD in millions', 'USD m', '')
    """
    if unit_words(text):
        return text
    tail = split_unit(text)[1]
    words = unit_words(tail) if tail else None
    plain = bool(words and words.currency) or re.search(r"(?i)[a-z]{2}", tail)
    return tail if words and plain else ""


@functools.lru_cache(maxsize=4096)
def split_unit(text: str) -> tuple[str, str]:
    """Return a header or label without the unit in it, and the unit's text; empty if it has none.

    Examples
    --------
    >>> split_unit("Amount (USD m)"), split_unit("Value in $bn"), split_unit("Cloud (IaaS) revenue")
    (('Amount', 'USD m'), ('Value', 'in $bn'), ('Cloud (IaaS) revenue', ''))
    """
    found = re.fullmatch(r"(.*?)\s*[(\[]([^()\[\]]*)[)\]]\s*(.*)", text.strip())
    if found and unit_words(found[2]):
        before = f"{found[1]} {found[3]}".strip()
        name, more = split_unit(before) if found[1] else (before, "")
        return name, f"{more} {found[2]}".strip()
    words = text.split()
    for k in range(1, len(words)):
        tail = " ".join(words[k:])
        if unit_words(tail) and not unit_words(words[k - 1].strip(",:;-–—")):
            head = " ".join(words[:k])
            # "Amount in USD": the filler belongs to the unit, and a filler alone is no unit.
            return re.sub(r"[\s,:;\-–—]+(in)?$|\s+in$", "", head), tail
    return text.strip(), ""
