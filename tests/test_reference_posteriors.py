"""The way to the draws against posteriors that others have published, with the size of their errors.

Means and standard deviations are those of the reference draws of posteriordb (Magnusson et al. 2024,
arXiv 2407.04967; github.com/stan-dev/posteriordb, commit 28f8d3d): ten chains of 1,000 thinned draws
each. Its data stand in ``files/posteriordb`` under its licence; those of the eight schools are Rubin's
(1981). A sampler that is broken, or a library that computes otherwise than before, is seen here.
"""

import dataclasses
import types

import numpy as np
import pandas as pd
import pymc as pm
import pytensor.tensor as pt
import pytest

from forecast.inference import gate, nuts, sampling
from forecast.inference.spec import Spec

REFERENCE_DRAWS = 10_000
ERRORS = 5.0
"""Standard errors by which a mean or a standard deviation may differ: of two dozen, none by chance."""


def series(name, files):
    return pd.read_csv(files / "posteriordb" / "series.csv")[name].to_numpy()


def eight_schools(files):
    """Rubin's eight schools, deviations in units of tau."""
    effect = np.array([28.0, 8.0, -3.0, 7.0, -1.0, 1.0, 18.0, 12.0])
    error = np.array([15.0, 10.0, 16.0, 11.0, 9.0, 11.0, 10.0, 18.0])
    with pm.Model(coords={"school": np.arange(8)}) as model:
        mu, tau = pm.Normal("mu", 0, 5), pm.HalfCauchy("tau", 5)
        z = pm.Normal("z", dims="school")
        theta = pm.Deterministic("theta", mu + tau * z, dims="school")
        pm.Normal("y", theta, pm.Data("error", error), observed=effect)
    return model


def autoregression(files):
    """An autoregression of order five."""
    y = series("arK", files)
    before = np.column_stack([y[5 - lag : len(y) - lag] for lag in range(1, 6)])
    with pm.Model(coords={"lag": np.arange(1, 6)}) as model:
        alpha = pm.Normal("alpha", 0, 10)
        beta = pm.Normal("beta", 0, 10, dims="lag")
        sigma = pm.HalfCauchy("sigma", 2.5)
        pm.Normal("y", alpha + pt.dot(pm.Data("before", before), beta), sigma, observed=y[5:])
    return model


def garch(files):
    """A GARCH(1, 1), its variance written out as a sum over the past; flat where it is stationary."""
    y = series("garch", files)
    lag = np.subtract.outer(np.arange(len(y)), np.arange(len(y))) - 1.0
    with pm.Model() as model:
        mu, alpha0 = pm.Flat("mu", initval=5.0), pm.HalfFlat("alpha0")
        alpha1, share = pm.Uniform("alpha1", 0, 1), pm.Uniform("share", 0, 1)
        beta1 = pm.Deterministic("beta1", share * (1 - alpha1))
        pm.Potential("triangle", pt.log1p(-alpha1))  # of beta1 in place of the share
        decay = pt.where(lag >= 0, pt.exp(np.maximum(lag, 0) * pt.log(beta1)), 0.0)
        new = alpha0 + alpha1 * (y - mu) ** 2
        first = 0.5**2 * pt.exp(np.arange(len(y)) * pt.log(beta1))
        pm.Normal("y", mu, pt.sqrt(pt.dot(decay, new) + first), observed=y)
    return model


@dataclasses.dataclass(frozen=True)
class Published:
    """A model, and mean and standard deviation of each of its parameters."""

    build: object
    moments: dict


PUBLISHED = {
    "eight schools": Published(
        eight_schools,
        {"theta": [(6.1505, 5.6159), (4.9396, 4.6456), (3.9059, 5.2807), (4.7960, 4.7709),
                   (3.6144, 4.6147), (4.0511, 4.7963), (6.3172, 5.0029), (4.8840, 5.3177)],
         "mu": [(4.4105, 3.3093)], "tau": [(3.6021, 3.1985)]},
    ),
    "autoregression": Published(
        autoregression,
        {"alpha": [(-0.00072, 0.01071)], "sigma": [(0.15057, 0.00777)],
         "beta": [(0.69216, 0.07055), (0.43904, 0.08731), (0.10582, 0.09308), (-0.03544, 0.08604),
                  (-0.30151, 0.06988)]},
    ),
    "GARCH": Published(
        garch,
        {"mu": [(5.05002, 0.12403)], "alpha0": [(1.47076, 0.57182)],
         "alpha1": [(0.56728, 0.12711)], "beta1": [(0.29302, 0.12478)]},
    ),
}  # fmt: skip


def differences(drawn, moments):
    """Return by how many standard errors each mean and each standard deviation differs."""
    found = {}
    for name, published in moments.items():
        values = drawn[name].reshape(*drawn[name].shape[:2], -1)
        assert values.shape[2] == len(published)
        for k, (mean, sd) in enumerate(published):
            own, away = values[..., k], (values[..., k] - mean) ** 2
            for what, draws, wanted, spread in (
                ("mean", own, mean, sd), ("square", away, sd**2, away.std()),
            ):  # fmt: skip
                effective = min(gate.mixing(draws)[1:])
                error = spread * np.sqrt(1 / effective + 1 / REFERENCE_DRAWS)
                found[f"{what} of {name} {k}"] = float((draws.mean() - wanted) / error)
    return found


@pytest.mark.slow
@pytest.mark.parametrize("name", PUBLISHED)
def test_draws_are_those_of_a_published_posterior(name, request):
    published = PUBLISHED[name]
    model = published.build(request.path.parent / "files")
    entry = types.SimpleNamespace(compact=None, build=lambda *_: model, priors=None)
    spec = Spec(
        model=name, variant="default", priors={}, seed=1, draws=1000, tune=1000, chains=4,
        target_accept=0.95, sampler=nuts.NAME, as_of="", data_hash="", code_hash=name, versions={},
    )  # fmt: skip
    tree = sampling.sample_model(entry, None, None, spec)
    drawn = {n: v.to_numpy() for n, v in tree["posterior"].to_dataset().items()}
    assert int(tree["sample_stats"]["diverging"].sum()) == 0
    apart = differences(drawn, published.moments)
    assert {k: v for k, v in apart.items() if abs(v) > ERRORS} == {}
    # A spread a quarter too wide would be seen.
    first = next(iter(published.moments))
    mean = np.array([m for m, _ in published.moments[first]])
    wider = {**drawn, first: mean + 1.25 * (drawn[first] - mean)}
    assert max(map(abs, differences(wider, published.moments).values())) > ERRORS
