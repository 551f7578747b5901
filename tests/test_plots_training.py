"""Marks of the training-cost figures against the draws and the panel."""

import numpy as np
import pytest
import xarray as xr
from matplotlib.figure import Figure

from forecast.core.errors import DataError, UnknownNameError
from forecast.models.training_cost import model as training_cost
from forecast.models.training_cost import plots as training_cost_plots

PRIORS = training_cost.Priors()


@pytest.fixture
def ax():
    return Figure(figsize=(7.2, 4.0)).add_subplot()


@pytest.fixture(scope="module")
def draws(training_cost_panel):
    rng = np.random.default_rng(0)
    rules = training_cost.rules_of(training_cost_panel)
    shape = (2, 100, len(rules))
    dims = ("chain", "draw", "rule")
    growth = 0.9 + 0.1 * rng.standard_normal(shape)
    p = xr.Dataset(
        {
            "level": (dims, -0.5 + 0.2 * rng.standard_normal(shape)),
            "log_growth": (dims, growth),
            "spread": (dims, np.full(shape, 1.0)),
            "tail": (dims, np.full(shape, 6.0)),
            "offset": ((*dims, "other_basis"), np.full((*shape, 3), 0.8)),
            "shared_error": (dims[:2], np.zeros(shape[:2])),
            "budget": (dims[:2], np.full(shape[:2], 40.0)),
            "budget_growth": (dims[:2], np.zeros(shape[:2])),
            "growth_by_rule": (dims, np.exp(growth)),
            "doubling_by_rule": (dims, 12 * np.log(2) / growth),
        },
        coords={"chain": range(2), "draw": range(100), "rule": rules},
    )
    return training_cost.draw(p, training_cost_panel, PRIORS, "2030", rng)


def test_points_and_trend_can_be_read_back(draws, training_cost_panel, ax):
    out = training_cost_plots.training_trend(
        draws, training_cost_panel, rule="notable", title="T", ax=ax
    )
    assert out is ax
    data = training_cost_panel.data
    data = data.isel(obs=np.flatnonzero(data["rule"].values == "notable"))
    drawn = {c.get_label(): c for c in ax.containers}
    estimates = drawn["estimate, chips written down"].lines[0].get_ydata()
    assert sorted(estimates) == sorted(data["value"].values[data["basis"].values == 0])
    stated = drawn["developer's statement"].lines[0].get_ydata()
    assert sorted(stated) == sorted(data["value"].values[data["basis"].values == 2])
    (median,) = [line for line in ax.lines if line.get_label() == "median"]
    last = np.median(draws["trend"].sel(rule="notable").isel(time=-1).values)
    assert median.get_ydata()[-1] == pytest.approx(last)
    texts = " ".join(t.get_text() for t in ax.texts)
    for word in ("grok-4-0709", "developer's statements", "data as of 2026-05-06", "95 in 100"):
        assert word in texts
    assert "chips written down" in texts
    # A bar as the model takes it: x/ exp(1.645 sd), with sd 0.726 for GPT-4's 37.3 USD m.
    bars = drawn["estimate, chips written down"].lines[2][0].get_segments()
    ends = min((b[:, 1] for b in bars), key=lambda b: abs(np.log(b).mean() - np.log(37.334)))
    np.testing.assert_allclose(ends, [37.334 / 3.299, 37.334 * 3.299], rtol=0.01)


def test_an_unknown_rule(draws, training_cost_panel, ax):
    with pytest.raises(UnknownNameError, match="no trend of 'biggest'; there are frontier"):
        training_cost_plots.training_trend(draws, training_cost_panel, rule="biggest", ax=ax)


def test_published_beside_ours(ax):
    rows = [
        training_cost_plots.ResultRow("growth", 2.2, 2.0, 2.6, 2.0, 1.5, 3.0, "x a year"),
        training_cost_plots.ResultRow("exponent", 0.35, 0.34, 0.36, 0.4),
    ]
    training_cost_plots.published_beside_ours(rows, title="T", ax=ax)
    ours = [line for line in ax.lines if line.get_label() == "ours"]
    dots = [line.get_xdata()[0] for line in ours if len(line.get_xdata()) == 1]
    assert dots == pytest.approx([10.0, -12.5])
    spans = [list(line.get_xdata()) for line in ours if len(line.get_xdata()) == 2]
    assert np.ravel(spans) == pytest.approx([0, 30, -15, -10])
    published = [line for line in ax.lines if line.get_label() == "published"]
    assert list(published[0].get_xdata()) == pytest.approx([-25, 50])
    texts = " ".join(t.get_text() for t in ax.texts)
    assert "ours 2.2 x a year (2 to 2.6); published 2 x a year (1.5 to 3)" in texts.replace(
        "\n", " "
    )
    with pytest.raises(DataError, match="above zero"):
        training_cost_plots.published_beside_ours(
            [training_cost_plots.ResultRow("x", 1, 0, 2, 0.0)], ax=ax
        )
    with pytest.raises(DataError, match="at least one row"):
        training_cost_plots.published_beside_ours([], ax=ax)
