"""Questions in a line: held against counting by hand, and joined only of the same draws."""

import math

import numpy as np
import pandas as pd
import pytest
from arviz_stats.base import array_stats
from conftest import make_draws

import forecast as fc
from forecast.core.errors import ClaimError, DataError, UndefinedError, UnknownNameError

QUARTERS = [f"{year}Q{q}" for year in (2025, 2026, 2027) for q in (1, 2, 3, 4)]
NAMES = ("META/capex", "MSFT/capex", "MSFT/revenue", "NVDA/capex", "Quay/capex")


def quarterly(seed=1, known=5):
    """Draws of five series: the first quarters are reported, the rest wander."""
    rng = np.random.default_rng(seed)
    steps = rng.normal(0, 0.05, (4, 250, len(NAMES), len(QUARTERS)))
    steps[..., :known] = 0
    return make_draws(np.exp(3 + np.cumsum(steps, -1)), names=NAMES, periods=QUARTERS)


DRAWS = quarterly()


def of(series, *quarters):
    return sum(DRAWS["y"].sel(series=series, period=q).values for q in quarters)


def year(series, number):
    return of(series, *(f"{number}Q{q}" for q in (1, 2, 3, 4)))


def test_a_year_is_the_sum_of_its_quarters_in_each_draw():
    total = year("META/capex", 2026)
    got = fc.prob(DRAWS, "META/capex", year=2026, above=82)
    np.testing.assert_array_equal(got.hit.values, total > 82)
    assert float(got) == got.probability == (total > 82).mean()
    assert got.mcse == array_stats.mcse(
        (total > 82).astype(float), chain_axis=0, draw_axis=1, method="mean"
    )
    below = fc.prob(DRAWS, "META/capex", year="2026", below=82)
    assert below.probability == pytest.approx(1 - got.probability)
    between = fc.prob(DRAWS, "META/capex", year=2026, above=78, below=82)
    assert between.probability == ((total > 78) & (total < 82)).mean()


@pytest.mark.parametrize(
    ("asked", "series", "quarters"),
    [
        ({"period": "2027Q1"}, "META/capex", ["2027Q1"]),
        ({"period": "2027-01-01/2027-03-31"}, "META/capex", ["2027Q1"]),
        ({"period": "2027"}, "META/capex", ["2027Q1", "2027Q2", "2027Q3", "2027Q4"]),
        ({"fiscal_year": "MSFT 2027"}, "META/capex", ["2026Q3", "2026Q4", "2027Q1", "2027Q2"]),
        ({"fiscal_year": "Microsoft FY2027"}, "META/capex", ["2026Q3", "2026Q4", "2027Q1", "2027Q2"]),
        ({"fiscal_year": 2027}, "MSFT/capex", ["2026Q3", "2026Q4", "2027Q1", "2027Q2"]),
        # The year ends on 31 January 2027, its last quarter is the calendar's fourth.
        ({"fiscal_year": 2027}, "NVDA/capex", ["2026Q1", "2026Q2", "2026Q3", "2026Q4"]),
        ({"fiscal_year": 2027, "fiscal_year_end": "03-31"}, "Quay/capex",
         ["2026Q2", "2026Q3", "2026Q4", "2027Q1"]),
    ],
)  # fmt: skip
def test_periods_mean_the_quarters_that_they_are(asked, series, quarters):
    total = of(series, *quarters)
    level = float(np.quantile(total, 0.3))
    got = fc.prob(DRAWS, series, above=level, **asked)
    np.testing.assert_array_equal(got.hit.values, total > level)
    table = fc.quantiles(DRAWS, series, levels=[0.3], **asked)
    assert table.to_numpy() == pytest.approx(level)


def test_sums_and_ratios():
    both = year("META/capex", 2027) + year("MSFT/capex", 2027)
    got = fc.prob(DRAWS, ["META/capex", "MSFT/capex"], year=2027, above=165)
    assert got.probability == (both > 165).mean()
    ratio = year("MSFT/capex", 2027) / year("MSFT/revenue", 2027)
    got = fc.prob(DRAWS, "MSFT/capex", over="MSFT/revenue", year=2027, below=0.9)
    assert got.probability == (ratio < 0.9).mean()
    assert "MSFT/capex over MSFT/revenue in 2027 below a ratio of 0.9" in repr(got)


