"""Units, and the only way from one to another."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from forecast.core.errors import DataError


@dataclasses.dataclass(frozen=True)
class Unit:
    """A name, what it measures, and its size in the dimension's base unit."""

    name: str
    dimension: str
    scale: float


UNITS: Mapping[str, Unit] = {
    unit.name: unit
    for unit in (
        Unit("USD", "money", 1.0),
        Unit("USD k", "money", 1e3),
        Unit("USD m", "money", 1e6),
        Unit("USD bn", "money", 1e9),
        Unit("USD tn", "money", 1e12),
        Unit("USD per 1K tokens", "price per token", 1e-3),
        Unit("USD per 1M tokens", "price per token", 1e-6),
        Unit("USD per hour", "price per hour", 1.0),
        Unit("percent", "share", 1e-2),
        Unit("ratio", "share", 1.0),
        Unit("m parameters", "parameters", 1e6),
        Unit("bn parameters", "parameters", 1e9),
        Unit("tn parameters", "parameters", 1e12),
        Unit("bn tokens", "tokens", 1e9),
        Unit("nats per token", "loss", 1.0),
        Unit("FLOP", "compute", 1.0),
        Unit("MWh", "energy", 1.0),
        Unit("GWh", "energy", 1e3),
        Unit("MW", "power", 1.0),
        Unit("GW", "power", 1e3),
        Unit("months", "duration", 1.0),
        Unit("years", "duration", 12.0),
        Unit("count", "count", 1.0),
        Unit("points", "points", 1.0),
        Unit("logits", "log-odds", 1.0),
    )
}


def unit_of(name: str) -> Unit:
    """Return the unit called `name`.

    Raises
    ------
    DataError
        If no unit has that name; the message lists those there are.
    """
    try:
        return UNITS[name]
    except KeyError:
        raise DataError(
            f"unknown unit {name!r}; wanted one of {', '.join(UNITS)}; "
            "thousands, millions and billions are different units, and so are 1K and 1M tokens"
        ) from None


def convert(value: float, unit: str, to: str) -> float:
    """Return `value` given in `unit`, in the unit `to` of the same dimension.

    Raises
    ------
    DataError
        If the two units measure different things.

    Examples
    --------
    >>> convert(2565, "USD m", "USD bn")
    2.565
    >>> round(convert(0.03, "USD per 1K tokens", "USD per 1M tokens"), 9)
    30.0
    """
    source, target = unit_of(unit), unit_of(to)
    if source.dimension != target.dimension:
        raise DataError(
            f"cannot turn {unit!r} ({source.dimension}) into {to!r} ({target.dimension}); "
            "they measure different things"
        )
    return value * source.scale / target.scale
