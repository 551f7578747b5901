"""Figures: every mark is compared with the draws it was made from."""

from __future__ import annotations

import itertools
import re
import xml.etree.ElementTree as ET

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
import xarray as xr
from arviz_stats.base import array_stats
from matplotlib import font_manager
from matplotlib.collections import LineCollection
from matplotlib.colors import to_hex
from matplotlib.patches import StepPatch
from matplotlib.text import Text

from forecast import plots
from forecast.core.errors import DataError, UnknownNameError
from forecast.models.base import Panel
from forecast.models.benchmark import plots as benchmark_plots
from forecast.plots import style

PERIODS = [str(year) for year in range(2022, 2029)]
AS_OF = "2026-05-06"
NAIVE = "naive: drift random walk"


@pytest.fixture(autouse=True)
def _closed():
    before = mpl.get_backend()
    plt.switch_backend("agg")
    yield
    plt.close("all")
    plt.switch_backend(before)


def annual(seed=0, growth=0.25, model="market"):
    """Draws of two series, four years reported, three ahead."""
    rng = np.random.default_rng(seed)
    shape, known = (2, 60, 2, len(PERIODS)), 4
    log = np.log([50.0, 30.0])[:, None] + growth * np.arange(len(PERIODS))
    noise = np.zeros(shape)
    noise[..., known:] = np.cumsum(rng.normal(0, 0.2, (*shape[:3], len(PERIODS) - known)), -1)
    signal = log + noise
    signal[..., :known] += rng.normal(0, 0.05, (*shape[:3], known))
    observed = np.where(np.arange(len(PERIODS)) < known, np.exp(log), np.nan)
    dims = ("chain", "draw", "series", "period")
    return xr.Dataset(
        {
            "y": (dims, np.exp(log + noise)),
            "signal": (dims, np.exp(signal)),
            "observed": (("series", "period"), observed),
        },
        coords={
            "series": ["AI market/datacenter_capex", "AI market/ai_revenue"],
            "entity": ("series", ["AI market", "AI market"]),
            "metric": ("series", ["datacenter_capex", "ai_revenue"]),
            "unit": ("series", ["USD bn", "USD bn"]),
            "period": PERIODS,
        },
        attrs={"model": model, "as_of": AS_OF},
    )


def ratio(draws, variable="y"):
    capex, revenue = (draws[variable].isel(series=k, drop=True) for k in (0, 1))
    return (capex / revenue).rename("capex_to_revenue")


def texts(ax):
    written = [t.get_text().replace("\n", " ") for t in ax.texts]
    return [*written, ax.get_title(loc="left").replace("\n", " ")]


def bands(ax):
    names = [name for _, name, _ in style.BANDS]
    return {p.get_label(): p for p in ax.patches if p.get_label() in names}


def by_label(ax, label):
    (found,) = [a for a in ax.get_children() if a.get_label() == label]
    return found


def boxes(ax):
    """Boxes of all texts with words in them, without their leader lines."""
    figure = ax.get_figure(root=True)
    figure.draw_without_rendering()
    renderer = figure.canvas.get_renderer() if hasattr(figure.canvas, "get_renderer") else None
    found = [*ax.texts, ax._left_title, *ax.get_xticklabels(), *ax.get_yticklabels()]
    kind = mpl.text.Text
    return {
        f"{t.get_text()} {k}": kind.get_window_extent(t, renderer)
        for k, t in enumerate(found)
        if t.get_text().strip()
    }


def assert_readable(ax):
    """No text overlaps another or leaves the figure."""
    found = boxes(ax)
    whole = ax.get_figure(root=True).bbox
    for name, box in found.items():
        assert whole.x0 <= box.x0 and box.x1 <= whole.x1, name
        assert whole.y0 <= box.y0 and box.y1 <= whole.y1, name
    for (a, one), (b, other) in itertools.combinations(found.items(), 2):
        across = min(one.x1, other.x1) - max(one.x0, other.x0)
        up = min(one.y1, other.y1) - max(one.y0, other.y0)
        assert not (across > 1 and up > 1.5), (a, b)


