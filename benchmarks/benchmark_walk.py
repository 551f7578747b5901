"""Does the benchmark model foresee the scores of releases to come: a walk over release dates.

At each of a row of days it is fitted to the releases before, and each score of the releases of the next
half-year is predicted once; benchmarks on which nothing is fitted yet are left out. The rival is a line
through the scores against date. CRPS in points, lower is better; of a band of 80 % it says how many in a
hundred scores it held, and of PIT the mean (0.5: neither too low nor too high).

    python benchmarks/benchmark_walk.py [--days 2024-07-01 ...] [--seed 1] [--csv scores.csv]

What had been seen when the form was chosen stands in benchmarks/README.md.
"""

from __future__ import annotations

import argparse
import datetime as dt

import numpy as np
import pandas as pd

import forecast as fc
from forecast.evaluation.left_out import predict_left_out

DAYS = ("2024-07-01", "2025-01-01", "2025-07-01", "2026-01-01")
AS_OF = "2026-05-06"
MONTHS = 6


def half_year_after(day: str) -> str:
    first = dt.date.fromisoformat(day)
    months = first.year * 12 + first.month - 1 + MONTHS
    return first.replace(year=months // 12, month=months % 12 + 1).isoformat()


def walk(days: list[str], seed: int) -> pd.DataFrame:
    panel = fc.build_panel(fc.as_of(fc.read_vintages(), AS_OF), "benchmark")
    released, on = panel.data["released"].values, panel.data["benchmark"].values
    found = []
    for day in days:
        keep = released < day
        ask = (released >= day) & (released < half_year_after(day)) & np.isin(on, on[keep])
        found.append(predict_left_out(panel, keep, ask, seed=seed).assign(day=day))
    return pd.concat(found, ignore_index=True)


def table(scores: pd.DataFrame, by: str) -> pd.DataFrame:
    held = 100 * ((scores["truth"] >= scores["low"]) & (scores["truth"] <= scores["high"]))
    told = scores.assign(held=held, every="all")
    rows = [told.groupby(group, sort=True) for group in (by, "every")]
    return pd.concat(
        [
            pd.DataFrame(
                {
                    "scores": group.size(),
                    "model": group["crps"].mean().round(2),
                    "line": group["crps_linear"].mean().round(2),
                    "within 80 %": group["held"].mean().round(0),
                    "mean PIT": group["pit"].mean().round(2),
                }
            )
            for group in rows
        ]
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--days", nargs="+", default=list(DAYS))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--csv", help="where to write each predicted score")
    args = parser.parse_args()
    scores = walk(args.days, args.seed)
    if args.csv:
        scores.to_csv(args.csv, index=False)
    print("by the day of the fit, the next half-year's releases")
    print(table(scores, "day").to_string())
    print("\nby benchmark")
    print(table(scores, "benchmark").to_string())
    print("\nby benchmark and day: CRPS of the model less that of the line")
    less = scores.assign(less=scores["crps"] - scores["crps_linear"])
    print(less.pivot_table(values="less", index="benchmark", columns="day").round(2).to_string())


if __name__ == "__main__":
    main()
