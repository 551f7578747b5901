"""Whether a programme of spending is earned back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from forecast.report.section import of_figures

if TYPE_CHECKING:
    from forecast.report.record import Report


def title(report: Report) -> str:
    """Return the heading that the article's page gives its programme."""
    programme = report.page.programme
    return programme.heading if programme else "Whether the spending is earned back"


SECTION = of_figures("payback", title, ("payback", "payback_share"))