# --- fan -------------------------------------------------------------------------------------
def test_fan_has_three_bands_that_are_quantiles_of_y():
    draws = annual()
    ax = plots.fan(draws, "datacenter_capex", "AI market")
    ahead = draws["y"].isel(series=0).values.reshape(-1, len(PERIODS))[:, 4:]
    found = bands(ax)
    assert list(found) == ["95 in 100", "8 in 10", "5 in 10"]
    for probability, name, _ in style.BANDS:
        steps = found[name].get_data()
        tail = (1 - probability) / 2
        np.testing.assert_allclose(steps.baseline, np.quantile(ahead, tail, axis=0))
        np.testing.assert_allclose(steps.values, np.quantile(ahead, 1 - tail, axis=0))
        np.testing.assert_allclose(steps.edges, [2026, 2027, 2028, 2029])
        assert to_hex(found[name].get_facecolor()) == plots.METRIC_HUES["datacenter_capex"]
    median = by_label(ax, "median").get_data().values
    np.testing.assert_allclose(median, np.median(ahead, axis=0))


def test_fan_says_what_it_shows():
    ax = plots.fan(annual(), "datacenter_capex", "AI market", title="Capex doubles by 2028")
    assert ax.get_title(loc="left") == "Capex doubles by 2028"
    said = texts(ax)
    assert "Data-centre capex, AI market, USD bn, annual, 2022–2028; log scale" in said
    assert f"data as of {AS_OF}" in said
    assert {"95 in 100", "8 in 10", "5 in 10", "median"} <= set(said)
    assert [t.get_text() for t in ax.get_xticklabels()] == PERIODS
    levels = [t.get_text() for t in ax.get_yticklabels()]
    assert set(levels) <= {"50", "70", "100", "150", "200", "300", "500", "1,000"}
    assert len(levels) >= 3
    assert_readable(ax)


def test_the_rule_stands_on_the_as_of_day():
    ax = plots.fan(annual(), "ai_revenue", "AI market")
    rules = [
        line for line in ax.lines if len(set(line.get_xdata())) == 1 and line.get_ydata()[1] == 1
    ]
    assert [line.get_xdata()[0] for line in rules] == [pytest.approx(2026 + 125 / 365)]


def test_estimates_are_hollow_and_carry_the_range_of_their_signal():
    draws = annual()
    ax = plots.fan(draws, "ai_revenue", "AI market", estimated=["2025"])
    solid, hollow = by_label(ax, "reported"), by_label(ax, "estimate")
    np.testing.assert_allclose(solid.get_ydata(), draws["observed"].values[1, :3])
    np.testing.assert_allclose(hollow.get_ydata(), draws["observed"].values[1, 3:4])
    assert solid.get_markerfacecolor() == plots.INK
    assert hollow.get_markerfacecolor() == plots.PAPER
    assert "estimate" in texts(ax)
    wanted = np.quantile(draws["signal"].isel(series=1, period=3), [0.1, 0.9])
    bars = [s for c in ax.collections if isinstance(c, LineCollection) for s in c.get_segments()]
    assert any(np.allclose(s[:, 0], 2025.5) and np.allclose(s[:, 1], wanted) for s in bars)


def test_the_naive_forecast_is_dashed_and_named():
    draws, naive = annual(), annual(seed=1, growth=0.1, model=NAIVE)
    ax = plots.fan(draws, "datacenter_capex", "AI market", baseline=naive)
    ahead = naive["y"].isel(series=0).values.reshape(-1, len(PERIODS))[:, 4:]
    for level, name in ((0.1, "naive 10 %"), (0.5, "naive median"), (0.9, "naive 90 %")):
        lines = by_label(ax, name)
        heights = [s[0, 1] for s in lines.get_segments()]
        np.testing.assert_allclose(heights, np.quantile(ahead, level, axis=0))
        assert lines.get_linestyle()[0][1] is not None  # dashed
    assert NAIVE in texts(ax)
    assert len(bands(ax)) == 3


@pytest.mark.parametrize(
    ("attrs", "wanted"),
    [({"model": NAIVE}, NAIVE), ({"model": "last_growth"}, "naive: last growth"), ({}, "naive")],
)
def test_the_naive_forecast_is_called_by_its_attributes(attrs, wanted):
    naive = annual(seed=1)
    naive.attrs = attrs
    ax = plots.fan(annual(), "ai_revenue", "AI market", baseline=naive)
    assert wanted in texts(ax)


def test_an_unknown_series_lists_those_there_are():
    with pytest.raises(UnknownNameError, match="datacenter_capex of AI market, ai_revenue of"):
        plots.fan(annual(), "capex", "AI market")
    with pytest.raises(UnknownNameError, match="no metric 'ai_revenue' of entity 'MSFT'"):
        plots.fan(annual(), "ai_revenue", "MSFT")


def test_draws_without_a_date_are_refused():
    draws = annual()
    del draws.attrs["as_of"]
    with pytest.raises(DataError, match="as_of"):
        plots.fan(draws, "ai_revenue", "AI market")


