"""What is followed from run to run: definitions and headline numbers."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import xarray as xr

from forecast.claims.judge import event_draws
from forecast.core.draws import path
from forecast.core.errors import ClaimError
from forecast.core.text import percent, signed

if TYPE_CHECKING:
    from forecast.claims.records import Claim


@dataclasses.dataclass(frozen=True)
class Statistic:
    """A number that draws give: the probability of an event, or the median of a quantity.

    Attributes
    ----------
    name
        "claim/definition" of a probability, "entity/metric period" of a median.
    of
        Takes draws; returns what happens or what is, dims chain, draw.
    unit
        Unit of a median; empty for a probability.
    window
        First and last day that it is about, or empty.
    why
        The definition in words.
    """

    name: str
    of: Callable[[xr.Dataset], xr.DataArray]
    unit: str = ""
    window: tuple[str, str] = ("", "")
    why: str = ""

    def told_by(self, draws: xr.Dataset) -> bool:
        """Return whether draws, such as those of another day, can be asked for it."""
        try:
            self.of(draws)
        except (ClaimError, KeyError):
            return False
        return True

    def text(self, value: float, draws: int = 0) -> str:
        """Return a value for a reader."""
        if self.unit:
            return f"{value:,.0f} {self.unit}"
        return percent(value, draws) if draws else f"{100 * value:.1f} %"

    def moved(self, change: float, error: float | None = None) -> str:
        """Return a change for a reader, with its error if one is given."""
        scale = 1.0 if self.unit else 100.0
        more = "" if error is None else f"± {scale * error:.1f} "
        return signed(scale * change, more + (self.unit or "points"))


def statistics_of(
    claims: Sequence[Claim], model: str, draws: xr.Dataset, followed: Sequence[str]
) -> tuple[Statistic, ...]:
    """Return what is followed of a model: its claims' definitions, and totals that it can tell.

    Parameters
    ----------
    claims
        Whose definitions of the model are followed, but for those with a condition.
    model, draws
        The model and its joint draws.
    followed
        Series whose totals of calendar years are followed by their medians, such as those of
        :class:`forecast.claims.page.Page`; those that the draws do not have are left out.
    """
    found = [
        Statistic(
            f"{claim.id}/{definition.id}",
            functools.partial(event_draws, definition),
            window=tuple(day.isoformat() for day in definition.window),  # type: ignore[arg-type]
            why=definition.why,
        )
        for claim in claims
        for definition in claim.definitions
        if definition.model == model
        and definition.event is not None
        and definition.window
        and definition.given is None  # a ratio of two shares, which reweighting does not follow
    ]
    series = {str(name) for name in draws["series"].values}
    periods = {str(period) for period in draws["period"].values}
    for name, year in totals(followed, str(draws.attrs["as_of"])):
        if name in series and {f"{year}Q{q}" for q in (1, 2, 3, 4)} <= periods:
            unit = str(draws["unit"].sel(series=name).values)
            found.append(
                Statistic(
                    f"{name} {year}",
                    functools.partial(_year_total, name, year),
                    unit=unit,
                    why=f"Median of {name.replace('/', ' ')} in calendar {year}.",
                )
            )
    return tuple(one for one in found if one.told_by(draws))


def totals(followed: Sequence[str], as_of: str) -> tuple[tuple[str, str], ...]:
    """Return the totals that are followed: each series, in the year of a day and the next one."""
    year = int(as_of[:4])
    return tuple((name, str(year + k)) for name in followed for k in (0, 1))


def _year_total(series: str, year: str, draws: xr.Dataset) -> xr.DataArray:
    return path(draws, series, total=4).sel(period=f"{year}Q4", drop=True)
