"""Run-ups with censored durations -> episodes that never overlap, for the hazard model.

The table enumerates identifications: the month in which an industry's two-year run-up first passed
a rule's threshold. Its rules are nested, so one run-up may stand there several times: at 50 points
over the market, again at 100, again two years later. :func:`episodes` makes one history of them in
which no month of an industry is counted twice.

One frequency holds throughout: prices are those of month-ends, in the run-ups, in the returns of
indices, in the base rates and in what is forecast.

A position that is an index of the table ``index_returns_monthly`` is forecast twice, by its class and by
its own returns, see :func:`views`. Its class is that of the run-ups where it belongs there; else it
is the index itself at any time, by its row of the table ``drawdown_base_rates``.

Invariant: nothing that happened after ``as_of`` reaches the panel: identifications after it are
dropped, falls and returns after it are not known, and follow-up ends with the last full month before
it. ``tests/test_hazard.py`` alters every later row of every table and compares.
"""

from __future__ import annotations

import dataclasses
import itertools
import logging
import math
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from forecast.core.errors import DataError
from forecast.core.periods import last_close, month_index, month_name
from forecast.core.text import one_line
from forecast.models.base import Panel, PanelSource, records
from forecast.tables.shipped import read_reference_table

FALLS = (20, 30, 40)
"""Falls from the running peak, in percent, that the table dates."""
LOOKBACK = 24
"""Months over which a run-up is measured; within so many an identification of the same industry is
about the same run-up."""
LONGEST = 48
"""Months of follow-up in the table."""
logger = logging.getLogger(__name__)

COLUMNS = (
    "industry",
    "id_month",
    "runup24_raw",
    "runup24_net",
    "followup_months",
    *(column.format(fall) for fall in FALLS for column in ("dur{}_m", "event{}")),
)
"""Columns that an own table must have; its rules, depths and peaks are not used."""
UNCONDITIONAL = "US industries, unconditional"
VOLATILITY = "volatility24"
"""Optional column of the table: standard deviation of the industry's log returns a month, over the 24
months of the run-up."""
FEWEST = 24
"""Months of an index that must be known for its returns to say anything."""


def episodes(table: pd.DataFrame, as_of: str) -> pd.DataFrame:
    """Return the episodes known on a day, each month of an industry in one of them at most.

    An identification within :data:`LOOKBACK` months of one with at least its net run-up is about
    the same run-up and is dropped; any other ends the episode before it, which is censored there.
    So a run-up that grows from 50 to 100 points is followed under 50 until it reaches 100, and
    under 100 from then on, with a new running peak.

    Parameters
    ----------
    table
        The reference table ``runups``, or one of its columns.
    as_of
        The day, ISO.

    Returns
    -------
    pandas.DataFrame
        Columns industry, identified (month), net and raw (run-up over two years, percent points
        and percent), volatility (log points a month, NaN where the table does not say), followup
        (months seen), and per fall of :data:`FALLS` ``months`` and ``event``: the month of the first
        such fall, or of censoring, and which.

    Raises
    ------
    DataError
        If durations contradict each other, or nothing was identified by then.
    """
    missing = [c for c in COLUMNS if c not in table.columns]
    if missing:
        raise DataError(
            f"the table of run-ups lacks the column(s) {one_line(missing)}; wanted {one_line(COLUMNS)}"
        )
    _check(table)
    known = last_close(as_of)
    rows = table.assign(month=[month_index(m) for m in table["id_month"]])
    rows = rows[rows["month"] < known]
    if rows.empty:
        raise DataError(
            f"no run-up was identified a month or more before {as_of}; the first one of the table "
            f"is of {table['id_month'].min()}"
        )
    if VOLATILITY in rows and (rows[VOLATILITY] <= 0).any():
        bad = rows[rows[VOLATILITY] <= 0]
        raise DataError(
            f"{VOLATILITY} must be above zero, or empty; look at "
            + one_line([f"{r.industry} {r.id_month}" for r in bad.itertuples()])
        )
    order = ["industry", "month", "runup24_net", "runup24_raw"]
    rows = rows.sort_values(order, ascending=[True, True, False, False], kind="stable")
    histories: dict[str, list[dict[str, Any]]] = {}
    for row in records(rows, (*COLUMNS, VOLATILITY, "month")):
        history = histories.setdefault(row["industry"], [])
        same = history and row["month"] - history[-1]["month"] <= LOOKBACK
        if not (same and row["runup24_net"] <= history[-1]["runup24_net"]):
            history.append(row)
    kept = [
        _episode(row, end)
        for history in histories.values()
        for row, end in zip(history, [*(r["month"] for r in history[1:]), known], strict=True)
    ]
    return pd.DataFrame([row for row in kept if row["followup"]])


