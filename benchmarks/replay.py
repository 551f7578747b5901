"""Replay every reporting day through ``forecast update`` and compare with one fit on all the data.

    python benchmarks/replay.py [--first 2025-01-01] [--last 2026-05-06]

Only the earnings model, with the draws of ``--quick``. Printed for each day: rows, seconds, whether the
gate passed, whether the pieces of the change add up, and the largest piece of Monte-Carlo noise in its
own errors. At the end: whether data, verdicts and draws are those of a run that saw all at once.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

import forecast as fc
from forecast.news.stored import read_run
from forecast.tables.desk.user_file import read_user_table
from forecast.tables.shipped import data_dir

MODELS = ["earnings"]


def write(rows: pd.DataFrame, path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    rows.to_csv(path, index=False, lineterminator="\n")
    return path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--first", default="2025-01-01")
    parser.add_argument("--last", default="2026-05-06")
    args = parser.parse_args()
    table = pd.read_csv(data_dir() / "earnings.csv", dtype=str, keep_default_na=False)
    table = table[table["reported_on"] <= args.last]
    early = table["reported_on"] < args.first
    with tempfile.TemporaryDirectory() as place:
        walked, whole = Path(place) / "walked", Path(place) / "whole"
        write(table[early], walked / "data" / "vintages" / "earnings.csv")
        write(table, whole / "data" / "vintages" / "earnings.csv")
        given = {"quick": True, "models": MODELS}
        fc.run_all(walked / "out", data=walked / "data", **given)
        for day, rows in table[~early].groupby("reported_on"):
            new = read_user_table(write(rows, Path(place) / "new" / f"{day}.csv")).rows
            start = time.perf_counter()
            done = fc.update_run(
                walked / "out", new, data=walked / "data", accept_implausible=True, **given
            )
            seconds = time.perf_counter() - start
            said = "no change to split"
            if done.change is not None and done.change.splits:
                (split,) = done.change.splits
                off = np.abs(split.change.sum(axis=0) - (split.after - split.before)).max()
                noise = np.abs(split.change[-1]) / np.maximum(split.error[-1], 1e-9)
                said = f"sums off by {off:.0e}, noise at most {noise.max():.1f} errors"
            passed = "passed" if not done.outcome.draft else f"FAILED {done.outcome.draft}"
            print(
                f"{day}: {done.appended} rows, {seconds:.0f} s, gate {passed}, {said}", flush=True
            )
        fc.run_all(whole / "out", data=whole / "data", **given)
        one, other = (read_run(base / "out" / "latest") for base in (walked, whole))
        same = one.manifest["data_hash"] == other.manifest["data_hash"]
        judged = one.verdicts.records() == other.verdicts.records()
        (run, draws), (again, drawn) = one.fitted("earnings"), other.fitted("earnings")
        xr.testing.assert_equal(run.posterior, again.posterior)  # attributes say when it was made
        xr.testing.assert_equal(draws, drawn)
        print(f"same data: {same}; same verdicts: {judged}; the draws are the same, bit for bit")


if __name__ == "__main__":
    main()
