"""The payback model's density in one piece against the same model written out in PyMC."""

import numba
import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest
from pytensor.compile.mode import Mode
from scipy.special import expit, logit
from scipy.stats import lognorm, norm
from test_payback import MADE_UP, with_rows

from forecast.inference.sampling import prior_draws
from forecast.models import common
from forecast.models.base import select
from forecast.models.panels import build_panel
from forecast.models.payback import kernel
from forecast.models.payback import model as payback
from forecast.models.payback import panel as panels
from forecast.models.registry import get_model
from forecast.tables.shipped import read_vintages
from forecast.tables.vintages import as_of

SIZE = 41


def density(model):
    """Log density of the figures, part by part, and the gradient of their sum, of all in one vector."""
    parts = model.logp(vars=[*model.observed_RVs, *model.potentials], sum=False)
    names = ("told", "z", "moved")
    values = [model.rvs_to_values[model[name]] for name in names]
    slopes = pytensor.grad(sum(p.sum() for p in parts), values)
    gradient = pt.concatenate([slope.flatten() for slope in slopes])
    compute = pytensor.function(
        values, [*parts, gradient], mode=Mode("py", None)
    )  # nothing compiled
    shapes = [model.initial_point()[name].shape for name in names]

    def at(x):
        ends = np.cumsum([np.prod(shape, dtype=int) for shape in shapes])
        assert ends[-1] == SIZE
        return compute(*(p.reshape(s) for p, s in zip(np.split(x, ends[:-1]), shapes, strict=True)))

    return at


def points(count):
    """Where the sampler goes: near the middle and far out."""
    rng = np.random.default_rng(0)
    for k in range(count):
        yield (0.2, 0.7, 1.0, 2.0)[k % 4] * rng.standard_normal(SIZE)


def compared(panel, priors, count):
    """Hold value and gradient against the specification's; return how many values were looked at."""
    fast, slow = (density(of(panel, priors)) for of in (payback.build, payback.specification))
    side = panel.data["side"].values
    for z in points(count):
        (by_row, gradient), (*parts, wanted) = fast(z), slow(z)
        told = np.empty(len(side))
        told[side == 0], told[side != 0] = parts
        assert np.isfinite(wanted).all()
        np.testing.assert_allclose(by_row, told, rtol=1e-10, atol=1e-10)
        np.testing.assert_allclose(gradient, wanted, rtol=1e-10, atol=1e-10 * abs(wanted).max())
        assert np.count_nonzero(gradient) > 15


@pytest.mark.parametrize("variant", ["default", *payback.VARIANTS])
def test_value_and_gradient_are_those_of_the_written_out_model(variant, payback_panel):
    compared(payback_panel, {"default": payback.Priors(), **payback.VARIANTS}[variant], 8)


@pytest.mark.parametrize("day", ["2025-03-31", "2025-12-31", "every kind", "one of each"])
def test_of_other_panels_too(day):
    """Early and late, with figures of every kind and side, and with few."""
    shipped = as_of(read_vintages(), day) if day[0] == "2" else None
    panel = build_panel(shipped, "payback") if shipped else with_rows(*MADE_UP)
    if day == "one of each":
        kinds = panel.data["kind"].values
        panel = select(panel, np.arange(len(kinds)) == [np.argmax(kinds == k) for k in kinds])
    compared(panel, payback.Priors(), 4)


def test_the_alternatives_are_no_other_density():
    """They take the place of draws, so that every structure has the same fit."""
    assert {n for fixed in payback.ALTERNATIVES.values() for n in fixed} <= {"share", "round_rate"}


def test_the_normal_tail_near_and_far():
    tail = numba.njit(lambda z: kernel._tail(z))
    for z in (-40.0, -8.0, -1.0, 0.0, 1.0, 8.0, 19.999, 20.001, 36.0, 60.0, 1000.0):
        value, falls = tail(z)
        assert value == pytest.approx(norm.logsf(z), rel=1e-13, abs=1e-300)
        assert falls == pytest.approx(np.exp(norm.logpdf(z) - norm.logsf(z)), rel=1e-9, abs=1e-300)


def test_numbers_and_places_stand_where_the_kernel_looks_for_them():
    for k, name in enumerate(payback.PARAMETERS):
        assert getattr(kernel, name.upper()) == k
    for prefix, names in (
        ("T_", (*payback.COLUMNS, "programme", "after", "value")),
        ("I_", ("kind", "laboratory", *payback.PLACES[2:])),
    ):
        for k, name in enumerate(names):
            assert getattr(kernel, f"{prefix}{name.upper()}") == k
    for k, name in enumerate(panels.KINDS):
        assert getattr(kernel, name.upper()) == k
    sizes = (kernel.OWN, kernel.NAMES, kernel.LABORATORIES, kernel.VINTAGES, kernel.MONTHS)
    assert sizes == (len(payback.BY_LABORATORY), len(payback.PARAMETERS),
                     len(panels.LABORATORIES), panels.VINTAGES, len(payback.MONTHS))  # fmt: skip
    assert (kernel.ORIGIN, kernel.CASH_ERROR) == (payback.ORIGIN, payback.CASH_ERROR)