def _check(table: pd.DataFrame) -> None:
    if len(table) == 0:
        raise DataError("the table of run-ups has no rows")
    bad = np.zeros(len(table), dtype=bool)
    for smaller, fall in zip((FALLS[0], *FALLS[:-1]), FALLS, strict=True):
        months, event = table[f"dur{fall}_m"], table[f"event{fall}"]
        bad |= (months < 1) | (months > LONGEST) | (months % 1 != 0)
        bad |= months > table["followup_months"]
        bad |= (event == 1) & (months < table[f"dur{smaller}_m"])
        bad |= (event == 1) & (table[f"event{smaller}"] == 0)
    if bad.any():
        listed = table[bad]
        raise DataError(
            "months to a fall must be whole, from 1 to the follow-up and to "
            f"{LONGEST}, and no deeper fall may come before a smaller one; look at "
            + one_line([f"{r.industry} {r.id_month}" for r in listed.itertuples()])
        )


def _episode(row: Mapping[str, Any], end: int) -> dict[str, object]:
    followup = min(int(row["followup_months"]), LONGEST, end - int(row["month"]))
    episode: dict[str, object] = {
        "industry": row["industry"],
        "identified": row["id_month"],
        "net": float(row["runup24_net"]),
        "raw": float(row["runup24_raw"]),
        "volatility": float(row.get(VOLATILITY, np.nan)),
        "followup": followup,
    }
    for fall in FALLS:
        seen = bool(row[f"event{fall}"]) and row[f"dur{fall}_m"] <= followup
        episode[f"months{fall}"] = int(row[f"dur{fall}_m"]) if seen else followup
        episode[f"event{fall}"] = int(seen)
    return episode


@dataclasses.dataclass(frozen=True)
class Position:
    """Where a series stands: what the model is asked about.

    Attributes
    ----------
    entity
        A name for it.
    dated
        The day of the position, ISO.
    industry
        The industry of the table whose effect it shares, or "" for one that is not in the table.
    net, raw
        Two-year run-up over the market in points, and in percent.
    months
        Full months since that run-up was identified, up to the first fall of 20 % if one has come.
    source
        Where the figures are from.
    since
        The day from which its falls are on record, ISO: that of its first row; "" for `dated`.
    fell
        Months of the first falls of :data:`FALLS` since then, "" for one that has not come by `dated`.
    sample
        The row of ``drawdown_base_rates`` that says how often this series falls at any time, or "".
    blocks
        Number of independent windows of 24 months behind that row; 0 without one.
    at_any_time
        Whether its class is that row, because it is not after a run-up of the table's kind.
    relative, relative_sd
        With such a row and no industry, by fall of :data:`FALLS` the log of its hazard over that of
        US industries, and its sampling error; what it says of the series' own effect.
        :func:`relative_hazard` computes both.
    volatility
        Standard deviation of its log returns a month over the run-up; NaN where it is not known.
    """

    entity: str
    dated: str
    industry: str
    net: float
    raw: float
    months: int
    source: str
    since: str = ""
    fell: tuple[str, str, str] = ("", "", "")
    sample: str = ""
    blocks: float = 0.0
    at_any_time: bool = False
    relative: tuple[float, ...] = ()
    relative_sd: tuple[float, ...] = ()
    volatility: float = math.nan

    @property
    def stage(self) -> int:
        """Number of the falls of :data:`FALLS` that have come."""
        return sum(bool(month) for month in self.fell)

    @property
    def closed(self) -> int:
        """Index of the last month that is on record: what comes later is not known."""
        return last_close(self.dated)

    @property
    def passed(self) -> int:
        """Months survived in the stage it has reached, by the last month on record."""
        return self.closed - month_index(self.fell[self.stage - 1]) if self.stage else self.months

    def record(self, months: np.ndarray) -> np.ndarray:
        """Return which falls had come by some months.

        Parameters
        ----------
        months
            Month indices, shape (month,).

        Returns
        -------
        numpy.ndarray
            0 or 1, shape (fall, month); NaN in months that are not on record.
        """
        first = last_close(self.since or self.dated)
        rows = [
            (months >= month_index(month)) if month else np.zeros(len(months), bool)
            for month in self.fell
        ]
        known = (months > first) & (months <= self.closed)
        return np.where(known, np.array(rows, dtype=float), np.nan)


