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
# # What the companies report, and where it may go
#
# Seven companies' quarterly capex, revenue and cloud or AI revenue in one model, as known on 6 May 2026. This
# notebook fits it, compares it with four baselines and with a date a year earlier, and adds a company of
# your own. Amounts are USD bn a quarter. Every interval is 80 % unless it says otherwise.

# %%
import numpy as np
import pandas as pd

import forecast as fc
from forecast.core.periods import calendar_quarter
from forecast.evaluation.score import crps
from forecast.inference.sampling import prior_draws
from forecast.models.earnings import baseline as earnings_baseline
from forecast.models.earnings import paths
from forecast.models.earnings import plots as earnings_plots
from forecast.tables.vintages import check_table

# %% [markdown]
# ## What was known
#
# `as_of` keeps what had been reported by a day. The calendar says which reports are still out, and when each
# company's own past lags let the next one be expected. Expected days are estimates, not announcements.

# %%
table = fc.read_vintages()
known = fc.as_of(table, "2026-05-06")
calendar = fc.report_calendar(known)
calendar.out

# %%
earnings_plots.calendar_grid(calendar)

# %% [markdown]
# ## The panel
#
# Fiscal quarters stand at the calendar quarter in which their middle lies. What is missing or starts late is
# simply not there.

# %%
panel = fc.build_panel(known, "earnings")
series = panel.frame().groupby("series")["quarter"]
pd.DataFrame({"quarters": series.size(), "first": series.min(), "last": series.max()})

# %% [markdown]
# ## What the model thinks before it sees a number
#
# The prior predictive: growth over four quarters that the model holds possible before any data. Capex may halve or
# more than double; revenue moves less. If these ranges look wrong to you, the fit will not mend it where data are few.

# %%
model = fc.get_model("earnings")
before = prior_draws(model, panel, model.priors, size=500, seed=4)
made_up = model.replicate(before, panel, model.priors, np.random.default_rng(4))
quantiles = {
    what: np.quantile(statistic(made_up, panel), [0.05, 0.25, 0.5, 0.75, 0.95])
    for what, statistic, _, _ in model.prior_checks
}
pd.DataFrame(quantiles, index=["5 %", "25 %", "median", "75 %", "95 %"]).T.round(0)

# %% [markdown]
# ## Fit, and the gate: convergence checks
#
# No forecast without a passed gate: chains that agree, enough effective draws, no divergences, priors in range.

# %%
run = fc.fit("earnings", panel, seed=1, progress=False)
pd.DataFrame([(c.name, c.value, c.limit, c.passed) for c in run.gate.checks],
             columns=["check", "worst", "limit", "passed"])  # fmt: skip

# %%
print("gate passed" if run.gate.passed else f"gate FAILED: {run.gate.failures}")
fc.summary(run).query("parameter.str.startswith('growth_now')").round(3)

# %% [markdown]
# ## Forecast
#
# Joint draws of every company, of the sums `big_four` and `big_five`, and of capex over revenue. Dashed is the random
# walk with drift, which knows only a series' average growth and its spread.

# %%
draws = fc.forecast(run, until="2028Q2", seed=2)
baseline = earnings_baseline.quarterly(panel, until="2028Q2", seed=3)
fc.plots.fan(draws, "capex", "big_five", baseline=baseline)

# %%
figure, axes = fc.plots.small_multiples(7)
earnings_plots.company_fans(draws, "capex", baseline=baseline, axes=axes)
figure

# %%
figure, axes = fc.plots.small_multiples(7)
earnings_plots.company_fans(draws, "revenue", baseline=baseline, axes=axes)
figure

# %% [markdown]
# ## Ratios, four-quarter totals and growth
#
# `with_yearly` adds them from the same joint draws: `capex_4q`, `capex_growth` (percent over a year) and
# `capex_to_revenue_4q`. `forecast run` writes their quantiles to `forecasts.parquet`.

# %%
yearly = fc.events.with_yearly(draws)
fc.plots.fan(yearly, "capex_to_revenue_4q", "big_five", baseline=fc.events.with_yearly(baseline))

# %% [markdown]
# Operating cash flow is reported but not modelled. Above the dotted line a company spends more than its business
# brings in.

# %%
ratios = fc.reported_ratio(known, sums={"big_five": paths.TOTALS["big_five"]})
earnings_plots.ratio_history(
    ratios,
    label="capex over operating cash flow",
    as_of=known.date,
    bold="big_five",
    metric="capex",
)

# %% [markdown]
# ## Beside every baseline
#
# Medians and 80 % intervals of the next quarters for the five companies' capex. A model that only repeats one of
# these rules adds little; where they differ, ask why.


# %%
def interval(one, name, quarter):
    low, middle, high = np.quantile(one["y"].sel(series=name, period=quarter), [0.1, 0.5, 0.9])
    return f"{middle:.0f} ({low:.0f} to {high:.0f})"


