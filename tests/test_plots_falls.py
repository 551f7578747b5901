"""Marks on the figures of falls and of paybacks against the draws they show."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
import xarray as xr

from forecast import plots
from forecast.core.errors import DataError, UnknownNameError
from forecast.core.periods import month_index
from forecast.models.hazard import plots as hazard_plots
from forecast.models.hazard.panel import Position, kaplan_meier
from forecast.models.hazard.paths import monthly_falls
from forecast.models.payback import baseline as payback_baseline
from forecast.models.payback import model as payback
from forecast.models.payback import plots as payback_plots


@pytest.fixture(autouse=True)
def _close():
    yield
    plt.close("all")


def texts(ax):
    return " | ".join(t.get_text().replace("\N{NO-BREAK SPACE}", " ") for t in ax.texts)


def falls(hazard=0.04, months=24, model="hazard", seed=0):
    rng = np.random.default_rng(seed)
    at = np.arange(1, months + 1)
    rate = 1 - np.exp(-hazard * at)
    chance = np.stack([rate, 0.6 * rate, 0.3 * rate])
    signal = chance * np.exp(-rng.random((4, 50, 1, 1)))
    u = rng.random((4, 50, 1, 1))
    y, signal = (a.reshape(200, 1, 3, months) for a in ((u < signal).astype(float), signal))
    sample = (np.arange(4), np.arange(50))
    held = [Position("AI", "2026-05-06", "", 100, 140, 0, "made up")]
    last = month_index("2026-04") + months
    return monthly_falls(y, signal, held, last, sample).assign_attrs(
        model=model, as_of="2026-05-06"
    )


def test_first_passage_shows_means_and_bands():
    draws, baseline = falls(), falls(0.02, model="naive: as often as at any time")
    ax = hazard_plots.first_passage(draws, 20, "AI", baseline=baseline, title="A fall")
    signal = draws["signal"].sel(series="AI/fall_20").values.reshape(200, 24)
    model = next(line for line in ax.lines if line.get_label() == "model")
    share = draws["y"].sel(series="AI/fall_20").mean(("chain", "draw")).values
    np.testing.assert_allclose(model.get_ydata(), [0, *100 * share])
    band = ax.collections[-1].get_paths()[0].vertices  # the narrow band is drawn last
    low, high = np.quantile(100 * signal[:, -1], [0.25, 0.75])
    ends = band[band[:, 0] == 24, 1]
    assert ends.min() == pytest.approx(low)
    assert ends.max() == pytest.approx(high)
    assert f"{100 * share[17]:.0f} %" in texts(ax)
    assert "as often as at any time" in texts(ax).replace("\n", " ")
    with pytest.raises(UnknownNameError, match="fall_20 of AI"):
        hazard_plots.first_passage(draws, 25, "AI")


def test_severity_adds_up_to_one_hundred():
    draws = falls()
    ax = hazard_plots.severity(draws, ["AI"], baseline=falls(0.02))
    widths = np.array([patch.get_width() for patch in ax.patches]).reshape(-1, 3)
    np.testing.assert_allclose(widths.sum(axis=1), 100)
    y = draws["y"].isel(period=17).mean(("chain", "draw"))
    assert widths[0, 2] == pytest.approx(100 * float(y.sel(series="AI/fall_40")))
    assert "AI, 18 months" in texts(ax)
    assert "at any time (naive)" in texts(ax)
    with pytest.raises(DataError, match="the draws have 12 months; wanted 18"):
        hazard_plots.severity(falls(months=12), ["AI"])


def test_class_survival_shows_kaplan_meier_and_the_position():
    rng = np.random.default_rng(1)
    months, net = rng.integers(1, 49, 60), np.repeat([60.0, 120.0], 30)
    event = (months < 48).astype(int)
    data = xr.Dataset({"net": ("obs", net), "months20": ("obs", months), "event20": ("obs", event)})
    draws = falls().assign(passed=("position", [3])).assign_coords(position=["AI"])
    ax = hazard_plots.class_survival(data, draws, "AI")
    steps = next(line for line in ax.lines if "100 points or more" in line.get_label())
    share, _ = kaplan_meier(months[30:], event[30:])
    np.testing.assert_allclose(steps.get_ydata(), 100 * share)
    own = next(line for line in ax.lines if line.get_label() == "AI")
    assert own.get_xdata()[0] == 3
    left = 1 - draws["y"].sel(series="AI/fall_20").mean(("chain", "draw")).values
    np.testing.assert_allclose(own.get_ydata(), [100, *100 * left])


def test_payback_years_are_shares_of_draws(payback_panel):
    draws = payback_baseline.straight_line(payback_panel, until="2060", seed=1, draws=100)
    names = list(payback.PROGRAMMES)
    ax = payback_plots.payback_years(draws, names)
    for line, name in zip(ax.lines, names, strict=True):
        y = draws["y"].sel(series=f"{name}/recovered").mean(("chain", "draw"))
        np.testing.assert_allclose(line.get_ydata(), 100 * y)
    assert "1.0 tn programme" in texts(ax)


def test_the_frontier_is_a_level_of_the_draws():
    rng = np.random.default_rng(2)
    margins = np.linspace(0.1, 0.5, 5)
    required = 100 * rng.lognormal(size=(999, 1)) / margins
    required[:300, 0] = np.inf  # at a thin margin no revenue would do
    expected, own = 500 * rng.lognormal(size=999), rng.choice(margins, 999)
    ax = payback_plots.payback_frontier(margins, required, expected, own)
    middle = np.sort(required, axis=0)[499]
    shown = ax.lines[1]
    np.testing.assert_allclose(shown.get_ydata()[-1], middle[-1])
    at = np.searchsorted(margins, own)
    beyond = (expected >= middle[at]).mean()
    assert f"payback 50 %: {100 * beyond:.0f} % of" in texts(ax).replace("\n", " ")


def test_a_frontier_that_no_revenue_reaches_is_said_and_drawn(tmp_path):
    """Nine in ten draws are not to be had: in the others no margin pays for the programme."""
    rng = np.random.default_rng(2)
    margins = np.linspace(0.1, 0.5, 5)
    required = 100 * rng.lognormal(size=(999, 1)) / margins
    expected, own = 500 * rng.lognormal(size=999), rng.choice(margins, 999)
    for share in (0.2, 1.0):
        required[: int(share * 999)] = np.inf
        ax = payback_plots.payback_frontier(margins, required, expected, own)
        assert "payback 90 %: no revenue is enough" in texts(ax).replace("\n", " ").replace(
            "\xa0", " "
        )
        plots.save(ax, tmp_path / "frontier", alt="a frontier")
        assert (tmp_path / "frontier.svg").exists()
