"""The waterfall adds up on the figure too, and a curve stands where its numbers are."""

import numpy as np
import pytest

from forecast.core.errors import DataError
from forecast.plots.news import PrintCurve, WaterfallRow, print_curve, waterfall

ROWS = [
    WaterfallRow("META 2026-01-28", 1.1, 0.9, 1.4),
    WaterfallRow("MSFT 2026-01-28, a report with a name that is long enough for two lines", -10.4,
                 -11.0, -9.9),
    WaterfallRow("Monte-Carlo noise", 0.3, 0.3, 0.3, noise=True),
]  # fmt: skip


def texts(ax):
    return [t.get_text() for t in ax.texts]


def test_bars_lead_from_before_to_after():
    ax = waterfall(ROWS, 32.0, 23.0, subtitle="Probability, %", title="Down nine points")
    bars = [(bar.get_x(), bar.get_width()) for bar in ax.patches]
    at = 32.0
    for (left, width), row in zip(bars, ROWS, strict=True):
        assert left == pytest.approx(at)
        assert width == pytest.approx(row.change)
        at += row.change
    assert at == pytest.approx(23.0)
    ends = [line.get_xdata()[0] for line in ax.lines if line.get_marker() == "o"]
    assert ends == [32.0, 23.0]
    said = texts(ax)
    for text in ("32.0 %", "23.0 %", "+1.1 points", "−10.4 points", "+0.3 points"):
        assert text in said
    left, right = ax.get_xlim()
    assert left < 21.6 < 33.4 < right  # the range over orders is on the figure


def test_what_does_not_add_up_is_refused():
    with pytest.raises(DataError, match="unexplained"):
        waterfall(ROWS, 32.0, 24.0)
    ax = waterfall([], 5.0, 5.0)
    assert len(ax.patches) == 0


def test_the_print_curve_shows_the_likely_part_and_the_checks():
    levels = np.array([0.01, 0.1, 0.5, 0.9, 0.99])
    one = PrintCurve("MSFT capex 2025Q4", "capex", np.array([20.0, 22, 26, 31, 40]),
                     np.array([0.4, 0.36, 0.3, 0.25, 0.2]), levels, {0.5: 0.31})  # fmt: skip
    ax = print_curve(one, 0.3, noise=0.01, title="A high print would lower it")
    thick = max(ax.lines, key=lambda line: line.get_linewidth())
    assert thick.get_xdata().tolist() == [22, 26, 31]
    (dot,) = [line for line in ax.lines if line.get_marker() == "o"]
    assert (dot.get_xdata()[0], dot.get_ydata()[0]) == (26.0, 31.0)
    assert "before the report" in texts(ax)
    low, high = ax.get_ylim()
    assert low < 20
    assert high > 40
