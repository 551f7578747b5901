"""List prices: panel, density and envelope against plain definitions."""

import itertools

import numpy as np
import pandas as pd
import pytensor
import pytensor.tensor as pt
import pytest
from scipy.stats import exponnorm, norm, poisson
from scipy.stats import t as student

from forecast.core.errors import DataError
from forecast.evaluation.calibration import refill
from forecast.inference.fitting import fit
from forecast.inference.predict import outline
from forecast.inference.sampling import prior_draws
from forecast.models.api_price import baseline as api_price_baseline
from forecast.models.api_price import model as api_price
from forecast.models.api_price.panel import LEVELS, Listing, cheapest, price_history, price_on
from forecast.models.panels import build_panel
from forecast.models.registry import get_model
from forecast.tables.shipped import read_reference_table, read_vintages
from forecast.tables.vintages import as_of

PRIORS = api_price.Priors()


@pytest.fixture(scope="module")
def drawn(api_price_panel):
    """200 draws of the parameters from the prior, and the prices they give."""
    model = get_model("api_price")
    parameters = prior_draws(model, api_price_panel, PRIORS, size=200, seed=1)
    rng = np.random.default_rng(2)
    return parameters, api_price.draw(parameters, api_price_panel, PRIORS, "2028Q2", rng)


def test_an_outline_has_the_shape_of_the_draws_and_ones_for_numbers(drawn, api_price_panel):
    """Whether an event can be asked is decided by what is there, not by two draws of the prior."""
    drawn, told = drawn[1], outline(api_price_panel)
    for name in ("series", "period", "unit"):
        assert told[name].values.tolist() == drawn[name].values.tolist()
    missing = np.isnan(drawn["y"].values).all(axis=(0, 1))
    assert missing.any()
    for name in ("y", "signal"):
        for path in told[name].values[0]:
            np.testing.assert_array_equal(path, np.where(missing, np.nan, 1.0))


def offers(panel):
    return panel.data.isel(obs=np.flatnonzero(panel.data["kind"].values == "offer"))


def test_scores_are_those_of_the_model_table():
    table = read_vintages()
    rows = table[table["metric"].isin(["eci", "gpqa_diamond"])]
    models = read_reference_table("frontier_models").drop_duplicates("model").set_index("model")
    assert len(rows) > 150
    priced = set(table.loc[table["metric"] == "list_price_input", "entity"])
    for row in rows.itertuples():
        name = row.source.removeprefix("frontier_models.csv: ")
        assert models.loc[name, row.metric] == row.value
        assert models.loc[name, "release_date"] == row.period == row.reported_on
        assert row.entity in priced


def test_the_panel_blends_bridges_and_follows_products(api_price_panel):
    found = offers(api_price_panel)
    by = {(str(n), str(d)): k for k, (n, d) in
          enumerate(zip(found["name"].values, found["day"].values, strict=True))}  # fmt: skip
    gpt4 = by["gpt-4 (8k)", "2023-03-14"]
    assert found["value"].values[gpt4] == 37.5  # (3 * 30 + 60) / 4
    assert found["capability"].values[gpt4] == LEVELS["GPT-4 level"]
    # a better model under the same name and price is another offer; a score alone is none
    assert ("gemini-1.5-flash (<=128k)", "2024-09-24") in by
    assert sum(name == "kimi-k2-0711" for name, _ in by) == 1
    lite = by["gemini-2.0-flash-lite", "2025-02-05"]  # GPQA Diamond 51.5 only
    assert 128 < found["capability"].values[lite] < 132
    lines = found["line"].values[[by["deepseek-chat (V3)", "2025-02-08"],
                                  by["deepseek-chat (V2)", "2024-05-14"]]]  # fmt: skip
    assert lines.tolist() == ["deepseek-chat"] * 2


