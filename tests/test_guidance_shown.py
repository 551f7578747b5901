"""Guidance where a reader sees it: marks on fans and their words."""

import dataclasses
import types

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from conftest import make_draws

from forecast import as_of, plots, read_vintages
from forecast.app.update import surprises
from forecast.models.base import Panel
from forecast.models.earnings import plots as own
from forecast.models.earnings.guidance import Guidance, Statement
from forecast.models.earnings.statements import against_guidance, open_said
from forecast.models.panels import build_panel
from forecast.report import change_memo
from forecast.report.sections import companies

QUARTERS = [f"{y}Q{q}" for y in (2025, 2026) for q in (1, 2, 3, 4)]
YEAR = Statement("A/capex", "capex", "2026", "2026Q1", 4, "range", 36.0, 32.0, 40.0,
                 "2026-02-01", 1.0, 0, 0.0)  # fmt: skip


@pytest.fixture(autouse=True)
def close():
    yield
    plt.close("all")


def draws():
    found = make_draws(np.full((2, 50, 1, 8), 7.0), names=("A/capex",), periods=QUARTERS,
                       model="earnings")  # fmt: skip
    found["observed"][:, :4] = 6.0
    return found


def lines(ax, name):
    """Return the segments of the collections of a name, as (x, y) of both ends."""
    found = [c for c in ax.collections if c.get_label() == name]
    return [segment for c in found for segment in c.get_segments()]


def test_a_year_is_a_box_over_its_quarters_at_their_average():
    marks = {"A": [own.mark_of(YEAR)]}
    (ax,) = own.company_fans(draws(), "capex", said=marks, log=False)
    levels = sorted(float(s[0][1]) for s in lines(ax, "guided"))
    assert levels == [8.0, 10.0]
    assert {(float(s[0][0]), float(s[1][0])) for s in lines(ax, "guided")} == {(2026.0, 2027.0)}
    assert "guided" in [t.get_text() for t in ax.texts]
    assert ax.get_ylim()[1] > 10  # it is within the figure


def test_a_quarter_is_a_bar_and_a_bound_has_a_caret():
    quarter = dataclasses.replace(
        YEAR, period="2026Q2", first="2026Q2", quarters=1, low=8.0, high=9.0
    )
    (ax,) = own.company_fans(draws(), "capex", said={"A": [own.mark_of(quarter)]}, log=False)
    ends = {tuple(np.round(s[:, 1], 6)) for s in lines(ax, "guided")}
    assert (8.0, 9.0) in ends
    floor = dataclasses.replace(quarter, kind="at least", low=8.0, high=8.0)
    ax = plots.fan(draws(), "capex", "A", said=[own.mark_of(floor)], log=False)
    assert "at least" in [line.get_label() for line in ax.lines]


def test_a_mark_is_in_the_series_own_definition_and_cut_to_what_is_drawn():
    leases = dataclasses.replace(YEAR, offset=float(np.log(0.5)))
    assert (own.mark_of(leases).low, own.mark_of(leases).high) == pytest.approx((4.0, 5.0))
    far = dataclasses.replace(YEAR, first="2030Q1", period="2030")
    ax = plots.fan(draws(), "capex", "A", said=[own.mark_of(far)])
    assert not lines(ax, "guided")


def test_what_stands_is_the_newest_of_each_period_that_is_not_over():
    panel = build_panel(as_of(read_vintages(), "2026-05-06"), "earnings")
    meta = open_said(panel, "META/capex")
    assert [(s.period, s.low, s.high) for s in meta] == [("2026", 125, 145)]
    later = dataclasses.replace(meta[0], about="capex", value=200.0, said_on="2026-05-01")
    alone = dataclasses.replace(meta[0], about="other", said_on="2026-05-02", offset=None)
    both = dataclasses.replace(panel, drawn=Guidance((*panel.drawn.statements, later, alone)))
    assert open_said(both, "META/capex") == (later,)
    assert open_said(dataclasses.replace(panel, drawn=None), "META/capex") == ()


# --- why below or above ----------------------------------------------------------------------
def panel_of(*said):
    data = xr.Dataset(
        {"value": ("obs", [5.0] * 4 + [6.0, 7.0])},
        coords={
            "series": ("obs", ["A/capex"] * 6),
            "quarter": ("obs", [*(f"2024Q{q}" for q in (1, 2, 3, 4)), "2025Q1", "2025Q4"]),
        },
    )
    return Panel("earnings", "2026-05-06", data, drawn=Guidance(said))


