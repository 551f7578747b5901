"""The figures of the market model: its annual series, and the ratio of spending to revenue."""

from __future__ import annotations

import numpy as np
import xarray as xr

from forecast import plots
from forecast.core.draws import interval, path
from forecast.core.errors import DataError
from forecast.core.text import capitalised, percent, significant
from forecast.core.words import entity_of, metric_of
from forecast.models import baselines, latent
from forecast.models.base import Crossing, Drawn, Figure, Panel, Scene
from forecast.models.market.panel import is_published, quantity_of

UNKNOWN = (
    "What cannot be known here: which total is meant. Publishers' series of one name differ by "
    "factors, and nobody prints the article's own any further."
)
TOP, BOTTOM, RATIO = "datacenter_capex", "ai_revenue", "capex_to_revenue"
"""Metrics of the ratio, and that of the draws which hold it."""
LAST_YEARS = 5
"""Years whose probability the alternative text of the ratio names."""


def _estimated(panel: Panel, *names: str) -> list[str]:
    """Return the years of which an estimate of some series is printed."""
    data = panel.data
    own = np.isin(data["series"].values.astype(str), names) & (data["estimate"].values > 0)
    return sorted({str(y) for y in data["year"].values[own]})


def _factors(panel: Panel) -> str:
    """Return how much larger publishers' series are than the article's, in the last common year."""
    data = panel.data
    cells = {
        (str(name), int(year)): float(value)
        for name, year, value in zip(
            data["series"].values, data["year"].values, data["value"].values, strict=True
        )
    }
    found = []
    for name in sorted({name for name, _ in cells if is_published(name)}):
        own = quantity_of(name)
        years = [year for other, year in cells if other == own and (name, year) in cells]
        if years:
            factor = cells[name, max(years)] / cells[own, max(years)]
            who = entity_of(name).split(" (", 1)[1].rstrip(")")
            found.append(f"{who}'s {plots.words(metric_of(name))} {factor:.1f}")
    return f" Times the article's: {', '.join(found)}." if found else ""


def _series(scene: Scene) -> Drawn:
    names = [str(n) for n in scene.draws["series"].values if not str(n).endswith(f"/{RATIO}")]
    figure, axes = plots.small_multiples(len(names))
    said, ends = [], []
    for ax, name in zip(axes, names, strict=True):
        entity, metric = entity_of(name), metric_of(name)
        draws, cut = latent.as_far_as_told(scene.draws, name)
        end = str(draws["period"].values[-1])
        last = interval(draws["y"].sel(series=name, period=end))
        words = plots.words(metric)
        plots.fan(
            draws,
            metric,
            entity,
            baseline=_within(scene.baseline, draws),
            estimated=_estimated(scene.panel, name),
            title=f"{capitalised(words)} {last.span} in {end}",
            ax=ax,
        )
        unit = str(draws["unit"].sel(series=name).values)
        middle = significant(last.median)
        said.append(
            f"{words}, {entity}: median {middle} {unit} in {end}, 80 % between {last.between}"
        )
        ends.append(cut)
    caption = (
        f"{UNKNOWN}{_factors(scene.panel)} Annual series, joint draws as they would be reported; those "
        "with a publisher in brackets measure the same, with a scale and an error of definition of "
        "their own; titles give the 80 % interval of the last year; dashed: random walk with drift, its "
        "median and 80 % interval."
    )
    caption = " ".join([caption, *dict.fromkeys(cut for cut in ends if cut)])
    return Drawn(figure, "Fans of the market's series. " + "; ".join(said) + ".", caption)


def _within(baseline: xr.Dataset | None, draws: xr.Dataset) -> xr.Dataset | None:
    """Return the baseline as far as the draws go."""
    if baseline is None:
        return None
    there = np.isin(baseline["period"].values, draws["period"].values)
    return baseline.isel(period=np.flatnonzero(there))


def _asked(scene: Scene, top: str, bottom: str) -> Crossing | None:
    """Return the first level of a ratio that a claim asks about."""
    same = (e for e in scene.events if (e.series, e.over) == ((top,), (bottom,)))
    return next(same, None)


def _ratio(scene: Scene) -> Drawn:
    draws = scene.draws
    held = [str(name) for name in draws["series"].values if str(name).endswith(f"/{RATIO}")]
    if not held:
        raise DataError(f"no market of the table has {TOP} and {BOTTOM}: there is no ratio to show")
    top, bottom = (held[0].replace(RATIO, metric) for metric in (TOP, BOTTOM))
    draws, cut = latent.as_far_as_told(draws, held[0])
    event, ratio = _asked(scene, top, bottom), path(draws, top, bottom)
    beside, simple = None, _within(scene.baseline, draws)
    if simple is not None:
        beside = path(simple, top, bottom).assign_attrs(model=baselines.NAME)
    figure, axes = plots.small_multiples(2 if event else 1, columns=2, size=(5.0, 3.4))
    end = str(ratio["period"].values[-1])
    low, high = (float(q) for q in ratio.sel(period=end).quantile([0.1, 0.9]))
    plots.path_fan(
        ratio,
        as_of=scene.as_of,
        unit="ratio",
        label="capex over revenue",
        observed=draws["observed"].sel(series=held[0]),
        metric=RATIO,
        threshold=event.value if event else None,
        threshold_label=f"{event.value}" if event else None,
        baseline=beside,
        baseline_label="naive",
        log=True,
        estimated=_estimated(scene.panel, top, bottom),
        title=f"The ratio may be {low:.1f} to {high:.1f} by {end}",
        ax=axes[0],
    )
    alt = f"Fan of capex over revenue: 80 % between {low:.1f} and {high:.1f} in {end}."
    if event:
        below = (ratio.isel(period=slice(-LAST_YEARS, None)) < event.value).mean(("chain", "draw"))
        plots.threshold_probability(
            ratio,
            op=event.op,
            value=event.value,
            as_of=scene.as_of,
            label="capex over revenue",
            baseline=beside,
            title=f"Below {event.value}: {percent(float(below[-1]))} by {end}",
            ax=axes[1],
        )
        years = zip(below["period"].values, below.values, strict=True)
        alt += f" Probability of standing below {event.value}: "
        alt += ", ".join(f"{y} {percent(float(p))}" for y, p in years) + "."
    caption = (
        "What cannot be known here: whether the table's two totals are of one thing. Ratio of "
        "data-centre capex to AI revenue, from joint draws of both; right: the share of draws beyond "
        "the threshold in each single year, hollow: random walk with drift."
    )
    caption = f"{caption} {cut}".rstrip()
    return Drawn(figure, alt, caption)


FIGURES = (Figure("series", "", _series), Figure("ratio", "", _ratio))
