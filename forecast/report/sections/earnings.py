"""Where reported spending may go."""

from __future__ import annotations

from forecast.report.section import of_figures

FIGURES = (
    "earnings",
    "companies_capex",
    "companies_revenue",
    "cash_ratio",
    "report_calendar",
)
SECTION = of_figures("earnings", "Where reported spending may go", FIGURES)
