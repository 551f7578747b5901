"""Run-ups of capex with what followed, and where companies stand now, for the capex_hazard model.

The table ``capex_runups`` enumerates states of spending: capex of an industry, an asset type, a company
or a set of companies at a year or a quarter, its growth up to then, and the months to the first fall
of 5, 10 and 20 % below the highest total from then on. The rows that are fitted (``fitted``) do not
overlap: of one entity, and of the chain of sets of the same companies, no month is followed twice.

What is asked is where companies, and sets of them, stand on the day by the figures known then: a
:class:`State` each, dated by its last quarter that every member has reported.

Invariant: nothing that became known after ``as_of`` reaches the panel. A year's total counts as known
at the end of the next year, a quarter's :data:`LAG` month after its end. ``tests/test_capex_hazard.py``
alters every later row and compares.
"""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import xarray as xr

from forecast.core.errors import DataError
from forecast.core.periods import (
    calendar_quarters,
    last_close,
    month_index,
    period_days,
    period_end,
    quarter_index,
    quarter_long,
    quarter_name,
    quarter_of,
)
from forecast.core.text import one_line
from forecast.core.units import convert
from forecast.core.words import COLUMNS
from forecast.models.base import Panel, PanelSource, records

if TYPE_CHECKING:
    from forecast.tables.vintages import Known

FALLS = (5, 10, 20)
"""Falls of a total below its highest, in percent, that the table dates."""
LONGEST = 24
"""Months of follow-up in the table."""
LAG = 1
"""Months after a quarter's end by which its reports are known; the table gives no days."""
BROAD = ("asset", "industry", "group")
"""Levels of aggregation of a whole economy or industry, annual totals."""
NARROW = ("cell", "manufacturing")
"""Levels of one industry's spending on one kind of asset, and of narrow industries, annual totals."""
OWN = ("company", "set")
"""Levels of the companies' own record, totals of four quarters."""
LEVELS = (*BROAD, *NARROW, *OWN)
SETS: Mapping[str, tuple[str, ...]] = {
    "big_four": ("MSFT", "GOOGL", "AMZN", "META"),
    "big_five": ("MSFT", "GOOGL", "AMZN", "META", "ORCL"),
}
"""Sets of companies that are asked about wherever all of them are known."""
BACK = 8
"""Quarters over which a run-up is measured."""
RECORD = 12
"""Quarters on record that the draws carry before those to come."""
STALE = 12
"""Quarters after which a company's last total says nothing of where it stands; until then what came
since is not known, and drawn."""
UNIT = "USD bn"
COVARIATES = ("growth", "runup", "at_record", "cash", "members")


def fall_metric(fall: int) -> str:
    """Return the metric of a fall of so many percent."""
    return f"capex_fall_{fall}"


@dataclasses.dataclass(frozen=True)
class State:
    """Where the spending of some companies, or of a class, stands: what the model is asked about.

    Attributes
    ----------
    entity
        A name for it.
    members
        The companies whose capex is added up; none for a class.
    quarter
        The last calendar quarter that every member has reported.
    total
        Capex of the four quarters to it, USD bn.
    growth, runup
        Its change over one year and over two, in percent.
    depth
        How far it stands below the highest such total on record, in percent of that.
    cash
        Capex of the four quarters over operating cash flow of the same; NaN where not known.
    effective
        Effective number of members, one over the sum of squared shares; NaN for a class.
    record
        For each of the last :data:`RECORD` quarters, the oldest first, how far the total stood below the
        highest on record by then, in percent; NaN where no total is known.
    by
        Whose rates it is forecast by: ``own``, the companies' record with what the classes say of it;
        or ``broad`` or ``narrow`` classes alone.
    """

    entity: str
    members: tuple[str, ...]
    quarter: str
    total: float
    growth: float
    runup: float
    depth: float
    cash: float
    effective: float
    record: tuple[float, ...]
    by: str = "own"

    @property
    def sure(self) -> int:
        """Number of the falls of :data:`FALLS` below which the total stands already."""
        return sum(self.depth >= fall for fall in FALLS)


Quarters = Mapping[str, Mapping[str, float]]
"""A flow by company and calendar quarter, USD bn."""


