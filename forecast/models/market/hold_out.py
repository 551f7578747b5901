"""The last year of the market table, held out of each run."""

from __future__ import annotations

from forecast.core.errors import DataError
from forecast.models.base import HeldOut, Panel, select


def without_last_year(panel: Panel) -> HeldOut:
    """Return a market panel without its last year.

    Raises
    ------
    DataError
        If fewer than four years are there.
    """
    years = panel.data["year"].values
    last = int(years.max())
    if last - int(years.min()) < 3:
        raise DataError(f"holding out {last} leaves fewer than three years")
    end = panel.data.isel(obs=years == last)
    names = (str(name) for name in end["series"].values)
    truth = dict(zip(names, end["value"].values.tolist(), strict=True))
    return HeldOut(select(panel, years < last), str(last), truth)
