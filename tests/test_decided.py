"""What reported numbers decide, one report after another: yes, no, or still open."""

import dataclasses
import datetime as dt

import numpy as np
import pandas as pd
import pytest
from conftest import event_of, make_draws

from forecast.claims.judge import judge
from forecast.claims.outcomes import decided, settled, undone
from forecast.claims.read import read_claims
from forecast.claims.records import Claim, Definition
from forecast.core.words import COLUMNS
from forecast.evaluation import track
from forecast.models import registry
from forecast.tables.shipped import read_vintages
from forecast.tables.vintages import Known, check_table

SAID = dt.date(2026, 1, 15)
WINDOW = (SAID, dt.date(2026, 12, 31))
TODAY = dt.date(2027, 12, 31)
QUARTERS = [f"{year}Q{q}" for year in (2024, 2025, 2026) for q in (1, 2, 3, 4)]
REPORTED = {
    q: f"{int(q[:4]) + (q[5] == '4')}-{(5, 8, 11, 2)[int(q[5]) - 1]:02d}-10" for q in QUARTERS
}
FLAT = [10.0] * 8


def rows(values, name="A", metric="capex", lag=0):
    """Return quarters from 2024 on, each reported 40 days and a lag after its end; None: none."""
    found = []
    for quarter, value in zip(QUARTERS, values, strict=False):
        day = (dt.date.fromisoformat(REPORTED[quarter]) + dt.timedelta(days=lag)).isoformat()
        if value is not None:
            found.append([name, metric, quarter, value, "USD bn", day, "filing", "A", ""])
    return found


def table(*parts):
    return check_table(pd.DataFrame([row for part in parts for row in part], columns=COLUMNS))


def claim(event, window=WINDOW, model="earnings", made=SAID):
    event = event_of({"series": "A/capex", **event})
    one = Definition("d", model, "why", event, window)
    return Claim("c", "forecast", "paraphrase", "", "text", "s", made, (one,))


def outcome(event, *parts, today=TODAY, **more):
    """Return outcome and day, or None."""
    one = claim(event, **more)
    found = decided([(one, one.definitions[0])], table(*parts), today)
    assert all(d.claim is one and d.source.startswith("data: ") for d in found)
    return (found[0].outcome, found[0].on.isoformat()) if found else None


def test_which_models_are_of_reported_numbers_is_told_by_their_rooms():
    told = {name for name in registry.names() if registry.reported_of(name) is not None}
    assert told == {"market", "earnings"}
    assert "capex" in registry.reported_of("earnings").metrics


PASSES = {"kind": "first_passage", "op": ">=", "value": 20}


def test_a_passage_came_true_on_the_day_its_number_was_reported():
    path = rows([*FLAT, 15, 22, 5])
    assert outcome(PASSES, path) == ("yes", "2026-08-10")
    assert outcome(PASSES, path, today=dt.date(2026, 8, 10)) == ("yes", "2026-08-10")
    assert outcome(PASSES, path, today=dt.date(2026, 8, 9)) is None


def test_what_passed_before_the_window_does_not_count():
    assert outcome(PASSES, rows([*FLAT[:7], 30, 15, 15])) is None  # 2025Q4, reported in the window


def test_a_passage_failed_when_the_window_is_over_and_all_of_it_reported():
    path = rows([*FLAT, 15, 15, 15, 15])
    assert outcome(PASSES, path) == ("no", "2027-02-10")
    assert outcome(PASSES, path, today=dt.date(2027, 2, 9)) is None
    assert outcome(PASSES, path[:-1]) is None  # the last quarter was never reported


def test_a_no_waits_for_the_windows_end_though_all_of_its_quarters_are_there():
    window = (SAID, dt.date(2027, 3, 30))
    path = rows([*FLAT, 15, 15, 15, 15])
    assert outcome(PASSES, path, window=window, today=dt.date(2027, 3, 29)) is None
    assert outcome(PASSES, path, window=window) == ("no", "2027-03-30")


def test_a_number_restated_later_takes_nothing_back():
    path = rows([*FLAT, 15, 22, 15])
    again = [[*path[9][:3], 12.0, "USD bn", "2026-12-01", "amended filing", "A", ""]]
    assert outcome(PASSES, path, again) == ("yes", "2026-08-10")


def test_a_number_restated_into_the_event_counts_from_that_day():
    path = rows([*FLAT, 15, 15, 15])
    again = [[*path[9][:3], 22.0, "USD bn", "2026-12-01", "amended filing", "A", ""]]
    assert outcome(PASSES, path, again) == ("yes", "2026-12-01")


