"""The figures of the main job: which are drawn, with their words, alternative text and source.

Invariant: a figure's title and alternative text are computed from the draws it shows.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from forecast import plots
from forecast.claims.events import FirstPassage
from forecast.claims.variations import MONTHS
from forecast.core.draws import path
from forecast.core.errors import DataError, ForecastError
from forecast.core.periods import months_after
from forecast.core.text import one_line, percent
from forecast.inference.fitting import Run, child_seed
from forecast.inference.sampling import prior_draws
from forecast.models import baselines
from forecast.models.api_price import plots as api_price_plots
from forecast.models.base import Panel
from forecast.models.benchmark import plots as benchmark_plots
from forecast.models.benchmark.panel import BENCHMARKS, COMPUTE_WORDS
from forecast.models.earnings import paths
from forecast.models.earnings import plots as earnings_plots
from forecast.models.earnings.calendar import report_calendar, reported_ratio
from forecast.models.gpu_rental import plots as gpu_rental_plots
from forecast.models.hazard import plots as hazard_plots
from forecast.models.hazard.panel import FALLS, class_name, effective_sample, months_of
from forecast.models.payback import model as payback
from forecast.models.payback import plots as payback_plots
from forecast.models.registry import get_model
from forecast.models.training_cost import plots as training_cost_plots
from forecast.report import memo


@dataclasses.dataclass(frozen=True)
class Fitted:
    """One model's runs and draws.

    Attributes
    ----------
    run
        The fit with the default priors.
    until
        The last period that is drawn.
    draws
        Its draws, None if the gate was not passed.
    variants
        Draws under the other prior sets, by name.
    """

    run: Run
    until: str
    draws: xr.Dataset | None
    variants: Mapping[str, xr.Dataset]


def walk_of(name: str, fitted: Mapping[str, Fitted], seed: int) -> xr.Dataset | None:
    """Return the random walk with drift of a model's series, or None where none can be made."""
    rule = get_model(name).baseline
    if name not in fitted or rule is None:
        return None
    one = fitted[name]
    try:
        return rule(one.run.panel, until=one.until, seed=child_seed(seed, name, "naive"))
    except ForecastError:
        return None  # too short a history: the memo then shows no naive column, and says so


def draw_figures(
    folder: Path, report: memo.Report, fitted: Mapping[str, Fitted]
) -> dict[str, memo.Figure]:
    """Draw what the fitted models have to show into a folder; return the figures by section name."""
    figures: dict[str, memo.Figure] = {}
    article, filings = report.claims[0].source, "company filings"
    both = f"{article}, {filings}" if "earnings" in fitted else article
    origin = {"series": article, "ratio": article}
    origin |= dict.fromkeys(memo.EARNINGS_FIGURES, filings)
    origin |= {name: source for name, (_, source, _) in MODEL_FIGURES.items()}
    origin |= {"clocks": f"{both}, {RUN_UPS}", "others": "as named (data/public_forecasts.csv)"}

    def add(name: str, shown: Any, alt: str, caption: str) -> None:
        plots.save(shown, folder / name, alt=alt)
        caption += f" Source: {origin.get(name, both)}; data as of {report.as_of}; "
        caption += f"run {report.run_id}."
        figures[name] = memo.Figure(f"figures/{name}", alt, caption)

    market, earnings = fitted.get("market"), fitted.get("earnings")
    if market is not None and market.draws is not None:
        walk = walk_of("market", fitted, report.seed)
        add("series", *_series_figure(market, walk))
        add("ratio", *_ratio_figure(report, market, walk))
    if earnings is not None and earnings.draws is not None:
        _earnings_figures(add, report, earnings, walk_of("earnings", fitted, report.seed))
    if any(v.claim == report.claims[0].id and v.status == "judged" for v in report.verdicts):
        add("strip", *_strip_figure(report))
    for name, first in FIRST_PAGE.items():
        with contextlib.suppress(DataError):  # nothing to show without the models it is about
            add(name, *first(report))
    for name, (model, _, figure) in MODEL_FIGURES.items():
        one = fitted.get(model)
        if one is not None and one.draws is not None:
            with contextlib.suppress(DataError):  # a user's own table may lack what it shows
                add(name, *figure(report, one, walk_of(model, fitted, report.seed)))
    if report.sensitivities:
        add("sensitivity", *_sensitivity_figure(report))
    shown = {n: f for n, f in fitted.items() if f.draws is not None}
    if any(model in shown for model, _ in SHOWN_PARAMETERS):
        add("prior_posterior", *_prior_figure(shown))
    return figures