@dataclasses.dataclass(frozen=True)
class Asked:
    """What is forecast from a fit, which does not depend on it.

    Attributes
    ----------
    positions
        Where the series stand that are forecast, in the order of the draws.
    base_rates
        By row of ``drawdown_base_rates``, how often its series falls at any time: p20_18m and so on.
    """

    positions: tuple[Position, ...]
    base_rates: Mapping[str, Mapping[str, float]]


def _rates(table: pd.DataFrame | None) -> dict[str, dict[str, float]]:
    """Return the numbers of ``drawdown_base_rates``, by default as shipped, by sample and column."""
    given = read_reference_table("drawdown_base_rates") if table is None else table
    rates = {
        str(r["sample"]): {c: float(v) for c, v in r.items() if c != "sample"}
        for r in records(given, given.columns)
    }
    if not 0 < rates.get(UNCONDITIONAL, {}).get("p20_24m", 0) < 1:
        raise DataError(
            f"drawdown_base_rates: wanted a row {UNCONDITIONAL!r} with a p20_24m between 0 and 1; "
            f"there are {one_line(list(rates))}"
        )
    return rates


def relative_hazard(
    sample: str, table: pd.DataFrame | None = None, fall: int = FALLS[0]
) -> tuple[float, float]:
    """Return how much more often a series takes a step down than US industries do, at any time.

    Both rates are of month-end closes. The first step is the fall of 20 %; that to 30 % is told of
    the series that fell by 20 % in the same 24 months, and so on: a ratio for each step, because a
    series that falls twice as often need not fall deeper.

    Parameters
    ----------
    sample
        A row of ``drawdown_base_rates``.
    table
        That table, by default as shipped.
    fall
        The fall of :data:`FALLS` that the step leads to.

    Returns
    -------
    tuple of float
        The log of the ratio of the cumulative hazards behind the two rates, and its error from the
        number of independent 24-month blocks, of those that fell so far for a later step (delta
        method; Jeffreys' half event on either side, for a share of none or of all).

    Raises
    ------
    DataError
        If no sample has that name, or its rate or its number of blocks is of no use.
    """
    rates = _rates(table)
    if sample not in rates:
        raise DataError(f"no base rate is called {sample!r}; there are {one_line(list(rates))}")
    step = FALLS.index(fall)
    said = {}
    for name in (UNCONDITIONAL, sample):
        own = [rates[name][f"p{f}_24m"] for f in FALLS]
        if not (0 < own[0] < 1 and all(b <= a for a, b in itertools.pairwise(own))):
            raise DataError(
                f"{name}: wanted rates of falls in 24 months between 0 and 1, of a deeper one no "
                f"larger; got {', '.join(f'{p:g}' for p in own)}"
            )
        said[name] = (own[step] / own[step - 1] if step else own[0], own[step - 1] if step else 1.0)
    blocks = rates[sample]["independent_blocks"]
    if not blocks > 0:
        raise DataError(f"{sample}: wanted a number of independent blocks; got {blocks:g}")
    n = blocks * said[sample][1]
    if step:
        share = (n * said[sample][0] + 0.5) / (n + 1)
        base = min(said[UNCONDITIONAL][0], 1 - 1e-6)
    else:
        share, base = said[sample][0], said[UNCONDITIONAL][0]
    hazard = -np.log1p(-share)
    error = np.sqrt(share * (1 - share) / n) / ((1 - share) * hazard)
    return float(np.log(hazard / -np.log1p(-base))), float(error)


