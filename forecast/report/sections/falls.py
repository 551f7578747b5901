"""Where prices may go after a run-up."""

from __future__ import annotations

from forecast.report.section import of_figures

SECTION = of_figures("falls", "Where prices may go after a run-up", ("falls",))
