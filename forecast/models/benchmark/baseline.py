"""Two forecasts to beat for a score that is left out: the last year's scores, and a line in time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from forecast.core.errors import DataError

if TYPE_CHECKING:
    from forecast.models.base import Panel

NAMED_BY = ("release", "benchmark")
"""Coordinates that name a score."""


def rows(panel: Panel) -> list[tuple[str, float]]:
    """Return benchmark and date, decimal year, of each score."""
    data = panel.data
    return list(zip(data["benchmark"].values.astype(str), data["year"].values, strict=True))


def rivals(
    known: Panel, row: tuple[str, float], rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Return draws, percent, of the last year's scores and of a line against date.

    Parameters
    ----------
    known
        The fitted scores.
    row
        Benchmark and date of the score to predict, from :func:`rows`.
    rng
        Draws the line's error.

    Raises
    ------
    DataError
        If no score on that benchmark is fitted.
    """
    benchmark_name, year = row
    there = known.data["benchmark"].values == benchmark_name
    if not there.any():
        raise DataError(f"no score on {benchmark_name} is fitted; nothing to compare with")
    when, scores = known.data["year"].values[there], 100 * known.data["score"].values[there]
    last = scores[when > when.max() - 1]
    design = np.column_stack([np.ones(len(when)), when - when.mean()])
    if len(when) < 4:  # no line through so few
        return last, last
    beta, *_ = np.linalg.lstsq(design, scores, rcond=None)
    left = scores - design @ beta
    freedom = len(when) - 2
    at = np.array([1.0, year - when.mean()])
    sd = np.sqrt((left @ left) / freedom * (1 + at @ np.linalg.inv(design.T @ design) @ at))
    return last, np.clip(at @ beta + sd * rng.standard_t(freedom, 4000), 0, 100)