def test_a_log_axis_refuses_what_is_not_positive():
    draws = annual()
    draws["y"] = draws["y"] - 200
    with pytest.raises(DataError, match="log=False"):
        plots.fan(draws, "ai_revenue", "AI market")
    assert plt.get_fignums() == []  # a refusal leaves no empty figure behind
    assert plots.fan(draws, "ai_revenue", "AI market", log=False).get_yscale() == "linear"


def test_the_fan_is_readable_small():
    figure, axes = plots.small_multiples(2)
    naive = annual(seed=1, model=NAIVE)
    for ax, metric in zip(axes, ("datacenter_capex", "ai_revenue"), strict=True):
        out = plots.fan(
            annual(), metric, "AI market", baseline=naive, estimated=["2025"], ax=ax,
            title="Capex most likely doubles by 2028, though one path in ten falls",
        )  # fmt: skip
        assert out is ax
        assert_readable(ax)
    assert plt.get_fignums() == []
    assert len(figure.axes) == 2


# --- path_fan --------------------------------------------------------------------------------
def test_a_threshold_is_a_named_line():
    draws = annual()
    ax = plots.path_fan(
        ratio(draws), observed=ratio(draws, "observed"), as_of=AS_OF, unit="ratio",
        label="capex / revenue", threshold=1.5, threshold_label="claim: at least 1.5",
    )  # fmt: skip
    assert "claim: at least 1.5" in texts(ax)
    assert "Capex / revenue, ratio, annual, 2022–2028" in texts(ax)
    lines = [s for c in ax.collections if isinstance(c, LineCollection) for s in c.get_segments()]
    assert any(np.allclose(s, [[2022, 1.5], [2029, 1.5]]) for s in lines)
    ahead = ratio(draws).values.reshape(-1, len(PERIODS))[:, 4:]
    steps = bands(ax)["8 in 10"].get_data()
    np.testing.assert_allclose(steps.values, np.quantile(ahead, 0.9, axis=0))
    assert to_hex(bands(ax)["8 in 10"].get_facecolor()) == plots.METRIC_HUES["capex_to_revenue"]


def test_without_reports_the_bands_cover_every_period():
    ax = plots.path_fan(ratio(annual()), as_of=AS_OF, unit="ratio", label="capex / revenue")
    assert len(bands(ax)["5 in 10"].get_data().values) == len(PERIODS)


def test_a_gap_in_the_history_is_filled_and_nothing_between():
    draws = annual()
    draws["observed"][0, 1] = np.nan
    ax = plots.fan(draws, "datacenter_capex", "AI market")
    steps = bands(ax)["95 in 100"].get_data()
    np.testing.assert_allclose(steps.edges, [2023, 2024, 2026, 2027, 2028, 2029])
    assert list(np.isnan(steps.values)) == [False, True, False, False, False]


def test_quarters_are_a_quarter_wide_and_labelled_by_year():
    periods = [f"{year}Q{q}" for year in (2026, 2027) for q in (1, 2, 3, 4)]
    path = (
        annual()["y"].isel(series=0, drop=True).isel(period=[4] * 8).assign_coords(period=periods)
    )
    ax = plots.path_fan(path, as_of=AS_OF, unit="USD bn", label="capex")
    assert [t.get_text() for t in ax.get_xticklabels()] == ["2026", "2027"]
    edges = bands(ax)["5 in 10"].get_data().edges
    np.testing.assert_allclose(edges, np.arange(2026, 2028.1, 0.25), atol=0.005)
    assert any("quarterly, 2026Q1–2027Q4" in text for text in texts(ax))


def test_a_path_with_other_dims_is_refused():
    with pytest.raises(DataError, match="select one series"):
        plots.path_fan(annual()["y"], as_of=AS_OF, unit="USD bn", label="capex")


