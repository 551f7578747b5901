"""The figures of the main job: which are drawn, with their words, alternative text and source.

Invariant: a figure's title and alternative text are computed from the draws it shows.
"""

from __future__ import annotations

import dataclasses
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from forecast import memo, plots
from forecast.events import path
from forecast.fitting import Run, prior_draws
from forecast.models import get_model, naive
from forecast.panels import COST_WORDS, Panel
from forecast.panels.hazard import FALLS, effective_sample
from forecast.schema import ForecastError, percent


@dataclasses.dataclass(frozen=True)
class Fitted:
    """One model's runs and draws; `draws` is None if the gate was not passed."""

    run: Run
    draws: xr.Dataset | None
    variants: Mapping[str, xr.Dataset]


def child_seed(seed: int, *names: str) -> int:
    """Return the seed of one step, the same whatever other steps are run."""
    words = [seed, *(zlib.crc32(name.encode()) for name in names)]
    return int(np.random.SeedSequence(words).generate_state(1)[0])


NAIVE: Mapping[str, Callable[..., xr.Dataset]] = {
    "market": naive.drift_walk,
    "earnings": naive.quarterly,
    "hazard": naive.unconditional_falls,
}


def walk_of(name: str, fitted: Mapping[str, Fitted], seed: int) -> xr.Dataset | None:
    """Return the random walk with drift of a model's series, or None where none can be made."""
    if name not in fitted:
        return None
    panel, until = fitted[name].run.panel, get_model(name).until
    try:
        return NAIVE[name](panel, until=until, seed=child_seed(seed, name, "naive"))
    except ForecastError:
        return None  # too short a history: the memo then shows no naive column, and says so


def cost_sd(one: Fitted) -> dict[str, float]:
    """Return the log10 sd of each release's training cost, by its wording."""
    priors = get_model("benchmark").priors
    sd = (priors.cost_error_plain, priors.cost_error_about, priors.cost_error_estimated)
    data = one.run.panel.data
    assert len(sd) == len(COST_WORDS)
    return {
        str(release): sd[int(word)]
        for release, word in zip(data["release"].values, data["cost_word"].values, strict=True)
    }


def draw_figures(
    folder: Path, report: memo.Report, fitted: Mapping[str, Fitted]
) -> dict[str, memo.Figure]:
    """Draw what the fitted models have to show into a folder; return the figures by section name."""
    figures: dict[str, memo.Figure] = {}
    article, filings = report.claims[0].source, "company filings"
    both = f"{article}, {filings}" if "earnings" in fitted else article
    run_ups = "Kenneth R. French data library (49 industries), data/runups.csv"
    origin = {"series": article, "ratio": article, "cost_curve": article, "earnings": filings}
    origin |= dict.fromkeys(("falls", "severity"), run_ups)

    def add(name: str, shown: Any, alt: str, caption: str) -> None:
        plots.save(shown, folder / name, alt=alt)
        caption += f" Source: {origin.get(name, both)}; data as of {report.as_of}; "
        caption += f"run {report.run_id}."
        figures[name] = memo.Figure(f"figures/{name}", alt, caption)

    market, benchmark = fitted.get("market"), fitted.get("benchmark")
    if market is not None and market.draws is not None:
        walk = walk_of("market", fitted, report.seed)
        add("series", *_series_figure(market, walk))
        add("ratio", *_ratio_figure(report, market, walk))
    earnings = fitted.get("earnings")
    if earnings is not None and earnings.draws is not None:
        add("earnings", *_earnings_figure(earnings, walk_of("earnings", fitted, report.seed)))
    hazard = fitted.get("hazard")
    if hazard is not None and hazard.draws is not None and SECTOR in hazard.draws["entity"].values:
        add("falls", *_falls_figure(hazard, walk_of("hazard", fitted, report.seed)))
        add("severity", *_severity_figure(hazard, walk_of("hazard", fitted, report.seed)))
    if any(v.claim == report.claims[0].id and v.status == "judged" for v in report.verdicts):
        add("strip", *_strip_figure(report))
    if benchmark is not None and benchmark.draws is not None:
        add("cost_curve", *_cost_figure(report, benchmark))
    if report.sensitivities:
        add("sensitivity", *_sensitivity_figure(report))
    shown = {n: f for n, f in fitted.items() if f.draws is not None}
    if shown:
        add("prior_posterior", *_prior_figure(shown))
    return figures


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


