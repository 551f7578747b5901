"""The shipped article: every statement is there, in its words, and says how its outcome is told.

The ids and the words below are those of the article's statements, collected apart from the file.
"""

import datetime as dt

import pytest

from forecast.claims.read import read_claims

PREDICTIONS = {
    "value_correction", "cheap_model", "openai_cuts_cost", "microsoft_control", "open_default",
    "compute_bubble", "cuban_validated", "openai_struggles", "next_report_ai_revenue",
}  # fmt: skip
BODY = {
    "never_recovered", "pricing_power", "funding_before_profit", "ratio_unsustainable",
    "diminishing_returns", "cost_performance_worsening", "cost_doubling", "next_run_cost",
    "gap_closing", "open_parity", "incumbents_better", "demand_lags", "gpu_dc_inflation",
    "killer_app", "hallucinations_stay", "regulation_limits", "energy_liability",
    "closed_for_high_stakes", "survivors",
}  # fmt: skip
WORDS = """
the industry will undergo a 'value correction' within the next 18–24 months. This will not be a crash, but a recalibration
We predict they will launch a 'GPT-4 Lite' model that is cheaper to run, targeting the mass market
OpenAI will be forced to cut costs by either reducing model size, adopting more efficient architectures (e.g., MoE, quantization), or pivoting
Microsoft will acquire a controlling stake in OpenAI within 2026, providing a financial backstop
Open-source models will become the default for most enterprise use cases, with closed-source models reserved for high-stakes applications
The 'compute bubble' will burst for non-differentiated hardware providers, but NVIDIA will continue to dominate
If the 'Stargate' project is delayed or scaled back, Cuban's prediction will be validated
watch for any signs that OpenAI is struggling to raise its next funding round
The next earnings report from Microsoft and Google, which will reveal the actual revenue from AI products
OpenAI's $1 trillion capital expenditure may never be recovered
If open models can match or exceed GPT-4o's performance within a year, OpenAI's pricing power will collapse
Pure-play AI companies like OpenAI and Anthropic face existential risk if they cannot achieve profitability before their funding runs out
The ratio of capital expenditure to revenue has remained stubbornly high, around 1.6x
This is unsustainable long-term
does spending ten times more on compute yield ten times the intelligence, or merely incremental improvements? Early evidence from benchmarks suggests the latter
The cost-to-performance ratio is worsening. GPT-4o cost roughly twice as much to train as GPT-4 but only improved MMLU by 2.3 points
frontier model training costs double every few months
training a hypothetical GPT-5 or GPT-6 could exceed $1–2 billion
open-source alternatives like Meta's Llama 3.1 and Mistral's Mixtral are closing the gap
achieves near-parity with GPT-4o at a fraction of the training cost and zero inference cost for users
companies with existing revenue streams (Microsoft, Google) are better positioned to absorb AI costs
the demand for AI services has not kept pace
the cost of GPUs and data centers has inflated
New regulations could limit the use of AI
pegged at over $300 billion in 2025
an estimated $7–10 billion annually
still insufficient to cover operating expenses
inference compute costs alone could exceed $1 billion per year
raised over $20 billion from Microsoft and other investors
plans to raise another $100 billion for a new data center project called 'Stargate'
5 GW of power, equivalent to five nuclear reactors
clusters of 100,000+ H100/B200 GPUs running for months
50–100 GWh of electricity, equivalent to the annual usage of 10,000 US homes
its own AI training framework
serves hundreds of millions of users
over $200 billion annually
raised over $7 billion
has not yet proven to be a commercial advantage
attracted over $150 billion in venture capital and corporate investment since 2022, with a significant portion going to compute infrastructure
for every dollar of AI revenue, companies are spending $1.60 on infrastructure
current revenue is heavily reliant on ChatGPT Plus ($20/month) and API sales
often use smaller, cheaper models
""".strip().splitlines()  # noqa: E501
FRAGMENTS = {
    "killer_app": "The 'killer app' for frontier models ... has not yet emerged",
    "survivors": "only companies with clear, near-term monetization ... will survive the shakeout",
    "parameters": "175B, ~1.8T MoE, ~200B active, 405B",
}
ARTICLE_ENDS = {dt.date(2027, 11, 6), dt.date(2028, 5, 6)}
"""18 and 24 months after the article."""


