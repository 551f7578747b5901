"""Benchmark scores of public models: a four-parameter item response model, its priors and its fit.

The equations stand where they are coded: the curve, ability and its quadrature in
:mod:`~forecast.models.benchmark.abilities`, compute, price and reports in
:mod:`~forecast.models.benchmark.spending`. Here they are put together::

    p(scores, reports | z) = prod_i p(report[i] | z) p(cost[i] | report[i], z)
                             integral p(scores[i] | capability, z) p(capability | covariates[i], z)
    parameter = mean + sd z, its exponential or its logistic;  z standard normal
    slope     = exp(slope_spread (z - mean z))
    organisation, protocol, rate_change = spread z

:func:`specification` is this in PyMC, line by line; :func:`build` is the same with the density of scores
and reports, and its gradient, in one piece (:mod:`~forecast.models.benchmark.kernel`).

Invariant: :func:`build`, :func:`complete` and :func:`replicate` use the same two moments of
``returns`` and the same curve; ``tests/test_benchmark.py`` holds the moments against simulation,
the density and the draws against dense quadrature of the plain form, gains against differences.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Sequence
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np
import pymc as pm
import pytensor.tensor as pt
import xarray as xr
from scipy.special import logit

from forecast.core.words import SAMPLE
from forecast.models import common
from forecast.models.benchmark import kernel
from forecast.models.benchmark.abilities import (
    expected_percent,
    expected_score,
    given_covariates,
    given_scores,
    log_odds,
    logistic,
    protocol_offset,
    regression,
    score_density,
    score_noise,
)
from forecast.models.benchmark.layout import (
    COMPUTE_ORIGIN,
    NAMES,
    YEAR_ORIGIN,
    covariates,
    decimal_year,
    flat_draws,
    knots,
    layout,
    ramps,
    turns_of,
)
from forecast.models.benchmark.panel import COMPUTE_WORDS, QUESTIONS, sampling_error
from forecast.models.benchmark.spending import compute_given, per_size, price_of, report_density

if TYPE_CHECKING:
    from forecast.models.base import Panel, Statistic
    from forecast.models.common import Array, Arrays


@dataclasses.dataclass(frozen=True)
class Priors:
    """Numbers of the priors; capability is in log-odds, compute in decades.

    Those of the four benchmarks stand in the order MMLU, MMLU-Pro, GPQA Diamond, SWE-bench Verified.
    """

    # Four answers, ten, four, none to guess; soft, for some models fail at the format.
    floor: tuple[float, ...] = (0.25, 0.10, 0.25, 0.0)
    floor_sd: tuple[float, ...] = (0.01, 0.02, 0.03, 0.005)
    # Share that no model gets right, and the sd of its log-odds. MMLU: 6.49 % wrong labels
    # (MMLU-Redux, arXiv 2406.04127). The others are our rough judgement: fewer in questions that
    # experts checked, more where tests of real repositories decide; 95 % intervals span a factor of
    # about 2.5 either way.
    mistakes: tuple[float, ...] = (0.065, 0.06, 0.04, 0.08)
    mistakes_log_odds_sd: tuple[float, ...] = (0.15, 0.5, 0.5, 0.5)
    # How an average model of the data's middle does on each: our rough judgement.
    easiness: tuple[float, ...] = (0.5, 0.5, -0.5, 0.0)
    easiness_sd: float = 1.0
    # Log sd of slopes over benchmarks: our rough judgement, a third either way. A number and not a
    # parameter: four slopes say little of their spread.
    slope_spread: float = 0.35
    # One evaluator against another: 3.3 points (sd, n = 28) on MMLU, 0.2-0.3 log-odds at mid curve,
    # of which a part is noise.
    protocol_spread: float = 0.2
    protocol_spread_log_sd: float = 0.5
    # A step of reasoning effort (usual, high, highest): our rough judgement.
    effort: float = 0.2
    effort_sd: float = 0.3
    # What is left between evaluations of one release: a few points.
    noise: float = 0.03
    noise_log_sd: float = 0.5
    # About 1.1 log-odds per decade of compute and 0.5-0.6 a year at fixed compute in regressions of
    # MMLU on 103 public models (see data/SOURCES.md); widened, because these are among the data.
    gain: float = 1.1
    gain_log_sd: float = 0.5
    progress: float = 0.6
    progress_sd: float = 0.4
    # How far that rate walks in a year. Epoch's index over benchmarks went from 8.3 to 15.5 points a
    # year at April 2024, 0.36 log-odds a year by its scale of 20.15 points: one such change in two
    # years. 95 %: 0.1 to 0.8.
    rate_spread: float = 0.3
    rate_spread_log_sd: float = 0.5
    # What a year adds on one benchmark alone: half of what it adds on all, our rough judgement.
    drift: float = 0.0
    drift_sd: float = 0.3
    # No evidence either way that log-odds gains change with scale or date: by a quarter per decade
    # of compute, by a seventh a year.
    bend: float = 0.0
    bend_sd: float = 0.25
    gain_trend: float = 0.0
    gain_trend_sd: float = 0.15
    # Reasoning models do better at fixed compute, by two or three times a year's progress.
    reasoning: float = 0.8
    reasoning_sd: float = 0.8
    # Of releases not marked as reasoning, how fast more of them have it all the same: half of them
    # after 1.4 years, our rough judgement; 95 %: two months to ten years.
    uptake: float = 0.5
    uptake_log_sd: float = 1.0
    # Closed against open models at equal compute: our rough judgement, no clear sign.
    closed: float = 0.2
    closed_sd: float = 0.5
    organisation_spread: float = 0.3
    organisation_spread_log_sd: float = 0.5
    # Residual sd of 6.5 points in the same regressions, 0.3-0.4 in log-odds at mid curve.
    release_spread: float = 0.35
    release_spread_log_sd: float = 0.5
    # Compute of a public model in mid-2024, its growth, closed less open, spread, in decades. Growth
    # of the largest runs is 4-5 times a year (Epoch AI, May 2024); of all releases, less.
    compute_level: float = 0.0
    compute_level_sd: float = 1.0
    compute_growth: float = 0.5
    compute_growth_sd: float = 0.3
    compute_closed: float = 0.5
    compute_closed_sd: float = 0.5
    compute_spread: float = 0.8
    compute_spread_log_sd: float = 0.3
    # log10 error of a compute estimate: x/ 3 at 90 % for one from chip-hours (arXiv 2405.21015) is
    # 0.29; the weaker grades are our rough judgement.
    error_confident: float = 0.29
    error_likely: float = 0.5
    error_weaker: float = 0.7
    # log10 of the compute of 1e9 parameters, in 1e24 FLOP: six FLOP a parameter and token, three
    # trillion tokens in mid-2024, times or divided by ten, half as many again each year. Within a
    # year tokens and experts that are not active differ by a factor of three: our rough judgement,
    # with 120 releases that state both at hand.
    compute_per_size: float = -1.7
    compute_per_size_sd: float = 0.5
    compute_per_size_trend: float = 0.2
    compute_per_size_trend_sd: float = 0.2
    size_spread: float = 0.5
    size_spread_log_sd: float = 0.3
    # USD m for 1e24 FLOP in mid-2024, decades: our rough judgement, one to three. Hardware gains 0.14
    # decades of price-performance a year (arXiv 2405.21015).
    price: float = 0.25
    price_sd: float = 0.5
    price_trend: float = -0.14
    price_trend_sd: float = 0.1
    stated_cost: float = 0.0
    stated_cost_sd: float = 0.4
    # Sd of log cost of one run, 0.73 in natural logs (arXiv 2405.21015), most of it common to both.
    price_spread: float = 0.25
    price_spread_log_sd: float = 0.4


VARIANTS = {
    # Spending buys little, time brings more, and returns bend down.
    "sceptical": Priors(gain=0.7, progress=0.8, bend=-0.2, gain_trend=-0.1),
    # Spending buys much, and returns do not bend.
    "generous": Priors(gain=1.6, progress=0.4, bend=0.1, gain_trend=0.05),
    # Other structures: progress in date is a line, which the model held before its rate could change;
    # ten times the compute brings the same at every scale and date.
    "constant rate": Priors(rate_spread=0.001),
    "returns do not bend": Priors(bend_sd=0.001, gain_trend_sd=0.001),
}
REPORT = (
    "gain",
    "bend",
    "gain_trend",
    "progress",
    "rate_spread",
    "rate_change",
    "drift",
    "reasoning",
    "uptake",
    "closed",
    "organisation_spread",
    "release_spread",
    "effort",
    "easiness",
    "slope",
    "floor",
    "mistakes",
    "noise",
    "protocol",
    "compute_level",
    "compute_growth",
    "compute_closed",
    "compute_spread",
    "compute_per_size",
    "compute_per_size_trend",
    "size_spread",
    "price",
    "price_trend",
    "stated_cost",
)
LABELS = {
    "gain": "gain per tenfold compute at 1e24 FLOP in mid-2024, log-odds",
    "bend": "change of that gain per decade of compute, log points",
    "gain_trend": "change of that gain per year, log points",
    "progress": "gain per year at fixed compute in mid-2024, log-odds",
    "rate_spread": "change of that rate in a year, standard deviation, log-odds",
    "rate_change": "changes of that rate by half-year, log-odds per root year",
    "drift": "a benchmark's own gain per year, log-odds",
    "reasoning": "reasoning models against others, log-odds",
    "uptake": "rate at which releases not so marked take reasoning up, a year",
    "closed": "closed against open models at equal compute, log-odds",
    "organisation_spread": "difference between organisations, log-odds",
    "release_spread": "difference between releases, log-odds",
    "effort": "a step of reasoning effort, log-odds",
    "mistakes": "share that no model gets right",
    "compute_growth": "growth of compute, decades a year",
    "compute_per_size": "compute of 1e9 parameters, log10 of 1e24 FLOP",
    "size_spread": "difference in compute between releases of one size, decades",
    "price_trend": "price of a FLOP, decades a year",
}
SCALARS = {
    "normal": ("progress", "bend", "gain_trend", "reasoning", "closed", "effort", "compute_level",
               "compute_growth", "compute_closed", "price", "price_trend", "stated_cost",
               "compute_per_size", "compute_per_size_trend"),
    "log_normal": ("gain", "organisation_spread", "release_spread", "protocol_spread",
                   "compute_spread", "price_spread", "size_spread", "rate_spread", "uptake"),
}  # fmt: skip
OWN = {
    "normal": ("easiness", "floor", "drift"),
    "log_normal": ("noise",),
    "logit_normal": ("mistakes",),
}
"""What each benchmark has of its own, by the kind of its prior."""
OF_RELEASE = ("years", "closed_flag", "reasoning_flag", "has_compute", "has_cost", "log_compute",
              "log_cost", "stated_flag", "error", "unmarked", "since_reasoning", "has_size",
              "log_size")  # fmt: skip
"""What is known of a release, in the order of the data's rows."""


