"""List prices of language models: offers, changes of a price, flagships, small models, withdrawals.

A price is the blend (3 input + 1 output) / 4 in USD per 1M tokens. Others blend one to one, or
weigh reasoning tokens: their levels differ, and so can their rates. Capability is on the scale of
the Epoch Capabilities Index; where a release has only GPQA Diamond, the straight line between the
two over the releases that have both is used. A release without either has a capability with a mean and
a standard deviation, by date and house.

Which model is a house's flagship, which are its small ones, and until when a model was listed, is told
by the table ``product_lines``, a row a model and role.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import itertools
import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd
import xarray as xr

from forecast.core.errors import DataError
from forecast.core.periods import period_end, quarter_index, quarter_name, years_since
from forecast.core.text import one_line
from forecast.core.units import convert
from forecast.core.words import COLUMNS
from forecast.models.base import Panel, PanelSource, records

if TYPE_CHECKING:
    from forecast.tables.vintages import Known, Table

PRICE_UNIT = "USD per 1M tokens"
PRICE_METRICS = ("list_price_input", "list_price_output")
SCORE_METRICS = ("eci", "gpqa_diamond")

KINDS = ("offer", "change", "changes", "flagship", "small", "gone")
"""What a row of the panel is: the price of an offer; one change of a product's price, new over old; the
number of changes over a time of exposure; a new price of a house's flagship; a small model's price
over its house's flagship; for how many years a product that was withdrawn had been listed, of those in
which it could have been seen to go."""
CLASSES = ("product", "flagship")
UNCHANGED = 0.005  # log points: prices that differ by rounding are one price
NEW_YEARS = 1.0
"""An offer counts as new for so long."""
LISTED_YEARS = 2.0
"""How long a product counts as listed after its newest price or score, where no date of withdrawal is
known: few stay longer before a successor takes the name. Our rough judgement."""

LEVELS: Mapping[str, float] = {
    "GPT-3.5 level": 113.49,
    "GPT-4 level": 126.16,
    "GPT-4o level": 128.88,
    "o1 level": 142.93,
    "GPT-5 level": 150.0,
}
"""Capabilities whose cheapest price is followed: the index of the named release (gpt-3.5-turbo-0613,
gpt-4-0314, gpt-4o-2024-05-13, o1-2024-12-17, gpt-5-2025-08-07)."""

PRODUCTS: Mapping[str, str] = {
    "deepseek-chat (V2)": "deepseek-chat",
    "deepseek-chat (V3, promo)": "deepseek-chat",
    "deepseek-chat (V3)": "deepseek-chat",
    "deepseek-chat/reasoner (V3.1)": "deepseek-chat",
    "deepseek-chat/reasoner (V3.2-Exp)": "deepseek-chat",
    "gemini-2.5-flash (non-thinking)": "gemini-2.5-flash",
    "claude-2 / claude-2.1": "claude-2",
    "mistral-large-2407/2411": "mistral-large-2407",
}
"""Entries of the price table that are one product under several names: a later price replaces the
earlier one. Every other entry is its own product."""

FLAGSHIP, SMALL = "flagship", "small"
"""Roles of the table ``product_lines``; a model of any other may stand there to say until when it was
listed. The newest of a house's main line is its flagship, told by its name: GPT-n without mini, nano or
pro, Opus, Gemini Pro, Grok without mini or fast, Mistral Large; pure reasoning lines (o1, o3) stand
next to it. Small are those that their house names as the small, fast or cheap ones."""


class Step(NamedTuple):
    """A price of a line, USD per 1M tokens, and the ISO day from which it held."""

    day: str
    price: float


Steps = tuple[Step, ...]
"""The prices of a line, in the order of their days."""


class Price(NamedTuple):
    """A blended price of an entry of the list, USD per 1M tokens, on an ISO day."""

    day: str
    entity: str
    product: str
    provider: str
    price: float


class Line(NamedTuple):
    """A row of ``product_lines``; `until` is empty where no withdrawal is known."""

    model: str
    house: str
    role: str
    start: str
    until: str


class Row(NamedTuple):
    """A row of the panel, see :data:`KINDS`; what its kind does not say is empty or 0."""

    kind: str
    day: str
    value: float
    name: str = ""
    line: str = ""
    provider: str = ""
    gone: str = ""
    capability: float = 0.0
    capability_sd: float = 0.0
    watched: float = 0.0


@dataclasses.dataclass(frozen=True)
class Listing:
    """What the list of prices said, besides the rows of a panel.

    Attributes
    ----------
    seen
        The day of the newest price, ISO: the list was last seen then.
    flagships, smalls
        By provider the prices of its flagship, and of its newest small model, of several of one day
        the cheapest.
    """

    seen: str
    flagships: Mapping[str, Steps]
    smalls: Mapping[str, Steps]


def blend(price_input: float, price_output: float) -> float:
    """Return the blended price, three input tokens to one output token.

    Examples
    --------
    >>> blend(30.0, 60.0)
    37.5
    """
    return (3 * price_input + price_output) / 4


def _listing(table: Table) -> list[Price]:
    """Return dated blended prices, by day and entity."""
    rows = table[table["metric"].isin(PRICE_METRICS)]
    if rows.empty:
        raise DataError(
            f"the api_price model wants rows of {one_line(PRICE_METRICS)}; the table has none"
        )
    bounded = rows[rows["qualifier"].isin(["at least", "at most", "projected"])]
    if len(bounded):
        raise DataError(
            "the api_price model takes list prices, not bounds or projections; drop or restate "
            + one_line([f"{r.entity} {r.metric} {r.period}" for r in bounded.itertuples()])
        )
    found = records(rows, COLUMNS)
    dated = pd.DataFrame(
        {
            "day": [period_end(row["period"]).isoformat() for row in found],
            "entity": [row["entity"] for row in found],
            "metric": [row["metric"] for row in found],
            "usd": [convert(row["value"], row["unit"], PRICE_UNIT) for row in found],
        }
    )
    wide = dated.pivot(index=["day", "entity"], columns="metric", values="usd")
    wide = wide.reindex(columns=list(PRICE_METRICS))
    missing = wide.isna().any(axis=1)
    if missing.any():
        raise DataError(
            "a blended price wants an input and an output price of one day; one is missing for "
            + one_line([f"{entity} {day}" for day, entity in wide.index[missing]])
        )
    provider: dict[str, str] = {}
    for row in found:
        provider.setdefault(row["entity"], row["source"].split(":")[0])
    listing = [
        Price(day, entity, PRODUCTS.get(entity, entity), provider[entity], blend(*pair))
        for (day, entity), pair in zip(wide.index, wide.to_numpy().tolist(), strict=True)
    ]
    free = [f"{p.entity} {p.day}" for p in listing if p.price <= 0]
    if free:
        raise DataError(
            "the api_price model works on logarithms and wants prices above zero; got "
            + one_line(free)
        )
    return sorted(listing)


def _capabilities(table: Table) -> pd.DataFrame:
    """Return dated capabilities: day, entity, capability; by day."""
    rows = [row for row in records(table, COLUMNS) if row["metric"] in SCORE_METRICS]
    if not rows:
        raise DataError(
            f"the api_price model wants scores ({one_line(SCORE_METRICS)}) of the priced models; "
            "the table has none"
        )
    dated = pd.DataFrame(
        {
            "day": [period_end(row["period"]).isoformat() for row in rows],
            "entity": [row["entity"] for row in rows],
            "metric": [row["metric"] for row in rows],
            "score": [
                row["value"]
                if row["metric"] == "eci"
                else convert(row["value"], row["unit"], "percent")
                for row in rows
            ],
        }
    )
    wide = dated.pivot(index=["day", "entity"], columns="metric", values="score")
    wide = wide.reindex(columns=list(SCORE_METRICS)).sort_index()
    both = wide.dropna()
    capability = wide["eci"]
    if len(both) >= 10 and both["gpqa_diamond"].std() > 0:
        slope, start = np.polyfit(both["gpqa_diamond"], both["eci"], 1)
        capability = capability.fillna(start + slope * wide["gpqa_diamond"])
    return capability.dropna().rename("capability").reset_index()


def _offers(listing: Sequence[Price], capabilities: pd.DataFrame) -> pd.DataFrame:
    """Return one row whenever an entry's price or capability changes; NaN where it has no score.

    A score that became known after the first price holds from that price on. Entries without one leave
    if they are older than the first with one, for nothing is known of the capability of their day.
    """
    scores: dict[str, list[tuple[str, float]]] = {}
    for row in records(capabilities, ("entity", "day", "capability")):
        scores.setdefault(row["entity"], []).append((row["day"], row["capability"]))
    offers: list[tuple[Price, float]] = []
    for entity, prices in _by(listing, "entity").items():
        own = scores.get(entity, [])
        if not own:
            offers += [(price, math.nan) for price in prices]
            continue
        later = {day for day, _ in own if day > prices[0].day}
        before: tuple[float, float] | None = None
        for day in sorted({*(price.day for price in prices), *later}):
            price = [price for price in prices if price.day <= day][-1]
            held = [score for known, score in own if known <= day]
            now = (price.price, held[-1] if held else own[0][1])
            if now != before:
                offers.append((price._replace(day=day), now[1]))
            before = now
    offers.sort(key=lambda offer: offer[0])
    begun = itertools.dropwhile(lambda offer: math.isnan(offer[1]), offers)
    rows = [(*price, capability) for price, capability in begun]
    out = pd.DataFrame(rows, columns=[*Price._fields, "capability"])
    return _guessed(out.astype({"capability": float}))


def _by(listing: Sequence[Price], what: str) -> dict[str, list[Price]]:
    """Return the prices of each entity, or each product, by day."""
    found: dict[str, list[Price]] = {}
    for price in listing:
        found.setdefault(getattr(price, what), []).append(price)
    return found


def _steps(prices: Sequence[Price]) -> Steps:
    return tuple(Step(price.day, price.price) for price in prices)


def _guessed(offers: pd.DataFrame) -> pd.DataFrame:
    """Return offers with ``capability_sd``, 0 for a score; without one the mean and sd of a prior.

    The mean is the line of all scores in date, plus the mean residual of the house as if there were
    three more offers without any; the sd is that of the residuals about it.
    """
    scored = offers["capability"].notna()
    years = np.array([years_since(str(day)) for day in offers["day"]])
    out = offers.assign(capability_sd=0.0)
    if scored.sum() < 3 or scored.all():
        return out[scored].reset_index(drop=True)
    slope, start = np.polyfit(years[scored], offers.loc[scored, "capability"], 1)
    line = pd.Series(start + slope * years, offers.index)
    off = (offers["capability"] - line)[scored].groupby(offers["provider"])
    house = off.sum() / (off.count() + 3)
    mean = line + offers["provider"].map(house).fillna(0.0)
    sd = float((offers["capability"] - mean)[scored].std())
    return out.assign(
        capability=offers["capability"].where(scored, mean),
        capability_sd=np.where(scored, 0.0, sd),
    )


def _changes(
    lines: Mapping[str, Steps], seen: str, listed: float
) -> tuple[list[tuple[str, str, float]], float]:
    """Return the changes (line, day, new over old), and the years in which one could be seen.

    A price is watched until the next one of its line, at most `listed` years, and not after the day
    on which the list was last `seen`.
    """
    found, watched = [], 0.0
    for line, steps in lines.items():
        years = [years_since(day) for day, _ in steps]
        ends = [*years[1:], years_since(seen)]
        watched += sum(min(b - a, listed) for a, b in zip(years, ends, strict=True))
        for (_, old), (day, new) in itertools.pairwise(steps):
            if abs(math.log(new / old)) > UNCHANGED:
                found.append((line, day, new / old))
    return found, watched


def _lines(table: pd.DataFrame, listing: Sequence[Price], day: str) -> tuple[list[Line], list[str]]:
    """Return the rows of ``product_lines`` that were known on a day, and the models without a price.

    An ``until`` that is still to come is not known.

    Raises
    ------
    DataError
        Naming every row that another one or the list of prices contradicts.
    """
    columns = ("model", "house", "role", "from", "until")
    rows = [Line(*row.values()) for row in records(table, columns)]
    known = [
        row._replace(until=row.until if row.until < day else "") for row in rows if row.start <= day
    ]
    first = {entity: prices[0] for entity, prices in _by(listing, "entity").items()}
    told = [row for row in known if row.model in first]
    heads = Counter((row.house, row.start) for row in told if row.role == FLAGSHIP)
    checks: dict[str, Callable[[Line], bool]] = {
        "got a day before its first price; wanted that day or later": (
            lambda row: row.start < first[row.model].day
        ),
        "got a house that its prices are not of; wanted their provider": (
            lambda row: row.house != first[row.model].provider
        ),
        "got an until before it": lambda row: "" < row.until < row.start,
        "got two flagships of one house from one day; wanted one": (
            lambda row: row.role == FLAGSHIP and heads[row.house, row.start] > 1
        ),
    }
    wrong = [
        f"{row.model}, {row.role} from {row.start}: {what}"
        for what, bad in checks.items()
        for row in told
        if bad(row)
    ]
    if wrong:
        raise DataError(f"product_lines.csv: {len(wrong)} bad row(s): {'; '.join(wrong)}")
    return told, sorted(row.model for row in known if row.model not in first)


def _held(lines: Sequence[Line], prices: Mapping[str, Steps]) -> dict[str, Steps]:
    """Return by house the prices of the newest of a role, of several of one day the cheapest.

    A model holds the role from its day on, until a newer one does or it is withdrawn; then its
    predecessor does, if it is still listed. A later price of a predecessor is not the role's.
    """
    out: dict[str, Steps] = {}
    for house in sorted({line.house for line in lines}):
        rows = [line for line in lines if line.house == house]
        ends = {_next_day(line.until) for line in rows if line.until}
        moved = {step.day for line in rows for step in prices[line.model]}
        steps: list[Step] = []
        before: tuple[list[str], float] | None = None
        for day in sorted({*(line.start for line in rows), *ends, *moved}):
            there = [r for r in rows if r.start <= day and (not r.until or r.until >= day)]
            if not there:
                continue
            last = max(line.start for line in there)
            models = [line.model for line in there if line.start == last]
            now = (models, min(price_on(prices[model], day) for model in models))
            if now != before:
                steps.append(Step(day, now[1]))
            before = now
        out[house] = tuple(steps)
    return out


def _next_day(day: str) -> str:
    return (dt.date.fromisoformat(day) + dt.timedelta(days=1)).isoformat()


def price_on(steps: Sequence[tuple[str, float]], day: str) -> float:
    """Return the price that held on a day, by dated steps; NaN before the first.

    Examples
    --------
    >>> price_on([("2024-05-13", 7.5), ("2024-08-06", 4.375)], "2024-08-05")
    7.5
    """
    held = [price for start, price in steps if start <= day]
    return held[-1] if held else float("nan")


def _small(
    lines: Sequence[Line], prices: Mapping[str, Steps], flagships: Mapping[str, Steps]
) -> list[Row]:
    """Return each small model's price over its house's flagship on the first day."""
    return [
        Row(SMALL, line.start, price_on(prices[line.model], line.start) / beside,
            name=line.model, provider=line.house)
        for line in sorted(lines, key=lambda line: (line.start, line.model))
        if math.isfinite(beside := price_on(flagships.get(line.house, ()), line.start))
    ]  # fmt: skip


def _turns(flagships: Mapping[str, Steps]) -> list[Row]:
    """Return the first price of each house's flagship, and each that differs from the one before."""
    return [
        Row(FLAGSHIP, step.day, step.price, provider=house)
        for house, steps in flagships.items()
        for k, step in enumerate(steps)
        if k == 0 or abs(math.log(step.price / steps[k - 1].price)) > UNCHANGED
    ]


