"""Some benchmark scores of a panel, predicted from the others."""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr

from forecast.core.errors import DataError
from forecast.evaluation import score
from forecast.inference import gate
from forecast.inference.fitting import fit
from forecast.models.base import Panel, select
from forecast.models.benchmark.baseline import NAMED_BY, rivals, rows
from forecast.models.benchmark.model import Priors, predict_scores


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
        interval ``low`` and ``high`` (percent), the share of draws below the truth (``pit``), and the
        CRPS in points of the model (``crps``), of the fitted scores of the last year on that benchmark
        (``crps_last``), and of a line through all of them against date with normal errors
        (``crps_linear``).

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
    run = fit(panel.model, known, seed=seed, draws=draws, progress=False)
    gate.require(run.gate, run.posterior, panel.model)
    rng = np.random.default_rng([seed, 2])
    ours = 100 * predict_scores(run.posterior, known, asked, Priors(), rng)
    truth = 100 * asked.data["score"].values
    beside = [rivals(known, row, rng) for row in rows(asked)]
    low, median, high = np.quantile(ours, [0.1, 0.5, 0.9], axis=0)
    return pd.DataFrame(
        {
            **{name: asked.data[name].values for name in NAMED_BY},
            "truth": truth,
            "median": median,
            "low": low,
            "high": high,
            "pit": (ours < truth).mean(axis=0),
            "crps": [_crps(ours[:, k], t) for k, t in enumerate(truth)],
            "crps_last": [_crps(last, t) for (last, _), t in zip(beside, truth, strict=True)],
            "crps_linear": [_crps(line, t) for (_, line), t in zip(beside, truth, strict=True)],
        }
    )


def _crps(draws: np.ndarray, truth: float) -> float:
    return float(score.crps(xr.DataArray(draws[None], dims=("chain", "draw")), float(truth)))
