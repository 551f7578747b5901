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
# # The article, put to its own numbers
#
# An article of 6 May 2026 predicts that the AI industry "will undergo a value correction within the next
# 18-24 months". This notebook walks the road from its tables to a probability: six lines, then what they
# show.

# %%
import forecast as fc
from forecast.models.benchmark import plots as benchmark_plots

# %% [markdown]
# ## What was known
#
# Every number has the period it is about and the day it became known. `as_of` keeps what was known on a day.

# %%
known = fc.as_of(fc.read_vintages(), "2026-05-06")
market = known.rows[known.rows["entity"] == "AI market"]
market.pivot(index="metric", columns="period", values="printed")

# %% [markdown]
# Is the article right about its own numbers? The audit looks by rule. These are its contradictions.

# %%
findings = fc.audit_claims(known, fc.read_references(), fc.read_claims())
for finding in findings:
    if finding.verdict == "contradicted":
        print(f"{finding.claim}: said {finding.said}; {finding.follows}.\n")

# %% [markdown]
# ## Six lines

# %%
panel = fc.build_panel(known, "market")
panel

# %%
run = fc.fit("market", panel, seed=1)
run

# %%
draws = fc.forecast(run, until="2030", seed=2)
draws

# %% [markdown]
# Each definition of each claim, judged by the joint draws. Definitions of other models say that they wait.

# %%
verdicts = fc.judge(fc.read_claims(), draws)
verdicts

# %% [markdown]
# ## Figures
#
# Bands hold 50, 80 and 95 % of the paths; dashed is the random walk with drift, the forecast to beat.

# %%
naive = fc.drift_walk(panel, until="2030", seed=3)
fc.plots.fan(draws, "datacenter_capex", "AI market", baseline=naive, estimated=["2025"])

# %%
ratio = fc.events.path(draws, "AI market/capex_to_revenue")
naive_ratio = fc.events.path(naive, "AI market/capex_to_revenue").assign_attrs(model="naive")
fc.plots.threshold_probability(
    ratio,
    op="<",
    value=1.3,
    as_of=known.date,
    label="capex over revenue",
    baseline=naive_ratio,
)

# %% [markdown]
# ## How much of it is prior
#
# The same fit under a sceptical and a generous prior set. No compile is needed: prior numbers are data.

# %%
for variant in ("sceptical", "generous"):
    other = fc.forecast(fc.fit("market", panel, seed=1, variant=variant), until="2030", seed=2)
    row = fc.judge(fc.read_claims(), other).of("value_correction", "article_ratio_below_1.3")
    print(f"{variant:>10}: {row.probability:.0%}")

# %% [markdown]
# ## Does spending still buy scores

# %%
rows = fc.build_panel(known, "benchmark")
scores = fc.forecast(fc.fit("benchmark", rows, seed=1), seed=2)
benchmark_plots.cost_curve(scores, rows, "GPQA Diamond")

# %%
fc.judge(fc.read_claims(), [draws, scores]).frame().query("status == 'judged'")

# %% [markdown]
# ## The same six lines on what the companies report
#
# The article's table is short. The quarterly filings are not: the same road, another model.

# %%
run = fc.fit("earnings", fc.build_panel(known, "earnings"), seed=1)
reported = fc.forecast(run, until="2028Q2", seed=2)
fc.judge(fc.read_claims(), reported).frame().query("status == 'judged'")

# %%
fc.plots.fan(reported, "capex", "big_five")

# %% [markdown]
# ## A claim of your own
#
# A definition is data. Here: AI revenue of 2027 is at least twice that of 2025.

# %%
event = fc.events.Growth("AI market/ai_revenue", ">=", 100, lag=2)
window = (fc.parse_date("2027-01-01"), fc.parse_date("2027-12-31"))
float(fc.events.happens(draws, event, window).mean())
