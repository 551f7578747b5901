"""Known rows -> the panel of a model, by what its room says."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import pandas as pd

from forecast.core.errors import DataError
from forecast.models.registry import names, panel_source
from forecast.tables.shipped import (
    REFERENCE_TABLES,
    USER_TABLES,
    read_reference_table,
    read_vintages,
)
from forecast.tables.vintages import Known, Table, require_known

if TYPE_CHECKING:
    from forecast.models.base import Definitions, Panel


def shipped(model: str) -> bool:
    """Return whether a model can be fitted without a table of the user's own."""
    table = panel_source(model).table
    return not table or table in REFERENCE_TABLES


def tables_of(models: Sequence[str]) -> list[str]:
    """Return the names of the tables with columns of their own that models' panels are made from."""
    sources = [panel_source(model) for model in models]
    return sorted({name for one in sources for name in (one.table, *one.besides) if name})


def latest_of(panel: Panel) -> str:
    """Return the last period or day of a panel's data, as text; empty where its room names none."""
    there = [name for name in panel_source(panel.model).latest if name in panel.data.variables]
    return max((str(value) for name in there for value in panel.data[name].values), default="")


def build_panel(
    known: Known,
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
        The result of :func:`forecast.tables.vintages.as_of`; its date counts for every model.
    model
        Name of a model.
    table
        For a model with a table of its own, the table to use in place of the shipped one. Rows
        later than the date of `known` are left out of either.
    tables
        All tables with columns of their own (:func:`forecast.tables.shipped.read_tables`);
        those shipped by default.
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
    source = panel_source(model)
    day = require_known(known).date
    besides = [_named(name, model, tables) for name in source.besides]
    if source.table:
        own = _named(source.table, model, tables) if table is None else table
        return source.build(own, day, *besides)
    if table is not None:
        raise DataError(
            f"the {model} model is fitted to observations; give them as the first argument"
        )
    if source.history:
        every = read_vintages() if history is None else history
        return source.build(known, every, *besides)
    return source.build(known, *besides)


def with_positions(panel: Panel, given: Sequence[str]) -> Panel:
    """Return the panel with series of a user's own added, each told in one text.

    Raises
    ------
    DataError
        If the model has no such series, or a text is not one.
    """
    if not given:
        return panel
    add = panel_source(panel.model).positions
    if add is None:
        having = [name for name in names() if panel_source(name).positions is not None]
        raise DataError(
            f"--position is for the {' or the '.join(having)} model; got {panel.model}: leave it out"
        )
    return add(panel, given)


def _named(name: str, model: str, tables: Mapping[str, pd.DataFrame] | None) -> pd.DataFrame:
    """Return a table by name, the shipped one where none are given."""
    if tables is not None and name in tables:
        return tables[name]
    if name in USER_TABLES:
        columns = [entry.split(":")[0] for entry in USER_TABLES[name].split()]
        raise DataError(
            f"no data are shipped for the {model} model; give a table with the columns "
            f"{', '.join(columns)}: forecast fit {model} --table FILE"
        )
    return read_reference_table(name)


def definitions_of(known: Known) -> Definitions:
    """Return what is spoken of beforehand, and what that is in the series of models.

    Parameters
    ----------
    known
        The result of :func:`forecast.tables.vintages.as_of`.

    Returns
    -------
    mapping
        Without the models whose panel cannot be built.
    """
    found: dict[tuple[str, str], tuple[str, float | None]] = {}
    for model in names():
        told = panel_source(model).definitions
        if told is not None:
            with contextlib.suppress(DataError):
                found |= told(build_panel(known, model))
    return found
