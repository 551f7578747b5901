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
# # Earnings days: January and February 2026, one report at a time
#
# What was known on 15 January 2026, what each coming report could change, and then what the reports of 28 January,
# 4 and 5 February did change: number by number, with the Monte-Carlo noise beside it. Amounts are USD bn a quarter.
# Nothing after the day in question is seen by any fit.

# %%
import numpy as np
import pandas as pd

import forecast as fc
from forecast.evaluation.surprise import percentiles

DAYS = ("2026-01-15", "2026-01-28", "2026-02-04", "2026-02-05")
table = fc.read_vintages()
claims = fc.read_claims()

# %% [markdown]
# ## The evening before
#
# The last quarter of 2025 has ended and nobody but Oracle has reported a quarter that reaches into it. Expected days
# are estimates from each company's own past lags.

# %%
known = fc.as_of(table, DAYS[0])
calendar = fc.report_calendar(known)
calendar.out[["entity", "quarter", "expected_on", "expected_from", "expected_to"]]

# %%
run = fc.fit("earnings", fc.build_panel(known, "earnings"), seed=1, progress=False)
run

# %%
draws = fc.forecast(run, seed=2)
followed = fc.statistics_of(claims, "earnings", draws, ["big_five/capex"])
pd.Series(
    {
        s.name: s.text(float(s.of(draws).median() if s.unit else s.of(draws).mean()))
        for s in followed
    }
)

# %% [markdown]
# ## Whose report matters
#
# The coming number of each company is drawn with everything else, so the draws say how a probability goes with it.
# `move` is the expected change of the probability in points, `noise` what it could come to if the number had nothing
# to do with it; pairs that do not stand out from that are left out.

# %%
prospects = fc.anticipate(draws, followed, seed=3)
told = [p for p in prospects if p.told]
pd.DataFrame(
    {
        "number": [f"{p.series} {p.period}" for p in told],
        "definition": [p.statistic.split("/")[1] for p in told],
        "now, %": [100 * p.probability for p in told],
        "at its 10 %": [100 * np.interp(0.1, p.levels, p.curve) for p in told],
        "at its 90 %": [100 * np.interp(0.9, p.levels, p.curve) for p in told],
        "move": [100 * p.move for p in told],
        "noise": [100 * p.noise for p in told],
        "bits": [p.bits for p in told],
    }
).sort_values("bits", ascending=False).head(10).round(
    {"now, %": 1, "at its 10 %": 1, "at its 90 %": 1, "move": 1, "noise": 1, "bits": 4}
)

# %% [markdown]
# Of the four companies that report first, the number that tells most of one definition. The curve is a regression over the
# draws; the hollow dots take the number as if it were reported and reweight the run to it, another way to the answer.
# The grey band is what the curve may do by chance.

# %%
first = [p for p in told if p.company in ("MSFT", "META", "GOOGL", "AMZN")]
best = max(first, key=lambda p: p.bits)
definition = next(s for s in followed if s.name == best.statistic)
best = fc.check_prospect(best, run, definition, seed=4)
number = f"{best.series.replace('/', ' ').replace('_', ' ')} {best.period}"
low, high = np.interp([0.1, 0.9], best.levels, best.curve)
fc.plots.print_curve(
    fc.plots.PrintCurve(
        number, best.series.split("/")[1], best.prints, best.curve, best.levels, best.checked
    ),
    best.probability,
    noise=best.noise,
    title=f"{number}: {100 * low:.0f} % or {100 * high:.0f} % at its 10 % and 90 %",
)

# %%
print(definition.name, "-", definition.why)
print("distinguishable from chance:", best.told)

# %% [markdown]
# ## The reports, one day after the other
#
# `fc.refit` fits the same model to what is known now; nothing is compiled. Each new number is first compared with what
# had been forecast of it.

# %%
steps, surprises = [], []
for day in DAYS[1:]:
    now = fc.as_of(table, day)
    fresh = now.rows[now.rows["reported_on"] == day]
    where = percentiles(fc.quantile_table([draws]), fresh)
    surprises.append(fresh.assign(place=where["text"])[where["text"] != ""])
    after = fc.refit(run, now)
    drawn = fc.forecast(after, seed=2)
    steps.append((day, fc.explain(run, after, now, followed, (draws, drawn), seed=5)))
    run, draws = after, drawn
pd.concat(surprises)[
    ["reported_on", "entity", "metric", "period", "value", "unit", "place"]
].reset_index(drop=True)

# %%
for day, news in steps:
    print(day)
    for s in followed:
        print("  ", news.sentence(s.name))

# %% [markdown]
# Most of what moved, moved on the 28th. The bars are the reports, the last one is what no number explains: the draws
# of the two runs differ. The pieces add up to the change, by construction; a piece smaller than the noise is not news.

# %%
day, news = steps[0]
by_report = news.by_report()
k = by_report.index("capex_growth_below_cloud_growth")
largest = max(range(len(by_report.pieces)), key=lambda p: abs(by_report.change[p, k]))
moved = followed[k].moved(float(by_report.change[largest, k]), float(by_report.error[largest, k]))
fc.plots.waterfall(
    [
        fc.plots.WaterfallRow(
            piece.label,
            *(100 * float(v[p, k]) for v in (by_report.change, by_report.low, by_report.high)),
            noise=piece.kind == "noise",
        )
        for p, piece in enumerate(by_report.pieces)
    ],
    100 * float(by_report.before[k]),
    100 * float(by_report.after[k]),
    ends=("as of 15 January", "as of 28 January"),
    subtitle="Probability that capex grows less than cloud revenue in four quarters in a row, %; by report",
    title=f"{by_report.pieces[largest].label} moved it by {moved}",
)

# %% [markdown]
# Number by number, with the range over the two orders in which the numbers may be taken:

# %%
news.frame("capex_growth_below_cloud_growth")[
    ["kind", "piece", "change", "error", "low", "high"]
].round(4)

# %% [markdown]
# After the last update the run is the one that a single fit on all the data gives, to the last bit; a test of this
# package replays reporting days and compares.
