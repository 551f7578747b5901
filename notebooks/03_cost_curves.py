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
# # What spending buys, what it costs, and what it sells for
#
# The article says that "the marginal performance gains are diminishing" and that "the cost-to-performance ratio is
# worsening". Three models hold that against the public record as known on 6 May 2026: scores against compute, the
# cost of training runs, and the price of a given capability. Every interval is 80 % unless it says otherwise.

# %%
# %matplotlib inline
import dataclasses
import datetime as dt

import numpy as np
import pandas as pd

import forecast as fc
from forecast.models.api_price import plots as api_price_plots
from forecast.models.benchmark import model as benchmark
from forecast.models.benchmark import plots as benchmark_plots
from forecast.models.benchmark.panel import BENCHMARKS
from forecast.models.training_cost import plots as training_cost_plots

known = fc.as_of(fc.read_vintages(), "2026-05-06")

# %% [markdown]
# ## Scores of public models
#
# One row a score: a release has several, by benchmark and by who ran it. Compute that was inferred from scores is left
# out, for a fit would explain the scores by themselves; so are scores far below chance, which tell of the format.

# %%
rows = fc.build_panel(known, "benchmark")
table = rows.frame()
pd.DataFrame(
    {
        "scores": table.groupby("benchmark").size(),
        "releases": table.groupby("benchmark")["release"].nunique(),
        "with compute": table[table["log_compute"].notna()].groupby("benchmark").size(),
        "lowest": (100 * table.groupby("benchmark")["score"].min()).round(1),
        "highest": (100 * table.groupby("benchmark")["score"].max()).round(1),
    }
)

# %%
run = fc.fit("benchmark", rows, seed=1, progress=False)
print("gate passed" if run.gate.passed else f"gate FAILED: {run.gate.failures}")
labels = fc.get_model("benchmark").labels
shown = fc.summary(run).query("parameter in @labels").round(2)
shown.assign(parameter=shown["parameter"].map(labels)).set_index("parameter")[
    ["mean", "q05", "q95"]
]

# %% [markdown]
# The gain from ten times the compute shrinks with scale faster than the prior held possible (`bend` has a prior of 0 with
# an sd of 0.25). A part of that is not about spending: small models taught by large ones look cheap.

# %%
draws = fc.forecast(run, seed=2)
figure, axes = fc.plots.small_multiples(4, columns=2, size=(5.0, 3.3))
for ax, name in zip(axes, BENCHMARKS, strict=True):
    benchmark_plots.cost_curve(draws, rows, name, title=f"{name} against compute", ax=ax)
figure

# %% [markdown]
# ## Gains from ten times the spend, five years ago and now
#
# At the best model and the most compute known at each date. Points depend on where on the scale a model stands; the
# share of errors removed less so; log-odds not at all.


# %%
def interval(series, digits=1):
    low, middle, high = np.quantile(draws["signal"].sel(series=series), [0.1, 0.5, 0.9])
    return f"{middle:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"


columns = {"gain_points": "points", "error_cut": "errors removed, %", "gain_logits": "log-odds"}
pd.DataFrame(
    {
        (name, when): {
            words: interval(f"{name} {when}/{metric}", 2 if metric == "gain_logits" else 1)
            for metric, words in columns.items()
        }
        for name in BENCHMARKS
        for when in ("five years earlier", "now")
    }
).T

# %% [markdown]
# How much of the fall in points comes from standing elsewhere on the curve, with the ceiling near, and how much from less
# gain in log-odds. The two add up.

# %%
pd.DataFrame(
    {
        name: {
            words: interval(f"{name}/flattening_{part}")
            for part, words in (
                ("points", "points fewer than five years earlier"),
                ("by_ceiling", "of which place on the curve"),
                ("by_returns", "of which less gain in log-odds"),
            )
        }
        for name in BENCHMARKS
    }
).T

# %% [markdown]
# ## The article's four rows
#
# Printed cost and MMLU, and what the model expects of a closed model of an average organisation for that cost at that
# date. Four rows cannot tell the curve; they can be compared with it.

# %%
article = known.rows[known.rows["metric"].isin(["training_cost", "mmlu"])]
article = article[article["source"].str.startswith("AINews")]
printed = article.pivot_table(index=["entity", "period"], columns="metric", values="value")
expected = []
for (_, day), row in printed.iterrows():
    when = dt.date.fromisoformat(day)
    found = benchmark.expected_for_cost(run.posterior, rows, when, row["training_cost"])[:, 0]
    low, middle, high = np.quantile(found, [0.1, 0.5, 0.9])
    expected.append(f"{middle:.0f} ({low:.0f} to {high:.0f})")
printed.assign(**{"MMLU expected": expected})

# %% [markdown]
# ## Open and closed models

# %%
figure, axes = fc.plots.small_multiples(2, columns=2, size=(5.0, 3.4))
benchmark_plots.frontier(draws, title="The best open and the best closed model", ax=axes[0])
benchmark_plots.open_lag(draws, threshold=12.0, title="Months that open models trail", ax=axes[1])
print("lag today, months:", interval("open models/lag_months", 0))
figure

# %% [markdown]
# ## What training runs cost
#
# Ten largest when released. The doubling time depends on the rule of selection more than on the data's noise.

# %%
costs = fc.build_panel(known, "training_cost")
trained = fc.fit("training_cost", costs, seed=1, progress=False)
print("gate passed" if trained.gate.passed else f"gate FAILED: {trained.gate.failures}")
training_cost_plots.training_trend(fc.forecast(trained, until="2030", seed=2), costs, named=3)

# %% [markdown]
# ## What a capability sells for
#
# The cheapest model on the list that is at least as capable as a named release, and where drawn offers take it.

# %%
offers = fc.build_panel(known, "api_price")
priced = fc.fit("api_price", offers, seed=1, progress=False)
print("gate passed" if priced.gate.passed else f"gate FAILED: {priced.gate.failures}")
api_price_plots.price_envelope(
    fc.forecast(priced, until="2028Q2", seed=2), offers, ("GPT-4 level", "GPT-5 level")
)

# %% [markdown]
# ## Published results alongside ours
#
# Training cost: arXiv 2405.21015, ten largest to May 2024, 90 %. Compute that a year's progress is worth: arXiv 2512.00193,
# 90 %, from more benchmarks and 68 models with compute. Lag of open models: Epoch AI, May 2026, four months on its
# index. The last two are near questions, not the same.

# %%
before = dataclasses.replace(known, date="2024-05-31")
earlier = fc.fit(
    "training_cost", fc.build_panel(before, "training_cost"), seed=1, progress=False
).posterior


def result(label, values, published, unit, ends=(None, None)):
    low, middle, high = np.quantile(values, [0.05, 0.5, 0.95])
    return training_cost_plots.ResultRow(label, middle, low, high, published, *ends, unit)


signal = draws["signal"].isel(period=0)
training_cost_plots.published_beside_ours(
    [
        result(
            "Growth of training cost", earlier["growth_per_year"], 2.41, "x a year", (1.97, 2.94)
        ),
        result(
            "Compute worth a year's progress",
            signal.sel(series="all models/progress_in_compute"),
            5.84,
            "x a year",
            (4.21, 8.10),
        ),
        result("Lag of open models", signal.sel(series="open models/lag_months"), 4.0, "months"),
    ],
    title="Ours beside what others found",
)

# %% [markdown]
# ## The claims that these models decide

# %%
claims = fc.read_claims()
judged = fc.judge(claims, draws).frame().query("status == 'judged'")
judged[["claim", "definition", "probability", "mcse"]].round(3)
