"""The day after the article, the year after it, and the day on which its last window is over."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest
from made_up import reports
from test_earnings_day import cheapen

from forecast import gate, memo, news, pipeline
from forecast.change import read_run
from forecast.claims import read_claims
from forecast.earnings_day import update_run
from forecast.models import MODELS
from forecast.panels import shipped
from forecast.pipeline import run_all
from forecast.sources import data_dir, read_user_table
from forecast.store import verify

DAYS = ("2026-05-07", "2026-07-23", "2026-12-31", "2027-02-15", "2028-06-30")
LATE, LATE_DAY, OVERDUE, LATE_UNTIL = "CRWV", "2026-08-12", "2026-08-31", "2026-11-10"
"""A company whose report of one day is made to come with its next one, and since when it is overdue."""
OTHERS = "2027-02-25"
"""A day on which numbers of other models come too."""
ALL = [name for name in MODELS if shipped(name)]


@pytest.fixture
def fits(monkeypatch):
    markdown = memo.markdown
    done = cheapen(monkeypatch)
    monkeypatch.setattr(pipeline, "QUICK", 100)
    monkeypatch.setattr(gate, "MAX_RHAT", 2.0)  # so few draws mix by chance
    monkeypatch.setattr(gate, "MIN_ESS", 10.0)
    monkeypatch.setattr(memo, "markdown", markdown)
    monkeypatch.setattr(news, "MOST_NUMBERS", 2)  # a step a report: fewer panels on the way
    monkeypatch.setattr("forecast.prospects.SHUFFLES", 2)
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
        observation("OpenAI", "revenue_run_rate", "2027-01", 55, "USD bn", day, "about"),
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


def walk(folder, fits, days=None):
    """Update by one made-up reporting day after the other; yield the day and the outcome."""
    data, out = folder / "data", folder / "out"
    shutil.copytree(data_dir(), data)
    run_all(out, data=data, quick=True)
    assert sorted(fits) == sorted(ALL)
    rows = reports().copy()
    late = (rows["entity"] == LATE) & (rows["reported_on"] == LATE_DAY)
    rows.loc[late, "reported_on"] = LATE_UNTIL
    for day, own in rows.groupby("reported_on"):
        if days is not None and day not in days:
            continue
        fits.clear()
        more = of_other_models(day) if day == OTHERS else []
        taken = rows_of(folder / f"{day}.csv", [*own.to_dict("records"), *more])
        done = update_run(out, taken, data=data, quick=True)
        assert done.outcome.draft == ()
        assert read_run(done.outcome.folder).manifest["as_of"] == day
        assert done.change is not None
        for split in done.change.splits:
            np.testing.assert_allclose(
                split.change.sum(axis=0), split.after - split.before, atol=1e-9
            )
        # a company's number fits what depends on it, and nothing else
        others = ["market", "payback", "api_price", "gpu_rental"] if more else []
        assert sorted(fits) == sorted(["earnings", *others]), day
        yield day, done.outcome


def test_an_earnings_day_after_the_article_and_one_after_the_first_year(tmp_path, fits):
    for day, outcome in walk(tmp_path, fits, ("2026-07-23", OTHERS)):
        told = judged_in_words(outcome)
        assert told["value_correction/sector_price_down_20"]["status"] == "judged"
        ratio = told["ratio_stubborn/ratio_1.5_in_2026"]
        if day < OTHERS:
            assert ratio["status"] == "judged"
        else:
            assert (ratio["status"], ratio["probability"]) == ("decided", 1.0)  # 700 over 420


@pytest.mark.slow
def test_a_year_of_reporting_days_past_the_article(tmp_path, fits):
    seen = []
    for day, outcome in walk(tmp_path, fits):
        judged_in_words(outcome)
        text = (outcome.folder / "change.md").read_text()
        assert (f"| {LATE} |" in text and f"overdue since {OVERDUE}" in text) == (
            OVERDUE < day < LATE_UNTIL
        ), day
        seen.append(day)
    assert (seen[0], seen[-1], len(seen)) == ("2026-05-14", "2027-04-28", 18)


@pytest.mark.parametrize("day", DAYS)
def test_every_day_has_its_memo(day, tmp_path, fits):
    outcome = run_all(tmp_path / "out", as_of_date=day, quick=True)
    assert outcome.draft == ()
    judged_in_words(outcome)
    assert day in (outcome.folder / "memo.md").read_text()
