"""What a model is: the record that a room exports, and the panel it is fitted to.

Invariant: a panel is decided by the known rows alone; the same rows in another order give the same
panel and the same hash. Nothing in it was reported after its ``as_of``.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import pandas as pd
import xarray as xr

from forecast.core.errors import DataError
from forecast.core.periods import (
    last_close,
    month_index,
    month_name,
    quarter_index,
    quarter_name,
    quarter_of,
)
from forecast.core.text import one_line

if TYPE_CHECKING:
    from forecast.tables.vintages import Known


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
        Labelled arrays with dim ``obs``, and nothing in ``attrs``. A model of two kinds of data has the
        second under dims of its own.
    units
        Unit by name of a variable.
    about
        What else a fit and its draws depend on: a frozen record of the model's room, or None.
    drawn
        What only draws depend on, likewise: a fit is the same whatever it says.
    notes
        Sentences on how the panel came about, for a reader.

    Raises
    ------
    DataError
        If there is something in ``attrs``, which no hash would see.
    """

    model: str
    as_of: str
    data: xr.Dataset
    units: Mapping[str, str] = dataclasses.field(default_factory=dict)
    about: object = None
    drawn: object = None
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        parts = [self.data.attrs, *(v.attrs for v in self.data.variables.values())]
        names = sorted({str(name) for attrs in parts for name in attrs})
        if names:
            raise DataError(
                f"the panel for {self.model} has {one_line(names)} in attrs; give units, notes and "
                "records as fields of the panel"
            )

    @property
    def hash(self) -> str:
        """Hash of all that the draws depend on: the date, and all of the panel's content."""
        return _digest((self.as_of, self.content_hash, self.drawn))

    @property
    def content_hash(self) -> str:
        """Hash of all that a fit depends on: values, labels, units, notes; not the date or ``drawn``."""
        arrays = {
            str(name): (name in self.data.coords, variable.dims, variable.values)
            for name, variable in self.data.variables.items()
        }
        return _digest((self.model, arrays, self.units, self.about, self.notes))

    def part[T](self, kind: type[T]) -> T:
        """Return the record of the model's room that the panel carries.

        Raises
        ------
        DataError
            If the panel carries no such record.
        """
        for record in (self.about, self.drawn):
            if isinstance(record, kind):
                return record
        raise DataError(
            f"the panel for {self.model} carries no {kind.__name__}; make it with build_panel"
        )

    def frame(self) -> pd.DataFrame:
        """Return the panel as a plain table, one row an observation of dim ``obs``."""
        rows = self.data.drop_dims([d for d in self.data.dims if d != "obs"])
        return rows.to_dataframe().reset_index(drop="obs" not in rows.coords)

    def _repr_html_(self) -> str:
        """Show the panel as a table with its date and hash."""
        head = (
            f"<p><b>Panel for {self.model}</b>, known as of {self.as_of}, "
            f"{self.data.sizes['obs']} observations, hash {self.hash[:12]}</p>"
        )
        units = "; ".join(f"{name} in {unit}" for name, unit in self.units.items())
        table = self.frame().to_html(index=False, float_format=lambda x: f"{x:.4g}")
        return f"{head}<p>{units}</p>{table}" if units else head + table


def _digest(content: object) -> str:
    """Return a hash of nested records, mappings, sequences, arrays and plain values."""
    return hashlib.sha256(json.dumps(_plain(content)).encode()).hexdigest()


def _plain(content: object) -> object:
    """Return content as lists of plain values, each kind told apart from the others.

    Mappings are without order. Floats are written to the last bit.
    """
    if content is None or isinstance(content, str | bool | int | float):
        return content
    if dataclasses.is_dataclass(content) and not isinstance(content, type):
        names = [f.name for f in dataclasses.fields(content)]
        return [type(content).__name__, [[n, _plain(getattr(content, n))] for n in names]]
    if isinstance(content, Mapping):
        return ["mapping", [[key, _plain(content[key])] for key in sorted(content)]]
    if isinstance(content, np.ndarray):
        cells = content.ravel().tolist()
        plain = content.dtype.kind in "biufU"  # then all of them are plain values already
        return ["array", list(content.shape), ["sequence", cells] if plain else _plain(cells)]
    if isinstance(content, list | tuple):
        return ["sequence", [_plain(value) for value in content]]
    raise TypeError(f"a panel cannot hold a {type(content).__name__}")


def records(table: pd.DataFrame, columns: Iterable[str]) -> list[dict[str, Any]]:
    """Return the rows of some columns as plain values by column; a column that is not there is left out.

    Walking over these takes a fraction of what it takes to ask pandas for row after row.
    """
    there = [name for name in columns if name in table]
    cells = zip(*(table[name].tolist() for name in there), strict=True)
    return [dict(zip(there, row, strict=True)) for row in cells]


