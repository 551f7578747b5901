"""Every kind of event against paths worked out by hand."""

import dataclasses
import datetime as dt

import numpy as np
import pytest
import xarray as xr
from conftest import event_of, make_draws

from forecast.claims import events
from forecast.claims.events import Ordering, Threshold, as_table, expand_sums, read_event, single
from forecast.core.draws import path, with_yearly
from forecast.core.errors import ClaimError, UndefinedError
from forecast.core.periods import period_days, period_end

WINDOW = (dt.date(2025, 6, 30), dt.date(2027, 12, 31))
# one chain, four draws of A/x over 2024..2027
PATHS = [
    [[[100, 120, 90, 130]], [[100, 80, 80, 80]], [[100, 110, 121, 133.1]], [[50, 100, 60, 95]]]
]


def happens(draws, event, window):
    return events.happens(draws, event_of(event, window), window)


def judge(event, paths=PATHS, names=("A/x",), window=WINDOW):
    return happens(make_draws(paths, names=names), event, window).values.ravel().tolist()


def test_threshold():
    assert judge({"kind": "threshold", "series": "A/x", "at": "2027", "op": ">=", "value": 95}) == [
        True, False, True, True,
    ]  # fmt: skip


def test_first_passage_counts_only_the_window():
    # 50 in 2024 lies before the window
    event = {"kind": "first_passage", "series": "A/x", "op": "<", "value": 85}
    assert judge(event) == [False, True, False, True]


def test_growth_any_and_all():
    any_fall = {"kind": "growth", "series": "A/x", "op": "<=", "value": -20}
    assert judge(any_fall) == [True, True, False, True]
    always_up = {"kind": "growth", "series": "A/x", "op": ">", "value": 9.9, "how": "all"}
    assert judge(always_up) == [False, False, True, False]
    over_two = {"kind": "growth", "series": "A/x", "op": ">", "value": 20, "lag": 2}
    late = (dt.date(2025, 12, 31), dt.date(2027, 12, 31))
    # 90/100, 130/120; 80/100, 80/80; 1.21; 60/50, 95/100 -> 20 % exactly does not count as more
    assert judge(over_two, window=late) == [False, False, True, False]


def test_growth_needs_its_base_before_the_window():
    event = {"kind": "growth", "series": "A/x", "op": ">", "value": 0, "lag": 2}
    with pytest.raises(ClaimError, match="before the window"):
        judge(event, window=(dt.date(2023, 12, 31), dt.date(2027, 12, 31)))


def test_peak_to_trough_from_the_record_and_from_the_window():
    event = {"kind": "peak_to_trough", "series": "A/x", "fall": 20}
    assert judge(event) == [True, True, False, True]
    # within the window draw 2 never falls from its own first value
    assert judge({**event, "peak_from": "window"}) == [True, False, False, True]


def test_a_peak_inside_the_window_counts_only_from_when_it_was_reached():
    rising = [[[[100, 90, 200, 190]]]]
    assert judge({"kind": "peak_to_trough", "series": "A/x", "fall": 6}, rising) == [True]
    assert judge({"kind": "peak_to_trough", "series": "A/x", "fall": 11}, rising) == [False]


def test_ratio_is_taken_draw_by_draw():
    two = [[[[1, 2, 3, 4], [2, 2, 2, 2]], [[1, 2, 3, 4], [1, 4, 12, 4]]]]
    event = {
        "kind": "threshold",
        "series": "A/x",
        "over": "A/y",
        "at": "2026",
        "op": ">",
        "value": 1,
    }
    assert judge(event, two, ("A/x", "A/y")) == [True, False]


def test_sums_and_orderings():
    two = [[[[1, 2, 3, 4], [2, 2, 2, 5]]]]
    names = ("A/x", "B/x")
    total = {"kind": "threshold", "series": ["A/x", "B/x"], "at": "2027", "op": "==", "value": 9}
    with pytest.raises(ClaimError, match="got op '==', wanted one of <, <=, >, >="):
        judge(total, two, names)
    assert judge({**total, "op": ">="}, two, names) == [True]
    assert judge({**total, "op": ">"}, two, names) == [False]
    order = {"kind": "ordering", "series": "A/x", "than": "B/x", "op": ">=", "at": "2027"}
    assert judge(order, two, names) == [False]
    assert judge({**order, "margin": -1}, two, names) == [True]