def _earnings_figures(
    add: Callable[..., None], report: memo.Report, one: Fitted, walk: xr.Dataset | None
) -> None:
    """Draw what the companies report: sums, every company, cash flows, who is still to report."""
    draws = one.draws
    assert draws is not None
    add("earnings", *_earnings_figure(one, walk))
    for metric in ("capex", "revenue"):
        if earnings_plots.companies_of(draws, metric):
            add(f"companies_{metric}", *_companies_figure(draws, metric, walk))
    with contextlib.suppress(DataError):  # a user's own table may have no cash flows
        add("cash_ratio", *_cash_figure(report))
    add("report_calendar", *_calendar_figure(report))


def _estimated(panel: Panel) -> list[str]:
    data = panel.data
    return sorted({str(y) for y in data["year"].values[data["estimate"].values > 0]})


def _series_figure(one: Fitted, walk: xr.Dataset | None) -> tuple[Any, str, str]:
    draws = one.draws
    assert draws is not None
    names = [str(n) for n in draws["series"].values if not str(n).endswith("/capex_to_revenue")]
    figure, axes = plots.small_multiples(len(names))
    said = []
    for ax, name in zip(axes, names, strict=True):
        entity, metric = name.split("/")
        end = str(draws["period"].values[-1])
        ends = draws["y"].sel(series=name, period=end).quantile([0.1, 0.5, 0.9]).values
        low, middle, high = (memo.significant(float(q)) for q in ends)
        words = plots.words(metric)
        plots.fan(
            draws,
            metric,
            entity,
            baseline=walk,
            estimated=_estimated(one.run.panel),
            title=f"{words[0].upper()}{words[1:]} {low} to {high} in {end}",
            ax=ax,
        )
        unit = str(draws["unit"].sel(series=name).values)
        said.append(f"{words}: median {middle} {unit} in {end}, 80 % between {low} and {high}")
    caption = (
        "Annual series of the article, joint draws as they would be reported; titles give the 80 % "
        "interval of the last year; dashed: random walk with drift, its median and 80 % interval."
    )
    return figure, "Fans of the article's series. " + "; ".join(said) + ".", caption


EARNINGS_SHOWN = (("capex", "big_five"), ("capex_to_revenue", "big_five"))


def _earnings_figure(one: Fitted, walk: xr.Dataset | None) -> tuple[Any, str, str]:
    draws = one.draws
    assert draws is not None
    there = {str(name) for name in draws["series"].values}
    shown = [(m, e) for m, e in EARNINGS_SHOWN if f"{e}/{m}" in there]
    if not shown:  # a user's own companies: the first series stands for them
        entity, metric = str(draws["series"].values[0]).split("/")
        shown = [(metric, entity)]
    figure, axes = plots.small_multiples(len(shown), columns=2, size=(5.0, 3.4))
    end = str(draws["period"].values[-1])
    said = []
    for ax, (metric, entity) in zip(axes, shown, strict=True):
        name = f"{entity}/{metric}"
        ends = draws["y"].sel(series=name, period=end).quantile([0.1, 0.5, 0.9]).values
        low, middle, high = (memo.significant(float(q)) for q in ends)
        words = plots.words(metric)
        title = f"{words[0].upper()}{words[1:]} {low} to {high} in {end}"
        plots.fan(draws, metric, entity, baseline=walk, title=title, ax=ax)
        said.append(f"{entity}, {words}: median {middle} in {end}, 80 % between {low} and {high}")
    caption = (
        "Quarterly sums of the five companies' filings (big five: Microsoft, Alphabet, Amazon, "
        "Meta, Oracle), from joint draws; titles give the 80 % interval of the last quarter; "
        "dashed: random walk with drift."
    )
    return figure, "Fans of the companies' quarterly figures. " + "; ".join(said) + ".", caption


def _companies_figure(
    draws: xr.Dataset, metric: str, walk: xr.Dataset | None
) -> tuple[Any, str, str]:
    names = earnings_plots.companies_of(draws, metric)
    figure, axes = plots.small_multiples(len(names))
    earnings_plots.company_fans(draws, metric, baseline=walk, axes=axes)
    end = str(draws["period"].values[-1])
    ends = draws["y"].sel(period=end).quantile([0.1, 0.5, 0.9], dim=("chain", "draw"))
    said = []
    for name in names:
        values = ends.sel(series=f"{name}/{metric}").values
        low, middle, high = (memo.significant(float(q)) for q in values)
        said.append(f"{name}: median {middle} in {end}, 80 % between {low} and {high}")
    unit = str(draws["unit"].sel(series=f"{names[0]}/{metric}").values)
    alt = f"Fans of quarterly {plots.words(metric)} by company, {unit}. " + "; ".join(said) + "."
    caption = (
        f"Quarterly {plots.words(metric)} of each company, joint draws as they would be reported; "
        "titles give the 80 % interval of the last quarter; dashed: random walk with drift, its "
        "median and 80 % interval. The panels have scales of their own."
    )
    return figure, alt, caption