@pytest.fixture(scope="module")
def claims():
    return read_claims()


def definitions(claims, *kinds):
    return {(c.id, d.id): d for c in claims if c.kind in kinds for d in c.definitions}


def asked(claims):
    return definitions(claims, "forecast", "judgement")


def test_every_statement_of_the_article_is_there(claims):
    ids = {c.id for c in claims}
    assert (PREDICTIONS | BODY) - ids == set()
    assert all(c.definitions for c in claims)


def test_verbatim_words_are_the_articles(claims):
    for c in claims:
        if c.words == "verbatim":
            assert c.quote, c.id
            assert any(c.quote in one for one in WORDS), c.id
        assert (c.words == "paraphrase") == (not c.quote), c.id
    quotes = {c.id: c.quote for c in claims}
    assert {name: quotes[name] for name in FRAGMENTS} == FRAGMENTS


def test_every_sentence_of_the_article_is_somebodys_words(claims):
    quotes = {c.quote for c in claims if c.words == "verbatim"}
    assert [one for one in WORDS if one not in quotes] == []


def test_an_outsider_can_tell_each_outcome_or_is_told_why_not(claims):
    for key, d in asked(claims).items():
        assert (d.resolution is not None) != bool(d.unscorable), key


def test_what_nobody_prints_is_unscorable_and_has_no_weight(claims):
    for key, d in asked(claims).items():
        assert bool(d.unscorable) or d.model != "market", key
    for c in claims:
        weighed = c.pool.weights if c.pool else {}
        assert not [d.id for d in c.definitions if d.id in weighed and d.unscorable]


def test_a_definition_is_read_without_its_neighbours(claims):
    for key, d in definitions(claims, "forecast", "judgement", "fact").items():
        assert not d.why.startswith(("The same", "It ")), key
        assert "the same five" not in d.why, key
        assert d.why.endswith("."), key


def test_definitions_that_speak_against_their_claim_are_marked(claims):
    against = {key for key, d in asked(claims).items() if d.polarity == "opposite"}
    said = {key for key, d in asked(claims).items() if "the claim's opposite" in d.why.lower()}
    falls = {f"{m}_price_falls_{n}_times" for m in ("gpt4", "gpt5") for n in (2, 5, 10)}
    assert against == said
    assert against == {
        ("value_correction", "crash"),
        ("cuban_validated", "cut_makes_the_difference"),
        ("cost_performance_worsening", "gpt4_score_got_cheaper"),
        ("open_parity", "not_free_to_use"),
        *(("price_of_capability", name) for name in falls),
    }
    excluding = {key: d.excludes for key, d in asked(claims).items() if d.excludes}
    assert excluding == {("value_correction", "crash"): ("correction_not_crash",)}


def test_windows_end_after_18_and_24_months_only_where_the_article_says_so(claims):
    ends = {c.id for c in claims for d in c.definitions if d.window and ARTICLE_ENDS & {*d.window}}
    assert ends == {"value_correction"}
    (one,) = (c for c in claims if c.id == "value_correction")
    assert {d.window[1] for d in one.definitions} - ARTICLE_ENDS == {dt.date(2027, 12, 31)}