def test_rope_measures_the_slope_of_the_logarithm():
    flat, up = [[[[100, 101, 100, 101]]]], [[[[100, 110, 121, 133.1]]]]
    event = {"kind": "rope", "series": "A/x", "low": -3, "high": 3}
    assert judge(event, flat) == [True]
    assert judge(event, up) == [False]
    exact = 100 * np.log(1.1)
    assert judge({**event, "low": exact - 0.05, "high": exact + 0.05}, up) == [True]


def test_signal_is_another_path_than_y():
    draws = make_draws(PATHS)
    draws["signal"] = draws["y"] * 2
    event = {"kind": "threshold", "series": "A/x", "at": "2027", "op": ">", "value": 150}
    assert not happens(draws, event, WINDOW).values[0, 1]
    assert happens(draws, {**event, "on": "signal"}, WINDOW).values[0, 1]


def test_an_event_written_in_a_session_is_checked_when_it_is_asked():
    draws, last_year = make_draws(PATHS), Threshold("A/x", ">=", 95, at="2027")
    assert events.happens(draws, last_year, WINDOW).values.ravel().tolist() == [
        True, False, True, True,
    ]  # fmt: skip
    odd = dataclasses.replace(last_year, op="==", total=0)
    with pytest.raises(
        ClaimError, match=r"event: got op '==', wanted one of .*; got total 0, wanted"
    ):
        events.happens(draws, odd, WINDOW)
    with pytest.raises(
        ClaimError, match="got a table of kind as an event; wanted one of Threshold"
    ):
        events.happens(draws, {"kind": "rope"}, WINDOW)


def test_a_record_holds_what_stands_in_a_file_and_the_other_way_round():
    for name, kind in events.KINDS.items():
        assert set(events.keys_of(name).all) == {"kind", *kind.__dataclass_fields__}
    table = {"kind": "growth", "series": ("A/x", "B/x"), "op": "<", "value": 0, "row": 1}
    assert as_table(event_of(table)) == table
    told = {"lag": 1, "how": "any", "on": "y", "total": 1}  # as if it were left out
    assert event_of({**table, **told}) == event_of(table)


@pytest.mark.parametrize(
    ("event", "message"),
    [
        ({"kind": "omen"}, "got the event kind 'omen'"),
        ({"kind": "threshold", "series": "A/x"}, "missing op, value"),
        ({"kind": "rope", "series": "A/x", "low": 0, "high": 1, "colour": 2}, "unknown colour"),
    ],
)
def test_an_event_is_checked_before_draws_are_there(event, message):
    with pytest.raises(ClaimError, match=message):
        read_event(event, "here")


@pytest.mark.parametrize(
    ("event", "window", "message"),
    [
        ({"series": "B/x", "at": "2027"}, WINDOW, "no series B/x; there are A/x"),
        ({"series": "A/x", "at": "2026Q4"}, WINDOW, "no period '2026Q4'; there are 2024, 2025"),
        ({"series": "A/x"}, WINDOW, "no period at, and the draws have several, 2024 to 2027"),
    ],
)
def test_what_the_draws_do_not_hold(event, window, message):
    with pytest.raises(ClaimError, match=message):
        judge({"kind": "threshold", "op": "<", "value": 1, **event}, window=window)


def test_windows_the_draws_do_not_cover():
    event = {"kind": "first_passage", "series": "A/x", "op": "<", "value": 1}
    with pytest.raises(ClaimError, match="no period of the draws"):
        judge(event, window=(dt.date(2030, 1, 1), dt.date(2031, 1, 1)))
    with pytest.raises(ClaimError, match="forecast further"):
        judge(event, window=(dt.date(2026, 1, 1), dt.date(2029, 1, 1)))


# --- windows that reach past the draws by part of a period ----------------------------------------
TO_2028Q1 = [f"{y}Q{q}" for y in (2026, 2027) for q in (1, 2, 3, 4)] + ["2028Q1"]
TO_SPRING = (dt.date(2026, 3, 31), dt.date(2028, 3, 31))


