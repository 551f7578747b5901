"""List prices of language models: offers with a capability, dated changes, small models to flagships.

A price is the blend (3 input + 1 output) / 4 in USD per 1M tokens. Others blend one to one, or
weigh reasoning tokens: their levels differ, and so can their rates. Capability is on the scale of
the Epoch Capabilities Index; where a release has only GPQA Diamond, the straight line between the
two over the releases that have both is used.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd
import xarray as xr

from forecast.core.errors import DataError
from forecast.core.periods import period_end, quarter_index, quarter_name, years_since
from forecast.core.text import one_line
from forecast.core.units import convert
from forecast.models.base import Panel, PanelSource

if TYPE_CHECKING:
    from forecast.tables.vintages import Known, Table

PRICE_UNIT = "USD per 1M tokens"
PRICE_METRICS = ("list_price_input", "list_price_output")
SCORE_METRICS = ("eci", "gpqa_diamond")

KINDS = ("offer", "change", "changes", "small")
"""What a row of the panel is: the price of an offer; one price change, new over old; the number of
changes over a time of exposure; a small model's price over its house's flagship."""
CLASSES = ("product", "flagship")
UNCHANGED = 0.005  # log points: prices that differ by rounding are one price
NEW_YEARS = 1.0
"""An offer counts as new for so long."""
LISTED_YEARS = 2.0
"""How long a product counts as listed, for the number of changes a year: few stay longer before a
successor takes the name. Our rough judgement; the table has no dates of withdrawal."""

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

FLAGSHIPS: Mapping[str, tuple[str, ...]] = {
    "OpenAI": (
        "gpt-4 (8k)", "gpt-4-1106-preview (Turbo)", "gpt-4-turbo-2024-04-09", "gpt-4o-2024-05-13",
        "gpt-4o-2024-08-06", "gpt-4.5-preview", "gpt-4.1", "gpt-5", "gpt-5.1", "gpt-5.2", "gpt-5.4",
        "gpt-5.5",
    ),
    "Anthropic": (
        "claude-2", "claude-2 / claude-2.1", "claude-3-opus", "claude-opus-4", "claude-opus-4-1",
        "claude-opus-4-5", "claude-opus-4-6", "claude-opus-4-7",
    ),
    "Google": (
        "gemini-1.0-pro", "gemini-1.5-pro (<=128k)", "gemini-2.5-pro (<=200k)",
        "gemini-3-pro-preview (<=200k)", "gemini-3.1-pro-preview (<=200k)",
    ),
    "xAI": ("grok-3", "grok-4"),
    "Mistral AI": (
        "mistral-large-2402", "mistral-large-2407", "mistral-large-2407/2411", "mistral-large-3",
    ),
}  # fmt: skip
"""The newest of a house's main line, told by its name: GPT-n without mini, nano or pro, Opus, Gemini
Pro, Grok without mini or fast, Mistral Large. Pure reasoning lines (o1, o3) stand next to it."""

SMALL = (
    "gpt-4o-mini", "gpt-4.1-mini", "gpt-4.1-nano", "gpt-5-mini", "gpt-5-nano", "gpt-5.4-mini",
    "gpt-5.4-nano", "claude-3-haiku", "claude-3-5-haiku", "claude-haiku-4-5",
    "gemini-1.5-flash (<=128k)", "gemini-1.5-flash-8b", "gemini-2.0-flash", "gemini-2.0-flash-lite",
    "gemini-2.5-flash", "gemini-2.5-flash-lite", "gemini-3-flash-preview",
    "gemini-3.1-flash-lite-preview", "mistral-small-2402", "mistral-small-2409",
    "mistral-small-2501", "grok-3-mini", "grok-4-fast",
)  # fmt: skip
"""Models that their house names as the small, fast or cheap ones of a line."""


class Step(NamedTuple):
    """A price of a line, USD per 1M tokens, and the ISO day from which it held."""

    day: str
    price: float


Steps = tuple[Step, ...]
"""The prices of a line, in the order of their days."""


@dataclasses.dataclass(frozen=True)
class Listing:
    """What the list of prices said, besides the rows of a panel.

    Attributes
    ----------
    seen
        The day of the newest price, ISO: the list was last seen then.
    flagships, smalls
        By provider the prices of its flagship, and of its small models the cheapest of each day on
        which there was a new one.
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


