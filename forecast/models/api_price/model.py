"""List prices of language models: a frontier under the offers, changes of a price, small models.

Offer i of a house at date t with capability c (index points), on the log scale::

    log price[i] = log(cost[t, c] + least[t]) + share e[i] + r[i] + excess[i]
    share        = cost / (cost + least)
    log cost     = level - rate (t - 2025) + slope (c - 136) / 10 - extra[tier] (t - middle[tier])
    log least    = floor - floor_fall (t - 2025)

`cost` is what a capability costs at the frontier, falling at a rate pooled over tiers of capability;
`least` is the price below which no small model is listed, whatever it can do. `e` is the error that
a score's error makes in the cost, so it counts for the cost's share of the price only; `r` is small,
for prices are round numbers. `excess` is positive,
exponential with a mean for each house: offers lie above the envelope, which no line through all
points can show (a normal-exponential stochastic frontier, Meeusen and van den Broeck 1977). This
form was chosen over a trend through the record lows because records are few, picked by their own
error, and cannot say what the next offer will cost; and over one without a floor because the
cheapest listed price of any model has not fallen since late 2024, though capability went on.

Offers without a score have a capability with a normal prior by date and house (see the panel), and the
price has its say in it.

Besides, with parameters of their own:

- how often and how far the price of a product changes (compound Poisson, Student's t with four degrees
  of freedom), and how often a product is withdrawn: an exponential time on the list, of products
  known to be withdrawn as far as the time in which that could be seen (right-truncated);
- a house's flagship. It keeps its price until it is changed, mostly by a new model; the new price is
  about the house's level of the day, so a price far off is not carried on::

      log price[k] = level[h, t] + deviation t4[k]
      level[h, t]  = mean + spread x[h, t]

  with x a Gaussian process of variance one: a house's own level for good, of the variance `own`, and
  about it an Ornstein-Uhlenbeck process that forgets in `memory` years;
- what a new small model costs relative to its provider's flagship (log-normal); it keeps that price.

What is sampled is one vector of standard normal numbers, deviations in units of the priors, and in
place of the rate the growth of prices along the frontier. :func:`specification` is the law of the rows
in PyMC, line by line; :func:`build` is the same with their density, and its gradient, in one piece
(:mod:`~forecast.models.api_price.kernel`).

Invariant: the cheapest price drawn is the lowest of offers that are listed at the time, today's and
drawn ones, so it rises only if a price does or a product is withdrawn. The most capable product on
the list is not withdrawn. ``tests/test_api_price.py`` holds it against a plain search, and the
likelihood against a sum over rows.
"""

from __future__ import annotations

import dataclasses
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np
import pymc as pm
import pytensor.tensor as pt
import xarray as xr
from scipy.special import expit

from forecast.core.draws import sample_first
from forecast.core.errors import DataError
from forecast.core.periods import period_end, years_since
from forecast.core.words import AHEAD_ONLY, SAMPLE, SERIES
from forecast.models import common, latent
from forecast.models.api_price import kernel
from forecast.models.api_price.panel import (
    LEVELS,
    NEW_YEARS,
    PRICE_UNIT,
    Listing,
    price_history,
    standing,
)

if TYPE_CHECKING:
    from forecast.models.base import Panel
    from forecast.models.common import Array

INDEX = "fixed product/price_index"
ORIGIN = 2.0  # 2025, in years since 2023: the middle of the offers
ANCHOR = 136.0  # index points, the middle of the offers: about GPT-4.1 mini
TIER_EDGES = (122.0, 130.0, 140.0, 148.0)
"""Capability tiers: below GPT-4, GPT-4 and GPT-4o, up to the first reasoning models, those, and from
GPT-5 on."""
TIERS = ("below 122", "122 to 130", "130 to 140", "140 to 148", "above 148")
FREEDOM = 4.0  # of the Student's t of a change: cuts to a fifth and jumps to twenty times are there
RECENT = 2.0
"""Years of past offers from which the houses and capabilities of future ones are drawn."""
GENERATIONS = 1.5
"""New small models of one house a year; OpenAI listed four generations in 1.7 years to March 2026."""