# --- probabilities ---------------------------------------------------------------------------
def test_threshold_probability_is_the_share_of_draws_with_its_error():
    path = ratio(annual())
    ax = plots.threshold_probability(path, op=">=", value=1.7, as_of=AS_OF, label="capex / revenue")
    hit = (path >= 1.7).isel(period=slice(4, None)).values.astype(float)
    dots, _, (bars,) = ax.containers[0].lines
    np.testing.assert_allclose(dots.get_ydata(), 100 * hit.mean(axis=(0, 1)))
    np.testing.assert_allclose(dots.get_xdata(), [2026.5, 2027.5, 2028.5], atol=0.002)
    for k, bar in enumerate(bars.get_segments()):
        error = array_stats.mcse(hit[:, :, k], chain_axis=0, draw_axis=1, method="mean")
        assert bar[1, 1] - bar[0, 1] == pytest.approx(400 * float(error))
    said = texts(ax)
    assert [f"{100 * p:.0f} %" for p in hit.mean(axis=(0, 1))] == [
        s for s in said if s.endswith(" %")
    ]
    assert any(
        s.startswith("Probability that capex / revenue ≥ 1.7, % of joint draws") for s in said
    )
    assert [t.get_text() for t in ax.get_yticklabels()] == ["0 %", "25 %", "50 %", "75 %", "100 %"]
    numbers = [note for note in ax.texts if re.fullmatch(r"\d+ %", note.get_text())]
    assert all(note.xyann[1] >= 7 for note in numbers)  # points above the dot, not on it
    assert_readable(ax)


def test_an_event_no_draw_shows_is_not_called_impossible():
    path = ratio(annual())
    ax = plots.threshold_probability(path, op=">", value=1e6, as_of=AS_OF)
    assert texts(ax).count("< 1/120") == 3
    bars = ax.containers[0].lines[2][0].get_segments()
    assert all(np.ptp(bar[:, 1]) == 0 for bar in bars)
    assert_readable(ax)


def test_the_naive_probability_is_hollow_and_named():
    naive = ratio(annual(seed=1, growth=0.1)).assign_attrs(model=NAIVE)
    _, (ax,) = plots.small_multiples(1)
    plots.threshold_probability(
        ratio(annual()), op="<", value=1.5, as_of=AS_OF, baseline=naive, ax=ax
    )
    marks = by_label(ax, "naive")
    share = (naive < 1.5).isel(period=slice(4, None)).mean(("chain", "draw"))
    np.testing.assert_allclose(marks.get_ydata(), 100 * share)
    assert marks.get_markerfacecolor() == plots.PAPER
    assert {"model", NAIVE} <= set(texts(ax))
    assert_readable(ax)


def test_threshold_probability_refuses_what_it_cannot_do():
    with pytest.raises(UnknownNameError, match="<, <=, >, >="):
        plots.threshold_probability(ratio(annual()), op="=", value=1, as_of=AS_OF)
    with pytest.raises(DataError, match="no period"):
        plots.threshold_probability(ratio(annual()), op="<", value=1, as_of="2029-01-01")
    path = ratio(annual())
    path[0, 0, -1] = np.nan
    last = str(path["period"].values[-1])
    with pytest.raises(
        DataError, match=f"some draws of the path have no number in {last}, so that"
    ):
        plots.threshold_probability(path, op="<", value=1, as_of=AS_OF)


# --- strips ----------------------------------------------------------------------------------
STRIP_ROWS = (
    plots.StripRow("capex / revenue below 1.3", 0.31, 0.12, 0.48, 0.27, 0.2, draws=4000),
    plots.StripRow("a crash", 0.0, naive=0.1, note="conditional forecast", draws=4000),
    plots.StripRow("capex 10 % below its peak", None, note="waits for the earnings model"),
)


@pytest.mark.parametrize("small", [False, True])
def test_the_strip_shows_every_row(small):
    ax = plots.small_multiples(1, size=(4.2, 4.4))[1][0] if small else None
    ax = plots.definition_strip(STRIP_ROWS, title="It depends on the definition", ax=ax)
    marks = {}
    for line in ax.lines:
        marks.setdefault(line.get_label(), []).append(list(line.get_xdata()))
    assert marks["our answer"] == [[31.0], [0.0]]
    assert marks["range over other priors"] == [[12.0, 48.0]]
    assert marks["naive forecast"] == [[27.0], [10.0]]
    assert marks["base rate"] == [[20.0]]
    said = texts(ax)
    assert {"31 %", "< 1/4000", "waits for the earnings model", "conditional forecast"} <= set(said)
    assert {row.label for row in STRIP_ROWS} <= set(said)
    waiting = next(t for t in ax.texts if t.get_text() == "waits for the earnings model")
    assert waiting.get_color() == plots.MUTED
    key = [t.get_text() for t in ax.get_legend().get_texts()]
    assert sorted(key) == ["base rate", "naive forecast", "our answer", "range over other priors"]
    assert ax.get_ylim()[0] > ax.get_ylim()[1]  # the first row is on top
    assert_readable(ax)


