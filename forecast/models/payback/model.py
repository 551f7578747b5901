"""Is a trillion-dollar programme earned back: saturating revenue, a margin path, a schedule.

The run-rate follows a Richards curve, a continuous family from Gompertz (bend near 0) to logistic
(bend 1) and beyond, told by where it stands in the middle of the reports, at the start of 2025::

    d log R / dt = k (1 - (R / K)^bend),   K = R(2025) + headroom,   growth = k (1 - (R(2025)/K)^bend)

Its logarithm in closed form, with s = (R / K)^bend: ``s(t) = 1 / (1 + (1 - s0) / s0 exp(-k bend t))``
and ``log R = log K + log s / bend``. Revenue of a year is the mean of the run-rate over it. Cash
before the programme is margin times revenue, with

    margin(y) = margin_end - (margin_end - margin_start) exp(-(y - 2025) / margin_years).

It is after all running costs, replacement of old machines included, and before the programme. A
programme is earned back in the first year in which the discounted cash since 2026 reaches the
discounted whole of its spending.

Run-rates that "top" or "near" a number are bounds: their likelihood is the probability of lying
beyond it. Company projections of cash are a walk backwards from the truth: the newest is the cash
of its year plus `optimism` a year ahead, every older one the newer plus as much for the years
between, each with `revision` times the square root of the time as its error. The cash they are
about is that under the company's restated programme.

Nothing here decides the margins of 2035, the schedule or the discount rate, and four years of
growth do not decide where it ends: on those the answer is mostly prior, and the sensitivity check
says so. ``tests/test_payback.py`` compares the curve with its differential equation.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np
import pymc as pm
import pytensor.tensor as pt
import xarray as xr

from forecast.core.errors import DataError
from forecast.core.periods import period_end
from forecast.core.words import entity_of, metric_of
from forecast.models import common
from forecast.models.payback.panel import ENTITY, KINDS, UNIT, spending

if TYPE_CHECKING:
    from types import ModuleType

    from forecast.models.base import Panel
    from forecast.models.common import Array, Arrays

ORIGIN = 2025.0
FIRST, LAST = 2026, 2060
"""First year of cash and spending; "ever" ends with the last."""
PROGRAMMES: Mapping[str, tuple[float, int]] = {
    # USD bn and last year of spending. 600 "to 2030" was said in February 2026, 1,400 "over eight
    # years" in November 2025 (ai_labs.csv); the article's 1,000 is given the eight years too.
    "0.6 tn programme": (600.0, 2030),
    "1.0 tn programme": (1000.0, 2033),
    "1.4 tn programme": (1400.0, 2033),
}
RESTATED = "0.6 tn programme"
MONTHS = (np.arange(12) + 0.5) / 12


@dataclasses.dataclass(frozen=True)
class Priors:
    """Numbers of the priors; growth is in log points a year, money in USD bn."""

    # 5 USD bn, times or divided by 2: what a company with a run-rate of 2 in early 2024 may have a
    # year later.
    level: float = 1.6
    level_sd: float = 0.7
    # Doubling to tripling a year; wide. The data decide it.
    growth: float = 0.9
    growth_sd: float = 0.4
    # Room above the level of 2025: 400 USD bn a year, times or divided by 2.5. All AI together is
    # 1,200 a year by 2030 if Bain's 2,000 are 800 short (public_forecasts.csv); a third of it. Our
    # rough judgement.
    headroom: float = 400.0
    headroom_log_sd: float = 0.9
    # From Gompertz to logistic; growth slows early if the bend is small. Our rough judgement.
    bend: float = 0.4
    bend_log_sd: float = 0.7
    # Reported run-rates are rounded and cover unlike months; "about" is twice as wide.
    noise: float = 0.08
    noise_log_sd: float = 0.5
    # Cash of 2025 was -8 of 13.1 revenue (ai_labs.csv); wide.
    margin_start: float = -0.6
    margin_start_sd: float = 0.3
    # Large platforms keep 20 to 45 % of revenue as operating cash; a laboratory that must replace
    # its machines may keep less. Our rough judgement.
    margin_end: float = 0.25
    margin_end_sd: float = 0.12
    # Years in which two thirds of the way are gone; our rough judgement, times or divided by 1.5.
    margin_years: float = 3.0
    margin_years_log_sd: float = 0.4
    # Spending grows through the programme; our rough judgement.
    ramp: float = 0.2
    ramp_sd: float = 0.15
    # Cost of capital of a venture between a large listed firm's 8 % and 15 %; our rough judgement.
    discount: float = 0.10
    discount_log_sd: float = 0.2
    # Optimism of projections, USD bn a year of cash per year ahead, and size of a year's revision;
    # no evidence before the data.
    optimism: float = 10.0
    optimism_sd: float = 20.0
    revision: float = 20.0
    revision_log_sd: float = 0.5


VARIANTS = {
    # Growth ends early, margins stay thin, capital is dear.
    "sceptical": Priors(
        headroom=200.0, headroom_log_sd=0.7, bend=0.25, margin_end=0.15, margin_end_sd=0.10,
        margin_years=4.0, discount=0.12,
    ),
    # A large market, platform margins, cheap capital.
    "generous": Priors(
        headroom=800.0, headroom_log_sd=0.9, bend=0.6, margin_end=0.35, margin_end_sd=0.12,
        margin_years=2.5, discount=0.08,
    ),
}  # fmt: skip

NORMALS = ("level", "growth", "margin_start", "margin_end", "ramp", "optimism")
LOG_NORMALS = ("headroom", "bend", "noise", "margin_years", "discount", "revision")
REPORT = (*NORMALS, *LOG_NORMALS)
LABELS = {
    "level": "log run-rate at the start of 2025, USD bn a year",
    "growth": "growth at the start of 2025, log points a year",
    "headroom": "room above the run-rate of 2025, USD bn a year",
    "bend": "form of saturation, 0 Gompertz, 1 logistic",
    "margin_end": "cash margin in the long run, share of revenue",
    "margin_years": "years in which two thirds of the way there are gone",
    "discount": "discount rate, a year",
    "optimism": "optimism of projections, USD bn of cash per year ahead",
    "revision": "size of a year's revision of projections, USD bn",
}


def log_rate(p: Arrays, t: Array, xp: ModuleType = np) -> Array:
    """Return the log run-rate at `t` years after the start of 2025.

    `p` holds level, growth, headroom and bend, broadcast against `t`; `xp` is numpy or PyTensor.
    """
    softplus = pt.softplus if xp is pt else _softplus  # log(1 + exp(x))
    room = softplus(xp.log(p["headroom"]) - p["level"])  # log K - level
    left = -xp.expm1(-p["bend"] * room)  # 1 - s0
    odds = xp.log(left) + p["bend"] * room - p["growth"] / left * p["bend"] * t
    return p["level"] + room - softplus(odds) / p["bend"]


def _softplus(x: Array) -> Array:
    return np.logaddexp(0.0, x)


def margin(p: Arrays, year: Array, xp: ModuleType = np) -> Array:
    """Return the cash margin of a year, share of revenue."""
    left = xp.exp(-(year - 2025.0) / p["margin_years"])
    return p["margin_end"] - (p["margin_end"] - p["margin_start"]) * left


def _rows(panel: Panel) -> dict[str, np.ndarray]:
    """Return the panel's rows by the observed variable that they are of.

    Run-rates are numbers, or bounds that the run-rate tops ("floor") or stays below ("ceiling").
    """
    kind, side = panel.data["kind"].values, panel.data["side"].values
    rate, revenue, cash, projection = (kind == k for k in range(len(KINDS)))
    of = {
        "run_rate": rate & (side == 0),
        "run_rate_floor": rate & (side > 0),
        "run_rate_ceiling": rate & (side < 0),
        "revenue": revenue,
        "cash": cash,
        "projection": projection,
    }
    return {name: np.flatnonzero(keep) for name, keep in of.items()}


# --- the law of each kind of figure, for the fit and for new figures --------------------------------
# In the fit `xp` is PyTensor and parameters are scalars; of draws it is numpy, and they are columns,
# shape (sample, 1). `d` holds the columns of the kind's rows.
def _rate_law(p: Arrays, d: Arrays, xp: ModuleType) -> tuple[Array, Array]:
    """Return mean and sd of log run-rates as reported."""
    return log_rate(p, d["time"] - ORIGIN, xp), p["noise"] * (1 + d["rough"])


def _revenue_law(p: Arrays, d: Arrays, xp: ModuleType) -> tuple[Array, Array]:
    """Return mean and sd of a year's log revenue as reported."""
    return xp.log(yearly_revenue(p, d["year"], xp)), p["noise"]


