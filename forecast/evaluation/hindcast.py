"""The same tools as of 1999 and 2000, on the investment boom before: US telecom.

Two kinds of definition, as now. Spending: the annual capex and revenue of ``telecom_1995_2004.csv`` by
the ``market`` model. Prices: the industries whose run-up had been identified by then and which had not
fallen by 20 % yet, by the ``hazard`` model fitted to the run-ups and falls known by then.

The table carries no report dates. A year's figure counts as known from 31 March of the next year, so
that as of the end of 1999 the last known year is 1998.

Three things here are not out of sample and cannot be made so: the market model's priors of growth and
drift cite this very boom, the hazard's cite a study of 2019, and the naive rates of falls are of the
whole record. What is tested is that no figure and no fall after the date enters a fit.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from forecast.claims.events import Event, FirstPassage, PeakToTrough, happens
from forecast.claims.probabilities import probability
from forecast.core.errors import DataError
from forecast.core.periods import last_close, month_index, parse_date
from forecast.core.text import one_line
from forecast.inference.fitting import fit_kept, spec_of
from forecast.inference.predict import forecast
from forecast.models.base import Panel
from forecast.models.hazard.baseline import unconditional_falls
from forecast.models.hazard.panel import (
    LOOKBACK,
    PANEL,
    Position,
    episodes,
    hazard_panel,
    with_positions,
)
from forecast.models.hazard.room import MODEL as PRICES
from forecast.models.market.baseline import drift_walk
from forecast.models.market.panel import rounding_step
from forecast.models.market.room import MODEL as SPENDING

MODELS = (SPENDING.name, PRICES.name)
"""The models that a hindcast fits."""
AHEAD = 24
"""Months asked about, as in the article."""
KNOWN_AFTER = (3, 31)
"""Month and day of the next year from which a year's figure counts as known."""
ENTITY = "US telecom"
COLUMNS = {
    "capex": ("us_telecom_capex_usd_bn", "capex_conf"),
    "revenue": ("us_telecom_revenue_fcc_usd_bn", "revenue_conf"),
}
"""Of each series, its column of values and that of their confidence."""
RATIO_DROP = 0.8
"""Capex over revenue back to this share of its last known value; the article's fall, from
1.63 to 1.3, is as much."""


@dataclasses.dataclass(frozen=True)
class Hindcast:
    """What would have been said of one definition on one day, and what came.

    Attributes
    ----------
    as_of
        The day.
    subject, what
        Whom it is about, and what might happen, in words.
    model
        Who would have said it.
    probability, mcse, naive
        The answer, its Monte-Carlo standard error, and the naive forecast's, None without one.
    happened
        Whether it came.
    came
        What came, with its number.
    rests_on
        Which cells of low confidence it rests on; empty for none.
    """

    as_of: str
    subject: str
    what: str
    model: str
    probability: float
    mcse: float
    naive: float | None
    happened: bool
    came: str
    rests_on: str

    @property
    def definition(self) -> str:
        """The definition in words."""
        return f"{self.subject}: {self.what}"


def known_years(table: pd.DataFrame, as_of: str) -> pd.DataFrame:
    """Return the rows of years whose figures count as known on a day."""
    day = parse_date(as_of)
    known = [dt.date(int(y) + 1, *KNOWN_AFTER) <= day for y in table["year"]]
    return table[np.array(known)]


def telecom_panel(table: pd.DataFrame, as_of: str) -> Panel:
    """Return annual telecom capex and revenue as the market model takes them.

    A cell of confidence C counts as an estimate, with the error the model gives to one.

    Parameters
    ----------
    table
        ``telecom_1995_2004``.
    as_of
        The day; years not known by then are left out.

    Raises
    ------
    DataError
        If fewer than three years of a series are known.
    """
    rows = known_years(table, as_of)
    value: list[float] = []
    rounding: list[float] = []
    estimate: list[float] = []
    series: list[str] = []
    year: list[int] = []
    for name, (column, grade) in COLUMNS.items():
        own = rows[rows[column].notna()].sort_values("year")
        if len(own) < 3:
            raise DataError(
                f"{len(own)} year(s) of telecom {name} are known on {as_of}; wanted three or more"
            )
        numbers = own[column].to_numpy(float)
        value += numbers.tolist()
        rounding += (rounding_step(numbers) / math.sqrt(12) / numbers).tolist()
        estimate += [float(g == "C") for g in own[grade]]
        series += [f"{ENTITY}/{name}"] * len(own)
        year += own["year"].astype(int).tolist()
    data = xr.Dataset(
        {
            "value": ("obs", np.array(value)),
            "rounding_sd": ("obs", np.array(rounding)),
            "estimate": ("obs", np.array(estimate)),
        },
        coords={"series": ("obs", np.array(series)), "year": ("obs", np.array(year))},
    )
    return Panel(SPENDING.name, as_of, data, {"value": "USD bn", "rounding_sd": "log points"})


