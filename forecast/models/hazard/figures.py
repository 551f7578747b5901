"""The figures of the hazard model: when a fall comes, and how deep it is."""

from __future__ import annotations

import xarray as xr

from forecast import plots
from forecast.core.text import percent
from forecast.models.base import Drawn, Figure, Scene
from forecast.models.hazard import plots as own
from forecast.models.hazard.panel import (
    CLASS_VIEW,
    FALLS,
    OWN_VIEW,
    class_name,
    effective_sample,
    months_of,
)

ANY = class_name(100)
"""What stands for a position that is not known on the day of the run."""
SOURCE = (
    "Kenneth R. French data library, 49 industries (data/runups.csv); monthly closes of indices "
    "(data/index_returns_monthly.csv)"
)
EARLY, LATE = 18, 24
"""Months within which a fall is told."""


def _positions(scene: Scene) -> list[str]:
    """Return whose falls are shown: first the article's sector, or any industry, then the others."""
    there = set(scene.draws["entity"].values.astype(str))
    first = [name if name in there else ANY for name in scene.focus[:1]] or [ANY]
    return list(dict.fromkeys([*first, *(name for name in scene.focus[1:] if name in there)]))


def _chance(draws: xr.Dataset, entity: str, metric: str, month: int = LATE) -> float:
    """Return the probability of an entity's fall within some months, or as many as are drawn."""
    months = months_of(draws, entity)
    at = months[min(month, len(months)) - 1]
    return float(draws["y"].sel(series=f"{entity}/{metric}").isel(period=at).mean())


def _ranges(draws: xr.Dataset, entity: str) -> str:
    """Return in a sentence what each of an answer's two models says; "" for an answer of one."""
    there = set(draws["entity"].values.astype(str))
    kinds = [kind for kind in (CLASS_VIEW, OWN_VIEW) if f"{entity}, {kind}" in there]
    if len(kinds) < 2:
        return ""
    told = [
        f"{kind} "
        + ", ".join(percent(_chance(draws, f"{entity}, {kind}", f"fall_{fall}")) for fall in FALLS)
        for kind in kinds
    ]
    falls = ", ".join(f"{fall}" for fall in FALLS)
    return f"Equal parts of two models, its range: falls of {falls} % {' and '.join(told)}. "


def _falls(scene: Scene) -> Drawn:
    draws, baseline, sector = scene.draws, scene.baseline, _positions(scene)[0]
    figure, axes = plots.small_multiples(len(FALLS))
    said = []
    for ax, fall in zip(axes, FALLS, strict=True):
        metric = f"fall_{fall}"
        own.first_passage(
            draws,
            fall,
            sector,
            baseline=baseline,
            title=f"A fall of {fall} %: {percent(_chance(draws, sector, metric))} in {LATE} months",
            ax=ax,
        )
        early, late = (percent(_chance(draws, sector, metric, m)) for m in (EARLY, LATE))
        beside = ""
        if baseline is not None:
            beside = f" (at any time {percent(_chance(baseline, sector, metric))})"
        said.append(f"{fall} %: {early} within {EARLY} months, {late} within {LATE}{beside}")
    data = scene.panel.data
    n, independent = effective_sample(data)
    where = "" if sector == ANY else f", where {sector} stood on the article's date"
    ranges = _ranges(draws, sector)
    since = min(data["identified"].values)[:4]
    caption = (
        f"An industry after a run-up of 100 points over the market{where}. Fitted to "
        f"{data.sizes['obs']} episodes since {since} that do not overlap within an industry; those of "
        f"one year share its market, so the {n} followed for {LATE} months count as about "
        f"{independent:.0f} independent ones. Bands: what the years to come may bring. {ranges}All "
        "falls are of month-end closes."
    )
    alt = f"Probability of a first fall by month, {sector}. " + "; ".join(said) + "."
    return Drawn(figure, alt, caption)


def _severity(scene: Scene) -> Drawn:
    draws, shown = scene.draws, _positions(scene)
    correction, crash = (_chance(draws, shown[0], m) for m in ("correction", "fall_40"))
    ax = own.severity(
        draws,
        shown,
        baseline=scene.baseline,
        title=f"Within {LATE} months a correction has {percent(correction)}, a crash {percent(crash)}",
    )
    alt = (
        f"{shown[0]}, deepest fall within {LATE} months: {percent(correction)} between 20 and "
        f"40 %, {percent(crash)} of 40 % or more, {percent(1 - correction - crash)} less than 20 %."
    )
    caption = (
        "An index is forecast by its class (US industries after such run-ups, or the index itself at "
        "any time) and by its own returns; under its own name stand equal parts of both. "
        "Naive: as often as at any time."
    )
    return Drawn(ax, alt, caption)


FIGURES = (Figure("falls", SOURCE, _falls), Figure("severity", SOURCE, _severity))
