"""Known rows -> one model's inputs: a labelled panel in the model's unit, with a hash.

Invariant: a panel is decided by the known rows alone; the same rows in another order give the same
panel and the same hash. Nothing in it was reported after its ``as_of``.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd
import xarray as xr

from forecast.schema import (
    DataError,
    UnknownNameError,
    calendar_quarter,
    convert,
    one_line,
    period_days,
    period_end,
)
from forecast.vintages import Table


@dataclasses.dataclass(frozen=True)
class Panel:
    """One model's inputs.

    Attributes
    ----------
    model
        Name of the model the panel is for.
    as_of
        The day up to which reports were known, ISO.
    data
        Labelled arrays with dim ``obs``; ``attrs["units"]`` names the unit of each variable.
    """

    model: str
    as_of: str
    data: xr.Dataset

    @property
    def hash(self) -> str:
        """Hash of the values, labels and units."""
        digest = hashlib.sha256(f"{self.model} {self.as_of} ".encode())
        digest.update(json.dumps(dict(self.data.attrs), sort_keys=True).encode())
        for name in sorted(str(n) for n in self.data.variables):
            values = self.data[name].values
            content = [repr(v) for v in values.ravel().tolist()]
            digest.update(f"{name} {values.shape} {'|'.join(content)};".encode())
        return digest.hexdigest()

    def frame(self) -> pd.DataFrame:
        """Return the panel as a plain table, one row an observation."""
        return self.data.to_dataframe().reset_index(drop="obs" not in self.data.coords)

    def _repr_html_(self) -> str:
        """Show the panel as a table with its date and hash."""
        head = (
            f"<p><b>Panel for {self.model}</b>, known as of {self.as_of}, "
            f"{self.data.sizes['obs']} observations, hash {self.hash[:12]}</p>"
        )
        return head + self.frame().to_html(index=False, float_format=lambda x: f"{x:.4g}")


def select(panel: Panel, keep: np.ndarray) -> Panel:
    """Return the panel with the observations where `keep` is true; for hold-out checks."""
    return dataclasses.replace(panel, data=panel.data.isel(obs=np.flatnonzero(keep)))


def rounding_step(values: np.ndarray, most: float = 0.2) -> float:
    """Return the step to which a column of printed numbers was rounded.

    It is the largest step 1, 2 or 5 times a power of ten that divides them all, and at most the
    share `most` of the smallest of them, so that a lone round number is not taken for a guess.

    Examples
    --------
    >>> rounding_step(np.array([50.0, 70.0, 100.0, 130.0])), rounding_step(np.array([95.0, 120.0]))
    (10.0, 5.0)
    """
    limit = most * float(np.min(values))
    power = math.floor(math.log10(limit)) if limit > 0 else 0
    for exponent in range(power, power - 12, -1):
        for digit in (5.0, 2.0, 1.0):
            step = digit * 10.0**exponent
            counts = values / step
            if step <= limit and np.allclose(counts, np.round(counts), rtol=0, atol=1e-6):
                return step
    return 0.0


MARKET_METRICS = ("ai_investment", "datacenter_capex", "ai_revenue")
MARKET_UNIT = "USD bn"


def _market(known: Table) -> xr.Dataset:
    """Annual series in USD bn, with the sd of their rounding and a mark on estimates."""
    rows = known[known["metric"].isin(MARKET_METRICS)].copy()
    if rows.empty:
        raise DataError(
            f"the market model wants annual rows of {one_line(MARKET_METRICS)}; the table has none"
        )
    bounded = rows[rows["qualifier"].isin(["at least", "at most"])]
    if len(bounded):
        raise DataError(
            "the market model takes numbers, not bounds; drop or restate "
            + one_line([f"{r.entity} {r.metric} {r.period}" for r in bounded.itertuples()])
        )
    annual = rows["period"].str.fullmatch(r"\d{4}")
    if not annual.all():
        raise DataError(
            "the market model wants whole years such as 2025; got "
            + one_line(sorted(set(rows.loc[~annual, "period"])))
        )
    rows["usd_bn"] = [
        convert(v, u, MARKET_UNIT) for v, u in zip(rows["value"], rows["unit"], strict=True)
    ]
    rows["series"] = rows["entity"] + "/" + rows["metric"]
    rows = rows.sort_values(["series", "period"], kind="stable")
    step = rows.groupby("series")["usd_bn"].transform(lambda v: rounding_step(v.to_numpy()))
    # A number rounded to a step is uniform within it: sd = step / sqrt(12), here relative.
    rounding = step / math.sqrt(12) / rows["usd_bn"]
    return xr.Dataset(
        {
            "value": ("obs", rows["usd_bn"].to_numpy()),
            "rounding_sd": ("obs", rounding.to_numpy()),
            "estimate": ("obs", rows["qualifier"].isin(["estimated", "about"]).to_numpy(float)),
        },
        coords={
            "series": ("obs", rows["series"].to_numpy(str)),
            "year": ("obs", rows["period"].astype(int).to_numpy()),
        },
        attrs={"units": json.dumps({"value": MARKET_UNIT, "rounding_sd": "log points"})},
    )


COST_WORDS = ("", "about", "estimated")
"""How a cost was worded, from firm to weak; the benchmark model gives each its own error."""


def _benchmark(known: Table) -> xr.Dataset:
    """One row a model release: score as a share, training cost in USD m and how it was worded."""
    wide = {
        metric: known[known["metric"] == metric].set_index("entity")
        for metric in ("mmlu", "training_cost")
    }
    entities = sorted(set(wide["mmlu"].index) & set(wide["training_cost"].index))
    if len(entities) < 3:
        raise DataError(
            f"the benchmark model wants at least 3 models with both mmlu and training_cost; "
            f"the table has {len(entities)}"
        )
    score, cost = wide["mmlu"].loc[entities], wide["training_cost"].loc[entities]
    bad = [e for e in entities if cost.loc[e, "qualifier"] not in COST_WORDS]
    if bad:
        raise DataError(
            f"the benchmark model takes costs worded {', '.join(map(repr, COST_WORDS))}; "
            f"got a bound for {one_line(bad)}"
        )
    released = [period_end(str(p)) for p in score["period"]]
    share = [convert(v, u, "ratio") for v, u in zip(score["value"], score["unit"], strict=True)]
    usd_m = [convert(v, u, "USD m") for v, u in zip(cost["value"], cost["unit"], strict=True)]
    order = np.argsort([d.toordinal() for d in released], kind="stable")
    return xr.Dataset(
        {
            "score": ("obs", np.array(share)[order]),
            "cost": ("obs", np.array(usd_m)[order]),
            "cost_word": (
                "obs",
                np.array([COST_WORDS.index(q) for q in cost["qualifier"]])[order],
            ),
            "year": (
                "obs",
                np.array([d.year + (d.timetuple().tm_yday - 1) / 365.25 for d in released])[order],
            ),
        },
        coords={
            "release": ("obs", np.array(entities)[order]),
            "released": ("obs", np.array([d.isoformat() for d in released])[order]),
        },
        attrs={"units": json.dumps({"score": "ratio", "cost": "USD m", "year": "years"})},
    )


EARNINGS_UNIT = "USD bn"
METRIC_GROUPS = ("capex", "revenue", "cloud_revenue")
"""Metrics that share their hyper-parameters; the last one holds the segments below."""
CLOUD_METRICS = (
    "cloud_revenue",
    "aws_revenue",
    "google_cloud_revenue",
    "microsoft_cloud_revenue",
    "intelligent_cloud_revenue_recast",
    "intelligent_cloud_revenue",
    "oci_iaas_revenue",
    "data_center_revenue",
)
"""Cloud and AI segments, the preferred one of a company first. Segments before and after a recast
are never chained. Of Microsoft's three, Microsoft Cloud is the only one that runs through the
recast of 2024: the recast Intelligent Cloud is still short of :data:`ENOUGH_QUARTERS`, and the old
one ends in mid-2024."""
ENOUGH_QUARTERS = 8


def quarter_index(quarter: str) -> int:
    """Return a calendar quarter as a whole number that counts quarters.

    Examples
    --------
    >>> quarter_index("2025Q4") - quarter_index("2024Q4")
    4
    """
    return 4 * int(quarter[:4]) + int(quarter[5]) - 1


def quarter_name(index: int) -> str:
    """Return the calendar quarter that :func:`quarter_index` counts as `index`.

    Examples
    --------
    >>> quarter_name(quarter_index("2025Q4") + 1)
    '2026Q1'
    """
    return f"{index // 4}Q{index % 4 + 1}"


def _one_segment(rows: pd.DataFrame) -> pd.DataFrame:
    """Keep one cloud segment per company: the first of the list that has enough quarters."""
    kept = [rows[rows["group"] != "cloud_revenue"]]
    for _, own in rows[rows["group"] == "cloud_revenue"].groupby("entity"):
        counts = own["metric"].value_counts()
        ranked = sorted(counts.index, key=CLOUD_METRICS.index)
        long = [metric for metric in ranked if counts[metric] >= ENOUGH_QUARTERS]
        kept.append(own[own["metric"] == (long[0] if long else counts.idxmax())])
    return pd.concat(kept)


def _earnings(known: Table) -> xr.Dataset:
    """Quarterly capex, revenue and cloud revenue of every company, USD bn, by calendar quarter.

    Rows of other lengths (a fiscal year of the same metric) are left out. What is missing, starts
    late or ends early is simply not there.
    """
    group = {metric: metric for metric in METRIC_GROUPS} | dict.fromkeys(
        CLOUD_METRICS, "cloud_revenue"
    )
    rows = known[known["metric"].isin(group)].copy()
    ends = [period_days(str(p)) for p in rows["period"]]
    rows = rows[[80 <= (last - first).days + 1 <= 100 for first, last in ends]]
    if rows.empty:
        raise DataError(
            f"the earnings model wants quarterly rows of {one_line(METRIC_GROUPS)}, with periods "
            "such as 2025Q3 or 2025-09-01/2025-11-30; the table has none"
        )
    bounded = rows[rows["qualifier"].isin(["at least", "at most", "projected"])]
    if len(bounded):
        raise DataError(
            "the earnings model takes reported numbers, not bounds or projections; drop or restate "
            + one_line([f"{r.entity} {r.metric} {r.period}" for r in bounded.itertuples()])
        )
    rows["group"] = rows["metric"].map(group)
    rows["quarter"] = [calendar_quarter(str(p)) for p in rows["period"]]
    rows["usd_bn"] = [
        convert(v, u, EARNINGS_UNIT) for v, u in zip(rows["value"], rows["unit"], strict=True)
    ]
    twice = rows[rows.duplicated(["entity", "metric", "quarter"], keep=False)]
    if len(twice):
        raise DataError(
            "two fiscal quarters fall into one calendar quarter: "
            + one_line([f"{r.entity} {r.metric} {r.period}" for r in twice.itertuples()])
        )
    rows = _one_segment(rows)
    longest = rows.groupby(["entity", "metric"]).size().max()
    if longest < ENOUGH_QUARTERS:
        raise DataError(
            f"the earnings model wants {ENOUGH_QUARTERS} quarters of at least one series; "
            f"the longest has {longest}"
        )
    rows["order"] = rows["group"].map(METRIC_GROUPS.index)
    rows = rows.sort_values(["order", "entity", "quarter"], kind="stable")
    return xr.Dataset(
        {"value": ("obs", rows["usd_bn"].to_numpy(float))},
        coords={
            "series": ("obs", (rows["entity"] + "/" + rows["metric"]).to_numpy(str)),
            "group": ("obs", rows["group"].to_numpy(str)),
            "quarter": ("obs", rows["quarter"].to_numpy(str)),
            "fiscal_period": ("obs", rows["period"].to_numpy(str)),
        },
        attrs={"units": json.dumps({"value": EARNINGS_UNIT})},
    )


BUILDERS: Mapping[str, Callable[[Table], xr.Dataset]] = {
    "market": _market,
    "benchmark": _benchmark,
    "earnings": _earnings,
}


def build_panel(known: Table, model: str) -> Panel:
    """Return the inputs of `model` from what was known.

    Parameters
    ----------
    known
        The result of :func:`forecast.vintages.as_of`.
    model
        Name of a model.

    Returns
    -------
    Panel

    Raises
    ------
    UnknownNameError
        If no model has that name.
    DataError
        If the rows do not carry what the model needs, or `known` did not come from ``as_of``.
    """
    if model not in BUILDERS:
        raise UnknownNameError(f"no model is called {model!r}; there are {', '.join(BUILDERS)}")
    if "as_of" not in known.attrs:
        raise DataError("the table has no as_of date; pass it through as_of(table, date) first")
    return Panel(model, known.attrs["as_of"], BUILDERS[model](known))
