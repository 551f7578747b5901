"""The track record: questions, locked rows, outcomes, days that forecasts stood, one vote an event."""

import dataclasses
import datetime as dt
import hashlib
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import event_of

from forecast.claims.events import as_table
from forecast.claims.outcomes import Decision
from forecast.claims.read import read_claims
from forecast.claims.records import BaseRate, Claim, Definition
from forecast.cli import main
from forecast.core.errors import ClaimError, DataError, StoreError
from forecast.evaluation import track
from forecast.evaluation.score import crps_of_quantiles, log_loss
from forecast.store import runs
from forecast.tables.shipped import read_vintages
from forecast.tables.vintages import as_of

SAID = dt.date(2026, 5, 6)
DAY = dt.date(2026, 5, 7)
END = dt.date(2027, 12, 31)
LATER = dt.date(2028, 6, 30)
FALL = {"kind": "peak_to_trough", "series": "A/capex", "total": 4, "fall": 10}


def definition(name="down", event=FALL, window=(SAID, END), **more):
    model = more.pop("model", "earnings")
    return Definition(name, model, "Capex falls.", event_of(event), window, **more)


def claim(*definitions, name="bust", **more):
    given = {"quote": "capex will fall, by much", "text": "Capex falls.", **more}
    kind = given.pop("kind", "forecast")
    return Claim(name, kind, "verbatim", source="a paper", source_date=SAID,
                 definitions=definitions or (definition(),), **given)  # fmt: skip


ONE = claim()
SIX = claim(
    definition("deep", {**FALL, "fall": 30}),
    definition("fall", excludes=("crash",)),
    definition("crash", {**FALL, "fall": 40}, polarity="opposite"),
    name="six",
)


def write_run(out, name, p, one=ONE, *, naive=0.3, forecasts=None, data="2026-05-06"):
    """Write a run folder that holds what the track record reads; `p` by definition, or of the first."""
    by_name = p if isinstance(p, dict) else {one.definitions[0].id: p}

    def fill(folder):
        content = {
            "manifest": {"as_of": data},
            "verdicts": [{"claim": one.id, "definition": d, "probability": q,
                          "status": "decided" if q in (0.0, 1.0) else "judged"}
                         for d, q in by_name.items()],
            "sensitivity": [{"claim": one.id, "definition": d, "naive": naive} for d in by_name],
        }  # fmt: skip
        for file, value in content.items():
            (folder / f"{file}.json").write_text(json.dumps(value))
        table = pd.DataFrame() if forecasts is None else forecasts
        table.to_parquet(folder / "forecasts.parquet")

    return runs.write_run(out, name, fill)


def lock(out, p, day, one=ONE, **more):
    """Make a run and lock it on a day; return how many rows were new."""
    name = f"run-{day}-{p}-{len(list(out.glob('runs/*')))}"
    name = hashlib.sha256(name.encode()).hexdigest()[:12]
    write_run(out, name, p, one, **more)
    return track.lock_run(out, name, [one], day)


def resolve(out, outcome, on, one=ONE, *, today=LATER, source="a filing", **more):
    return track.resolve(out, [one], one.id, outcome, on=on, source=source, today=today, **more)


def scores(out, today=LATER, who="model"):
    events = track.record(out, today).events
    return events[events["forecaster"] == who].iloc[0]


def brier(p, yes=False):
    return (p - yes) ** 2


# --- forecasts, locked -----------------------------------------------------------------------
def test_a_forecast_is_locked_once_and_found_again(tmp_path):
    one = read_claims()[0]
    write_run(tmp_path, "one", 0.2, one)
    assert track.lock_run(tmp_path, "one", [one], DAY) == 1
    assert track.lock_run(tmp_path, "one", [one], DAY) == 0
    row = track.locked(tmp_path).iloc[0]
    assert (row["claim"], row["model"], row["naive"]) == (one.id, 0.2, 0.3)
    assert row["written_on"] == "2026-05-07"
    assert row["implied"] == pytest.approx((one.implied.low + one.implied.high) / 2)
    assert np.isnan(row["base_rate"])


def test_the_base_rate_that_is_locked_is_the_chance_of_one_more_within_the_horizon(tmp_path):
    rate = BaseRate(events=1, exposure=4.0, horizon=2.0, unit="years", how="", source="")
    lock(tmp_path, 0.2, DAY, claim(definition(base_rate=rate)))
    assert track.locked(tmp_path)["base_rate"].iloc[0] == pytest.approx(1 - (4 / 6) ** 1.5)


