"""Does the benchmark model foresee scores: fit to 2024, predict 2025; and each organisation left out.

The rivals are the scores of the last fitted year as they are, and a line through the scores against
date. CRPS in points, lower is better. The split by date was fixed before it was scored; the model
and its priors were written with all scores at hand.

    python benchmarks/benchmark_skill.py [--organisations 6] [--seed 1]
"""

from __future__ import annotations

import argparse

import numpy as np
import pandas as pd

import forecast as fc
from forecast.evaluation.left_out import predict_left_out
from forecast.models.benchmark.panel import BENCHMARKS

COLUMNS = ["crps", "crps_last", "crps_linear"]


def table(scores: pd.DataFrame) -> pd.DataFrame:
    inside = (scores["truth"] >= scores["low"]) & (scores["truth"] <= scores["high"])
    rows = []
    for name in [*BENCHMARKS, "all"]:
        chosen = scores if name == "all" else scores[scores["benchmark"] == name]
        if len(chosen):
            hit = inside[chosen.index].mean()
            rows.append([name, len(chosen), *chosen[COLUMNS].mean(), 100 * hit])
    columns = ["benchmark", "scores", "model", "last year", "line", "within 80 % band"]
    return pd.DataFrame(rows, columns=columns).round(2)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--organisations", type=int, default=6)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    panel = fc.build_panel(fc.as_of(fc.read_vintages(), "2026-05-06"), "benchmark")
    year = panel.data["year"].values
    seen = np.isin(panel.data["benchmark"].values, panel.data["benchmark"].values[year < 2025])
    asked = (year >= 2025) & (year < 2026) & seen
    later = predict_left_out(panel, year < 2025, asked, seed=args.seed)
    print("fit to 2024, predict 2025; mean CRPS, points")
    print(table(later).to_string(index=False))
    best = later.loc[later.groupby("benchmark")["truth"].idxmax()]
    print("\nthe best score of 2025 on each")
    shown = ["benchmark", "release", "truth", "low", "median", "high"]
    print(best[shown].round(1).to_string(index=False))
    who = panel.data["organisation"].values
    named, counts = np.unique(who[who != "not stated"], return_counts=True)
    for name in named[np.argsort(-counts, kind="stable")][: args.organisations]:
        out = predict_left_out(panel, who != name, who == name, seed=args.seed)
        print(f"\nwithout {name}; mean CRPS, points")
        print(table(out).to_string(index=False))


if __name__ == "__main__":
    main()
