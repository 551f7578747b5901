"""The figure of the payback model: when a programme is earned back, and the revenue that it needs."""

from __future__ import annotations

import numpy as np

from forecast import plots
from forecast.core.text import percent, significant
from forecast.core.words import entity_of
from forecast.models.base import Drawn, Figure, Scene
from forecast.models.payback import plots as own
from forecast.models.payback.model import PROGRAMMES, plan_of, required_revenue

TRILLION = 1000.0
"""USD bn of a programme that titles call a trillion."""
YEARS = (own.REVENUE_YEAR, 2040, 2060)
"""Years by which its chance of being earned back is told."""
MARGINS = np.linspace(0.05, 0.5, 46)
"""Long-run cash margins of the frontier."""
MARGIN = 25
"""Where among them the margin stands whose revenue is told, 30 %."""


def _payback(scene: Scene) -> Drawn:
    draws, by = scene.draws, YEARS[0]
    names = [entity_of(str(n)) for n in draws["series"].values if "recovered" in str(n)]
    programme = next((name for name in scene.focus if name in names), names[0])
    words = "A trillion" if PROGRAMMES[programme][0] == TRILLION else f"The {programme}"
    plan = plan_of(scene.posterior, programme)
    recovered = draws["y"].sel(series=f"{programme}/recovered")
    chances = [percent(float(recovered.sel(period=str(year)).mean())) for year in YEARS]
    figure, axes = plots.small_multiples(2, columns=2, size=(5.0, 3.7))
    own.payback_years(
        draws,
        names,
        title=f"{words} is earned back by {by} with {chances[0]}, by {YEARS[1]} with {chances[1]}",
        ax=axes[0],
    )
    need = required_revenue(plan, by, MARGINS)
    revenue = plan.revenue[:, plan.years == by][:, 0]
    half = float(np.sort(need[:, MARGIN])[len(need) // 2])
    margin = f"{100 * MARGINS[MARGIN]:.0f} %"
    own.payback_frontier(
        MARGINS,
        need,
        revenue,
        plan.end[:, 0],
        label="OpenAI revenue",
        title=f"Even odds by {by} need USD {significant(half)} bn at a margin of {margin}",
        ax=axes[1],
    )
    told = ", ".join(f"{chance} by {year}" for chance, year in zip(chances, YEARS, strict=True))
    alt = (
        f"Probability that a {programme} is earned back: {told}. At a cash margin of {margin} even "
        f"odds by {by} need revenue of about USD {significant(half)} bn in {by}; the model gives so "
        f"much or more {percent(float((revenue >= half).mean()))}."
    )
    caption = (
        "Discounted cash since 2026 against the discounted whole of the spending. Margins, schedule "
        "and discount rate are priors that no report decides; run-rates decide growth, not where it "
        "ends."
    )
    return Drawn(figure, alt, caption)


FIGURES = (Figure("payback", "company statements and press (data/ai_labs.csv)", _payback),)