def test_the_key_names_only_what_is_there():
    ax = plots.definition_strip([plots.StripRow("a crash", 0.1)])
    assert [t.get_text() for t in ax.get_legend().get_texts()] == ["our answer"]
    ax = plots.definition_strip([STRIP_ROWS[2]])
    assert ax.get_legend() is None
    assert [line for line in ax.lines if line.get_label() == "our answer"] == []


def test_sensitivity_draws_shares_as_points_with_two_errors():
    rows = [plots.SensitivityRow("a crash", -0.05, 0.004, 0.01, 0.007)]
    ax = plots.sensitivity(rows)
    prior, likelihood = ax.containers
    assert prior.get_label() == "prior"
    assert likelihood.get_label() == "likelihood"
    assert list(prior.lines[0].get_xdata()) == [-5.0]
    np.testing.assert_allclose(prior.lines[2][0].get_segments()[0][:, 0], [-5.8, -4.2])
    np.testing.assert_allclose(likelihood.lines[2][0].get_segments()[0][:, 0], [-0.4, 2.4])
    ticks = [t.get_text() for t in ax.get_xticklabels()]
    assert ticks == ["−6", "−4", "−2", "0", "+2", "+4", "+6"]
    assert any("percentage points" in text for text in texts(ax))
    assert_readable(ax)


@pytest.mark.parametrize("draw", [plots.definition_strip, plots.sensitivity])
def test_a_strip_without_rows_is_refused(draw):
    with pytest.raises(DataError, match="at least one row"):
        draw([])


# --- cost curve ------------------------------------------------------------------------------
DAYS = ["2024-05-06", "2025-05-06", "2026-05-06"]


def benchmark():
    """Draws of the benchmark model's figures, and a panel of three scores."""
    rng = np.random.default_rng(0)
    compute = np.geomspace(1e21, 1e27, 13)
    gain = rng.normal(1.0, 0.2, (2, 60, 1, 1, 1))
    at = np.array([-1.0, 0.5])[:, None] + gain * (np.log10(compute) - 24)
    curve = 25 + 69 / (1 + np.exp(-at))
    capability = rng.normal(0, 0.2, (2, 60, 2, 3)) + np.array([[1, 2, 3], [2, 3, 4]])
    draws = xr.Dataset(
        {
            "curve": (("chain", "draw", "benchmark", "when", "compute"), curve),
            "frontier": (("chain", "draw", "access", "date"), capability),
            "lag": (("chain", "draw", "date"), rng.normal(9, 2, (2, 60, 3))),
        },
        coords={"benchmark": ["MMLU"], "when": ["2023-05-06", AS_OF], "compute": compute,
                "access": ["open", "closed"], "date": DAYS},
        attrs={"as_of": AS_OF},
    )  # fmt: skip
    data = xr.Dataset(
        {
            "score": ("obs", [0.439, 0.864, 0.887]),
            "score_se": ("obs", [0.004, 0.003, 0.003]),
            "log_compute": ("obs", [23.5, 25.3, np.nan]),
            "compute_word": ("obs", [0, 1, 2]),
            "reasoning": ("obs", [0.0, 1.0, 0.0]),
            "open": ("obs", [0.0, 1.0, 0.0]),
        },
        coords={
            "benchmark": ("obs", ["MMLU"] * 3),
            "released": ("obs", ["2024-05-28", "2025-03-14", "2026-04-13"]),
        },
    )
    return draws, Panel("benchmark", AS_OF, data)


def held(ax, x, samples):
    """The filled bands lie on the quantiles of the draws."""
    filled = {c.get_label(): c for c in ax.collections}
    for probability, name, _ in style.BANDS:
        corners = filled[name].get_paths()[0].vertices
        for level in ((1 - probability) / 2, (1 + probability) / 2):
            wanted = np.column_stack([x, np.quantile(samples, level, axis=0)])
            near = (
                np.abs(corners[:, None] / x.max() - wanted[None] / x.max()).max(axis=2).min(axis=0)
            )
            assert near.max() < 1e-9


def test_cost_curve_bands_points_and_bars():
    draws, panel = benchmark()
    ax = benchmark_plots.cost_curve(draws, panel, compute_log10_sd=[0.3, 0.5, 0.7])
    held(ax, draws["compute"].values, draws["curve"].values[:, :, 0, 1].reshape(-1, 13))
    plain, reasoning = ax.containers
    np.testing.assert_allclose(plain.lines[0].get_ydata(), [43.9])
    np.testing.assert_allclose(reasoning.lines[0].get_ydata(), [86.4])  # the third has no compute
    ends = np.array(reasoning.lines[2][0].get_segments())[0, :, 0]
    np.testing.assert_allclose(ends, 10.0 ** np.array([24.8, 25.8]))
    median = by_label(ax, "2023-05-06").get_ydata()
    np.testing.assert_allclose(median, np.median(draws["curve"].values[:, :, 0, 0], axis=(0, 1)))
    assert ax.get_xlabel() == "training compute, FLOP, log scale"
    assert_readable(ax)


