"""Quarterly company figures: level, growth, season, a damped own trend and a factor per metric.

Series s of metric group g (capex, revenue, cloud revenue) in quarter t, on the log scale, with k[s]
the series' own scale, log k[s] ~ N(0, scale_spread[g])::

    y[t, s]  = mu[t, s] + growth[s] t + season[s, quarter of t]
               + k[s] factor_sd[g] f[t, g] + N(0, (k[s] noise_sd[g])^2)
    mu[t]    = mu[t-1] + d[t]      d[t] = damping[g] d[t-1] + N(0, (k[s] shock_sd[g])^2)
    f[t]     = f[t-1] + u[t]       u[t] = factor_damping[g] u[t-1] + N(0, 1)
    growth[s] ~ N(growth_mean[g], (k[s] growth_spread[g])^2)

and seasons alike, but for the scale. The common factor keeps totals from being overconfident; levels
start from a wide prior. A company whose figures jump is also one whose long-run growth is less like
the others': both come with its scale. Eight numbers a group and one
scale a series are sampled; everything else is Gaussian given them, is integrated out
(:mod:`forecast.models.earnings.kernel`) and drawn exactly afterwards. Given their hyper-parameters the
groups are independent of each other: a ratio of capex to revenue is a ratio of joint draws, but the
model sees no correlation between the shocks to the one and to the other.

Draws of quarters to come are given what issuers have said of them
(:mod:`forecast.models.earnings.guidance`, :mod:`forecast.models.earnings.conditioning`), and capex may
turn (:mod:`forecast.models.earnings.busts`). Neither enters the fit: statements say next to nothing of
how much quarters scatter, and no quarter of the panel knows how often booms end.

Invariant: :func:`complete` and :func:`draw` condition on the density that :func:`build` fits;
``tests/test_earnings.py`` compares with the form in which every state is sampled.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
import pymc as pm
import pytensor.tensor as pt
import xarray as xr
from pymc.distributions import transforms

from forecast.core.draws import sample_first
from forecast.core.errors import DataError
from forecast.core.periods import period_end, quarter_index, quarter_name
from forecast.core.words import SAMPLE
from forecast.models import common
from forecast.models.earnings import kernel, paths
from forecast.models.earnings.busts import (
    BustPriors,
    Turns,
    draw_scale,
    draw_turns,
    expected_growth,
)
from forecast.models.earnings.conditioning import paths_given
from forecast.models.earnings.guidance import Guidance, furthest, open_statements
from forecast.models.earnings.panel import EARNINGS_UNIT, METRIC_GROUPS
from forecast.models.earnings.states import (
    Data,
    Numbers,
    States,
    draw_paths,
    draw_states,
    one_group,
)

if TYPE_CHECKING:
    from forecast.models.base import Panel


@dataclasses.dataclass(frozen=True)
class MetricPriors:
    """Numbers of one metric group's priors, log points per quarter unless said otherwise.

    All were fixed before the model was scored on 2022-2026, with a look at forecasts made from
    2020Q4 to 2022Q1 of quarters to 2022Q2. Where no other origin is given a number is our rough
    judgement of the order of magnitude, and its prior wide enough for that to be three times off.
    """

    # Mean growth of a group: our rough judgement of large technology companies over a decade.
    growth: float
    growth_sd: float
    # Shock to a series' slope; damping is the share of it that is left a quarter later.
    shock: float
    damping: float
    # Shock to the slope that a group has in common.
    factor: float
    # One-quarter deviations.
    noise: float
    # Season: sd of a group's common pattern, and of a company's deviation from it.
    season_sd: float
    season_spread: float
    # Companies differ in the size of their shocks by about a factor of 1.8 (sd of the log scale):
    # changes of yearly growth of the quarters to 2022Q2, 0.63 for capex and 0.68 for revenue, of
    # which about 0.27 is the error of a standard deviation of eight numbers.
    scale_spread: float = 0.6
    # Companies of middling scale differ in long-run growth by about as much as the mean of a group
    # is uncertain; those of larger scale differ more.
    growth_spread: float = 0.02
    # A common swing lasts a year or two.
    factor_damping: float = 0.8
    # Widths: sd of the logarithm of scales, and of the log-odds of dampings.
    shock_log_sd: float = 0.6
    factor_log_sd: float = 0.6
    noise_log_sd: float = 0.6
    scale_spread_log_sd: float = 0.4
    growth_spread_log_sd: float = 0.4
    season_spread_log_sd: float = 0.5
    damping_logit_sd: float = 0.8
    factor_damping_logit_sd: float = 0.6


# About 20 % a year. Capex is lumpy and its shocks are short-lived: on the quarters to 2022Q2 a lower
# damping of its shocks scored better.
_CAPEX = MetricPriors(
    growth=0.05,
    growth_sd=0.02,
    shock=0.07,
    damping=0.3,
    factor=0.025,
    noise=0.05,
    season_sd=0.10,
    season_spread=0.05,
)
# About 16 % a year, and steadier.
_REVENUE = MetricPriors(
    growth=0.04,
    growth_sd=0.015,
    shock=0.02,
    damping=0.5,
    factor=0.01,
    noise=0.01,
    season_sd=0.10,
    season_spread=0.05,
)
# About 27 % a year: a guess, for most of these segments were not reported before 2019.
_CLOUD = MetricPriors(
    growth=0.06,
    growth_sd=0.02,
    shock=0.02,
    damping=0.5,
    factor=0.01,
    noise=0.01,
    season_sd=0.05,
    season_spread=0.03,
)


_BUST = BustPriors()


@dataclasses.dataclass(frozen=True)
class Priors:
    """One record a metric group, and the width of the prior of every level."""

    capex: MetricPriors = _CAPEX
    revenue: MetricPriors = _REVENUE
    cloud_revenue: MetricPriors = _CLOUD
    # Log points about a series' first known value: the data decide the level.
    level_sd: float = 5.0
    bust: BustPriors = _BUST


def _variant(growth: tuple[float, float, float], factor: float, hazard: float) -> Priors:
    capex, revenue, cloud = (
        dataclasses.replace(group, growth=g, factor=factor * group.factor)
        for group, g in zip((_CAPEX, _REVENUE, _CLOUD), growth, strict=True)
    )
    return Priors(capex, revenue, cloud, bust=dataclasses.replace(_BUST, hazard=hazard))


VARIANTS = {
    # Growth comes back to about 8-12 % a year, and what companies share moves more: US telecom
    # capex of 1996-2004 rose and fell as one. It turns as five firms' sums at a record have.
    "sceptical": _variant((0.02, 0.02, 0.03), 1.5, 0.4),
    # Growth of 27-43 % a year lasts, and companies go their own ways. It turns as rarely as theirs has
    # since 2012, half an event in 14 years.
    "generous": _variant((0.08, 0.06, 0.09), 0.7, 0.036),
}

SHOCKS = {"shock_sd": "shock", "factor_sd": "factor", "noise_sd": "noise"}
TRANSFORMS = {
    "shock_sd": transforms.log,
    "factor_sd": transforms.log_exp_m1,
    "noise_sd": transforms.log_exp_m1,
}
"""How a scale is sampled. Data say little against a noise or a factor near nothing: its logarithm has
a long lower tail, in which the sampler is slow; the scale itself is nearly symmetric."""
SPREADS = ("scale_spread", "growth_spread", "season_spread")
DAMPINGS = ("damping", "factor_damping")
HYPER_NAMES = (*SHOCKS, *SPREADS, *DAMPINGS)
SAMPLED = (*HYPER_NAMES, "scale", common.HYPER)

REPORT = ("growth_now", "growth", "growth_mean", *HYPER_NAMES, "scale")
LABELS = {
    "growth_now": "growth expected for the next quarter, log points, without season",
    "growth": "long-run growth, log points a quarter",
    "growth_mean": "mean long-run growth of a metric, log points a quarter",
    "shock_sd": "shock to a series' own slope, log points a quarter",
    "factor_sd": "shock to the slope that a metric has in common, log points a quarter",
    "noise_sd": "one-quarter deviation, log points",
    "scale_spread": "spread of series' scales, sd of the logarithm",
    "growth_spread": "spread of long-run growth between series of scale 1, log points a quarter",
    "season_spread": "spread of seasons between series, log points",
    "damping": "share of an own shock to the slope left a quarter later",
    "factor_damping": "share of a common shock to the slope left a quarter later",
    "scale": "size of a series' shocks relative to its metric's",
}

CONTRASTS = np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]]) / 2
"""Orthonormal patterns of the four quarters that sum to zero."""
MOST_LOG = 300.0
"""Log points from one USD bn at which a path is held, so that ratios of absurd paths are numbers; no
posterior comes near."""
FURTHEST = 60
"""Quarters after the last known one up to which may be forecast."""


@dataclasses.dataclass(frozen=True)
class Layout:
    """A panel as arrays.

    Attributes
    ----------
    names
        The series, by group.
    first
        The first quarter, as :func:`forecast.core.periods.quarter_index` counts.
    group
        Group of each series, shape (series,).
    y, seen
        Log values in USD bn, zero where unknown, and whether they are known; (quarter, series).
    start
        First known log value of each series.
    cells
        Quarter and series of each observation.
    """

    names: tuple[str, ...]
    first: int
    group: np.ndarray
    y: np.ndarray
    seen: np.ndarray
    start: np.ndarray
    cells: tuple[np.ndarray, np.ndarray]


def layout(panel: Panel) -> Layout:
    """Return a panel as arrays, series by group in the panel's order; a value may be NaN, not known."""
    data = panel.data
    labels = data["series"].values.astype(str)
    group_of = dict(zip(labels, data["group"].values.astype(str), strict=True))
    names = sorted(group_of, key=lambda n: (METRIC_GROUPS.index(group_of[n]), n))
    quarters = np.array([quarter_index(q) for q in data["quarter"].values.astype(str)])
    first = int(quarters.min())
    at = (quarters - first, np.array([names.index(n) for n in labels]))
    shape = (int(quarters.max()) - first + 1, len(names))
    y, seen = np.zeros(shape), np.zeros(shape, dtype=bool)
    seen[at] = np.isfinite(data["value"].values)
    y[at] = np.where(seen[at], np.log(data["value"].values), 0.0)
    return Layout(
        names=tuple(names),
        first=first,
        group=np.array([METRIC_GROUPS.index(group_of[n]) for n in names]),
        y=y,
        seen=seen,
        start=y[seen.argmax(axis=0), np.arange(len(names))],
        cells=at,
    )


