"""How well an index's own returns tell its falls: forecasts from past days against what came.

At the end of every other year the returns known by then are fitted alone, the falls within 24 months
are forecast, and the Brier scores are set beside those of the share of the index's earlier windows that
fell so far. No two windows overlap. Run it with ``python benchmarks/first_passage.py``.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pymc as pm

from forecast.core.draws import sample_first
from forecast.inference.gate import inspect_run
from forecast.inference.sampling import sample_model
from forecast.inference.spec import Spec
from forecast.models import common
from forecast.models.base import Panel
from forecast.models.hazard import returns
from forecast.models.hazard.model import RETURNS_REPORT, Priors
from forecast.models.hazard.panel import FALLS, index_returns, month_end_rates
from forecast.models.hazard.room import MODEL
from forecast.tables.shipped import read_reference_table

INDICES = ("Nasdaq-100", "PHLX semiconductor index")
YEARS = range(1998, 2024, 2)
AHEAD = 24


def returns_alone(panel: Panel, priors: Priors) -> pm.Model:
    """Return the model of the panel's indices without that of run-ups."""
    with pm.Model(coords={"index": panel.data["index"].values.astype(str)}) as model:
        returns.block(panel.data["log_return"].values, common.prior_data(priors))
    return model


def forecasts(year: int, table: pd.DataFrame) -> list[dict[str, object]]:
    """Return each index's chance of each fall in the 24 months after a year, and what came."""
    day = f"{year}-12-31"
    data = index_returns(table, day, INDICES)
    panel = Panel("hazard", day, data)
    entry = dataclasses.replace(MODEL, build=returns_alone, report=RETURNS_REPORT, optional=())
    spec = Spec(
        "hazard", "default", {}, year, 500, 1000, 4, entry.target_accept, "", day, "", "", {},
        entry.adaptation, entry.max_depth,
    )  # fmt: skip
    tree = sample_model(entry, panel, Priors(), spec)
    posterior, steps = tree["posterior"].to_dataset(), tree["sample_stats"].to_dataset()
    gate = inspect_run(posterior, steps, names=RETURNS_REPORT, shape=(4, 500), prior_misses=[])
    if not gate.passed:
        raise SystemExit(f"{day}: {[str(one) for one in gate.failures]}")
    known, rng = data["log_return"].values, np.random.default_rng(year)
    names = [str(name) for name in data["index"].values]
    _, chance = returns.first_falls(posterior, known, np.zeros(len(names), int), AHEAD, rng)
    assert len(chance) == len(sample_first(posterior, "drift"))
    rows: list[dict[str, object]] = []
    for k, name in enumerate(names):
        own = table[table["series"] == name].sort_values("month")
        came = own[own["month"] > day[:7]]["log_return"].to_numpy()[:AHEAD]
        level = np.concatenate([[0.0], np.cumsum(came)])
        depth = float((1 - np.exp(level - np.maximum.accumulate(level))).max())
        before = known[np.isfinite(known[:, k]), k]
        base = month_end_rates(before, AHEAD) if len(before) > 2 * AHEAD else [np.nan] * 3
        blocks = len(before) // AHEAD
        for j, fall in enumerate(FALLS):
            rows.append(
                {"index": name, "year": year, "fall": fall, "model": chance[:, k, j, -1].mean(),
                 "base": (base[j] * blocks + 0.5) / (blocks + 1), "came": depth >= fall / 100}
            )  # fmt: skip
    return rows


def main() -> None:
    """Print the scores."""
    table = read_reference_table("index_returns_monthly")
    found = pd.DataFrame([row for year in YEARS for row in forecasts(year, table)])
    found = found[np.isfinite(found["base"])].astype({"came": float})
    for name in ("model", "base"):
        found[f"brier_{name}"] = (found[name] - found["came"]) ** 2
    columns = ["model", "base", "came", "brier_model", "brier_base"]
    by = found.groupby(["index", "fall"])[columns].mean()
    print(by.assign(n=found.groupby(["index", "fall"]).size()).round(3).to_string())
    print(found[["brier_model", "brier_base"]].mean().round(4).to_string())
    print(
        found.pivot(index=["index", "year"], columns="fall", values=["model", "base", "came"])
        .round(2)
        .to_string()
    )


if __name__ == "__main__":
    main()
