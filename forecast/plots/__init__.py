"""Figures: ax in, ax out; every mark on them can be read back from the draws.

Invariant: a figure shows quantiles and shares of the draws it was given and nothing smoothed or
averaged from them; a forecast is never drawn without its bands, and every mark is named by text
on the figure, not by colour alone. ``tests/test_plots.py`` compares the marks with the draws.

Every function draws into `ax` and returns it; without one it makes a pyplot figure, which Jupyter
shows. Nothing here calls ``show``. Neutral colours are only :data:`INK`, :data:`MUTED`,
:data:`RULE` and :data:`PAPER`, so that a page can exchange them for its own in a dark mode.
"""

from __future__ import annotations

from forecast.core.text import percent
from forecast.plots.clocks import clocks
from forecast.plots.fans import Said, fan, path_fan
from forecast.plots.news import PrintCurve, WaterfallRow, print_curve, waterfall
from forecast.plots.parameters import prior_posterior
from forecast.plots.probabilities import threshold_probability
from forecast.plots.strips import SensitivityRow, StripRow, definition_strip, sensitivity
from forecast.plots.style import (
    INK,
    METRIC_HUES,
    MUTED,
    PAPER,
    RULE,
    hue,
    save,
    small_multiples,
    words,
)

__all__ = [
    "INK",
    "METRIC_HUES",
    "MUTED",
    "PAPER",
    "RULE",
    "PrintCurve",
    "Said",
    "SensitivityRow",
    "StripRow",
    "WaterfallRow",
    "clocks",
    "definition_strip",
    "fan",
    "hue",
    "path_fan",
    "percent",
    "print_curve",
    "prior_posterior",
    "save",
    "sensitivity",
    "small_multiples",
    "threshold_probability",
    "waterfall",
    "words",
]
