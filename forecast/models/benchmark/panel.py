"""Benchmark scores of model releases, with what is known of their compute and cost."""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import xarray as xr

from forecast.core.errors import DataError
from forecast.core.text import one_line
from forecast.models.base import Panel, PanelSource, records

BENCHMARKS: Mapping[str, str] = {
    "MMLU": "mmlu",
    "MMLU-Pro": "mmlu_pro",
    "GPQA Diamond": "gpqa_diamond",
    "SWE-bench Verified": "swe_bench_verified",
}
"""Benchmarks and the column of their scores, percent."""

QUESTIONS: Mapping[str, int] = {
    "MMLU": 14042,
    "MMLU-Pro": 12032,
    "GPQA Diamond": 198,
    "SWE-bench Verified": 484,
}
"""Number of questions, for the sampling error of a score that states none: MMLU and GPQA Diamond as
in arXiv 2009.03300 and 2311.12022, MMLU-Pro as in arXiv 2406.01574; of SWE-bench Verified the number
that the standard errors in the table imply."""

CHANCE: Mapping[str, float] = {
    "MMLU": 0.25,
    "MMLU-Pro": 0.1,
    "GPQA Diamond": 0.25,
    "SWE-bench Verified": 0.0,
}
"""What guessing scores: one of four answers, of ten, of four; nothing to guess."""

BELOW_CHANCE = 3.0
"""A score this many standard errors below chance tells that a model failed at the format of the
answers, not what it can do: it is left out."""

REFERENCES: Mapping[str, str] = {
    "MMLU": "5-shot, developer",
    "MMLU-Pro": "Artificial Analysis",
    "GPQA Diamond": "Epoch AI",
    "SWE-bench Verified": "Epoch AI",
}
"""The protocol of each benchmark that the others are offset from."""

COMPUTE_WORDS = ("confident", "likely", "weaker")
"""How sure the source is of a compute estimate; the benchmark model gives each its own error."""

_EVALUATORS = {"A": "Artificial Analysis", "E": "Epoch AI", "T": "TIGER-Lab", "s": "self-reported"}
# A stated budget of tens of thousands of thinking tokens is taken as a middle setting.
_EFFORT = {"low": -1.0, "high": 1.0, "xhigh": 2.0}


class Release(NamedTuple):
    """What stands on each row of a release, see :func:`benchmark_panel`."""

    release: str
    released: str
    organisation: str
    year: float
    open: float
    reasoning: float
    log_compute: float
    compute_word: int
    log_cost: float
    log_size: float
    stated_cost: float


class Score(NamedTuple):
    """A score of a release on a benchmark."""

    release: Release
    benchmark: str
    protocol: str
    score: float
    score_se: float
    effort_steps: float


def benchmark_panel(table: pd.DataFrame, as_of: str) -> Panel:
    """Return one row a score: every benchmark and protocol of every model released by `as_of`.

    Parameters
    ----------
    table
        ``frontier_models``, or a table with some of its columns.
    as_of
        ISO date; models released later are left out. The table dates releases, not evaluations: a
        score is taken to be known from its model's release, which is early for re-evaluations.

    Returns
    -------
    Panel
        Dim ``obs``, sorted by release date. ``score`` and its sampling error ``score_se`` are
        shares; ``log_compute`` is log10 FLOP, ``log_cost`` log10 USD m and ``log_size`` log10 of
        1e9 parameters, NaN where not known or, but for the last, not admitted; ``compute_word``
        indexes :data:`COMPUTE_WORDS`; ``effort_steps`` counts steps of reasoning effort from a usual
        setting. What belongs to the release stands on each of its rows.

    Raises
    ------
    DataError
        If a column that it needs is missing, a model stands in it twice, or no score is left.
    """
    _check(table)
    rows = [
        row
        for record in records(table, table.columns)
        if record["release_date"] <= as_of
        for row in _scores(record)
    ]
    if not rows:
        raise DataError(
            f"the benchmark model wants a score in {one_line(list(BENCHMARKS.values()))} of a model "
            f"released by {as_of}; the table has none"
        )
    rows, notes = _above_chance(rows)
    rows.sort(
        key=lambda row: (row.release.released, row.release.release, row.benchmark, row.protocol)
    )
    told = zip(*((*row.release, *row[1:]) for row in rows), strict=True)
    columns = dict(zip((*Release._fields, *Score._fields[1:]), map(np.array, told), strict=True))
    labels = ("release", "released", "organisation", "benchmark", "protocol")
    data = xr.Dataset(
        {name: ("obs", values) for name, values in columns.items() if name not in labels},
        coords={name: ("obs", columns[name]) for name in labels},
    )
    units = {
        "score": "ratio",
        "score_se": "ratio",
        "log_compute": "log10 FLOP",
        "log_cost": "log10 USD m",
        "log_size": "log10 of 1e9",
        "year": "years",
        "effort_steps": "steps",
    }
    return Panel("benchmark", as_of, data, units, notes=tuple(notes))


def _above_chance(rows: list[Score]) -> tuple[list[Score], list[str]]:
    """Return the scores that are not far below chance, and a sentence on those left out."""
    left: list[Score] = []
    kept: list[Score] = []
    for row in rows:
        chance = CHANCE[row.benchmark]
        error = math.sqrt(chance * (1 - chance) / QUESTIONS[row.benchmark])
        (left if row.score < chance - BELOW_CHANCE * error else kept).append(row)
    names = one_line([f"{row.release.release} on {row.benchmark}" for row in left])
    note = f"left out as failures at the format of answers, far below chance: {names}"
    return kept, [note] if left else []