@dataclasses.dataclass(frozen=True)
class Priors:
    """Numbers of the priors; rates in log points a year, prices in log USD per 1M tokens."""

    # The frontier at 136 index points, o1-preview's, at the start of 2025: 0.05 to 20 USD.
    level: float = 0.0
    level_sd: float = 1.5
    # Published declines at a fixed capability: 10 times a year (a16z), 5-10 (arXiv 2511.23455),
    # 9-900 with a median of 46 (Epoch AI, March 2025). 95 %: 1.4 to 74 times.
    rate: float = 2.3
    rate_sd: float = 1.0
    # The published rates differ by milestone by a log sd near 1.3, picked points included; half.
    rate_spread: float = 0.6
    rate_spread_log_sd: float = 0.5
    # The frontier gains 8 to 15 index points a year (Epoch AI) at prices that stay within a factor
    # of a few, so ten points cost about what a year brings; 95 %: 4 to 50 times.
    slope: float = 2.0
    slope_log_sd: float = 0.35
    # The least price at which any model is listed: 95 %: 0.02 to 0.4 USD. Our rough judgement.
    floor: float = -2.3
    floor_sd: float = 0.7
    # Price-performance of hardware improves by 0.14 orders of magnitude, 0.32 log points, a year
    # (arXiv 2405.21015).
    floor_fall: float = 0.32
    floor_fall_sd: float = 0.3
    # An offer costs e^1 to e^2 times the cheapest of its day: brands, speed, context. 95 % of the
    # mean: 0.6 to 3.5 log points; houses differ by a half. Our rough judgement.
    excess: float = 1.5
    excess_log_sd: float = 0.45
    house_spread: float = 0.5
    house_spread_log_sd: float = 0.5
    # Scores err by some two index points, which is 0.4 log points at the slope above.
    error: float = 0.3
    error_log_sd: float = 0.5
    # List prices are round numbers: the next rounder one is some 15 % off. Not estimated.
    rounding: float = 0.15
    # Changes a year of one product's price, mostly cuts; of a house's flagship, by a new model, in
    # either direction. Our rough judgement.
    product_rate: float = 0.15
    product_rate_log_sd: float = 0.7
    product_change: float = -0.3
    product_change_sd: float = 0.4
    product_size: float = 0.6
    product_size_log_sd: float = 0.5
    flagship_rate: float = 1.2
    flagship_rate_log_sd: float = 0.6
    # Withdrawals of one product a year: on the list for two years, 95 %: from nine months to five
    # years. Our rough judgement; the shipped tables have no date of withdrawal.
    gone_rate: float = 0.5
    gone_rate_log_sd: float = 0.5
    # The flagship's level of all houses: 5 USD, 95 %: 1.3 to 20. A house's level of the day lies off
    # by a factor of 2.3, two thirds of that variance for good, the rest forgotten in 1.5 years (half
    # in one); a single price lies a third off. Two dozen prices do not tell the two parts apart, so
    # share and memory are not estimated. Our rough judgement.
    mean: float = 1.6
    mean_sd: float = 0.7
    spread: float = 0.85
    spread_log_sd: float = 0.3
    own: float = 0.65
    memory: float = 1.5
    deviation: float = 0.3
    deviation_log_sd: float = 0.5
    # A small model at an eighth of the flagship, 95 % of the middle: a twentieth to a third. Our
    # rough judgement.
    small: float = -2.1
    small_sd: float = 0.5
    small_spread: float = 0.8
    small_spread_log_sd: float = 0.4
    # Index points a year that the best listed model will gain: published 8.3 and 15.5 (Epoch AI). The
    # offers are not asked; it decides only how many future ones reach a capability.
    pace: float = 12.0
    pace_sd: float = 3.0


VARIANTS = {
    # Prices fall as algorithms alone improve, three times a year (arXiv 2511.23455), and what is
    # cheapest does not fall at all.
    "sceptical": Priors(rate=1.1, rate_sd=0.6, floor_fall=0.0, floor_fall_sd=0.15),
    # Prices fall as at Epoch AI's median milestone, and small models get cheaper like memory did.
    "generous": Priors(rate=3.8, rate_sd=0.8, floor_fall=0.7, floor_fall_sd=0.3),
    # Another structure: what was ever listed stays on the list. A level of flagships that wanders as a
    # walk does (memory 50, spread 3) did not pass the gate.
    "no withdrawal": Priors(gone_rate=0.01, gone_rate_log_sd=0.1),
}

_NORMALS = ("level", "rate", "floor", "floor_fall", "product_change", "small", "mean")
_SCALES = (
    "rate_spread", "slope", "excess", "house_spread", "error", "product_rate", "product_size",
    "flagship_rate", "gone_rate", "spread", "deviation", "small_spread",
)  # fmt: skip
REPORT = (*_NORMALS, *_SCALES, "tier_rate")
SCALARS = (*_SCALES, *(n for n in _NORMALS if n != "rate"), "pace")
"""In the order in which they stand in the vector that is sampled; what tiers, houses, guessed
capabilities and flagships' prices have of their own follows."""
PARAMETERS = (*SCALARS, "rate", "rounding", "gain")
"""In the order of the columns of :func:`prior_array`."""
LABELS = {
    "rate": "fall of the price of a capability, log points a year",
    "floor_fall": "fall of the least listed price, log points a year",
    "tier_rate": "fall by tier of capability, log points a year",
    "slope": "price of ten index points, log points",
    "excess": "mean excess of an offer over the cheapest, log points",
    "product_rate": "price changes of one product a year",
    "flagship_rate": "price changes of a flagship a year",
    "gone_rate": "withdrawals of one product a year",
    "mean": "level of flagships' prices, log USD per 1M tokens",
    "spread": "spread of houses' levels, log",
    "deviation": "spread of a flagship's price about its house's level, log",
    "small": "small model over flagship, log",
}


def _offers(panel: Panel) -> xr.Dataset:
    return panel.data.isel(obs=np.flatnonzero(panel.data["kind"].values == "offer"))


def _tier(capability: np.ndarray) -> np.ndarray:
    return np.searchsorted(TIER_EDGES, capability, side="right")


def _middles(offers: xr.Dataset) -> np.ndarray:
    """Return the mean date of each tier's offers, about which its own rate turns."""
    years, tier = offers["year"].values, _tier(offers["capability"].values)
    return np.array(
        [years[tier == k].mean() if (tier == k).any() else years.mean() for k in range(len(TIERS))]
    )


def _gain(offers: xr.Dataset) -> float:
    """Return by how many ten points a year the offers got better, by least squares."""
    years, points = offers["year"].values, offers["capability"].values / 10
    return float(np.polyfit(years, points, 1)[0])


def _houses(panel: Panel) -> list[str]:
    return sorted({str(p) for p in _offers(panel)["provider"].values})


