"""Definitions of claims on past days: the same question, and what came, by sums of reports by hand."""

import dataclasses
import datetime as dt

import numpy as np
import pytest

import forecast as fc
from forecast.claims.events import FirstPassage, Growth, Ordering, Threshold, happens
from forecast.claims.records import Definition
from forecast.core.periods import calendar_quarters, period_end, quarter_index, quarter_name
from forecast.evaluation.asked_before import _lasting, _moved, questions
from forecast.evaluation.backtesting import backtest
from forecast.inference.fitting import child_seed
from forecast.models.earnings.room import MODEL

SAID = dt.date(2026, 5, 6)
DAYS = ["2021-11-14", "2022-05-15", "2023-02-14", "2024-02-14", "2025-11-14"]
FIVE = ("MSFT", "GOOGL", "AMZN", "META", "ORCL")


@pytest.fixture(scope="module")
def table():
    return fc.read_vintages()


@pytest.fixture(scope="module")
def asked(table):
    return questions("earnings", fc.read_claims(), table, DAYS)


def definition(event, start, end, **more):
    window = (dt.date.fromisoformat(start), dt.date.fromisoformat(end))
    return Definition("d", "earnings", "why", event, window, **more)


RATIO = {"series": "A/x", "over": "A/z", "op": "<"}


@pytest.mark.parametrize(
    ("event", "window", "day", "moved", "periods"),
    [
        # From the day of the claim on: from the day that is asked from.
        (Growth("A/x", "<", 0), ("2026-05-06", "2028-05-06"), "2023-02-14",
         ("2023-02-14", "2025-02-06"), ()),
        (Growth("A/x", "<", 0), ("2027-11-06", "2028-05-06"), "2023-02-14",
         ("2024-08-06", "2025-02-06"), ()),
        (Threshold(value=0.4, at="2027Q4", **RATIO), ("2026-05-06", "2027-12-31"), "2022-05-15",
         ("2022-05-15", "2023-12-31"), ("2023Q4",)),
        (Ordering("A/x", "<", "B/x", "2027Q4", "2025Q4"), ("2026-05-06", "2027-12-31"), "2024-11-14",
         ("2024-11-14", "2026-06-30"), ("2026Q2", "2024Q2")),
        (Ordering("A/x", "<", "B/x", "2027", "2025"), ("2026-05-06", "2027-12-31"), "2024-05-15",
         ("2024-05-15", "2025-12-31"), ("2025", "2023")),
        (Ordering("A/x", "<", "B/x", "2027", "2025"), ("2026-05-06", "2027-12-31"), "2024-02-14",
         None, ()),  # no whole years
    ],
)  # fmt: skip
def test_a_question_moves_with_its_days_and_periods(event, window, day, moved, periods):
    got = _moved(definition(event, *window), SAID, dt.date.fromisoformat(day))
    if moved is None:
        assert got is None
        return
    assert tuple(one.isoformat() for one in got[1]) == moved
    names = [getattr(got[0], name, None) for name in ("at", "than_at")]
    assert tuple(name for name in names if name) == periods
    changed = dict.fromkeys(("at", "than_at"), None)
    kept = {k: v for k, v in dataclasses.asdict(event).items() if k not in changed}
    assert kept == {k: v for k, v in dataclasses.asdict(got[0]).items() if k not in changed}


@pytest.mark.parametrize(
    ("event", "lasts"),
    [
        (Growth("A/x", "<", 0), True),
        (FirstPassage("A/x", ">", 600.0), False),  # an amount
        (FirstPassage("A/x", ">", 0.4, over="A/z"), True),
        (Threshold("A/x", ">", 600.0, "2027Q4"), False),
        (Ordering("A/x", ">", "B/x", "2027Q4"), True),
        (Ordering("A/x", ">", "B/x", "2027Q4", margin=5.0), False),
        (Growth("A/x", "<", 0, on="signal"), False),  # not as it is reported
    ],
)
def test_only_what_means_the_same_at_any_time_is_asked(event, lasts):
    one = definition(event, "2026-05-06", "2028-05-06")
    assert _lasting(one) == lasts
    assert not _lasting(dataclasses.replace(one, unscorable="nobody prints it"))
    assert not _lasting(dataclasses.replace(one, given=Growth("A/x", "<", 0)))