def regressors(first: int, size: int) -> np.ndarray:
    """Return the quarter's number and its season's contrasts, shape (size, 4)."""
    t = np.arange(size)
    return np.column_stack([t, CONTRASTS[(first + t) % 4]]).astype(float)


def _numbers(priors: Priors, field: str) -> np.ndarray:
    """Return one number of every group, shape (group,)."""
    return np.array([getattr(getattr(priors, group), field) for group in METRIC_GROUPS])


def build(panel: Panel, priors: Priors) -> pm.Model:
    """Return the model of the panel, with all states integrated out.

    Logarithms of the scales of a group are sampled relative to the mean of its series' log scales,
    weighted by their data: the same model, without the ridge between the two.
    """
    flat = layout(panel)
    arrays = {
        "y": flat.y,
        "seen": flat.seen,
        "x": regressors(flat.first, len(flat.y)),
        "series_group": flat.group,
        "start": flat.start,
    }
    prior = {field.name: _numbers(priors, field.name) for field in dataclasses.fields(MetricPriors)}
    with pm.Model(coords={"group": list(METRIC_GROUPS), "series": list(flat.names)}) as model:
        data = {name: pm.Data(name, values) for name, values in arrays.items()}
        p = {name: pm.Data(f"prior_{name}", values) for name, values in prior.items()}
        start_var = pm.Data("start_var", np.float64(priors.level_sd**2))
        group = data["series_group"]
        par, densities = {}, []

        # Starts of their own: from a mean that goes by the data a re-used compiled model, which
        # starts where its first data say, would draw otherwise than a fresh one.
        zeros = np.zeros(len(METRIC_GROUPS))

        def standard(name: str) -> pt.TensorVariable:
            raw = pm.Normal(f"raw_{name}", dims="group", initval=zeros)
            densities.append(pm.logp(pm.Normal.dist(), raw).sum())
            return raw

        def keep(name: str, value: pt.TensorVariable) -> None:
            par[name] = pm.Deterministic(name, value, dims="group")

        for name in SPREADS:
            keep(name, p[name] * pt.exp(p[f"{name}_log_sd"] * standard(name)))
        for name in DAMPINGS:
            centre = pt.log(p[name] / (1 - p[name]))
            keep(name, pm.math.sigmoid(centre + p[f"{name}_logit_sd"] * standard(name)))
        known = pt.cast(data["seen"], "float64").sum(axis=0)
        spread = pt.switch(known > 0, par["scale_spread"][group], 1.0)
        log_scale = pm.Normal("log_scale", 0.0, spread, dims="series")
        member = pt.eq(group[None, :], np.arange(len(METRIC_GROUPS))[:, None]) * known
        mean_log = member @ log_scale / pt.maximum(member.sum(axis=1), 1.0)
        for name, field in SHOCKS.items():
            sd = p[f"{field}_log_sd"]
            raw = pm.LogNormal(
                f"raw_{name}", mean_log, sd, dims="group", initval=zeros + 1,
                default_transform=TRANSFORMS[name],
            )  # fmt: skip
            densities.append(pm.logp(pm.Normal.dist(mean_log, sd), pt.log(raw)).sum())
            keep(name, p[field] * raw * pt.exp(-mean_log))
        scale = pm.Deterministic("scale", pt.exp(log_scale), dims="series")
        logp = kernel.PanelLogp()(
            data["y"], data["seen"], data["x"], group, data["start"], start_var,
            p["growth"], p["growth_sd"], p["season_sd"],
            par["damping"][group],
            (par["shock_sd"][group] * scale) ** 2,
            (par["noise_sd"][group] * scale) ** 2,
            par["factor_sd"][group] * scale,
            (par["growth_spread"][group] * scale) ** 2,
            par["season_spread"][group] ** 2,
            par["factor_damping"],
        )[0]  # fmt: skip
        pm.Potential("panel", logp)
        pm.Deterministic(common.HYPER, pt.add(*densities))
    return model


