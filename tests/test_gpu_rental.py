"""Rental prices: likelihood, bounds and draws against brute force; panel and naive forecast."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy.special import logit
from scipy.stats import multivariate_normal

from forecast.core.errors import DataError
from forecast.evaluation.calibration import refill
from forecast.inference.fitting import fit
from forecast.inference.sampling import prior_draws
from forecast.models.base import select
from forecast.models.gpu_rental import baseline as gpu_rental_baseline
from forecast.models.gpu_rental import model as gpu_rental
from forecast.models.panels import build_panel
from forecast.models.registry import get_model
from forecast.tables.shipped import read_vintages
from forecast.tables.vintages import as_of

PRIORS = gpu_rental.Priors()
TRUE = {"drift": -0.3, "volatility": 0.4, "turmoil": 0.5, "offset_sd": 0.3, "spot_sd": 0.35,
        "memory": 0.12, "error": 0.04}  # fmt: skip
Z = np.linspace(-1.2, 1.4, gpu_rental.QUARTERS)


def parameters(n, bounds=1):
    data = {k: (("chain", "draw"), np.full((1, n), v)) for k, v in TRUE.items()}
    data["z"] = (("chain", "draw", "quarter"), np.tile(Z, (1, n, 1)))
    u = np.random.default_rng(5).random((1, n, bounds))
    data["u"] = (("chain", "draw", "bound"), u)
    return xr.Dataset(data, coords={"chain": [0], "draw": np.arange(n)})


def steps_cov(h):
    """Covariance of the walk, pair by pair and quarter by quarter."""
    out = np.zeros((len(h), len(h)))
    for i, a in enumerate(h):
        for j, b in enumerate(h):
            for q in range(gpu_rental.QUARTERS):
                low = (q - gpu_rental.QUARTERS) / 4 if q else -np.inf
                both = min(0.0, (q + 1 - gpu_rental.QUARTERS) / 4) - max(low, a, b)
                sd = TRUE["volatility"] * np.exp(TRUE["turmoil"] * Z[q])
                out[i, j] += sd**2 * max(both, 0.0)
    return out


def dense(panel):
    """Mean and covariance of all rows, entry by entry."""
    data = panel.data
    h = data["year"].values - data["year"].values.max()
    cov = steps_cov(h) + PRIORS.level_sd**2
    for i in range(len(h)):
        for j in range(len(h)):
            if data["stretch"].values[i] == data["stretch"].values[j]:
                cov[i, j] += TRUE["offset_sd"] ** 2
                if data["spot"].values[i]:
                    cov[i, j] += TRUE["spot_sd"] ** 2 * np.exp(-abs(h[i] - h[j]) / TRUE["memory"])
        cov[i, i] += TRUE["error"] ** 2
    return PRIORS.level + TRUE["drift"] * h, cov


def log_density(panel):
    model = gpu_rental.build(panel, PRIORS)
    logp = model.compile_fn(
        model.logp(vars=model.potentials), inputs=model.value_vars, mode="FAST_COMPILE",
        on_unused_input="ignore",
    )  # fmt: skip
    scales = [k for k in TRUE if k != "drift"]
    point = {f"{k}_log__": np.log(TRUE[k]) for k in scales} | {"drift": TRUE["drift"], "z": Z}
    count = int((panel.data["bound"].values != 0).sum())
    u = np.full(count, 0.37)
    points = point | ({"u_interval__": logit(u)} if count else {})
    return float(logp({v.name: points[v.name] for v in model.value_vars}))


def test_the_likelihood_is_the_dense_normal_and_a_bound_its_tail(gpu_rental_panel):
    data = gpu_rental_panel.data
    mean, cov = dense(gpu_rental_panel)
    log_value = np.log(data["value"].values)
    seen = data["bound"].values == 0
    wanted = multivariate_normal(mean[seen], cov[np.ix_(seen, seen)]).logpdf(log_value[seen])
    numbers = select(gpu_rental_panel, seen)
    assert log_density(numbers) == pytest.approx(wanted, abs=1e-6)
    gain = cov[~seen][:, seen] @ np.linalg.inv(cov[np.ix_(seen, seen)])
    centre = mean[~seen] + gain @ (log_value[seen] - mean[seen])
    sd = np.sqrt((cov[np.ix_(~seen, ~seen)] - gain @ cov[seen][:, ~seen]).item())
    drawn = np.random.default_rng(0).normal(centre.item(), sd, 400_000)
    tail = np.log(np.mean(drawn >= log_value[~seen].item()))
    assert log_density(gpu_rental_panel) - log_density(numbers) == pytest.approx(tail, abs=0.02)


def test_two_bounds_multiply_to_the_probability_of_both(gpu_rental_panel):
    """Mean over the uniform numbers of the product is the probability of the box."""
    data = gpu_rental_panel.data.isel(obs=[16, 18, 20, 17])
    data = data.assign(bound=("obs", np.array([0, 0, 1, -1])))
    panel = dataclasses.replace(gpu_rental_panel, data=data)
    n = 4000
    draws = parameters(n, bounds=2)
    at = gpu_rental._layout(panel)
    cov = gpu_rental._quote_cov(draws, at, PRIORS)
    settled = gpu_rental._settled(draws, at, PRIORS, cov)
    assert (settled[:, 2] >= at.log_value[2]).all()
    assert (settled[:, 3] <= at.log_value[3]).all()
    np.testing.assert_array_equal(settled[:, :2], np.tile(at.log_value[:2], (n, 1)))


def test_the_reference_is_the_conditional_normal(gpu_rental_panel):
    numbers = select(gpu_rental_panel, gpu_rental_panel.data["bound"].values == 0)
    n = 5000
    draws = gpu_rental.draw(parameters(n), numbers, PRIORS, "2027-06", np.random.default_rng(0))
    mean, cov = dense(numbers)
    years = numbers.data["year"].values
    h = np.append(years, 3.0 - 1 / 365.25) - years.max()  # the end of 2025
    at = np.append(np.arange(len(years)), len(years))
    wider = steps_cov(h)[np.ix_(at, at)] + PRIORS.level_sd**2
    across = wider[-1, :-1]
    gain = np.linalg.solve(cov, across)
    centre = (
        PRIORS.level + TRUE["drift"] * h[-1] + gain @ (np.log(numbers.data["value"].values) - mean)
    )
    sd = np.sqrt(wider[-1, -1] - gain @ across)
    got = np.log(draws["y"].sel(series="H100/h100_rental", period="2025-12").values)
    assert got.mean() == pytest.approx(centre, abs=4 * sd / np.sqrt(n))
    assert got.std() == pytest.approx(sd, rel=0.04)


def test_indices_differ_in_level_and_months_quoted_are_the_quotes(gpu_rental_panel):
    draws = gpu_rental.draw(
        parameters(300), gpu_rental_panel, PRIORS, "2028-06", np.random.default_rng(0)
    )
    contract = draws.sel(series="SemiAnalysis H100 1-year contract/h100_rental")
    assert np.unique(contract["y"].sel(period="2026-03")) == pytest.approx([2.35])
    assert contract["observed"].notnull().sum() == 2
    reference = draws["signal"].sel(series="H100/h100_rental")
    ratio = (contract["signal"] / reference).values.reshape(300, -1)
    np.testing.assert_allclose(ratio, ratio[:, :1].repeat(ratio.shape[1], 1))  # one offset a draw
    assert ratio[:, 0].std() > 0.05
    assert str(draws["unit"].values[0]) == "USD per hour"
    with pytest.raises(DataError, match="at most ten years after 2026-03-15"):
        gpu_rental.draw(parameters(2), gpu_rental_panel, PRIORS, "2025", np.random.default_rng(0))


def test_the_declared_breaks_make_stretches(gpu_rental_panel):
    data = gpu_rental_panel.data
    aws = data["index"].values == "AWS EC2 spot H100 US zones"
    found = dict(zip(data["day"].values[aws], data["stretch"].values[aws], strict=True))
    assert found["2024-11-24"].endswith(" 1")
    assert found["2024-11-25"].endswith(" 2")
    assert found["2025-01-31"].endswith(" 3")
    assert data["bound"].values.tolist() == [0] * 20 + [1]


def test_nothing_reported_later_reaches_the_panel():
    table = read_vintages()
    row = table[(table["metric"] == "h100_rental") & (table["period"] == "2026-03-15")]
    later = row.assign(period="2026-04-30", value=9.0, reported_on="2026-05-07")
    changed = pd.concat([table, later], ignore_index=True)
    before = build_panel(as_of(table, "2026-05-06"), "gpu_rental")
    assert build_panel(as_of(changed, "2026-05-06"), "gpu_rental").hash == before.hash
    assert build_panel(as_of(changed, "2026-05-07"), "gpu_rental").hash != before.hash
    # a quote of March that was only printed in April is not known in March
    march = build_panel(as_of(table, "2026-03-31"), "gpu_rental")
    assert march.data.sizes["obs"] == before.data.sizes["obs"] - 1


def test_too_few_quotes(known):
    few = known.with_rows(known.rows[known.rows["metric"] != "h100_rental"])
    with pytest.raises(DataError, match="three or more numbers of h100_rental; the table has 0"):
        build_panel(few, "gpu_rental")


def test_the_naive_walk_starts_at_the_newest_index(gpu_rental_panel):
    draws = gpu_rental_baseline.rental_walk(gpu_rental_panel, until="2026-12", seed=1)
    one = draws["y"].sel(series="H100/h100_rental")
    assert one.sel(period="2025-10").std() < 1e-12
    between = np.log(one.sel(period="2025-12").values.flat[0])
    assert np.log(1.7) < between < np.log(2.35)
    assert one.sel(period="2026-12").std() > 0


@pytest.mark.slow
def test_a_known_market_is_recovered(gpu_rental_panel):
    """Four made-up indices with ten quotes each over three years."""
    rng = np.random.default_rng(4)
    n = 40
    day = np.sort(rng.uniform(0.2, 3.2, n))
    index = rng.integers(0, 4, n)
    names = np.array([f"index {k}" + (" spot" if k == 0 else "") for k in range(4)])[index]
    data = xr.Dataset(
        {
            "value": ("obs", np.ones(n)),
            "year": ("obs", day),
            "bound": ("obs", np.zeros(n, dtype=int)),
            "spot": ("obs", (index == 0).astype(float)),
        },
        coords={"index": ("obs", names), "stretch": ("obs", names)},
    )
    panel = dataclasses.replace(gpu_rental_panel, data=data)
    model = get_model("gpu_rental")
    truth = prior_draws(model, panel, PRIORS, size=6, seed=2)
    values = model.replicate(truth, panel, PRIORS, np.random.default_rng(2))["log_value"][4]
    run = fit("gpu_rental", refill(panel, {"log_value": values}), seed=1, progress=False)
    assert run.gate.passed, [str(c) for c in run.gate.failures]
    for name in gpu_rental.REPORT:
        low, high = run.posterior[name].quantile([0.005, 0.995]).values
        assert low < float(truth[name][0, 4]) < high, name
    assert np.log(run.posterior["error"]).std() < 0.6  # the prior's is 0.7