def test_it_shows_itself_in_a_line_with_unit_error_and_interval():
    got = fc.prob(DRAWS, "META/capex", fiscal_year="MSFT 2027", above=82)
    assert repr(got) == (
        "P(META/capex in MSFT fiscal 2027 (2026Q3 to 2027Q2) above 82 USD bn) = "
        f"{100 * got.probability:.0f} %, Monte-Carlo error {100 * got.mcse:.1f} points (95 % interval "
        f"{100 * got.low:.1f} to {100 * got.high:.1f} %), 1,000 draws as of 2026-05-06"
    )
    assert got.low < got.probability < got.high
    assert got.high - got.low == pytest.approx(2 * 1.96 * got.mcse, rel=0.02)


def test_none_of_the_draws_is_not_never():
    got = fc.prob(DRAWS, "META/capex", year=2027, above=1e6)
    assert (got.probability, got.mcse, got.low) == (0, 0, 0)
    # As of so many independent draws without the event: the 97.5 % point of a Beta(0.5, n + 0.5).
    assert got.high == pytest.approx(2.5 / got.independent, rel=0.02)
    assert "= < 1/1000, Monte-Carlo 95 % interval 0.0 to 0." in repr(got)
    assert fc.prob(DRAWS, "META/capex", year=2027, below=1e6).high == 1


def test_the_interval_holds_the_truth_as_often_as_it_says():
    """Chains that remember: counted as independent draws the interval would hold it half as often."""
    held = 0
    for seed in range(120):
        rng = np.random.default_rng(seed)
        noise, paths = rng.standard_normal((4, 400)), np.zeros((4, 400))
        paths[:, 0] = noise[:, 0]
        for k in range(1, 400):
            paths[:, k] = 0.8 * paths[:, k - 1] + 0.6 * noise[:, k]
        draws = make_draws(paths[:, :, None, None], periods=("2027",))
        got = fc.prob(draws, "A/x", above=0.8416212335729143)  # the truth is 20 %
        held += got.low <= 0.2 <= got.high
    assert 0.88 <= held / 120 <= 0.995


def test_what_is_reported_is_known():
    got = fc.prob(DRAWS, "META/capex", year=2025, above=80)
    assert (got.probability, got.low, got.high) == (1, 1, 1)
    assert math.isinf(got.independent)
    assert repr(got).endswith("in 2025 above 80 USD bn) = 1: known, the same in every draw")


def test_both_happen_in_the_same_draws():
    meta = fc.prob(DRAWS, "META/capex", year=2026, above=81)
    microsoft = fc.prob(DRAWS, "MSFT/capex", period="2027Q1", below=20)
    both = meta & microsoft
    wanted = (year("META/capex", 2026) > 81) & (of("MSFT/capex", "2027Q1") < 20)
    assert both.probability == wanted.mean()
    assert both.independent == min(meta.independent, microsoft.independent)
    assert repr(both).startswith(
        "P(META/capex in 2026 above 81 USD bn, and MSFT/capex in 2027Q1 below 20 USD bn) = "
    )
    assert both.mcse > 0
    again = fc.prob(DRAWS.copy(deep=True), "MSFT/capex", period="2027Q1", below=20)
    assert (meta & again).probability == both.probability
    with pytest.raises(TypeError):
        meta & 0.5


@pytest.mark.parametrize(
    "other", [quarterly(2), DRAWS.assign_attrs(seed=2), DRAWS.isel(draw=slice(9))]
)
def test_events_of_other_draws_are_not_joined(other):
    one = fc.prob(DRAWS, "META/capex", year=2026, above=81)
    with pytest.raises(ClaimError, match=r"of two sets of draws; wanted both of one.*ask both"):
        one & fc.prob(other, "MSFT/capex", year=2026, above=81)


def test_quantiles_are_a_table_of_the_open_periods():
    table = fc.quantiles(DRAWS, "META/capex", levels=(0.1, 0.5))
    assert isinstance(table, pd.DataFrame)
    assert list(table.index.get_level_values("period")) == QUARTERS[5:]
    assert set(table.index.get_level_values("unit")) == {"USD bn"}
    last = DRAWS["y"].sel(series="META/capex", period="2027Q4").values
    np.testing.assert_allclose(table.iloc[-1], np.quantile(last, (0.1, 0.5)))
    one = fc.quantiles(DRAWS, "META/capex", year=2027)
    assert list(one.columns) == [0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95]
    assert one.index.tolist() == [("META/capex", "2027", "USD bn")]