def test_frontier_and_lag():
    draws, _ = benchmark()
    ax = benchmark_plots.frontier(draws)
    for name, at in (("open", 0), ("closed", 1)):
        wanted = np.median(draws["frontier"].values[:, :, at], axis=(0, 1))
        np.testing.assert_allclose(by_label(ax, f"{name} median").get_ydata(), wanted)
    assert {"best open", "best closed"} <= set(texts(ax))
    assert_readable(ax)
    ax = benchmark_plots.open_lag(draws, threshold=12.0)
    held(ax, by_label(ax, "median").get_xdata(), draws["lag"].values.reshape(-1, 3))
    assert_readable(ax)


def test_benchmark_figures_refuse_unknown_names():
    draws, panel = benchmark()
    with pytest.raises(
        UnknownNameError, match=r"no benchmark is called 'HumanEval'; there are MMLU"
    ):
        benchmark_plots.cost_curve(draws, panel, "HumanEval")
    for figure, name in ((benchmark_plots.frontier, "frontier"), (benchmark_plots.open_lag, "lag")):
        with pytest.raises(UnknownNameError, match=name):
            figure(annual())


# --- prior and posterior ---------------------------------------------------------------------
def parameters(sd, chains):
    rng = np.random.default_rng(0)
    return xr.Dataset(
        {
            "slope": (("chain", "draw"), rng.normal(1, sd, (chains, 500))),
            "growth": (("chain", "draw", "series"), rng.normal([0, 5], sd, (chains, 500, 2))),
        },
        coords={"series": ["AI market/a", "AI market/b"]},
    )


@pytest.mark.parametrize("name", ["slope", "growth[AI market/b]"])
def test_prior_and_posterior_are_histograms_with_their_90_percent_ranges(name):
    prior, posterior = parameters(1.0, 1), parameters(0.3, 2)
    ax = plots.prior_posterior(prior, posterior, name, label="gain, log-odds")
    for what, draws in (("prior", prior), ("posterior", posterior)):
        shape = by_label(ax, what).get_data()
        assert isinstance(by_label(ax, what), StepPatch)
        assert np.sum(shape.values * np.diff(shape.edges)) == pytest.approx(0.99, abs=0.002)
        array = draws["slope"] if name == "slope" else draws["growth"].isel(series=1)
        wanted = np.quantile(array, [0.05, 0.95])
        np.testing.assert_allclose(by_label(ax, f"{what} 90 %").get_xdata(), wanted)
    assert {"prior", "posterior"} <= set(texts(ax))
    assert ax.get_xlabel() == "gain, log-odds"
    assert to_hex(by_label(ax, "prior").get_edgecolor()) == plots.MUTED
    assert by_label(ax, "posterior").get_fill() and not by_label(ax, "prior").get_fill()
    assert_readable(ax)


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("bend", "no parameter 'bend'; there are growth, slope"),
        ("growth", r"there are growth\[AI market/a\]"),
        ("growth[x]", "no cell 'x'"),
        ("slope[x]", "it is a scalar"),
    ],
)
def test_an_unknown_parameter_lists_those_there_are(name, wanted):
    draws = parameters(1.0, 1)
    with pytest.raises(UnknownNameError, match=wanted):
        plots.prior_posterior(draws, draws, name)


# --- files and colours -----------------------------------------------------------------------
def draw_and_save(folder, alt='Capex & revenue "double"'):
    ax = plots.fan(
        annual(), "ai_revenue", "AI market", baseline=annual(1), title="It costs $2 not $3"
    )
    assert len(plt.get_fignums()) == 1
    return plots.save(ax, folder / "new" / "fan.v1", alt=alt)


def test_save_writes_the_same_bytes_and_closes(tmp_path):
    first, second = draw_and_save(tmp_path / "a"), draw_and_save(tmp_path / "b")
    assert plt.get_fignums() == []
    assert [p.name for p in first] == ["fan.v1.svg", "fan.v1.png"]
    for one, other in zip(first, second, strict=True):
        assert one.read_bytes() == other.read_bytes()
    svg = first[0].read_text(encoding="utf-8")
    assert '<title>Capex &amp; revenue "double"</title>' in svg
    assert 'role="img" aria-label="Capex &amp; revenue &quot;double&quot;"' in svg
    assert "<dc:date>" not in svg
    image = plt.imread(first[1])
    assert image.shape[1] == round(style.WIDTH * 200)
    np.testing.assert_allclose(image[0, 0], [252 / 255, 252 / 255, 253 / 255, 1])