def _numbers_of(parameters: xr.Dataset, flat: Layout) -> Numbers:
    """Return draws of what is sampled as densities and states take it."""
    by_series = {name: sample_first(parameters, name)[:, flat.group] for name in HYPER_NAMES}
    scale = sample_first(parameters, "scale")
    return Numbers(
        damping=by_series["damping"],
        shock=(by_series["shock_sd"] * scale) ** 2,
        noise=(by_series["noise_sd"] * scale) ** 2,
        load=by_series["factor_sd"] * scale,
        growth_var=(by_series["growth_spread"] * scale) ** 2,
        season_var=by_series["season_spread"] ** 2,
        factor_damping=sample_first(parameters, "factor_damping"),
    )


def _data_of(flat: Layout, priors: Priors, *, ahead: int, given: bool) -> Data:
    """Return what states are drawn from, with the regressors of `ahead` quarters more."""
    return Data(
        y=flat.y,
        seen=flat.seen if given else np.zeros_like(flat.seen),
        x=regressors(flat.first, len(flat.y) + ahead),
        group=flat.group,
        start=flat.start,
        start_var=priors.level_sd**2,
        centre=_numbers(priors, "growth"),
        growth_width=_numbers(priors, "growth_sd"),
        season_width=_numbers(priors, "season_sd"),
    )