def standing(runups: pd.DataFrame, as_of: str) -> list[Position]:
    """Return the industries that stood after a run-up on a day, without a fall of 20 % so far.

    Those identified within the last :data:`forecast.models.hazard.panel.LOOKBACK` months; chosen by the
    table's rules, so without hindsight of which of them fell.
    """
    known = last_close(as_of)
    own = episodes(runups, as_of)
    months = known - np.array([month_index(m) for m in own["identified"]])
    open_now = (own["event20"] == 0).to_numpy() & (own["followup"].to_numpy() == months)
    held = own[open_now & (months <= LOOKBACK)].assign(
        months=months[open_now & (months <= LOOKBACK)]
    )
    return [
        Position(
            entity=str(row["industry"]),
            dated=as_of,
            industry=str(row["industry"]),
            net=float(row["net"]),
            raw=float(row["raw"]),
            months=int(row["months"]),
            source=f"run-up identified in {row['identified']}",
            volatility=float(row["volatility"]),
        )
        for row in held.to_dict("records")
    ]


def price_panel(
    runups: pd.DataFrame, as_of: str, tables: Mapping[str, pd.DataFrame] | None = None
) -> Panel:
    """Return the hazard model's panel as of a day, with the industries that stood there then.

    `tables` may hold the other tables of the hazard model; without them those shipped count.
    """
    named = tables or {}
    panel = hazard_panel(runups, as_of, *(named.get(name) for name in PANEL.besides))
    held = standing(runups, as_of)
    return with_positions(panel, held) if held else panel


def outcome(runups: pd.DataFrame, one: Position, fall: int, ahead: int = AHEAD) -> bool:
    """Return whether a position fell so far within some months of its date."""
    start = last_close(one.dated) - one.months
    began = np.array([month_index(m) == start for m in runups["id_month"]])
    own = (runups["industry"] == one.industry) & (runups["runup24_net"] == one.net)
    rows = runups[own.to_numpy() & began]
    row = rows.iloc[0]
    return bool(row[f"event{fall}"]) and float(row[f"dur{fall}_m"]) <= one.months + ahead


def hindcast(
    model: str,
    tables: Mapping[str, pd.DataFrame],
    as_of: str,
    *,
    seed: int,
    draws: int = 1000,
    place: str | Path | None = None,
) -> tuple[Hindcast, ...]:
    """Say what a model would have said on a day, and what came.

    Parameters
    ----------
    model
        One of :data:`MODELS`.
    tables
        ``telecom_1995_2004`` and ``runups``, whole, for what came is read off them too; and the
        other tables of the hazard model, those shipped where there are none.
    as_of
        The day.
    seed
        Decides all random numbers.
    draws
        Draws per chain, and as many tuning steps.
    place
        Where fits are kept from one time to the next; nowhere by default.

    Raises
    ------
    GateError
        If a fit does not pass its gate.
    DataError
        If the tables do not say what was known on the day, or what came.
    """
    if model == SPENDING.name:
        found = spending(tables["telecom_1995_2004"], as_of, seed=seed, draws=draws, place=place)
    else:
        own = tables["runups"]
        found = prices(own, as_of, seed=seed, draws=draws, place=place, tables=tables)
    return tuple(found)


