"""The groups beside a fit's posterior: ArviZ' names and dims, and the density that was sampled."""

import arviz as az
import numpy as np
import pytest
import xarray as xr

from forecast.evaluation.calibration import refill
from forecast.inference import fitting, gate, groups, sampling
from forecast.inference.fitting import fit
from forecast.models.base import select
from forecast.models.registry import NAMES, get_model
from forecast.store import fits

INTEGRATED = ("benchmark", "earnings", "gpu_rental")
"""Models with a potential of their own, because something is integrated out of it."""
BY_HAND = ("api_price", "capex_hazard", "payback")
"""Models whose rows' densities are one potential, because they are written by hand."""
OBSERVED = tuple(sorted(set(NAMES) - set(INTEGRATED) - set(BY_HAND)))
BY = {
    "adoption": groups.BY_ROW_AHEAD, "benchmark": "release", "earnings": groups.JOINT,
    "market": groups.JOINT,
}  # fmt: skip

BESIDES = {"hazard": ("index",)}
"""Dims of the densities of data that are no rows of the panel."""
DIMS = {"log_return": ("month", "index")}


@pytest.fixture
def run_of(request, instant_sampler):
    def make(name, draws=20):
        panel = request.getfixturevalue(f"{name}_panel")
        return fit(name, panel, seed=3, draws=draws, chains=2, progress=False)

    return make


@pytest.mark.parametrize("name", sorted(NAMES))
def test_a_fit_has_the_groups_of_its_panel(name, run_of):
    run = run_of(name)
    assert set(run.tree.children) == {
        "posterior", "sample_stats", "log_likelihood", "log_prior", "posterior_predictive",
        "observed_data",
    }  # fmt: skip
    rows = run.panel.data.sizes["obs"]
    likelihood, prior = (run.tree[g].to_dataset() for g in ("log_likelihood", "log_prior"))
    for group in (likelihood, prior):
        assert groups.total(group).dims == ("chain", "draw")
        for array in group.values():
            assert array.dims[:2] == ("chain", "draw")
            assert array.dtype == np.float32
    array, *besides = likelihood.values()
    assert [b.sizes for b in besides] == [{"chain": 2, "draw": 20, d: run.panel.data.sizes[d]}
                                          for d in BESIDES.get(name, ())]  # fmt: skip
    assert likelihood.attrs["by"] == BY.get(name, groups.BY_ROW)
    if likelihood.attrs["by"].startswith(groups.BY_ROW):
        assert array.sizes == {"chain": 2, "draw": 20, "obs": rows}
    new, seen = (run.tree[g].to_dataset() for g in ("posterior_predictive", "observed_data"))
    assert list(new) == list(seen)
    for which in new:
        drawn = {"chain": 2, "draw": 20}
        assert new[which].sizes == drawn | dict(seen[which].sizes)
        assert seen[which].dims == (DIMS.get(which) or ("obs",))
    # What was seen is on the scale of what is drawn: put back in the panel it is the panel.
    again = refill(run.panel, {str(n): a.values for n, a in seen.items()}).data
    for variable in run.panel.data.data_vars:
        np.testing.assert_allclose(again[variable], run.panel.data[variable], rtol=1e-12)


@pytest.mark.parametrize("name", sorted(set(NAMES) - {"earnings", "market"}))
def test_the_densities_are_those_of_the_model(name, run_of):
    """At each draw: the sum of both groups is the model's own log density."""
    run = run_of(name, draws=3)
    entry = get_model(name)
    model = entry.build(run.panel, entry.priors)
    data = model.compile_fn(
        model.logp(vars=[*model.observed_RVs, *model.potentials], sum=True),
        inputs=model.value_vars, mode="FAST_COMPILE", on_unused_input="ignore",
    )  # fmt: skip
    likelihood = groups.total(run.tree["log_likelihood"].to_dataset())
    for draw in range(3):
        one = run.posterior.isel(chain=1, draw=draw)
        values = {}
        for v in model.free_RVs:
            value, transform = model.rvs_to_values[v], model.rvs_to_transforms[v]
            x = one[v.name].values
            values[value.name] = (
                x if transform is None else transform.forward(x, *v.owner.inputs).eval()
            )
        wanted = float(data(values))
        assert float(likelihood[1, draw]) == pytest.approx(wanted, rel=1e-5)