def _withdrawn(
    lines: Sequence[Line], products: Mapping[str, Sequence[Price]], seen: str
) -> list[Row]:
    """Return the products that are known to be withdrawn, their last day, and how long they were listed.

    One is withdrawn if that is known of the entry that was listed last. ``watched`` is the time from
    its first price to the day on which the list was last seen: had it stayed longer, it would not be
    here.
    """
    last = {line.model: line.until for line in lines if line.until}
    rows = []
    for product, own in products.items():
        until = last.get(own[-1].entity, "")
        if until and until < seen:
            first = years_since(own[0].day)
            listed, watched = years_since(until) - first, years_since(seen) - first
            rows.append(
                Row("gone", until, listed, line=product, provider=own[-1].provider, watched=watched)
            )
    return rows


def api_price_panel(known: Known, lines: pd.DataFrame) -> Panel:
    """One row an offer, a price, a count of changes, a small model or a withdrawal; see :data:`KINDS`.

    It carries a :class:`Listing`. What was listed after the day of the newest price is not known,
    however much later it is, so days after it tell nothing of how seldom prices change.

    Raises
    ------
    DataError
        If there are fewer than 12 offers with a capability, or a price cannot be used.
    """
    table = known.rows
    listing = _listing(table)
    seen = str(table.loc[table["metric"].isin(PRICE_METRICS), "reported_on"].max())
    offers = _offers(listing, _capabilities(table))
    scored = int((offers["capability_sd"] == 0).sum())
    if scored < 12:
        raise DataError(
            f"the api_price model wants 12 or more priced models with a score "
            f"({one_line(SCORE_METRICS)}) under the same entity; the table has {scored}"
        )
    told, unpriced = _lines(lines, listing, known.date)
    prices = {entity: _steps(own) for entity, own in _by(listing, "entity").items()}
    products = dict(sorted(_by(listing, "product").items()))
    flagships, smalls = (
        _held([line for line in told if line.role == role], prices) for role in (FLAGSHIP, SMALL)
    )
    gone = _withdrawn(told, products, seen)
    ended = {row.line: row.day for row in gone}
    rows = [
        Row("offer", day, price, entity, product, house, ended.get(product, ""), capability, sd)
        for day, entity, product, house, price, capability, sd in offers.itertuples(index=False)
    ]
    rows += _small([line for line in told if line.role == SMALL], prices, flagships)
    rows += _turns(flagships)
    rows += [row for row in gone if row.value > 0]
    for name, priced, listed in (
        ("product", {product: _steps(own) for product, own in products.items()}, LISTED_YEARS),
        ("flagship", flagships, math.inf),
    ):
        found, watched = _changes(priced, seen, listed)
        if name == "product":
            rows += [Row("change", day, ratio, name, line) for line, day, ratio in found]
        rows.append(Row("changes", seen, float(len(found)), name, watched=watched))
    words = ("kind", "name", "line", "provider", "day", "gone")
    numbers = ("capability", "capability_sd", "watched")
    data = xr.Dataset(
        {
            "value": ("obs", np.array([row.value for row in rows])),
            "year": ("obs", np.array([years_since(row.day) for row in rows])),
            **{name: ("obs", np.array([getattr(row, name) for row in rows])) for name in numbers},
        },
        coords={name: ("obs", np.array([getattr(row, name) for row in rows])) for name in words},
    )
    points = "ECI points"
    units = {
        "value": PRICE_UNIT, "capability": points, "capability_sd": points, "watched": "years",
    }  # fmt: skip
    smalls = {house: steps for house, steps in smalls.items() if house in flagships}
    missing = f"product_lines.csv names models without a known price: {one_line(unpriced)}"
    return Panel(
        "api_price",
        known.date,
        data,
        units,
        Listing(seen, flagships, smalls),
        notes=(missing,) if unpriced else (),
    )