def _rows(panel: Panel, kind: str, name: str | None = None) -> xr.Dataset:
    data = panel.data
    keep = data["kind"].values == kind
    if name is not None:
        keep = keep & (data["name"].values == name)
    return data.isel(obs=np.flatnonzero(keep))


def prior_array(panel: Panel, priors: Priors) -> np.ndarray:
    """Return means and sds of the normal laws of :data:`PARAMETERS`, shape (2, parameter).

    Those of :data:`_SCALES` are of the logarithm. Of the last two there is a number and no sd.
    """
    middle, sd = [], []
    for name in PARAMETERS[:-2]:
        value = np.float64(getattr(priors, name))
        middle.append(np.log(value) if name in _SCALES else value)
        sd.append(getattr(priors, f"{name}_log_sd" if name in _SCALES else f"{name}_sd"))
    return np.array([[*middle, priors.rounding, _gain(_offers(panel))], [*sd, 0.0, 0.0]])


def _own(panel: Panel) -> dict[str, list[str]]:
    """Return the labels of what is sampled besides scalars, by name, in order."""
    turns, guessed = _turns(panel).names, _guessed(_offers(panel))[0]
    return {
        "z_tier": list(TIERS),
        "z_house": _houses(panel),
        "z_points": guessed,
        "z_turn": turns,
    }


def parameters_of(
    xp: ModuleType, z: Array, along: Array, prior: np.ndarray, panel: Panel
) -> dict[str, Array]:
    """Return the parameters by name from what is sampled.

    Parameters
    ----------
    xp
        ``numpy``, or ``pytensor.tensor``.
    z
        Deviations in units of the priors, shape (..., sampled).
    along
        Growth of prices along the frontier, log points a year, shape (...).
    prior
        Of :func:`prior_array`.
    panel
        Whose houses, capabilities without a score and flagships there are.

    Returns
    -------
    dict
        Shape (...), or with one dim more of what tiers, houses and so on have of their own.
    """
    p: dict[str, Array] = {}
    for k, name in enumerate(SCALARS):
        x = prior[0, k] + prior[1, k] * z[..., k]
        p[name] = xp.exp(x) if name in _SCALES else x
    at = len(SCALARS)
    for name, labels in _own(panel).items():
        p[name], at = z[..., at : at + len(labels)], at + len(labels)
    # Later offers are better ones, so rate and slope are known together far worse than the
    # growth of prices along the frontier, which is sampled in the rate's place: the same prior.
    p["rate"] = prior[0, -1] * p["slope"] - along
    p["tier_rate"] = p["rate"][..., None] + p["rate_spread"][..., None] * p["z_tier"]
    p["house_excess"] = p["excess"][..., None] * xp.exp(p["house_spread"][..., None] * p["z_house"])
    return p


def _variables(panel: Panel, priors: Priors) -> tuple[pt.TensorVariable, pt.TensorVariable]:
    """Register what is sampled: deviations in units of the priors, and growth along the frontier."""
    own = _own(panel)
    labels = [*SCALARS, *(f"{name} {label}" for name in own for label in own[name])]
    pm.modelcontext(None).add_coord("sampled", labels)
    z = pm.Normal("z", dims="sampled")
    # Numbers by themselves: to take one out of a table is one operation more to compile.
    numbers = {
        "gain": _gain(_offers(panel)),
        **{f"prior_{n}": getattr(priors, n) for n in ("slope", "slope_log_sd", "rate", "rate_sd")},
    }
    d = {name: pm.Data(name, np.float64(number)) for name, number in numbers.items()}
    slope = d["prior_slope"] * pt.exp(d["prior_slope_log_sd"] * z[SCALARS.index("slope")])
    return z, pm.Normal("along", d["gain"] * slope - d["prior_rate"], d["prior_rate_sd"])


KINDS = (
    "offer", "product_changes", "flagship_changes", "product_move", "gone", "flagship", "small_share",
)  # fmt: skip
"""Of rows, each with a law of its own."""
COLUMNS = ("value", "watched", "years", "points", "unsure", "turned")
PLACES = ("kind", "tier", "house", "guess", "turn")
"""What is known of a row, in numbers and in whole numbers, in the order of the kernel's rows."""


def _known(panel: Panel) -> dict[str, np.ndarray]:
    """Return :data:`COLUMNS` and :data:`PLACES` of each row, shape (obs,).

    Values are logarithms, but for counts. Places but the kind's are positions in what is sampled.
    """
    data, offers, own = panel.data, _offers(panel), _own(panel)
    value = data["value"].values.astype(float)
    kind = np.full(data.sizes["obs"], -1)
    for name, keep in _of_kinds(panel).items():
        kind[keep] = KINDS.index(name)
    counted = np.isin(kind, [KINDS.index("product_changes"), KINDS.index("flagship_changes")])
    found = {
        "kind": kind,
        "value": np.where(counted, value, np.log(np.where(counted, 1.0, value))),
        "watched": data["watched"].values.astype(float),
    }
    tier = _tier(offers["capability"].values)
    starts = np.cumsum([len(SCALARS), *(len(labels) for labels in own.values())])
    houses = own["z_house"]
    of_offers = {
        "years": offers["year"].values - ORIGIN,
        "points": (offers["capability"].values - ANCHOR) / 10,
        "unsure": offers["capability_sd"].values / 10,
        "turned": offers["year"].values - _middles(offers)[tier],
        "tier": starts[0] + tier,
        "house": starts[1] + np.array([houses.index(str(p)) for p in offers["provider"].values]),
        "guess": starts[2] + _guessed(offers)[1],
    }
    of_turns = {"turn": starts[3] + np.arange(len(own["z_turn"]))}
    for name, some in (("offer", of_offers), ("flagship", of_turns)):
        for column, values in some.items():
            found[column] = np.zeros(len(kind), dtype=values.dtype)
            found[column][kind == KINDS.index(name)] = values
    return found


