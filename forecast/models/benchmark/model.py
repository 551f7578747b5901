"""Benchmark scores of public models: compute, date, reasoning, organisation, open or closed.

Release i has a capability, in log-odds of a benchmark of average slope; b is a benchmark, p the
protocol it was run under, t years since mid-2024 and x log10 of training compute over 1e24 FLOP::

    score      = floor[b] + (1 - mistakes[b] - floor[b]) logistic(eta) + normal noise
    eta        = easiness[b] + slope[b] (capability[i] - centre[b] - middle) + protocol[p] + effort
    capability = returns(x, t) + progress t + reasoning + closed + organisation + N(0, spread^2)
    returns    = gain exp(gain_trend t) (exp(bend x) - 1) / bend

The gain from ten times the compute is positive and changes by the factor exp(bend) from one decade
of compute to the next and by exp(gain_trend) from one year to the next: returns may diminish, or
grow, in log-odds too, and not only because the scale ends. Slopes multiply to one over benchmarks;
`middle` is the mean of returns over the releases, so that easiness is that of an average one.

Spend: cost = compute x price of a FLOP at that date, whatever the run. At a fixed date ten times the
cost is ten times the compute, so the gains below are gains from a tenfold spend as much as from a
tenfold compute. The price and its trend are fitted to the releases with both (stated costs with an
offset of their own); where only a cost is known it stands, with its error, for compute.

Compute: reported compute carries an error by its confidence; where none is admitted, compute is
unknown around a trend in date for open and closed models, fitted to the others. Either way it is
integrated out: given its report, true compute is Gaussian, and the capability gets the exact mean
and variance of ``returns`` under it. A release without compute thus informs its organisation, date,
reasoning, and how hard the benchmarks are, and hardly the gain. It is taken to be missing as if at
random given date and openness; closed releases of 2025 that state nothing may be larger. Compute is
that of the final run: a small model taught by a large one looks cheap, which makes returns to
compute look as if they bent more than they do.

Sampling: capabilities are integrated out. Given all else each has one dimension, so adaptive
Gauss-Hermite quadrature with five nodes does it; afterwards they are drawn from that one dimension's
conditional, on a fine grid. Over all scores the quadrature misses the log density by 0.4, nearly the
same everywhere (sd over the posterior 0.15): half of it in one release near the floor.

Invariant: :func:`build`, :func:`complete` and :func:`replicate` use the same two moments of
:func:`returns` and the same curve; ``tests/test_benchmark.py`` holds the moments against simulation,
the density and the draws against dense quadrature of the plain form, gains against differences.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np
import pymc as pm
import pytensor
import pytensor.tensor as pt
import xarray as xr
from scipy.special import expit, logit

from forecast.core.errors import DataError
from forecast.core.periods import period_days
from forecast.models import common
from forecast.models.benchmark.panel import BENCHMARKS, COMPUTE_WORDS, REFERENCES

if TYPE_CHECKING:
    from forecast.models.base import Panel, Statistic
    from forecast.models.common import Array, Arrays

YEAR_ORIGIN = 2024.5
COMPUTE_ORIGIN = 24.0  # log10 FLOP
OPEN_SHARE, REASONING_SHARE = 0.6, 0.2  # centres of the two flags, so that levels are of a mixture
COMPUTE_GRID = np.linspace(21.0, 27.5, 27)  # log10 FLOP
EARLIER = 5  # years between the two frontiers that gains are compared at
OTHER = "another"
N_NODES = 5
NODES, _weights = np.polynomial.hermite_e.hermegauss(N_NODES)
WEIGHTS = _weights * np.exp(NODES**2 / 2) / np.sqrt(2 * np.pi)
EDGES = 2.0 * np.sinh(np.linspace(-4.4, 4.4, 49))
"""Edges of the cells that capabilities are drawn from, in widths from the peak: narrow there, and far
enough out for scores near the floor, which say little of how far below a capability lies."""
SLICE = 25  # samples at a time there
NAMES = tuple(BENCHMARKS)


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
    # No evidence either way that log-odds gains change with scale or date: by a quarter per decade
    # of compute, by a seventh a year.
    bend: float = 0.0
    bend_sd: float = 0.25
    gain_trend: float = 0.0
    gain_trend_sd: float = 0.15
    # Reasoning models do better at fixed compute, by two or three times a year's progress.
    reasoning: float = 0.8
    reasoning_sd: float = 0.8
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
}

REPORT = (
    "gain",
    "bend",
    "gain_trend",
    "progress",
    "reasoning",
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
    "price",
    "price_trend",
    "stated_cost",
)
LABELS = {
    "gain": "gain per tenfold compute at 1e24 FLOP in mid-2024, log-odds",
    "bend": "change of that gain per decade of compute, log points",
    "gain_trend": "change of that gain per year, log points",
    "progress": "gain per year at fixed compute, log-odds",
    "reasoning": "reasoning models against others, log-odds",
    "closed": "closed against open models at equal compute, log-odds",
    "organisation_spread": "difference between organisations, log-odds",
    "release_spread": "difference between releases, log-odds",
    "effort": "a step of reasoning effort, log-odds",
    "mistakes": "share that no model gets right",
    "compute_growth": "growth of compute, decades a year",
    "price_trend": "price of a FLOP, decades a year",
}


@dataclasses.dataclass(frozen=True)
class Layout:
    """The panel's rows by score and by release.

    Attributes
    ----------
    releases, organisations, protocols
        Labels; the last two end with one that no row has, for what is not yet seen.
    first
        Row of each release's first score, shape (release,); its scores follow one another.
    release, benchmark, protocol
        Index of each score, shape (obs,); a reference protocol has the index past the last label.
    organisation
        Index of each release's organisation.
    """

    releases: list[str]
    organisations: list[str]
    protocols: list[str]
    first: np.ndarray
    release: np.ndarray
    benchmark: np.ndarray
    protocol: np.ndarray
    organisation: np.ndarray


def layout(panel: Panel) -> Layout:
    """Return where the panel's rows belong."""
    data = panel.data
    labels = data["release"].values
    first = np.flatnonzero(np.r_[True, labels[1:] != labels[:-1]])
    benchmark = np.array([NAMES.index(b) for b in data["benchmark"].values])
    named = [
        "" if REFERENCES[b] == p else f"{b}: {p}"
        for b, p in zip(data["benchmark"].values, data["protocol"].values, strict=True)
    ]
    protocols = [*sorted(set(named) - {""}), OTHER]
    organisations = [*sorted({str(o) for o in data["organisation"].values}), OTHER]
    return Layout(
        releases=[str(r) for r in labels[first]],
        organisations=organisations,
        protocols=protocols,
        first=first,
        release=np.repeat(np.arange(len(first)), np.diff(np.r_[first, len(labels)])),
        benchmark=benchmark,
        protocol=np.array([protocols.index(n) if n else len(protocols) for n in named]),
        organisation=np.array([organisations.index(o) for o in data["organisation"].values[first]]),
    )


