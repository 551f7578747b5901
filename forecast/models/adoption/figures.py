"""The figure of the open-weight share."""

from __future__ import annotations

from forecast import plots
from forecast.core.draws import interval
from forecast.core.words import entity_of, metric_of
from forecast.models.base import Drawn, Figure, Scene


def _share(scene: Scene) -> Drawn:
    draws = scene.draws
    first = str(draws["series"].values[0])
    entity, metric = entity_of(first), metric_of(first)
    end = str(draws["period"].values[-1])
    last = interval(draws["y"].isel(series=0, period=-1))
    low, middle, high = (100 * share for share in (last.low, last.median, last.high))
    surveys = scene.panel.data.sizes["obs"]
    ax = plots.fan(
        draws,
        metric,
        entity,
        baseline=scene.baseline,
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
    return Drawn(ax, alt, caption)


FIGURES = (Figure("open_share", "Menlo Ventures surveys", _share),)