def test_quantiles_end_where_the_data_end_to_tell():
    told = DRAWS.assign_coords(told_until=("series", ["2027-06-30"] * len(NAMES)))
    table = fc.quantiles(told, "META/capex")
    assert table.index[-1][1] == "2027Q2"
    with pytest.raises(UndefinedError, match="is told until 2027-06-30"):
        fc.quantiles(told, "META/capex", year=2027)


def test_draws_of_one_period_need_no_name_of_it():
    rng = np.random.default_rng(3)
    draws = make_draws(rng.normal(size=(4, 50, 1, 1)), periods=("2026-05-06",))
    assert fc.prob(draws, "A/x", above=0).probability == (draws["y"].values > 0).mean()
    assert fc.quantiles(draws, "A/x").shape == (1, 7)


@pytest.mark.parametrize(
    ("asked", "error", "wanted"),
    [
        ({"year": 2026}, ClaimError, "got no level; wanted above=, below= or both"),
        ({"above": 1}, ClaimError, "got no period; wanted one of year=.*2025Q1 to 2027Q4"),
        ({"above": 1, "year": 2026, "period": "2026"}, ClaimError, "got year, period; wanted one of"),
        ({"above": 1, "year": 26}, ClaimError, "got year 26; wanted a calendar year such as 2027"),
        ({"above": "a", "year": 2026}, ClaimError, "got value 'a', wanted a finite number"),
        ({"above": 1, "period": "soon"}, DataError, "cannot read the period 'soon'; wanted a year"),
        ({"above": 1, "period": "2026-05"}, ClaimError, "got the period 2026-05; wanted one of the"),
        ({"above": 1, "year": 2028}, ClaimError, r'2028 needs 2028Q1.*until="2028Q4"'),
        ({"above": 1, "fiscal_year": "MSFT"}, ClaimError, "got fiscal_year 'MSFT'; wanted a company"),
        ({"above": 1, "fiscal_year": "Microsft 2027"}, UnknownNameError, "did you mean MSFT; name"),
        ({"above": 1, "fiscal_year": 2027, "series": "Quay/capex"}, UnknownNameError,
         "when the fiscal year of 'Quay' ends; name the company.*fiscal_year_end="),
        ({"above": 1, "year": 2026, "fiscal_year_end": "06-30"}, ClaimError, "fiscal_year= with it"),
        ({"above": 1, "year": 2026, "series": "META/tea"}, ClaimError, "have no series META/tea"),
    ],
)  # fmt: skip
def test_what_cannot_be_asked_is_refused_in_words(asked, error, wanted):
    asked = {"series": "META/capex", **asked}
    with pytest.raises(error, match=wanted):
        fc.prob(DRAWS, asked.pop("series"), **asked)


def test_only_money_of_a_quarter_adds_up_to_a_year():
    unit = ["USD bn", "percent", "USD bn", "USD bn", "USD bn"]
    draws = DRAWS.assign_coords(unit=("series", unit))
    with pytest.raises(
        ClaimError, match="MSFT/capex is in percent, and its quarters do not add up"
    ):
        fc.prob(draws, "MSFT/capex", year=2026, above=1)
    yearly = fc.events.with_yearly(DRAWS)
    with pytest.raises(ClaimError, match="META/capex_4q is a total of four quarters already"):
        fc.prob(yearly, "META/capex_4q", year=2026, above=1)
    got = fc.prob(yearly, "META/capex_4q", period="2026Q4", above=82)
    assert got.probability == fc.prob(DRAWS, "META/capex", year=2026, above=82).probability


@pytest.mark.parametrize("levels", [(), (0.5, 1.5), ("a",)])
def test_levels_are_shares(levels):
    with pytest.raises(ClaimError, match=r"got the levels .*; wanted shares from 0 to 1"):
        fc.quantiles(DRAWS, "META/capex", year=2026, levels=levels)
