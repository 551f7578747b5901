"""The figure of the list prices: the cheapest model of a capability, before and ahead."""

from __future__ import annotations

import numpy as np

from forecast.core.draws import interval
from forecast.core.text import percent
from forecast.models.api_price import plots as own
from forecast.models.base import Drawn, Figure, Scene

SHOWN_LEVELS = ("GPT-4 level", "GPT-5 level")
HOLLOW = ("DeepSeek", "Mistral AI", "Moonshot")
"""Providers of open weights, whose models are drawn as circles."""
PUBLISHED_DECLINES = {
    # The published factors, laid on the day and price at which GPT-4 was first listed.
    "10x a year (a16z)": ("2023-03-14", 37.5, 10.0, 2.0),
    "40x a year (Epoch AI)": ("2023-03-14", 37.5, 40.0, 1.4),
}
YEAR_AHEAD = 5
"""Quarters from the last price on record to the last that is told: a year from the first forecast."""


def _prices(scene: Scene) -> Drawn:
    draws = scene.draws
    seen = draws["observed"].sel(series=f"{SHOWN_LEVELS[0]}/price").values
    now = int(np.isfinite(seen).sum()) - 1
    year = min(now + YEAR_AHEAD, draws.sizes["period"] - 1)
    start, end = now + 1, str(draws["period"].values[year])
    said, halved = [], []
    for name in SHOWN_LEVELS:
        price = draws["y"].sel(series=f"{name}/price")
        fall = (price.isel(period=year) <= 0.5 * price.isel(period=start)).mean()
        halved.append(f"{percent(float(fall))} at {name.removesuffix(' level')}'s")
        last = interval(price.isel(period=year))
        said.append(f"{name}: 80 % between {last.between} USD per 1M tokens in {end}")
    ax = own.price_envelope(
        draws,
        scene.panel,
        SHOWN_LEVELS,
        hollow=HOLLOW,
        declines=PUBLISHED_DECLINES,
        title=f"The price of a capability halves in a year: {', '.join(halved)}",
    )
    alt = "List prices of models and the cheapest at two capabilities. " + "; ".join(said) + "."
    caption = (
        "Steps: the cheapest model on the list whose Epoch Capabilities Index is at least that of "
        "the named release; its fan comes from drawn future offers. Dashed: published rates of "
        "decline, laid on GPT-4's first price; they are of other baskets and other blends."
    )
    return Drawn(ax, alt, caption)


FIGURES = (
    Figure("prices", "providers' list prices and public scores (see the tables' sources)", _prices),
)
