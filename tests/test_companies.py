"""Figures of companies beside each other: every mark against the numbers it stands for."""

import dataclasses

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from conftest import make_draws

from forecast import as_of, plots, read_vintages, report_calendar, reported_ratio
from forecast.core.errors import DataError, UnknownNameError
from forecast.models.earnings import plots as earnings_plots
from forecast.plots import style

QUARTERS = [f"{y}Q{q}" for y in (2025, 2026) for q in (1, 2, 3, 4)]


@pytest.fixture(autouse=True)
def close():
    yield
    plt.close("all")


def draws(names=("A/capex", "B/capex", "big_four/capex", "B/revenue"), seed=0):
    rng = np.random.default_rng(seed)
    paths = rng.uniform(5, 9, (2, 50, len(names), len(QUARTERS)))
    found = make_draws(paths, names=names, periods=QUARTERS, model="earnings")
    found["observed"][:, :5] = 6.0
    return found


def texts(ax):
    return [t.get_text().replace("\n", " ") for t in ax.texts]


def test_a_panel_a_company_with_its_last_interval():
    one = draws()
    axes = earnings_plots.company_fans(one, "capex", baseline=draws(("A/capex",), seed=1))
    assert len(axes) == 2
    low, high = np.quantile(one["y"].sel(series="A/capex", period="2026Q4"), [0.1, 0.9])
    assert axes[0].get_title(loc="left") == f"A: {low:.1f} to {high:.1f} in 2026Q4"
    assert "naive: earnings" in texts(axes[0])
    assert "naive: earnings" not in texts(axes[1])  # the rule had too little history
    assert {name for _, name, _ in style.BANDS} <= {p.get_label() for p in axes[1].patches}


def test_sums_are_shown_if_asked_for_and_axes_are_used():
    figure, axes = plots.small_multiples(2)
    shown = earnings_plots.company_fans(draws(), "capex", entities=["big_four", "B"], axes=axes)
    assert shown == axes
    assert shown[0].get_title(loc="left").startswith("big four: ")
    assert len(figure.axes) == 2
    with pytest.raises(DataError, match="got 1 axes for 2 companies"):
        earnings_plots.company_fans(draws(), "capex", axes=axes[:1])
    with pytest.raises(UnknownNameError, match="no company of the draws has the metric 'tea'"):
        earnings_plots.company_fans(draws(), "tea")
    with pytest.raises(UnknownNameError, match="no metric 'capex' of entity 'C'"):
        earnings_plots.company_fans(draws(), "capex", entities=["C"])


def ratio_table():
    rows = [("A", "2025Q4", 0.5), ("A", "2026Q1", 0.75), ("big_five", "2026Q1", 1.25)]
    return pd.DataFrame(rows, columns=["entity", "quarter", "ratio"])


def test_ratio_lines_end_in_their_last_value():
    ax = earnings_plots.ratio_history(
        ratio_table(), label="capex over cash", as_of="2026-05-06", bold="big_five", metric="capex"
    )
    lines = {line.get_label(): line for line in ax.lines if line.get_label()[0] != "_"}
    np.testing.assert_array_equal(lines["A"].get_ydata()[-2:], [0.5, 0.75])
    assert lines["big_five"].get_color() == plots.hue("capex")
    assert lines["A"].get_color() == plots.MUTED
    said = texts(ax)
    assert {"A 0.75", "big five 1.25", "data as of 2026-05-06"} <= set(said)
    assert any("dotted: one to one" in t for t in said)
    ticks = [t.get_text() for t in ax.get_xticklabels()]
    assert ticks == ["2025"]  # the one quarter of 2026 has no room for a name
    with pytest.raises(UnknownNameError, match="no ratio of 'C'; there are A, big_five"):
        earnings_plots.ratio_history(ratio_table(), label="x", as_of="2026-05-06", bold="C")