def cheapest(offers: xr.Dataset, capability: float, year: float, fresh: float = math.inf) -> float:
    """Return the lowest price at which a capability is known to be listed at a date, an envelope.

    Offers without a score do not count: they are not known to reach it.

    An offer stands until its product has another or is withdrawn; where that is not known, for
    :data:`LISTED_YEARS`.

    Parameters
    ----------
    offers
        The rows of kind ``offer`` of a panel.
    capability
        The least capability, on the scale of the panel.
    year
        The date, years since 2023.
    fresh
        How long ago an offer may have begun, in years.

    Returns
    -------
    float
        USD per 1M tokens; NaN if no offer reaches the capability.
    """
    at = standing(offers, year)
    scored = offers["capability_sd"].values[at] == 0
    enough = offers["capability"].values[at] >= capability
    keep = at[scored & enough & (offers["year"].values[at] > year - fresh)]
    return float(offers["value"].values[keep].min()) if len(keep) else math.nan


def standing(offers: xr.Dataset, year: float) -> np.ndarray:
    """Return which offers count as listed at a date (years since 2023), positions along ``obs``."""
    began, gone = offers["year"].values, offers["gone"].values
    latest = {str(line): k for k, line in enumerate(offers["line"].values) if began[k] <= year}
    at = np.array(sorted(latest.values()), dtype=int)
    left = np.array([years_since(str(g)) if g else math.inf for g in gone[at]])
    return at[(year - began[at] < LISTED_YEARS) & (year <= left)]