def test_a_quarter_that_the_draws_do_not_reach_is_not_left_out_in_silence():
    # of eight draws one falls in 2027Q4 and another in 2028Q1
    paths = np.full((1, 8, 1, 9), 100.0)
    paths[0, 0, 0, 7:] = paths[0, 1, 0, 8] = 80.0
    draws = make_draws(paths, periods=TO_2028Q1)
    short = draws.isel(period=slice(0, 8))
    for event in (
        {"kind": "first_passage", "series": "A/x", "op": "<", "value": 85},
        {"kind": "peak_to_trough", "series": "A/x", "fall": 20},
        {"kind": "growth", "series": "A/x", "op": "<=", "value": -20},
        {"kind": "rope", "series": "A/x", "low": -100, "high": -1},
    ):
        assert happens(draws, event, TO_SPRING).mean() == 2 / 8
        with pytest.raises(
            ClaimError, match=r"end with 2027Q4, .* ends on 2028-03-31; forecast further"
        ):
            happens(short, event, TO_SPRING)
        year = (TO_SPRING[0], dt.date(2028, 3, 30))  # a day less holds no further quarter
        assert happens(short, event, year).mean() == 1 / 8


@pytest.mark.parametrize(
    ("periods", "after"),
    [
        (["2027Q3", "2027Q4"], "2028-03-31"),
        (["2027Q4"], "2028-03-31"),  # one period alone has a next one as well
        (["2027-12", "2028-01"], "2028-02-29"),
        (["2028-01"], "2028-02-29"),
        (["2027-02", "2027-03"], "2027-04-30"),
        (["2027", "2028"], "2029-12-31"),  # after a leap year
        (["2027"], "2028-12-31"),
        (["2028-02-28"], "2028-02-29"),
        (["2025-08-01/2025-10-31"], "2026-01-31"),
        (["2025-06-30/2025-09-28", "2025-09-29/2025-12-28"], "2026-03-29"),
    ],
)
def test_the_next_period_is_that_of_the_calendar(periods, after):
    draws = make_draws(np.full((1, 1, 1, len(periods)), 5.0), periods=periods)
    event = {"kind": "first_passage", "series": "A/x", "op": ">", "value": 1}
    start, after = period_days(periods[0])[0] - dt.timedelta(days=1), dt.date.fromisoformat(after)
    with pytest.raises(ClaimError, match=f"ends on {after}; forecast further"):
        happens(draws, event, (start, after))
    assert happens(draws, event, (start, after - dt.timedelta(days=1))).item()


def test_a_window_that_begins_before_the_draws_is_refused():
    event = {"kind": "first_passage", "series": "A/x", "op": "<", "value": 85}
    early = dt.date(2023, 12, 30), dt.date(2027, 12, 31)
    with pytest.raises(
        ClaimError, match=r"begin with 2024, .* ends on 2023-12-31; begin the window"
    ):
        judge(event, window=early)
    assert judge(event, window=(dt.date(2023, 12, 31), early[1])) == [False, True, False, True]


@pytest.mark.parametrize(
    ("at", "fine"),
    [("2025", False), ("2026", True), ("2027", True), ("2028", False), ("2028-05-06", True)],
)
def test_at_ends_in_the_window(at, fine):
    window = (dt.date(2025, 12, 31), dt.date(2028, 5, 6))
    event = {"kind": "threshold", "series": "A/x", "op": "<", "value": 1, "at": at}
    if fine:
        read_event(event, "here", window)
        return
    for ask in (lambda: read_event(event, "here", window), lambda: judge(event, window=window)):
        with pytest.raises(ClaimError, match=f"got at '{at}', which ends on {at}-12-31, outside"):
            ask()


def test_another_period_may_end_before_the_window_but_not_after_it():
    event = {"kind": "ordering", "series": "A/x", "than": "A/x", "op": ">", "at": "2027"}
    assert judge({**event, "than_at": "2024"}) == [True, False, True, True]
    # 130 > 90, 80 > 80, 133.1 > 121, 95 > 60; by more than 13
    assert judge({**event, "than_at": "2026"}) == [True, False, True, True]
    assert judge({**event, "than_at": "2026", "margin": 13}) == [True, False, False, True]
    with pytest.raises(
        ClaimError, match=r"than_at '2028', which .* wanted one that ends by its end"
    ):
        judge({**event, "than_at": "2028"})


# --- undefined is not false -----------------------------------------------------------------------
NAN, INF = float("nan"), float("inf")
LATE = [NAN, 110, 121, 133]
BROKEN = [100, 110, NAN, 133]


