"""The tables that ship with the package, or stand in a folder laid out like them.

Invariant: whatever comes out of here as observations went through
:func:`forecast.tables.vintages.check_table`.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import math
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import pandas as pd

from forecast.core import lock
from forecast.core.errors import DataError, UnknownNameError
from forecast.core.problems import Problem, listed
from forecast.core.text import one_line
from forecast.core.words import TABLE_COLUMNS
from forecast.tables.articles import data_dir as data_dir
from forecast.tables.articles import data_folder as data_folder
from forecast.tables.articles import find_article
from forecast.tables.cells import Body, read_cells, sheet_bytes
from forecast.tables.read_once import read_once
from forecast.tables.vintages import Table, read_table, same_report, withdrawn_on

VINTAGE_FILES = (
    "earnings.csv",
    "guidance.csv",
    "ai_labs.csv",
    "api_prices.csv",
    "capability.csv",
    "h100_rental.csv",
    "open_share.csv",
    "market_published.csv",
)
"""The shipped tables of the vintage schema, below the data folder, alongside those of the article."""

USER_FILE = "vintages/user.csv"
"""Where a user's own rows go if no other table is named, below the data folder."""

REFERENCE_FILE = "references.csv"


def own_or_shipped(name: str, folder: str | Path | None) -> Path:
    """Return the path of a data file: in the user's folder if it is there, else the shipped one.

    Whatever stands there under that name counts: what is no file is for the reader to refuse.
    """
    own = data_folder(folder) / name
    return own if os.path.lexists(own) else data_dir() / name


def read_vintages(folder: str | Path | None = None, article: str | None = None) -> Table:
    """Read every vintage table of a data folder as one.

    Parameters
    ----------
    folder
        A folder laid out like the shipped ``data/``; every file of :data:`VINTAGE_FILES` that it
        has is read, the tables of its article, and any other ``*.csv`` directly in
        ``folder/vintages/``. The shipped folder by default.
    article
        Which of its articles, where there are several.

    Raises
    ------
    DataError
        If the folder is missing or holds no table, or if any table is bad.
    """
    base = data_folder(folder)
    paths = vintage_files(base, article)
    if not paths:
        raise DataError(
            f"{base}: got no table; wanted at least one of {', '.join(VINTAGE_FILES)}, a CSV in "
            "articles/NAME/ or one in vintages/"
        )
    tables = {path.relative_to(base).as_posix(): read_table(path) for path in paths}
    merged = pd.concat(
        [table.assign(_file=name) for name, table in tables.items()], ignore_index=True
    ).fillna("")
    stand = merged[withdrawn_on(merged) == ""]
    reports = pd.Series(same_report(stand), index=stand.index)
    again = stand[reports.duplicated(keep=False)]
    if len(again):
        listed = [
            f"{' / '.join(report)} in {' and '.join(rows['_file'])}"
            for report, rows in again.groupby(reports[again.index], sort=False)
        ]
        raise DataError(
            f"{base}: {len(listed)} report(s) stand in more than one table: {one_line(listed)}; "
            "take each out of one of them"
        )
    return merged[[c for c in TABLE_COLUMNS if c in merged.columns]]


def vintage_files(folder: Path, article: str | None = None) -> list[Path]:
    """Return the files that :func:`read_vintages` reads from a data folder."""
    chosen = find_article(folder, article)
    named = [folder / name for name in VINTAGE_FILES if os.path.lexists(folder / name)]
    own = chosen.tables if chosen.own else []
    return [*own, *named, *sorted((folder / "vintages").glob("*.csv"))]


@contextlib.contextmanager
def held(folder: Path) -> Iterator[None]:
    """Keep other writers from a data folder while its tables are compared and one is added to.

    Raises
    ------
    StoreError
        If another process holds it and does not come to an end.
    """
    with lock.hold(folder / ".folder.lock", f"the data folder {folder}"):
        yield


