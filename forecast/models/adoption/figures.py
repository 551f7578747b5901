"""The figure of the open-weight share, a panel a measure."""

from __future__ import annotations

import numpy as np

from forecast import plots
from forecast.core.draws import interval
from forecast.core.text import capitalised
from forecast.core.words import entity_of, metric_of
from forecast.models import latent
from forecast.models.adoption.panel import measures
from forecast.models.base import Drawn, Figure, Scene

UNKNOWN = (
    "What cannot be known here: what is meant by use. Surveys of buyers and tokens on a router differ "
    "in level and even in direction."
)


def _share(scene: Scene) -> Drawn:
    names, measure = measures(scene.panel)
    figure, axes = plots.small_multiples(len(names), columns=2, size=(5.0, 3.4))
    said, cuts = [], []
    for ax, name in zip(axes, map(str, scene.draws["series"].values), strict=True):
        draws, cut = latent.as_far_as_told(scene.draws, name)
        baseline = scene.baseline
        if baseline is not None:
            there = np.isin(baseline["period"].values, draws["period"].values)
            baseline = baseline.isel(period=np.flatnonzero(there))
        end = str(draws["period"].values[-1])
        last = interval(draws["y"].sel(series=name).isel(period=-1))
        low, middle, high = (100 * share for share in (last.low, last.median, last.high))
        entity = entity_of(name)
        plots.fan(
            draws,
            metric_of(name),
            entity,
            baseline=baseline,
            log=False,
            title=f"{capitalised(entity)}: {low:.0f} to {high:.0f} % in {end}",
            ax=ax,
        )
        said.append(
            f"{entity}: median {middle:.0f} %, 80 % between {low:.0f} and {high:.0f} %, in {end}"
        )
        cuts.append(cut)
    numbers = ", ".join(f"{int((measure == m).sum())} of {name}" for m, name in enumerate(names))
    caption = (
        f"{UNKNOWN} Data: {numbers}. They fix the levels; direction and spread, of which measures share "
        "a part, are mostly prior; dashed: random walk with drift of the log-odds."
    )
    caption = " ".join([caption, *dict.fromkeys(cut for cut in cuts if cut)])
    return Drawn(figure, f"Fans of the open-weight share. {'; '.join(said)}.", caption)


FIGURES = (
    Figure("open_share", "Menlo Ventures surveys; a16z and OpenRouter, State of AI", _share),
)
