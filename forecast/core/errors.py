"""What goes wrong on purpose: what was got, what was wanted, what to do."""

from __future__ import annotations


class ForecastError(Exception):
    """Base of every error the package raises on purpose."""


class DataError(ForecastError, ValueError):
    """A table, a unit or a period is not what it must be."""


class ClaimError(ForecastError, ValueError):
    """A claim, a definition or an event cannot be read or judged."""


class UndefinedError(ClaimError):
    """An event that draws of another day would define: these tell nothing of the days it asks about."""


class GateError(ForecastError, RuntimeError):
    """A run did not pass its gate, or carries no stamp."""


class StoreError(ForecastError, OSError):
    """A stored run is missing, truncated or altered."""


class UnknownNameError(ForecastError, LookupError):
    """A name (model, metric, series) that nothing here is called."""
