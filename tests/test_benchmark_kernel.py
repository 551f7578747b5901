"""The benchmark model's density in one piece against the same model written out in PyMC."""

import dataclasses

import numpy as np
import pandas as pd
import pytensor
import pytest

from forecast.models.base import select
from forecast.models.benchmark import kernel
from forecast.models.benchmark import model as benchmark
from forecast.models.benchmark.panel import benchmark_panel as panel_of

AS_OF = "2026-05-06"
PRIORS = benchmark.Priors()


def density(model):
    """Log density of scores and reports by release, and the gradient of its sum, as one function."""
    by_release = sum(v for v in model.potentials)
    variables = [model.rvs_to_values[v] for v in model.free_RVs]
    (by_release,) = model.replace_rvs_by_values([by_release])
    gradient = pytensor.grad(by_release.sum(), variables)
    return pytensor.function(variables, [by_release, *gradient], mode="FAST_COMPILE")


def points(model, count):
    """Where the sampler goes: near the middle, far out, and where returns do not bend."""
    rng = np.random.default_rng(0)
    shapes = {name: np.shape(z) for name, z in model.initial_point().items()}
    for k in range(count):
        scale = (0.2, 0.7, 1.0, 2.0)[k % 4]
        z = {name: scale * rng.standard_normal(shape) for name, shape in shapes.items()}
        if k % 5 == 0:
            z["z_normal"][benchmark.SCALARS["normal"].index("bend")] = (0.0, 2e-5, -1e-3)[
                k // 5 % 3
            ]
        yield [z[v.name] for v in model.free_RVs]


def panels(whole):
    """Name, panel, and at how many points it is looked at."""
    yield "whole", whole, 16
    at = np.arange(whole.data.sizes["obs"])
    organisation = whole.data["organisation"].values
    yield "one organisation", select(whole, organisation == organisation[0]), 8
    yield "one score", select(whole, at == 0), 8
    few = select(whole, at % 7 < 3)
    ends = np.resize([0.0, 1.0, 0.25, 0.999, -0.01, 0.5], few.data.sizes["obs"])
    scores = few.data.assign(score=("obs", ends))
    yield "both ends and beyond", dataclasses.replace(few, data=scores), 8
    rows = {"model": ["a", "b"], "release_date": ["2023-03-14", "2024-06-01"], "open_weights": False,
            "mmlu": [70.0, 30.0], "training_cost_musd_mid": [90.0, np.nan],
            "params_b": [200.0, 7.0]}  # fmt: skip
    yield "a cost without compute, and a size alone", panel_of(pd.DataFrame(rows), AS_OF), 8


def test_value_and_gradient_are_those_of_the_written_out_model(benchmark_panel):
    for name, panel, count in panels(benchmark_panel):
        built = benchmark.build(panel, PRIORS)
        fast, slow = density(built), density(benchmark.specification(panel, PRIORS))
        for point in points(built, count):
            for one, other in zip(fast(*point), slow(*point), strict=True):
                assert np.isfinite(other).all(), name
                np.testing.assert_allclose(
                    one, other, rtol=1e-10, atol=1e-10 * np.abs(other).max(), err_msg=name
                )


def test_the_gradient_is_that_of_the_density_as_it_is_computed(benchmark_panel):
    """By differences: where the nodes stand moves with the parameters, and counts."""
    model = benchmark.build(benchmark_panel, PRIORS)
    found = density(model)
    (point,) = points(model, 1)
    gradient = found(*point)[1:]
    rng = np.random.default_rng(1)
    for _ in range(3):
        way = [rng.standard_normal(z.shape) for z in point]
        up, down = (
            found(*(z + step * w for z, w in zip(point, way, strict=True)))[0].sum()
            for step in (1e-5, -1e-5)
        )
        along = sum((g * w).sum() for g, w in zip(gradient, way, strict=True))
        assert (up - down) / 2e-5 == pytest.approx(along, rel=1e-6)


def test_releases_that_do_not_count_alike_are_refused(benchmark_panel):
    model = benchmark.build(benchmark_panel, PRIORS)
    (by_release,) = model.replace_rvs_by_values(model.potentials)
    variables = [model.rvs_to_values[v] for v in model.free_RVs]
    with pytest.raises(NotImplementedError, match="only the sum"):
        pytensor.grad((by_release**2).sum(), variables)


def test_the_exponential_of_a_vector():
    x = np.r_[np.linspace(-690, 690, 20_001), np.linspace(-1, 1, 20_001), 0.0]
    found = x.copy()
    kernel._exponential(found, np.empty_like(x))
    np.testing.assert_allclose(found, np.exp(x), rtol=1e-15)
    odd = np.array([-np.inf, -1e4, 1e4, np.inf, np.nan])
    kernel._logistic_of(odd, np.empty_like(odd))
    np.testing.assert_allclose(odd[:4], [0.0, 0.0, 1.0, 1.0], atol=1e-300)
    assert np.isnan(odd[4])


def test_the_parameters_stand_where_the_kernel_looks_for_them():
    places = (("normal", "COMPUTE_PER_SIZE_TREND"), ("log_normal", "UPTAKE"))
    for kind, last in places:
        for k, name in enumerate(benchmark.SCALARS[kind]):
            assert getattr(kernel, name.upper()) == k
        assert getattr(kernel, last) == len(benchmark.SCALARS[kind]) - 1
    own = [name for names in benchmark.OWN.values() for name in names]
    assert [getattr(kernel, name.upper()) for name in own] == list(range(5))