def prior_arrays(priors: Priors) -> dict[str, np.ndarray]:
    """Return the prior numbers as arrays: means and sds, of the logarithm or log-odds of some.

    Few arrays rather than many numbers: the compiler's time grows with their number.
    """

    def column(names: Sequence[str], suffix: str = "") -> np.ndarray:
        return np.array([getattr(priors, f"{name}{suffix}") for name in names], dtype=float)

    def table(names: Sequence[str], suffix: str = "") -> np.ndarray:
        rows = [np.broadcast_to(getattr(priors, f"{n}{suffix}"), len(NAMES)) for n in names]
        return np.array(rows, dtype=float)

    normal, log_normal = SCALARS["normal"], SCALARS["log_normal"]
    own = [
        table(OWN["normal"]),
        np.log(table(OWN["log_normal"])),
        logit(table(OWN["logit_normal"])),
    ]
    own_sd = [
        table(OWN["normal"], "_sd"),
        table(OWN["log_normal"], "_log_sd"),
        table(OWN["logit_normal"], "_log_odds_sd"),
    ]
    return {
        "prior_normal": np.array([column(normal), column(normal, "_sd")]),
        "prior_log_normal": np.array([np.log(column(log_normal)), column(log_normal, "_log_sd")]),
        "prior_own": np.array([np.vstack(own), np.vstack(own_sd)]),
        "prior_slope_spread": np.array(priors.slope_spread),
    }


