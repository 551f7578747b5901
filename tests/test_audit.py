"""The rules find what is wrong by looking at numbers, not at names."""

import dataclasses

import pytest

from forecast.claims.audit import RULES, audit_claims, read_references, sentences
from forecast.claims.read import CHECKS, read_claims
from forecast.core.errors import ClaimError


@pytest.fixture(scope="module")
def findings(known):
    return audit_claims(known, read_references(), read_claims())


def verdicts_of(findings, claim):
    return [(f.verdict, f.follows) for f in findings if f.claim == claim]


def test_prices_per_1k_under_a_per_1m_heading(findings):
    found = [f for f in findings if f.rule == "unit" and "one thousandth" in f.follows]
    assert [f.said.split(" api")[0] for f in found] == ["GPT-3", "GPT-4", "GPT-4"]
    assert "it is 20 USD per 1M" in found[0].follows
    assert all(f.verdict == "contradicted" for f in found)


def test_the_unit_slip_turns_the_conclusion_round(findings):
    turned = [f for f in findings if "turns the conclusion" in f.follows]
    assert sorted((f.said.split("up ")[1], f.follows.split("it fell ")[1][:3]) for f in turned) == [
        ("167x", "6x:"), ("83x", "12x"),
    ]  # fmt: skip


def test_the_sum_contradicts_the_sentence(findings):
    ((verdict, follows),) = verdicts_of(findings, "investment_total")
    assert verdict == "contradicted"
    assert "sums to 545 USD bn, 3.6 times" in follows


def test_the_ratio_column_is_right(findings):
    ((verdict, follows),) = verdicts_of(findings, "ratio_column")
    assert verdict == "agrees"
    assert "1.667, 1.556, 1.667, 1.625" in follows


def test_doubling_times(findings):
    ((verdict, follows),) = verdicts_of(findings, "training_cost_doubling_rows")
    assert verdict == "contradicted"
    assert "21.7x in 34 months up to GPT-4: 7.5 months" in follows
    assert "published growth of 2.4x a year: 9.5 months" in follows


def test_energy_per_home(findings):
    ((verdict, follows),) = verdicts_of(findings, "energy_homes")
    assert verdict == "imprecise"
    assert "4,717 to 9,434 homes" in follows


def test_a_score_gain_as_an_error_rate(findings):
    ((_, follows),) = verdicts_of(findings, "gpt4o_gain")
    assert "13.6 becomes 11.3, a cut of 17 %" in follows


def test_figures_overtaken_before_the_article(findings):
    assert {v for v, _ in verdicts_of(findings, "valuation")} == {"outdated"}
    assert "852 (2026-03-31)" in verdicts_of(findings, "valuation")[0][1]
    assert {v for v, _ in verdicts_of(findings, "cash_burn")} == {"agrees"}


def test_a_cost_without_any_source_is_called_unsupported(findings):
    assert [
        f.said for f in findings if f.claim == "training_costs" and f.verdict == "unsupported"
    ] == ["GPT-4o 2024-05-13 ~$200M (est.)"]


def test_every_fact_has_a_finding_and_a_sentence(findings):
    facts = {(c.id, d.id) for c in read_claims() if c.kind == "fact" for d in c.definitions}
    assert set(sentences(findings)) == facts
    assert all(f.said and f.follows and f.source and f.sure for f in findings)


def test_rules_do_not_know_names(known):
    """The same table under other names gives the same verdicts."""
    names = {
        "GPT-3": "Model P",
        "GPT-4": "Model Q",
        "GPT-4o": "Model R",
        "Llama 3.1 405B": "Model S",
    }
    renamed, references = known.rows.copy(), read_references()
    for frame in (renamed, references):
        frame["entity"] = frame["entity"].replace(names)
    claims = [c for c in read_claims() if c.id == "api_prices"]
    one = [f.verdict for f in audit_claims(known, read_references(), claims)]
    two = [f.verdict for f in audit_claims(known.with_rows(renamed), references, claims)]
    assert one == two
    assert one.count("contradicted") == 6


def test_a_slip_is_found_in_its_column_where_no_reference_is(known):
    none = read_references()
    none = none[none["unit"] != "USD per 1M tokens"]
    claims = [c for c in read_claims() if c.id == "api_prices"]
    table = known.rows[known.rows["unit"] == "USD per 1M tokens"].head(3).copy()
    table["value"] = [0.0028, 2.5, 3.0]  # the first is given per 1K
    table["entity"] = ["one", "two", "three"]
    (found,) = audit_claims(known.with_rows(table), none, claims)
    assert (found.verdict, found.sure) == ("contradicted", "possible")
    assert found.said.startswith("one ")
    assert [f.verdict for f in audit_claims(known.with_rows(table.head(2)), none, claims)] == [
        "agrees"
    ]


