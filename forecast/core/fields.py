"""What each key of a file may hold, in tables: a key, what is wanted of it, and whether a value fits.

Claims, scenarios, comparisons, their events, base rates and rules of the audit are read through
:func:`check`, so that a wrong value is told when the file is read, by file, entry and key. A schema of
``msgspec`` would be no shorter and would say less: it stops at the first wrong value, names an entry by
its number in the file and not by its id, and says neither what may stand there nor what to do.

Invariant: nothing that a TOML file can hold ends in another error than the one sentence;
``tests/test_fields.py`` puts values of every type in the place of every key.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from forecast.core.errors import ClaimError, DataError
from forecast.core.periods import parse_date, period_end
from forecast.core.text import one_line
from forecast.core.units import UNITS

type Value = Any
"""A value as a file gives it, before it is checked."""


@dataclasses.dataclass(frozen=True)
class Field:
    """What is wanted of a value, in words, and whether a value is that."""

    wanted: str
    fits: Callable[[Value], bool]


Fields = Mapping[str, Field]


@dataclasses.dataclass(frozen=True)
class Keys:
    """The keys that a table must have, and those it may have."""

    must: Fields
    may: Fields = dataclasses.field(default_factory=dict)

    @property
    def all(self) -> dict[str, Field]:
        """Every key with its field."""
        return {**self.must, **self.may}


def check(entry: Value, keys: Keys, where: str) -> None:
    """Check a table's keys and the values of all of them.

    Parameters
    ----------
    entry
        What stands in the file.
    keys
        What it must and may hold.
    where
        File and entry, for the error.

    Raises
    ------
    ClaimError
        If `entry` is no table, a key is missing or not known, or a value is not what is wanted;
        all that is wrong in one sentence.
    """
    if not isinstance(entry, Mapping):
        raise ClaimError(f"{where}: got {shown(entry)}; wanted a table of {names(keys.all)}")
    wrong = []
    missing = sorted(set(keys.must) - set(entry))
    unknown = sorted(set(entry) - set(keys.all))
    if missing:
        wrong.append(f"missing {names(missing)}")
    if unknown:
        wrong.append(f"unknown {names(unknown)}")
    if wrong:
        wrong.append(f"it takes {names(sorted(keys.all))}")
    for key, field in keys.all.items():
        if key in entry and not field.fits(entry[key]):
            wrong.append(f"got {key} {shown(entry[key])}, wanted {field.wanted}")
    if wrong:
        raise ClaimError(f"{where}: {'; '.join(wrong)}")


def title(entry: Mapping[str, Value], number: int, key: str = "id") -> str:
    """Return how an entry of a list is called in an error: by its name, or its number without one."""
    name = entry.get(key)
    return f"{name!r}" if isinstance(name, str) and name else f"number {number}"


def shown(value: Value) -> str:
    """Return a value for a reader, cut to a line."""
    if isinstance(value, bool):
        text = str(value).lower()
    elif isinstance(value, dt.date | dt.time):
        text = value.isoformat()
    elif isinstance(value, int) and abs(value) >= 10**40:
        text = "a whole number of more than 40 digits"
    elif isinstance(value, Mapping):
        text = f"a table of {names(list(value))}" if value else "an empty table"
    elif isinstance(value, list | tuple):
        text = f"[{', '.join(map(shown, value[:12]))}]"
    else:
        text = repr(value)
    return text if len(text) <= 120 else text[:120] + "…"


def names(keys: Sequence[str] | Fields) -> str:
    """Return keys in a row, in quotes those that could not stand bare in a file."""
    bare = [k if re.fullmatch(r"[\w-]+", k) else json.dumps(k) for k in keys]
    return one_line(bare, 16)


# --- what values may be ----------------------------------------------------------------------
def _number(value: Value) -> bool:
    try:
        return (
            isinstance(value, int | float)
            and not isinstance(value, bool)
            and math.isfinite(float(value))
        )
    except OverflowError:
        return False


def _between(low: float, high: float = math.inf) -> Callable[[Value], bool]:
    return lambda value: _number(value) and low < value <= high


def _text(value: Value) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _name(value: Value) -> bool:
    return _text(value) and value == value.strip() and value.isprintable() and "/" not in value


def _day(value: Value) -> bool:
    try:
        return isinstance(value, str | dt.date) and 1900 <= parse_date(value).year <= 2200
    except DataError:
        return False


def _period(value: Value) -> bool:
    try:
        return isinstance(value, str) and 1900 <= period_end(value).year <= 2200
    except DataError:
        return False


def _one_series(value: Value) -> bool:
    if not isinstance(value, str) or not value.isprintable():
        return False
    entity, _, metric = value.rpartition("/")
    return all(part and part == part.strip() for part in (entity, metric))


def _series(value: Value) -> bool:
    if not isinstance(value, list | tuple):
        return _one_series(value)
    return bool(value) and all(map(_one_series, value)) and len(set(value)) == len(value)


def one_of(*words: str) -> Field:
    """Return the field of a key that takes one of some words."""
    return Field(f"one of {', '.join(words)}", lambda value: value in words)


TEXT = Field("text in quotes", _text)
ANY_TEXT = Field("text in quotes", lambda value: isinstance(value, str))
NAME = Field('a name in quotes, without "/", line breaks or characters that do not print', _name)
NAMES = Field("a list of names in quotes", lambda v: isinstance(v, list) and all(map(_name, v)))
NUMBER = Field("a finite number", _number)
NUMBERS = Field("a list of numbers", lambda v: isinstance(v, list) and all(map(_number, v)))
ABOVE_ZERO = Field("a number above 0", _between(0))
NOT_NEGATIVE = Field("a number, 0 or more", lambda value: _number(value) and value >= 0)
SHARE = Field("a share from 0 to 1", lambda value: _number(value) and 0 <= value <= 1)
PERCENT = Field("percent, a number above 0 and up to 100", _between(0, 100))
COUNT = Field(
    "a number of periods, 1 or more",
    lambda value: isinstance(value, int) and not isinstance(value, bool) and value >= 1,
)
DAY = Field("a day such as 2026-05-06, without a time", _day)
WINDOW = Field(
    'two days such as ["2026-05-06", "2027-12-31"], without a time',
    lambda v: isinstance(v, list | tuple) and len(v) == 2 and all(map(_day, v)),
)
PERIOD = Field('a period in quotes, such as "2027", "2027Q4" or "2027-12"', _period)
SERIES = Field('"entity/metric" in quotes, or a list of several, each once', _series)
UNIT = Field("a unit, such as USD bn", lambda value: isinstance(value, str) and value in UNITS)
FLAG = Field("true or false", lambda value: isinstance(value, bool))
TABLE = Field("a table", lambda value: isinstance(value, Mapping))
TABLES = Field(
    "one table or more, each under its [[heading]]",
    lambda v: isinstance(v, list) and bool(v) and all(isinstance(one, Mapping) for one in v),
)
NUMBERS_BY_NAME = Field(
    "a table of name = number, one or more",
    lambda v: isinstance(v, Mapping) and bool(v) and all(map(_number, v.values())),
)