@dataclasses.dataclass(frozen=True)
class Asked:
    """What is forecast from a fit, which does not depend on it.

    Attributes
    ----------
    states
        Where spending stands, in the order of the draws.
    capex, cash
        Capex and operating cash flow of each company, from which a set of a user's own is made.
    """

    states: tuple[State, ...]
    capex: Quarters
    cash: Quarters


# --- what followed run-ups --------------------------------------------------------------------
def seen(table: pd.DataFrame, as_of: str) -> pd.DataFrame:
    """Return the rows of ``capex_runups`` with what was known of them on a day.

    Parameters
    ----------
    table
        The reference table, or rows of it.
    as_of
        The day, ISO.

    Returns
    -------
    pandas.DataFrame
        Rows of which some follow-up was known, in a fixed order, with ``followup`` cut there and a month
        of a fall that is not seen by then as 0; whole numbers.

    Raises
    ------
    DataError
        If rows contradict themselves, or nothing was known by then.
    """
    _check(table)
    identified = table["identified"].tolist()
    followed = {when: _followed(when, as_of) for when in set(identified)}
    known = [followed[when] for when in identified]
    rows = table.assign(followup=np.minimum(table["followup"], known).astype(int))
    yearly = rows["level"].isin([*BROAD, *NARROW]).to_numpy()
    rows["followup"] = rows["followup"].where(~yearly, rows["followup"] // 12 * 12)
    rows = rows[rows["followup"] > 0].copy()
    if rows.empty:
        raise DataError(
            f"no state of the table capex_runups had been followed by {as_of}; the first one is of "
            f"{min(table['identified'])}"
        )
    for fall in FALLS:
        month = rows[f"months{fall}"]
        rows[f"months{fall}"] = month.where(month <= rows["followup"], 0).fillna(0).astype(int)
    order = ["level", "entity", "identified"]
    rank = rows["level"].map(LEVELS.index)
    rows = rows.assign(_rank=rank).sort_values(["_rank", *order[1:]], kind="stable")
    return rows.drop(columns="_rank").reset_index(drop=True)


def _followed(identified: str, as_of: str) -> int:
    """Return the months after a year or a quarter whose totals are known on a day; below 0 for none."""
    end = month_index(period_end(identified).isoformat())
    if "Q" in identified:
        latest = last_close(as_of) - LAG
        return (latest - end) // 3 * 3
    return (int(as_of[:4]) - 2 + (as_of[5:] == "12-31") - int(identified)) * 12


def _check(table: pd.DataFrame) -> None:
    """Refuse rows that contradict themselves, all at once."""
    bad: dict[str, np.ndarray] = {
        f"a level other than {', '.join(LEVELS)}": ~table["level"].isin(LEVELS).to_numpy(),
        f"a follow-up that is not of whole quarters from 0 to {LONGEST} months": (
            (table["followup"] % 3 != 0) | ~table["followup"].between(0, LONGEST)
        ).to_numpy(),
        "growth or a run-up of -100 % or less": (
            (table["growth"] <= -100) | (table["runup"] <= -100)
        ).to_numpy(),
        "a cash coverage or a number of members that is not above zero": (
            (table["cash"] <= 0) | (table["members"] < 1)
        ).to_numpy(),
        "companies or sets without a number of members": (
            table["level"].isin(OWN) & table["members"].isna()
        ).to_numpy(),
    }
    quarterly = table["identified"].astype(str).str.contains("Q").to_numpy()
    bad["a company or set by year, or another level by quarter"] = (
        quarterly != table["level"].isin(OWN).to_numpy()
    )
    step = np.where(quarterly, 3, 12)
    late = np.zeros(len(table))  # a fall that has not come comes after all others
    for fall in FALLS:
        month = table[f"months{fall}"].to_numpy(float)
        name = f"a month of the fall of {fall} % that is not one of the follow-up's"
        bad[name] = (month <= 0) | (month > table["followup"]) | (np.nan_to_num(month) % step != 0)
        told = (table["smallest"] <= fall).to_numpy()
        at = np.where(np.isfinite(month), month, np.inf)
        bad[f"a fall of {fall} % before a smaller one"] = told & (at < late)
        late = np.where(told, at, late)
    lines = [
        f"{what}: {one_line([f'{r.entity} {r.identified}' for r in table[np.asarray(w)].itertuples()])}"
        for what, w in bad.items()
        if np.asarray(w).any()
    ]
    if lines:
        raise DataError("capex_runups has " + "; ".join(lines))
    chains: dict[tuple[str, str], list[tuple[int, float]]] = {}
    for row in records(table, ("level", "entity", "identified", "followup", "fitted")):
        if row["fitted"] == 1:
            # sets are of the same companies: they are one chain
            whose = "the sets of companies" if row["level"] == "set" else row["entity"]
            end = month_index(period_end(row["identified"]).isoformat())
            chains.setdefault((row["level"], whose), []).append((end, end + row["followup"]))
    twice = [whose for (_, whose), chain in sorted(chains.items()) if _overlap(chain)]
    if twice:
        raise DataError(
            f"capex_runups: of {one_line(twice)} fitted rows overlap in time; wanted 0 in the column "
            "fitted where months are followed twice"
        )


def _overlap(chain: Sequence[tuple[int, float]]) -> bool:
    """Return whether of stretches, each a start and an end, one begins before the one before it ends."""
    in_order = sorted(chain, key=lambda stretch: stretch[0])
    return any(end > start for (_, end), (start, _) in itertools.pairwise(in_order))


# --- where companies stand --------------------------------------------------------------------
def _flows(known: Known, metric: str) -> dict[str, dict[str, float]]:
    """Return a metric of every company by calendar quarter, USD bn; bounds and projections left out."""
    reports: dict[str, list[tuple[str, float, str]]] = {}
    for row in records(known.rows, COLUMNS):
        if row["metric"] != metric or row["qualifier"] in ("at least", "at most", "projected"):
            continue
        first, last = period_days(row["period"])
        if quarter_long((last - first).days + 1):
            own = reports.setdefault(row["entity"], [])
            own.append((row["period"], row["value"], row["unit"]))
    found: dict[str, dict[str, float]] = {}
    for entity, own in sorted(reports.items()):
        quarters = calendar_quarters(period for period, _, _ in own)
        found[entity] = {quarters[p]: convert(v, u, UNIT) for p, v, u in sorted(own)}
    return found


def totals_of(flows: Quarters, members: Sequence[str]) -> dict[int, tuple[float, ...]]:
    """Return each member's total of four quarters, by the index of the last quarter.

    Quarters of which a member has no total are not there.
    """
    totals: dict[int, tuple[float, ...]] = {}
    if not all(member in flows for member in members):
        return totals
    for end in sorted(quarter_index(q) for q in flows[members[0]]):
        names = [quarter_name(k) for k in range(end - 3, end + 1)]
        if all(name in flows[member] for member in members for name in names):
            totals[end] = tuple(sum(flows[m][name] for name in names) for m in members)
    return totals


def state_of(
    entity: str, members: Sequence[str], capex: Quarters, cash: Quarters, as_of: str
) -> State | None:
    """Return where some companies stand; None where too little is known of one of them.

    Wanted are the totals of now and of one and two years ago, the newest no older than
    :data:`STALE` quarters.
    """
    by_member = totals_of(capex, members)
    if not by_member:
        return None
    totals = {end: sum(parts) for end, parts in by_member.items()}
    end = max(totals)
    if not {end - 4, end - BACK} <= set(totals):
        return None
    if quarter_index(quarter_of(as_of)) - end > STALE:
        return None
    if min(totals[end], totals[end - 4], totals[end - BACK]) <= 0:
        return None
    highest, depth = 0.0, {}
    for when in sorted(totals):
        highest = max(highest, totals[when])
        depth[when] = 100 * (1 - totals[when] / highest)
    flow = totals_of(cash, members).get(end)
    share = np.array(by_member[end]) / totals[end]
    return State(
        entity=entity,
        members=tuple(members),
        quarter=quarter_name(end),
        total=totals[end],
        growth=100 * (totals[end] / totals[end - 4] - 1),
        runup=100 * (totals[end] / totals[end - BACK] - 1),
        depth=depth[end],
        cash=totals[end] / sum(flow) if flow is not None and sum(flow) > 0 else math.nan,
        effective=float(1 / (share**2).sum()),
        record=tuple(depth.get(k, math.nan) for k in range(end - RECORD + 1, end + 1)),
    )


VIEWS: Mapping[str, str] = {"broad": "as a broad aggregate", "narrow": "as a narrow industry"}
"""Two readings of what a set of companies is, between which its answer lies; each stands after it."""
DOUBLED = 100.0
CLASSES: Mapping[str, str] = {
    "broad": "broad aggregate after doubling",
    "narrow": "narrow industry after doubling",
}
"""What stands for any entity of a class whose spending has doubled in two years, up by two fifths in the
last, at a record on the day asked."""


def _class_state(by: str, as_of: str) -> State:
    quarter = quarter_name(quarter_index(quarter_of(as_of)) - 1)
    return State(
        CLASSES[by], (), quarter, math.nan, 100 * (2**0.5 - 1), DOUBLED, 0.0, math.nan, math.nan,
        (math.nan,) * RECORD, by,
    )  # fmt: skip


def with_views(state: State) -> list[State]:
    """Return a state, and for several companies what each class alone says of it."""
    if len(state.members) < 2:
        return [state]
    seen_as = [
        dataclasses.replace(state, entity=f"{state.entity}, {name}", by=by)
        for by, name in VIEWS.items()
    ]
    return [state, *seen_as]


def capex_hazard_panel(known: Known, table: pd.DataFrame) -> Panel:
    """Return the run-ups that were known, and where companies stood by the figures known.

    Parameters
    ----------
    known
        Observations known on a day: quarterly ``capex``, and ``operating_cash_flow`` where there is.
    table
        The reference table ``capex_runups``.
    """
    rows = seen(table[table["fitted"] == 1], known.date)
    capex, cash = _flows(known, "capex"), _flows(known, "operating_cash_flow")
    asked = {**{name: (name,) for name in capex}, **SETS}
    found = [state_of(name, who, capex, cash, known.date) for name, who in asked.items()]
    states = [view for one in found if one is not None for view in with_views(one)]
    states += [_class_state(by, known.date) for by in CLASSES]
    numbers = [*COVARIATES, "smallest", "followup", *(f"months{fall}" for fall in FALLS)]
    data = xr.Dataset(
        {name: ("obs", rows[name].to_numpy()) for name in numbers},
        coords={
            name: ("obs", rows[name].to_numpy(str))
            for name in ("level", "entity", "industry", "identified")
        },
    )
    units = {"growth": "percent", "runup": "percent", "cash": "ratio", "months10": "months"}
    return Panel("capex_hazard", known.date, data, units, drawn=Asked(tuple(states), capex, cash))


def states(panel: Panel) -> tuple[State, ...]:
    """Return the states that a panel asks about."""
    return panel.part(Asked).states


def with_states(panel: Panel, added: Sequence[State]) -> Panel:
    """Return a panel with states added; one of the same entity is replaced."""
    asked = panel.part(Asked)
    names = {one.entity for one in added}
    held = [one for one in asked.states if one.entity not in names]
    return dataclasses.replace(panel, drawn=dataclasses.replace(asked, states=(*held, *added)))


def with_written(panel: Panel, given: Sequence[str]) -> Panel:
    """Return a panel with sets of companies added, each written as NAME:COMPANY+COMPANY.

    Raises
    ------
    DataError
        If a text cannot be read, or too little is known of one of its companies.
    """
    asked = panel.part(Asked)
    added: list[State] = []
    for text in given:
        name, _, rest = text.partition(":")
        members = [part.strip() for part in rest.split("+")]
        if not name.strip() or "/" in name or not all(members):
            raise DataError(
                f"got the set {text!r}; wanted NAME:COMPANY+COMPANY, such as 'ours:MSFT+META'"
            )
        missing = [m for m in members if m not in asked.capex]
        if missing or len(set(members)) < len(members):
            raise DataError(
                f"{name}: got {one_line(members)}; wanted different companies of which capex is "
                f"known: {one_line(list(asked.capex))}"
            )
        one = state_of(name.strip(), members, asked.capex, asked.cash, panel.as_of)
        if one is None:
            raise DataError(
                f"{name}: capex of {one_line(members)} is not known for {BACK + 4} quarters one "
                f"after another up to the last {STALE} before {panel.as_of}"
            )
        added += with_views(one)
    return with_states(panel, added)


PANEL = PanelSource(
    build=capex_hazard_panel,
    besides=("capex_runups",),
    latest=("identified",),
    positions=with_written,
)
