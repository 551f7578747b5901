"""Readers: the tables that ship with the package, and a user's own.

Invariant: whatever comes out of here went through :func:`forecast.vintages.check_table`.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from forecast.schema import DataError
from forecast.vintages import Table, check_table, read_table

VINTAGE_FILES = (
    "article/market.csv",
    "article/models.csv",
    "article/companies.csv",
    "earnings.csv",
)
"""The shipped tables of the vintage schema, below the data folder."""

REFERENCE_FILE = "references.csv"
CLAIMS_FILE = "article/claims.toml"


def data_dir() -> Path:
    """Return the folder of the shipped tables: inside the wheel, or at the checkout's top level."""
    packaged = Path(__file__).parent / "_data"
    return packaged if packaged.is_dir() else Path(__file__).parent.parent / "data"


def read_vintages(folder: str | Path | None = None) -> Table:
    """Read every vintage table of a data folder as one.

    Parameters
    ----------
    folder
        A folder laid out like the shipped ``data/``; every file of :data:`VINTAGE_FILES` that it
        has is read, and any other ``*.csv`` directly in ``folder/vintages/``. The shipped folder
        by default.

    Raises
    ------
    DataError
        If the folder is missing or holds no table, or if any table is bad.
    """
    base = data_dir() if folder is None else Path(folder)
    if not base.is_dir():
        raise DataError(f"{base}: there is no such data folder; give one laid out like data/")
    paths = [base / name for name in VINTAGE_FILES if (base / name).is_file()]
    paths += sorted((base / "vintages").glob("*.csv"))
    if not paths:
        raise DataError(
            f"{base}: got no table; wanted at least one of {', '.join(VINTAGE_FILES)} "
            "or a CSV in vintages/"
        )
    tables = [read_table(path) for path in paths]
    return check_table(pd.concat(tables, ignore_index=True).fillna(""), str(base))