@pytest.mark.parametrize(("day", "rows"), [(END, 1), (END + dt.timedelta(days=1), 0)])
def test_a_window_that_ends_today_is_locked_and_one_that_is_over_is_not(tmp_path, day, rows):
    assert lock(tmp_path, 0.2, day) == rows


@pytest.mark.parametrize("harm", ["number", "gone", "swapped", "cut off"])
def test_a_later_change_shows(tmp_path, harm):
    for p in (0.2, 0.4, 0.6):
        lock(tmp_path, p, DAY)
    path = tmp_path / "track" / "forecasts.csv"
    lines = path.read_text().splitlines()
    if harm == "number":
        lines[1] = lines[1].replace("0.2", "0.9")
    elif harm == "gone":
        del lines[2]
    elif harm == "swapped":
        lines[1], lines[2] = lines[2], lines[1]
    else:
        del lines[3]
    path.write_text("\n".join(lines) + "\n")
    words = {"gone": "line 3 is not what was written", "cut off": "got the end '2 "}
    with pytest.raises(StoreError, match=words.get(harm, "line 2 is not what was written")):
        track.locked(tmp_path)
    with pytest.raises(StoreError):
        lock(tmp_path, 0.1, DAY)


# --- the question ----------------------------------------------------------------------------
def asked(**more):
    one = claim(definition(**more.pop("definition", {})), **more)
    return track.question(one, one.definitions[0])


OTHER_QUESTIONS = [
    {"quote": "capex will fall, by a little"},
    {"definition": {"event": {**FALL, "fall": 20}}},
    {"definition": {"event": {**FALL, "series": "B/capex"}}},
    {"definition": {"window": (SAID, dt.date(2028, 12, 31))}},
]
SAME_QUESTION = [
    {"quote": "Capex will fall  — by much"},
    {"text": "The text beside a quote."},
    {"definition": {"event": {**FALL, "fall": 10.0}}},
    {
        "definition": {
            "model": "market",
            "label": "a label",
            "thresholds": (5.0,),
            "polarity": "opposite",
        }
    },
]


def test_the_shipped_definitions_ask_what_they_asked_before():
    """A track record is kept for years: the hash of a question that is asked again may never move.

    ``questions.json`` holds what the shipped file asks. A definition whose
    words, event or window change asks another one: its line goes, and the change log says so.
    """
    asks = {f"{c.id}/{d.id}": track.question(c, d) for c in read_claims() for d in c.definitions}
    before = json.loads(Path(__file__).with_name("questions.json").read_text(encoding="utf-8"))
    assert {name: asks.get(name) for name in before} == before


@pytest.mark.parametrize("change", OTHER_QUESTIONS)
def test_other_words_event_or_window_are_another_question(change):
    assert asked(**change) != asked()


@pytest.mark.parametrize("change", SAME_QUESTION)
def test_what_makes_no_difference_to_the_answer_is_the_same_question(change):
    assert asked(**change) == asked()


def test_the_words_beside_an_event_are_not_asked_and_without_one_they_are():
    why = {"why": "Capex falls, by a tenth."}
    for event, same in ((FALL, True), (None, False)):
        one = claim(definition(event=event))
        other = claim(dataclasses.replace(one.definitions[0], **why))
        both = [track.question(c, c.definitions[0]) for c in (one, other)]
        assert (both[0] == both[1]) == same
    paraphrase = claim(quote="", text="Capex falls."), claim(quote="", text="Capex rises.")
    assert len({track.question(c, c.definitions[0]) for c in paraphrase}) == 2


def test_a_forecast_is_scored_only_on_the_question_it_was_made_for(tmp_path):
    changed = claim(definition(event={**FALL, "fall": 20}))
    lock(tmp_path, 0.9, DAY)  # of a fall of 10 %
    lock(tmp_path, 0.2, DAY, changed)
    resolve(tmp_path, "no", "2028-02-15", changed)
    assert scores(tmp_path)["brier"] == pytest.approx(0.04)  # with the other one 0.425
    assert scores(tmp_path)["forecasts"] == 1


def test_an_outcome_of_another_question_scores_nothing_and_says_so(tmp_path):
    lock(tmp_path, 0.9, DAY)
    resolve(tmp_path, "no", "2028-02-15", claim(definition(event={**FALL, "fall": 20})))
    found = track.record(tmp_path, LATER)
    assert found.events.empty
    assert "1 asked another question (other words, event or window)" in found.unscored[0]


