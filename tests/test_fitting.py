"""Same spec and panel, same draws; one compiled model serves every panel and prior set."""

import dataclasses
import json
import subprocess
import sys

import numpy as np
import pytest
import xarray as xr
from conftest import same_outline
from pymc.initial_point import make_initial_point_fn

from forecast.core.errors import DataError, UnknownNameError
from forecast.inference import compile as compiling
from forecast.inference import fitting, sampling
from forecast.inference.fitting import fit, summary
from forecast.inference.predict import forecast, outline
from forecast.inference.sampling import prior_draws
from forecast.inference.spec import Spec
from forecast.models.base import select
from forecast.models.market import model as market
from forecast.models.panels import build_panel, shipped
from forecast.models.registry import NAMES, get_model
from forecast.store import fits, runs


def test_the_run_carries_its_spec(market_panel, instant_sampler):
    run = fit("market", market_panel, seed=7, variant="sceptical", draws=500, progress=False)
    stored = Spec.from_json(run.tree.attrs["spec"])
    assert stored == run.spec
    assert stored.data_hash == market_panel.hash
    assert stored.priors == dataclasses.asdict(market.VARIANTS["sceptical"])
    assert (stored.seed, stored.draws, stored.sampler) == (7, 500, "nutpie, NUTS, numba")
    assert stored.versions["pymc"]


@pytest.mark.parametrize("name", sorted(NAMES))
def test_runs_show_themselves(name, request, instant_sampler):
    run = fit(name, request.getfixturevalue(f"{name}_panel"), seed=1, progress=False)
    shown = run._repr_html_()
    assert "gate passed" in shown
    for parameter in get_model(name).report:
        assert parameter in shown
    assert set(summary(run).columns) >= {"parameter", "mean", "q05", "q95", "rhat", "ess_bulk"}


def test_wrong_names_and_panels(market_panel, benchmark_panel, instant_sampler):
    with pytest.raises(UnknownNameError, match="no model is called 'weather'"):
        fit("weather", market_panel, seed=1)
    with pytest.raises(DataError, match="the panel is for 'benchmark'"):
        fit("market", benchmark_panel, seed=1)
    with pytest.raises(DataError, match="no prior set 'hopeful'; there are default, sceptical"):
        fit("market", market_panel, seed=1, variant="hopeful")


def test_tuning_takes_as_many_steps_as_draws_or_as_the_model_needs(market_panel, earnings_panel):
    def steps(panel, **settings):
        return fitting.spec_of(panel.model, panel, seed=1, **settings).tune

    enough = get_model("earnings").tune
    assert enough < 1000 == get_model("market").tune
    assert [steps(market_panel, draws=n) for n in (200, 750, 2000)] == [200, 750, 1000]
    assert [steps(earnings_panel, draws=n) for n in (100, 750)] == [100, enough]
    assert steps(earnings_panel, draws=100, tune=500) == 500


def test_prior_draws_follow_the_prior_numbers(market_panel):
    drawn = prior_draws(get_model("market"), market_panel, market.Priors(), size=4000, seed=3)
    priors = market.Priors()
    assert drawn["growth_mean"].mean() == pytest.approx(priors.growth_mean, abs=0.02)
    assert drawn["growth_mean"].std() == pytest.approx(priors.growth_mean_sd, rel=0.05)
    assert np.log(drawn["drift_sd"]).mean() == pytest.approx(np.log(priors.drift), abs=0.05)
    assert (drawn["level"].sizes["series"], drawn["growth"].sizes["quantity"]) == (5, 3)


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(NAMES))
def test_a_real_fit_passes_its_gate(name, request):
    panel = request.getfixturevalue(f"{name}_panel")
    run = fit(name, panel, seed=1, progress=False)
    assert run.gate.passed, [str(c) for c in run.gate.failures]
    same_outline(outline(panel), forecast(run, seed=1))


@pytest.mark.proof
@pytest.mark.parametrize("name", sorted(NAMES))
def test_real_fits_pass_their_gate_under_every_prior_set(name, request):
    panel = request.getfixturevalue(f"{name}_panel")
    for variant, seed in (("default", 2), ("sceptical", 1), ("generous", 2)):
        run = fit(name, panel, seed=seed, variant=variant, progress=False)
        assert run.gate.passed, (variant, seed, [str(c) for c in run.gate.failures])