def test_changes_rise_too(api_price_panel):
    data = api_price_panel.data
    change = data["value"].values[
        (data["kind"].values == "change") & (data["name"].values == "product")
    ]
    line = data["line"].values[
        (data["kind"].values == "change") & (data["name"].values == "product")
    ]
    up = {str(n): round(float(c), 3) for n, c in zip(line, change, strict=True) if c > 1}
    assert up["gemini-2.5-flash"] == 3.238  # 0.15/0.60 to 0.30/2.50
    assert change[line == "deepseek-chat"] == pytest.approx([0.4775 / 0.175, 0.84 / 0.4775, 0.375])
    total = data["value"].values[
        (data["kind"].values == "changes") & (data["name"].values == "product")
    ]
    assert total.tolist() == [len(change)]
    flagships = api_price_panel.part(Listing).flagships
    assert price_on(flagships["OpenAI"], "2026-05-06") == 11.25
    assert [p for _, p in flagships["Mistral AI"]] == [12.0, 6.0, 4.5, 3.0, 0.75]


def test_the_cheapest_is_found_by_a_plain_search(api_price_panel):
    found = offers(api_price_panel)
    for level in (113.0, 126.16, 150.0):
        for year in (0.5, 1.6, 2.2, 3.3):
            held = {}
            for k in range(found.sizes["obs"]):
                if found["year"].values[k] <= year:
                    held[str(found["line"].values[k])] = k
            fit_ = [float(found["value"].values[k]) for k in held.values()
                    if found["capability"].values[k] >= level]  # fmt: skip
            got = cheapest(found, level, year)
            assert (np.isnan(got) and not fit_) or got == min(fit_)
    quarters, known, history = price_history(api_price_panel, "2028Q2")
    assert (quarters[0], quarters[known - 1], quarters[-1]) == ("2023Q1", "2026Q1", "2028Q2")
    level = dict(zip(quarters, history["GPT-4 level/price"], strict=False))
    assert [level[q] for q in ("2023Q1", "2024Q2", "2026Q1")] == pytest.approx(
        [37.5, 5.25, 0.13125]
    )
    new = dict(zip(quarters, history["GPT-4 level/new_price"], strict=False))
    assert new["2026Q1"] == pytest.approx(0.1375)  # the cheaper one is older than a year


def test_the_frontier_density_is_the_exponentially_modified_normal():
    inputs = [pt.dvector("over"), pt.dscalar("sd"), pt.dscalar("excess")]
    density = pytensor.function(inputs, api_price.frontier_density(*inputs), mode="FAST_COMPILE")
    for sd in (0.05, 0.4, 2.0):
        for excess in (0.1, 1.0, 3.0):
            over = np.linspace(-12 * sd, 5 * excess + 6 * sd, 301)
            got, wanted = density(over, sd, excess), exponnorm(excess / sd, 0, sd).logpdf(over)
            good = np.isfinite(wanted)
            assert good.mean() > 0.9
            np.testing.assert_allclose(got[good], wanted[good], atol=5e-4, rtol=1e-6)
            assert np.isfinite(got).all()


