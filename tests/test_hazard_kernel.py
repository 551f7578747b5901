"""The hazard model's density in one piece against the same model written out in PyMC."""

import dataclasses

import numpy as np
import pytensor
import pytest
import xarray as xr
from scipy import special

from forecast.inference import compile as compiling
from forecast.inference.compile import key_of
from forecast.models.base import select
from forecast.models.hazard import compact, kernel, rows
from forecast.models.hazard import model as hazard
from forecast.models.hazard.panel import LONGEST
from forecast.models.hazard.panel import hazard_panel as hazard_panel_of
from forecast.models.registry import get_model
from forecast.tables.shipped import read_reference_table

PRIORS = hazard.Priors()


@pytest.fixture(scope="module")
def density():
    """Log density and its gradient by each value variable, as one function of all of them.

    Made once for all models of one graph, in which they are told apart by their data alone.
    """
    made = {}

    def of(model):
        read = compiling._read(model)
        key = key_of(model, "")
        if key not in made:
            found = model.logp()
            outputs = [found, *pytensor.grad(found, read.points)]
            function = pytensor.function(read.points, outputs, mode="FAST_COMPILE")
            made[key] = function, read.data
        function, data = made[key]
        for own, new in zip(data, read.data, strict=True):
            own.set_value(new.get_value())
        return function

    yield of
    assert len(made) == 3  # in one piece, and written out with returns and without


def parts(vector, panel):
    """Cut a vector of the layout into its parameters by name; those without a number are left out."""
    found, at = {}, 0
    for name, dim, _, length in compact._pieces(rows.labels_of(panel)):
        if length:
            found[name] = vector[at : at + length] if dim else vector[at]
        at += length
    assert at == len(vector)
    return found


def without_returns(panel):
    return dataclasses.replace(panel, data=panel.data.drop_dims(["month", "index"]))


def panels(whole):
    yield "whole", whole
    yield "without returns", without_returns(whole)
    one = dataclasses.replace(whole, data=whole.data.isel(index=[1], month=slice(-40, None)))
    at = np.arange(whole.data.sizes["obs"])
    yield "few episodes and one index", select(one, at % 9 == 0)
    first = int(np.flatnonzero(whole.data["event40"].values)[0])
    yield "one episode, a crash", select(whole, at == first)
    calm = int(np.flatnonzero(whole.data["event20"].values == 0)[0])
    yield "one episode, no fall", select(without_returns(whole), at == calm)
    early = hazard_panel_of(read_reference_table("runups"), "1961-06-15")
    yield "an early date", early


@pytest.mark.parametrize("name", ["default", *hazard.VARIANTS])
def test_value_and_gradient_are_those_of_the_written_out_model(name, hazard_panel, density):
    priors = {"default": PRIORS, **hazard.VARIANTS}[name]
    rng = np.random.default_rng(0)
    some = list(panels(hazard_panel))
    for what, panel in some if name == "default" else some[:2]:
        model = hazard.build(panel, priors)
        fast, slow = density(compact.compact(panel, priors)), density(model)
        centre, unit = compact.units(panel, priors)
        for scale in (0.0, 0.3, 1.0, 2.0, 3.0):
            x = scale * rng.standard_normal(len(unit))
            of_point = parts(centre + unit * x, panel)
            wanted, *by_part = slow(*(of_point[v.name] for v in model.free_RVs))
            slopes = dict(zip((v.name for v in model.free_RVs), by_part, strict=True))
            gradient = unit * np.concatenate([np.ravel(slopes[part]) for part in of_point])
            got, found = fast(x)
            assert np.isfinite(wanted), what
            assert got == pytest.approx(wanted + np.log(unit).sum(), rel=1e-10, abs=1e-10), what
            np.testing.assert_allclose(
                found, gradient, rtol=1e-10, atol=1e-10 * np.abs(gradient).max(), err_msg=what
            )