def build(panel: Panel, priors: Priors) -> pm.Model:
    """Return the model of the panel's rows.

    It is that of :func:`specification`, with their density in one piece.
    """
    known = _known(panel)
    arrays = {
        "prior": prior_array(panel, priors),
        "table": np.array([known[c] for c in COLUMNS]),
        "paths": np.linalg.cholesky(_alike(_turns(panel), priors)),
        "index": np.array([known[c].astype(np.int64) for c in PLACES]),
    }
    rows = f"price{common.ROW}"
    with pm.Model(coords={rows: np.arange(panel.data.sizes["obs"])}) as model:
        z, along = _variables(panel, priors)
        data = [pm.Data(name, array) for name, array in arrays.items()]
        density = kernel.DENSITY(pt.concatenate([z, along[None]]), *data)[0]
        pm.Potential("prices", density, dims=rows)
    return model


def specification(panel: Panel, priors: Priors) -> pm.Model:
    """Return the same model as :func:`build`, written out in PyMC: to be read, and slow to compile."""
    known, prior = _known(panel), prior_array(panel, priors)
    at = {name: np.flatnonzero(known["kind"] == k) for k, name in enumerate(KINDS)}

    def of(name: str) -> dict[str, np.ndarray]:
        return {column: values[at[name]] for column, values in known.items()}

    freedom = np.float64(FREEDOM)  # a float of Python would be taken in single precision
    with pm.Model() as model:
        z, along = _variables(panel, priors)
        p = parameters_of(pt, z, along, prior, panel)
        d = of("offer")
        able = d["points"] + d["unsure"] * z[d["guess"]]
        extra = p["rate_spread"] * z[d["tier"]]
        cost = p["level"] - p["rate"] * d["years"] + p["slope"] * able - extra * d["turned"]
        least = p["floor"] - p["floor_fall"] * d["years"]
        share = pm.math.sigmoid(cost - least)
        sd = pt.sqrt((share * p["error"]) ** 2 + priors.rounding**2)
        excess = p["excess"] * pt.exp(p["house_spread"] * z[d["house"]])
        over = d["value"] - pt.logaddexp(cost, least)
        pm.Potential("offer", frontier_density(over, sd, excess))
        for line in ("product", "flagship"):
            d = of(f"{line}_changes")
            law = p[f"{line}_rate"] * d["watched"]
            pm.Poisson(f"{line}_changes", law, observed=d["value"].astype(np.int64))
        centre, size, d = p["product_change"], p["product_size"], of("product_move")
        pm.StudentT("product_move", nu=freedom, mu=centre, sigma=size, observed=d["value"])
        d = of("gone")
        pm.Potential("gone", _gone_density(d["value"], p["gone_rate"], d["watched"]))
        paths, d = np.linalg.cholesky(_alike(_turns(panel), priors)), of("flagship")
        level = p["mean"] + p["spread"] * pt.dot(paths, z[d["turn"]])
        pm.StudentT("flagship", nu=freedom, mu=level, sigma=p["deviation"], observed=d["value"])
        d = of("small_share")
        pm.Normal("small_share", p["small"], p["small_spread"], observed=d["value"])
    return model


def complete(
    parameters: xr.Dataset, panel: Panel, priors: Priors, rng: np.random.Generator, *, given: bool
) -> xr.Dataset:
    """Add the parameters by name, and of a fit the density of their priors, to a constant."""
    prior, z = prior_array(panel, priors), parameters["z"].values
    p = parameters_of(np, z, parameters["along"].values, prior, panel)
    dims = {
        "z_tier": "tier", "z_house": "house", "z_points": "guessed", "z_turn": "turn",
        "tier_rate": "tier", "house_excess": "house",
    }  # fmt: skip
    named = {n: ((*SAMPLE, dims[n]) if n in dims else SAMPLE, values) for n, values in p.items()}
    if given:
        at = PARAMETERS.index("rate")
        density = -0.5 * ((p["rate"] - prior[0, at]) / prior[1, at]) ** 2
        density -= 0.5 * (z[..., : len(SCALARS)] ** 2).sum(axis=-1)
        density -= sum(np.log(p[name]) for name in _SCALES)
        named[common.HYPER] = (SAMPLE, density)
    labels = {dims[name]: own for name, own in _own(panel).items()}
    return parameters.assign(named).assign_coords(labels)


def _guessed(offers: xr.Dataset) -> tuple[list[str], np.ndarray]:
    """Return the entries without a score after an empty name, and by offer which of them it is of."""
    unsure = offers["capability_sd"].values > 0
    names = [str(n) for n in offers["name"].values]
    labels = ["", *sorted({n for n, u in zip(names, unsure, strict=True) if u})]
    index = [labels.index(n) if u else 0 for n, u in zip(names, unsure, strict=True)]
    return labels, np.array(index, dtype=int)


@dataclasses.dataclass(frozen=True)
class _Turns:
    """New prices of flagships, in the panel's order.

    Attributes
    ----------
    names
        House and day of each price.
    house
        Its house, shape (n,).
    year
        Its day, years since 2023, shape (n,).
    """

    names: list[str]
    house: np.ndarray
    year: np.ndarray


