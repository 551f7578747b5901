"""The track record: locked rows, outcomes, one vote an event."""

import dataclasses
import datetime as dt
import json

import numpy as np
import pandas as pd
import pytest

from forecast import cli, store, track
from forecast.claims import read_claims
from forecast.schema import ClaimError, DataError, StoreError
from forecast.score import crps_of_quantiles
from forecast.sources import read_vintages
from forecast.vintages import as_of

DAY = dt.date(2026, 5, 7)
CLAIM, READING = "value_correction", "capex_down_10"


@pytest.fixture(scope="module")
def claims():
    return read_claims()


def reading(claims, claim=CLAIM):
    return next(c for c in claims if c.id == claim).definitions[0].id


def write_run(
    out, name, probability, claims, *, forecasts=None, as_of_date="2026-05-06", naive=0.3
):
    """Write a run folder that holds what the track record reads."""
    first = reading(claims)

    def fill(folder):
        content = {
            "manifest": {"as_of": as_of_date},
            "verdicts": [{"claim": CLAIM, "definition": first, "probability": probability}],
            "sensitivity": [{"claim": CLAIM, "definition": first, "naive": naive}],
        }
        for file, value in content.items():
            (folder / f"{file}.json").write_text(json.dumps(value))
        table = pd.DataFrame() if forecasts is None else forecasts
        table.to_parquet(folder / "forecasts.parquet")

    return store.write_run(out, name, fill)


def test_a_forecast_is_locked_once_and_found_again(tmp_path, claims):
    write_run(tmp_path, "one", 0.2, claims)
    assert track.lock_run(tmp_path, "one", claims, DAY) == 1
    assert track.lock_run(tmp_path, "one", claims, DAY) == 0
    row = track.locked(tmp_path).iloc[0]
    assert (row["claim"], row["model"], row["naive"]) == (CLAIM, 0.2, 0.3)
    assert row["written_on"] == "2026-05-07"
    implied = next(c for c in claims if c.id == CLAIM).implied
    assert row["implied"] == pytest.approx((implied.low + implied.high) / 2)
    assert np.isnan(row["base_rate"])


def test_a_window_that_is_over_is_not_locked(tmp_path, claims):
    write_run(tmp_path, "one", 0.2, claims)
    assert track.lock_run(tmp_path, "one", claims, dt.date(2031, 1, 1)) == 0


def test_a_changed_reading_is_another_question(tmp_path, claims):
    write_run(tmp_path, "one", 0.2, claims)
    track.lock_run(tmp_path, "one", claims, DAY)
    claim = next(c for c in claims if c.id == CLAIM)
    later = dataclasses.replace(
        claim.definitions[0], window=(claim.definitions[0].window[0], dt.date(2029, 1, 1))
    )
    changed = [dataclasses.replace(claim, definitions=(later, *claim.definitions[1:]))]
    assert track.lock_run(tmp_path, "one", changed, DAY) == 1
    assert track.locked(tmp_path)["question"].nunique() == 2


@pytest.mark.parametrize("harm", ["number", "gone", "swapped"])
def test_a_later_change_shows(tmp_path, claims, harm):
    for name, p in (("one", 0.2), ("two", 0.4), ("three", 0.6)):
        write_run(tmp_path, name, p, claims)
        track.lock_run(tmp_path, name, claims, DAY)
    path = tmp_path / "track" / "forecasts.csv"
    lines = path.read_text().splitlines()
    if harm == "number":
        lines[1] = lines[1].replace("0.2", "0.9")
    elif harm == "gone":
        del lines[2]
    else:
        lines[1], lines[2] = lines[2], lines[1]
    path.write_text("\n".join(lines) + "\n")
    with pytest.raises(
        StoreError, match=f"line {3 if harm == 'gone' else 2} is not what was written"
    ):
        track.locked(tmp_path)
    write_run(tmp_path, "four", 0.1, claims)
    with pytest.raises(StoreError):
        track.lock_run(tmp_path, "four", claims, DAY)


def resolve(out, claims, outcome="yes", on="2026-09-01", **more):
    given = {"source": "a filing", "today": dt.date(2026, 12, 1), **more}
    return track.resolve(out, claims, CLAIM, outcome, on=on, **given)


def test_one_vote_a_claim_however_often_forecast(tmp_path, claims):
    for name, p, day in (("one", 0.2, DAY), ("two", 0.6, dt.date(2026, 8, 1)),
                         ("late", 0.99, dt.date(2026, 9, 1))):  # fmt: skip
        write_run(tmp_path, name, p, claims)
        track.lock_run(tmp_path, name, claims, day)
    resolve(tmp_path, claims, definition=reading(claims))
    found = track.record(tmp_path)
    ours = found.events[found.events["forecaster"] == "model"]
    assert len(ours) == 1
    assert ours["brier"].iloc[0] == pytest.approx((0.8**2 + 0.4**2) / 2)  # not the late one
    assert ours["forecasts"].iloc[0] == 2
    means = found.means.set_index(["forecaster", "score"])
    apart = means.loc[("model less naive", "brier")]
    assert apart["mean"] == pytest.approx(ours["brier"].iloc[0] - 0.7**2)
    assert np.isnan(apart["low"])  # one event bears no interval