LAST = dataclasses.replace(YEAR, period="2024", first="2024Q1", value=16.0, said_on="2024-02-01")


def test_the_forecast_of_the_very_sum_is_held_against_what_was_said():
    found = draws()
    found["y"][:, :, 0, 4:] = 9.0
    found["y"][0, :, 0, 4:] = 9.0 + np.linspace(-1, 1, 50)[:, None]
    (one,) = against_guidance(panel_of(LAST, YEAR), found)
    assert (one.median, one.said, one.past) == (36.0, 36.0, pytest.approx((0.25,)))
    assert one.pace == 28.0  # the last reported quarter four times
    assert "at the guidance of 32 to 40 (2026-02-01)" in one.sentence
    assert "+25 % from the last statement before it (median, n = 1)" in one.sentence
    leases = dataclasses.replace(YEAR, offset=float(np.log(0.5)))
    (one,) = against_guidance(panel_of(leases), found)
    assert (one.median, one.pace) == pytest.approx((72.0, 56.0))
    assert "100 % above the guidance" in one.sentence
    assert "no record" in one.sentence


def test_a_bound_is_called_what_it_is_and_what_draws_do_not_cover_is_left_out():
    floor = dataclasses.replace(YEAR, kind="at least", value=40.0, low=40.0, high=40.0)
    (one,) = against_guidance(panel_of(floor), draws())
    assert "30 % below the floor of 40" in one.sentence
    far = dataclasses.replace(YEAR, period="2027", first="2027Q1")
    assert against_guidance(panel_of(far), draws()) == ()
    assert against_guidance(panel_of(), draws()) == ()


def test_companies_together_are_the_joint_sum_of_their_own_years():
    values = np.full((2, 50, 2, 8), 7.0)
    values[..., 0, :] += np.linspace(-1, 1, 50)[:, None]
    values[..., 1, :] -= np.linspace(-1, 1, 50)[:, None]  # what one gains the other loses
    found = make_draws(values, names=("A/capex", "B/capex"), periods=QUARTERS, model="earnings")
    other = dataclasses.replace(YEAR, series="B/capex")
    panel = panel_of(YEAR, other)
    both = panel.data.assign_coords(series=("obs", ["A/capex"] * 5 + ["B/capex"]))
    *_, total = against_guidance(dataclasses.replace(panel, data=both), found, together=("A", "B"))
    assert (total.name, total.said_low, total.said_high) == ("A and B together", 64.0, 80.0)
    assert (total.low, total.median, total.high) == pytest.approx((56.0, 56.0, 56.0))


def test_the_memo_prints_the_sentences_below_the_figures():
    (one,) = against_guidance(panel_of(YEAR), draws())
    report = types.SimpleNamespace(figures={"earnings": None}, guided=(one,))
    assert companies.build(report).sentences == (one.sentence,)
    assert companies.build(types.SimpleNamespace(figures={}, guided=())) is None


def test_a_change_memo_says_what_was_said_against_what_was_forecast():
    row = {"entity": "A", "metric": "capex_guidance", "period": "2026", "value": 36.0, "low": "32",
           "high": "40", "qualifier": "range", "unit": "USD bn", "reported_on": "2026-02-01",
           "jump": "", "percentile": 99.0, "percentile_text": "96 to 99.2 %"}  # fmt: skip
    revised = {
        **row,
        "old_value": 30.0,
        "old_qualifier": "range",
        "old_low": "28",
        "old_high": "32",
    }
    arrived = types.SimpleNamespace(new=pd.DataFrame([row]), revisions=pd.DataFrame([revised]))
    first, second = change_memo._arrivals(arrived)
    assert (first.value, first.was) == ("32 to 40 USD bn", "")
    assert (second.value, second.was) == ("32 to 40 USD bn", "28 to 32")
    said = change_memo._surprising(arrived)[0]
    assert said.said == "was said high, at 96 to 99.2 % of what was forecast (32 to 40 USD bn)"
    line = surprises(arrived)[1]
    assert "A capex_guidance 2026 32 to 40 USD bn (was 28 to 32), at 96 to 99.2 %" in line
