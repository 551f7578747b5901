"""How the answer moves: thresholds, windows, prior sets; and how deep a fall is."""

import datetime as dt

import numpy as np
import pytest
from conftest import event_of, make_draws

from forecast.claims.probabilities import probability
from forecast.claims.records import Claim, Definition
from forecast.claims.variations import curve, depths, first_in, variation_table, variations
from forecast.core.errors import ClaimError
from forecast.core.periods import months_after

DAY = dt.date(2026, 5, 6)
END = dt.date(2028, 5, 6)
QUARTERS = [f"{y}Q{q}" for y in (2025, 2026, 2027) for q in (1, 2, 3, 4)] + ["2028Q1"]


def reading(event, *, window=(DAY, END), **more):
    return Definition("d", "earnings", "why", event_of(event), window, **more)


def asked(definition):
    return Claim("c", "forecast", "verbatim", "q", "t", "s", DAY, (definition,))


@pytest.fixture
def draws():
    rng = np.random.default_rng(3)
    steps = 0.02 + 0.08 * rng.standard_normal((2, 400, 1, len(QUARTERS)))
    return make_draws(np.exp(np.cumsum(steps, axis=-1)), names=["A/capex"], periods=QUARTERS,
                      model="earnings")  # fmt: skip


FALL = {"kind": "peak_to_trough", "series": "A/capex", "fall": 10}


@pytest.mark.parametrize(
    ("months", "day"), [(18, "2027-11-06"), (24, "2028-05-06"), (8, "2027-01-06")]
)
def test_months_after(months, day):
    assert months_after(DAY, months).isoformat() == day


def test_the_last_day_of_a_shorter_month():
    assert months_after(dt.date(2026, 8, 31), 6).isoformat() == "2027-02-28"


def test_every_setting_is_the_event_it_names(draws):
    definition = reading(FALL, thresholds=(5.0, 20.0))
    other = draws.assign(y=draws["y"] ** 2)
    baseline = draws.assign(y=draws["y"] * 0 + 1)
    found = variations(asked(definition), definition, draws, {"sceptical": other}, baseline)
    by = {(v.what, v.setting): v for v in found}
    own = probability(first_in(definition, draws, DAY, END))[0]
    assert {v.probability for v in found if v.own} == {own}
    falls = [by["threshold", t].probability for t in ("5", "10", "20")]
    assert falls == sorted(falls, reverse=True)
    assert falls[0] > falls[2]
    ends = [v.probability for v in found if v.what == "window end"]
    assert len(ends) == 4
    assert ends == sorted(ends)
    assert by["prior", "sceptical"].probability > own
    assert by["model", "naive"].probability == 0
    late = by["window start", "2027-11-06"].probability
    assert late == pytest.approx(own - by["window end", "2027-11-06"].probability)
    assert set(variation_table(found)) >= {"what", "setting", "probability"}


def test_what_does_not_depend_on_a_window_has_none(draws):
    at = {"kind": "threshold", "series": "A/capex", "at": "2027Q4", "op": ">", "value": 1}
    for definition in (
        reading(at),
        reading(FALL, window=(dt.date(2027, 1, 1), END)),
        reading({"kind": "growth", "series": "A/capex", "op": ">", "value": 0, "how": "all"}),
    ):
        found = variations(asked(definition), definition, draws)
        assert {v.what for v in found} == {"prior", "model"}


def test_a_curve_rises_to_the_reading_itself(draws):
    definition = reading(FALL)
    one = curve(definition, draws, "capex down 10")
    assert list(one.probabilities) == sorted(one.probabilities)
    assert one.days[0] == dt.date(2026, 6, 30)
    assert one.days[-1] == dt.date(2028, 3, 31)
    assert one.probabilities[-1] == probability(first_in(definition, draws, DAY, END))[0]
    with pytest.raises(ClaimError, match="has no window"):
        curve(reading(FALL, window=None), draws, "x")


def test_what_needs_four_quarters_cannot_come_in_three(draws):
    growth = {"kind": "growth", "series": "A/capex", "lag": 4, "op": ">", "value": 0, "row": 4}
    one = curve(reading(growth), draws, "grows")
    assert one.probabilities[:3] == (0.0, 0.0, 0.0)
    assert 0 < one.probabilities[3] <= one.probabilities[-1]
    with pytest.raises(ClaimError, match="no period of the draws ends"):
        curve(reading(growth, window=(dt.date(2030, 1, 1), dt.date(2031, 1, 1))), draws, "x")


def test_a_curve_ends_where_its_reading_does(draws):
    """A window that holds a quarter more than the draws is refused by its curve as well."""
    definition = reading(FALL, window=(DAY, dt.date(2028, 6, 30)))
    with pytest.raises(ClaimError, match="ends on 2028-06-30; forecast further"):
        curve(definition, draws, "capex down 10")


def monthly(depth):
    """Return monthly falls: each draw reaches `depth` (0, 20, 30, 40) in the second month."""
    metrics = ("fall_20", "fall_30", "fall_40", "correction")
    paths = np.zeros((1, len(depth), 4, 24))
    for k, limit in enumerate((20, 30, 40)):
        paths[0, :, k, 1:] = (np.asarray(depth) >= limit)[:, None]
    paths[..., 3, :] = paths[..., 0, :] - paths[..., 2, :]
    months = [f"{2026 + (4 + k) // 12}-{(4 + k) % 12 + 1:02d}" for k in range(24)]
    return make_draws(paths, names=[f"AI/{m}" for m in metrics], periods=months, model="hazard")


def test_falls_are_split_by_depth():
    ours = monthly([0, 0, 20, 30, 30, 40, 40, 40])
    baseline = monthly([0, 0, 0, 0, 0, 0, 20, 40])
    found = depths(ours, ["AI", "nobody"], baseline, months=(1, 24))
    assert [(d.entity, d.months) for d in found] == [("AI", 1), ("AI", 24)]
    early, late = found
    assert (early.spared, early.correction, early.crash) == (1, 0, 0)
    assert np.isnan(early.stays_a_correction)
    assert (late.spared, late.correction, late.crash) == (0.25, 0.375, 0.375)
    assert late.stays_a_correction == 0.5
    assert late.naive == (0.75, 0.125, 0.125)
    assert late.errors[0] > 0
    assert [d.months for d in depths(ours, ["AI"], months=(24, 30))] == [24]  # no further drawn