@pytest.mark.parametrize("op", ["<", ">="])  # neither an event nor its opposite
@pytest.mark.parametrize(
    ("event", "path", "message"),
    [
        ({"kind": "threshold", "at": "2026"}, BROKEN, "A/x: no number at 2026: A/x had not begun"),
        ({"kind": "threshold", "at": "2025", "total": 4}, [1, 2, 3, 4],
         r"A/x: no number at 2025: a total of 4 needs 3 period\(s\) before it"),
        ({"kind": "threshold", "at": "2026", "total": 2}, [1, NAN, 3, 4], "A/x had not begun, or has a"),
        ({"kind": "threshold", "at": "2026"}, [1, 2, INF, 4], "no number at 2026: it is infinite"),
        ({"kind": "threshold", "at": "2026"}, [1, 2, -INF, 4], "no number at 2026: it is infinite"),
        ({"kind": "first_passage"}, [1, NAN, NAN, 4], "no number at 2025, 2026: "),
        ({"kind": "first_passage"}, [1, 2, 3, INF], "no number at 2027: "),
        ({"kind": "growth"}, LATE, "no number at 2024: "),
        ({"kind": "growth", "how": "all"}, BROKEN, "no number at 2026: "),
        ({"kind": "growth", "row": 2}, BROKEN, "no number at 2026: "),
        ({"kind": "growth"}, [-10, -5, -4, -3],
         "growth in percent is not defined from a base of zero or below at 2024, 2025, 2026: ask for a "
         "difference with an ordering"),
        ({"kind": "growth", "how": "all"}, [0, 5, 6, 7], "of zero or below at 2024: "),
        ({"kind": "ordering", "than": "B/x", "at": "2026"}, BROKEN, "A/x: no number at 2026"),
        ({"kind": "ordering", "than": "A/x", "at": "2027", "than_at": "2026"}, BROKEN,
         "A/x: no number at 2026"),
    ],
)  # fmt: skip
def test_what_has_no_number_is_refused(event, path, message, op):
    paths = np.array([[[path, [1, 1, 1, 1]]]], dtype=float)
    event = {"series": "A/x", "op": op, **event}
    if event["kind"] != "ordering":
        event["value"] = 1
    with pytest.raises(ClaimError, match=message):
        judge(event, paths, ("A/x", "B/x"))


@pytest.mark.parametrize(
    ("event", "path", "message"),
    [
        ({"kind": "rope", "low": -900, "high": 900}, [1, -2, 3, 4],
         "the slope of the logarithm is not defined at zero or below at 2025: "),
        ({"kind": "rope", "low": -900, "high": 900}, [0, 2, 3, 4], "zero or below at 2024: "),
        ({"kind": "rope", "low": -900, "high": 900}, LATE, "no number at 2024: "),
        ({"kind": "rope", "low": -900, "high": 900}, [1, 2, 3, INF], "no number at 2027: "),
        ({"kind": "peak_to_trough", "fall": 10}, BROKEN, "no number at 2026: "),
        ({"kind": "peak_to_trough", "fall": 10}, [NAN, NAN, 100, 50], "no number at 2025: "),
        ({"kind": "peak_to_trough", "fall": 10, "peak_from": "window"}, BROKEN, "no number at 2026: "),
        ({"kind": "peak_to_trough", "fall": 10}, [-4, -3, 0, 5],
         "a fall in percent is not defined from a peak of zero or below at 2025, 2026: "),
        ({"kind": "peak_to_trough", "fall": 10}, [-4, 0, 0, 0], "of zero or below at 2025, 2026, 2027"),
        ({"kind": "peak_to_trough", "fall": 10}, [INF, 4, 3, 2], "no number at 2024: it is infinite"),
    ],
)  # fmt: skip
def test_what_has_no_peak_or_no_slope_is_refused(event, path, message):
    with pytest.raises(ClaimError, match=message):
        judge({"series": "A/x", **event}, [[[path]]])


def test_one_draw_without_a_number_is_enough_and_is_counted():
    paths = [[[[5, 5, 5, 5]], [[5, 5, 5, 5]], [[5, 5, -5, 5]]]]
    event = {"kind": "growth", "series": "A/x", "op": ">", "value": 0}
    with pytest.raises(ClaimError, match="zero or below at 2026 in 1 of 3 draws: "):
        judge(event, paths)


