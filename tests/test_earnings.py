"""The quarterly model: its parts against the density they claim, and against the sampled form."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from forecast.core.errors import DataError
from forecast.inference import compile as compiling
from forecast.inference import fitting, sampling
from forecast.inference.compile import key_of
from forecast.inference.fitting import fit
from forecast.inference.predict import forecast, outline
from forecast.inference.sampling import prior_draws
from forecast.models.base import select
from forecast.models.earnings import kernel, states
from forecast.models.earnings import model as earnings
from forecast.models.earnings.guidance import Guidance
from forecast.models.earnings.panel import METRIC_GROUPS
from forecast.models.panels import build_panel
from forecast.models.registry import get_model
from forecast.tables.shipped import read_vintages
from forecast.tables.vintages import as_of

PRIORS = earnings.Priors()


def some(panel, entities, quarters, groups=METRIC_GROUPS):
    """A smaller panel: some companies, from a quarter on."""
    data = panel.data
    entity = [str(s).split("/")[0] for s in data["series"].values]
    keep = np.isin(entity, entities) & (data["quarter"].values >= quarters)
    return select(panel, keep & np.isin(data["group"].values, groups))


@pytest.fixture(scope="module")
def parameters(earnings_panel):
    """Prior draws of the sampled numbers, completed given the data: any will do here."""
    model = get_model("earnings")
    drawn = prior_draws(model, earnings_panel, PRIORS, size=100, seed=1)
    drawn = drawn.assign(hyper=(("chain", "draw"), np.zeros((1, 100))))
    rng = np.random.default_rng(2)
    return earnings.complete(drawn, earnings_panel, PRIORS, rng, given=True)


@pytest.fixture(scope="module")
def draws(earnings_panel, parameters):
    rng = np.random.default_rng(3)
    return earnings.draw(parameters, earnings_panel, PRIORS, "2028Q2", rng)


def test_the_layout_holds_every_observation(earnings_panel):
    flat = earnings.layout(earnings_panel)
    assert flat.y.shape == (29, 19)
    assert flat.seen.sum() == earnings_panel.data.sizes["obs"]
    np.testing.assert_array_equal(flat.group, np.sort(flat.group))
    np.testing.assert_allclose(
        flat.y[flat.cells], np.log(earnings_panel.data["value"].values), rtol=1e-12
    )
    late = flat.names.index("CRWV/capex")
    assert flat.start[late] == flat.y[20, late] != 0


def test_row_order_changes_nothing(earnings_panel):
    data = earnings_panel.data
    shuffled = data.isel(obs=np.random.default_rng(0).permutation(data.sizes["obs"]))
    one, two = (
        earnings.layout(dataclasses.replace(earnings_panel, data=d)) for d in (data, shuffled)
    )
    assert one.names == two.names
    np.testing.assert_array_equal(one.y, two.y)


@pytest.mark.parametrize("variant", ["default", "sceptical"])
def test_the_model_holds_the_collapsed_density(earnings_panel, variant):
    """Prior numbers of a variant enter as data."""
    priors = fitting.prior_set(get_model("earnings"), variant)
    model = earnings.build(earnings_panel, priors)
    names = [*earnings.HYPER_NAMES, "scale"]
    wanted = model.replace_rvs_by_values([model["panel"], *(model[n] for n in names)])
    call = model.compile_fn(wanted, inputs=model.value_vars, mode="FAST_COMPILE")
    rng = np.random.default_rng(4)
    point = {k: v + 0.3 * rng.standard_normal(v.shape) for k, v in model.initial_point().items()}
    logp, *values = call(point)
    flat = earnings.layout(earnings_panel)
    one = xr.Dataset(
        {
            n: (("chain", "draw", "series" if n == "scale" else "group"), v[None, None])
            for n, v in zip(names, values, strict=True)
        }
    )
    k = earnings._numbers_of(one, flat)
    wanted = kernel.panel_logp_grad(
        flat.y, flat.seen, earnings.regressors(flat.first, 29), flat.group, flat.start, 25.0,
        earnings._numbers(priors, "growth"), earnings._numbers(priors, "growth_sd"),
        earnings._numbers(priors, "season_sd"), *(v[0] for v in dataclasses.astuple(k)),
    )[0]  # fmt: skip
    assert float(logp) == pytest.approx(wanted, rel=1e-9)


def test_a_company_more_needs_no_compile(known):
    row = known.rows[(known.rows["entity"] == "MSFT") & (known.rows["metric"] == "capex")].iloc[-3:]
    table = known.with_rows(pd.concat([known.rows, row.assign(entity="OWN")], ignore_index=True))
    one, two = (earnings.build(build_panel(t, "earnings"), PRIORS) for t in (known, table))
    assert len(two.coords["series"]) == len(one.coords["series"]) + 1
    assert key_of(one, "") == key_of(two, "")


def test_reported_cells_are_the_reports(draws, earnings_panel):
    data = earnings_panel.data
    for k in (0, 100, 300):
        cell = {"series": str(data["series"].values[k]), "period": str(data["quarter"].values[k])}
        assert np.unique(draws["y"].sel(cell).values) == pytest.approx(data["value"].values[k])
        assert float(draws["observed"].sel(cell)) == pytest.approx(data["value"].values[k])


def test_before_a_series_begins_there_is_nothing(draws):
    late = draws.sel(series="CRWV/capex")
    assert late["y"].sel(period="2023Q4").isnull().all()
    assert late["signal"].sel(period="2023Q4").isnull().all()
    assert np.isfinite(late["y"].sel(period=slice("2024Q1", None))).all()


def test_ragged_ends_are_drawn(draws):
    cell = {"series": "NVDA/capex", "period": "2026Q1"}
    assert draws["observed"].sel(cell).isnull()
    assert draws["y"].sel(cell).std() > 0
    assert np.isfinite(draws["y"].sel(period=slice("2026Q2", "2028Q2"))).all()


def test_sums_and_ratios_are_those_of_the_same_draw(draws):
    y = draws["y"].reset_coords(drop=True)
    five = [f"{e}/capex" for e in ("MSFT", "GOOGL", "AMZN", "META", "ORCL")]
    total = y.sel(series="big_five/capex", drop=True)
    xr.testing.assert_allclose(y.sel(series=five).sum("series"), total)
    ratio = total / y.sel(series="big_five/revenue", drop=True)
    xr.testing.assert_allclose(ratio, y.sel(series="big_five/capex_to_revenue", drop=True))
    cloud = [s for s in draws["series"].values if s.split("/")[1].endswith("cloud_revenue")
             or s in ("AMZN/aws_revenue", "ORCL/oci_iaas_revenue")]  # fmt: skip
    cloud = [s for s in cloud if not s.startswith("big_")]
    xr.testing.assert_allclose(
        y.sel(series=cloud).sum("series", skipna=False),
        y.sel(series="big_five/cloud_revenue", drop=True),
    )
    assert str(draws["unit"].sel(series="big_five/capex").values) == "USD bn"
    assert str(draws["unit"].sel(series="MSFT/capex_to_revenue").values) == "ratio"
    assert str(draws["period_end"].sel(period="2027Q1").values) == "2027-03-31"


def test_growth_now_is_the_expected_next_step(earnings_panel, parameters):
    """From the states of one draw, many futures: their mean step without season."""
    one = parameters.isel(draw=[0] * 4000).assign_coords(draw=np.arange(4000))
    rng = np.random.default_rng(5)
    flat = earnings.layout(earnings_panel)
    signal, _ = earnings._paths(one, flat, PRIORS, 1, rng, given=True)
    x = earnings.regressors(flat.first, 30)
    season = (x[29] - x[28])[1:] @ one["coefficient"].values[0, 0, :, 1:].T
    step = signal[:, 29] - signal[:, 28]
    z = (step.mean(0) - season - one["growth_now"].values[0, 0]) / (step.std(0) / np.sqrt(4000))
    assert np.abs(z).max() < 4.5


def test_sums_want_every_company(known):
    table = known.with_rows(known.rows[known.rows["entity"] != "META"])
    panel = build_panel(table, "earnings")
    model = get_model("earnings")
    drawn = prior_draws(model, panel, PRIORS, size=5, seed=1)
    out = earnings.draw(drawn, panel, PRIORS, "2026Q4", np.random.default_rng(0))
    assert not any(s.endswith(("big_four/capex", "big_five/revenue")) for s in out["series"].values)


@pytest.mark.parametrize("until", ["2025Q4", "2090Q1"])
def test_horizons_out_of_reach(earnings_panel, parameters, until):
    with pytest.raises(DataError, match="wanted a quarter from 2026Q1 to 2041Q1"):
        earnings.draw(parameters, earnings_panel, PRIORS, until, np.random.default_rng(0))


def test_a_panel_of_capex_alone_is_fitted(earnings_panel, instant_sampler):
    panel = some(earnings_panel, ["MSFT", "ORCL"], "2021Q1", ("capex",))
    run = fit("earnings", panel, seed=1, progress=False)
    assert run.gate.passed, [str(c) for c in run.gate.failures]
    assert set(forecast(run, seed=1)["metric"].values) == {"capex"}


@pytest.mark.slow
def test_refits_at_other_dates_pass_their_gate_without_a_compile(earnings_panel):
    table = read_vintages()
    fit("earnings", earnings_panel, seed=1, progress=False)
    compiled = dict(compiling._codes)
    for day in ("2021-02-14", "2022-05-15", "2023-08-14", "2024-11-14", "2025-08-14"):
        panel = build_panel(as_of(table, day), "earnings")
        run = fit("earnings", panel, seed=1, variant="generous", draws=1000, progress=False)
        assert run.gate.passed, (day, [str(c) for c in run.gate.failures])
        assert np.isfinite(forecast(run, until="2028Q2", seed=1)["y"].sel(period="2028Q2")).all()
    assert dict(compiling._codes) == compiled


def test_without_data_to_condition_on_nothing_is_compiled(earnings_panel, monkeypatch):
    """What is asked of an outline, and whether priors are sensible, waits for no kernel."""
    monkeypatch.setattr(states, "solve_group", None)
    outline(earnings_panel)
    assert isinstance(sampling.prior_misses(
        get_model("earnings"), earnings_panel, PRIORS, seed=1, size=20
    ), list)  # fmt: skip


def test_one_form_of_the_kernel_serves_all_draws(parameters, earnings_panel):
    """Each layout or kind of number that differed would be compiled anew, for seconds."""
    flat = earnings.layout(earnings_panel)
    data = earnings._data_of(flat, PRIORS, ahead=4, given=True)
    numbers = dataclasses.astuple(earnings._numbers_of(parameters.isel(draw=[0, 1]), flat))
    y, seen = np.asfortranarray(data.y), np.asfortranarray(data.seen)
    states.draw_states(
        np.random.default_rng(1),
        dataclasses.replace(data, y=y, seen=seen, start_var=25),
        states.Numbers(*(np.asfortranarray(a) for a in numbers)),
    )
    assert len(kernel.solve_group.signatures) == 1


@pytest.mark.slow
def test_the_sampled_form_agrees(earnings_panel):
    """Shared parameters and forecasts, within Monte-Carlo error, on three companies' capex."""
    import earnings_reference
    import nutpie
    from arviz_stats.base import array_stats

    panel = some(earnings_panel, ["MSFT", "GOOGL", "AMZN"], "2022Q2", ("capex",))
    model = earnings_reference.build(panel, PRIORS, 4)
    import pytensor

    with pytensor.config.change_flags(numba__fastmath=False):
        compiled = nutpie.compile_pymc_model(model, backend="numba")
    names = [*earnings.HYPER_NAMES, "scale", "growth", "last_signal", "far_signal"]
    slow = nutpie.sample(
        compiled, draws=1000, tune=1000, chains=4, seed=3, target_accept=0.95, progress_bar=False
    )["posterior"].to_dataset()[names].isel(group=0)  # fmt: skip
    run = fit("earnings", panel, seed=3, progress=False)
    fast = run.posterior
    # The sampled form has no statements, no turns, and shocks to come as large as those before.
    bare = dataclasses.replace(panel, drawn=Guidance())
    still = dataclasses.replace(
        PRIORS, bust=dataclasses.replace(PRIORS.bust, hazard=1e-12, tail=1e9)
    )
    last = earnings.draw(fast, bare, still, "2027Q1", np.random.default_rng(4))
    series = earnings.layout(panel).names
    signal = np.log(last["signal"].sel(series=list(series)))
    fast = fast.isel(group=0).assign(
        last_signal=signal.sel(period="2026Q1", drop=True),
        far_signal=signal.sel(period="2027Q1", drop=True),
    )
    worst = {}
    for name in names:
        for k in range(len(series) if "series" in slow[name].dims else 1):
            pair = [
                d[name].isel(series=k) if "series" in d[name].dims else d[name]
                for d in (slow, fast)
            ]
            pair = [p.transpose("chain", "draw").values for p in pair]
            error = np.hypot(
                *(array_stats.mcse(p, chain_axis=0, draw_axis=1, method="mean") for p in pair)
            )
            worst[f"{name}[{k}]"] = (pair[0].mean() - pair[1].mean()) / error
            assert pair[0].std() / pair[1].std() == pytest.approx(1, abs=0.2), name
    assert max(map(abs, worst.values())) < 4.5, worst