def test_a_clean_table_is_left_alone(known):
    """With the true prices and a true total nothing is held against them."""
    clean = known.rows.copy()
    scale = clean["entity"].isin(["GPT-3", "GPT-4"]) & clean["metric"].str.startswith("api_price")
    clean.loc[scale, "value"] *= 1000
    clean = clean[clean["value"] > 0]
    claims = [c for c in read_claims() if c.id == "api_prices"]
    assert [f.verdict for f in audit_claims(known.with_rows(clean), read_references(), claims)] == [
        "agrees"
    ]


def test_references_of_later_days_are_not_used(known):
    late = read_references()
    late.loc[late["metric"] == "post_money_valuation", "reported_on"] = "2026-05-07"
    claims = [c for c in read_claims() if c.id == "valuation"]
    assert [f.verdict for f in audit_claims(known, late, claims)] == ["agrees"]


def test_a_table_without_the_rows_is_told_so(known):
    claims = [c for c in read_claims() if c.id == "energy_homes"]
    (found,) = audit_claims(
        known.with_rows(known.rows[known.rows["metric"] == "mmlu"]), read_references(), claims
    )
    assert found.verdict == "not in the table"


def asked(known, check, references=None):
    """Return the findings of one rule put to the shipped tables."""
    claim = next(c for c in read_claims() if c.id == "energy_homes")
    one = dataclasses.replace(claim.definitions[0], check=check)
    claims = [dataclasses.replace(claim, definitions=(one,))]
    return audit_claims(known, read_references() if references is None else references, claims)


def test_every_rule_says_what_it_takes():
    assert list(CHECKS) == list(RULES)


SUM = {"rule": "sum", "entity": "AI market", "metric": "ai_investment", "first": "2022",
       "last": "2025", "said": 150, "unit": "USD bn"}  # fmt: skip


@pytest.mark.parametrize(
    ("check", "message"),
    [
        (
            {"rule": "astrology"},
            "'homes_recomputed', check: no audit rule is called 'astrology'; there",
        ),
        ({**SUM, "said": "many"}, "got said 'many', wanted a number above 0"),
        ({**SUM, "said": 0}, "got said 0, wanted a number above 0"),
        ({**SUM, "unit": "GWh"}, "cannot turn 'USD bn' .money. into 'GWh' .energy."),
        ({**SUM, "colour": 1}, "unknown colour; it takes entity, first, last"),
        ({"rule": "doubling", "metric": "mmlu", "said_months": 6}, "cannot turn 'percent'"),
    ],
)
def test_a_rule_that_cannot_be_put_is_refused(known, check, message):
    with pytest.raises(ClaimError, match=f"claim 'energy_homes', definition .*{message}"):
        asked(known, check)


@pytest.mark.parametrize(
    ("check", "follows"),
    [
        ({**SUM, "first": "2030", "last": "2031"}, "no period from 2030 to 2031"),
        ({**SUM, "entity": "tea"}, "no row with entity 'tea'"),
    ],
)
def test_a_rule_that_finds_no_rows_says_so(known, check, follows):
    (found,) = asked(known, check)
    assert found.verdict == "not in the table"
    assert follows in found.follows


def test_doubling_needs_a_later_row_above_an_earlier_one(known):
    one = known.rows[(known.rows["metric"] == "training_cost") & (known.rows["entity"] == "GPT-3")]
    (found,) = asked(
        known.with_rows(one), {"rule": "doubling", "metric": "training_cost", "said_months": 6}
    )
    assert found.verdict == "not in the table"
    assert "needs two rows" in found.follows


def test_a_ratio_to_nought_has_no_verdict(known):
    market = known.rows.copy()
    market.loc[market["metric"] == "ai_revenue", "value"] = 0.0
    check = {"rule": "ratio", "entity": "AI market", "metric": "capex_to_revenue",
             "top": "datacenter_capex", "bottom": "ai_revenue"}  # fmt: skip
    (found,) = asked(known.with_rows(market), check)
    assert (found.verdict, found.follows) == ("not in the table", "a number to divide by is zero")