def test_what_was_true_when_the_claim_was_made_is_of_that_day():
    past = {"window": (dt.date(2025, 1, 1), dt.date(2025, 9, 30)), "made": dt.date(2026, 3, 1)}
    assert outcome(PASSES, rows([10, 10, 10, 10, 30, 30, 30, 30]), **past) == ("yes", "2026-03-01")


def test_a_projection_and_a_bound_decide_nothing_and_stop_nothing(caplog):
    path = rows([*FLAT, 15, 15])
    early = ["A", "capex", "2026Q3", 30.0, "USD bn", "2026-08-10", "guidance", "A", "projected"]
    bound = ["A", "capex", "2026Q2", 30.0, "USD bn", "2026-09-10", "talk", "B", "at least"]
    assert outcome(PASSES, path, [early, bound]) is None
    after = rows([*FLAT, 15, 15, 21])[-1:]
    assert outcome(PASSES, path, [early, bound], after) == ("yes", "2026-11-10")
    assert not caplog.messages


# --- growth, falls and the others --------------------------------------------------------------
DOWN = {"kind": "growth", "lag": 4, "op": "<=", "value": -20}
UP_ALL = {"kind": "growth", "lag": 4, "op": ">", "value": 0, "how": "all"}
FALL = {"kind": "peak_to_trough", "total": 4, "fall": 10}


@pytest.mark.parametrize(
    ("event", "values", "wanted"),
    [
        (DOWN, [10, 9, 8, 12], ("yes", "2026-11-10")),  # 8 after 10 is exactly -20 %
        (DOWN, [10, 9, 8.1, 12], ("no", "2027-02-10")),
        ({**DOWN, "row": 2}, [7, 9, 8, 9], ("no", "2027-02-10")),
        ({**DOWN, "row": 2}, [9, 8, 8, 9], ("yes", "2026-11-10")),
        (UP_ALL, [11, 12, 13, 14], ("yes", "2027-02-10")),
        (UP_ALL, [11, 9, 13, 14], ("no", "2026-12-31")),
        (UP_ALL, [11, 9], ("no", "2026-12-31")),  # one quarter is enough, once the window closed
        (UP_ALL, [11, 12, 13], None),
        (FALL, [9, 8, 9], ("yes", "2026-11-10")),  # totals 40, 39, 37, 36: a tenth below the peak
        (FALL, [9, 8, 10, 10], ("no", "2027-02-10")),
        ({"kind": "threshold", "op": ">", "value": 11, "at": "2026Q2"}, [9, 12], ("yes", "2026-08-10")),
        ({"kind": "threshold", "op": ">", "value": 11, "at": "2026Q2"}, [12, 9], ("no", "2026-12-31")),
        ({"kind": "threshold", "op": ">", "value": 11, "at": "2026Q4"}, [9, 9, 9, 12],
         ("yes", "2027-02-10")),
        ({"kind": "rope", "low": -3, "high": 3}, [10, 10, 10], None),
        ({"kind": "rope", "low": -3, "high": 3}, [10, 10, 10, 10], ("yes", "2027-02-10")),
        ({"kind": "rope", "low": -3, "high": 3}, [10, 12, 14, 16], ("no", "2027-02-10")),
    ],
)  # fmt: skip
def test_each_kind_is_decided_by_the_report_that_leaves_no_doubt(event, values, wanted):
    assert outcome(event, rows([*FLAT, *values])) == wanted


def test_a_quarter_that_was_never_reported_leaves_a_no_open_and_not_a_yes():
    gap = rows([*FLAT, 10, None, 10, 10])
    assert outcome(PASSES, gap) is None
    assert outcome(FALL, gap) is None
    assert outcome(PASSES, rows([*FLAT, 10, None, 25])) == ("yes", "2026-11-10")
    before = rows([10, 10, 10, 10, 10, None, 10, 10, 9, 5, 9, 9])
    assert outcome({**DOWN, "lag": 1}, before) == ("yes", "2026-08-10")
    assert outcome(DOWN, rows([10, 10, 10, 10, 10, None, 10, 10, 10, 5, 10, 10])) is None


def test_of_quarters_in_a_row_those_beside_a_gap_count():
    two = {**DOWN, "row": 2}
    assert outcome(two, rows([*FLAT, 7, None, 7, 7])) == ("yes", "2027-02-10")
    assert outcome(two, rows([*FLAT, 7, None, 7, 10])) is None