@pytest.mark.parametrize("below", [[1, 1, 0, 1], [1, 1, -2, 1], [-1, -1, -1, -1]])
@pytest.mark.parametrize(
    "event",
    [
        {"kind": "threshold", "at": "2026", "op": "<", "value": 3},
        {"kind": "first_passage", "op": "<", "value": 3},
        {"kind": "growth", "op": "<", "value": 3},
        {"kind": "peak_to_trough", "fall": 10},
        {"kind": "ordering", "than": "C/x", "op": "<", "at": "2026"},
        {"kind": "rope", "low": -3, "high": 3},
    ],
)
def test_there_is_no_ratio_to_zero_or_less(event, below):
    paths = [[[[5, 5, 5, 5], below, [1, 1, 1, 1]]]]
    event = {"series": "A/x", "over": "B/x", **event}
    with pytest.raises(
        ClaimError, match=r"A/x over B/x: no number at .*: its denominator B/x is not"
    ):
        judge(event, paths, ("A/x", "B/x", "C/x"))
    if below[0] > 0:  # in the other periods there is one
        assert (
            np.isfinite(path(make_draws(paths, names=["A/x", "B/x", "C/x"]), "A/x", "B/x")).sum()
            == 3
        )


def test_numbers_that_no_event_looks_at_may_be_missing():
    early = [[[[NAN, 100, 80, 80]]]]
    late = (dt.date(2025, 12, 31), dt.date(2027, 12, 31))
    fall = {"kind": "peak_to_trough", "series": "A/x", "fall": 20}
    assert judge(fall, early, window=late) == [True]  # before the first value there is no peak
    assert judge({**fall, "fall": 21}, early, window=late) == [False]
    assert judge({**fall, "peak_from": "window"}, early, window=late) == [False]
    below = {"kind": "first_passage", "series": "A/x", "op": "<", "value": 90}
    assert judge(below, early, window=late) == [True]
    assert judge({**below, "kind": "threshold", "at": "2027"}, early) == [True]
    # growth to a loss is defined, and so is a fall from a peak before a loss
    loss = [[[[50, 40, -10, 30]]]]
    year = (dt.date(2025, 12, 31), dt.date(2026, 12, 31))
    assert judge(
        {"kind": "growth", "series": "A/x", "op": "<=", "value": -125}, loss, window=year
    ) == [True]
    assert judge({**fall, "fall": 100}, loss, window=year) == [True]


def test_there_is_no_ratio_to_infinity():
    paths = [[[[5, 5, 5, 5], [1, 1, INF, 1]]]]
    event = {"kind": "first_passage", "series": "A/x", "over": "B/x", "op": "<", "value": 3}
    with pytest.raises(ClaimError, match="A/x over B/x: no number at 2026: it is infinite"):
        judge(event, paths, ("A/x", "B/x"))


def test_a_series_begins_where_the_first_of_its_draws_does():
    """In the second draw nothing is known of 2025, where there may have been a peak."""
    paths = [[[[NAN, 100, 90, 90]], [[NAN, NAN, 90, 90]]]]
    event = {"kind": "peak_to_trough", "series": "A/x", "fall": 10}
    late = (dt.date(2025, 12, 31), dt.date(2027, 12, 31))
    with pytest.raises(ClaimError, match="no number at 2025 in 1 of 2 draws: A/x had not begun"):
        judge(event, paths, window=late)


def test_a_gap_in_the_record_hides_a_peak():
    event = {"kind": "peak_to_trough", "series": "A/x", "fall": 20}
    late = (dt.date(2025, 12, 31), dt.date(2027, 12, 31))
    with pytest.raises(ClaimError, match="no number at 2025: A/x had not begun, or has a gap"):
        judge(event, [[[[100, NAN, 100, 100]]]], window=late)


# --- small things that decide an answer -----------------------------------------------------------
@pytest.mark.parametrize(("op", "told"), [("<", False), ("<=", True), (">", False), (">=", True)])
def test_exactly_at_the_value(op, told):
    flat = [[[[7, 7, 7, 7]]]]
    event = {"kind": "threshold", "series": "A/x", "at": "2027", "op": op, "value": 7}
    assert judge(event, flat) == [told]
    assert judge({"kind": "first_passage", "series": "A/x", "op": op, "value": 7}, flat) == [told]


def test_a_fall_before_the_window_does_not_count():
    paths = [[[[100, 50, 100, 95]]]]
    event = {"kind": "peak_to_trough", "series": "A/x", "fall": 10}
    assert judge(event, paths, window=(dt.date(2025, 12, 31), dt.date(2027, 12, 31))) == [False]
    assert judge(event, paths) == [True]


