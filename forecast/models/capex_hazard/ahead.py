"""Falls of capex that a fit has not seen, as it foretells them; and why a run does not ask for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from forecast.core.errors import DataError
from forecast.core.periods import quarter_index, quarter_name
from forecast.models.base import Ahead, Cell, Told
from forecast.models.capex_hazard.baseline import falls_at_any_time
from forecast.models.capex_hazard.model import draw
from forecast.models.capex_hazard.panel import FALLS, Asked, State, fall_metric, totals_of

if TYPE_CHECKING:
    import xarray as xr

    from forecast.models.base import Panel
    from forecast.models.capex_hazard.model import Priors
    from forecast.models.capex_hazard.panel import Quarters

WITHIN = (4, 8)
"""Quarters after the last one known, within which a fall is asked about."""


def without_newest(panel: Panel) -> Panel:
    """Refuse: what came within two years of a state is one number a company, all of the same years.

    Raises
    ------
    DataError
        Always, with where its record on past dates stands.
    """
    raise DataError(
        f"as of {panel.as_of} the last whole two years are one number a company, and all of the same "
        "years; forecast backtest capex_hazard asks it on past days"
    )


def foretold(
    parameters: xr.Dataset, panel: Panel, later: Panel, priors: Priors, rng: np.random.Generator
) -> list[Told]:
    """Foretell whether the capex of companies, and of their sets, falls within one year and within two.

    A fall is told by the later panel's totals of four quarters: from the highest on record, of those
    companies whose totals are known without a gap. One below which a state stood already is not asked.
    Next to it: falls as often as they come at any time.
    """
    asked = [
        (one, when, fall, came)
        for one in panel.part(Asked).states
        if one.members and one.by == "own"
        for when, fall, came in _outcomes(one, later.part(Asked).capex)
    ]
    if not asked:
        return []
    known = max(quarter_index(one.quarter) for one in panel.part(Asked).states)
    until = quarter_name(max(known + 1, *(when for _, when, _, _ in asked)))
    ours = draw(parameters, panel, priors, until, rng)["signal"]
    naive = falls_at_any_time(panel, until=until, seed=int(rng.integers(2**31)))["signal"]
    cells = tuple(
        Cell(one.entity, fall_metric(fall), quarter_name(when)) for one, when, fall, _ in asked
    )

    def chances(signal: xr.DataArray) -> np.ndarray:
        one = [
            float(signal.sel(series=f"{c.entity}/{c.metric}", period=c.period).mean())
            for c in cells
        ]
        return np.array(one)[None]

    names = tuple(
        f"{one.entity} down {fall} % by {quarter_name(when)}" for one, when, fall, _ in asked
    )
    truth = np.array([float(came) for *_, came in asked])
    return [Told("falls of capex", names, truth, chances(ours), chances(naive), "", True, cells)]


def _outcomes(one: State, capex: Quarters) -> list[tuple[int, int, bool]]:
    """Return by which quarter each fall that a state can still have is asked, and whether it came."""
    totals = {end: sum(parts) for end, parts in totals_of(capex, one.members).items()}
    start = quarter_index(one.quarter)
    highest = max((total for end, total in totals.items() if end <= start), default=np.nan)
    found, deepest = [], 0.0
    for step in range(1, max(WITHIN) + 1):
        total = totals.get(start + step)
        if total is None:
            break
        highest = max(highest, total)
        deepest = max(deepest, 100 * (1 - total / highest))
        if step in WITHIN:
            found += [(start + step, fall, deepest >= fall) for fall in FALLS[one.sure :]]
    return found


AHEAD = Ahead(left_out=without_newest, tell=foretold)
