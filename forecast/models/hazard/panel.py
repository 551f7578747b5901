"""Run-ups with censored durations -> episodes that never overlap, for the hazard model.

The table enumerates identifications: the month in which an industry's two-year run-up first passed
a rule's threshold. Its rules are nested, so one run-up may stand there several times: at 50 points
over the market, again at 100, again two years later. :func:`episodes` makes one history of them in
which no month of an industry is counted twice.

Volatility is no column of the table: what an industry's returns are like enters the model as an
effect of the industry. A position that is no industry of the table, such as an index of one trade,
may name its own row of the table ``drawdown_base_rates`` instead.

Invariant: nothing that happened after ``as_of`` reaches the panel: identifications after it are
dropped, falls after it are not known, and follow-up ends with the last full month before it.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import xarray as xr

from forecast.core.errors import DataError
from forecast.core.periods import last_close, month_index, month_name
from forecast.core.text import one_line
from forecast.models.base import Panel, PanelSource
from forecast.tables.shipped import read_reference_table

FALLS = (20, 30, 40)
"""Falls from the running peak, in percent, that the table dates."""
LOOKBACK = 24
"""Months over which a run-up is measured; within so many an identification of the same industry is
about the same run-up."""
LONGEST = 48
"""Months of follow-up in the table."""
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
        and percent), followup (months seen), and per fall of :data:`FALLS` ``months`` and ``event``:
        the month of the first such fall, or of censoring, and which.

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
    order = ["industry", "month", "runup24_net", "runup24_raw"]
    rows = rows.sort_values(order, ascending=[True, True, False, False], kind="stable")
    kept: list[dict[str, object]] = []
    for _, own in rows.groupby("industry", sort=True):
        history: list[pd.Series] = []
        for _, row in own.iterrows():
            last = history[-1] if history else None
            same = last is not None and row["month"] - last["month"] <= LOOKBACK
            if not (same and last is not None and row["runup24_net"] <= last["runup24_net"]):
                history.append(row)
        ends = [int(row["month"]) for row in history[1:]] + [known]
        kept += [_episode(row, end) for row, end in zip(history, ends, strict=True)]
    return pd.DataFrame([row for row in kept if row["followup"]]).reset_index(drop=True)


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


def _episode(row: pd.Series, end: int) -> dict[str, object]:
    followup = min(int(row["followup_months"]), LONGEST, end - int(row["month"]))
    episode: dict[str, object] = {
        "industry": row["industry"],
        "identified": row["id_month"],
        "net": float(row["runup24_net"]),
        "raw": float(row["runup24_raw"]),
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
    relative, relative_sd
        With such a row, the log of its hazard over that of US industries, and its sampling error;
        it stands in the place of the industry's effect. :func:`relative_hazard` computes both.
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
    relative: float = 0.0
    relative_sd: float = 0.0

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
        str(r["sample"]): {str(c): float(v) for c, v in r.items() if c != "sample"}
        for r in given.to_dict("records")
    }
    if not 0 < rates.get(UNCONDITIONAL, {}).get("p20_24m", 0) < 1:
        raise DataError(
            f"drawdown_base_rates: wanted a row {UNCONDITIONAL!r} with a p20_24m between 0 and 1; "
            f"there are {one_line(list(rates))}"
        )
    return rates


def relative_hazard(sample: str, table: pd.DataFrame | None = None) -> tuple[float, float]:
    """Return how much more often a series falls than US industries do, at any time.

    `table` is ``drawdown_base_rates``, by default as shipped.

    The log of the ratio of the cumulative hazards behind their rates of -20 % in 24 months, and its
    error from the number of independent 24-month blocks (delta method).

    Raises
    ------
    DataError
        If no sample has that name, or its rate or its number of blocks is of no use.
    """
    rates = _rates(table)
    if sample not in rates:
        raise DataError(f"no base rate is called {sample!r}; there are {one_line(list(rates))}")
    base, own = (rates[name]["p20_24m"] for name in (UNCONDITIONAL, sample))
    blocks = rates[sample]["independent_blocks"]
    if not (0 < own < 1 and blocks > 0):
        raise DataError(
            f"{sample}: wanted a rate between 0 and 1 and a number of independent blocks; got "
            f"{own:g} and {blocks:g}"
        )
    hazard = -np.log1p(-own)
    error = np.sqrt(own * (1 - own) / blocks) / ((1 - own) * hazard)
    return float(np.log(hazard / -np.log1p(-base))), float(error)


CLASS = "class"
"""Source of a position that stands for any industry just identified on the date, whatever the date."""
CLASSES = (50.0, 100.0, 150.0)
"""Run-ups of the published base rates, points over the market."""
MARKET_MEAN = 40.0
"""Run-up of the market itself in the mean of the table's identifications, percent."""