def test_a_slope_takes_the_window_and_the_period_before_it():
    # logs 0, 1, 4, 4 a year apart: least squares by hand over 2024-2027, 2025-2027 and 2024-2026
    days = np.array([period_end(str(y)).toordinal() for y in (2024, 2025, 2026, 2027)]) / 365.25
    logs = np.array([0.0, 1.0, 4.0, 4.0])
    window = {
        slice(0, 4): WINDOW,
        slice(1, 4): (dt.date(2025, 12, 31), dt.date(2027, 12, 31)),
        slice(0, 3): (dt.date(2025, 6, 30), dt.date(2026, 12, 31)),
    }
    event = {"kind": "rope", "series": "A/x"}
    for used, asked in window.items():
        slope = 100 * np.polyfit(days[used] - days[0], logs[used], 1)[0]
        for low, high, told in ((-1, 1, True), (-9, -0.1, False), (0.1, 9, False)):
            near = {"low": slope + low, "high": slope + high}
            assert judge({**event, **near}, [[[np.exp(logs)]]], window=asked) == [told]
    with pytest.raises(ClaimError, match="a slope needs two periods, the first of them before"):
        judge({**event, "low": 0, "high": 1}, window=(dt.date(2023, 12, 31), dt.date(2027, 12, 31)))


def test_a_ratio_on_the_signal_is_one_of_signals():
    draws = make_draws([[[[8, 8, 8, 8], [2, 2, 2, 2]]]], names=("A/x", "B/x"))
    draws["signal"] = draws["y"] * xr.DataArray([1, 2], dims="series")
    event = {
        "kind": "threshold",
        "series": "A/x",
        "over": "B/x",
        "at": "2027",
        "op": ">=",
        "value": 4,
    }
    assert happens(draws, event, WINDOW).item()
    assert not happens(draws, {**event, "on": "signal"}, WINDOW).item()  # 8 over 4


@pytest.mark.parametrize("on", ["observed", "Y", ""])
def test_a_path_is_y_or_signal(on):
    with pytest.raises(ClaimError, match="wanted y or signal"):
        path(make_draws(PATHS), "A/x", on=on)
    with pytest.raises(ClaimError, match=r"got on .*, wanted one of y, signal"):
        judge({"kind": "first_passage", "series": "A/x", "op": "<", "value": 85, "on": on})


@pytest.mark.parametrize("series", [[], ["A/x", "A/x"], "x", ["A/"], 5, None, [["A/x"]]])
def test_a_path_has_series_each_once(series):
    with pytest.raises(
        ClaimError, match=r'got series .*anted "entity/metric" in quotes, or a list'
    ):
        path(make_draws(PATHS), series)


def test_sums_are_written_out_wherever_series_stand():
    event = Ordering("ours/x", ">", ["ours/z"], over=["B/x", "ours/y"])
    assert expand_sums(event, {"ours": ["A", "C"]}) == Ordering(
        ("A/x", "C/x"), ">", ("A/z", "C/z"), over=("B/x", "A/y", "C/y")
    )


def test_units_are_not_added_up():
    draws = make_draws([[[[1] * 4, [2] * 4]]], names=("A/x", "A/y"))
    draws = draws.assign_coords(unit=("series", ["USD bn", "ratio"]))
    with pytest.raises(ClaimError, match="their units are USD bn, ratio"):
        path(draws, ["A/x", "A/y"])


def test_units_are_not_compared():
    draws = make_draws([[[[1] * 4, [2] * 4]]], names=("A/x", "A/y"))
    event = {"kind": "ordering", "series": "A/x", "than": "A/y", "op": "<", "at": "2027"}
    assert happens(draws, event, WINDOW).item()
    draws = draws.assign_coords(unit=("series", ["USD bn", "ratio"]))
    with pytest.raises(
        ClaimError, match="cannot compare A/x with A/y: their units are USD bn, ratio"
    ):
        happens(draws, event, WINDOW)


def test_an_event_that_leaves_a_dim_is_refused():
    left = xr.DataArray(np.zeros((1, 2, 3), dtype=bool), dims=("chain", "draw", "period"))
    with pytest.raises(ClaimError, match="reduce the rest"):
        single(left, "mine")
    with pytest.raises(ClaimError, match="true or false"):
        single(xr.DataArray(np.zeros((1, 2)), dims=("chain", "draw")), "mine")


QUARTERS = [f"{y}Q{q}" for y in (2024, 2025, 2026) for q in (1, 2, 3, 4)]
LAST_YEAR = (dt.date(2025, 12, 31), dt.date(2026, 12, 31))


def quarterly(*paths):
    names = [f"{c}/x" for c in "AB"[: len(paths)]]
    return make_draws([[list(paths)]], names=names, periods=QUARTERS)