def complete(
    parameters: xr.Dataset, panel: Panel, priors: Priors, rng: np.random.Generator, *, given: bool
) -> xr.Dataset:
    """Add what was integrated out, drawn exactly given the sampled numbers.

    Parameters
    ----------
    parameters
        Draws of the sampled numbers, dims chain, draw.
    panel, priors, rng
        What the fit was of, and the source of the draws that are added.
    given
        Whether to condition on the panel's values; if not, the draws are from the prior.

    Returns
    -------
    xarray.Dataset
        Dims chain, draw and the parameter's own: the hyper-parameters by group, ``scale`` by
        series, ``growth_mean`` by group, ``growth`` and ``growth_now`` by series, and the states
        from which :func:`draw` goes on (``shared``, ``coefficient``, ``state``, ``factor_slope``);
        if `given`, the densities that a sensitivity check scales.
    """
    flat = layout(panel)
    kept = parameters[[*HYPER_NAMES, "scale"]]
    kept = kept.assign_coords(series=list(flat.names))
    k = _numbers_of(kept, flat)
    drawn, density = draw_states(rng, _data_of(flat, priors, ahead=0, given=given), k)
    mean = _numbers(priors, "growth") + _numbers(priors, "growth_sd") * drawn.shared[:, :, 0]
    now = drawn.coefficient[:, :, 0] + drawn.state[:, :, 1] * k.damping
    now += k.load * (drawn.factor_slope * k.factor_damping)[:, flat.group]
    added = {
        "growth_mean": (("group",), mean),
        "growth": (("series",), drawn.coefficient[:, :, 0]),
        "growth_now": (("series",), now),
        "shared": (("group", "shared_term"), drawn.shared),
        "coefficient": (("series", "regressor"), drawn.coefficient),
        "state": (("series", "state_term"), drawn.state),
        "factor_slope": (("group",), drawn.factor_slope),
    }
    sizes = (kept.sizes["chain"], kept.sizes["draw"])
    full = kept.assign(
        {
            name: (("chain", "draw", *dims), values.reshape(*sizes, *values.shape[1:]))
            for name, (dims, values) in added.items()
        }
    ).assign_coords(
        regressor=["growth", "season 1", "season 2", "season 3"], state_term=["level", "slope"]
    )
    if given:
        prior_growth = -0.5 * (drawn.shared[:, :, 0] ** 2).sum(axis=1).reshape(sizes)
        full[common.HYPER] = parameters[common.HYPER] + xr.DataArray(prior_growth, dims=SAMPLE)
        full[common.LIKELIHOOD] = (SAMPLE, density.reshape(sizes))
    return full.assign_attrs(given=int(given))