def test_the_likelihood_is_the_sum_over_rows(api_price_panel):
    model = api_price.build(api_price_panel, PRIORS)
    values = {"level": 0.3, "rate": 2.0, "floor": -2.4, "floor_fall": 0.2, "product_change": -0.4,
              "flagship_change": 0.1, "small": -2.3, "pace": 12.0, "rate_spread": 0.5, "slope": 2.1,
              "excess": 1.2, "house_spread": 0.4, "error": 0.5, "product_rate": 0.2,
              "product_size": 0.7, "flagship_rate": 1.5, "flagship_size": 0.8,
              "small_spread": 0.9}  # fmt: skip
    houses = sorted(set(offers(api_price_panel)["provider"].values.astype(str)))
    z_tier, z_house = np.linspace(-1, 1, 5), np.linspace(-0.8, 0.9, len(houses))
    gain = np.polyfit(
        offers(api_price_panel)["year"], offers(api_price_panel)["capability"] / 10, 1
    )
    values["along"] = gain[0] * values["slope"] - values["rate"]
    point = {k: v for k, v in values.items() if k != "rate" and f"{k}_log__" not in
             {v.name for v in model.value_vars}}  # fmt: skip
    scales = set(values) - set(point) - {"rate"}
    point |= {f"{k}_log__": np.log(values[k]) for k in scales}
    point |= {"z_tier": z_tier, "z_house": z_house}
    logp = model.compile_fn(
        model.logp(vars=model.observed_RVs), inputs=model.value_vars, mode="FAST_COMPILE",
        on_unused_input="ignore",
    )  # fmt: skip
    data, v = api_price_panel.data, values
    found = offers(api_price_panel)
    tier = np.digitize(found["capability"].values, api_price.TIER_EDGES)
    total = 0.0
    for k in range(found.sizes["obs"]):
        year, c = float(found["year"].values[k]), float(found["capability"].values[k])
        middle = found["year"].values[tier == tier[k]].mean()
        cost = v["level"] - v["rate"] * (year - 2) + v["slope"] * (c - 136) / 10
        cost -= v["rate_spread"] * z_tier[tier[k]] * (year - middle)
        mu = np.log(np.exp(cost) + np.exp(v["floor"] - v["floor_fall"] * (year - 2)))
        z = z_house[houses.index(str(found["provider"].values[k]))]
        nu = v["excess"] * np.exp(v["house_spread"] * z)
        price = np.log(float(found["value"].values[k]))
        share = np.exp(cost) / np.exp(mu)
        sd = np.hypot(v["error"] * share, PRIORS.rounding)
        total += exponnorm(nu / sd, mu, sd).logpdf(price)
    for kind, name, value, watched in zip(data["kind"].values, data["name"].values,
                                          data["value"].values, data["watched"].values,
                                          strict=True):  # fmt: skip
        if kind == "change":
            total += student(4, v[f"{name}_change"], v[f"{name}_size"]).logpdf(np.log(value))
        elif kind == "changes":
            total += poisson(v[f"{name}_rate"] * watched).logpmf(int(value))
        elif kind == "small":
            total += norm(v["small"], v["small_spread"]).logpdf(np.log(value))
    got = logp({x.name: point[x.name] for x in model.value_vars})
    assert float(got) == pytest.approx(total, abs=0.05)


def test_draws_carry_on_what_is_listed(api_price_panel, drawn):
    _, draws = drawn
    past = draws["y"].sel(series="GPT-4 level/price", period="2026Q1")
    assert np.unique(past) == pytest.approx([0.13125])
    assert draws["y"].sel(series="GPT-5 level/price", period="2025Q1").isnull().all()
    left = draws["y"].sel(period=[f"{y}Q{q}" for y, q in ((2026, 2), (2027, 2), (2028, 2))])
    assert np.isfinite(left).all()
    assert (left > 0).all()
    # more capability never costs less, and the new ones never less than all
    levels = [left.sel(series=f"{name}/price") for name in LEVELS]
    for low, high in itertools.pairwise(levels):
        assert (low.values <= high.values).all()
    for name in LEVELS:
        new = left.sel(series=f"{name}/new_price").values
        assert (new >= left.sel(series=f"{name}/price").values).all()


def test_a_capability_gets_dearer_only_if_a_price_rises(api_price_panel, drawn):
    parameters, _ = drawn
    still = parameters.assign(product_rate=parameters["product_rate"] * 0)
    draws = api_price.draw(still, api_price_panel, PRIORS, "2028Q2", np.random.default_rng(3))
    for name in LEVELS:
        path = draws["y"].sel(series=f"{name}/price").isel(period=slice(-10, None))
        assert (path.diff("period") <= 1e-12).all()
    index = draws["y"].sel(series="fixed product/price_index")
    assert (index.sel(period=slice("2026Q2", None)) == 100).all()
    assert index.sel(period=slice(None, "2026Q1")).isnull().all()  # other products were listed then


def test_prices_move_as_often_as_said(api_price_panel, drawn):
    parameters, _ = drawn
    often = parameters.assign(product_rate=parameters["product_rate"] * 0 + 0.5)
    moved = [
        api_price._moves(often, "product", 0.25, 200, np.random.default_rng(k)) != 0
        for k in range(3)
    ]
    assert np.mean(moved) == pytest.approx(-np.expm1(-0.125), abs=0.01)


