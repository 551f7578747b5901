"""Score the earnings model and the naive rules on quarters that were not known at the time.

    python benchmarks/earnings_skill.py [--first 2022Q2] [--last 2025Q4] [--csv FILE]

An origin is a quarter; its as_of is 45 days after the quarter's end. Horizons 1 to 8 count from the
origin. Scored are six companies' capex and revenue and their cloud segments, on the log scale, where
eight quarters were known; sums of capex and revenue apart. The truth is the newest vintage.
"""

from __future__ import annotations

import argparse
import datetime as dt
import time

import numpy as np
import pandas as pd

import forecast as fc
from forecast import score
from forecast.fitting import fit
from forecast.models import naive
from forecast.panels import CLOUD_METRICS, EARNINGS_UNIT, quarter_index, quarter_name
from forecast.schema import calendar_quarter, convert, period_days, period_end

SIX = ("MSFT", "GOOGL", "AMZN", "META", "ORCL", "NVDA")
SUMS = ("big_four", "big_five")
HORIZONS = range(1, 9)


def truths(table: pd.DataFrame) -> dict[tuple[str, str], float]:
    """Return every quarterly value by (series, calendar quarter), and the sums over companies."""
    newest = table.sort_values("reported_on").drop_duplicates(
        ["entity", "metric", "period"], keep="last"
    )
    found = {}
    for row in newest[newest["metric"].isin(["capex", "revenue", *CLOUD_METRICS])].itertuples():
        first, last = period_days(row.period)
        if 80 <= (last - first).days + 1 <= 100:
            value = convert(row.value, row.unit, EARNINGS_UNIT)
            found[f"{row.entity}/{row.metric}", calendar_quarter(row.period)] = value
    for name, members in (("big_four", SIX[:4]), ("big_five", SIX[:5])):
        for metric in ("capex", "revenue"):
            for quarter in {q for _, q in found}:
                parts = [found.get((f"{e}/{metric}", quarter)) for e in members]
                if None not in parts:
                    found[f"{name}/{metric}", quarter] = sum(parts)
    return found


def scored(draws, known: dict[str, int], truth, origin: int, what: str) -> list[dict]:
    rows = []
    for name in (str(s) for s in draws["series"].values):
        entity, metric = name.split("/")
        if entity not in (*SIX, *SUMS) or known.get(name, 8) < 8:
            continue
        for h in HORIZONS:
            quarter = quarter_name(origin + h)
            if (name, quarter) not in truth:
                continue
            y = np.log(draws["y"].sel(series=name, period=quarter))
            x = np.log(truth[name, quarter])
            pit = float((y < x).mean())
            rows.append(
                {
                    "forecast": what,
                    "group": metric if metric in ("capex", "revenue") else "cloud",
                    "series": name,
                    "origin": quarter_name(origin),
                    "h": h,
                    "crps": float(score.crps(y, x)),
                    "bias": float(y.mean() - x),
                    **{f"c{p}": abs(pit - 0.5) < p / 200 for p in (50, 80, 95)},
                }
            )
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--first", default="2022Q2")
    parser.add_argument("--last", default="2025Q4")
    parser.add_argument("--csv")
    args = parser.parse_args()
    table = fc.read_vintages()
    truth = truths(table)
    rows, gates = [], []
    for origin in range(quarter_index(args.first), quarter_index(args.last) + 1):
        as_of = period_end(quarter_name(origin)) + dt.timedelta(days=45)
        panel = fc.build_panel(fc.as_of(table, as_of.isoformat()), "earnings")
        known = pd.Series(panel.data["series"].values.astype(str)).value_counts().to_dict()
        start = time.perf_counter()
        run = fit("earnings", panel, seed=11, tune=500, progress=False)
        seconds = time.perf_counter() - start
        value = {c.name: c.value for c in run.gate.checks}
        gates.append({"origin": quarter_name(origin), "cells": panel.data.sizes["obs"],
                      "seconds": seconds, "passed": run.gate.passed, **value})  # fmt: skip
        print(gates[-1], flush=True)
        until = quarter_name(origin + max(HORIZONS))
        rows += scored(fc.forecast(run, until=until, seed=12), known, truth, origin, "model")
        for rule in naive.RULES:
            walk = naive.quarterly(panel, rule=rule, until=until, seed=13)
            rows += scored(walk, known, truth, origin, rule)
    found = pd.DataFrame(rows)
    if args.csv:
        found.to_csv(args.csv, index=False)
    companies = found[~found["series"].str.startswith("big_")]
    # Rules leave out what is too short for them: compare where all of them forecast.
    key = ["series", "origin", "h"]
    everywhere = companies.groupby(key)["forecast"].transform("nunique") == len(naive.RULES) + 1
    columns = ["crps", "c50", "c80", "c95", "bias"]
    shown = companies[everywhere].groupby(["group", "forecast"])[columns].mean()
    shown["n"] = companies[everywhere].groupby(["group", "forecast"]).size()
    print(shown.round(3).to_string())
    for title, part, by in (
        ("by company", companies[companies["forecast"] == "model"], "series"),
        ("by horizon", companies[companies["forecast"] == "model"], "h"),
        ("sums", found[found["series"].str.startswith("big_")], "series"),
    ):
        keys = ["group", by] if by == "h" else ["series", "forecast"] if title == "sums" else [by]
        print(f"\n{title}\n{part.groupby(keys)[columns].mean().round(3).to_string()}")
    checks = pd.DataFrame(gates)
    print(f"\nall gates passed: {bool(checks['passed'].all())}; worst R-hat "
          f"{checks['R-hat'].max():.4f}, bulk ESS {checks['bulk ESS'].min():.0f}, tail ESS "
          f"{checks['tail ESS'].min():.0f}, divergences {checks['divergences'].sum():.0f}, seconds "
          f"{checks['seconds'].median():.1f} median {checks['seconds'].max():.1f} most")  # fmt: skip


if __name__ == "__main__":
    main()
