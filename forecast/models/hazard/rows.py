"""What the density of falls reads of a panel: stretches survived, falls and first months of a stage.

A stage's months enter as they came (:mod:`forecast.models.hazard.model` has the equations). Within a
calendar year the linear part of a log hazard does not change, so that months survived there are one
row. The model that is written out and the one that is sampled read the same rows.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

from forecast.core.periods import month_index
from forecast.models.hazard.panel import (
    FALLS,
    LONGEST,
    MARKET_MEAN,
    USUAL_VOLATILITY,
    VOLATILITY_SLOPE,
)

if TYPE_CHECKING:
    import xarray as xr

    from forecast.models.base import Panel

NET_ORIGIN = 100.0  # points
MARKET_STEP = 50.0  # percent
YEAR_OF = 12.0  # months; the scale of t
STAGES = tuple(f"-{fall} %" for fall in FALLS)
DEEPER = STAGES[1:]

type Covariates = tuple[np.ndarray, np.ndarray, np.ndarray]


def covariates_of(net: np.ndarray, raw: np.ndarray, volatility: np.ndarray) -> Covariates:
    """Return x, m and v of the model's formula; a volatility that is not known is the usual one."""
    x = np.log2(net / NET_ORIGIN)
    v = np.log(volatility / USUAL_VOLATILITY) - VOLATILITY_SLOPE * x
    return x, (raw - net - MARKET_MEAN) / MARKET_STEP, np.where(np.isfinite(v), v, 0.0)


def of_episodes(data: xr.Dataset) -> Covariates:
    """Return the covariates of a panel's episodes."""
    net, raw = data["net"].values, data["raw"].values
    known = data["volatility"].values if "volatility" in data else np.full(net.shape, np.nan)
    return covariates_of(net, raw, known)


def spans(panel: Panel) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return industries, the industry of each episode, its month of identification, and years.

    Years run from the first month at risk to the last one followed.
    """
    data = panel.data
    names, which = np.unique(data["industry"].values.astype(str), return_inverse=True)
    start = np.array([month_index(m) for m in data["identified"].values.astype(str)])
    last = start + data["followup"].values
    return names, which, start, np.arange((start.min() + 1) // 12, last.max() // 12 + 1)


@dataclasses.dataclass(frozen=True)
class Risk:
    """Stretches survived, falls and first months, each by stage, episode and year of the panel.

    Attributes
    ----------
    survived
        Columns stage, episode, year, months before the stretch, months to its end.
    fell
        Columns stage, episode, year, month of the stage.
    first
        Columns stage, episode, year, whether the stage was passed in the month it began.
    """

    survived: np.ndarray
    fell: np.ndarray
    first: np.ndarray


def risk(panel: Panel) -> Risk:
    """Return the spells that the likelihood is a product over, from the panel's months and events."""
    data = panel.data
    _, _, start, years = spans(panel)
    survived: list[tuple[int, ...]] = []
    fell: list[tuple[int, ...]] = []
    first: list[tuple[int, ...]] = []
    followup = data["followup"].values.astype(int)
    months = [data[f"months{fall}"].values.astype(int) for fall in FALLS]
    events = [data[f"event{fall}"].values.astype(int) for fall in FALLS]
    for i in range(len(start)):
        began, origin = 0, int(start[i])  # months after identification; calendar month
        for s in range(len(FALLS)):
            if s:
                jumped = int(events[s][i] and months[s][i] == began)
                first.append((s, i, (origin + began) // 12 - years[0], jumped))
                if jumped:
                    continue
            end = int(months[s][i]) - 1 if events[s][i] else int(followup[i])
            at = began + 1
            while at <= end:  # to the end of the calendar year, or of the stretch
                year = (origin + at) // 12
                to = min(end, 12 * year + 11 - origin)
                survived.append((s, i, year - years[0], at - 1 - began, to - began))
                at = to + 1
            if not events[s][i]:
                break
            fell.append((s, i, (origin + end + 1) // 12 - years[0], end + 1 - began))
            began = end + 1

    def table(rows: list[tuple[int, ...]], width: int) -> np.ndarray:
        return np.array(rows, dtype=np.int64).reshape(-1, width)

    return Risk(table(survived, 5), table(fell, 4), table(first, 4))


def places(rows: np.ndarray, sizes: tuple[int, int], months: int) -> np.ndarray:
    """Return the columns of :class:`Risk` as positions in flat tables by stage, shape (column, row).

    The tables have a row a stage, and `sizes` episodes, `sizes` years and `months` as columns; with
    no `months` the last columns are left as they are.
    """
    stage, rest = rows[:, 0], rows[:, 1:].T
    widths = np.array([*sizes, *[months] * (len(rest) - 2)])
    return rest + stage * widths[:, None]


@dataclasses.dataclass(frozen=True)
class Rows:
    """What the density reads of a panel's run-ups.

    Attributes
    ----------
    industries, years
        Their names, and the calendar years from the first month at risk to the last one followed.
    industry
        Of each episode, its position among `industries`.
    covariates
        x, m and v of the model's formula, by episode.
    survived, falls, first
        Stretches survived, falls in a month and first months of later stages, as positions in flat
        tables by stage (:func:`places`).
    survived_episode, fell_episode
        The episode of each stretch, and of each fall and then each first month.
    fell
        Whether a fall came in each of the latter.
    """

    industries: np.ndarray
    years: np.ndarray
    industry: np.ndarray
    covariates: Covariates
    survived: np.ndarray
    falls: np.ndarray
    first: np.ndarray
    survived_episode: np.ndarray
    fell_episode: np.ndarray
    fell: np.ndarray


def rows_of(panel: Panel) -> Rows:
    """Return what the density reads of a panel's run-ups."""
    names, which, _, years = spans(panel)
    counted, sizes = risk(panel), (len(which), len(years))
    return Rows(
        industries=names,
        years=years,
        industry=which,
        covariates=of_episodes(panel.data),
        survived=places(counted.survived, sizes, LONGEST + 1),
        falls=places(counted.fell - [0, 0, 0, 1], sizes, LONGEST),
        first=places(counted.first[:, :3], sizes, 0),
        survived_episode=counted.survived[:, 1],
        fell_episode=np.concatenate([counted.fell[:, 1], counted.first[:, 1]]),
        fell=np.concatenate([np.ones(len(counted.fell), np.int64), counted.first[:, 3]]),
    )


def labels_of(panel: Panel) -> dict[str, np.ndarray | list[str]]:
    """Return the labels of the parameters' dims; without returns there is no index."""
    industries, _, _, years = spans(panel)
    labels: dict[str, np.ndarray | list[str]] = {
        "industry": industries,
        "year": years,
        "stage": list(DEEPER),
    }
    if "log_return" in panel.data:
        labels["index"] = panel.data["index"].values.astype(str)
    return labels