def _listing(table: Table) -> pd.DataFrame:
    """Return dated blended prices: day, entity, product, provider, price."""
    rows = table[table["metric"].isin(PRICE_METRICS)].copy()
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
    rows["usd"] = [
        convert(v, u, PRICE_UNIT) for v, u in zip(rows["value"], rows["unit"], strict=True)
    ]
    rows["day"] = [period_end(str(p)).isoformat() for p in rows["period"]]
    wide = rows.pivot(index=["day", "entity"], columns="metric", values="usd")
    missing = wide.reindex(columns=list(PRICE_METRICS)).isna().any(axis=1)
    if missing.any():
        raise DataError(
            "a blended price wants an input and an output price of one day; one is missing for "
            + one_line([f"{entity} {day}" for day, entity in wide.index[missing]])
        )
    provider = rows.drop_duplicates("entity").set_index("entity")["source"]
    out = wide.reset_index()
    out["price"] = [
        blend(float(i), float(o))
        for i, o in zip(out["list_price_input"], out["list_price_output"], strict=True)
    ]
    free = out[out["price"] <= 0]
    if len(free):
        raise DataError(
            "the api_price model works on logarithms and wants prices above zero; got "
            + one_line([f"{r.entity} {r.day}" for r in free.itertuples()])
        )
    out["product"] = out["entity"].map(lambda e: PRODUCTS.get(e, e))
    out["provider"] = out["entity"].map(provider).str.split(":").str[0]
    return out.sort_values(["day", "entity"], kind="stable")[
        ["day", "entity", "product", "provider", "price"]
    ].reset_index(drop=True)


def _capabilities(table: Table) -> pd.DataFrame:
    """Return dated capabilities: day, entity, capability, and whether it came by GPQA."""
    rows = table[table["metric"].isin(SCORE_METRICS)].copy()
    if rows.empty:
        raise DataError(
            f"the api_price model wants scores ({one_line(SCORE_METRICS)}) of the priced models; "
            "the table has none"
        )
    rows["score"] = [
        v if m == "eci" else convert(v, u, "percent")
        for v, u, m in zip(rows["value"], rows["unit"], rows["metric"], strict=True)
    ]
    rows["day"] = [period_end(str(p)).isoformat() for p in rows["period"]]
    wide = rows.pivot(index=["day", "entity"], columns="metric", values="score")
    wide = wide.reindex(columns=list(SCORE_METRICS)).sort_index()
    both = wide.dropna()
    capability = wide["eci"]
    if len(both) >= 10 and both["gpqa_diamond"].std() > 0:
        slope, start = np.polyfit(both["gpqa_diamond"], both["eci"], 1)
        capability = capability.fillna(start + slope * wide["gpqa_diamond"])
    out = pd.DataFrame({"capability": capability, "bridged": wide["eci"].isna()})
    return out.dropna(subset=["capability"]).reset_index()


def _offers(listing: pd.DataFrame, capabilities: pd.DataFrame) -> pd.DataFrame:
    """Return one row whenever an entry's price or capability changes; entries without one leave.

    A score that became known after the first price holds from that price on.
    """
    rows = []
    for entity, prices in listing.groupby("entity", sort=False):
        scores = capabilities[capabilities["entity"] == entity]
        if scores.empty:
            continue
        first = prices["day"].iloc[0]
        days = sorted({*prices["day"], *scores.loc[scores["day"] > first, "day"]})
        before: tuple[float, float] | None = None
        for day in days:
            price = prices[prices["day"] <= day].iloc[-1]
            held = scores[scores["day"] <= day]
            score = held.iloc[-1] if len(held) else scores.iloc[0]
            now = (float(price["price"]), float(score["capability"]))
            if now != before:
                rows.append((day, entity, price["product"], price["provider"], *now))
            before = now
    columns = ["day", "entity", "product", "provider", "price", "capability"]
    out = pd.DataFrame(rows, columns=columns)
    return out.sort_values(["day", "entity"], kind="stable").reset_index(drop=True)


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