class History(NamedTuple):
    """What was listed at the end of each quarter.

    Attributes
    ----------
    quarters
        The quarters from the first offer to the last one wanted.
    known
        How many of them had ended by the day on which the list was last seen.
    prices
        By series ("GPT-4 level/price", "GPT-4 level/new_price", "OpenAI flagship/price", "OpenAI
        small model/price"): the price at the end of those, shape (known,), NaN before there was one.
    """

    quarters: list[str]
    known: int
    prices: dict[str, np.ndarray]


def price_history(panel: Panel, until: str) -> History:
    """Return what was listed at the end of each quarter.

    Parameters
    ----------
    panel
        An api_price panel.
    until
        The last quarter wanted.
    """
    data, listing = panel.data, panel.part(Listing)
    offers = data.isel(obs=np.flatnonzero(data["kind"].values == "offer"))
    first, last = min(map(str, offers["day"].values)), period_end(until).isoformat()
    start, stop = (quarter_index(f"{d[:4]}Q{(int(d[5:7]) + 2) // 3}") for d in (first, last))
    quarters = [quarter_name(k) for k in range(start, stop + 1)]
    ends = [period_end(q).isoformat() for q in quarters]
    past = [day for day in ends if day <= listing.seen]
    history: dict[str, list[float]] = {}
    for name, level in LEVELS.items():
        for metric, fresh in (("price", math.inf), ("new_price", NEW_YEARS)):
            history[f"{name}/{metric}"] = [
                cheapest(offers, level, years_since(day), fresh) for day in past
            ]
    for what, lines in (("flagship", listing.flagships), ("small model", listing.smalls)):
        for house, steps in lines.items():
            history[f"{house} {what}/price"] = [price_on(steps, day) for day in past]
    prices = {name: np.array(values) for name, values in history.items()}
    return History(quarters, len(past), prices)


PANEL = PanelSource(build=api_price_panel, besides=("product_lines",), latest=("day",))
