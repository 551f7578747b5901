"""The density of list prices in one piece against the same model written out in PyMC."""

import numpy as np
import pytensor
import pytest
from pytensor.compile.mode import Mode
from scipy.stats import lognorm, norm
from test_api_price import with_a_withdrawal

from forecast.inference.sampling import prior_draws
from forecast.models import common
from forecast.models.api_price import kernel
from forecast.models.api_price import model as api_price
from forecast.models.base import select
from forecast.models.panels import build_panel
from forecast.models.registry import get_model
from forecast.tables.shipped import read_vintages
from forecast.tables.vintages import as_of


def density(model):
    """Log densities by part of the model, and the gradient of their sum by what is sampled."""
    parts = [*model.observed_RVs, *model.potentials]
    found = model.logp(vars=parts, sum=False)
    values = [model.rvs_to_values[v] for v in model.free_RVs]
    gradient = pytensor.grad(sum(p.sum() for p in found), values)
    return [p.name for p in parts], pytensor.function(
        values, [*found, *gradient], mode=Mode("py", None)
    )


def points(count, size):
    """Where the sampler goes: near the middle and far out."""
    rng = np.random.default_rng(0)
    for k in range(count):
        scale = (0.2, 0.7, 1.0, 2.0)[k % 4]
        yield scale * rng.standard_normal(size), rng.normal(-0.3, scale)


def compared(panel, priors, count):
    """Hold value and gradient against the specification's."""
    (_, fast), (names, slow) = (
        density(of(panel, priors)) for of in (api_price.build, api_price.specification)
    )
    kind = api_price._known(panel)["kind"]
    size = len(api_price.SCALARS) + sum(len(v) for v in api_price._own(panel).values())
    for point in points(count, size):
        by_row, *gradient = fast(*point)
        found = slow(*point)
        told = np.zeros(len(kind))
        for name, values in zip(names, found[: len(names)], strict=True):
            told[kind == api_price.KINDS.index(name)] = values
        np.testing.assert_allclose(by_row, told, rtol=1e-10, atol=1e-10)
        largest = max(np.abs(g).max() for g in found[-2:])
        for got, wanted in zip(gradient, found[-2:], strict=True):
            assert np.isfinite(wanted).all()
            np.testing.assert_allclose(got, wanted, rtol=1e-10, atol=1e-10 * largest)
        assert np.count_nonzero(gradient[0]) > 15
        assert gradient[1] != 0


@pytest.mark.parametrize("variant", ["default", *api_price.VARIANTS])
def test_value_and_gradient_are_those_of_the_written_out_model(variant, api_price_panel):
    """Of every prior set, the other structure without withdrawals among them, and every kind of row."""
    priors = {"default": api_price.Priors(), **api_price.VARIANTS}[variant]
    panel = with_a_withdrawal(api_price_panel) if variant != "sceptical" else api_price_panel
    compared(panel, priors, 8)


@pytest.mark.parametrize("which", ["2024-06-30", "2025-06-30", "offers alone", "one of each"])
def test_of_other_panels_too(which, api_price_panel):
    panel = api_price_panel
    if which[0] == "2":
        panel = build_panel(as_of(read_vintages(), which), "api_price")
    kinds = panel.data["kind"].values
    if which == "offers alone":
        panel = select(panel, kinds == "offer")
    if which == "one of each":
        some = np.array([k != "offer" and k in kinds[:i] for i, k in enumerate(kinds)])
        panel = select(panel, ~some)
    compared(panel, api_price.Priors(), 4)


def test_numbers_and_places_stand_where_the_kernel_looks_for_them():
    for start, names in (
        ("", api_price.PARAMETERS), ("T_", api_price.COLUMNS), ("I_", api_price.PLACES),
        ("K_", api_price.KINDS),
    ):  # fmt: skip
        for k, name in enumerate(names):
            assert getattr(kernel, start + name.upper()) == k
    assert (len(api_price._SCALES), len(api_price.SCALARS)) == (kernel.SCALES, kernel.SCALARS)
    assert api_price.SCALARS[: kernel.SCALES] == api_price._SCALES
    assert kernel.FREEDOM == api_price.FREEDOM


def test_what_is_sampled_stands_for_the_priors(api_price_panel):
    """A number nought is the prior's middle, and one a standard deviation on the scale of its law."""
    priors = api_price.VARIANTS["generous"]
    size = len(api_price.SCALARS) + sum(len(v) for v in api_price._own(api_price_panel).values())
    prior = api_price.prior_array(api_price_panel, priors)
    z = np.stack([np.zeros(size), np.ones(size)])
    p = api_price.parameters_of(np, z, np.zeros(2), prior, api_price_panel)
    for name in api_price.SCALARS:
        value = getattr(priors, name)
        if name in api_price._SCALES:
            wanted = value * np.exp(getattr(priors, f"{name}_log_sd"))
        else:
            wanted = value + getattr(priors, f"{name}_sd")
        assert p[name] == pytest.approx([value, wanted])


def test_the_density_of_the_priors_is_that_of_the_parameters(api_price_panel):
    """Up to a constant, on the parameters' own scale and without tiers, houses and the like."""
    priors, entry = api_price.Priors(), get_model("api_price")
    z = prior_draws(entry, api_price_panel, priors, size=5, seed=1)[["z", "along"]]
    full = api_price.complete(z, api_price_panel, priors, np.random.default_rng(0), given=True)
    wanted = np.zeros((1, 5))
    for name in (*api_price.SCALARS, "rate"):
        x, value = full[name].values, getattr(priors, name)
        if name in api_price._SCALES:
            wanted += lognorm(getattr(priors, f"{name}_log_sd"), scale=value).logpdf(x)
        else:
            wanted += norm(value, getattr(priors, f"{name}_sd")).logpdf(x)
    np.testing.assert_allclose(np.ptp(full[common.HYPER].values - wanted), 0.0, atol=1e-10)


def test_the_rate_is_drawn_from_its_prior(api_price_panel):
    """Though the growth of prices along the frontier is sampled in its place."""
    priors, entry = api_price.Priors(), get_model("api_price")
    drawn = prior_draws(entry, api_price_panel, priors, size=4000, seed=1)
    rate, slope = drawn["rate"].values[0], drawn["slope"].values[0]
    assert rate.mean() == pytest.approx(priors.rate, abs=0.06)
    assert rate.std() == pytest.approx(priors.rate_sd, rel=0.04)
    assert abs(np.corrcoef(rate, slope)[0, 1]) < 0.06