def parameters_of(xp: ModuleType, z: Arrays, prior: Arrays) -> dict[str, Array]:
    """Return the parameters by name from what is sampled, deviations in units of the priors.

    Parameters
    ----------
    xp
        ``numpy``, with samples on the first axis of every `z`, or ``pytensor.tensor`` without.
    z
        The sampled vectors, and the table ``z_own``.
    prior
        As :func:`prior_arrays` gives them, or as data of a model.
    """
    p: dict[str, Array] = {}
    for kind, names in SCALARS.items():
        mean, sd = prior[f"prior_{kind}"][0], prior[f"prior_{kind}"][1]
        values = mean + sd * z[f"z_{kind}"]
        if kind == "log_normal":
            values = xp.exp(values)
        if xp is np:
            pieces = [values[..., k : k + 1] for k in range(len(names))]
        else:
            pieces = pt.split(values, [1] * len(names), n_splits=len(names))
        p |= dict(zip(names, pieces, strict=True))
    own = prior["prior_own"][0] + prior["prior_own"][1] * z["z_own"]
    rows = [name for names in OWN.values() for name in names]
    for k, name in enumerate(rows):
        values = own[..., k, :]
        if name in OWN["log_normal"]:
            values = xp.exp(values)
        p[name] = logistic(xp, values) if name in OWN["logit_normal"] else values
    slope = z["z_slope"] - z["z_slope"].mean(axis=-1, keepdims=True)
    p["slope"] = xp.exp(prior["prior_slope_spread"] * slope)
    organisation = z["z_organisation"] - z["z_organisation"].mean(axis=-1, keepdims=True)
    p["organisation_effect"] = p["organisation_spread"] * organisation
    p["rate_change"] = p["rate_spread"] * z["z_rate"]
    p["protocol"] = p["protocol_spread"] * z["z_protocol"]
    return p


