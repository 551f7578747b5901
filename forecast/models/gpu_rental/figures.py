"""The figure of the rents: quotes by index, and the trend they share."""

from __future__ import annotations

from forecast.core.draws import interval
from forecast.core.text import significant
from forecast.models import latent
from forecast.models.base import Drawn, Figure, Scene
from forecast.models.gpu_rental import plots as own

UNKNOWN = (
    "What cannot be known here: what most buyers pay. Contracts are private; public are auctions of one "
    "cloud, a few list prices and hearsay."
)


def _rental(scene: Scene) -> Drawn:
    draws, cut = latent.as_far_as_told(scene.draws, "H100/h100_rental")
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
    data = scene.panel.data
    auctions = data["spot"].values > 0
    caption = (
        f"{UNKNOWN} {len(auctions)} quotes by {len(set(data['index'].values.tolist()))} sources, "
        f"{int(auctions.sum())} of them of auctions; the last of {max(data['day'].values)}. Sources "
        "differ in level and are not spliced: each has an offset of its own, and so has each stretch "
        "between two changes of the AWS sample."
    )
    caption = f"{caption} {cut}".rstrip()
    return Drawn(ax, alt, caption)


FIGURES = (
    Figure(
        "rental",
        "public quotes, an index provider and AWS spot prices (E. Pauley, CC BY 4.0)",
        _rental,
    ),
)
