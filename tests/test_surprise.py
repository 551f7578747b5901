"""A new number's place in what had been forecast of it."""

import math

import pandas as pd
import pytest

from forecast.evaluation.surprise import jumps, percentiles, surprised
from forecast.tables.changes import Changes, compare
from forecast.tables.vintages import check_table

LEVELS = (0.005, 0.25, 0.5, 0.75, 0.995)


def forecasts(**changed):
    """Quantiles of one cell: 10 to 50 USD bn."""
    cell = {"model": "earnings", "as_of": "2026-05-06", "entity": "MSFT", "metric": "capex",
            "target_period": "2026Q2", "target_end": "2026-06-30", "horizon": 1,
            "unit": "USD bn"}  # fmt: skip
    return pd.DataFrame(
        [{**cell, "quantile": q, "value": 10.0 * (k + 1), **changed} for k, q in enumerate(LEVELS)]
    )


def row(**changed):
    plain = {"entity": "MSFT", "metric": "capex", "period": "2026Q2", "value": 30.0,
             "unit": "USD bn", "reported_on": "2026-07-29", "qualifier": ""}  # fmt: skip
    return pd.DataFrame([plain | changed])


@pytest.mark.parametrize(
    ("changed", "percentile", "text"),
    [
        ({}, 50, "50 %"),
        ({"value": 25.0}, 37.5, "38 %"),  # half-way between two quantiles
        ({"value": 12.0}, 5.4, "5.4 %"),
        ({"value": 10.0}, 0.5, "0.5 %"),
        ({"value": 9.99}, 0, "below 0.5 %"),
        ({"value": 50.01}, 100, "above 99.5 %"),
        ({"value": 50.0}, 99.5, "99.5 %"),  # on the highest quantile is not above it
        ({"value": 48.0}, 94.6, "94.6 %"),  # tenths in either tail
        ({"value": 40_000.0, "unit": "USD m"}, 75, "75 %"),
        ({"period": "2026-04-01/2026-06-28"}, 50, "50 %"),  # a fiscal quarter
        ({"period": "2026-03-01/2026-05-31"}, 50, "50 %"),  # its middle is in April
        ({"reported_on": "2026-05-07"}, 50, "50 %"),
    ],
)  # fmt: skip
def test_where_a_number_stands(changed, percentile, text):
    found = percentiles(forecasts(), row(**changed)).iloc[0]
    assert found["percentile"] == pytest.approx(percentile)
    assert found["text"] == text


@pytest.mark.parametrize(
    "changed",
    [{"entity": "GOOGL"}, {"metric": "revenue"}, {"period": "2026Q3"}, {"period": "2026"},
     {"reported_on": "2026-05-06"},  # the forecast may have known it
     {"unit": "percent"}, {"qualifier": "at least"}, {"qualifier": "at most"},
     {"qualifier": "projected"}],
)  # fmt: skip
def test_what_no_forecast_covers(changed):
    found = percentiles(forecasts(), row(**changed)).iloc[0]
    assert math.isnan(found["percentile"])
    assert found["text"] == ""


def test_rows_keep_their_order_and_index_and_a_year_is_a_year():
    table = pd.concat([forecasts(), forecasts(target_period="2026", metric="ai_revenue")])
    rows = pd.concat([row(period="2026", metric="ai_revenue", value=20.0), row(entity="X"), row()])
    rows.index = [7, 3, 5]
    found = percentiles(table.sample(frac=1, random_state=1), rows)
    assert found.index.tolist() == [7, 3, 5]
    assert found["text"].tolist() == ["25 %", "", "50 %"]


def test_of_two_models_the_first_counts_and_none_is_fine():
    table = pd.concat([forecasts(model="one"), forecasts(model="two", value=1.0)])
    assert percentiles(table, row())["text"].item() == "50 %"
    assert percentiles(pd.DataFrame(), row())["text"].item() == ""
    assert percentiles(forecasts(), row().iloc[:0]).empty


def changes(*rows_now):
    full = {"source": "s", "confidence": "A"}
    old = row(period="2026Q1", reported_on="2026-05-01").assign(**full)
    new = pd.concat([row(**one).assign(**full) for one in rows_now], ignore_index=True)
    return compare(check_table(old), check_table(new))


def test_each_row_of_a_change_keeps_its_own_percentile():
    several = changes(
        {"value": 20.0}, {"entity": "GOOGL"}, {"value": 40.0, "reported_on": "2026-08-01"}
    )
    told = surprised(several, forecasts())
    assert isinstance(told, Changes)
    of = {r.entity: (r.value, r.percentile_text, r.percentile) for r in told.new.itertuples()}
    assert of["MSFT"] == (20.0, "25 %", 25.0)
    assert of["GOOGL"][:2] == (30.0, "")
    assert math.isnan(of["GOOGL"][2])
    assert told.revisions["percentile"].tolist() == [75.0]
    # What was reported before says more of it than a forecast, which it is well within.
    assert told.revisions["jump"].item().startswith("40 USD bn in place of 20: 2 times")


def test_a_number_far_from_its_neighbour_is_said_where_no_forecast_covers_it():
    far = {"value": 34_900.0}
    (line,) = jumps(changes(far))
    assert line == (
        "MSFT capex 2026Q2: 34,900 USD bn after 30 in 2026Q1: 1,163 times; look at the unit"
    )
    assert jumps(surprised(changes(far), pd.DataFrame())) == [line]
    assert jumps(surprised(changes(far), forecasts(entity="GOOGL"))) == [line]
    # A forecast says more: it is above all of it.
    told = surprised(changes(far), forecasts())
    assert jumps(told) == []
    assert told.new["percentile_text"].tolist() == ["above 99.5 %"]
    assert jumps(changes({"value": 40.0})) == []
