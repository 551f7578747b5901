"""The figure of the toy model."""

from __future__ import annotations

from forecast import plots
from forecast.core.draws import interval
from forecast.models.base import Drawn, Figure, Scene
from toy_room.panel import METRIC


def _sales(scene: Scene) -> Drawn:
    entity, end = str(scene.draws["entity"].values[0]), str(scene.draws["period"].values[-1])
    told = interval(scene.draws["y"].isel(series=0, period=-1)).span
    ax = plots.fan(
        scene.draws,
        METRIC,
        entity,
        baseline=scene.baseline,
        title=f"{entity} sells {told} in {end}",
    )
    return Drawn(ax, f"Fan of sales of {entity}: {told} in {end}.", f"Sales of {entity} by year.")


FIGURES = (Figure("toy_sales", "the books of the stand", _sales),)