def _cash_figure(report: memo.Report) -> tuple[Any, str, str]:
    known = report.known
    ratios = reported_ratio(known, sums={"big_five": paths.TOTALS["big_five"]})
    latest = ratios.drop_duplicates("entity", keep="last")
    names, quarters = latest["entity"].astype(str), latest["quarter"].astype(str)
    last = dict(zip(names, zip(latest["ratio"].astype(float), quarters, strict=True), strict=True))
    bold = "big_five" if "big_five" in last else next(iter(last))
    value, quarter = last[bold]
    name = "the big five" if bold == "big_five" else bold
    ax = earnings_plots.ratio_history(
        ratios,
        label="capex over operating cash flow",
        as_of=report.as_of,
        bold=bold,
        metric="capex",
        title=f"Capex takes {100 * value:.0f} % of the operating cash flow of {name}",
    )
    said = "; ".join(f"{n} {ratio:.2f} to {q}" for n, (ratio, q) in last.items())
    alt = f"Capex over operating cash flow as reported, totals of four quarters. Latest: {said}."
    caption = (
        f"Reported, not forecast; {name} stands at {value:.2f} in the four quarters to {quarter}. "
        "Above one, capex is more than the business brings in and the rest comes from reserves or "
        "lenders. A company whose operating cash flow is not in the table is left out."
    )
    return ax, alt, caption


def _calendar_figure(report: memo.Report) -> tuple[Any, str, str]:
    calendar = report_calendar(report.known)
    rows = calendar.out
    last = calendar.rows[calendar.rows["status"] == "reported"].groupby("entity")["quarter"].max()
    rows = rows[rows["quarter"].to_numpy() > rows["entity"].map(last).to_numpy()]
    out = list(dict.fromkeys(rows.loc[rows["status"] == "missing", "entity"]))
    late = rows[rows["overdue_since"] != ""].drop_duplicates("entity")
    coming = rows[rows["expected_on"] != ""].sort_values("expected_on", kind="stable")
    title = (
        f"Still to report: {one_line(out)}" if out else "Every quarter that has ended is reported"
    )
    if len(coming):
        first = coming.iloc[0]
        title += f"; next expected: {first['entity']} on {first['expected_on']}"
    said = [f"{r.entity} {r.quarter} overdue since {r.overdue_since}" for r in late.itertuples()]
    said += [
        f"{r.entity} {r.quarter} expected {r.expected_on} ({r.expected_from} to {r.expected_to})"
        for r in coming.itertuples()
    ]
    alt = f"Report calendar as of {report.as_of}. {title}. Next reports: {'; '.join(said)}."
    caption = (
        "A quarter counts as reported with its capex or its revenue. Expected days are estimates: "
        "the median of the company's own lags in the same quarter of the last four years, or of "
        "its last eight quarters where there are fewer than three; the range is of the same lags. A "
        "report is overdue when the longest of them has passed."
    )
    return earnings_plots.report_calendar(calendar, title=title), alt, caption


def _ratio_figure(
    report: memo.Report, one: Fitted, walk: xr.Dataset | None
) -> tuple[Any, str, str]:
    draws = one.draws
    assert draws is not None
    top, bottom = "AI market/datacenter_capex", "AI market/ai_revenue"
    events = [
        d.event for c in report.claims for d in c.definitions if isinstance(d.event, FirstPassage)
    ]
    event = next((e for e in events if e.series == top and e.over == bottom), None)
    ratio = path(draws, top, bottom)
    beside = None if walk is None else path(walk, top, bottom).assign_attrs(model=baselines.NAME)
    figure, axes = plots.small_multiples(2 if event else 1, columns=2, size=(5.0, 3.4))
    end = str(ratio["period"].values[-1])
    low, high = (float(q) for q in ratio.sel(period=end).quantile([0.1, 0.9]))
    name = "AI market/capex_to_revenue"
    plots.path_fan(
        ratio,
        as_of=report.as_of,
        unit="ratio",
        label="capex over revenue",
        observed=draws["observed"].sel(series=name),
        metric="capex_to_revenue",
        threshold=event.value if event else None,
        threshold_label=f"{event.value}" if event else None,
        baseline=beside,
        baseline_label="naive",
        log=True,
        estimated=_estimated(one.run.panel),
        title=f"The ratio may be {low:.1f} to {high:.1f} by {end}",
        ax=axes[0],
    )
    alt = f"Fan of capex over revenue: 80 % between {low:.1f} and {high:.1f} in {end}."
    if event:
        below = (ratio.isel(period=slice(-5, None)) < event.value).mean(("chain", "draw"))
        plots.threshold_probability(
            ratio,
            op=event.op,
            value=event.value,
            as_of=report.as_of,
            label="capex over revenue",
            baseline=beside,
            title=f"Below {event.value}: {percent(float(below[-1]))} by {end}",
            ax=axes[1],
        )
        years = zip(below["period"].values, below.values, strict=True)
        alt += " Probability of standing below " + f"{event.value}: "
        alt += ", ".join(f"{y} {percent(float(p))}" for y, p in years) + "."
    caption = (
        "Ratio of data-centre capex to AI revenue, from joint draws of both; right: the share of "
        "draws beyond the threshold in each single year, hollow: random walk with drift."
    )
    return figure, alt, caption


