"""A user's own quarterly table: odd calendars, mixed units, gaps, one metric only."""

import json

import numpy as np
import pandas as pd
import pytest

from forecast.app.pipeline import quantile_table
from forecast.cli import main
from forecast.inference.sampling import prior_draws
from forecast.models.panels import build_panel
from forecast.models.registry import get_model
from forecast.tables.vintages import as_of, check_table


def fiscal(last_month, count, *, upto):
    """Return fiscal quarters that end in `last_month` and every three months from it."""
    ends = pd.date_range(end=upto, periods=3 * count, freq="ME")
    ends = [end for end in ends if (end.month - last_month) % 3 == 0]
    return [
        (f"{(end - pd.offsets.MonthEnd(3) + pd.Timedelta(days=1)).date()}/{end.date()}", end)
        for end in ends
    ]


def own_table():
    """Three companies: capex only in USD m; May year, mixed units; January year, late and short."""
    rng = np.random.default_rng(0)
    rows = []

    def add(entity, metric, period, end, value, unit):
        day = (pd.Timestamp(end) + pd.Timedelta(days=30)).date().isoformat()
        rows.append((entity, metric, period, round(value, 4), unit, day, "own", "C", ""))

    for k, (period, end) in enumerate(fiscal(12, 20, upto="2025-12-31")):
        add("Plain", "capex", period, end, 900 * np.exp(0.05 * k + 0.1 * rng.normal()), "USD m")
    for k, (period, end) in enumerate(fiscal(5, 18, upto="2025-08-31")):
        for metric, level in (("capex", 1.0), ("revenue", 6.0)):
            value = level * np.exp(0.04 * k + 0.05 * rng.normal())
            unit, scale = ("USD m", 1000) if k % 2 else ("USD bn", 1)
            add("May", metric, period, end, scale * value, unit)
    for k, (period, end) in enumerate(fiscal(1, 6, upto="2026-01-31")):
        if k != 3:  # a hole
            add("Jan", "capex", period, end, 0.3 * np.exp(0.1 * k), "USD bn")
    columns = ["entity", "metric", "period", "value", "unit", "reported_on", "source",
               "confidence", "qualifier"]  # fmt: skip
    return pd.DataFrame(rows, columns=columns)


@pytest.fixture(scope="module")
def own():
    return check_table(own_table())


def test_the_panel_of_an_own_table(own):
    data = build_panel(as_of(own, "2026-03-31"), "earnings").data
    last = data["quarter"].to_series().groupby(data["series"].values).max().to_dict()
    assert last == {"Plain/capex": "2025Q4", "May/capex": "2025Q3", "May/revenue": "2025Q3",
                    "Jan/capex": "2025Q4"}  # fmt: skip
    # mixed units are one unit: no step of a thousand between neighbours
    may = data["value"].values[data["series"].values == "May/revenue"]
    assert np.abs(np.diff(np.log(may))).max() < 1


def test_forecasts_of_an_own_table(own):
    panel, model = build_panel(as_of(own, "2026-03-31"), "earnings"), get_model("earnings")
    parameters = prior_draws(model, panel, model.priors, size=200, seed=1)
    draws = model.draw(parameters, panel, model.priors, "2027Q4", np.random.default_rng(2))
    table = quantile_table([draws.assign_attrs(model="earnings", as_of="2026-03-31")])
    assert table["value"].notna().all()
    cells = table.drop_duplicates(["entity", "metric", "target_period"])
    assert len(table) == 43 * len(cells)
    first = cells[cells["horizon"] == 1].set_index(["entity", "metric"])["target_period"].to_dict()
    assert first["Plain", "capex"] == first["Plain", "capex_4q"] == "2026Q1"
    assert first["May", "capex"] == first["May", "capex_to_revenue"] == "2025Q4"
    assert first["Jan", "capex"] == first["Jan", "capex_4q"] == "2026Q1"
    assert ("Plain", "capex_to_revenue") not in first  # it reports no revenue
    assert set(cells[cells["metric"] == "capex"].groupby("entity")["target_period"].max()) == {
        "2027Q4",
    }  # fmt: skip


@pytest.mark.slow
def test_a_real_fit_of_an_own_table_passes_its_gate(own, tmp_path, capsys):
    path = tmp_path / "own.csv"
    own.to_csv(path, index=False)
    assert main.main(["fit", "earnings", "--data", str(path), "--json"]) == 0
    content = json.loads(capsys.readouterr().out)
    assert content["gate"]["passed"] is True
    shown = {row["parameter"] for row in content["summary"]}
    assert {"growth_now[Plain/capex]", "growth_now[May/revenue]"} <= shown