def sums(table):
    """Return the capex of the five by quarter, by the newest report of each."""
    known = fc.as_of(table, str(table["reported_on"].max())).rows
    total = {}
    for company in FIVE:
        own = known[(known["entity"] == company) & (known["metric"] == "capex")]
        quarters = calendar_quarters(own["period"])
        for period, value in zip(own["period"], own["value"], strict=True):
            total.setdefault(quarters[period], {})[company] = value
    return {q: sum(by.values()) for q, by in total.items() if len(by) == len(FIVE)}


def test_what_came_is_what_the_reports_add_up_to(asked, table):
    capex, seen = sums(table), 0
    for day, found in asked.items():
        for one in found:
            start, end = (limit.isoformat() for limit in one.window)
            inside = [q for q in capex if start < period_end(q).isoformat() <= end]
            before = {q: quarter_name(quarter_index(q) - 4) for q in inside}
            if one.definition == "big_five_quarter_below_year_before":
                came = any(capex[q] < capex[before[q]] for q in inside)
            elif one.definition == "big_five_quarter_down_10":
                peak = {q: max(v for p, v in capex.items() if p <= q) for q in inside}
                came = any(capex[q] <= 0.9 * peak[q] for q in inside)
            else:
                continue
            seen += 1
            assert one.happened == came, (day, one)
            assert len(inside) == 8
    assert seen == 2 * (len(DAYS) - 1)


def test_nothing_is_asked_whose_window_is_open(asked, table):
    newest = str(table["reported_on"].max())
    assert all(one.window[1].isoformat() <= newest for found in asked.values() for one in found)
    assert asked["2025-11-14"] == ()
    ids = {(one.claim, one.definition) for one in asked["2024-02-14"]}
    assert ("value_correction", "big_five_capex_down_10") in ids
    assert {one.claim for found in asked.values() for one in found} > {"value_correction"}


def test_what_came_early_counts_when_its_window_has_closed_as_what_did_not_come(asked, table):
    """Capex fell below the year before in 2023Q2: by autumn the answer was there, the window open."""
    day, name = "2022-05-15", "big_five_quarter_below_year_before"
    (whole,) = (one for one in asked[day] if one.definition == name)
    assert whole.happened
    capex = sums(table)
    assert capex["2023Q2"] < capex["2022Q2"]
    early = table[table["reported_on"] <= "2023-09-30"].reset_index(drop=True)
    found = questions("earnings", fc.read_claims(), early, [day])[day]
    assert name not in {one.definition for one in found}


def test_a_model_of_which_nothing_is_reported_is_not_asked(table):
    assert questions("hazard", fc.read_claims(), table, DAYS[:1]) == {DAYS[0]: ()}
    assert questions("earnings", (), table, DAYS[:1]) == {DAYS[0]: ()}


def test_a_backtest_scores_what_each_forecast_would_have_said(instant_sampler, table, asked):
    day = "2024-02-14"
    found = backtest("earnings", table, [day], seed=1, horizon=1, size=500, claims=fc.read_claims())
    events = found.events.set_index(["forecast", "entity", "metric"])
    assert len(events.loc["model"]) == len(asked[day])
    panel = fc.build_panel(fc.as_of(table, day), "earnings")
    until = found.cells["target_period"].max()
    draws = MODEL.rules["drift"](panel, until="2026Q1", seed=child_seed(1, day, "drift"))
    assert until <= "2026Q1"
    for one in asked[day]:
        said = float(happens(draws, one.event, one.window).mean())
        row = events.loc[("drift", one.claim, one.definition)]
        assert row["probability"] == pytest.approx(said)
        assert row["happened"] == one.happened
        assert row["brier"] == pytest.approx((said - one.happened) ** 2)
        assert row["target_period"] == one.window[1].isoformat()
    assert np.isfinite(found.events["log_score"]).all()


def test_what_is_asked_decides_the_key_of_a_date(table):
    from forecast.evaluation import backtesting
    from forecast.evaluation.hold_out import Sources

    design = backtesting.Design("earnings", 1, 1, 500, "")
    keys = {
        backtesting._tasks(design, Sources(table), ["2024-02-14"], claims)[0][0].key
        for claims in ((), fc.read_claims())
    }
    assert len(keys) == 2