CLASS = "class"
"""Source of a position that stands for any industry just identified on the date, whatever the date."""
CLASSES = (50.0, 100.0, 150.0)
"""Run-ups of the published base rates, points over the market."""
MARKET_MEAN = 40.0
"""Run-up of the market itself in the mean of the table's identifications, percent."""
USUAL_VOLATILITY = 0.075
"""Volatility of an industry's returns during a run-up of 100 points, log points a month: the table's
mean of logs is -2.584."""
VOLATILITY_SLOPE = 0.36
"""Larger run-ups are of more volatile industries: change of the log per doubling of the run-up, by least
squares on the table. What is left has a standard deviation of 0.31."""
CLASS_VIEW, OWN_VIEW = "by its class", "by its own returns"
"""Two ways to forecast an index; see :func:`views`."""


def class_name(net: float) -> str:
    """Return the entity that stands for any industry after a run-up."""
    return f"industry up {net:g}"


def month_end_rates(log_returns: np.ndarray, within: int) -> list[float]:
    """Return how often a series falls by each of :data:`FALLS` within some months, at any time.

    Parameters
    ----------
    log_returns
        By month, without a gap, shape (month,).
    within
        Months of a window. Windows begin at every month-end; the peak is the highest month-end close
        from the window's first day on.

    Returns
    -------
    list of float
        Shares of the windows. They overlap, so there are fewer independent ones.
    """
    level = np.concatenate([[0.0], np.cumsum(log_returns)])
    windows = np.lib.stride_tricks.sliding_window_view(level, within + 1)
    depth = 1 - np.exp(windows - np.maximum.accumulate(windows, axis=1)).min(axis=1)
    return [float((depth >= fall / 100).mean()) for fall in FALLS]


def index_returns(table: pd.DataFrame, as_of: str, names: Collection[str]) -> xr.Dataset:
    """Return the monthly log returns of some indices known on a day.

    Parameters
    ----------
    table
        The reference table ``index_returns_monthly``.
    as_of
        The day, ISO.
    names
        The indices that are asked about; those that the table does not have are left out.

    Returns
    -------
    xarray.Dataset
        ``log_return``, dims month, index, NaN before an index begins and after it ends. Indices of
        fewer than :data:`FEWEST` months are left out; with none left there is no variable.

    Raises
    ------
    DataError
        If an index has a month twice, or misses one.
    """
    at = np.array([month_index(m) for m in table["month"].tolist()], dtype=np.int64)
    rows = table.assign(at=at)[(at <= last_close(as_of)) & table["series"].isin(names).to_numpy()]
    twice = rows[rows.duplicated(["series", "at"])]
    if len(twice):
        said = [f"{r.series} {r.month}" for r in twice.itertuples()]
        raise DataError(f"index_returns_monthly: got two rows of {one_line(said)}; wanted one")
    own = {str(n): g.sort_values("at") for n, g in rows.groupby("series") if len(g) >= FEWEST}
    gaps = [
        f"{name} {month_name(int(a) + 1)}"
        for name, g in own.items()
        for a, b in itertools.pairwise(g["at"])
        if b != a + 1
    ]
    if gaps:
        raise DataError(f"index_returns_monthly: no row of {one_line(gaps)}; wanted every month")
    if not own:
        return xr.Dataset()
    first = min(int(g["at"].iloc[0]) for g in own.values())
    last = max(int(g["at"].iloc[-1]) for g in own.values())
    values = np.full((last - first + 1, len(own)), np.nan)
    for k, g in enumerate(own.values()):
        values[g["at"].to_numpy() - first, k] = g["log_return"]
    months = [month_name(k) for k in range(first, last + 1)]
    return xr.Dataset(
        {"log_return": (("month", "index"), values)}, {"month": months, "index": list(own)}
    )


