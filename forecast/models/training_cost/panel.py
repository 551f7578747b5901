"""Training costs of model releases, with the error and the basis of each estimate.

What counts as the frontier decides the answer, so the rule is named and every rule is fitted alongside
the others: the panel lists a release once for each rule that takes it.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pandas as pd
import xarray as xr

from forecast.core.errors import DataError
from forecast.core.text import one_line
from forecast.models.base import Panel, PanelSource

COST_ORIGIN_DAY = dt.date(2021, 1, 1)
"""Years are counted from here."""
COST_BASES = ("amortised", "cloud", "statement", "acquisition")
"""What a cost counts: chips written down over the run; their rent; what the developer said; what
the chips cost to buy. The first one is the basis of the trend."""
_BASIS_WORDS: Mapping[str, tuple[str, ...]] = {
    "amortised": ("amortis", "amortiz"),
    "cloud": ("cloud", "rental", "rent "),
    "acquisition": ("acquisition", "purchase"),
    "statement": ("developer", "statement", "company", "reported", "said"),
}
NEEDED = ("model", "release_date", "training_cost_musd_mid")
OPTIONAL = ("cost_low", "cost_high", "cost_basis", "training_compute_flop", "organisation")
FEWEST = 5
TOP = 10
COST_UNIT = "USD m"
Z90 = 1.6448536269514722  # a low and a high that hold 90 % lie this many sd off


def years_since_origin(day: str) -> float:
    """Return a day as years of 365.25 days since the start of 2021.

    Examples
    --------
    >>> years_since_origin("2021-01-01"), round(years_since_origin("2023-01-01"), 2)
    (0.0, 2.0)
    """
    return (dt.date.fromisoformat(day) - COST_ORIGIN_DAY).days / 365.25


def top_at_release(compute: np.ndarray, day: np.ndarray, top: int = TOP) -> np.ndarray:
    """Return which runs were among the `top` largest ever when they came out.

    Parameters
    ----------
    compute
        Training compute, FLOP, NaN where unknown, shape (run,).
    day
        Release days, ISO, shape (run,).
    top
        How many count as the largest.

    Returns
    -------
    numpy.ndarray
        Boolean; a run is compared with those released on its day or before, never with later ones.
        A run of unknown compute is not in, and pushes none out. The first runs of a table are in
        whatever their size.
    """
    known = np.isfinite(compute)
    larger = (compute[None, :] > compute[:, None]) & (day[None, :] <= day[:, None]) & known[None, :]
    return known & (larger.sum(axis=1) < top)


def _frontier(runs: pd.DataFrame) -> np.ndarray:
    return runs["top"].to_numpy(bool)


def _frontier_since_2020(runs: pd.DataFrame) -> np.ndarray:
    return runs["top"].to_numpy(bool) & (runs["release_date"] >= "2020-01-01").to_numpy()


def _notable(runs: pd.DataFrame) -> np.ndarray:
    return np.ones(len(runs), dtype=bool)


FRONTIER_RULES: Mapping[str, tuple[str, Callable[[pd.DataFrame], np.ndarray]]] = {
    # Cottier et al. 2024 (arXiv 2405.21015) select so, from late 2015 on.
    "frontier": ("among the ten largest by compute when released", _frontier),
    # From the year of GPT-3 on nearly all of them are large language models: one kind of run.
    "frontier_since_2020": (
        "among the ten largest by compute when released, 2020 and later",
        _frontier_since_2020,
    ),
    "notable": ("every release with a known cost", _notable),
}
"""Rules of selection by the name that their series carry; the first one is the main answer."""


def training_cost_panel(
    table: pd.DataFrame, as_of: str, rules: Sequence[str] = tuple(FRONTIER_RULES)
) -> Panel:
    """Take costs in USD m by release, once for each rule of selection that takes the release.

    Parameters
    ----------
    table
        Columns model, release_date and training_cost_musd_mid; of use if there: cost_low and
        cost_high (a 90 % range), cost_basis, training_compute_flop, organisation.
    as_of
        Releases after this day are left out, also of the ranking by compute. A cost has no date of
        its own in the table: it counts as known from the release on.
    rules
        Names of :data:`FRONTIER_RULES`, the main one first. Without any compute in the table there
        is nothing to rank by: then the first rule takes every row given, and stands alone.

    Returns
    -------
    Panel
        Dim ``obs``: ``value``; ``error_sd`` (log points, NaN where no range is given); ``basis``
        (index into :data:`COST_BASES`); ``years`` since the start of 2021; coordinates ``rule``,
        ``release``, ``released``. ``notes`` say what the rules came to.

    Raises
    ------
    DataError
        If a column is missing, a cost or a basis cannot be read, or too few rows are left.
    """
    missing = [c for c in NEEDED if c not in table.columns]
    if missing:
        raise DataError(
            f"the training_cost model wants the columns {', '.join(NEEDED)}; "
            f"{one_line(missing)} is missing; the table has {one_line(list(table.columns))}"
        )
    unknown = [r for r in rules if r not in FRONTIER_RULES]
    if unknown or not rules:
        raise DataError(f"got the rules {rules}; wanted some of {', '.join(FRONTIER_RULES)}")
    used = [name for name in table.columns if name in (*NEEDED, *OPTIONAL)]
    runs = _one_row_a_run(table.loc[table["release_date"] <= as_of, used])
    ranked = "training_compute_flop" in runs and bool(runs["training_compute_flop"].notna().any())
    if ranked:
        compute = runs["training_compute_flop"].to_numpy(float)
        runs["top"] = top_at_release(compute, runs["release_date"].to_numpy(str))
    runs = runs[runs["training_cost_musd_mid"].notna()].reset_index(drop=True)
    if len(runs) < FEWEST or runs["release_date"].nunique() < 2:
        raise DataError(
            f"the training_cost model wants at least {FEWEST} releases with a cost, on two days or "
            f"more, by {as_of}; the table has {len(runs)}"
        )
    runs["basis"] = [_basis(text) for text in _optional(runs, "cost_basis", "")]
    runs["error_sd"] = _error_sd(runs)
    chosen, notes = _choose(runs, rules, ranked)
    at = np.concatenate([np.flatnonzero(keep) for keep in chosen.values()])
    rule = np.repeat(list(chosen), [int(keep.sum()) for keep in chosen.values()])
    picked = runs.iloc[at]
    data = xr.Dataset(
        {
            "value": ("obs", picked["training_cost_musd_mid"].to_numpy(float)),
            "error_sd": ("obs", picked["error_sd"].to_numpy(float)),
            "basis": ("obs", picked["basis"].to_numpy(int)),
            "years": ("obs", np.array([years_since_origin(d) for d in picked["release_date"]])),
        },
        coords={
            "rule": ("obs", rule.astype(str)),
            "release": ("obs", picked["model"].to_numpy(str)),
            "released": ("obs", picked["release_date"].to_numpy(str)),
        },
    )
    units = {"value": COST_UNIT, "error_sd": "log points", "years": "years"}
    return Panel("training_cost", as_of, data, units, notes=tuple(notes))


def _choose(
    runs: pd.DataFrame, rules: Sequence[str], ranked: bool
) -> tuple[dict[str, np.ndarray], list[str]]:
    """Return which rows each rule takes, and a sentence on each rule."""
    if not ranked:
        everything = np.ones(len(runs), dtype=bool)
        note = f"{rules[0]}: every row given ({len(runs)}), for there is no compute to rank by"
        return {rules[0]: everything}, [note]
    chosen: dict[str, np.ndarray] = {}
    notes = []
    for name in rules:
        text, rule = FRONTIER_RULES[name]
        keep = rule(runs)
        few = int(keep.sum()) < FEWEST or runs.loc[keep, "release_date"].nunique() < 2
        same = next((n for n, k in chosen.items() if np.array_equal(k, keep)), None)
        if few and not chosen:
            raise DataError(
                f"the rule {name!r} ({text}) leaves {int(keep.sum())} of {len(runs)} releases with "
                f"a cost; wanted at least {FEWEST}. Give their training_compute_flop, or leave that "
                "column out to take every row"
            )
        if few or same:
            why = f"the same as {same}" if same else "too few"
            notes.append(f"{name}: left out, {why} ({int(keep.sum())} releases)")
            continue
        chosen[name] = keep
        notes.append(f"{name}: {text}, {int(keep.sum())} releases")
    return chosen, notes


def _one_row_a_run(table: pd.DataFrame) -> pd.DataFrame:
    """Return one row a training run, in order of release.

    Later releases of one run repeat its cost and compute: of rows of one organisation with the
    same cost or, without a cost, the same compute, the first is kept.
    """
    runs = table.sort_values(["release_date", "model"], kind="stable").reset_index(drop=True)
    cost = runs["training_cost_musd_mid"]
    bad = cost.notna() & ~(cost > 0)
    if bad.any():
        raise DataError(
            f"a training cost must be above zero; got {one_line(cost[bad].tolist())} for "
            + one_line(runs.loc[bad, "model"].tolist())
        )
    if "organisation" not in runs:
        return runs
    named = runs["organisation"] != ""
    again = named & cost.notna() & runs.duplicated(["organisation", "training_cost_musd_mid"])
    if "training_compute_flop" in runs:
        flop = runs["training_compute_flop"]
        pairs = list(zip(runs["organisation"].tolist(), flop.tolist(), strict=True))
        costed = {pair for pair, known in zip(pairs, cost.notna().tolist(), strict=True) if known}
        own = [pair in costed for pair in pairs]
        twin = runs.duplicated(["organisation", "training_compute_flop"])
        again |= named & cost.isna() & flop.notna() & (twin | np.array(own, dtype=bool))
    return runs[~again].reset_index(drop=True)


def _optional(runs: pd.DataFrame, column: str, empty: object) -> list[object]:
    return list(runs[column]) if column in runs else [empty] * len(runs)


def _basis(text: object) -> int:
    """Return the basis that a cell names; an empty one is amortised."""
    said = str(text).strip().lower()
    if not said:
        return 0
    for name, words in _BASIS_WORDS.items():
        if any(word in said for word in words):
            return COST_BASES.index(name)
    raise DataError(
        f"got the cost_basis {text!r}; wanted words of one of {', '.join(COST_BASES)}, or nothing"
    )


def _error_sd(runs: pd.DataFrame) -> np.ndarray:
    """Return the log sd of each estimate from its 90 % range, NaN where none is given."""
    low, high = (
        np.array(_optional(runs, column, math.nan), dtype=float)
        for column in ("cost_low", "cost_high")
    )
    mid = runs["training_cost_musd_mid"].to_numpy(float)
    given = np.isfinite(low) & np.isfinite(high)
    wrong = given & ~((low > 0) & (low <= mid) & (mid <= high) & (low < high))
    if wrong.any():
        raise DataError(
            "cost_low, the cost and cost_high must be above zero and in this order; they are not "
            "for " + one_line(runs.loc[wrong, "model"].tolist())
        )
    sd = np.full(len(runs), math.nan)
    sd[given] = np.log(high[given] / low[given]) / (2 * Z90)
    return sd


PANEL = PanelSource(build=training_cost_panel, table="frontier_models", latest=("released",))