def test_a_peak_or_a_slope_that_begins_in_a_gap_is_not_known():
    level = {"kind": "peak_to_trough", "fall": 10}
    assert outcome(level, rows([10, 10, 10, 10, 10, None, 10, 10, 10, 10, 10, 10])) is None
    gap = rows([10, 10, 10, 10, 10, None, 10, 10, 10, 10, 10, 10])
    assert outcome({**level, "peak_from": "window"}, gap) == ("no", "2027-02-10")
    slope = {"kind": "rope", "low": -3, "high": 3}
    assert outcome(slope, rows([*FLAT[:7], None, 10, 10, 10, 10])) is None


def test_a_claim_made_later_sees_what_was_known_then():
    one = claim(PASSES)
    later = dataclasses.replace(one, id="later", source_date=dt.date(2026, 9, 1))
    readings = [(c, c.definitions[0]) for c in (later, one)]
    found = decided(readings, table(rows([*FLAT, 22])), TODAY)
    assert [(d.claim.id, d.on.isoformat()) for d in found] == [
        ("later", "2026-09-01"),
        ("c", "2026-05-10"),
    ]


def test_what_stops_being_reported_stays_open():
    assert outcome(UP_ALL, rows([*FLAT, 11, 12])) is None


# --- several series ----------------------------------------------------------------------------
def test_a_sum_is_there_when_its_last_part_is():
    both = {**PASSES, "series": ["A/capex", "B/capex"], "value": 30}
    a, b = rows([*FLAT, 25]), rows([*FLAT, 8], "B", lag=12)
    assert outcome(both, a, b) == ("yes", "2026-05-22")
    assert outcome(both, a, b[:-1]) is None


def test_an_order_is_decided_when_both_are_there():
    order = {"kind": "ordering", "than": "B/capex", "op": ">", "at": "2026Q1"}
    a, b = rows([*FLAT, 12]), rows([*FLAT, 11], "B", lag=3)
    assert outcome(order, a, b) == ("yes", "2026-05-13")
    assert outcome(order, a, b[:-1]) is None


def test_a_ratio_of_totals_is_that_of_the_reports():
    ratio = {"kind": "first_passage", "over": "A/revenue", "total": 4, "op": "<", "value": 0.45}
    capex, revenue = rows([*FLAT, 8, 7]), rows([20.0] * 10, metric="revenue", lag=1)
    assert outcome(ratio, capex, revenue) == ("yes", "2026-08-11")  # 35 of 80; 38 of 80 before
    own = {"kind": "first_passage", "series": "A/capex_to_revenue", "op": "<", "value": 0.4}
    assert outcome(own, capex, revenue) == ("yes", "2026-08-11")  # 7 of 20; 8 of 20 before


def test_the_five_companies_add_up_as_in_the_draws():
    five = ("MSFT", "GOOGL", "AMZN", "META", "ORCL")
    parts = [rows([*FLAT, 9, 8, 9], name, lag=k) for k, name in enumerate(five)]
    event = {**FALL, "series": "big_five/capex"}
    assert outcome(event, *parts) == ("yes", "2026-11-14")
    assert outcome(event, *parts[:4]) is None  # without one there is no sum


def test_annual_numbers_of_the_market():
    def year(metric, value, period, day, qualifier=""):
        return ["AI market", metric, str(period), value, "USD bn", day, "s", "A", qualifier]

    past = [
        year(m, v, y, "2026-01-10")
        for y in (2022, 2023, 2024, 2025)
        for m, v in (("datacenter_capex", 16.0), ("ai_revenue", 10.0), ("ai_investment", 9.0))
    ]
    new = [year("datacenter_capex", 12.0, 2026, "2027-01-20"),
           year("ai_revenue", 10.0, 2026, "2027-02-20")]  # fmt: skip
    event = {"kind": "first_passage", "series": "AI market/datacenter_capex",
             "over": "AI market/ai_revenue", "op": "<", "value": 1.3}  # fmt: skip
    window = (SAID, dt.date(2028, 1, 15))
    assert outcome(event, past, new, model="market", window=window) == ("yes", "2027-02-20")
    assert outcome(event, past, new[:1], model="market", window=window) is None
    running = [year(m, 10.0, 2026, "2026-06-20", "estimated")
               for m in ("datacenter_capex", "ai_revenue")]  # fmt: skip
    assert outcome(event, past, running, model="market", window=window) is None
    assert outcome({**event, "value": 1.1}, past, new, model="market", window=WINDOW) == (
        "no", "2027-02-20")  # fmt: skip


