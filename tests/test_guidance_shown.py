"""Guidance where a reader sees it: marks on fans and their words."""

import dataclasses

import matplotlib.pyplot as plt
import numpy as np
import pytest
from conftest import make_draws

from forecast import as_of, plots, read_vintages
from forecast.models.earnings import plots as own
from forecast.models.earnings.guidance import Guidance, Statement
from forecast.models.earnings.statements import open_said
from forecast.models.panels import build_panel

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
