"""Figures of prices: marks against the panel and the draws."""

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pytest
import xarray as xr
from matplotlib.collections import PolyCollection

from forecast.core.errors import DataError
from forecast.core.periods import months
from forecast.models import latent
from forecast.models.api_price import plots as api_price_plots
from forecast.models.api_price.panel import price_history
from forecast.models.gpu_rental import plots as gpu_rental_plots


@pytest.fixture(autouse=True)
def _closed():
    before = mpl.get_backend()
    plt.switch_backend("agg")
    yield
    plt.close("all")
    plt.switch_backend(before)


def sample(chains=2, draws=40):
    return xr.Dataset(coords={"chain": np.arange(chains), "draw": np.arange(draws)})


@pytest.fixture
def price_draws(api_price_panel):
    quarters, known, history = price_history(api_price_panel, "2028Q2")
    past = history["GPT-4 level/price"]
    steps = np.random.default_rng(0).normal(-0.2, 0.2, (80, len(quarters) - known))
    y = np.concatenate([np.tile(past, (80, 1)), past[-1] * np.exp(np.cumsum(steps, 1))], 1)
    observed = np.append(past, np.full(len(quarters) - known, np.nan))
    return latent.labelled(
        sample(), (y[:, None], y[:, None], observed[None]), ["GPT-4 level/price"],
        ["USD per 1M tokens"], quarters,
    ).assign_attrs(as_of="2026-05-06")  # fmt: skip


def written(ax):
    return " ".join(t.get_text().replace("\n", " ") for t in ax.texts)


def test_the_envelope_shows_every_offer_its_steps_and_the_fan(price_draws, api_price_panel):
    ax = api_price_plots.price_envelope(
        price_draws,
        api_price_panel,
        ["GPT-4 level"],
        hollow=["DeepSeek"],
        declines={"ten times": ("2023-03-14", 37.5, 10.0, 2.0)},
        title="It falls",
    )
    dots = [line for line in ax.lines if line.get_marker() == "o"]
    offers = (api_price_panel.data["kind"].values == "offer").sum()
    assert sum(len(line.get_xdata()) for line in dots) == offers
    assert (
        len(dots[1].get_xdata())
        == (
            (api_price_panel.data["kind"].values == "offer")
            & (api_price_panel.data["provider"].values == "DeepSeek")
        ).sum()
    )
    fan = next(c for c in ax.collections if isinstance(c, PolyCollection)).get_paths()[0].vertices
    end = price_draws["y"].isel(series=0, period=-1).quantile([0.1, 0.9]).values
    at_end = fan[np.isclose(fan[:, 0], fan[:, 0].max()), 1]
    assert [at_end.min(), at_end.max()] == pytest.approx(end)
    decline = next(line for line in ax.lines if line.get_linestyle() == "--")
    assert decline.get_ydata() == pytest.approx([37.5, 0.375])
    assert all(
        w in written(ax) for w in ("GPT-4 level", "ten times", "USD per 1M tokens", "hollow of")
    )


def test_the_trend_shows_every_quote_and_names_every_index(gpu_rental_panel):
    grid = months("2023-06", "2028-06")
    log = np.log(2.5) + np.random.default_rng(0).normal(0, 0.2, (80, len(grid)))
    draws = latent.labelled(
        sample(), (np.exp(log)[:, None], np.exp(log)[:, None], np.full((1, len(grid)), np.nan)),
        ["H100/h100_rental"], ["USD per hour"], grid,
    )  # fmt: skip
    with pytest.raises(DataError, match="no as_of"):
        gpu_rental_plots.index_trend(
            draws, gpu_rental_panel, metric="h100_rental", entity="H100", label="Rent"
        )
    ax = gpu_rental_plots.index_trend(
        draws.assign_attrs(as_of="2026-05-06"),
        gpu_rental_panel,
        metric="h100_rental",
        entity="H100",
        label="Rent",
    )
    dots = [line for line in ax.lines if line.get_marker() == "o"]
    assert sum(len(line.get_xdata()) for line in dots) == 20
    for name in set(gpu_rental_panel.data["index"].values.astype(str)):
        assert name in written(ax)
    assert "at least" in written(ax)
