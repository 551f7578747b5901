"""The last year, forecast from the years before."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import xarray as xr

from forecast.core.errors import DataError
from forecast.evaluation import score
from forecast.inference import gate
from forecast.inference.fitting import fit
from forecast.inference.predict import forecast
from forecast.models.base import Panel, select
from forecast.models.benchmark import model as benchmark
from forecast.models.market import baseline as market_baseline


@dataclasses.dataclass(frozen=True)
class HoldOut:
    """One series' last year forecast from the years before it.

    Attributes
    ----------
    series, period, unit
        What was held out.
    truth
        The value that came.
    median, low, high
        The model's median and 80 % interval.
    crps, naive_crps
        Scores on the log scale of the model and of the random walk with drift.
    """

    series: str
    period: str
    unit: str
    truth: float
    median: float
    low: float
    high: float
    crps: float
    naive_crps: float


def hold_out_last_year(panel: Panel, *, seed: int, draws: int = 1000) -> tuple[HoldOut, ...]:
    """Fit the market model without its last year, forecast that year, and score it.

    Raises
    ------
    DataError
        If fewer than four years are there.
    GateError
        If the shortened fit does not pass.
    """
    years = panel.data["year"].values
    last = int(years.max())
    if last - int(years.min()) < 3:
        raise DataError(f"holding out {last} leaves fewer than three years")
    short = select(panel, years < last)
    run = fit("market", short, seed=seed, draws=draws, progress=False)
    ours = forecast(run, until=str(last), seed=seed)
    walk = market_baseline.drift_walk(short, until=str(last), seed=seed)
    rows = []
    for k in np.flatnonzero(years == last):
        name, truth = str(panel.data["series"].values[k]), float(panel.data["value"].values[k])
        cell = {"series": name, "period": str(last)}
        y, w = ours["y"].sel(cell), walk["y"].sel(cell)
        log_y, log_w = (xr.apply_ufunc(np.log, a) for a in (y, w))
        low, median, high = (float(q) for q in y.quantile([0.1, 0.5, 0.9]))
        rows.append(
            HoldOut(
                name,
                str(last),
                str(ours["unit"].sel(series=name).values),
                truth,
                median,
                low,
                high,
                float(score.crps(log_y, np.log(truth))),
                float(score.crps(log_w, np.log(truth))),
            )
        )
    return tuple(rows)


def predict_left_out(
    panel: Panel, keep: np.ndarray, ask: np.ndarray, *, seed: int, draws: int = 1000
) -> pd.DataFrame:
    """Fit the benchmark model to some scores of a panel, predict others, and score both rivals.

    Parameters
    ----------
    panel
        A panel of the benchmark model.
    keep, ask
        Which scores are fitted and which predicted, boolean, shape (obs,).
    seed
        Seed of the fit and of the predictions.
    draws
        Draws kept and tuning steps, per chain.

    Returns
    -------
    pandas.DataFrame
        One row a predicted score: release, benchmark, ``truth``, the model's ``median`` and 80 %
        interval ``low`` and ``high`` (percent), and the CRPS in points of the model (``crps``), of
        the fitted scores of the last year on that benchmark (``crps_last``), and of a line through
        all of them against date with normal errors (``crps_linear``).

    Raises
    ------
    DataError
        If nothing is kept or nothing asked, or a benchmark that is asked has no fitted score.
    GateError
        If the fit does not pass.
    """
    if not keep.any() or not ask.any():
        raise DataError(f"got {keep.sum()} scores to fit and {ask.sum()} to predict; wanted some")
    known, asked = select(panel, keep), select(panel, ask)
    run = fit("benchmark", known, seed=seed, draws=draws, progress=False)
    gate.require(run.gate, run.posterior, "benchmark")
    rng = np.random.default_rng([seed, 2])
    ours = 100 * benchmark.predict_scores(run.posterior, known, asked, benchmark.Priors(), rng)
    truth = 100 * asked.data["score"].values
    rivals = [_rivals(known, row, rng) for row in _rows(asked)]
    low, median, high = np.quantile(ours, [0.1, 0.5, 0.9], axis=0)
    return pd.DataFrame(
        {
            "release": asked.data["release"].values,
            "benchmark": asked.data["benchmark"].values,
            "truth": truth,
            "median": median,
            "low": low,
            "high": high,
            "crps": [_crps(ours[:, k], t) for k, t in enumerate(truth)],
            "crps_last": [_crps(last, t) for (last, _), t in zip(rivals, truth, strict=True)],
            "crps_linear": [_crps(line, t) for (_, line), t in zip(rivals, truth, strict=True)],
        }
    )


def _rows(panel: Panel) -> list[tuple[str, float]]:
    data = panel.data
    return list(zip(data["benchmark"].values.astype(str), data["year"].values, strict=True))


def _rivals(
    known: Panel, row: tuple[str, float], rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Return draws, percent, of the last year's scores and of a line against date."""
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


def _crps(draws: np.ndarray, truth: float) -> float:
    return float(score.crps(xr.DataArray(draws[None], dims=("chain", "draw")), float(truth)))