def _flagships(listing: pd.DataFrame) -> dict[str, Steps]:
    """Return each house's flagship price by day: of the newest of its line, from its day on."""
    out: dict[str, list[Step]] = {}
    for house, members in FLAGSHIPS.items():
        rows = listing[listing["entity"].isin(members)]
        newest = -1
        for entity, day, price in zip(rows["entity"], rows["day"], rows["price"], strict=True):
            place = members.index(str(entity))
            if place >= newest:  # a later price of a predecessor is not the flagship's
                out.setdefault(house, []).append(Step(str(day), float(price)))
            newest = max(newest, place)
    return {house: tuple(steps) for house, steps in out.items()}


def price_on(steps: Sequence[tuple[str, float]], day: str) -> float:
    """Return the price that held on a day, by dated steps; NaN before the first.

    Examples
    --------
    >>> price_on([("2024-05-13", 7.5), ("2024-08-06", 4.375)], "2024-08-05")
    7.5
    """
    held = [price for start, price in steps if start <= day]
    return held[-1] if held else float("nan")


def _small(listing: pd.DataFrame, flagships: Mapping[str, Steps]) -> pd.DataFrame:
    """Return name, day, provider, price and price over the house's flagship that day."""
    rows = listing[listing["entity"].isin(SMALL)].drop_duplicates("entity")
    beside = [
        price_on(flagships.get(str(house), ()), str(day))
        for house, day in zip(rows["provider"], rows["day"], strict=True)
    ]
    out = rows.rename(columns={"entity": "name"}).assign(value=rows["price"] / np.array(beside))
    return out[out["value"].notna()][["name", "day", "provider", "price", "value"]]


def api_price_panel(known: Known) -> Panel:
    """One row an offer, a price change, a count of changes or a small model; see :data:`KINDS`.

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
    if len(offers) < 12:
        raise DataError(
            f"the api_price model wants 12 or more priced models with a score "
            f"({one_line(SCORE_METRICS)}) under the same entity; the table has {len(offers)}"
        )
    flagships = _flagships(listing)
    products = {
        str(name): tuple(map(Step, rows["day"].astype(str), rows["price"].astype(float)))
        for name, rows in listing.groupby("product", sort=True)
    }
    small = _small(listing, flagships)
    blocks = [
        offers.rename(columns={"entity": "name", "product": "line", "price": "value"}).assign(
            kind="offer"
        ),
        small.drop(columns="price").assign(kind="small"),
    ]
    for name, lines, listed in (
        ("product", products, LISTED_YEARS),
        ("flagship", flagships, math.inf),
    ):
        found, watched = _changes(lines, seen, listed)
        moved = pd.DataFrame(found, columns=["line", "day", "value"])
        blocks.append(moved.assign(kind="change", name=name))
        total = {"kind": "changes", "name": name, "day": seen, "watched": watched}
        blocks.append(pd.DataFrame([{**total, "value": float(len(found))}]))
    rows = pd.concat(blocks, ignore_index=True)
    words = ("kind", "name", "line", "provider", "day")
    rows[list(words)] = rows[list(words)].fillna("")
    houses = small.groupby("provider")
    smalls = {
        str(house): tuple(
            sorted(Step(str(day), float(p.min())) for day, p in own.groupby("day")["price"])
        )
        for house, own in houses
    }
    data = xr.Dataset(
        {
            "value": ("obs", rows["value"].to_numpy(float)),
            "year": ("obs", np.array([years_since(d) for d in rows["day"]])),
            "capability": ("obs", rows["capability"].fillna(0.0).to_numpy(float)),
            "watched": ("obs", rows["watched"].fillna(0.0).to_numpy(float)),
        },
        coords={name: ("obs", rows[name].to_numpy(str)) for name in words},
    )
    units = {"value": PRICE_UNIT, "capability": "ECI points", "watched": "years"}
    return Panel("api_price", known.date, data, units, Listing(seen, flagships, smalls))


def cheapest(offers: xr.Dataset, capability: float, year: float, fresh: float = math.inf) -> float:
    """Return the lowest price at which a capability is listed at a date, an envelope.

    An offer stands until its product has another; withdrawals are not in the table.

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
    began = offers["year"].values
    latest = {str(line): k for k, line in enumerate(offers["line"].values) if began[k] <= year}
    at = np.array(sorted(latest.values()), dtype=int)
    keep = at[(offers["capability"].values[at] >= capability) & (began[at] > year - fresh)]
    return float(offers["value"].values[keep].min()) if len(keep) else math.nan


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


PANEL = PanelSource(build=api_price_panel, latest="day")