def report_errors(priors: Priors, words: np.ndarray) -> np.ndarray:
    """Return the log10 error of each release's compute estimate, by how sure its source is."""
    return np.array([getattr(priors, f"error_{word}") for word in COMPUTE_WORDS])[words]


def _hyper_density(flat: dict[str, np.ndarray], z: dict[str, np.ndarray]) -> np.ndarray:
    """Return the log density of scalars and of what benchmarks have of their own, to a constant.

    Shape (sample,); `flat` are the parameters by name and `z` what is sampled.
    """
    density = np.zeros(len(z["z_own"]))
    for kind in (*SCALARS, "own"):
        density -= 0.5 * (z[f"z_{kind}"].reshape(len(density), -1) ** 2).sum(axis=1)
    for name in (*SCALARS["log_normal"], *OWN["log_normal"]):
        density -= np.log(flat[name]).sum(axis=1)
    density -= np.log(flat["mistakes"] * (1 - flat["mistakes"])).sum(axis=1)
    return density


def _variables(
    panel: Panel, priors: Priors
) -> tuple[dict[str, pt.TensorVariable], dict[str, pt.TensorVariable]]:
    """Register what is sampled, and prior numbers and data; return both by name."""
    where = layout(panel)
    release = covariates(panel, where.first)
    turns = turns_of(panel, where)
    since = release["years"][where.release] - turns.middle[where.benchmark]
    release["error"] = report_errors(priors, release["compute_word"])
    of_score = [panel.data[c].values for c in ("score", "score_se", "effort_steps")]
    arrays = prior_arrays(priors) | {
        "of_release": np.array([release[name] for name in OF_RELEASE]),
        "organisation_of": where.organisation,
        "ramps": release["ramps"],
        "of_score": np.array([*of_score, turns.centre[where.benchmark], since]),
        "index": np.array([where.release, where.benchmark, where.protocol]),
    }
    z = {f"z_{kind}": pm.Normal(f"z_{kind}", dims=kind) for kind in (*SCALARS, "organisation")}
    z["z_own"] = pm.Normal("z_own", dims=("own", "benchmark"))
    z["z_slope"] = pm.Normal("z_slope", dims="benchmark")
    z["z_protocol"] = pm.Normal("z_protocol", dims="other_protocol")
    z["z_rate"] = pm.Normal("z_rate", dims="knot")
    return z, {name: pm.Data(name, values) for name, values in arrays.items()}