def covariates(panel: Panel, first: np.ndarray) -> dict[str, np.ndarray]:
    """Return each release's covariates, shape (release,), and the rows with compute and cost."""
    data = panel.data
    at = {str(name): data[name].values[first] for name in data.data_vars}
    has_compute = np.isfinite(at["log_compute"])
    has_cost = np.isfinite(at["log_cost"])
    return {
        "years": at["year"] - YEAR_ORIGIN,
        "closed_flag": OPEN_SHARE - at["open"],
        "reasoning_flag": at["reasoning"] - REASONING_SHARE,
        "has_compute": has_compute.astype(float),
        "has_cost": has_cost.astype(float),
        "log_compute": np.where(has_compute, at["log_compute"] - COMPUTE_ORIGIN, 0.0),
        "log_cost": np.where(has_cost, at["log_cost"], 0.0),
        "compute_word": at["compute_word"].astype(int),
        "stated_flag": at["stated_cost"],
    }


def centres(panel: Panel, where: Layout, data: dict[str, np.ndarray]) -> np.ndarray:
    """Return a fixed capability about which each benchmark's curve turns, shape (benchmark,).

    About what models tested on it have, so that easiness and slope are nearly independent.
    """
    rough = 1.1 * data["years"] + 0.6 * data["reasoning_flag"]
    weights = np.eye(len(NAMES))[where.benchmark]
    return (weights.T @ rough[where.release]) / np.maximum(weights.sum(0), 1.0)


def returns(
    xp: ModuleType, p: Arrays, years: Array, mean: Array, variance: Array
) -> tuple[Array, Array]:
    """Return mean and variance of what compute brings, when log10 compute is Gaussian.

    Parameters
    ----------
    xp
        ``numpy`` or ``pytensor.tensor``.
    p
        Parameters ``gain``, ``bend`` and ``gain_trend``.
    years, mean, variance
        Date, and the moments of log10 compute over 1e24 FLOP.

    Returns
    -------
    tuple
        Moments of ``gain exp(gain_trend t) (exp(bend x) - 1) / bend``, exact, by those of a
        log-normal variable.
    """
    bend = xp.where(xp.abs(p["bend"]) < 1e-5, 1e-5, p["bend"])
    gain = p["gain"] * xp.exp(p["gain_trend"] * years) / bend
    spread = bend**2 * variance
    grown = gain * xp.exp(bend * mean + spread / 2)
    return grown - gain, grown**2 * xp.expm1(spread)


def compute_given(p: Arrays, data: Arrays, error: Array) -> dict[str, Array]:
    """Return the moments of true compute given its report, and those of the report.

    Returns
    -------
    dict
        ``mean`` and ``variance`` of true compute; ``expected`` and ``report_variance`` of what a
        report would be; ``report``, from compute or, without it, from cost, and whether ``known``.
    """
    expected = (
        p["compute_level"]
        + p["compute_growth"] * data["years"]
        + p["compute_closed"] * data["closed_flag"]
    )
    only_cost = data["has_cost"] * (1 - data["has_compute"])
    known = data["has_compute"] + only_cost
    report = data["has_compute"] * data["log_compute"]
    report = report + only_cost * (data["log_cost"] - price_of(p, data))
    own = p["compute_spread"] ** 2
    total = own + error**2 + only_cost * p["price_spread"] ** 2
    weight = known * own / total
    return {
        "mean": expected + weight * (report - expected),
        "variance": own * (1 - weight),
        "expected": expected,
        "report_variance": total,
        "report": report,
        "known": known,
    }


def price_of(p: Arrays, data: Arrays) -> Array:
    """Return log10 USD m of 1e24 FLOP at each release's date, by the basis of its cost."""
    return p["price"] + p["price_trend"] * data["years"] + p["stated_cost"] * data["stated_flag"]


def regression(
    xp: ModuleType,
    p: Arrays,
    data: Arrays,
    spend: Arrays,
    organisation: Array,
) -> tuple[Array, Array, Array]:
    """Return mean and variance of capability given the covariates, and the mean of returns."""
    brought, variance = returns(xp, p, data["years"], spend["mean"], spend["variance"])
    mean = (
        brought
        + p["progress"] * data["years"]
        + p["reasoning"] * data["reasoning_flag"]
        + p["closed"] * data["closed_flag"]
        + organisation
    )
    return mean, p["release_spread"] ** 2 + variance, brought.mean(axis=-1, keepdims=True)


SCALARS = {
    "normal": ("progress", "bend", "gain_trend", "reasoning", "closed", "effort", "compute_level",
               "compute_growth", "compute_closed", "price", "price_trend", "stated_cost"),
    "log_normal": ("gain", "organisation_spread", "release_spread", "protocol_spread",
                   "compute_spread", "price_spread"),
}  # fmt: skip


OWN = {"normal": ("easiness", "floor"), "log_normal": ("noise",), "logit_normal": ("mistakes",)}
"""What each benchmark has of its own, by the kind of its prior."""