def test_more_offers_arrive_from_the_same_houses(api_price_panel, drawn):
    parameters, _ = drawn
    steady = parameters.assign(pace=parameters["pace"] * 0 + 12.0)
    market = api_price._arrivals(
        steady, api_price_panel, PRIORS, (3.4, 4.4), np.random.default_rng(0)
    )
    found = offers(api_price_panel)
    now = float(api_price.years_since(api_price_panel.part(Listing).seen))
    a_year = (found["year"].values > now - 2).sum() / 2
    count = np.isfinite(market.capability).sum(axis=1)
    assert count.mean() == pytest.approx(a_year, rel=0.05)
    best = found["capability"].values.max()
    assert market.capability[np.isfinite(market.capability)].max() <= best + 12 * (4.4 - now)


def test_nothing_listed_later_reaches_the_panel():
    table = read_vintages()
    rows = table[(table["entity"] == "gpt-5.5") & table["metric"].str.startswith("list_price")]
    later = rows.assign(period="2026-05-20", value=0.01, reported_on="2026-05-20")
    scores = table[(table["entity"] == "gpt-5.5") & (table["metric"] == "eci")]
    scores = scores.assign(period="2026-05-20", value=199.0, reported_on="2026-05-20")
    changed = pd.concat([table, later, scores], ignore_index=True)
    before = build_panel(as_of(table, "2026-05-06"), "api_price")
    assert build_panel(as_of(changed, "2026-05-06"), "api_price").hash == before.hash
    assert build_panel(as_of(changed, "2026-05-20"), "api_price").hash != before.hash
    early = build_panel(as_of(table, "2024-12-31"), "api_price")
    assert max(map(str, early.data["day"].values)) <= "2024-12-31"


def test_tables_that_cannot_be_used(known):
    none = known.with_rows(known.rows[~known.rows["metric"].str.startswith("list_price")])
    with pytest.raises(DataError, match="wants rows of list_price_input"):
        build_panel(none, "api_price")
    half = known.with_rows(
        known.rows[
            ~((known.rows["metric"] == "list_price_output") & (known.rows["entity"] == "gpt-5"))
        ]
    )
    with pytest.raises(DataError, match="one is missing for gpt-5 2025-08-07"):
        build_panel(half, "api_price")
    bare = known.with_rows(known.rows[~known.rows["metric"].isin(["eci", "gpqa_diamond"])])
    with pytest.raises(DataError, match="wants scores"):
        build_panel(bare, "api_price")


def test_the_naive_walk_carries_on_the_record_lows(api_price_panel):
    draws = api_price_baseline.price_walk(api_price_panel, until="2027Q2", seed=1)
    path = np.log(draws["y"].sel(series="GPT-4 level/price"))
    seen = draws["observed"].sel(series="GPT-4 level/price").dropna("period")
    mean = float(np.log(seen[-1] / seen[0])) / ((len(seen) - 1) / 4)
    after = float(path.sel(period="2027Q1").median() - path.sel(period="2026Q1").median())
    assert after == pytest.approx(mean, abs=0.15)
    assert "fixed product/price_index" not in draws["series"].values


@pytest.mark.slow
def test_a_known_frontier_is_recovered(api_price_panel):
    """Prices drawn for the panel's own offers: parameters lie in their intervals."""
    model = get_model("api_price")
    truth = prior_draws(model, api_price_panel, PRIORS, size=6, seed=8)
    values = model.replicate(truth, api_price_panel, PRIORS, np.random.default_rng(8))["log_value"]
    run = fit(
        "api_price", refill(api_price_panel, {"log_value": values[2]}), seed=1, progress=False
    )
    assert run.gate.passed, [str(c) for c in run.gate.failures]
    for name in ("rate", "slope", "product_rate", "flagship_rate", "small", "error", "excess"):
        low, high = run.posterior[name].quantile([0.005, 0.995]).values
        assert low < float(truth[name][0, 2]) < high, name
    assert run.posterior["rate"].std() < 0.6 * PRIORS.rate_sd