def test_a_question_changed_and_changed_back_keeps_both_outcomes(tmp_path):
    changed = claim(definition(event={**FALL, "fall": 20}))
    lock(tmp_path, 0.9, DAY)
    lock(tmp_path, 0.2, dt.date(2026, 8, 1), changed)
    resolve(tmp_path, "yes", "2026-10-30")
    resolve(tmp_path, "no", "2028-02-15", changed)
    assert scores(tmp_path)["brier"] == pytest.approx((0.1**2 + 0.2**2) / 2)


# --- files of an earlier version -------------------------------------------------------------
def former_rows(path, columns, rows):
    """Write a file as it was before outcomes had a question and files had heads."""
    before, lines = "", [",".join((*columns, "link"))]
    for row in rows:
        before = hashlib.sha256("\x1f".join([before, *row]).encode()).hexdigest()[:16]
        lines.append(",".join((*row, before)))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n")


def former_question(definition):
    content = json.dumps(
        [as_table(definition.event), definition.window], sort_keys=True, default=str
    )
    return hashlib.sha256(content.encode()).hexdigest()[:12]


def test_forecasts_of_an_earlier_version_are_scored_on_their_event_and_window(tmp_path):
    path = tmp_path / "track" / "forecasts.csv"
    for_other = former_question(definition(event={**FALL, "fall": 20}))
    rows = [("2026-05-07", "2026-05-06", f"r{q[:4]}", "bust", "down", q, "2027-12-31", p, "", "", "")
            for q, p in ((former_question(definition()), "0.2"), (for_other, "0.9"))]  # fmt: skip
    former_rows(path, track.FORECASTS[:-1], rows)
    old = path.read_text()
    assert track.locked(tmp_path)["model"].tolist() == [0.2, 0.9]
    resolve(tmp_path, "no", "2028-02-15")
    assert scores(tmp_path)["brier"] == pytest.approx(0.04)
    assert lock(tmp_path, 0.3, DAY) == 1  # added to, not made anew
    assert path.read_text().startswith(old)


def test_a_run_locked_by_an_earlier_version_is_not_locked_again(tmp_path):
    row = ("2026-05-07", "2026-05-06", "one", "bust", "down", former_question(definition()),
           "2027-12-31", "0.2", "0.3", "", "")  # fmt: skip
    former_rows(tmp_path / "track" / "forecasts.csv", track.FORECASTS[:-1], [row])
    write_run(tmp_path, "one", 0.2)
    assert track.lock_run(tmp_path, "one", [ONE], DAY) == 0


def test_outcomes_of_an_earlier_version_stay_and_ask_to_be_entered_again(tmp_path):
    lock(tmp_path, 0.2, DAY)
    columns = ("written_on", "claim", "definition", "outcome", "on", "source")
    path = tmp_path / "track" / "outcomes.csv"
    former_rows(path, columns, [("2028-02-15", "bust", "down", "no", "2028-02-15", "a filing")])
    found = track.record(tmp_path, LATER)
    assert found.unscored == (
        "bust/down was resolved before outcomes held their question; resolve it again",
    )
    resolve(tmp_path, "no", "2028-02-15")
    assert track.outcomes(tmp_path)["question"].tolist() == [asked()]
    assert path.read_text().count("2028-02-15,bust,down") == 1  # the old row is there
    assert scores(tmp_path)["brier"] == pytest.approx(0.04)


# --- outcomes --------------------------------------------------------------------------------
def test_the_last_word_counts_and_the_others_stay(tmp_path):
    resolve(tmp_path, "yes", "2026-09-01")
    resolve(tmp_path, "open", "2026-09-02")
    assert track.outcomes(tmp_path)["outcome"].tolist() == ["open"]
    assert (tmp_path / "track" / "outcomes.csv").read_text().count("bust,down") == 2
    found = track.record(tmp_path, LATER)
    assert found.events.empty
    assert found.unscored == ("bust/down is open",)


@pytest.mark.parametrize("outcome", ["yes", "no"])
def test_a_claim_of_several_readings_decides_none_of_them(tmp_path, outcome):
    with pytest.raises(
        ClaimError, match=f"a {outcome} of the claim does not say .*deep, fall, crash"
    ):
        resolve(tmp_path, outcome, "2027-12-31", SIX)
    assert not (tmp_path / "track" / "outcomes.csv").exists()


def test_annulled_is_said_of_all_readings_at_once_and_at_any_time(tmp_path):
    for outcome in ("annulled", "ambiguous", "open"):
        got = resolve(tmp_path, outcome, "2026-06-01", SIX, today=dt.date(2026, 6, 1))
        assert got == dict.fromkeys(("deep", "fall", "crash"), outcome)