def test_the_last_word_counts_and_the_others_stay(tmp_path, claims):
    one = reading(claims)
    resolve(tmp_path, claims, "yes", definition=one)
    resolve(tmp_path, claims, "open", definition=one)
    assert track.outcomes(tmp_path)["outcome"].tolist() == ["open"]
    assert (tmp_path / "track" / "outcomes.csv").read_text().count(one) == 2
    found = track.record(tmp_path)
    assert found.events.empty
    assert found.unscored == (f"{CLAIM}/{one} is open",)


def test_without_a_reading_all_of_the_claim_are_resolved(tmp_path, claims):
    chosen = resolve(tmp_path, claims, "no")
    assert len(chosen) == len(next(c for c in claims if c.id == CLAIM).definitions)
    assert all("none made" in line for line in track.record(tmp_path).unscored)


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"outcome": "maybe"}, ClaimError, "wanted one of yes, no"),
        ({"on": "2026-12-24"}, DataError, "to today's, 2026-12-01"),
        ({"on": "2020-01-01"}, DataError, "wanted one from the claim's"),
        ({"source": "  "}, DataError, "say where the outcome can be checked"),
        ({"definition": "other"}, ClaimError, "has no reading 'other'"),
    ],
)
def test_a_bad_outcome_is_refused_and_nothing_written(tmp_path, claims, change, error, words):
    with pytest.raises(error, match=words):
        resolve(tmp_path, claims, **change)
    assert not (tmp_path / "track" / "outcomes.csv").exists()


def test_the_interval_is_students(tmp_path):
    got = track.mean_of([0.1, 0.2, 0.6])
    half = 2.919986 * np.std([0.1, 0.2, 0.6], ddof=1) / np.sqrt(3)
    assert (got.low, got.high) == pytest.approx((0.3 - half, 0.3 + half), rel=1e-5)


def test_numbers_that_came_have_one_vote_each(tmp_path, claims):
    table = read_vintages()
    known = as_of(table, "2026-05-06")
    row = known[(known["entity"] == "MSFT") & (known["metric"] == "capex")].iloc[-1]
    levels = np.array([0.025, 0.1, 0.25, 0.5, 0.75, 0.9, 0.975])
    centre = row["value"] / 1000
    from forecast.surprise import _target

    def quantiles(factor, day):
        return pd.DataFrame(
            {"model": "earnings", "as_of": day, "entity": "MSFT", "metric": "capex",
             "target_period": _target(row["period"]), "quantile": levels,
             "value": centre * factor * np.linspace(0.8, 1.2, 7), "unit": "USD bn"}
        )  # fmt: skip

    write_run(tmp_path, "one", 0.2, claims, forecasts=quantiles(1.0, "2025-01-01"))
    write_run(tmp_path, "two", 0.2, claims, forecasts=quantiles(1.5, "2025-06-01"))
    write_run(tmp_path, "after", 0.2, claims, forecasts=quantiles(1.0, "2026-05-06"))
    said = []
    got = track.numbers(tmp_path, known, said.append).iloc[0]
    assert (got["metric"], got["events"], got["forecasts"]) == ("capex", 1, 2)
    assert got["c80"] == 0.5  # held by the first, missed by the second
    spread, came = np.log(centre * np.linspace(0.8, 1.2, 7)), np.log(centre)
    each = [crps_of_quantiles(levels, spread + np.log(f), came) for f in (1.0, 1.5)]
    assert got["crps"] == pytest.approx(np.mean(each))
    assert not said
    (tmp_path / "runs" / "two" / "manifest.json").write_text("{}")
    track.numbers(tmp_path, known, said.append)
    assert "altered manifest.json" in said[0]


def test_the_commands(tmp_path, claims, capsys):
    write_run(tmp_path, "one", 0.2, claims)
    track.lock_run(tmp_path, "one", claims, DAY)
    words = ["--on", "2026-05-08", "--source", "a filing", "--out", str(tmp_path)]
    assert cli.main(["resolve", CLAIM, "no", *words, "--definition", reading(claims)]) == 0
    assert "brier" in capsys.readouterr().out
    assert cli.main(["track", "--json", "--out", str(tmp_path)]) == 0
    content = json.loads(capsys.readouterr().out)
    assert content["locked"] == 1
    assert content["outcomes"][0]["outcome"] == "no"
    assert cli.main(["resolve", "nothing", "no", *words]) == 1
    assert "no claim is called 'nothing'" in capsys.readouterr().err
