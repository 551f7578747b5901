"""The headline claims' definitions as pictures: their moves, and how deep prices may fall."""

from __future__ import annotations

from forecast.report.section import of_figures

SECTION = of_figures("strip", "The definitions as pictures", ("strip", "severity"))
