"""Finished dates of backtests: a folder each, by the hash of all that decided it.

Invariant: a date counts as finished when its folder is whole, which its checksums tell; a writer that
is killed leaves none. ``tests/test_backtest_store.py`` kills one, and damages what is kept.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from forecast.core.errors import StoreError
from forecast.store import runs

if TYPE_CHECKING:
    from collections.abc import Mapping

FOLDER = "backtests"
"""Below the output folder: a folder a backtest, and ``dates``, a folder a finished date."""
DATES = "dates"


@dataclasses.dataclass(frozen=True, slots=True)
class Origin:
    """What was found at one date.

    Attributes
    ----------
    cells, events
        Scored forecasts of numbers and of events; without rows where there are none.
    row
        A table of one row: the date, and what became of its fit.
    """

    cells: pd.DataFrame
    events: pd.DataFrame
    row: pd.DataFrame


def keep_origin(out: str | Path, key: str, one: Origin) -> None:
    """Write what was found at a date, whole or not at all.

    Parameters
    ----------
    out
        The output folder.
    key
        Hash of all that decided it.
    one
        What was found.

    Raises
    ------
    StoreError
        If it cannot be written.
    """

    def fill(folder: Path) -> None:
        write_tables(folder, {f.name: getattr(one, f.name) for f in dataclasses.fields(one)})

    runs.write_part(out, (FOLDER, DATES, key), fill)


def write_tables(folder: Path, tables: Mapping[str, pd.DataFrame]) -> None:
    """Write tables as Parquet files of their names."""
    for name, table in tables.items():
        table.to_parquet(folder / f"{name}.parquet", index=False)


def kept_origin(out: str | Path, key: str) -> Origin | None:
    """Return what was found at a date, or None if it was not finished.

    Raises
    ------
    StoreError
        If its folder is damaged; nothing is then read from it.
    """
    folder = Path(out) / FOLDER / DATES / key
    if not folder.is_dir():
        return None
    runs.verify(folder)
    try:
        return Origin(
            *(pd.read_parquet(folder / f"{f.name}.parquet") for f in dataclasses.fields(Origin))
        )
    except (OSError, ValueError) as error:
        raise StoreError(f"{folder}: cannot be read ({error})") from error