def test_named_readings_get_the_outcome_as_it_is_named(tmp_path):
    names = ["deep", "crash"]
    assert resolve(tmp_path, "no", "2028-01-01", SIX, definition=names) == dict.fromkeys(
        names, "no"
    )
    came = track.outcomes(tmp_path)
    assert dict(zip(came["definition"], came["outcome"], strict=True)) == dict.fromkeys(names, "no")


def test_a_claim_turns_its_only_reading_round_if_that_speaks_against_it(tmp_path):
    against = claim(definition("grows", polarity="opposite"))
    assert resolve(tmp_path, "no", "2026-09-01", against) == {"grows": "yes"}
    assert resolve(tmp_path, "yes", "2028-01-01", against) == {"grows": "no"}
    with pytest.raises(DataError, match="got a no on 2026-09-01"):
        resolve(tmp_path, "yes", "2026-09-01", against)
    lock(tmp_path, 0.2, DAY, against)
    assert scores(tmp_path)["brier"] == pytest.approx(0.04)  # P(grows) = 0.2, and it did not


@pytest.mark.parametrize(("first", "second"), [("fall", "crash"), ("crash", "fall")])
def test_readings_that_exclude_each_other_are_not_both_true(tmp_path, first, second):
    resolve(tmp_path, "yes", "2027-05-01", SIX, definition=first)
    resolve(tmp_path, "yes", "2027-05-01", SIX, definition="deep")
    with pytest.raises(ClaimError, match=f"six/{second} cannot be yes: it and {first}"):
        resolve(tmp_path, "yes", "2027-05-01", SIX, definition=second)
    resolve(tmp_path, "no", "2028-01-01", SIX, definition=second)
    resolve(tmp_path, "open", "2028-01-01", SIX, definition=first)
    resolve(tmp_path, "yes", "2027-05-01", SIX, definition=second)
    assert track.outcomes(tmp_path)["outcome"].tolist().count("yes") == 2


def test_readings_that_exclude_each_other_are_not_made_true_together(tmp_path):
    with pytest.raises(ClaimError, match="exclude each other"):
        resolve(tmp_path, "yes", "2027-05-01", SIX, definition=["fall", "crash"])
    assert not (tmp_path / "track" / "outcomes.csv").exists()


AT = {"kind": "threshold", "series": "A/capex", "op": ">", "value": 1.0, "at": "2027Q2"}
ALL = {"kind": "growth", "series": "A/capex", "op": ">", "value": 0, "how": "all"}


@pytest.mark.parametrize(
    ("outcome", "on", "event", "words"),
    [
        ("no", "2027-12-30", FALL, "may still come true: its window closes on 2027-12-31"),
        ("yes", "2028-01-01", FALL, "wanted one from 2026-06-01.* to 2027-12-31"),
        ("yes", "2026-05-31", FALL, "wanted one from 2026-06-01"),
        ("yes", "2027-06-29", AT, "wanted one from 2027-06-30, before which it cannot have"),
        ("yes", "2027-12-30", ALL, "wanted one from 2027-12-31"),
        ("yes", "2028-07-01", FALL, "to today's, 2028-06-30"),
        ("no", "2028-07-01", FALL, "to today's, 2028-06-30"),
        ("annulled", "2026-05-05", FALL, "from the claim's, 2026-05-06"),
        ("yes", "01.09.2026", FALL, "cannot read the day of the outcome"),
    ],
)
def test_a_day_on_which_the_outcome_cannot_be_known_is_refused(tmp_path, outcome, on, event, words):
    one = claim(definition(event=event, window=(dt.date(2026, 6, 1), END)))
    with pytest.raises(DataError, match=words):
        resolve(tmp_path, outcome, on, one)
    assert not (tmp_path / "track" / "outcomes.csv").exists()


@pytest.mark.parametrize(
    ("outcome", "on", "event"),
    [("no", "2027-12-31", FALL), ("no", "2028-06-30", FALL), ("yes", "2026-06-01", FALL),
     ("yes", "2027-12-31", FALL), ("yes", "2027-06-30", AT), ("yes", "2027-12-31", ALL),
     ("ambiguous", "2026-05-06", FALL)],
)  # fmt: skip
def test_the_first_and_the_last_day_are_taken(tmp_path, outcome, on, event):
    one = claim(definition(event=event, window=(dt.date(2026, 6, 1), END)))
    assert resolve(tmp_path, outcome, on, one) == {"down": outcome}


