"""Every kind of event against paths worked out by hand."""

import datetime as dt

import numpy as np
import pytest
import xarray as xr
from conftest import make_draws

from forecast.events import check_event, happens, path, single, with_yearly
from forecast.schema import ClaimError

WINDOW = (dt.date(2025, 6, 30), dt.date(2027, 12, 31))
# one chain, four draws of A/x over 2024..2027
PATHS = [
    [[[100, 120, 90, 130]], [[100, 80, 80, 80]], [[100, 110, 121, 133.1]], [[50, 100, 60, 95]]]
]


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
    with pytest.raises(ClaimError, match="wanted one of <"):
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
        check_event(event, "here")


@pytest.mark.parametrize(
    ("event", "window", "message"),
    [
        ({"series": "B/x", "at": "2027"}, WINDOW, "no series B/x; there are A/x"),
        ({"series": "A/x", "at": "2031"}, WINDOW, "no period '2031'"),
        ({"series": "A/x"}, WINDOW, "no period None"),
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


def test_units_are_not_added_up():
    draws = make_draws([[[[1] * 4, [2] * 4]]], names=("A/x", "A/y"))
    draws = draws.assign_coords(unit=("series", ["USD bn", "ratio"]))
    with pytest.raises(ClaimError, match="their units are USD bn, ratio"):
        path(draws, ["A/x", "A/y"])


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