def _coords(panel: Panel) -> dict[str, Sequence[object]]:
    where = layout(panel)
    return {
        "release": where.releases,
        "benchmark": NAMES,
        "other_protocol": where.protocols,
        "organisation": where.organisations,
        "knot": turns_of(panel, where).knots.tolist(),
        "own": [name for names in OWN.values() for name in names],
        **SCALARS,
    }


def build(panel: Panel, priors: Priors) -> pm.Model:
    """Return the model of the panel's scores.

    It is that of :func:`specification`, with the density of scores and reports in one piece.
    """
    with pm.Model(coords=_coords(panel)) as model:
        z, data = _variables(panel, priors)
        density = kernel.PanelLogp()(*z.values(), *data.values())[0]
        pm.Potential("scores and reports", density, dims="release")
    return model


def specification(panel: Panel, priors: Priors) -> pm.Model:
    """Return the same model as :func:`build`, written out in PyMC: a third as fast, and to be read."""
    with pm.Model(coords=_coords(panel)) as model:
        z, data = _variables(panel, priors)
        p = parameters_of(pt, z, data)
        release = {name: data["of_release"][k] for k, name in enumerate(OF_RELEASE)}
        release["ramps"] = data["ramps"]
        score, se, effort, centre, since = (data["of_score"][k] for k in range(5))
        at, benchmark, protocol_of = (data["index"][k] for k in range(3))
        spend = compute_given(p, release, release["error"])
        effect = p["organisation_effect"][data["organisation_of"]]
        mean, variance, middle = regression(pt, p, release, spend, effect)
        protocol = pt.concatenate([p["protocol"], np.zeros(1)])[protocol_of]
        of = {"benchmark": benchmark, "release": at, "score": score, "se": se, "centre": centre}
        of["since"] = since
        of["offset"] = protocol + p["effort"] * effort
        pm.Potential("scores", score_density(p, of, (mean, variance), middle), dims="release")
        pm.Potential("reports", report_density(p, release, spend), dims="release")
    return model


def complete(
    parameters: xr.Dataset, panel: Panel, priors: Priors, rng: np.random.Generator, *, given: bool
) -> xr.Dataset:
    """Add the parameters by name, and draw each release's capability.

    Given the scores from its exact conditional, which has one dimension; else from the regression.
    """
    where = layout(panel)
    data = covariates(panel, where.first)
    z = flat_draws(parameters)
    z["z_own"] = z["z_own"].reshape(len(z["z_own"]), -1, len(NAMES))
    flat = parameters_of(np, z, prior_arrays(priors))
    spend = compute_given(flat, data, report_errors(priors, data["compute_word"]))
    effect = flat["organisation_effect"][:, where.organisation]
    mean, variance, flat["middle"] = regression(np, flat, data, spend, effect)
    shape = (parameters.sizes["chain"], parameters.sizes["draw"])
    if given:
        flat["capability"] = given_scores(flat, panel, where, (mean, variance), rng)
        density = _hyper_density(flat, z).reshape(shape)
        parameters = parameters.assign({common.HYPER: (SAMPLE, density)})
    else:
        flat["capability"] = mean + np.sqrt(variance) * rng.standard_normal(mean.shape)
    dims = dict.fromkeys([*(n for names in OWN.values() for n in names), "slope"], "benchmark")
    dims |= {"protocol": "other_protocol", "organisation_effect": "organisation"}
    dims |= {"capability": "release", "rate_change": "knot"}
    named = {
        name: (("chain", "draw", dims[name]), values.reshape(*shape, -1))
        if name in dims
        else (("chain", "draw"), values.reshape(shape))
        for name, values in flat.items()
    }
    labels = {
        "benchmark": list(NAMES),
        "other_protocol": where.protocols,
        "organisation": where.organisations,
        "knot": turns_of(panel, where).knots,
        "release": where.releases,
    }
    return parameters.assign(named).assign_coords(labels)


