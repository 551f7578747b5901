"""Why the newest falls of capex are not foretold in a run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from forecast.core.errors import DataError
from forecast.models.base import Ahead

if TYPE_CHECKING:
    from forecast.models.base import Panel


def without_newest(panel: Panel) -> Panel:
    """Refuse: what came within two years of a state is one number a company, all of the same years.

    Raises
    ------
    DataError
        Always, with where its record on past dates stands.
    """
    raise DataError(
        f"as of {panel.as_of} the last whole two years are one number a company, and all of the same "
        "years; benchmarks/capex_hazard_skill.py asks it on every past quarter"
    )


AHEAD = Ahead(left_out=without_newest)