def hazard_panel(
    table: pd.DataFrame,
    as_of: str,
    places: pd.DataFrame | None = None,
    base_rates: pd.DataFrame | None = None,
    returns: pd.DataFrame | None = None,
) -> Panel:
    """Return the episodes and the returns known on a day, and the positions to forecast from.

    The positions are one of any industry for each of :data:`CLASSES`, and per entity of `places` (the
    reference table ``positions``) the newest by then. An entity whose first row's net run-up is below
    the class that the table enumerates is forecast by its own base rate at any time, or left out if
    it names none: the smallest run-up known by then is the limit. What happened to a position after
    its last row is not known, whatever the date. `places`, `base_rates` (``drawdown_base_rates``) and
    `returns` (``index_returns_monthly``) are by default those shipped.

    Raises
    ------
    DataError
        If the rows of a position or of an index contradict each other.
    """
    rows = episodes(table, as_of)
    closed = last_close(as_of)
    identified = [month_index(m) < closed for m in table["id_month"].tolist()]
    lowest = np.floor(float(table.loc[identified, "runup24_net"].min()))
    held = [
        Position(class_name(net), as_of, "", net, net + MARKET_MEAN, 0, CLASS) for net in CLASSES
    ]
    known = read_reference_table("positions") if places is None else places
    known = known[known["dated"] <= as_of].sort_values("dated", kind="stable")
    seen = index_returns(
        read_reference_table("index_returns_monthly") if returns is None else returns,
        as_of,
        set(known["entity"]),
    )
    own = [
        _position(str(entity), rows_of, lowest, base_rates, seen)
        for entity, rows_of in known.groupby("entity", sort=True)
        if rows_of["net"].iloc[0] >= lowest or rows_of["sample"].iloc[-1]
    ]
    rates = _rates(base_rates)
    used = sorted({UNCONDITIONAL, *(one.sample for one in own if one.sample)})
    columns = [c for c in rows.columns if c not in ("industry", "identified")]
    data = xr.Dataset(
        {c: ("obs", rows[c].to_numpy()) for c in columns},
        coords={
            "industry": ("obs", rows["industry"].to_numpy(str)),
            "identified": ("obs", rows["identified"].to_numpy(str)),
        },
    ).merge(seen)
    units = {"net": "points", "raw": "percent", "months20": "months"}
    asked = Asked(
        tuple(held), {s: {c: v for c, v in rates[s].items() if c.startswith("p")} for s in used}
    )
    try:
        panel = with_positions(Panel("hazard", as_of, data, units, drawn=asked), own)
    except DataError as error:
        raise DataError(f"positions.csv: {error}") from None
    for one in own:
        if _up_to_date(seen, one):
            _check_record(seen, one)
        elif one.entity in seen.coords.get("index", ()):
            logger.warning(
                f"{one.entity}: index_returns_monthly does not reach {month_name(one.closed)}, the "
                "last month of its row in positions.csv; it is forecast by its class alone"
            )
    return panel


def _up_to_date(seen: xr.Dataset, one: Position) -> bool:
    """Return whether an index's returns are known up to a position's last month on record."""
    if "log_return" not in seen or one.entity not in seen["index"].values:
        return False
    own = seen["log_return"].sel(index=one.entity).dropna("month")
    return bool(month_index(str(own["month"].values[-1])) >= one.closed)


