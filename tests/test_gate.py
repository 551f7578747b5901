"""Nothing is forecast from a run that did not pass; not-a-number fails."""

import dataclasses

import numpy as np
import pytest
import xarray as xr

from forecast.core.errors import GateError
from forecast.inference import sampling
from forecast.inference.fitting import fit
from forecast.inference.gate import Gate, inspect_run, require
from forecast.inference.predict import forecast


def tree(values, diverging=None):
    shape = values.shape
    dims = ("chain", "draw")
    posterior = xr.Dataset({"a": (dims, values)})
    rng = np.random.default_rng(0)
    stats = xr.Dataset(
        {
            "diverging": (dims, np.zeros(shape, bool) if diverging is None else diverging),
            "maxdepth_reached": (dims, np.zeros(shape, bool)),
            "energy": (dims, rng.standard_normal(shape)),
        }
    )
    return posterior, stats


def inspect(values, **more):
    posterior, stats = tree(values, more.pop("diverging", None))
    return inspect_run(posterior, stats, names=["a"], shape=more.pop("shape", (4, 1000)), **more)


GOOD = np.random.default_rng(1).standard_normal((4, 1000))


def failed(gate):
    return {c.name for c in gate.failures}


def test_independent_draws_pass():
    assert inspect(GOOD).passed


def test_an_interrupted_run_fails():
    """NaN-padded draws, as nutpie returns them on an interrupt, with zero divergences."""
    padded = GOOD.copy()
    padded[1, 300:] = np.nan
    assert failed(inspect(padded)) == {"finite draws"}
    assert failed(inspect(GOOD[:3])) == {"chains x draws"}


def test_chains_that_disagree_fail():
    shifted = GOOD + np.array([0, 0, 0, 1.0])[:, None]
    assert "R-hat" in failed(inspect(shifted))


def test_sticky_chains_fail():
    sticky = np.repeat(GOOD[:, :50], 20, axis=1)
    assert {"bulk ESS", "tail ESS"} <= failed(inspect(sticky))


def test_a_constant_parameter_fails_as_nan():
    assert not inspect(np.zeros((4, 1000))).passed


def test_one_divergence_fails():
    diverging = np.zeros((4, 1000), bool)
    diverging[0, 0] = True
    assert failed(inspect(GOOD, diverging=diverging)) == {"divergences"}


def test_a_prior_out_of_its_range_fails():
    assert failed(inspect(GOOD, prior_misses=[("growth", 0.2)])) == {"prior draws out of range"}
    assert not inspect(GOOD, prior_misses=[("growth", float("nan"))]).passed


def test_the_stamp_survives_json():
    gate = inspect(GOOD)
    assert Gate.from_json(gate.to_json()) == gate


def test_a_forecast_refuses_runs_without_a_passed_gate(market_panel, instant_sampler):
    run = fit("market", market_panel, seed=1, progress=False)
    assert run.gate.passed
    forecast(run, until="2027", seed=1)
    with pytest.raises(GateError, match="carries no gate stamp"):
        forecast(dataclasses.replace(run, gate=None), seed=1)
    bad = Gate((dataclasses.replace(run.gate.checks[0], passed=False),), run.gate.digest)
    with pytest.raises(GateError, match="did not pass its gate: chains x draws"):
        forecast(dataclasses.replace(run, gate=bad), seed=1)


def test_a_stamp_is_for_the_draws_it_was_made_on(market_panel, instant_sampler):
    run = fit("market", market_panel, seed=1, progress=False)
    altered = run.posterior.copy(deep=True)
    altered["growth_mean"][0, 0] += 1e-9
    with pytest.raises(GateError, match="are not those its gate was stamped on"):
        require(run.gate, altered, "market")


def test_a_panicking_sampler_is_an_error_in_words(market_panel, monkeypatch):
    class PanicException(BaseException):
        """As the sampler's own, it does not derive from Exception."""

    def panic(*args, **kwargs):
        raise PanicException("poisoned")

    monkeypatch.setattr(sampling, "make_ready", lambda *a: None)
    monkeypatch.setattr(sampling.nuts, "draw", panic)
    with pytest.raises(GateError, match="the sampler stopped on the market model: PanicException"):
        fit("market", market_panel, seed=1, progress=False)
