"""Score the earnings model and the naive rules on quarters that were not known at the time.

    python benchmarks/earnings_skill.py [--first 2022Q2] [--last 2025Q4] [--workers N] [--csv FILE]

An origin is a quarter; its as_of is 45 days after the quarter's end. Horizons 1 to 8 count from the
origin. Scored are six companies' capex and revenue and their cloud segments, on the log scale, where
eight quarters were known; sums of capex and revenue apart. The truth is the newest vintage.
"""

from __future__ import annotations

import argparse
import logging
import sys

import pandas as pd

import forecast as fc
from forecast.core.periods import period_end, quarter_index
from forecast.evaluation.skill import number_scores
from forecast.models.earnings.panel import ENOUGH_QUARTERS

SIX = ("MSFT", "GOOGL", "AMZN", "META", "ORCL", "NVDA")
LAG = 45
SHOWN = [
    "group", "forecast", "n", "crps", "c50", "c80", "c95", "behind", "behind_low", "behind_high",
    "skill", "better",
]  # fmt: skip


def day_after(quarter: str) -> str:
    return (pd.Timestamp(period_end(quarter)) + pd.Timedelta(days=LAG)).date().isoformat()


def origin_of(as_of: str) -> int:
    day = pd.Timestamp(as_of) - pd.Timedelta(days=LAG)
    return quarter_index(f"{day.year}Q{day.quarter}")


def long_enough(table: pd.DataFrame, days: list[str]) -> set[tuple[str, str]]:
    """Return the pairs of date and series of which eight quarters were known."""
    found = set()
    for day in days:
        panel = fc.build_panel(fc.as_of(table, day), "earnings").data
        counts = pd.Series(panel["series"].values.astype(str)).value_counts()
        found |= {(day, name) for name in counts.index[counts >= ENOUGH_QUARTERS]}
    return found


def ahead(cells: pd.DataFrame) -> pd.DataFrame:
    """Return the cells one to eight quarters after their origin, with that horizon as `h`."""
    h = [
        quarter_index(q) - origin_of(day)
        for q, day in zip(cells["target_period"], cells["as_of"], strict=True)
    ]
    cells = cells.assign(h=h)
    return cells[cells["h"].between(1, 8)]


def chosen(cells: pd.DataFrame, table: pd.DataFrame) -> pd.DataFrame:
    """Return the cells of the six companies that are scored, with horizon and group."""
    cells = ahead(cells)
    enough = long_enough(table, sorted(cells["as_of"].unique()))
    metric = cells["metric"]
    cells = cells.assign(group=metric.where(metric.isin(["capex", "revenue"]), "cloud"))
    kept = [pair in enough for pair in zip(cells["as_of"], cells["series"], strict=True)]
    cells = cells[kept]
    six = cells["series"].str.split("/").str[0].isin(SIX)
    return cells[six & ~cells["metric"].str.contains("_to_")]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--first", default="2022Q2")
    parser.add_argument("--last", default="2025Q4")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--csv")
    args = parser.parse_args()
    logging.basicConfig(format="%(message)s", stream=sys.stdout)
    logging.getLogger("forecast").setLevel("INFO")
    table = fc.read_vintages()
    days = fc.origins(day_after(args.first), day_after(args.last), LAG)
    found = fc.backtest("earnings", table, days, seed=11, horizon=12, workers=args.workers)
    if args.csv:
        found.cells.to_csv(args.csv, index=False)
    companies = chosen(found.cells, table)
    shown = number_scores(companies, ["group"], seed=11)
    print(shown[SHOWN].round(3).to_string(index=False))
    ours = companies[companies["forecast"] == "model"]
    columns = ["crps", "c50", "c80", "c95"]
    for by in (["series"], ["group", "h"]):
        print(f"\nmodel by {by[-1]}\n{ours.groupby(by)[columns].mean().round(3).to_string()}")
    cells = ahead(found.cells)
    entity = cells["series"].str.split("/").str[0]
    money = cells["metric"].isin(["capex", "revenue"])
    sums = cells[entity.isin(["big_four", "big_five"]) & money]
    wide = sums.pivot_table(index="series", columns="forecast", values="crps").round(3)
    print(f"\nsums, CRPS\n{wide.to_string()}")
    checks = found.origins
    print(
        f"\nall gates passed: {bool(checks['passed'].all())}; worst R-hat "
        f"{checks['R-hat'].max():.4f}, bulk ESS {checks['bulk ESS'].min():.0f}, tail ESS "
        f"{checks['tail ESS'].min():.0f}, divergences {checks['divergences'].sum():.0f}"
    )


if __name__ == "__main__":
    main()
