"""A question put to draws in one line: how likely a level is, and what range a quantity has.

``prob(draws, "META/capex", year=2026, above=140)`` is a :class:`forecast.claims.events.Threshold`
without a claims file around it. A year of quarterly draws is the sum of its quarters, of the same joint
draw; a fiscal year is the calendar quarters in which its own quarters lie, as tables are read.

Invariant: a probability keeps, beside its Monte-Carlo error, the draws it was counted on, so that two
are only joined if they are of the same ones. ``tests/test_prob.py`` holds both against counting by hand.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import math
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import xarray as xr

from forecast.claims.events import Threshold, happens
from forecast.claims.paths import Path, Series, path_of
from forecast.claims.probabilities import independent, probability
from forecast.core import fields
from forecast.core.draws import listed
from forecast.core.errors import ClaimError, UnknownNameError
from forecast.core.periods import one_spelling, period_end, quarter_name, quarters_in
from forecast.core.text import one_line, percent
from forecast.core.units import unit_of
from forecast.core.words import CHAIN, DRAW, PERIOD, SERIES, entity_of, metric_of
from forecast.tables.desk import fiscal
from forecast.tables.names import companies

if TYPE_CHECKING:
    import pandas as pd

LEVELS = (0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95)
"""The quantiles that are given where none are asked for."""


@dataclasses.dataclass(frozen=True, slots=True, eq=False)
class Probability:
    """The share of joint draws in which something happens, and how well they tell it.

    ``a & b`` is the probability that both happen, counted draw by draw.

    Attributes
    ----------
    event
        What happens, in words, with the unit of the draws.
    probability
        The share, 0 to 1.
    mcse
        Its Monte-Carlo standard error, from the effective number of draws: what another seed would
        change, not what the model does not know. 0 where it happens in none or in all draws.
    low, high
        The 95 % interval of the share for so many effective draws (Jeffreys), which is above 0 also
        where it happens in none. Both are the share itself where the quantity is known.
    hit
        In which draws it happens; boolean, dims chain, draw.
    source
        The draws that were asked.
    independent
        Effective draws of the quantity, the least of them for a joint event; infinite where it is known.
    """

    event: str
    probability: float
    mcse: float
    low: float
    high: float
    hit: xr.DataArray
    source: xr.Dataset
    independent: float

    def __float__(self) -> float:
        return self.probability

    def __and__(self, other: Probability) -> Probability:
        if not isinstance(other, Probability):
            return NotImplemented
        if not (self.source is other.source or self.source.identical(other.source)):
            raise ClaimError(
                f"got {self.event!r} and {other.event!r} of two sets of draws; wanted both of one, for "
                "only what is read from one draw belongs together: ask both of the same draws"
            )
        least = min(self.independent, other.independent)
        return _counted(
            f"{self.event}, and {other.event}", self.hit & other.hit, self.source, least
        )

    def __repr__(self) -> str:
        if math.isinf(self.independent):
            return f"P({self.event}) = {self.probability:g}: known, the same in every draw"
        size = self.hit.size
        span = f"95 % interval {100 * self.low:.1f} to {100 * self.high:.1f} %"
        error = f"error {100 * self.mcse:.1f} points ({span})" if self.mcse else span
        return (
            f"P({self.event}) = {percent(self.probability, size)}, Monte-Carlo {error}, {size:,} draws "
            f"as of {self.source.attrs.get('as_of', 'no day')}"
        )


def prob(
    draws: xr.Dataset,
    series: Series,
    *,
    above: float | None = None,
    below: float | None = None,
    year: int | str | None = None,
    fiscal_year: int | str | None = None,
    fiscal_year_end: str | None = None,
    period: str | None = None,
    over: Series | None = None,
    on: str = "y",
) -> Probability:
    """Return how likely a quantity lies above a level, below one, or between two.

    Parameters
    ----------
    draws
        Joint draws of one model, from :func:`forecast.inference.predict.forecast`.
    series
        "entity/metric", or several to add up.
    above, below
        Levels in the unit of the draws, which the answer names; with both, between the two. A quantity
        that is a level itself lies neither above nor below it.
    year
        A calendar year. Of quarterly draws in money it is the sum of its four quarters.
    fiscal_year
        A company's fiscal year by the calendar year in which it ends: ``"MSFT 2027"``, or ``2027`` of
        the company in `series`.
    fiscal_year_end
        Its rule, ``06-30`` or ``last Sunday of January``, where ``data/companies.csv`` does not have it.
    period
        Any period of the draws, such as ``"2027Q1"``, or of quarterly draws in money days that quarters
        add up to. One of the three is given, unless the draws have one period only.
    over
        The denominator, as `series`, for a ratio.
    on
        ``y``, as it would be reported, or ``signal``, without observation noise.

    Returns
    -------
    Probability
        With its Monte-Carlo error and interval; it shows itself in a line, and takes ``&``.

    Raises
    ------
    ClaimError
        If there is no level, the series or the period is not in the draws, or a sum over the year is
        none of money.
    UnknownNameError
        If nobody knows when a company's fiscal year ends.
    """
    asked = _asked(draws, series, over, on, _When(year, fiscal_year, fiscal_year_end, period))
    levels = [(op, value) for op, value in ((">", above), ("<", below)) if value is not None]
    if not levels:
        raise ClaimError("got no level; wanted above=, below= or both, in the unit of the draws")
    hits = [asked.hits(op, value) for op, value in levels]
    hit = hits[0] if len(hits) == 1 else hits[0] & hits[1]
    words = {">": "above", "<": "below"}
    said = " and ".join(f"{words[op]} {asked.amount(value)}" for op, value in levels)
    values = asked.path.numbers(asked.place)[:, :, 0]
    return _counted(f"{asked.name} {said}", hit, draws, independent(values))


def quantiles(
    draws: xr.Dataset,
    series: Series,
    *,
    levels: Sequence[float] = LEVELS,
    year: int | str | None = None,
    fiscal_year: int | str | None = None,
    fiscal_year_end: str | None = None,
    period: str | None = None,
    over: Series | None = None,
    on: str = "y",
) -> pd.DataFrame:
    """Return quantiles of a quantity, a row a period.

    Parameters
    ----------
    draws, series, year, fiscal_year, fiscal_year_end, period, over, on
        As :func:`prob` takes them. Without a period there is a row for each one that is still open, in
        which the draws differ, and of which the data tell.
    levels
        Which quantiles, shares between 0 and 1.

    Returns
    -------
    pandas.DataFrame
        Index series, period and unit; a column a level.

    Raises
    ------
    ClaimError
        If a level is no share, or as :func:`prob` says.
    """
    import pandas as pd  # slow to load, and the commands print without

    if not levels or not all(fields.SHARE.fits(level) for level in levels):
        raise ClaimError(
            f"got the levels {fields.shown(list(levels))}; wanted shares from 0 to 1, such as 0.9"
        )
    when = _When(year, fiscal_year, fiscal_year_end, period)
    if when.given or draws.sizes[PERIOD] == 1:
        asked = _asked(draws, series, over, on, when)
        rows, values, path = [asked.when], asked.path.numbers(asked.place), asked.path
    else:
        path = path_of(draws, series, over, on, 1)
        open_ = np.ptp(path.values, axis=(0, 1)) > 0  # not where any is NaN
        places = np.flatnonzero(open_ & (draws["period_end"].values.astype(str) <= path.told_until))
        if not len(places):
            raise ClaimError(f"{path.name} is known in every period; name one with period=")
        rows, values = [str(p) for p in draws[PERIOD].values[places]], path.numbers(places)
    return pd.DataFrame(
        np.quantile(values, levels, axis=(0, 1)).T,
        index=pd.MultiIndex.from_tuples(
            [(path.name, row, _unit(path)) for row in rows], names=["series", "period", "unit"]
        ),
        columns=pd.Index(levels, name="quantile"),
    )


# --- what is asked ---------------------------------------------------------------------------
@dataclasses.dataclass(frozen=True, slots=True)
class _When:
    """The period of a question, in one of three ways."""

    year: int | str | None
    fiscal_year: int | str | None
    fiscal_year_end: str | None
    period: str | None

    @property
    def given(self) -> bool:
        return not (self.year is self.fiscal_year is self.period is None)


@dataclasses.dataclass(frozen=True, slots=True)
class _Asked:
    """A quantity of draws in one period: a path, and where it is read.

    Attributes
    ----------
    path
        Of the quantity, totals taken.
    at
        The period of the draws.
    when
        The period in words.
    """

    path: Path
    at: str
    when: str

    @property
    def place(self) -> np.ndarray:
        return np.flatnonzero(self.path.draws[PERIOD].values.astype(str) == self.at)

    @property
    def name(self) -> str:
        return f"{self.path.name} in {self.when}"

    def amount(self, value: float) -> str:
        """Return a level with its unit, the draws' own."""
        unit = _unit(self.path)
        return f"a ratio of {value:,.10g}" if unit == "ratio" else f"{value:,.10g} {unit}"

    def hits(self, op: str, value: float) -> xr.DataArray:
        """Return in which draws it stands above or below a level."""
        one, end = self.path, period_end(self.at)
        event = Threshold(one.series, op, value, self.at, one.over or None, one.on, one.total)
        return happens(one.draws, event, (end - dt.timedelta(days=1), end))