def _states_in(parameters: xr.Dataset) -> States:
    names = ("shared", "coefficient", "state", "factor_slope")
    return States(**{name: sample_first(parameters, name) for name in names})


def _paths(
    parameters: xr.Dataset,
    flat: Layout,
    priors: Priors,
    ahead: int,
    rng: np.random.Generator,
    *,
    given: bool,
) -> tuple[np.ndarray, np.ndarray]:
    """Return log paths without and with noise through the drawn states, (sample, quarter, series)."""
    return draw_paths(
        rng,
        _data_of(flat, priors, ahead=ahead, given=given),
        _numbers_of(parameters, flat),
        _states_in(parameters),
    )


def _given_statements(
    parameters: xr.Dataset,
    panel: Panel,
    flat: Layout,
    priors: Priors,
    ahead: int,
    rng: np.random.Generator,
) -> tuple[np.ndarray, np.ndarray]:
    """Return paths as :func:`_paths` does, given what issuers have said of quarters to come."""
    guidance = panel.drawn if isinstance(panel.drawn, Guidance) else Guidance()
    if not parameters.attrs.get("given", 1):
        guidance = Guidance()  # the prior is given nothing
    last = flat.first + len(flat.y) - 1
    # What is said of later quarters than are asked for counts as well.
    reach = min(max(ahead, furthest(guidance, flat.names) - last), FURTHEST)
    said = {}
    for g, name in enumerate(METRIC_GROUPS):
        mine = flat.group == g
        names = [series for series, own in zip(flat.names, mine, strict=True) if own]
        total = len(flat.y) + reach
        one = open_statements(
            guidance, names, name, flat.first, flat.y[:, mine], flat.seen[:, mine], total
        )
        if one is not None:
            said[g] = one
    numbers, states = _numbers_of(parameters, flat), _states_in(parameters)
    scale, turns = _outlook(numbers, states, flat, priors.bust, reach, rng.spawn(1)[0])
    found = paths_given(
        rng,
        _data_of(flat, priors, ahead=reach, given=True),
        numbers,
        states,
        said,
        scale,
        turns,
    )
    upto = len(flat.y) + ahead
    return found.signal[:, :upto], found.noisy[:, :upto]


def _outlook(
    numbers: Numbers,
    states: States,
    flat: Layout,
    priors: BustPriors,
    ahead: int,
    rng: np.random.Generator,
) -> tuple[np.ndarray, dict[int, Turns]]:
    """Return what only quarters to come have, capex alone: the scale of shocks, and turns of growth."""
    scale = np.ones_like(numbers.factor_damping)
    g = METRIC_GROUPS.index("capex")
    if g not in flat.group or not ahead:
        return scale, {}
    scale[:, g] = draw_scale(rng, priors, len(scale))
    growth = expected_growth(*one_group(numbers, states, flat.group, g), ahead)
    return scale, {g: draw_turns(rng, priors, growth, ahead)}


