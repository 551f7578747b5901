"""Where two models tell of one event, neither number stands alone."""

import numpy as np
import pytest
from conftest import make_draws

from forecast.claims.judge import judge
from forecast.claims.read import read_claims
from forecast.claims.verdict import Verdicts
from forecast.core.errors import ClaimError

EVENT = '{{ kind = "first_passage", series = "A/x", op = ">", value = {} }}'
HEAD = """
source = "s"
source_date = "2026-05-06"
[[claim]]
id = "c"
kind = "forecast"
words = "paraphrase"
text = "t"
"""


def definition(name, model, more="", value=1, window='["2026-05-06", "2027-12-31"]'):
    event = EVENT.format(value)
    return (
        f'[[claim.definition]]\nid = "{name}"\nmodel = "{model}"\nwhy = "It does."\n'
        f"window = {window}\nevent = {event}\n{more}\n"
    )


@pytest.fixture
def read(tmp_path):
    def reading(text):
        path = tmp_path / "claims.toml"
        path.write_text(HEAD + text)
        return read_claims(path)

    return reading


def draws(model, share):
    paths = np.zeros((2, 100, 1, 4))
    paths[:, : round(100 * share)] = 2.0
    return make_draws(paths, model=model)


TWO = definition("d", "market") + definition("e", "earnings", 'same_event = ["d"]')


def test_each_number_says_what_the_other_model_does_and_its_range_holds_both(read):
    claims = read(TWO)
    assert (claims[0].twins("d"), claims[0].twins("e")) == (("e",), ("d",))
    plain = judge(claims, [draws("market", 0.12), draws("earnings", 0.56)])
    plain = plain.with_ranges({("c", "d"): (0.05, 0.2)})
    first, second = plain.with_other_models(claims)
    assert (first.probability, first.low, first.high) == (0.12, 0.05, 0.56)
    assert (second.probability, second.low, second.high) == (0.56, 0.05, 0.56)
    assert first.caution == "earnings says 56 % of the same event"
    assert first.text == f"{plain[0].text} Earnings says 56 % of the same event."
    assert second.caution == "market says 12 % of the same event"
    cautious = plain.with_cautions({"market": "too sure: so"}).with_other_models(claims)
    assert cautious[0].caution == "too sure: so; earnings says 56 % of the same event"
    assert Verdicts.from_records(cautious.records(), 200) == cautious


def test_what_rests_on_one_of_two_models_says_so(read):
    claims = read(TWO)
    first, second = judge(claims, [draws("market", 0.12)]).with_other_models(claims)
    assert first.caution == "rests on market alone: no number by earnings"
    assert first.text.endswith("Rests on market alone: no number by earnings.")
    assert (first.low, first.high) == (None, None)
    assert (second.status, second.caution) == ("model not run", "")


def test_definitions_of_one_model_are_as_they_were(read):
    claims = read(definition("d", "market") + definition("e", "earnings"))
    rows = judge(claims, [draws("market", 0.12), draws("earnings", 0.56)])
    assert rows.with_other_models(claims) == rows


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        (
            definition("d", "market", 'same_event = ["x"]'),
            "wanted other definitions of the claim: none",
        ),
        (
            definition("d", "market", 'same_event = ["d"]'),
            "wanted other definitions of the claim: none",
        ),
        (
            definition("d", "market") + definition("e", "market", 'same_event = ["d"]'),
            "another model than market",
        ),
        (
            definition("d", "market")
            + definition(
                "e", "earnings", 'same_event = ["d"]', window='["2026-05-06", "2028-12-31"]'
            ),
            "another window or polarity",
        ),
        (
            '[claim.pool]\nweights = { d = 1 }\nwhy = "w"\n' + TWO,
            "got d without e, the same event by another model",
        ),
    ],
)
def test_a_claims_file_that_parts_two_models_is_refused(read, text, wrong):
    with pytest.raises(ClaimError, match=wrong):
        read(text)
    assert read('[claim.pool]\nweights = { d = 1, e = 1 }\nwhy = "w"\n' + TWO)
