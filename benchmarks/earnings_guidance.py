"""Score the earnings model with and without what issuers have said, and with and without turns.

    python benchmarks/earnings_guidance.py [--first 2022Q2] [--last 2025Q4] [--csv FILE]

One fit a date, 45 days after a quarter's end; the draws alone differ. Horizons 1 to 8 count from each
series' own last reported quarter, those of sums from the last quarter that all five have reported.
Scored is the CRPS of all draws on the log scale, with coverage and the mean of the PIT; the truth is the
newest vintage. Then falls: was the chance of a tenth less capex over four quarters, within eight
quarters, higher where one came?
"""

from __future__ import annotations

import argparse
import dataclasses
import math
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import xarray as xr

import forecast as fc
from forecast.core.periods import period_end, quarter_index, quarter_name
from forecast.core.words import entity_of, metric_of
from forecast.models.earnings.guidance import Guidance
from forecast.models.earnings.model import Priors, draw
from forecast.tables.vintages import newest_day

if TYPE_CHECKING:
    from forecast.inference.fitting import Run
    from forecast.models.base import Panel

SIX = ("MSFT", "GOOGL", "AMZN", "META", "ORCL", "NVDA")
FIVE = SIX[:5]
LAG, AHEAD, FALL = 45, 8, 0.1
BUST = Priors().bust
STILL = Priors(bust=dataclasses.replace(BUST, hazard=1e-9, tail=1e9))
KINDS = {
    "neither": (STILL, False),
    "statements": (STILL, True),
    "statements and a shared scale": (Priors(bust=dataclasses.replace(BUST, hazard=1e-9)), True),
    "all: also turns": (Priors(), True),
}


def drawn(run: Run, kind: str, seed: int) -> xr.Dataset:
    """Return draws of one kind, far enough for every series."""
    priors, told = KINDS[kind]
    panel = run.panel if told else dataclasses.replace(run.panel, drawn=Guidance())
    last = max(quarter_index(str(q)) for q in panel.data["quarter"].values)
    until = quarter_name(last + AHEAD + 1)
    return draw(run.posterior, panel, priors, until, np.random.default_rng(seed))


def values_of(panel: Panel) -> dict[str, dict[int, float]]:
    """Return the reported values of each series by quarter, with the sums over the five companies."""
    found: dict[str, dict[int, float]] = {}
    for row in panel.frame().itertuples():
        found.setdefault(row.series, {})[quarter_index(row.quarter)] = row.value
    for metric in ("capex", "revenue"):
        own = [found[f"{entity}/{metric}"] for entity in FIVE]
        both = set.intersection(*map(set, own))
        found[f"big_five/{metric}"] = {q: sum(one[q] for one in own) for q in both}
    return found


def crps(draws: np.ndarray, truth: float) -> float:
    x, n = np.sort(draws), len(draws)
    return float(np.abs(x - truth).mean() - ((2 * np.arange(1, n + 1) - n - 1) @ x) / n**2)


def cells_of(
    draws: xr.Dataset, known: dict[str, dict[int, float]], truth: dict[str, dict[int, float]]
) -> list[dict[str, object]]:
    periods = [quarter_index(str(p)) for p in draws["period"].values]
    rows: list[dict[str, object]] = []
    for series, own in known.items():
        entity, metric = entity_of(series), metric_of(series)
        if entity not in (*SIX, "big_five") or len(own) < AHEAD:
            continue
        y = draws["y"].sel(series=series).values.reshape(-1, len(periods))
        for h in range(1, AHEAD + 1):
            q = max(own) + h
            if q not in truth[series]:
                continue
            x, t = np.log(y[:, periods.index(q)]), math.log(truth[series][q])
            pit = float((x < t).mean())
            group = metric if metric in ("capex", "revenue") else "cloud"
            rows.append({
                "group": f"{group}, sum of five" if entity == "big_five" else group,
                "entity": entity, "h": h, "crps": crps(x, t), "pit": pit,
                **{f"c{c}": abs(pit - 0.5) < c / 200 for c in (50, 80, 95)},
            })  # fmt: skip
    return rows