def _cash_law(p: Arrays, d: Arrays, xp: ModuleType) -> tuple[Array, Array]:
    """Return mean and sd of a year's cash as reported, USD bn."""
    cash = margin(p, d["year"], xp) * yearly_revenue(p, d["year"], xp)
    return cash, CASH_ERROR * (1 + d["rough"])


def _programme_cash(p: Arrays, d: Arrays, xp: ModuleType) -> Array:
    """Return a year's cash under the restated programme, USD bn."""
    size, last = PROGRAMMES[RESTATED]
    growth = p["ramp"] * np.arange(last + 1 - FIRST)
    whole = xp.exp(growth).sum(axis=-1, keepdims=True)
    running = (d["year"] >= FIRST) & (d["year"] <= last)
    spent = size * xp.exp(p["ramp"] * (d["year"] - FIRST)) / whole
    cash = margin(p, d["year"], xp) * yearly_revenue(p, d["year"], xp)
    return cash - xp.where(running, spent, 0.0)


def _projection_law(p: Arrays, d: Arrays, base: Array, xp: ModuleType) -> tuple[Array, Array]:
    """Return mean and sd of projections of cash that walk away from `base`, USD bn."""
    return base + p["optimism"] * d["ahead"], p["revision"] * xp.sqrt(d["ahead"])