def _check_record(seen: xr.Dataset, one: Position) -> None:
    """Hold the falls that a position's rows name against its index's month-end closes.

    Raises
    ------
    DataError
        If they say otherwise.
    """
    own = seen["log_return"].sel(index=one.entity).dropna("month")
    at = np.array([month_index(str(m)) for m in own["month"].values])
    on_record = (at > last_close(one.since or one.dated)) & (at <= one.closed)
    level = np.concatenate([[0.0], np.cumsum(own.values[on_record])])
    depth = 1 - np.exp(level - np.maximum.accumulate(level))
    for fall, said in zip(FALLS, one.fell, strict=True):
        hit = np.flatnonzero(depth[1:] >= fall / 100)
        came = month_name(int(at[on_record][hit[0]])) if len(hit) else ""
        if came != said:
            raise DataError(
                f"positions.csv, {one.entity}: its month-end closes fell by {fall} % first in "
                f"{came or 'no month on record'}, says index_returns_monthly; got {said or 'none'}; "
                "correct the one that is wrong"
            )


def _volatility(seen: xr.Dataset, entity: str, row: pd.Series) -> float:
    """Return the volatility of a position over its run-up: as its row says, or of its returns."""
    said = float(row.get("volatility", np.nan))
    if math.isfinite(said) or "log_return" not in seen or entity not in seen["index"].values:
        return said
    own = seen["log_return"].sel(index=entity).dropna("month")
    at = np.array([month_index(str(m)) for m in own["month"].values])
    run_up = own.values[at <= last_close(str(row["dated"]))][-LOOKBACK:]
    return float(np.std(run_up, ddof=1)) if len(run_up) == LOOKBACK else math.nan


def _position(
    entity: str,
    rows: pd.DataFrame,
    lowest: float,
    base_rates: pd.DataFrame | None = None,
    seen: xr.Dataset | None = None,
) -> Position:
    """Return where a series stands by its newest row, with what all of its rows say of falls.

    Its run-up is that of the newest row that belongs to the class: it is what was identified.
    """
    twice = rows.loc[rows["dated"].duplicated(), "dated"]
    if len(twice):
        raise DataError(
            f"positions.csv, {entity}: got two rows of {twice.iloc[0]}; wanted one row a day"
        )
    at_any_time = bool(rows["net"].iloc[0] < lowest)
    newest = rows.iloc[-1]
    identified = newest if at_any_time else rows[rows["net"] >= lowest].iloc[-1]
    fell = []
    for fall in FALLS:
        said = [str(month) for month in rows[f"fell_{fall}"] if month]
        if len(set(said)) > 1 or (said and not newest[f"fell_{fall}"]):
            raise DataError(
                f"positions.csv, {entity}: its rows name {one_line(said)} as the month of its first "
                f"fall of {fall} %, the newest {newest[f'fell_{fall}'] or 'none'}; wanted one month, "
                "in that row and in all later ones; a new run-up after a fall is another entity"
            )
        fell.append(said[0] if said else "")
    months = [month_index(month) for month in fell if month]
    since, closed = str(rows["dated"].iloc[0]), last_close(str(newest["dated"]))
    if (
        any(late and not early for early, late in itertools.pairwise(fell))
        or months != sorted(months)
        or any(not last_close(since) < month <= closed for month in months)
    ):
        raise DataError(
            f"positions.csv, {entity}: got first falls of {one_line(FALLS)} % in "
            f"{one_line([month or 'no month' for month in fell])}; wanted a deeper one no earlier "
            f"than a smaller one, after {month_name(last_close(since))} and by {month_name(closed)}, "
            "the last month that had closed on the row's day"
        )
    if not float(newest["months"]).is_integer():
        raise DataError(
            f"positions.csv: {entity}: got {newest['months']:g} months; wanted full ones"
        )
    sample, industry = str(newest["sample"]), str(newest["industry"])
    blocks, ratios = 0.0, []
    if sample:  # of US industries themselves there is no number of blocks, and no ratio
        ratios = [relative_hazard(sample, base_rates, fall) for fall in FALLS]
        blocks = _rates(base_rates)[sample]["independent_blocks"]
    return Position(
        entity=entity,
        dated=str(newest["dated"]),
        industry="" if at_any_time else industry,
        net=float(identified["net"]),
        raw=float(identified["raw"]),
        months=int(newest["months"]),
        source=str(newest["source"]),
        since=since,
        fell=(fell[0], fell[1], fell[2]),
        sample=sample,
        blocks=blocks,
        at_any_time=at_any_time,
        relative=tuple(ratio for ratio, _ in ratios),
        relative_sd=tuple(error for _, error in ratios),
        volatility=_volatility(xr.Dataset() if seen is None else seen, entity, identified),
    )


