# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # The value correction
#
# "The AI industry will undergo a value correction within the next 18-24 months": not a crash, but a recalibration.
# This notebook asks it of two clocks, prices and reported spending, and of what must be true for a
# trillion-dollar programme to be earned back. As known on 6 May 2026. The article's own table is notebook 01.

# %%

import numpy as np
import pandas as pd

import forecast as fc
from forecast.claims import comparisons, scenarios, variations
from forecast.claims.pool import pool
from forecast.core import periods
from forecast.evaluation.warnings import warnings_against_base
from forecast.models.capex_hazard import baseline as capex_hazard_baseline
from forecast.models.earnings import baseline as earnings_baseline
from forecast.models.hazard import baseline as hazard_baseline
from forecast.models.hazard import plots as hazard_plots
from forecast.models.hazard.panel import Position, effective_sample, with_positions
from forecast.models.market import baseline as market_baseline
from forecast.models.payback import model as payback
from forecast.models.payback import plots as payback_plots

known = fc.as_of(fc.read_vintages(), "2026-05-06")
claims = fc.read_claims()
claim = claims[0]
percent = fc.plots.percent

# %% [markdown]
# ## Definitions by prices
#
# Every run-up of 49 US industries since 1928, with the months to the first fall of 20, 30 and 40 %. Episodes
# of one year share its market, so many episodes are few independent ones.

# %%
panel = fc.build_panel(known, "hazard")
mine = Position("my own series", "2026-05-06", "", 60, 110, 6, "made up for this notebook")
panel = with_positions(panel, [mine])
n, independent = effective_sample(panel.data)
print(
    f"{panel.data.sizes['obs']} episodes; {n} followed for 24 months, worth about {independent:.0f}"
)
run = fc.fit("hazard", panel, seed=1, progress=False)
print("gate passed" if run.gate.passed else f"gate FAILED: {run.gate.failures}")
prices = fc.forecast(run, seed=2)
at_any_time = hazard_baseline.unconditional_falls(panel, until="2028-04", seed=3)

# %% [markdown]
# The class: how long past run-ups went without a fall, and what the model says of the AI episode among them.

# %%
hazard_plots.class_survival(panel.data, prices, "PHLX semiconductor index")

# %% [markdown]
# First passage: the chance that the first fall has come by each month. Dashed is how often US industries fall at
# any time: the forecast to beat.

# %%
figure, axes = fc.plots.small_multiples(3)
for fall, ax in zip((20, 30, 40), axes, strict=True):
    hazard_plots.first_passage(
        prices, fall, "PHLX semiconductor index", baseline=at_any_time, ax=ax
    )
figure

# %% [markdown]
# A correction falls by 20 to 40 %, a crash by more.

# %%
hazard_plots.severity(
    prices, ["PHLX semiconductor index", "Nasdaq-100", "my own series"], baseline=at_any_time
)

# %%
depths = variations.depths(prices, ["PHLX semiconductor index", "my own series"], at_any_time)
pd.DataFrame(
    {
        f"{d.entity}, {d.months} months": {
            "spared": percent(d.spared),
            "correction": percent(d.correction),
            "crash": percent(d.crash),
            "of the falls, stay a correction": percent(d.stays_a_correction),
        }
        for d in depths
    }
)

# %% [markdown]
# Does a famous warning add to what the series do anyway? Every dated warning outside this boom, once.

# %%
pd.DataFrame(
    [
        {
            "fall": f"{w.fall} % in {w.within} months",
            "warnings": w.warnings,
            "fell": w.fell,
            "expected without a warning": round(w.expected, 1),
            "shift of log-odds": f"{w.shift:+.2f} ({w.low:+.2f} to {w.high:+.2f})",
            "chance that it adds": percent(w.informative),
        }
        for w in warnings_against_base(fc.read_reference_table("warnings"))
    ]
)

# %% [markdown]
# ## The spending clock
#
# What the companies report each quarter, in one posterior.

# %%
reported = fc.build_panel(known, "earnings")
companies = fc.fit("earnings", reported, seed=1, progress=False)
print("gate passed" if companies.gate.passed else f"gate FAILED: {companies.gate.failures}")
spending = fc.forecast(companies, until="2028Q2", seed=2)
reported_baseline = earnings_baseline.quarterly(reported, until="2028Q2", seed=3)

# %% [markdown]
# The same events by another route: what followed earlier run-ups of capex, in whole industries since 1946 and of these
# companies since 1998, whatever has been said of the quarters to come.

# %%
runups = fc.build_panel(known, "capex_hazard")
class_run = fc.fit("capex_hazard", runups, seed=1, progress=False)
print("gate passed" if class_run.gate.passed else f"gate FAILED: {class_run.gate.failures}")
after_runups = fc.forecast(class_run, until="2028Q2", seed=2)
runups_baseline = capex_hazard_baseline.falls_at_any_time(runups, until="2028Q2", seed=3)

# %%
table = fc.fit("market", fc.build_panel(known, "market"), seed=1, progress=False)
article = fc.forecast(table, until="2030", seed=2)
article_baseline = market_baseline.drift_walk(table.panel, until="2030", seed=3)

# %% [markdown]
# ## Both on one calendar