# --- what data do not decide -------------------------------------------------------------------
@pytest.mark.parametrize(
    "change",
    [{"model": "hazard"}, {"model": "payback"}, {"model": "none"}, {"window": None},
     {"event": {**PASSES, "on": "signal"}}, {"event": {**PASSES, "series": "Z/capex"}},
     {"event": {**PASSES, "series": "A/operating_income"}}],
)  # fmt: skip
def test_latent_series_signals_and_what_is_not_reported_are_left_to_people(change):
    given = {"event": PASSES, **change}
    assert outcome(given.pop("event"), rows([*FLAT, 25, 25, 25, 25]), **given) is None


def test_growth_over_a_quarter_that_is_not_there_is_not_decided():
    assert outcome({**DOWN, "lag": 9}, rows([*FLAT, 10, 10, 10, 10])) is None
    assert outcome({**DOWN, "lag": 9}, rows([*FLAT, 10, 10, 10, 8])) == ("yes", "2027-02-10")


def test_rows_that_make_no_panel_are_told_once_and_decide_nothing(caplog):
    assert outcome(PASSES, rows([*FLAT, 25])[3:]) is None
    (line,) = caplog.messages
    assert "earnings: what was reported by 2026-05-10 decides nothing" in line
    assert "wants 8 quarters" in line


def test_only_what_was_on_record_is_decided_of_the_article_on_its_day(caplog):
    readings = [(c, d) for c in read_claims() for d in c.definitions]
    (one,) = decided(readings, read_vintages(), dt.date(2026, 5, 6))
    assert one.definition.id == "cloud_slower_than_capex_in_2025"
    assert (one.definition.already, one.outcome) == (True, "yes")
    assert not caplog.messages


# --- verdicts that what has come settles ---------------------------------------------------------
NAN = float("nan")


def drawn(observed, day, periods=("2025", "2026", "2027", "2028")):
    """Return draws whose reported cells are `observed`; the others stand at 100 and at 50."""
    seen = np.asarray(observed, dtype=float)
    paths = np.where(np.isfinite(seen), seen, np.array([[100.0], [50.0]]))
    draws = make_draws(paths[None, :, None, :], names=("A/x",), periods=periods)
    return draws.assign(observed=(("series", "period"), seen[None])).assign_attrs(as_of=day)


def one_verdict(event, observed, day, window=("2025-12-31", "2027-12-31"), told=()):
    reading = Definition(
        "d", "market", "Why.", event_of({"series": "A/x", **event}),
        tuple(dt.date.fromisoformat(d) for d in window),
    )  # fmt: skip
    asked = [Claim("c", "forecast", "paraphrase", "", "t", "s", dt.date(2026, 1, 1), (reading,))]
    draws = drawn(observed, day)
    rows = pd.DataFrame(
        [("ai_revenue", period, day_told) for period, day_told in told],
        columns=["metric", "period", "reported_on"],
    )
    return settled(judge(asked, draws), asked, [draws], Known(day, rows)).of("c")


LOW = {"kind": "first_passage", "op": "<", "value": 80}
ALL_ABOVE = {"kind": "growth", "op": ">", "value": -90, "how": "all"}


@pytest.mark.parametrize(
    ("event", "observed", "day", "status", "p"),
    [
        (LOW, [90, NAN, NAN, NAN], "2026-06-01", "judged", 0.5),  # all is to come
        (LOW, [90, 95, NAN, NAN], "2027-06-01", "judged", 0.5),  # half is to come
        (LOW, [90, 70, NAN, NAN], "2027-06-01", "decided", 1.0),  # it has come early
        (LOW, [90, 95, 90, NAN], "2028-06-01", "decided", 0.0),  # it did not come
        (LOW, [90, 95, 70, NAN], "2028-06-01", "decided", 1.0),
        (LOW, [90, 95, NAN, NAN], "2028-06-01", "judged", 0.5),  # over, and not on record
        (LOW, [70, NAN, NAN, NAN], "2026-06-01", "judged", 0.5),  # before the window
        (ALL_ABOVE, [90, 95, NAN, NAN], "2027-06-01", "judged", 1.0),
        (ALL_ABOVE, [90, 5, NAN, NAN], "2027-06-01", "decided", 0.0),  # broken already
        ({**LOW, "on": "signal"}, [90, 70, NAN, NAN], "2027-06-01", "judged", 1.0),
    ],
)
def test_what_has_come_settles_what_nothing_to_come_can_change(event, observed, day, status, p):
    found = one_verdict(event, observed, day)
    assert (found.status, found.probability) == (status, p)
    assert (found.mcse == 0.0) or status == "judged"
    if status == "decided":
        no = "It did not come true" if day > "2027-12-31" else "It cannot come true now"
        assert found.text == f"{'It came true' if p else no}, by what was on record on {day}. Why."