SHOWN_LEVELS = ("GPT-4 level", "GPT-5 level")
PUBLISHED_DECLINES = {
    # The published factors, laid on the day and price at which GPT-4 was first listed.
    "10x a year (a16z)": ("2023-03-14", 37.5, 10.0, 2.0),
    "40x a year (Epoch AI)": ("2023-03-14", 37.5, 40.0, 1.4),
}


def _prices_figure(
    report: memo.Report, one: Fitted, walk: xr.Dataset | None
) -> tuple[Any, str, str]:
    draws = one.draws
    assert draws is not None
    now = (
        int(np.isfinite(draws["observed"].sel(series=f"{SHOWN_LEVELS[0]}/price").values).sum()) - 1
    )
    year = now + 5 if now + 5 < draws.sizes["period"] else draws.sizes["period"] - 1
    start, end = now + 1, str(draws["period"].values[year])
    said, halved = [], []
    for name in SHOWN_LEVELS:
        path_ = draws["y"].sel(series=f"{name}/price")
        low, high = (
            memo.significant(float(q)) for q in path_.isel(period=year).quantile([0.1, 0.9]).values
        )
        fall = (path_.isel(period=year) <= 0.5 * path_.isel(period=start)).mean()
        halved.append(f"{percent(float(fall))} at {name.removesuffix(' level')}'s")
        said.append(f"{name}: 80 % between {low} and {high} USD per 1M tokens in {end}")
    ax = api_price_plots.price_envelope(
        draws,
        one.run.panel,
        SHOWN_LEVELS,
        hollow=("DeepSeek", "Mistral AI", "Moonshot"),
        declines=PUBLISHED_DECLINES,
        title=f"The price of a capability halves in a year: {', '.join(halved)}",
    )
    caption = (
        "Steps: the cheapest model on the list whose Epoch Capabilities Index is at least that of "
        "the named release; its fan comes from drawn future offers. Dashed: published rates of "
        "decline, laid on GPT-4's first price; they are of other baskets and other blends."
    )
    return (
        ax,
        "List prices of models and the cheapest at two capabilities. " + "; ".join(said) + ".",
        (caption),
    )


def _rental_figure(
    report: memo.Report, one: Fitted, walk: xr.Dataset | None
) -> tuple[Any, str, str]:
    draws = one.draws
    assert draws is not None
    name = "H100/h100_rental"
    end = str(draws["period"].values[-1])
    low, middle, high = (
        memo.significant(float(q))
        for q in draws["y"].sel(series=name, period=end).quantile([0.1, 0.5, 0.9]).values
    )
    ax = gpu_rental_plots.index_trend(
        draws,
        one.run.panel,
        metric="h100_rental",
        entity="H100",
        label="Rent of one H100",
        title=f"An H100 may rent for {low} to {high} USD an hour in {end}",
    )
    alt = (
        f"Quotes of an H100's rent by index and the trend they share: median {middle} USD an hour, "
        f"80 % between {low} and {high}, in {end}."
    )
    caption = (
        "Indices differ in level and are not spliced: each has an offset of its own, and so has "
        "each stretch between two changes of the AWS sample. Few quotes lie after March 2025."
    )
    return ax, alt, caption


def _share_figure(
    report: memo.Report, one: Fitted, walk: xr.Dataset | None
) -> tuple[Any, str, str]:
    draws = one.draws
    assert draws is not None
    entity, metric = str(draws["series"].values[0]).split("/")
    end = str(draws["period"].values[-1])
    low, middle, high = (
        100 * float(q)
        for q in draws["y"].isel(series=0, period=-1).quantile([0.1, 0.5, 0.9]).values
    )
    surveys = one.run.panel.data.sizes["obs"]
    ax = plots.fan(
        draws,
        metric,
        entity,
        baseline=walk,
        log=False,
        title=f"Open-weight share {low:.0f} to {high:.0f} % in {end}: mostly prior",
    )
    alt = (
        f"Fan of the open-weight share of enterprise usage: median {middle:.0f} %, 80 % between "
        f"{low:.0f} and {high:.0f} %, in {end}."
    )
    caption = (
        f"{surveys} surveys fix the level; direction and spread are mostly prior; dashed: random "
        "walk with drift of the log-odds."
    )
    return ax, alt, caption


