"""Bayesian forecasts of AI spending, with predictions put to the draws as executable claims.

The public names are loaded when they are first used: ``import forecast`` takes no time, and PyMC is
loaded when a model is built.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from forecast import events, plots
    from forecast.audit import audit_claims, read_references
    from forecast.backtesting import backtest, origins
    from forecast.claims import judge, read_claims
    from forecast.diagnose import calibrate, hold_out_last_year, sensitivity
    from forecast.earnings_day import update_run
    from forecast.fitting import Run, fit, summary, update
    from forecast.models import MODELS
    from forecast.models.naive import drift_walk
    from forecast.news import explain, statistics_of
    from forecast.panels import Panel, build_panel, report_calendar, reported_ratio
    from forecast.pipeline import quantile_table, run_all
    from forecast.predict import forecast
    from forecast.prospects import anticipate, check_prospect
    from forecast.schema import Spec, Verdict, convert, parse_date
    from forecast.sources import data_dir, read_reference_table, read_vintages
    from forecast.surprise import percentiles
    from forecast.vintages import as_of, read_table

_HOME = {
    "MODELS": "models",
    "Panel": "panels",
    "Run": "fitting",
    "Spec": "schema",
    "Verdict": "schema",
    "anticipate": "prospects",
    "as_of": "vintages",
    "audit_claims": "audit",
    "backtest": "backtesting",
    "build_panel": "panels",
    "calibrate": "diagnose",
    "check_prospect": "prospects",
    "convert": "schema",
    "data_dir": "sources",
    "drift_walk": "models.naive",
    "events": "",
    "explain": "news",
    "fit": "fitting",
    "forecast": "predict",
    "hold_out_last_year": "diagnose",
    "judge": "claims",
    "origins": "backtesting",
    "parse_date": "schema",
    "percentiles": "surprise",
    "plots": "",
    "quantile_table": "pipeline",
    "read_claims": "claims",
    "read_reference_table": "sources",
    "read_references": "audit",
    "read_table": "vintages",
    "read_vintages": "sources",
    "report_calendar": "panels",
    "reported_ratio": "panels",
    "run_all": "pipeline",
    "sensitivity": "diagnose",
    "statistics_of": "news",
    "summary": "fitting",
    "update": "fitting",
    "update_run": "earnings_day",
}
__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    """Load a public name from its module."""
    if name not in _HOME:
        raise AttributeError(f"module 'forecast' has no attribute {name!r}")
    home = _HOME[name]
    if not home:
        return importlib.import_module(f"forecast.{name}")
    value = getattr(importlib.import_module(f"forecast.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """List the public names."""
    return sorted([*globals(), *_HOME])