def select(panel: Panel, keep: np.ndarray) -> Panel:
    """Return the panel with the observations where `keep` is true; for hold-out checks."""
    return dataclasses.replace(panel, data=panel.data.isel(obs=np.flatnonzero(keep)))


def unseen(panel: Panel, later: Panel) -> np.ndarray:
    """Return the positions of a later panel's observations that a panel does not have, by their labels.

    Labels are the coordinates along ``obs``: who, what and when, but not the values.
    """
    names = [str(n) for n, c in later.data.coords.items() if c.dims == ("obs",)]

    def labels(data: xr.Dataset) -> list[tuple[object, ...]]:
        return list(zip(*(data[n].values.tolist() for n in names), strict=True))

    there = set(labels(panel.data))
    return np.array([k for k, row in enumerate(labels(later.data)) if row not in there], dtype=int)


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


class Complete[P](Protocol):
    """Adds what was integrated out of a fit, given the panel's values or from the prior."""

    def __call__(
        self,
        parameters: xr.Dataset,
        panel: Panel,
        priors: P,
        rng: np.random.Generator,
        *,
        given: bool,
    ) -> xr.Dataset:
        """Return `parameters` with the rest added, of each draw."""
        ...


class Baseline(Protocol):
    """A simple forecast to print alongside the model's."""

    def __call__(self, panel: Panel, *, until: str, seed: int) -> xr.Dataset:
        """Return draws of the model's series, as the model draws them."""
        ...


@dataclasses.dataclass(frozen=True, slots=True)
class Cell:
    """Which figure something is.

    Attributes
    ----------
    entity, metric
        Whose, and which.
    period
        The period or day it is about, such as ``2025Q3`` or ``2025-09-30``.
    """

    entity: str
    metric: str
    period: str


@dataclasses.dataclass(frozen=True)
class Told:
    """Numbers that a fit has not seen, as it foretells them, and what came.

    Attributes
    ----------
    what
        What they are, in words, such as "scores of releases".
    names
        What each of them is; shape (number,).
    truth
        What came, shape (number,); of events 0 or 1.
    draws
        The model's draws of them, shape (sample, number); of events 0 or 1, or the probability.
    naive
        The simple forecast's, shape (sample, number), NaN where it has none; None where there is none.
    unit
        The unit of all these, in which distances are measured: "log points" of logarithms.
    event
        Whether they are events.
    cells
        Which figures they are, one each, for a backtest; a room that none asks may leave it empty.
    stepwise
        Whether each is told given the figures before it: then only the first of a series is a forecast
        from the panel's day.
    """

    what: str
    names: tuple[str, ...]
    truth: np.ndarray
    draws: np.ndarray
    naive: np.ndarray | None
    unit: str
    event: bool = False
    cells: tuple[Cell, ...] = ()
    stepwise: bool = False


@dataclasses.dataclass(frozen=True)
class Ahead:
    """How a model's newest figures are left out of a panel and foretold from the rest.

    What a room does not say goes by the common rule of :mod:`forecast.evaluation.hold_out`.

    Attributes
    ----------
    left_out
        ``(panel) -> Panel``: the panel without its newest figures, as of a day before them; None where
        that is what was known on an earlier day.
    tell
        ``(parameters, panel, later, priors, rng) -> [Told]``: the figures of a later panel that the fit
        of a panel has not seen; None where they are the reports in the draws' periods.
    asked
        ``panel -> panel`` with what is asked of it on a past day in a backtest, where that is not what
        is asked today; the fit does not depend on it. None where nothing changes.
    """

    left_out: Callable[[Panel], Panel] | None = None
    tell: Callable[[xr.Dataset, Panel, Panel, Any, np.random.Generator], Sequence[Told]] | None = (
        None
    )
    asked: Callable[[Panel], Panel] | None = None


@dataclasses.dataclass(frozen=True)
class Step:
    """One reason why what only draws depend on is another on a later day.

    Attributes
    ----------
    kind, label
        What it is, in a word or two and for a reader.
    entity, day
        Who said it, and on which day (ISO); empty where nobody did.
    taken
        ``record -> record``: with this step taken, whatever others are.
    """

    kind: str
    label: str
    entity: str
    day: str
    taken: Callable[[object], object]


@dataclasses.dataclass(frozen=True)
class Outlook:
    """What draws say of each series that a user follows, as ``forecast fit`` prints it.

    Attributes
    ----------
    note
        What a reader must know of the data behind it.
    title
        What the rows are.
    heads
        The heading of each column, by its name in the rows.
    rows
        Names as text, months as whole numbers, probabilities as numbers from 0 to 1.
    """

    note: str
    title: str
    heads: Mapping[str, str]
    rows: tuple[Mapping[str, str | int | float], ...]