def test_totals_are_trailing_sums():
    draws = quarterly(range(1, 13))
    total = path(draws, "A/x", total=4).values.ravel()
    assert np.isnan(total[:3]).all()
    assert total[3:].tolist() == [10, 14, 18, 22, 26, 30, 34, 38, 42]
    two = quarterly(range(1, 13), [2] * 12)
    ratio = path(two, "A/x", "B/x", total=4).values.ravel()
    assert ratio[3:].tolist() == pytest.approx([v / 8 for v in total[3:]])


def test_events_on_four_quarter_totals():
    # a season that halves every fourth quarter; totals 340, 340, then falling by 10 a quarter
    season = [100, 100, 90, 50] * 2 + [90, 90, 80, 40]
    draws = quarterly(season)
    alone = {"kind": "peak_to_trough", "series": "A/x", "fall": 11}
    assert happens(draws, alone, LAST_YEAR).item()
    assert not happens(draws, {**alone, "total": 4, "fall": 12}, LAST_YEAR).item()
    assert happens(draws, {**alone, "total": 4}, LAST_YEAR).item()  # 300 after 340
    below = {"kind": "growth", "series": "A/x", "total": 4, "lag": 4, "op": "<", "value": 0}
    end = (dt.date(2026, 10, 1), dt.date(2026, 12, 31))
    assert happens(draws, below, end).item()  # 300 in 2026 after 340 in 2025
    assert not happens(draws, {**below, "value": -12}, end).item()


def test_growth_of_totals_needs_its_periods():
    event = {"kind": "growth", "series": "A/x", "total": 4, "lag": 4, "op": "<", "value": 0}
    early = (dt.date(2025, 6, 30), dt.date(2026, 12, 31))
    with pytest.raises(ClaimError, match=r"needs 7 period\(s\) before the window"):
        happens(quarterly([1] * 12), event, early)


def test_growth_in_a_row():
    falls = [8, 8, 8, 8, 9, 9, 9, 9, 8, 8, 10, 8]  # down on the year, down, up, down
    event = {"kind": "growth", "series": "A/x", "lag": 4, "op": "<", "value": 0}
    draws = quarterly(falls)
    assert happens(draws, {**event, "row": 2}, LAST_YEAR).item()
    assert not happens(draws, {**event, "row": 3}, LAST_YEAR).item()
    with pytest.raises(ClaimError, match="wanted a number of periods from 1 to 4"):
        happens(draws, {**event, "row": 5}, LAST_YEAR)
    with pytest.raises(ClaimError, match="all periods are one row"):
        happens(draws, {**event, "row": 2, "how": "all"}, LAST_YEAR)


@pytest.mark.parametrize("total", [0, 13, 1.5, True, "4"])
def test_totals_of_nonsense(total):
    with pytest.raises(ClaimError, match=r"got total = .* from 1 to 12"):
        path(quarterly([1] * 12), "A/x", total=total)


def test_a_series_that_begins_late_has_no_earlier_peak_and_no_sum():
    late = [np.nan] * 6 + [5, 6, 7, 8, 7, 6]
    draws = quarterly([1] * 12, late)
    event = {"kind": "peak_to_trough", "series": "B/x", "fall": 20}
    assert happens(draws, event, LAST_YEAR).item()
    assert not happens(draws, {**event, "fall": 30}, LAST_YEAR).item()
    assert np.isnan(path(draws, ["A/x", "B/x"]).values.ravel()[:6]).all()


TWO_YEARS = [f"{y}Q{q}" for y in (2024, 2025) for q in (1, 2, 3, 4)]


def companies(names=("A/capex", "A/revenue", "B/capex", "A/capex_to_revenue")):
    paths = np.random.default_rng(0).uniform(1, 9, (2, 5, len(names), len(TWO_YEARS)))
    draws = make_draws(paths, names=names, periods=TWO_YEARS, model="earnings")
    draws["observed"][:, :6] = draws["y"].values[0, 0, :, :6]
    units = ["ratio" if n.endswith("_to_revenue") else "USD bn" for n in names]
    return draws.assign_coords(unit=("series", units))