def _strip_figure(report: memo.Report) -> tuple[Any, str, str]:
    claim = report.claims[0]
    verdicts = [v for v in report.verdicts if v.claim == claim.id and v.status == "judged"]
    reasons = {d.id: d.why for d in claim.definitions}
    rows = []
    for v in verdicts:
        s = report.sensitivities.get((v.claim, v.definition))
        moved = [
            m.probability
            for m in report.first.variations
            if m.definition == v.definition and m.what in ("threshold", "window end")
        ]
        moved = moved if len(set(moved)) > 1 else []
        rows.append(
            plots.StripRow(
                label=reasons[v.definition],
                probability=v.probability,
                low=s.low if s else None,
                high=s.high if s else None,
                naive=report.naive.get((v.claim, v.definition)),
                draws=v.draws,
                reach_low=min(moved, default=None),
                reach_high=max(moved, default=None),
            )
        )
    low, high = (f(v.probability or 0.0 for v in verdicts) for f in (min, max))
    title = f"From {percent(low)} to {percent(high)}, depending on what counts"
    said = "; ".join(f"{reasons[v.definition]} {percent(v.probability, v.draws)}" for v in verdicts)
    alt = f"Probability of “{claim.quote}” under each reading: {said}."
    decided = sum(v.claim == claim.id and v.status == "decided" for v in report.verdicts)
    waiting = sum(v.claim == claim.id for v in report.verdicts) - len(verdicts) - decided
    caption = f"Claim: {claim.text}"
    if decided:
        caption += f" {decided} more reading(s) are decided by what has come."
    if waiting:
        caption += f" {waiting} more readings have no number."
    if any(row.reach_low is not None for row in rows):
        caption += " Thin line: other thresholds, and windows that end earlier; see the table."
    return plots.definition_strip(rows, title=title), alt, caption


def _middle(draws: xr.Dataset, series: str) -> tuple[float, float, float]:
    """Return the 10, 50 and 90 % points of a series that has one period."""
    values = draws["signal"].sel(series=series).isel(period=0)
    low, middle, high = (float(q) for q in values.quantile([0.1, 0.5, 0.9]))
    return low, middle, high


CURVE_HUES: Mapping[str, str] = {"hazard": "fall", "earnings": "capex", "market": "ai_investment"}
"""The metric whose hue a model's first passages take."""


def _clocks_figure(report: memo.Report) -> tuple[Any, str, str]:
    claim, curves = report.claims[0], report.first.curves
    if not curves:
        raise DataError("no reading of the first claim comes at some time within its window")
    told = [
        (one.label, CURVE_HUES.get(model, "score"), one.days, one.probabilities)
        for model, one in curves
    ]
    marked = [(months_after(claim.source_date, month), f"{month} months") for month in MONTHS[-2:]]
    first, last = (f(told, key=lambda row: row[3][-1]) for f in (max, min))
    title = (
        f"By the price clock {percent(first[3][-1])}, by spending {percent(last[3][-1])}"
        if (first[1], last[1]) == ("fall", "capex")
        else f"From {percent(last[3][-1])} ({last[0]}) to {percent(first[3][-1])} ({first[0]})"
    )
    said = "; ".join(f"{name} {percent(p[-1])} by {days[-1]}" for name, _, days, p in told)
    ax = plots.clocks(told, start=claim.source_date, marked=marked, title=title)
    caption = (
        "Some readings that come at some time within the window; prices by month, reported "
        "spending by quarter, the article's series by year. An event counts when its period is over."
    )
    return ax, f"Probability that a reading has come, by date: {said}.", caption


def _others_figure(report: memo.Report) -> tuple[Any, str, str]:
    rows = [
        plots.StripRow(
            label=f"{o.forecaster}, {o.date}: {o.about}",
            probability=o.ours,
            published=o.theirs,
            naive=o.naive,
            draws=o.draws,
        )
        for o in report.first.others
        if o.theirs is not None and o.ours is not None
    ]
    if not rows:
        raise DataError("nobody else's number stands beside one of ours")
    gaps = [abs((r.probability or 0.0) - (r.published or 0.0)) for r in rows]
    title = f"Ours and theirs lie {100 * min(gaps):.0f} to {100 * max(gaps):.0f} points apart"
    said = "; ".join(
        f"{r.label}: theirs {percent(r.published)}, ours {percent(r.probability)}" for r in rows
    )
    caption = "The questions differ, see the table: labels say what ours is about."
    return (
        plots.definition_strip(rows, title=title),
        f"Published numbers beside ours. {said}.",
        caption,
    )