def positions(panel: Panel) -> tuple[Position, ...]:
    """Return the positions of a hazard panel."""
    return panel.part(Asked).positions


@dataclasses.dataclass(frozen=True)
class View:
    """One answer about a position: the position under the answer's name, and whose it is.

    Attributes
    ----------
    position
        The position, with the name under which the draws have this answer.
    kind
        "", the answer; or one of :data:`CLASS_VIEW` and :data:`OWN_VIEW`, of which it is a mixture.
    index
        Name of the index whose returns forecast it, "" for none.
    """

    position: Position
    kind: str = ""
    index: str = ""


def views(panel: Panel) -> tuple[View, ...]:
    """Return the answers of a panel's draws, in their order.

    A position has one, under its own name. That of an index whose returns are known up to the
    position's last month is a mixture of two, which stand after it under names of their own: what its
    class says, and what its own returns say. They are its range.
    """
    found = []
    for one in positions(panel):
        if one.source == CLASS or not _up_to_date(panel.data, one):
            found.append(View(one))
            continue
        found.append(View(one, "", one.entity))
        for kind in (CLASS_VIEW, OWN_VIEW):
            own = dataclasses.replace(one, entity=f"{one.entity}, {kind}")
            found.append(View(own, kind, one.entity))
    return tuple(found)


def base_rates(panel: Panel, one: Position) -> Mapping[str, float]:
    """Return how often a position's series, or US industries, fall at any time: p20_18m and so on."""
    return panel.part(Asked).base_rates[one.sample or UNCONDITIONAL]


def with_positions(panel: Panel, added: Sequence[Position]) -> Panel:
    """Return a hazard panel with positions added; one of the same entity is replaced.

    Raises
    ------
    DataError
        If a position lies outside what the table enumerates or names an industry it does not have.
    """
    there = sorted(set(panel.data["industry"].values.astype(str)))
    asked = panel.part(Asked)
    rates = asked.base_rates
    for one in added:
        if one.sample and one.sample not in rates:
            raise DataError(
                f"{one.entity}: the panel carries no base rate of {one.sample!r}, only of "
                f"{one_line(sorted(rates), 60)}; add the position to the table positions"
            )
        if one.industry and one.industry not in there:
            raise DataError(
                f"{one.entity}: the table has no industry {one.industry!r}; there are "
                f'{one_line(there, 60)}; leave it "" for one that is not in the table'
            )
        if one.at_any_time:
            continue
        if not 50 <= one.net <= 250 or not 0 <= one.months < LONGEST:
            raise DataError(
                f"{one.entity}: got a net run-up of {one.net:g} points, {one.months} months ago; the "
                f"table is about 50 to 250 points and the {LONGEST} months after"
            )
        if not -100 < one.raw - one.net <= 200:
            raise DataError(
                f"{one.entity}: got a run-up of {one.raw:g} %, {one.net:g} points over the market; "
                "wanted one over a market that moved by more than -100 and up to 200 %"
            )
    names = {one.entity for one in added}
    held = [p for p in asked.positions if p.entity not in names]
    more = dataclasses.replace(asked, positions=(*held, *added))
    return dataclasses.replace(panel, drawn=more)


