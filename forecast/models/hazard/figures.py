"""The figures of the hazard model: when a fall comes, and how deep it is."""

from __future__ import annotations

import xarray as xr

from forecast import plots
from forecast.core.text import percent
from forecast.models.base import Drawn, Figure, Scene
from forecast.models.hazard import plots as own
from forecast.models.hazard.panel import FALLS, SECTOR, class_name, effective_sample, months_of

INDEX = "PHLX semiconductor index"
SOURCE = "Kenneth R. French data library, 49 industries (data/runups.csv)"
EARLY, LATE = 18, 24
"""Months within which a fall is told."""


def _sector(draws: xr.Dataset) -> str:
    """Return whose falls are shown: AI's, or before its position is known any industry's."""
    return SECTOR if SECTOR in draws["entity"].values else class_name(100)


def _chance(draws: xr.Dataset, metric: str, month: int = LATE) -> float:
    months = months_of(draws, _sector(draws))
    at = months[min(month, len(months)) - 1]
    return float(draws["y"].sel(series=f"{_sector(draws)}/{metric}").isel(period=at).mean())


def _falls(scene: Scene) -> Drawn:
    draws, baseline = scene.draws, scene.baseline
    figure, axes = plots.small_multiples(len(FALLS))
    said = []
    for ax, fall in zip(axes, FALLS, strict=True):
        metric = f"fall_{fall}"
        own.first_passage(
            draws,
            fall,
            _sector(draws),
            baseline=baseline,
            title=f"A fall of {fall} %: {percent(_chance(draws, metric))} in {LATE} months",
            ax=ax,
        )
        early, late = (percent(_chance(draws, metric, month)) for month in (EARLY, LATE))
        beside = "" if baseline is None else f" (at any time {percent(_chance(baseline, metric))})"
        said.append(f"{fall} %: {early} within {EARLY} months, {late} within {LATE}{beside}")
    data = scene.panel.data
    n, independent = effective_sample(data)
    caption = (
        "An industry after a run-up of 100 points over the market, where semiconductors stood on "
        f"the article's date. Fitted to {data.sizes['obs']} episodes since "
        f"{min(data['identified'].values)[:4]} that do not overlap within an industry; those of one "
        f"year share its market, so the {n} followed for {LATE} months count as about "
        f"{independent:.0f} independent ones. Bands: what the years to come may bring. The table "
        "has no volatility: an effect of the industry takes its place."
    )
    alt = f"Probability of a first fall by month, {_sector(draws)}. " + "; ".join(said) + "."
    return Drawn(figure, alt, caption)


def _severity(scene: Scene) -> Drawn:
    draws = scene.draws
    correction, crash = (_chance(draws, m) for m in ("correction", "fall_40"))
    there = list(dict.fromkeys(draws["entity"].values.astype(str)))
    ax = own.severity(
        draws,
        [e for e in (_sector(draws), INDEX) if e in there],
        baseline=scene.baseline,
        title=f"Within {LATE} months a correction has {percent(correction)}, a crash {percent(crash)}",
    )
    alt = (
        f"{_sector(draws)}, deepest fall within {LATE} months: {percent(correction)} between 20 and "
        f"40 %, {percent(crash)} of 40 % or more, {percent(1 - correction - crash)} less than 20 %."
    )
    caption = (
        "First rows: an industry portfolio after the run-up. The index falls more often at any time; "
        "its rows scale the hazard by the ratio of its own base rate to that of US industries. "
        "Naive: as often as at any time."
    )
    return Drawn(ax, alt, caption)


FIGURES = (Figure("falls", SOURCE, _falls), Figure("severity", SOURCE, _severity))
