"""What a model is: the record that a room exports, and the panel it is fitted to.

Invariant: a panel is decided by the known rows alone; the same rows in another order give the same
panel and the same hash. Nothing in it was reported after its ``as_of``.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from forecast.core.periods import (
    last_close,
    month_index,
    month_name,
    quarter_index,
    quarter_name,
    quarter_of,
)

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


Statistic = Callable[[dict[str, np.ndarray], Panel], np.ndarray]
Horizon = Callable[[str], str]


def years(ahead: int) -> Horizon:
    """Return the horizon that lies some years after the year of a day.

    Examples
    --------
    >>> years(4)("2026-05-06")
    '2030'
    """
    return lambda day: str(int(day[:4]) + ahead)


def quarters(ahead: int) -> Horizon:
    """Return the horizon that lies some quarters after the quarter of a day.

    Examples
    --------
    >>> quarters(8)("2026-05-06")
    '2028Q2'
    """
    return lambda day: quarter_name(quarter_index(quarter_of(day)) + ahead)


def months(ahead: int) -> Horizon:
    """Return the horizon that lies some months after the month of a day.

    Examples
    --------
    >>> months(25)("2026-05-06")
    '2028-06'
    """
    return lambda day: month_name(month_index(day) + ahead)


def closes(ahead: int) -> Horizon:
    """Return the horizon that lies some months after the last month whose close is known.

    Examples
    --------
    >>> closes(24)("2026-05-06"), closes(24)("2026-05-31")
    ('2028-04', '2028-05')
    """
    return lambda day: month_name(last_close(day) + ahead)


def the_day(day: str) -> str:
    """Return the day itself: what has no horizon is told of the day of its data."""
    return day


@dataclasses.dataclass(frozen=True)
class Model:
    """What the road needs to know of a model.

    Attributes
    ----------
    name
        Its name in claims and commands.
    title
        What it describes, for a reader.
    priors
        The default prior record.
    variants
        Other prior records by name, at least ``sceptical`` and ``generous``.
    build
        ``(panel, priors) -> pm.Model``; prior numbers and data enter as ``pm.Data``.
    complete
        ``(parameters, panel, priors, rng, given) -> Dataset``: adds what was integrated out of the
        fit, given the panel's values or from the prior.
    draw
        ``(parameters, panel, priors, until, rng) -> Dataset`` of joint draws.
    replicate
        ``(parameters, panel, priors, rng) -> {data name: (sample, obs)}``: new data for the
        panel's cells, for prior predictive checks and calibration.
    prior_checks
        ``(what, statistic, low, high)``: nine in ten prior draws lie between.
    report
        Parameters that the gate checks and the memo shows.
    labels
        What a parameter is, with its unit.
    horizon
        ``as_of -> last period`` that is drawn where nobody asks for another one.
    baseline
        The simple forecast printed beside the model, ``(panel, until, seed) -> Dataset`` of draws of
        its series; None if there is none.
    adaptation
        How the sampler adapts its mass matrix: ``diag``, or ``low_rank`` where parameters are
        correlated.
    target_accept
        Acceptance the step size is tuned to.
    max_depth
        Doublings after which a trajectory is cut.
    tune
        Tuning steps that are enough.
    sampled
        Of a model whose states are integrated out: the parameters from which ``complete`` draws all
        else and tells the likelihood of any panel with the same series, in which a value may be
        NaN, not known yet. Empty for a model that cannot be held against another panel like this.
    latent
        Sampled variables that are part of the process: their densities are no priors that a
        sensitivity check scales.
    """

    name: str
    title: str
    priors: Any
    variants: Mapping[str, Any]
    build: Callable[[Panel, Any], Any]
    complete: Callable[..., xr.Dataset]
    draw: Callable[[xr.Dataset, Panel, Any, str, np.random.Generator], xr.Dataset]
    replicate: Callable[[xr.Dataset, Panel, Any, np.random.Generator], dict[str, np.ndarray]]
    prior_checks: tuple[tuple[str, Statistic, float, float], ...]
    report: tuple[str, ...]
    labels: Mapping[str, str]
    horizon: Horizon
    baseline: Callable[..., xr.Dataset] | None = None
    adaptation: str = "diag"
    target_accept: float = 0.95
    max_depth: int = 10
    tune: int = 1000
    sampled: tuple[str, ...] = ()
    latent: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class PanelSource:
    """What a model's panel is made from.

    Attributes
    ----------
    build
        Of a model fitted to observations ``(known) -> Dataset``; where `history`, ``(known, every
        row) -> Dataset``; of a model with a table of its own ``(table, as_of, *besides) -> Dataset``,
        which leaves out what came later.
    table
        Name of the table with columns of its own that the model is fitted to, see
        :data:`forecast.tables.shipped.REFERENCE_TABLES`; "" for a model of observations.
    besides
        Names of tables that the builder takes besides.
    history
        Whether the builder takes earlier vintages too.
    """

    build: Callable[..., xr.Dataset]
    table: str = ""
    besides: tuple[str, ...] = ()
    history: bool = False