FIRST_PAGE: Mapping[str, Callable[[memo.Report], tuple[Any, str, str]]] = {
    "clocks": _clocks_figure,
    "others": _others_figure,
}
"""Figures of the first claim that need no single model."""


def _cost_figure(report: memo.Report, one: Fitted, walk: xr.Dataset | None) -> tuple[Any, str, str]:
    del report, walk
    draws = one.draws
    assert draws is not None
    priors = get_model("benchmark").priors
    errors = [getattr(priors, f"error_{word}") for word in COMPUTE_WORDS]
    figure, axes = plots.small_multiples(len(BENCHMARKS), columns=2, size=(5.0, 3.3))
    there = {str(name) for name in draws["series"].values}
    said = []
    for ax, name in zip(axes, BENCHMARKS, strict=True):
        low, middle, high = _middle(draws, f"{name} now/gain_points")
        sentence = f"{name}: ten times the spend adds {middle:.1f} points ({low:.1f} to {high:.1f})"
        then = f"{name} five years earlier/gain_points"
        before = f", {_middle(draws, then)[1]:.1f} five years earlier" if then in there else ""
        said.append(sentence + before)
        title = f"Ten times the spend: {middle:.1f} points now{before}"
        benchmark_plots.cost_curve(
            draws, one.run.panel, name, compute_log10_sd=errors, title=title, ax=ax
        )
    price = draws["price_now"].quantile([0.1, 0.9]).values * 10
    caption = (
        "Expected score of a closed model of an average organisation; titles: median gain of the "
        "best model known from ten times the largest known compute, at a fixed date, where ten times "
        f"the compute is ten times the spend. 1e25 FLOP cost about USD {price[0]:.0f} to "
        f"{price[1]:.0f} m. Compute that was inferred from benchmarks is left out."
    )
    return figure, "Benchmark scores against training compute. " + "; ".join(said) + ".", caption


def _lag_figure(report: memo.Report, one: Fitted, walk: xr.Dataset | None) -> tuple[Any, str, str]:
    del report, walk
    draws = one.draws
    assert draws is not None
    if "open models/lag_months" not in draws["series"].values:
        raise DataError("the table holds open or closed models alone: there is no lag to show")
    figure, axes = plots.small_multiples(2, columns=2, size=(5.0, 3.4))
    gap = _middle(draws, "open models/capability_gap")
    lag = _middle(draws, "open models/lag_months")
    behind = "behind" if gap[1] >= 0 else "ahead"
    benchmark_plots.frontier(
        draws, title=f"Open models {abs(gap[1]):.1f} log-odds {behind}", ax=axes[0]
    )
    benchmark_plots.open_lag(
        draws, threshold=12.0, title=f"A lag of {lag[0]:.0f} to {lag[2]:.0f} months", ax=axes[1]
    )
    alt = (
        f"Best open and best closed model by date; open models trail by {lag[1]:.0f} months, 80 % "
        f"between {lag[0]:.0f} and {lag[2]:.0f}."
    )
    caption = (
        "Capability over all four benchmarks, protocols taken out; dotted: twelve months; titles: "
        "median gap and 80 % interval of the lag today."
    )
    return figure, alt, caption


RULE_WORDS: Mapping[str, str] = {
    "frontier": "Ten largest when released",
    "frontier_since_2020": "The same, 2020 and later",
    "notable": "Every release",
}


def _training_figure(
    report: memo.Report, one: Fitted, walk: xr.Dataset | None
) -> tuple[Any, str, str]:
    draws = one.draws
    assert draws is not None
    rules = [str(rule) for rule in draws["rule"].values]
    costs = one.run.panel.data["value"].values
    end = draws["trend"].isel(time=-1).quantile(0.975, ("chain", "draw")).values.max()
    limits = (float(costs.min()), float(max(costs.max(), end)))
    figure, axes = plots.small_multiples(len(rules))
    said = []
    for ax, rule in zip(axes, rules, strict=True):
        months = one.run.posterior["doubling_by_rule"].sel(rule=rule)
        low, middle, high = (float(q) for q in months.quantile([0.05, 0.5, 0.95]))
        words = RULE_WORDS.get(rule, rule.replace("_", " "))
        training_cost_plots.training_trend(
            draws,
            one.run.panel,
            rule=rule,
            limits=limits,
            named=2,
            title=f"{words}: doubles in {middle:.1f} months",
            ax=ax,
        )
        said.append(f"{words}: {middle:.1f} months (90 % {low:.1f} to {high:.1f})")
    caption = (
        "Training costs by release under each rule of selection, and the trend of cost with chips "
        "written down over the run, to 2030 as if nothing stopped it. Doubling times: "
        + "; ".join(said)
        + "."
    )
    alt = "Training cost against release date. Doubling times: " + "; ".join(said) + "."
    return figure, alt, caption


