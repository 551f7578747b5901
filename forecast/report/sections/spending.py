"""When capex may fall after a run-up."""

from __future__ import annotations

from forecast.report.section import of_figures

SECTION = of_figures("spending", "Where spending may go after a run-up", ("spending_clock",))