# --- tables with columns of their own --------------------------------------------------------
REFERENCE_TABLES: Mapping[str, str] = {
    "booms": """
        id:text episode:text category:text region:text kind:text boom_start:day warning_date:day?
        peak_date:day? peak_metric:text dd20_date:day? dd30_date:day? trough_date:day?
        drawdown_pct:number? capex_peak:text? capex_fall_pct:text? capex_gdp_peak_pct:number?
        capex_revenue_peak:number? confidence:grade""",
    "capex_runups": """
        level:text entity:text industry:text? identified:stretch growth:number runup:number
        at_record:event cash:number? members:number? smallest:number months5:number?
        months10:number? months20:number? followup:number fitted:event source:text""",
    "drawdown_base_rates": """
        sample:text p20_18m:share p30_18m:share p40_18m:share p20_24m:share p30_24m:share
        p40_24m:share independent_blocks:number?""",
    "frontier_models": """
        model:text organisation:text? family:text release_date:day open_weights:flag
        reasoning_model:flag params_b:number? training_compute_flop:number? compute_low:number?
        compute_high:number? compute_confidence_epoch:text? compute_benchmark_dependence:text?
        training_cost_musd_mid:number? cost_low:number? cost_high:number? cost_basis:text?
        cost_confidence:grade? cost_inherited_from_base:flag? cost_cloud_musd:number?
        mmlu:percent? mmlu_protocol:text? mmlu_confidence:grade? mmlu_5shot_reported:percent?
        mmlu_helm_5shot:percent? mmlu_simple_evals:percent? gpqa_diamond:percent? gpqa_se:number?
        gpqa_effort:text? gpqa_confidence:grade? mmlu_pro:percent? mmlu_pro_confidence:grade?
        swe_bench_verified:percent? swe_se:number? eci:number? score_source:text?""",
    "index_returns_monthly": """
        month:month series:text log_return:number log_high_over_close:number
        log_low_over_close:number""",
    "positions": """
        entity:text dated:day industry:text? sample:text? net:number raw:number months:number
        volatility:number? fell_20:month? fell_30:month? fell_40:month? source:text""",
    "product_lines": """
        model:text house:text role:role from:day until:day? source:text""",
    "public_forecasts": """
        forecaster:text question:text date:period value:share? unit:text note:text? source:text""",
    "runups": """
        rule:text industry:text id_month:month runup24_raw:number runup24_net:number
        followup_months:number dur20_m:number event20:event dur30_m:number event30:event
        dur40_m:number event40:event maxdd_18m:percent maxdd_24m:percent maxdd_48m:percent
        t_peak_before_dd20:number gain_id_to_peak_pct:number volatility24:number?""",
    "telecom_1995_2004": """
        year:year us_telecom_revenue_fcc_usd_bn:number revenue_conf:grade
        us_telecom_capex_usd_bn:number? capex_conf:grade? capex_to_revenue:number?
        wireless_capex_yoy_pct_TIA:number? total_us_telecom_spending_TIA_usd_bn:number?
        carrier_equipment_spending_usd_bn:text? nasdaq_comp_year_end:number
        nasdaq_comp_high_close:number nasdaq_comp_high_date:day nasdaq_comp_low_close:number
        nasdaq_comp_low_date:day ff49_telcm_total_return_pct:number
        ff49_telcm_index_dec_1994_eq_100:number notes:text?""",
    "warnings": """
        warning:text series:text warning_date:day warning_date_conf:text primary_series:flag
        ai_boom:flag dur20_m:number event20:event dur30_m:number event30:event dur40_m:number
        event40:event d20:day d30:day? peak_ref:day gain_w_to_peak:number maxdd18:percent
        maxdd24:percent maxdd48:percent lvl24:number min24_vs_w:number obs_m:number
        series_base_P20_24m:share series_base_P30_24m:share series_n_start_months:number""",
}
"""Columns of the tables that are not observations of the vintage schema, each with its kind; ``?``
where a cell may be empty."""

