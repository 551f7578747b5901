"""What a statement moved: a step of its own, without a fit."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from test_news import days, followed, parameters, run_of

from forecast.inference.predict import forecast
from forecast.models.earnings.guidance import Guidance, Statement
from forecast.models.earnings.statements import said_text, span_text, steps_between
from forecast.models.panels import build_panel
from forecast.news import explain as explained
from forecast.news.explain import explain
from forecast.tables.shipped import read_vintages
from forecast.tables.vintages import Known, as_of

__all__ = ["days", "parameters", "run_of"]

ONE = Statement("META/capex", "capex", "2026", "2026Q1", 4, "range", 135.0, 125.0, 145.0,
                "2026-01-28", 1.0, 0, 0.0)  # fmt: skip
OTHER = dataclasses.replace(ONE, series="MSFT/revenue", about="revenue", period="2026Q2",
                            first="2026Q2", quarters=1, said_on="2026-01-29")  # fmt: skip


def labels(before, after):
    return [(s.kind, s.label) for s in steps_between(Guidance(before), Guidance(after))]


def test_each_statement_is_a_step_by_what_became_of_it():
    up = dataclasses.replace(ONE, value=145.0, low=140.0, high=150.0, said_on="2026-04-29")
    assert labels((), (ONE,)) == [("new guidance", "META capex guided for 2026: 125 to 145")]
    assert labels((ONE,), (up,)) == [
        ("revised guidance", "META capex guided for 2026: 125 to 145 → 140 to 150")
    ]
    assert labels((ONE,), ()) == [
        ("withdrawn guidance", "META capex guided for 2026, was 125 to 145")
    ]
    assert labels((ONE, OTHER), (OTHER, ONE)) == []
    assert steps_between(None, None) == ()


def test_what_is_only_worth_something_else_by_now_is_one_step():
    moved = [dataclasses.replace(one, offset=0.1) for one in (ONE, OTHER)]
    (step,) = steps_between(Guidance((ONE, OTHER)), Guidance(tuple(moved)))
    assert (step.kind, step.entity, step.day) == ("guidance", "", "")
    assert step.taken(Guidance((ONE, OTHER))) == Guidance(tuple(moved))


def test_all_steps_lead_to_the_later_record_in_any_order():
    table = read_vintages()
    old, new = (
        build_panel(as_of(table, day), "earnings").drawn for day in ("2025-07-01", "2026-05-06")
    )
    steps = steps_between(old, new)
    assert len(steps) > 30
    for order in (steps, steps[::-1]):
        record = old
        for step in order:
            record = step.taken(record)
        assert record == new


def test_a_fiscal_year_is_told_by_its_quarters():
    fiscal = dataclasses.replace(ONE, period="2025-07-01/2026-06-30", first="2025Q3")
    assert span_text(fiscal) == "2025Q3–2026Q2"
    assert (
        said_text(dataclasses.replace(ONE, kind="at least", low=135.0, high=135.0))
        == "at least 135"
    )


@pytest.fixture
def told(days, run_of):
    """Return runs of one panel before and after META said more for 2026, and their draws."""
    known, (panel, _) = days
    runs = [
        run_of(dataclasses.replace(panel, drawn=Guidance(said)))
        for said in ((), (dataclasses.replace(ONE, value=250.0, low=245.0, high=255.0),))
    ]
    return known[0], runs, tuple(forecast(run, seed=2) for run in runs)


def test_a_statement_alone_moves_a_probability_and_fits_nothing(told, monkeypatch):
    known, runs, draws = told

    def fits(*_):
        raise AssertionError("a statement refits nothing")

    monkeypatch.setattr(explained, "fit_spec", fits)
    monkeypatch.setattr("forecast.news.reweight.fit_spec", fits)
    year = draws[0]["y"].sel(series="META/capex", period="2026Q4")
    split = explain(*runs, known, followed(float(year.median())), draws, seed=3, size=10**6)
    assert [piece.kind for piece in split.pieces] == ["new guidance", "noise"]
    assert split.pieces[0].report == "META 2026-01-28"
    assert split.refits == 0
    assert split.change[0, 1] > 0
    # The same draws and weights: nothing but the random numbers of the two ways of drawing is left.
    np.testing.assert_allclose(split.change.sum(axis=0), split.after - split.before, atol=1e-9)
    assert "META capex guided for 2026: 245 to 255" in split.frame("sum")["piece"].tolist()


def test_a_statement_that_goes_takes_back_what_it_moved(told):
    known, runs, draws = told
    there = explain(*runs, known, followed(120), draws, seed=3, size=10**6)
    back = explain(*runs[::-1], known, followed(120), draws[::-1], seed=3, size=10**6)
    assert back.pieces[0].kind == "withdrawn guidance"
    np.testing.assert_allclose(back.change[0], -there.change[0], atol=1e-9)


def test_many_statements_are_told_by_company(days):
    _, (panel, _) = days
    many = [
        dataclasses.replace(one, period=str(2000 + k), said_on=f"2026-01-{k + 1:02d}")
        for k in range(20)
        for one in (ONE, OTHER)
    ]
    cells = explained.cells_of(panel, panel)
    known = Known("2026-02-01", pd.DataFrame(columns=["entity", "metric", "period", "reported_on"]))
    steps = steps_between(Guidance(), Guidance(tuple(many)))
    moves = explained._moves(cells, known, steps)
    assert [m.piece.label for m in moves] == ["META, all that it said", "MSFT, all that it said"]
    record = Guidance()
    for move in moves:
        record = move.after(
            explained.Told(np.zeros(len(cells)), record), np.zeros(len(cells))
        ).drawn
    assert len(record.statements) == 40
