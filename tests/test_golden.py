"""Draws, baselines and verdicts are the numbers that version 0.1 gave.

``golden.json`` was written by the code before the packages were rearranged: for each model the 10 %,
50 % and 90 % quantiles of every series at the model's horizon, drawn from the prior on the shipped
data, the same of its baseline, and the verdicts of the shipped claims on those draws. A change of a
law, a table or a claim changes it on purpose: say so in the change log and write the numbers anew with
``python tests/test_golden.py``.
"""

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from forecast.claims.judge import judge
from forecast.claims.read import read_claims
from forecast.inference.sampling import prior_draws
from forecast.models.panels import build_panel, shipped
from forecast.models.registry import NAMES, get_model
from forecast.tables.shipped import read_vintages
from forecast.tables.vintages import as_of

PLACE = Path(__file__).with_name("golden.json")
MODELS = [name for name in NAMES if shipped(name)]


def ends(draws):
    y = draws["y"].isel(period=-1)
    rows = y.quantile([0.1, 0.5, 0.9], ("chain", "draw")).transpose("series", "quantile").values
    return {
        str(name): [None if np.isnan(v) else float(f"{v:.9g}") for v in row]
        for name, row in zip(draws["series"].values, rows, strict=True)
    }


def drawn(known, name):
    panel, model = build_panel(known, name), get_model(name)
    until = model.horizon(panel.as_of)
    paths = prior_draws(model, panel, model.priors, size=40, seed=7)
    draws = model.draw(paths, panel, model.priors, until, np.random.default_rng(7))
    rule = model.baseline
    beside = None if rule is None else rule(panel, until=until, seed=7, chains=1, draws=40)
    return draws.assign_attrs(model=name, as_of=panel.as_of, data_hash="0"), beside


def answers(draws):
    return {
        f"{v.claim}/{v.definition}": [v.status, v.probability, v.window_start, v.window_end]
        for v in judge(read_claims(), draws)
    }


@pytest.fixture(scope="module")
def golden():
    return json.loads(PLACE.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def now(known):
    return {name: drawn(known, name) for name in MODELS}


def test_no_model_came_or_went(golden):
    assert set(golden) == {*MODELS, "verdicts"}


@pytest.mark.parametrize("name", MODELS)
def test_draws_and_baseline_are_as_before(golden, now, name):
    draws, beside = now[name]
    same(ends(draws), golden[name]["draws"])
    same({} if beside is None else ends(beside), golden[name]["baseline"])


def same(got, wanted):
    assert list(got) == sorted(wanted, key=list(got).index)
    for series, values in wanted.items():
        assert got[series] == pytest.approx(values, rel=1e-6), series


def test_verdicts_are_as_before(golden, now):
    assert answers([draws for draws, _ in now.values()]) == golden["verdicts"]


if __name__ == "__main__":
    rows = {name: drawn(as_of(read_vintages(), "2026-05-06"), name) for name in MODELS}
    content = {
        name: {"draws": ends(draws), "baseline": {} if beside is None else ends(beside)}
        for name, (draws, beside) in rows.items()
    }
    content["verdicts"] = answers([draws for draws, _ in rows.values()])
    PLACE.write_text(json.dumps(content, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    sys.stdout.write(f"wrote {PLACE.name}\n")
