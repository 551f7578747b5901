"""The figure of the rents: quotes by index, and the trend they share."""

from __future__ import annotations

from forecast.core.draws import interval
from forecast.core.text import significant
from forecast.models.base import Drawn, Figure, Scene
from forecast.models.gpu_rental import plots as own


def _rental(scene: Scene) -> Drawn:
    draws = scene.draws
    end = str(draws["period"].values[-1])
    last = interval(draws["y"].sel(series="H100/h100_rental", period=end))
    ax = own.index_trend(
        draws,
        scene.panel,
        metric="h100_rental",
        entity="H100",
        label="Rent of one H100",
        title=f"An H100 may rent for {last.span} USD an hour in {end}",
    )
    alt = (
        "Quotes of an H100's rent by index and the trend they share: median "
        f"{significant(last.median)} USD an hour, 80 % between {last.between}, in {end}."
    )
    caption = (
        "Indices differ in level and are not spliced: each has an offset of its own, and so has "
        "each stretch between two changes of the AWS sample. Few quotes lie after March 2025."
    )
    return Drawn(ax, alt, caption)


FIGURES = (
    Figure(
        "rental",
        "public quotes, an index provider and AWS spot prices (E. Pauley, CC BY 4.0)",
        _rental,
    ),
)