def deepest(path: np.ndarray) -> np.ndarray:
    """Return the deepest fall of four-quarter totals below their peak so far, quarters last."""
    total = np.lib.stride_tricks.sliding_window_view(path, 4, axis=-1).sum(axis=-1)
    return np.asarray((1 - total / np.maximum.accumulate(total, axis=-1)).max(axis=-1))


def falls_of(
    draws: xr.Dataset, known: dict[str, dict[int, float]], truth: dict[str, dict[int, float]]
) -> list[dict[str, object]]:
    periods = [quarter_index(str(p)) for p in draws["period"].values]
    rows: list[dict[str, object]] = []
    for entity in (*SIX, "big_five"):
        own, came = known[f"{entity}/capex"], truth[f"{entity}/capex"]
        window = range(max(own) - 3, max(own) + AHEAD + 1)
        at = [periods.index(q) for q in window]
        y = draws["y"].sel(series=f"{entity}/capex").values.reshape(-1, len(periods))[:, at]
        whole = all(q in came for q in window)
        fell = float(deepest(np.array([came[q] for q in window])) >= FALL) if whole else math.nan
        rows.append({"entity": entity, "said": float((deepest(y) >= FALL).mean()), "fell": fell})
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--first", default="2022Q2")
    parser.add_argument("--last", default="2025Q4")
    parser.add_argument("--csv")
    args = parser.parse_args()
    table = fc.read_vintages()
    truth = values_of(fc.build_panel(fc.as_of(table, newest_day(table)), "earnings"))
    cells: list[dict[str, object]] = []
    falls: list[dict[str, object]] = []
    for q in range(quarter_index(args.first), quarter_index(args.last) + 1):
        end = pd.Timestamp(period_end(quarter_name(q)))
        day = (end + pd.Timedelta(days=LAG)).date().isoformat()
        run = fc.fit("earnings", fc.build_panel(fc.as_of(table, day), "earnings"), seed=11)
        known = values_of(run.panel)
        for kind in KINDS:
            draws, base = drawn(run, kind, 5), {"as_of": day, "draws": kind}
            cells += [{**base, **row} for row in cells_of(draws, known, truth)]
            falls += [{**base, **row} for row in falls_of(draws, known, truth)]
        print(day, "gate passed" if run.gate.passed else "GATE FAILED", flush=True)
    found, fell = pd.DataFrame(cells), pd.DataFrame(falls)
    if args.csv:
        found.to_csv(args.csv, index=False)
    columns = ["crps", "c50", "c80", "c95", "pit"]
    told = found.groupby(["group", "draws"], sort=False)[columns].mean().round(4)
    print(told.assign(n=found.groupby(["group", "draws"], sort=False).size()).to_string())
    by_day = found.pivot_table(index="as_of", columns=["group", "draws"], values="crps")
    print(
        "\nCRPS less that of neither, mean and standard error by date, dates on which it was lower"
    )
    for group, kind in by_day.columns:
        gap = by_day[group, kind] - by_day[group, "neither"]
        if kind != "neither":
            error = gap.std() / math.sqrt(len(gap))
            print(
                f"{group}, {kind}: {gap.mean():.4f} ({error:.4f}), {(gap < 0).sum()} of {len(gap)}"
            )
    for by in ("h", "entity"):
        wide = found.pivot_table(index=by, columns=["group", "draws"], values="crps")
        print(f"\nCRPS by {by}\n{wide.round(3).to_string()}")
    whole = fell.dropna(subset="fell")
    six = whole[whole["entity"] != "big_five"].assign(
        brier=lambda rows: (rows["said"] - rows["fell"]) ** 2
    )
    print(f"\nfalls of a tenth within {AHEAD} quarters, companies")
    print(six.groupby("draws", sort=False)[["said", "fell", "brier"]].mean().round(3).to_string())
    rate = six["fell"].mean()
    print(f"climatology {rate * (1 - rate):.3f}, {len(six) // len(KINDS)} windows that overlap")
    five = fell[fell["entity"] == "big_five"]
    print("\nthe same of the sum of five, by date")
    print(five.pivot_table(index="as_of", columns="draws", values="said").round(3).to_string())


if __name__ == "__main__":
    main()
