"""What a backtest of many series on many dates would take, measured on a few of both.

    python benchmarks/backtest_scale.py [--series 20 100] [--dates 2] [--size 750]

Made-up companies report capex each quarter for ten years. Printed are, of each number of series: the
processor seconds and the peak memory of the process up to then, the bytes of a task on its way to a
worker, and those of what comes back.
"""

from __future__ import annotations

import argparse
import pickle
import resource
import time

import numpy as np
import pandas as pd

from forecast.core.periods import quarter_name
from forecast.evaluation.backtesting import Design, _tasks, score_origin
from forecast.evaluation.hold_out import Sources
from forecast.tables.vintages import check_table

QUARTERS = 40
FIRST = 4 * 2014
COLUMNS = [
    "entity",
    "metric",
    "period",
    "value",
    "unit",
    "reported_on",
    "source",
    "confidence",
    "qualifier",
]


def made_up(series: int) -> pd.DataFrame:
    """Return quarterly capex of some companies, reported 30 days after each quarter."""
    rng, rows = np.random.default_rng(series), []
    for k in range(series):
        path = 1000 * np.exp(np.cumsum(0.03 + 0.1 * rng.normal(size=QUARTERS)))
        for t, value in enumerate(path):
            period = quarter_name(FIRST + t)
            day = pd.Period(period, freq="Q").end_time + pd.Timedelta(days=30)
            rows.append((f"company {k}", "capex", period, round(value, 1), "USD m",
                         day.date().isoformat(), "made up", "C", ""))  # fmt: skip
    return check_table(pd.DataFrame(rows, columns=COLUMNS))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--series", type=int, nargs="+", default=[20, 100])
    parser.add_argument("--dates", type=int, default=2)
    parser.add_argument("--size", type=int, default=750)
    args = parser.parse_args()
    for series in args.series:
        days = [f"{2022 - k}-02-14" for k in range(args.dates)]
        begun = time.process_time()
        design = Design("earnings", 1, 8, args.size, "")
        tasks, _ = _tasks(design, Sources(made_up(series)), days)
        print(f"{series} series: panels and truth {time.process_time() - begun:.1f} s", flush=True)
        for task in tasks:
            begun, sent = time.process_time(), len(pickle.dumps(task))
            found = score_origin(task)
            back = len(pickle.dumps(found))
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            passed = bool(found.row["passed"].iloc[0])
            print(
                f"  {task.panel.as_of}: {time.process_time() - begun:.1f} s of processor, "
                f"{len(found.cells)} cells, gate {passed}; task {sent / 1e3:.0f} kB, "
                f"result {back / 1e3:.0f} kB, peak memory {peak:.0f} MB",
                flush=True,
            )


if __name__ == "__main__":
    main()
