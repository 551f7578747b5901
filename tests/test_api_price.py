"""List prices: panel, density and envelope against plain definitions."""

import dataclasses
import itertools

import numpy as np
import pandas as pd
import pytensor
import pytensor.tensor as pt
import pytest
import xarray as xr
from scipy.stats import exponnorm, norm, poisson, truncexpon
from scipy.stats import t as student

from forecast.claims.read import read_claims
from forecast.core.errors import DataError
from forecast.evaluation.calibration import refill
from forecast.inference.fitting import fit
from forecast.inference.predict import outline
from forecast.inference.sampling import prior_draws
from forecast.models.api_price import baseline as api_price_baseline
from forecast.models.api_price import model as api_price
from forecast.models.api_price.panel import (
    LEVELS,
    Listing,
    Step,
    cheapest,
    price_history,
    price_on,
)
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


def with_lines(known, *rows):
    """The panel with more rows of the table of roles: model, house, role, from, until."""
    lines = read_reference_table("product_lines")
    more = pd.DataFrame(
        [(*row, "a user") for row in rows],
        columns=["model", "house", "role", "from", "until", "source"],
    )
    tables = {"product_lines": pd.concat([lines, more], ignore_index=True)}
    return build_panel(known, "api_price", tables=tables)


def with_a_withdrawal(panel):
    """The panel with two products that are known to be withdrawn."""
    data = panel.data
    gone = data.isel(obs=[0, 1]).assign_coords(kind=("obs", ["gone"] * 2))
    gone = gone.assign(value=("obs", [0.7, 1.9]), watched=("obs", [2.2, 2.0]))
    return dataclasses.replace(panel, data=xr.concat([data, gone], "obs"))


def priced(table, model, house, day, dollars):
    """The table with another list price, three parts input and one part output."""
    row = {"entity": model, "period": day, "value": dollars, "unit": "USD per 1M tokens",
           "reported_on": day, "source": f"{house}: a list", "confidence": "A", "qualifier": "",
           "printed": "", "note": ""}  # fmt: skip
    rows = [{**row, "metric": f"list_price_{side}"} for side in ("input", "output")]
    return pd.concat([table, pd.DataFrame(rows)], ignore_index=True)[list(table.columns)]


def test_a_newer_flagship_and_small_model_of_a_user_move_the_series():
    table = read_vintages()
    table = priced(table, "gpt-6", "OpenAI", "2026-04-28", 20.0)
    table = priced(table, "gpt-6-mini", "OpenAI", "2026-04-28", 1.0)
    known = as_of(table, "2026-05-06")
    listing = build_panel(known, "api_price").part(Listing)
    assert price_on(listing.flagships["OpenAI"], "2026-05-06") == 11.25  # a price alone is no role
    roles = [("gpt-6", "OpenAI", "flagship", "2026-04-28", ""),
             ("gpt-6-mini", "OpenAI", "small", "2026-04-28", "")]  # fmt: skip
    listing = with_lines(known, *roles).part(Listing)
    assert listing.flagships["OpenAI"][-1] == ("2026-04-28", 20.0)
    assert listing.smalls["OpenAI"][-1] == ("2026-04-28", 1.0)
    # once it is withdrawn, its predecessor is the flagship again; before that is known, not
    gone = ("gpt-6", "OpenAI", "flagship", "2026-04-28", "2026-05-02")
    listing = with_lines(known, gone).part(Listing)
    assert listing.flagships["OpenAI"][-2:] == (("2026-04-28", 20.0), ("2026-05-03", 11.25))
    later = with_lines(as_of(table, "2026-05-02"), gone).part(Listing)
    assert later.flagships["OpenAI"][-1] == ("2026-04-28", 20.0)
    early = with_lines(as_of(table, "2026-04-27"), *roles).part(Listing)
    assert early.flagships["OpenAI"][-1].price == 11.25