@pytest.mark.parametrize(("rate", "level"), [(-40.0, -40.0), (-3.0, 9.0), (3.0, 3.0)])
def test_falls_that_could_hardly_come_and_falls_that_must(rate, level, hazard_panel, density):
    """There the hazard is taken as something else, by both alike."""
    panel = without_returns(hazard_panel)
    model = hazard.build(panel, PRIORS)
    fast, slow = density(compact.compact(panel, PRIORS)), density(model)
    centre, unit = compact.units(panel, PRIORS)
    value = centre + 0.1 * unit * np.random.default_rng(1).standard_normal(len(unit))
    of_point = parts(value, panel)
    value[0], of_point["year_level"][:] = rate, level  # a view of the vector
    x = (value - centre) / unit
    of_point = parts(value, panel)
    wanted, *slopes = slow(*(of_point[v.name] for v in model.free_RVs))
    got, found = fast(x)
    assert got == pytest.approx(wanted + np.log(unit).sum(), rel=1e-10)
    by_part = dict(zip((v.name for v in model.free_RVs), slopes, strict=True))
    gradient = unit * np.concatenate([np.ravel(by_part[part]) for part in of_point])
    np.testing.assert_allclose(found, gradient, rtol=1e-9, atol=1e-10 * np.abs(gradient).max())


def test_draws_of_the_vector_are_named_as_the_written_out_model_has_them(hazard_panel):
    for panel in (hazard_panel, without_returns(hazard_panel)):
        model = hazard.build(panel, PRIORS)
        centre, unit = compact.units(panel, PRIORS)
        x = np.random.default_rng(2).standard_normal((2, 3, len(unit)))
        drawn = xr.Dataset({"point": (("chain", "draw", "parameter"), x)}).assign_coords(
            chain=[0, 1], draw=[0, 1, 2], parameter=compact._names(panel)
        )
        entry, rng = get_model("hazard"), np.random.default_rng(1)
        told = entry.completed(drawn, panel, PRIORS, rng, given=True)
        variables = [*model.free_RVs, *model.deterministics]
        assert set(told) == {v.name for v in variables}
        inputs = [model.rvs_to_values[v] for v in model.free_RVs]
        wanted = pytensor.function(
            inputs, model.replace_rvs_by_values(variables), mode="FAST_COMPILE",
            on_unused_input="ignore",
        )  # fmt: skip
        point = parts(centre + unit * x[1, 2], panel)
        for v, value in zip(
            variables, wanted(*(point[r.name] for r in model.free_RVs)), strict=True
        ):
            got = told[v.name].isel(chain=1, draw=2)
            np.testing.assert_allclose(got, value, rtol=1e-12, err_msg=v.name)
            dims = model.named_vars_to_dims.get(v.name, ())
            assert told[v.name].dims == ("chain", "draw", *dims)
            for dim in dims:
                assert list(told[dim].values) == list(model.coords[dim])
        assert "parameter" not in told.coords
        again = entry.completed(told, panel, PRIORS, rng, given=True)
        assert again is told  # what has names keeps them


def test_one_compiled_code_serves_every_panel_and_prior_set(hazard_panel):
    """With returns and without, in a hindcast and today."""
    key = key_of(compact.compact(hazard_panel, PRIORS), "")
    assert key is not None
    for _, panel in panels(hazard_panel):
        for priors in (PRIORS, hazard.VARIANTS["generous"]):
            assert key_of(compact.compact(panel, priors), "") == key


def test_the_parameters_stand_where_the_kernel_looks_for_them():
    names = [name for name, _, _ in compact.LAYOUT]
    dims = [dim for _, dim, _ in compact.LAYOUT]
    assert [getattr(kernel, name.upper()) for name in names[:7]] == list(range(7))
    assert dims[:7] == [""] * 7
    assert dims[7:14] == ["stage"] * 7
    own = ("RATE", "JUMP", "SHAPE", "RUNUP", "MARKET", "WILD", "LOAD")
    wanted = [f"deeper_{one.lower()}" for one in own]
    wanted[1], wanted[6] = "jump_rate", "load"
    assert names[7:14] == wanted
    assert [getattr(kernel, f"OWN_{one}") for one in own] == list(range(kernel.OWN))
    assert names[14:16] == ["year_level", "z_industry"]
    assert [getattr(kernel, name.upper()) for name in names[16:]] == list(range(kernel.OF_INDEX))
    assert (len(rows.STAGES), LONGEST) == (kernel.STAGES, kernel.MONTHS)
    assert kernel.YEAR_OF == rows.YEAR_OF


def test_the_digamma_function():
    for x in (0.51, 1.0, 1.7, 4.0, 9.99, 10.0, 57.3, 1e4):
        assert kernel._digamma(x) == pytest.approx(special.digamma(x), rel=1e-14, abs=1e-14)
