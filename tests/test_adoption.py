"""The open-weight share: likelihood and draws against a dense normal, panel, naive forecast."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy.special import expit, logit
from scipy.stats import multivariate_normal

from forecast.core.errors import DataError
from forecast.core.words import TOLD_UNTIL
from forecast.inference.fitting import fit
from forecast.inference.sampling import prior_draws
from forecast.models.adoption import baseline as adoption_baseline
from forecast.models.adoption import model as adoption
from forecast.models.adoption.figures import FIGURES, UNKNOWN
from forecast.models.adoption.panel import measures
from forecast.models.base import Scene
from forecast.models.panels import build_panel
from forecast.models.registry import get_model
from forecast.tables.shipped import read_vintages
from forecast.tables.vintages import as_of

PRIORS = adoption.Priors()
TRUE = {"drift": -0.2, "volatility": 0.3, "error": 0.1}
NAME = "enterprise LLM usage/open_weight_share"


def parameters(n):
    return xr.Dataset(
        {k: (("chain", "draw"), np.full((1, n), v)) for k, v in TRUE.items()},
        coords={"chain": [0], "draw": np.arange(n)},
    )


ROUTER = "open router tokens/open_weight_share"
MENLO = "enterprise LLM usage (Menlo Ventures)"


def dense(panel, extra=(), whom=MENLO):
    """Mean and covariance of the data's log-odds and of `whom`'s path at `extra`, entry by entry."""
    data = panel.data
    h = np.append(data["year"].values - data["year"].values.max(), extra)
    by = [*data["survey"].values.astype(str), *[whom] * len(extra)]
    cov = np.full((len(h), len(h)), PRIORS.level_sd**2)
    for i, a in enumerate(h):
        for j, b in enumerate(h):
            common = min(abs(a), abs(b)) if a * b > 0 else 0.0
            cov[i, j] += TRUE["volatility"] ** 2 * common
            if by[i] == by[j]:
                cov[i, j] += (
                    PRIORS.offset_sd**2 + PRIORS.bent_sd**2 * a * b + PRIORS.parting**2 * common
                )
    for i in range(data.sizes["obs"]):
        cov[i, i] += (TRUE["error"] * (2 if data["about"].values[i] else 1)) ** 2
    return PRIORS.level + TRUE["drift"] * h, cov


def test_the_likelihood_is_the_dense_normal(adoption_panel):
    mean, cov = dense(adoption_panel)
    wanted = multivariate_normal(mean, cov).logpdf(logit(adoption_panel.data["value"].values))
    model = adoption.build(adoption_panel, PRIORS)
    logp = model.compile_fn(
        model.logp(vars=model.observed_RVs), inputs=model.value_vars, mode="FAST_COMPILE"
    )
    point = {
        "drift": TRUE["drift"],
        "volatility_log__": np.log(TRUE["volatility"]),
        "error_log__": np.log(TRUE["error"]),
    }
    assert float(logp(point)) == pytest.approx(wanted, abs=1e-8)


@pytest.mark.parametrize(
    ("name", "whom"), [(NAME, MENLO), (ROUTER, "open router tokens (OpenRouter)")]
)
def test_draws_have_the_dense_conditional_law(adoption_panel, name, whom):
    n = 20_000
    draws = adoption.draw(
        parameters(n), adoption_panel, PRIORS, "2027-12", np.random.default_rng(0)
    )
    ahead = 730 / 365.25  # from 2025-12-31 to 2027-12-31
    mean, cov = dense(adoption_panel, [ahead], whom)
    gain = cov[-1:, :-1] @ np.linalg.inv(cov[:-1, :-1])
    centre = mean[-1] + gain @ (logit(adoption_panel.data["value"].values) - mean[:-1])
    sd = np.sqrt(cov[-1, -1] - gain @ cov[:-1, -1:]).item()
    got = logit(draws["signal"].sel(series=name, period="2027-12").values)
    assert got.mean() == pytest.approx(centre.item(), abs=4 * sd / np.sqrt(n) + 1e-3)
    assert got.std() == pytest.approx(sd, rel=0.02)


def test_surveyed_months_are_the_surveys_and_shares_stay_shares(adoption_panel):
    draws = adoption.draw(
        parameters(50), adoption_panel, PRIORS, "2028-06", np.random.default_rng(0)
    )
    one = draws.sel(series=NAME)
    assert np.unique(one["y"].sel(period="2025-07")).tolist() == [0.13]
    assert np.isnan(one["observed"].sel(period="2026-01"))
    assert ((draws["y"] > 0) & (draws["y"] < 1)).all()
    assert str(draws["period_end"].values[-1]) == "2028-06-30"
    with pytest.raises(DataError, match="at most ten years after 2025-12"):
        adoption.draw(parameters(2), adoption_panel, PRIORS, "2024", np.random.default_rng(0))


def test_nothing_reported_later_reaches_the_panel():
    table = read_vintages()
    mine = (table["metric"] == "open_weight_share") & (table["period"] == "2025-12")
    later = table[mine].assign(value=0.9, reported_on="2026-06-01")
    changed = pd.concat([table, later], ignore_index=True)
    before = build_panel(as_of(table, "2026-05-06"), "adoption")
    assert build_panel(as_of(changed, "2026-05-06"), "adoption").hash == before.hash
    assert build_panel(as_of(changed, "2026-06-02"), "adoption").hash != before.hash


def test_shares_that_are_none(known):
    rows = known.rows.copy()
    rows.loc[rows["entity"] == MENLO, "value"] = 1.0
    with pytest.raises(DataError, match="shares between 0 and 1"):
        build_panel(known.with_rows(rows), "adoption")
    none = known.with_rows(known.rows[known.rows["metric"] != "open_weight_share"])
    with pytest.raises(DataError, match="two or more rows of open_weight_share; the table has 0"):
        build_panel(none, "adoption")


def test_the_naive_walk_has_the_law_it_states(adoption_panel):
    """Student's t: location, and scale by the closed form, at one horizon."""
    draws = adoption_baseline.share_walk(adoption_panel, until="2026-12", seed=1, draws=20_000)
    router = draws["y"].sel(series=ROUTER)
    assert router.sel(period="2025-04").isnull().all()
    assert router.sel(period="2025-11").std() < 1e-12
    assert 0.02 < router.sel(period="2026-12").std() < 0.3
    data = adoption_panel.data.isel(obs=adoption_panel.data["survey"].values == MENLO)
    odds, years = logit(data["value"].values), data["year"].values
    d, t = np.diff(odds), np.diff(years)
    h = 365 / 365.25
    m = d.sum() / t.sum()
    s2 = ((d - m * t) ** 2 / t).sum() / (len(d) - 1)
    got = logit(draws["y"].sel(series=NAME, period="2026-12").values).ravel()
    scale = np.sqrt(s2 * (h + h**2 / t.sum()))
    assert np.median(got) == pytest.approx(odds[-1] + m * h, abs=0.01)
    iqr = np.subtract(*np.quantile(got, [0.75, 0.25]))
    assert iqr == pytest.approx(2 * 0.816497 * scale, rel=0.05)  # quartile of t with 2 d.f.


