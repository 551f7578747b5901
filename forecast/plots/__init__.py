"""Figures: ax in, ax out; every mark on them can be read back from the draws.

Invariant: a figure shows quantiles and shares of the draws it was given and nothing smoothed or
averaged from them; a forecast is never drawn without its bands, and every mark is named by text
on the figure, not by colour alone. ``tests/test_plots.py`` holds the marks against the draws.

Every function draws into `ax` and returns it; without one it makes a pyplot figure, which Jupyter
shows. Nothing here calls ``show``. Neutral colours are only :data:`INK`, :data:`MUTED`,
:data:`RULE` and :data:`PAPER`, so that a page can exchange them for its own in a dark mode.
"""

from __future__ import annotations

from forecast.plots.base import (
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
from forecast.plots.benchmarks import cost_curve, frontier, open_lag, score_by_date
from forecast.plots.clocks import clocks
from forecast.plots.companies import companies_of, company_fans, ratio_history, report_calendar
from forecast.plots.falls import class_survival, first_passage, severity
from forecast.plots.fans import fan, path_fan
from forecast.plots.news import PrintCurve, WaterfallRow, print_curve, waterfall
from forecast.plots.parameters import prior_posterior
from forecast.plots.payback import payback_frontier, payback_years
from forecast.plots.prices import index_trend, price_envelope
from forecast.plots.probabilities import threshold_probability
from forecast.plots.strips import SensitivityRow, StripRow, definition_strip, sensitivity
from forecast.plots.training import ResultRow, published_beside_ours, training_trend
from forecast.schema import percent

__all__ = [
    "INK",
    "METRIC_HUES",
    "MUTED",
    "PAPER",
    "RULE",
    "PrintCurve",
    "ResultRow",
    "SensitivityRow",
    "StripRow",
    "WaterfallRow",
    "class_survival",
    "clocks",
    "companies_of",
    "company_fans",
    "cost_curve",
    "definition_strip",
    "fan",
    "first_passage",
    "frontier",
    "hue",
    "index_trend",
    "open_lag",
    "path_fan",
    "payback_frontier",
    "payback_years",
    "percent",
    "price_envelope",
    "print_curve",
    "prior_posterior",
    "published_beside_ours",
    "ratio_history",
    "report_calendar",
    "save",
    "score_by_date",
    "sensitivity",
    "severity",
    "small_multiples",
    "threshold_probability",
    "training_trend",
    "waterfall",
    "words",
]
