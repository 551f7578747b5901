"""First passages on one calendar, and the marks added to the strip."""

import datetime as dt

import matplotlib.pyplot as plt
import numpy as np
import pytest

from forecast import plots
from forecast.core.errors import DataError

START = dt.date(2026, 5, 6)
MONTHS = [dt.date(2026 + (5 + k) // 12, (5 + k) % 12 + 1, 28) for k in range(24)]
YEARS = [dt.date(2026, 12, 31), dt.date(2027, 12, 31)]


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def test_each_curve_steps_up_where_its_period_ends():
    rising = np.linspace(0.02, 0.6, 24)
    curves = [("price", "fall", MONTHS, rising), ("capex", "capex", YEARS, [0.1, 0.2])]
    ax = plots.clocks(curves, start=START, marked=[(dt.date(2027, 11, 6), "18 months")])
    lines = {line.get_label(): line for line in ax.lines}
    assert lines["price"].get_ydata()[0] == 0
    assert lines["price"].get_ydata()[1:25] == pytest.approx(100 * rising)
    assert lines["price"].get_drawstyle() == "steps-post"
    year = lines["capex"].get_xdata()
    assert year[1] == pytest.approx(2026 + 364 / 365)
    assert year[-1] == lines["price"].get_xdata()[-1]  # drawn on to the end, where it stays
    assert lines["capex"].get_ydata()[-2:].tolist() == [20, 20]
    assert lines["price"].get_color() == plots.hue("fall")
    texts = " ".join(t.get_text().replace("\n", " ") for t in ax.texts)
    texts = texts.replace("\N{NO-BREAK SPACE}", " ")
    assert "price: 60 %" in texts
    assert "capex: 20 %" in texts
    assert "18 months" in texts


def test_a_figure_without_a_curve_is_refused():
    with pytest.raises(DataError, match="at least one curve"):
        plots.clocks([], start=START)
    with pytest.raises(DataError, match="at least one day"):
        plots.clocks([("a", "fall", [], [])], start=START)


def test_a_strip_shows_what_others_published_and_how_far_the_definition_reaches():
    row = plots.StripRow("a", 0.3, naive=0.2, published=0.5, reach_low=0.1, reach_high=0.7)
    ax = plots.definition_strip([row, plots.StripRow("b", 0.4)])
    marks = {line.get_label(): line.get_xdata() for line in ax.lines}
    assert marks["published by others"] == pytest.approx([50])
    assert marks["range over thresholds and windows"] == pytest.approx([10, 70])
    names = [t.get_text() for t in ax.get_legend().get_texts()]
    assert set(names) == {"our answer", "naive forecast", "published by others",
                          "range over thresholds and windows"}  # fmt: skip