def _ratio_figure(
    report: memo.Report, one: Fitted, walk: xr.Dataset | None
) -> tuple[Any, str, str]:
    draws = one.draws
    assert draws is not None
    top, bottom = "AI market/datacenter_capex", "AI market/ai_revenue"
    events = [
        d.event
        for c in report.claims
        for d in c.definitions
        if isinstance(d.event, Mapping) and d.event.get("kind") == "first_passage"
    ]
    event = next((e for e in events if e.get("series") == top and e.get("over") == bottom), None)
    ratio = path(draws, top, bottom)
    beside = None if walk is None else path(walk, top, bottom).assign_attrs(model=naive.NAME)
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
        threshold=event["value"] if event else None,
        threshold_label=f"{event['value']}" if event else None,
        baseline=beside,
        baseline_label="naive",
        log=True,
        estimated=_estimated(one.run.panel),
        title=f"The ratio may be {low:.1f} to {high:.1f} by {end}",
        ax=axes[0],
    )
    alt = f"Fan of capex over revenue: 80 % between {low:.1f} and {high:.1f} in {end}."
    if event:
        below = (ratio.isel(period=slice(-5, None)) < event["value"]).mean(("chain", "draw"))
        plots.threshold_probability(
            ratio,
            op=event["op"],
            value=event["value"],
            as_of=report.as_of,
            label="capex over revenue",
            baseline=beside,
            title=f"Below {event['value']}: {percent(float(below[-1]))} by {end}",
            ax=axes[1],
        )
        years = zip(below["period"].values, below.values, strict=True)
        alt += " Probability of standing below " + f"{event['value']}: "
        alt += ", ".join(f"{y} {percent(float(p))}" for y, p in years) + "."
    caption = (
        "Ratio of data-centre capex to AI revenue, from joint draws of both; right: the share of "
        "draws beyond the threshold in each single year, hollow: random walk with drift."
    )
    return figure, alt, caption


def _strip_figure(report: memo.Report) -> tuple[Any, str, str]:
    claim = report.claims[0]
    verdicts = [v for v in report.verdicts if v.claim == claim.id and v.status == "judged"]
    reasons = {d.id: d.why for d in claim.definitions}
    rows = []
    for v in verdicts:
        s = report.sensitivities.get((v.claim, v.definition))
        rows.append(
            plots.StripRow(
                label=reasons[v.definition],
                probability=v.probability,
                low=s.low if s else None,
                high=s.high if s else None,
                naive=report.naive.get((v.claim, v.definition)),
                draws=v.draws,
            )
        )
    low, high = (f(v.probability or 0.0 for v in verdicts) for f in (min, max))
    title = f"From {percent(low)} to {percent(high)}, depending on what counts"
    said = "; ".join(f"{reasons[v.definition]} {percent(v.probability, v.draws)}" for v in verdicts)
    alt = f"Probability of “{claim.quote}” under each reading: {said}."
    waiting = sum(v.claim == claim.id for v in report.verdicts) - len(verdicts)
    caption = f"Claim: {claim.text} {waiting} more readings wait for later models."
    return plots.definition_strip(rows, title=title), alt, caption


SECTOR = "AI semiconductors"


def _chance(draws: xr.Dataset, metric: str, month: int = 24) -> float:
    at = min(month, draws.sizes["period"]) - 1
    return float(draws["y"].sel(series=f"{SECTOR}/{metric}").isel(period=at).mean())


def _falls_figure(one: Fitted, walk: xr.Dataset | None) -> tuple[Any, str, str]:
    draws = one.draws
    assert draws is not None
    figure, axes = plots.small_multiples(len(FALLS))
    said = []
    for ax, fall in zip(axes, FALLS, strict=True):
        metric = f"fall_{fall}"
        plots.first_passage(
            draws,
            fall,
            SECTOR,
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
        f"Probability of a first fall by month, {SECTOR}. " + "; ".join(said) + ".",
        caption,
    )


def _severity_figure(one: Fitted, walk: xr.Dataset | None) -> tuple[Any, str, str]:
    draws = one.draws
    assert draws is not None
    correction, crash = (_chance(draws, m) for m in ("correction", "fall_40"))
    there = list(dict.fromkeys(draws["entity"].values.astype(str)))
    shown = [e for e in (SECTOR, "PHLX semiconductor index") if e in there]
    ax = plots.severity(
        draws,
        shown,
        baseline=walk,
        title=f"Within 24 months a correction has {percent(correction)}, a crash {percent(crash)}",
    )
    alt = (
        f"{SECTOR}, deepest fall within 24 months: {percent(correction)} between 20 and 40 %, "
        f"{percent(crash)} of 40 % or more, {percent(1 - correction - crash)} less than 20 %."
    )
    caption = (
        "First rows: an industry portfolio after the run-up. The index falls more often at any time; "
        "its rows scale the hazard by the ratio of its own base rate to that of US industries. "
        "Naive: as often as at any time."
    )
    return ax, alt, caption


def _cost_figure(report: memo.Report, one: Fitted) -> tuple[Any, str, str]:
    draws = one.draws
    assert draws is not None
    priors = get_model("benchmark").priors
    gains = draws["signal"].mean(("chain", "draw")).isel(period=0)
    panel = one.run.panel.data
    first, last = (str(panel["release"].values[k]) for k in (0, int(panel["cost"].values.argmax())))
    early, late = (float(gains.sel(series=f"{r}/gain_points")) for r in (first, last))
    ax = plots.cost_curve(
        draws,
        one.run.panel,
        cost_log10_sd=cost_sd(one),
        floor=100 * priors.floor,
        ceiling=100 * priors.ceiling,
        label="MMLU score",
        title=f"Ten times the cost adds {early:.0f} points at {first}'s, {late:.0f} at {last}'s",
    )
    alt = (
        f"MMLU score against training cost with the costs' errors; ten times the cost adds about "
        f"{early:.0f} points at {first}'s cost and {late:.0f} at {last}'s."
    )
    caption = (
        "Curve at the date of the last release, so earlier releases lie below it; bars: one "
        "standard deviation of the printed cost; ceiling: what wrong labels leave (MMLU-Redux)."
    )
    return ax, alt, caption


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
    ("benchmark", "slope"),
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
