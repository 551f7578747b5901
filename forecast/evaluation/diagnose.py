"""How far a probability rests on the prior, how well the machinery recovers what is known.

Invariant: every check works on joint draws or on exact refits; nothing here changes a run.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from arviz_stats.base import array_stats

from forecast.claims.claims import Claim, Definition, event_draws, probability
from forecast.core.errors import DataError
from forecast.evaluation import score
from forecast.inference import gate
from forecast.inference.fitting import Run, fit, prior_set
from forecast.inference.predict import forecast
from forecast.inference.sampling import SAMPLER, prior_draws, sample_model
from forecast.inference.spec import Spec
from forecast.models import common
from forecast.models.base import Panel, select
from forecast.models.benchmark import model as benchmark
from forecast.models.market import baseline as market_baseline
from forecast.models.registry import get_model

MOSTLY_DATA, MOSTLY_PRIOR = 0.05, 0.20


@dataclasses.dataclass(frozen=True)
class Sensitivity:
    """How far one definition's probability rests on the prior.

    Attributes
    ----------
    claim, definition, probability
        Which one, and its probability under the default priors.
    prior, prior_mcse
        Change of the probability when the prior's weight is doubled, to first order, and its
        Monte-Carlo error.
    likelihood, likelihood_mcse
        The same for the data's weight.
    variants
        The probability under each other prior set.
    """

    claim: str
    definition: str
    probability: float
    prior: float
    prior_mcse: float
    likelihood: float
    likelihood_mcse: float
    variants: Mapping[str, float]

    @property
    def low(self) -> float:
        """Lowest probability over all prior sets."""
        return min(self.probability, *self.variants.values())

    @property
    def high(self) -> float:
        """Highest probability over all prior sets."""
        return max(self.probability, *self.variants.values())

    @property
    def grade(self) -> str:
        """How much of the answer is evidence, from the range over prior sets.

        ``mostly data`` if it is below 5 points, ``data and prior`` below 20, else ``mostly prior``.
        """
        spread = self.high - self.low
        if spread < MOSTLY_DATA:
            return "mostly data"
        return "data and prior" if spread < MOSTLY_PRIOR else "mostly prior"


def scaling_effect(hit: np.ndarray, log_density: np.ndarray) -> tuple[float, float]:
    """Return how a probability moves when a log density's weight is doubled, and its error.

    If a component of the posterior is raised to the power a, then ``dP/da`` at a = 1 is the
    covariance of the event with that component's log density (the derivative that power-scaling
    approximates by importance weights; Kallioinen et al. 2024, arXiv 2107.14054); a doubling is
    ``log 2`` times it, to first order.

    Parameters
    ----------
    hit
        Whether the event happens, shape (chain, draw).
    log_density
        The component's log density, shape (chain, draw).

    Returns
    -------
    tuple of float
        Effect and Monte-Carlo standard error, as probabilities.
    """
    product = (hit - hit.mean()) * (log_density - log_density.mean())
    effect = np.log(2) * product.mean()
    if np.ptp(product) == 0:
        return float(effect), 0.0
    error = array_stats.mcse(product, chain_axis=0, draw_axis=1, method="mean")
    return float(effect), float(np.log(2) * error)


def sensitivity(
    claim: Claim,
    definition: Definition,
    run: Run,
    draws: xr.Dataset,
    variants: Mapping[str, xr.Dataset],
) -> Sensitivity:
    """Say how far one definition's probability rests on the prior.

    Parameters
    ----------
    claim, definition
        What is asked.
    run, draws
        The run under default priors, and its joint draws.
    variants
        Joint draws under other prior sets, by name.
    """
    hit = event_draws(definition, draws)
    values = hit.values.astype(float)
    posterior = run.posterior.transpose("chain", "draw", ...)
    prior, prior_mcse = scaling_effect(values, posterior[common.HYPER].values)
    likelihood, likelihood_mcse = scaling_effect(values, posterior[common.LIKELIHOOD].values)
    return Sensitivity(
        claim.id,
        definition.id,
        float(values.mean()),
        prior,
        prior_mcse,
        likelihood,
        likelihood_mcse,
        {name: probability(event_draws(definition, d))[0] for name, d in variants.items()},
    )


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
    priors = prior_set(get_model("benchmark"), "default")
    ours = 100 * benchmark.predict_scores(run.posterior, known, asked, priors, rng)
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


def calibrate(
    model: str,
    panel: Panel,
    *,
    simulations: int,
    seed: int,
    draws: int = 300,
    tune: int = 400,
    chains: int = 2,
    ranks: int = 99,
) -> pd.DataFrame:
    """Run simulation-based calibration: draw parameters, draw data, fit, rank the truth.

    Parameters
    ----------
    model, panel
        The model and a panel whose cells are filled with drawn data.
    simulations
        Number of draws from the prior.
    draws, tune, chains
        Sampler settings of each fit.
    ranks
        Number of thinned posterior draws the truth is ranked among; ranks run from 0 to this.

    Returns
    -------
    pandas.DataFrame
        One row a simulation, one column a reported parameter: the rank, plus the column
        ``diverged`` with the number of divergences. Under a right model and sampler ranks are
        uniform (Talts et al. 2018, arXiv 1804.06788).
    """
    entry = get_model(model)
    priors = prior_set(entry, "default")
    truth = prior_draws(entry, panel, priors, size=simulations, seed=seed)
    data = entry.replicate(truth, panel, priors, np.random.default_rng(seed))
    spec = dataclasses.replace(
        _bare_spec(model, panel, seed), draws=draws, tune=tune, chains=chains
    )
    rows: list[dict[str, Any]] = []
    for k in range(simulations):
        drawn = refill(panel, {name: values[k] for name, values in data.items()})
        tree = sample_model(entry, drawn, priors, dataclasses.replace(spec, seed=seed + 1 + k))
        rng = np.random.default_rng([seed, k])
        posterior = entry.complete(tree["posterior"].to_dataset(), drawn, priors, rng, given=True)
        row = _ranks(posterior, truth.isel(chain=0, draw=k), entry.report, ranks)
        rows.append({**row, "diverged": int(tree["sample_stats"]["diverging"].sum())})
    return pd.DataFrame(rows)


def _bare_spec(model: str, panel: Panel, seed: int) -> Spec:
    entry = get_model(model)
    return Spec(
        model, "default", {}, seed, 0, 0, 0, entry.target_accept, SAMPLER, panel.as_of, "", "", {},
        entry.adaptation, entry.max_depth,
    )  # fmt: skip


def refill(panel: Panel, data: Mapping[str, np.ndarray]) -> Panel:
    """Return the panel with drawn values in place of the reported ones."""
    names = {"log_value": "value"}
    values = {names.get(k, k): np.exp(v) if k == "log_value" else v for k, v in data.items()}
    return dataclasses.replace(
        panel, data=panel.data.assign({k: ("obs", v) for k, v in values.items()})
    )


def _ranks(
    posterior: xr.Dataset, truth: xr.Dataset, names: Sequence[str], ranks: int
) -> dict[str, int]:
    found = {}
    for name in names:
        stacked = posterior[name].stack(sample=("chain", "draw")).transpose("sample", ...)
        keep = np.linspace(0, stacked.sizes["sample"] - 1, ranks).round().astype(int)
        below = (stacked.isel(sample=keep).values < truth[name].values).sum(axis=0)
        for k, rank in enumerate(np.atleast_1d(below)):
            found[f"{name}[{k}]" if np.ndim(below) else name] = int(rank)
    return found


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
        Posterior probability that the change is above nought.
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