def test_without_a_window_nothing_has_failed_but_a_fact_may_be_false(tmp_path):
    judged, fact = (claim(definition(event=None, window=None), kind=kind)
                    for kind in ("judgement", "fact"))  # fmt: skip
    with pytest.raises(DataError, match="has no window and may still come true"):
        resolve(tmp_path, "no", "2027-01-01", judged)
    assert resolve(tmp_path, "yes", "2027-01-01", judged) == {"down": "yes"}
    assert resolve(tmp_path, "no", "2027-01-01", fact) == {"down": "no"}


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"outcome": "maybe"}, ClaimError, "wanted one of yes, no"),
        ({"source": "  "}, DataError, "say in a line where the outcome can be checked"),
        ({"source": "a\nb"}, DataError, "say in a line"),
        ({"source": "\udcff"}, DataError, "say in a line"),
        ({"definition": "other"}, ClaimError, "has no definition 'other'; there are down"),
        ({"definition": ["down", "other"]}, ClaimError, "has no definition 'other'"),
    ],
)
def test_a_bad_outcome_is_refused_and_nothing_written(tmp_path, change, error, words):
    given = {"outcome": "yes", "on": "2026-09-01", **change}
    with pytest.raises(error, match=words):
        resolve(tmp_path, given.pop("outcome"), given.pop("on"), **given)
    assert not (tmp_path / "track" / "outcomes.csv").exists()


# --- what the data decided -------------------------------------------------------------------
def decision(one, name, outcome="yes", on="2026-10-30"):
    definition = next(d for d in one.definitions if d.id == name)
    return Decision(one, definition, outcome, dt.date.fromisoformat(on), "data: A/capex")


def test_what_the_data_decide_is_entered_once(tmp_path, caplog):
    lock(tmp_path, 0.2, DAY)
    found = decision(ONE, "down")
    assert track.unresolved(tmp_path, [ONE]) == [(ONE, ONE.definitions[0])]
    assert track.enter(tmp_path, [found], LATER) == (found,)
    assert track.unresolved(tmp_path, [ONE]) == []
    assert track.enter(tmp_path, [found], LATER) == ()
    row = track.outcomes(tmp_path).iloc[0]
    assert (row["outcome"], row["on"], row["source"]) == ("yes", "2026-10-30", "data: A/capex")
    assert scores(tmp_path)["brier"] == pytest.approx(0.64)
    assert not caplog.messages


def test_what_was_taken_back_by_hand_is_not_entered_again(tmp_path):
    track.enter(tmp_path, [decision(ONE, "down")], LATER)
    resolve(tmp_path, "open", "2026-11-30")
    assert track.enter(tmp_path, [decision(ONE, "down")], LATER) == ()
    assert track.outcomes(tmp_path)["outcome"].tolist() == ["open"]


def test_a_changed_question_is_open_again(tmp_path):
    track.enter(tmp_path, [decision(ONE, "down")], LATER)
    assert track.unresolved(tmp_path, [claim(definition(event={**FALL, "fall": 20}))])


def test_data_that_contradict_a_true_reading_are_told_and_not_entered(tmp_path, caplog):
    resolve(tmp_path, "yes", "2026-09-01", SIX, definition="fall")
    both = [decision(SIX, "crash"), decision(SIX, "deep")]
    assert track.enter(tmp_path, both, LATER) == (both[1],)
    assert "not entered, though the data say yes: six/crash cannot be yes" in caplog.text


# --- scores ----------------------------------------------------------------------------------
def test_a_forecast_weighs_the_days_on_which_it_stood(tmp_path):
    lock(tmp_path, 0.2, dt.date(2026, 5, 7))  # 86 days, to the first of August
    lock(tmp_path, 0.6, dt.date(2026, 8, 1))  # 31 days, to the outcome
    lock(tmp_path, 0.99, dt.date(2026, 9, 1))  # of the day itself: too late
    resolve(tmp_path, "yes", "2026-09-01")
    got = scores(tmp_path)
    assert got["brier"] == pytest.approx((86 * 0.64 + 31 * 0.16) / 117)
    assert got["log"] == pytest.approx(-(86 * np.log(0.2) + 31 * np.log(0.6)) / 117)
    assert (got["forecasts"], got["days"], got["definitions"]) == (2, 117, 1)
    means = track.record(tmp_path, LATER).means.set_index(["forecaster", "score"])
    apart = means.loc[("model less naive", "brier")]
    assert apart["mean"] == pytest.approx(got["brier"] - 0.7**2)
    assert np.isnan(apart["low"])  # one event bears no interval