def test_what_is_sampled_stands_for_the_priors(payback_panel):
    """A number nought is the prior's middle, and one a standard deviation on the scale of its law."""
    priors = payback.VARIANTS["sceptical"]
    p = payback.parameters_of(
        np, np.stack([np.zeros(SIZE), np.ones(SIZE)]), payback.prior_array(priors)
    )
    for name in payback.REPORT:
        middle, sd = p[name].reshape(2, -1)
        value = getattr(priors, name)
        if name in payback.NORMALS:
            wanted = value + getattr(priors, f"{name}_sd")
        elif name in payback.LOG_NORMALS:
            wanted = value * np.exp(getattr(priors, f"{name}_log_sd"))
        else:
            wanted = expit(logit(value) + priors.share_logit_sd)
        assert middle == pytest.approx(value)
        assert sd == pytest.approx(wanted)
    assert p["shift"].shape == (2, 2, 6)


def test_the_density_of_the_priors_is_that_of_the_parameters(payback_panel):
    """Up to a constant, on the parameters' own scale and without the shifts."""
    priors, entry = payback.Priors(), get_model("payback")
    sampled = prior_draws(entry, payback_panel, priors, size=5, seed=1)[["z", "told", "moved"]]
    full = payback.complete(sampled, payback_panel, priors, np.random.default_rng(0), given=True)
    wanted = np.zeros((1, 5))
    for name in payback.REPORT:
        x, value = full[name].values, getattr(priors, name)
        if name in payback.NORMALS:
            each = norm(value, getattr(priors, f"{name}_sd")).logpdf(x)
        elif name in payback.LOG_NORMALS:
            each = lognorm(getattr(priors, f"{name}_log_sd"), scale=value).logpdf(x)
        else:
            each = norm(logit(value), priors.share_logit_sd).logpdf(logit(x)) - np.log(x * (1 - x))
        wanted += each.reshape(1, 5, -1).sum(axis=-1)
    np.testing.assert_allclose(np.ptp(full[common.HYPER].values - wanted), 0.0, atol=1e-10)


def test_sums_along_ridges_stand_for_the_deviations():
    """Their density is that of independent deviations, with the change of units of the moves."""
    panel, priors, entry = with_rows(*MADE_UP), payback.Priors(), get_model("payback")
    drawn = prior_draws(entry, panel, priors, size=4, seed=1)
    model = payback.build(panel, priors)
    density = model.compile_fn(model.logp(vars=model.free_RVs), inputs=model.value_vars,
                               mode="FAST_COMPILE")  # fmt: skip
    seen = np.zeros((2, 6))
    for row in panel.frame().itertuples():
        if row.kind == panels.KINDS.index("projection"):
            seen[row.lab, row.vintage] = 1.0
    assert 0 < seen.sum() < seen.size
    for k in range(4):
        one = drawn.isel(chain=0, draw=k)
        level = (one["level"] - priors.level) / priors.level_sd
        wanted = sum(norm.logpdf(one[n].values).sum() for n in ("z", "shift"))
        wanted += norm.logpdf(level).sum()
        wanted -= seen.sum() * np.log(one["shift_sd"].item() / priors.shift_sd)
        got = density({n: one[n].values for n in ("z", "told", "moved")})
        assert float(got) == pytest.approx(wanted, rel=1e-12)
        # Where all sales are told gross, what is sampled is the level of what is told.
        gross = [0.0, one["gross"].item()]
        kinds = panel.data["kind"].values == panels.KINDS.index("sales")
        gross[1] *= panel.data["gross"].values[kinds & (panel.data["lab"].values == 1)].mean()
        np.testing.assert_allclose(one["told"], level + np.array(gross) / priors.level_sd)
        np.testing.assert_allclose(
            one["moved"], one["shift"] * np.where(seen, one["shift_sd"] / priors.shift_sd, 1.0)
        )


def test_rows_that_do_not_count_alike_are_refused(payback_panel):
    model = payback.build(payback_panel, payback.Priors())
    (by_row,) = model.replace_rvs_by_values(model.potentials)
    z = model.rvs_to_values[model["z"]]
    with pytest.raises(NotImplementedError, match="only the sum"):
        pytensor.grad((by_row**2).sum(), z)