def test_a_number_told_before_its_period_had_ended_decides_nothing():
    path, day = [90, 70, NAN, NAN], "2027-06-01"
    assert one_verdict(LOW, path, day, told=[("2026", "2026-05-06")]).status == "judged"
    assert one_verdict(LOW, path, day, told=[("2026", "2026-12-31")]).status == "decided"
    assert one_verdict(LOW, path, day, told=[("2027", "2026-05-06")]).status == "decided"


def test_a_window_that_is_over_without_its_numbers_says_so():
    text = one_verdict(LOW, [90, 95, NAN, NAN], "2028-06-01").text
    assert text.endswith("The window is over, but what came is not all on record: this is a forecast "
                         "still. Why.")  # fmt: skip
    assert "The window is over" not in one_verdict(LOW, [90, 95, NAN, NAN], "2027-12-31").text


# --- numbers that were withdrawn -------------------------------------------------------------
def taken_back(which, day):
    """Return a table's row of which a report is withdrawn, and a column for it."""
    return {
        **which,
        "reported_on": day,
        "qualifier": "withdrawn",
        "withdraws": which["reported_on"],
    }


def with_withdrawal(path, quarter, day, *more):
    told = [{**dict(zip(COLUMNS, row, strict=True)), "withdraws": ""} for row in (*path, *more)]
    (wrong,) = [r for r in told[: len(path)] if r["period"] == quarter]
    return check_table(pd.DataFrame([*told, taken_back(wrong, day)]))


def test_a_number_that_was_withdrawn_decides_nothing_and_its_outcome_is_open_again(tmp_path):
    path = rows([*FLAT, 15, 220, 5])
    one = claim(PASSES)
    both = [(one, one.definitions[0])]
    (came,) = decided(both, table(path), TODAY)
    assert (came.outcome, came.on.isoformat()) == ("yes", "2026-08-10")
    assert track.enter(tmp_path, [came], dt.date(2026, 8, 11)) == (came,)
    entered = track.by_data(tmp_path, [one])
    assert entered == [(one, one.definitions[0], "yes")]

    withdrawn = with_withdrawal(path, "2026Q2", "2026-08-20")
    for day in ("2026-08-20", "2027-12-31"):
        today = dt.date.fromisoformat(day)
        assert decided(both, withdrawn, today) == ()
        (back,) = undone(entered, withdrawn, today)
        assert back.source == "data: withdrawn since: A capex 2026Q2 of 2026-08-10 on 2026-08-20"
    assert undone(entered, withdrawn, dt.date(2026, 8, 19)) == ()  # not withdrawn yet
    assert undone(entered, table(path), TODAY) == ()
    assert undone([(one, one.definitions[0], "no")], withdrawn, TODAY) == ()  # never its outcome

    assert track.unresolved(tmp_path, [one]) == []
    track.reopen(tmp_path, [back], dt.date(2026, 8, 21))
    assert track.outcomes(tmp_path)["outcome"].tolist() == ["open"]
    assert track.by_data(tmp_path, [one]) == []
    assert track.unresolved(tmp_path, [one]) == both  # the right number may decide it
    right = rows([*FLAT, 15, 22, 5])[9]
    mended = with_withdrawal(path, "2026Q2", "2026-08-20", right)
    (again,) = decided(both, mended, TODAY)
    assert (again.outcome, again.on.isoformat()) == ("yes", "2026-08-10")
    assert undone(entered, mended, TODAY) == ()  # it stands, by the right number
    assert track.enter(tmp_path, [again], dt.date(2026, 8, 22)) == (again,)
    assert track.outcomes(tmp_path)["outcome"].tolist() == ["yes"]


def test_what_was_entered_by_hand_is_not_undone(tmp_path):
    one = claim(PASSES)
    track.resolve(tmp_path, [one], "c", "yes", on="2026-08-10", source="the press",
                  today=dt.date(2026, 8, 11))  # fmt: skip
    assert track.by_data(tmp_path, [one]) == []
