"""The law against its definition, its optimum against a search, and the published re-fit."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from conftest import LAW
from scipy import optimize, stats

from forecast.core.errors import DataError
from forecast.inference.fitting import fit, summary
from forecast.inference.predict import forecast
from forecast.models.panels import build_panel
from forecast.models.scaling_law import model as scaling_law
from forecast.models.scaling_law.panel import scaling_law_panel as panel_of
from forecast.tables.shipped import read_own_table

PRIORS = scaling_law.Priors()
POINTS = Path(__file__).parents[2] / "shared" / "data" / "external" / "chinchilla_points.csv"


def parameters(n=3):
    law = {**LAW, "compute_exponent": LAW["beta"] / (LAW["alpha"] + LAW["beta"])}
    data = {k: (("chain", "draw"), np.full((1, n), v)) for k, v in law.items()}
    return xr.Dataset(data, coords={"chain": [0], "draw": np.arange(n)})


# --- the panel -------------------------------------------------------------------------------
def runs(n=30):
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "model_size": rng.uniform(1e8, 1e9, n),
            "training_flop": rng.uniform(1e19, 1e20, n),
            "loss": rng.uniform(2, 4, n),
        }
    )


def test_tokens_follow_from_compute_and_the_highest_losses_are_left_out():
    table = runs()
    panel = panel_of(table, "2026-05-06")
    data = panel.data
    kept = table.sort_values("loss").head(25)
    assert sorted(data["value"].values) == kept["loss"].tolist()
    np.testing.assert_allclose(
        np.sort(6 * data["params"].values * data["tokens"].values),
        np.sort(kept["training_flop"].to_numpy()),
    )
    assert panel_of(table, "2026-05-06", drop_highest=0).data.sizes["obs"] == 30
    other_order = panel_of(table.iloc[::-1], "2026-05-06")
    assert panel.hash == other_order.hash


def test_header_names_of_the_published_points(tmp_path):
    path = tmp_path / "points.csv"
    named = {"model_size": "Model Size", "training_flop": "Training FLOP"}
    runs().rename(columns=named).assign(hex_color="#fff").to_csv(path, index=False)
    table = read_own_table("scaling_runs", path)
    assert list(table.columns) == ["model_size", "training_flop", "loss"]
    path.write_text("loss,Loss\n1,2\n")
    with pytest.raises(DataError, match="more than one column loss"):
        read_own_table("scaling_runs", path)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda t: t.drop(columns="training_flop"), r"missing: training_flop \(or tokens\)"),
        (lambda t: t.drop(columns="loss"), "missing: loss"),
        (lambda t: t.assign(loss=np.nan), "above zero; not so: loss in row 1"),
        (lambda t: t.head(24), "at least 20 runs besides the 5"),
    ],
)
def test_errors_say_what_to_do(change, said):
    with pytest.raises(DataError, match=said):
        panel_of(change(runs()), "2026-05-06")


def test_nothing_is_shipped(known):
    with pytest.raises(DataError, match="no data are shipped for the scaling_law model"):
        build_panel(known, "scaling_law")


# --- the law ---------------------------------------------------------------------------------
def test_the_density_is_its_definition(scaling_law_panel):
    model = scaling_law.build(scaling_law_panel, PRIORS)
    data = scaling_law_panel.data
    n, d = (np.log(data[k].values).mean() for k in ("params", "tokens"))
    point = {
        "E_log__": np.log(LAW["E"]),
        "size_term_log__": np.log(LAW["A"]) - LAW["alpha"] * n,
        "data_term_log__": np.log(LAW["B"]) - LAW["beta"] * d,
        "alpha_log__": np.log(LAW["alpha"]),
        "beta_log__": np.log(LAW["beta"]),
        "noise_log__": np.log(LAW["noise"]),
        "tail_above_1_log__": np.log(LAW["tail"] - 1),
    }
    logp = model.compile_fn(
        model.logp(vars=model.observed_RVs), inputs=model.value_vars, mode="FAST_COMPILE"
    )
    loss = (
        LAW["E"]
        + LAW["A"] / data["params"].values ** LAW["alpha"]
        + LAW["B"] / data["tokens"].values ** LAW["beta"]
    )
    off = np.log(data["value"].values) - np.log(loss)
    wanted = stats.t.logpdf(off, LAW["tail"], scale=LAW["noise"]).sum()
    assert float(logp(point)) == pytest.approx(wanted, rel=1e-9)


def test_the_optimum_is_what_a_search_finds():
    p = parameters(1)
    for compute in (1e20, 1e24):
        params, tokens = scaling_law.optimum(p, xr.DataArray(compute))

        def loss(log_n, compute=compute):
            n = np.exp(log_n)
            d = compute / (6 * n)
            return LAW["E"] + LAW["A"] / n ** LAW["alpha"] + LAW["B"] / d ** LAW["beta"]

        found = optimize.minimize_scalar(loss, bounds=(np.log(1e6), np.log(1e14)), method="bounded")
        assert np.log(params.item()) == pytest.approx(found.x, abs=1e-3)
        assert 6 * params.item() * tokens.item() == pytest.approx(compute)


def test_draws_are_the_law_at_its_optimum(scaling_law_panel):
    p = parameters(2000)
    draws = scaling_law.draw(p, scaling_law_panel, PRIORS, "2026", np.random.default_rng(0))
    at = draws["signal"].isel(chain=0, draw=0, period=0)
    n, d = (float(at.sel(series=f"1e22/optimal_{k}")) * 1e9 for k in ("params", "tokens"))
    loss = LAW["E"] + LAW["A"] / n ** LAW["alpha"] + LAW["B"] / d ** LAW["beta"]
    assert float(at.sel(series="1e22/loss")) == pytest.approx(loss)
    gain = float(at.sel(series="1e22/gain_tenfold"))
    assert gain == pytest.approx(loss - float(at.sel(series="1e23/loss")))
    share = float(at.sel(series="1e22/gain_share"))
    assert share == pytest.approx(100 * gain / (loss - LAW["E"]))
    # Of what is left, ten times the compute removes the same share everywhere: 1 - 10^-(ab/(a+b)).
    exponent = LAW["alpha"] * LAW["beta"] / (LAW["alpha"] + LAW["beta"])
    assert share == pytest.approx(100 * (1 - 10**-exponent))
    noise = np.log(draws["y"] / draws["signal"]).sel(series="1e22/loss").values.ravel()
    assert stats.kstest(noise / LAW["noise"], stats.t(LAW["tail"]).cdf).pvalue > 1e-3
    assert (draws["curve"].diff("compute") < 0).all()


def test_distance_is_the_mahalanobis_distance():
    rng = np.random.default_rng(0)
    draws = xr.Dataset(
        {
            "E": (("chain", "draw"), np.exp(rng.normal(0.6, 0.01, (4, 20_000)))),
            "alpha": (("chain", "draw"), rng.normal(0.35, 0.02, (4, 20_000))),
        }
    )
    far, tail = scaling_law.distance(draws, {"E": np.exp(0.63), "alpha": 0.43})
    assert far == pytest.approx(5.0, rel=0.02)
    assert tail == pytest.approx(np.exp(-12.5), rel=0.6)
    assert scaling_law.distance(draws, {"E": np.exp(0.6)})[1] > 0.9


# --- the fit ---------------------------------------------------------------------------------
@pytest.mark.slow
def test_a_known_law_is_recovered(scaling_law_panel):
    run = fit("scaling_law", scaling_law_panel, seed=1, progress=False)
    assert run.gate.passed, [str(c) for c in run.gate.failures]
    rows = summary(run).set_index("parameter")
    for name, value in LAW.items():
        low, high = run.posterior[name].quantile([0.005, 0.995]).values
        assert low < value < high, name
    assert rows.loc["alpha", "sd"] < 0.05


@pytest.mark.slow
@pytest.mark.skipif(not POINTS.is_file(), reason="the published points are not at hand")
def test_the_published_refit(known):
    """Besiroglu et al. 2024, with the ranges within which an honest re-fit should lie."""
    panel = build_panel(known, "scaling_law", read_own_table("scaling_runs", POINTS))
    assert panel.data.sizes["obs"] == 240
    run = fit("scaling_law", panel, seed=1, progress=False)
    assert run.gate.passed, [str(c) for c in run.gate.failures]
    mean = summary(run).set_index("parameter")["mean"]
    assert mean["E"] == pytest.approx(1.817, abs=0.02)
    assert mean["alpha"] == pytest.approx(0.347, abs=0.01)
    assert mean["beta"] == pytest.approx(0.367, abs=0.015)
    assert mean["compute_exponent"] == pytest.approx(0.513, abs=0.02)
    refit = {"E": 1.81722, "A": 477.83, "B": 2143.4, "alpha": 0.34731, "beta": 0.36717}
    first = {"E": 1.69, "A": 406.4, "B": 410.7, "alpha": 0.34, "beta": 0.28}
    assert scaling_law.distance(run.posterior, refit)[1] > 0.01
    assert scaling_law.distance(run.posterior, first)[1] < 1e-6
    draws = forecast(run, seed=2)
    assert np.isfinite(draws["y"]).all()