def _turns(panel: Panel) -> _Turns:
    rows = _rows(panel, "flagship")
    houses, days = (rows[n].values.astype(str) for n in ("provider", "day"))
    names = [f"{h} {d}" for h, d in zip(houses, days, strict=True)]
    return _Turns(names, houses, rows["year"].values)


def _alike(a: _Turns, priors: Priors, b: _Turns | None = None) -> np.ndarray:
    """Return the covariance of x at some houses and dates with x at others, or themselves."""
    others = a if b is None else b
    same = a.house[:, None] == others.house[None, :]
    kept = np.exp(-np.abs(a.year[:, None] - others.year[None, :]) / priors.memory)
    # The last part keeps a factor of it exact where two days are close and nothing is forgotten.
    return same * (priors.own + (1 - priors.own) * kept) + (
        1e-9 * np.eye(len(same)) if b is None else 0
    )


def _level(parameters: xr.Dataset, x: np.ndarray) -> np.ndarray:
    mean, spread = (sample_first(parameters, n)[:, None] for n in ("mean", "spread"))
    return mean + spread * x


def _gone_density(log_years: Array, rate: Array, seeable: Array) -> Array:
    """Return the log density of the log of an exponential time that ended within `seeable` years."""
    years = pt.exp(log_years)
    return pt.log(rate) + log_years - rate * years - pt.log(-pt.expm1(-rate * seeable))


def _gone(
    rate: np.ndarray,
    seeable: np.ndarray,
    rng: np.random.Generator,
    size: tuple[int, ...] | None = None,
) -> np.ndarray:
    """Draw logs of exponential times that ended within `seeable` years."""
    size = np.broadcast_shapes(np.shape(rate), np.shape(seeable)) if size is None else size
    share = rng.uniform(size=size) * -np.expm1(-rate * seeable)
    return np.log(-np.log1p(-share) / rate)


def _of_kinds(panel: Panel) -> dict[str, np.ndarray]:
    """Return which rows are of each of :data:`KINDS`, shape (obs,)."""
    kind, name = panel.data["kind"].values, panel.data["name"].values
    of = {
        "offer": kind == "offer", "small_share": kind == "small", "product_move": kind == "change",
        "flagship": kind == "flagship", "gone": kind == "gone",
    }  # fmt: skip
    for line in ("product", "flagship"):
        of[f"{line}_changes"] = (kind == "changes") & (name == line)
    return of


def _priced(
    frontier: np.ndarray,
    sd: np.ndarray,
    excess: np.ndarray,
    rng: np.random.Generator,
    size: tuple[int, ...] | None = None,
) -> np.ndarray:
    """Draw log prices: the frontier, an error of some sd, and an exponential excess."""
    size = np.broadcast_shapes(np.shape(frontier), np.shape(excess)) if size is None else size
    return frontier + sd * rng.standard_normal(size) + rng.exponential(excess, size)


def frontier_density(
    over: pt.TensorVariable, sd: pt.TensorVariable, excess: pt.TensorVariable
) -> pt.TensorVariable:
    """Return the log density of a normal error plus an exponential excess.

    Written with the complementary error function alone, and its asymptotic series where that would
    underflow: it costs a fraction of the general exponentially modified normal.

    Parameters
    ----------
    over
        How far a log price lies over the frontier.
    sd, excess
        Standard deviation of the error, and mean of the excess.
    """
    w = (sd / excess - over / sd) / np.sqrt(2.0)
    near, far = pt.minimum(w, 5.0), pt.maximum(w, 5.0)
    series = 1 - 0.5 * far**-2 + 0.75 * far**-4 - 1.875 * far**-6
    tail = pt.switch(
        w < 5.0,
        pt.log(pt.erfc(near)),
        -(far**2) - pt.log(far * np.sqrt(np.pi)) + pt.log(series),
    )
    return -pt.log(2 * excess) + 0.5 * (sd / excess) ** 2 - over / excess + tail


