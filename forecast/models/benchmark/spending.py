"""Compute, cost and size as covariates of ability: what is reported, and what compute brings.

With t years since mid-2024 and x log10 of training compute over 1e24 FLOP::

    returns   = gain exp(gain_trend t) (exp(bend x) - 1) / bend
    x         = compute_level + compute_growth t + compute_closed closed + N(0, compute_spread^2)
    report    = x + N(0, error[word]^2)
    price_of  = price + price_trend t + stated_cost stated           (log10 USD m for 1e24 FLOP)
    log10(cost) = report + price_of + N(0, price_spread^2)           (log10 USD m)
    per_size  = compute_per_size + compute_per_size_trend t          (log10 of 1e24 FLOP)
    log10(parameters) = report - per_size + N(0, size_spread^2)      (log10 of 1e9 parameters)

The gain from ten times the compute is positive and changes by the factor exp(bend) from one decade
of compute to the next and by exp(gain_trend) from one year to the next: returns may diminish, or
grow, in log-odds too, and not only because the scale ends.

Spend: cost = compute x price of a FLOP at that date, whatever the run. At a fixed date ten times the
cost is ten times the compute, so gains are those from a tenfold spend as much as from a tenfold
compute. The price and its trend are fitted to the releases with both (stated costs with an offset of
their own); where only a cost is known it stands, with its error, for compute.

Compute: reported compute carries an error by its confidence; where none is admitted, compute is
unknown around a trend in date for open and closed models, fitted to the others. Either way it is
integrated out: given its report, true compute is Gaussian, and the capability gets the exact mean
and variance of ``returns`` under it. A release without compute or size thus informs its organisation,
date, reasoning, and how hard the benchmarks are, and hardly the gain.

Size: compute is not missing at random. Of the open releases of 2025 those without compute are seven
times smaller (geometric mean of parameters) than those with it, so that a trend in date puts them
far too high. Where neither compute nor cost is known, the number of parameters stands for compute:
six FLOP for each parameter and token, tokens growing with date, with a spread for tokens, for experts
that are not active, and for the error of the reports it is fitted to. Closed releases state neither;
given date, openness and reasoning they are taken as the others. Compute is that of the final run: a
small model taught by a large one looks cheap, which makes returns to compute look as if they bent
more than they do.
"""

from __future__ import annotations

from types import ModuleType
from typing import TYPE_CHECKING

import pytensor.tensor as pt

from forecast.models.benchmark.kernel import LEAST_BEND

if TYPE_CHECKING:
    from forecast.models.common import Array, Arrays


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
    bend = xp.where(xp.abs(p["bend"]) < LEAST_BEND, LEAST_BEND, p["bend"])
    gain = p["gain"] * xp.exp(p["gain_trend"] * years) / bend
    spread = bend**2 * variance
    more = xp.expm1(bend * mean + spread / 2)
    return gain * more, (gain * (1 + more)) ** 2 * xp.expm1(spread)


def price_of(p: Arrays, data: Arrays) -> Array:
    """Return log10 USD m of 1e24 FLOP at each release's date, by the basis of its cost."""
    return p["price"] + p["price_trend"] * data["years"] + p["stated_cost"] * data["stated_flag"]


def per_size(p: Arrays, data: Arrays) -> Array:
    """Return log10 of the compute of 1e9 parameters at each release's date, in 1e24 FLOP."""
    return p["compute_per_size"] + p["compute_per_size_trend"] * data["years"]


def compute_given(p: Arrays, data: Arrays, error: Array) -> dict[str, Array]:
    """Return the moments of true compute given its report, and those of the report.

    Returns
    -------
    dict
        ``mean`` and ``variance`` of true compute; ``expected`` and ``report_variance`` of what a
        report would be; ``report``, from compute or, without it, from cost, else from size, and
        whether ``known``.
    """
    expected = (
        p["compute_level"]
        + p["compute_growth"] * data["years"]
        + p["compute_closed"] * data["closed_flag"]
    )
    only_cost = data["has_cost"] * (1 - data["has_compute"])
    only_size = data["has_size"] * (1 - data["has_compute"]) * (1 - data["has_cost"])
    known = data["has_compute"] + only_cost + only_size
    report = data["has_compute"] * data["log_compute"]
    report = report + only_cost * (data["log_cost"] - price_of(p, data))
    report = report + only_size * (data["log_size"] + per_size(p, data))
    own = p["compute_spread"] ** 2
    total = own + only_cost * p["price_spread"] ** 2 + only_size * p["size_spread"] ** 2
    total = total + (1 - only_size) * error**2
    weight = known * own / total
    return {
        "mean": expected + weight * (report - expected),
        "variance": own * (1 - weight),
        "expected": expected,
        "report_variance": total,
        "report": report,
        "known": known,
    }


def report_density(p: Arrays, data: Arrays, spend: Arrays) -> Array:
    """Return the log density of reported compute, and of costs and sizes given it, by release."""
    left = spend["report"] - spend["expected"]
    total = spend["report_variance"]
    compute = -0.5 * spend["known"] * (left**2 / total + pt.log(total))
    costs = data["has_cost"] * data["has_compute"]
    left = (data["log_cost"] - data["log_compute"] - price_of(p, data)) / p["price_spread"]
    compute = compute - costs * (0.5 * left**2 + pt.log(p["price_spread"]))
    sizes = data["has_size"] * data["has_compute"]
    left = (data["log_compute"] - data["log_size"] - per_size(p, data)) / p["size_spread"]
    return compute - sizes * (0.5 * left**2 + pt.log(p["size_spread"]))