MAY_LACK: Mapping[str, tuple[str, ...]] = {
    "positions": ("volatility", "fell_20", "fell_30", "fell_40"),
    "runups": ("volatility24",),
}
"""Columns that a table may lack, as if their cells were empty."""

USER_TABLES: Mapping[str, str] = {
    "scaling_runs": "model_size:number training_flop:number? tokens:number? loss:number",
}
"""Tables that only a user brings: none is shipped."""

_KINDS: Mapping[str, tuple[str, str]] = {
    "text": (r".+", "some text"),
    "grade": (r"[ABC]", "A, B or C"),
    "day": (r"\d{4}-\d{2}-\d{2}", "a day such as 2026-05-06"),
    "month": (r"\d{4}-\d{2}", "a month such as 2026-05"),
    "period": (r"\d{4}(-\d{2}){0,2}", "a year, a month or a day"),
    "year": (r"[12]\d{3}", "a year such as 2026"),
    "stretch": (r"[12]\d{3}(Q[1-4])?", "a year or a quarter such as 2026Q1"),
    "number": ("", "a number"),
    "share": ("", "a number from 0 to 1"),
    "percent": ("", "a number from 0 to 100"),
    "flag": (r"True|False", "True or False"),
    "role": (r"flagship|small|other", "flagship, small or other"),
    "event": (r"[01]", "1 if it happened, 0 if it was not seen to"),
}
"""The pattern of a kind of cell, and how it is called."""

_RANGES = {"number": (-math.inf, math.inf), "share": (0.0, 1.0), "percent": (0.0, 100.0)}


def read_reference_table(name: str, folder: str | Path | None = None) -> pd.DataFrame:
    """Read a table that has columns of its own, and check every cell.

    Parameters
    ----------
    name
        One of :data:`REFERENCE_TABLES`.
    folder
        A folder laid out like the shipped ``data/``; the shipped one by default.

    Returns
    -------
    pandas.DataFrame
        Rows in file order: numbers as float with NaN where empty, years and events as int, flags as
        (nullable) boolean, days, months and the rest as text with "" where empty.

    Raises
    ------
    UnknownNameError
        If no table has that name.
    DataError
        If the file is missing, has other columns, or naming every bad cell at once.
    """
    kinds = _kinds_of(name)
    path = data_folder(folder) / f"{name}.csv"
    content = sheet_bytes(path)
    return read_once(lambda: _reference_table(name, path, content, kinds), content, name)


def _reference_table(
    name: str, path: Path, content: bytes, kinds: Mapping[str, str]
) -> pd.DataFrame:
    header, body, _ = read_cells(path, content)
    for column in MAY_LACK.get(name, ()):
        if column not in header:
            header, body = [*header, column], [(line, [*cells, ""]) for line, cells in body]
    missing = [c for c in kinds if c not in header]
    unknown = [c for c in header if c not in kinds]
    if missing or unknown:
        raise DataError(
            f"{path}: missing column(s) {one_line(missing) or 'none'}; "
            f"unknown column(s) {one_line(unknown) or 'none'}; wanted {', '.join(kinds)}"
        )
    return _checked(path, header, body, kinds)


def read_tables(folder: str | Path | None = None) -> dict[str, pd.DataFrame]:
    """Read every table that has columns of its own, by name.

    Parameters
    ----------
    folder
        A folder laid out like the shipped ``data/``. What it does not have is the shipped table; of
        :data:`USER_TABLES` only those are there that it has.

    Raises
    ------
    DataError
        As of :func:`read_reference_table`, whether or not a table will be used.
    """
    own = {
        name: own_or_shipped(f"{name}.csv", folder) for name in (*REFERENCE_TABLES, *USER_TABLES)
    }
    return {
        **{name: read_reference_table(name, own[name].parent) for name in REFERENCE_TABLES},
        **{
            name: read_own_table(name, own[name])
            for name in USER_TABLES
            if os.path.lexists(own[name])
        },
    }