def test_a_no_is_scored_to_the_end_of_its_window_however_late_it_is_entered(tmp_path):
    lock(tmp_path, 0.2, dt.date(2027, 12, 1))  # 20 days
    lock(tmp_path, 0.4, dt.date(2027, 12, 21))  # 10 days
    resolve(tmp_path, "no", "2028-03-01")
    got = scores(tmp_path)
    assert got["brier"] == pytest.approx((20 * 0.04 + 10 * 0.16) / 30)
    assert got["log"] == pytest.approx((20 * log_loss(0.2, False) + 10 * log_loss(0.4, False)) / 30)


def test_running_every_day_does_not_change_the_score(tmp_path):
    once, daily = tmp_path / "once", tmp_path / "daily"
    for k in range(10):
        lock(daily, 0.2, dt.date(2027, 12, 1) + dt.timedelta(days=k))
    lock(once, 0.2, dt.date(2027, 12, 1))
    for out in (once, daily):
        lock(out, 0.8, dt.date(2027, 12, 21))
        resolve(out, "no", "2027-12-31")
        assert scores(out)["brier"] == pytest.approx((20 * 0.04 + 10 * 0.64) / 30)


def test_of_two_runs_on_a_day_the_last_one_stands(tmp_path):
    lock(tmp_path, 0.9, DAY)
    lock(tmp_path, 0.2, DAY)
    resolve(tmp_path, "no", "2027-12-31")
    assert scores(tmp_path)["brier"] == pytest.approx(0.04)
    assert scores(tmp_path)["forecasts"] == 1


def test_a_forecast_of_the_windows_last_day_stood_for_none(tmp_path):
    lock(tmp_path, 0.9, END)
    resolve(tmp_path, "no", "2028-01-31")
    found = track.record(tmp_path, LATER)
    assert found.events.empty
    assert found.unscored[0].endswith("none stood for a day before its window closed")


def test_a_forecast_that_knew_the_outcome_is_not_scored(tmp_path):
    lock(tmp_path, 0.9, dt.date(2026, 9, 1))
    resolve(tmp_path, "yes", "2026-09-01")
    assert "none of 1 was written before 2026-09-01" in track.record(tmp_path, LATER).unscored[0]
    resolve(tmp_path, "yes", "2026-09-10")
    assert scores(tmp_path)["brier"] == pytest.approx(0.01)
    lock(tmp_path, 0.99, dt.date(2026, 9, 9), data="2026-09-10")  # data of the day itself
    assert scores(tmp_path)["brier"] == pytest.approx(0.01)


def test_one_vote_a_claim_however_many_definitions(tmp_path):
    lock(tmp_path, {"deep": 0.1, "fall": 0.3}, DAY, SIX)
    lock(tmp_path, 0.8, DAY)
    resolve(tmp_path, "no", "2027-12-31", SIX, definition=["deep", "fall"])
    resolve(tmp_path, "no", "2027-12-31")
    found = track.record(tmp_path, LATER)
    ours = found.events[found.events["forecaster"] == "model"].set_index("claim")
    assert ours.loc["six", "brier"] == pytest.approx((0.01 + 0.09) / 2)
    assert ours.loc["six", "definitions"] == 2
    means = found.means.set_index(["forecaster", "score"])
    assert means.loc[("model", "brier"), "mean"] == pytest.approx((0.05 + 0.64) / 2)
    assert means.loc[("model", "brier"), "events"] == 2


def test_the_model_is_compared_on_the_days_on_which_the_other_forecast_too(tmp_path):
    lock(tmp_path, 0.9, dt.date(2027, 12, 1), naive=None)
    lock(tmp_path, 0.2, dt.date(2027, 12, 21), naive=0.4)
    resolve(tmp_path, "no", "2027-12-31")
    means = track.record(tmp_path, LATER).means.set_index(["forecaster", "score"])["mean"]
    assert means["model", "brier"] == pytest.approx((20 * 0.81 + 10 * 0.04) / 30)
    assert means["model less naive", "brier"] == pytest.approx(0.04 - 0.16)


# --- early and late --------------------------------------------------------------------------
def test_an_early_yes_counts_in_the_means_when_its_window_has_closed_like_a_no(tmp_path):
    other = claim(definition("other"), name="other")
    for one, p in ((ONE, 0.6), (other, 0.3)):
        lock(tmp_path, p, DAY, one)
    resolve(tmp_path, "yes", "2026-09-01")
    early = track.record(tmp_path, dt.date(2026, 12, 1))
    assert early.means.empty
    assert early.events["closed"].tolist() == [False, False]  # the model's and the naive rule's
    assert early.events["brier"].iloc[0] == pytest.approx(0.16)
    assert early.waiting == (
        "bust/down was yes on 2026-09-01; it counts when its window has closed, on 2027-12-31, like "
        "those that do not come true",
    )
    assert track.record(tmp_path, END).means.empty  # its last day
    resolve(tmp_path, "no", "2027-12-31", other)
    late = track.record(tmp_path, dt.date(2028, 1, 1))
    means = late.means.set_index(["forecaster", "score"])["mean"]
    assert means["model", "brier"] == pytest.approx((0.16 + 0.09) / 2)
    assert not late.waiting