def replicate(
    parameters: xr.Dataset, panel: Panel, priors: Priors, rng: np.random.Generator
) -> dict[str, np.ndarray]:
    """Draw new reports of compute, cost and size and new scores, shape (sample, obs), by data name.

    Reports come first, then capabilities given them, then scores: the order the model is written
    in. What was not reported stays so.
    """
    where = layout(panel)
    data = dict(covariates(panel, where.first))
    flat = flat_draws(parameters)
    error = report_errors(priors, data["compute_word"])
    blank = compute_given(flat, data, error)
    deviation = rng.standard_normal(blank["expected"].shape)
    reported = blank["expected"] + np.sqrt(blank["report_variance"]) * deviation
    price = price_of(flat, data)
    both = data["has_cost"] * data["has_compute"] > 0
    noise = flat["price_spread"] * rng.standard_normal(reported.shape)
    data["log_compute"], data["log_cost"] = reported, reported + price + np.where(both, noise, 0.0)
    both = data["has_size"] * data["has_compute"] > 0
    noise = flat["size_spread"] * rng.standard_normal(reported.shape)
    data["log_size"] = reported - per_size(flat, data) + np.where(both, noise, 0.0)
    spend = compute_given(flat, data, error)
    effect = flat["organisation_effect"][:, where.organisation]
    capability, flat["middle"] = given_covariates(flat, data, spend, effect, rng)
    b = where.benchmark
    turns = turns_of(panel, where)
    since = data["years"][where.release] - turns.middle[b]
    eta = log_odds(flat, b, turns.centre, capability[:, where.release], since)
    eta += (
        protocol_offset(flat, where.protocol) + flat["effort"] * panel.data["effort_steps"].values
    )
    score = expected_score(flat, b, eta) + score_noise(flat, b, panel.data["score_se"].values, rng)
    at = where.release
    return {
        "score": score,
        "log_compute": np.where(data["has_compute"] > 0, reported + COMPUTE_ORIGIN, np.nan)[:, at],
        "log_cost": np.where(data["has_cost"] > 0, data["log_cost"], np.nan)[:, at],
        "log_size": np.where(data["has_size"] > 0, data["log_size"], np.nan)[:, at],
    }


