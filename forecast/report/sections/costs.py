"""What models and compute cost, and who uses open models."""

from __future__ import annotations

from forecast.report.section import of_figures

SECTION = of_figures(
    "costs",
    "What models and compute cost, and who uses open models",
    ("prices", "rental", "open_share"),
)