@pytest.mark.parametrize("name", OBSERVED)
def test_data_are_observed_variables(name, request):
    entry, panel = get_model(name), request.getfixturevalue(f"{name}_panel")
    model = entry.build(panel, entry.priors)
    assert model.observed_RVs
    assert not model.potentials


def test_the_prior_group_leaves_latent_variables_out(run_of):
    run = run_of("hazard")
    prior = run.tree["log_prior"].to_dataset()
    assert set(prior) == {
        "rate", "deeper_rate", "jump_rate", "shape", "deeper_shape", "runup", "deeper_runup",
        "market", "deeper_market", "wild", "deeper_wild", "load", "industry_sd", "year_sd", "drift",
        "volatility", "memory", "recent", "tail",
    }  # fmt: skip
    p = get_model("hazard").priors
    z = (run.posterior["rate"] - p.rate) / p.rate_sd
    wanted = -0.5 * z**2 - np.log(p.rate_sd) - np.log(2 * np.pi) / 2
    np.testing.assert_allclose(prior["rate"], wanted, rtol=1e-5)
    assert prior["load"].dims == ("chain", "draw", "stage")


def test_of_a_large_panel_fewer_draws_are_replicated(run_of, monkeypatch):
    monkeypatch.setattr(groups, "MOST_REPLICATED", 37 * 2 * 5)
    run = run_of("payback")
    new = run.tree["posterior_predictive"].to_dataset()
    assert new["draw"].values.tolist() == [0, 5, 10, 14, 19]


def test_the_gate_looks_at_the_posterior_alone(tmp_path, run_of):
    """A stored tree of an earlier version, without these groups, is read as it was."""
    run = run_of("payback")
    assert run.gate.digest == gate.digest(run.posterior)
    bare = xr.DataTree.from_dict({g: run.tree[g] for g in ("posterior", "sample_stats")})
    bare.attrs = run.tree.attrs
    fits.keep_fit(tmp_path, "ab", bare)
    again = fitting._restored(run.spec, run.panel, fits.kept_fit(tmp_path, "ab"))
    xr.testing.assert_identical(again.posterior, run.posterior)


def test_dims_of_data_are_no_part_of_what_is_compiled(payback_panel):
    """Or a panel with one figure more would cost a compile."""
    entry = get_model("payback")
    short = select(payback_panel, np.arange(payback_panel.data.sizes["obs"]) != 4)
    for panel in (payback_panel, short):
        labels = sampling._stored_labels(entry.build(panel, entry.priors))
        sizes = {dim: len(own) for dim, own in labels.items()}
        assert sizes == {"sampled": 27, "laboratory": 2, "vintage": 6}


@pytest.mark.slow
@pytest.mark.filterwarnings(
    "ignore:Estimated shape parameter"
)  # of single rows, which is no error here
@pytest.mark.parametrize("name", sorted({*OBSERVED, *BY_HAND} - set(BY)))
def test_arviz_takes_a_fitted_tree(name, request, tmp_path):
    run = fit(name, request.getfixturevalue(f"{name}_panel"), seed=1, progress=False)
    assert run.gate.passed
    row = next(iter(run.tree["log_likelihood"].data_vars))  # of the panel's rows
    loo = az.loo(run.tree, var_name=row)
    assert np.isfinite(loo.elpd)
    assert loo.elpd < float(groups.total(run.tree["log_likelihood"].to_dataset()).mean())
    table = az.psense_summary(run.tree, var_names=list(get_model(name).report))
    assert np.isfinite(table["likelihood"].astype(float)).all()
    fits.keep_fit(tmp_path, "ab", run.tree)
    # No more than the density of every row at every draw, in single precision, and half as much again.
    rows = sum(v.nbytes for v in run.tree["log_likelihood"].to_dataset().values())
    assert (tmp_path / "ab.nc").stat().st_size < max(2e7, 1.5 * rows)
