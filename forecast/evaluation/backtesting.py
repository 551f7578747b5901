"""At each of several as_of dates: fit to what was known, forecast, score the realised values.

Invariant: a task carries a panel of what was known on its date, and the truth only to score with; its
seeds depend on the date alone. So the same scores come from one process, many, or a cluster, and a
number reported later changes a score but never a forecast.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import logging
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd
import xarray as xr

from forecast.core.errors import DataError, ForecastError, GateError
from forecast.core.periods import parse_date
from forecast.core.processes import each
from forecast.core.text import one_line
from forecast.evaluation import score
from forecast.inference.fitting import child_seed, fit
from forecast.inference.predict import forecast, outline
from forecast.models.panels import build_panel
from forecast.models.registry import carrying, get_model, panel_source
from forecast.tables.vintages import Table, as_of

if TYPE_CHECKING:
    from forecast.models.base import AnyModel, Baseline, Panel

logger = logging.getLogger(__name__)
SCORES = ("crps", "log_score", "interval_score", "pit")
SHARES = (50, 80, 95)
LONGEST_LAG = 3660
"""Days; nobody reports ten years late."""
MODEL = "model"
"""The forecast that is ours in the column ``forecast``; the others are naive rules."""


@dataclasses.dataclass(frozen=True)
class Task:
    """One date of a backtest.

    Attributes
    ----------
    panel
        What was known on the date.
    truth
        What came, dims series, period.
    horizon
        Periods after a series' last report to score.
    seed
        As for :func:`backtest`.
    size
        Draws, and as many tuning steps, per chain.
    """

    panel: Panel
    truth: xr.DataArray
    horizon: int
    seed: int
    size: int


def _mean_of_all(values: pd.Series[float]) -> float:
    return float(values.mean(skipna=False))


@dataclasses.dataclass(frozen=True)
class Backtest:
    """What a backtest found.

    Attributes
    ----------
    cells
        One row a forecast number: forecast, as_of, series, metric, target_period, horizon, truth,
        scores on the log scale (``crps``, ``log_score``, ``interval_score`` of 80 %, ``pit``) and
        1 where the 50, 80 and 95 % intervals held it, else 0 (``c50``, ``c80``, ``c95``).
    origins
        One row a date: as_of, observations, whether the gate passed, the values of its checks, and
        the reason where there is no forecast.
    """

    cells: pd.DataFrame
    origins: pd.DataFrame

    def summary(self, by: Sequence[str] = ("metric",)) -> pd.DataFrame:
        """Return mean scores of each forecast, best first, where every rule has a forecast.

        Of a cell without a score the mean is NaN.

        Parameters
        ----------
        by
            Columns of :attr:`cells` to group by, besides the forecast.

        Returns
        -------
        pandas.DataFrame
            Columns `by`, forecast, crps, log_score, interval_score, c50, c80, c95, n, and
            ``behind``: mean CRPS less that of the best naive rule, with ``behind_se``, the standard
            error of that difference by date. Dates overlap, so it is a lower bound.
        """
        by = list(by)
        key = ["as_of", "series", "target_period"]
        rules = self.cells["forecast"].nunique()
        everywhere = self.cells.groupby(key)["forecast"].transform("nunique") == rules
        cells = self.cells[everywhere]
        shown = [*SCORES[:3], *(f"c{share}" for share in SHARES)]
        tables = []
        for _, part in cells.groupby(by) if by else [(None, cells)]:
            means = part.groupby("forecast")[shown].agg(_mean_of_all)
            best = means.drop(index=MODEL, errors="ignore")["crps"].idxmin()
            wide = part.pivot_table(index=key, columns="forecast", values="crps")
            apart = wide.sub(wide[best], axis=0).groupby("as_of").mean()
            means["n"] = part.groupby("forecast").size()
            means["behind"] = wide.mean() - wide[best].mean()
            means["behind_se"] = apart.std(ddof=1) / np.sqrt(len(apart))
            means = means.reset_index().sort_values("crps")
            for column in by:
                means[column] = part[column].iloc[0]
            tables.append(means)
        frame = pd.concat(tables, ignore_index=True)
        return frame[[*by, *(c for c in frame.columns if c not in by)]]


def origins(start: str | dt.date, end: str | dt.date, lag: int = 45) -> list[str]:
    """Return the days `lag` after each quarter's end that lie from `start` to `end`, ISO.

    By 45 days after a quarter's end most companies have reported.

    Raises
    ------
    DataError
        If there is none, a day cannot be read, or `lag` is above :data:`LONGEST_LAG`.
    """
    first = pd.Timestamp(parse_date(start, "start date"))
    last = pd.Timestamp(parse_date(end, "end date"))
    if lag > LONGEST_LAG:
        raise DataError(f"got {lag} days after quarters; wanted at most {LONGEST_LAG}")
    shift = pd.Timedelta(days=lag)
    days = pd.date_range(first - shift, last - shift, freq="QE") + shift
    if not len(days):
        raise DataError(
            f"no date to forecast from: got {first.date()} to {last.date()}, which holds no day "
            f"{lag} days after the end of a quarter; wanted a start before its end, by a quarter"
        )
    return [day.date().isoformat() for day in days]


def what_came(model: str, table: Table) -> xr.DataArray:
    """Return every number a model forecasts, as it is known by the table's newest row.

    Returns
    -------
    xarray.DataArray
        Dims series, period; NaN where nothing was reported; coordinate ``metric`` along series.
    """
    newest = as_of(table, str(table["reported_on"].max()))
    drawn = outline(build_panel(newest, model, history=table))
    truth: xr.DataArray = drawn["observed"].transpose("series", "period")
    return truth


class Origin(NamedTuple):
    """What was found at one date: its rows of :attr:`Backtest.cells`, and its row of ``origins``."""

    cells: pd.DataFrame
    row: dict[str, object]


def score_origin(task: Task) -> Origin:
    """Fit, forecast and score at one date, alongside the naive rules."""
    panel, entry = task.panel, get_model(task.panel.model)
    row: dict[str, object] = {"as_of": panel.as_of, "observations": int(panel.data.sizes["obs"])}
    until = _last_known(task.truth)
    forecasts: dict[str, xr.Dataset] = {}
    try:
        run = fit(
            entry.name, panel, seed=child_seed(task.seed, panel.as_of, "fit"),
            draws=task.size, progress=False,
        )  # fmt: skip
        if run.gate is not None:
            row["passed"] = run.gate.passed
            row.update({str(check.name): check.value for check in run.gate.checks})
        forecasts[MODEL] = forecast(
            run, until=until, seed=child_seed(task.seed, panel.as_of, "draw")
        )
        row["reason"] = ""
    except (GateError, DataError) as error:
        row |= {"passed": False, "reason": str(error)}
    for rule, baseline in _rules(entry).items():
        try:
            forecasts[rule] = baseline(
                panel, until=until, seed=child_seed(task.seed, panel.as_of, rule)
            )
        except ForecastError:
            continue  # too short a history for this rule: its cells are then not compared
    tables = [_cells(what, draws, task) for what, draws in forecasts.items()]
    return Origin(pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(), row)


def _rules(entry: AnyModel) -> Mapping[str, Baseline]:
    """Return the baselines to beat, by name."""
    return entry.rules or ({} if entry.baseline is None else {"drift": entry.baseline})


def _last_known(truth: xr.DataArray) -> str:
    known = np.isfinite(truth.values).any(axis=truth.get_axis_num("series"))
    return str(truth["period"].values[np.flatnonzero(known)[-1]])


def _cells(what: str, draws: xr.Dataset, task: Task) -> pd.DataFrame:
    """Score every cell that was not known at the date and has come since."""
    names = [str(n) for n in draws["series"].values if n in task.truth["series"].values]
    periods = [str(p) for p in draws["period"].values if p in task.truth["period"].values]
    draws = draws[["y", "observed"]].sel(series=names, period=periods)
    truth = task.truth.sel(series=names, period=periods)
    seen = np.isfinite(draws["observed"].transpose("series", "period").values)
    last = np.where(seen, np.arange(len(periods)), -1).max(axis=1)
    ahead = np.arange(len(periods)) - last[:, None]
    y = draws["y"].transpose("series", "period", "chain", "draw").values
    scored = (last[:, None] >= 0) & (ahead >= 1) & (ahead <= task.horizon)
    scored &= np.isfinite(truth.values) & np.isfinite(y).all((2, 3))
    scored &= (truth.values > 0) & (y > 0).all((2, 3))
    at, when = np.nonzero(scored)
    if not len(at):
        return pd.DataFrame()
    logs = xr.DataArray(np.log(y[at, when]), dims=("cell", "chain", "draw"))
    came = xr.DataArray(np.log(truth.values[at, when]), dims="cell")
    found = {name: getattr(score, name)(logs, came).values for name in SCORES}
    found |= {f"c{s}": score.covered(logs, came, s / 100).values for s in SHARES}
    return pd.DataFrame(
        {
            "forecast": what,
            "as_of": task.panel.as_of,
            "series": np.array(names, dtype=object)[at],
            "metric": draws["metric"].values.astype(str)[at],
            "target_period": np.array(periods, dtype=object)[when],
            "horizon": ahead[at, when],
            "truth": truth.values[at, when],
            **found,
        }
    )


def backtest(
    model: str,
    table: Table,
    dates: Sequence[str],
    *,
    seed: int,
    horizon: int = 8,
    size: int = 1000,
    workers: int = 1,
    cluster: str | None = None,
) -> Backtest:
    """Forecast from days of the past what was not known then, and score what came.

    Parameters
    ----------
    model
        Name of a model of observations: one whose numbers carry the day they became known.
    table
        A vintage table, from :func:`forecast.tables.shipped.read_vintages`.
    dates
        Days to forecast from, ISO, such as :func:`origins` gives.
    seed
        Decides all random numbers.
    horizon
        Periods after a series' last report to score.
    size
        Draws, and as many tuning steps, per chain.
    workers
        Processes on this machine.
    cluster
        Address of a Dask scheduler, such as ``tcp://10.0.0.5:8786``, in place of `workers`; needs
        ``forecast[cluster]``, here and on the workers.

    Returns
    -------
    Backtest

    Raises
    ------
    DataError
        If the model is fitted to a table without report dates, nothing came that could be scored,
        or the cluster cannot be reached.
    """
    get_model(model)  # or say that there is none
    if own := panel_source(model).table:
        raise DataError(
            f"{model} is fitted to a table without report dates ({own}): what "
            "was known on a day cannot be told; wanted a model of observations"
        )
    truth = what_came(model, table)
    tasks, left_out = [], []
    for day in dates:
        try:
            panel = build_panel(as_of(table, day), model, history=table)
        except DataError as error:
            left_out.append({"as_of": day, "passed": False, "reason": str(error)})
            continue
        tasks.append(Task(panel, truth, horizon, seed, size))
    if not tasks:
        raise DataError(f"nothing to forecast from on any date: {left_out[0]['reason']}")
    results: list[Origin] = []
    for done in _results(tasks, workers, cluster):
        results.append(done)
        row = done.row
        said = "passed its gate" if row["passed"] else f"no forecast: {row['reason']}"
        logger.info(f"{len(results)} of {len(tasks)}: as of {row['as_of']}, {said}")
    results.sort(key=lambda one: str(one.row["as_of"]))
    tables = [one.cells for one in results if len(one.cells)]
    if not tables:
        raise DataError(
            f"nothing that {model} forecasts was reported after these dates "
            f"({one_line([t.panel.as_of for t in tasks])}): there is nothing to score; wanted "
            "earlier dates, or a model of numbers that are reported again and again"
        )
    rows = pd.DataFrame([*left_out, *(one.row for one in results)])
    return Backtest(
        pd.concat(tables, ignore_index=True), rows.sort_values("as_of", ignore_index=True)
    )


def _results(tasks: Sequence[Task], workers: int, cluster: str | None) -> Iterator[Origin]:
    """Yield results as they come."""
    if cluster is not None:
        yield from _on_cluster(tasks, cluster)
    else:
        yield from each(carrying(score_origin), tasks, workers)


def _on_cluster(tasks: Sequence[Task], address: str) -> Iterator[Origin]:
    try:
        import distributed
    except ImportError:
        raise DataError(
            "a cluster needs dask.distributed: pip install 'forecast[cluster]', here and on the "
            "workers"
        ) from None
    try:
        client = distributed.Client(address, timeout=10)
    except (OSError, ValueError) as error:
        raise DataError(
            f"no Dask scheduler answers at {address!r}: {error}; wanted an address such as "
            "tcp://host:8786"
        ) from error
    with client:
        # Each result is asked for by its task's place, so that two equal tasks are two results.
        futures = client.map(carrying(score_origin), list(tasks), pure=False)
        try:
            for future in distributed.as_completed(futures):
                yield future.result()
        finally:
            client.cancel(futures)