def test_what_closed_without_an_outcome_is_overdue(tmp_path):
    lock(tmp_path, {"deep": 0.1, "fall": 0.3}, DAY, SIX)
    resolve(tmp_path, "yes", "2026-09-01", SIX, definition="fall")
    assert track.record(tmp_path, END).overdue == ()
    found = track.record(tmp_path, LATER)
    assert found.overdue == ("six/deep closed on 2027-12-31 without an outcome",)
    resolve(tmp_path, "annulled", "2028-06-01", SIX, definition="deep")
    assert track.record(tmp_path, LATER).overdue == ()
    resolve(tmp_path, "open", "2028-06-01", SIX, definition="deep")
    assert track.record(tmp_path, LATER).overdue == found.overdue


def test_what_is_no_longer_asked_is_not_overdue(tmp_path):
    lock(tmp_path, 0.9, DAY)
    lock(tmp_path, 0.2, DAY, claim(definition(window=(SAID, dt.date(2029, 12, 31)))))
    assert track.record(tmp_path, LATER).overdue == ()


def test_the_interval_is_students():
    got = track.mean_of([0.1, 0.2, 0.6])
    half = 2.919986 * np.std([0.1, 0.2, 0.6], ddof=1) / np.sqrt(3)
    assert (got.low, got.high) == pytest.approx((0.3 - half, 0.3 + half), rel=1e-5)


# --- realised values -------------------------------------------------------------------------
def test_numbers_that_came_have_one_vote_each_and_weigh_the_days_their_forecasts_stood(
    tmp_path, caplog
):
    known = as_of(read_vintages(), "2026-05-06")
    row = known.rows[(known.rows["entity"] == "MSFT") & (known.rows["metric"] == "capex")].iloc[-1]
    assert row["reported_on"] == "2026-04-29"
    levels = np.array([0.025, 0.1, 0.25, 0.5, 0.75, 0.9, 0.975])
    centre = row["value"] / 1000
    from forecast.evaluation.surprise import _target

    def quantiles(factor, day):
        return pd.DataFrame(
            {"model": "earnings", "as_of": day, "entity": "MSFT", "metric": "capex",
             "target_period": _target(row["period"]), "quantile": levels,
             "value": centre * factor * np.linspace(0.8, 1.2, 7), "unit": "USD bn"}
        )  # fmt: skip

    made = {"one": (1.0, "2026-03-30"), "two": (1.22, "2026-04-19"), "again": (1.0, "2026-04-19"),
            "after": (1.0, "2026-05-06")}  # fmt: skip
    for name, given in made.items():
        write_run(tmp_path, name, 0.2, forecasts=quantiles(*given))
    got = track.numbers(tmp_path, known).iloc[0]
    assert (got["metric"], got["events"], got["forecasts"]) == ("capex", 1, 3)
    days = np.array([20, 5, 5]) / 30  # the ten days of two runs on the same data are shared
    assert got["c50"] == pytest.approx(days @ [1, 0, 1])
    assert got["c80"] == pytest.approx(days @ [1, 0, 1])  # 0.87 to 1.13 of the centre, times 1.22
    assert got["c95"] == pytest.approx(1)  # 0.8 times 1.22 lies below the centre
    spread, came = np.log(centre * np.linspace(0.8, 1.2, 7)), np.log(centre)
    each = [crps_of_quantiles(levels, spread + np.log(f), came) for f in (1.0, 1.22, 1.0)]
    assert got["crps"] == pytest.approx(days @ each)
    assert not caplog.messages
    (tmp_path / "runs" / "two" / "manifest.json").write_text("{}")
    track.numbers(tmp_path, known)
    (record,) = caplog.records
    assert record.levelname == "WARNING"  # seen without asking for progress
    assert "altered manifest.json" in record.message


