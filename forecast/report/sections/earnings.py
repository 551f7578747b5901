"""Where reported spending may go."""

from __future__ import annotations

from forecast.report.section import of_figures

SECTION = of_figures("earnings", "Where reported spending may go", ("earnings", "companies_capex"))