rules = {
    rule: earnings_baseline.quarterly(panel, rule=rule, until="2028Q2", seed=3)
    for rule in earnings_baseline.RULES
}
beside = {"model": draws} | {
    earnings_baseline.QUARTERLY_NAMES[rule]: one for rule, one in rules.items()
}
quarters = ["2026Q2", "2026Q3", "2026Q4", "2027Q2", "2028Q2"]
pd.DataFrame(
    {
        q: {name: interval(one, "big_five/capex", q) for name, one in beside.items()}
        for q in quarters
    }
)

# %% [markdown]
# The claims that this model decides, with each rule's probability in the columns beside.

# %%
claims = fc.read_claims()
columns = {
    name: fc.judge(claims, one.assign_attrs(model="earnings")).frame().set_index("definition")
    for name, one in beside.items()
}
decided = columns["model"].query("status == 'judged'")
shown = decided[["probability", "mcse", "window"]].rename(columns={"probability": "model"})
for name, frame in columns.items():
    if name != "model":
        shown[name] = frame.loc[shown.index, "probability"]
shown.round(3)

# %% [markdown]
# ## How it would have done a year earlier
#
# The same model on what was known on 6 May 2025. No compile is needed: data and prior numbers are inputs of the compiled
# model. Then each number reported since, with its percentile in the forecast made without it. Percentiles that
# crowd near 0 or 100 mean intervals too narrow, or a level that was missed; none outside 10 to 90, too wide.

# %%
early_known = fc.as_of(table, "2025-05-06")
early_panel = fc.build_panel(early_known, "earnings")
early = fc.forecast(fc.fit("earnings", early_panel, seed=1, progress=False), until="2026Q1", seed=2)
later = known.rows["reported_on"] > "2025-05-06"
since = known.rows[later & known.rows["metric"].isin(["capex", "revenue"])]
where = fc.percentiles(fc.quantile_table([early]), since)
came = since.assign(percentile=where["percentile"], quarter=since["period"].map(calendar_quarter))
came = came.dropna(subset=["percentile"])
came.pivot_table(index=["metric", "entity"], columns="quarter", values="percentile").round(0)

# %%
inside = came["percentile"].between(10, 90).groupby(came["metric"])
pd.DataFrame({"numbers": inside.size(), "share in the 80 % interval": inside.mean().round(2)})

# %% [markdown]
# Mean CRPS on the log scale over the same cells; lower is better. One date and overlapping quarters prove little:
# `benchmarks/README.md` has fifteen dates.


# %%
def log_score(one, metric):
    scores = []
    for row in came[came["metric"] == metric].itertuples():
        name = f"{row.entity}/{metric}"
        if name in one["series"].values:
            truth = np.log(fc.convert(row.value, row.unit, "USD bn"))
            path = one["y"].sel(series=name, period=row.quarter)
            scores.append(float(crps(np.log(path), truth)))
        else:
            scores.append(np.nan)
    return np.array(scores)


early_rules = {
    earnings_baseline.QUARTERLY_NAMES[rule]: earnings_baseline.quarterly(
        early_panel, rule=rule, until="2026Q1", seed=3
    )
    for rule in earnings_baseline.RULES
}
scores = {
    metric: {name: log_score(one, metric) for name, one in ({"model": early} | early_rules).items()}
    for metric in ("capex", "revenue")
}
both = {m: np.all([np.isfinite(s) for s in by.values()], axis=0) for m, by in scores.items()}
pd.DataFrame(
    {m: {name: s[both[m]].mean() for name, s in by.items()} for m, by in scores.items()}
).round(3)

# %% [markdown]
# ## A company of your own
#
# Rows of a vintage table are enough: entity, metric, period, value, unit, the day it was reported, a source and a confidence. This
# company is invented; it reports capex only, in millions, by a fiscal calendar that ends in January. It borrows what
# the others share (season, size of shocks, growth) and keeps its own level.

# %%
ends = pd.date_range("2023-04-30", "2026-01-31", freq="3ME")
own = pd.DataFrame(
    {
        "entity": "OWN",
        "metric": "capex",
        "period": [
            f"{(end - pd.offsets.MonthEnd(3) + pd.Timedelta(days=1)).date()}/{end.date()}"
            for end in ends
        ],
        "value": [210, 260, 240, 330, 300, 390, 410, 520, 480, 610, 640, 790],
        "unit": "USD m",
        "reported_on": [str((end + pd.Timedelta(days=25)).date()) for end in ends],
        "source": "invented for this notebook",
        "confidence": "C",
        "qualifier": "",
    }
)
more = fc.as_of(pd.concat([table, check_table(own)]).fillna(""), "2026-05-06")
with_own = fc.fit("earnings", fc.build_panel(more, "earnings"), seed=1, progress=False)
print("gate passed" if with_own.gate.passed else f"gate FAILED: {with_own.gate.failures}")
fc.plots.fan(fc.forecast(with_own, until="2028Q2", seed=2), "capex", "OWN")
