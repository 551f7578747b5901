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
from forecast.panels import BENCHMARKS, COMPUTE_WORDS, Panel
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


def draw_figures(
    folder: Path, report: memo.Report, fitted: Mapping[str, Fitted]
) -> dict[str, memo.Figure]:
    """Draw what the fitted models have to show into a folder; return the figures by section name."""
    figures: dict[str, memo.Figure] = {}
    article, filings = report.claims[0].source, "company filings"
    both = f"{article}, {filings}" if "earnings" in fitted else article
    origin = {"series": article, "ratio": article, "earnings": filings}
    origin |= dict.fromkeys(("cost_curve", "open_lag"), SCORES)

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
    if any(v.claim == report.claims[0].id and v.status == "judged" for v in report.verdicts):
        add("strip", *_strip_figure(report))
    if benchmark is not None and benchmark.draws is not None:
        add("cost_curve", *_cost_figure(benchmark))
        if np.isfinite(benchmark.draws["lag"].values[..., -1]).all():
            add("open_lag", *_lag_figure(benchmark))
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


SCORES = "public scores and compute estimates, see data/SOURCES.md"


def _middle(draws: xr.Dataset, series: str) -> tuple[float, float, float]:
    """Return the 10, 50 and 90 % points of a series that has one period."""
    values = draws["signal"].sel(series=series).isel(period=0)
    low, middle, high = (float(q) for q in values.quantile([0.1, 0.5, 0.9]))
    return low, middle, high


def _cost_figure(one: Fitted) -> tuple[Any, str, str]:
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
        title = f"Tenfold spend now: {middle:.1f} points more{before}"
        plots.cost_curve(draws, one.run.panel, name, compute_log10_sd=errors, title=title, ax=ax)
    price = draws["price_now"].quantile([0.1, 0.9]).values * 10
    caption = (
        "Expected score of a closed model of an average organisation; titles: median gain of the "
        "best model known from ten times the largest known compute, at a fixed date, where ten times "
        f"the compute is ten times the spend. 1e25 FLOP cost about USD {price[0]:.0f} to "
        f"{price[1]:.0f} m. Compute that was inferred from benchmarks is left out."
    )
    return figure, "Benchmark scores against training compute. " + "; ".join(said) + ".", caption


def _lag_figure(one: Fitted) -> tuple[Any, str, str]:
    draws = one.draws
    assert draws is not None
    figure, axes = plots.small_multiples(2, columns=2, size=(5.0, 3.4))
    gap = _middle(draws, "open models/capability_gap")
    lag = _middle(draws, "open models/lag_months")
    behind = "behind" if gap[1] >= 0 else "ahead"
    plots.frontier(draws, title=f"Open models {abs(gap[1]):.1f} log-odds {behind}", ax=axes[0])
    plots.open_lag(
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