def class_name(net: float) -> str:
    """Return the entity that stands for any industry after a run-up."""
    return f"industry up {net:g}"


def hazard_panel(
    table: pd.DataFrame,
    as_of: str,
    places: pd.DataFrame | None = None,
    base_rates: pd.DataFrame | None = None,
) -> Panel:
    """Return the episodes known on a day, and the positions to forecast from.

    The positions are one of any industry for each of :data:`CLASSES`, and per entity of `places` (the
    reference table ``positions``) the newest by then. An entity is left out if its first row's net
    run-up is below the class that the table enumerates: the smallest known by then is the limit.
    What happened to a position after its last row is not known, whatever the date. `places` and
    `base_rates` (``drawdown_base_rates``) are by default those shipped.

    Raises
    ------
    DataError
        If the rows of a position contradict each other.
    """
    rows = episodes(table, as_of)
    identified = [month_index(m) < last_close(as_of) for m in table["id_month"]]
    lowest = np.floor(float(table.loc[identified, "runup24_net"].min()))
    held = [
        Position(class_name(net), as_of, "", net, net + MARKET_MEAN, 0, CLASS) for net in CLASSES
    ]
    known = read_reference_table("positions") if places is None else places
    known = known[known["dated"] <= as_of].sort_values("dated", kind="stable")
    own = [
        _position(str(entity), rows_of, lowest, base_rates)
        for entity, rows_of in known.groupby("entity", sort=True)
        if rows_of["net"].iloc[0] >= lowest
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
    )
    units = {"net": "points", "raw": "percent", "months20": "months"}
    asked = Asked(
        tuple(held), {s: {c: v for c, v in rates[s].items() if c.startswith("p")} for s in used}
    )
    try:
        return with_positions(Panel("hazard", as_of, data, units, drawn=asked), own)
    except DataError as error:
        raise DataError(f"positions.csv: {error}") from None


def _position(
    entity: str, rows: pd.DataFrame, lowest: float, base_rates: pd.DataFrame | None = None
) -> Position:
    """Return where a series stands by its newest row, with what all of its rows say of falls.

    Its run-up is that of the newest row that belongs to the class: it is what was identified.
    """
    twice = rows.loc[rows["dated"].duplicated(), "dated"]
    if len(twice):
        raise DataError(
            f"positions.csv, {entity}: got two rows of {twice.iloc[0]}; wanted one row a day"
        )
    newest, identified = rows.iloc[-1], rows[rows["net"] >= lowest].iloc[-1]
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
    sample = str(newest["sample"])
    ratio = relative_hazard(sample, base_rates) if sample else (0.0, 0.0)
    return Position(
        entity=entity,
        dated=str(newest["dated"]),
        industry=str(newest["industry"]),
        net=float(identified["net"]),
        raw=float(identified["raw"]),
        months=int(newest["months"]),
        source=str(newest["source"]),
        since=since,
        fell=(fell[0], fell[1], fell[2]),
        sample=sample,
        relative=ratio[0],
        relative_sd=ratio[1],
    )


def positions(panel: Panel) -> tuple[Position, ...]:
    """Return the positions of a hazard panel."""
    return panel.part(Asked).positions


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
    besides=("positions", "drawdown_base_rates"),
    latest="identified",
    positions=with_written,
)
