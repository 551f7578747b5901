"""Tables of a backtest: mean scores, how well intervals held, and skill against simple rules.

Scores of one date share what was known, and those of dates close to each other share what came. So
uncertainty is that of dates, not of cells: whole dates are drawn anew, in blocks of dates that follow
each other (circular block bootstrap, Politis & Romano 1992), and each date brings all its cells. Blocks
have the cube root of the number of dates, rounded up, the order that Hall, Horowitz & Jing 1995 derive.
Where forecasts reach further than a block the intervals are still too narrow, and with a dozen dates
they are rough; with fewer than :data:`FEWEST` there are none.

Invariant: forecasts are compared cell by cell, on the cells that all of them have, with the same dates
drawn for all. ``tests/test_skill.py`` compares with loops.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

MODEL = "model"
"""The forecast that is ours in the column ``forecast``; the others are simple rules."""
SHARES = (50, 80, 95)
"""Percent of the draws within the intervals that are scored."""
FEWEST = 5
"""Dates below which nothing is said of uncertainty."""
RESAMPLES = 2000
LEVELS = (0.025, 0.975)
"""Ends of the bootstrap intervals."""
KEY = ("as_of", "series", "target_period")
"""What tells one cell from the others."""
PARTS = ("dispersion", "overprediction", "underprediction")
NUMBERS = ("crps", "crps_level", "log_score", "interval_score", *PARTS)
"""Scores of numbers, of which a mean is taken."""
HELD = tuple(f"c{share}" for share in SHARES)
EVENTS = ("brier", "log_score", "probability", "happened")
BINS = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
"""Edges of the probabilities that are looked at together."""
TENTHS = 10


def block_length(dates: int) -> int:
    """Return how many dates that follow each other are drawn together.

    Examples
    --------
    >>> block_length(5), block_length(16), block_length(28)
    (2, 3, 4)
    """
    return math.ceil(round(dates ** (1 / 3), 9))


def drawn_dates(dates: int, seed: int, size: int = RESAMPLES) -> np.ndarray:
    """Return dates drawn anew in blocks, by their place in time; the first one follows the last.

    Parameters
    ----------
    dates
        How many there are.
    seed
        Decides which are drawn.
    size
        How often as many are drawn.

    Returns
    -------
    numpy.ndarray
        Whole numbers, shape (size, dates).
    """
    length = block_length(dates)
    rng = np.random.default_rng(seed)
    first = rng.integers(dates, size=(size, math.ceil(dates / length), 1))
    places: np.ndarray = ((first + np.arange(length)) % dates).reshape(size, -1)[:, :dates]
    return places


@dataclasses.dataclass(frozen=True, slots=True)
class _ByDate:
    """Sums over the cells of each date, and how many cells it has.

    Attributes
    ----------
    sums
        Shape (date, column).
    counts
        Shape (date,).
    """

    sums: np.ndarray
    counts: np.ndarray

    @property
    def means(self) -> np.ndarray:
        """Mean of all cells, shape (column,); NaN where a cell has no score."""
        found: np.ndarray = self.sums.sum(axis=0) / self.counts.sum()
        return found

    def drawn(self, places: np.ndarray) -> np.ndarray:
        """Mean of all cells of drawn dates, shape (sample, column); NaN where they have none."""
        counts = self.counts[places].sum(axis=1)[:, None]
        sums = self.sums[places].sum(axis=1)
        found: np.ndarray = np.where(counts > 0, sums, np.nan) / np.maximum(counts, 1)
        return found


def _by_date(part: pd.DataFrame, columns: Sequence[str], days: np.ndarray) -> _ByDate:
    place = np.searchsorted(days, part["as_of"].to_numpy(dtype=str))
    sums = np.zeros((len(days), len(columns)))
    np.add.at(sums, place, part[list(columns)].to_numpy(dtype=float))
    return _ByDate(sums, np.bincount(place, minlength=len(days)))


def _ends(drawn: np.ndarray) -> tuple[float, float]:
    """Return the ends of the interval of drawn means; NaN where one of them is."""
    low, high = np.quantile(drawn, LEVELS)
    return float(low), float(high)


@dataclasses.dataclass(frozen=True, slots=True)
class _Group:
    """Cells that are looked at together, and that all forecasts have.

    Attributes
    ----------
    labels
        What they have in common, by column.
    cells
        The cells.
    days
        Their dates, ascending.
    """

    labels: dict[str, object]
    cells: pd.DataFrame
    days: np.ndarray


def _groups(cells: pd.DataFrame, by: Sequence[str]) -> Iterator[_Group]:
    parts = cells.groupby(list(by), sort=True) if by else [((), cells)]
    for labels, part in parts:
        rules = part["forecast"].nunique()
        everywhere = part.groupby(list(KEY))["forecast"].transform("nunique") == rules
        own = part[everywhere]
        if len(own):
            yield _Group(
                dict(zip(by, labels, strict=True)), own, np.unique(own["as_of"].to_numpy(dtype=str))
            )


def _compared(
    group: _Group, columns: Sequence[str], held: Sequence[str], seed: int
) -> list[dict[str, object]]:
    """Return a row for each forecast of a group, the best first; the first column is what decides.

    `held` are columns of which the interval is given besides.
    """
    every = [*columns, *held]
    found = {
        str(name): _by_date(part, every, group.days)
        for name, part in group.cells.groupby("forecast", sort=True)
    }
    dates = len(group.days)
    sure = dates >= FEWEST
    places = drawn_dates(dates, seed) if sure else np.zeros((0, dates), dtype=int)
    decides = {name: float(one.means[0]) for name, one in found.items()}
    rules = {name: loss for name, loss in decides.items() if name != MODEL}
    best = min(rules, key=lambda name: (math.isnan(rules[name]), rules[name])) if rules else ""
    rows = []
    for name in sorted(found, key=lambda name: (math.isnan(decides[name]), decides[name])):
        one = found[name]
        row: dict[str, object] = {**group.labels, "forecast": name, "n": int(one.counts.sum())}
        row |= {"dates": dates, **dict(zip(every, one.means.tolist(), strict=True))}
        drawn = one.drawn(places)
        for at, column in enumerate(held, len(columns)):
            ends = _ends(drawn[:, at]) if sure else (math.nan, math.nan)
            row |= {f"{column}_low": ends[0], f"{column}_high": ends[1]}
        rows.append(row | _against(name, best, found, places))
    return rows


def _against(
    name: str, best: str, found: dict[str, _ByDate], places: np.ndarray
) -> dict[str, object]:
    """Return how far a forecast is behind the best simple rule, and how sure that is."""
    row: dict[str, object] = {"best_rule": best}
    row |= dict.fromkeys(("behind", "behind_low", "behind_high"), math.nan)
    row |= dict.fromkeys(("skill", "skill_low", "skill_high", "better"), math.nan)
    if not best:
        return row
    ours, theirs = float(found[name].means[0]), float(found[best].means[0])
    row |= {"behind": ours - theirs, "skill": 1 - ours / theirs if theirs else math.nan}
    if len(places) and name != best:
        mine, other = (found[one].drawn(places)[:, 0] for one in (name, best))
        row["behind_low"], row["behind_high"] = _ends(mine - other)
        if (other > 0).all():
            row["skill_low"], row["skill_high"] = _ends(1 - mine / other)
        if np.isfinite(mine - other).all():
            row["better"] = float((mine < other).mean() + (mine == other).mean() / 2)
    return row


def number_scores(cells: pd.DataFrame, by: Sequence[str] = (), *, seed: int) -> pd.DataFrame:
    """Return mean scores of forecasts of numbers, the best first, where every forecast has the cell.

    Parameters
    ----------
    cells
        As of :class:`forecast.evaluation.backtesting.Backtest`.
    by
        Columns of `cells` to group by, besides the forecast and its scale: means of logarithms and of
        dollars are never mixed.
    seed
        Decides which dates the bootstrap draws.

    Returns
    -------
    pandas.DataFrame
        Columns `by`, scale, forecast, n (cells), dates; means of the scores; ``crps_level`` is NaN
        where cells have several units. ``c50``, ``c80``, ``c95``: the share of truths that the
        interval held, with ``_low`` and ``_high``, the ends of its 95 % bootstrap interval.
        ``best_rule``, the simple rule with the lowest CRPS on these very cells, which is a choice in
        its favour; ``behind``: mean CRPS less that rule's, below zero where it is better; ``skill``:
        one less the ratio of the two; both with ``_low`` and ``_high``. ``better``: the share of the
        bootstrap samples of dates in which the CRPS is below that rule's, half for a tie.
    """
    by = [*by, "scale"]
    rows: list[dict[str, object]] = []
    for group in _groups(cells, by):
        unit = group.cells["unit"].unique()
        for row in _compared(group, NUMBERS, HELD, seed):
            mixed = {} if len(unit) == 1 else {"crps_level": math.nan}
            rows.append({**row, **mixed, "unit": unit[0] if len(unit) == 1 else ""})
    return pd.DataFrame(rows)


def event_scores(events: pd.DataFrame, by: Sequence[str] = (), *, seed: int) -> pd.DataFrame:
    """Return mean scores of probabilities, the best first, where every forecast has the event.

    Parameters
    ----------
    events
        As of :class:`forecast.evaluation.backtesting.Backtest`.
    by
        Columns of `events` to group by, besides the forecast.
    seed
        Decides which dates the bootstrap draws.

    Returns
    -------
    pandas.DataFrame
        As of :func:`number_scores`, with the Brier score in the CRPS's place: columns ``brier``,
        ``log_score``, ``probability`` (its mean) and ``happened`` (the share that came).
    """
    found = [_compared(group, EVENTS, (), seed) for group in _groups(events, by)]
    return pd.DataFrame([row for rows in found for row in rows])


def reliability(events: pd.DataFrame, *, seed: int) -> pd.DataFrame:
    """Return how often came what was given a probability, by ranges of the probability.

    Parameters
    ----------
    events
        As of :func:`event_scores`.
    seed
        Decides which dates the bootstrap draws.

    Returns
    -------
    pandas.DataFrame
        Columns forecast, low and high (the range's ends, the upper one within the last range only), n,
        dates, ``said`` (the mean probability), ``came`` (the share that came), ``came_low`` and
        ``came_high`` (95 %, by dates; NaN with fewer than :data:`FEWEST` dates).
    """
    rows = []
    for name, part in events.groupby("forecast", sort=True):
        bins = np.clip(
            np.searchsorted(BINS, part["probability"], side="right") - 1, 0, len(BINS) - 2
        )
        for k in range(len(BINS) - 1):
            own = part[bins == k]
            if own.empty:
                continue
            days = np.unique(own["as_of"].to_numpy(dtype=str))
            means = _by_date(own, ("probability", "happened"), days)
            low, high = math.nan, math.nan
            if len(days) >= FEWEST:
                low, high = _ends(means.drawn(drawn_dates(len(days), seed))[:, 1])
            said, came = means.means.tolist()
            rows.append(
                {"forecast": name, "low": BINS[k], "high": BINS[k + 1], "n": len(own),
                 "dates": len(days), "said": said, "came": came, "came_low": low, "came_high": high}
            )  # fmt: skip
    return pd.DataFrame(rows)


def pit_counts(cells: pd.DataFrame, by: Sequence[str] = ()) -> pd.DataFrame:
    """Return how many truths fell into each tenth of their forecast; as many each, if calibrated.

    Parameters
    ----------
    cells
        As of :func:`number_scores`.
    by
        Columns to group by, besides the forecast.

    Returns
    -------
    pandas.DataFrame
        Columns `by`, forecast, n, ``mean`` (0.5 if neither too low nor too high), ``t1`` to ``t10``.
    """
    rows = []
    columns = [*by, "forecast"]
    for labels, part in cells.groupby(columns, sort=True):
        pit = part["pit"].to_numpy(dtype=float)
        counts, _ = np.histogram(pit[np.isfinite(pit)], bins=TENTHS, range=(0.0, 1.0))
        row: dict[str, object] = dict(zip(columns, labels, strict=True))
        row |= {"n": len(pit), "mean": float(pit.mean())}
        rows.append(row | {f"t{k + 1}": int(n) for k, n in enumerate(counts)})
    return pd.DataFrame(rows)