@dataclasses.dataclass(frozen=True)
class Model[P]:
    """What the road needs to know of a model, whose prior numbers are a frozen record `P`.

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
    draw
        ``(parameters, panel, priors, until, rng) -> Dataset`` of joint draws.
    replicate
        ``(parameters, panel, priors, rng) -> {data name: (sample, ...)}``: new data for the
        panel's cells, over the dims that they have there, for prior predictive checks and calibration.
    prior_checks
        ``(what, statistic, low, high)``: nine in ten prior draws lie between.
    report
        Parameters that the gate checks and the memo shows.
    optional
        Of these, parameters that the model of a panel without their data does not have.
    labels
        What a parameter is, with its unit.
    horizon
        ``as_of -> last period`` that is drawn where nobody asks for another one.
    complete
        Adds what was integrated out of the fit; None where nothing is.
    baseline
        The simple forecast printed alongside the model's; None if there is none.
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
        NaN, not known yet. Empty for a model that cannot be evaluated on another panel like this.
    period
        Of such a model, the coordinate that tells a cell's period; with ``series`` it names the cell.
    rules
        Several baselines by name, for a backtest; without any it takes :attr:`baseline` alone.
    outlook
        ``(draws, panel, months) -> Outlook`` of the series that a user follows; None if there are none.
    steps
        ``(before, after) -> Steps`` from one record of what only draws depend on to another, in any
        order; None where a model's draws depend on no such record.
    shown
        Parameters whose prior and posterior a report draws; each has a label.
    hue
        The metric whose colour stands for the model where curves of several are drawn together.
    latent
        Sampled variables that are part of the process: their densities are no priors that a
        sensitivity check scales.
    compact
        ``(panel, priors) -> pm.Model`` of the same density in fewer operations, which compile sooner:
        what the sampler takes in place of that of `build`. ``complete`` gives its draws their names.
    rests_on
        What its answers rest on, the end of a sentence, for where two models answer one question;
        "" where the title says it.
    """

    name: str
    title: str
    priors: P
    variants: Mapping[str, P]
    build: Callable[[Panel, P], object]
    draw: Callable[[xr.Dataset, Panel, P, str, np.random.Generator], xr.Dataset]
    replicate: Callable[[xr.Dataset, Panel, P, np.random.Generator], dict[str, np.ndarray]]
    prior_checks: tuple[tuple[str, Statistic, float, float], ...]
    report: tuple[str, ...]
    labels: Mapping[str, str]
    horizon: Horizon
    complete: Complete[P] | None = None
    baseline: Baseline | None = None
    adaptation: str = "diag"
    target_accept: float = 0.95
    max_depth: int = 10
    tune: int = 1000
    sampled: tuple[str, ...] = ()
    period: str = ""
    rules: Mapping[str, Baseline] = dataclasses.field(default_factory=dict)
    outlook: Callable[[xr.Dataset, Panel, Sequence[int]], Outlook] | None = None
    steps: Callable[[object, object], tuple[Step, ...]] | None = None
    shown: tuple[str, ...] = ()
    hue: str = "score"
    latent: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    compact: Callable[[Panel, P], object] | None = None
    rests_on: str = ""

    @property
    def grounds(self) -> str:
        """What its answers rest on, the end of a sentence."""
        return self.rests_on or self.title

    def reported_of(self, posterior: xr.Dataset) -> tuple[str, ...]:
        """Return the parameters of :attr:`report` that a panel's model has: all but optional ones."""
        return tuple(n for n in self.report if n not in self.optional or n in posterior)

    def completed(
        self,
        parameters: xr.Dataset,
        panel: Panel,
        priors: P,
        rng: np.random.Generator,
        *,
        given: bool,
    ) -> xr.Dataset:
        """Return draws of the sampled parameters with what was integrated out of the fit.

        Parameters
        ----------
        parameters
            Draws of the sampled parameters, dims chain, draw.
        panel, priors, rng
            What the fit was of, and the source of the draws that are added.
        given
            Whether to condition on the panel's values; if not, the draws are from the prior.

        Returns
        -------
        xarray.Dataset
            `parameters` themselves where nothing is integrated out.
        """
        if self.complete is None:
            return parameters
        return self.complete(parameters, panel, priors, rng, given=given)


type AnyModel = Model[Any]
"""A model by its name, whose prior record is known to its room only."""


type Definitions = Mapping[tuple[str, str], tuple[str, float | None]]
"""By entity and metric that somebody speaks of beforehand: the metric of the model's series, and that
series over what is spoken of; None where the two were never reported together."""