def test_a_figure_has_only_the_named_neutral_colours(tmp_path):
    svg = draw_and_save(tmp_path)[0].read_text(encoding="utf-8")
    neutral = {plots.INK, plots.MUTED, plots.RULE, plots.PAPER}
    assert set(re.findall(r"#[0-9a-f]{6}\b", svg)) <= neutral | {plots.hue("ai_revenue")}


def test_save_wants_a_text_alternative(tmp_path):
    figure, _ = plots.small_multiples(1)
    with pytest.raises(DataError, match="text alternative"):
        plots.save(figure, tmp_path / "x", alt=" ")


def test_small_multiples_are_unknown_to_pyplot_and_do_not_overlap(tmp_path):
    figure, axes = plots.small_multiples(5, columns=3)
    assert plt.get_fignums() == []
    assert len(axes) == 5
    places = [ax.get_position() for ax in axes]
    assert not any(a.overlaps(b) for a, b in itertools.combinations(places, 2))
    svg, png = plots.save(figure, tmp_path / "many", alt="Five empty axes")
    assert svg.exists() and png.exists()


def test_hues_are_one_a_metric():
    four = ("ai_investment", "datacenter_capex", "ai_revenue", "capex_to_revenue")
    assert len({plots.hue(m) for m in four}) == 4
    assert plots.hue("gpu_price") == plots.hue("gpu_price") in style.SPARE_HUES


def test_labels_are_moved_apart_no_further_than_needed():
    wanted = np.array([50.0, 52.0, 90.0, 99.0])
    heights = np.full(4, 10.0)
    centres = style.spread_out(wanted, heights, 100.0)
    np.testing.assert_allclose(centres, [46.0, 56.0, 85.0, 95.0])
    np.testing.assert_allclose(style.spread_out(wanted[::-1], heights, 100.0), centres[::-1])


def test_nothing_is_shown(monkeypatch):
    def refuse(*args, **kwargs):
        raise AssertionError("show() was called")

    monkeypatch.setattr(plt, "show", refuse)
    ax = plots.fan(annual(), "ai_revenue", "AI market")
    assert ax.get_figure().number in plt.get_fignums()  # Jupyter shows what pyplot holds


# --- foreign text ------------------------------------------------------------------------------
FOREIGN = "北港 **b** $\\frac{x$ <a> _i_ & \x1b[31m \ud800 \u202e שלום 🙂 1 $ and 2 $"


@pytest.fixture
def fonts(monkeypatch):
    """Return a function that lets only Matplotlib's fonts, and further files, be there."""
    manager = font_manager.fontManager

    def only(*files):
        own = [font for font in manager.ttflist if style.is_shipped(font.fname)]
        monkeypatch.setattr(manager, "ttflist", own)
        monkeypatch.setattr(font_manager, "findSystemFonts", lambda *args, **kwargs: [*files])
        forget()

    def forget():
        for found in (style.family, style.font_files, style._look_again):
            found.cache_clear()

    monkeypatch.setattr(style, "_said", set())
    monkeypatch.setattr(style, "_boxed", {})
    yield only
    monkeypatch.undo()
    forget()


def test_foreign_text_in_a_figure_is_text_and_what_no_font_has_is_said_once(
    fonts, caplog, tmp_path
):
    fonts()
    row = plots.StripRow(FOREIGN, 0.5)
    for k in range(2):
        ax = plots.definition_strip([row], title=FOREIGN)
        ax.set_xticks([0, 100], [FOREIGN, "b"])
        svg, png = plots.save(ax, tmp_path / f"{k}", alt=FOREIGN)
    drawn = style.LEFT_TO_RIGHT + "□□ **b** $\\frac{x$ <a> _i_ & �[31m � � שלום □ 1 $ and 2 $"
    title = ax.get_title(loc="left").replace("\n", " ")
    assert title == drawn
    assert ax.get_xticklabels()[0].get_text() == drawn
    assert not any(text.get_parse_math() for text in ax.figure.findobj(Text))
    told = svg.read_text(encoding="utf-8")
    ET.fromstring(told)
    assert (
        "<title>北港 **b** $\\frac{x$ &lt;a&gt; _i_ &amp; �[31m � � שלום 🙂 1 $ and 2 $</title>"
        in told
    )
    assert png.exists()
    assert [r.getMessage() for r in caplog.records] == [
        "no font that is installed has characters such as 北, 港, 🙂: figures have boxes in their "
        "place, and the text in their alternative; install a font of Chinese, Japanese and Korean such "
        "as Noto Sans CJK"
    ]


