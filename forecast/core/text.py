"""Numbers and lists as a reader sees them."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence


def shortened(text: str, most: int) -> str:
    """Return a text, its middle cut out if it is longer than `most`."""
    half = most // 2
    return text if len(text) <= most else f"{text[:half]} … {text[-half:]}"


def percent(probability: float | None, draws: int = 0) -> str:
    """Return a probability as text: whole percent, never 0 or 100, a dash for None.

    Parameters
    ----------
    probability
        A share, 0 to 1.
    draws
        Number of draws it was counted on; 0 if unknown.

    Examples
    --------
    >>> percent(0.274), percent(0.005), percent(0.0, 4000), percent(1.0, 4000), percent(0.995)
    ('27 %', '< 1 %', '< 1/4000', '> 1 - 1/4000', '> 99 %')
    """
    if probability is None:
        return "–"
    if draws and min(probability, 1 - probability) * draws < 1:
        return f"< 1/{draws}" if probability < 0.5 else f"> 1 - 1/{draws}"
    if probability <= 0.005:  # halves would be rounded to 0 and to 100
        return "< 1 %"
    return "> 99 %" if probability >= 0.995 else f"{100 * probability:.0f} %"


def frequency(probability: float | None, draws: int = 0) -> str:
    """Return a probability as a natural frequency, a dash for None.

    In tenths between one in five and four in five, in hundredths beyond, and never as none or all.

    Parameters
    ----------
    probability
        A share, 0 to 1.
    draws
        Number of draws it was counted on; 0 if unknown.

    Examples
    --------
    >>> frequency(0.71), frequency(0.08), frequency(0.93), frequency(0.002), frequency(0.0, 4000)
    ('about 7 in 10', 'about 8 in 100', 'about 93 in 100', 'fewer than 1 in 100', 'fewer than 1 in 100')
    """
    if probability is None:
        return "–"
    bound = percent(probability, draws)
    if bound.startswith("<"):
        return "fewer than 1 in 100"
    if bound.startswith(">"):
        return "more than 99 in 100"
    middling = 0.195 <= probability <= 0.805
    return (
        f"about {10 * probability:.0f} in 10"
        if middling
        else f"about {100 * probability:.0f} in 100"
    )


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


def signed(change: float, unit: str) -> str:
    """Return a change with its sign and unit; what rounds to nothing has no sign.

    Examples
    --------
    >>> signed(1.26, "points"), signed(-0.04, "points")
    ('+1.3 points', '0.0 points')
    """
    text = f"{change:+.1f}".replace("-", "−")
    return f"{'0.0' if text[1:] == '0.0' else text} {unit}"


def capitalised(text: str) -> str:
    """Return text with its first letter as a capital, the rest as it is."""
    return text[:1].upper() + text[1:]


def one_line(items: Sequence[object], limit: int = 12) -> str:
    """Return items joined by commas, cut after `limit` with a count of the rest."""
    shown = ", ".join(shortened(str(item), 300) for item in items[:limit])
    return shown if len(items) <= limit else f"{shown} and {len(items) - limit} more"


_SPACE = re.compile("[ \t\n\r\v\f\x1c-\x1f\x85\u2028\u2029]+")
# Besides control characters: overrides and isolates, which turn what stands after them round, halves
# of pairs, and what Unicode says is no character. XML, and so a DOCX, can hold none of the first.
_UNSHOWN = re.compile(
    "[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]"
)


def shown(text: str) -> str:
    """Return a text as every document and figure can show it; what cannot be shown is "�".

    White space, line ends too, is one space.
    """
    return _UNSHOWN.sub("\N{REPLACEMENT CHARACTER}", _SPACE.sub(" ", text))


def visible(text: object) -> str:
    """Return what is seen of a text: as of :func:`shown`, without white space at its ends.

    Examples
    --------
    >>> visible(" a   # b "), visible(chr(27) + "[31m")
    ('a # b', '�[31m')
    """
    return shown(str(text)).strip()


_LANGUAGES = (
    ("ja", "[\u3040-\u30ff\u31f0-\u31ff\uff66-\uff9f]"),
    ("ko", "[\u1100-\u11ff\u3130-\u318f\uac00-\ud7af]"),
    (
        "zh",
        "[\u2e80-\u2fdf\u3100-\u312f\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]",
    ),
)
"""Language and the characters that tell it. Japanese and Korean texts have Han characters too, so
these are asked for last."""


def east_asian(text: str) -> str:
    """Return "ja", "ko" or "zh" for a text with characters of that language, else "".

    The same Han character is drawn otherwise in each, so who draws it must be told which it is.

    Examples
    --------
    >>> east_asian("人工知能は"), east_asian("人工智能"), east_asian("AI")
    ('ja', 'zh', '')
    """
    return next((name for name, script in _LANGUAGES if re.search(script, text)), "")