def test_the_mixture_is_of_corrections_that_are_no_crash(claims):
    (one,) = (c for c in claims if c.id == "value_correction")
    by_id = {d.id: d for d in one.definitions}
    total: dict[str, float] = {}
    for name, weight in one.pool.weights.items():
        assert by_id[name].polarity == "same"
        assert by_id[name].window[0] == dt.date(2026, 5, 6) or name.startswith("big_four")
        total[by_id[name].group] = total.get(by_id[name].group, 0) + weight
    assert set(total) == {"prices", "spending"}
    assert len(set(total.values())) == 1
    assert [n for n in one.pool.weights if by_id[n].group == "prices"] == ["correction_not_crash"]
    assert (one.implied.low, one.implied.high) == (0.95, 0.99)
    assert {d.group for d in one.definitions} == {
        "the article's table", "spending", "prices", "prices, crashes too", "valuations",
    }  # fmt: skip


def test_single_quarters_stand_beside_totals_of_four(claims):
    events = [d.event for (claim, _), d in asked(claims).items() if claim == "value_correction"]
    spent = [e for e in events if e is not None and "capex" in str(e.series) and "big" in e.series]
    assert {(e.kind, e.total) for e in spent} == {
        ("peak_to_trough", 4), ("peak_to_trough", 1), ("growth", 1), ("growth", 4), ("first_passage", 1),
    }  # fmt: skip
    # a first passage of a fall of four-quarter capex, by what followed run-ups
    assert {str(e.series) for e in spent if e.kind == "first_passage"} == {
        "big_five/capex_fall_10", "big_five/capex_fall_20",
    }  # fmt: skip


def test_a_fall_that_two_models_answer_is_one_question(claims):
    """Same rule, day and window: the memo sets them side by side; the pooled answer has half of each."""
    (own,) = (c for c in claims if c.id == "value_correction")
    by_id = {d.id: d for d in own.definitions}
    twins = {name: d for name, d in by_id.items() if d.model == "capex_hazard"}
    assert len(twins) == 3
    for name, twin in twins.items():
        one = by_id[name.removesuffix("_after_a_run_up")]
        assert (one.model, one.window, one.resolution) == ("earnings", twin.window, twin.resolution)
        assert twin.event.series.endswith(f"_{one.event.fall:g}")
        assert own.twins(name) == (one.id,)
        assert own.pool.weights.get(name) == own.pool.weights.get(one.id)


def test_a_ratio_that_cannot_last_is_one_that_falls(claims):
    (one,) = (c for c in claims if c.id == "ratio_unsustainable")
    for d in one.definitions:
        assert (d.event.kind, d.event.op) == ("ordering", "<")
        assert d.event.series == d.event.than
        assert d.event.than_at.startswith("2025")
        assert d.event.over is not None
    assert {d.event.at[:4] for d in one.definitions} == {"2027", "2028"}


def test_the_cost_of_performance_is_that_of_training(claims):
    models = {
        c.id: {d.model for d in c.definitions}
        for c in claims
        if c.id in ("cost_performance_worsening", "price_of_capability")
    }
    assert models == {
        "cost_performance_worsening": {"benchmark", "none"},
        "price_of_capability": {"api_price"},
    }


def test_runs_are_asked_for_without_errors_of_estimation(claims):
    for (claim, name), d in asked(claims).items():
        if d.model == "training_cost" and not d.event.series.endswith("doubling_months"):
            assert d.event.on == "signal", (claim, name)


def test_a_condition_is_of_the_same_draws_or_names_another_model(claims):
    given = {key: d for key, d in asked(claims).items() if d.given is not None}
    assert {key[0] for key in given} == {"cuban_validated", "pricing_power"}
    for d in given.values():
        same_series = str(d.given.series).split("/")[0]
        assert (d.given_model != "") == (same_series == "ORCL"), d.id


def test_what_was_true_already_is_on_a_day_that_was_over(claims):
    """Only what goes on as it was may be asked about a later day: a half price that stays."""
    later = {
        d.id
        for d in asked(claims).values()
        if d.already and d.window and d.window[1] > dt.date(2026, 5, 6)
    }
    assert later == {"half_price_model", "half_price_as_capable"}