def test_bad_rows_of_roles_are_told_all_at_once_and_unpriced_ones_noted(known):
    bad = [("gpt-5.5", "Open AI", "flagship", "2026-04-24", ""),
           ("grok-4", "xAI", "small", "2025-07-08", ""),
           ("o3", "OpenAI", "other", "2025-06-01", "2025-05-01"),
           ("gpt-5.4-pro", "OpenAI", "flagship", "2026-04-23", "")]  # fmt: skip
    with pytest.raises(DataError) as told:
        with_lines(known, *bad)
    said = str(told.value)
    assert said.startswith("product_lines.csv: 5 bad row(s): ")
    for part in ("gpt-5.5, flagship from 2026-04-24: got a house that its prices are not of",
                 "grok-4, small from 2025-07-08: got a day before its first price",
                 "o3, other from 2025-06-01: got an until before it",
                 "gpt-5.4-pro, flagship from 2026-04-23: got two flagships of one house"):  # fmt: skip
        assert part in said
    panel = with_lines(known, ("gpt-7", "OpenAI", "flagship", "2026-05-01", ""))
    assert panel.notes == ("product_lines.csv names models without a known price: gpt-7",)


def test_a_withdrawn_product_leaves_the_list(known):
    """GPT-5 nano and the two others at its price or less gone: the next cheapest is what counts."""
    before = price_history(build_panel(known, "api_price"), "2026Q2").prices
    line = ("gemini-1.5-flash (<=128k)", "Google", "other", "2024-08-12", "2025-09-20")
    panel = with_lines(known, line)
    after = price_history(panel, "2026Q2").prices
    assert before["GPT-4 level/price"][-3:] == pytest.approx([0.13125] * 3)
    # at the end of September Gemini 2.0 Flash-Lite is as cheap; at none is it dearer than before
    assert after["GPT-4 level/price"][-3:] == pytest.approx([0.13125] * 3)
    both = with_lines(
        known, line, ("gemini-2.0-flash-lite", "Google", "other", "2025-02-05", "2026-02-01")
    )
    after = price_history(both, "2026Q2").prices
    assert after["GPT-4 level/price"][-3:] == pytest.approx([0.13125, 0.13125, 0.1375])
    rows = both.data.isel(obs=np.flatnonzero(both.data["kind"].values == "gone"))
    assert rows["line"].values.tolist() == ["gemini-1.5-flash (<=128k)", "gemini-2.0-flash-lite"]
    assert rows["value"].values == pytest.approx([1.11, 0.99], abs=0.005)
    assert (rows["watched"] > rows["value"]).all()


def test_offers_without_a_score_have_a_capability_by_date_and_house(api_price_panel):
    found = offers(api_price_panel)
    unsure = found["capability_sd"].values > 0
    names = found["name"].values[unsure].astype(str).tolist()
    assert {"deepseek-v4-flash", "mistral-large-3", "minimax-m2"} <= set(names)
    assert "gpt-3-davinci" not in names  # nothing of its day has a score
    scored = found.isel(obs=np.flatnonzero(~unsure))
    slope, start = np.polyfit(scored["year"], scored["capability"], 1)
    at = names.index("minimax-m2")  # a house without any score: the line alone
    year = found["year"].values[unsure][at]
    assert found["capability"].values[unsure][at] == pytest.approx(start + slope * year)
    assert 3 < found["capability_sd"].values[unsure][0] < 12
    assert cheapest(found, 150.0, 3.34) == cheapest(scored, 150.0, 3.34)


def test_a_flagship_far_off_does_not_last(api_price_panel, drawn):
    """Today's price at a hundred times the house's level: whoever changes it comes back to that."""
    parameters, _ = drawn
    listing = api_price_panel.part(Listing)
    far = {h: (*s, Step(s[-1].day, 100 * s[-1].price)) for h, s in listing.flagships.items()}
    panel = dataclasses.replace(api_price_panel, about=dataclasses.replace(listing, flagships=far))
    for rate, share in ((0.0, 0.0), (2.0, 1 - np.exp(-2.0 * 2.2))):
        one = parameters.assign(flagship_rate=parameters["flagship_rate"] * 0 + rate)
        paths = api_price._flagship_paths(
            one, panel, PRIORS, np.array([4.0, 5.5]), np.random.default_rng(1)
        )
        for house, path in paths.items():
            moved = path[:, -1] != far[house][-1].price
            assert moved.mean() == pytest.approx(share, abs=0.07)
            if rate:
                assert (path[moved, -1] > 100).mean() < 0.12  # by the prior's own spread


def test_a_small_model_keeps_its_price_while_the_flagship_moves(drawn):
    parameters, _ = drawn
    size = parameters.sizes["draw"]
    flagship = np.column_stack([np.full(size, 10.0), np.full(size, 200.0)])
    path = api_price._small_prices(
        parameters, 0.5, flagship, np.array([1e-9, 1e-9]), np.random.default_rng(1)
    )
    assert (path == 0.5).all()


