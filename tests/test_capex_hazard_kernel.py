"""The spending clock's density in one piece against the same model written out in PyMC."""

import dataclasses

import numpy as np
import pytensor
import pytest
from pytensor.compile.mode import Mode

from forecast.inference.compile import key_of
from forecast.models.base import select
from forecast.models.capex_hazard import kernel
from forecast.models.capex_hazard import model as capex_hazard
from forecast.models.panels import build_panel
from forecast.tables.shipped import read_vintages
from forecast.tables.vintages import as_of

PRIORS = capex_hazard.Priors()


def density(model):
    """Log density by cell, that of the model, and the gradient of each by all that is sampled."""
    (by_cell,) = model.logp(vars=[*model.observed_RVs, *model.potentials], sum=False)
    whole, values = model.logp(), [model.rvs_to_values[v] for v in model.free_RVs]
    slopes = [
        slope
        for of in (by_cell.sum(), whole)  # the cells know nothing of what rates are about
        for slope in pytensor.grad(of, values, disconnected_inputs="ignore")
    ]
    compute = pytensor.function(
        values, [by_cell, whole, *slopes], mode=Mode("py", None), on_unused_input="ignore"
    )  # nothing compiled
    return [v.name for v in values], compute


def points(model, count):
    """Where the sampler goes: near the middle and far out."""
    rng, start = np.random.default_rng(0), model.initial_point()
    for k in range(count):
        scale = (0.2, 0.7, 1.0, 2.0)[k % 4]
        yield {n: x + scale * rng.standard_normal(np.shape(x)) for n, x in start.items()}


def compared(panel, priors, count, **given):
    """Hold values and gradients against the specification's, with some values put in their place."""
    fast, slow = (of(panel, priors) for of in (capex_hazard.build, capex_hazard.specification))
    (names, got), (same, wanted) = density(fast), density(slow)
    assert names == same
    for point in points(fast, count):
        at = [np.full_like(x, given[n]) if n in given else x for n, x in point.items()]
        assert list(point) == names
        (by_cell, whole, *found), (told, both, *slopes) = got(*at), wanted(*at)
        assert np.isfinite(told).all()
        np.testing.assert_allclose(by_cell, told, rtol=1e-10, atol=1e-10)
        assert whole == pytest.approx(both, rel=1e-12)
        for half in (slice(len(names)), slice(len(names), None)):
            a, b = (np.concatenate([np.ravel(x) for x in each[half]]) for each in (found, slopes))
            np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-10 * np.abs(b).max())
        assert np.count_nonzero(b) == len(b)


def of_day(day):
    return build_panel(as_of(read_vintages(), day), "capex_hazard")


@pytest.mark.parametrize("variant", ["default", *capex_hazard.VARIANTS])
def test_value_and_gradient_are_those_of_the_written_out_model(variant, capex_hazard_panel):
    compared(capex_hazard_panel, {"default": PRIORS, **capex_hazard.VARIANTS}[variant], 4)


def panels(whole):
    """Early and late, classes alone, companies alone, few rows, and rows without any fall."""
    yield "2024-05-06", of_day("2024-05-06")
    yield "2025-02-15", of_day("2025-02-15")
    level, fell = whole.data["level"].values, whole.data["months5"].values > 0
    own = np.isin(level, capex_hazard.OWN)
    yield "companies alone", select(whole, own)
    yield (
        "classes alone, before 1990",
        select(whole, ~own & (whole.data["identified"].values.astype(str) < "1990")),
    )
    first = np.array([np.argmax(level == one) for one in np.unique(level)])
    yield "one of each level", select(whole, np.isin(np.arange(len(level)), first))
    yield "no fall", select(whole, ~fell & (np.arange(len(level)) % 5 == 0))


def test_of_other_panels_too(capex_hazard_panel):
    """One compiled code serves all of them, though they differ in years and industries."""
    key = key_of(capex_hazard.build(capex_hazard_panel, PRIORS), "")
    sizes = set()
    for _, panel in panels(capex_hazard_panel):
        compared(panel, capex_hazard.VARIANTS["generous"], 4)
        model = capex_hazard.build(panel, PRIORS)
        assert key_of(model, "") == key
        sizes.add((len(model.coords["year"]), len(model.coords["industry"])))
    assert len(sizes) > 3