def _check(table: pd.DataFrame) -> None:
    needed = ("model", "release_date", "open_weights")
    missing = [c for c in needed if c not in table]
    if missing or not set(BENCHMARKS.values()) & set(table.columns):
        raise DataError(
            f"the benchmark model wants the columns {one_line(needed)} and at least one of "
            f"{one_line(list(BENCHMARKS.values()))}; missing {one_line(missing) or 'the scores'}"
        )
    twice = sorted(set(table.loc[table["model"].duplicated(), "model"]))
    if twice:
        raise DataError(f"the table has more than one row of {one_line(twice)}; keep one of each")


def admitted(record: Mapping[str, Any]) -> bool:
    """Return whether a row's compute and cost may explain its scores.

    Only compute that is known not to rest on benchmarks, or of which the source says nothing while
    being at least likely. What was inferred from scores, in whole or in part, would make the fit
    explain the scores by themselves; the cost of such a run rests on the same compute.
    """
    dependence = _text(record, "compute_benchmark_dependence")
    if dependence:
        return dependence == "none"
    return _text(record, "compute_confidence_epoch") in ("Confident", "Likely", "")


def _release(record: Mapping[str, Any]) -> Release:
    day = dt.date.fromisoformat(record["release_date"])
    first = _text(record, "organisation").split(",")[0]
    usable = admitted(record)
    sure = _text(record, "compute_confidence_epoch").lower()
    return Release(
        release=record["model"],
        released=record["release_date"],
        organisation=first or "not stated",
        year=day.year + (day.timetuple().tm_yday - 1) / 365.25,
        open=float(record["open_weights"]),
        # An evaluation at a stated effort shows that it reasons, whatever the column says.
        reasoning=float(record.get("reasoning_model", False) or _text(record, "gpqa_effort") != ""),
        log_compute=_log10(record, "training_compute_flop") if usable else math.nan,
        compute_word=COMPUTE_WORDS.index(sure if sure in COMPUTE_WORDS else "weaker"),
        log_cost=_log10(record, "training_cost_musd_mid") if usable else math.nan,
        log_size=_log10(record, "params_b"),
        stated_cost=float(_text(record, "cost_basis").startswith("developer")),
    )


def sampling_error(share: np.ndarray, questions: np.ndarray | int) -> np.ndarray:
    """Return the sampling error of a score by the number of its questions, both shares of one.

    A score of 0 or 100 has one too: that of 5 or 95.
    """
    inside = np.clip(share, 0.05, 0.95)
    error: np.ndarray = np.sqrt(inside * (1 - inside) / questions)
    return error


def _scores(record: Mapping[str, Any]) -> list[Score]:
    """Return a row for each benchmark and protocol of one release."""
    base = _release(record)
    found = []
    for benchmark, column in BENCHMARKS.items():
        stated = {"GPQA Diamond": "gpqa_se", "SWE-bench Verified": "swe_se"}.get(benchmark, "")
        se = _number(record, stated)
        printed = (
            _mmlu(record)
            if benchmark == "MMLU"
            else {_evaluator(record, benchmark, se): _number(record, column)}
        )
        effort = _text(record, "gpqa_effort") if benchmark == "GPQA Diamond" else ""
        for protocol, percent in printed.items():
            if math.isnan(percent):
                continue
            share = percent / 100
            sampling = float(sampling_error(np.array(share), QUESTIONS[benchmark]))
            found.append(
                Score(
                    base,
                    benchmark=benchmark,
                    protocol=protocol,
                    score=share,
                    score_se=sampling if math.isnan(se) else se / 100,
                    effort_steps=_EFFORT.get(effort, 0.0),
                )
            )
    return found


def _mmlu(record: Mapping[str, Any]) -> dict[str, float]:
    """Return the MMLU scores of a release by protocol: three have a column, ``mmlu`` has the rest."""
    columns = {
        REFERENCES["MMLU"]: "mmlu_5shot_reported",
        "5-shot, HELM": "mmlu_helm_5shot",
        "0-shot with reasoning, simple-evals": "mmlu_simple_evals",
    }
    scores = {name: _number(record, column) for name, column in columns.items()}
    own = _text(record, "mmlu_protocol").startswith("developer-reported")
    if own or all(math.isnan(value) for value in scores.values()):
        scores["not stated"] = _number(record, "mmlu")
    return scores


def _evaluator(record: Mapping[str, Any], benchmark: str, se: float) -> str:
    """Return who evaluated: from the standard error, which only one of them gives, or the source.

    The source column holds the first letters at least ("GPQA: E..."); long cells are cut off.
    """
    if not math.isnan(se):
        return "Epoch AI"
    short = {"GPQA Diamond": "GPQA", "SWE-bench Verified": "SWE"}.get(benchmark, benchmark)
    match = re.search(rf"(?:^|\| ){re.escape(short)}: (\w)", _text(record, "score_source"))
    return _EVALUATORS.get(match.group(1), "not stated") if match else "not stated"


def _text(record: Mapping[str, Any], column: str) -> str:
    return str(record.get(column, "") or "")


def _number(record: Mapping[str, Any], column: str) -> float:
    return float(record.get(column, math.nan))


def _log10(record: Mapping[str, Any], column: str) -> float:
    value = _number(record, column)
    if value <= 0:
        raise DataError(f"{record['model']}: got {column} = {value:g}; wanted a positive number")
    return float(np.log10(value))


PANEL = PanelSource(build=benchmark_panel, table="frontier_models", latest=("released",))