def predict_scores(
    parameters: xr.Dataset,
    panel: Panel,
    later: Panel,
    priors: Priors,
    rng: np.random.Generator,
) -> np.ndarray:
    """Draw the scores of releases that the fit has not seen.

    Parameters
    ----------
    parameters, panel, priors
        The posterior of a fit, its panel and its priors.
    later
        A panel of other releases; their scores and the errors of these are not looked at, all else is.
    rng
        Source of the draws.

    Returns
    -------
    numpy.ndarray
        Scores as shares, shape (sample, obs of `later`). An organisation or a protocol that the fit
        has not seen, and changes of the rate of progress after its last release, are drawn from their
        spread.
    """
    flat = flat_draws(parameters)
    then, new = layout(panel), layout(later)
    data = covariates(later, new.first)
    spend = compute_given(flat, data, report_errors(priors, data["compute_word"]))
    count = len(flat["gain"])
    fresh = {
        name: flat[f"{name}_spread"] * rng.standard_normal((count, len(labels)))
        for name, labels in (("organisation", new.organisations), ("protocol", new.protocols))
    }
    organisation = _matched(
        flat["organisation_effect"], then.organisations, new.organisations, fresh["organisation"]
    )
    protocol = _matched(flat["protocol"], then.protocols, new.protocols, fresh["protocol"])
    turns = turns_of(panel, then)
    at = np.union1d(turns.knots, knots(data["years"]))
    change = flat["rate_spread"] * rng.standard_normal((count, len(at)))
    change[:, np.isin(at, turns.knots)] = flat["rate_change"]
    data["ramps"] = ramps(data["years"], at)
    capability, _ = given_covariates(
        flat | {"rate_change": change}, data, spend, organisation[:, new.organisation], rng
    )
    b = new.benchmark
    since = data["years"][new.release] - turns.middle[b]
    eta = log_odds(flat, b, turns.centre, capability[:, new.release], since)
    eta += protocol_offset({"protocol": protocol}, new.protocol)
    eta += flat["effort"] * later.data["effort_steps"].values
    expected = expected_score(flat, b, eta)
    # The error of a score that is not there yet is that of what is expected: its own would tell of it.
    questions = np.array([QUESTIONS[name] for name in later.data["benchmark"].values.astype(str)])
    return expected + score_noise(flat, b, sampling_error(expected, questions), rng)


def _matched(
    known: np.ndarray, labels: Sequence[str], wanted: Sequence[str], fresh: np.ndarray
) -> np.ndarray:
    """Return effects of the `wanted` labels: the known ones where there are any."""
    seen = {label: k for k, label in enumerate(labels[:-1])}
    columns = [
        known[:, seen[label]] if label in seen else fresh[:, k] for k, label in enumerate(wanted)
    ]
    return np.column_stack(columns)


def expected_for_cost(
    parameters: xr.Dataset, panel: Panel, day: dt.date, cost: float
) -> np.ndarray:
    """Return what a closed model without reasoning scores for a cost of its final run at a date.

    Parameters
    ----------
    parameters, panel
        The posterior of a fit and its panel.
    day, cost
        Release date, and USD m on the basis of the costs in the panel (chips written down).

    Returns
    -------
    numpy.ndarray
        Percent on each benchmark, shape (sample, benchmark), of a model of an average organisation.
    """
    flat, where = flat_draws(parameters), layout(panel)
    years = np.array([decimal_year(day) - YEAR_ORIGIN])
    x = np.log10(cost) - flat["price"] - flat["price_trend"] * years
    return expected_percent(flat, turns_of(panel, where), years, x, np.zeros(1))[..., 0]


RANGES = {
    "MMLU": (18.0, 100.0),
    "MMLU-Pro": (2.0, 100.0),
    "GPQA Diamond": (12.0, 105.0),
    "SWE-bench Verified": (-8.0, 102.0),
}
"""Percent: from the floor (25, 10, 25, 0) to all right, widened by what noise, 3 points in the priors,
and the sampling error of a test's questions may do; that of the 198 of GPQA Diamond is 3 points."""


def _percent_scores(name: str, replicated: dict[str, np.ndarray], panel: Panel) -> np.ndarray:
    rows = panel.data["benchmark"].values == name
    return 100 * replicated["score"][:, rows].ravel()


def _checks() -> tuple[tuple[str, Statistic, float, float], ...]:
    """Return what is checked of replicated scores: that those of a benchmark lie in its range."""

    def of(name: str) -> Statistic:
        def statistic(replicated: dict[str, np.ndarray], panel: Panel) -> np.ndarray:
            return _percent_scores(name, replicated, panel)

        return statistic

    return tuple((f"{n}, percent", of(n), low, high) for n, (low, high) in RANGES.items())


PRIOR_CHECKS = _checks()
