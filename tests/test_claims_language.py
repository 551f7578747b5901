"""The description of the claims language says what the code does, and its examples run."""

import re

import numpy as np
import pytest
from conftest import make_draws

from forecast.claims.events import KINDS, OPS, keys_of
from forecast.claims.judge import judge
from forecast.claims.pool import pool
from forecast.claims.read import CLAIM, definition_keys, read_claims
from forecast.core.errors import ClaimError
from forecast.models.earnings.panel import earnings_panel
from forecast.tables.shipped import data_dir

TEXT = (data_dir() / "articles" / "README.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```toml\n(.*?)```", TEXT, re.DOTALL)
HEAD = 'source = "a test"\nsource_date = "2026-05-06"\n'


def names(cell):
    return set(re.findall(r"`(\w+)`", cell))


def test_the_table_of_events_is_that_of_the_code():
    section = TEXT.split("## Events")[1].split("##")[0]
    rows = [line.split("|") for line in section.splitlines() if line.startswith("| `")]
    assert [names(row[1]).pop() for row in rows] == list(KINDS)
    for row in rows:
        keys = keys_of(names(row[1]).pop())
        assert names(row[2]) == set(keys.must) - {"kind"}
        assert names(row[3]) == set(keys.may)
    assert all(f"`{op}`" in section for op in OPS)


def test_every_key_is_described_and_none_that_is_not_there():
    claim, reading = (TEXT.split(head)[1].split("##")[0]
                      for head in ("## A claim\n", "## A definition"))  # fmt: skip
    told = {n for line in claim.splitlines() if line.startswith("|")
            for n in re.findall(r"`(?:\[claim\.)?(\w+)\]?`", line.split("|")[1])}  # fmt: skip
    assert told == set(CLAIM.all) - {"definition"}
    told = {n for line in reading.splitlines() if line.startswith("|")
            for n in names(line.split("|")[1])}  # fmt: skip
    assert told == set(definition_keys().all)


def quarterly():
    companies = ("MSFT", "GOOGL", "AMZN", "META", "ORCL", "CRWV", "NVDA")
    series = [f"{c}/{m}" for c in companies for m in ("capex", "revenue")]
    series += ["NVDA/data_center_revenue", "big_four/capex"]
    quarters = [f"{y}Q{q}" for y in range(2024, 2029) for q in (1, 2, 3, 4)][:18]
    steps = 0.04 + 0.12 * np.random.default_rng(1).standard_normal((2, 800, len(series), 18))
    return make_draws(np.exp(np.cumsum(steps, axis=-1)), names=series, periods=quarters,
                      model="earnings")  # fmt: skip


def others():
    rng = np.random.default_rng(2)
    months = [f"{2026 + (4 + k) // 12}-{(4 + k) % 12 + 1:02d}" for k in range(24)]
    falls = np.repeat(rng.random((2, 200, 1, 1)) < 0.4, 24, axis=3)
    yield make_draws(
        falls, names=["PHLX semiconductor index/correction"], periods=months, model="hazard"
    )
    years = [str(y) for y in range(2026, 2041)]
    yield make_draws(200 * np.exp(rng.standard_normal((2, 200, 1, 15))), periods=years,
                     names=["OpenAI/annual_revenue"], model="payback")  # fmt: skip


def test_there_are_six_examples():
    assert len(EXAMPLES) == 6


@pytest.mark.parametrize("text", EXAMPLES, ids=lambda t: re.findall(r'id = "(\w+)"', t)[0])
def test_each_example_runs(tmp_path, text):
    (tmp_path / "claims.toml").write_text(HEAD + text)
    claims = read_claims(tmp_path / "claims.toml")
    verdicts = judge(claims, [quarterly(), *others()])
    assert {v.status for v in verdicts} == {"judged"}
    assert all(0 < v.probability < 1 for v in verdicts)
    for claim in claims:
        found = pool(claim, verdicts)
        assert (found is None) == (claim.pool is None)


def test_the_examples_name_series_that_the_shipped_companies_have(known):
    """The made-up draws above stand for real ones: no series of the examples is invented."""
    there = set(earnings_panel(known).data["series"].values.astype(str))
    made = {n for n in quarterly()["series"].values.astype(str) if not n.startswith("big_")}
    assert made <= there


@pytest.mark.parametrize(
    ("was", "now", "message"),
    [
        ("big_four/capex", "big_nine/capex", "no series big_nine/capex; there are MSFT/capex"),
        ("big_four/capex", "MSFT/wages", "no series MSFT/wages; there are MSFT/capex, MSFT/revenue;"),
        ("2027-12-31", "2031-12-31", "forecast further"),
        ("2026-05-06", "2027-12-30", ""),
    ],
)  # fmt: skip
def test_what_no_model_covers_is_refused_in_words(tmp_path, was, now, message):
    (tmp_path / "claims.toml").write_text(HEAD + EXAMPLES[0].replace(was, now))
    claims = read_claims(tmp_path / "claims.toml")
    if not message:  # one quarter is a window too
        assert judge(claims, quarterly())[0].status == "judged"
        return
    with pytest.raises(
        ClaimError, match=f"'hyperscalers_cut', definition 'big_four_down_15': .*{message}"
    ):
        judge(claims, quarterly())


def test_two_series_of_two_models_are_never_put_together(tmp_path):
    text = EXAMPLES[0].replace('series = "big_four/capex"',
                               'series = "big_four/capex", over = "AI market/ai_revenue"')  # fmt: skip
    (tmp_path / "claims.toml").write_text(HEAD + text)
    with pytest.raises(ClaimError, match="takes its series from one model"):
        judge(read_claims(tmp_path / "claims.toml"), quarterly())