@pytest.mark.slow
@pytest.mark.parametrize("name", ["market", "payback"])
def test_a_reused_compiled_model_gives_what_a_fresh_one_gives(name, request, tmp_path, monkeypatch):
    """Other data, other length, other priors: no compile, same draws as a fresh compile."""
    panel = request.getfixturevalue(f"{name}_panel")
    keep = np.arange(panel.data.sizes["obs"]) < panel.data.sizes["obs"] - 1
    short = select(panel, panel.data["year"].values < 2025 if name == "market" else keep)
    fit(name, panel, seed=1, progress=False)
    loaded = dict(compiling._codes)
    reused = fit(name, short, seed=2, variant="generous", progress=False)
    assert dict(compiling._codes) == loaded
    monkeypatch.setattr(compiling, "_codes", {})
    monkeypatch.setattr(compiling, "folder", lambda: tmp_path / "empty")
    fresh = fit(name, short, seed=2, variant="generous", progress=False)
    assert reused.gate.digest == fresh.gate.digest


def starting_point(model, panel):
    """Return a point that the sampler may start from, as its compiler makes it."""
    built = (model.compact or model.build)(panel, model.priors)
    make = make_initial_point_fn(
        model=built, jitter_rvs=set(built.free_RVs), return_transformed=True
    )
    return make(7)


@pytest.mark.parametrize("name", ["earnings", pytest.param("rest", marks=pytest.mark.slow)])
def test_where_the_sampler_starts_depends_on_no_data(name, request):
    """Or a re-used compiled model, which starts where its first data say, would draw otherwise."""
    for one in [name] if name == "earnings" else sorted(set(NAMES) - {"earnings"}):
        panel, model = request.getfixturevalue(f"{one}_panel"), get_model(one)
        changed = dataclasses.replace(panel, data=panel.data.copy())
        if one == "earnings":
            changed = select(panel, np.arange(panel.data.sizes["obs"]) % 17 > 0)
        elif "value" in panel.data:
            changed = dataclasses.replace(
                panel, data=panel.data.assign(value=panel.data["value"] * 0.9)
            )
        before, after = starting_point(model, panel), starting_point(model, changed)
        for variable, values in before.items():
            np.testing.assert_array_equal(values, after[variable], err_msg=f"{one} {variable}")


SCRIPT = """
import hashlib, json, sys
import forecast as fc
known = fc.as_of(fc.read_vintages(), "2026-05-06")
panel = fc.build_panel(known, sys.argv[1])
run = fc.fit(sys.argv[1], panel, seed=1, draws=100, progress=False)
found = {str(v): hashlib.sha256(a.values.tobytes()).hexdigest() for v, a in run.posterior.items()}
print(json.dumps(found))
"""


@pytest.mark.slow
@pytest.mark.parametrize("name", ["adoption", "api_price"])
def test_two_new_processes_give_identical_draws(name, tmp_path):
    """One with a cold compile cache, one with what the first left there.

    Of each kind of model one: as PyMC has it, and by a kernel of our own.
    """
    answers = []
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT, name],
            env={"PYTENSOR_FLAGS": f"base_compiledir={tmp_path}", "PATH": "/usr/bin:/bin",
                 "HOME": str(tmp_path)},
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        answers.append(json.loads(done.stdout))
    assert answers[0] == answers[1]
    assert len(answers[0]) > 2


@pytest.mark.slow
def test_a_known_market_is_recovered(market_panel):
    """Fifteen years of a made-up market: its parameters lie where the posterior says."""
    from forecast.evaluation.calibration import refill

    years = np.arange(2011, 2026)
    data = market_panel.data.isel(obs=np.repeat([0, 4, 8], len(years)))
    data = data.assign_coords(year=("obs", np.tile(years, 3)))
    data = data.assign(estimate=("obs", np.zeros(data.sizes["obs"])))
    panel = dataclasses.replace(market_panel, data=data)
    model = get_model("market")
    truth = prior_draws(model, panel, model.priors, size=8, seed=5)
    values = model.replicate(truth, panel, model.priors, np.random.default_rng(5))
    run = fit(
        "market", refill(panel, {"log_value": values["log_value"][3]}), seed=1, progress=False
    )
    assert run.gate.passed, [str(c) for c in run.gate.failures]
    for name in ("shock_sd", "drift_sd", "correlation"):
        low, high = run.posterior[name].quantile([0.005, 0.995]).values
        assert low < float(truth[name][0, 3]) < high
    draws = forecast(run, until="2027", seed=1)
    assert np.isfinite(draws["y"]).all()