CHINESE = [
    font for font in font_manager.fontManager.ttflist
    if font.name in style.FALLBACKS and not style.lacking("中文", [font.fname])
]  # fmt: skip


@pytest.mark.skipif(not CHINESE, reason="no font for Chinese is installed")
def test_with_a_font_for_chinese_its_characters_are_drawn(tmp_path, caplog):
    figure, axes = plots.small_multiples(1)
    style.note_at(axes[0], "中文", (0.5, 0.5))
    svg, _ = plots.save(figure, tmp_path / "a", alt="Two characters")
    assert "<!-- 中文 -->" in svg.read_text(encoding="utf-8")
    assert caplog.records == []


def font_of(characters, path, name):
    """Write a font file in which each of some characters is a full square."""
    builder = pytest.importorskip("fontTools.fontBuilder")
    pens = pytest.importorskip("fontTools.pens.ttGlyphPen")
    names = [".notdef", *(f"u{ord(c):04X}" for c in characters)]
    pen = pens.TTGlyphPen(None)
    for step, point in enumerate(((0, 0), (0, 900), (900, 900), (900, 0))):
        (pen.lineTo if step else pen.moveTo)(point)
    pen.closePath()
    square = pen.glyph()
    made = builder.FontBuilder(1000, isTTF=True)
    made.setupGlyphOrder(names)
    made.setupCharacterMap({ord(c): f"u{ord(c):04X}" for c in characters})
    made.setupGlyf(dict.fromkeys(names, square))
    made.setupHorizontalMetrics(dict.fromkeys(names, (1000, 0)))
    made.setupHorizontalHeader(ascent=900, descent=-100)
    made.setupNameTable({"familyName": name, "styleName": "Regular"})
    made.setupOS2(sTypoAscender=900)
    made.setupPost()
    made.save(path)
    return str(path)


def test_a_font_that_was_installed_later_is_found_and_only_takes_what_ours_lacks(
    fonts, caplog, tmp_path
):
    fonts(font_of("中文", tmp_path / "new.ttf", "WenQuanYi Micro Hei"))
    assert style.family() == ("DejaVu Sans",)
    assert style.drawable("AI 中文 北") == "AI 中文 □"
    assert style.family() == ("DejaVu Sans", "WenQuanYi Micro Hei")
    assert style.text_width("中文", 10) == pytest.approx(20, rel=0.15)
    figure, axes = plots.small_multiples(1)
    style.note_at(axes[0], "AI 中文", (0.5, 0.5))
    axes[0].set_title("中", fontweight="bold")  # of which there is no bold face: no word of that
    plots.save(figure, tmp_path / "a", alt="Text")
    assert len(caplog.records) == 1
    assert "characters such as 北:" in caplog.text


def test_long_words_and_text_without_spaces_break():
    lines = style.wrap("a " + 200 * "x", 100, 8)
    assert len(lines) > 5
    assert "".join(lines).replace(" ", "") == "a" + 200 * "x"
    assert max(style.text_width(line, 8) for line in lines) <= 100
    lines = style.wrap("人工智能的支出，会在九个月内下降。" * 3, 100, 8)
    assert max(style.text_width(line, 8) for line in lines) <= 100
    assert not [line for line in lines if line[0] in "，。"]
    assert style.wrap("plain words stay", 60, 8) == ["plain words", "stay"]
    assert style.wrap("", 60, 8) == []


def test_a_name_that_is_too_long_is_cut_at_its_end():
    assert style.cut("short", 100, 8) == "short"
    name = style.cut("n" * 10_000, 100, 8)
    assert name.endswith("…")
    assert 90 < style.text_width(name, 8) <= 100


def test_a_line_that_begins_with_arabic_still_reads_from_left_to_right():
    mark = style.LEFT_TO_RIGHT
    assert style.drawable("שלום ok: 3 %\nplain é") == f"{mark}שלום ok: 3 %\nplain é"
    assert style.drawable(style.drawable("שלום: 3 %")) == f"{mark}שלום: 3 %"
    assert style.text_width("שלום: 3 %", 9) == pytest.approx(
        style.text_width(f"{mark}שלום: 3 %", 9)
    )
