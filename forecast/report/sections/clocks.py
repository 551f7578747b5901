"""When the headline claims' definitions may come true, by date."""

from __future__ import annotations

from forecast.report.section import of_figures

SECTION = of_figures("clocks", "", ("clocks",))