def test_rises_are_asked_against_what_was_listed_on_the_day_of_the_article(api_price_panel):
    """OpenAI's flagship had doubled since the last quarter's end: that is not a rise to come."""
    found, listing = offers(api_price_panel), api_price_panel.part(Listing)
    day, year = "2026-05-06", api_price.years_since("2026-05-06")
    listed = {
        "GPT-4 level/price": cheapest(found, LEVELS["GPT-4 level"], year),
        "GPT-4 level/new_price": cheapest(found, LEVELS["GPT-4 level"], year, fresh=1.0),
        "GPT-5 level/price": cheapest(found, LEVELS["GPT-5 level"], year),
        "OpenAI flagship/price": price_on(listing.flagships["OpenAI"], day),
    }
    (claim,) = (c for c in read_claims() if c.id == "price_of_capability")
    asked = {
        d.event.series: d.event
        for d in claim.definitions
        if d.event is not None and d.id.endswith("rises") and d.id != "product_price_rises"
    }
    assert asked.keys() == listed.keys()
    for series, event in asked.items():
        assert (event.kind, event.op, event.at) == ("threshold", ">", "2028Q1")
        assert event.value == pytest.approx(listed[series]), series


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
    assert total.sum() == 12
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
                    if found["capability"].values[k] >= level
                    and found["capability_sd"].values[k] == 0
                    and year - found["year"].values[k] < 2]  # fmt: skip
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


def level_off(data):
    """The factor of the covariance of flagships' levels, entry by entry."""
    turns = data.isel(obs=np.flatnonzero(data["kind"].values == "flagship"))
    cov = np.zeros((turns.sizes["obs"],) * 2)
    for i, j in itertools.product(range(len(cov)), repeat=2):
        if turns["provider"].values[i] == turns["provider"].values[j]:
            gap = abs(float(turns["year"].values[i] - turns["year"].values[j]))
            cov[i, j] = PRIORS.own + (1 - PRIORS.own) * np.exp(-gap / PRIORS.memory)
    return np.linalg.cholesky(cov)


def test_the_likelihood_is_the_sum_over_rows(api_price_panel):
    api_price_panel = with_a_withdrawal(api_price_panel)
    model = api_price.build(api_price_panel, PRIORS)
    values = {"level": 0.3, "rate": 2.0, "floor": -2.4, "floor_fall": 0.2, "product_change": -0.4,
              "mean": 1.5, "small": -2.3, "pace": 12.0, "rate_spread": 0.5, "slope": 2.1,
              "excess": 1.2, "house_spread": 0.4, "error": 0.5, "product_rate": 0.2,
              "product_size": 0.7, "flagship_rate": 1.5, "gone_rate": 0.6, "spread": 0.8,
              "deviation": 0.4, "small_spread": 0.9}  # fmt: skip
    houses = sorted(set(offers(api_price_panel)["provider"].values.astype(str)))
    z_tier, z_house = np.linspace(-1, 1, 5), np.linspace(-0.8, 0.9, len(houses))
    gain = np.polyfit(
        offers(api_price_panel)["year"], offers(api_price_panel)["capability"] / 10, 1
    )
    values["along"] = gain[0] * values["slope"] - values["rate"]
    guesses = api_price._guessed(offers(api_price_panel))[0]
    z_points = dict(zip(guesses, np.linspace(-1.2, 0.9, len(guesses)), strict=True))
    z_turn = np.sin(np.arange((api_price_panel.data["kind"].values == "flagship").sum()))
    middle, sd = api_price.prior_array(api_price_panel, PRIORS)
    sampled = [
        ((np.log(values[n]) if n in api_price._SCALES else values[n]) - middle[k]) / sd[k]
        for k, n in enumerate(api_price.SCALARS)
    ]
    sampled += [*z_tier, *z_house, *z_points.values(), *z_turn]
    logp = model.compile_fn(
        model.logp(vars=model.potentials), inputs=model.value_vars, mode="FAST_COMPILE"
    )  # fmt: skip
    data, v = api_price_panel.data, values
    found = offers(api_price_panel)
    tier = np.digitize(found["capability"].values, api_price.TIER_EDGES)
    total = 0.0
    for k in range(found.sizes["obs"]):
        year, c = float(found["year"].values[k]), float(found["capability"].values[k])
        middle = found["year"].values[tier == tier[k]].mean()
        if sd := float(found["capability_sd"].values[k]):
            c += sd * z_points[str(found["name"].values[k])]
        cost = v["level"] - v["rate"] * (year - 2) + v["slope"] * (c - 136) / 10
        cost -= v["rate_spread"] * z_tier[tier[k]] * (year - middle)
        mu = np.log(np.exp(cost) + np.exp(v["floor"] - v["floor_fall"] * (year - 2)))
        z = z_house[houses.index(str(found["provider"].values[k]))]
        nu = v["excess"] * np.exp(v["house_spread"] * z)
        price = np.log(float(found["value"].values[k]))
        share = np.exp(cost) / np.exp(mu)
        sd = np.hypot(v["error"] * share, PRIORS.rounding)
        total += exponnorm(nu / sd, mu, sd).logpdf(price)
    x, turn = level_off(data) @ z_turn, 0
    for kind, name, value, watched in zip(
        *(data[n].values for n in ("kind", "name", "value", "watched")), strict=True
    ):
        if kind == "change":
            total += student(4, v["product_change"], v["product_size"]).logpdf(np.log(value))
        elif kind == "changes":
            total += poisson(v[f"{name}_rate"] * watched).logpmf(int(value))
        elif kind == "gone":  # the log of an exponential time that could be at most `watched`
            ended = truncexpon(v["gone_rate"] * watched, scale=1 / v["gone_rate"])
            total += ended.logpdf(value) + np.log(value)
        elif kind == "flagship":
            level, turn = v["mean"] + v["spread"] * x[turn], turn + 1
            total += student(4, level, v["deviation"]).logpdf(np.log(value))
        elif kind == "small":
            total += norm(v["small"], v["small_spread"]).logpdf(np.log(value))
    got = logp({"z": np.array(sampled), "along": values["along"]})
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


