"""Score the usual automatic rules on the cells of `earnings_skill.py`, in one table.

    pip install statsforecast
    python benchmarks/earnings_skill.py --csv cells.csv
    python benchmarks/earnings_others.py cells.csv

The rules are those of statsforecast 2 with their default settings and a season of four quarters, on
the logarithms of what was known at each date, gaps filled by straight lines. Their quantiles at 23
levels give CRPS and coverage. Only cells that every rule and the
model forecast are counted.
"""

from __future__ import annotations

import argparse
import warnings

import numpy as np
import pandas as pd
from earnings_skill import LAG, SHOWN, chosen
from statsforecast.models import AutoARIMA, AutoCES, AutoETS, AutoTheta, RandomWalkWithDrift

import forecast as fc
from forecast.core.periods import quarter_index
from forecast.evaluation.score import crps_of_quantiles
from forecast.evaluation.skill import number_scores

SEASON = 4
RULES = {
    "CES": lambda: AutoCES(SEASON),
    "AutoETS": lambda: AutoETS(SEASON),
    "AutoTheta": lambda: AutoTheta(SEASON),
    "AutoARIMA": lambda: AutoARIMA(season_length=SEASON),
    "drift (statsforecast)": lambda: RandomWalkWithDrift(),
}
WIDTHS = [10, 20, 30, 40, 50, 60, 70, 80, 90, 95, 98]
LEVELS = np.array([*(0.5 - np.array(WIDTHS[::-1]) / 200), 0.5, *(0.5 + np.array(WIDTHS) / 200)])


def history(known: pd.DataFrame, name: str) -> tuple[int, np.ndarray]:
    """Return a series' first quarter and its logarithms, gaps filled."""
    mine = known[known["series"] == name].set_index("t")["value"].sort_index()
    full = np.log(mine).reindex(range(mine.index[0], mine.index[-1] + 1)).interpolate()
    return int(full.index[0]), full.to_numpy()


def quantiles(rule: str, y: np.ndarray, ahead: int) -> np.ndarray:
    """Return the quantiles of a rule, shape (level, step)."""
    found = RULES[rule]().forecast(y=y, h=ahead, level=WIDTHS)
    low = [found[f"lo-{w}"] for w in WIDTHS[::-1]]
    return np.array([*low, found["mean"], *(found[f"hi-{w}"] for w in WIDTHS)], dtype=float)


def score(table: pd.DataFrame, cells: pd.DataFrame) -> pd.DataFrame:
    """Return one row a rule and cell."""
    rows = []
    for (day, name), wanted in cells.groupby(["as_of", "series"]):
        data = fc.build_panel(fc.as_of(table, day), "earnings").data
        known = data["value"].to_series().rename("value").to_frame().reset_index(drop=True)
        known["series"] = data["series"].values.astype(str)
        known["t"] = [quarter_index(q) for q in data["quarter"].values.astype(str)]
        first, y = history(known, name)
        last = first + len(y) - 1
        ahead = max(quarter_index(q) for q in wanted["target_period"]) - last
        for rule in RULES:
            q = quantiles(rule, y, ahead)
            for row in wanted.itertuples():
                at, came = q[:, quarter_index(row.target_period) - last - 1], np.log(row.truth)
                inside = {
                    f"c{w}": at[LEVELS.searchsorted(0.5 - w / 200 - 1e-9)] <= came
                    <= at[LEVELS.searchsorted(0.5 + w / 200 - 1e-9)] for w in (50, 80, 95)
                }  # fmt: skip
                rows.append((rule, day, name, row.target_period,
                             crps_of_quantiles(LEVELS, at, came), *inside.values()))  # fmt: skip
    columns = ["forecast", "as_of", "series", "target_period", "crps", "c50", "c80", "c95"]
    return pd.DataFrame(rows, columns=columns)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cells", help="the file that earnings_skill.py wrote")
    args = parser.parse_args()
    warnings.filterwarnings("ignore")
    table = fc.read_vintages()
    ours = chosen(pd.read_csv(args.cells), table)
    groups = ours[["series", "group"]].drop_duplicates()
    theirs = score(table, ours[ours["forecast"] == "model"]).merge(groups, on="series")
    both = pd.concat([ours, theirs], ignore_index=True)
    shown = number_scores(both.assign(scale="log", unit=""), ["group"], seed=11)
    print(f"as_of {LAG} days after the quarter's end")
    print(shown[SHOWN].round(3).to_string(index=False))
    both["company"] = both["series"].str.split("/").str[0]
    by = both.pivot_table(index=["group", "company"], columns="forecast", values="crps")
    print(f"\nCRPS by company\n{by.round(3).to_string()}")


if __name__ == "__main__":
    main()
