"""Known rows -> one model's inputs: a labelled panel in the model's unit, with a hash.

Invariant: a panel is decided by the known rows alone; the same rows in another order give the same
panel and the same hash. Nothing in it was reported after its ``as_of``.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd
import xarray as xr

from forecast.panels.adoption import SHARE_METRIC, adoption_panel
from forecast.panels.api_price import (
    LEVELS,
    NEW_YEARS,
    PRICE_UNIT,
    api_price_panel,
    cheapest,
    price_history,
    price_on,
)
from forecast.panels.benchmark import BENCHMARKS, COMPUTE_WORDS, REFERENCES, benchmark_panel
from forecast.panels.dates import months, years_since
from forecast.panels.earnings import (
    CLOUD_METRICS,
    EARNINGS_UNIT,
    ENOUGH_QUARTERS,
    METRIC_GROUPS,
    earnings_panel,
    quarter_index,
    quarter_name,
)
from forecast.panels.gpu_rental import RENTAL_METRIC, RENTAL_UNIT, gpu_rental_panel
from forecast.panels.hazard import hazard_panel
from forecast.panels.market import MARKET_METRICS, MARKET_UNIT, market_panel, rounding_step
from forecast.panels.payback import payback_panel
from forecast.panels.reports import report_calendar, reported_ratio
from forecast.panels.scaling_law import scaling_law_panel
from forecast.panels.training_cost import (
    COST_BASES,
    COST_UNIT,
    FRONTIER_RULES,
    training_cost_panel,
    years_since_origin,
)
from forecast.schema import (
    DataError,
    UnknownNameError,
    one_line,
)
from forecast.sources import REFERENCE_TABLES, USER_TABLES, read_reference_table, read_vintages
from forecast.vintages import Table

__all__ = [
    "BENCHMARKS",
    "BUILDERS",
    "CLOUD_METRICS",
    "COMPUTE_WORDS",
    "COST_BASES",
    "COST_UNIT",
    "EARNINGS_UNIT",
    "ENOUGH_QUARTERS",
    "FRONTIER_RULES",
    "LEVELS",
    "MARKET_METRICS",
    "MARKET_UNIT",
    "METRIC_GROUPS",
    "NEW_YEARS",
    "PRICE_UNIT",
    "REFERENCES",
    "RENTAL_METRIC",
    "RENTAL_UNIT",
    "SHARE_METRIC",
    "TABLE_BUILDERS",
    "Panel",
    "build_panel",
    "cheapest",
    "months",
    "price_history",
    "price_on",
    "quarter_index",
    "quarter_name",
    "report_calendar",
    "reported_ratio",
    "rounding_step",
    "select",
    "shipped",
    "tables_of",
    "years_since",
    "years_since_origin",
]


DRAWN = ("positions", "base_rates")
"""Attributes of a panel's data that only draws read: a fit is the same whatever they say."""


@dataclasses.dataclass(frozen=True)
class Panel:
    """One model's inputs.

    Attributes
    ----------
    model
        Name of the model the panel is for.
    as_of
        The day up to which reports were known, ISO.
    data
        Labelled arrays with dim ``obs``; ``attrs["units"]`` names the unit of each variable.
    """

    model: str
    as_of: str
    data: xr.Dataset

    @property
    def hash(self) -> str:
        """Hash of all that the draws depend on: the date, and all of the panel's content."""
        asked = {name: self.data.attrs[name] for name in DRAWN if name in self.data.attrs}
        more = json.dumps(asked, sort_keys=True) if asked else ""
        return hashlib.sha256(f"{self.as_of} {self.content_hash}{more}".encode()).hexdigest()

    @property
    def content_hash(self) -> str:
        """Hash of all that a fit depends on: values, labels and units, not the date or :data:`DRAWN`."""
        digest = hashlib.sha256(f"{self.model} ".encode())
        fitted = {name: value for name, value in self.data.attrs.items() if name not in DRAWN}
        digest.update(json.dumps(fitted, sort_keys=True).encode())
        for name in sorted(str(n) for n in self.data.variables):
            values = self.data[name].values
            content = [repr(v) for v in values.ravel().tolist()]
            digest.update(f"{name} {values.shape} {'|'.join(content)};".encode())
        return digest.hexdigest()

    def frame(self) -> pd.DataFrame:
        """Return the panel as a plain table, one row an observation."""
        return self.data.to_dataframe().reset_index(drop="obs" not in self.data.coords)

    def _repr_html_(self) -> str:
        """Show the panel as a table with its date and hash."""
        head = (
            f"<p><b>Panel for {self.model}</b>, known as of {self.as_of}, "
            f"{self.data.sizes['obs']} observations, hash {self.hash[:12]}</p>"
        )
        return head + self.frame().to_html(index=False, float_format=lambda x: f"{x:.4g}")


