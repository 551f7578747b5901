"""The telecom hindcast: nothing later enters, and what came is read off the table."""

import pytest

from forecast.claims.page import read_page
from forecast.core.errors import DataError
from forecast.core.periods import month_index
from forecast.evaluation.hindcast import (
    ENTITY,
    known_years,
    outcome,
    price_panel,
    prices,
    spending,
    standing,
    telecom_panel,
)
from forecast.tables.articles import find_article
from forecast.tables.shipped import read_reference_table

DATES = read_page(find_article().file("page.toml")).hindcast


@pytest.fixture(scope="module")
def telecom():
    return read_reference_table("telecom_1995_2004")


@pytest.fixture(scope="module")
def runups():
    return read_reference_table("runups")


@pytest.mark.parametrize(("day", "last"), [("1999-12-31", 1998), ("2000-03-31", 1999)])
def test_a_year_is_known_at_the_end_of_march(telecom, day, last):
    assert known_years(telecom, day)["year"].max() == last


@pytest.mark.parametrize("day", DATES)
def test_no_later_figure_enters(telecom, runups, day):
    before = telecom_panel(telecom, day), price_panel(runups, day)
    changed = telecom.copy()
    late = changed["year"] >= int(day[:4])
    numbers = [c for c in changed.columns if c.startswith("us_telecom")]
    changed.loc[late, numbers] = changed.loc[late, numbers] * 3
    assert telecom_panel(changed, day).hash == before[0].hash
    fell = runups.copy()
    at = fell["id_month"].map(month_index) + fell["dur20_m"]
    later = (fell["event20"] == 1) & (at > month_index(day[:7]))
    assert later.sum() > 20
    for fall in (20, 30, 40):
        fell.loc[later, f"event{fall}"] = 0
        fell.loc[later, f"dur{fall}_m"] = fell["followup_months"]
    assert price_panel(fell, day).hash == before[1].hash
    assert standing(fell, day) == standing(runups, day)


def test_the_panel_holds_what_the_table_says(telecom):
    data = telecom_panel(telecom, "2000-12-31").data
    capex = data.sel(obs=data["series"].values == f"{ENTITY}/capex")
    assert capex["year"].values.tolist() == [1996, 1997, 1998, 1999]
    assert capex["value"].values.tolist() == [46, 53, 62, 85]
    assert capex["estimate"].values.tolist() == [1, 1, 1, 1]  # confidence C
    revenue = data.sel(obs=data["series"].values == f"{ENTITY}/revenue")
    assert revenue["estimate"].values.tolist() == [1, 1, 1, 0, 0]
    with pytest.raises(DataError, match=r"2 year.s. of telecom capex are known on 1998-12-31"):
        telecom_panel(telecom, "1998-12-31")


def test_who_stood_there_is_chosen_by_the_rules(runups):
    held = {p.industry: p for p in standing(runups, "1999-12-31")}
    assert set(held) == {"Chips", "Hardw", "Rtail", "Softw", "Telcm"}
    assert (held["Telcm"].net, held["Telcm"].months) == (61.7, 11)
    assert outcome(runups, held["Telcm"], 20)
    assert outcome(runups, held["Telcm"], 40)
    assert outcome(runups, held["Rtail"], 20)
    assert not outcome(runups, held["Rtail"], 40)
    assert standing(runups, "2000-12-31") == []


def test_every_definition_of_spending_says_what_came(telecom, instant_sampler):
    found = spending(telecom, "1999-12-31", seed=1, draws=500)
    assert [h.happened for h in found] == [False, False, False]
    assert "9 % below in 2001" in found[0].came
    assert "capex of 1996" in found[0].rests_on
    assert all(0 < h.probability < 1 and 0 <= h.naive <= 1 for h in found)


@pytest.mark.slow
def test_the_year_of_the_fall_is_in_the_second_window(telecom):
    found = spending(telecom, "2000-12-31", seed=1)
    assert [h.happened for h in found] == [True, True, True]
    assert "42 % below in 2002" in found[0].came


@pytest.mark.slow
def test_the_price_clock_as_of_1999(runups):
    found = prices(runups, "1999-12-31", seed=1)
    assert len(found) == 10
    assert all(0 < h.probability < 1 and 0 < h.naive < 1 for h in found)
    by = {fall: [h for h in found if f"{fall} %" in h.definition] for fall in (20, 40)}
    assert all(h.happened for h in by[20])
    assert sum(h.happened for h in by[40]) == 4
    pairs = zip(by[20], by[40], strict=True)
    assert all(shallow.probability > deep.probability for shallow, deep in pairs)
    assert prices(runups, "2000-12-31", seed=1) == []  # none stood without a fall