def spending(
    table: pd.DataFrame,
    as_of: str,
    *,
    seed: int,
    draws: int = 1000,
    place: str | Path | None = None,
) -> list[Hindcast]:
    """Return what the market model would have said of telecom capex; see :func:`hindcast`."""
    panel = telecom_panel(table, as_of)
    day = parse_date(as_of)
    end = dt.date(day.year + AHEAD // 12, day.month, day.day)
    years = list(range(day.year + 1, end.year + 1))
    truth = _what_came(table, years)
    run = fit_kept(place, spec_of(panel.model, panel, seed=seed, draws=draws), panel)
    ours = forecast(run, until=str(end.year), seed=seed + 1)
    baseline = drift_walk(panel, until=str(end.year), seed=seed + 2)
    capex, revenue = (f"{ENTITY}/{name}" for name in COLUMNS)
    before = [v for y, v in truth["capex"].items() if y <= day.year and v == v]
    peak, worst, when = max(before), 0.0, years[0]
    for y in years:
        peak = max(peak, truth["capex"][y])
        fall = 100 * (1 - truth["capex"][y] / peak)
        if fall > worst:
            worst, when = fall, y
    last = int(panel.data["year"].values[panel.data["series"].values == capex].max())
    ratio = truth["capex"][last] / truth["revenue"][last]
    limit = round(RATIO_DROP * ratio, 3)
    lowest = min(years, key=lambda y: truth["capex"][y] / truth["revenue"][y])
    least = truth["capex"][lowest] / truth["revenue"][lowest]
    rough = _rough(table, [*range(int(table["year"].min()), end.year + 1)])
    window = (day, end)
    asked: list[tuple[str, Event, bool, str]] = [
        (
            f"capex {fall} % or more below its earlier peak",
            PeakToTrough(capex, fall),
            worst >= fall,
            f"{worst:.0f} % below in {when}" if worst else "no fall",
        )
        for fall in (10, 20)
    ]
    asked.append(
        (
            f"capex over revenue below {limit:.2f}, from {ratio:.2f} in {last}",
            FirstPassage(capex, "<", limit, over=revenue),
            least < limit,
            f"lowest {least:.2f} in {lowest}",
        )
    )
    found = []
    for what, event, happened, came in asked:
        p, mcse = probability(happens(ours, event, window))
        beside = probability(happens(baseline, event, window))[0]
        found.append(
            Hindcast(as_of, "Telecom", what, SPENDING.name, p, mcse, beside, happened, came, rough)
        )
    return found


def _what_came(table: pd.DataFrame, years: Sequence[int]) -> dict[str, dict[int, float]]:
    """Return each series by year; those years must be there."""
    truth = {
        name: dict(zip(table["year"].astype(int), table[column], strict=True))
        for name, (column, _) in COLUMNS.items()
    }
    for name, known in truth.items():
        missing = [str(y) for y in years if not math.isfinite(known.get(y, math.nan))]
        if missing:
            raise DataError(
                f"telecom_1995_2004: no {name} of {one_line(missing)}; what came cannot be told"
            )
    return truth


def _rough(table: pd.DataFrame, years: Sequence[int]) -> str:
    """Name the cells of confidence C in some years."""
    said = []
    for name, (_, grade) in COLUMNS.items():
        own = table[table["year"].isin(years) & (table[grade] == "C")]["year"].astype(int)
        if len(own):
            said.append(f"{name} of {', '.join(str(y) for y in own)}")
    return "; ".join(said)


def prices(
    runups: pd.DataFrame,
    as_of: str,
    *,
    seed: int,
    draws: int = 1000,
    place: str | Path | None = None,
    tables: Mapping[str, pd.DataFrame] | None = None,
) -> list[Hindcast]:
    """Return what the hazard model would have said of the industries that stood after a run-up.

    Nothing where none did. See :func:`hindcast`.
    """
    held = standing(runups, as_of)
    if not held:
        return []
    panel = price_panel(runups, as_of, tables)
    run = fit_kept(place, spec_of(panel.model, panel, seed=seed, draws=draws), panel)
    day = parse_date(as_of)
    until = f"{day.year + AHEAD // 12}-{day.month:02d}"
    ours = forecast(run, until=until, seed=seed + 1)
    baseline = unconditional_falls(panel, until=until, seed=seed + 2)
    found = []
    for one in held:
        for fall in (20, 40):
            series = f"{one.entity}/fall_{fall}"
            p, mcse = probability(ours["y"].sel(series=series).isel(period=-1) > 0.5)
            beside = float(baseline["y"].sel(series=series).isel(period=-1).mean())
            fell = outcome(runups, one, fall)
            found.append(
                Hindcast(
                    as_of,
                    one.industry,
                    f"price falls {fall} %",
                    PRICES.name,
                    p,
                    mcse,
                    beside,
                    fell,
                    "it did" if fell else "it did not",
                    "",
                )
            )
    return found