# %%
by_model = {
    "hazard": prices,
    "earnings": spending,
    "capex_hazard": after_runups,
    "market": article,
}
baselines = {
    "hazard": at_any_time,
    "earnings": reported_baseline,
    "capex_hazard": runups_baseline,
    "market": article_baseline,
}
chosen = {
    "sector_price_down_20": ("hazard", "fall", "price down 20 %"),
    "crash": ("hazard", "fall", "price down 40 %"),
    "big_five_capex_down_10": ("earnings", "capex", "reported capex down 10 %"),
    "article_capex_down_10": ("market", "ai_investment", "article's capex down 10 %"),
}
definitions = {d.id: d for d in claim.definitions}
curves = []
for name, (model, metric, label) in chosen.items():
    one = variations.curve(definitions[name], by_model[model], label)
    curves.append((label, metric, one.days, one.probabilities))
marked = [(periods.months_after(claim.source_date, m), f"{m} months") for m in (18, 24)]
fc.plots.clocks(curves, start=claim.source_date, marked=marked)

# %% [markdown]
# ## Every definition, and their mixture beside them
#
# Dot: our answer. Thin line: other thresholds, and windows that end earlier. Diamond: the baseline. The mixture is the
# chance that a definition drawn by the weights of `claims.toml` comes true.

# %%
verdicts = fc.judge(claims, list(by_model.values()))
moved = {
    d.id: variations.variations(claim, d, by_model[d.model], baseline=baselines[d.model])
    for d in claim.definitions
    if d.model in by_model  # no draws tell of a funding round
}
rows = []
for v in verdicts:
    if v.claim == claim.id and v.definition in moved:
        other = [
            m.probability for m in moved[v.definition] if m.what in ("threshold", "window end")
        ]
        plain = [m.probability for m in moved[v.definition] if m.setting == "naive"]
        rows.append(
            fc.plots.StripRow(
                definitions[v.definition].why,
                v.probability,
                naive=plain[0] if plain else None,
                draws=v.draws,
                reach_low=min(other) if len(other) > 1 else None,
                reach_high=max(other) if len(other) > 1 else None,
            )
        )
fc.plots.definition_strip(rows, title="One claim, many answers")

# %%
beside = {
    (claim.id, d): m.probability for d, all_ in moved.items() for m in all_ if m.setting == "naive"
}
pooled = pool(claim, verdicts, beside)
print(f"mixture {percent(pooled.probability)} (error {100 * pooled.error:.1f} points), naive "
      f"{percent(pooled.naive)}; the article's words {percent(claim.implied.low)} to "
      f"{percent(claim.implied.high)}")  # fmt: skip

# %% [markdown]
# How each answer moves with the threshold, the end of the window and its start.

# %%
moves = variations.variation_table([m for all_ in moved.values() for m in all_])
moves = moves[moves["what"].isin(["threshold", "window end", "window start"])]
moves = moves.assign(percent=[f"{100 * p:.0f}" for p in moves["probability"]])
moves.pivot(index="definition", columns=["what", "setting"], values="percent").fillna("")

# %% [markdown]
# ## What others say
#
# The questions differ: the last column first.

# %%
public = fc.read_reference_table("public_forecasts")
told = comparisons.beside_others(
    public, comparisons.read_comparisons(public), by_model, baselines, "2026-05-06"
)
pd.DataFrame(
    [
        {
            "who": f"{o.forecaster}, {o.date}",
            "theirs": percent(o.theirs),
            "ours": percent(o.ours, o.draws),
            "naive": percent(o.naive),
            "ours is about": o.about,
            "how they differ": o.differs,
        }
        for o in told
    ]
)

# %% [markdown]
# ## If something else comes true
#
# Conditional forecasts: the draws in which the condition holds. The share says how plausible the condition is; with too few
# draws left there is no number.

# %%
conditional = []
for scenario in scenarios.read_scenarios():
    if scenario.model != "earnings":
        continue
    found = scenarios.conditional(scenario, [claim], companies, spending)
    for v in found.verdicts or ():
        conditional.append(
            {
                "conditional on": f"{scenario.id} ({found.grade}, {percent(found.share)} of draws)",
                "definition": v.definition,
                "conditional": percent(v.probability, v.draws),
                "without": percent(verdicts.of(claim.id, v.definition).probability),
            }
        )
    if found.refused:
        print(f"{scenario.id}: {found.refused}")
pd.DataFrame(conditional)

# %% [markdown]
# ## Is a trillion earned back, and what must be true
#
# Left: the year in which the discounted cash has paid the programme back; what the curve lacks of 100 % is never. Right: the
# revenue and margin at which payback has a chance of 10, 50 and 90 %, and how many draws lie beyond each line.

# %%
labs = fc.fit("payback", fc.build_panel(known, "payback"), seed=1, progress=False)
print("gate passed" if labs.gate.passed else f"gate FAILED: {labs.gate.failures}")
cash = fc.forecast(labs, seed=2)
payback_plots.payback_years(cash, ["0.6 tn programme", "1.0 tn programme", "1.4 tn programme"])

# %%
plan = payback.plan_of(labs.posterior, "1.0 tn programme")
margins = np.linspace(0.05, 0.5, 46)
payback_plots.payback_frontier(
    margins,
    payback.required_revenue(plan, 2035, margins),
    plan.revenue[:, plan.years == 2035][:, 0],
    plan.end[:, 0],
    label="OpenAI revenue",
)
