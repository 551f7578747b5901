"""Whether famous warnings added anything to the base rate."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd


@dataclasses.dataclass(frozen=True)
class WarningCheck:
    """Whether dated warnings were followed by more falls than the same series at any time.

    Attributes
    ----------
    fall, within
        The fall in percent, and the months after the warning.
    warnings, fell, expected
        Number of warnings, how many were followed by the fall, and how many the series' own base
        rates expect.
    shift, low, high
        Change of the log-odds after a warning: posterior mean and 80 % interval.
    informative
        Posterior probability that the change is above zero.
    """

    fall: int
    within: int
    warnings: int
    fell: int
    expected: float
    shift: float
    low: float
    high: float
    informative: float


def warnings_against_base(table: pd.DataFrame, within: int = 24) -> tuple[WarningCheck, ...]:
    """Say whether famous warnings added anything to the base rate of the series they were about.

    Every warning counts once, on its primary series; those about the boom that is asked about, and
    those not yet followed for the whole time, are left out. The log-odds of the fall are those of the
    series' base rate plus one shift, with the prior N(0, 1). Warnings of one boom share its fate, so
    the interval is, if anything, too narrow.

    Parameters
    ----------
    table
        The reference table ``warnings``.
    within
        Months after the warning; the table has base rates for 24.
    """
    own = table[table["primary_series"] & ~table["ai_boom"] & (table["obs_m"] >= within)]
    shifts = np.linspace(-4, 4, 1601)
    found = []
    for fall in (20, 30):
        hit = ((own[f"event{fall}"] == 1) & (own[f"dur{fall}_m"] <= within)).to_numpy()
        base = own[f"series_base_P{fall}_{within}m"].to_numpy(float).clip(0.01, 0.99)
        odds = np.log(base / (1 - base))[:, None] + shifts
        log_density = -(np.logaddexp(0, np.where(hit[:, None], -odds, odds)).sum(axis=0))
        weight = np.exp(log_density - shifts**2 / 2 - (log_density - shifts**2 / 2).max())
        weight /= weight.sum()
        low, high = np.interp([0.1, 0.9], np.cumsum(weight), shifts)
        found.append(
            WarningCheck(
                fall,
                within,
                len(own),
                int(hit.sum()),
                float(base.sum()),
                float((shifts * weight).sum()),
                float(low),
                float(high),
                float(weight[shifts > 0].sum()),
            )
        )
    return tuple(found)