def build(panel: Panel, priors: Priors) -> pm.Model:
    """Return the model of the panel's figures."""
    data = {str(n): panel.data[n].values.astype(float) for n in panel.data.data_vars}
    rows = _rows(panel)
    with pm.Model() as model:
        prior = common.prior_data(priors)
        p = {name: pm.Normal(name, prior[name], prior[f"{name}_sd"]) for name in NORMALS}
        for name in LOG_NORMALS:
            p[name] = common.log_normal(name, prior[name], prior[f"{name}_log_sd"])

        def given(kind: str) -> dict[str, Any]:
            columns = ("time", "rough", "year", "ahead")
            return {c: pm.Data(f"{kind}_{c}", data[c][rows[kind]]) for c in columns}

        def told(kind: str, log: bool = True) -> Mapping[str, Any]:
            values = data["value"][rows[kind]]
            return common.reported(kind, np.log(values) if log else values, rows[kind])

        pm.Normal("run_rate", *_rate_law(p, given("run_rate"), pt), **told("run_rate"))
        for kind, end in (("run_rate_floor", "upper"), ("run_rate_ceiling", "lower")):
            law, bound = pm.Normal.dist(*_rate_law(p, given(kind), pt)), told(kind)
            pm.Censored(kind, law, **{end: bound["observed"]}, **bound)
        pm.Normal("revenue", *_revenue_law(p, given("revenue"), pt), **told("revenue"))
        pm.Normal("cash", *_cash_law(p, given("cash"), pt), **told("cash", log=False))
        d, newer = given("projection"), data["newer"].astype(np.int64)
        # The newest projection of a year walks from the truth, an older one from the next newer.
        newest = pm.Data("projection_newest", (newer < 0)[rows["projection"]])
        after = pm.Data("projection_newer", data["value"][newer][rows["projection"]])
        base = pt.where(newest, _programme_cash(p, d, pt), after)
        law = _projection_law(p, d, base, pt)
        pm.Normal("projection", *law, **told("projection", log=False))
    return model


CASH_ERROR = 0.5
"""Error of a reported year's cash, USD bn; twice as much for "about"."""


def _flat(parameters: xr.Dataset) -> dict[str, np.ndarray]:
    """Return every parameter as a column, shape (sample, 1)."""
    return {n: parameters[n].transpose("chain", "draw").values.reshape(-1, 1) for n in REPORT}


def yearly_revenue(p: Arrays, years: Array, xp: ModuleType = np) -> Array:
    """Return revenue by year, USD bn: the mean of the run-rate over the year's months.

    Of draws, `p` as columns, shape (sample, year); in the fit, `p` as scalars, shape (year,).
    """
    by_month = {name: p[name][..., None] for name in ("level", "growth", "headroom", "bend")}
    return xp.exp(log_rate(by_month, years[:, None] + MONTHS - ORIGIN, xp)).mean(axis=-1)


