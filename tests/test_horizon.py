"""How far models are drawn: nothing here knows a date but what is asked and the day it is asked on."""

import dataclasses
import datetime as dt

import pytest

from forecast.claims.comparisons import read_comparisons
from forecast.claims.events import Ordering
from forecast.claims.horizon import Reach, questions, reach
from forecast.claims.read import read_claims
from forecast.claims.records import Claim, Definition
from forecast.claims.scenarios import read_scenarios
from forecast.core.periods import period_end
from forecast.models.registry import NAMES

WINDOW = (dt.date(2026, 5, 6), dt.date(2028, 5, 6))


def asked(model, end, **event):
    one = Definition("d", model, "why", Ordering("A/x", ">", "B/x", **event), (WINDOW[0], end))
    claim = Claim("c", "forecast", "paraphrase", "", "text", "source", WINDOW[0], (one,))
    return questions([claim])


def test_horizons_move_with_the_date():
    days = {
        "market": ("2030", "2032"),
        "earnings": ("2028Q2", "2030Q2"),
        "hazard": ("2028-04", "2030-06"),
        "capex_hazard": ("2028Q2", "2030Q2"),
        "gpu_rental": ("2028-06", "2030-07"),
        "payback": ("2060", "2060"),
        "benchmark": ("2026-05-06", "2028-06-30"),
    }
    for model, (on_the_day, two_years_later) in days.items():
        assert reach(model, "2026-05-06", ()).until == on_the_day
        assert reach(model, "2028-06-30", ()).until == two_years_later


@pytest.mark.parametrize(
    ("model", "end", "wanted"),
    [
        ("earnings", dt.date(2029, 3, 31), "2029Q1"),  # the very day on which a quarter ends
        ("earnings", dt.date(2029, 3, 30), "2028Q4"),  # a day before: that quarter does not count
        ("hazard", dt.date(2028, 5, 31), "2028-05"),
        ("hazard", dt.date(2028, 5, 30), "2028-04"),
        ("hazard", dt.date(2029, 1, 15), "2028-12"),
        ("market", dt.date(2032, 12, 31), "2032"),
        ("market", dt.date(2032, 12, 30), "2031"),
    ],
)
def test_a_window_asks_for_its_last_whole_period(model, end, wanted):
    assert reach(model, "2026-05-06", asked(model, end)).until == wanted


def test_a_named_period_and_its_claim_are_told():
    far = asked("earnings", WINDOW[1], at="2031Q1")
    assert reach("earnings", "2026-05-06", far) == Reach("2031Q1", "claim 'c', definition 'd'")
    assert reach("market", "2026-05-06", far) == Reach("2030")  # it asks nothing of the market


def test_what_is_told_of_one_day_is_told_of_the_day_it_was_asked_about():
    past = asked("benchmark", WINDOW[0])
    assert reach("benchmark", "2027-02-15", past).until == "2026-05-06"
    assert reach("benchmark", "2026-05-05", past).until == "2026-05-05"  # not asked yet


def test_every_window_of_the_article_is_reached_on_every_day():
    own = questions(read_claims(), read_scenarios(), read_comparisons())
    assert {q.model for q in own} >= {"market", "earnings", "hazard", "payback", "api_price"}
    for month in range(26):
        day = (WINDOW[0].replace(day=1) + dt.timedelta(days=31 * month)).isoformat()
        for model in NAMES:
            until = period_end(reach(model, day, own).until)
            mine = [q for q in own if q.model == model]
            if model in ("benchmark", "scaling_law"):
                continue
            for q in mine:
                # The next period's end lies beyond the window: no part of it is left out.
                last = reach(model, day, ()).until
                step = {4: 366, 6: 92, 7: 31}[len(last)]
                assert until + dt.timedelta(days=step) > q.window[1]
                assert all(period_end(p) <= until for p in q.periods if len(p) == len(last))


def test_a_function_asks_for_its_window():
    (question,) = questions(
        [
            dataclasses.replace(
                read_claims()[0],
                definitions=(Definition("d", "earnings", "why", lambda d: d["y"] > 0, WINDOW),),
            )
        ]
    )
    assert question.periods == ()