# --- the commands ----------------------------------------------------------------------------
FILE = """
source = "a paper"
source_date = "2025-01-02"

[[claim]]
id = "growth"
kind = "forecast"
words = "paraphrase"
text = "Capex grows, or does not."

[[claim.definition]]
id = "above_10"
model = "earnings"
event = { kind = "first_passage", series = "A/capex", op = ">=", value = 10 }
window = ["2025-01-02", "2025-12-31"]
why = "A quarter of 10 or more."

[[claim.definition]]
id = "above_20"
model = "earnings"
event = { kind = "first_passage", series = "A/capex", op = ">=", value = 20 }
window = ["2025-01-02", "2025-12-31"]
why = "A quarter of 20 or more."

[[claim.definition]]
id = "flat"
model = "none"
window = ["2025-01-02", "2025-12-31"]
why = "An analyst calls it flat."
polarity = "opposite"
excludes = ["above_20"]
"""
COLUMNS = "entity,metric,period,value,unit,reported_on,source,confidence,qualifier\n"


@pytest.fixture
def folder(tmp_path):
    """Return a data folder with a claim that its table decides in part: 10 in 2025Q3."""
    data = tmp_path / "data"
    (data / "article").mkdir(parents=True)
    (data / "article" / "claims.toml").write_text(FILE)
    rows = []
    for k in range(12):
        year, quarter = 2023 + k // 4, k % 4 + 1
        reported = f"{year + (quarter == 4)}-{(4, 7, 10, 1)[quarter - 1]:02d}-28"
        rows.append(f"A,capex,{year}Q{quarter},{k},USD bn,{reported},filing,A,\n")
    (data / "vintages").mkdir()
    (data / "vintages" / "a.csv").write_text(COLUMNS + "".join(rows[1:]))
    return data


def test_the_commands(tmp_path, folder, capsys):
    out, one = tmp_path / "out", read_claims(folder / "article" / "claims.toml")[0]
    lock(out, {"above_10": 0.7, "above_20": 0.2}, dt.date(2025, 9, 28), one, data="2025-09-28")
    where = ["--data", str(folder), "--out", str(out)]
    assert main.main(["track", *where]) == 0
    text = capsys.readouterr()
    assert "growth/above_10 is yes on 2025-10-28 (data: A/capex" in text.err
    assert "growth/above_20 is no on 2026-01-28 (data: A/capex" in text.err
    assert (
        "counted when its window has closed, whether it came true early or not at all" in text.out
    )
    assert main.main(["track", "--json", *where]) == 0
    text = capsys.readouterr()
    assert "is yes" not in text.err  # entered once
    content = json.loads(text.out)
    assert content["locked"] == 2
    assert [row["outcome"] for row in content["outcomes"]] == ["yes", "no"]
    assert {row["source"][:5] for row in content["outcomes"]} == {"data:"}
    assert content["events"][0]["brier"] == pytest.approx((0.3**2 + 0.2**2) / 2)
    assert (content["waiting"], content["overdue"], content["unscored"]) == ([], [], [])

    words = ["--on", "2025-12-31", "--source", "a note", *where]
    assert main.main(["resolve", "growth", "no", *words]) == 1
    assert "growth has 3 definitions, and a no of the claim" in capsys.readouterr().err
    given = ["--definition", "flat", "--definition", "above_20"]
    assert main.main(["resolve", "growth", "yes", *given, *words]) == 1
    assert "exclude each other" in capsys.readouterr().err
    assert main.main(["resolve", "growth", "no", *given, *words]) == 0
    assert "growth: above_20 is no, flat is no" in capsys.readouterr().err
    assert main.main(["resolve", "nothing", "no", *words]) == 1
    assert "no claim is called 'nothing'" in capsys.readouterr().err


def test_a_track_of_which_the_end_is_cut_off_ends_in_a_sentence(tmp_path, folder, capsys):
    out, one = tmp_path / "out", read_claims(folder / "article" / "claims.toml")[0]
    lock(out, {"above_10": 0.7, "above_20": 0.2}, dt.date(2025, 9, 28), one, data="2025-09-28")
    path = out / "track" / "forecasts.csv"
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:-1]))
    assert main.main(["track", "--data", str(folder), "--out", str(out)]) == 1
    assert "got the end '1 " in capsys.readouterr().err


def test_what_is_decided_is_no_forecast(tmp_path):
    assert lock(tmp_path, 1.0, dt.date(2026, 6, 1)) == 0
    assert lock(tmp_path, 0.99, dt.date(2026, 6, 1)) == 1


def test_a_default_written_out_and_a_sum_in_another_order_ask_the_same():
    one = claim(definition("a", {**FALL, "series": ["A/x", "B/x"]}))
    same = claim(
        definition("a", {**FALL, "series": ["B/x", "A/x"], "on": "y", "peak_from": "record"})
    )
    other = claim(definition("a", {**FALL, "series": ["A/x", "B/x"], "peak_from": "window"}))
    asked = [track.question(c, c.definitions[0]) for c in (one, same, other)]
    assert asked[0] == asked[1] != asked[2]