def replicate(
    parameters: xr.Dataset, panel: Panel, priors: Priors, rng: np.random.Generator
) -> dict[str, np.ndarray]:
    """Draw new figures for the panel's cells, shape (sample, obs), by data name.

    A bound stays where it is; on which side of it the run-rate lies is drawn.
    """
    p, rows = _flat(parameters), _rows(panel)
    data = {str(n): panel.data[n].values for n in panel.data.data_vars}
    size = len(p["level"])
    value = np.repeat(data["value"][None].astype(float), size, axis=0)
    side = np.repeat(data["side"][None], size, axis=0)

    def given(kind: str) -> dict[str, np.ndarray]:
        return {n: column[rows[kind]] for n, column in data.items()}

    def drawn(law: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
        mean, sd = law
        return mean + sd * rng.standard_normal(mean.shape)

    value[:, rows["run_rate"]] = np.exp(drawn(_rate_law(p, given("run_rate"), np)))
    for kind in ("run_rate_floor", "run_rate_ceiling"):
        k = rows[kind]
        above = drawn(_rate_law(p, given(kind), np)) >= np.log(value[:, k])
        side[:, k] = np.where(above, 1, -1)
    value[:, rows["revenue"]] = np.exp(drawn(_revenue_law(p, given("revenue"), np)))
    value[:, rows["cash"]] = drawn(_cash_law(p, given("cash"), np))
    d = given("projection")
    truth = _programme_cash(p, d, np)
    for j, cell in enumerate(rows["projection"]):  # the newest of a year comes first
        newer = int(data["newer"][cell])
        base = truth[:, [j]] if newer < 0 else value[:, [newer]]
        one = {"ahead": d["ahead"][[j]]}
        value[:, [cell]] = drawn(_projection_law(p, one, base, np))
    return {"value": value, "side": side}


@dataclasses.dataclass(frozen=True)
class Plan:
    """Cash and spending of one programme by draw, USD bn.

    Attributes
    ----------
    years
        Shape (year,).
    revenue, margin
        Shape (sample, year).
    discount
        Factor of each year, shape (sample, year); 1 in the middle of 2026.
    cost
        Discounted whole of the spending, shape (sample,).
    end, way
        Margin in the long run, shape (sample, 1), and the share of the way to it that is gone by
        each year, shape (sample, year).
    """

    years: np.ndarray
    revenue: np.ndarray
    margin: np.ndarray
    discount: np.ndarray
    cost: np.ndarray
    end: np.ndarray
    way: np.ndarray

    @property
    def balance(self) -> np.ndarray:
        """Discounted cash since 2026 less the discounted whole of the spending."""
        earned: np.ndarray = np.cumsum(self.discount * self.margin * self.revenue, axis=1)
        return earned - self.cost[:, None]


def plan_of(
    parameters: xr.Dataset, programme: str, until: int = LAST, revenue: np.ndarray | None = None
) -> Plan:
    """Return what each draw says of a programme, by its name in :data:`PROGRAMMES`.

    `revenue` takes the place of the curve's, USD bn, shape (sample, year from 2026).
    """
    p = _flat(parameters)
    years = np.arange(FIRST, until + 1)
    amount, last = PROGRAMMES[programme]
    all_years = np.arange(FIRST, max(last, until) + 1)
    factor = (1 + p["discount"]) ** -(all_years - FIRST)
    cost = (spending(amount, FIRST, last, p["ramp"][:, 0], all_years) * factor).sum(axis=1)
    return Plan(
        years,
        yearly_revenue(p, years) if revenue is None else revenue,
        margin(p, years),
        factor[:, : len(years)],
        cost,
        p["margin_end"],
        1 - np.exp(-(years - 2025.0) / p["margin_years"]),
    )


def required_revenue(plan: Plan, by: int, margins: np.ndarray, at: int = 2035) -> np.ndarray:
    """Return the revenue of year `at` with which a programme is earned back by a year.

    Each draw keeps the form of its revenue path, its way to the long-run margin, its schedule and
    its discount rate; the path is scaled until the balance at the end of `by` is zero.

    Parameters
    ----------
    plan
        Of :func:`plan_of`.
    by
        Year of payback.
    margins
        Long-run cash margins, shape (margin,); each takes the place of the draw's own.
    at
        The year whose revenue is told.

    Returns
    -------
    numpy.ndarray
        USD bn, shape (sample, margin); infinite where no revenue would do.
    """
    inside = plan.years <= by
    out = np.empty((len(plan.cost), len(margins)))
    base = plan.discount[:, inside] * plan.revenue[:, inside]
    told = plan.revenue[:, plan.years == at][:, 0]
    for k, wanted in enumerate(margins):
        earned = (base * (plan.margin + (wanted - plan.end) * plan.way)[:, inside]).sum(axis=1)
        out[:, k] = np.where(earned > 0, told * plan.cost / np.where(earned > 0, earned, 1), np.inf)
    return out


def draw(
    parameters: xr.Dataset, panel: Panel, priors: Priors, until: str, rng: np.random.Generator
) -> xr.Dataset:
    """Draw revenue, margin and the balance of every programme by year.

    Returns
    -------
    xarray.Dataset
        ``y`` and ``signal``, dims chain, draw, series, period (years from 2026). Series are
        "OpenAI/annual_revenue" (USD bn; ``y`` with the noise of a report), "OpenAI/cash_margin"
        (ratio), and per programme of :data:`PROGRAMMES` "programme/balance" (discounted, USD bn)
        and "programme/recovered" (1 from the first year in which the balance is not negative).
    """
    return _drawn(parameters, _last_year(until), None, rng)


def horizon(as_of: str) -> str:
    """Return the last year that is drawn, whatever the day: a programme's own years count."""
    return str(LAST)


def _last_year(until: str) -> int:
    last: int = period_end(until).year
    if not FIRST + 1 <= last <= LAST:
        raise DataError(f"cannot draw paybacks to {until!r}; wanted a year from 2027 to {LAST}")
    return last


def _drawn(
    parameters: xr.Dataset, last: int, revenue: np.ndarray | None, rng: np.random.Generator
) -> xr.Dataset:
    plans = {name: plan_of(parameters, name, last, revenue) for name in PROGRAMMES}
    one = plans[RESTATED]
    series: dict[str, tuple[np.ndarray, str]] = {
        f"{ENTITY}/annual_revenue": (one.revenue, UNIT),
        f"{ENTITY}/cash_margin": (one.margin, "ratio"),
    }
    for name, plan in plans.items():
        balance = plan.balance
        series[f"{name}/balance"] = (balance, UNIT)
        reached = np.maximum.accumulate(balance >= 0, axis=1).astype(float)
        series[f"{name}/recovered"] = (reached, "ratio")
    names = list(series)
    sizes = (parameters.sizes["chain"], parameters.sizes["draw"], len(names), len(one.years))
    signal = np.stack([values for values, _ in series.values()], axis=1)
    y = signal.copy()
    noise = _flat(parameters)["noise"]
    y[:, 0] *= np.exp(noise * rng.standard_normal(y[:, 0].shape))
    dims = ("chain", "draw", "series", "period")
    return xr.Dataset(
        {
            "y": (dims, y.reshape(sizes)),
            "signal": (dims, signal.reshape(sizes)),
            "observed": (dims[2:], np.full(sizes[2:], np.nan)),
        },
        coords={
            "chain": parameters["chain"].values,
            "draw": parameters["draw"].values,
            "series": names,
            "period": one.years.astype(str),
        },
    ).assign_coords(
        entity=("series", [entity_of(n) for n in names]),
        metric=("series", [metric_of(n) for n in names]),
        unit=("series", [unit for _, unit in series.values()]),
        period_end=("period", [period_end(str(t)).isoformat() for t in one.years]),
    )


def _last_rate(replicated: dict[str, np.ndarray], panel: Panel) -> np.ndarray:
    """Run-rate of the last exact report of the first two years, USD bn a year."""
    exact = _rows(panel)["run_rate"]
    early = [i for i in exact if panel.data["time"].values[i] < ORIGIN + 2]
    k = early or exact[:1]  # the range is of a company of that age, whenever it is looked at
    rate: np.ndarray = replicated["value"][:, k[-1]]
    return rate


def _cash(replicated: dict[str, np.ndarray], panel: Panel) -> np.ndarray:
    return replicated["value"][:, _rows(panel)["projection"]].ravel()


PRIOR_CHECKS = (
    # A start-up of 2023 is neither nothing nor as large as a cloud segment by 2026.
    ("run-rate at the last exact report by 2026, USD bn", _last_rate, 1.0, 60.0),
    # No company has had a yearly cash flow beyond a few hundred USD bn either way.
    ("projected cash of a year, USD bn", _cash, -400.0, 300.0),
)
