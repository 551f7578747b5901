"""Every answered definition of the headline claims, with its error, baseline and evidence."""

from __future__ import annotations

from forecast.report.section import Section
from forecast.report.sections.cards import build

SECTION = Section("definitions", build, "The answer under every definition")