def _sensitivity_figure(report: memo.Report) -> tuple[Any, str, str]:
    rows = [
        plots.SensitivityRow(
            f"{s.claim}: {s.definition}".replace("_", " "),
            s.prior,
            s.prior_mcse,
            s.likelihood,
            s.likelihood_mcse,
        )
        for s in report.sensitivities.values()
    ]
    most = max(report.sensitivities.values(), key=lambda s: abs(s.prior))
    title = f"The prior weighs most on {most.definition.replace('_', ' ')}"
    alt = (
        "Change of each probability when the prior's or the data's weight is doubled: "
        + "; ".join(
            f"{r.label} {100 * r.prior:+.1f} and {100 * r.likelihood:+.1f} points" for r in rows
        )
    )
    caption = "Power-scaling derivative of each probability; bars: two Monte-Carlo standard errors."
    return plots.sensitivity(rows, title=title), alt, caption


SHOWN_PARAMETERS = (
    ("market", "growth_mean"),
    ("market", "drift_sd"),
    ("benchmark", "gain"),
    ("benchmark", "bend"),
)


def _prior_figure(fitted: Mapping[str, Fitted]) -> tuple[Any, str, str]:
    shown = [(m, p) for m, p in SHOWN_PARAMETERS if m in fitted]
    figure, axes = plots.small_multiples(len(shown), columns=2, size=(5.0, 2.8))
    said = []
    for ax, (name, parameter) in zip(axes, shown, strict=True):
        run, model = fitted[name].run, get_model(name)
        prior = prior_draws(model, run.panel, model.priors, size=4000, seed=run.spec.seed)
        before, after = (float(d[parameter].std()) for d in (prior, run.posterior))
        words = model.labels[parameter].split(",")[0]
        plots.prior_posterior(
            prior,
            run.posterior,
            parameter,
            label=model.labels[parameter],
            title=f"{words[0].upper()}{words[1:]}: sd {before:.2f} to {after:.2f}",
            ax=ax,
        )
        said.append(f"{words}: standard deviation {before:.2f} before, {after:.2f} after the data")
    caption = (
        "Grey: prior; filled: posterior; marks: 90 % intervals. Where the two lie on each other, "
        "the data said nothing."
    )
    return figure, "Prior against posterior. " + "; ".join(said) + ".", caption


PRICES_SOURCE = "providers' list prices and public scores (see the tables' sources)"
RENTAL_SOURCE = "public quotes, an index provider and AWS spot prices (E. Pauley, CC BY 4.0)"
MODELS_SOURCE = "Epoch AI and developers' reports (frontier_models.csv)"
SECTOR = "AI semiconductors"


def _sector(draws: xr.Dataset) -> str:
    """Return whose falls are shown: AI's, or before its position is known any industry's."""
    return SECTOR if SECTOR in draws["entity"].values else class_name(100)


def _chance(draws: xr.Dataset, metric: str, month: int = 24) -> float:
    own = months_of(draws, _sector(draws))
    at = own[min(month, len(own)) - 1]
    return float(draws["y"].sel(series=f"{_sector(draws)}/{metric}").isel(period=at).mean())


def _falls_figure(
    report: memo.Report, one: Fitted, walk: xr.Dataset | None
) -> tuple[Any, str, str]:
    draws = one.draws
    assert draws is not None
    figure, axes = plots.small_multiples(len(FALLS))
    said = []
    for ax, fall in zip(axes, FALLS, strict=True):
        metric = f"fall_{fall}"
        hazard_plots.first_passage(
            draws,
            fall,
            _sector(draws),
            baseline=walk,
            title=f"A fall of {fall} %: {percent(_chance(draws, metric))} in 24 months",
            ax=ax,
        )
        early, late = (percent(_chance(draws, metric, month)) for month in (18, 24))
        beside = "" if walk is None else f" (at any time {percent(_chance(walk, metric))})"
        said.append(f"{fall} %: {early} within 18 months, {late} within 24{beside}")
    data = one.run.panel.data
    n, independent = effective_sample(data)
    caption = (
        "An industry after a run-up of 100 points over the market, where semiconductors stood on "
        f"the article's date. Fitted to {data.sizes['obs']} episodes since "
        f"{min(data['identified'].values)[:4]} that do not overlap within an industry; those of one "
        f"year share its market, so the {n} followed for 24 months count as about "
        f"{independent:.0f} independent ones. Bands: what the years to come may bring. The table "
        "has no volatility: an effect of the industry takes its place."
    )
    return (
        figure,
        f"Probability of a first fall by month, {_sector(draws)}. " + "; ".join(said) + ".",
        caption,
    )