def write_tables(tables: Mapping[str, pd.DataFrame], folder: Path) -> None:
    """Write tables as :func:`read_tables` finds them in a folder again; without any it is not made."""
    for name, table in tables.items():
        folder.mkdir(exist_ok=True)
        table.to_csv(folder / f"{name}.csv", index=False, lineterminator="\n")


def days_looked_at(folder: str | Path | None = None) -> list[str]:
    """Return the days on which a data folder's own positions stand; none if it has only the shipped."""
    if not (data_folder(folder) / "positions.csv").is_file():
        return []
    return [str(day) for day in read_reference_table("positions", folder)["dated"]]


def read_own_table(name: str, path: str | Path) -> pd.DataFrame:
    """Read a user's own table in place of a shipped one: some of its columns, in any order.

    Parameters
    ----------
    name
        One of :data:`REFERENCE_TABLES` or :data:`USER_TABLES`, whose columns have the same names
        here, in any case and with spaces or underscores.
    path
        A CSV file. Columns of other names are left out.

    Returns
    -------
    pandas.DataFrame
        As :func:`read_reference_table` returns it, with the columns that are there; the model that
        is fitted to it says which it cannot do without.

    Raises
    ------
    UnknownNameError
        If no table has that name.
    DataError
        If the file is missing or has none of the columns, or naming every bad cell at once.
    """
    kinds = _kinds_of(name)
    path = Path(path)
    theirs, body, _ = read_cells(path)
    header = [re.sub(r"[\s_]+", "_", column.strip().lower()) for column in theirs]
    there = {column: kind for column, kind in kinds.items() if column in header}
    if not there:
        raise DataError(
            f"{path}: got the columns {one_line(theirs)}; wanted some of {', '.join(kinds)}"
        )
    twice = [column for column in there if header.count(column) > 1]
    if twice:
        raise DataError(f"{path}: got more than one column {one_line(twice)}; leave one of each")
    return _checked(path, header, body, there)


def _kinds_of(name: str) -> dict[str, str]:
    tables = {**REFERENCE_TABLES, **USER_TABLES}
    if name not in tables:
        raise UnknownNameError(
            f"no reference table is called {name!r}; there are {', '.join(tables)}; "
            "read_vintages reads the tables of observations"
        )
    return dict(entry.split(":") for entry in tables[name].split())


def _checked(path: Path, header: list[str], body: Body, kinds: Mapping[str, str]) -> pd.DataFrame:
    """Return the columns of `kinds` with their types, or refuse naming every bad cell."""
    raw = pd.DataFrame([cells for _, cells in body], columns=header, dtype=str)[list(kinds)]
    problems = [
        Problem(line, column, cell, _KINDS[kind.rstrip("?")][1])
        for column, kind in kinds.items()
        for (line, _), cell in zip(body, raw[column], strict=True)
        if not _fits(cell, kind)
    ]
    if raw.empty:
        raise DataError(f"{path}: got a header and no rows; wanted at least one row below it")
    if problems:
        raise DataError(
            f"{path}: {len(problems)} problem(s) in {len(body)} row(s):{listed(problems)}"
        )
    return pd.DataFrame({c: _typed(raw[c], kind) for c, kind in kinds.items()})


def _fits(cell: str, kind: str) -> bool:
    if not cell:
        return kind.endswith("?")
    kind = kind.rstrip("?")
    try:
        if kind in _RANGES:
            low, high = _RANGES[kind]
            return math.isfinite(float(cell)) and low <= float(cell) <= high
        if kind in ("day", "month", "period"):
            dt.date.fromisoformat((cell + "-01-01")[:10])
    except ValueError:
        return False
    return re.fullmatch(_KINDS[kind][0], cell) is not None


def _typed(cells: pd.Series, kind: str) -> pd.Series:
    base = kind.rstrip("?")
    if base in _RANGES:
        return pd.Series([float(c) if c else math.nan for c in cells], dtype=float)
    if base in ("year", "event"):
        return cells.astype(int)
    if base == "flag":
        values = [None if not c else c == "True" for c in cells]
        return pd.Series(values, dtype="boolean" if kind.endswith("?") else bool)
    return cells