def _asked(draws: xr.Dataset, series: Series, over: Series | None, on: str, when: _When) -> _Asked:
    at, total, said = _found(draws, series, when)
    path = path_of(draws, series, over, on, total)
    if total > 1:
        _check_adds_up(path, said)
    return _Asked(path, at, said)


def _found(draws: xr.Dataset, series: Series, when: _When) -> tuple[str, int, str]:
    """Return the period of the draws, how many end with it, and the period in words."""
    there = [str(p) for p in draws[PERIOD].values]
    if not when.given and len(there) == 1:
        return there[0], 1, there[0]
    period, said = _named(series, when, f"the draws have {there[0]} to {there[-1]}")
    if period in there:
        return period, 1, said
    quarters = quarters_in(period)
    if quarters is None or "Q" not in there[0]:
        raise ClaimError(
            f"got the period {said}; wanted one of the draws, or of quarterly draws days that "
            f"quarters add up to; there are {one_line(there)}"
        )
    first, count = quarters
    needed = [quarter_name(first + k) for k in range(count)]
    if missing := [name for name in needed if name not in there]:
        raise ClaimError(
            f"{said} needs {one_line(missing)}, and the draws have {there[0]} to {there[-1]}; "
            f'forecast to that quarter, forecast(run, until="{needed[-1]}"), or ask about another period'
        )
    whole = said if period == said else f"{said} ({needed[0]} to {needed[-1]})"
    return needed[-1], count, whole