def test_the_calendar_shows_days_and_what_is_expected(known):
    calendar = report_calendar(known)
    ax = earnings_plots.calendar_grid(calendar, title="Who is out")
    said = texts(ax)
    assert [t for t in said if t.startswith("202")] == [
        "2025Q2", "2025Q3", "2025Q4", "2026Q1", "2026Q2",
    ]  # fmt: skip
    names = [t.get_text() for t in ax.get_yticklabels()]
    assert names == ["Amazon", "CoreWeave", "Alphabet", "Meta", "Microsoft", "NVIDIA", "Oracle"]
    marks = {(line.get_label(), line.get_ydata()[0]): line for line in ax.lines}
    assert sum(status == "missing" for status, _ in marks) == 2
    shown = calendar.rows[calendar.rows["quarter"] >= "2025Q2"]
    reported = (shown["status"] == "reported").sum()
    assert sum(line.get_label() == "reported" for line in ax.lines) == reported
    assert sum(t.startswith("expected ") for t in said) == len(shown) - reported
    out = shown[(shown["entity"] == "NVDA") & (shown["status"] == "missing")].iloc[0]
    assert out["expected_from"] == "2026-05-20"
    assert "20–27 May" in said
    assert any("not reported by 2026-05-06" in t for t in said)
    with pytest.raises(DataError, match="got no report calendar"):
        earnings_plots.calendar_grid(dataclasses.replace(calendar, rows=calendar.rows.iloc[:0]))


def test_a_late_company_says_since_when_it_is_overdue():
    known = as_of(read_vintages(), "2026-05-06")
    kept = known.with_rows(
        known.rows[(known.rows["entity"] == "MSFT") & (known.rows["period"] < "2026Q1")]
    )
    said = texts(earnings_plots.calendar_grid(report_calendar(kept)))
    first = said.index("overdue since")
    assert said[first + 1] == "30 Apr 2026"  # as late as any first quarter of the last four years


def test_reported_ratios_are_of_four_quarter_totals(known):
    found = reported_ratio(known, sums={"two": ("MSFT", "META"), "none": ("MSFT", "nobody")})
    assert "none" not in set(found["entity"])

    def total(entity, metric):
        rows = known.rows[(known.rows["entity"] == entity) & (known.rows["metric"] == metric)]
        return rows[rows["period"].between("2025Q2", "2026Q1")]["value"].sum()

    last = found[found["quarter"] == "2026Q1"].set_index("entity")["ratio"]
    cash = "operating_cash_flow"
    assert last["MSFT"] == pytest.approx(total("MSFT", "capex") / total("MSFT", cash))
    both = [total("MSFT", m) + total("META", m) for m in ("capex", cash)]
    assert last["two"] == pytest.approx(both[0] / both[1])
    assert found.groupby("entity")["quarter"].first()["MSFT"] == "2019Q4"
    with pytest.raises(DataError, match="wants capex and tea of four quarters"):
        reported_ratio(known, bottom="tea")


def test_a_ratio_leaves_out_gaps_and_losses(known):
    changed = known.rows.copy()
    mine = changed["entity"] == "MSFT"
    cash = changed["metric"] == "operating_cash_flow"
    changed.loc[mine & cash & (changed["period"] == "2020Q1"), "value"] = -1e6
    hole = mine & (changed["metric"] == "capex") & (changed["period"] == "2024Q1")
    cut = known.with_rows(changed[~hole])
    there = set(reported_ratio(cut)[lambda t: t["entity"] == "MSFT"]["quarter"])
    assert {"2020Q1", "2020Q4", "2024Q1", "2024Q4"}.isdisjoint(there)
    assert {"2019Q4", "2021Q1", "2023Q4", "2025Q1"} <= there


def test_companies_stand_under_their_names():
    (ax,) = earnings_plots.company_fans(draws(("AMZN/capex",)), "capex")
    assert ax.get_title(loc="left").startswith("Amazon: ")
