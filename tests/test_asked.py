"""A claims file is judged by the draws of a finished run, without fitting and without writing."""

import json

import pytest
from conftest import without_pictures, without_sampling

from forecast.claims.events import happens
from forecast.claims.judge import probability
from forecast.claims.read import read_claims
from forecast.cli import main
from forecast.inference import sampling
from forecast.news.stored import latest

HEAD = """
source = "a test"
source_date = 2026-05-06

[[claim]]
id = "a"
kind = "forecast"
words = "paraphrase"
text = "Investment falls."
"""
GROWTH = """
[[claim.definition]]
id = "{id}"
model = "{model}"
event = {{ kind = "growth", series = "{series}", op = "<=", value = {value}, lag = {lag} }}
window = ["2026-12-31", "{end}"]
why = "It grows by at most {value} %."
"""
GOOD = {"id": "d", "model": "market", "series": "AI market/ai_investment", "value": 20, "lag": 1,
        "end": "2027-12-31"}  # fmt: skip
REACH = {
    "series": ({"series": "AI market/wages"}, "no series AI market/wages; there are AI market"),
    "window": ({"end": "2045-12-31"}, "put this into DIR/articles/NAME/claims.toml, then forecast run"),
    "event": ({"lag": 9, "end": "2027-12-31"}, "growth over 9 period(s) needs 9 period(s) before"),
    "model": ({"model": "earnings", "series": "MSFT/capex"},
              "was made without the earnings model: forecast run --models market,adoption,earnings"),
}  # fmt: skip


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    out = tmp_path_factory.mktemp("asked") / "out"
    with pytest.MonkeyPatch.context() as patch:
        without_sampling(patch)
        without_pictures(patch)
        line = ["run", "--quick", "--models", "market,adoption", "--out", str(out)]
        assert main.main(line) == 0
    return out


@pytest.fixture(autouse=True)
def _no_fit(monkeypatch):
    def refuse(*args, **kwargs):
        raise AssertionError("something was fitted")

    monkeypatch.setattr(sampling, "sample_model", refuse)


def ask(out, text, tmp_path, capsys, *more):
    path = tmp_path / "own.toml"
    path.write_text(HEAD + text)
    before = {p: p.stat().st_mtime_ns for p in out.rglob("*")}
    code = main.main(["claims", "--file", str(path), "--out", str(out), "--json", *more])
    assert {p: p.stat().st_mtime_ns for p in out.rglob("*")} == before
    shown, said = capsys.readouterr()
    return code, json.loads(shown), said


def test_a_claims_file_is_judged_by_the_stored_draws(out, tmp_path, capsys):
    code, (row,), said = ask(out, GROWTH.format(**GOOD), tmp_path, capsys)
    run = latest(out)
    assert f"judged by the draws of the run {run.id}, data as of {run.as_of}" in said
    _, draws = run.fitted("market")
    definition = read_claims(tmp_path / "own.toml")[0].definitions[0]
    p, error = probability(happens(draws, definition.event, definition.window))
    assert (code, row["status"], row["probability"], row["mcse"]) == (0, "judged", p, error)
    assert 0.02 < p < 0.98
    assert error > 0


@pytest.mark.parametrize("what", sorted(REACH))
def test_what_the_stored_draws_do_not_reach_is_said_with_what_to_run(what, out, tmp_path, capsys):
    change, message = REACH[what]
    text = GROWTH.format(**GOOD) + GROWTH.format(**{**GOOD, "id": "other", **change})
    code, (good, other), said = ask(out, text, tmp_path, capsys)
    assert code == 1
    assert good["status"] == "judged"  # the others have their answer
    assert other["probability"] is None
    assert other["status"] == ("model not run" if what == "model" else "not judged")
    (line,) = [line for line in said.splitlines() if line.startswith("not judged: ")]
    assert line.startswith("not judged: a/other: ")
    assert message in line
    assert message in other["text"]


def test_a_model_that_failed_its_gate_is_said(out, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("forecast.news.stored.Stored.passed", lambda self, model: model != "market")
    code, (row,), said = ask(out, GROWTH.format(**GOOD), tmp_path, capsys)
    assert (code, row["status"], row["probability"]) == (1, "gate failed", None)
    assert "the market model did not pass its gate" in said


def test_a_damaged_run_judges_nothing(out, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("forecast.store.runs.sha256_of", lambda path: "0")
    path = tmp_path / "own.toml"
    path.write_text(HEAD + GROWTH.format(**GOOD))
    assert main.main(["claims", "--file", str(path), "--out", str(out)]) == 1
    assert "altered" in capsys.readouterr().err


def test_judgements_and_facts_need_no_draws(out, tmp_path, capsys):
    text = """
[[claim.definition]]
id = "d"
model = "none"
why = "It is a matter of taste."
"""
    path = tmp_path / "own.toml"
    path.write_text(HEAD.replace('"forecast"', '"judgement"') + text)
    assert main.main(["claims", "--file", str(path), "--out", str(out), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["status"] == "judgement"