def _severity_figure(
    report: memo.Report, one: Fitted, walk: xr.Dataset | None
) -> tuple[Any, str, str]:
    draws = one.draws
    assert draws is not None
    correction, crash = (_chance(draws, m) for m in ("correction", "fall_40"))
    there = list(dict.fromkeys(draws["entity"].values.astype(str)))
    shown = [e for e in (_sector(draws), "PHLX semiconductor index") if e in there]
    ax = hazard_plots.severity(
        draws,
        shown,
        baseline=walk,
        title=f"Within 24 months a correction has {percent(correction)}, a crash {percent(crash)}",
    )
    alt = (
        f"{_sector(draws)}, deepest fall within 24 months: {percent(correction)} between 20 and 40 %, "
        f"{percent(crash)} of 40 % or more, {percent(1 - correction - crash)} less than 20 %."
    )
    caption = (
        "First rows: an industry portfolio after the run-up. The index falls more often at any time; "
        "its rows scale the hazard by the ratio of its own base rate to that of US industries. "
        "Naive: as often as at any time."
    )
    return ax, alt, caption


def _payback_figure(
    report: memo.Report, one: Fitted, walk: xr.Dataset | None
) -> tuple[Any, str, str]:
    draws = one.draws
    assert draws is not None
    plan = payback.plan_of(one.run.posterior, "1.0 tn programme")
    names = [str(n).split("/")[0] for n in draws["series"].values if "recovered" in str(n)]
    share = {
        (name, year): float(draws["y"].sel(series=f"{name}/recovered", period=year).mean())
        for name in names
        for year in ("2035", "2040", "2060")
    }
    trillion = [percent(share["1.0 tn programme", year]) for year in ("2035", "2040", "2060")]
    title = f"A trillion is earned back by 2035 with {trillion[0]}, by 2040 with {trillion[1]}"
    figure, axes = plots.small_multiples(2, columns=2, size=(5.0, 3.7))
    payback_plots.payback_years(draws, names, title=title, ax=axes[0])
    margins = np.linspace(0.05, 0.5, 46)
    need = payback.required_revenue(plan, 2035, margins)
    revenue = plan.revenue[:, plan.years == 2035][:, 0]
    half = float(np.sort(need[:, 25])[len(need) // 2])  # at 30 %
    chance = float((revenue >= half).mean())
    payback_plots.payback_frontier(
        margins,
        need,
        revenue,
        plan.end[:, 0],
        label="OpenAI revenue",
        title=f"Even odds by 2035 need USD {memo.significant(half)} bn at a margin of 30 %",
        ax=axes[1],
    )
    alt = (
        f"Probability that a 1.0 tn programme is earned back: {trillion[0]} by 2035, "
        f"{trillion[1]} by 2040, {trillion[2]} by 2060. At a cash margin of 30 % even odds by 2035 "
        f"need revenue of about USD {memo.significant(half)} bn in 2035; the model gives so much or "
        f"more {percent(chance)}."
    )
    caption = (
        "Discounted cash since 2026 against the discounted whole of the spending. Margins, schedule "
        "and discount rate are priors that no report decides; run-rates decide growth, not where it "
        "ends."
    )
    return figure, alt, caption


RUN_UPS = "Kenneth R. French data library, 49 industries (data/runups.csv)"
LABS_SOURCE = "company statements and press (data/ai_labs.csv)"
MODEL_FIGURES: Mapping[str, tuple[str, str, Callable[..., tuple[Any, str, str]]]] = {
    "cost_curve": ("benchmark", MODELS_SOURCE, _cost_figure),
    "open_lag": ("benchmark", MODELS_SOURCE, _lag_figure),
    "training_cost": ("training_cost", MODELS_SOURCE, _training_figure),
    "prices": ("api_price", PRICES_SOURCE, _prices_figure),
    "rental": ("gpu_rental", RENTAL_SOURCE, _rental_figure),
    "open_share": ("adoption", "Menlo Ventures surveys", _share_figure),
    "falls": ("hazard", RUN_UPS, _falls_figure),
    "severity": ("hazard", RUN_UPS, _severity_figure),
    "payback": ("payback", LABS_SOURCE, _payback_figure),
}
"""Figures of one model each: the model, the source of its data, and what draws it from the report,
the fit and the naive walk; None where the data hold nothing to show."""