def replicate(
    parameters: xr.Dataset, panel: Panel, priors: Priors, rng: np.random.Generator
) -> dict[str, np.ndarray]:
    """Draw new observations for the panel's cells, shape (sample, obs), by data name."""
    flat = layout(panel)
    _, noisy = _paths(parameters, flat, priors, 0, rng, given=False)
    return {"log_value": noisy[:, flat.cells[0], flat.cells[1]]}


def draw(
    parameters: xr.Dataset, panel: Panel, priors: Priors, until: str, rng: np.random.Generator
) -> xr.Dataset:
    """Draw every series to the quarter `until`, exactly from the Gaussian conditional.

    Returns
    -------
    xarray.Dataset
        ``y`` (as it would be reported) and ``signal`` (without one-quarter noise), in USD bn, dims
        chain, draw, series, period; ``observed``, dims series, period, NaN where nothing was
        reported. In reported cells ``y`` is the report; before a series' first report both are
        NaN. Sums over groups of companies and ratios of capex to revenue are series of their own,
        from the same draws (:func:`forecast.models.earnings.paths.quarterly_draws`).
    """
    flat = layout(panel)
    size = len(flat.y)
    ahead = quarters_ahead(until, flat.first + size - 1)
    signal, noisy = _given_statements(parameters, panel, flat, priors, ahead, rng)
    noisy[:, :size][:, flat.seen] = flat.y[flat.seen]
    begun = np.vstack([np.maximum.accumulate(flat.seen), np.ones((ahead, len(flat.names)), bool)])
    observed = np.full(begun.shape, np.nan)
    observed[:size][flat.seen] = np.exp(flat.y[flat.seen])
    sizes = (parameters.sizes["chain"], parameters.sizes["draw"])
    y, signal = (
        np.where(begun, np.exp(np.clip(a, -MOST_LOG, MOST_LOG)), np.nan)
        .transpose(0, 2, 1)
        .reshape(*sizes, *begun.T.shape)
        for a in (noisy, signal)
    )
    return paths.quarterly_draws(
        y,
        signal,
        observed.T,
        list(flat.names),
        [quarter_name(flat.first + t) for t in range(size + ahead)],
        EARNINGS_UNIT,
        (parameters["chain"].values, parameters["draw"].values),
    )


def quarters_ahead(until: str, last: int) -> int:
    """Return how many quarters `until` lies after the quarter `last`.

    Raises
    ------
    DataError
        If it lies before it, or out of reach.
    """
    end = period_end(until)
    ahead = quarter_index(f"{end.year}Q{(end.month + 2) // 3}") - last
    if not 0 <= ahead <= FURTHEST:
        raise DataError(
            f"cannot forecast earnings to {until!r}; wanted a quarter from {quarter_name(last)} to "
            f"{quarter_name(last + FURTHEST)}"
        )
    return ahead


def _yearly_growth(group: str, replicated: dict[str, np.ndarray], panel: Panel) -> np.ndarray:
    """Change over four quarters in percent, of every series of a group and every quarter, if any."""
    data = panel.data
    mine = np.flatnonzero(data["group"].values.astype(str) == group)
    place = {
        (str(data["series"].values[i]), quarter_index(str(data["quarter"].values[i]))): i
        for i in mine
    }
    pairs = [(place[s, q - 4], i) for (s, q), i in place.items() if (s, q - 4) in place]
    before, after = np.array(pairs, dtype=int).reshape(-1, 2).T
    change = replicated["log_value"][:, after] - replicated["log_value"][:, before]
    return np.asarray(100 * np.expm1(change)).ravel()


def _capex_growth(replicated: dict[str, np.ndarray], panel: Panel) -> np.ndarray:
    return _yearly_growth("capex", replicated, panel)


def _revenue_growth(replicated: dict[str, np.ndarray], panel: Panel) -> np.ndarray:
    return _yearly_growth("revenue", replicated, panel)


PRIOR_CHECKS = (
    # what, statistic of replicated data, low, high: nine in ten prior draws must lie between, and
    # not all of them in a tenth of the range. Within a year capex of a large company more than halves
    # or triples in a bust or a boom only; its revenue seldom falls by a third or doubles.
    ("growth of capex over four quarters, percent", _capex_growth, -60.0, 250.0),
    ("growth of revenue over four quarters, percent", _revenue_growth, -30.0, 120.0),
)