def _frontier(
    parameters: xr.Dataset,
    years: np.ndarray,
    capability: np.ndarray,
    middles: np.ndarray,
    tier: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the frontier's log price and the cost's share of it, each of shape (sample, n).

    Dates, capabilities and tiers have shape (n,) or (sample, n); a tier is that of the capability
    where none is given.
    """
    q = {
        name: sample_first(parameters, name)[:, None]
        for name in ("level", "rate", "slope", "floor", "floor_fall")
    }
    tier = _tier(capability) if tier is None else tier
    extra = sample_first(parameters, "tier_rate") - q["rate"]
    own = np.take_along_axis(extra, np.broadcast_to(tier, (len(extra), tier.shape[-1])), axis=1)
    cost = (
        q["level"]
        - q["rate"] * (years - ORIGIN)
        + q["slope"] * (capability - ANCHOR) / 10
        - own * (years - middles[tier])
    )
    least = q["floor"] - q["floor_fall"] * (years - ORIGIN)
    return np.logaddexp(cost, least), expit(cost - least)


def _prices(
    parameters: xr.Dataset,
    priors: Priors,
    frontier: tuple[np.ndarray, np.ndarray],
    excess: np.ndarray,
    rng: np.random.Generator,
) -> np.ndarray:
    """Draw log prices of offers from the frontier, the errors and the houses' excess."""
    mu, share = frontier
    sd = np.hypot(share * sample_first(parameters, "error")[:, None], priors.rounding)
    return _priced(mu, sd, excess, rng)


def replicate(
    parameters: xr.Dataset, panel: Panel, priors: Priors, rng: np.random.Generator
) -> dict[str, np.ndarray]:
    """Draw new values for the panel's rows, shape (sample, obs), by data name."""
    data, offers = panel.data, _offers(panel)
    kind, name = data["kind"].values, data["name"].values
    q = {n: sample_first(parameters, n)[:, None] for n in (*_NORMALS, *_SCALES)}
    size = len(q["level"])
    out = np.empty((size, data.sizes["obs"]))
    at = np.flatnonzero(kind == "offer")
    houses = _houses(panel)
    index = np.array([houses.index(str(h)) for h in offers["provider"].values])
    tier = _tier(offers["capability"].values)  # of the prior's mean, as in the density
    frontier = _frontier(
        parameters, offers["year"].values, _able(parameters, offers), _middles(offers), tier
    )
    excess = sample_first(parameters, "house_excess")[:, index]
    out[:, at] = _prices(parameters, priors, frontier, excess, rng)
    at = np.flatnonzero(kind == "change")
    shocks = rng.standard_t(FREEDOM, size=(size, len(at)))
    out[:, at] = q["product_change"] + q["product_size"] * shocks
    at = np.flatnonzero(kind == "flagship")
    factor = np.linalg.cholesky(_alike(_turns(panel), priors))
    level = _level(parameters, sample_first(parameters, "z_turn") @ factor.T)
    out[:, at] = level + q["deviation"] * rng.standard_t(FREEDOM, size=(size, len(at)))
    at = np.flatnonzero(kind == "gone")
    out[:, at] = _gone(q["gone_rate"], data["watched"].values[at], rng, (size, len(at)))
    for line in ("product", "flagship"):
        at = np.flatnonzero((kind == "changes") & (name == line))
        with np.errstate(divide="ignore"):  # no change at all: the log of zero
            out[:, at] = np.log(rng.poisson(q[f"{line}_rate"] * data["watched"].values[at]))
    at = np.flatnonzero(kind == "small")
    out[:, at] = q["small"] + q["small_spread"] * rng.standard_normal((size, len(at)))
    return {"log_value": out}


def _able(parameters: xr.Dataset, offers: xr.Dataset) -> np.ndarray:
    """Return the offers' capabilities, drawn where there is no score, shape (sample, offer)."""
    z = sample_first(parameters, "z_points")[:, _guessed(offers)[1]]
    drawn: np.ndarray = offers["capability"].values + offers["capability_sd"].values * z
    return drawn


@dataclasses.dataclass(frozen=True)
class _Market:
    """Offers as time goes on: log price (sample, offer), infinite once withdrawn; capability, begin."""

    price: np.ndarray
    capability: np.ndarray
    began: np.ndarray

    def lowest(self, capability: float, since: float = -np.inf) -> np.ndarray:
        """Return the lowest log price of those that reach a capability, infinite if none does."""
        fit = (self.capability >= capability) & (self.began > since)
        return np.where(fit, self.price, np.inf).min(axis=1)

    def without(self, gone: np.ndarray) -> _Market:
        """Return it without some offers, shape (sample, offer), but for the most capable one listed."""
        if gone.shape[1] == 0:
            return self
        listed = np.where(np.isfinite(self.price), self.capability, -np.inf)
        best = np.arange(gone.shape[1]) == listed.argmax(axis=1)[:, None]
        return dataclasses.replace(self, price=np.where(gone & ~best, np.inf, self.price))


def _today(parameters: xr.Dataset, panel: Panel) -> _Market:
    """Return each product's newest offer, if it counts as listed on the day the list was last seen."""
    offers = _offers(panel)
    at = standing(offers, _seen(panel))
    able = _able(parameters, offers)[:, at]
    price, began = (np.tile(offers[v].values[at], (len(able), 1)) for v in ("value", "year"))
    return _Market(np.log(price), able, began)


def _moves(parameters: xr.Dataset, line: str, span: float, width: int,
           rng: np.random.Generator) -> np.ndarray:  # fmt: skip
    """Return the log change of `width` prices over a span of years, shape (sample, width)."""
    rate, mean, scale = (
        sample_first(parameters, f"{line}_{part}")[:, None] for part in ("rate", "change", "size")
    )
    count = rng.poisson(rate * span, size=(len(rate), width))
    total = np.zeros(count.shape)
    for k in range(int(count.max(initial=0))):
        step = mean + scale * rng.standard_t(FREEDOM, size=count.shape)
        total += np.where(count > k, step, 0.0)
    return total


def _seen(panel: Panel) -> float:
    """Return the day on which the price list was last seen, in years since 2023."""
    return years_since(panel.part(Listing).seen)


def _arrivals(
    parameters: xr.Dataset,
    panel: Panel,
    priors: Priors,
    span: tuple[float, float],
    rng: np.random.Generator,
) -> _Market:
    """Draw the offers that are listed within a span of years.

    As many a year as in the last :data:`RECENT` years, by the same houses, as far behind the best
    model of their day; the best one gains `pace` points a year.
    """
    pace = sample_first(parameters, "pace")
    offers, houses = _offers(panel), _houses(panel)
    now = _seen(panel)
    years, capability = offers["year"].values, offers["capability"].values
    best = np.maximum.accumulate(capability)
    recent = np.flatnonzero(years > now - RECENT)
    count = rng.poisson(len(recent) / RECENT * (span[1] - span[0]), size=len(pace))
    width = int(count.max(initial=0))
    pick = rng.choice(recent, size=(len(pace), width)) if width else np.zeros((len(pace), 0), int)
    began = rng.uniform(*span, size=pick.shape)
    score = best[-1] + pace[:, None] * (began - now) - (best - capability)[pick]
    index = np.array([houses.index(str(h)) for h in offers["provider"].values])[pick]
    excess = np.take_along_axis(sample_first(parameters, "house_excess"), index, axis=1)
    frontier = _frontier(parameters, began, score, _middles(offers))
    price = _prices(parameters, priors, frontier, excess, rng)
    missing = np.arange(width) >= count[:, None]
    return _Market(price, np.where(missing, -np.inf, score), began)


def _joined(a: _Market, b: _Market) -> _Market:
    pairs = ((a.price, b.price), (a.capability, b.capability), (a.began, b.began))
    return _Market(*(np.concatenate(pair, axis=1) for pair in pairs))


def _envelope(
    parameters: xr.Dataset, capability: float, year: float, middles: np.ndarray
) -> np.ndarray:
    """Return the frontier's log price of a capability or more, shape (sample,).

    It is the least over its own and higher tiers, each at its lowest capability.
    """
    points = np.array([capability, *(e for e in TIER_EDGES if e > capability)])
    years = np.full(len(points), year)
    return _frontier(parameters, years, points, middles)[0].min(axis=1)


def draw(
    parameters: xr.Dataset, panel: Panel, priors: Priors, until: str, rng: np.random.Generator
) -> xr.Dataset:
    """Draw the prices quarter by quarter.

    Future offers are drawn (see :func:`_arrivals`), today's change their prices now and then, and
    the cheapest that reaches a capability is its price. A quarter's value is that of its last day;
    that of the day on which the list was last seen is drawn from that day on.

    Returns
    -------
    xarray.Dataset
        Series, for each capability of ``LEVELS``: "GPT-4 level/price", the cheapest on the list
        (USD per 1M tokens, three input tokens to one output token), its ``signal`` the frontier
        without offers; and "GPT-4 level/new_price", the cheapest of those listed within the last
        year. "HOUSE flagship/price" and "HOUSE small model/price". "fixed product/price_index", the
        price of a product that is listed on that day, then 100. Before a capability was first listed
        values are NaN, and so is the index before the day it starts from.

    Raises
    ------
    DataError
        If `until` lies before the day on which the list was last seen, or more than ten years after.
    """
    now, last = _seen(panel), period_end(until)
    if not 0 <= years_since(last.isoformat()) - now <= 10:
        raise DataError(
            f"cannot forecast prices to {until!r}; wanted a quarter at most ten years after "
            f"{panel.part(Listing).seen}"
        )
    quarters, known, history = price_history(panel, until)
    ends = np.array([years_since(q) for q in quarters])
    size = parameters.sizes["chain"] * parameters.sizes["draw"]
    series = _Series(size, len(quarters), known)
    _draw_levels(series, parameters, panel, priors, history, ends, rng)
    _draw_houses(series, parameters, panel, priors, history, ends, rng)
    drawn = latent.labelled(
        parameters,
        (np.stack(series.y, 1), np.stack(series.signal, 1), np.stack(series.observed)),
        series.names,
        series.units,
        quarters,
    )
    return drawn.assign_coords({AHEAD_ONLY: (SERIES, [n == INDEX for n in series.names])})


class _Series:
    """Series as they are drawn, one after another."""

    def __init__(self, size: int, periods: int, known: int) -> None:
        self.size, self.periods, self.known = size, periods, known
        self.names: list[str] = []
        self.units: list[str] = []
        self.y: list[np.ndarray] = []
        self.signal: list[np.ndarray] = []
        self.observed: list[np.ndarray] = []

    def add(
        self,
        name: str,
        past: np.ndarray,
        future: np.ndarray,
        *,
        signal: np.ndarray | None = None,
        unit: str = PRICE_UNIT,
    ) -> None:
        """Add one: `past` holds what was listed, `future` the draws, shape (sample, periods left)."""
        y = np.concatenate([np.tile(past, (self.size, 1)), future], axis=1)
        self.names.append(name)
        self.units.append(unit)
        self.y.append(y)
        self.signal.append(y if signal is None else signal)
        self.observed.append(np.append(past, np.full(self.periods - self.known, np.nan)))


def _draw_levels(
    series: _Series,
    parameters: xr.Dataset,
    panel: Panel,
    priors: Priors,
    history: dict[str, np.ndarray],
    ends: np.ndarray,
    rng: np.random.Generator,
) -> None:
    offers, now = _offers(panel), _seen(panel)
    middles = _middles(offers)
    market, before = _today(parameters, panel), now
    listed = market.price.shape[1]
    leaving = sample_first(parameters, "gone_rate")[:, None]
    steps: dict[str, list[np.ndarray]] = {name: [] for name in LEVELS}
    fresh: dict[str, list[np.ndarray]] = {name: [] for name in LEVELS}
    for end in ends[series.known :]:
        moved = market.price.copy()
        moved[:, :listed] += _moves(parameters, "product", end - before, listed, rng)
        market = dataclasses.replace(market, price=moved)
        market = _joined(market, _arrivals(parameters, panel, priors, (before, end), rng))
        there = end - np.maximum(market.began, before)
        market = market.without(rng.uniform(size=there.shape) < -np.expm1(-leaving * there))
        before = end
        for name, level in LEVELS.items():
            lowest = market.lowest(level)
            new = market.lowest(level, since=end - NEW_YEARS)
            steps[name].append(lowest)
            fresh[name].append(np.where(np.isfinite(new), new, lowest))
    for name, level in LEVELS.items():
        past, new = history[f"{name}/price"], history[f"{name}/new_price"]
        path = np.stack([_envelope(parameters, level, e, middles) for e in ends], axis=1)
        path[:, : series.known] = np.where(np.isfinite(past), path[:, : series.known], np.nan)
        columns = [np.exp(np.stack(s[name], axis=1)) for s in (steps, fresh)]
        columns = [np.where(np.isfinite(c), c, np.nan) for c in columns]
        series.add(f"{name}/price", past, columns[0], signal=np.exp(path))
        series.add(f"{name}/new_price", new, columns[1], signal=np.exp(path))


def _draw_houses(
    series: _Series,
    parameters: xr.Dataset,
    panel: Panel,
    priors: Priors,
    history: dict[str, np.ndarray],
    ends: np.ndarray,
    rng: np.random.Generator,
) -> None:
    now, left = _seen(panel), ends[series.known :]
    spans = np.diff(np.append(now, left))
    listing = panel.part(Listing)
    paths = _flagship_paths(parameters, panel, priors, left, rng)
    for house in listing.flagships:
        name = f"{house} flagship/price"
        series.add(name, history[name], paths[house])
        if house in listing.smalls:
            today = listing.smalls[house][-1].price
            small = _small_prices(parameters, today, paths[house], spans, rng)
            name = f"{house} small model/price"
            series.add(name, history[name], small)
    leaving = sample_first(parameters, "gone_rate")
    listed, changes = np.full(series.size, True), []
    for span in spans:  # a product that is withdrawn changes its price no more
        listed &= rng.uniform(size=series.size) >= -np.expm1(-leaving * span)
        changes.append(np.where(listed, _moves(parameters, "product", span, 1, rng)[:, 0], 0.0))
    index = 100 * np.exp(np.cumsum(np.stack(changes, axis=1), axis=1))
    past = np.full(series.known, np.nan)  # another day's products: their index starts elsewhere
    series.add(INDEX, past, index, unit="percent")


def _flagship_paths(
    parameters: xr.Dataset,
    panel: Panel,
    priors: Priors,
    ends: np.ndarray,
    rng: np.random.Generator,
) -> dict[str, np.ndarray]:
    """Draw by house the flagship's price at some dates, shape (sample, date).

    It stands until it is changed, then it is about the house's level of the day.
    """
    rate, deviation = (sample_first(parameters, n) for n in ("flagship_rate", "deviation"))
    turns, out = _turns(panel), {}
    cov = _alike(turns, priors)
    known = sample_first(parameters, "z_turn") @ np.linalg.cholesky(cov).T
    for house, steps in panel.part(Listing).flagships.items():
        later = _Turns([], np.full(len(ends), house), ends)
        weight = np.linalg.solve(cov, _alike(turns, priors, later))
        left = _alike(later, priors) - _alike(turns, priors, later).T @ weight
        fresh = rng.standard_normal((len(rate), len(ends))) @ np.linalg.cholesky(left).T
        level = _level(parameters, known @ weight + fresh)
        price, since, path = np.full(len(rate), steps[-1].price), _seen(panel), []
        for k, end in enumerate(ends):
            new = np.exp(level[:, k] + deviation * rng.standard_t(FREEDOM, size=len(rate)))
            changed = rng.uniform(size=len(rate)) < -np.expm1(-rate * (end - since))
            price = np.where(changed, new, price)
            path.append(price)
            since = end
        out[house] = np.stack(path, axis=1)
    return out


def _small_prices(
    parameters: xr.Dataset,
    today: float,
    flagship: np.ndarray,
    spans: np.ndarray,
    rng: np.random.Generator,
) -> np.ndarray:
    """Return the small model's price, shape (sample, step): today's until a new one is listed."""
    mean, spread = (sample_first(parameters, name) for name in ("small", "small_spread"))
    price, out = np.full(len(mean), today), []
    for span, beside in zip(spans, flagship.T, strict=True):
        fresh = beside * np.exp(mean + spread * rng.standard_normal(len(mean)))
        price = np.where(rng.random(len(mean)) < -np.expm1(-GENERATIONS * span), fresh, price)
        out.append(price)
    return np.stack(out, axis=1)


def _offer_prices(replicated: dict[str, np.ndarray], panel: Panel) -> np.ndarray:
    offers = panel.data["kind"].values == "offer"
    return replicated["log_value"][:, offers].ravel() / np.log(10)


def _small_shares(replicated: dict[str, np.ndarray], panel: Panel) -> np.ndarray:
    rows = panel.data["kind"].values == "small"
    return np.exp(replicated["log_value"][:, rows]).ravel()


def _flagship_prices(replicated: dict[str, np.ndarray], panel: Panel) -> np.ndarray:
    rows = panel.data["kind"].values == "flagship"
    return replicated["log_value"][:, rows].ravel() / np.log(10)


PRIOR_CHECKS = (
    # From 0.01 to 10,000 USD per 1M tokens; the table runs from 0.06 to 262.
    ("price of an offer, log10 USD per 1M tokens", _offer_prices, -2.0, 4.0),
    ("small model over flagship", _small_shares, 0.01, 1.0),
    # From 0.3 to 100 USD per 1M tokens; the table runs from 0.75 to 94.
    ("price of a flagship, log10 USD per 1M tokens", _flagship_prices, -0.5, 2.0),
)
