"""The figure of the spending clock: when capex may come to fall, and how deep."""

from __future__ import annotations

import dataclasses

import numpy as np

from forecast import plots
from forecast.core.errors import DataError
from forecast.core.text import percent, significant
from forecast.models.base import Drawn, Figure, Scene
from forecast.models.capex_hazard import plots as own
from forecast.models.capex_hazard.model import chances
from forecast.models.capex_hazard.panel import FALLS, SETS, VIEWS, states
from forecast.tables.names import called

SOURCE = (
    "US national accounts (BEA) and manufacturing by industry (NBER-CES), the companies' cash-flow "
    "statements (data/capex_runups.csv); their own figures for where they stand (data/earnings.csv)"
)
YEAR, LATE = 4, 8
"""Quarters within which a fall is told."""


def _spending(scene: Scene) -> Drawn:
    draws = scene.draws
    there = {one.entity: one for one in states(scene.panel) if one.members}
    shown = next((name for name in reversed([*SETS]) if name in there), next(iter(there), ""))
    if not shown:
        raise DataError("no company is known for three years")
    state = there[shown]
    figure, axes = plots.small_multiples(len(FALLS))
    said = []
    for ax, fall in zip(axes, FALLS, strict=True):
        ahead = own.ahead_of(draws, shown, fall)["y"].mean(("chain", "draw")).values
        early, late = (percent(float(ahead[min(k, len(ahead)) - 1])) for k in (YEAR, LATE))
        own.first_passage(
            draws,
            fall,
            shown,
            baseline=scene.baseline,
            title=f"A fall of {fall} %: {early} in a year, {late} in two",
            ax=ax,
        )
        said.append(f"{fall} %: {early} within a year of {state.quarter}, {late} within two")
    data = scene.panel.data
    level = data["level"].values.astype(str)
    of_own = np.isin(level, ["company", "set"])
    views = " or ".join(VIEWS.values())
    usual = dataclasses.replace(state, growth=25.0, runup=56.25)
    _, chance = chances(scene.posterior, scene.panel, [usual], LATE, np.random.default_rng(0))
    slower = percent(float(chance[:, 0, FALLS.index(10), -1].mean()))
    cash = f", {significant(state.cash)} of operating cash flow" if np.isfinite(state.cash) else ""
    caption = (
        f"{', '.join(map(called, state.members))} together: {significant(state.total)} USD bn in the "
        f"four quarters to {state.quarter}, {state.growth:+.0f} % in one year and "
        f"{state.runup:+.0f} % in two{cash}. Fitted to {int((~of_own).sum())} run-ups of "
        f"industries and asset types, and to {int(of_own.sum())} states of the companies themselves; of "
        "each no month is counted twice, and years are shared. The companies are a class of their own, "
        f"between what they would be {views}. Growing by 25 % a year, as is usual after a run-up, they "
        f"would fall by a tenth within two years with {slower}. No guidance enters: what companies have "
        "said of the coming year speaks against a fall in it, and this model does not know it, so its "
        "number for the first year may be too high."
    )
    alt = f"Probability by quarter that capex falls, {shown}. " + "; ".join(said) + "."
    return Drawn(figure, alt, caption)


FIGURES = (Figure("spending_clock", SOURCE, _spending),)