def stored(folder, panel, **settings):
    spec = fitting.spec_of("market", panel, seed=1, draws=200, tune=10, **settings)
    return fitting.fit_stored(folder, spec, panel)


def test_a_stored_fit_is_the_same_bit_for_bit(
    tmp_path, market_panel, instant_sampler, monkeypatch, caplog
):
    fresh, known = stored(tmp_path, market_panel)
    assert not known
    with monkeypatch.context() as patch:
        patch.setattr(sampling, "sample_model", None)
        later = dataclasses.replace(market_panel, as_of="2026-06-01")
        for panel in (market_panel, later):
            again, known = stored(tmp_path, panel)
            assert known
            assert again.spec.as_of == panel.as_of  # the date is of this run, the draws are stored
            assert again.gate == fresh.gate
            xr.testing.assert_identical(again.posterior, fresh.posterior)
    changed = dataclasses.replace(
        market_panel, data=market_panel.data.assign(value=market_panel.data["value"] * 1.01)
    )
    for panel, variant in ((changed, "default"), (market_panel, "sceptical")):
        assert not stored(tmp_path, panel, variant=variant)[1]
    assert caplog.messages == []


def test_a_damaged_stored_fit_is_named_and_fitted_anew(
    tmp_path, market_panel, instant_sampler, caplog
):
    fresh, _ = stored(tmp_path, market_panel)
    (path,) = tmp_path.glob("*.nc")
    whole = path.read_bytes()
    for broken in (whole[: len(whole) // 2], whole[:-100] + b"x" + whole[-99:]):
        path.write_bytes(broken)
        again, known = stored(tmp_path, market_panel)
        assert not known
        (line,) = caplog.messages
        assert path.name in line
        caplog.clear()
        xr.testing.assert_identical(again.posterior, fresh.posterior)
        assert stored(tmp_path, market_panel)[1]


def bad_note(path):
    note = path.with_suffix(".sha256")
    note.write_bytes(b"\x80" + note.read_bytes()[1:])


def no_note(path):
    path.with_suffix(".sha256").unlink()


def another_fit(path):
    (other,) = (p for p in path.parent.glob("*.nc") if p != path)
    path.write_bytes(other.read_bytes())
    note = other.with_suffix(".sha256").read_text().replace(other.stem, path.stem)
    path.with_suffix(".sha256").write_text(note)


def without_gate(path):
    tree = runs.load_tree(path)
    tree.attrs["gate"] = "{"
    fits.keep_fit(path.parent, path.stem, tree)


def other_draws(path):
    tree = runs.load_tree(path)
    tree["posterior"] = tree["posterior"].to_dataset() * 1.1
    fits.keep_fit(path.parent, path.stem, tree)


@pytest.mark.parametrize("damage", [bad_note, no_note, another_fit, without_gate, other_draws])
def test_a_stored_fit_that_is_not_the_one_wanted_is_fitted_anew(
    damage, tmp_path, market_panel, instant_sampler, caplog
):
    fresh, _ = stored(tmp_path, market_panel)
    (path,) = tmp_path.glob("*.nc")
    stored(tmp_path, market_panel, variant="sceptical")
    damage(path)
    again, known = stored(tmp_path, market_panel)
    assert not known
    assert again.spec.variant == "default"
    (line,) = caplog.messages
    assert line.endswith("fitting market again")
    xr.testing.assert_identical(again.posterior, fresh.posterior)
    assert stored(tmp_path, market_panel)[1]
    assert len(caplog.messages) == 1


@pytest.mark.slow
@pytest.mark.parametrize("name", [n for n in NAMES if shipped(n)])
def test_no_fit_looks_at_the_date(name, known, instant_sampler):
    panel = build_panel(known, name)
    later = dataclasses.replace(panel, as_of="2026-08-20")
    runs = [fitting.fit(name, p, seed=1, draws=50, tune=1, chains=2) for p in (panel, later)]
    xr.testing.assert_identical(*(run.posterior for run in runs))