@dataclasses.dataclass(frozen=True)
class PanelSource:
    """What a model's panel is made from.

    Attributes
    ----------
    build
        Of a model fitted to observations ``(known, *besides) -> Panel``; where `history`, ``(known,
        every row, *besides) -> Panel``; of a model with a table of its own ``(table, as_of, *besides)
        -> Panel``. What came later than the day is left out.
    table
        Name of the table with columns of its own that the model is fitted to, see
        :data:`forecast.tables.shipped.REFERENCE_TABLES`; "" for a model of observations.
    besides
        Names of tables with columns of their own that the builder takes besides.
    history
        Whether the builder takes earlier vintages too.
    latest
        The variables of the panel whose largest value is the last period or day of its data, of which
        a panel may lack some; empty where none says so.
    definitions
        ``panel -> Definitions`` of what is said of its series beforehand; None where nothing is.
    positions
        ``(panel, texts) -> Panel`` with series of a user's own added, each told in one text
        (``forecast fit --position``); None for a model that has none.
    """

    build: Callable[..., Panel]
    table: str = ""
    besides: tuple[str, ...] = ()
    history: bool = False
    latest: tuple[str, ...] = ()
    definitions: Callable[[Panel], Definitions] | None = None
    positions: Callable[[Panel, Sequence[str]], Panel] | None = None


@dataclasses.dataclass(frozen=True)
class Crossing:
    """A level that a claim asks about: whether a path comes to stand beyond it.

    Attributes
    ----------
    series, over
        The series, "entity/metric", that are added up, and those of the denominator; `over` is empty
        where the path is no ratio.
    op
        One of ``<``, ``<=``, ``>``, ``>=``: the side on which the event happens.
    value
        The level, in the unit of the path.
    """

    series: tuple[str, ...]
    over: tuple[str, ...]
    op: str
    value: float


@dataclasses.dataclass(frozen=True)
class Scene:
    """What a figure of a model may read of a run.

    Attributes
    ----------
    panel
        What the model was fitted to.
    posterior
        Draws of its parameters, dims chain, draw.
    draws
        Draws of its series, see :mod:`forecast.core.draws`; the fit has passed its convergence checks.
    baseline
        Draws of the simple forecast alongside it; None where there is none.
    as_of
        The day of the run, ISO.
    known
        All observations that were known then, of other models too.
    events
        The levels that the run's claims ask this model about.
    focus
        Entities that the article looks at, the first before the others, of other models too.
    """

    panel: Panel
    posterior: xr.Dataset
    draws: xr.Dataset
    baseline: xr.Dataset | None
    as_of: str
    known: Known
    events: tuple[Crossing, ...] = ()
    focus: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class Drawn:
    """A figure that has been drawn, with its words.

    Attributes
    ----------
    shown
        A Matplotlib figure, or any axes of it. Models are fitted without Matplotlib, so its types are
        not named here.
    alt
        What it says, for those who do not see it; computed from what is shown.
    caption
        What it shows and how to read it; its source is added where it is printed.
    """

    shown: Any
    alt: str
    caption: str


@dataclasses.dataclass(frozen=True)
class Figure:
    """A figure of a model, which its room exports in ``FIGURES``.

    Attributes
    ----------
    key
        Its name in the memo and the stem of its files; no other figure has it.
    source
        Where its data come from, for its caption; empty where that is the article of the run.
    draw
        Draws it. It raises :class:`forecast.core.errors.DataError` where the run has nothing to show,
        and the figure is left out.
    """

    key: str
    source: str
    draw: Callable[[Scene], Drawn]


@dataclasses.dataclass(frozen=True)
class Reported:
    """Of a model whose series are reported numbers: which they are, and the path of what has come.

    Series of other models are latent, or drawn from several sources: nothing that is reported is such
    a number itself.

    Attributes
    ----------
    metrics
        Metrics of the rows that the series are made of.
    path
        ``(panel, until) -> Dataset``: what was reported as draws of one chain and one draw, with the
        sums and ratios of the model's draws; every period that ends by the day `until` is there, NaN
        where nothing was reported.
    """

    metrics: tuple[str, ...]
    path: Callable[[Panel, dt.date], xr.Dataset]


def on_grid(panel: Panel, when: np.ndarray, last: int) -> tuple[list[str], np.ndarray, np.ndarray]:
    """Return a panel's series, their periods without a gap, and its values by both.

    Parameters
    ----------
    panel
        With variable ``value`` and coordinate ``series``.
    when
        Number of each observation's period.
    last
        The last period that is there, unless there are later observations.

    Returns
    -------
    list of str, numpy.ndarray, numpy.ndarray
        Series; numbers of the periods; values, shape (series, period), NaN where there is none.
    """
    series = panel.data["series"].values.astype(str)
    names = list(dict.fromkeys(series.tolist()))
    grid = np.arange(when.min(), max(int(when.max()), last) + 1)
    values = np.full((len(names), len(grid)), np.nan)
    values[[names.index(name) for name in series], when - grid[0]] = panel.data["value"].values
    return names, grid, values