def test_yearly_totals_growth_and_ratios_against_their_slow_definition():
    draws = companies()
    full = with_yearly(draws)
    xr.testing.assert_identical(
        full.isel(series=slice(0, 4)), draws.transpose(*full["y"].dims, ...)
    )
    assert full["series"].values.tolist()[4:] == [
        "A/capex_4q", "A/revenue_4q", "B/capex_4q", "A/capex_growth", "A/revenue_growth",
        "B/capex_growth", "A/capex_to_revenue_4q",
    ]  # fmt: skip
    assert full["unit"].values.tolist()[4:] == ["USD bn"] * 3 + ["percent"] * 3 + ["ratio"]
    assert full["metric"].sel(series="A/capex_4q") == "capex_4q"
    for name in ("y", "signal", "observed"):
        a, b, total, growth, ratio = (
            full[name].sel(series=s).values
            for s in ("A/capex", "A/revenue", "A/capex_4q", "A/capex_growth", "A/capex_to_revenue_4q")
        )  # fmt: skip
        assert np.isnan(total[..., :3]).all()
        assert np.isnan(growth[..., :4]).all()
        for t in range(4, len(TWO_YEARS)):
            np.testing.assert_allclose(total[..., t], sum(a[..., t - k] for k in range(4)))
            np.testing.assert_allclose(growth[..., t], 100 * (a[..., t] / a[..., t - 4] - 1))
            b4 = sum(b[..., t - k] for k in range(4))
            np.testing.assert_allclose(ratio[..., t], total[..., t] / b4)
    again = path(draws, "A/capex", total=4).transpose("chain", "draw", "period")
    np.testing.assert_allclose(full["y"].sel(series="A/capex_4q").values, again.values)


def test_draws_that_have_no_quarters_stay_as_they_are():
    annual = make_draws(np.ones((1, 2, 1, 4)))
    assert with_yearly(annual) is annual
    short = companies().isel(period=slice(0, 4))
    assert with_yearly(short) is short
    unpaired = with_yearly(companies(("A/capex", "B/revenue")))
    assert unpaired["series"].values.tolist()[2:] == [
        "A/capex_4q", "B/revenue_4q", "A/capex_growth", "B/revenue_growth",
    ]  # fmt: skip


def test_growth_from_a_loss_and_ratios_to_one_are_nan_and_refused():
    """In 2024 the company loses money: neither its growth nor a ratio to it is a number."""
    income = [-1, -1, -1, -1, 2, 2, 2, 2]
    names = ("A/net_income", "A/capex", "A/revenue")
    paths = [[[income, [4] * 8, income]]]
    full = with_yearly(make_draws(paths, names=names, periods=TWO_YEARS, model="earnings"))
    for name, there in (("A/net_income_growth", 0), ("A/capex_growth", 4), ("A/net_income_4q", 5)):
        assert np.isfinite(full["y"].sel(series=name)).sum() == there
    ratio = full["y"].sel(series="A/capex_to_revenue_4q").values.ravel()
    # totals of revenue: -4, -1, 2, 5, 8 after three quarters without one
    np.testing.assert_allclose(ratio, [np.nan] * 5 + [16 / 2, 16 / 5, 16 / 8])
    event = {"kind": "first_passage", "series": "A/net_income_growth", "op": "<=", "value": -20}
    with pytest.raises(ClaimError, match="A/net_income_growth: no number at 2025Q1, 2025Q2"):
        happens(full, event, (dt.date(2024, 12, 31), dt.date(2025, 12, 31)))


def test_what_is_told_only_from_the_date_on_is_not_told_of_days_that_have_passed():
    paths = [[[[100, 90, 80, 70], [NAN, NAN, 100, 70]]]]
    draws = make_draws(paths, names=("A/x", "B/x"))  # as of May 2026
    draws = draws.assign_coords(ahead_only=("series", [False, True]))
    event = {"kind": "first_passage", "op": "<", "value": 75}
    both = (dt.date(2024, 12, 31), dt.date(2027, 12, 31))
    assert happens(draws, {**event, "series": "A/x"}, both).all()
    with pytest.raises(
        UndefinedError, match=r"B/x is told only of what comes after 2026-05-06, .*2025 have passed"
    ):
        happens(draws, {**event, "series": "B/x"}, both)
    ahead = (dt.date(2025, 12, 31), dt.date(2027, 12, 31))
    assert happens(draws, {**event, "series": "B/x"}, ahead).all()


def test_draws_of_one_day_answer_no_question_about_another():
    draws = make_draws([[[[3.0]]]], periods=("2026-07-23",))
    event = {"kind": "threshold", "series": "A/x", "op": ">", "value": 1}
    day = dt.date(2026, 7, 23)
    assert happens(draws, event, (day, day)).all()
    with pytest.raises(
        UndefinedError, match="tell of 2026-07-23 alone, outside the window 2026-05-06"
    ):
        happens(draws, event, (dt.date(2026, 5, 6), dt.date(2026, 5, 6)))