def prior_arrays(priors: Priors) -> dict[str, np.ndarray]:
    """Return the prior numbers as arrays: mean and sd of each kind, logarithms of log-normal ones.

    Few arrays rather than many numbers: the compiler's time grows with their number.
    """

    def column(names: Sequence[str], suffix: str = "") -> np.ndarray:
        return np.array([getattr(priors, f"{name}{suffix}") for name in names], dtype=float)

    def table(names: Sequence[str], suffix: str = "") -> np.ndarray:
        rows = [np.broadcast_to(getattr(priors, f"{n}{suffix}"), len(NAMES)) for n in names]
        return np.array(rows, dtype=float)

    return {
        "prior_normal_mean": column(SCALARS["normal"]),
        "prior_normal_sd": column(SCALARS["normal"], "_sd"),
        "prior_log_normal_mean": np.log(column(SCALARS["log_normal"])),
        "prior_log_normal_sd": column(SCALARS["log_normal"], "_log_sd"),
        "prior_own_mean": np.vstack(
            [
                table(OWN["normal"]),
                np.log(table(OWN["log_normal"])),
                logit(table(OWN["logit_normal"])),
            ]
        ),
        "prior_own_sd": np.vstack(
            [
                table(OWN["normal"], "_sd"),
                table(OWN["log_normal"], "_log_sd"),
                table(OWN["logit_normal"], "_log_odds_sd"),
            ]
        ),
        "prior_slope_spread": np.array(priors.slope_spread),
        "prior_error": column([f"error_{word}" for word in COMPUTE_WORDS]),
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
        values = prior[f"prior_{kind}_mean"] + prior[f"prior_{kind}_sd"] * z[f"z_{kind}"]
        if kind == "log_normal":
            values = xp.exp(values)
        if xp is np:
            pieces = [values[..., k : k + 1] for k in range(len(names))]
        else:
            pieces = pt.split(values, [1] * len(names), n_splits=len(names))
        p |= dict(zip(names, pieces, strict=True))
    own = prior["prior_own_mean"] + prior["prior_own_sd"] * z["z_own"]
    rows = [name for names in OWN.values() for name in names]
    for k, name in enumerate(rows):
        values = own[..., k, :]
        if name in OWN["log_normal"]:
            values = xp.exp(values)
        p[name] = _logistic(xp, values) if name in OWN["logit_normal"] else values
    slope = z["z_slope"] - z["z_slope"].mean(axis=-1, keepdims=True)
    p["slope"] = xp.exp(prior["prior_slope_spread"] * slope)
    organisation = z["z_organisation"] - z["z_organisation"].mean(axis=-1, keepdims=True)
    p["organisation_effect"] = p["organisation_spread"] * organisation
    p["protocol"] = p["protocol_spread"] * z["z_protocol"]
    return p


def _hyper_density(z: Arrays, p: Arrays) -> Array:
    """Return the log density of scalars and of what benchmarks have of their own, to a constant."""
    squares = sum((z[f"z_{kind}"] ** 2).sum() for kind in (*SCALARS, "own"))
    logs = sum(pt.log(p[name]).sum() for name in (*SCALARS["log_normal"], *OWN["log_normal"]))
    logs = logs + pt.log(p["mistakes"] * (1 - p["mistakes"])).sum()
    return -0.5 * squares - logs


def build(panel: Panel, priors: Priors) -> pm.Model:
    """Return the model of the panel's scores."""
    where = layout(panel)
    release = covariates(panel, where.first)
    coords = {
        "release": where.releases,
        "benchmark": NAMES,
        "other_protocol": where.protocols,
        "organisation": where.organisations,
        "score_row": np.arange(len(where.release)),
        "own": [name for names in OWN.values() for name in names],
        **SCALARS,
    }
    with pm.Model(coords=coords) as model:
        prior = {name: pm.Data(name, values) for name, values in prior_arrays(priors).items()}
        words = pm.Data("compute_word", release.pop("compute_word"))
        table = pm.Data("of_release", np.array(list(release.values())))
        data = {name: table[k] for k, name in enumerate(release)}
        columns = ("score", "score_se", "effort_steps")
        table = pm.Data("of_score", np.array([panel.data[c].values for c in columns]))
        score, se, effort = (table[k] for k in range(len(columns)))
        b, at = pm.Data("benchmark_of", where.benchmark), pm.Data("release_of", where.release)
        protocol_of = pm.Data("protocol_of", where.protocol)
        organisation_of = pm.Data("organisation_of", where.organisation)
        centre = pm.Data("centre", centres(panel, where, release))

        z = {f"z_{kind}": pm.Normal(f"z_{kind}", dims=kind) for kind in (*SCALARS, "organisation")}
        z["z_own"] = pm.Normal("z_own", dims=("own", "benchmark"))
        z["z_slope"] = pm.Normal("z_slope", dims="benchmark")
        z["z_protocol"] = pm.Normal("z_protocol", dims="other_protocol")
        p = parameters_of(pt, z, prior)
        spend = compute_given(p, data, prior["prior_error"][words])
        mean, variance, middle = regression(
            pt, p, data, spend, p["organisation_effect"][organisation_of]
        )
        protocol = pt.concatenate([p["protocol"], np.zeros(1)])[protocol_of]
        of = {"benchmark": b, "release": at, "score": score, "se": se, "centre": centre[b]}
        of["offset"] = protocol + p["effort"] * effort
        scores = _score_density(p, of, (mean, variance), middle, len(where.releases))
        pm.Potential("scores", scores, dims="release")
        pm.Potential("reports", _report_density(p, data, spend), dims="release")
        pm.Deterministic(common.HYPER, _hyper_density(z, p))
    return model


def _report_density(p: Arrays, data: Arrays, spend: Arrays) -> Array:
    """Return the log density of reported compute and of costs given it, by release."""
    left = spend["report"] - spend["expected"]
    total = spend["report_variance"]
    compute = -0.5 * spend["known"] * (left**2 / total + pt.log(total))
    costs = data["has_cost"] * data["has_compute"]
    left = (data["log_cost"] - data["log_compute"] - price_of(p, data)) / p["price_spread"]
    return compute - costs * (0.5 * left**2 + pt.log(p["price_spread"]))


def _score_density(
    p: Arrays,
    of: Arrays,
    given: tuple[Array, Array],
    middle: Array,
    releases: int,
) -> Array:
    """Return the log density of each release's scores, its capability integrated out."""
    at, score = of["release"], of["score"]
    mean, variance = given

    def by_release(values: Array, *width: int) -> Array:
        return pt.inc_subtensor(pt.zeros((releases, *width))[at], values)

    curve = curve_of(p, of, middle)
    peak, width = placed(pt, curve, score, at, given, by_release)
    # The integral does not depend on where its nodes stand: no gradient goes through them.
    peak = pytensor.gradient.disconnected_grad(peak)
    width = pytensor.gradient.disconnected_grad(width)
    sd, scale = pt.sqrt(variance), pt.sqrt(curve["variance"])
    level = curve["shift"] + curve["slope"] * peak[at]
    step = curve["slope"] * width[at]
    share = pm.math.sigmoid(level[:, None] + step[:, None] * NODES)
    left = ((score - curve["floor"]) / scale)[:, None] - (curve["rise"] / scale)[:, None] * share
    squares = by_release(left**2, N_NODES)
    squares = squares + (((peak - mean) / sd)[:, None] + (width / sd)[:, None] * NODES) ** 2
    # The least is taken out, so that no sum is nought, and put back: a constant to the gradient.
    least = pytensor.gradient.disconnected_grad(squares.min(axis=1))
    total = (pt.exp(-0.5 * (squares - least[:, None])) * WEIGHTS).sum(axis=1)
    integral = pt.log(total) - 0.5 * least
    errors = by_release(pt.log(scale) + 0.5 * np.log(2 * np.pi))
    return integral + pt.log(width) - pt.log(sd) - errors


def curve_of(p: Arrays, of: Arrays, middle: Array) -> dict[str, Array]:
    """Return the curve that each score lies about: floor, rise, shift, slope, noise variance.

    Parameters
    ----------
    p
        Parameters, whose last axis is that of benchmarks.
    of
        ``benchmark``, ``centre``, ``offset`` and ``se`` of each score.
    middle
        Mean over releases of what compute brings.
    """
    b = of["benchmark"]
    slope, floor = p["slope"][..., b], p["floor"][..., b]
    return {
        "slope": slope,
        "floor": floor,
        "rise": 1 - p["mistakes"][..., b] - floor,
        "shift": p["easiness"][..., b] - slope * (of["centre"] + middle) + of["offset"],
        "variance": of["se"] ** 2 + (p["noise"] ** 2)[..., b],
    }


def placed(
    xp: ModuleType,
    curve: Arrays,
    score: Array,
    at: Array,
    given: tuple[Array, Array],
    by_release: Callable[[Array], Array],
) -> tuple[Array, Array]:
    """Return about where, and how widely, each capability lies given its scores.

    First from the log-odds that the scores by themselves suggest, then by one Gauss-Newton step on
    the scores as they are. The integral is exact wherever its nodes stand; this makes few enough.

    Parameters
    ----------
    xp
        ``numpy`` or ``pytensor.tensor``.
    curve, score, at
        :func:`curve_of` the scores, the scores, and the release of each.
    given
        Mean and variance of the regression, by release.
    by_release
        Sums over each release's scores.
    """
    (mean, variance), slope, shift = given, curve["slope"], curve["shift"]
    said, precision = _said(xp, score, curve)
    weight = by_release(slope**2 * precision) + 1 / variance
    peak = (by_release(slope * precision * (said - shift)) + mean / variance) / weight
    share = _logistic(xp, shift + slope * peak[..., at])
    steep = slope * curve["rise"] * share * (1 - share)
    gap = score - curve["floor"] - curve["rise"] * share
    weight = by_release(steep**2 / curve["variance"]) + 1 / variance
    pull = by_release(steep * gap / curve["variance"]) + (mean - peak) / variance
    return peak + pull / weight, 1 / xp.sqrt(weight)


def _said(xp: ModuleType, score: Array, curve: Arrays) -> tuple[Array, Array]:
    """Return log-odds and precision that a score by itself suggests, also beyond floor and top."""
    step = 0.02
    above = step * _softplus(xp, (score - curve["floor"]) / step)
    below = step * _softplus(xp, (curve["floor"] + curve["rise"] - score) / step)
    derivative = above * below / (above + below)
    return xp.log(above / below), derivative**2 / curve["variance"]


def _softplus(xp: ModuleType, x: Array) -> Array:
    return np.logaddexp(0.0, x) if xp is np else pt.softplus(x)


def _logistic(xp: ModuleType, x: Array) -> Array:
    return expit(x) if xp is np else pm.math.sigmoid(x)


# --- draws -----------------------------------------------------------------------------------
def _flat(parameters: xr.Dataset) -> dict[str, np.ndarray]:
    """Return parameters with all draws on the first axis; scalars keep a last axis of one."""
    flat = {}
    for name in parameters.data_vars:
        if not {"chain", "draw"} <= set(parameters[name].dims):
            continue
        values = parameters[name].transpose("chain", "draw", ...).values
        flat[str(name)] = values.reshape(values.shape[0] * values.shape[1], -1)
    return flat


def _errors(priors: Priors, words: np.ndarray) -> np.ndarray:
    return np.array([getattr(priors, f"error_{word}") for word in COMPUTE_WORDS])[words]


def _expected(flat: dict[str, np.ndarray], b: np.ndarray, eta: np.ndarray) -> np.ndarray:
    """Return expected scores, shares, of benchmarks `b` at log-odds `eta`, shape (sample, score)."""
    floor, top = flat["floor"][:, b], 1 - flat["mistakes"][:, b]
    return floor + (top - floor) * expit(eta)


def _log_odds(
    flat: dict[str, np.ndarray], b: np.ndarray, centre: np.ndarray, capability: np.ndarray
) -> np.ndarray:
    """Return log-odds above the floor under the reference protocols."""
    above = capability - centre[b] - flat["middle"]
    log_odds: np.ndarray = flat["easiness"][:, b] + flat["slope"][:, b] * above
    return log_odds


def _noise(
    flat: dict[str, np.ndarray], b: np.ndarray, se: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    scale = np.sqrt(se**2 + flat["noise"][:, b] ** 2)
    return scale * rng.standard_normal(scale.shape)


def complete(
    parameters: xr.Dataset, panel: Panel, priors: Priors, rng: np.random.Generator, *, given: bool
) -> xr.Dataset:
    """Add the parameters by name, and draw each release's capability.

    Given the scores from its exact conditional, which has one dimension; else from the regression.
    """
    where = layout(panel)
    data = covariates(panel, where.first)
    z = _flat(parameters)
    z["z_own"] = z["z_own"].reshape(len(z["z_own"]), -1, len(NAMES))
    flat = parameters_of(np, z, prior_arrays(priors))
    spend = compute_given(flat, data, _errors(priors, data["compute_word"]))
    effect = flat["organisation_effect"][:, where.organisation]
    mean, variance, flat["middle"] = regression(np, flat, data, spend, effect)
    if given:
        flat["capability"] = _conditional(flat, panel, where, (mean, variance), rng)
    else:
        flat["capability"] = mean + np.sqrt(variance) * rng.standard_normal(mean.shape)
    shape = (parameters.sizes["chain"], parameters.sizes["draw"])
    dims = dict.fromkeys([*(n for names in OWN.values() for n in names), "slope"], "benchmark")
    dims |= {"protocol": "other_protocol", "organisation_effect": "organisation"}
    dims |= {"capability": "release"}
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
        "release": where.releases,
    }
    return parameters.assign(named).assign_coords(labels)


def _conditional(
    flat: dict[str, np.ndarray],
    panel: Panel,
    where: Layout,
    given: tuple[np.ndarray, np.ndarray],
    rng: np.random.Generator,
) -> np.ndarray:
    """Draw capabilities given scores and all else, shape (sample, release)."""
    b, data, at = where.benchmark, panel.data, where.release
    mean, variance = given
    score, se = data["score"].values, data["score_se"].values
    centre = centres(panel, where, covariates(panel, where.first))
    effort = data["effort_steps"].values
    drawn = np.empty_like(mean)
    for start in range(0, len(mean), SLICE):  # the whole grid at once would not fit in memory
        rows = slice(start, start + SLICE)
        p = {name: values[rows] for name, values in flat.items()}
        offset = _protocol(p, where.protocol) + p["effort"] * effort
        of = {"benchmark": b, "centre": centre[b], "offset": offset, "se": se}
        curve = curve_of(p, of, p["middle"])
        here = mean[rows], variance[rows]

        def by_release(values: np.ndarray) -> np.ndarray:
            sums: np.ndarray = np.add.reduceat(values, where.first, axis=-1)
            return sums

        peak, width = placed(np, curve, score, at, here, by_release)
        grid = peak[..., None] + width[..., None] * (EDGES[1:] + EDGES[:-1]) / 2
        eta = curve["shift"][..., None] + curve["slope"][..., None] * grid[:, at]
        left = (score - curve["floor"])[..., None] - curve["rise"][..., None] * expit(eta)
        squares = np.add.reduceat(left**2 / curve["variance"][..., None], where.first, axis=1)
        squares += (grid - here[0][..., None]) ** 2 / here[1][..., None]
        mass = np.exp(-0.5 * (squares - squares.min(axis=-1, keepdims=True))) * np.diff(EDGES)
        above = rng.random((*peak.shape, 1)) * mass.sum(axis=-1, keepdims=True)
        cell = (mass.cumsum(axis=-1) < above).sum(axis=-1)
        within = np.diff(EDGES)[cell] * rng.random(peak.shape)
        drawn[rows] = peak + width * (EDGES[cell] + within)
    return drawn


def _capability(
    flat: dict[str, np.ndarray],
    data: dict[str, np.ndarray],
    spend: Arrays,
    effect: np.ndarray,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """Draw capabilities from the regression; also return the mean of returns."""
    mean, variance, middle = regression(np, flat, data, spend, effect)
    return mean + np.sqrt(variance) * rng.standard_normal(mean.shape), middle


def replicate(
    parameters: xr.Dataset, panel: Panel, priors: Priors, rng: np.random.Generator
) -> dict[str, np.ndarray]:
    """Draw new reports of compute and cost and new scores, shape (sample, obs), by data name.

    Reports come first, then capabilities given them, then scores: the order the model is written
    in. What was not reported stays so.
    """
    where = layout(panel)
    data = dict(covariates(panel, where.first))
    flat = _flat(parameters)
    error = _errors(priors, data["compute_word"])
    blank = compute_given(flat, data, error)
    deviation = rng.standard_normal(blank["expected"].shape)
    reported = blank["expected"] + np.sqrt(blank["report_variance"]) * deviation
    price = price_of(flat, data)
    both = data["has_cost"] * data["has_compute"] > 0
    noise = flat["price_spread"] * rng.standard_normal(reported.shape)
    data["log_compute"], data["log_cost"] = reported, reported + price + np.where(both, noise, 0.0)
    spend = compute_given(flat, data, error)
    effect = flat["organisation_effect"][:, where.organisation]
    capability, flat["middle"] = _capability(flat, data, spend, effect, rng)
    b = where.benchmark
    eta = _log_odds(flat, b, centres(panel, where, data), capability[:, where.release])
    eta += _protocol(flat, where.protocol) + flat["effort"] * panel.data["effort_steps"].values
    score = _expected(flat, b, eta) + _noise(flat, b, panel.data["score_se"].values, rng)
    at = where.release
    return {
        "score": score,
        "log_compute": np.where(data["has_compute"] > 0, reported + COMPUTE_ORIGIN, np.nan)[:, at],
        "log_cost": np.where(data["has_cost"] > 0, data["log_cost"], np.nan)[:, at],
    }


def _protocol(flat: dict[str, np.ndarray], protocol: np.ndarray) -> np.ndarray:
    offsets = np.column_stack([flat["protocol"], np.zeros(len(flat["protocol"]))])
    return offsets[:, protocol]


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
        A panel of other releases; their scores are not looked at, all else is.

    Returns
    -------
    numpy.ndarray
        Scores as shares, shape (sample, obs of `later`). An organisation or a protocol that the fit
        has not seen is drawn from its spread.
    """
    flat = _flat(parameters)
    then, new = layout(panel), layout(later)
    data = covariates(later, new.first)
    spend = compute_given(flat, data, _errors(priors, data["compute_word"]))
    count = len(flat["gain"])
    fresh = {
        name: flat[f"{name}_spread"] * rng.standard_normal((count, len(labels)))
        for name, labels in (("organisation", new.organisations), ("protocol", new.protocols))
    }
    organisation = _matched(
        flat["organisation_effect"], then.organisations, new.organisations, fresh["organisation"]
    )
    protocol = _matched(flat["protocol"], then.protocols, new.protocols, fresh["protocol"])
    capability, _ = _capability(flat, data, spend, organisation[:, new.organisation], rng)
    b = new.benchmark
    centre = centres(panel, then, covariates(panel, then.first))
    eta = _log_odds(flat, b, centre, capability[:, new.release])
    eta += _protocol({"protocol": protocol}, new.protocol)
    eta += flat["effort"] * later.data["effort_steps"].values
    return _expected(flat, b, eta) + _noise(flat, b, later.data["score_se"].values, rng)


def _matched(
    known: np.ndarray, labels: Sequence[str], wanted: Sequence[str], fresh: np.ndarray
) -> np.ndarray:
    """Return effects of the `wanted` labels: the known ones where there are any."""
    seen = {label: k for k, label in enumerate(labels[:-1])}
    columns = [
        known[:, seen[label]] if label in seen else fresh[:, k] for k, label in enumerate(wanted)
    ]
    return np.column_stack(columns)


def leader(capability: np.ndarray, years: np.ndarray, among: np.ndarray, at: float) -> np.ndarray:
    """Return the best capability released by a date among some releases, shape (sample,).

    NaN where there is none.
    """
    there = among & (years <= at)
    if not there.any():
        return np.full(len(capability), np.nan)
    best: np.ndarray = capability[:, there].max(axis=1)
    return best


def lag_months(
    capability: np.ndarray, years: np.ndarray, is_open: np.ndarray, at: float
) -> np.ndarray:
    """Return by how many months open models trail closed ones at a date, shape (sample,).

    The time since a closed model first did what the best open one does by then; where the best open
    model leads, minus the time since an open one first did what the best closed one does.

    Parameters
    ----------
    capability
        Shape (sample, release).
    years, is_open
        Release date and openness, shape (release,); dates ascending.
    at
        The date, in years.
    """
    best_open, best_closed = (leader(capability, years, a, at) for a in (is_open, ~is_open))
    open_leads = best_open >= best_closed
    lag = np.full(len(capability), np.nan)
    for ahead, sign, target, among in (
        (~open_leads, 1.0, best_open, ~is_open),
        (open_leads, -1.0, best_closed, is_open),
    ):
        there = among & (years <= at)
        if not there.any() or np.isnan(target).any():
            continue
        first = (capability[:, there] >= target[:, None]).argmax(axis=1)
        lag = np.where(ahead, sign * 12 * (at - years[there][first]), lag)
    return lag


def _year(day: dt.date) -> float:
    return day.year + (day.timetuple().tm_yday - 1) / 365.25


def _months_before(as_of: str, first: float) -> list[dt.date]:
    """Return the same day of every month back from `as_of` to the year `first`, ascending."""
    end = dt.date.fromisoformat(as_of)
    days: list[dt.date] = []
    k = 0
    while True:
        months = end.year * 12 + end.month - 1 - k
        day = dt.date(months // 12, months % 12 + 1, min(end.day, 28))
        if k and _year(day) < first:
            return days[::-1]
        days.append(end if k == 0 else day)
        k += 1


@dataclasses.dataclass(frozen=True)
class _Fit:
    """What the draws are made from: flat parameters and the panel's arrays."""

    flat: dict[str, np.ndarray]
    where: Layout
    data: dict[str, np.ndarray]
    spend: Arrays
    centre: np.ndarray
    years: np.ndarray
    is_open: np.ndarray


def draw(
    parameters: xr.Dataset, panel: Panel, priors: Priors, until: str, rng: np.random.Generator
) -> xr.Dataset:
    """Draw scores under one protocol, gains at the frontier, and the lag of open models.

    Returns
    -------
    xarray.Dataset
        ``y``, ``signal`` and ``observed``, dims chain, draw, series, period with one period, the day
        `until` (today below), of which everything is told. Series:

        - "release/mmlu" and the like, percent, for every score in the panel: what the release gets
          under the benchmark's reference protocol at usual effort. Only these carry noise in ``y``.
        - "MMLU now/..." and "MMLU five years earlier/...", and of the other benchmarks: the best
          model released by that day and the most compute known to have been spent by then.
          ``frontier_score`` in percent; and what ten times that compute, or spend, would add at that
          date: ``gain_points``, ``gain_logits``, ``error_cut`` (share of wrong answers removed,
          percent).
        - "MMLU/flattening_points" and the like: gain five years earlier less gain now;
          ``flattening_by_ceiling`` is the part from standing elsewhere on the curve,
          ``flattening_by_returns`` the part from another gain in log-odds. They add up.
        - "open models/lag_months", ``mean_lag_months`` over the last twelve month ends, and
          ``capability_gap`` in log-odds (closed less open).
        - "all models/progress_in_compute": the factor of compute that a year's progress is worth at
          1e24 FLOP in mid-2024.

        For figures: ``curve`` (dims chain, draw, benchmark, when, compute; expected percent of a
        closed model of an average organisation, on that day with reasoning and three years earlier
        without), ``frontier`` (chain, draw, access, date; capability) and ``lag`` (chain, draw,
        date; months). Price of 1e24 FLOP then: ``price_now`` (chain, draw; USD m).
    """
    day = _day(panel, until)
    fit = _prepare(parameters, panel, priors)
    months = _months_before(day, float(fit.years.min()))
    score, noisy, names, seen = _score_series(fit, panel, rng)
    lags = np.stack(
        [lag_months(fit.flat["capability"], fit.years, fit.is_open, _year(d)) for d in months], 1
    )
    rest = [*_gains(fit, day, rng), *_open_series(fit, lags, _year(months[-1]))]
    series = [*names, *(name for name, _, _ in rest)]
    extra = np.column_stack([values for _, _, values in rest])
    units = ["percent"] * len(names) + [unit for _, unit, _ in rest]
    shape = (parameters.sizes["chain"], parameters.sizes["draw"])

    def shaped(array: np.ndarray) -> np.ndarray:
        return array.reshape(*shape, *array.shape[1:])

    dims = ("chain", "draw", "series", "period")
    frontier = np.stack(
        [
            np.stack([leader(fit.flat["capability"], fit.years, a, _year(d)) for d in months], 1)
            for a in (fit.is_open, ~fit.is_open)
        ],
        axis=1,
    )
    curve, when = _curves(fit, day)
    return xr.Dataset(
        {
            "y": (dims, shaped(np.column_stack([noisy, extra])[..., None])),
            "signal": (dims, shaped(np.column_stack([score, extra])[..., None])),
            "observed": (dims[2:], np.r_[seen, np.full(len(rest), np.nan)][:, None]),
            "curve": (("chain", "draw", "benchmark", "when", "compute"), shaped(curve)),
            "frontier": (("chain", "draw", "access", "date"), shaped(frontier)),
            "lag": (("chain", "draw", "date"), shaped(lags)),
            "price_now": (("chain", "draw"), shaped(_price_now(fit, day))),
        },
        coords={
            "chain": parameters["chain"].values,
            "draw": parameters["draw"].values,
            "series": series,
            "entity": ("series", [n.rsplit("/", 1)[0] for n in series]),
            "metric": ("series", [n.rsplit("/", 1)[1] for n in series]),
            "unit": ("series", units),
            "period": [day],
            "period_end": ("period", [day]),
            "benchmark": list(NAMES),
            "when": when,
            "compute": 10.0**COMPUTE_GRID,
            "access": ["open", "closed"],
            "date": [d.isoformat() for d in months],
        },
    )


def _day(panel: Panel, until: str) -> str:
    """Return the day that is told of: the last of `until`, or the panel's date within it.

    Raises
    ------
    DataError
        If all of it lies after the panel's date: what is released later is not known.
    """
    first, last = (day.isoformat() for day in period_days(until))
    if first > panel.as_of:
        raise DataError(
            f"cannot tell of benchmark scores in {until}: releases are known to {panel.as_of}, and no "
            "later ones are forecast; ask about that day or an earlier one"
        )
    return min(last, panel.as_of)


def _prepare(parameters: xr.Dataset, panel: Panel, priors: Priors) -> _Fit:
    where = layout(panel)
    data = covariates(panel, where.first)
    flat = _flat(parameters)
    return _Fit(
        flat,
        where,
        data,
        compute_given(flat, data, _errors(priors, data["compute_word"])),
        centres(panel, where, data),
        panel.data["year"].values[where.first],
        panel.data["open"].values[where.first] > 0,
    )


def _score_series(
    fit: _Fit, panel: Panel, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, list[str], np.ndarray]:
    """Return signal and noisy scores, percent, their names, and what the reference reports."""
    where = fit.where
    pairs = np.column_stack([where.release, where.benchmark])
    unique, rows = np.unique(pairs, axis=0, return_index=True)
    i, b = unique.T
    eta = _log_odds(fit.flat, b, fit.centre, fit.flat["capability"][:, i])
    signal = 100 * _expected(fit.flat, b, eta)
    noisy = signal + 100 * _noise(fit.flat, b, panel.data["score_se"].values[rows], rng)
    names = [f"{where.releases[k]}/{BENCHMARKS[NAMES[m]]}" for k, m in unique]
    seen = np.full(len(unique), np.nan)
    usual = (where.protocol == len(where.protocols)) & (panel.data["effort_steps"].values == 0)
    by_pair = {tuple(pair): n for n, pair in enumerate(unique.tolist())}
    for row in np.flatnonzero(usual):
        seen[by_pair[tuple(pairs[row].tolist())]] = 100 * panel.data["score"].values[row]
    return signal, noisy, names, seen


def _frontier_compute(fit: _Fit, at: float, rng: np.random.Generator) -> np.ndarray:
    """Return draws of the true log10 compute of the largest run reported by a date.

    Its report and its capability both speak; the latter through the slope of returns. Where no run
    is reported, the trend of closed models at that date.
    """
    flat, there = fit.flat, (fit.spend["known"] > 0) & (fit.years <= at)
    z = rng.standard_normal(len(flat["gain"]))
    if not there.any():
        years = at - YEAR_ORIGIN
        mean = flat["compute_level"] + flat["compute_growth"] * years
        mean = mean + flat["compute_closed"] * OPEN_SHARE
        return (mean + flat["compute_spread"] * z[:, None])[:, 0]
    report = np.median(np.broadcast_to(fit.spend["report"], fit.spend["mean"].shape), axis=0)
    k = int(np.where(there, report, -np.inf).argmax())
    mean, variance = fit.spend["mean"][:, k], fit.spend["variance"][:, k]
    effect = flat["organisation_effect"][:, fit.where.organisation]
    expected, total = (a[:, k] for a in regression(np, flat, fit.data, fit.spend, effect)[:2])
    one = {name: values[:, 0] for name, values in flat.items() if values.shape[1] == 1}
    _, brought = returns(np, one, fit.data["years"][k], mean, variance)
    weight = np.sqrt(brought * variance) / total
    shifted = mean + weight * (flat["capability"][:, k] - expected)
    left = variance * (1 - brought / total)
    drawn: np.ndarray = shifted + np.sqrt(np.maximum(left, 0)) * z
    return drawn


def gain_of_tenfold(flat: dict[str, np.ndarray], years: float, x: np.ndarray) -> np.ndarray:
    """Return what ten times the compute adds to capability, shape (sample,).

    Parameters
    ----------
    flat
        ``gain``, ``bend`` and ``gain_trend``, shape (sample, 1).
    years, x
        Date from mid-2024, and log10 compute over 1e24 FLOP, shape (sample,).
    """
    one = {name: flat[name][:, 0] for name in ("gain", "bend", "gain_trend")}
    zero = np.zeros(len(x))
    more, here = (returns(np, one, years, at, zero)[0] for at in (x + 1, x))
    gained: np.ndarray = more - here
    return gained


def _gains(fit: _Fit, day: str, rng: np.random.Generator) -> list[tuple[str, str, np.ndarray]]:
    """Return name, unit and draws of the series about the two frontiers."""
    today = dt.date.fromisoformat(day)
    days = {
        "now": _year(today),
        "five years earlier": _year(
            today.replace(year=today.year - EARLIER, day=min(today.day, 28))
        ),
    }
    best, gain = {}, {}
    for label, at in days.items():
        frontier = leader(fit.flat["capability"], fit.years, np.ones(len(fit.years), bool), at)
        if np.isnan(frontier).any():  # no release is that old: the reading has no first half
            continue
        best[label] = frontier
        x = _frontier_compute(fit, at, rng)
        gain[label] = gain_of_tenfold(fit.flat, at - YEAR_ORIGIN, x)
    found = []
    for k, name in enumerate(NAMES):
        b = np.array([k])

        def percent(capability: np.ndarray, b: np.ndarray = b) -> np.ndarray:
            eta = _log_odds(fit.flat, b, fit.centre, capability[:, None])
            return 100 * _expected(fit.flat, b, eta)[:, 0]

        points = {}
        for label, capability in best.items():
            here = percent(capability)
            points[label] = percent(capability + gain[label]) - here
            found += [
                (f"{name} {label}/frontier_score", "percent", here),
                (f"{name} {label}/gain_points", "points", points[label]),
                (f"{name} {label}/gain_logits", "logits", fit.flat["slope"][:, k] * gain[label]),
                (f"{name} {label}/error_cut", "percent", 100 * points[label] / (100 - here)),
            ]
        if len(points) < len(days):
            continue
        now, then = days
        same = percent(best[now] + gain[then]) - percent(best[now])
        found += [
            (f"{name}/flattening_points", "points", points[then] - points[now]),
            (f"{name}/flattening_by_ceiling", "points", points[then] - same),
            (f"{name}/flattening_by_returns", "points", same - points[now]),
        ]
    return found


def _open_series(fit: _Fit, lags: np.ndarray, today: float) -> list[tuple[str, str, np.ndarray]]:
    flat = fit.flat
    found = [
        (
            "all models/progress_in_compute",
            "ratio",
            10 ** np.clip(flat["progress"][:, 0] / flat["gain"][:, 0], -12, 12),
        )
    ]
    if fit.is_open.all() or not fit.is_open.any():
        return found  # nothing to trail, or nobody who trails
    best = [leader(flat["capability"], fit.years, a, today) for a in (fit.is_open, ~fit.is_open)]
    return [
        *found,
        ("open models/lag_months", "months", lags[:, -1]),
        ("open models/mean_lag_months", "months", lags[:, -12:].mean(axis=1)),
        ("open models/capability_gap", "logits", best[1] - best[0]),
    ]


def _typical(
    flat: dict[str, np.ndarray],
    centre: np.ndarray,
    years: np.ndarray,
    x: np.ndarray,
    reasoning: np.ndarray,
) -> np.ndarray:
    """Return expected percent of a closed model of an average organisation.

    Shape (sample, benchmark, point); `x` is log10 compute, a value a point or also a sample, the
    other arguments have one value a point.
    """
    brought, _ = returns(np, flat, years, x, np.zeros(len(years)))
    capability = (
        brought
        + flat["progress"] * years
        + flat["reasoning"] * (reasoning - REASONING_SHARE)
        + flat["closed"] * OPEN_SHARE
    )
    shares = []
    for k in range(len(NAMES)):
        b = np.full(len(years), k)
        shares.append(100 * _expected(flat, b, _log_odds(flat, b, centre, capability)))
    return np.stack(shares, axis=1)


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
    flat, where = _flat(parameters), layout(panel)
    years = np.array([_year(day) - YEAR_ORIGIN])
    x = np.log10(cost) - flat["price"] - flat["price_trend"] * years
    centre = centres(panel, where, covariates(panel, where.first))
    return _typical(flat, centre, years, x, np.zeros(1))[..., 0]


def _curves(fit: _Fit, as_of: str) -> tuple[np.ndarray, list[str]]:
    today = dt.date.fromisoformat(as_of)
    before = today.replace(year=today.year - 3, day=min(today.day, 28))
    x, ones = COMPUTE_GRID - COMPUTE_ORIGIN, np.ones(len(COMPUTE_GRID))
    both = [
        _typical(fit.flat, fit.centre, (_year(day) - YEAR_ORIGIN) * ones, x, flag * ones)
        for day, flag in ((before, 0.0), (today, 1.0))
    ]
    return np.stack(both, axis=2), [before.isoformat(), as_of]


def _price_now(fit: _Fit, as_of: str) -> np.ndarray:
    years = _year(dt.date.fromisoformat(as_of)) - YEAR_ORIGIN
    price: np.ndarray = 10 ** (fit.flat["price"] + fit.flat["price_trend"] * years)[:, 0]
    return price


def _percent_scores(name: str, replicated: dict[str, np.ndarray], panel: Panel) -> np.ndarray:
    rows = panel.data["benchmark"].values == name
    return 100 * replicated["score"][:, rows].ravel()


def _checks() -> tuple[tuple[str, Statistic, float, float], ...]:
    """Return the range of each benchmark's scores: a little beyond floor and top."""

    def of(name: str) -> Statistic:
        def statistic(replicated: dict[str, np.ndarray], panel: Panel) -> np.ndarray:
            return _percent_scores(name, replicated, panel)

        return statistic

    ranges = {"MMLU": (18.0, 100.0), "MMLU-Pro": (2.0, 100.0), "GPQA Diamond": (12.0, 105.0)}
    ranges["SWE-bench Verified"] = (-8.0, 102.0)
    return tuple((f"{n}, percent", of(n), low, high) for n, (low, high) in ranges.items())


PRIOR_CHECKS = _checks()
