"""Densities of models written in other ways than ours: a fit of any of them has its groups."""

import dataclasses
import sys
import warnings

import arviz as az
import numpy as np
import pymc as pm
import pytest
from test_rooms import folder, toy  # noqa: F401

from forecast.inference import groups
from forecast.inference.fitting import fit
from forecast.models import registry
from forecast.models.panels import build_panel
from forecast.store import runs
from forecast.tables.shipped import read_vintages
from forecast.tables.vintages import as_of


def _start(panel):
    years = panel.data["year"].values
    when = (years - years.max()).astype(float)
    level, growth = pm.Normal("level", 4.6, 1.0), pm.Normal("growth", 0.0, 0.2)
    noise = pm.LogNormal("noise", -2.3, 0.6)
    return level + growth * when, noise, np.log(panel.data["value"].values)


def two(panel, priors):
    with pm.Model() as model:
        mean, noise, logs = _start(panel)
        pm.Normal("y", mean[:3], noise, observed=logs[:3])
        pm.Normal("z", mean[3:], noise, observed=logs[3:])
    return model


def two_dims(panel, priors):
    with pm.Model(coords={"early": range(3), "late": range(len(panel.data["year"]) - 3)}) as model:
        mean, noise, logs = _start(panel)
        pm.Normal("y", mean[:3], noise, observed=logs[:3], dims="early")
        pm.Normal("z", mean[3:], noise, observed=logs[3:], dims="late")
    return model


def table(panel, priors):
    with pm.Model(coords={"half": ["a", "b"], "year": [1, 2, 3]}) as model:
        mean, noise, logs = _start(panel)
        pm.Normal(
            "y",
            mean[:6].reshape((2, 3)),
            noise,
            observed=logs[:6].reshape(2, 3),
            dims=("half", "year"),
        )
    return model


def named(panel, priors):
    with pm.Model(coords={"year": panel.data["year"].values}) as model:
        mean, noise, logs = _start(panel)
        pm.Normal("y", mean, noise, observed=logs, dims="year")
    return model


def rows(panel, priors):
    with pm.Model(coords={"obs": panel.data["year"].values}) as model:
        mean, noise, logs = _start(panel)
        pm.Normal("y", mean, noise, observed=logs, dims="obs")
    return model


def potential(panel, priors):
    with pm.Model() as model:
        mean, noise, logs = _start(panel)
        pm.Potential("p", pm.logp(pm.Normal.dist(mean, noise), logs).sum())
    return model


def mixed(panel, priors):
    with pm.Model(coords={"early": range(3)}) as model:
        mean, noise, logs = _start(panel)
        pm.Normal("y", mean[:3], noise, observed=logs[:3], dims="early")
        pm.Potential("p", pm.logp(pm.Normal.dist(mean[3:], noise), logs[3:]).sum())
    return model


def nothing(panel, priors):
    with pm.Model() as model:
        _start(panel)
    return model


def joint(panel, priors):
    with pm.Model() as model:
        mean, noise, logs = _start(panel)
        pm.MvNormal("y", mean, np.eye(len(logs)) * noise**2, observed=logs)
    return model


@pytest.mark.parametrize(
    "build", [two, two_dims, table, named, rows, potential, mixed, nothing, joint]
)
def test_a_fit_has_its_groups(toy, folder, tmp_path, monkeypatch, instant_sampler, build):  # noqa: F811
    entry = dataclasses.replace(registry.get_model("toy"), build=build)
    monkeypatch.setattr(sys.modules["toy_room.room"], "MODEL", entry)
    panel = build_panel(as_of(read_vintages(folder), "2026-05-06"), "toy")
    run = fit("toy", panel, seed=1, draws=60, chains=2, progress=False)
    path = tmp_path / "fit.nc"
    runs.save_tree(run.tree, path)
    tree = runs.load_tree(path)
    total = groups.total(tree["log_likelihood"].to_dataset())
    if build is nothing:
        assert not total.any()
        return
    years = panel.data["year"].values
    drawn = {name: run.posterior[name].values[..., None] for name in ("level", "growth", "noise")}
    mean = drawn["level"] + drawn["growth"] * (years - years.max())
    off = (np.log(panel.data["value"].values) - mean) / drawn["noise"]
    wanted = (-0.5 * (off**2 + np.log(2 * np.pi)) - np.log(drawn["noise"])).sum(-1)
    np.testing.assert_allclose(total, wanted, rtol=1e-4)
    az.psense_summary(tree)
    if build not in (potential, mixed):
        for name in tree["log_likelihood"].data_vars:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # prior draws weigh badly
                assert np.isfinite(az.loo(tree, var_name=name).elpd)
