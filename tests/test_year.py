"""The day after the article, the year after it, and the day on which its last window is over."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest
from made_up import reports
from test_earnings_day import cheapen

from forecast.app import jobs
from forecast.app.pipeline import run_all
from forecast.app.update import foresee, update_run
from forecast.claims.read import read_claims
from forecast.inference import gate
from forecast.models.panels import shipped
from forecast.models.registry import NAMES
from forecast.news import explain
from forecast.news.stored import read_run
from forecast.report import memo
from forecast.store.runs import verify
from forecast.tables.desk.user_file import read_user_table
from forecast.tables.shipped import data_dir

DAYS = ("2026-05-07", "2026-07-23", "2026-12-31", "2027-02-15", "2028-06-30")
LATE, LATE_DAY, OVERDUE, LATE_UNTIL = "CRWV", "2026-08-12", "2026-08-31", "2026-11-10"
"""A company whose report of one day is made to come with its next one, and since when it is overdue."""
FIRST, OTHERS = "2026-05-14", "2027-02-25"
"""The first made-up day, and one on which numbers of other models come too."""
FAST = ("2026-07-23", "2028-06-30")
"""Days that are looked at in the quick half of the tests."""
ALL = [name for name in NAMES if shipped(name)]


@pytest.fixture
def fits(monkeypatch):
    markdown = memo.markdown
    done = cheapen(monkeypatch)
    monkeypatch.setattr(jobs, "QUICK", 100)
    monkeypatch.setattr(gate, "MAX_RHAT", 2.0)  # so few draws mix by chance
    monkeypatch.setattr(gate, "MIN_ESS", 10.0)
    monkeypatch.setattr(memo, "markdown", markdown)
    monkeypatch.setattr(explain, "MOST_NUMBERS", 2)  # a step a report: fewer panels on the way
    monkeypatch.setattr("forecast.news.prospects.SHUFFLES", 2)
    return done


def rows_of(path, rows):
    pd.DataFrame(rows).to_csv(path, index=False)
    return read_user_table(path).rows


def observation(entity, metric, period, value, unit, day, qualifier=""):
    return {"entity": entity, "metric": metric, "period": period, "value": value, "unit": unit,
            "reported_on": day, "source": "made up", "confidence": "C",
            "qualifier": qualifier}  # fmt: skip


def of_other_models(day):
    """Return new numbers for every model of observations besides earnings."""
    market = {"ai_investment": 90, "datacenter_capex": 700, "ai_revenue": 420}
    return [
        *(observation("AI market", name, "2026", v, "USD bn", day) for name, v in market.items()),
        observation("GPU index", "h100_rental", "2027-01-31", 1.9, "USD per hour", day),
        observation("gpt-5.5", "list_price_input", day, 4, "USD per 1M tokens", day),
        observation("gpt-5.5", "list_price_output", day, 24, "USD per 1M tokens", day),
        observation("OpenAI", "revenue_run_rate", "2027-01-31", 55, "USD bn", day, "about"),
    ]


def judged_in_words(outcome):
    """Check that every definition has a number, or says why there is none."""
    rows = json.loads((verify(outcome.folder) / "verdicts.json").read_text())
    assert len(rows) == sum(len(c.definitions) for c in read_claims())
    for row in rows:
        numbers = row["probability"] is not None
        assert numbers == (row["status"] in ("judged", "decided")), row
        assert row["text"]
    return {f"{r['claim']}/{r['definition']}": r for r in rows}


def walk(folder, days=None, workers=1):
    """Update by one made-up reporting day after the other; yield the day and what that left."""
    data, out = folder / "data", folder / "out"
    shutil.copytree(data_dir(), data)
    run_all(out, data=data, quick=True, workers=workers)
    rows = reports().copy()
    late = (rows["entity"] == LATE) & (rows["reported_on"] == LATE_DAY)
    rows.loc[late, "reported_on"] = LATE_UNTIL
    for day, own in rows.groupby("reported_on"):
        if days is not None and day not in days:
            continue
        more = of_other_models(day) if day == OTHERS else []
        taken = rows_of(folder / f"{day}.csv", [*own.to_dict("records"), *more])
        done = update_run(out, taken, data=data, quick=True, accept_implausible=True)
        assert done.outcome.draft == ()
        assert read_run(done.outcome.folder).manifest["as_of"] == day
        assert done.change is not None
        for split in done.change.splits:
            np.testing.assert_allclose(
                split.change.sum(axis=0), split.after - split.before, atol=1e-9
            )
        yield day, done


def fitted_since(fits):
    """Return what was fitted since the last look."""
    found = sorted(fits)
    fits.clear()
    return found


def test_the_first_earnings_day_after_the_article(tmp_path, fits):
    for _, done in walk(tmp_path, ("2026-07-23",)):
        outcome = done.outcome
        found = fitted_since(fits)
        assert found == sorted([*ALL, "earnings"])  # once each, and what a company's number changes
        judged_in_words(outcome)
        coming = foresee(read_run(outcome.folder), companies=["MSFT"])
        assert {one.period for one in coming} == {"2026Q2"}  # Microsoft's next, and to the horizon
        assert all(one.told or one.reason for one in coming)


@pytest.mark.proof
def test_a_year_of_reporting_days_past_the_article(tmp_path, fits):
    seen = []
    for day, done in walk(tmp_path):
        told = judged_in_words(done.outcome)
        found = fitted_since(fits)
        # a company's number fits what depends on it, and nothing else
        others = {OTHERS: ["market", "payback", "api_price", "gpu_rental"], FIRST: ALL}.get(day, [])
        assert found == sorted(["earnings", *others]), day
        text = (done.compared.folder / "change.md").read_text()
        assert (f"| {LATE} |" in text and f"overdue since {OVERDUE}" in text) == (
            OVERDUE < day < LATE_UNTIL
        ), day
        assert told["value_correction/sector_price_down_20"]["status"] == "judged"
        investment = told["value_correction/article_investment_down_10"]
        assert investment["status"] == ("judged" if day < OTHERS else "decided")
        seen.append(day)
    assert investment["probability"] == 1.0  # 90 after 180
    assert (seen[0], seen[-1], len(seen)) == (FIRST, "2027-04-28", 18)


@pytest.mark.proof
def test_two_days_of_the_year_with_real_fits(tmp_path):
    for day, done in walk(tmp_path, ("2026-07-23", OTHERS), workers=2):
        outcome = done.outcome
        told = judged_in_words(outcome)
        assert 0 < told["value_correction/sector_price_down_20"]["probability"] < 1
        assert (
            "overdue since" in (done.compared.folder / "change.md").read_text()
        )  # days were left out
        assert day in (outcome.folder / "memo.md").read_text()
    assert told["value_correction/article_investment_down_10"]["status"] == "decided"


@pytest.mark.parametrize(
    "day", [d if d in FAST else pytest.param(d, marks=pytest.mark.proof) for d in DAYS]
)
def test_every_day_has_its_memo(day, tmp_path, fits):
    outcome = run_all(tmp_path / "out", as_of_date=day, quick=True)
    assert outcome.draft == ()
    told = judged_in_words(outcome)
    assert day in (outcome.folder / "memo.md").read_text()
    correction = told["value_correction/big_five_capex_down_10"]
    over = day > correction["window_end"]
    assert ("The window is over, but what came is not all on record" in correction["text"]) == over


def test_windows_that_are_over_are_decided_by_what_came(tmp_path, fits):
    """Two years of made-up reports: capex grew in all of them."""
    data = tmp_path / "data"
    shutil.copytree(data_dir(), data)
    rows = reports(years=3)
    rows = rows[rows["reported_on"] <= "2028-09-30"]
    taken = rows_of(tmp_path / "rows.csv", rows.to_dict("records"))
    done = update_run(
        tmp_path / "out", taken, data=data, quick=True, models=["earnings"], accept_implausible=True
    )
    told = {f"{v.claim}/{v.definition}": v for v in done.outcome.verdicts}
    for name, came in (("value_correction/big_five_capex_down_10", 0.0),
                       ("value_correction/big_four_capex_2027_below_2026", 0.0),
                       ("compute_bubble/nvidia_data_center_grows", 1.0)):  # fmt: skip
        assert (told[name].status, told[name].probability, told[name].mcse) == (
            "decided",
            came,
            0.0,
        )
    assert told["compute_bubble/nvidia_data_center_grows"].text.startswith(
        "It came true, by what was"
    )
    assert {v.status for v in told.values() if v.model == "earnings"} == {"decided"}
    # what is decided no coming number can move
    coming = foresee(read_run(done.outcome.folder))
    assert coming
    assert not any(one.told for one in coming)
