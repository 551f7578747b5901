"""The figures of the payback model: when a programme is earned back, what it needs, what decides it."""

from __future__ import annotations

import numpy as np

from forecast import plots
from forecast.core.text import percent, significant
from forecast.models.base import Drawn, Figure, Scene
from forecast.models.payback import plots as own
from forecast.models.payback.model import PROGRAMMES, chance_by_share, plan_of, required_revenue

TRILLION = 1000.0
"""USD bn of a programme that titles call a trillion."""
YEARS = (own.REVENUE_YEAR, 2040, 2060)
"""Years by which its chance of being earned back is told."""
MARGINS = np.linspace(0.05, 0.5, 46)
"""Long-run cash margins of the frontier."""
MARGIN = 25
"""Where among them the margin stands whose revenue is told, 30 %."""
SHARES = np.linspace(0.0, 1.0, 101)
"""Shares of a programme that running costs do not hold."""
MARKED = (0.15, 0.25, 0.5, 1.0)
"""Those whose chance is told. About 0.15 is what the company's projection of 2026 implies; at 1 the
whole programme is paid besides running costs that hold most of it already."""
SOURCE = "company statements and press (data/ai_labs.csv)"


def _programme(scene: Scene) -> tuple[str, str, list[str]]:
    """Return the programme that is shown, what titles call it, and all there are."""
    series = scene.draws["series"].values
    names = [str(n).split("/")[0] for n in series if str(n).endswith("/recovered")]
    programme = next((name for name in scene.focus if name in names), names[0])
    words = "A trillion" if PROGRAMMES[programme][0] == TRILLION else f"The {programme}"
    return programme, words, names


def _payback(scene: Scene) -> Drawn:
    draws, by = scene.draws, YEARS[0]
    programme, words, names = _programme(scene)
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
        "Discounted margin on sales since 2026 against the discounted part of the spending that running "
        "costs do not hold. Margins, schedule and discount rate are priors that no report decides; "
        "run-rates decide growth, not where it ends."
    )
    return Drawn(figure, alt, caption)


def _share(scene: Scene) -> Drawn:
    programme, words, _ = _programme(scene)
    by, plan = YEARS[0], plan_of(scene.posterior, programme)
    chances = chance_by_share(plan, by, SHARES)
    recovered = scene.draws["y"].sel(series=f"{programme}/recovered", period=str(by))
    whole = float(recovered.mean())
    at = {share: percent(float(chances[np.abs(SHARES - share).argmin()])) for share in MARKED}
    figure, (axes,) = plots.small_multiples(1, columns=1, size=(6.6, 3.9))
    own.payback_share(
        SHARES,
        chances,
        plan.share,
        whole,
        by=by,
        marked=MARKED,
        title=f"{words} is earned back by {by} with {at[MARKED[0]]} or {at[MARKED[-1]]}, "
        "by what running costs already hold",
        ax=axes,
    )
    told = ", ".join(f"{100 * share:.0f} %: {chance}" for share, chance in at.items())
    low, high = (percent(float(q)) for q in np.quantile(plan.share, [0.1, 0.9]))
    alt = (
        f"Probability that a {programme} is earned back by {by}, by the share of it that running costs "
        f"do not hold: {told}; over the share's own distribution {percent(whole)}."
    )
    caption = (
        "A programme is mostly compute that is bought, which running costs hold already; only the rest "
        f"must be earned besides. Projections and burn put the share between {low} and {high} (80 %). "
        "The curve puts each share in place of every draw's own and leaves all else as it is."
    )
    return Drawn(figure, alt, caption)


FIGURES = (Figure("payback", SOURCE, _payback), Figure("payback_share", SOURCE, _share))