def test_a_measure_is_called_by_what_it_counts(adoption_panel):
    assert measures(adoption_panel)[0] == ["enterprise LLM usage", "open router tokens"]
    data = adoption_panel.data
    whom = data["survey"].values.astype(object)
    whom[-1] = "enterprise LLM usage (another house)"
    panel = dataclasses.replace(
        adoption_panel, data=data.assign_coords(survey=("obs", whom.astype(str)))
    )
    names, measure = measures(panel)
    assert names[0] == "enterprise LLM usage"
    assert "enterprise LLM usage (another house)" in names
    assert names[measure[-1]] == "enterprise LLM usage (another house)"


def test_another_measures_level_matters_the_less_the_more_measures_differ(adoption_panel):
    """How high tokens stand on a router is nothing to a survey if levels may be anything."""
    data, n = adoption_panel.data, 4000
    router = np.flatnonzero(data["survey"].values != MENLO)

    def median(odds, priors=PRIORS):
        value = data["value"].values.copy()
        value[router] = expit(odds)
        panel = dataclasses.replace(adoption_panel, data=data.assign(value=("obs", value)))
        draws = adoption.draw(parameters(n), panel, priors, "2027-12", np.random.default_rng(0))
        return float(logit(draws["signal"].sel(series=NAME, period="2027-12")).median())

    assert median([-0.5, -0.5]) > median([-2.0, -2.0])
    apart = dataclasses.replace(PRIORS, offset_sd=5.0)
    assert median([-0.5, -0.5], apart) == pytest.approx(median([-2.0, -2.0], apart), abs=0.03)


def test_the_horizon_ends_where_the_prior_says_as_much(adoption_panel):
    """A band of the share that is as wide as before any survey is told to the last of them."""
    draws = adoption.draw(
        parameters(600), adoption_panel, PRIORS, "2028-06", np.random.default_rng(0)
    )
    assert dict(zip(draws["series"].values, draws[TOLD_UNTIL].values, strict=True)) == {
        NAME: "2028-06-30", ROUTER: "2028-06-30"
    }  # fmt: skip
    wild = parameters(600).assign(volatility=parameters(600)["volatility"] * 30)
    cut = adoption.draw(wild, adoption_panel, PRIORS, "2028-06", np.random.default_rng(0))
    assert set(cut[TOLD_UNTIL].values) == {"2025-12-31"}


def test_the_memo_says_first_what_cannot_be_known(adoption_panel, known):
    given = parameters(600)
    draws = adoption.draw(given, adoption_panel, PRIORS, "2028-06", np.random.default_rng(0))
    draws = draws.assign_attrs(model="adoption", as_of="2026-05-06")
    baseline = adoption_baseline.share_walk(adoption_panel, until="2028-06", seed=1, draws=50)
    scene = Scene(adoption_panel, given, draws, baseline, "2026-05-06", known)
    caption = FIGURES[0].draw(scene).caption
    assert caption.startswith(UNKNOWN)
    assert "Data: 4 of enterprise LLM usage, 2 of open router tokens." in caption


@pytest.mark.slow
def test_a_known_share_is_recovered(adoption_panel):
    """Forty made-up data of two measures, three years: drift, volatility, error in their intervals."""
    years = np.linspace(0.0, 3.0, 40)
    data = adoption_panel.data.isel(obs=np.tile([0, 1], 20)).drop_vars("survey")
    whom = np.tile([MENLO, "open router tokens (OpenRouter)"], 20)
    data = data.assign(year=("obs", years), about=("obs", np.zeros(40, dtype=bool)))
    data = data.assign_coords(survey=("obs", whom))
    panel = dataclasses.replace(adoption_panel, data=data)
    model = get_model("adoption")
    truth = prior_draws(model, panel, PRIORS, size=4, seed=3)
    values = model.replicate(truth, panel, PRIORS, np.random.default_rng(3))["value"][1]
    made = dataclasses.replace(panel, data=data.assign(value=("obs", values)))
    run = fit("adoption", made, seed=1, draws=500, tune=600, progress=False)
    assert run.gate.passed, [str(c) for c in run.gate.failures]
    for name in adoption.REPORT:
        low, high = run.posterior[name].quantile([0.005, 0.995]).values
        assert low < float(truth[name][0, 1]) < high
    assert run.posterior["volatility"].std() < 0.11  # the prior's is 0.14