def read_position(text: str, as_of: str) -> Position:
    """Return a position written as NAME:NET:RAW, and if wanted :MONTHS and :INDUSTRY.

    Parameters
    ----------
    text
        Name, two-year run-up over the market in points, the same in percent, full months since it
        was identified (0 if left out), and an industry of the table whose effect it shares.
    as_of
        The day of the position, ISO.

    Raises
    ------
    DataError
        If it cannot be read.

    Examples
    --------
    >>> one = read_position("My index:120:165:3", "2026-05-06")
    >>> (one.entity, one.net, one.raw, one.months, one.industry)
    ('My index', 120.0, 165.0, 3, '')
    """
    cells = [cell.strip() for cell in text.split(":")]
    wanted = "wanted NAME:NET:RAW[:MONTHS[:INDUSTRY]], such as 'My index:120:165:3'"
    if not 3 <= len(cells) <= 5 or not cells[0] or "/" in cells[0]:
        raise DataError(f"got the position {text!r}; {wanted}")
    try:
        net, raw = float(cells[1]), float(cells[2])
        months = int(cells[3]) if len(cells) > 3 and cells[3] else 0
    except ValueError:
        raise DataError(f"got the position {text!r}; {wanted}") from None
    industry = cells[4] if len(cells) == 5 else ""
    return Position(cells[0], as_of, industry, net, raw, months, "given by the user")


def months_of(draws: xr.Dataset, entity: str) -> np.ndarray:
    """Return where a position's own months lie among the periods of hazard draws.

    Its first month is the one after its first row's day, on record or forecast; the draws may begin
    earlier, with the record of another position.

    Returns
    -------
    numpy.ndarray
        Indices of periods, shape (month,): its month n stands at position n - 1.
    """
    own = draws["y"].sel(series=f"{entity}/fall_{FALLS[0]}").isel(chain=0, draw=0)
    return np.flatnonzero(np.isfinite(own.values))


def kaplan_meier(months: np.ndarray, event: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the share without a fall by month, and its Greenwood standard error.

    Parameters
    ----------
    months, event
        Month of the fall or of censoring, and which, shape (obs,).

    Returns
    -------
    tuple of numpy.ndarray
        Share and error at months 0, 1, ..., the last one seen (Kaplan and Meier 1958; error by
        Greenwood's formula, which takes the episodes for independent).
    """
    last = int(months.max())
    at_risk = np.array([(months >= t).sum() for t in range(1, last + 1)])
    falls = np.array([((months == t) & (event == 1)).sum() for t in range(1, last + 1)])
    share = np.concatenate([[1.0], np.cumprod(1 - falls / at_risk)])
    terms = falls / (at_risk * np.maximum(at_risk - falls, 1))
    return share, share * np.sqrt(np.concatenate([[0.0], np.cumsum(terms)]))


def effective_sample(data: xr.Dataset, fall: int = 20, within: int = 24) -> tuple[int, float]:
    """Return how many episodes were followed for some months, and how many independent ones.

    Episodes identified in one calendar year share its market. The variance of the share that fell
    is computed with years as clusters; the effective number is that of independent episodes with
    the same variance, never more than there are.

    Returns
    -------
    tuple of int and float
        Episodes whose outcome is known, and the effective number.
    """
    event = (data[f"event{fall}"].values == 1) & (data[f"months{fall}"].values <= within)
    known = event | (data["followup"].values >= within)
    hit = event[known].astype(float)
    year = np.array([s[:4] for s in data["identified"].values.astype(str)])[known]
    share, n = hit.mean(), len(hit)
    sums = np.array([(hit[year == y] - share).sum() for y in np.unique(year)])
    clusters = len(sums)
    variance = clusters / max(clusters - 1, 1) * (sums**2).sum() / n**2
    independent = share * (1 - share)
    return n, float(min(n, independent / variance)) if variance > 0 else float(n)


def with_written(panel: Panel, given: Sequence[str]) -> Panel:
    """Return a hazard panel with positions added that are written as text.

    See :func:`read_position` and :func:`with_positions`.
    """
    return with_positions(panel, [read_position(text, panel.as_of) for text in given])


PANEL = PanelSource(
    build=hazard_panel,
    table="runups",
    besides=("positions", "drawdown_base_rates", "index_returns_monthly"),
    latest=("identified", "month"),
    positions=with_written,
)