def _named(series: Series, when: _When, there: str) -> tuple[str, str]:
    """Return a period, in its shortest spelling, and how it is called."""
    ways = {"year": when.year, "fiscal_year": when.fiscal_year, "period": when.period}
    given = {name: value for name, value in ways.items() if value is not None}
    if when.fiscal_year_end is not None and when.fiscal_year is None:
        raise ClaimError("got fiscal_year_end alone; wanted fiscal_year= with it")
    if len(given) != 1:
        raise ClaimError(
            f"got {one_line(list(given)) or 'no period'}; wanted one of year=, fiscal_year= and "
            f"period=; {there}"
        )
    if when.fiscal_year is not None:
        return _fiscal(series, str(when.fiscal_year), when.fiscal_year_end)
    text = str(when.period if when.year is None else when.year)
    if when.year is not None and not re.fullmatch(r"\d{4}", text):
        raise ClaimError(f"got year {fields.shown(when.year)}; wanted a calendar year such as 2027")
    period = one_spelling(text)
    return period, period


def _fiscal(series: Series, text: str, rule: str | None) -> tuple[str, str]:
    found = re.fullmatch(r"(?:(.+?)\s+)?(?:FY\s?)?(\d{4})", text.strip())
    if found is None:
        raise ClaimError(
            f"got fiscal_year {text!r}; wanted a company and a year, such as 'MSFT 2027'"
        )
    parts = listed(series)
    name, year = found[1] or (entity_of(parts[0]) if len(parts) == 1 else ""), int(found[2])
    if rule is None:
        if (company := companies().find(name)) is None:
            near = companies().near(name)
            raise UnknownNameError(
                f"nobody knows when the fiscal year of {name or 'a sum'!r} ends"
                f"{f'; did you mean {one_line(near)}' if near else ''}; name the company, "
                'fiscal_year="MSFT 2027", or give the rule, fiscal_year_end="06-30"'
            )
        name, rule = company.name, company.fiscal_year_end
    return fiscal.period_name(fiscal.fiscal_year(rule, year)), f"{name} fiscal {year}"


def _units(path: Path, names: Sequence[str]) -> list[str]:
    return [str(unit) for unit in path.draws["unit"].sel({SERIES: list(names)}).values]


def _unit(path: Path) -> str:
    """Return the unit of a path; a ratio of one unit is a ratio."""
    above, below = _units(path, path.series)[0], [*_units(path, path.over), ""][0]
    if not below:
        return above
    return "ratio" if above == below else f"{above} per {below}"


def _check_adds_up(path: Path, when: str) -> None:
    """Refuse the sum over quarters of what is no money earned or spent in one of them."""
    names = [*path.series, *path.over]
    for name, unit in zip(names, _units(path, names), strict=True):
        total = metric_of(name).endswith("_4q")
        if total or unit_of(unit).dimension != "money":
            what = "is a total of four quarters already" if total else f"is in {unit}"
            raise ClaimError(
                f"{name} {what}, and its quarters do not add up to {when}; wanted a series of money a "
                'quarter; ask about one quarter, period="2027Q1"'
            )


# --- what is answered ------------------------------------------------------------------------
def _counted(event: str, hit: xr.DataArray, source: xr.Dataset, free: float) -> Probability:
    """Return a probability with its error; `free` counts the effective draws of the quantity."""
    share, error = probability(hit)
    if math.isinf(free):
        return Probability(event, share, error, share, share, hit, source, free)
    from scipy.special import betaincinv  # slow to load, and claims are read without draws

    # Where it happens in none or all, the 0/1 chain has no effective size, and the quantity's is taken.
    size = share * (1 - share) / error**2 if error else free
    a, b = share * size + 0.5, (1 - share) * size + 0.5
    low = 0.0 if share == 0 else float(betaincinv(a, b, 0.025))
    high = 1.0 if share == 1 else float(betaincinv(a, b, 0.975))
    return Probability(event, share, error, low, high, hit.transpose(CHAIN, DRAW), source, free)