def test_a_capability_gets_dearer_only_if_a_price_rises_or_a_product_goes(api_price_panel, drawn):
    parameters, _ = drawn
    kept = parameters.assign(gone_rate=parameters["gone_rate"] * 0)
    still = kept.assign(product_rate=parameters["product_rate"] * 0)
    draws = api_price.draw(still, api_price_panel, PRIORS, "2028Q2", np.random.default_rng(3))
    for name in LEVELS:
        path = draws["y"].sel(series=f"{name}/price").isel(period=slice(-10, None))
        assert (path.diff("period") <= 1e-12).all()
    index = draws["y"].sel(series="fixed product/price_index")
    assert (index.sel(period=slice("2026Q2", None)) == 100).all()
    assert index.sel(period=slice(None, "2026Q1")).isnull().all()  # other products were listed then
    going = still.assign(gone_rate=parameters["gone_rate"] * 0 + 3.0)
    draws = api_price.draw(going, api_price_panel, PRIORS, "2028Q2", np.random.default_rng(3))
    path = draws["y"].sel(series="GPT-4 level/price").isel(period=slice(-10, None))
    assert (path.diff("period") > 0).any(("chain", "draw")).all()
    assert np.isfinite(path).all()  # the most capable one stays


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


def test_a_walk_of_few_and_large_changes_ends_without_a_warning(api_price_panel, monkeypatch):
    """As of November 2024 a path of the rule left the range of numbers."""

    def huge(_, ahead, size, rng):
        return np.full((size, len(ahead)), 1e3)

    monkeypatch.setattr(api_price_baseline, "uneven_steps", huge)
    draws = api_price_baseline.price_walk(api_price_panel, until="2027Q2", seed=1)
    assert np.isinf(draws["y"].isel(period=-1)).all()


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
    drawn = refill(api_price_panel, {"log_value": values[2]})
    run = fit("api_price", drawn, seed=1, draws=2000, progress=False)
    assert run.gate.passed, [str(c) for c in run.gate.failures]
    for name in ("rate", "slope", "product_rate", "flagship_rate", "small", "error", "excess",
                 "mean", "spread", "deviation"):  # fmt: skip
        low, high = run.posterior[name].quantile([0.005, 0.995]).values
        assert low < float(truth[name][0, 2]) < high, name
    assert run.posterior["rate"].std() < 0.6 * PRIORS.rate_sd
