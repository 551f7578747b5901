"""The fits of a run: in what order they are begun and told, and what goes with them."""

import contextlib
import logging
from types import SimpleNamespace

import pytest

from forecast.app import jobs
from forecast.core.errors import GateError
from forecast.core.progress import heard_by
from forecast.evaluation.hold_out import Foreseen

DAYS = ("1999-12-31", "2000-12-31")


def job(model, obs, **more):
    panel = SimpleNamespace(model=model, data=SimpleNamespace(sizes={"obs": obs}))
    return jobs.Job(panel, "2030", 1, False, "place", **more)


@pytest.fixture
def work(monkeypatch):
    """Put stand-ins in the place of what is fitted; return what the crew was asked for."""
    asked = []

    def fit_sets(one, seconds):
        passed = one.model != "bad"
        seconds[f"fit {one.model}"] = 1.0
        logging.getLogger("forecast").info(f"fit {one.model}: 1.0 s")
        return {"default": SimpleNamespace(gate=SimpleNamespace(passed=passed), model=one.model)}

    def hindcast(model, tables, day, *, seed, place):
        if (model, day) == ("hazard", DAYS[1]):
            raise GateError("it did not mix")
        return ((model, day, place),)

    @contextlib.contextmanager
    def last_first(work, workers):
        def hand_out(tasks):
            asked.append(([one.model for one in tasks], workers))
            return map(work, reversed(tasks))

        yield hand_out

    monkeypatch.setattr(jobs, "crew", last_first)
    monkeypatch.setattr(jobs, "_fit_sets", fit_sets)
    monkeypatch.setattr(jobs, "_all_stored", lambda one: one.model == "known")
    monkeypatch.setattr(jobs, "hindcast", hindcast)

    def foreseen(panel, sources, *, seed, place):
        return (Foreseen(panel.model, f"{sources} {seed} {place}"),)

    monkeypatch.setattr(jobs, "foreseen", foreseen)
    return asked


def results(todo, workers):
    """Return what became of jobs, and the lines that were told as each of them was given."""
    done, told = [], []
    hear = heard_by(lambda record: told.append(record.getMessage()))
    with hear, jobs.at_work(todo, workers) as begin:
        told.append("nothing is fitted yet")
        for one in begin():
            told.append(f"got {one.model}")
            done.append(one)
    return done, told


def test_the_longest_is_begun_first_and_all_are_told_in_that_order(work):
    # Two observations with two prior sets more and two days are ten; the hold-out makes twelve.
    todo = [
        job("small", 1),
        job("big", 11),
        job("many", 2, variants=("a", "b"), days=DAYS, sources="rows"),
    ]
    alone, together = (results(todo, n) for n in (1, 2))
    assert work == [(["many", "big", "small"], 2)]
    assert [one.model for one in together[0]] == ["many", "big", "small"]
    assert alone[0] == together[0]
    lines = [line for line in alone[1] if not line.endswith("...")]
    start = "fit 3 models in 2 processes ..."
    ended = [line for line in together[1] if line == start or not line.endswith("...")]
    assert ended == [lines[0], start, *lines[1:]]
    assert [line for line in lines if line.startswith(("fit", "got"))] == [
        f"{what} {name}{': 1.0 s' if what == 'fit' else ''}"
        for name in ("many", "big", "small")
        for what in ("fit", "got")
    ]


def test_no_process_is_started_for_one_job_or_for_stored_ones(work):
    for todo in ([job("market", 5)], [job("known", 5), job("market", 5)], [job("known", 5)]):
        assert len(results(todo, 2)[0]) == len(todo)
    assert work == []
    done, told = results([job("known", 5), job("market", 9), job("hazard", 1)], 4)
    assert work == [(["market", "hazard"], 2)]
    assert [one.model for one in done] == ["market", "known", "hazard"]
    assert told.count("fit known: 1.0 s") == told.count("fit market: 1.0 s") == 1


def test_checks_go_with_the_fits_of_their_model(work):
    more = {"days": DAYS, "sources": "rows"}
    done, _ = results(
        [job("hazard", 3, days=DAYS), job("market", 2, **more), job("bad", 1, **more)], 2
    )
    found = {one.model: one for one in done}
    seed = jobs.child_seed(1, "market", "hold out")
    assert found["market"].foreseen == (Foreseen("market", f"rows {seed} place"),)
    assert set(found["market"].seconds) == {
        "fit market", "newest figures by market", "hindcast by market",
    }  # fmt: skip
    assert found["hazard"].foreseen == ()
    assert found["bad"].foreseen == (Foreseen("bad", reason="its fit did not pass its gate"),)
    assert found["hazard"].hindcasts[DAYS[1]] == "it did not mix"
    assert found["bad"].hindcasts == {}  # nothing more is fitted of what failed its gate


def test_a_day_that_one_model_cannot_tell_of_is_left_out(work, caplog):
    done, _ = results([job("market", 3, days=DAYS), job("hazard", 2, days=DAYS)], 1)
    caplog.set_level("WARNING", logger="forecast")
    rows = jobs.hindcasts_of(done, DAYS)
    assert rows == (("market", DAYS[0], "place"), ("hazard", DAYS[0], "place"))
    assert caplog.messages == [f"no hindcast as of {DAYS[1]}: it did not mix"]
    assert jobs.hindcasts_of(done, ()) == ()
