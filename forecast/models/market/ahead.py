"""The last year of the market table, held out of each run: all of it became known on one day."""

from __future__ import annotations

import dataclasses

from forecast.core.errors import DataError
from forecast.models.base import Ahead, Panel, select


def without_last_year(panel: Panel) -> Panel:
    """Return a market panel without its last year, as of the end of the year before.

    Raises
    ------
    DataError
        If fewer than four years are there.
    """
    years = panel.data["year"].values
    last = int(years.max())
    if last - int(years.min()) < 3:
        raise DataError(f"holding out {last} leaves fewer than three years")
    return dataclasses.replace(select(panel, years < last), as_of=f"{last - 1}-12-31")


AHEAD = Ahead(left_out=without_last_year)