@pytest.mark.parametrize("reference", [-45.0, -30.0, 4.0])
def test_falls_that_could_hardly_come_and_falls_that_must(reference, capex_hazard_panel):
    """There the hazard is taken as something else, by both alike."""
    compared(capex_hazard_panel, PRIORS, 2, reference=reference)


def test_the_gradient_is_the_slope_of_the_density(capex_hazard_panel):
    """By finite differences of the kernel itself, whatever PyTensor makes of it."""
    model = capex_hazard.build(capex_hazard_panel, PRIORS)
    _, compute = density(model)
    (point,) = points(model, 1)
    shapes = {n: np.shape(x) for n, x in point.items()}
    _, _, *slopes = compute(*point.values())
    slopes = np.concatenate([np.ravel(s) for s in slopes[: len(point)]])
    x = np.concatenate([np.ravel(v) for v in point.values()])

    def at(x):
        ends = np.cumsum([np.prod(s, dtype=int) for s in shapes.values()])
        parts = np.split(x, ends[:-1])
        return compute(*(p.reshape(s) for p, s in zip(parts, shapes.values(), strict=True)))[0]

    step, rng = 1e-5, np.random.default_rng(1)
    for k in (*range(20), *rng.choice(len(x), 20, replace=False)):
        off = step * (np.arange(len(x)) == k)
        slope = (at(x + off) - at(x - off)).sum() / (2 * step)
        assert slope == pytest.approx(slopes[k], rel=1e-6, abs=1e-5)


def test_numbers_and_places_stand_where_the_kernel_looks_for_them(capex_hazard_panel):
    for k, name in enumerate(capex_hazard.PLACES):
        assert getattr(kernel, f"I_{name.upper()}") == k
    assert (len(capex_hazard.KINDS), len(capex_hazard.FALLS)) == (kernel.KINDS, kernel.FALLS)
    assert len(capex_hazard.SLOPES) == kernel.SLOPES
    assert kernel.QUARTERS == capex_hazard.LONGEST // capex_hazard.QUARTER
    assert kernel.STRETCHES == kernel.QUARTERS + capex_hazard.LONGEST // capex_hazard.YEAR
    for name in ("later", "deepening"):
        assert getattr(kernel, name.upper()) == capex_hazard.EFFECTS.index(name)
    assert len(capex_hazard.EFFECTS) == kernel.STEEP
    assert capex_hazard.SPREADS[1] == "industry"
    model = capex_hazard.build(capex_hazard_panel, PRIORS)
    index, other = (model[name].get_value() for name in ("index", "other"))
    years, industries = (len(model.coords[dim]) for dim in ("year", "industry"))
    first = kernel.VECTORS + len(capex_hazard.LEVELS)
    assert set(other[kernel.O_LEVEL]) == set(range(kernel.VECTORS, first))
    # Not every calendar year has a cell; the last place is of rows without an industry.
    assert set(index[kernel.I_YEAR]) <= set(range(first, first + years))
    assert {first, first + years - 1} <= set(index[kernel.I_YEAR])
    assert set(other[kernel.O_INDUSTRY]) == set(first + years + np.arange(industries + 1))
    assert set(index[kernel.I_STRETCH]) == set(range(kernel.STRETCHES))


def test_what_is_sampled_and_stored_is_the_written_out_models(capex_hazard_panel):
    fast, slow = (
        of(capex_hazard_panel, PRIORS) for of in (capex_hazard.build, capex_hazard.specification)
    )
    for kind in ("free_RVs", "deterministics"):
        names = [v.name for v in getattr(fast, kind)]
        assert names == [v.name for v in getattr(slow, kind)]
        for name in names:
            dims = fast.named_vars_to_dims.get(name)
            assert dims == slow.named_vars_to_dims.get(name)
            for dim in dims or ():
                assert list(fast.coords[dim]) == list(slow.coords[dim])
    assert list(fast.coords["came_row"]) == list(slow.coords["came_row"])


def test_the_order_of_rows_is_no_part_of_the_density(capex_hazard_panel):
    backwards = dataclasses.replace(
        capex_hazard_panel, data=capex_hazard_panel.data.isel(obs=slice(None, None, -1))
    )
    compared(backwards, PRIORS, 1)