def select(panel: Panel, keep: np.ndarray) -> Panel:
    """Return the panel with the observations where `keep` is true; for hold-out checks."""
    return dataclasses.replace(panel, data=panel.data.isel(obs=np.flatnonzero(keep)))


BUILDERS: Mapping[str, Callable[[Table], xr.Dataset]] = {
    "market": market_panel,
    "earnings": earnings_panel,
    "api_price": api_price_panel,
    "gpu_rental": gpu_rental_panel,
    "adoption": adoption_panel,
}
"""Models fitted to observations: their builders take what was known."""

HISTORY_BUILDERS: Mapping[str, Callable[[Table, Table], xr.Dataset]] = {"payback": payback_panel}
"""Those whose builders take earlier vintages too: what was known, and every row."""

TABLE_BUILDERS: Mapping[str, tuple[str, Callable[..., xr.Dataset], tuple[str, ...]]] = {
    "hazard": ("runups", hazard_panel, ("positions", "drawdown_base_rates")),
    "benchmark": ("frontier_models", benchmark_panel, ()),
    "training_cost": ("frontier_models", training_cost_panel, ()),
    "scaling_law": ("scaling_runs", scaling_law_panel, ()),
}
"""Models fitted to a table with columns of its own: its name in
:data:`forecast.sources.REFERENCE_TABLES`, a builder that takes the table and the as_of date and
leaves out what came later, and the tables that the builder takes besides."""


def shipped(model: str) -> bool:
    """Return whether a model can be fitted without a table of the user's own."""
    return model not in TABLE_BUILDERS or TABLE_BUILDERS[model][0] in REFERENCE_TABLES


def tables_of(models: Sequence[str]) -> list[str]:
    """Return the names of the tables with columns of their own that models' panels are made from."""
    found = [TABLE_BUILDERS[model] for model in models if model in TABLE_BUILDERS]
    return sorted({name for main, _, besides in found for name in (main, *besides)})


def build_panel(
    known: Table,
    model: str,
    table: pd.DataFrame | None = None,
    *,
    tables: Mapping[str, pd.DataFrame] | None = None,
    history: Table | None = None,
) -> Panel:
    """Return the inputs of `model` from what was known.

    Parameters
    ----------
    known
        The result of :func:`forecast.vintages.as_of`; its date counts for every model.
    model
        Name of a model.
    table
        For a model of :data:`TABLE_BUILDERS`, the table to use in place of the shipped one. Rows
        later than the date of `known` are left out of either.
    tables
        All tables with columns of their own (:func:`forecast.sources.read_tables`); those shipped by
        default.
    history
        All vintages, for a model that looks at earlier ones; those shipped by default.

    Returns
    -------
    Panel

    Raises
    ------
    UnknownNameError
        If no model has that name.
    DataError
        If the rows do not carry what the model needs, `known` did not come from ``as_of``, or a
        table is given for a model of observations, or none for a model without shipped data.
    """
    models = [*BUILDERS, *HISTORY_BUILDERS, *TABLE_BUILDERS]
    if model not in models:
        raise UnknownNameError(f"no model is called {model!r}; there are {one_line(models)}")
    if "as_of" not in known.attrs:
        raise DataError("the table has no as_of date; pass it through as_of(table, date) first")
    day = str(known.attrs["as_of"])
    if model in TABLE_BUILDERS:
        name, build, besides = TABLE_BUILDERS[model]
        own = _named(name, model, tables) if table is None else table
        return Panel(model, day, build(own, day, *(_named(n, model, tables) for n in besides)))
    if table is not None:
        raise DataError(
            f"the {model} model is fitted to observations; give them as the first argument"
        )
    if model in HISTORY_BUILDERS:
        every = read_vintages() if history is None else history
        return Panel(model, day, HISTORY_BUILDERS[model](known, every))
    return Panel(model, day, BUILDERS[model](known))


def _named(name: str, model: str, tables: Mapping[str, pd.DataFrame] | None) -> pd.DataFrame:
    """Return a table by name, the shipped one where none are given."""
    if tables is not None and name in tables:
        return tables[name]
    if name in USER_TABLES:
        columns = [entry.split(":")[0] for entry in USER_TABLES[name].split()]
        raise DataError(
            f"no data are shipped for the {model} model; give a table with the columns "
            f"{', '.join(columns)}: forecast fit {model} --data FILE"
        )
    return read_reference_table(name)
